"""Rows of tickets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telecom_crm.adapters.postgres.json import converter, many_to_text
from telecom_crm.domain.ticket import (
    BlockReason,
    Comment,
    Ticket,
    TicketFile,
    TicketPriority,
    TicketStatus,
)

_RANK = {priority: rank for rank, priority in enumerate(TicketPriority)}


def ticket_to_row(ticket: Ticket) -> dict[str, Any]:
    """Return the row of a ticket."""
    return {
        "id": ticket.id,
        "number": ticket.number,
        "customer_id": ticket.customer_id,
        "contract_id": ticket.contract_id,
        "subject": ticket.subject,
        "words": " ".join(ticket.words),
        "priority": ticket.priority.value,
        "rank": _RANK[ticket.priority],
        "assignee": ticket.assignee,
        "queue": ticket.queue,
        "comments": many_to_text(ticket.comments),
        "attachments": many_to_text(ticket.attachments),
        "follow_up_of": ticket.follow_up_of,
        "blocked_for": ticket.blocked_for.value if ticket.blocked_for else None,
        "created_at": ticket.created_at,
        "status": ticket.status.value,
        "version": ticket.version,
    }


def ticket_from_row(row: Mapping[str, Any]) -> Ticket:
    """Return the ticket of a row."""
    return Ticket(
        id=row["id"],
        number=row["number"],
        customer_id=row["customer_id"],
        contract_id=row["contract_id"],
        subject=row["subject"],
        priority=TicketPriority(row["priority"]),
        assignee=row["assignee"],
        queue=row["queue"],
        comments=converter.structure(row["comments"], tuple[Comment, ...]),
        attachments=converter.structure(row["attachments"], tuple[TicketFile, ...]),
        follow_up_of=row["follow_up_of"],
        blocked_for=BlockReason(row["blocked_for"]) if row["blocked_for"] else None,
        created_at=row["created_at"],
        status=TicketStatus(row["status"]),
        version=row["version"],
    )
