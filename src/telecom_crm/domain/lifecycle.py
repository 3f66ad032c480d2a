"""
State machines as tables, and the event that every change leaves behind.

A machine is a table of rows (from, command, guard, to, event, posting) beside its aggregate.
`Lifecycle` checks the table when the module is imported: each state is reachable, each command is
used, and rows that share a state and a command have guards that exclude each other and leave
nothing out. Nothing else in the library compares a status: to ask what may happen, ask the table.

An aggregate's `version` is the sequence of its last event. A store saves an aggregate only where
the stored version is the one before its new events, so the events' own key is what refuses a lost
update. Aggregates and events are attrs classes without slots: each change makes a new one, which is
several times as quick from a dictionary of fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

import attrs

from telecom_crm.domain.cards import without_cards
from telecom_crm.domain.errors import IllegalTransition

S = TypeVar("S", bound=StrEnum)
C = TypeVar("C", bound=StrEnum)

NOTHING_MORE: Mapping[str, Any] = MappingProxyType({})


@attrs.frozen
class Actor:
    """
    Who gives a command: a user, a subscriber or a program, and the token they came with.

    `maker` is the person who made that token, where a person did; it follows from the token, so it
    tells no two actors apart. Nor does `address`, where the command came from over the network: an
    IP address, of a subscriber their network alone.
    """

    name: str
    token: str | None = None
    maker: str | None = attrs.field(default=None, eq=False)
    address: str | None = attrs.field(default=None, eq=False)

    def coming_from(self, address: str) -> Actor:
        """Return the same, with where the command came from; "" is not known."""
        return attrs.evolve(self, address=address or None)

    def __str__(self) -> str:
        return self.name

    @property
    def caller(self) -> str:
        """
        Whose the idempotency keys of these commands are.

        The token's, where one came along: two tokens may have one name, and what is paid with the
        one is no replay of what was paid with the other.
        """
        return self.name if self.token is None else f"token {self.token}"

    @property
    def person(self) -> str:
        """Who answers for the command: a token's maker, else whoever it is that came."""
        return self.maker or self.token or self.name

    def is_same_as(self, other: Actor) -> bool:
        """Tell whether both may be one person: the name alone is enough, or who answers is."""
        return self.name == other.name or self.person == other.person


SYSTEM = Actor("system")
"""The library itself: expiry of reservations, repair, the worker's own decisions."""


@attrs.frozen(kw_only=True, slots=False)
class Event:
    """
    One change to one thing, written in the transaction of the change and never altered.

    Timeline, audit of changes, SLA clocks, notifications and reports are views of these.
    `before` is None for the event that begins a thing; `before == after` where the state stayed.
    `payload` is plain JSON and names what changed; it carries no personal values.
    """

    thing: str
    thing_id: str
    sequence: int
    name: str
    at: datetime
    by: Actor
    command: str
    before: str | None
    after: str
    reason: str = attrs.field(default="", converter=without_cards)
    payload: Mapping[str, Any] = NOTHING_MORE


class Living(Protocol):
    """What a lifecycle needs of an aggregate."""

    @property
    def key(self) -> str: ...
    @property
    def status(self) -> Any: ...
    @property
    def version(self) -> int: ...
    @property
    def events(self) -> tuple[Event, ...]: ...


L = TypeVar("L", bound=Living)


@attrs.frozen(kw_only=True)
class Row(Generic[S, C]):
    """
    One row of a table.

    `source` None begins a thing; several sources are as many rows with the same outcome. `guard` is
    a member of an enum whose members share out all cases between the rows of one command. `needs`
    says in words what else the command asks for; not having it raises `RuleViolated`. `posting`
    names the ledger posting that belongs to the transition.
    """

    source: S | tuple[S, ...] | None
    command: C
    target: S
    event: str
    guard: StrEnum | None = None
    needs: str = ""
    posting: str = ""

    @property
    def sources(self) -> tuple[S | None, ...]:
        """The states this row starts from."""
        return self.source if isinstance(self.source, tuple) else (self.source,)


@attrs.frozen(init=False)
class Lifecycle(Generic[S, C]):
    """A transition table, checked when it is made."""

    machine: str
    states: type[S]
    commands: type[C]
    rows: tuple[Row[S, C], ...]
    _moves: Mapping[tuple[S | None, C, StrEnum | None], Row[S, C]] = attrs.field(repr=False)
    _allowed: Mapping[S | None, tuple[C, ...]] = attrs.field(repr=False)

    def __init__(
        self, machine: str, states: type[S], commands: type[C], rows: Iterable[Row[S, C]]
    ) -> None:
        rows = tuple(rows)
        moves: dict[tuple[S | None, C, StrEnum | None], Row[S, C]] = {}
        allowed: dict[S | None, dict[C, None]] = {state: {} for state in (None, *states)}
        for row in rows:
            for source in row.sources:
                if (source, row.command, row.guard) in moves:
                    raise TypeError(f"{machine}: two rows for {source} {row.command} {row.guard}")
                moves[source, row.command, row.guard] = row
                allowed[source][row.command] = None
        able = {state: tuple(commands_of) for state, commands_of in allowed.items()}
        self.__attrs_init__(machine, states, commands, rows, moves, able)
        self._refuse_bad_guards()
        self._refuse_unused()

    def allowed(self, state: S | None) -> tuple[C, ...]:
        """Return the commands that have a row from this state, in the table's order."""
        return self._allowed[state]

    def is_final(self, state: S) -> bool:
        """Tell whether nothing leaves this state."""
        return not self._allowed[state]

    def row(self, state: S | None, command: C, guard: StrEnum | None = None) -> Row[S, C]:
        """
        Return the row for a command, or raise `IllegalTransition` with what is allowed.

        `guard` picks between rows that share state and command; it is ignored where there is one
        row.
        """
        moves = self._moves
        row = moves.get((state, command, guard)) or moves.get((state, command, None))
        if row is None:
            raise self._illegal(state, command)
        return row

    def require(self, thing: Living, command: str) -> None:
        """Raise `IllegalTransition` unless the thing's state has a row for the command."""
        if command not in self._allowed[thing.status]:
            raise self._illegal(thing.status, command)

    def can(self, thing: Living, command: C) -> bool:
        """Tell whether the thing's state has a row for the command."""
        return command in self._allowed[thing.status]

    def begin(
        self,
        command: C,
        *,
        key: object,
        by: Actor,
        at: datetime,
        reason: str = "",
        payload: Mapping[str, Any] = NOTHING_MORE,
    ) -> dict[str, Any]:
        """Return the `status`, `version` and `events` that a new thing is made with."""
        row = self.row(None, command)
        event = Event(
            thing=self.machine,
            thing_id=str(key),
            sequence=1,
            name=row.event,
            at=at,
            by=by,
            command=command,
            before=None,
            after=row.target,
            reason=reason,
            payload=payload,
        )
        return {"status": row.target, "version": 1, "events": (event,)}

    def move(
        self,
        thing: L,
        command: C,
        /,
        *,
        by: Actor,
        at: datetime,
        guard: StrEnum | None = None,
        reason: str = "",
        payload: Mapping[str, Any] = NOTHING_MORE,
        **changes: Any,
    ) -> L:
        """
        Return the thing after the command, with its event; raise `IllegalTransition` without a row.
        """
        before = thing.status
        row = self.row(before, command, guard)
        version = thing.version + 1
        event = Event(
            thing=self.machine,
            thing_id=key_of(thing),
            sequence=version,
            name=row.event,
            at=at,
            by=by,
            command=command,
            before=before,
            after=row.target,
            reason=reason,
            payload=payload,
        )
        changes["status"], changes["version"] = row.target, version
        changes["events"] = (*thing.events, event)
        return _evolved(thing, changes)

    def note(
        self,
        thing: L,
        name: str,
        command: str,
        /,
        *,
        by: Actor,
        at: datetime,
        reason: str = "",
        payload: Mapping[str, Any] = NOTHING_MORE,
        **changes: Any,
    ) -> L:
        """
        Return the thing with a change that leaves its state alone, and the event that says so.
        """
        status, version = thing.status, thing.version + 1
        event = Event(
            thing=self.machine,
            thing_id=key_of(thing),
            sequence=version,
            name=name,
            at=at,
            by=by,
            command=command,
            before=status,
            after=status,
            reason=reason,
            payload=payload,
        )
        changes["version"], changes["events"] = version, (*thing.events, event)
        return _evolved(thing, changes)

    def mermaid(self) -> str:
        """Draw the table as a Mermaid state diagram."""
        lines = ["stateDiagram-v2"]
        for row in self.rows:
            label = row.command + (f" [{row.guard}]" if row.guard else "")
            lines += [f"    {source or '[*]'} --> {row.target}: {label}" for source in row.sources]
        lines += [f"    {state} --> [*]" for state in self.states if self.is_final(state)]
        return "\n".join(lines)

    def triples(self) -> set[tuple[str | None, str, str]]:
        """Return (from, command, to) of every row: what a test pins and a test kit walks."""
        return {(source, row.command, row.target) for row in self.rows for source in row.sources}

    def _illegal(self, state: S | None, command: str) -> IllegalTransition:
        allowed = self._allowed[state]
        return IllegalTransition(self.machine, state or "not there yet", command, allowed)

    def _refuse_bad_guards(self) -> None:
        """
        Guards of one state and command must be all members of one enum: exclusive and exhaustive.
        """
        seen: dict[tuple[S | None, C], list[StrEnum | None]] = {}
        for state, command, guard in self._moves:
            seen.setdefault((state, command), []).append(guard)
        for (state, command), guards in seen.items():
            if guards == [None]:
                continue
            kinds = {type(guard) for guard in guards}
            if len(kinds) != 1 or kinds == {type(None)} or set(guards) != set(kinds.pop()):  # type: ignore[arg-type]  # the one kind is an enum class, and those can be listed
                raise TypeError(
                    f"{self.machine}: guards of {state} {command} overlap or leave gaps"
                )

    def _refuse_unused(self) -> None:
        reached = {row.target for row in self.rows if row.source is None}
        grown = True
        while grown:
            more = {row.target for row in self.rows if reached.intersection(row.sources)}
            grown = not more <= reached
            reached |= more
        if orphans := set(self.states) - reached:
            raise TypeError(f"{self.machine}: unreachable {sorted(orphans)}")
        if unused := set(self.commands) - {row.command for row in self.rows}:
            raise TypeError(f"{self.machine}: no row for {sorted(unused)}")


def key_of(thing: Living) -> str:
    """Return a thing's key; its last event has it as text already."""
    events = thing.events
    return events[-1].thing_id if events else thing.key


def as_stored(thing: L) -> L:
    """Return the thing as a store gives it back: its events are written."""
    return _evolved(thing, {"events": ()})


def _evolved(thing: L, changes: Mapping[str, Any]) -> L:
    """Do what `attrs.evolve` does, several times as fast where nothing has to be checked anew."""
    kind = type(thing)
    if not _checked_of(kind).isdisjoint(changes):
        return attrs.evolve(thing, **changes)  # type: ignore[misc]  # Living is structural, evolve wants attrs
    made = object.__new__(kind)
    made.__dict__.update(thing.__dict__)
    made.__dict__.update(changes)
    return made


@cache
def _checked_of(kind: type[Any]) -> frozenset[str]:
    """Return the fields of an aggregate that making one checks or converts."""
    if "__dict__" not in dir(kind):
        raise TypeError(f"{kind.__name__} has slots, which take several times as long to copy")
    fields = attrs.fields(kind)
    together = hasattr(kind, "__attrs_post_init__")
    return frozenset(f.name for f in fields if together or f.validator or f.converter)
