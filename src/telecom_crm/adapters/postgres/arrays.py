"""
Values for PostgreSQL, packed here in its binary format: one by one, and as columns of many.

A statement over arrays writes many rows at once. psycopg can pack lists itself, but looks at each
element to choose a type, and chooses another (and so another prepared statement) where a list
happens to hold only small numbers, or only nulls. Here the type is said once, and packing costs a
fifth.

The format: dimensions, has-nulls flag, element type, then length and lower bound of the one
dimension, then each element behind its length, -1 for null (PostgreSQL, `array_send`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from operator import attrgetter
from struct import Struct
from typing import Any
from uuid import UUID

import attrs

_HEAD = Struct("!iiI").pack
_EXTENT = Struct("!ii").pack
_LENGTH = Struct("!i").pack
_LONG = Struct("!q").pack
_LONG_ELEMENT = Struct("!iq").pack
_SHORT = Struct("!i").pack
_NULL = _LENGTH(-1)
_SIXTEEN = _LENGTH(16)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(2000, 1, 1).toordinal()

Elements = Callable[[Sequence[Any]], list[bytes]]
"""Packs the values of a column, none of them null, each behind its length."""


@attrs.frozen(eq=False)
class ValueType:
    """A type by the name SQL has for it, and how its values are packed, alone and in columns."""

    name: str
    pack_one: Callable[[Any], bytes] = attrs.field(repr=False)
    """Packs a value that is not null, ready for the wire."""
    _elements: Elements = attrs.field(repr=False)
    _empty: bytes = attrs.field(repr=False)
    _head: bytes = attrs.field(repr=False)

    @classmethod
    def of(
        cls,
        name: str,
        oid: int,
        pack_one: Callable[[Any], bytes],
        elements: Elements | None = None,
    ) -> ValueType:
        """Return the type; `elements` does for many what `pack_one` does, in less time."""

        def each(values: Sequence[Any]) -> list[bytes]:
            packed = map(pack_one, values)
            return [_LENGTH(len(raw)) + raw for raw in packed]

        return cls(name, pack_one, elements or each, _HEAD(0, 0, oid), _HEAD(1, 1, oid))

    def pack(self, values: Iterable[Any]) -> bytes:
        """Return a column of values, nulls among them, as an array ready for the wire."""
        column = values if isinstance(values, list) else list(values)
        if not column:
            return self._empty
        return b"".join((self._head, _EXTENT(len(column), 1), *self.elements(column)))

    def elements(self, column: Sequence[Any]) -> list[bytes]:
        """Return each value of a column that is not empty behind its length, as COPY has it too."""
        first, count = column[0], len(column)
        # Most columns of a batch hold one code, state or null throughout.
        if first is column[-1] and column.count(first) == count:
            return [_NULL if first is None else self._elements([first])[0]] * count
        if None in column:
            filled = iter(self._elements([value for value in column if value is not None]))
            return [_NULL if value is None else next(filled) for value in column]
        return self._elements(column)


def _instant(value: datetime) -> bytes:
    since = value - _EPOCH
    return _LONG((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def _day(value: date) -> bytes:
    return _SHORT(value.toordinal() - _EPOCH_DAY)


def _json(value: str) -> bytes:
    return b"\x01" + value.encode()  # the version of jsonb's own format


def _uuids(values: Sequence[UUID]) -> list[bytes]:
    return [_SIXTEEN + value.int.to_bytes(16, "big") for value in values]


def _numbers(values: Sequence[int]) -> list[bytes]:
    return [_LONG_ELEMENT(8, value) for value in values]


def _flag(value: bool) -> bytes:  # what is packed
    return b"\x01" if value else b"\x00"


UUIDS = ValueType.of("uuid", 2950, attrgetter("bytes"), _uuids)
TEXTS = ValueType.of("text", 25, str.encode)
JSONS = ValueType.of("jsonb", 3802, _json)
NUMBERS = ValueType.of("int8", 20, _LONG, _numbers)
DATES = ValueType.of("date", 1082, _day)
INSTANTS = ValueType.of("timestamptz", 1184, _instant)
INTEGERS = ValueType.of("int4", 23, _SHORT)
SMALL_INTEGERS = ValueType.of("int2", 21, Struct("!h").pack)
FLAGS = ValueType.of("bool", 16, _flag)
CHARS = ValueType.of("bpchar", 1042, str.encode)
