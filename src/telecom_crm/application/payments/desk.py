"""What every command on payments works with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import attrs

from telecom_crm.application.idempotency import done_before, request_key
from telecom_crm.application.ports import (
    Booked,
    Booking,
    Clock,
    Found,
    NewId,
    PaymentGateway,
    Till,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.retry import retried
from telecom_crm.application.spending import post_spent
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.errors import InvalidValue, NotFound, TelecomCrmError
from telecom_crm.domain.identifiers import AccountId, EntryId, PaymentId
from telecom_crm.domain.ledger import Posting
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.payment import (
    PAYMENT_LIFECYCLE,
    Payment,
    PaymentCommand,
)
from telecom_crm.domain.regulation import DEFAULT_REGULATIONS, Regulations


@attrs.frozen
class PaymentDesk:
    """The store, the gateways, and what holds a payment while something is decided about it."""

    uow: UnitOfWork
    till: Till
    gateways: Mapping[str, PaymentGateway]
    clock: Clock
    new_id: NewId
    resume_paid: Callable[[AccountId], object]
    """Called after money came to an account with contracts suspended for money."""
    regulations: Callable[[], Regulations] = attrs.field(
        kw_only=True, default=lambda: DEFAULT_REGULATIONS
    )
    """What is said of payments now."""

    def gateway(self, name: str) -> PaymentGateway:
        """Return the gateway of a name; raise `InvalidValue` naming those there are."""
        return gateway_named(self.gateways, name)

    def get(self, payment_id: PaymentId) -> Payment:
        """Return one payment."""
        with self.uow(read_only=True) as tx:
            return tx.payments.get(payment_id)

    def _step(self, payment_id: PaymentId, step: Callable[..., Payment]) -> Payment:
        at = self.clock()

        def decide(found: Found) -> Booked:
            return Booked(payment=step(payment_in(found), at))

        return unwrap(self.till.book([Booking(decide=decide, at=at, payment_id=payment_id)])[0])

    def _step_if(
        self,
        payment_id: PaymentId,
        command: PaymentCommand,
        step: Callable[..., Payment],
        *,
        by: Actor,
    ) -> Payment:
        """Take a step unless another word, a callback or the repair, was there first."""

        def if_still_allowed(payment: Payment, at: object) -> Payment:
            return (
                step(payment, by=by, at=at) if PAYMENT_LIFECYCLE.can(payment, command) else payment
            )

        return self._step(payment_id, if_still_allowed)

    @contextmanager
    def _held(self, payment_id: PaymentId) -> Iterator[tuple[Transaction, AccountState, Payment]]:
        """
        Open a transaction that holds a payment's account and then the payment: the order that the
        till uses.
        """
        with self.uow(read_only=True) as tx:
            account_id = tx.payments.get(payment_id).account_id
        with self.uow() as tx:
            state = tx.ledger.states([account_id], at=self.clock())[account_id]
            yield tx, state, tx.payments.get(payment_id)

    @retried
    def _book(
        self,
        payment_id: PaymentId,
        command: PaymentCommand,
        decide: Callable[[Transaction, AccountState, Payment], tuple[Payment, Posting]],
        *,
        key: str | None,
        by: Actor,
        **asked: object,
    ) -> Payment:
        """Carry out a command that moves a payment's money; again with its key, do nothing."""
        with self._held(payment_id) as (tx, state, payment):
            claim = request_key(key, f"payments.{command}", by=by, payment_id=payment_id, **asked)
            if earlier := done_before(tx, tx.payments, claim, payment_id):
                return earlier
            PAYMENT_LIFECYCLE.row(payment.status, command)
            moved, posting = decide(tx, state, payment)
            post_spent(tx, state, [posting], by=by, at=self.clock())
            return tx.payments.save(moved)

    def _entry_id(self) -> EntryId:
        return EntryId(self.new_id())


def gateway_named(
    gateways: Mapping[str, PaymentGateway], name: str, *, field: str = "gateway"
) -> PaymentGateway:
    """Return the gateway of a name; raise `InvalidValue` naming those there are."""
    try:
        return gateways[name]
    except KeyError:
        known = ", ".join(sorted(gateways))
        raise InvalidValue.of(field, "gateway_unknown", f"one of {known}", name) from None


def unwrap(outcome: Payment | TelecomCrmError) -> Payment:
    """Return the payment of an outcome, or raise the error that it is."""
    if isinstance(outcome, TelecomCrmError):
        raise outcome
    return outcome


def payment_in(found: Found, gateway: PaymentGateway | None = None) -> Payment:
    """Return the payment, which is the gateway's own where a gateway speaks of it."""
    if found.payment is None:
        raise LookupError("the till was asked for a payment and found none")
    if gateway is not None and found.payment.gateway != gateway.name:
        raise NotFound("payment", str(found.payment.id))
    return found.payment
