"""
Reading and writing things with versions: what every list of the store has in common.

A save is one statement, whatever the number of things: rows travel as arrays, and the events go
along in the same statement. Many new things go by COPY instead.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

import attrs
from sqlalchemy import Connection, Table

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.rows.stream import events_to_columns
from telecom_crm.adapters.postgres.sheet import Columns, Row, Sheet, array_of, rows_of
from telecom_crm.application.ports import Contended, Page, Query
from telecom_crm.domain.errors import Faults, InvalidValue, NotFound, StaleVersion
from telecom_crm.domain.identifiers import ICCID, MSISDN
from telecom_crm.domain.lifecycle import Event, Living, as_stored, key_of
from telecom_crm.domain.search import Readings

K = TypeVar("K")
T = TypeVar("T")
L = TypeVar("L", bound=Living)

MANY = 50
"""From this many new rows on, COPY is quicker than arrays."""

EVENTS = Sheet(tables.events, left_out=("xact",), prefix="event_")


@attrs.frozen
class Filter:
    """
    How a list is filtered by one field: a condition, and the reader of the value's text.

    In the condition `{}` stands for the value.
    """

    condition: str
    read: Callable[[str], Any]


def by_text(column: str) -> Filter:
    """Filter by a text as it is."""
    return Filter(f"{column} = {{}}", str)


def by_id(column: str) -> Filter:
    """Filter by an id."""
    return Filter(f"{column} = {{}}", _read_id)


def by_choice(column: str, choices: type[StrEnum], *, name: str = "") -> Filter:
    """Filter by one of the words of an enumeration; `name` is that of what is no column."""
    named = name or column

    def read(value: str) -> str:
        if value not in [choice.value for choice in choices]:
            words = ", ".join(choice.value for choice in choices)
            raise InvalidValue.of(named, named, f"one of {words}", value)
        return value

    return Filter(f"{column} = {{}}", read)


def by_number(column: str) -> Filter:
    """Filter by a number whose index is from behind."""
    return Filter(f"reverse({column}) = {{}}", lambda value: value[::-1])


def by_msisdn(column: str) -> Filter:
    """Filter by a phone number, with or without its plus, whose index is from behind."""
    return Filter(f"reverse({column}) = {{}}", lambda value: MSISDN(value).digits[::-1])


def by_iccid(column: str) -> Filter:
    """Filter by a SIM card's number."""
    return Filter(f"{column} = {{}}", lambda value: ICCID(value).digits)


@attrs.frozen(init=False)
class Shape(Generic[T]):
    """How things of one kind lie in their table."""

    thing: str
    sheet: Sheet
    key: str
    key_type: str
    to_row: Callable[[T], Row]
    from_row: Callable[[Mapping[str, Any]], T]
    filters: Mapping[str, Filter]
    listed: bool
    """Whether the table is led by `account_id`, and `directory` knows the ids."""
    source: str
    columns: str
    inserting: str
    updating: str
    updating_alone: str

    def __init__(
        self,
        thing: str,
        table: Table,
        *,
        key: str,
        to_row: Callable[[T], Row],
        from_row: Callable[[Mapping[str, Any]], T],
        filters: Mapping[str, Filter],
        listed: bool = False,
        left_out: Sequence[str] = (),
    ) -> None:
        sheet = Sheet(table, left_out=left_out)
        kind = sheet.types[sheet.columns.index(key)]
        source = f"{table.name} t"
        if listed:
            source = f"directory d JOIN {source} ON t.account_id = d.account_id AND t.id = d.id"
        self.__attrs_init__(
            thing,
            sheet,
            key,
            kind,
            to_row,
            from_row,
            filters,
            listed,
            source,
            ", ".join(f"t.{column}" for column in sheet.columns),
            _inserting(sheet, key, listed=listed),
            _updating(sheet, key, listed=listed, noted=True),
            _updating(sheet, key, listed=listed, noted=False),
        )

    @property
    def alone(self) -> str:
        """The table without the directory, which only finds single things."""
        return f"{self.sheet.table} t"

    @property
    def looked_up(self) -> str:
        """The column by which a thing is found."""
        return "d.id" if self.listed else f"t.{self.key}"


@attrs.define
class PostgresCollection(Generic[K, L]):
    """Things of one kind in one transaction, where what is got for writing is held."""

    shape: ClassVar[Shape[Any]]

    connection: Connection
    holding: bool = True
    _missing: set[str] = attrs.field(factory=set, init=False)

    def get(self, key: K) -> L:
        """Return one thing; raise `NotFound`."""
        found = self.get_many([key])
        if key not in found:
            raise NotFound(self.shape.thing, str(key))
        return found[key]

    def get_many(self, keys: Iterable[K]) -> dict[K, L]:
        """Return those that exist, held in the order of their keys."""
        wanted = {key_text(key): key for key in keys}
        if not wanted:
            return {}
        shape = self.shape
        found = self.find(
            f"{shape.looked_up} = ANY(%(keys)s::{shape.key_type}[])",
            {"keys": array_of(wanted, quoted=True)},
            hold="FOR NO KEY UPDATE OF t",
        )
        things = {wanted[thing.key]: thing for thing in found}
        if len(things) < len(wanted):
            self._missing |= wanted.keys() - {thing.key for thing in found}
        return things

    def save(self, thing: L) -> L:
        """Store a thing with its events; raise `StaleVersion`."""
        self.save_all([thing])
        return as_stored(thing)

    def save_all(self, things: Sequence[L]) -> None:
        """Store many with all their events; all or none."""
        ordered = sorted(things, key=key_of)
        new = [thing for thing in ordered if thing.version == len(thing.events)]
        changed = [thing for thing in ordered if thing.version != len(thing.events)]
        if new:
            self._insert(new)
        if changed:
            self._update(changed)

    def page(self, query: Query) -> Page[L]:
        """Return a page of the list in order of the key."""
        conditions, parameters = conditions_of(query, self.shape.filters)
        return self.page_of(
            " AND ".join(conditions) or "true",
            parameters,
            limit=query.limit,
            cursor=query.cursor,
            descending=query.descending,
        )

    def counts(self, wheres: Sequence[Mapping[str, str]], *, most: int) -> list[int]:
        """Count what each of some filters leaves of the list, up to `most`."""
        return counts_in(self.connection, self.shape.alone, self.shape.filters, wheres, most=most)

    def keys(self, where: Mapping[str, str]) -> list[str]:
        """Return the keys, in order, of all that filters leave."""
        shape = self.shape
        return keys_in(self.connection, shape.alone, shape.filters, where, key=f"t.{shape.key}")

    def page_of(
        self,
        condition: str,
        parameters: Mapping[str, Any],
        *,
        limit: int,
        cursor: str | None,
        descending: bool = False,
    ) -> Page[L]:
        """Return a page, in order of the key, of the things that fit a condition in SQL."""
        shape = self.shape
        key = f"t.{shape.key}"
        if cursor is not None:
            after = read_cursor(cursor, UUID if shape.key_type == "UUID" else str)
            condition = f"{condition} AND {key} {'<' if descending else '>'} %(after)s"
            parameters = {**parameters, "after": after}
        found = self.find(
            condition,
            parameters,
            source=shape.alone,
            order=f"{key} DESC" if descending else key,
            limit=limit + 1,
        )
        return page_from(found, limit)

    def find(
        self,
        condition: str,
        parameters: Mapping[str, Any],
        *,
        source: str = "",
        order: str = "",
        limit: int | None = None,
        hold: str = "",
    ) -> list[L]:
        """Return the things that fit a condition in SQL, `t` being their table."""
        shape = self.shape
        sql = (
            f"SELECT {shape.columns} FROM {source or shape.source} WHERE {condition}"
            f" ORDER BY {order or shape.looked_up}"
        )
        if limit is not None:
            sql, parameters = f"{sql} LIMIT %(limit)s", {**parameters, "limit": limit}
        if hold and self.holding:
            sql = f"{sql} {hold}"
        return [shape.from_row(row) for row in rows_of(self.connection, sql, parameters)]

    def _insert(self, things: Sequence[L]) -> None:
        shape = self.shape
        columns = shape.sheet.columns_of([shape.to_row(thing) for thing in things])
        if len(things) > MANY:
            shape.sheet.copy_in(self.connection, columns)
            if shape.listed:
                DIRECTORY.copy_in(self.connection, columns)
            self._note(things)
            return
        self._require_all(things, self._run(shape.inserting, columns, _events_of(things)))

    def _update(self, things: Sequence[L]) -> None:
        shape = self.shape
        columns = shape.sheet.columns_of([shape.to_row(thing) for thing in things])
        was = {"was": array_of(thing.version - len(thing.events) for thing in things)}
        if len(things) > MANY:
            self._require_all(things, self._run(shape.updating_alone, columns, (), was))
            self._note(things)
            return
        saved = self._run(shape.updating, columns, _events_of(things), was)
        self._require_all(things, saved)

    def _note(self, things: Sequence[L]) -> None:
        """Add many events: the first of each thing, then the second, which have much in common."""
        last = max(len(thing.events) for thing in things)
        batches = [
            [thing.events[place] for thing in things if place < len(thing.events)]
            for place in range(last)
        ]
        EVENTS.copy_in(self.connection, *map(events_to_columns, batches))

    def _run(
        self,
        sql: str,
        columns: Columns,
        events: Sequence[Event],
        more: Mapping[str, Any] = MappingProxyType({}),
    ) -> set[str]:
        parameters = {
            **self.shape.sheet.arrays_of(columns),
            **EVENTS.arrays_of(events_to_columns(events)),
            **more,
            "count": len(columns[self.shape.key]),
        }
        return {row[0] for row in self.connection.exec_driver_sql(sql, parameters)}

    def _require_all(self, things: Sequence[L], saved: set[str]) -> None:
        if len(saved) == len(things):
            return
        shape = self.shape
        lost = next(thing for thing in things if thing.key not in saved)
        there = self.connection.exec_driver_sql(
            f"SELECT 1 FROM {shape.source} WHERE {shape.looked_up} = %(key)s::{shape.key_type}",
            {"key": lost.key},
        ).first()
        # What this transaction looked for and did not find was made by another since.
        if lost.key in self._missing or (there is None and lost.version == len(lost.events)):
            raise Contended(f"{shape.thing} {lost.key}")
        raise StaleVersion(shape.thing, lost.key)


DIRECTORY = Sheet(tables.directory)


def _events_of(things: Iterable[Living]) -> list[Event]:
    return [event for thing in things for event in thing.events]


def key_text(key: Any) -> str:
    """Return a key as the text that the thing's own `key` is."""
    return key.digits if isinstance(key, ICCID | MSISDN) else str(key)


def conditions_of(
    query: Query, filters: Mapping[str, Filter], *, name: str = "where"
) -> tuple[list[str], dict[str, Any]]:
    """
    Return a query's filters as SQL; raise `InvalidValue` with every fault.

    Their parameters begin with `name`: those of several queries go into one statement.
    """
    faults, conditions, parameters = Faults(), [], {}
    for field, value in query.where.items():
        if field not in filters:
            known = ", ".join(filters)
            faults.add(field, "filter", f"this list can be filtered by {known}", value)
            continue
        read = faults.check(field, filters[field].read, value)
        conditions.append(filters[field].condition.replace("{}", f"%({name}_{field})s"))
        parameters[f"{name}_{field}"] = read
    faults.raise_any()
    return conditions, parameters


def counts_in(
    connection: Connection,
    source: str,
    filters: Mapping[str, Filter],
    wheres: Sequence[Mapping[str, str]],
    *,
    most: int,
) -> list[int]:
    """Count what each of some filters leaves of a list, up to `most`, in one statement."""
    counts, parameters = [], dict[str, Any](most=most)
    for place, where in enumerate(wheres):
        conditions, given = conditions_of(Query(where=where), filters, name=f"where_{place}")
        counts.append(
            f"(SELECT count(*) FROM (SELECT 1 FROM {source}"
            f" WHERE {' AND '.join(conditions) or 'true'} LIMIT %(most)s) AS counted)"
        )
        parameters |= given
    if not counts:
        return []
    [row] = connection.exec_driver_sql(f"SELECT ARRAY[{', '.join(counts)}]", parameters)
    return list(row[0])


def keys_in(
    connection: Connection,
    source: str,
    filters: Mapping[str, Filter],
    where: Mapping[str, str],
    *,
    key: str,
) -> list[str]:
    """Return the keys, in order, of all that filters leave of a list."""
    conditions, parameters = conditions_of(Query(where=where), filters)
    sql = (
        f"SELECT {key}::text AS key FROM {source}"
        f" WHERE {' AND '.join(conditions) or 'true'} ORDER BY {key}"
    )
    return [row["key"] for row in rows_of(connection, sql, parameters)]


def words_query(asked: Readings) -> str:
    """Return the `tsquery` of what has, for each word, one that begins with a reading of it."""
    either = (" | ".join(f"'{word}':*" for word in readings) for readings in asked)
    return " & ".join(f"({one})" for one in either)


def page_from(found: Sequence[L], limit: int) -> Page[L]:
    """Return a page of what was found in order of the key, one more than it holds."""
    items = tuple(found[:limit])
    more = len(found) > limit
    return Page(items=items, next=make_cursor(items[-1].key) if more else None)


def make_cursor(key: str) -> str:
    """Return an opaque cursor that leads on behind a key."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def read_cursor(cursor: str, kind: Callable[[str], K]) -> K:
    """Return the key behind a cursor; raise `InvalidValue` where no page gave it."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return kind(base64.b64decode(padded, altchars=b"-_", validate=True).decode())
    except (binascii.Error, ValueError):
        message = "the `next` of a page of this list"
        raise InvalidValue.of("cursor", "cursor", message, cursor) from None


def _read_id(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise InvalidValue.of("id", "id", "an id of 32 hexadecimal digits", value) from None


def _inserting(sheet: Sheet, key: str, *, listed: bool) -> str:
    """All rows with all their events, or neither."""
    back = "id, account_id" if listed else key
    directory = (
        ", listed AS (INSERT INTO directory (id, account_id) SELECT id, account_id FROM saved)"
        if listed
        else ""
    )
    return (
        f"WITH saved AS ({sheet.insert} ON CONFLICT DO NOTHING RETURNING {back}){directory},"
        f" noted AS ({EVENTS.insert} {_IF_ALL}) SELECT {key}::text FROM saved"
    )


def _updating(sheet: Sheet, key: str, *, listed: bool, noted: bool) -> str:
    keys = ("account_id", "id") if listed else (key,)
    changes = ", ".join(f"{name} = g.{name}" for name in sheet.columns if name not in keys)
    same = " AND ".join(f"t.{name} = g.{name}" for name in keys)
    given = f"{sheet.unnest[:-1]}, %(was)s::integer[]) AS g({', '.join(sheet.columns)}, was)"
    saved = (
        f"WITH saved AS (UPDATE {sheet.table} t SET {changes} FROM {given}"
        f" WHERE {same} AND t.version = g.was RETURNING t.{key})"
    )
    events = f", noted AS ({EVENTS.insert} {_IF_ALL})" if noted else ""
    return f"{saved}{events} SELECT {key}::text FROM saved"


_IF_ALL = "WHERE (SELECT count(*) FROM saved) = %(count)s"
