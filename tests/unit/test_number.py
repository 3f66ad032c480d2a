from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from telecom_crm.domain.errors import InvalidValue, RuleViolated
from telecom_crm.domain.identifiers import MSISDN, ContractId, CustomerId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import (
    NUMBER_LIFECYCLE,
    Number,
    NumberCategory,
    NumberInUse,
    NumberNotAvailable,
)
from telecom_crm.domain.reservation import reservation_of

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(days=90)
WHO: Any = {"by": Actor("ann"), "at": AT}
MINE, OTHER = ContractId(UUID(int=1)), ContractId(UUID(int=2))
ANN, BOB = CustomerId(UUID(int=3)), CustomerId(UUID(int=4))
DIGITS = MSISDN("+996555055433")


def number(**more):
    return Number.receive(msisdn=DIGITS, **more, **WHO)


def assigned():
    return number().assign(contract_id=MINE, **WHO)


def resting():
    return assigned().release(until=LATER, customer_id=ANN, contract_is_live=False, **WHO)


def test_the_table():
    assert NUMBER_LIFECYCLE.triples() == {
        (None, "receive", "available"),
        (None, "port_in", "assigned"),
        ("available", "reserve", "reserved"),
        ("available", "assign", "assigned"),
        ("reserved", "assign", "assigned"),
        ("reserved", "cancel", "available"),
        ("reserved", "expire", "available"),
        ("assigned", "hand_over", "assigned"),
        ("assigned", "unassign", "available"),
        ("assigned", "release", "quarantined"),
        ("assigned", "give_back", "returned"),
        ("quarantined", "restore", "assigned"),
        ("quarantined", "recycle", "available"),
        ("assigned", "port_out", "ported_out"),
        ("ported_out", "return_from_port", "quarantined"),
        ("available", "withdraw", "withdrawn"),
    }


def test_the_loser_of_a_race_is_told_the_state_and_who_has_it():
    with pytest.raises(NumberNotAvailable) as caught:
        assigned().assign(contract_id=OTHER, **WHO)
    assert (caught.value.state, caught.value.contract) == ("assigned", str(MINE))
    kept = number().reserve(for_=reservation_of(MINE), until=LATER, **WHO)
    with pytest.raises(NumberNotAvailable):
        kept.assign(contract_id=OTHER, **WHO)
    with pytest.raises(NumberNotAvailable):
        kept.reserve(for_="other", until=LATER, **WHO)
    assert kept.assign(contract_id=MINE, **WHO).reserved_for is None
    for name in (str(MINE), reservation_of(MINE)):
        with pytest.raises(NumberNotAvailable):
            kept.assign(contract_id=OTHER, reservation=name, **WHO)
    basket = number().reserve(for_="basket-7", until=LATER, **WHO)
    assert basket.assign(contract_id=OTHER, reservation="basket-7", **WHO).contract_id == OTHER


@pytest.mark.parametrize("leave", ["release", "give_back", "port_out"])
def test_what_a_live_contract_holds_stays(leave):
    more = {"until": LATER, "customer_id": ANN} if leave == "release" else {}
    with pytest.raises(NumberInUse) as caught:
        getattr(assigned(), leave)(contract_is_live=True, **more, **WHO)
    assert caught.value.contract == str(MINE)


def test_quarantine_ends_by_time_or_with_the_same_customer():
    with pytest.raises(RuleViolated):
        resting().recycle(**WHO)
    again = resting().recycle(by=Actor("system"), at=LATER)
    assert (again.status, again.quarantined_until, again.kept_for) == ("available", None, None)
    with pytest.raises(RuleViolated):
        resting().restore(contract_id=OTHER, customer_id=BOB, **WHO)
    back = resting().restore(contract_id=OTHER, customer_id=ANN, **WHO)
    assert (back.status, back.contract_id) == ("assigned", OTHER)


def test_a_ported_number_is_given_back_and_our_own_is_released():
    ported = Number.port_in(msisdn=DIGITS, contract_id=MINE, **WHO)
    with pytest.raises(RuleViolated):
        ported.release(until=LATER, customer_id=ANN, contract_is_live=False, **WHO)
    assert ported.give_back(contract_is_live=False, **WHO).status == "returned"
    with pytest.raises(RuleViolated):
        assigned().give_back(contract_is_live=False, **WHO)


def test_only_what_nobody_called_is_free_at_once():
    with pytest.raises(RuleViolated):
        assigned().unassign(contract_was_active=True, **WHO)
    assert assigned().unassign(contract_was_active=False, **WHO).contract_id is None


def test_a_number_that_was_ported_out_rests_when_it_comes_back():
    away = assigned().port_out(contract_is_live=False, **WHO)
    back = away.return_from_port(until=LATER, **WHO)
    assert (back.status, back.quarantined_until) == ("quarantined", LATER)
    assert back.recycle(by=Actor("system"), at=LATER).withdraw(**WHO).status == "withdrawn"


def test_reservations_are_cancelled_and_expire():
    kept = number().reserve(for_="x", until=LATER, **WHO)
    assert kept.cancel(**WHO).reserved_for is None
    with pytest.raises(RuleViolated):
        kept.expire(**WHO)
    assert kept.expire(by=Actor("system"), at=LATER).status == "available"


def test_category_and_price():
    gold = number(category="gold", price=Money(100_000, "KGS"))
    assert gold.reclassify(category="silver", price=None, **WHO).price is None
    assert gold.category is NumberCategory.GOLD
    with pytest.raises(InvalidValue, match="one of standard, silver, gold, platinum"):
        number(category="Very Gold")
