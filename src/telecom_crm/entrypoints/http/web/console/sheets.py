"""
Values as forms: one mechanism for every kind of rules, and for the terms of the catalog.

A box is named by the place of its value in the JSON, so that what a reader finds wrong lands
beside it: `weights.phone` is the value of `phone` in the object `weights`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

import attrs

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.forms import Form, read_day
from telecom_crm.entrypoints.http.web.i18n import here
from telecom_crm.entrypoints.http.web.labels import label

LINES, FLAG, TICKS, CHOICE, TEXT = "lines", "flag", "ticks", "choice", "text"
AREA = "area"
"""
How a box looks: a line for each value, one box to tick, several, a list, a line of text, a text.
"""

Words = Callable[[], str]
_SPAN = re.compile(r"([0-9]{1,2}:[0-9]{2})\s*[-–]\s*([0-9]{1,2}:[0-9]{2})")


@attrs.frozen(kw_only=True)
class Box:
    """
    One value of a form.

    `read` makes JSON of a text (or of one of its lines) that was typed, `write` the text of JSON.
    What may be left out is left out of the JSON, and the default of its class holds. An amount
    says its currency.
    """

    name: str
    words: Words
    hint: Words | None = None
    look: str = TEXT
    currency: str = ""
    options: Sequence[StrEnum] = ()
    required: bool = True
    read: Callable[[str], Any] = str
    write: Callable[[Any], str] = str

    @property
    def choices(self) -> list[tuple[str, str]]:
        """What a list offers: values and their words."""
        return [(one.value, label(one)) for one in self.options]

    def typed(self, form: Form) -> Any:
        """Return the value of a form as JSON, or None where there is none."""
        if self.look == FLAG:
            return form.flag(self.name)
        if self.look == TICKS:
            return form.all(self.name)
        if self.look == LINES:
            lines = [line.strip() for line in form.raw(self.name).splitlines()]
            return form.read(self.name, lambda _: [self.read(one) for one in lines if one], False)
        return form.read(self.name, self.read, self.required)

    def shown(self, value: Any) -> Any:
        """Return JSON as the form shows it."""
        if self.look == TICKS:
            return list(value or ())
        if value is None:
            return ""
        if self.look == FLAG:
            return "true" if value else ""
        if self.look == LINES:
            return "\n".join(map(self.write, value))
        return self.write(value)


@attrs.frozen(kw_only=True)
class Sheet:
    """One kind of rules: how they are read and put as JSON, and the boxes of their form."""

    slug: str
    kind: str
    words: Words
    about: Words
    icon: str
    groups: Callable[[], list[tuple[str, list[Box]]]]
    load: Callable[[Crm], Mapping[str, Any]]
    save: Callable[[Crm, Mapping[str, Any], int | None, Actor], object]

    @property
    def boxes(self) -> list[Box]:
        """All its boxes."""
        return [box for _, boxes in self.groups() for box in boxes]

    def filled(self, crm: Crm) -> Form:
        """Return a form that shows the rules as they are."""
        return Form.filled(**shown(self.boxes, self.load(crm)))

    def put(self, crm: Crm, form: Form, by: Actor) -> bool:
        """Put the rules of a form; False where something is wrong with them."""
        raw = typed(self.boxes, form)
        form.submit(self.save, crm, raw, form.version, by)
        gather(self.boxes, form)
        return form.ok


def shown(boxes: Iterable[Box], raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the boxes show of some JSON, by their names."""
    return {box.name: box.shown(_value(raw, box.name)) for box in boxes}


def typed(boxes: Iterable[Box], form: Form) -> dict[str, Any]:
    """Return what was typed into the boxes of a form as JSON; what is wrong is in the form."""
    found: dict[str, Any] = {}
    for box in boxes:
        *path, last = box.name.split(".")
        inner = found
        for part in path:
            inner = inner.setdefault(part, {})
        if (value := box.typed(form)) is not None:
            inner[last] = value
    return found


def gather(boxes: Iterable[Box], form: Form) -> None:
    """Let faults of a part of a box's value stand beside the box."""
    names = [box.name for box in boxes]

    def beside(field: str) -> str:
        return next((n for n in names if field == n or field.startswith(f"{n}.")), field)

    form.faults = [attrs.evolve(one, field=beside(one.field)) for one in form.faults]


def whole(raw: str) -> int:
    """Read a whole number."""
    if not re.fullmatch(r"[0-9]{1,9}", raw, re.ASCII):
        raise InvalidValue.of("", "number", "a whole number")
    return int(raw)


def decimal(raw: str) -> str:
    """Read a decimal number, with a point or a comma."""
    try:
        value = Decimal(raw.replace(",", "."))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise InvalidValue.of("", "decimal", "a number, such as 1.5")
    return str(value)


def amount_in(currency: str) -> Callable[[str], dict[str, str]]:
    """Return a reader of amounts as people write them."""

    def read(raw: str) -> dict[str, str]:
        plain = re.sub(r"[\s\u00a0\u202f]+", "", raw).replace(",", ".")
        money = Money.parse(plain, currency)
        return {"amount": money.amount, "currency": money.currency}

    return read


def amount_written(value: Mapping[str, str]) -> str:
    """Write an amount without its currency."""
    return here().typed(value["amount"])


def spans(raw: str) -> list[list[str]]:
    """Read times of day, as `09:00-13:00, 14:00-18:00`."""
    found = []
    for part in raw.split(","):
        span = _SPAN.fullmatch(part.strip())
        if span is None:
            raise InvalidValue.of("", "hours", "times, such as 09:00-18:00")
        found.append([one.zfill(5) for one in span.groups()])
    return found


def spans_written(value: Iterable[Sequence[str]]) -> str:
    """Write times of day."""
    return ", ".join(f"{start[:5]}-{end[:5]}" for start, end in value)


def day(raw: str) -> str:
    """Read a day."""
    return read_day(raw).isoformat()


def _value(raw: Mapping[str, Any], name: str) -> Any:
    found: Any = raw
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
