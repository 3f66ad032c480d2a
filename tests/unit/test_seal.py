"""Seals over lines: what of them is noticed."""

from datetime import UTC, datetime

import attrs
import pytest

from telecom_crm.domain.seal import BreachKind, Seal

AT = datetime(2026, 3, 2, tzinfo=UTC)
LINES = [b"one", b"two"]
FIRST = Seal.over([b"zero"], after=None, end=10, at=AT)
SECOND = Seal.over(LINES, after=FIRST, end=20, at=AT)


def kind_of(seal: Seal, lines: list[bytes], after: Seal | None = FIRST) -> BreachKind | None:
    found = seal.breach(lines, after=after)
    return None if found is None else found.kind


def test_a_seal_follows_the_one_before():
    assert (FIRST.number, FIRST.start, FIRST.lines) == (1, 0, 1)
    assert (SECOND.number, SECOND.start, SECOND.end, SECOND.lines) == (2, 10, 20, 2)
    assert kind_of(FIRST, [b"zero"], None) is None
    assert kind_of(SECOND, LINES) is None


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ([b"one", b"too"], BreachKind.CHANGED),
        ([b"two", b"one"], BreachKind.CHANGED),
        ([b"onet", b"wo"], BreachKind.CHANGED),
        ([b"one"], BreachKind.REMOVED),
        ([b"one", b"two", b"three"], BreachKind.ADDED),
    ],
)
def test_other_lines_are_noticed(lines, kind):
    breach = SECOND.breach(lines, after=FIRST)
    assert breach is not None
    assert (breach.kind, breach.number, breach.found) == (kind, 2, len(lines))


@pytest.mark.parametrize(
    "change",
    [{"lines": 2, "digest": "0" * 64}, {"start": 11}, {"end": 21}, {"at": AT.replace(year=2027)}],
)
def test_another_seal_is_noticed(change):
    assert kind_of(attrs.evolve(SECOND, **change), LINES) is BreachKind.CHANGED


def test_a_seal_that_is_gone_is_noticed_by_the_next():
    third = Seal.over([], after=SECOND, end=30, at=AT)
    breach = third.breach([], after=FIRST)
    assert breach is not None
    assert (breach.kind, breach.number) == (BreachKind.MISSING, 2)
    assert kind_of(SECOND, LINES, attrs.evolve(FIRST, digest="1" * 64)) is BreachKind.CHANGED
