"""What is known to be charged in the time to come, and how long an account's money lasts for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

import attrs

from telecom_crm.domain.calendar import CycleDay, period_of
from telecom_crm.domain.money import Money


@attrs.frozen
class DueCharge:
    """What is charged on a local date, tax included."""

    on: date
    amount: Money


@attrs.frozen(kw_only=True)
class Outlook:
    """
    The next charge to an account, and the first date on which its money is not enough.

    `enough_until` None: it covers everything that was looked at.
    """

    next_charge: DueCharge
    enough_until: date | None

    @property
    def next_is_short(self) -> bool:
        """Whether the money is not enough for the next charge already."""
        return self.enough_until == self.next_charge.on

    @classmethod
    def over(cls, charges: Iterable[DueCharge], *, available: Money) -> Outlook | None:
        """Look at charges in whatever order; None where there are none."""
        by_day: dict[date, Money] = {}
        for one in charges:
            by_day[one.on] = by_day.get(one.on, Money(0, one.amount.currency)) + one.amount
        if not by_day:
            return None
        days = sorted(by_day)
        left, short = available, None
        for day in days:
            left -= by_day[day]
            if left.minor < 0:
                short = day
                break
        return cls(next_charge=DueCharge(days[0], by_day[days[0]]), enough_until=short)


def recurring(
    monthly: Money,
    *,
    start: date,
    end: date,
    cycle: CycleDay,
    change: DueCharge | None = None,
) -> Iterator[DueCharge]:
    """
    Yield what the periods cost that begin in [start, end); one without a price yields nothing.

    `start` begins a period. `change` is what each costs that begins on its date or later.
    """
    day = start
    while day < end:
        price = change.amount if change and day >= change.on else monthly
        if price:
            yield DueCharge(day, price)
        day = period_of(day, cycle).end
