"""Trouble tickets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from telecom_crm.application.tickets import Tickets
from telecom_crm.domain.identifiers import ContractId, CustomerId, DocumentId, TicketId
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.ticket import (
    COMMENT_LIMIT,
    BlockReason,
    Ticket,
    TicketPriority,
)
from telecom_crm.entrypoints.http.api.ticket_views import SlaView, TicketView, ticket_shown
from telecom_crm.entrypoints.http.attachments import (
    FILE_TYPES,
    download,
    keep,
    takes_file,
)
from telecom_crm.entrypoints.http.bodies import Because, Body, Name
from telecom_crm.entrypoints.http.calls import Call, listing
from telecom_crm.entrypoints.http.routes import does, makes, reads
from telecom_crm.entrypoints.http.values import (
    EventView,
    KeyUse,
    PageView,
    listed,
    made,
    shown,
    whole,
)


class NewTicket(Body):
    """A customer's request for help."""

    customer_id: UUID
    subject: Name
    priority: TicketPriority = TicketPriority.NORMAL
    contract_id: UUID | None = None
    queue: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    follow_up_of: UUID | None = None


class TicketBlocking(Body):
    """Why work ends."""

    reason: BlockReason


class Resolution(Body):
    """What a ticket came to: its last word to the customer."""

    answer: Annotated[str, msgspec.Meta(min_length=1, max_length=COMMENT_LIMIT)]


class Assignment(Body):
    """Who is to work on it."""

    assignee: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    queue: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class Prioritising(Body):
    """How soon it has to be answered."""

    priority: TicketPriority


class NewComment(Body):
    """Something said on a ticket."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=COMMENT_LIMIT)]
    internal: bool = False


class TicketController(Controller):
    """Customers' requests for help."""

    path = "/tickets"
    tags = ("tickets",)

    @makes("/", Area.TICKETS, key=KeyUse.OPTIONAL)
    def create(
        self, request: Call, data: JSONBody[NewTicket], tickets: NamedDependency[Tickets]
    ) -> Response[TicketView]:
        """Open a ticket."""
        ticket = tickets.create(
            customer_id=CustomerId(data.customer_id),
            subject=data.subject,
            priority=data.priority,
            contract_id=ContractId(data.contract_id) if data.contract_id else None,
            queue=data.queue,
            follow_up_of=TicketId(data.follow_up_of) if data.follow_up_of else None,
            idempotency_key=request.key,
            by=request.by,
        )
        return made(
            TicketView.of(ticket),
            at=f"/tickets/{ticket.id}",
            version=ticket.version,
            replayed=ticket.replayed,
        )

    @reads("/", Area.TICKETS, query=listing("ticket"))
    def page(
        self, request: Call, tickets: NamedDependency[Tickets]
    ) -> Response[PageView[TicketView]]:
        """List tickets."""
        return listed(request, tickets.page(request.query()), TicketView.of)

    @does("/claim-next", Area.TICKETS)
    def claim_next(
        self, request: Call, tickets: NamedDependency[Tickets]
    ) -> Response[TicketView | None]:
        """Take the most urgent free ticket, of those the oldest, and begin it; null if none is."""
        ticket = tickets.claim_next(by=request.by)
        if ticket is None:
            return shown(None)
        return shown(TicketView.of(ticket), version=ticket.version)

    @reads("/{ticket_id:uuid}", Area.TICKETS)
    def get(
        self, ticket_id: FromPath[UUID], tickets: NamedDependency[Tickets]
    ) -> Response[TicketView]:
        """Show a ticket."""
        return ticket_shown(tickets.get(TicketId(ticket_id)))

    @reads("/{ticket_id:uuid}/timeline", Area.TICKETS)
    def timeline(
        self, ticket_id: FromPath[UUID], tickets: NamedDependency[Tickets]
    ) -> PageView[EventView]:
        """Tell what happened to a ticket, oldest first."""
        return whole(tickets.timeline(TicketId(ticket_id)), EventView.of)

    @reads("/{ticket_id:uuid}/sla", Area.TICKETS)
    def sla(self, ticket_id: FromPath[UUID], tickets: NamedDependency[Tickets]) -> SlaView:
        """Tell how a ticket stands with what was promised."""
        return SlaView.of(tickets.sla(TicketId(ticket_id)))

    @does("/{ticket_id:uuid}/activate", Area.TICKETS, versioned=True)
    def activate(
        self, request: Call, ticket_id: FromPath[UUID], tickets: NamedDependency[Tickets]
    ) -> Response[TicketView]:
        """Begin to work on a ticket."""
        return ticket_shown(
            tickets.activate(TicketId(ticket_id), expected_version=request.seen, by=request.by)
        )

    @does("/{ticket_id:uuid}/suspend", Area.TICKETS, versioned=True)
    def suspend(
        self,
        request: Call,
        ticket_id: FromPath[UUID],
        data: JSONBody[Because],
        tickets: NamedDependency[Tickets],
    ) -> Response[TicketView]:
        """Wait, with the clock of the resolution stopped."""
        return ticket_shown(
            tickets.suspend(
                TicketId(ticket_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{ticket_id:uuid}/resume", Area.TICKETS, versioned=True)
    def resume(
        self,
        request: Call,
        ticket_id: FromPath[UUID],
        data: JSONBody[Because],
        tickets: NamedDependency[Tickets],
    ) -> Response[TicketView]:
        """Go on working."""
        return ticket_shown(
            tickets.resume(
                TicketId(ticket_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{ticket_id:uuid}/block", Area.TICKETS, versioned=True)
    def block(
        self,
        request: Call,
        ticket_id: FromPath[UUID],
        data: JSONBody[TicketBlocking],
        tickets: NamedDependency[Tickets],
    ) -> Response[TicketView]:
        """Stop work on a ticket for good; closing is all that is left."""
        return ticket_shown(
            tickets.block(
                TicketId(ticket_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{ticket_id:uuid}/close", Area.TICKETS, versioned=True)
    def close(
        self, request: Call, ticket_id: FromPath[UUID], tickets: NamedDependency[Tickets]
    ) -> Response[TicketView]:
        """End a blocked ticket."""
        return ticket_shown(
            tickets.close(TicketId(ticket_id), expected_version=request.seen, by=request.by)
        )

    @does("/{ticket_id:uuid}/resolve", Area.TICKETS, versioned=True)
    def resolve(
        self,
        request: Call,
        ticket_id: FromPath[UUID],
        data: JSONBody[Resolution],
        tickets: NamedDependency[Tickets],
    ) -> Response[TicketView]:
        """Block a ticket as resolved and close it, with the answer as its last public comment."""
        return ticket_shown(
            tickets.resolve(
                TicketId(ticket_id),
                answer=data.answer,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{ticket_id:uuid}/assign", Area.TICKETS, versioned=True)
    def assign(
        self,
        request: Call,
        ticket_id: FromPath[UUID],
        data: JSONBody[Assignment],
        tickets: NamedDependency[Tickets],
    ) -> Response[TicketView]:
        """Give a ticket to a person or to a queue."""
        return ticket_shown(
            tickets.assign(
                TicketId(ticket_id),
                assignee=data.assignee,
                queue=data.queue,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{ticket_id:uuid}/prioritise", Area.TICKETS, versioned=True)
    def prioritise(
        self,
        request: Call,
        ticket_id: FromPath[UUID],
        data: JSONBody[Prioritising],
        tickets: NamedDependency[Tickets],
    ) -> Response[TicketView]:
        """Change how soon a ticket has to be answered; what is promised changes with it."""
        return ticket_shown(
            tickets.prioritise(
                TicketId(ticket_id),
                priority=data.priority,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @takes_file("/{ticket_id:uuid}/attachments", Area.TICKETS)
    async def attach(
        self, request: Call, ticket_id: FromPath[UUID], tickets: NamedDependency[Tickets]
    ) -> Response[TicketView]:
        """
        Keep a file with a ticket: PDF, PNG, JPEG, WEBP or TIFF by its content, to 20 MB.

        The body is the file itself. The same content again is no change.
        """

        def store(name: str, content: Iterator[bytes]) -> Ticket:
            return tickets.attach(
                TicketId(ticket_id),
                name=name,
                content=content,
                expected_version=request.seen,
                by=request.by,
            )

        ticket = await keep(request, store)
        return made(TicketView.of(ticket), at=f"/tickets/{ticket.id}", version=ticket.version)

    @reads(
        "/{ticket_id:uuid}/attachments/{attachment_id:uuid}",
        Area.TICKETS,
        Action.REVEAL,
        media_types=FILE_TYPES,
    )
    def attachment(
        self,
        request: Call,
        ticket_id: FromPath[UUID],
        attachment_id: FromPath[UUID],
        tickets: NamedDependency[Tickets],
    ) -> Stream:
        """Download one of a ticket's files."""
        asked = TicketId(ticket_id), DocumentId(attachment_id)
        return download(*tickets.open_attachment(*asked, by=request.by))

    @makes("/{ticket_id:uuid}/comments", Area.TICKETS, versioned=True)
    def comment(
        self,
        request: Call,
        ticket_id: FromPath[UUID],
        data: JSONBody[NewComment],
        tickets: NamedDependency[Tickets],
    ) -> Response[TicketView]:
        """Say something on a ticket; what is internal is never shown to the customer."""
        ticket = tickets.comment(
            TicketId(ticket_id),
            text=data.text,
            internal=data.internal,
            expected_version=request.seen,
            by=request.by,
        )
        return made(TicketView.of(ticket), at=f"/tickets/{ticket.id}", version=ticket.version)
