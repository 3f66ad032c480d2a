"""
Values out of plain JSON or TOML, with every fault at once and the path of each; and back again.

A *reader* takes a raw value and returns what it means, or raises `InvalidValue`. The faults of a
plain value have an empty field; whoever holds the value says where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import partial
from typing import Any, TypeVar

import attrs

from telecom_crm.domain.errors import Fault, Faults, InvalidValue
from telecom_crm.domain.money import Money

T = TypeVar("T")
E = TypeVar("E", bound=Enum)
Reader = Callable[[Any], Any]


def structure(kind: Callable[..., T], raw: object, fields: Mapping[str, Reader]) -> T:
    """
    Make a value of an attrs class out of an object whose fields are read by `fields`.

    A field that is left out takes the class's default; where it has none, it is a fault, and so is
    a field that is not known. A field's validator is asked by itself, so that no fault hides
    another: it may look at nothing but its field.
    """
    if not isinstance(raw, Mapping):
        raise InvalidValue.of("", "object", "an object with fields", _short(raw))
    faults, values = Faults(), {}
    for name in raw:
        if name not in fields:
            faults.extend([Fault.unknown(_short(name), fields)])
    shape: Any = kind  # typed as a class it would lose the type of the result
    known = attrs.fields_dict(shape)
    for name, read in fields.items():
        if name in raw:
            try:
                values[name] = read(raw[name])
            except InvalidValue as error:
                faults.extend(at(name, error))
            else:
                faults.check(name, partial(_validated, known[name]), values[name])
        elif known[name].default is attrs.NOTHING:
            faults.add(name, "missing", "is required")
    faults.raise_any()
    return kind(**values)


def at(path: str, error: InvalidValue) -> tuple[Fault, ...]:
    """Return an error's faults as those of the value at a path."""
    return tuple(
        attrs.evolve(fault, field=f"{path}.{fault.field}" if fault.field else path)
        for fault in error.faults
    )


def scalar(make: Callable[[Any], T]) -> Callable[[Any], T]:
    """Return a reader that forgets under which name `make` complains: the holder knows better."""

    def read(raw: Any) -> T:
        try:
            return make(raw)
        except InvalidValue as error:
            raise InvalidValue(tuple(attrs.evolve(f, field="") for f in error.faults)) from None

    return read


def text(raw: object) -> str:
    """Read a text."""
    if not isinstance(raw, str):
        raise InvalidValue.of("", "text", "a text", _short(raw))
    return raw


def whole(raw: object) -> int:
    """Read a whole number."""
    if type(raw) is not int or abs(raw) >= 10**17:
        raise InvalidValue.of("", "whole_number", "a whole number", _short(raw))
    return raw


def flag(raw: object) -> bool:
    """Read true or false."""
    if not isinstance(raw, bool):
        raise InvalidValue.of("", "flag", "true or false", _short(raw))
    return raw


def decimal(raw: Any) -> Decimal:
    """Read a decimal number, written as a text or a whole number."""
    try:
        short = isinstance(raw, str) and len(raw) <= 40 and raw.isascii()
        value = Decimal(raw if short else whole(raw))
    except (InvalidOperation, InvalidValue):
        value = Decimal("NaN")
    if not value.is_finite():
        raise InvalidValue.of("", "decimal", 'a number like "12.5", as a text', _short(raw))
    return value


def chosen(kind: type[E]) -> Callable[[Any], E]:
    """Return a reader of an enum's values."""

    def read(raw: object) -> E:
        for member in kind:
            if member.value == raw:
                return member
        options = ", ".join(str(member.value) for member in kind)
        raise InvalidValue.of("", "choice", f"one of {options}", _short(raw))

    return read


def listed(read: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    """Return a reader of a list of what `read` reads; faults are numbered from 0."""

    def read_all(raw: object) -> tuple[T, ...]:
        faults = Faults()
        values = readable(raw, read, faults)
        faults.raise_any()
        return tuple(values.values())

    return read_all


def readable(raw: object, read: Callable[[Any], T], faults: Faults) -> dict[int, T]:
    """Return what can be read of a list, by its place from 0, and keep the faults of the rest."""
    values: dict[int, T] = {}
    if not isinstance(raw, list | tuple):
        faults.add("", "list", "a list", _short(raw))
        return values
    for place, item in enumerate(raw):
        try:
            values[place] = read(item)
        except InvalidValue as error:
            faults.extend(at(str(place), error))
    return values


def keyed(key: Callable[[Any], T], read: Reader) -> Callable[[Any], dict[T, Any]]:
    """Return a reader of an object with keys of one kind and values of one kind."""

    def read_all(raw: object) -> dict[T, Any]:
        if not isinstance(raw, Mapping):
            raise InvalidValue.of("", "object", "an object", _short(raw))
        faults, values = Faults(), {}
        for name, item in raw.items():
            try:
                values[key(name)] = read(item)
            except InvalidValue as error:
                faults.extend(at(_short(name), error))
        faults.raise_any()
        return values

    return read_all


def or_none(read: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """Return a reader that also takes null."""
    return lambda raw: None if raw is None else read(raw)


def money(raw: object) -> Money:
    """Read `{"amount": "150.00", "currency": "KGS"}`."""
    read = structure(_Amount, raw, {"amount": text, "currency": text})
    return Money.parse(read.amount, read.currency)


def money_in(currency: str) -> Callable[[Any], Money]:
    """Return a reader of amounts such as "150.00" in one currency."""

    def read(raw: Any) -> Money:
        if not isinstance(raw, str):
            message = f'an amount as a text, such as "{Money(15000, currency).amount}"'
            raise InvalidValue.of("", "text", message, _short(raw))
        return Money.parse(raw, currency)

    return scalar(read)


def day(raw: object) -> date:
    """Read a date, from a text or as TOML has it."""
    if type(raw) is date:
        return raw
    return _iso(date.fromisoformat, raw, "a date written YYYY-MM-DD")


def clock_time(raw: object) -> time:
    """Read a time of day."""
    return _iso(time.fromisoformat, raw, "a time written HH:MM")


def instant(raw: object) -> datetime:
    """Read an instant with its zone."""
    found = raw if isinstance(raw, datetime) else _iso(datetime.fromisoformat, raw, _INSTANT)
    if found.tzinfo is None:
        raise InvalidValue.of("", "instant", _INSTANT, _short(raw))
    return found


def hours(raw: object) -> timedelta:
    """Read a span of time in hours."""
    try:
        return timedelta(hours=float(decimal(raw)))
    except OverflowError:
        raise InvalidValue.of("", "hours", "a number of hours", _short(raw)) from None


def plain(value: Any) -> Any:
    """Return a value as the plain JSON that the readers above read."""
    if isinstance(value, Money):
        return {"amount": value.amount, "currency": value.currency}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, timedelta):
        return str(Decimal(int(value.total_seconds())) / 3600)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if attrs.has(type(value)):
        return {
            field.name: plain(getattr(value, field.name)) for field in attrs.fields(type(value))
        }
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(plain(item) for item in value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def unique(things: Iterable[T], key: Callable[[T], object], *, what: str) -> tuple[T, ...]:
    """Return the things, or raise `InvalidValue` where two have the same key."""
    found: dict[object, T] = {}
    faults = Faults()
    for place, thing in enumerate(things):
        if key(thing) in found:
            faults.add(str(place), f"{what}_twice", f"each {what} once", key(thing))
        found[key(thing)] = thing
    faults.raise_any()
    return tuple(found.values())


_INSTANT = "an instant with its zone, such as 2026-01-31T00:00:00Z"


@attrs.frozen
class _Amount:
    amount: str
    currency: str


def _validated(field: attrs.Attribute[Any], value: Any) -> None:
    if field.validator is not None:
        field.validator(None, field, value)


def _iso(read: Callable[[str], T], raw: object, message: str) -> T:
    try:
        return read(text(raw))
    except (ValueError, InvalidValue):
        raise InvalidValue.of("", "format", message, _short(raw)) from None


def _short(raw: object) -> str:
    shown = raw if isinstance(raw, str) else type(raw).__name__
    return "".join(char if char.isprintable() else "\ufffd" for char in shown[:60])
