"""
Seals: a chain of digests over the audit trail, which shows whether anything of it was touched.

The trail is every event and every line of the audit. Both are only ever added, and stand in ranges
of places that are the same for ever; a seal covers the lines of one range, and the seal before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum

import attrs

NOTHING_BEFORE = "0" * 64
"""What the first seal follows."""


@attrs.frozen(kw_only=True)
class Seal:
    """
    What the trail was when a range of it was sealed.

    `start` is the first place of the range, `end` the first behind it; `lines` is how many there
    are in it. `digest` is a SHA-256 in hex over all of that, each line and the digest before.
    """

    number: int
    start: int
    end: int
    lines: int
    at: datetime
    digest: str

    @classmethod
    def over(cls, lines: Iterable[bytes], *, after: Seal | None, end: int, at: datetime) -> Seal:
        """Seal what lies between the seal `after`, or the beginning, and `end`."""
        number, start, before = 1, 0, NOTHING_BEFORE
        if after is not None:
            number, start, before = after.number + 1, after.end, after.digest
        return _sealed(lines, number=number, start=start, end=end, at=at, before=before)

    def breach(self, lines: Iterable[bytes], *, after: Seal | None) -> Breach | None:
        """Return what is wrong with this seal or what it covers; None where all is as it was."""
        now = Seal.over(lines, after=after, end=self.end, at=self.at)
        if now == self:
            return None
        if now.number != self.number:
            kind = BreachKind.MISSING
        elif now.start != self.start or now.lines == self.lines:
            kind = BreachKind.CHANGED
        else:
            kind = BreachKind.REMOVED if now.lines < self.lines else BreachKind.ADDED
        number = now.number if kind is BreachKind.MISSING else self.number
        return Breach(kind=kind, number=number, seal=self, found=now.lines)


class BreachKind(StrEnum):
    """What does not fit."""

    CHANGED = "changed"
    """A line, or the seal itself, or the one before it."""
    REMOVED = "removed"
    """There are fewer lines than were sealed."""
    ADDED = "added"
    """There are more lines than were sealed."""
    MISSING = "missing"
    """A seal is gone."""


@attrs.frozen(kw_only=True)
class Breach:
    """
    Something that was touched after it was sealed.

    `number` is the seal's that it is about, `seal` the one it was found by: the seal itself, the
    one behind a missing one, or a missing one as it was kept elsewhere. `found` is how many lines
    are there now.
    """

    kind: BreachKind
    number: int
    seal: Seal
    found: int = 0


def _sealed(
    lines: Iterable[bytes], *, number: int, start: int, end: int, at: datetime, before: str
) -> Seal:
    head = f"{before} {number} {start} {end} {at.astimezone(UTC).isoformat()}"
    digest, count = hashlib.sha256(head.encode("ascii")), 0
    for line in lines:
        digest.update(len(line).to_bytes(8, "big") + line)
        count += 1
    return Seal(number=number, start=start, end=end, lines=count, at=at, digest=digest.hexdigest())
