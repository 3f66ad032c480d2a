"""What bodies are made of: money, and texts that have a form of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import ICCID, MSISDN
from telecom_crm.domain.money import Money

YEARS = range(1900, 3000)
"""The years that an instant in a request may lie in."""


class Body(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a request says. A field that is not known is refused."""


class MoneyBody(Body):
    """An exact amount in major units: `{"amount": "150.00", "currency": "KGS"}`."""

    amount: Annotated[
        str, msgspec.Meta(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,3})?$", examples=["150.00"])
    ]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", examples=["KGS"])]

    def __post_init__(self) -> None:
        _ = self.money

    @property
    def money(self) -> Money:
        """The amount as a value."""
        return Money.parse(self.amount, self.currency)


class MsisdnText(str):
    """A phone number: in E.164 once it is read, however it was written."""

    @property
    def value(self) -> MSISDN:
        """The number as a value."""
        return MSISDN(str(self))


class ContactText(MsisdnText):
    """A phone number of a person; what is wrong with it is told with the person's other faults."""


class IccidText(str):
    """The serial number of a SIM card."""

    @property
    def value(self) -> ICCID:
        """The number as a value."""
        return ICCID(str(self))


class InstantText(str):
    """An instant, with its zone."""

    @property
    def value(self) -> datetime:
        """The instant in UTC."""
        return read_instant(self)


_PHONE = {
    "type": "string",
    "minLength": 1,
    "maxLength": 60,
    "description": "E.164, or as it is dialled in the operator's country.",
    "examples": ["+996555123456", "0555 123456"],
}
SCHEMAS: dict[type, dict[str, Any]] = {
    MsisdnText: _PHONE,
    ContactText: {**_PHONE, "minLength": 0},
    IccidText: {"type": "string", "pattern": "^89[0-9]{17,18}$"},
    InstantText: {
        "type": "string",
        "format": "date-time",
        "examples": ["2026-01-31T00:00:00Z"],
    },
}
"""How texts with a form of their own are described."""

Reason = Annotated[str, msgspec.Meta(max_length=1000)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Code = Annotated[str, msgspec.Meta(pattern="^[A-Z0-9_-]{1,30}$")]
Codes = Annotated[list[Code], msgspec.Meta(max_length=50)]
Named = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Because(Body):
    """Why something is done, where somebody wants to say."""

    reason: Reason = ""


class Why(Body):
    """Why something is done; it has to be said."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


def read_instant(raw: str) -> datetime:
    """Read an RFC 3339 instant; raise `InvalidValue`."""
    message = f"an instant with its zone, such as 2026-01-31T00:00:00Z, {YEARS[0]} to {YEARS[-1]}"
    try:
        found = msgspec.convert(raw, _Instant)
        if found.year not in YEARS:
            raise ValueError(found.year)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidValue.of("instant", "instant", message) from None


_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
