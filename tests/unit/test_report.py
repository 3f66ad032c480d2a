from datetime import date

import pytest

from telecom_crm.domain.calendar import Period
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.ledger import PostingKind
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import NumberCategory
from telecom_crm.domain.report import (
    Bookings,
    Concern,
    Dashboard,
    Move,
    Moves,
    contract_days,
    days_up_to,
    money_days,
    pool_figures,
    running_short,
    ticket_figures,
)
from telecom_crm.domain.ticket import TicketStatus
from tests.unit.conftest import TestClock

FIRST, SECOND, THIRD = (date(2026, 3, day) for day in (1, 2, 3))
DAYS = Period(FIRST, date(2026, 3, 4))


def moved(day, thing, before, after, number=1, kind=""):
    """What happened on a day is a part of what happened ever."""
    move = Move(thing=thing, kind=kind, before=before, after=after)
    return [Moves(day=when, move=move, number=number) for when in (day, None)]


def summed(*moves):
    return [one for each in moves for one in each]


def ever(thing, before, after, number, kind=""):
    return moved(None, thing, before, after, number, kind)[:1]


def test_contracts_are_counted_back_from_those_that_are_active_now():
    moves = summed(
        ever("contract", "activating", "active", 10),
        moved(FIRST, "contract", "activating", "active", 3),
        moved(SECOND, "contract", "active", "suspended", 2),
        moved(SECOND, "contract", "suspended", "closed", 1),
        moved(THIRD, "contract", "suspended", "active", 1),
        moved(THIRD, "contract", "activating", "active", 4),
        moved(THIRD, "ticket", "", "active", 99),
    )
    found = contract_days(moves, DAYS)
    assert [(one.day, one.connected, one.left, one.active) for one in found] == [
        (FIRST, 3, 0, 13),
        (SECOND, 0, 1, 11),
        (THIRD, 4, 0, 16),
    ]


def test_a_change_of_payer_connects_nobody_and_nobody_leaves():
    moves = summed(
        ever("contract", "activating", "active", 5),
        moved(SECOND, "contract", "active", "closed", 1, "taken_over"),
        moved(SECOND, "contract", "activating", "active", 1, "taken_over"),
    )
    assert {(one.connected, one.left, one.active) for one in contract_days(moves, DAYS)} == {
        (0, 0, 5)
    }


def booked(day, kind, minor, number=1, currency="KGS"):
    return [
        Bookings(day=when, kind=kind, number=number, effect=Money(minor, currency))
        for when in (day, None)
    ]


def test_money_is_counted_back_from_what_accounts_have_now():
    bookings = summed(
        booked(None, PostingKind.PAYMENT, 100_000)[:1],
        booked(FIRST, PostingKind.PAYMENT, 5_000, 2),
        booked(SECOND, PostingKind.RECURRING_FEE, -7_000),
        booked(THIRD, PostingKind.PAYMENT, 300),
        booked(THIRD, PostingKind.PAYMENT, 999, currency="USD"),
    )
    found = money_days(bookings, DAYS, currency="KGS")
    assert [(one.payments, one.paid.minor, one.balance.minor) for one in found] == [
        (2, 5_000, 105_000),
        (0, 0, 98_000),
        (1, 300, 98_300),
    ]
    assert {one.balance.currency for one in found} == {"KGS"}


def test_what_is_closed_is_no_open_ticket():
    moves = summed(
        moved(FIRST, "ticket", "", "free", 9),
        moved(FIRST, "ticket", "free", "active", 4),
        moved(SECOND, "ticket", "active", "blocked", 3),
        moved(SECOND, "ticket", "blocked", "closed", 2),
    )
    found = ticket_figures(moves, overdue=1)
    assert found.by_state == {
        TicketStatus.FREE: 5,
        TicketStatus.ACTIVE: 1,
        TicketStatus.SUSPENDED: 0,
        TicketStatus.BLOCKED: 1,
    }
    assert found.open == 7


def test_the_pool_is_low_below_its_threshold_and_by_standard_numbers_alone():
    moves = summed(
        moved(FIRST, "sim", "", "available", 12),
        moved(FIRST, "sim", "available", "bound", 2),
        moved(FIRST, "number", "", "available", 9, "standard"),
        moved(FIRST, "number", "", "available", 2, "gold"),
    )
    found = pool_figures(moves, low=10)
    assert (found.sims, found.sims_are_low, found.numbers_are_low) == (10, False, True)
    assert found.numbers == dict.fromkeys(NumberCategory, 0) | {"standard": 9, "gold": 2}
    shown = Dashboard(at=TestClock()(), period=DAYS, pool=found)
    assert [(one.concern, one.number) for one in running_short(shown)] == [(Concern.FEW_NUMBERS, 9)]


def test_a_period_ends_today():
    assert days_up_to(THIRD, 2) == Period(SECOND, date(2026, 3, 4))
    for days in (0, -1, 367):
        with pytest.raises(InvalidValue):
            days_up_to(THIRD, days)
