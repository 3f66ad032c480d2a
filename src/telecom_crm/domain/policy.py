"""Billing policies: the terms, kept as data, on which a billing account is charged."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import attrs

from telecom_crm.domain.calendar import CycleDay
from telecom_crm.domain.errors import Faults, InvalidValue
from telecom_crm.domain.money import Money


class PaymentMode(StrEnum):
    """Whether a subscriber pays before or after using."""

    PREPAID = "prepaid"
    POSTPAID = "postpaid"


class FeeTiming(StrEnum):
    """Whether a period's fee is charged when the period begins or when it is over."""

    ADVANCE = "advance"
    ARREARS = "arrears"


class Proration(StrEnum):
    """How a fee is shared out over a period that is not used whole."""

    ACTUAL_DAYS = "actual_days"
    FIXED_30 = "fixed_30"
    NONE = "none"


class FirstFee(StrEnum):
    """Whether the fees of an activation must be there in money, may be owed, or are not charged."""

    REQUIRED = "required"
    ON_CREDIT = "on_credit"
    WAIVED = "waived"


class Requirement(StrEnum):
    """What a policy may ask for before a contract is activated."""

    IDENTITY = "identity"
    DOCUMENTS = "documents"


class SuspensionFees(StrEnum):
    """Whether recurring fees go on during a suspension: as the holds say, always, or never."""

    BY_HOLD = "by_hold"
    GO_ON = "go_on"
    STOP = "stop"


@attrs.frozen
class TaxProfile:
    """A tax that prices include: `percent` of the net price (12 for 12 %), booked under `code`."""

    code: str
    percent: Decimal = attrs.field()

    @percent.validator
    def _check(self, _: object, value: Decimal) -> None:
        if not (value.is_finite() and 0 <= value < 1000):
            raise InvalidValue.of("percent", "tax_percent", "0 or more, in percent", value)


def _requirements(requirements: Iterable[Requirement]) -> frozenset[Requirement]:
    return frozenset(requirements)


_POLICY_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,29}", re.ASCII)


@attrs.frozen(kw_only=True)
class BillingPolicy:
    """
    One version of the terms on which an account is charged.

    `cycle_day` None means the anniversary of the activation. `sims_per_person` and
    `sims_per_organisation` limit a customer's live contracts; None means no limit.
    `credit_limit` also fixes the policy's currency. Who pays first is told once what they may still
    spend falls below `low_balance`; None tells nobody. `grace_days` run from a bill's due date on.
    A promised payment is at most `promise_limit` and lasts at most `promise_days` of 24 hours; a
    limit of None grants none.

    Kept for bills, renewals and suspensions, which are not there yet: `grace_days` and
    `dunning_profile`, read by nothing so far, and `suspension_fees`, by what is foreseen alone.
    """

    id: str = attrs.field()
    name: str
    version: int = 1
    payment_mode: PaymentMode
    cycle_day: CycleDay | None = None
    fee_timing: FeeTiming = FeeTiming.ADVANCE
    proration: Proration = Proration.ACTUAL_DAYS
    credit_limit: Money = attrs.field()
    low_balance: Money | None = attrs.field(default=None)
    promise_limit: Money | None = attrs.field(default=None)
    promise_days: int = attrs.field(default=7)
    first_fee: FirstFee = FirstFee.REQUIRED
    required_for_activation: frozenset[Requirement] = attrs.field(
        default=frozenset(Requirement), converter=_requirements
    )
    grace_days: int = attrs.field(default=0)
    dunning_profile: str = "standard"
    tax: TaxProfile
    suspension_fees: SuspensionFees = SuspensionFees.BY_HOLD
    sims_per_person: int | None = attrs.field(default=10)
    sims_per_organisation: int | None = attrs.field(default=None)

    @id.validator
    def _check_id(self, _: object, value: str) -> None:
        if not _POLICY_ID.fullmatch(value):
            message = "up to 30 lower-case letters, digits, _ and -"
            raise InvalidValue.of("id", "policy_id", message, value)

    @credit_limit.validator
    @low_balance.validator
    @promise_limit.validator
    def _check_amount(self, field: attrs.Attribute[Money | None], value: Money | None) -> None:
        if value is not None and value.minor < 0:
            raise InvalidValue.of(field.name, field.name, "zero or more", value)

    @grace_days.validator
    def _check_days(self, _: object, value: int) -> None:
        if value < 0:
            raise InvalidValue.of("grace_days", "grace_days", "0 or more", value)

    @promise_days.validator
    @sims_per_person.validator
    @sims_per_organisation.validator
    def _check_count(self, field: attrs.Attribute[int | None], value: int | None) -> None:
        if value is not None and value < 1:
            raise InvalidValue.of(field.name, field.name, "1 or more", value)

    def __attrs_post_init__(self) -> None:
        faults = Faults()
        amounts = {"low_balance": self.low_balance, "promise_limit": self.promise_limit}
        for name, amount in amounts.items():
            if amount is not None and amount.currency != self.currency:
                message = f"in {self.currency}, as the credit limit"
                faults.add(name, name, message, amount.currency)
        faults.raise_any()

    @property
    def currency(self) -> str:
        """The currency the account is kept in."""
        return self.credit_limit.currency

    def requires(self, requirement: Requirement) -> bool:
        """Tell whether a contract cannot be activated without this."""
        return requirement in self.required_for_activation

    def receipt(self, *, at: datetime) -> PoliciesReceipt:
        """Return what choosing this policy at an instant gives."""
        return PoliciesReceipt(policy_id=self.id, policy_version=self.version, terms=self, at=at)


@attrs.frozen(kw_only=True)
class PoliciesReceipt:
    """Which policy was chosen, in which version, on what terms, and when."""

    policy_id: str
    policy_version: int
    terms: BillingPolicy
    at: datetime


VAT = TaxProfile("VAT12", Decimal(12))
"""Value added tax of Kyrgyzstan, 12 % of the net price."""

PREPAID = BillingPolicy(
    id="prepaid",
    name="Prepaid",
    payment_mode=PaymentMode.PREPAID,
    credit_limit=Money(0, "KGS"),
    low_balance=Money(2_000, "KGS"),
    promise_limit=Money(50_000, "KGS"),
    tax=VAT,
)
"""Pay first: fees in advance from the anniversary on, nothing on credit, told below 20 som."""

POSTPAID = BillingPolicy(
    id="postpaid",
    name="Postpaid",
    payment_mode=PaymentMode.POSTPAID,
    cycle_day=CycleDay(1),
    credit_limit=Money(200_000, "KGS"),
    promise_limit=Money(50_000, "KGS"),
    first_fee=FirstFee.ON_CREDIT,
    grace_days=10,
    tax=VAT,
)
"""Pay by bill: calendar months, a credit limit of 2,000 som, ten days of grace."""

MIGRATION = BillingPolicy(
    id="migration",
    name="Migration from another system",
    payment_mode=PaymentMode.PREPAID,
    credit_limit=Money(0, "KGS"),
    low_balance=Money(2_000, "KGS"),
    promise_limit=Money(50_000, "KGS"),
    first_fee=FirstFee.WAIVED,
    required_for_activation=frozenset(),
    tax=VAT,
    sims_per_person=None,
)
"""For subscribers who are active already: nothing is asked for, no first fees are charged."""

DEFAULT_POLICIES: dict[str, BillingPolicy] = {
    policy.id: policy for policy in (PREPAID, POSTPAID, MIGRATION)
}
"""The policies to begin with, by id."""
