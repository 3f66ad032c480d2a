"""Money of a gateway's file that is for nobody we know: kept, allocated, given back."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from telecom_crm.application.payments.request import PaymentRequest
from telecom_crm.application.ports import Payer
from telecom_crm.domain.errors import IllegalTransition, KeyReused, RuleViolated
from telecom_crm.domain.payment import Payment, PaymentMethod, RefundTooLarge
from telecom_crm.entrypoints.conformance.crm import model as plain
from telecom_crm.entrypoints.conformance.crm.payments import REFUND_ANSWERS, PaymentRules
from telecom_crm.entrypoints.conformance.crm.world import (
    CONTRACTS,
    KEY,
    MINOR,
    PAYMENTS,
    RECEIPTS,
    STOCK,
    kgs,
    nothing,
)
from telecom_crm.entrypoints.conformance.samples import OPERATOR
from telecom_crm.entrypoints.conformance.strategies import msisdn_of


class ReceiptRules(PaymentRules):
    """What is done with what waits for its account."""

    @rule(
        target=RECEIPTS,
        place=STOCK,
        minor=MINOR,
        reference=st.sampled_from(("line-1", "line-2", "line-3", "line-4")),
    )
    def read_a_line(self, place: int, minor: int, reference: str) -> Any:
        """A line of the gateway's own file pays into a number; it may have come before."""
        self.samples.tick()
        number, asked = msisdn_of(place), (place, minor)
        line = PaymentRequest(
            payer=Payer(msisdn=number),
            amount=kgs(minor),
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
            return nothing()
        assert isinstance(outcome, Payment)
        self.model.lines[reference] = (asked, outcome.id)
        holder = self.model.contracts.get(self.model.numbers[number])
        if holder is not None:
            self._expect(outcome.id, holder.account, "simulator", minor, "confirm")
            return nothing()
        deal = plain.Deal(state="done", moved=minor)
        self.model.payments[outcome.id] = plain.Payment(
            None, "simulator", minor, status="unallocated", deal=deal
        )
        return outcome.id

    @rule(target=PAYMENTS, receipt=RECEIPTS, contract_id=CONTRACTS, key=KEY)
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
        return nothing()

    @rule(receipt=RECEIPTS, answer=st.sampled_from(sorted(REFUND_ANSWERS)))
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

    @rule(receipt=RECEIPTS)
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
