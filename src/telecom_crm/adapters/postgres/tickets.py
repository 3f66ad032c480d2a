"""Trouble tickets."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.collections import (
    PostgresCollection,
    Shape,
    by_choice,
    by_id,
    by_text,
)
from telecom_crm.adapters.postgres.rows.tickets import ticket_from_row, ticket_to_row
from telecom_crm.domain.identifiers import TicketId
from telecom_crm.domain.ticket import Ticket, TicketPriority, TicketStatus


@attrs.define
class PostgresTickets(PostgresCollection[TicketId, Ticket]):
    """Trouble tickets, and the queue of the free ones."""

    shape: ClassVar[Shape[Any]] = Shape(
        "ticket",
        tables.tickets,
        key="id",
        to_row=ticket_to_row,
        from_row=ticket_from_row,
        filters={
            "status": by_choice("status", TicketStatus),
            "customer_id": by_id("customer_id"),
            "contract_id": by_id("contract_id"),
            "assignee": by_text("assignee"),
            "priority": by_choice("priority", TicketPriority),
            "number": by_text("number"),
        },
    )

    def next_free(self) -> Ticket | None:
        """Return, held, the most urgent free ticket without an assignee, of those the oldest."""
        found = self.find(
            "t.status = 'free' AND t.assignee IS NULL",
            {},
            order="t.rank DESC, t.id",
            limit=1,
            hold="FOR NO KEY UPDATE OF t SKIP LOCKED",
        )
        return found[0] if found else None
