"""Every service of an operator over one store, with a gateway and a network to disturb."""

from __future__ import annotations

from typing import Any

from telecom_crm.adapters.files.memory import MemoryFiles
from telecom_crm.adapters.gateways.cash_desk import CashDesk
from telecom_crm.adapters.gateways.script import Behaviour, Call
from telecom_crm.adapters.gateways.simulator import SimulatorGateway
from telecom_crm.adapters.network.simulator import SimulatorNetwork
from telecom_crm.application.accounts import Accounts
from telecom_crm.application.contracts.service import Contracts
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.inventory.service import Inventory
from telecom_crm.application.payments.service import Payments
from telecom_crm.application.provisioning import Provisioning
from telecom_crm.application.receipts import Receipts
from telecom_crm.application.rules import RuleBook
from telecom_crm.application.settlements import Settlements
from telecom_crm.application.stream import EventStream
from telecom_crm.application.tickets import Tickets
from telecom_crm.entrypoints.conformance.machine import PowerCut
from telecom_crm.entrypoints.conformance.samples import Samples
from telecom_crm.entrypoints.conformance.store import Store


class Operator:
    """Every service over one store, with a gateway and a network that do as they are told."""

    def __init__(self, store: Store, samples: Samples) -> None:
        uow, clock, ids, series = store.uow, samples.clock, samples.new_id, store.series
        self.next_answer = "confirm"
        self.asking_fails = ""
        self.simulator = SimulatorGateway(
            secret="conformance", script=self._script, listener=self._listen
        )
        self.network = SimulatorNetwork()
        self.customers = Customers(uow, clock, ids)
        self.inventory = Inventory(uow, clock, ids)
        files = MemoryFiles(new_id=ids)
        self.contracts = Contracts(uow, clock, ids, series, files)
        self.accounts = Accounts(uow, clock, ids, series)
        self.tickets = Tickets(uow, clock, ids, series, files)
        self.provisioning = Provisioning(uow, clock, ids, series)
        self.rules = RuleBook(uow, clock)
        self.events = EventStream(uow)
        self.payments = Payments(
            uow,
            store.till,
            {"simulator": self.simulator, "cash_desk": CashDesk()},
            clock,
            ids,
            self.contracts.lift_money_holds,
        )
        self.receipts = Receipts(uow, clock, ids, self.payments)
        self.settlements = Settlements(uow, self.payments.gateways, clock, ids)

    def hear(self, callback: Any) -> None:
        """Take a callback of the gateway's."""
        self.payments.hear(gateway="simulator", body=callback.body, headers=callback.headers)

    def _script(self, call: Call) -> Behaviour:
        if self.asking_fails and (call.operation == "ask" or call.attempt > 1):
            return Behaviour(self.asking_fails)
        if call.operation == "ask" or call.attempt > 1:
            return Behaviour.CONFIRM
        if self.next_answer == "cut before":
            raise PowerCut
        return Behaviour("early" if self.next_answer == "cut after" else self.next_answer)

    def _listen(self, callback: Any) -> None:
        if self.next_answer == "cut after":
            raise PowerCut
        self.hear(callback)
