"""How tickets are shown: what was said on them, their files, and their clocks."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from litestar import Response

from telecom_crm.domain.ticket import (
    BlockReason,
    Comment,
    SlaClock,
    SlaState,
    Ticket,
    TicketFile,
    TicketPriority,
    TicketStatus,
)
from telecom_crm.entrypoints.http.values import View, shown


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


class TicketFileView(View):
    """A file of a ticket, and who sent it; an internal one is never shown to the customer."""

    id: UUID
    name: str
    media_type: str
    sha256: str
    size: int
    by: str
    internal: bool

    @classmethod
    def of(cls, file: TicketFile) -> TicketFileView:
        """Show a file."""
        return cls(
            id=file.id,
            name=file.name,
            media_type=file.media_type,
            sha256=file.sha256,
            size=file.size,
            by=file.by,
            internal=file.internal,
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
    attachments: list[TicketFileView]
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
            attachments=[TicketFileView.of(one) for one in ticket.attachments],
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


def ticket_shown(ticket: Ticket) -> Response[TicketView]:
    """Answer with a ticket, and its version."""
    return shown(TicketView.of(ticket), version=ticket.version)
