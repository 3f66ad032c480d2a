"""Payments: taking money, hearing what became of it, giving it back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from uuid import UUID

import attrs

from telecom_crm.application.paging import (
    counts_of,
    each_in,
    each_of,
    each_swept,
    refuse_stale,
)
from telecom_crm.application.payments.desk import unwrap
from telecom_crm.application.payments.disputing import Disputing
from telecom_crm.application.payments.refunding import Refunding
from telecom_crm.application.payments.request import PaymentRequest
from telecom_crm.application.payments.taking import Taking
from telecom_crm.application.ports import (
    GatewayReceipt,
    Page,
    Query,
)
from telecom_crm.application.retry import each_alone
from telecom_crm.domain.errors import RuleViolated
from telecom_crm.domain.identifiers import AccountId, PaymentId
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event
from telecom_crm.domain.payment import (
    PAYMENT_LIFECYCLE,
    Payment,
    PaymentCommand,
    PaymentReceipt,
    Takings,
)
from telecom_crm.domain.refund import REFUND_LIFECYCLE


@attrs.frozen
class Payments(Taking, Refunding, Disputing):
    """Money from subscribers, through gateways and cash desks, into their accounts."""

    patience: timedelta = timedelta(minutes=5)
    """How long a payment may be in flight before the gateway is asked about it."""

    def hear(self, *, gateway: str, body: bytes, headers: Mapping[str, str]) -> Payment:
        """
        Take a gateway's callback: late, doubled or out of order, the ledger ends the same. Money
        that it took by itself, for nobody we know, is kept unallocated.

        Raise `NotPermitted` for a forged one, `InvalidValue` for one without sense, and `NotFound`
        for a payment we do not know, so that the gateway sends it again.
        """
        through = self.gateway(gateway)
        notice = through.read_callback(body=body, headers=headers)
        by = Actor(f"gateway:{gateway}")
        if isinstance(notice, GatewayReceipt):
            took = PaymentRequest(
                payer=notice.payer,
                told=notice.told,
                amount=notice.amount,
                method=notice.method,
                reference=notice.reference,
            )
            kept = self.record_many([took], gateway=gateway, keep_unallocated=True, by=by)
            return unwrap(kept[0])
        return self._apply(notice.payment_id, notice.answer, through, by=by)

    def repair(self, *, limit: int = 100, by: Actor = SYSTEM) -> int:
        """
        Ask the gateways about every payment and refund whose end is not known, in batches of
        `limit`; return how many found one.
        """
        before = self.clock() - self.patience
        payments = each_swept(
            self.uow, lambda tx, at: tx.payments.uncertain(before, limit=limit, cursor=at)
        )
        refunds = each_swept(self.uow, lambda tx, at: tx.refunds.uncertain(limit=limit, cursor=at))
        return each_alone(
            chain(
                (partial(self._ask_again, payment, by=by) for payment in payments),
                (
                    partial(self._ask_refund_again, refund, by=by)
                    for refund in refunds
                    if self._has_waited(refund, since=before)
                ),
            )
        )

    def page(self, query: Query) -> Page[Payment]:
        """Return a page of payments."""
        with self.uow(read_only=True) as tx:
            return tx.payments.page(query)

    def of_accounts(self, accounts: Sequence[AccountId], query: Query) -> Page[Payment]:
        """Return a page of the payments to some accounts together."""
        with self.uow(read_only=True) as tx:
            return tx.payments.of_accounts(accounts, query)

    def any_confirmed(self, accounts: Iterable[AccountId]) -> bool:
        """Tell whether anybody ever paid to one of some accounts."""
        wheres = ({"account_id": str(one), "status": "confirmed"} for one in accounts)
        with self.uow(read_only=True) as tx:
            return any(tx.payments.page(Query(where=where, limit=1)).items for where in wheres)

    def last_of(self, accounts: Iterable[AccountId]) -> list[Payment]:
        """Return the last payment to each of some accounts, where there is one."""
        wheres = ({"account_id": str(one)} for one in accounts)
        with self.uow(read_only=True) as tx:
            found = [
                tx.payments.page(Query(where=where, limit=1, descending=True)) for where in wheres
            ]
        return [payment for page in found for payment in page.items]

    def counts(self, *wheres: Mapping[str, str], most: int) -> list[int]:
        """Count the payments that each filter leaves, up to `most`."""
        return counts_of(self.uow, lambda tx: tx.payments, wheres, most=most)

    def timeline(self, payment_id: PaymentId) -> list[Event]:
        """Tell what happened to a payment and to its refunds, in order of time."""
        with self.uow(read_only=True) as tx:
            things = [(PAYMENT_LIFECYCLE.machine, tx.payments.get(payment_id).key)]
            refunds = each_in(tx.refunds, payment_id=str(payment_id))
            things += [(REFUND_LIFECYCLE.machine, refund.key) for refund in refunds]
            return tx.events.timeline(things)

    def takers(self, payments: Iterable[PaymentId]) -> dict[PaymentId, Actor]:
        """Return who began each of some payments: a cashier, a subscriber, a gateway."""
        things = [(PAYMENT_LIFECYCLE.machine, str(one)) for one in payments]
        with self.uow(read_only=True) as tx:
            events = tx.events.timeline(things)
        return {
            PaymentId(UUID(event.thing_id)): event.by
            for event in events
            if event.command == PaymentCommand.INITIATE
        }

    def taken(self, *, since: datetime, currency: str, by: Actor) -> list[Takings]:
        """
        Sum up by method what a user took in since an instant, where it is taken at once: at the
        cash desk and the terminal beside it. What was reversed does not count.
        """
        desks = [name for name, one in self.gateways.items() if one.takes_at_once]
        with self.uow(read_only=True) as tx:
            return tx.payments.taken(by.name, since=since, gateways=desks, currency=currency)

    def each(self, **where: str) -> Iterator[Payment]:
        """Go through all payments with these field values."""
        return each_of(self.uow, lambda tx: tx.payments, where)

    def receipt(self, payment_id: PaymentId) -> PaymentReceipt:
        """Return the receipt of a confirmed payment; raise `RuleViolated` before it is one."""
        with self.uow(read_only=True) as tx:
            payment = tx.payments.get(payment_id)
            if payment.entry_id is None:
                raise RuleViolated("receipt", ("a receipt is for a payment that was confirmed",))
            entry = tx.ledger.entry(payment.entry_id, account_id=payment.account_id)
            account = tx.accounts.get(payment.account_id)
        return PaymentReceipt(
            payment_id=payment.id,
            account_number=account.number,
            amount=payment.amount,
            method=payment.method,
            gateway=payment.gateway,
            gateway_reference=payment.gateway_reference,
            booked_at=entry.booked_at,
        )

    def cancel(
        self,
        payment_id: PaymentId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Payment:
        """Give up a payment that no gateway has answered for."""

        def step(payment: Payment, at: datetime) -> Payment:
            refuse_stale(payment, expected_version, name="payment")
            return payment.cancel(reason=reason, by=by, at=at)

        return self._step(payment_id, step)

    def give_up(
        self,
        payment_id: PaymentId,
        *,
        reason: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Payment:
        """Close an unknown payment on a person's word."""

        def step(payment: Payment, at: datetime) -> Payment:
            refuse_stale(payment, expected_version, name="payment")
            return payment.give_up(reason=reason, by=by, at=at)

        return self._step(payment_id, step)
