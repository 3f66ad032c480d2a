"""A machine that runs a whole operator: people, contracts, money, the network, all at once."""

from __future__ import annotations

from typing import Any

from hypothesis.stateful import initialize, multiple, rule

from telecom_crm.entrypoints.conformance.crm.accounts import AccountRules
from telecom_crm.entrypoints.conformance.crm.contracts import ContractRules
from telecom_crm.entrypoints.conformance.crm.invariants import Invariants
from telecom_crm.entrypoints.conformance.crm.receipts import ReceiptRules
from telecom_crm.entrypoints.conformance.crm.world import CONTRACTS, CUSTOMERS, PAYMENTS, RECEIPTS
from telecom_crm.entrypoints.conformance.samples import OPERATOR


class CrmMachine(ContractRules, ReceiptRules, AccountRules, Invariants):
    """
    Run an operator in any order; the store it is made `on` is a `Store`.

    Balances, holds, contracts and payments are those of a plain model; the books balance; one live
    contract holds a SIM or a number; every thing's version is the number of its events.
    """

    @initialize(target=CUSTOMERS)
    def begin(self) -> Any:
        """Two policies, a tariff, cards, numbers, and a customer."""
        self._stock_up()
        return self.register("AN100")

    @initialize(target=CONTRACTS)
    def begin_service(self) -> Any:
        """Two contracts in service, one that pays first, with money, and one that pays later."""
        if self.model.contracts:
            return multiple(*self.model.contracts)
        self._stock_up()
        customer = self.register("AN100")
        prepaid = self.sell(customer, 1, 1, "prepaid", False, None)
        postpaid = self.sell(customer, 2, 2, "postpaid", False, None)
        self.pay(prepaid, False, 30_000, "cash_desk", "confirm", None)
        self.activate(prepaid)
        self.activate(postpaid)
        self.work_in_the_network("")
        return multiple(prepaid, postpaid)

    @initialize(target=PAYMENTS)
    def begin_paying(self) -> Any:
        """One payment that the gateway confirmed, one whose answer was lost, one allocated."""
        contract_id = next(iter(self.model.contracts), None)
        if contract_id is None:
            contract_id = self.begin_service().values[0]
        paid = self.pay(contract_id, False, 30_000, "simulator", "confirm", None)
        lost = self.pay(contract_id, False, 5_000, "simulator", "silent_taken", None)
        kept = self.read_a_line(6, 11_000, "line-1")
        return multiple(paid, lost, self.allocate(kept, contract_id, None))

    @initialize(target=RECEIPTS)
    def begin_receiving(self) -> Any:
        """A line of the gateway's file that is for nobody we know."""
        self._stock_up()
        return self.read_a_line(5, 5_000, "line-2")

    @rule(customer=CUSTOMERS)
    def work_a_ticket(self, customer: Any) -> None:
        """Open a ticket, take the next one, and resolve it: the queue is empty again."""
        self.samples.tick()
        opened = self.crm.tickets.create(customer_id=customer, subject="no signal", by=OPERATOR)
        taken = self.crm.tickets.claim_next(by=OPERATOR)
        assert taken is not None
        assert taken.id == opened.id
        assert self.crm.tickets.resolve(taken.id, by=OPERATOR).status == "closed"
        assert self.crm.tickets.claim_next(by=OPERATOR) is None

    def teardown(self) -> None:
        """In the end the network knows exactly the contracts it has to, and each change is told."""
        if not self.model.sims:
            return
        self.work_in_the_network("")
        known = self.crm.network.known
        served: dict[Any, tuple[Any, set[Any]]] = {
            one.sim: (one.number, one.bars)
            for one in self.model.contracts.values()
            if one.status in ("active", "suspended")
        }
        assert {sim: (one.msisdn, set(one.bars)) for sim, one in known.items()} == served
        self.money_holds_are_counted()
        self.events_are_complete()
