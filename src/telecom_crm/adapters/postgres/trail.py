"""The audit trail as a list: events and lines of the audit, in order of their transactions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from heapq import merge
from operator import itemgetter
from typing import Any
from uuid import UUID

import attrs
from sqlalchemy import Connection

from telecom_crm.adapters.postgres.collections import (
    EVENTS,
    Filter,
    by_choice,
    by_text,
    conditions_of,
    make_cursor,
    read_cursor,
)
from telecom_crm.adapters.postgres.rows.stream import audit_from_row, event_from_row
from telecom_crm.adapters.postgres.sheet import Row, rows_of
from telecom_crm.application.ports import AUDIT_FILTERS, Page, Query, TrailKind, TrailLine

HORIZON = """coalesce(
  (SELECT min(running::text::bigint)::text::xid8
   FROM pg_snapshot_xip(pg_current_snapshot()) AS running
   WHERE NOT EXISTS (
     SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND transactionid = running::xid
       AND datname IS DISTINCT FROM current_database())),
  pg_snapshot_xmax(pg_current_snapshot()))"""
"""
The number below which every transaction that could add an event is over, as this snapshot sees it.

Transactions known to be running in other databases of the server add none; one that ended since
the snapshot was taken is not known, and counts.
"""


@attrs.frozen(kw_only=True)
class Part:
    """One of the two tables: what puts its rows of one transaction in order, and how it is read."""

    table: str
    columns: str
    keys: Mapping[str, Callable[[str], Any]]
    """The columns that rows of one transaction are in the order of, each with its reader."""
    read: Callable[[Row], TrailLine]
    action: str

    @property
    def filters(self) -> dict[str, Filter]:
        """What it is filtered by."""
        own = {"action": self.action, "by": "by_name", "address": "by_address"}
        return {name: by_text(own.get(name, name)) for name in AUDIT_FILTERS}


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("not a key")
    return text


PARTS: Mapping[TrailKind, Part] = {
    TrailKind.ACCESS: Part(
        table="audit",
        columns="action, thing, thing_id, by_name, by_token, by_address, at, detail,"
        " written_at, id",
        keys={"written_at": datetime.fromisoformat, "id": UUID},
        read=audit_from_row,
        action="action",
    ),
    TrailKind.CHANGE: Part(
        table="events",
        columns=", ".join(EVENTS.columns),
        keys={"thing_id": _printable, "sequence": int, "thing": _printable},
        read=event_from_row,
        action="name",
    ),
}
"""Both tables, in the order in which what they have of one transaction is told."""
RANKS = {kind: rank for rank, kind in enumerate(PARTS)}
_KIND = by_choice("kind", TrailKind)

Place = tuple[int, int, tuple[Any, ...]]
"""A transaction, which of its parts, and the keys of the row there."""


def trail_page(
    connection: Connection, query: Query, *, since: datetime | None, until: datetime | None
) -> Page[TrailLine]:
    """Return a page of events and lines together: each table gives as many as the page has."""
    where = dict(query.where)
    kinds = [TrailKind(_KIND.read(where.pop("kind")))] if "kind" in where else list(PARTS)
    asked = attrs.evolve(query, where=where)
    behind = None if query.cursor is None else read_cursor(query.cursor, _read_place)
    found = [_rows(connection, kind, asked, behind, since, until) for kind in kinds]
    rows = list(merge(*found, key=itemgetter("place", "rank"), reverse=query.descending))
    shown = rows[: query.limit]
    more = len(rows) > query.limit
    return Page(
        items=tuple(PARTS[row["kind"]].read(row) for row in shown),
        next=make_cursor(_place_of(shown[-1])) if more else None,
    )


def _rows(
    connection: Connection,
    kind: TrailKind,
    query: Query,
    behind: Place | None,
    since: datetime | None,
    until: datetime | None,
) -> Sequence[dict[str, Any]]:
    part, rank = PARTS[kind], RANKS[kind]
    conditions, parameters = conditions_of(query, part.filters)
    conditions.append(f"{part.table}.xact < {HORIZON}")
    for condition, at in (("at >= %(since)s", since), ("at < %(until)s", until)):
        if at is not None:
            conditions.append(condition)
    parameters |= {"since": since, "until": until, "limit": query.limit + 1}
    if behind is not None:
        condition, more = _behind(part, rank, behind, descending=query.descending)
        conditions.append(condition)
        parameters |= more
    way = " DESC" if query.descending else ""
    order = ", ".join(f"{column}{way}" for column in (f"{part.table}.xact", *part.keys))
    rows = rows_of(
        connection,
        f"SELECT xact::text::bigint AS place, {part.columns} FROM {part.table}"
        f" WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT %(limit)s",
        parameters,
    )
    return [{**row, "rank": rank, "kind": kind} for row in rows]


def _behind(part: Part, rank: int, place: Place, *, descending: bool) -> tuple[str, dict[str, Any]]:
    """Return the condition of what comes after a place, which may be one of the other table."""
    xact, other, keys = place
    sign = "<" if descending else ">"
    parameters: dict[str, Any] = {"after_xact": str(xact)}
    if rank == other:
        parameters |= {f"after_{name}": key for name, key in zip(part.keys, keys, strict=True)}
        names = ", ".join(("xact", *part.keys))
        values = ", ".join(("%(after_xact)s::xid8", *(f"%(after_{name})s" for name in part.keys)))
        return f"({names}) {sign} ({values})", parameters
    comes_later = rank < other if descending else rank > other
    return f"xact {sign}{'=' if comes_later else ''} %(after_xact)s::xid8", parameters


def _place_of(row: Mapping[str, Any]) -> str:
    keys = [row[name] for name in PARTS[row["kind"]].keys]
    texts = [key.isoformat() if isinstance(key, datetime) else str(key) for key in keys]
    return json.dumps([row["place"], row["rank"], *texts])


def _read_place(text: str) -> Place:
    found = json.loads(text)
    if not isinstance(found, list) or not all(isinstance(one, int) for one in found[:2]):
        raise ValueError("not a place")
    xact, rank, *texts = found
    if not 0 <= xact < 2**63 or rank not in RANKS.values():
        raise ValueError("not a place")
    readers = list(PARTS.values())[rank].keys.values()
    return xact, rank, tuple(read(str(one)) for read, one in zip(readers, texts, strict=True))
