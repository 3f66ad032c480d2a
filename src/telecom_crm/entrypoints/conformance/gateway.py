"""What every payment gateway has to do, as tests to subclass."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import pytest

from telecom_crm.application.ports import (
    GatewayAnswer,
    GatewayNotice,
    GatewayUnavailable,
    GatewayUncertain,
    Outcome,
    PaymentGateway,
)
from telecom_crm.domain.errors import InvalidValue, NotPermitted
from telecom_crm.domain.identifiers import AccountId, EntryId, RefundId
from telecom_crm.domain.ledger import LedgerCode
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment
from telecom_crm.domain.refund import Refund
from telecom_crm.entrypoints.conformance.samples import CURRENCY, Samples


class Turn(StrEnum):
    """How the next charge or refund goes."""

    CONFIRM = "confirm"
    LATER = "later"
    """The money moves after the answer "pending"."""
    DECLINE = "decline"
    ANSWER_LOST = "answer_lost"
    """The money moves, and nobody hears of it."""
    REQUEST_LOST = "request_lost"
    """Nothing moves, and nobody hears of it."""
    UNREACHABLE = "unreachable"


class GatewayHandle(Protocol):
    """A gateway under test, and the strings behind it: its sandbox, or a script."""

    @property
    def gateway(self) -> PaymentGateway: ...

    def prepare(self, turn: Turn) -> None:
        """Let the next charge or refund go like this; those after it go well."""
        ...

    def finish(self) -> None:
        """Let what is pending be paid."""
        ...

    def moved(self, payment: Payment) -> Money:
        """Return what the gateway really took for a payment, less what it gave back."""
        ...

    def callback(self, payment: Payment) -> tuple[bytes, Mapping[str, str]]:
        """Return body and headers of the gateway's genuine callback about a payment it took."""
        ...


class GatewaySuite:
    """
    Subclass it, give `make`, and pytest does the rest. A gateway that only calls back, or only
    asks, overrides `turns` with those it can be brought to.
    """

    turns: frozenset[Turn] = frozenset(Turn)
    calls_back: bool = True

    def make(self) -> GatewayHandle:
        """Return a handle on a gateway that has taken nothing yet."""
        raise NotImplementedError

    def test_it_takes_exactly_the_amount(self) -> None:
        handle, payment = self._begun(Turn.CONFIRM)
        answer = handle.gateway.charge(payment)
        assert answer.outcome is Outcome.CONFIRMED
        assert answer.amount == payment.amount
        assert answer.reference
        assert handle.moved(payment) == payment.amount

    def test_charging_twice_takes_once(self) -> None:
        handle, payment = self._begun(Turn.CONFIRM)
        first, second = handle.gateway.charge(payment), handle.gateway.charge(payment)
        assert (first.outcome, first.reference) == (second.outcome, second.reference)
        assert handle.moved(payment) == payment.amount

    def test_it_tells_what_became_of_a_charge(self) -> None:
        handle, payment = self._begun(Turn.CONFIRM)
        charged = handle.gateway.charge(payment)
        asked = handle.gateway.ask(payment)
        assert (asked.outcome, asked.amount) == (Outcome.CONFIRMED, payment.amount)
        assert asked.reference == charged.reference
        assert handle.moved(payment) == payment.amount

    def test_it_does_not_know_a_payment_it_never_heard_of(self) -> None:
        handle, payment = self._begun(Turn.CONFIRM)
        assert handle.gateway.ask(payment).outcome is Outcome.NOT_KNOWN
        assert not handle.moved(payment)

    def test_what_it_declines_it_does_not_take(self) -> None:
        handle, payment = self._begun(Turn.DECLINE)
        answer = handle.gateway.charge(payment)
        assert answer.outcome is Outcome.DECLINED
        assert answer.reason
        assert handle.gateway.ask(payment).outcome in (Outcome.DECLINED, Outcome.NOT_KNOWN)
        assert not handle.moved(payment)

    def test_what_is_pending_is_taken_once_it_is_paid(self) -> None:
        handle, payment = self._begun(Turn.LATER)
        assert handle.gateway.charge(payment).outcome is Outcome.PENDING
        handle.finish()
        assert handle.gateway.ask(payment).outcome is Outcome.CONFIRMED
        assert handle.moved(payment) == payment.amount

    @pytest.mark.parametrize("turn", [Turn.ANSWER_LOST, Turn.REQUEST_LOST])
    def test_no_answer_is_uncertain_and_the_truth_is_there_to_ask_for(self, turn: Turn) -> None:
        handle, payment = self._begun(turn)
        with pytest.raises(GatewayUncertain):
            handle.gateway.charge(payment)
        took = turn is Turn.ANSWER_LOST
        expected = Outcome.CONFIRMED if took else Outcome.NOT_KNOWN
        assert handle.gateway.ask(payment).outcome is expected
        assert bool(handle.moved(payment)) is took

    def test_charging_again_after_a_lost_answer_takes_once(self) -> None:
        handle, payment = self._begun(Turn.ANSWER_LOST)
        with pytest.raises(GatewayUncertain):
            handle.gateway.charge(payment)
        assert handle.gateway.charge(payment).outcome is Outcome.CONFIRMED
        assert handle.moved(payment) == payment.amount

    def test_one_that_is_not_reached_surely_took_nothing(self) -> None:
        handle, payment = self._begun(Turn.UNREACHABLE)
        with pytest.raises(GatewayUnavailable):
            handle.gateway.charge(payment)
        assert not handle.moved(payment)

    def test_refunding_twice_gives_back_once(self) -> None:
        handle, payment = self._paid()
        refund = _refund(payment, 400)
        answers = [handle.gateway.refund(refund, payment) for _ in range(2)]
        assert {answer.outcome for answer in answers} == {Outcome.CONFIRMED}
        assert handle.moved(payment) == payment.amount - refund.amount

    def test_two_refunds_are_two(self) -> None:
        handle, payment = self._paid()
        for refund in (_refund(payment, 400), _refund(payment, 100)):
            assert handle.gateway.refund(refund, payment).outcome is Outcome.CONFIRMED
        assert handle.moved(payment) == Money(payment.amount.minor - 500, CURRENCY)

    def test_a_refund_without_an_answer_can_be_sent_again(self) -> None:
        handle, payment = self._paid()
        self._turn(handle, Turn.ANSWER_LOST)
        refund = _refund(payment, 400)
        with pytest.raises(GatewayUncertain):
            handle.gateway.refund(refund, payment)
        assert handle.gateway.refund(refund, payment).outcome is Outcome.CONFIRMED
        assert handle.moved(payment) == payment.amount - refund.amount

    def test_a_genuine_callback_is_read(self) -> None:
        handle, payment = self._paid()
        body, headers = self._callback(handle, payment)
        notice = handle.gateway.read_callback(body=body, headers=headers)
        assert isinstance(notice, GatewayNotice)
        assert notice.payment_id == payment.id
        assert notice.answer.outcome is Outcome.CONFIRMED
        assert notice.answer.amount == payment.amount

    def test_headers_are_read_whatever_their_case(self) -> None:
        handle, payment = self._paid()
        body, headers = self._callback(handle, payment)
        lower = {name.lower(): value for name, value in headers.items()}
        notice = handle.gateway.read_callback(body=body, headers=lower)
        assert isinstance(notice, GatewayNotice)
        assert notice.payment_id == payment.id

    def test_a_forged_callback_is_refused(self) -> None:
        handle, payment = self._paid()
        body, headers = self._callback(handle, payment)
        read = handle.gateway.read_callback
        forged = [(body + b" ", headers), (body, {}), (body, dict.fromkeys(headers, "forgéd"))]
        for told, under in forged:
            with pytest.raises((NotPermitted, InvalidValue)):
                read(body=told, headers=under)
        with pytest.raises(NotPermitted):
            read(body=body, headers={})

    @pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[]", b"{}", b"[" * 100_000])
    def test_nonsense_is_refused_in_our_own_words(self, body: bytes) -> None:
        gateway = self.make().gateway
        with pytest.raises((InvalidValue, NotPermitted)):
            gateway.read_callback(body=body, headers={})

    def test_it_says_who_it_is(self) -> None:
        gateway = self.make().gateway
        assert gateway.name.strip() == gateway.name != ""
        assert gateway.ledger_code in (LedgerCode.GATEWAY_CLEARING, LedgerCode.CASH_DESK)

    def _turn(self, handle: GatewayHandle, turn: Turn) -> None:
        if turn not in self.turns:
            pytest.skip(f"this gateway cannot be brought to {turn}")
        handle.prepare(turn)

    def _begun(self, turn: Turn) -> tuple[GatewayHandle, Payment]:
        handle = self.make()
        self._turn(handle, turn)
        return handle, _payment(handle.gateway.name)

    def _paid(self) -> tuple[GatewayHandle, Payment]:
        handle, payment = self._begun(Turn.CONFIRM)
        answer: GatewayAnswer = handle.gateway.charge(payment)
        assert answer.outcome is Outcome.CONFIRMED
        return handle, payment

    def _callback(self, handle: GatewayHandle, payment: Payment) -> tuple[bytes, Mapping[str, str]]:
        if not self.calls_back:
            pytest.skip("this gateway does not call back")
        return handle.callback(payment)


_SAMPLES = Samples()


def _payment(gateway: str) -> Payment:
    return _SAMPLES.payment(AccountId(_SAMPLES.id()), minor=1_000, gateway=gateway)


def _refund(payment: Payment, minor: int) -> Refund:
    return Refund(
        id=RefundId(_SAMPLES.id()),
        payment_id=payment.id,
        account_id=payment.account_id,
        amount=Money(minor, CURRENCY),
        gateway=payment.gateway,
        reason="sorry",
        requested_entry_id=EntryId(_SAMPLES.id()),
    )
