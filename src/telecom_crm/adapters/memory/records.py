"""What is no aggregate with a list of its own: imports' rows, rules, keys, events, the audit."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from telecom_crm.adapters.memory.collection import MemoryCollection, Scope
from telecom_crm.adapters.memory.pages import Term, bad_cursor, from_cursor, to_cursor
from telecom_crm.adapters.memory.store import ImportRows
from telecom_crm.application.ports import AuditRecord, Contended, IdempotencyKey, Page, Query
from telecom_crm.domain.errors import Faults, KeyReused, VersionSeen
from telecom_crm.domain.identifiers import ImportId
from telecom_crm.domain.importing import OVER, ImportJob, RowOutcome
from telecom_crm.domain.lifecycle import Actor, Event
from telecom_crm.domain.text import is_digits

AUDIT_FILTERS = ("action", "thing", "thing_id")
PUT = "current"
"""The state that every kind of rules is in."""


class MemoryImports(MemoryCollection[ImportId, ImportJob]):
    """Import jobs and what their rows came to."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, scope.store.imports)
        self._rows: defaultdict[ImportId, ImportRows] = defaultdict(ImportRows)
        self._forgotten: set[ImportId] = set()

    def record(self, job_id: ImportId, rows: Sequence[RowOutcome]) -> None:
        self._scope.require_writing()
        for row in rows:
            self._rows[job_id].outcomes.setdefault(row.line, row)

    def outcomes(self, job_id: ImportId, *, after_line: int, limit: int) -> list[RowOutcome]:
        with self._scope.store.lock:
            committed = self._kept(job_id).outcomes
            rows = {**self._rows[job_id].outcomes, **committed}
        lines = sorted(line for line in rows if line > after_line)
        return [rows[line] for line in lines[:limit]]

    def claim(self, job_id: ImportId, keys: Mapping[str, str]) -> None:
        self._scope.require_writing()
        self._rows[job_id].claims.update(keys)  # the last word on a key counts

    def claimed(self, job_id: ImportId, keys: Iterable[str]) -> dict[str, str]:
        with self._scope.store.lock:
            committed, own = self._kept(job_id).claims, self._rows[job_id].claims
            found = ((key, own.get(key, committed.get(key))) for key in keys)
            return {key: value for key, value in found if value is not None}

    def under_way(self, sha256: str) -> list[ImportJob]:
        return [job for job in self._seen() if job.sha256 == sha256 and job.over_at is None]

    def over_before(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[ImportJob]:
        def is_due(job: ImportJob) -> bool:
            return job.file_id is not None and job.over_at is not None and job.over_at < at

        states: list[Term] = [("status", state.value) for state in OVER]
        return self.page_having(states, is_due, limit=limit, cursor=cursor)

    def forget_rows(self, job_id: ImportId) -> None:
        self._scope.require_writing()
        self._forgotten.add(job_id)
        self._rows.pop(job_id, None)

    def apply(self) -> None:
        super().apply()
        for job_id in self._forgotten:
            self._scope.store.import_rows.pop(job_id, None)
        for job_id, rows in self._rows.items():
            kept = self._scope.store.import_rows[job_id]
            for line, outcome in rows.outcomes.items():
                kept.outcomes.setdefault(line, outcome)
            kept.claims.update(rows.claims)

    def _seen(self) -> Iterator[ImportJob]:
        with self._scope.store.lock:
            keys = {*self._table.ordered_keys(), *self._written}
        return (job for key in sorted(keys) if (job := self.look(key)) is not None)

    def _kept(self, job_id: ImportId) -> ImportRows:
        forgotten = job_id in self._forgotten
        return (None if forgotten else self._scope.store.import_rows.get(job_id)) or ImportRows()


class MemoryRules:
    """Rules as data, kept as JSON text so that nobody can change them in place."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._bases: dict[str, tuple[int, str] | None] = {}
        self._written: dict[str, tuple[int, str]] = {}

    def get(self, kind: str) -> Any | None:
        found = self._look(kind)
        return None if found is None else json.loads(found[1])

    def version(self, kind: str) -> int:
        found = self._look(kind)
        return found[0] if found else 0

    def put(
        self,
        kind: str,
        value: Any,
        *,
        expected_version: int | None = None,
        by: Actor,
        at: datetime,
    ) -> None:
        self._scope.require_writing()
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        before = self._look(kind)
        sequence = before[0] + 1 if before else 1
        if expected_version is not None and sequence != expected_version + 1:
            raise VersionSeen("rules", kind, sequence - 1)
        self._bases.setdefault(kind, before)
        self._written[kind] = (sequence, text)
        event = Event(
            thing="rules",
            thing_id=kind,
            sequence=sequence,
            name="RulesChanged",
            at=at,
            by=by,
            command="put",
            before=PUT if before else None,
            after=PUT,
        )
        self._scope.emit((event,))

    def check(self) -> None:
        for kind, base in self._bases.items():
            if self._scope.store.rules.get(kind) != base:
                raise Contended(f"the rules of {kind}")

    def apply(self) -> None:
        self._scope.store.rules.update(self._written)

    def _look(self, kind: str) -> tuple[int, str] | None:
        return self._written.get(kind) or self._scope.store.rules.get(kind)


class MemoryKeys:
    """Idempotency keys. Nobody waits: of two at the same moment the later is `Contended`."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._claimed: dict[tuple[str, str], tuple[IdempotencyKey, UUID]] = {}

    def claim(self, key: IdempotencyKey, resource: UUID) -> UUID | None:
        self._scope.require_writing()
        name = (key.caller, key.key)
        if (bound := self.bound(key)) is None:
            self._claimed[name] = (key, resource)
        return bound

    def bound(self, key: IdempotencyKey) -> UUID | None:
        """Return what the key is bound to, or None; raise `KeyReused` for other content."""
        name = (key.caller, key.key)
        with self._scope.store.lock:
            known = self._claimed.get(name) or self._scope.store.keys.get(name)
        if known is None:
            return None
        if known[0].digest != key.digest:
            raise KeyReused(key.key)
        return known[1]

    def check(self) -> None:
        for name in self._claimed:
            if name in self._scope.store.keys:
                raise Contended(f"idempotency key {name[1]!r}")

    def apply(self) -> None:
        self._scope.store.keys.update(self._claimed)


class MemoryEvents:
    """The stream of changes; a transaction's own events get their place when it commits."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._new: list[Event] = []
        self._bases: dict[str, str] = {}
        self._positions: dict[str, str] = {}

    def add(self, events: Iterable[Event]) -> None:
        """Add events to what the commit writes."""
        self._new += events

    def since(self, cursor: str, *, limit: int) -> list[tuple[str, Event]]:
        start = _read_place(cursor)
        with self._scope.store.lock:
            found = self._scope.store.events.all[start : start + limit]
        return [(str(place), event) for place, event in enumerate(found, start + 1)]

    def of(self, thing: str, key: str) -> list[Event]:
        own = [event for event in self._new if (event.thing, event.thing_id) == (thing, key)]
        with self._scope.store.lock:
            return self._scope.store.events.of(thing, key) + own

    def timeline(self, things: Sequence[tuple[str, str]]) -> list[Event]:
        events = (event for thing, key in dict.fromkeys(things) for event in self.of(thing, key))
        return sorted(events, key=lambda event: (event.at, event.thing_id, event.sequence))

    def latest(self) -> str:
        with self._scope.store.lock:
            count = len(self._scope.store.events.all)
        return str(count) if count else ""

    def position(self, consumer: str) -> str:
        if consumer in self._positions:
            return self._positions[consumer]
        with self._scope.store.lock:
            position = self._scope.store.positions.get(consumer, "")
        if self._scope.read_only:
            return position
        return self._bases.setdefault(consumer, position)

    def advance(self, consumer: str, cursor: str) -> None:
        self._scope.require_writing()
        _read_place(cursor)
        self.position(consumer)
        self._positions[consumer] = cursor

    def check(self) -> None:
        for consumer, base in self._bases.items():
            if self._scope.store.positions.get(consumer, "") != base:
                raise Contended(f"event consumer {consumer}")

    def apply(self) -> None:
        for event in self._new:
            self._scope.store.events.add(event)
        self._scope.store.positions.update(self._positions)


class MemoryAudit:
    """Refusals and reads that matter, in order of writing."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._new: list[AuditRecord] = []

    def record(self, record: AuditRecord) -> None:
        self._scope.require_writing()
        self._new.append(record)

    def page(self, query: Query) -> Page[AuditRecord]:
        faults = Faults()
        for field in query.where.keys() - set(AUDIT_FILTERS):
            faults.add(field, "filter", f"the audit is filtered by {', '.join(AUDIT_FILTERS)}")
        faults.raise_any()
        with self._scope.store.lock:
            lines = [*self._scope.store.audit, *self._new]
        wanted = _matcher(query.where)
        places = range(len(lines) - 1, -1, -1) if query.descending else range(len(lines))
        after = _read_line(query.cursor)
        if after is not None:
            places = range(after - 1, -1, -1) if query.descending else range(after + 1, len(lines))
        found = (place for place in places if wanted(lines[place]))
        taken = [place for place, _ in zip(found, range(query.limit + 1), strict=False)]
        items = tuple(lines[place] for place in taken[: query.limit])
        more = len(taken) > query.limit
        return Page(items=items, next=to_cursor(str(taken[-2])) if more else None)

    def check(self) -> None:
        """A new line conflicts with nothing."""

    def apply(self) -> None:
        self._scope.store.audit += self._new


def _matcher(where: Mapping[str, str]) -> Callable[[AuditRecord], bool]:
    return lambda record: all(attrgetter(field)(record) == text for field, text in where.items())


def _read_place(cursor: str) -> int:
    if cursor and not (is_digits(cursor) and len(cursor) <= 18):
        raise bad_cursor(cursor)
    return int(cursor or 0)


def _read_line(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    text = from_cursor(cursor)
    if not (is_digits(text) and len(text) <= 18):
        raise bad_cursor(cursor)
    return int(text)
