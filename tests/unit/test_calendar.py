from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecom_crm.domain.calendar import (
    CycleDay,
    Period,
    anniversary,
    local_date,
    months_after,
    next_period,
    period_of,
    start_of,
    zone_named,
)
from telecom_crm.domain.errors import InvalidValue

DAYS = st.dates(date(1999, 1, 1), date(2101, 1, 1))
CYCLES = st.integers(1, 31).map(CycleDay)


def _begins(day: date, cycle: int) -> bool:
    """The oracle: whether a period begins on a date."""
    last = monthrange(day.year, day.month)[1]
    return day.day == cycle or (day.day == last and cycle > last)


@given(DAYS, CYCLES)
def test_a_period_runs_between_two_cycle_days(day, cycle):
    start = day
    while not _begins(start, cycle.day):
        start -= timedelta(days=1)
    end = day + timedelta(days=1)
    while not _begins(end, cycle.day):
        end += timedelta(days=1)
    assert period_of(day, cycle) == Period(start, end)


@pytest.mark.parametrize("cycle", range(1, 32))
def test_cycle_days_are_kept_over_48_months(cycle):
    period = period_of(date(2023, 1, 15), CycleDay(cycle))
    for _ in range(48):
        following = next_period(period, CycleDay(cycle))
        assert following.start == period.end
        assert _begins(following.start, cycle)
        period = following


def test_31_goes_through_february_and_back():
    assert [CycleDay(31).of_month(2024, month) for month in (1, 2, 3, 4)] == [
        date(2024, 1, 31),
        date(2024, 2, 29),
        date(2024, 3, 31),
        date(2024, 4, 30),
    ]
    assert months_after(date(2023, 10, 31), 4) == date(2024, 2, 29)
    assert anniversary(date(2024, 2, 29)) == CycleDay(29)


@given(DAYS, CYCLES, st.lists(DAYS))
def test_the_parts_of_a_cut_period_make_it_up(day, cycle, cuts):
    whole = period_of(day, cycle)
    parts = whole.cut([*cuts, day])
    assert parts[0].start == whole.start
    assert parts[-1].end == whole.end
    assert all(a.end == b.start for a, b in pairwise(parts))
    assert sum(part.days for part in parts) == whole.days


@pytest.mark.parametrize("bad", [0, 32, True, "1"])
def test_other_cycle_days_are_refused(bad):
    with pytest.raises(InvalidValue):
        CycleDay(bad)


ZONES = ["Asia/Bishkek", "Asia/Kolkata", "Asia/Kathmandu", "Europe/Berlin", "America/Havana"]


@given(DAYS, st.sampled_from(ZONES))
def test_a_local_date_begins_at_its_first_instant(day, name):
    zone = zone_named(name)
    first = start_of(day, zone)
    assert local_date(first, zone) == day
    assert local_date(first - timedelta(microseconds=1), zone) == day - timedelta(days=1)


def test_dst_days_of_23_and_25_hours_and_half_hour_zones():
    berlin, kolkata = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")

    def hours(day):
        return (start_of(day + timedelta(days=1), berlin) - start_of(day, berlin)) / timedelta(
            hours=1
        )

    assert (hours(date(2024, 3, 31)), hours(date(2024, 10, 27))) == (23, 25)
    assert local_date(datetime(2024, 1, 1, 18, 29, tzinfo=UTC), kolkata) == date(2024, 1, 1)
    assert local_date(datetime(2024, 1, 1, 18, 30, tzinfo=UTC), kolkata) == date(2024, 1, 2)


def test_a_naive_instant_and_an_unknown_zone_are_refused():
    with pytest.raises(InvalidValue):
        local_date(datetime(2024, 1, 1), ZoneInfo("UTC"))  # noqa: DTZ001  # the naive one is the point
    with pytest.raises(InvalidValue):
        zone_named("Asia/Atlantis")
