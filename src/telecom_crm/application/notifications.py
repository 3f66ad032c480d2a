"""Messages to customers: written once for each event that has words, carried afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

import attrs

from telecom_crm.application.idempotency import done_before, request_key
from telecom_crm.application.paging import counts_of, each_of, refuse_stale
from telecom_crm.application.ports import (
    AuditRecord,
    Clock,
    Message,
    Messenger,
    NewId,
    Page,
    Query,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.retry import retried
from telecom_crm.application.rules import templates_in
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import Reason, RuleViolated, TelecomCrmError, Unavailable
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.identifiers import (
    AccountId,
    ContractId,
    CustomerId,
    NotificationId,
    PaymentId,
    TicketId,
)
from telecom_crm.domain.language import Wording
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event
from telecom_crm.domain.notification import (
    CONTRACT_ACTIVATED,
    CONTRACT_RESUMED,
    CONTRACT_SUSPENDED,
    LOW_BALANCE,
    NOTIFICATION_LIFECYCLE,
    PAYMENT_CONFIRMED,
    SAMPLES,
    TICKET_CLOSED,
    TICKET_COMMENTED,
    Notification,
    NotificationChannel,
    NotificationCommand,
    Template,
    choose_template,
    render,
)
from telecom_crm.domain.payment import ReceiptNumber
from telecom_crm.domain.session import SELF_CARE
from telecom_crm.domain.spoken import HOLDS, amount_said, currency_said
from telecom_crm.domain.text import read_text
from telecom_crm.domain.ticket import FILE_ATTACHED, Ticket

CONSUMER = "notifications"
"""The name under which the stream of events remembers how far messages were written."""


@attrs.frozen
class Notifications:
    """What customers are told, and whether it reached them."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    channel: NotificationChannel = NotificationChannel.CONSOLE
    wanted_for: timedelta = timedelta(hours=24)
    """How long a message is worth sending."""

    @retried
    def queue_new(self, *, limit: int = 500, by: Actor = SYSTEM) -> int:
        """
        Write a message for each new event that the templates have words for.

        Return how many events were read. The cursor moves in the same transaction, so each event
        is told once, whatever dies in between.
        """
        at = self.clock()
        with self.uow(read_only=True) as tx:
            start = tx.events.position(CONSUMER)
            news = tx.events.since(start, limit=limit)
            told = {template.event for template in templates_in(tx)}
            events = [event for _, event in news if _message_of(event.name) in told]
            messages = [one for event in events if (one := self._write(tx, event, by=by, at=at))]
        if not news:
            return 0
        with self.uow() as tx:
            if tx.events.position(CONSUMER) != start:
                return 0  # another worker has told of these
            tx.notifications.save_all(messages)
            tx.events.advance(CONSUMER, news[-1][0])
        return len(news)

    def deliver(self, messenger: Messenger, *, limit: int = 100, by: Actor = SYSTEM) -> int:
        """
        Send what waits, and return how many messages the channel took.

        Nothing is held meanwhile, so a crash may have a message sent again: the channel knows it
        by its id. What the channel cannot take now stays in the queue until nobody wants it any
        more; what it never can, fails.
        """
        with self.uow(read_only=True) as tx:
            waiting = tx.notifications.waiting(limit=limit)
            templates = templates_in(tx)
            found = tx.customers.get_many(one.customer_id for one in waiting)
        return sum(
            self._send(one, found[one.customer_id], templates, messenger, by=by) for one in waiting
        )

    @retried
    def retry(
        self,
        notification_id: NotificationId,
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Notification:
        """Queue a message again that failed; it is worth sending for as long as a new one."""
        return self._change(
            notification_id,
            lambda one, at: one.retry(by=by, at=at, expires_at=at + self.wanted_for),
            expected_version,
        )

    @retried
    def confirm_delivery(
        self, notification_id: NotificationId, *, by: Actor = SYSTEM
    ) -> Notification:
        """Say that a message arrived, as the channel reports."""
        return self._change(notification_id, lambda one, at: one.deliver(by=by, at=at))

    @retried
    def send_receipt(
        self, payment_id: PaymentId, *, idempotency_key: str | None = None, by: Actor = SYSTEM
    ) -> Notification:
        """
        Tell the owner of an account once more of a payment to it, with the receipt's number.

        The message goes the way of all others; what it says of the balance is as it is now. Raise
        `NotFound`, `KeyReused`, and `RuleViolated` for a payment that is not confirmed, for one of
        the house, where no template says it, and for somebody whom the channel does not reach.
        """
        at, id = self.clock(), NotificationId(self.new_id())
        with self.uow() as tx:
            name = "notifications.send_receipt"
            key = request_key(idempotency_key, name, by=by, payment_id=payment_id)
            if earlier := done_before(tx, tx.notifications, key, id):
                return earlier
            payment = tx.payments.get(payment_id)
            customer_id, facts = _payment_facts(tx, payment_id, at=at)
            told = {template.event for template in templates_in(tx)}
            if not payment.has_receipt or customer_id is None or PAYMENT_CONFIRMED not in told:
                reason = Reason.of(
                    "a receipt is sent of a confirmed payment to whose account it is"
                )
                raise RuleViolated("send_receipt", (reason,))
            customer = tx.customers.get(customer_id)
            if _address(self.channel, customer) is None:
                raise RuleViolated("send_receipt", (_UNREACHED[self.channel],))
            return tx.notifications.save(
                self._queued(id, PAYMENT_CONFIRMED, customer, facts, by=by, at=at)
            )

    def send_sample(
        self, template: Template, *, to: str, messenger: Messenger, by: Actor = SYSTEM
    ) -> None:
        """
        Send a message with the facts of an example to an address, to see what customers will.

        That it was sent is written down, and not whom to. Raise `Unavailable` where the channel is
        away, and `InvalidValue` for no address.
        """
        address = read_text(to, field="to", limit=100, required=True)
        words = render(template, SAMPLES)
        made = NotificationId(self.new_id())
        messenger.send(
            Message(notification_id=made, address=address, subject=words.subject, body=words.body)
        )
        line = AuditRecord(
            action="message.sample",
            thing="notification",
            thing_id=template.event,
            by=by,
            at=self.clock(),
            detail=template.language,
        )
        self._record(line)

    def tells(self, event: str, customer_id: CustomerId) -> bool:
        """Tell whether a customer gets a message of an event: it has words, and they an address."""
        with self.uow(read_only=True) as tx:
            customer = tx.customers.get(customer_id)
            told = {template.event for template in templates_in(tx)}
        return event in told and _address(self.channel, customer) is not None

    def get(self, notification_id: NotificationId) -> Notification:
        """Return a message; raise `NotFound`."""
        with self.uow(read_only=True) as tx:
            return tx.notifications.get(notification_id)

    def timeline(self, notification_id: NotificationId) -> list[Event]:
        """Return what became of a message, oldest first: why it failed, when it was sent."""
        with self.uow(read_only=True) as tx:
            return tx.events.of("notification", tx.notifications.get(notification_id).key)

    def page(self, query: Query) -> Page[Notification]:
        """Return a page of the messages."""
        with self.uow(read_only=True) as tx:
            return tx.notifications.page(query)

    def counts(self, *wheres: Mapping[str, str], most: int) -> list[int]:
        """Count the messages that each filter leaves, up to `most`."""
        return counts_of(self.uow, lambda tx: tx.notifications, wheres, most=most)

    def each(self, **where: str) -> Iterator[Notification]:
        """Go through the messages, filtered by fields as in `page`."""
        return each_of(self.uow, lambda tx: tx.notifications, where)

    @retried
    def _record(self, line: AuditRecord) -> None:
        with self.uow() as tx:
            tx.audit.record(line)

    def _write(
        self, tx: Transaction, event: Event, *, by: Actor, at: datetime
    ) -> Notification | None:
        customer_id, facts = _FACTS_OF[event.name](tx, event)
        if customer_id is None:
            return None
        id, customer = NotificationId(self.new_id()), tx.customers.get(customer_id)
        return self._queued(id, _message_of(event.name), customer, facts, by=by, at=at)

    def _queued(
        self,
        id: NotificationId,
        event: str,
        customer: Customer,
        facts: Mapping[str, str | Wording],
        *,
        by: Actor,
        at: datetime,
    ) -> Notification:
        """Return a message to a customer, in the customer's language."""
        return Notification.queue(
            id=id,
            customer_id=customer.id,
            event=event,
            channel=self.channel,
            language=customer.language,
            facts={
                name: fact.said_in(customer.language) if isinstance(fact, Wording) else fact
                for name, fact in facts.items()
            },
            expires_at=at + self.wanted_for,
            by=by,
            at=at,
        )

    def _send(
        self,
        one: Notification,
        customer: Customer,
        templates: tuple[Template, ...],
        messenger: Messenger,
        *,
        by: Actor,
    ) -> bool:
        if one.expires_at is not None and one.expires_at <= self.clock():
            self._settle(one.id, lambda now, at: now.expire(by=by, at=at))
            return False
        try:
            messenger.send(_message(one, customer, templates))
        except Unavailable:
            return False
        except TelecomCrmError as error:
            reason = error.code
            self._settle(one.id, lambda now, at: now.fail(reason=reason, by=by, at=at))
            return False
        except Exception as error:
            # A defect of the channel must be seen, but not stand before all others for ever.
            reason = type(error).__name__
            self._settle(one.id, lambda now, at: now.fail(reason=reason, by=by, at=at))
            raise
        self._settle(one.id, lambda now, at: now.send(by=by, at=at))
        return True

    @retried
    def _settle(
        self,
        notification_id: NotificationId,
        change: Callable[[Notification, datetime], Notification],
    ) -> None:
        """Write down what became of a message, unless another worker has done so."""
        at = self.clock()
        with self.uow() as tx:
            now = tx.notifications.get(notification_id)
            if NOTIFICATION_LIFECYCLE.can(now, NotificationCommand.SEND):
                tx.notifications.save(change(now, at))

    def _change(
        self,
        notification_id: NotificationId,
        change: Callable[[Notification, datetime], Notification],
        expected_version: int | None = None,
    ) -> Notification:
        at = self.clock()
        with self.uow() as tx:
            one = tx.notifications.get(notification_id)
            refuse_stale(one, expected_version, name="notification")
            return tx.notifications.save(change(one, at))


@attrs.define
class NoAddress(TelecomCrmError):
    """The customer cannot be reached by this channel."""

    code: ClassVar[str] = "no_address"


def _message(one: Notification, customer: Customer, templates: tuple[Template, ...]) -> Message:
    """Choose the words and fill the facts in."""
    address = _address(one.channel, customer)
    if address is None:
        raise NoAddress
    template = choose_template(
        templates, event=one.event, channel=one.channel, language=one.language
    )
    words = render(template, one.facts)
    return Message(notification_id=one.id, address=address, subject=words.subject, body=words.body)


def _address(channel: NotificationChannel, customer: Customer) -> str | None:
    phone = str(customer.phone) if customer.phone else None
    if channel is NotificationChannel.SMS:
        return phone
    if channel is NotificationChannel.EMAIL:
        return customer.email
    return phone or customer.email or customer.key


_UNREACHED: Mapping[NotificationChannel, Reason] = {
    NotificationChannel.SMS: Reason.of("the customer has no phone to send it to"),
    NotificationChannel.EMAIL: Reason.of("the customer has no e-mail to send it to"),
}
"""Why a channel does not reach somebody; the console's reaches everybody."""
Told = tuple[CustomerId | None, Mapping[str, str | Wording]]


def _payment(tx: Transaction, event: Event) -> Told:
    return _payment_facts(tx, PaymentId(UUID(event.thing_id)), at=event.at)


def _payment_facts(tx: Transaction, payment_id: PaymentId, *, at: datetime) -> Told:
    payment = tx.payments.get(payment_id)
    customer_id, facts = _account(tx, payment.account_id, at=at)
    return customer_id, {
        "amount": amount_said(payment.amount),
        "currency": currency_said(payment.amount.currency),
        "balance": facts["balance"],
        "receipt": str(ReceiptNumber.of(str(facts["account"]), payment.id)),
    }


def _activated(tx: Transaction, event: Event) -> Told:
    contract = tx.contracts.get(ContractId(UUID(event.thing_id)))
    tariff = tx.catalog.tariffs.get(contract.tariff_code)
    return contract.customer_id, {"contract": contract.number, "tariff": tariff.name}


def _suspended(tx: Transaction, event: Event) -> Told:
    contract = tx.contracts.get(ContractId(UUID(event.thing_id)))
    hold = HOLDS[HoldKind(event.payload["hold"])]
    return contract.customer_id, {"contract": contract.number, "hold": hold}


def _resumed(tx: Transaction, event: Event) -> Told:
    contract = tx.contracts.get(ContractId(UUID(event.thing_id)))
    return contract.customer_id, {"contract": contract.number}


def _ticket_answered(tx: Transaction, event: Event) -> Told:
    """Tell of what the staff said to the customer, unless it opened or ended the ticket."""
    return _answered(tx.tickets.get(TicketId(UUID(event.thing_id))), event)


def _ticket_file(tx: Transaction, event: Event) -> Told:
    """Tell of a file as of an answer, unless words came with it, which are told of."""
    ticket = tx.tickets.get(TicketId(UUID(event.thing_id)))
    customer_id, facts = _answered(ticket, event)
    said = {(one.at, one.by) for one in ticket.comments if not one.internal}
    return None if (event.at, event.by.name) in said else customer_id, facts


def _answered(ticket: Ticket, event: Event) -> Told:
    is_answer = (
        not event.payload["internal"]
        and event.by.name != SELF_CARE
        and event.at != ticket.created_at
        and not ticket.is_closed
    )
    return ticket.customer_id if is_answer else None, {"ticket": ticket.number}


def _ticket_closed(tx: Transaction, event: Event) -> Told:
    ticket = tx.tickets.get(TicketId(UUID(event.thing_id)))
    return ticket.customer_id, {"ticket": ticket.number}


def _low_balance(tx: Transaction, event: Event) -> Told:
    return _account(tx, AccountId(UUID(event.thing_id)), at=event.at)


def _account(tx: Transaction, account_id: AccountId, *, at: datetime) -> Told:
    state = tx.ledger.states([account_id], at=at)[account_id]
    balance = state.balance.balance
    return state.account.customer_id, {
        "account": state.account.number,
        "balance": amount_said(balance),
        "currency": currency_said(balance.currency),
    }


_FACTS_OF: Mapping[str, Callable[[Transaction, Event], Told]] = {
    PAYMENT_CONFIRMED: _payment,
    CONTRACT_ACTIVATED: _activated,
    CONTRACT_SUSPENDED: _suspended,
    CONTRACT_RESUMED: _resumed,
    TICKET_COMMENTED: _ticket_answered,
    FILE_ATTACHED: _ticket_file,
    TICKET_CLOSED: _ticket_closed,
    LOW_BALANCE: _low_balance,
}


def _message_of(event: str) -> str:
    """Return the event that a message is of: a file on a ticket is an answer like any other."""
    return TICKET_COMMENTED if event == FILE_ATTACHED else event
