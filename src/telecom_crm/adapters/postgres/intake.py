"""Applications and their queue."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import attrs

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.collections import (
    PostgresCollection,
    Shape,
    by_choice,
    by_id,
    by_text,
    conditions_of,
    words_query,
)
from telecom_crm.adapters.postgres.rows.intake import application_from_row, application_to_row
from telecom_crm.application.ports import NO_FILTERS, Page, Query
from telecom_crm.domain.application import (
    Application,
    ApplicationKind,
    ApplicationStatus,
    Channel,
    search_words,
)
from telecom_crm.domain.identifiers import ApplicationId


@attrs.define
class PostgresApplications(PostgresCollection[ApplicationId, Application]):
    """Applications, and the queue of those that wait for an operator."""

    shape: ClassVar[Shape[Any]] = Shape(
        "application",
        tables.applications,
        key="id",
        to_row=application_to_row,
        from_row=application_from_row,
        filters={
            "status": by_choice("status", ApplicationStatus),
            "kind": by_choice("kind", ApplicationKind),
            "channel": by_choice("channel", Channel),
            "claimed_by": by_text("claimed_by"),
            "customer_id": by_id("customer_id"),
        },
    )

    def by_reference(self, channel: str, reference: str) -> Application | None:
        """Return the application a channel captured under its own reference."""
        found = self.find(
            "t.channel = %(channel)s AND t.external_reference = %(reference)s",
            {"channel": str(channel), "reference": reference},
        )
        return found[0] if found else None

    def search(
        self, text: str, *, where: Mapping[str, str] = NO_FILTERS, limit: int
    ) -> list[Application]:
        """Find by number, words of the name, or the phone or its end, the latest first."""
        conditions, parameters = conditions_of(Query(where=where), self.shape.filters)
        asked = search_words(text)
        if not asked:
            return []
        words = "array_to_tsvector(string_to_array(t.words, ' ')) @@ %(words)s::tsquery"
        return self.find(
            " AND ".join([words, *conditions]),
            {"words": words_query(asked), **parameters},
            order="t.id DESC",
            limit=limit,
        )

    def next_waiting(self) -> Application | None:
        """Return, held, the validated application of highest priority, of those the oldest."""
        found = self.find(
            "t.status = 'validated'",
            {},
            order="t.rank DESC, t.id",
            limit=1,
            hold="FOR NO KEY UPDATE OF t SKIP LOCKED",
        )
        return found[0] if found else None

    def leases_over(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[Application]:
        """Return a page of the claimed applications whose lease ended."""
        over = "t.claimed_until <= %(at)s AND t.status = 'in_progress'"
        return self.page_of(over, {"at": at}, limit=limit, cursor=cursor)

    def answers_over(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[Application]:
        """Return a page of the applications whose applicant was to answer before an instant."""
        return self.page_of("t.answer_by <= %(at)s", {"at": at}, limit=limit, cursor=cursor)

    def ended_for_nobody(
        self, before: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[Application]:
        """Return a page of what ended before an instant, is no customer's, and is not erased."""
        ended = "t.ended_at < %(before)s AND t.customer_id IS NULL AND t.erased_at IS NULL"
        return self.page_of(ended, {"before": before}, limit=limit, cursor=cursor)
