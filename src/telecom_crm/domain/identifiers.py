"""The numbers of the trade (MSISDN, ICCID, IMSI) and the typed ids of things."""

from __future__ import annotations

from typing import NewType, TypeVar
from uuid import UUID

import attrs

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.text import is_digits

CustomerId = NewType("CustomerId", UUID)
ApplicationId = NewType("ApplicationId", UUID)
ContractId = NewType("ContractId", UUID)
AccountId = NewType("AccountId", UUID)
DocumentId = NewType("DocumentId", UUID)
EditionId = NewType("EditionId", UUID)
EntryId = NewType("EntryId", UUID)
ImportId = NewType("ImportId", UUID)
NoteId = NewType("NoteId", UUID)
NotificationId = NewType("NotificationId", UUID)
PaymentId = NewType("PaymentId", UUID)
RefundId = NewType("RefundId", UUID)
ReservationId = NewType("ReservationId", UUID)
TaskId = NewType("TaskId", UUID)
TicketId = NewType("TicketId", UUID)
TokenId = NewType("TokenId", UUID)
WebhookId = NewType("WebhookId", UUID)
ApprovalId = NewType("ApprovalId", UUID)
UserId = NewType("UserId", UUID)
SessionId = NewType("SessionId", UUID)


def _without_plus(value: str) -> str:
    return value[1:] if value[:1] == "+" else value


@attrs.frozen
class MSISDN:
    """
    A subscriber's phone number in E.164 (ITU-T): country code first, digits only, without the plus.
    """

    digits: str = attrs.field(converter=_without_plus)

    @digits.validator
    def _check(self, _: object, value: str) -> None:
        if not (8 <= len(value) <= 15 and value[0] != "0" and is_digits(value)):
            message = "8 to 15 digits with the country code and no leading zero (ITU-T E.164)"
            raise InvalidValue.of("msisdn", "msisdn_format", message, value)

    def __str__(self) -> str:
        return f"+{self.digits}"


_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")
"""Each digit's double, its own digits added up."""


def luhn_is_right(digits: str) -> bool:
    """Tell whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    codes = digits.encode()
    total = sum(codes[-1::-2]) + sum(codes[-2::-2].translate(_DOUBLED))
    return (total - ord("0") * len(codes)) % 10 == 0


def luhn_digit(digits: str) -> str:
    """Return the check digit that belongs behind some digits."""
    return next(digit for digit in "0123456789" if luhn_is_right(digits + digit))


@attrs.frozen
class ICCID:
    """
    The serial number of a SIM card (ITU-T E.118): 19 or 20 digits from 89 on, the last a check
    digit.
    """

    digits: str = attrs.field()

    @digits.validator
    def _check(self, _: object, value: str) -> None:
        if not (len(value) in (19, 20) and value.startswith("89") and is_digits(value)):
            message = "19 or 20 digits that start with 89 (ITU-T E.118)"
            raise InvalidValue.of("iccid", "iccid_format", message, value)
        if not luhn_is_right(value):
            message = "the last digit must be the Luhn check digit of the others (ITU-T E.118)"
            raise InvalidValue.of("iccid", "iccid_luhn", message, value)

    def __str__(self) -> str:
        return self.digits


@attrs.frozen
class IMSI:
    """
    The subscriber's identity in the network (ITU-T E.212): 15 digits, country and network code
    first.
    """

    digits: str = attrs.field()

    @digits.validator
    def _check(self, _: object, value: str) -> None:
        if not (len(value) == 15 and is_digits(value)):
            raise InvalidValue.of("imsi", "imsi_format", "15 digits (ITU-T E.212)", value)

    def __str__(self) -> str:
        return self.digits


N = TypeVar("N", MSISDN, ICCID, IMSI)


def as_stored(kind: type[N], digits: str) -> N:
    """
    Return a number that was checked when it was taken in, which is not done again.

    So a rule that has become stricter leaves what is stored readable.
    """
    made = object.__new__(kind)
    object.__setattr__(made, "digits", digits)
    return made
