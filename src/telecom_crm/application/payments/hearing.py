"""What a gateway says of a payment: carried over to it, believed or asked about again."""

from __future__ import annotations

from functools import partial

import attrs

from telecom_crm.application.idempotency import digest_of
from telecom_crm.application.payments.desk import PaymentDesk, payment_in, unwrap
from telecom_crm.application.payments.request import read_reference
from telecom_crm.application.ports import (
    Booked,
    Booking,
    Found,
    GatewayAnswer,
    GatewayUnavailable,
    GatewayUncertain,
    IdempotencyKey,
    Outcome,
    PaymentGateway,
)
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.identifiers import PaymentId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.payment import (
    PAYMENT_LIFECYCLE,
    AmountDiffers,
    Payment,
    PaymentCommand,
)


@attrs.frozen
class Hearing(PaymentDesk):
    """Carries a gateway's word over to a payment."""

    def _apply(
        self, payment_id: PaymentId, answer: GatewayAnswer, gateway: PaymentGateway, *, by: Actor
    ) -> Payment:
        """
        Carry a gateway's word over to the payment; a word that changes nothing any more is no
        error.
        """
        if answer.outcome is Outcome.CONFIRMED:
            if answer.amount is not None and answer.amount.minor <= 0:
                # Nothing was taken, or nobody knows what: it is asked about again.
                self._of_gateway(payment_id, gateway)
                return self._step_if(payment_id, PaymentCommand.TIME_OUT, Payment.time_out, by=by)
            try:
                return self._confirm(payment_id, answer, gateway, by=by)
            except AmountDiffers:
                return self._confirm_what_it_insists_on(payment_id, gateway, by=by)
        payment = self._of_gateway(payment_id, gateway)
        if answer.outcome is Outcome.PENDING:
            return payment
        reason = answer.reason or answer.outcome
        return self._step_if(
            payment_id, PaymentCommand.FAIL, partial(Payment.fail, reason=reason), by=by
        )

    def _confirm(
        self,
        payment_id: PaymentId,
        answer: GatewayAnswer,
        gateway: PaymentGateway,
        *,
        insisted: bool = False,
        by: Actor,
    ) -> Payment:
        at, resumable = self.clock(), []
        if answer.reference:
            answer = attrs.evolve(answer, reference=read_reference(answer.reference))

        def decide(found: Found) -> Booked:
            payment = payment_in(found, gateway)
            confirmed, entry = payment.confirm(
                state=found.state,
                entry_id=self._entry_id(),
                reference=answer.reference,
                took=payment.amount if answer.amount is None else answer.amount,
                into=gateway.ledger_code,
                tolerance=self.regulations().tolerance(payment.amount.currency),
                insisted=insisted,
                by=by,
                at=at,
            )
            if found.state.account.money_holds and entry:
                resumable.append(payment.account_id)
            return Booked(payment=confirmed, entry=entry)

        booking = Booking(
            decide=decide, at=at, payment_id=payment_id, key=_claim(answer, payment_id, gateway)
        )
        payment = unwrap(self.till.book([booking])[0])
        for account_id in resumable:
            self.resume_paid(account_id)
        return attrs.evolve(payment, replayed=False) if payment.replayed else payment

    def _of_gateway(self, payment_id: PaymentId, gateway: PaymentGateway) -> Payment:
        """A gateway has a word on its own payments only; of others it learns nothing."""
        payment = self.get(payment_id)
        if payment.gateway != gateway.name:
            raise NotFound("payment", str(payment_id))
        return payment

    def _confirm_what_it_insists_on(
        self, payment_id: PaymentId, gateway: PaymentGateway, *, by: Actor
    ) -> Payment:
        """
        A callback told another amount: believe only what the gateway answers when it is asked.
        """
        try:
            answer = gateway.ask(self.get(payment_id))
        except (GatewayUncertain, GatewayUnavailable):
            return self._step_if(payment_id, PaymentCommand.TIME_OUT, Payment.time_out, by=by)
        if answer.outcome is Outcome.CONFIRMED:
            return self._confirm(payment_id, answer, gateway, insisted=True, by=by)
        return self._apply(payment_id, answer, gateway, by=by)

    def _ask_again(self, payment: Payment, *, by: Actor) -> bool:
        """Ask about one payment in flight; tell whether it came to an end."""
        if PAYMENT_LIFECYCLE.can(payment, PaymentCommand.SEND):
            # Never sent, so no gateway knows of it.
            ended = self._step_if(payment.id, PaymentCommand.EXPIRE, Payment.expire, by=by)
        else:
            gateway = self.gateway(payment.gateway)
            try:
                answer = gateway.ask(payment)
            except (GatewayUncertain, GatewayUnavailable):
                ended = self._step_if(payment.id, PaymentCommand.TIME_OUT, Payment.time_out, by=by)
            else:
                ended = self._apply(payment.id, answer, gateway, by=by)
        return not ended.is_in_flight


def _claim(
    answer: GatewayAnswer, payment_id: PaymentId, gateway: PaymentGateway
) -> IdempotencyKey | None:
    """Return the key that a gateway's own reference is: it stands for one payment of ours."""
    if not answer.reference:
        return None
    digest = digest_of("payments.confirm", payment_id=payment_id)
    return IdempotencyKey(f"gateway:{gateway.name}", answer.reference, digest)
