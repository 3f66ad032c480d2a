"""Sweeps on PostgreSQL: what another transaction holds keeps nothing else from its turn."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

import telecom_crm
from telecom_crm.adapters.clock import ManualClock
from telecom_crm.adapters.postgres.engine import open_engine
from telecom_crm.application.inventory.receiving import NumberData, SimData
from telecom_crm.domain.application import ApplicationKind, Channel
from telecom_crm.domain.errors import Busy
from telecom_crm.domain.identifiers import ContractId, CustomerId
from telecom_crm.entrypoints.conformance.samples import OPERATOR
from telecom_crm.entrypoints.conformance.strategies import iccid_of, msisdn_of
from telecom_crm.entrypoints.crm import Crm

SHORT = 0.3
"""A lock timeout that a test can wait for."""
CARDS = [iccid_of(serial) for serial in range(5)]
NUMBERS = [msisdn_of(serial) for serial in range(5)]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def engine(fresh_database: Callable[[], str]) -> Iterator[Engine]:
    engine = open_engine(fresh_database(), lock_timeout_seconds=SHORT)
    yield engine
    engine.dispose()


@pytest.fixture
def crm(engine: Engine, clock: ManualClock) -> Iterator[Crm]:
    with telecom_crm.open("", engine=engine, clock=clock) as crm:
        crm.inventory.receive_sims([SimData(iccid=card) for card in CARDS])
        crm.inventory.receive_numbers([NumberData(msisdn=number) for number in NUMBERS])
        yield crm


def test_a_card_that_is_held_keeps_no_other_reserved(
    crm: Crm, engine: Engine, clock: ManualClock
) -> None:
    for card, number in zip(CARDS, NUMBERS, strict=True):
        crm.inventory.reserve_sim(card)
        crm.inventory.reserve_number(number)
    clock.advance(timedelta(hours=1))
    with engine.begin() as other:
        hold = text("SELECT 1 FROM sims WHERE iccid = :key FOR UPDATE")
        other.execute(hold, {"key": CARDS[0].digits})
        with pytest.raises(ExceptionGroup, match="1 of a sweep") as failed:
            crm.inventory.expire_reservations(limit=2)
    assert [type(error) for error in failed.value.exceptions] == [Busy]
    assert [one.iccid for one in crm.inventory.each_sim(status="reserved")] == CARDS[:1]
    assert list(crm.inventory.each_number(status="reserved")) == []
    assert crm.inventory.expire_reservations() == 1


def test_a_number_that_is_held_keeps_no_other_resting(
    crm: Crm, engine: Engine, clock: ManualClock
) -> None:
    said: dict[str, Any] = {"by": OPERATOR, "at": clock()}
    with crm.uow() as tx:
        for number in tx.numbers.get_many(NUMBERS).values():
            assigned = number.assign(contract_id=ContractId(crm.new_id()), **said)
            tx.numbers.save(
                assigned.release(
                    until=clock() + timedelta(days=90),
                    customer_id=CustomerId(crm.new_id()),
                    contract_is_live=False,
                    **said,
                )
            )
    clock.advance(timedelta(days=90))
    with engine.begin() as other:
        hold = text("SELECT 1 FROM numbers WHERE msisdn = :key FOR UPDATE")
        other.execute(hold, {"key": NUMBERS[0].digits})
        with pytest.raises(ExceptionGroup, match="1 of a sweep"):
            crm.inventory.recycle_due(limit=2)
    assert [one.msisdn for one in crm.inventory.each_number(status="quarantined")] == NUMBERS[:1]
    assert crm.inventory.recycle_due() == 1


def test_an_application_that_is_held_keeps_no_other_from_being_erased(
    crm: Crm, engine: Engine, clock: ManualClock
) -> None:
    asked = [
        crm.intake.capture(kind=ApplicationKind.OTHER, channel=Channel.API, raw={"name": "Aida"}).id
        for _ in CARDS
    ]
    for one in asked:
        crm.intake.reject(one, reason="no papers")
    clock.advance(timedelta(days=90, seconds=1))
    with engine.begin() as other:
        hold = text("SELECT 1 FROM applications WHERE id = :key FOR UPDATE")
        other.execute(hold, {"key": asked[0]})
        with pytest.raises(ExceptionGroup, match="1 of a sweep"):
            crm.work(limit=2)
    assert [one.id for one in crm.intake.each() if one.raw] == asked[:1]
    assert crm.step("erase_applications") == 1
