"""What is foreseen of charges, and until when an account's money covers them."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from telecom_crm.domain.calendar import CycleDay, period_of
from telecom_crm.domain.money import Money
from telecom_crm.domain.outlook import DueCharge, Outlook, recurring

START = date(2026, 12, 1)


def som(minor: int) -> Money:
    return Money(minor, "KGS")


def due(day: int, minor: int) -> DueCharge:
    return DueCharge(START + timedelta(days=day), som(minor))


def test_the_money_lasts_until_the_first_charge_that_it_does_not_cover():
    charges = [due(31, 500), due(0, 500), due(0, 100)]
    assert Outlook.over(charges, available=som(1099)) == Outlook(
        next_charge=due(0, 600), enough_until=due(31, 0).on
    )
    covered = Outlook.over(charges, available=som(1100))
    assert covered is not None
    assert covered.enough_until is None
    short = Outlook.over(charges, available=som(599))
    assert short is not None
    assert short.enough_until == START
    assert Outlook.over([], available=som(1)) is None


@given(
    st.lists(st.builds(due, st.integers(0, 400), st.integers(1, 1000)), min_size=1),
    st.integers(-500, 20_000),
)
def test_what_is_due_before_that_day_is_covered_and_with_that_day_it_is_not(charges, available):
    outlook = Outlook.over(charges, available=som(available))
    assert outlook is not None
    day = outlook.enough_until
    if day is None:
        assert sum(one.amount.minor for one in charges) <= available
        return
    before = sum(one.amount.minor for one in charges if one.on < day)
    assert before <= max(available, 0)
    assert before + sum(one.amount.minor for one in charges if one.on == day) > available
    assert outlook.next_charge.on <= day


def test_each_period_is_charged_at_its_beginning_and_by_the_terms_it_has():
    end = date(2027, 4, 1)
    fees = recurring(
        som(500),
        start=date(2026, 12, 31),
        end=end,
        cycle=CycleDay(31),
        change=DueCharge(date(2027, 1, 31), som(700)),
    )
    assert [(one.on.isoformat(), one.amount.minor) for one in fees] == [
        ("2026-12-31", 500),
        ("2027-01-31", 700),
        ("2027-02-28", 700),
        ("2027-03-31", 700),
    ]
    assert list(recurring(som(0), start=START, end=end, cycle=CycleDay(1))) == []


@given(st.integers(1, 31), st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(1, 800))
def test_charges_fall_on_the_first_day_of_every_period_of_the_span(day, seed, length):
    cycle = CycleDay(day)
    start = period_of(seed, cycle).start
    end = start + timedelta(days=length)
    found = [one.on for one in recurring(som(1), start=start, end=end, cycle=cycle)]
    days = [start + timedelta(days=n) for n in range(length)]
    assert found == [one for one in days if period_of(one, cycle).start == one]
