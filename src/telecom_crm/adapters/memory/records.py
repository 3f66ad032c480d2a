"""What is no aggregate with a list of its own: imports' rows, rules, keys, events, the audit."""

from __future__ import annotations

import json
import operator
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from telecom_crm.adapters.memory.collection import MemoryCollection, Scope
from telecom_crm.adapters.memory.pages import Term, bad_cursor, from_cursor, to_cursor
from telecom_crm.adapters.memory.store import ImportRows
from telecom_crm.application.ports import (
    AUDIT_FILTERS,
    TRAIL_FILTERS,
    AuditRecord,
    Bound,
    Contended,
    IdempotencyKey,
    Page,
    Query,
    TrailKind,
    TrailLine,
)
from telecom_crm.domain.change import rules_changed
from telecom_crm.domain.errors import Faults, KeyReused, VersionSeen
from telecom_crm.domain.identifiers import ImportId
from telecom_crm.domain.importing import OVER, ImportJob, RowOutcome
from telecom_crm.domain.lifecycle import Actor, Event
from telecom_crm.domain.seal import Seal
from telecom_crm.domain.text import is_digits

L = TypeVar("L", bound=TrailLine)

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

    def outcomes(
        self,
        job_id: ImportId,
        *,
        after_line: int,
        limit: int,
        failed: bool | None = None,
        code: str | None = None,
    ) -> list[RowOutcome]:
        rows = self._recorded(job_id)
        behind = (rows[line] for line in sorted(rows) if line > after_line)
        ended = (row for row in behind if failed is None or bool(row.errors) is failed)
        fit = (row for row in ended if code is None or code in _codes(row))
        return list(islice(fit, limit))

    def reasons(self, job_id: ImportId) -> dict[str, int]:
        return Counter(code for row in self._recorded(job_id).values() for code in _codes(row))

    def claim(self, job_id: ImportId, keys: Mapping[str, str]) -> None:
        self._scope.require_writing()
        self._rows[job_id].claims.update(keys)  # the last word on a key counts

    def claimed(self, job_id: ImportId, keys: Iterable[str]) -> dict[str, str]:
        with self._scope.store.lock:
            committed, own = self._kept(job_id).claims, self._rows[job_id].claims
            found = ((key, own.get(key, committed.get(key))) for key in keys)
            return {key: value for key, value in found if value is not None}

    def alike(self, sha256: str, *, limit: int) -> list[ImportJob]:
        return [job for job in self._seen() if job.sha256 == sha256][: -limit - 1 : -1]

    def over_before(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[ImportJob]:
        def is_due(job: ImportJob) -> bool:
            return job.file_id is not None and job.over_at is not None and job.over_at < at

        states: list[Term] = [("status", state.value) for state in OVER]
        return self.page_having(states, is_due, limit=limit, cursor=cursor)

    def over_since(self, at: datetime, *, limit: int) -> list[ImportJob]:
        over = (job for job in self._seen() if job.over_at is not None and job.over_at >= at)
        return sorted(over, key=lambda job: (job.over_at, job.key), reverse=True)[:limit]

    def count_failed(self, since: datetime, *, most: int) -> int:
        failed = (job for job in self._seen() if job.has_failed and job.uploaded_at >= since)
        return sum(1 for _ in islice(failed, most))

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

    def _recorded(self, job_id: ImportId) -> dict[int, RowOutcome]:
        with self._scope.store.lock:
            committed = self._kept(job_id).outcomes
            return {**self._rows[job_id].outcomes, **committed}

    def _kept(self, job_id: ImportId) -> ImportRows:
        forgotten = job_id in self._forgotten
        return (None if forgotten else self._scope.store.import_rows.get(job_id)) or ImportRows()


def _codes(row: RowOutcome) -> set[str]:
    return {error.code for error in row.errors}


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

    def hold(self, kind: str) -> None:
        self._scope.require_writing()
        self._bases.setdefault(kind, self._look(kind))

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
        old = json.loads(before[1]) if before else None
        event = rules_changed(
            kind, sequence, before=old, after=json.loads(text), state=PUT, by=by, at=at
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
        self._claimed: dict[tuple[str, str], tuple[IdempotencyKey, Bound]] = {}

    def claim(self, key: IdempotencyKey, resource: UUID, *, found: bool = False) -> Bound | None:
        self._scope.require_writing()
        name = (key.caller, key.key)
        if (bound := self.bound(key)) is None:
            self._claimed[name] = (key, Bound(resource, found))
        return bound

    def bound(self, key: IdempotencyKey) -> Bound | None:
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
        return sorted(events, key=_time_order)

    def timeline_page(
        self,
        things: Sequence[tuple[str, str]],
        *,
        limit: int,
        cursor: str | None = None,
        descending: bool = False,
    ) -> Page[Event]:
        events = sorted(self.timeline(things), key=_time_order, reverse=descending)
        if cursor is not None:
            place = _read_time_place(cursor)
            behind = operator.lt if descending else operator.gt
            events = [one for one in events if behind(_time_order(one), place)]
        more = len(events) > limit
        return Page(
            items=tuple(events[:limit]), next=_time_place(events[limit - 1]) if more else None
        )

    def latest_of(self, names: Iterable[str], *, limit: int) -> list[Event]:
        wanted = set(names)
        with self._scope.store.lock:
            found = (one for one in reversed(self._scope.store.events.all) if one.name in wanted)
            return list(islice(found, limit))

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


TimePlace = tuple[datetime, str, int, str]


def _time_order(event: Event) -> TimePlace:
    return event.at, event.thing_id, event.sequence, event.thing


def _time_place(event: Event) -> str:
    return to_cursor(f"{event.at.isoformat()} {event.sequence} {event.thing} {event.thing_id}")


def _read_time_place(cursor: str) -> TimePlace:
    try:
        at, sequence, thing, thing_id = from_cursor(cursor).split(" ", 3)
        return datetime.fromisoformat(at), thing_id, int(sequence), thing
    except ValueError:
        raise bad_cursor(cursor) from None


class MemoryAudit:
    """Refusals and reads that matter, in order of their transactions."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._new: list[AuditRecord] = []

    def record(self, record: AuditRecord) -> None:
        self._scope.require_writing()
        self._new.append(record)

    def page(
        self, query: Query, *, since: datetime | None = None, until: datetime | None = None
    ) -> Page[AuditRecord]:
        _refuse_filters(query, AUDIT_FILTERS)
        with self._scope.store.lock:
            lines = list(self._scope.store.audit)
        return _page_of(lines, query, since, until)

    def trail(
        self, query: Query, *, since: datetime | None = None, until: datetime | None = None
    ) -> Page[TrailLine]:
        _refuse_filters(query, TRAIL_FILTERS)
        with self._scope.store.lock:
            lines = list(self._scope.store.events.trail)
        return _page_of(lines, query, since, until)

    def check(self) -> None:
        """A new line conflicts with nothing."""

    def apply(self) -> None:
        self._scope.store.audit += self._new
        self._scope.store.events.trail += self._new


class MemorySeals:
    """Seals over the trail of what is committed; a place is how many lines there were before."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._new: list[Seal] = []

    def last(self) -> Seal | None:
        found = self._all()
        return found[-1] if found else None

    def behind(self, number: int, *, limit: int) -> list[Seal]:
        return self._all()[number : number + limit]

    def end_of(self, start: int, *, limit: int) -> int:
        with self._scope.store.lock:
            return min(start + limit, len(self._scope.store.events.trail))

    def lines(self, start: int, end: int) -> Iterator[bytes]:
        with self._scope.store.lock:
            found = self._scope.store.events.trail[start:end]
        return (repr(line).encode("utf-8") for line in found)

    def add(self, seal: Seal) -> None:
        self._scope.require_writing()
        if seal.number != len(self._all()) + 1:
            raise _sealed_already(seal)
        self._new.append(seal)

    def check(self) -> None:
        for seal in self._new[:1]:
            if seal.number != len(self._scope.store.seals) + 1:
                raise _sealed_already(seal)

    def apply(self) -> None:
        self._scope.store.seals += self._new

    def _all(self) -> list[Seal]:
        with self._scope.store.lock:
            return [*self._scope.store.seals, *self._new]


def _sealed_already(seal: Seal) -> Contended:
    return Contended(f"seal {seal.number}")


def _refuse_filters(query: Query, known: Sequence[str]) -> None:
    faults = Faults()
    for field in query.where.keys() - set(known):
        faults.add(field, "filter", f"the audit is filtered by {', '.join(known)}")
    kind = query.where.get("kind", TrailKind.CHANGE)
    if "kind" in known and kind not in list(TrailKind):
        faults.add("kind", "choice", f"one of {', '.join(TrailKind)}", kind)
    faults.raise_any()


def _page_of(
    lines: Sequence[L], query: Query, since: datetime | None, until: datetime | None
) -> Page[L]:
    """Return a page of lines by their places."""
    wanted = _matcher(query.where, since, until)
    places = range(len(lines) - 1, -1, -1) if query.descending else range(len(lines))
    after = _read_line(query.cursor)
    if after is not None:
        places = range(after - 1, -1, -1) if query.descending else range(after + 1, len(lines))
    found = (place for place in places if wanted(lines[place]))
    taken = [place for place, _ in zip(found, range(query.limit + 1), strict=False)]
    items = tuple(lines[place] for place in taken[: query.limit])
    more = len(taken) > query.limit
    return Page(items=items, next=to_cursor(str(taken[-2])) if more else None)


def _read_filter(line: TrailLine, name: str) -> str:
    is_event = isinstance(line, Event)
    if name == "kind":
        return TrailKind.CHANGE if is_event else TrailKind.ACCESS
    if name == "by":
        return line.by.name
    if name == "address":
        return line.by.address or ""
    field = "name" if is_event and name == "action" else name
    return str(getattr(line, field))


def _matcher(
    where: Mapping[str, str], since: datetime | None, until: datetime | None
) -> Callable[[TrailLine], bool]:
    def matches(record: TrailLine) -> bool:
        early = since is not None and record.at < since
        late = until is not None and record.at >= until
        return not (early or late) and all(
            _read_filter(record, name) == text for name, text in where.items()
        )

    return matches


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
