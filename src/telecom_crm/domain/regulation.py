"""
What the law, or the operator's own house, says of payments: rules as data.

Tax is no part of it: each billing policy carries its own, as a term of the account.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from telecom_crm.domain.errors import Faults, Reason, RuleViolated
from telecom_crm.domain.money import Money

PAYMENT_LIMITS = "payment_limits"
"""The rule that refuses a payment for its amount."""


@attrs.frozen(kw_only=True)
class PaymentLimits:
    """The smallest and the largest payment in a currency; `largest` None sets no end."""

    smallest: Money
    largest: Money | None = None

    def __attrs_post_init__(self) -> None:
        faults = Faults()
        if self.smallest.minor <= 0:
            faults.add("smallest", "not_positive", "more than zero", str(self.smallest))
        if self.largest is not None:
            if self.largest.currency != self.smallest.currency:
                message = f"in {self.smallest.currency}, as the smallest"
                faults.add("largest", "currency", message, self.largest.currency)
            elif self.largest < self.smallest:
                message = f"{self.smallest} or more, as the smallest"
                faults.add("largest", "amount", message, str(self.largest))
        faults.raise_any()

    def refusal(self, amount: Money) -> Reason | None:
        """Return why a payment of an amount is not taken; None where it is."""
        if amount < self.smallest:
            return Reason.of("a payment is at least %(smallest)s", smallest=self.smallest)
        if self.largest is not None and amount > self.largest:
            return Reason.of("a payment is at most %(largest)s", largest=self.largest)
        return None


def _limits(given: Iterable[PaymentLimits]) -> tuple[PaymentLimits, ...]:
    return tuple(given)


def _amounts(given: Iterable[Money]) -> tuple[Money, ...]:
    return tuple(given)


@attrs.frozen(kw_only=True)
class Regulations:
    """
    Limits of payments, and how far a gateway may be off what was asked; one of each a currency.

    A currency without limits takes any payment. `tolerances` are the differences up to which what a
    gateway says it took is booked without asking it again; a currency without one allows none.
    """

    payment_limits: tuple[PaymentLimits, ...] = attrs.field(default=(), converter=_limits)
    tolerances: tuple[Money, ...] = attrs.field(default=(), converter=_amounts)

    def __attrs_post_init__(self) -> None:
        faults = Faults()
        limited = [limits.smallest.currency for limits in self.payment_limits]
        for place, currency in enumerate(limited):
            if currency in limited[:place]:
                field, message = f"payment_limits.{place}", "one for each currency"
                faults.add(field, "doubled", message, currency)
        seen: set[str] = set()
        for place, amount in enumerate(self.tolerances):
            field = f"tolerances.{place}"
            if amount.currency in seen:
                faults.add(field, "doubled", "one for each currency", amount.currency)
            if amount.minor < 0:
                faults.add(field, "negative", "zero or more", str(amount))
            seen.add(amount.currency)
        faults.raise_any()

    def limits(self, currency: str) -> PaymentLimits | None:
        """Return the limits of payments in a currency; None where any is taken."""
        found = (one for one in self.payment_limits if one.smallest.currency == currency)
        return next(found, None)

    def refuse_payment(self, amount: Money) -> None:
        """Raise `RuleViolated` for a payment that is smaller or larger than allowed."""
        limits = self.limits(amount.currency)
        if limits is not None and (reason := limits.refusal(amount)) is not None:
            raise RuleViolated(PAYMENT_LIMITS, (reason,))

    def tolerance(self, currency: str) -> Money:
        """Return how far a gateway may be off in a currency."""
        found = (one for one in self.tolerances if one.currency == currency)
        return next(found, Money(0, currency))


DEFAULT_REGULATIONS = Regulations()
"""Any payment, and no difference."""
