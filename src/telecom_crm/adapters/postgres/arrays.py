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

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from struct import Struct
from typing import Any
from uuid import UUID

import attrs

_HEAD = Struct("!iiI").pack
_EXTENT = Struct("!ii").pack
_LENGTH = Struct("!i").pack
_LONG = Struct("!iq").pack
_SHORT = Struct("!ii").pack
_NULL = _LENGTH(-1)
_SIXTEEN = _LENGTH(16)
_ONE = _EXTENT(1, 1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(2000, 1, 1).toordinal()
_LONGEST_CODE = 24
_CODES = 1024


@attrs.frozen(eq=False)
class ArrayType:
    """An array type by the name SQL has for it, and how a column of values is packed as one."""

    name: str
    _empty: bytes = attrs.field(repr=False)
    _head: bytes = attrs.field(repr=False)
    _elements: Callable[[Iterable[Any]], list[bytes]] = attrs.field(repr=False)
    _often: dict[str | None, bytes] = attrs.field(factory=dict, init=False, repr=False)

    @classmethod
    def of(
        cls, name: str, element_oid: int, elements: Callable[[Iterable[Any]], list[bytes]]
    ) -> ArrayType:
        """Return the type; `elements` packs each value behind its length."""
        return cls(name, _HEAD(0, 0, element_oid), _HEAD(1, 1, element_oid), elements)

    def pack(self, values: Iterable[Any]) -> bytes:
        """Return the array, ready for the wire."""
        elements = self._elements(values)
        if not elements:
            return self._empty
        return b"".join((self._head, _EXTENT(len(elements), 1), *elements))

    def pack_one(self, value: Any) -> bytes:
        """Return an array of one value, in less time; those that come often are packed once."""
        if value is not None and not (isinstance(value, str) and len(value) <= _LONGEST_CODE):
            return b"".join((self._head, _ONE, *self._elements((value,))))
        packed = self._often.get(value)
        if packed is None:
            if len(self._often) >= _CODES:
                self._often.clear()
            packed = self._often[value] = b"".join((self._head, _ONE, *self._elements((value,))))
        return packed


def _uuids(values: Iterable[UUID | None]) -> list[bytes]:
    return [_NULL if v is None else _SIXTEEN + v.bytes for v in values]


def _texts(values: Iterable[str | None], mark: bytes = b"") -> list[bytes]:
    elements: list[bytes] = []
    last, packed = None, _NULL
    for value in values:
        if value is not last:  # the rows of a batch mostly share their codes and states
            last = value
            if value is None:
                packed = _NULL
            else:
                raw = mark + value.encode()
                packed = _LENGTH(len(raw)) + raw
        elements.append(packed)
    return elements


def _jsons(values: Iterable[str | None]) -> list[bytes]:
    return _texts(values, mark=b"\x01")  # the version of jsonb's own format


def _numbers(values: Iterable[int | None]) -> list[bytes]:
    return [_NULL if v is None else _LONG(8, v) for v in values]


def _dates(values: Iterable[date | None]) -> list[bytes]:
    return [_NULL if v is None else _SHORT(4, v.toordinal() - _EPOCH_DAY) for v in values]


def _instants(values: Iterable[datetime]) -> list[bytes]:
    elements: list[bytes] = []
    last, packed = None, b""
    for value in values:
        if value is not last:  # the rows of one thing share theirs
            since = value - _EPOCH
            micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
            last, packed = value, _LONG(8, micros)
        elements.append(packed)
    return elements


UUIDS = ArrayType.of("uuid[]", 2950, _uuids)
TEXTS = ArrayType.of("text[]", 25, _texts)
JSONS = ArrayType.of("jsonb[]", 3802, _jsons)
NUMBERS = ArrayType.of("int8[]", 20, _numbers)
DATES = ArrayType.of("date[]", 1082, _dates)
INSTANTS = ArrayType.of("timestamptz[]", 1184, _instants)
