"""Trouble tickets."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from telecom_crm.application.tickets import Tickets
from telecom_crm.domain.identifiers import ContractId, CustomerId, TicketId
from telecom_crm.domain.ticket import (
    BlockReason,
    Comment,
    SlaClock,
    SlaState,
    Ticket,
    TicketPriority,
    TicketStatus,
)
from telecom_crm.domain.user import Area
from telecom_crm.entrypoints.http.bodies import Because, Body, Name
from telecom_crm.entrypoints.http.calls import Call, listing
from telecom_crm.entrypoints.http.routes import does, makes, reads
from telecom_crm.entrypoints.http.values import (
    EventView,
    KeyUse,
    PageView,
    View,
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


class Assignment(Body):
    """Who is to work on it."""

    assignee: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    queue: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class NewComment(Body):
    """Something said on a ticket."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]
    internal: bool = False


class CommentView(View):
    """Something that was said on a ticket."""

    id: UUID
    at: datetime
    by: str
    text: str
    internal: bool

    @classmethod
    def of(cls, comment: Comment) -> CommentView:
        """Show a comment."""
        return cls(
            id=comment.id,
            at=comment.at,
            by=comment.by,
            text=comment.text,
            internal=comment.internal,
        )


class TicketView(View):
    """A customer's request for help."""

    id: UUID
    number: str
    customer_id: UUID
    contract_id: UUID | None
    subject: str
    priority: TicketPriority
    status: TicketStatus
    blocked_for: BlockReason | None
    assignee: str | None
    queue: str | None
    comments: list[CommentView]
    attachments: list[UUID]
    follow_up_of: UUID | None
    created_at: datetime
    version: int

    @classmethod
    def of(cls, ticket: Ticket) -> TicketView:
        """Show a ticket."""
        return cls(
            id=ticket.id,
            number=ticket.number,
            customer_id=ticket.customer_id,
            contract_id=ticket.contract_id,
            subject=ticket.subject,
            priority=ticket.priority,
            status=ticket.status,
            blocked_for=ticket.blocked_for,
            assignee=ticket.assignee,
            queue=ticket.queue,
            comments=[CommentView.of(comment) for comment in ticket.comments],
            attachments=list(ticket.attachments),
            follow_up_of=ticket.follow_up_of,
            created_at=ticket.created_at,
            version=ticket.version,
        )


class ClockView(View):
    """One promise: how long it may take, how much is used, and when it is due or was met."""

    target_seconds: int
    used_seconds: int
    due: datetime | None
    met_at: datetime | None

    @classmethod
    def of(cls, clock: SlaClock) -> ClockView:
        """Show a clock."""
        return cls(
            target_seconds=int(clock.target.total_seconds()),
            used_seconds=int(clock.used.total_seconds()),
            due=clock.due,
            met_at=clock.met_at,
        )


class SlaView(View):
    """How a ticket stands with what was promised."""

    priority: TicketPriority
    first_response: ClockView
    resolution: ClockView

    @classmethod
    def of(cls, state: SlaState) -> SlaView:
        """Show the clocks."""
        return cls(
            priority=state.priority,
            first_response=ClockView.of(state.first_response),
            resolution=ClockView.of(state.resolution),
        )


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
        return _shown(tickets.get(TicketId(ticket_id)))

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
        return _shown(
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
        return _shown(
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
        return _shown(
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
        return _shown(
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
        return _shown(
            tickets.close(TicketId(ticket_id), expected_version=request.seen, by=request.by)
        )

    @does("/{ticket_id:uuid}/resolve", Area.TICKETS, versioned=True)
    def resolve(
        self, request: Call, ticket_id: FromPath[UUID], tickets: NamedDependency[Tickets]
    ) -> Response[TicketView]:
        """Block a ticket as resolved and close it."""
        return _shown(
            tickets.resolve(TicketId(ticket_id), expected_version=request.seen, by=request.by)
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
        return _shown(
            tickets.assign(
                TicketId(ticket_id),
                assignee=data.assignee,
                queue=data.queue,
                expected_version=request.seen,
                by=request.by,
            )
        )

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


def _shown(ticket: Ticket) -> Response[TicketView]:
    return shown(TicketView.of(ticket), version=ticket.version)
