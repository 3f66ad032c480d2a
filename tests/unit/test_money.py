"""Money is exact, of one currency, and splits without a remainder."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.money import CurrencyMismatch, Money

minors = st.integers(-(10**12), 10**12)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("150.00", "KGS", 15000), ("150", "KGS", 15000), ("-0.5", "KGS", -50), ("7", "JPY", 7)],
)
def test_amounts_are_read_in_major_units(text, currency, minor):
    assert Money.parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    "text", ["", "1,50", "1.505", "1e3", "NaN", " 1", "١٥", "9" * 16, "0x1", "+1", "1.", ".5"]
)
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(InvalidValue):
        Money.parse(text, "KGS")


@given(minors)
def test_an_amount_reads_back_as_it_is_written(minor):
    money = Money(minor, "KGS")
    assert Money.parse(money.amount, "KGS") == money


@given(minors, st.lists(st.integers(0, 1000), min_size=1, max_size=12).filter(any))
def test_parts_sum_to_the_whole_and_are_within_one_unit_of_exact(minor, weights):
    parts = Money(minor, "KGS").split(weights)
    assert sum(part.minor for part in parts) == minor
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.minor * sum(weights) - minor * weight) < sum(weights)


def test_rates_round_half_even():
    assert Money(25, "KGS").times(Decimal("0.1")) == Money(2, "KGS")
    assert Money(35, "KGS").times(Decimal("0.1")) == Money(4, "KGS")


def test_currencies_do_not_mix_but_compare_as_different():
    som, dollar = Money(1, "KGS"), Money(1, "USD")
    assert som != dollar
    for mix in (lambda: som + dollar, lambda: som - dollar, lambda: som < dollar):
        with pytest.raises(CurrencyMismatch):
            mix()


@pytest.mark.parametrize("bad", [1.5, "1", True, None, 10**17])
def test_only_whole_minor_units(bad):
    with pytest.raises(InvalidValue):
        Money(bad, "KGS")
