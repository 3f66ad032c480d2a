"""Local dates, half-open periods, cycle days, and how an instant becomes the operator's date."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from telecom_crm.domain.errors import InvalidValue

BISHKEK = ZoneInfo("Asia/Bishkek")
"""Where an operator's days begin unless it says otherwise."""


@attrs.frozen(order=True)
class Period:
    """Local dates from `start` up to, and without, `end`; at least one day."""

    start: date
    end: date = attrs.field()

    @end.validator
    def _check(self, _: object, value: date) -> None:
        if value <= self.start:
            raise InvalidValue.of("period", "period", "an end after the start", value)

    def __str__(self) -> str:
        return f"{self.start}/{self.end}"

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    @property
    def days(self) -> int:
        """How many dates it holds."""
        return (self.end - self.start).days

    @property
    def last_day(self) -> date:
        """The last date in it, which people print on bills."""
        return self.end - timedelta(days=1)

    def cut(self, days: Sequence[date]) -> tuple[Period, ...]:
        """Return the parts, in order, when a new part begins on each of these dates inside it."""
        inside = {day for day in days if self.start < day < self.end}
        return tuple(Period(*pair) for pair in pairwise((self.start, *sorted(inside), self.end)))


@attrs.frozen
class CycleDay:
    """
    The day of the month on which billing periods begin, 1 to 31.

    It is kept through short months: 31 means January 31, February 28 or 29, March 31.
    """

    day: int = attrs.field()

    @day.validator
    def _check(self, _: object, value: int) -> None:
        if type(value) is not int or not 1 <= value <= 31:
            raise InvalidValue.of("cycle_day", "cycle_day", "a day of the month, 1 to 31", value)

    def __str__(self) -> str:
        return str(self.day)

    def of_month(self, year: int, month: int) -> date:
        """Return the date on which a period begins in this month."""
        return date(year, month, min(self.day, monthrange(year, month)[1]))


def anniversary(day: date) -> CycleDay:
    """Return the cycle day of things that began on this date."""
    return CycleDay(day.day)


def period_of(day: date, cycle: CycleDay) -> Period:
    """Return the billing period that holds a date."""
    start = cycle.of_month(day.year, day.month)
    if start > day:
        start = cycle.of_month(*_month(day, -1))
    return Period(start, cycle.of_month(*_month(start, 1)))


def next_period(period: Period, cycle: CycleDay) -> Period:
    """Return the billing period that begins where this one ends."""
    return period_of(period.end, cycle)


def months_after(day: date, months: int) -> date:
    """Return the same day of a later month, or that month's last day where it is shorter."""
    return anniversary(day).of_month(*_month(day, months))


def zone_named(name: str) -> ZoneInfo:
    """Return the operator's zone by its IANA name, such as Asia/Bishkek; raise `InvalidValue`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidValue.of("zone", "zone", "an IANA zone such as Asia/Bishkek", name) from None


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """Return the operator's date at an aware instant."""
    return _aware(instant).astimezone(zone).date()


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """
    Return the first instant of a local date, in UTC.

    Where clocks jump over midnight that is the jump itself: fold 0 reads a gap with the offset
    before it.
    """
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _aware(instant: datetime) -> datetime:
    # A naive instant would be read as this machine's own zone: a wrong date, in silence.
    if instant.tzinfo is None:
        raise InvalidValue.of("at", "instant", "an instant with its zone", instant)
    return instant


def _month(day: date, step: int) -> tuple[int, int]:
    year, month = divmod(day.year * 12 + day.month - 1 + step, 12)
    return year, month + 1
