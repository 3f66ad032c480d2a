"""What things cost: prices split into net and tax, fees shared out over days, first fees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

import attrs

from telecom_crm.domain.calendar import CycleDay, Period, anniversary, period_of
from telecom_crm.domain.money import Money
from telecom_crm.domain.policy import BillingPolicy, FeeTiming, FirstFee, Proration, TaxProfile
from telecom_crm.domain.tariff import OptionVersion, TariffVersion


class ChargeKind(StrEnum):
    """What a charge is for; the ledger chooses the revenue account by it."""

    RECURRING = "recurring"
    ACTIVATION = "activation"
    OPTION = "option"
    NUMBER_PRICE = "number_price"
    SIM_SWAP = "sim_swap"
    NUMBER_CHANGE = "number_change"
    PENALTY = "penalty"
    SERVICE = "service"


@attrs.frozen(kw_only=True)
class Charge:
    """
    One price to be paid: `gross == net + tax`, exactly.

    `code` and `code_version` name the tariff's or the option's version that set the price;
    `period` is what a recurring fee pays for. What it is for is told by kind and code alone, for
    each reader has it in their own language.
    """

    kind: ChargeKind
    gross: Money
    net: Money
    tax: Money
    tax_code: str
    code: str = ""
    code_version: int | None = None
    tariff_version: int | None = None
    period: Period | None = None


def split_tax(gross: Money, tax: TaxProfile) -> tuple[Money, Money]:
    """
    Return the net price and the tax in a price that includes it; they sum exactly to it.

    The tax is rounded half-even to the minor unit; the net price is the rest.
    """
    exact = gross.minor * tax.percent / (100 + tax.percent)
    included = Money(int(exact.quantize(Decimal(1), ROUND_HALF_EVEN)), gross.currency)
    return gross - included, included


def share_out(
    fee: Money, *, period: Period, parts: Sequence[Period], proration: Proration
) -> tuple[Money, ...]:
    """
    Share a period's fee out between its parts in order; they sum exactly to the fee.

    actual_days: by the days of each part. fixed_30: every day is a thirtieth, whatever the month
    has; the last day of a shorter one carries the rest and those after the 30th nothing (as in
    30/360 counting). none: whoever uses a period's first part pays for all of it. Cuts go by
    largest remainder.
    """
    if (parts[0].start, parts[-1].end) != (period.start, period.end):
        raise ValueError("the parts make up the whole period")
    weights = [_weight(part, period, proration) for part in parts]
    return fee.split(weights)


def fee_from(fee: Money, *, period: Period, day: date, proration: Proration) -> Money:
    """Return what the rest of a period costs from a day in it on; unprorated, that is all of it."""
    if day == period.start or proration is Proration.NONE:
        return fee
    return share_out(fee, period=period, parts=period.cut([day]), proration=proration)[-1]


def first_fees(
    *,
    tariff: tuple[str, TariffVersion],
    options: Sequence[tuple[str, OptionVersion]] = (),
    number_price: Money | None = None,
    policy: BillingPolicy,
    cycle: CycleDay | None = None,
    activated_on: date,
) -> tuple[Charge, ...]:
    """
    Return what an activation costs: activation fee, the first period's fees in advance, options,
    number.

    Tariff and options come with their codes. The first period is what is left, from the day of
    activation on, of the billing period by `cycle` (the account's; else the policy's, else the
    anniversary). Fees of zero make no charge, and a policy that waives first fees leaves none.
    """
    if policy.first_fee is FirstFee.WAIVED:
        return ()
    code, version = tariff
    whole = period_of(activated_on, cycle or policy.cycle_day or anniversary(activated_on))
    rest = Period(activated_on, whole.end)
    in_advance = policy.fee_timing is FeeTiming.ADVANCE
    found: list[tuple[ChargeKind, Money, str, int | None, Period | None]] = [
        (ChargeKind.ACTIVATION, version.activation_fee, code, version.number, None)
    ]
    if in_advance:
        fee = _part_of(version.monthly_fee, whole, rest, policy)
        found.append((ChargeKind.RECURRING, fee, code, version.number, rest))
    for name, option in options:
        if not option.recurring:
            found.append((ChargeKind.OPTION, option.fee, name, option.number, None))
        elif in_advance:
            fee = _part_of(option.fee, whole, rest, policy)
            found.append((ChargeKind.OPTION, fee, name, option.number, rest))
    if number_price is not None:
        found.append((ChargeKind.NUMBER_PRICE, number_price, "", None, None))
    return tuple(
        charge(
            kind=kind,
            gross=gross,
            tax=policy.tax,
            code=of,
            code_version=of_version,
            tariff_version=version.number,
            period=period,
        )
        for kind, gross, of, of_version, period in found
        if gross
    )


def charge(
    *,
    kind: ChargeKind,
    gross: Money,
    tax: TaxProfile,
    code: str = "",
    code_version: int | None = None,
    tariff_version: int | None = None,
    period: Period | None = None,
) -> Charge:
    """Make a charge of a price that includes tax."""
    net, included = split_tax(gross, tax)
    return Charge(
        kind=kind,
        gross=gross,
        net=net,
        tax=included,
        tax_code=tax.code,
        code=code,
        code_version=code_version,
        tariff_version=tariff_version,
        period=period,
    )


def gross_total(charges: Iterable[Charge], *, currency: str) -> Money:
    """Return what the charges cost together, tax included."""
    return Money.total((one.gross for one in charges), currency)


def _part_of(fee: Money, whole: Period, rest: Period, policy: BillingPolicy) -> Money:
    return fee_from(fee, period=whole, day=rest.start, proration=policy.proration)


def _weight(part: Period, period: Period, proration: Proration) -> int:
    if proration is Proration.NONE:
        return int(part.start == period.start)
    if proration is Proration.ACTUAL_DAYS:
        return part.days
    return _thirtieths(part.end, period) - _thirtieths(part.start, period)


def _thirtieths(day: date, period: Period) -> int:
    return 30 if day == period.end else min((day - period.start).days, 30)
