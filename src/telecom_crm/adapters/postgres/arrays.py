"""
Columns of values as PostgreSQL arrays, packed here in the binary format.

A statement over arrays writes many rows at once. psycopg can pack lists itself, but looks at each
element to choose a type, and chooses another (and so another prepared statement) where a list
happens to hold only small numbers, or only nulls. Here the type is said once, and packing costs a
fifth.

The format: dimensions, has-nulls flag, element type, then length and lower bound of the one
dimension, then each element behind its length, -1 for null (PostgreSQL, `array_send`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from struct import Struct
from typing import Any, ClassVar
from uuid import UUID

import attrs
import psycopg
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format
from psycopg.rows import dict_row

_HEAD = Struct("!iiIii")
_EMPTY = Struct("!iiI")
_LENGTH = Struct("!i").pack
_LONG = Struct("!iq").pack
_SHORT = Struct("!ii").pack
_NULL = _LENGTH(-1)
_SIXTEEN = _LENGTH(16)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(2000, 1, 1).toordinal()


class PackedArray(bytes):
    """An array ready for the wire; the subclass says of what."""

    element_oid: ClassVar[int]
    array_oid: ClassVar[int]

    @classmethod
    def _of(cls, parts: Sequence[bytes]) -> PackedArray:
        if not parts:
            return cls(_EMPTY.pack(0, 0, cls.element_oid))
        return cls(_HEAD.pack(1, 1, cls.element_oid, len(parts), 1) + b"".join(parts))


class Uuids(PackedArray):
    """uuid[]"""

    element_oid, array_oid = 2950, 2951

    @classmethod
    def of(cls, values: Iterable[UUID | None]) -> PackedArray:
        """Pack ids."""
        return cls._of([_NULL if v is None else _SIXTEEN + v.bytes for v in values])


class Texts(PackedArray):
    """text[]"""

    element_oid, array_oid = 25, 1009

    @classmethod
    def of(cls, values: Iterable[str | None]) -> PackedArray:
        """Pack texts."""
        parts = []
        for value in values:
            if value is None:
                parts.append(_NULL)
            else:
                raw = value.encode()
                parts.append(_LENGTH(len(raw)) + raw)
        return cls._of(parts)


class BigInts(PackedArray):
    """int8[]"""

    element_oid, array_oid = 20, 1016

    @classmethod
    def of(cls, values: Iterable[int | None]) -> PackedArray:
        """Pack whole numbers."""
        return cls._of([_NULL if v is None else _LONG(8, v) for v in values])


class Dates(PackedArray):
    """date[]"""

    element_oid, array_oid = 1082, 1182

    @classmethod
    def of(cls, values: Iterable[date | None]) -> PackedArray:
        """Pack dates."""
        return cls._of(
            [_NULL if v is None else _SHORT(4, v.toordinal() - _EPOCH_DAY) for v in values]
        )


class Instants(PackedArray):
    """timestamptz[]"""

    element_oid, array_oid = 1184, 1185

    @classmethod
    def of(cls, values: Iterable[datetime]) -> PackedArray:
        """Pack instants; rows of one batch mostly share theirs."""
        parts, last, packed = [], None, b""
        for value in values:
            if value is not last:
                since = value - _EPOCH
                micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
                last, packed = value, _LONG(8, micros)
            parts.append(packed)
        return cls._of(parts)


def _dumper(kind: type[PackedArray]) -> type[Dumper]:
    class PackedDumper(Dumper):
        """Hands the bytes on as they are."""

        format = Format.BINARY
        oid = kind.array_oid

        def dump(self, obj: Buffer) -> Buffer:
            return obj

    return PackedDumper


# For every connection of the process: these types are ours, so nobody else's values are touched.
for _kind in (Uuids, Texts, BigInts, Dates, Instants):
    psycopg.adapters.register_dumper(_kind, _dumper(_kind))


@attrs.frozen
class ArrayStatement:
    """
    A statement whose parameters are arrays, by name.

    Its placeholders are numbered once, here: psycopg does not keep what it found out about a long
    query, and would look for placeholders in it again at each execution.
    """

    text: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, template: str) -> ArrayStatement:
        """Number the `%(name)s` of a template."""
        names: dict[str, int] = {}

        def number(found: re.Match[str]) -> str:
            return f"${names.setdefault(found[1], len(names) + 1)}"

        return cls(re.sub(r"%\((\w+)\)s", number, template), tuple(names))

    def execute(
        self, connection: psycopg.Connection[Any], arrays: Mapping[str, PackedArray]
    ) -> psycopg.RawCursor[dict[str, Any]]:
        """Run it and return the cursor; its rows are mappings."""
        cursor = psycopg.RawCursor(connection, row_factory=dict_row)
        return cursor.execute(self.text, [arrays[name] for name in self.names])
