"""Ranges of the trade's numbers: what lies between a first and a last one, both included."""

from __future__ import annotations

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import ICCID, MSISDN, luhn_digit

LONGEST_RANGE = 10_000
"""So many at most are taken in by a range; more come in a file."""


def cards_between(first: ICCID, last: ICCID) -> list[ICCID]:
    """Return the cards from `first` to `last`, each with its own check digit."""
    bodies = _between(first.digits[:-1], last.digits[:-1])
    return [ICCID(body + luhn_digit(body)) for body in bodies]


def numbers_between(first: MSISDN, last: MSISDN) -> list[MSISDN]:
    """Return the phone numbers from `first` to `last`."""
    return [MSISDN(digits) for digits in _between(first.digits, last.digits)]


def _between(first: str, last: str) -> list[str]:
    if len(first) != len(last):
        raise InvalidValue.of("last", "range_length", "as many digits as the first has", last)
    size = int(last) - int(first) + 1
    if size < 1:
        raise InvalidValue.of("last", "range_order", "the first one, or one after it", last)
    if size > LONGEST_RANGE:
        message = f"at most {LONGEST_RANGE} from the first on; bring more in a file"
        raise InvalidValue.of("last", "range_size", message, last)
    return [f"{n:0{len(first)}}" for n in range(int(first), int(last) + 1)]
