"""Pages of lists: what can be filtered, how a filter's text is read, and cursors."""

from __future__ import annotations

import base64
import binascii
import functools
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from types import UnionType
from typing import Any
from uuid import UUID

from telecom_crm.application.ports import FILTERS
from telecom_crm.domain.errors import Faults, InvalidValue
from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN
from telecom_crm.domain.profile import folded_city

Term = tuple[str, ...]
"""A field's name and a value as text: what things are found by."""

_READ: Mapping[tuple[str, str], Callable[[str], str]] = {("customer", "city"): folded_city}
"""Filters whose text is read before it is compared."""
_OTHER_NAMES = {("contract", "tariff"): "tariff_code", ("payment", "receipt"): "receipt_ending"}
"""Filters whose field is called otherwise in the thing."""


def text_of(value: object) -> str:
    """Return a key or a value as text: digits of numbers, values of enums, ids as written."""
    if isinstance(value, ICCID | IMSI | MSISDN):
        return value.digits
    return str(value.value) if isinstance(value, Enum) else str(value)


def terms_of(name: str, thing: object) -> list[Term]:
    """Return what a thing of a list can be filtered by; a field that is None matches nothing."""
    found = ((field, getattr(thing, _attribute(name, field))) for field in FILTERS[name])
    return [(field, text_of(value)) for field, value in found if value is not None]


def read_where(name: str, kind: type, where: Mapping[str, str]) -> list[Term]:
    """Return the filters of a list as terms; raise `InvalidValue` with every fault."""
    faults = Faults()
    terms: list[Term] = []
    for field, raw in where.items():
        if field not in FILTERS[name]:
            faults.add(field, "filter", f"{name} is filtered by {', '.join(FILTERS[name])}")
            continue
        read = _READ.get((name, field)) or _reader(kind, _attribute(name, field))
        if (text := faults.check(field, read, raw)) is not None:
            terms.append((field, text))
    faults.raise_any()
    return terms


def to_cursor(text: str) -> str:
    """Wrap a position, so that nobody builds on its form."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def from_cursor(cursor: str) -> str:
    """Return the position in a cursor, or raise `InvalidValue`."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (UnicodeError, binascii.Error):
        raise bad_cursor(cursor) from None


def bad_cursor(cursor: str) -> InvalidValue:
    """Return the error for a cursor that no page gave out."""
    return InvalidValue.of("cursor", "cursor", "the `next` of an earlier page", cursor[:40])


def _attribute(name: str, field: str) -> str:
    return _OTHER_NAMES.get((name, field), field)


@functools.cache
def _reader(kind: type, attribute: str) -> Callable[[str], str]:
    made_by = getattr(kind, attribute, None)
    told = typing.get_type_hints(made_by.fget) if isinstance(made_by, property) else {}
    hint = told.get("return") or typing.get_type_hints(kind).get(attribute, str)
    is_union = typing.get_origin(hint) in (typing.Union, UnionType)
    options = typing.get_args(hint) if is_union else (hint,)
    made: Any = next(option for option in options if option is not type(None))
    made = getattr(made, "__supertype__", made)  # a NewType is its UUID
    if made is str:
        return str

    def read(raw: str) -> str:
        try:
            return text_of(made(raw))
        except (ValueError, AttributeError):
            expected = "an id" if made is UUID else _words(made)
            raise InvalidValue.of(attribute, attribute, expected, raw[:40]) from None

    return read


def _words(made: type) -> str:
    return f"one of {', '.join(map(text_of, made))}" if issubclass(made, Enum) else made.__name__
