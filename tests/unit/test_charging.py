from datetime import UTC, date, datetime
from decimal import Decimal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecom_crm.domain.calendar import CycleDay, Period, period_of
from telecom_crm.domain.charging import (
    ChargeKind,
    fee_from,
    first_fees,
    gross_total,
    share_out,
    split_tax,
)
from telecom_crm.domain.money import Money
from telecom_crm.domain.policy import (
    MIGRATION,
    POSTPAID,
    PREPAID,
    FeeTiming,
    Proration,
    TaxProfile,
)
from telecom_crm.domain.tariff import OptionVersion, TariffVersion

AT = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))
FEES = st.integers(0, 10**9).map(lambda minor: Money(minor, "KGS"))
COMFORT = TariffVersion(
    number=2,
    valid_from=AT,
    monthly_fee=Money(31_000, "KGS"),
    activation_fee=Money(10_000, "KGS"),
)


@given(st.integers(-(10**12), 10**12), st.decimals(0, 100, places=2))
def test_net_and_tax_make_up_the_price(minor, percent):
    gross = Money(minor, "KGS")
    net, tax = split_tax(gross, TaxProfile("VAT", percent))
    assert net + tax == gross
    # The tax is the net price's percentage, to half a minor unit of the exact share.
    assert abs(tax.minor * (100 + percent) - minor * percent) * 2 <= 100 + percent


def test_tax_is_rounded_half_even():
    half = TaxProfile("T", Decimal(100))
    assert [split_tax(Money(n, "KGS"), half)[1].minor for n in (1, 3, 5)] == [0, 2, 2]
    assert split_tax(Money(11_200, "KGS"), PREPAID.tax) == (
        Money(10_000, "KGS"),
        Money(1200, "KGS"),
    )


@given(FEES, DAYS, st.integers(1, 31), st.lists(DAYS), st.sampled_from(Proration))
def test_the_parts_of_a_split_period_sum_to_the_whole(fee, day, cycle, cuts, proration):
    whole = period_of(day, CycleDay(cycle))
    inside = [date.fromordinal(whole.start.toordinal() + d.toordinal() % whole.days) for d in cuts]
    parts = whole.cut(inside)
    shares = share_out(fee, period=whole, parts=parts, proration=proration)
    assert len(shares) == len(parts)
    assert Money.total(shares, "KGS") == fee
    assert min(shares) >= Money(0, "KGS")


@pytest.mark.parametrize(
    ("proration", "day", "expected"),
    [
        (Proration.ACTUAL_DAYS, date(2026, 1, 1), 31_000),
        (Proration.ACTUAL_DAYS, date(2026, 1, 31), 1000),
        (Proration.ACTUAL_DAYS, date(2026, 1, 17), 15_000),
        (Proration.FIXED_30, date(2026, 1, 16), 15_500),
        (Proration.FIXED_30, date(2026, 1, 31), 0),
        (Proration.FIXED_30, date(2026, 2, 28), 3100),
        (Proration.NONE, date(2026, 1, 31), 31_000),
    ],
)
def test_what_the_rest_of_a_month_costs(proration, day, expected):
    month = period_of(day, CycleDay(1))
    fee = fee_from(Money(31_000, "KGS"), period=month, day=day, proration=proration)
    assert fee.minor == expected


def test_first_fees_of_an_activation_in_mid_month():
    daily = OptionVersion(number=1, valid_from=AT, fee=Money(6_200, "KGS"))
    once = OptionVersion(number=4, valid_from=AT, fee=Money(500, "KGS"), recurring=False)
    charges = first_fees(
        tariff=("COMFORT", COMFORT),
        options=[("NET", daily), ("SETUP", once)],
        number_price=Money(100_000, "KGS"),
        policy=POSTPAID,
        activated_on=date(2026, 1, 17),
    )
    rest = Period(date(2026, 1, 17), date(2026, 2, 1))
    assert [(c.kind, c.gross.minor, c.code, c.code_version, c.period) for c in charges] == [
        (ChargeKind.ACTIVATION, 10_000, "COMFORT", 2, None),
        (ChargeKind.RECURRING, 15_000, "COMFORT", 2, rest),
        (ChargeKind.OPTION, 3000, "NET", 1, rest),
        (ChargeKind.OPTION, 500, "SETUP", 4, None),
        (ChargeKind.NUMBER_PRICE, 100_000, "", None, None),
    ]
    assert all(c.net + c.tax == c.gross and c.tax_code == "VAT12" for c in charges)
    assert {c.tariff_version for c in charges} == {2}
    assert gross_total(charges, currency="KGS") == Money(128_500, "KGS")


def test_the_anniversary_pays_a_whole_period_and_zero_fees_are_left_out():
    free = attrs.evolve(COMFORT, activation_fee=Money(0, "KGS"))
    (fee,) = first_fees(tariff=("X", free), policy=PREPAID, activated_on=date(2026, 1, 31))
    assert fee.gross == Money(31_000, "KGS")
    assert fee.period == Period(date(2026, 1, 31), date(2026, 2, 28))


def test_arrears_and_waivers():
    later = attrs.evolve(PREPAID, fee_timing=FeeTiming.ARREARS)
    (only,) = first_fees(tariff=("X", COMFORT), policy=later, activated_on=date(2026, 1, 5))
    assert only.kind is ChargeKind.ACTIVATION
    assert not first_fees(tariff=("X", COMFORT), policy=MIGRATION, activated_on=date(2026, 1, 5))
