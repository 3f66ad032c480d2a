"""Customers and their contracts: sold, served by the network, suspended, changed, ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from telecom_crm.adapters.network.simulator import NetworkStep, Trouble
from telecom_crm.domain.contract import ActivationRefused, CloseReason, HoldNotThere, HoldThere
from telecom_crm.domain.errors import IllegalTransition, RuleViolated
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.number import NumberNotAvailable
from telecom_crm.domain.provisioning import UNFINISHED
from telecom_crm.domain.sim import SimNotAvailable
from telecom_crm.entrypoints.conformance.crm import model as plain
from telecom_crm.entrypoints.conformance.crm.model import FIRST_FEES
from telecom_crm.entrypoints.conformance.crm.world import (
    CONTRACTS,
    CUSTOMERS,
    KEY,
    STOCK,
    World,
    nothing,
)
from telecom_crm.entrypoints.conformance.samples import OPERATOR, identity_document
from telecom_crm.entrypoints.conformance.strategies import iccid_of, msisdn_of

_HOLDS = st.sampled_from(
    [HoldKind.LOW_BALANCE, HoldKind.NON_PAYMENT, HoldKind.VOLUNTARY, HoldKind.ADMIN]
)
_TROUBLE = {"fails": Trouble.FAILS, "silent": Trouble.SILENT, "silent_done": Trouble.SILENT_DONE}


class ContractRules(World):
    """What is done with contracts."""

    @rule(target=CUSTOMERS, document=st.sampled_from(("AN100", "an 100", "AN200")))
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
        target=CONTRACTS,
        customer=CUSTOMERS,
        card=STOCK,
        place=STOCK,
        policy=st.sampled_from(("prepaid", "postpaid")),
        shared=st.booleans(),
        key=KEY,
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
            return nothing()
        contract = signed()
        if account is None:
            self.model.accounts[contract.account_id] = plain.Account(customer, policy == "postpaid")
        self.model.contracts[contract.id] = plain.Contract(
            customer, contract.account_id, sim, number
        )
        self.model.sims[sim] = self.model.numbers[number] = contract.id
        self._remember(key, ("sell", asked), contract.id)
        return contract.id

    @rule(contract_id=CONTRACTS)
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

    @rule(contract_id=CONTRACTS)
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

    @rule(contract_id=CONTRACTS)
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

    @rule(contract_id=CONTRACTS, hold=_HOLDS)
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

    @rule(contract_id=CONTRACTS, hold=_HOLDS)
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

    @rule(contract_id=CONTRACTS, card=STOCK, key=KEY)
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

    @rule(contract_id=CONTRACTS, key=KEY)
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
        target=CONTRACTS,
        contract_id=CONTRACTS,
        customer=CUSTOMERS,
        policy=st.sampled_from(("prepaid", "postpaid")),
        shared=st.booleans(),
        waits=st.booleans(),
        key=KEY,
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
            return nothing()
        if contract.holds or account == contract.account or self._is_busy(contract_id):
            self._refuse(RuleViolated, change)
            return nothing()
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

    def _not_sold(self, customer: Any, sim: Any, number: Any) -> type[Exception] | None:
        if self.model.sims[sim] is not None:
            return SimNotAvailable
        if self.model.numbers[number] not in (None, ("resting", customer)):
            return NumberNotAvailable
        return None

    def _is_busy(self, contract_id: Any) -> bool:
        """Ask, since the model does not count it, whether the network has something to do."""
        tasks = self.crm.provisioning.of_contract(contract_id)
        return any(task.status in UNFINISHED for task in tasks)
