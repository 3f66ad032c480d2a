"""The audit trail: it is sealed as it grows, and shown to be as it was."""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType
from typing import Any
from uuid import UUID

import attrs

from telecom_crm.application.paging import PAGE_SIZE, each_swept
from telecom_crm.application.ports import (
    AuditRecord,
    Clock,
    Collection,
    Page,
    Query,
    TableFormat,
    Tables,
    TrailKind,
    TrailLine,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.retry import retried
from telecom_crm.domain.change import changes_in
from telecom_crm.domain.errors import RuleViolated
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event
from telecom_crm.domain.seal import Breach, BreachKind, Seal

SEALED_AT_ONCE = 5_000
"""About so many lines have a seal of their own: what was touched is found to within as many."""
READ_AT_ONCE = 100
TOLD = 100
"""So many breaches are told; beyond, they are counted."""
VERIFIED = "audit.verify"
"""What a verification is called in the audit that found everything as it was."""
BROKEN = "audit.broken"
"""What one is called that did not."""
COLUMNS: Mapping[str, type] = MappingProxyType(
    dict.fromkeys(
        (
            *("at", "by", "token", "address", "kind", "action", "thing", "thing_id"),
            *("before", "after", "changes", "detail"),
        ),
        str,
    )
)
"""The columns of an export; `changes` is JSON: by the field, its values before and after."""
EVERYTHING: Mapping[str, str] = MappingProxyType({})
Key = tuple[str, str]
"""What an event or a line is about: a kind of thing, and the key of one."""
KEPT: Mapping[str, Callable[[Transaction], Collection[Any, Any]]] = MappingProxyType(
    {
        "account": lambda tx: tx.accounts,
        "application": lambda tx: tx.applications,
        "approval": lambda tx: tx.approvals,
        "contract": lambda tx: tx.contracts,
        "customer": lambda tx: tx.customers,
        "import_job": lambda tx: tx.imports,
        "notification": lambda tx: tx.notifications,
        "option": lambda tx: tx.catalog.options,
        "payment": lambda tx: tx.payments,
        "provisioning_task": lambda tx: tx.tasks,
        "refund": lambda tx: tx.refunds,
        "tariff": lambda tx: tx.catalog.tariffs,
        "ticket": lambda tx: tx.tickets,
        "token": lambda tx: tx.tokens,
        "user": lambda tx: tx.users,
        "webhook": lambda tx: tx.webhooks,
    }
)
"""Where things are kept that lines are about; numbers and cards are what their keys say."""
CODED = frozenset({"option", "tariff"})
"""Those of them that are known by a code; all others are by an id."""
IS_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""An id as events and lines have it."""


def nothing_told(_: int) -> None:
    """Tell nobody how far the work has come."""


@attrs.frozen(kw_only=True)
class Verification:
    """What became of comparing the trail with its seals, of which `last` is the latest."""

    seals: int
    lines: int
    last: Seal | None
    broken: int
    breaches: tuple[Breach, ...]
    """The first of what is broken."""

    def __str__(self) -> str:
        if self.broken:
            numbers = ", ".join(str(one.number) for one in self.breaches[:10])
            return f"broken: seals {numbers}{' and others' if self.broken > 10 else ''}"
        return f"right: {self.seals} seals, {self.lines} lines"


@attrs.frozen(kw_only=True)
class TrailState:
    """How far the trail is sealed, and the line that says how it was verified the last time."""

    sealed: Seal | None
    verified: AuditRecord | None

    @property
    def was_right(self) -> bool:
        """Whether the last verification found everything as it was."""
        return self.verified is not None and self.verified.action == VERIFIED


@attrs.frozen
class AuditTrail:
    """Every event and every line of the audit, under seals."""

    uow: UnitOfWork
    clock: Clock
    tables: Tables

    def state(self) -> TrailState:
        """Return how far the trail is sealed, and when it was verified."""
        with self.uow(read_only=True) as tx:
            last = [
                line
                for action in (VERIFIED, BROKEN)
                for line in tx.audit.page(
                    Query(where={"action": action}, limit=1, descending=True)
                ).items
            ]
            verified = max(last, key=lambda line: line.at, default=None)
            return TrailState(sealed=tx.seals.last(), verified=verified)

    def page(
        self, query: Query, *, since: datetime | None = None, until: datetime | None = None
    ) -> Page[TrailLine]:
        """
        Return a page of the trail: what changed, what was refused, and who looked at what.

        `since` and `until`, which is left out, are when it happened. Filters are `TRAIL_FILTERS`;
        raise `InvalidValue` for others.
        """
        with self.uow(read_only=True) as tx:
            return tx.audit.trail(query, since=since, until=until)

    def things(self, keys: Iterable[Key]) -> dict[Key, Any]:
        """
        Return the things that lines are about, those of them that are there.

        Many of a kind take as many statements as one. Numbers and SIM cards are not read: their
        keys say what they are.
        """
        wanted: dict[str, set[str]] = {}
        for thing, key in keys:
            if thing in KEPT:
                wanted.setdefault(thing, set()).add(key)
        if not wanted:
            return {}
        with self.uow(read_only=True) as tx:
            return {
                (thing, str(key)): one
                for thing, texts in wanted.items()
                for key, one in KEPT[thing](tx).get_many(_keys(thing, texts)).items()
            }

    def export(
        self,
        format: TableFormat = TableFormat.CSV,
        *,
        where: Mapping[str, str] = EVERYTHING,
        since: datetime | None = None,
        until: datetime | None = None,
        by: Actor = SYSTEM,
    ) -> Iterator[bytes]:
        """
        Write the trail to a file, or what filters let through of it, oldest first.

        That somebody did is written down. Raise `InvalidValue` for a filter, `NotInstalled`; both
        before the first piece.
        """

        def fetch(tx: Transaction, cursor: str | None) -> Page[TrailLine]:
            query = Query(where=where, limit=PAGE_SIZE, cursor=cursor)
            return tx.audit.trail(query, since=since, until=until)

        with self.uow(read_only=True) as tx:
            tx.audit.trail(Query(where=where, limit=1))
        rows = (_row_of(line) for line in each_swept(self.uow, fetch))
        pieces = self.tables.write(rows, columns=COLUMNS, format=format)
        asked = {**where, "from": since, "to": until}
        named = ", ".join(sorted(name for name, value in asked.items() if value))
        self._record(
            "audit.export",
            format.value,
            f"{format}, filtered by {named}" if named else f"{format}",
            by,
        )
        return pieces

    def seal(self) -> int:
        """
        Seal all that is complete and not sealed yet; return how many lines it was.

        What a transaction under way writes comes later. Raise `RuleViolated` where the database
        counts its transactions from behind the last seal, as after a dump was restored.
        """
        total = 0
        while found := self._seal():
            total += found
        return total

    def seals(self, *, after: int = 0) -> Iterator[Seal]:
        """Go through the seals behind a number, in order: to be kept elsewhere."""
        while True:
            with self.uow(read_only=True) as tx:
                batch = tx.seals.behind(after, limit=READ_AT_ONCE)
            if not batch:
                return
            yield from batch
            after = batch[-1].number

    def verify(
        self,
        known: Iterable[Seal] = (),
        *,
        by: Actor = SYSTEM,
        tell: Callable[[int], object] = nothing_told,
    ) -> Verification:
        """
        Compare the whole trail with its seals, and write down that it was done, and the outcome.

        `known` are seals as they were kept elsewhere, in order of their numbers. Without them a
        trail that was cut off at the end, with its seals, or rewritten with all of them, is whole.
        `tell` is told how many lines were compared so far.
        """
        before, seals, lines, broken = None, 0, 0, 0
        breaches: list[Breach] = []
        for stored, elsewhere in _side_by_side(self.seals(), known):
            found = self._breach(stored, elsewhere, before)
            if found is not None:
                broken += 1
                breaches += [found][: TOLD - len(breaches)]
            if stored is not None:
                seals, lines = seals + 1, lines + stored.lines
                tell(lines)
            before = stored or elsewhere
        outcome = Verification(
            seals=seals, lines=lines, last=before, broken=broken, breaches=tuple(breaches)
        )
        called = BROKEN if outcome.broken else VERIFIED
        self._record(called, str(before.number if before else 0), str(outcome), by)
        return outcome

    def _breach(
        self, stored: Seal | None, elsewhere: Seal | None, before: Seal | None
    ) -> Breach | None:
        if stored is None:
            if elsewhere is None:
                return None
            return Breach(kind=BreachKind.MISSING, number=elsewhere.number, seal=elsewhere)
        start = 0 if before is None else before.end
        with self.uow(read_only=True) as tx:
            found = stored.breach(tx.seals.lines(start, stored.end), after=before)
        if found is None and elsewhere not in (None, stored):
            return Breach(kind=BreachKind.CHANGED, number=stored.number, seal=stored)
        return found

    @retried
    def _seal(self) -> int:
        at = self.clock()
        with self.uow() as tx:
            last = tx.seals.last()
            start = 0 if last is None else last.end
            end = tx.seals.end_of(start, limit=SEALED_AT_ONCE)
            if end < start:
                reason = (
                    f"the database's transaction numbers are at {end}, sealed are those below"
                    f" {start}: raise them past it (see docs/operations.md, Backup)"
                )
                raise RuleViolated("seal", (reason,))
            seal = Seal.over(tx.seals.lines(start, end), after=last, end=end, at=at)
            if seal.lines:
                tx.seals.add(seal)
            return seal.lines

    @retried
    def _record(self, action: str, thing_id: str, detail: str, by: Actor) -> None:
        line = AuditRecord(
            action=action, thing="audit", thing_id=thing_id, by=by, at=self.clock(), detail=detail
        )
        with self.uow() as tx:
            tx.audit.record(line)


def _keys(thing: str, texts: Iterable[str]) -> list[Any]:
    """Return keys as a store has them, without what is none: a line may name who nobody knows."""
    if thing in CODED:
        return list(texts)
    return [UUID(text) for text in texts if IS_ID.fullmatch(text)]


def _row_of(line: TrailLine) -> dict[str, str | None]:
    shared = {
        "at": line.at.astimezone(UTC).isoformat(),
        "by": line.by.name,
        "token": line.by.token,
        "address": line.by.address,
        "thing": line.thing,
        "thing_id": line.thing_id,
    }
    if not isinstance(line, Event):
        nothing = dict.fromkeys(("before", "after", "changes"))
        access = {"kind": TrailKind.ACCESS, "action": line.action, "detail": line.detail}
        return {**shared, **nothing, **access}
    changes = {one.field: [one.before, one.after] for one in changes_in(line)}
    return {
        **shared,
        "kind": TrailKind.CHANGE,
        "action": line.name,
        "before": line.before,
        "after": line.after,
        "changes": json.dumps(changes, ensure_ascii=False, default=str),
        "detail": line.reason,
    }


def _side_by_side(
    stored: Iterable[Seal], known: Iterable[Seal]
) -> Iterator[tuple[Seal | None, Seal | None]]:
    """Go through two lists of seals at once, in order of numbers, each with its like."""
    both = heapq.merge(
        ((seal.number, "stored", seal) for seal in stored),
        ((seal.number, "known", seal) for seal in known),
        key=itemgetter(0),
    )
    for _, group in groupby(both, key=itemgetter(0)):
        found = {side: seal for _, side, seal in group}
        yield found.get("stored"), found.get("known")
