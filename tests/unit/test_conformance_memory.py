"""The conformance kit on the memory adapters, and on stores and gateways broken on purpose."""

from collections.abc import Mapping
from functools import partialmethod
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from telecom_crm.adapters.gateways.script import Behaviour, Call
from telecom_crm.adapters.gateways.simulator import SimulatorGateway
from telecom_crm.adapters.memory.collection import MemoryCollection
from telecom_crm.adapters.memory.inventory import MemoryNumbers, MemorySims
from telecom_crm.adapters.memory.ledger import MemoryLedger
from telecom_crm.adapters.memory.people import MemoryApplications
from telecom_crm.adapters.memory.records import MemoryEvents, MemoryKeys
from telecom_crm.adapters.memory.series import MemorySeries
from telecom_crm.adapters.memory.till import MemoryTill
from telecom_crm.adapters.memory.unit_of_work import MemoryTransaction, MemoryUnitOfWork
from telecom_crm.adapters.network.simulator import NetworkStep, SimulatorNetwork, Trouble
from telecom_crm.domain.errors import TelecomCrmError
from telecom_crm.domain.hold import Bar
from telecom_crm.domain.identifiers import ICCID, MSISDN
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment
from telecom_crm.entrypoints.conformance.contract import ContractMachine
from telecom_crm.entrypoints.conformance.crm.machine import CrmMachine
from telecom_crm.entrypoints.conformance.gateway import GatewaySuite, Turn
from telecom_crm.entrypoints.conformance.inventory import InventoryMachine
from telecom_crm.entrypoints.conformance.ledger import LedgerMachine
from telecom_crm.entrypoints.conformance.network import NetworkSuite
from telecom_crm.entrypoints.conformance.store import Store
from telecom_crm.entrypoints.conformance.ticket import TicketMachine
from telecom_crm.entrypoints.conformance.unit_of_work.suite import UnitOfWorkSuite

SETTINGS = settings(stateful_step_count=25, suppress_health_check=list(HealthCheck))
FINDING = settings(
    max_examples=1000,
    stateful_step_count=25,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    derandomize=True,
    database=None,
)
"""For what is broken on purpose: the same examples each time, and none is made smaller."""


def make_store() -> Store:
    uow = MemoryUnitOfWork()
    return Store(uow=uow, till=MemoryTill(uow.store), series=MemorySeries(uow.store))


@pytest.mark.parametrize("machine", [ContractMachine, TicketMachine, InventoryMachine])
def test_things_survive_anything(machine):
    run_state_machine_as_test(machine.on(MemoryUnitOfWork, interleaves=True), settings=SETTINGS)


@pytest.mark.parametrize("machine", [LedgerMachine, CrmMachine])
def test_money_survives_anything(machine):
    run_state_machine_as_test(machine.on(make_store, interleaves=True), settings=SETTINGS)


class TestMemory(UnitOfWorkSuite):
    def make(self):
        return MemoryUnitOfWork()


@attrs.define
class SimulatorHandle:
    """The simulator, told turn by turn what to do."""

    turn: Turn = Turn.CONFIRM
    gateway: SimulatorGateway = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.gateway = SimulatorGateway(secret="conformance", script=self._script)

    def prepare(self, turn: Turn) -> None:
        self.turn = turn

    def finish(self) -> None:
        self.gateway.settle()

    def moved(self, payment: Payment) -> Money:
        signs = {"charge": 1, "refund": -1}
        deals = [deal for deal in self.gateway.report() if deal.payment_id == payment.key]
        minor = sum(signs[deal.kind] * deal.moved.minor for deal in deals)
        return Money(minor, payment.amount.currency)

    def callback(self, payment: Payment) -> tuple[bytes, Mapping[str, str]]:
        callback = self.gateway.callback_for(payment)
        return callback.body, callback.headers

    def _script(self, call: Call) -> Behaviour:
        if call.operation == "ask":
            return Behaviour.CONFIRM
        turn, self.turn = self.turn, Turn.CONFIRM
        return BEHAVIOURS[turn]


BEHAVIOURS = {
    Turn.CONFIRM: Behaviour.CONFIRM,
    Turn.LATER: Behaviour.LATER,
    Turn.DECLINE: Behaviour.DECLINE,
    Turn.ANSWER_LOST: Behaviour.SILENT_TAKEN,
    Turn.REQUEST_LOST: Behaviour.SILENT_NOT_TAKEN,
    Turn.UNREACHABLE: Behaviour.UNAVAILABLE,
}


class TestSimulatorGateway(GatewaySuite):
    def make(self):
        return SimulatorHandle()


@attrs.frozen
class NetworkStrings:
    """The simulated network, and what it is told."""

    network: SimulatorNetwork = attrs.field(factory=SimulatorNetwork)

    def refuse(self) -> None:
        self._disturb(Trouble.FAILS)

    def fall_silent(self, *, done: bool) -> None:
        self._disturb(Trouble.SILENT_DONE if done else Trouble.SILENT)

    def heal(self) -> None:
        self.network.heal()

    def served(self, iccid: ICCID) -> tuple[MSISDN, frozenset[Bar]] | None:
        known = self.network.known.get(iccid)
        return None if known is None else (known.msisdn, known.bars)

    def _disturb(self, trouble: Trouble) -> None:
        for step in NetworkStep:
            self.network.disturb(step, trouble)


class TestSimulatorNetwork(NetworkSuite):
    def make(self):
        return NetworkStrings()


# What is broken on purpose has to be found: each breaks one thing that a store promises.


def _saves_stale_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = MemoryCollection._put

    def put(self: Any, thing: Any) -> Any:
        seen = self.look(thing.key)
        version = (seen.version if seen else 0) + len(thing.events)
        return whole(self, attrs.evolve(thing, version=version))

    monkeypatch.setattr(MemoryCollection, "_put", put)


def _does_not_compare_at_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryCollection, "check", lambda _: None)


def _commits_what_was_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = MemoryTransaction.close

    def close(self: MemoryTransaction) -> None:
        if not self._over and not self.read_only:
            for part in self._parts:
                part.apply()
        whole(self)

    monkeypatch.setattr(MemoryTransaction, "close", close)


def _forgets_events(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = MemoryEvents.add
    monkeypatch.setattr(MemoryEvents, "add", lambda self, events: whole(self, list(events)[:1]))


def _books_past_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = MemoryLedger._book

    def book(self: Any, postings: Any, balances: Any) -> Any:
        free = [(attrs.evolve(posting, limited=False), at) for posting, at in postings]
        return whole(self, free, balances)

    monkeypatch.setattr(MemoryLedger, "_book", book)


def _reverses_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryLedger, "_refuse_reversed", lambda *_: None)


def _books_a_key_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryKeys, "bound", lambda *_: None)
    monkeypatch.setattr(MemoryKeys, "check", lambda _: None)


def _decides_on_old_balances(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = MemoryLedger.check

    def check(self: Any) -> None:
        self._held.clear()
        whole(self)

    monkeypatch.setattr(MemoryLedger, "check", check)


@pytest.mark.parametrize(
    ("machine", "break_it"),
    [
        (TicketMachine, _saves_stale_copies),
        (ContractMachine, _does_not_compare_at_the_commit),
        (InventoryMachine, _commits_what_was_abandoned),
        (TicketMachine, _forgets_events),
        (LedgerMachine, _books_past_the_limit),
        (LedgerMachine, _reverses_twice),
        (LedgerMachine, _books_a_key_twice),
        (LedgerMachine, _decides_on_old_balances),
        (CrmMachine, _books_a_key_twice),
        (CrmMachine, _books_past_the_limit),
    ],
)
def test_a_broken_store_is_found_out(machine, break_it, monkeypatch):
    break_it(monkeypatch)
    of_money = machine in (LedgerMachine, CrmMachine)
    broken = machine.on(make_store if of_money else MemoryUnitOfWork, interleaves=True)
    found = (AssertionError, pytest.fail.Exception, TelecomCrmError, BaseExceptionGroup)
    with pytest.raises(found):
        run_state_machine_as_test(broken, settings=FINDING)


@pytest.mark.parametrize("method", ["leases_over", "reservations_over", "quarantine_over"])
def test_pages_that_begin_anew_are_found_out(method, monkeypatch):
    for kind in (MemoryApplications, MemorySims, MemoryNumbers):
        if whole := getattr(kind, method, None):
            anew = partialmethod(_first_page, whole)
            monkeypatch.setattr(kind, method, anew)
    with pytest.raises(AssertionError, match="begins anew"):
        TestMemory().test_what_is_kept_too_long_comes_in_pages_that_go_on()


def _first_page(self: Any, whole: Any, at: Any, *, limit: int, cursor: str | None = None) -> Any:
    return whole(self, at, limit=limit)
