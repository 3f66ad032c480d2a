"""Trouble tickets, from opening to closing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.access.signing_in import count_attempts
from telecom_crm.application.attaching import attached, opened
from telecom_crm.application.idempotency import done_before, request_key
from telecom_crm.application.paging import counts_of, each_of, refuse_stale
from telecom_crm.application.ports import (
    Clock,
    Files,
    NewId,
    Page,
    Query,
    Series,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.promises import promise_anew, promise_in
from telecom_crm.application.retry import retried
from telecom_crm.application.rules import service_levels_in
from telecom_crm.domain.attachment import Attachment
from telecom_crm.domain.errors import RuleViolated
from telecom_crm.domain.identifiers import ContractId, CustomerId, DocumentId, TicketId
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event
from telecom_crm.domain.text import read_text
from telecom_crm.domain.ticket import (
    DEFAULT_CALENDAR,
    BlockReason,
    NewerReply,
    SlaState,
    Ticket,
    TicketPriority,
    sla_of,
)

FILES_AN_HOUR = 30
"""How many files a customer may send within an hour, to whichever tickets."""

NamedFile = tuple[str, Iterable[bytes]]
"""What a file is called, and its content."""


@attrs.frozen
class TicketStanding:
    """How a ticket stands with what was promised, and when something happened last to it."""

    sla: SlaState
    updated_at: datetime


@attrs.frozen
class Tickets:
    """Customers' requests for help."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    series: Series
    files: Files
    zone: ZoneInfo = DEFAULT_CALENDAR.zone
    """Where the working hours of the default service levels are."""

    def create(
        self,
        *,
        customer_id: CustomerId,
        subject: str,
        priority: TicketPriority = TicketPriority.NORMAL,
        contract_id: ContractId | None = None,
        queue: str | None = None,
        follow_up_of: TicketId | None = None,
        text: str = "",
        file: NamedFile | None = None,
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> Ticket:
        """
        Open a ticket for a customer, about one of the customer's contracts or about none, with its
        first comment where there is a `text`, and a `file` as `attach` takes it.

        Raise `NotFound` without the customer, the contract or the ticket it follows,
        `CustomerMerged`, `KeyReused`, `InvalidValue` for another kind of file.
        """
        asked: dict[str, Any] = {
            "customer_id": customer_id,
            "subject": subject,
            "priority": priority,
            "contract_id": contract_id,
            "queue": queue,
            "follow_up_of": follow_up_of,
        }

        def make(attachment: Attachment | None = None) -> tuple[Ticket, bool]:
            return self._create(asked, text, attachment, idempotency_key, by)

        return self._with_file(file, make)

    def follow_up(
        self,
        ticket_id: TicketId,
        *,
        subject: str | None = None,
        priority: TicketPriority | None = None,
        text: str = "",
        file: NamedFile | None = None,
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> Ticket:
        """Open a new ticket about what came up again, linked to the old one; see `create`."""
        old = self.get(ticket_id)
        return self.create(
            customer_id=old.customer_id,
            contract_id=old.contract_id,
            subject=old.subject if subject is None else subject,
            priority=priority or old.priority,
            follow_up_of=ticket_id,
            text=text,
            file=file,
            idempotency_key=idempotency_key,
            by=by,
        )

    @retried
    def claim_next(self, *, by: Actor = SYSTEM) -> Ticket | None:
        """Give an operator the most urgent free ticket, of those the oldest, and begin it."""
        at = self.clock()
        with self.uow() as tx:
            free = tx.tickets.next_free()
            if free is None:
                return None
            return self._saved(tx, _begun(free, by, at))

    def activate(
        self, ticket_id: TicketId, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Ticket:
        """Begin to work on a ticket."""
        return self._change(
            ticket_id, expected_version, lambda ticket, at: ticket.activate(by=by, at=at)
        )

    def begin(
        self, ticket_id: TicketId, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Ticket:
        """Begin to work on a ticket, which is then one's own unless somebody was given it."""
        return self._change(ticket_id, expected_version, lambda ticket, at: _begun(ticket, by, at))

    def suspend(
        self,
        ticket_id: TicketId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Ticket:
        """Wait, with the clock of the resolution stopped."""
        return self._change(
            ticket_id,
            expected_version,
            lambda ticket, at: ticket.suspend(reason=reason, by=by, at=at),
        )

    def resume(
        self,
        ticket_id: TicketId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Ticket:
        """Go on working."""
        return self._change(
            ticket_id,
            expected_version,
            lambda ticket, at: ticket.resume(reason=reason, by=by, at=at),
        )

    def block(
        self,
        ticket_id: TicketId,
        *,
        reason: BlockReason,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Ticket:
        """Stop work on a ticket for good; closing is all that is left."""
        return self._change(
            ticket_id,
            expected_version,
            lambda ticket, at: ticket.block(reason=reason, by=by, at=at),
        )

    def close(
        self, ticket_id: TicketId, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Ticket:
        """End a blocked ticket."""
        return self._change(
            ticket_id, expected_version, lambda ticket, at: ticket.close(by=by, at=at)
        )

    def resolve(
        self,
        ticket_id: TicketId,
        *,
        answer: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Ticket:
        """Block a ticket as resolved and close it, the `answer` its last word to the customer."""
        comment_id = self.new_id()

        def end(ticket: Ticket, at: datetime) -> Ticket:
            if answer:
                ticket = ticket.comment(id=comment_id, text=answer, by=by, at=at)
            return ticket.resolve(by=by, at=at)

        return self._change(ticket_id, expected_version, end)

    def assign(
        self,
        ticket_id: TicketId,
        *,
        assignee: str | None = None,
        queue: str | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Ticket:
        """Give a ticket to a person or to a queue."""
        return self._change(
            ticket_id,
            expected_version,
            lambda ticket, at: ticket.assign(assignee=assignee, queue=queue, by=by, at=at),
        )

    def prioritise(
        self,
        ticket_id: TicketId,
        *,
        priority: TicketPriority,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Ticket:
        """Change how soon a ticket has to be answered."""
        return self._change(
            ticket_id,
            expected_version,
            lambda ticket, at: ticket.prioritise(priority=priority, by=by, at=at),
        )

    def comment(
        self,
        ticket_id: TicketId,
        *,
        text: str = "",
        file: NamedFile | None = None,
        internal: bool = False,
        heard: int | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Ticket:
        """
        Say something on a ticket, or send a `file` as `attach` takes it, or both.

        What is internal is never shown to the customer. `heard` is how many comments and files
        whoever speaks has seen; raise `NewerReply` where there are more. What else changed in the
        meantime is in nobody's way.
        """
        comment_id = self.new_id()
        if file is not None:
            self.get(ticket_id)

        def say(attachment: Attachment | None = None) -> tuple[Ticket, bool]:
            def change(ticket: Ticket, at: datetime) -> Ticket:
                if heard is not None and ticket.said_count > heard:
                    raise NewerReply(ticket.number)
                if text or attachment is None:
                    ticket = ticket.comment(
                        id=comment_id, text=text, internal=internal, by=by, at=at
                    )
                if attachment is None:
                    return ticket
                return ticket.attach(attachment=attachment, internal=internal, by=by, at=at)

            changed = self._change(ticket_id, expected_version, change)
            kept = (one.id for one in changed.attachments)
            return changed, attachment is not None and attachment.id in kept

        return self._with_file(file, say)

    def attach(
        self,
        ticket_id: TicketId,
        *,
        name: str,
        content: Iterable[bytes],
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Ticket:
        """
        Keep a file with a ticket: PDF, PNG, JPEG, WEBP or TIFF by its content, to 20 MB.

        The customer sees it. The same content again is no change. Raise `InvalidValue` for another
        kind of file, `RuleViolated` for more of them than a ticket has.
        """
        file = name, content
        return self.comment(ticket_id, file=file, expected_version=expected_version, by=by)

    def count_file(self, customer_id: CustomerId) -> None:
        """
        Count a file that a customer sends themselves, before anything is done with it.

        Raise `TooManyAttempts` for more than `FILES_AN_HOUR`.
        """
        whose = str(customer_id)
        count_attempts(
            self.uow,
            {f"files:{whose}": FILES_AN_HOUR},
            at=self.clock(),
            window=timedelta(hours=1),
            thing="customer",
            whose=lambda _: whose,
        )

    def open_attachment(
        self, ticket_id: TicketId, attachment_id: DocumentId, *, by: Actor = SYSTEM
    ) -> tuple[Attachment, BinaryIO]:
        """Open one of a ticket's files for reading, and write down who did; raise `NotFound`."""
        return opened(
            self.files,
            self.uow,
            self.get(ticket_id).attachments,
            attachment_id,
            action="ticket.attachment",
            thing_id=ticket_id,
            by=by,
            at=self.clock(),
        )

    def sla(self, ticket_id: TicketId) -> SlaState:
        """Return how a ticket stands now with what was promised."""
        return self.standings([self.get(ticket_id)])[ticket_id].sla

    def standings(self, tickets: Sequence[Ticket]) -> dict[TicketId, TicketStanding]:
        """Return how each of some tickets stands now."""
        with self.uow(read_only=True) as tx:
            events = tx.events.timeline([("ticket", one.key) for one in tickets])
            levels = service_levels_in(tx, zone=self.zone)
        of = defaultdict[str, list[Event]](list)
        for event in events:
            of[event.thing_id].append(event)
        now = self.clock()
        return {
            one.id: TicketStanding(
                sla=sla_of(of[one.key], levels.policy, levels.calendar, now),
                updated_at=of[one.key][-1].at,
            )
            for one in tickets
        }

    @retried
    def renew_promises(self, *, limit: int = 100) -> int:
        """
        Reckon anew when tickets that wait are late, where something else is promised by now.

        Return how many it were. One that somebody is at is passed over, for the next time.
        """
        with self.uow() as tx:
            return promise_anew(tx, zone=self.zone, limit=limit)

    def overdue(self, *, limit: int = 50, cursor: str | None = None) -> Page[Ticket]:
        """Return a page of the tickets whose answer is owed and late, in order of their opening."""
        with self.uow(read_only=True) as tx:
            return tx.tickets.late(self.clock(), limit=limit, cursor=cursor)

    def count_overdue(self, *, most: int) -> int:
        """Count the tickets whose answer is owed and late, up to `most`."""
        with self.uow(read_only=True) as tx:
            return tx.tickets.count_late(self.clock(), most=most)

    def search(
        self, text: str, *, owners: Iterable[CustomerId] = (), limit: int = 20
    ) -> list[Ticket]:
        """Find tickets by number or words of the subject, and the `owners`'; the latest first."""
        words = read_text(text, field="text", limit=200)
        with self.uow(read_only=True) as tx:
            return tx.tickets.search(words, owners=owners, limit=limit)

    def timeline(self, ticket_id: TicketId) -> list[Event]:
        """Return what happened to a ticket, oldest first."""
        with self.uow(read_only=True) as tx:
            tx.tickets.get(ticket_id)
            return tx.events.of("ticket", str(ticket_id))

    def get(self, ticket_id: TicketId) -> Ticket:
        """Return a ticket; raise `NotFound`."""
        with self.uow(read_only=True) as tx:
            return tx.tickets.get(ticket_id)

    def page(self, query: Query) -> Page[Ticket]:
        """Return a page of the tickets."""
        with self.uow(read_only=True) as tx:
            return tx.tickets.page(query)

    def counts(self, *wheres: Mapping[str, str], most: int) -> list[int]:
        """Count the tickets that each filter leaves, up to `most`."""
        return counts_of(self.uow, lambda tx: tx.tickets, wheres, most=most)

    def each(self, **where: str) -> Iterator[Ticket]:
        """Go through the tickets, filtered by fields as in `page`."""
        return each_of(self.uow, lambda tx: tx.tickets, where)

    @retried
    def _create(
        self,
        asked: Mapping[str, Any],
        text: str,
        attachment: Attachment | None,
        idempotency_key: str | None,
        by: Actor,
    ) -> tuple[Ticket, bool]:
        """Open a ticket, and tell whether it is a new one."""
        number = ticket_number(self.series.take("ticket")[0])
        at, sent = self.clock(), dict(asked)
        new = Ticket.create(id=TicketId(self.new_id()), number=number, by=by, at=at, **asked)
        if text:
            new = new.comment(id=self.new_id(), text=text, by=by, at=at)
            sent["text"] = text
        if attachment:
            new = new.attach(attachment=attachment, by=by, at=at)
            sent["file"] = attachment.sha256
        with self.uow() as tx:
            key = request_key(idempotency_key, "tickets.create", by=by, **sent)
            if earlier := done_before(tx, tx.tickets, key, new.id):
                return earlier, False
            tx.customers.get(new.customer_id).refuse_merged()
            _refuse_others(tx, new)
            return self._saved(tx, new), True

    def _with_file(
        self, file: NamedFile | None, bind: Callable[..., tuple[Ticket, bool]]
    ) -> Ticket:
        """Return the ticket that `bind` makes of a stored file; of none where there is none."""
        if file is None:
            return bind()[0]
        name, content = file
        return attached(self.files, self.new_id, name=name, content=content, bind=bind)

    @retried
    def _change(
        self,
        ticket_id: TicketId,
        expected_version: int | None,
        change: Callable[[Ticket, datetime], Ticket],
    ) -> Ticket:
        at = self.clock()
        with self.uow() as tx:
            ticket = tx.tickets.get(ticket_id)
            refuse_stale(ticket, expected_version, name="ticket")
            changed = change(ticket, at)
            return ticket if changed is ticket else self._saved(tx, changed)

    def _saved(self, tx: Transaction, ticket: Ticket) -> Ticket:
        """Store a ticket with its new events, and since when they make it late."""
        stored = tx.tickets.save(ticket)
        promise_in(tx, [stored], zone=self.zone)
        return stored


def _begun(ticket: Ticket, by: Actor, at: datetime) -> Ticket:
    mine = ticket if ticket.assignee else ticket.assign(assignee=by.name, by=by, at=at)
    return mine.activate(by=by, at=at)


def _refuse_others(tx: Transaction, ticket: Ticket) -> None:
    """Raise where the contract, or the ticket that is followed up, is another customer's."""
    owner, reasons = ticket.customer_id, []
    if ticket.contract_id and tx.contracts.get(ticket.contract_id).customer_id != owner:
        reasons.append("the contract is another customer's")
    if ticket.follow_up_of and tx.tickets.get(ticket.follow_up_of).customer_id != owner:
        reasons.append("the ticket it follows is another customer's")
    if reasons:
        raise RuleViolated("ticket_of_customer", tuple(reasons))


def ticket_number(taken: int) -> str:
    """Return the number that a ticket is known by to people."""
    return f"T-{taken:07d}"
