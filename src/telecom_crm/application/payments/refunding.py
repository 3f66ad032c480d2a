"""Giving money back, through the gateway it came by."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import attrs

from telecom_crm.application.deciding import refuse_past_limit
from telecom_crm.application.idempotency import done_before, request_key
from telecom_crm.application.paging import each_in
from telecom_crm.application.payments.desk import PaymentDesk
from telecom_crm.application.ports import (
    GatewayAnswer,
    GatewayUnavailable,
    GatewayUncertain,
    Outcome,
    PaymentGateway,
    Query,
    Transaction,
)
from telecom_crm.application.retry import retried
from telecom_crm.application.spending import post_spent
from telecom_crm.domain.approval import ApprovalKind
from telecom_crm.domain.identifiers import PaymentId, RefundId
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import PAYMENT_LIFECYCLE, Payment, PaymentCommand
from telecom_crm.domain.refund import REFUND_IN_FLIGHT, REFUND_LIFECYCLE, Refund, RefundCommand
from telecom_crm.domain.role import ALL_RIGHTS, Rights


@attrs.frozen
class Refunding(PaymentDesk):
    """Refunds: asked for, sent, and ended by the gateway's word."""

    def refund(
        self,
        payment_id: PaymentId,
        *,
        amount: Money,
        reason: str = "",
        idempotency_key: str | None = None,
        rights: Rights = ALL_RIGHTS,
        by: Actor = SYSTEM,
    ) -> Refund:
        """
        Give back part or all of a confirmed payment, through the gateway it came by.

        Return the refund in whatever state it reached. Raise `RefundTooLarge` past the payment,
        `InsufficientFunds` where the subscriber has spent the money: credit is not given back,
        `RuleViolated` where all that is given back of the payment, in this part and those before,
        is more than `rights` decide alone.
        """
        refund = self._request_refund(payment_id, amount, reason, idempotency_key, rights, by)
        if refund.replayed:
            return refund
        return self._send_refund(refund, by=by)

    def refundable_now(self, payment_id: PaymentId) -> Money:
        """
        Return how much of a payment can be given back: no more than the subscriber still has, and
        of money for nobody we know all that is left of it.
        """
        with self.uow(read_only=True) as tx:
            payment = tx.payments.get(payment_id)
            if payment.meant_for is not None:
                return payment.refundable
            now = self.clock()
            state = tx.ledger.states([payment.account_id], at=now)[payment.account_id]
        return max(min(payment.refundable, state.own_money), Money(0, payment.amount.currency))

    def refunded_from(self, refunds: Iterable[RefundId]) -> dict[RefundId, PaymentId]:
        """Return which payments some refunds are of."""
        with self.uow(read_only=True) as tx:
            found = tx.refunds.get_many(refunds)
        return {known: refund.payment_id for known, refund in found.items()}

    def refunds_of(self, payment_id: PaymentId) -> tuple[Refund, ...]:
        """Return a payment's refunds, oldest first."""
        with self.uow(read_only=True) as tx:
            return tx.refunds.page(Query(where={"payment_id": str(payment_id)}, limit=500)).items

    @retried
    def _request_refund(
        self,
        payment_id: PaymentId,
        amount: Money,
        reason: str,
        key: str | None,
        rights: Rights,
        by: Actor,
    ) -> Refund:
        refund_id, at = RefundId(self.new_id()), self.clock()
        with self._held(payment_id) as (tx, state, payment):
            asked = {"payment_id": payment_id, "amount": amount, "reason": reason}
            claim = request_key(key, "payments.refund", by=by, **asked)
            if earlier := done_before(tx, tx.refunds, claim, refund_id):
                return earlier
            given = payment.refund(amount, refund_id=refund_id, by=by, at=at)
            refuse_past_limit(ApprovalKind.REFUND, given.refunded, "of the payment", rights=rights)
            tx.payments.save(given)
            refund, posting = Refund.request(
                payment,
                amount,
                id=refund_id,
                entry_id=self._entry_id(),
                state=state,
                reason=reason,
                by=by,
                at=at,
            )
            post_spent(tx, state, [posting], by=by, at=at)
            return tx.refunds.save(refund.send(by=by, at=at))

    def _send_refund(self, refund: Refund, *, by: Actor) -> Refund:
        gateway = self.gateway(refund.gateway)
        try:
            answer = gateway.refund(refund, self.get(refund.payment_id))
        except GatewayUncertain:
            return self._end_refund(refund, None, gateway, by)
        except GatewayUnavailable as error:
            answer = GatewayAnswer(outcome=Outcome.DECLINED, reason=error.code)
        return self._end_refund(refund, answer, gateway, by)

    @retried
    def _end_refund(
        self, refund: Refund, answer: GatewayAnswer | None, gateway: PaymentGateway, by: Actor
    ) -> Refund:
        """Carry the gateway's word over; None is no word."""
        at = self.clock()
        with self._held(refund.payment_id) as (tx, _, payment):
            refund = tx.refunds.get(refund.id)
            if answer is None:
                timed_out = REFUND_LIFECYCLE.can(refund, RefundCommand.TIME_OUT)
                return tx.refunds.save(refund.time_out(by=by, at=at)) if timed_out else refund
            if answer.outcome is Outcome.PENDING or not REFUND_LIFECYCLE.can(
                refund, RefundCommand.PAY
            ):
                return refund
            if answer.outcome is Outcome.CONFIRMED:
                ended, posting = refund.pay(
                    source=gateway.ledger_code,
                    reference=answer.reference,
                    entry_id=self._entry_id(),
                    by=by,
                    at=at,
                )
                if _is_all_given_back(tx, payment, by=refund):
                    tx.payments.save(payment.give_back(by=by, at=at))
            else:
                ended, posting = refund.fail(
                    requested=tx.ledger.entry(
                        refund.requested_entry_id, account_id=refund.account_id
                    ),
                    entry_id=self._entry_id(),
                    reason=answer.reason or answer.outcome,
                    by=by,
                    at=at,
                )
                tx.payments.save(
                    payment.refund_failed(refund.amount, refund_id=refund.id, by=by, at=at)
                )
            tx.ledger.post([posting], at=at)
            return tx.refunds.save(ended)

    def _has_waited(self, refund: Refund, *, since: datetime) -> bool:
        with self.uow(read_only=True) as tx:
            return tx.events.of(REFUND_LIFECYCLE.machine, refund.key)[-1].at <= since

    def _ask_refund_again(self, refund: Refund, *, by: Actor) -> bool:
        """Ask about one refund in flight; tell whether it came to an end."""
        gateway = self.gateway(refund.gateway)
        try:
            answer = gateway.refund(refund, self.get(refund.payment_id))
        except (GatewayUncertain, GatewayUnavailable):
            # It may have been paid the first time: that nobody answers now says nothing of then.
            answer = None
        ended = self._end_refund(refund, answer, gateway, by)
        return REFUND_LIFECYCLE.is_final(ended.status)


def _is_all_given_back(tx: Transaction, payment: Payment, *, by: Refund) -> bool:
    """Tell whether this refund leaves nothing of an unallocated payment, nor one on its way."""
    if payment.refundable or not PAYMENT_LIFECYCLE.can(payment, PaymentCommand.GIVE_BACK):
        return False
    others = each_in(tx.refunds, payment_id=payment.key)
    return not any(one.status in REFUND_IN_FLIGHT for one in others if one.id != by.id)
