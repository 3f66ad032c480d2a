"""
Rows of a table as columns: as the arrays of a statement, or packed for COPY.

Statements are made once per table, so that the driver prepares them. COPY is its binary format: a
signature, then each row as the number of its fields and each field behind its length
(PostgreSQL, "COPY, Binary Format").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat
from struct import Struct
from typing import Any, cast

import attrs
import psycopg
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql

from telecom_crm.adapters.postgres import arrays
from telecom_crm.adapters.postgres.arrays import ValueType

Row = dict[str, Any]
Columns = Mapping[str, Sequence[Any]]
"""The values of each column, as many as there are rows."""

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
_TYPES: Mapping[str, ValueType] = {
    "UUID": arrays.UUIDS,
    "TEXT": arrays.TEXTS,
    "JSONB": arrays.JSONS,
    "BIGINT": arrays.NUMBERS,
    "INTEGER": arrays.INTEGERS,
    "SMALLINT": arrays.SMALL_INTEGERS,
    "BOOLEAN": arrays.FLAGS,
    "DATE": arrays.DATES,
    "TIMESTAMP WITH TIME ZONE": arrays.INSTANTS,
    "CHAR(3)": arrays.CHARS,
}
_QUOTED = frozenset({"TEXT", "JSONB"})
_SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_END = b"\xff\xff"
_COUNT = Struct("!h").pack


@attrs.frozen(init=False)
class Sheet:
    """The columns of a table that are written from Python, and the SQL that writes them."""

    table: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    unnest: str
    """The rows as a table expression over array parameters."""
    insert: str
    copy: str
    prefix: str
    """What the parameters' names begin with, so that two sheets fit into one statement."""
    _packers: tuple[ValueType, ...]

    def __init__(self, table: Table, *, left_out: Sequence[str] = (), prefix: str = "") -> None:
        columns = tuple(column for column in table.columns if column.name not in left_out)
        names = tuple(column.name for column in columns)
        compiled = (column.type.compile(dialect=_DIALECT) for column in columns)
        types = tuple(kind.partition(" COLLATE")[0] for kind in compiled)
        parameters = ", ".join(
            f"%({prefix}{name})s::{kind}[]" for name, kind in zip(names, types, strict=True)
        )
        listed = ", ".join(names)
        self.__attrs_init__(
            table.name,
            names,
            types,
            f"unnest({parameters})",
            f"INSERT INTO {table.name} ({listed}) SELECT * FROM unnest({parameters})",
            f"COPY {table.name} ({listed}) FROM STDIN (FORMAT BINARY)",
            prefix,
            tuple(_TYPES[kind] for kind in types),
        )

    def columns_of(self, rows: Sequence[Row]) -> Columns:
        """Return rows as columns."""
        return {name: [row[name] for row in rows] for name in self.columns}

    def arrays(self, rows: Sequence[Row]) -> dict[str, str]:
        """Return the parameters of `unnest`: an array literal for each column."""
        return self.arrays_of(self.columns_of(rows))

    def arrays_of(self, columns: Columns) -> dict[str, str]:
        """Return the parameters of `unnest` for rows that are columns already."""
        kinds = zip(self.columns, self.types, strict=True)
        return {
            self.prefix + name: array_of(columns[name], quoted=kind in _QUOTED)
            for name, kind in kinds
        }

    def copy_in(self, connection: Connection, *batches: Columns) -> None:
        """
        Add many new rows; a key that is taken fails the transaction.

        What the rows of a batch have in common is packed once.
        """
        with driver_of(connection).cursor() as cursor, cursor.copy(self.copy) as copy:
            copy.write(_SIGNATURE)
            for columns in batches:
                copy.write(self._packed(columns))
            copy.write(_END)

    def _packed(self, columns: Columns) -> bytes:
        fields = [
            packer.elements(columns[name])
            for name, packer in zip(self.columns, self._packers, strict=True)
        ]
        heads = repeat(_COUNT(len(fields)), len(fields[0]))
        return b"".join(chain.from_iterable(zip(heads, *fields, strict=True)))


def array_of(values: Iterable[Any], *, quoted: bool = False) -> str:
    """Return a PostgreSQL array literal; much quicker than the driver's own list of values."""
    told = _quote if quoted else str
    return "{" + ",".join(["NULL" if value is None else told(value) for value in values]) + "}"


def driver_of(connection: Connection) -> psycopg.Connection[Any]:
    """Return psycopg's own connection, for what SQLAlchemy has no words for."""
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)


def rows_of(connection: Connection, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
    """Run a statement and return its rows by column."""
    result = connection.exec_driver_sql(sql, dict(parameters))
    names = tuple(result.keys())
    return [dict(zip(names, row, strict=True)) for row in result.all()]


def _quote(value: str) -> str:
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    if '"' in value:
        value = value.replace('"', '\\"')
    return f'"{value}"'
