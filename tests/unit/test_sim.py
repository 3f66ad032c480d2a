from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from telecom_crm.domain.errors import IllegalTransition, InvalidValue, RuleViolated
from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN, ContractId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.reservation import reservation_of
from telecom_crm.domain.sim import (
    SIM_LIFECYCLE,
    RetireReason,
    Sim,
    SimCommand,
    SimInUse,
    SimNotAvailable,
    SimStatus,
)

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
WHO: Any = {"by": Actor("ann"), "at": AT}
MINE, OTHER = ContractId(UUID(int=1)), ContractId(UUID(int=2))
NUMBER = MSISDN("996555055433")
SECRETS: Any = {"pin1": "2471", "puk1": "52992312"}


def sim(**more):
    iccid, imsi = ICCID("8999608004477127826"), IMSI("437050447712782")
    return Sim.receive(iccid=iccid, imsi=imsi, **SECRETS, **more, **WHO)


def bound():
    return sim().bind(contract_id=MINE, msisdn=NUMBER, **WHO)


def test_the_table():
    assert SIM_LIFECYCLE.triples() == {
        (None, "receive", "available"),
        ("available", "reserve", "reserved"),
        ("reserved", "cancel", "available"),
        ("reserved", "expire", "available"),
        ("available", "bind", "bound"),
        ("reserved", "bind", "bound"),
        ("bound", "hand_over", "bound"),
        ("active", "hand_over", "bound"),
        ("barred", "hand_over", "bound"),
        ("bound", "unbind", "available"),
        ("bound", "activate", "active"),
        ("active", "bar", "barred"),
        ("barred", "unbar", "active"),
        ("available", "retire", "retired"),
        ("reserved", "retire", "retired"),
        ("bound", "retire", "retired"),
        ("active", "retire", "retired"),
        ("barred", "retire", "retired"),
    }


def test_a_life_keeps_version_and_events_in_step():
    card = bound().activate(**WHO).bar(reason="fraud", **WHO).unbar(**WHO)
    assert (card.status, card.contract_id, card.msisdn) == ("active", MINE, NUMBER)
    assert card.activated_at == AT
    assert [event.sequence for event in card.events] == list(range(1, card.version + 1))
    assert {event.thing_id for event in card.events} == {card.key}


def test_the_loser_of_a_race_is_told_the_state_and_who_has_it():
    with pytest.raises(SimNotAvailable) as caught:
        bound().bind(contract_id=OTHER, msisdn=NUMBER, **WHO)
    error = caught.value
    assert (error.code, error.state, error.contract) == ("sim_not_available", "bound", str(MINE))
    assert "it is bound by contract" in str(error)
    with pytest.raises(SimNotAvailable):
        bound().reserve(for_="x", until=LATER, **WHO)


def test_a_reserved_card_goes_only_to_whom_it_is_reserved_for():
    kept = sim().reserve(for_=reservation_of(MINE), until=LATER, **WHO)
    with pytest.raises(SimNotAvailable) as caught:
        kept.bind(contract_id=OTHER, msisdn=NUMBER, **WHO)
    assert caught.value.state == "reserved"
    mine = kept.bind(contract_id=MINE, msisdn=NUMBER, **WHO)
    assert (mine.reserved_for, mine.reserved_until) == (None, None)
    web = sim().reserve(for_="basket-7", until=LATER, **WHO)
    assert web.bind(contract_id=MINE, msisdn=NUMBER, reservation="basket-7", **WHO).contract_id


def test_a_reservation_expires_only_when_its_time_is_over():
    kept = sim().reserve(for_="x", until=LATER, **WHO)
    with pytest.raises(RuleViolated):
        kept.expire(**WHO)
    assert kept.expire(by=Actor("system"), at=LATER).status == "available"


def test_what_a_live_contract_holds_is_not_retired():
    active = bound().activate(**WHO)
    with pytest.raises(SimInUse) as caught:
        active.retire(reason=RetireReason.LOST, contract_is_live=True, **WHO)
    assert caught.value.contract == str(MINE)
    gone = active.retire(reason=RetireReason.SWAPPED, contract_is_live=False, **WHO)
    assert (gone.status, gone.contract_id, gone.msisdn) == ("retired", None, None)
    assert gone.events[-1].payload == {"contract": str(MINE)}
    with pytest.raises(IllegalTransition):
        gone.retire(reason=RetireReason.LOST, contract_is_live=False, **WHO)
    free = sim().retire(reason=RetireReason.DEFECTIVE, contract_is_live=True, **WHO)
    assert SIM_LIFECYCLE.is_final(free.status)


def test_an_active_card_is_not_unbound():
    assert bound().unbind(**WHO).contract_id is None
    with pytest.raises(IllegalTransition) as caught:
        bound().activate(**WHO).unbind(**WHO)
    assert caught.value.allowed == (SimCommand.HAND_OVER, SimCommand.BAR, SimCommand.RETIRE)


def test_a_card_that_is_handed_over_is_activated_anew_and_never_free_again():
    handed = bound().activate(**WHO).hand_over(contract_id=OTHER, **WHO)
    assert (handed.status, handed.contract_id, handed.msisdn) == (SimStatus.BOUND, OTHER, NUMBER)
    assert handed.events[-1].payload == {"changes": {"contract": [str(MINE), str(OTHER)]}}
    assert handed.activate(**WHO).status is SimStatus.ACTIVE
    with pytest.raises(RuleViolated, match="was in use: retire it"):
        handed.unbind(**WHO)


def test_secrets_show_up_nowhere():
    card = sim().correct(imsi=sim().imsi, pin1="1111", puk1="22222222", batch="B", **WHO)
    seen = repr(card) + repr(card.events)
    assert not any(secret in seen for secret in ("2471", "52992312", "1111", "22222222"))
    assert card.events[-1].payload == {"fields": ["batch", "pin1", "puk1"]}
    with pytest.raises(InvalidValue) as caught:
        Sim.receive(iccid=card.iccid, pin1="12x45", **WHO)
    assert "12x45" not in repr(caught.value)


def test_the_imsi_of_a_card_in_use_stays():
    with pytest.raises(SimNotAvailable):
        bound().correct(imsi=None, **SECRETS, batch="", **WHO)


def test_only_a_held_card_gets_another_number():
    other = MSISDN("996700000001")
    assert bound().renumber(msisdn=other, **WHO).msisdn == other
    with pytest.raises(RuleViolated):
        sim().renumber(msisdn=other, **WHO)
