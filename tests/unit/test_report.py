from datetime import date

import pytest

from telecom_crm.domain.calendar import Period
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.ledger import PostingKind
from telecom_crm.domain.lifecycle import Actor, Event
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
    moves_of,
    place_figures,
    pool_figures,
    running_short,
    tariff_figures,
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


def happened(name, before, after, *, thing="contract", **payload):
    return Event(
        thing=thing,
        thing_id="one",
        sequence=1,
        name=name,
        at=TestClock()(),
        by=Actor("aida"),
        command="any",
        before=before,
        after=after,
        payload=payload,
    )


def told(event):
    return [(one.kind, one.before, one.after) for one in moves_of(event)]


def test_a_contract_moves_with_its_tariff_and_from_one_tariff_to_another():
    begun = happened("ContractActivated", "activating", "active", tariff="S")
    assert told(begun) == [("S", "activating", "active")]
    changes = {"tariff": ["S", "M"]}
    amended = {"name": "ContractAmended", "before": "active", "after": "active", "changes": changes}
    assert told(happened(**amended, effective_on=None)) == [
        ("S", "active", ""),
        ("M", "", "active"),
    ]
    assert told(happened(**amended, effective_on="2026-04-01")) == [], "it has not begun"
    other = amended | {"changes": {"options": [[], ["A:1"]]}}
    assert told(happened(**other, effective_on=None)) == []
    late = happened("ContractAmendmentTookEffect", "suspended", "suspended", changes=changes)
    assert told(late) == [("S", "suspended", ""), ("M", "", "suspended")]


def test_a_number_moves_from_one_category_to_another():
    changes = {"category": ["silver", "gold"], "price": [None, "1.00"]}
    better = {"thing": "number", "before": "available", "after": "available", "category": "gold"}
    found = told(happened("NumberReclassified", **better, changes=changes))
    assert found == [("silver", "available", ""), ("gold", "", "available")]
    assert told(happened("NumberReclassified", **better, changes={"price": [1, 2]})) == []
    assert told(happened("TariffPublished", "draft", "active", thing="tariff")) == []


def test_a_change_of_payer_connects_nobody_and_nobody_leaves():
    closed = happened("ContractClosed", "active", "closed", tariff="S", successor="two")
    begun = happened("ContractActivated", "activating", "active", tariff="S", follows="one")
    moves = ever("contract", "activating", "active", 5, "S")
    for move in (*moves_of(closed), *moves_of(begun)):
        moves += moved(SECOND, "contract", move.before, move.after, 1, move.kind)
    assert {(one.connected, one.left, one.active) for one in contract_days(moves, DAYS)} == {
        (0, 0, 5)
    }


def test_active_contracts_are_counted_by_tariff_the_most_first():
    moves = summed(
        ever("contract", "activating", "active", 5, "S"),
        ever("contract", "activating", "active", 9, "M"),
        ever("contract", "activating", "active", 1, "L"),
        ever("contract", "active", "closed", 1, "L"),
        ever("contract", "active", "", 2, "M"),
        ever("contract", "", "active", 2, "S"),
        ever("contract", "", "suspended", 4, "XL"),
        ever("number", "", "active", 4, "gold"),
    )
    assert [(one.code, one.active) for one in tariff_figures(moves)] == [("M", 7), ("S", 7)]


def booked(day, kind, minor, number=1, currency="KGS", debt=0, place="", received=None):
    amounts = {
        "effect": Money(minor, currency),
        "debt": Money(debt, currency),
        "received": Money(minor if received is None else received, currency),
    }
    return [
        Bookings(day=when, kind=kind, place=place, number=number, **amounts) for when in (day, None)
    ]


def test_money_is_counted_back_from_what_accounts_have_now():
    bookings = summed(
        booked(None, PostingKind.PAYMENT, 100_000)[:1],
        booked(FIRST, PostingKind.PAYMENT, 5_000, 2, debt=-30),
        booked(SECOND, PostingKind.RECURRING_FEE, -7_000, debt=700),
        booked(THIRD, PostingKind.PAYMENT, 300),
        booked(THIRD, PostingKind.UNALLOCATED_PAYMENT, 0, received=40),
        booked(THIRD, PostingKind.ALLOCATION, 40, received=0, debt=-40),
        booked(THIRD, PostingKind.PAYMENT, 999, currency="USD"),
    )
    found = money_days(bookings, DAYS, currency="KGS")
    assert [(one.payments, one.paid.minor, one.balance.minor, one.debt.minor) for one in found] == [
        (2, 5_000, 105_000, -30),
        (0, 0, 98_000, 670),
        (2, 340, 98_340, 630),
    ]
    assert {one.balance.currency for one in found} == {"KGS"}
    shown = Dashboard(at=TestClock()(), period=DAYS, money=(found[0], found[2]))
    assert shown.debt is not None
    assert (shown.debt.now.minor, shown.debt.before.minor) == (630, -30)


def test_what_is_paid_on_a_day_is_told_by_where():
    lost = PostingKind.UNALLOCATED_PAYMENT
    bookings = summed(
        booked(THIRD, PostingKind.PAYMENT, 300, 2, place="desk"),
        booked(THIRD, lost, 0, received=40, place="desk"),
        booked(SECOND, PostingKind.PAYMENT, 5_000, place="bank"),
        booked(THIRD, PostingKind.SETTLEMENT, 0, received=-300, place="bank"),
        booked(FIRST, lost, 0, received=70, place="kiosk"),
        booked(THIRD, PostingKind.PAYMENT, 999, currency="USD", place="bank"),
    )
    found = place_figures(bookings, THIRD, currency="KGS")
    assert [(one.place, one.payments, one.paid.minor) for one in found] == [
        ("desk", 3, 340),
        ("kiosk", 0, 0),
    ]


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
