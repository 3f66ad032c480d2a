"""Trouble tickets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

import attrs

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.collections import (
    Filter,
    PostgresCollection,
    Shape,
    by_choice,
    by_id,
    by_text,
    words_query,
)
from telecom_crm.adapters.postgres.rows.tickets import ticket_from_row, ticket_to_row
from telecom_crm.adapters.postgres.sheet import array_of
from telecom_crm.application.ports import Page
from telecom_crm.domain.identifiers import CustomerId, TicketId
from telecom_crm.domain.search import words_of
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
            "held_by": Filter("(assignee = {} AND status <> 'closed')", str),
            "priority": by_choice("priority", TicketPriority),
            "number": by_text("number"),
        },
        left_out=("late_from", "promised_by"),
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

    def search(self, text: str, *, owners: Iterable[CustomerId], limit: int) -> list[Ticket]:
        """Find by number, words of the subject, or owner, the latest first."""
        asked = tuple((word,) for word in words_of(text))
        found = "t.customer_id = ANY(%(owners)s::uuid[])"
        if asked:
            words = "array_to_tsvector(string_to_array(t.words, ' ')) @@ %(words)s::tsquery"
            found = f"({words} OR {found})"
        given = {"owners": array_of(owners), "words": words_query(asked)}
        return self.find(found, given, order="t.id DESC", limit=limit)

    def promise(self, late: Mapping[TicketId, datetime | None], *, version: int) -> None:
        """Keep after which instant each of some tickets is late."""
        instants = (None if since is None else since.isoformat() for since in late.values())
        self.connection.exec_driver_sql(
            "UPDATE tickets t SET late_from = g.late_from, promised_by = %(version)s"
            " FROM unnest(%(ids)s::uuid[], %(instants)s::timestamptz[]) AS g(id, late_from)"
            " WHERE t.id = g.id",
            {
                "ids": array_of(late),
                "instants": array_of(instants, quoted=True),
                "version": version,
            },
        )

    def promised_before(self, version: int, *, limit: int) -> list[Ticket]:
        """Return, held, tickets that wait and were promised by an older version."""
        return self.find(
            "t.status IN ('free', 'active', 'suspended') AND t.promised_by < %(version)s",
            {"version": version},
            order="t.promised_by, t.id",
            limit=limit,
            hold="FOR NO KEY UPDATE OF t SKIP LOCKED",
        )

    def late(self, at: datetime, *, limit: int, cursor: str | None = None) -> Page[Ticket]:
        """Return a page of the tickets that are late at an instant."""
        return self.page_of("t.late_from < %(at)s", {"at": at}, limit=limit, cursor=cursor)

    def count_late(self, at: datetime, *, most: int) -> int:
        """Count the tickets that are late at an instant."""
        sql = (
            "SELECT count(*) FROM (SELECT 1 FROM tickets t"
            " WHERE t.late_from < %(at)s LIMIT %(most)s) AS counted"
        )
        found = self.connection.exec_driver_sql(sql, {"at": at, "most": most})
        return int(found.scalar_one())
