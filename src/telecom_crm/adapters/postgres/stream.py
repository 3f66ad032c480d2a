"""The stream of events, idempotency keys, the audit log and rules as data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import attrs
from sqlalchemy import Connection

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.collections import (
    EVENTS,
    make_cursor,
    read_cursor,
)
from telecom_crm.adapters.postgres.engine import translated
from telecom_crm.adapters.postgres.json import dumps
from telecom_crm.adapters.postgres.rows.stream import (
    audit_to_row,
    event_from_row,
    events_to_columns,
)
from telecom_crm.adapters.postgres.sheet import Sheet, array_of, rows_of
from telecom_crm.adapters.postgres.trail import HORIZON, trail_page
from telecom_crm.application.ports import (
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
from telecom_crm.domain.errors import InvalidValue, KeyReused, VersionSeen
from telecom_crm.domain.lifecycle import Actor, Event

_AUDIT = Sheet(tables.audit, left_out=("written_at", "id", "xact"))

_EVENT = ", ".join(EVENTS.columns)


@attrs.define
class PostgresKeys:
    """Idempotency keys, stored with the effect they name."""

    connection: Connection

    def claim(self, key: IdempotencyKey, resource: UUID, *, found: bool = False) -> Bound | None:
        """Bind the key to a resource and return None, or return what it is bound to already."""
        name = {"caller": key.caller, "key": key.key}
        with translated(f"idempotency key {key.key!r}"):
            mine = self.connection.exec_driver_sql(
                "INSERT INTO keys (caller, key, digest, resource, found)"
                " VALUES (%(caller)s, %(key)s, %(digest)s, %(resource)s, %(found)s)"
                " ON CONFLICT DO NOTHING RETURNING resource",
                {**name, "digest": key.digest, "resource": resource, "found": found},
            ).first()
            if mine:
                return None
            bound = self.connection.exec_driver_sql(
                "SELECT digest, resource, found FROM keys"
                " WHERE caller = %(caller)s AND key = %(key)s",
                name,
            ).first()
        if bound is None:
            raise Contended(f"idempotency key {key.key!r}")
        if bound.digest != key.digest:
            raise KeyReused(key.key)
        return Bound(bound.resource, bound.found)


@attrs.define
class PostgresEvents:
    """The stream of every change."""

    connection: Connection
    holding: bool = True

    def since(self, cursor: str, *, limit: int) -> list[tuple[str, Event]]:
        """
        Return events behind a cursor, each with its own.

        Only those of transactions older than every running one are told: what is committed later
        has a later number, so that nothing is ever added before a cursor that was given out.
        """
        behind, parameters = "", {"limit": limit}
        if cursor:
            behind = (
                " AND (xact, thing_id, sequence, thing)"
                " > (%(xact)s::xid8, %(thing_id)s, %(sequence)s, %(thing)s)"
            )
            parameters |= _read_event_cursor(cursor)
        rows = rows_of(
            self.connection,
            f"SELECT xact::text AS xact, {_EVENT} FROM events"
            f" WHERE xact < {HORIZON}{behind}"
            " ORDER BY events.xact, thing_id, sequence, thing LIMIT %(limit)s",
            parameters,
        )
        return [(_event_cursor(row), event_from_row(row)) for row in rows]

    def of(self, thing: str, key: str) -> list[Event]:
        """Return the history of one thing, oldest first."""
        rows = rows_of(
            self.connection,
            f"SELECT {_EVENT} FROM events WHERE thing_id = %(key)s AND thing = %(thing)s"
            " ORDER BY sequence",
            {"key": key, "thing": thing},
        )
        return [event_from_row(row) for row in rows]

    def timeline(self, things: Sequence[tuple[str, str]]) -> list[Event]:
        """Return the histories of several things as one, in order of time."""
        rows = rows_of(
            self.connection,
            f"SELECT {_EVENT} FROM events WHERE (thing_id, thing) IN"
            " (SELECT * FROM unnest(%(keys)s::text[], %(things)s::text[]))"
            " ORDER BY at, thing_id, sequence, thing",
            {
                "keys": array_of((key for _, key in things), quoted=True),
                "things": array_of((thing for thing, _ in things), quoted=True),
            },
        )
        return [event_from_row(row) for row in rows]

    def timeline_page(
        self,
        things: Sequence[tuple[str, str]],
        *,
        limit: int,
        cursor: str | None = None,
        descending: bool = False,
    ) -> Page[Event]:
        """Return a page of the histories of several things as one, in order of time."""
        behind, way = "", " DESC" if descending else ""
        parameters = {
            "keys": array_of((key for _, key in things), quoted=True),
            "things": array_of((thing for thing, _ in things), quoted=True),
            "limit": limit + 1,
        }
        if cursor is not None:
            behind = (
                f" AND (at, thing_id, sequence, thing) {'<' if descending else '>'}"
                " (%(after_at)s, %(after_id)s, %(after_sequence)s, %(after_thing)s)"
            )
            parameters |= read_cursor(cursor, _time_place)
        rows = rows_of(
            self.connection,
            f"SELECT {_EVENT} FROM events WHERE (thing_id, thing) IN"
            f" (SELECT * FROM unnest(%(keys)s::text[], %(things)s::text[])){behind}"
            f" ORDER BY at{way}, thing_id{way}, sequence{way}, thing{way} LIMIT %(limit)s",
            parameters,
        )
        found = tuple(event_from_row(row) for row in rows[:limit])
        if len(rows) <= limit:
            return Page(items=found)
        last = found[-1]
        place = f"{last.at.isoformat()} {last.sequence} {last.thing} {last.thing_id}"
        return Page(items=found, next=make_cursor(place))

    def latest_of(self, names: Iterable[str], *, limit: int) -> list[Event]:
        """Return the latest of all events of some names, the last one first."""
        # A range of one name, in the order of that index: with `=` the planner may walk back
        # through all events for a name that hardly any has.
        rows = rows_of(
            self.connection,
            f"SELECT {_EVENT} FROM unnest(%(names)s::text[]) AS wanted (called)"
            " CROSS JOIN LATERAL (SELECT * FROM events"
            " WHERE events.name BETWEEN wanted.called AND wanted.called"
            " ORDER BY events.name DESC, xact DESC LIMIT %(limit)s) AS events"
            " ORDER BY xact DESC, thing_id DESC, sequence DESC LIMIT %(limit)s",
            {"names": array_of(sorted(set(names)), quoted=True), "limit": limit},
        )
        return [event_from_row(row) for row in rows]

    def latest(self) -> str:
        """Return the cursor of the last event that is told now; "" before the first."""
        rows = rows_of(
            self.connection,
            f"SELECT xact::text AS xact, thing_id, sequence, thing FROM events"
            f" WHERE xact < {HORIZON}"
            " ORDER BY events.xact DESC, thing_id DESC, sequence DESC, thing DESC LIMIT 1",
            {},
        )
        return _event_cursor(rows[0]) if rows else ""

    def position(self, consumer: str) -> str:
        """Return, held, the cursor a consumer has reached; "" is the beginning."""
        name = {"consumer": consumer}
        if self.holding:
            self.connection.exec_driver_sql(
                "INSERT INTO event_cursors (consumer, cursor) VALUES (%(consumer)s, '')"
                " ON CONFLICT DO NOTHING",
                name,
            )
        hold = " FOR NO KEY UPDATE" if self.holding else ""
        found = self.connection.exec_driver_sql(
            f"SELECT cursor FROM event_cursors WHERE consumer = %(consumer)s{hold}", name
        ).scalar()
        return found or ""

    def advance(self, consumer: str, cursor: str) -> None:
        """Remember how far a consumer got."""
        if cursor:
            _read_event_cursor(cursor)
        self.connection.exec_driver_sql(
            "INSERT INTO event_cursors (consumer, cursor) VALUES (%(consumer)s, %(cursor)s)"
            " ON CONFLICT (consumer) DO UPDATE SET cursor = excluded.cursor",
            {"consumer": consumer, "cursor": cursor},
        )


@attrs.define
class PostgresAudit:
    """Refusals and reads that matter."""

    connection: Connection

    def record(self, record: AuditRecord) -> None:
        """Write one line."""
        self.connection.exec_driver_sql(_AUDIT.insert, _AUDIT.arrays([audit_to_row(record)]))

    def page(
        self, query: Query, *, since: datetime | None = None, until: datetime | None = None
    ) -> Page[AuditRecord]:
        """Return lines, in order of their transactions."""
        lines = attrs.evolve(query, where={**query.where, "kind": TrailKind.ACCESS})
        found: Page[Any] = trail_page(self.connection, lines, since=since, until=until)
        return found

    def trail(
        self, query: Query, *, since: datetime | None = None, until: datetime | None = None
    ) -> Page[TrailLine]:
        """Return lines and events together, in order of their transactions."""
        return trail_page(self.connection, query, since=since, until=until)


@attrs.define
class PostgresRules:
    """Rules as data."""

    connection: Connection

    def get(self, kind: str) -> Any | None:
        """Return the rules of a kind as they were put, or None."""
        sql = "SELECT value FROM rules WHERE kind = %(kind)s"
        return self.connection.exec_driver_sql(sql, {"kind": kind}).scalar()

    def version(self, kind: str) -> int:
        """Return how often the rules of a kind were put."""
        sql = "SELECT version FROM rules WHERE kind = %(kind)s"
        return self.connection.exec_driver_sql(sql, {"kind": kind}).scalar() or 0

    def hold(self, kind: str) -> None:
        """Keep others from putting these rules; a lock by name, since there may be no row yet."""
        self.connection.exec_driver_sql(
            "SELECT pg_advisory_xact_lock("
            "hashtextextended(concat_ws('.', current_schema(), 'rules', %(kind)s::text), 0))",
            {"kind": kind},
        )

    def put(
        self,
        kind: str,
        value: Any,
        *,
        expected_version: int | None = None,
        by: Actor,
        at: datetime,
    ) -> None:
        """Put the rules of a kind, and the event that says so."""
        before = self.connection.exec_driver_sql(
            "SELECT value FROM rules WHERE kind = %(kind)s FOR NO KEY UPDATE", {"kind": kind}
        ).scalar()
        version = self.connection.exec_driver_sql(
            "INSERT INTO rules (kind, value, version) VALUES (%(kind)s, %(value)s::jsonb, 1)"
            " ON CONFLICT (kind) DO UPDATE SET value = excluded.value, version = rules.version + 1"
            " RETURNING version",
            {"kind": kind, "value": dumps(value)},
        ).scalar_one()
        if expected_version is not None and version != expected_version + 1:
            raise VersionSeen("rules", kind, version - 1)
        event = rules_changed(
            kind, version, before=before, after=value, state="current", by=by, at=at
        )
        self.connection.exec_driver_sql(EVENTS.insert, EVENTS.arrays_of(events_to_columns([event])))


def _event_cursor(row: dict[str, Any]) -> str:
    return f"{row['xact']}:{row['thing_id']}:{row['sequence']}:{row['thing']}"


def _read_event_cursor(cursor: str) -> dict[str, Any]:
    try:
        xact, rest = cursor.split(":", 1)
        thing_id, sequence, thing = rest.rsplit(":", 2)
        place = {"thing_id": thing_id, "sequence": int(sequence), "thing": thing}
        return {"xact": str(int(xact)), **place}
    except ValueError:
        message = "a cursor that came with an event"
        raise InvalidValue.of("cursor", "cursor", message, cursor) from None


def _time_place(text: str) -> dict[str, Any]:
    at, sequence, thing, thing_id = text.split(" ", 3)
    return {
        "after_at": datetime.fromisoformat(at),
        "after_id": thing_id,
        "after_sequence": int(sequence),
        "after_thing": thing,
    }
