"""Payments and refunds, however the gateway behaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from telecom_crm.application.ports import Payer
from telecom_crm.domain.errors import IllegalTransition, NotFound, RuleViolated
from telecom_crm.domain.ledger import InsufficientFunds
from telecom_crm.domain.payment import PaymentMethod, RefundTooLarge
from telecom_crm.entrypoints.conformance.crm import model as plain
from telecom_crm.entrypoints.conformance.crm.world import (
    CONTRACTS,
    KEY,
    MINOR,
    PAYMENTS,
    World,
    kgs,
    nothing,
)
from telecom_crm.entrypoints.conformance.machine import PowerCut
from telecom_crm.entrypoints.conformance.samples import OPERATOR

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
_DONE = {"confirm", "early", "twice", "silent_taken", "lie", "insist", "cut after"}


class PaymentRules(World):
    """What is done with payments."""

    @rule(
        target=PAYMENTS,
        contract_id=CONTRACTS,
        by_number=st.booleans(),
        minor=MINOR,
        gateway=st.sampled_from(("cash_desk", "simulator", "simulator")),
        answer=st.sampled_from(sorted(ANSWERS)),
        key=KEY,
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
                amount=kgs(minor),
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
                return nothing()
            contract = self.model.contracts[holder]
        if contract.status == "cancelled":
            self._refuse(RuleViolated, pay)
            return nothing()
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

    @rule(payment_id=PAYMENTS, cancels=st.booleans())
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
        payment_id=PAYMENTS,
        minor=st.sampled_from((100, 5_000, 30_000)),
        answer=st.sampled_from(("silent_taken", *sorted(REFUND_ANSWERS))),
    )
    def refund(self, payment_id: Any, minor: int, answer: str) -> None:
        """Give money back, however the gateway behaves."""
        payment = self._payment(payment_id)
        account = self.model.accounts[payment.account]

        def refund() -> Any:
            self.crm.next_answer = answer
            return self.crm.payments.refund(payment_id, amount=kgs(minor), by=OPERATOR)

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

    @rule(payment_id=PAYMENTS, what=st.sampled_from(("dispute", "win", "lose")))
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

    @rule(payment_id=PAYMENTS)
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
