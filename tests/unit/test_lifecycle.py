"""A table is checked when it is made, and says what may happen."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

import attrs
import pytest

from telecom_crm.domain.errors import IllegalTransition
from telecom_crm.domain.lifecycle import Actor, Event, Lifecycle, Row

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANNA = Actor("anna", "token-1")


class Door(StrEnum):
    SHUT = "shut"
    OPEN = "open"
    GONE = "gone"


class Push(StrEnum):
    HANG = "hang"
    OPEN = "open"
    SHUT = "shut"
    BREAK = "break"


class Strength(StrEnum):
    SOFT = "softly"
    HARD = "hard"


ROWS = (
    Row(source=None, command=Push.HANG, target=Door.SHUT, event="DoorHung"),
    Row(source=Door.SHUT, command=Push.OPEN, target=Door.OPEN, event="DoorOpened"),
    Row(
        source=Door.OPEN,
        command=Push.SHUT,
        target=Door.SHUT,
        event="DoorShut",
        guard=Strength.SOFT,
    ),
    Row(
        source=Door.OPEN,
        command=Push.SHUT,
        target=Door.GONE,
        event="DoorBroke",
        guard=Strength.HARD,
    ),
    Row(source=(Door.SHUT, Door.OPEN), command=Push.BREAK, target=Door.GONE, event="DoorBroke"),
)
DOORS = Lifecycle("door", Door, Push, ROWS)


@attrs.frozen(kw_only=True, slots=False)
class ADoor:
    name: str
    status: Door
    version: int
    events: tuple[Event, ...] = ()

    @property
    def key(self) -> str:
        return self.name


def hung() -> ADoor:
    return ADoor(name="front", **DOORS.begin(Push.HANG, key="front", by=ANNA, at=AT))


def test_each_move_leaves_one_event_and_one_version():
    door = DOORS.move(hung(), Push.OPEN, by=ANNA, at=AT, reason="heat", payload={"wide": True})
    assert (door.status, door.version) == (Door.OPEN, 2)
    assert [event.sequence for event in door.events] == [1, 2]
    assert door.events[-1] == Event(
        thing="door",
        thing_id="front",
        sequence=2,
        name="DoorOpened",
        at=AT,
        by=ANNA,
        command="open",
        before="shut",
        after="open",
        reason="heat",
        payload={"wide": True},
    )


def test_a_note_leaves_the_state_alone_and_may_change_a_field_called_name():
    door = DOORS.note(hung(), "DoorRenamed", "rename", by=ANNA, at=AT, name="back")
    assert (door.name, door.status, door.version) == ("back", Door.SHUT, 2)
    assert (door.events[-1].before, door.events[-1].after) == ("shut", "shut")


def test_a_guard_picks_the_row():
    door = DOORS.move(hung(), Push.OPEN, by=ANNA, at=AT)
    assert DOORS.move(door, Push.SHUT, guard=Strength.HARD, by=ANNA, at=AT).status is Door.GONE
    assert DOORS.move(door, Push.SHUT, guard=Strength.SOFT, by=ANNA, at=AT).status is Door.SHUT


def test_an_illegal_command_names_the_allowed_ones_and_changes_nothing():
    door = hung()
    with pytest.raises(IllegalTransition) as caught:
        DOORS.move(door, Push.SHUT, guard=Strength.SOFT, by=ANNA, at=AT)
    assert caught.value.allowed == ("open", "break")
    assert str(caught.value) == "cannot shut a door that is shut; it allows open, break"
    assert door == hung()


def test_a_final_state_allows_nothing():
    assert DOORS.is_final(Door.GONE)
    assert DOORS.allowed(Door.GONE) == ()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (ROWS[:3] + ROWS[4:], "guards of open shut overlap or leave gaps"),
        (ROWS[:1] + ROWS[4:], "unreachable"),
        (ROWS[:4], "no row for"),
        ((*ROWS, ROWS[0]), "two rows"),
        ((*ROWS, attrs.evolve(ROWS[2], guard=None)), "overlap"),
    ],
)
def test_a_bad_table_is_refused_when_it_is_made(rows, words):
    with pytest.raises(TypeError, match=words):
        Lifecycle("door", Door, Push, rows)


def test_the_drawing_has_every_row():
    drawn = DOORS.mermaid()
    assert drawn.startswith("stateDiagram-v2\n    [*] --> shut: hang")
    assert "open --> gone: shut [hard]" in drawn
    assert drawn.endswith("gone --> [*]")
    assert DOORS.triples() == {
        (None, "hang", "shut"),
        ("shut", "open", "open"),
        ("open", "shut", "shut"),
        ("open", "shut", "gone"),
        ("shut", "break", "gone"),
        ("open", "break", "gone"),
    }
