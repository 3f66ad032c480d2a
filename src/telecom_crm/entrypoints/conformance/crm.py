"""A machine that runs a whole operator: people, contracts, money, the network, all at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, invariant, multiple, rule

from telecom_crm.adapters.files.memory import MemoryFiles
from telecom_crm.adapters.gateways.cash_desk import CashDesk
from telecom_crm.adapters.gateways.script import Behaviour, Call
from telecom_crm.adapters.gateways.simulator import SimulatorGateway
from telecom_crm.adapters.network.simulator import NetworkStep, SimulatorNetwork, Trouble
from telecom_crm.application.accounts import Accounts
from telecom_crm.application.contracts.service import Contracts
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.inventory.receiving import NumberData, SimData
from telecom_crm.application.inventory.service import Inventory
from telecom_crm.application.payments.request import PaymentRequest
from telecom_crm.application.payments.service import Payments
from telecom_crm.application.ports import Payer, Transaction, UnitOfWork
from telecom_crm.application.provisioning import Provisioning
from telecom_crm.application.receipts import Receipts
from telecom_crm.application.rules import RuleBook
from telecom_crm.application.settlements import Settlements
from telecom_crm.application.stream import EventStream
from telecom_crm.application.tickets import Tickets
from telecom_crm.domain.calendar import BISHKEK
from telecom_crm.domain.charging import ChargeKind
from telecom_crm.domain.contract import (
    ActivationRefused,
    CloseReason,
    Contract,
    HoldNotThere,
    HoldThere,
)
from telecom_crm.domain.errors import (
    IllegalTransition,
    InvalidValue,
    KeyReused,
    NotFound,
    RuleViolated,
)
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.ledger import InsufficientFunds, LedgerCode
from telecom_crm.domain.money import Money
from telecom_crm.domain.notification import LOW_BALANCE
from telecom_crm.domain.number import Number, NumberNotAvailable
from telecom_crm.domain.payment import Payment, PaymentMethod, RefundTooLarge
from telecom_crm.domain.provisioning import UNFINISHED
from telecom_crm.domain.sim import Sim, SimNotAvailable
from telecom_crm.entrypoints.conformance import crm_model as plain
from telecom_crm.entrypoints.conformance.crm_model import FIRST_FEES, MONEY_HOLDS, Model
from telecom_crm.entrypoints.conformance.machine import PowerCut, StoredMachine, patiently
from telecom_crm.entrypoints.conformance.samples import (
    CURRENCY,
    OPERATOR,
    PAY_FIRST,
    PAY_LATER,
    Samples,
    identity_document,
)
from telecom_crm.entrypoints.conformance.store import Store
from telecom_crm.entrypoints.conformance.strategies import iccid_of, msisdn_of

ANSWERS: Mapping[str, str] = {
    "confirm": "confirmed",
    "later": "pending",
    "early": "confirmed",
    "twice": "confirmed",
    "decline": "failed",
    "silent_taken": "unknown",
    "silent_not_taken": "unknown",
    "unavailable": "failed",
    "lie": "confirmed",
    "insist": "confirmed",
    "cut before": "pending",
    "cut after": "pending",
}
"""How a gateway may behave, and where the payment is afterwards; the last two kill the process."""
REFUND_ANSWERS: Mapping[str, str] = {
    "confirm": "paid",
    "later": "pending",
    "decline": "failed",
    "silent_taken": "unknown",
    "silent_not_taken": "unknown",
    "unavailable": "failed",
    "cut before": "pending",
}
FIRST_DAY = date(2026, 1, 1)
"""Before everything that the samples do."""
_SPENDING = {"transfer", "charge"}
_DONE = {"confirm", "early", "twice", "silent_taken", "lie", "insist", "cut after"}
_MINOR = st.sampled_from((100, 5_000, 11_000, 30_000))
_STOCK = st.integers(1, 6)
_KEY = st.sampled_from((None, None, "key-1", "key-2"))
_HOLDS = st.sampled_from(
    [HoldKind.LOW_BALANCE, HoldKind.NON_PAYMENT, HoldKind.VOLUNTARY, HoldKind.ADMIN]
)
_TROUBLE = {"fails": Trouble.FAILS, "silent": Trouble.SILENT, "silent_done": Trouble.SILENT_DONE}


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


class CrmMachine(StoredMachine):
    """
    Run an operator in any order; the store it is made `on` is a `Store`.

    Balances, holds, contracts and payments are those of a plain model; the books balance; one live
    contract holds a SIM or a number; every thing's version is the number of its events.
    """

    customers = Bundle("customers")
    contracts = Bundle("contracts")
    payments = Bundle("payments")
    receipts = Bundle("receipts")

    def __init__(self) -> None:
        super().__init__()
        store: Store = type(self).make_store()
        self.uow: UnitOfWork = store.uow
        self.samples = Samples()
        self.crm = Operator(store, self.samples)
        self.model = Model()

    @initialize(target=customers)
    def begin(self) -> Any:
        """Two policies, a tariff, cards, numbers, and a customer."""
        self._stock_up()
        return self.register("AN100")

    @initialize(target=contracts)
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

    @initialize(target=payments)
    def begin_paying(self) -> Any:
        """One payment that the gateway confirmed, one whose answer was lost, one allocated."""
        contract_id = next(iter(self.model.contracts), None)
        if contract_id is None:
            contract_id = self.begin_service().values[0]
        paid = self.pay(contract_id, False, 30_000, "simulator", "confirm", None)
        lost = self.pay(contract_id, False, 5_000, "simulator", "silent_taken", None)
        kept = self.read_a_line(6, 11_000, "line-1")
        return multiple(paid, lost, self.allocate(kept, contract_id, None))

    @initialize(target=receipts)
    def begin_receiving(self) -> Any:
        """A line of the gateway's file that is for nobody we know."""
        self._stock_up()
        return self.read_a_line(5, 5_000, "line-2")

    @rule(target=customers, document=st.sampled_from(("AN100", "an 100", "AN200")))
    def register(self, document: str) -> Any:
        """Register somebody; the same paper, however it is written, is the same customer."""
        self.samples.tick()
        found = self.crm.customers.register(
            name="Айгүл", documents=[identity_document(document)], by=OPERATOR
        )
        known = self.model.customers.setdefault(document.upper().replace(" ", ""), found.id)
        assert found.id == known
        return found.id

    @rule(
        target=contracts,
        customer=customers,
        card=_STOCK,
        place=_STOCK,
        policy=st.sampled_from(("prepaid", "postpaid")),
        shared=st.booleans(),
        key=_KEY,
    )
    def sell(
        self, customer: Any, card: int, place: int, policy: str, shared: bool, key: str | None
    ) -> Any:
        """Sell a contract on a new account, or on the customer's first one."""
        self.samples.tick()
        sim, number = iccid_of(card), msisdn_of(place)
        account = self._first_account(customer, shared)
        asked = {
            "customer_id": customer,
            "iccid": sim,
            "msisdn": number,
            "account_id": account,
            "policy": None if account else policy,
        }

        def signed() -> Any:
            return self.crm.contracts.create(
                **asked, tariff="PLAIN", idempotency_key=key, by=OPERATOR
            )

        if (again := self._again(key, ("sell", asked), signed)) is not None:
            return again
        refusal = self._not_sold(customer, sim, number)
        if refusal is not None:
            self._refuse(refusal, signed)
            return _nothing()
        contract = signed()
        if account is None:
            self.model.accounts[contract.account_id] = plain.Account(customer, policy == "postpaid")
        self.model.contracts[contract.id] = plain.Contract(
            customer, contract.account_id, sim, number
        )
        self.model.sims[sim] = self.model.numbers[number] = contract.id
        self._remember(key, ("sell", asked), contract.id)
        return contract.id

    @rule(contract_id=contracts)
    def cancel(self, contract_id: Any) -> None:
        """Give a contract up that was never active."""
        contract = self._contract(contract_id)
        if contract.status != "accepted":
            self._refuse(IllegalTransition, self.crm.contracts.cancel, contract_id)
            return
        if contract.letting_go:
            self._refuse(RuleViolated, self.crm.contracts.cancel, contract_id)
            return
        self.crm.contracts.cancel(contract_id)
        contract.status = "cancelled"
        self.model.free(contract)

    @rule(contract_id=contracts)
    def activate(self, contract_id: Any) -> None:
        """Ask for the activation: the first fees are held back, or there is too little."""
        contract = self._contract(contract_id)
        account = self.model.accounts[contract.account]
        ask = self.crm.contracts.request_activation
        if contract.status != "accepted":
            self._refuse(IllegalTransition, ask, contract_id)
        elif not account.postpaid and account.available < FIRST_FEES:
            self._refuse(ActivationRefused, ask, contract_id)
        else:
            assert ask(contract_id).status == "activating"
            contract.status, contract.task = "activating", "pending"
            account.reserved += FIRST_FEES
            account.used, account.seen = True, account.available

    @rule(contract_id=contracts)
    def give_activation_up(self, contract_id: Any) -> None:
        """Fail an activation by hand, also while the network is silent about it."""
        contract = self._contract(contract_id)

        def give_up() -> object:
            return self.crm.contracts.fail_activation(contract_id, reason="given up")

        if contract.status != "activating":
            self._refuse(IllegalTransition, give_up)
        else:
            give_up()
            contract.status = "accepted"
            contract.letting_go = contract.letting_go or contract.task != "pending"
            self.model.accounts[contract.account].reserved -= FIRST_FEES

    @rule(trouble=st.sampled_from(("", "", "fails", "silent", "silent_done")))
    def work_in_the_network(self, trouble: str) -> None:
        """Carry tasks out, all going well, or with trouble at every new subscriber."""
        self.samples.clock.advance(timedelta(minutes=3))  # so that every lease is over
        for contract in self.model.contracts.values():
            contract.letting_go = False
            if contract.status == "activating" and trouble and contract.task != "failed":
                contract.task = "failed" if trouble == "fails" else "running"
        if trouble:
            self.crm.network.disturb(NetworkStep.REGISTER, _TROUBLE[trouble])
            self.crm.provisioning.work(network=self.crm.network)
            self.crm.network.heal()
            return
        for task in list(self.crm.provisioning.each(status="failed")):
            self.crm.provisioning.retry(task.id)
        while self.crm.provisioning.work(network=self.crm.network).total:
            pass
        for contract in self.model.contracts.values():
            if contract.status == "activating":
                contract.status = "active"
                account = self.model.accounts[contract.account]
                account.reserved -= FIRST_FEES
                account.spend(FIRST_FEES)

    @rule(contract_id=contracts, hold=_HOLDS)
    def suspend(self, contract_id: Any, hold: HoldKind) -> None:
        """Suspend a contract for one more reason."""
        contract = self._contract(contract_id)

        def suspend() -> object:
            return self.crm.contracts.suspend(contract_id, hold=hold)

        if contract.status not in ("active", "suspended"):
            self._refuse(IllegalTransition, suspend)
        elif hold in contract.holds:
            self._refuse(HoldThere, suspend)
        else:
            suspend()
            contract.status = "suspended"
            contract.holds.add(hold.value)

    @rule(contract_id=contracts, hold=_HOLDS)
    def resume(self, contract_id: Any, hold: HoldKind) -> None:
        """Lift one hold."""
        contract = self._contract(contract_id)

        def resume() -> object:
            return self.crm.contracts.resume(contract_id, hold=hold)

        if contract.status != "suspended":
            self._refuse(IllegalTransition, resume)
        elif hold not in contract.holds:
            self._refuse(HoldNotThere, resume)
        else:
            resume()
            contract.holds.remove(hold.value)
            contract.status = "suspended" if contract.holds else "active"

    @rule(contract_id=contracts, card=_STOCK, key=_KEY)
    def swap_sim(self, contract_id: Any, card: int, key: str | None) -> None:
        """Go on with another card."""
        contract, sim = self._contract(contract_id), iccid_of(card)

        def swap() -> Any:
            return self.crm.contracts.swap_sim(
                contract_id, iccid=sim, idempotency_key=key, by=OPERATOR
            )

        asked = ("swap_sim", contract_id, sim)
        if self._again(key, asked, swap) is not None:
            return
        if contract.status not in ("active", "suspended"):
            self._refuse(IllegalTransition, swap)
        elif self.model.sims[sim] is not None:
            self._refuse(SimNotAvailable, swap)
        else:
            swap()
            self._remember(key, asked, contract_id)
            self.model.sims[contract.sim] = "retired"
            self.model.sims[sim] = contract_id
            contract.sim = sim

    @rule(contract_id=contracts, key=_KEY)
    def close(self, contract_id: Any, key: str | None) -> None:
        """End a contract."""
        contract = self._contract(contract_id)

        def close() -> Any:
            return self.crm.contracts.close(
                contract_id,
                reason=CloseReason.CUSTOMER_REQUEST,
                idempotency_key=key,
                by=OPERATOR,
            )

        asked = ("close", contract_id)
        if self._again(key, asked, close) is not None:
            return
        if contract.status not in ("active", "suspended"):
            self._refuse(IllegalTransition, close)
            return
        close()
        self._remember(key, asked, contract_id)
        self.model.close(contract_id)

    @rule(
        target=contracts,
        contract_id=contracts,
        customer=customers,
        policy=st.sampled_from(("prepaid", "postpaid")),
        shared=st.booleans(),
        waits=st.booleans(),
        key=_KEY,
    )
    def change_payer(
        self,
        contract_id: Any,
        customer: Any,
        policy: str,
        shared: bool,
        waits: bool,
        key: str | None,
    ) -> Any:
        """Have somebody else pay for a SIM and a number, perhaps not before the network is done."""
        if waits:
            self.work_in_the_network("")
        contract, account = self._contract(contract_id), self._first_account(customer, shared)
        terms: dict[str, Any] = {"account_id": account, "policy": None if account else policy}

        def change() -> Any:
            return self.crm.contracts.change_payer(
                contract_id, customer_id=customer, **terms, idempotency_key=key, by=OPERATOR
            )

        asked = ("change_payer", contract_id, customer, terms)
        if (again := self._again(key, asked, change)) is not None:
            return again
        if contract.status not in ("active", "suspended"):
            self._refuse(IllegalTransition, change)
            return _nothing()
        if contract.holds or account == contract.account or self._is_busy(contract_id):
            self._refuse(RuleViolated, change)
            return _nothing()
        made = change()
        if account is None:
            self.model.accounts[made.account_id] = plain.Account(customer, policy == "postpaid")
        successor = plain.Contract(
            customer,
            made.account_id,
            contract.sim,
            contract.number,
            letting_go=True,
            taken_over=True,
        )
        self.model.hand_over(contract_id, made.id, successor)
        self._remember(key, asked, made.id)
        return made.id

    @rule(
        target=payments,
        contract_id=contracts,
        by_number=st.booleans(),
        minor=_MINOR,
        gateway=st.sampled_from(("cash_desk", "simulator", "simulator")),
        answer=st.sampled_from(sorted(ANSWERS)),
        key=_KEY,
    )
    def pay(
        self,
        contract_id: Any,
        by_number: bool,
        minor: int,
        gateway: str,
        answer: str,
        key: str | None,
    ) -> Any:
        """Pay for a contract, or into a number, however the gateway behaves."""
        contract = self._contract(contract_id)
        payer = Payer(msisdn=contract.number) if by_number else Payer(contract_id=contract_id)

        def pay() -> Any:
            self.crm.next_answer = answer
            return self.crm.payments.take(
                payer=payer,
                amount=_kgs(minor),
                method=PaymentMethod.CARD,
                gateway=gateway,
                idempotency_key=key,
                by=OPERATOR,
            )

        asked = ("pay", payer, minor, gateway)
        if (again := self._again(key, asked, pay)) is not None:
            return again
        if by_number:
            holder = self.model.numbers[contract.number]
            if holder not in self.model.contracts:
                self._refuse(NotFound, pay)
                return _nothing()
            contract = self.model.contracts[holder]
        if contract.status == "cancelled":
            self._refuse(RuleViolated, pay)
            return _nothing()
        account = contract.account
        if gateway == "cash_desk":
            answer = "confirm"
        payment_id = self._paid(pay, account)
        self._expect(payment_id, account, gateway, minor, answer)
        self._remember(key, asked, payment_id)
        return payment_id

    @rule()
    def hear_callbacks(self) -> None:
        """The gateway finishes what is pending and tells us, some of it twice."""
        self.samples.tick()
        self.crm.simulator.deliver(self.crm.hear)
        for refund in self.model.refunds.values():
            if refund.deal.state == "pending":
                refund.deal.state = "done"
        for payment in self.model.payments.values():
            if payment.deal.state == "pending":
                payment.deal.settle()
            if payment.deal.notices:
                self.model.confirm(payment)
                payment.deal.notices = 0

    @rule(asking=st.sampled_from(("", "silent_not_taken", "unavailable")))
    def repair(self, asking: str) -> None:
        """Ask about everything whose end is not known; perhaps nobody answers."""
        self.samples.clock.advance(timedelta(minutes=6))
        self.crm.asking_fails, self.crm.next_answer = asking, "confirm"
        self.crm.payments.repair()
        self.crm.asking_fails = ""
        for payment in self.model.payments.values():
            if payment.status in ("pending", "unknown"):
                self._repair_payment(payment, asking)
        for refund in self.model.refunds.values():
            if refund.status in ("pending", "unknown"):
                self._repair_refund(refund, asking)

    @rule(payment_id=payments, cancels=st.booleans())
    def end_by_hand(self, payment_id: Any, cancels: bool) -> None:
        """Cancel a payment, or give an unknown one up; its callback may come all the same."""
        payment = self._payment(payment_id)

        def end() -> object:
            if cancels:
                return self.crm.payments.cancel(payment_id, reason="no")
            return self.crm.payments.give_up(payment_id, reason="no")

        if payment.status != ("pending" if cancels else "unknown"):
            self._refuse(IllegalTransition, end)
            return
        end()
        payment.status = "cancelled" if cancels else "failed"

    @rule(
        payment_id=payments,
        minor=st.sampled_from((100, 5_000, 30_000)),
        answer=st.sampled_from(("silent_taken", *sorted(REFUND_ANSWERS))),
    )
    def refund(self, payment_id: Any, minor: int, answer: str) -> None:
        """Give money back, however the gateway behaves."""
        payment = self._payment(payment_id)
        account = self.model.accounts[payment.account]

        def refund() -> Any:
            self.crm.next_answer = answer
            return self.crm.payments.refund(payment_id, amount=_kgs(minor), by=OPERATOR)

        if payment.status != "confirmed":
            self._refuse(IllegalTransition, refund)
            return
        if minor > payment.minor - payment.refunded:
            self._refuse(RefundTooLarge, refund)
            return
        if account.own < minor:
            self._refuse(InsufficientFunds, refund)
            return
        if payment.gateway == "cash_desk":
            answer = "confirm"
        parts = account.promise_back(minor)
        account.look()
        self._expect_refund(payment_id, minor, parts, answer, refund)

    @rule(payment_id=payments, what=st.sampled_from(("dispute", "win", "lose")))
    def dispute(self, payment_id: Any, what: str) -> None:
        """The subscriber's bank takes a payment back, for a time or for good."""
        payment = self._payment(payment_id)
        unsettled = any(
            refund.payment == payment_id and refund.status in ("pending", "unknown")
            for refund in self.model.refunds.values()
        )
        if payment.gateway == "cash_desk" or unsettled or payment.refunded == payment.minor:
            return
        command = {
            "dispute": self.crm.payments.dispute,
            "win": self.crm.payments.win_dispute,
            "lose": self.crm.payments.lose_dispute,
        }[what]
        if payment.status != ("confirmed" if what == "dispute" else "disputed"):
            with pytest.raises((IllegalTransition, NotFound)):
                command(payment_id)
            return
        command(payment_id)
        after = {"dispute": "disputed", "win": "confirmed", "lose": "charged_back"}
        payment.status = after[what]
        if what == "lose":
            self.model.accounts[payment.account].owe(payment.left)

    @rule(payment_id=payments)
    def reverse(self, payment_id: Any) -> None:
        """Undo a payment that should not have been booked."""
        payment = self._payment(payment_id)

        def reverse() -> object:
            return self.crm.payments.reverse(payment_id, reason="mistake")

        if payment.status != "confirmed":
            self._refuse(IllegalTransition, reverse)
        elif payment.refunded:
            self._refuse(RuleViolated, reverse)
        else:
            reverse()
            payment.status = "reversed"
            self.model.accounts[payment.account].shift(payment.parts, sign=-1)
            if payment.receipt is not None:
                self.model.payments[payment.receipt].status = "unallocated"

    @rule(
        target=receipts,
        place=_STOCK,
        minor=_MINOR,
        reference=st.sampled_from(("line-1", "line-2", "line-3", "line-4")),
    )
    def read_a_line(self, place: int, minor: int, reference: str) -> Any:
        """A line of the gateway's own file pays into a number; it may have come before."""
        self.samples.tick()
        number, asked = msisdn_of(place), (place, minor)
        line = PaymentRequest(
            payer=Payer(msisdn=number),
            amount=_kgs(minor),
            method=PaymentMethod.TERMINAL,
            reference=reference,
        )
        [outcome] = self.crm.payments.record_many(
            [line], gateway="simulator", keep_unallocated=True, by=OPERATOR
        )
        if reference in self.model.lines:
            said, known = self.model.lines[reference]
            if said != asked:
                assert isinstance(outcome, KeyReused)
            else:
                assert isinstance(outcome, Payment)
                assert (outcome.id, outcome.replayed) == (known, True)
            return _nothing()
        assert isinstance(outcome, Payment)
        self.model.lines[reference] = (asked, outcome.id)
        holder = self.model.contracts.get(self.model.numbers[number])
        if holder is not None:
            self._expect(outcome.id, holder.account, "simulator", minor, "confirm")
            return _nothing()
        deal = plain.Deal(state="done", moved=minor)
        self.model.payments[outcome.id] = plain.Payment(
            None, "simulator", minor, status="unallocated", deal=deal
        )
        return outcome.id

    @rule(target=payments, receipt=receipts, contract_id=contracts, key=_KEY)
    def allocate(self, receipt: Any, contract_id: Any, key: str | None) -> Any:
        """A person finds out whose the money was."""
        kept, contract = self._payment(receipt), self._contract(contract_id)

        def allocate() -> Any:
            to = Payer(contract_id=contract_id)
            return self.crm.receipts.allocate(receipt, to=to, idempotency_key=key, by=OPERATOR)

        asked = ("allocate", receipt, contract_id)
        if (again := self._again(key, asked, allocate)) is not None:
            return again
        if contract.status == "cancelled":
            self._refuse(RuleViolated, allocate)
        elif kept.status != "unallocated":
            self._refuse(IllegalTransition, allocate)
        elif kept.refunded:
            self._refuse(RuleViolated, allocate)
        else:
            made = allocate().id
            kept.status = "allocated"
            self._expect(made, contract.account, "simulator", kept.minor, "confirm")
            self.model.payments[made].receipt = receipt
            self._remember(key, asked, made)
            return made
        return _nothing()

    @rule(receipt=receipts, answer=st.sampled_from(sorted(REFUND_ANSWERS)))
    def give_back(self, receipt: Any, answer: str) -> None:
        """Nobody finds out whose the money was, and it goes back, however the gateway behaves."""
        kept = self._payment(receipt)

        def give_back() -> Any:
            self.crm.next_answer = answer
            return self.crm.receipts.refund(receipt, by=OPERATOR)

        if kept.status != "unallocated":
            self._refuse(IllegalTransition, give_back)
            return
        if kept.refunded:
            self._refuse(RefundTooLarge, give_back)
            return
        self._expect_refund(receipt, kept.minor, (0, 0), answer, give_back)

    @rule(receipt=receipts)
    def lose_a_receipt(self, receipt: Any) -> None:
        """The gateway took back what it had for nobody we know."""
        kept = self._payment(receipt)

        def reverse() -> object:
            return self.crm.payments.reverse(receipt, reason="taken back")

        if kept.status != "unallocated":
            self._refuse(IllegalTransition, reverse)
        elif kept.refunded:
            self._refuse(RuleViolated, reverse)
        else:
            reverse()
            kept.status = "reversed"

    @rule(minor=_MINOR, kept=st.sampled_from((0, 100, 101)), key=_KEY)
    def settle(self, minor: int, kept: int, key: str | None) -> None:
        """The gateway pays what it holds to the bank, and keeps a fee."""
        self.samples.tick()

        def settle() -> Any:
            return self.crm.settlements.settle(
                "simulator", gross=_kgs(minor), fee=_kgs(kept), idempotency_key=key, by=OPERATOR
            )

        if kept > minor:
            self._refuse(InvalidValue, settle)
            return
        asked = ("settle", minor, kept)
        if self._again(key, asked, settle) is not None:
            return
        self._remember(key, asked, settle().id)
        self.model.settled += minor
        self.model.fees += kept

    @rule(contract_id=contracts, minor=_MINOR | st.none(), by_bank=st.booleans(), key=_KEY)
    def pay_out(self, contract_id: Any, minor: int | None, by_bank: bool, key: str | None) -> None:
        """Hand over what a closed account's customer is owed: all of it, or what they ask for."""
        source = self._contract(contract_id).account
        account = self.model.accounts[source]
        minor = minor or max(account.owed_back, 100)

        def pay_out() -> Any:
            return self.crm.settlements.pay_out(
                source,
                amount=_kgs(minor),
                reason="moved",
                desk=None if by_bank else "cash_desk",
                idempotency_key=key,
                by=OPERATOR,
            )

        asked = ("pay out", source, minor, by_bank)
        if self._again(key, asked, pay_out) is not None:
            return
        if minor > account.owed_back:
            self._refuse(RuleViolated, pay_out)
            return
        self._remember(key, asked, pay_out().id)
        account.owed_back -= minor
        self.model.banked -= minor if by_bank else 0

    @rule(
        contract_id=contracts,
        other=contracts,
        what=st.sampled_from(
            ("transfer", "credit", "charge", "write_off", "write_off_chargeback", "recover")
        ),
        minor=_MINOR,
        key=_KEY,
    )
    def move_money(
        self, contract_id: Any, other: Any, what: str, minor: int, key: str | None
    ) -> None:
        """
        Move money between accounts, give or charge some: never past what is available; or give a
        debt up and have it again: never past what is owed, or was given up.
        """
        source, target = self._contract(contract_id).account, self._contract(other).account
        if what == "transfer" and source == target:
            return
        accounts, amount = self.crm.accounts, _kgs(minor)

        def move() -> Any:
            more: dict[str, Any] = {"amount": amount, "idempotency_key": key, "by": OPERATOR}
            if what == "transfer":
                return accounts.transfer(source, to=target, **more)
            if what == "credit":
                return accounts.credit(source, reason="sorry", **more)
            if what == "charge":
                return accounts.charge(source, kind=ChargeKind.SERVICE, reason="visit", **more)
            return getattr(accounts, what)(source, reason="gone", **more)

        asked = (what, source, target if what == "transfer" else None, minor)
        if self._again(key, asked, move) is not None:
            return
        if minor > self._most(what, source):
            self._refuse(InsufficientFunds if what in _SPENDING else RuleViolated, move)
            return
        self._remember(key, asked, move().id)
        self._moved(what, self.model.accounts[source], self.model.accounts[target], minor)

    @rule()
    def lift_what_was_missed(self) -> None:
        """The worker lifts money holds that no payment has lifted."""
        self.samples.tick()
        self.crm.contracts.lift_all_money_holds()
        for account_id in self.model.accounts:
            self.model.lift(account_id)

    @rule()
    def suspend_what_is_overdrawn(self) -> None:
        """The worker suspends what accounts below zero cannot pay for."""
        self.samples.tick()
        self.crm.contracts.suspend_all_overdrawn()
        for account_id in self.model.accounts:
            self.model.hold(account_id)

    @rule(customer=customers)
    def work_a_ticket(self, customer: Any) -> None:
        """Open a ticket, take the next one, and resolve it: the queue is empty again."""
        self.samples.tick()
        opened = self.crm.tickets.create(customer_id=customer, subject="no signal", by=OPERATOR)
        taken = self.crm.tickets.claim_next(by=OPERATOR)
        assert taken is not None
        assert taken.id == opened.id
        assert self.crm.tickets.resolve(taken.id, by=OPERATOR).status == "closed"
        assert self.crm.tickets.claim_next(by=OPERATOR) is None

    # What always holds

    @invariant()
    def falls_are_noticed(self) -> None:
        """The model looks at what is left, as the CRM does with everything that it takes."""
        for account in self.model.accounts.values():
            account.look()

    @invariant()
    def the_money_is_right(self) -> None:
        """Counters are the model's, debits equal credits, and no value came or went by itself."""
        if not self.model.sims:
            return
        with self.uow(read_only=True) as tx:
            states = tx.ledger.states(self.model.accounts, at=self.samples.clock())
            lines = tx.ledger.trial_balance()
            bookings = tx.figures.bookings(since=FIRST_DAY, zone=BISHKEK)
            assert list(tx.ledger.differences()) == []
        for account_id, account in self.model.accounts.items():
            found = states[account_id].balance
            assert (found.subscriber, found.receivable, found.unbilled, found.reserved) == (
                account.subscriber,
                account.receivable,
                account.unbilled,
                account.reserved,
            )
        assert sum(line.debit.minor - line.credit.minor for line in lines) == 0
        for of_days in (True, False):
            told = [one for one in bookings if (one.day is not None) is of_days]
            every = self.model.accounts.values()
            assert sum(one.effect.minor for one in told) == sum(one.balance for one in every)
            owed = sum(max(-one.balance, 0) for one in every)
            assert sum(one.debt.minor for one in told) == owed
        sides = {line.code: line.debit.minor - line.credit.minor for line in lines}
        assert sides.get(LedgerCode.GATEWAY_CLEARING, 0) == self.model.in_clearing
        assert sides.get(LedgerCode.TRANSFERS_IN_TRANSIT, 0) == 0
        assert sides.get(LedgerCode.UNALLOCATED_RECEIPTS, 0) == -self.model.unallocated
        assert sides.get(LedgerCode.GATEWAY_FEES, 0) == self.model.fees
        bank = self.model.settled - self.model.fees + self.model.banked
        assert sides.get(LedgerCode.BANK, 0) == bank
        accounts = self.model.accounts.values()
        assert sides.get(LedgerCode.BAD_DEBT, 0) == sum(one.written_off for one in accounts)
        lost = sum(one.lost_in_disputes for one in accounts)
        assert sides.get(LedgerCode.CHARGEBACK_LOSS, 0) == lost
        balances = sum(account.subscriber for account in self.model.accounts.values())
        assert sides.get(LedgerCode.SUBSCRIBER_BALANCE, 0) == -balances

    @rule(anew=st.booleans())
    def sum_up(self, anew: bool) -> None:
        """Keep the sums of what came since the last time, or of everything: nothing shows it."""
        with self.uow() as tx:
            if anew:
                tx.figures.forget(zone=BISHKEK)
            tx.figures.keep(zone=BISHKEK, limit=9)

    @invariant()
    def everybody_has_what_is_theirs(self) -> None:
        """Contracts and payments are the model's; one live contract holds a SIM or a number."""
        contracts = list(self.crm.contracts.each())
        assert {one.id for one in contracts} == self.model.contracts.keys()
        for contract in contracts:
            expected = self.model.contracts[contract.id]
            assert contract.status == expected.status
            if contract.status != "closed":
                assert {hold.kind.value for hold in contract.holds} == expected.holds
        live = [one for one in contracts if one.status in plain.LIVE]
        assert all(n == 1 for n in Counter(one.iccid for one in live).values())
        assert all(n == 1 for n in Counter(one.msisdn for one in live).values())
        sims = list(self.crm.inventory.each_sim())
        for sim in sims:
            holder = self.model.sims[sim.iccid]
            assert sim.contract_id == (None if holder == "retired" else holder)
        numbers = list(self.crm.inventory.each_number())
        for number in numbers:
            owner = self.model.numbers[number.msisdn]
            assert number.contract_id == (None if isinstance(owner, tuple) else owner)
        self._all_are_counted(contracts, sims, numbers)
        payments = {one.id: one.status for one in self.crm.payments.each()}
        assert payments == {key: one.status for key, one in self.model.payments.items()}
        with self.uow(read_only=True) as tx:
            refunds = tx.refunds.get_many(self.model.refunds)
        assert {key: one.status for key, one in refunds.items()} == {
            key: one.status for key, one in self.model.refunds.items()
        }

    def _all_are_counted(
        self, contracts: list[Contract], sims: list[Sim], numbers: list[Number]
    ) -> None:
        """What came into each state, less what left it, is what is in it."""
        there: list[Contract | Sim | Number] = [*contracts, *sims, *numbers]
        with self.uow(read_only=True) as tx:
            moves = tx.figures.moves(since=FIRST_DAY, zone=BISHKEK)
        for of_days in (True, False):
            found = Counter[tuple[str, str, str]]()
            for one in moves:
                if (one.day is not None) is of_days and one.move.thing != "ticket":
                    found[one.move.thing, one.move.kind, one.move.after] += one.number
                    found[one.move.thing, one.move.kind, one.move.before] -= one.number
            expected = Counter(
                (_machine(one), "" if of_days else _kind(one), one.status.value) for one in there
            )
            assert {key: n for key, n in found.items() if key[2] and n} == expected

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

    def money_holds_are_counted(self) -> None:
        """An account counts its contracts that are suspended for money."""
        with self.uow(read_only=True) as tx:
            accounts = tx.accounts.get_many(self.model.accounts)
        for account_id, account in accounts.items():
            short = sum(
                one.account == account_id and bool(one.holds & MONEY_HOLDS)
                for one in self.model.contracts.values()
                if one.status == "suspended"
            )
            assert account.money_holds == short
            assert account.overdrawn == self.model.accounts[account_id].overdrawn

    def events_are_complete(self) -> None:
        """Every thing's version is the number of its events; the feed gives each, in order."""
        with self.uow(read_only=True) as tx:
            versions = {key: thing.version for key, thing in _everything(tx, self.model).items()}
        found: Counter[tuple[str, str]] = Counter()
        warned: Counter[str] = Counter()
        cursor = ""
        for _ in patiently():  # others' open transactions may delay the feed
            for reached, event in self.crm.events.since(cursor):
                cursor = reached
                place = (event.thing, event.thing_id)
                found[place] += 1
                warned[event.thing_id] += event.name == LOW_BALANCE
                assert event.sequence == found[place], "a gap, or an event told twice"
            if all(found[place] >= version for place, version in versions.items()):
                break
        assert {place: found[place] for place in versions} == versions
        for account_id, account in self.model.accounts.items():
            assert warned[str(account_id)] == account.warned

    # How the model moves

    def _stock_up(self) -> None:
        if self.model.sims:
            return
        self.crm.rules.put_policies([PAY_FIRST, PAY_LATER])
        with self.uow() as tx:
            tx.catalog.tariffs.save(self.samples.tariff())
        sims, numbers = [iccid_of(i) for i in range(1, 7)], [msisdn_of(i) for i in range(1, 7)]
        self.crm.inventory.receive_sims([SimData(iccid=one) for one in sims])
        self.crm.inventory.receive_numbers([NumberData(msisdn=one) for one in numbers])
        self.model.sims = dict.fromkeys(sims)
        self.model.numbers = dict.fromkeys(numbers)

    def _contract(self, contract_id: Any) -> plain.Contract:
        self.samples.tick()
        return self.model.contracts[contract_id]

    def _first_account(self, customer: Any, shared: bool) -> Any | None:
        mine = [key for key, one in self.model.accounts.items() if one.customer == customer]
        return mine[0] if shared and mine else None

    def _is_busy(self, contract_id: Any) -> bool:
        """Ask, since the model does not count it, whether the network has something to do."""
        tasks = self.crm.provisioning.of_contract(contract_id)
        return any(task.status in UNFINISHED for task in tasks)

    def _payment(self, payment_id: Any) -> plain.Payment:
        self.samples.tick()
        return self.model.payments[payment_id]

    def _refuse(
        self, error: type[Exception], command: Callable[..., object], *args: object
    ) -> None:
        with pytest.raises(error):
            command(*args)

    def _again(self, key: str | None, asked: Any, command: Callable[[], Any]) -> Any | None:
        """Send a key that was used before; return a target's value, or None for a new key."""
        if key is None or key not in self.model.keys:
            return None
        known, resource = self.model.keys[key]
        if known != asked:
            self._refuse(KeyReused, command)
        else:
            answer = command()
            assert answer.id == resource
            assert answer.replayed
        return _nothing()

    def _remember(self, key: str | None, asked: Any, resource: Any) -> None:
        if key is not None:
            self.model.keys[key] = (asked, resource)

    def _not_sold(self, customer: Any, sim: Any, number: Any) -> type[Exception] | None:
        if self.model.sims[sim] is not None:
            return SimNotAvailable
        if self.model.numbers[number] not in (None, ("resting", customer)):
            return NumberNotAvailable
        return None

    def _paid(self, pay: Callable[[], Any], account: Any) -> Any:
        """Pay; where the process dies in between, find the payment that it left."""
        try:
            payment = pay()
        except PowerCut:
            left = self.crm.payments.each(account_id=str(account))
            return next(one.id for one in left if one.id not in self.model.payments)
        assert payment.account_id == account
        return payment.id

    def _expect(self, payment_id: Any, account: Any, gateway: str, minor: int, answer: str) -> None:
        deal = plain.Deal(moved=minor + (answer == "insist"))
        deal.state = {"later": "pending", "decline": "declined"}.get(
            answer, "done" if answer in _DONE else "unheard"
        )
        deal.notices = {"twice": 2, "cut after": 1}.get(answer, 0)
        payment = plain.Payment(account, gateway, minor, deal=deal, status=ANSWERS[answer])
        self.model.payments[payment_id] = payment
        if payment.status == "confirmed":
            self.model.confirm(payment)

    def _expect_refund(
        self,
        payment_id: Any,
        minor: int,
        parts: tuple[int, int],
        answer: str,
        refund: Callable[[], object],
    ) -> None:
        """Have a refund made, perhaps by a process that dies, and expect what the answer says."""
        before = {one.id for one in self.crm.payments.refunds_of(payment_id)}
        try:
            refund()
        except PowerCut:
            assert answer == "cut before"
        made = next(one for one in self.crm.payments.refunds_of(payment_id) if one.id not in before)
        self.model.payments[payment_id].refunded += minor
        expected = plain.Refund(payment_id, minor, parts)
        self.model.refunds[made.id] = expected
        expected.status = REFUND_ANSWERS[answer]
        expected.deal.state = {"later": "pending", "decline": "declined"}.get(
            answer, "done" if answer in _DONE else "unheard"
        )
        if expected.status in ("failed", "paid"):
            self.model.end_refund(expected, paid=expected.status == "paid")

    def _repair_payment(self, payment: plain.Payment, asking: str) -> None:
        if asking:
            payment.status = "unknown"
            return
        payment.deal.ask()
        if payment.deal.state == "done":
            self.model.confirm(payment)
        elif payment.deal.state in ("unheard", "declined"):
            payment.status = "failed"

    def _repair_refund(self, refund: plain.Refund, asking: str) -> None:
        if asking:
            refund.status = "unknown"
            return
        if refund.deal.state == "unheard":  # asking is sending it again: now it is heard
            refund.deal.state = "done"
        else:
            refund.deal.ask()
        if refund.deal.state == "done":
            self.model.end_refund(refund, paid=True)
        elif refund.deal.state == "declined":
            self.model.end_refund(refund, paid=False)

    def _moved(self, what: str, source: plain.Account, target: plain.Account, minor: int) -> None:
        if what == "transfer":
            source.subscriber -= minor
            target.subscriber += minor
        elif what == "credit":
            source.receive(minor)
        elif what == "charge":
            source.spend(minor)
        elif what == "recover":
            source.written_off -= minor
            source.owe(minor)
        else:
            source.receive(minor)
            if what == "write_off":
                source.written_off += minor
            else:
                source.lost_in_disputes += minor

    def _most(self, what: str, account_id: Any) -> int:
        """Return how much a command may move."""
        account = self.model.accounts[account_id]
        lost = self.model.charged_back(account_id) - account.lost_in_disputes
        return {
            "credit": 10**9,
            "transfer": account.own,
            "write_off": account.owed,
            "write_off_chargeback": min(account.owed, lost),
            "recover": account.written_off,
        }.get(what, account.available)


def _everything(tx: Transaction, model: Model) -> dict[tuple[str, str], Any]:
    found: dict[str, Mapping[Any, Any]] = {
        "contract": tx.contracts.get_many(model.contracts),
        "account": tx.accounts.get_many(model.accounts),
        "payment": tx.payments.get_many(model.payments),
        "refund": tx.refunds.get_many(model.refunds),
        "sim": tx.sims.get_many(model.sims),
        "number": tx.numbers.get_many(model.numbers),
        "customer": tx.customers.get_many(model.customers.values()),
    }
    things: list[tuple[str, Any]] = [
        (name, thing) for name, kept in found.items() for thing in kept.values()
    ]
    return {(name, thing.key): thing for name, thing in things}


def _kgs(minor: int) -> Money:
    return Money(minor, CURRENCY)


def _nothing() -> Any:
    return multiple()


def _machine(thing: Contract | Sim | Number) -> str:
    return type(thing).__name__.lower()


def _kind(thing: Contract | Sim | Number) -> str:
    match thing:
        case Contract():
            return thing.tariff_code
        case Number():
            return thing.category.value
        case _:
            return ""
