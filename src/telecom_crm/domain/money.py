"""Exact amounts of money: an integer number of minor units and an ISO 4217 currency."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import total_ordering
from typing import Any, ClassVar

import attrs

from telecom_crm.domain.errors import InvalidValue, TelecomCrmError

_MINOR_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,3})?", re.ASCII)
LARGEST_MINOR = 10**17
"""
Amounts are below this many minor units: far above any operator's books, and safe in a 64-bit
column.
"""


@attrs.define
class CurrencyMismatch(TelecomCrmError):
    """Two currencies met where only one can be."""

    code: ClassVar[str] = "currency_mismatch"

    one: str
    other: str

    def __str__(self) -> str:
        return f"{self.one} and {self.other} cannot be mixed"


def minor_digits(currency: str) -> int:
    """Return how many decimal digits a currency's minor unit has (ISO 4217)."""
    return _MINOR_DIGITS.get(currency, 2)


def _whole(_: object, __: object, value: Any) -> None:
    if type(value) is not int or abs(value) >= LARGEST_MINOR:
        raise InvalidValue.of(
            "amount", "amount", "a whole number of minor units below 10^17", value
        )


def _iso(_: object, __: object, value: str) -> None:
    if not _CURRENCY.fullmatch(value):
        raise InvalidValue.of(
            "currency", "currency", "three capital letters, as in ISO 4217", value
        )


@total_ordering
@attrs.frozen
class Money:
    """An exact amount of one currency, in its minor unit (tyiyn, cents)."""

    minor: int = attrs.field(validator=_whole)
    currency: str = attrs.field(validator=_iso)

    @classmethod
    def parse(cls, amount: Any, currency: str) -> Money:
        """
        Read an amount in major units such as "150.00"; more digits than the currency has are
        refused.
        """
        _iso(None, None, currency)
        digits = minor_digits(currency)
        example = f"an amount like {Decimal(150).scaleb(0):.{digits}f}, with a point, in {currency}"
        if not isinstance(amount, str) or not _AMOUNT.fullmatch(amount):
            raise InvalidValue.of("amount", "amount", example, str(amount)[:40])
        try:
            minor = Decimal(amount).scaleb(digits)
        except InvalidOperation:
            raise InvalidValue.of("amount", "amount", example, amount[:40]) from None
        if minor != minor.to_integral_value():
            raise InvalidValue.of("amount", "amount", example, amount)
        return cls(int(minor), currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        """Return nothing, in a currency."""
        return cls(0, currency)

    @classmethod
    def total(cls, amounts: Iterable[Money], currency: str) -> Money:
        """Return the sum of the amounts, zero of `currency` where there are none."""
        return sum(amounts, start=cls(0, currency))

    @property
    def amount(self) -> str:
        """The amount in major units, as people and JSON write it: "150.00"."""
        digits = minor_digits(self.currency)
        return f"{Decimal(self.minor).scaleb(-digits):.{digits}f}"

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def __bool__(self) -> bool:
        return self.minor != 0

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other).minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other).minor

    def times(self, factor: Decimal) -> Money:
        """Multiply by a rate, rounded half-even to the minor unit."""
        exact = self.minor * factor
        return Money(int(exact.quantize(Decimal(1), ROUND_HALF_EVEN)), self.currency)

    def split(self, weights: Sequence[int]) -> tuple[Money, ...]:
        """
        Share out in proportion to the weights, so that the parts sum exactly to the whole.

        Largest remainder: every part is cut down to the minor unit, and what is left goes, one unit
        each, to the parts that lost most; of equal ones, to the first.
        """
        whole, sign = sum(weights), (-1 if self.minor < 0 else 1)
        if whole <= 0 or min(weights) < 0:
            raise ValueError("weights are not negative, and not all zero")
        shares = [divmod(abs(self.minor) * weight, whole) for weight in weights]
        left = abs(self.minor) - sum(share for share, _ in shares)
        order = sorted(range(len(shares)), key=lambda i: -shares[i][1])
        lucky = set(order[:left])
        return tuple(
            Money(sign * (share + (i in lucky)), self.currency)
            for i, (share, _) in enumerate(shares)
        )

    def _same(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return other
