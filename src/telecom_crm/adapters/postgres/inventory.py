"""SIM cards and numbers."""

from __future__ import annotations

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
)
from telecom_crm.adapters.postgres.rows.inventory import (
    number_from_row,
    number_to_row,
    sim_from_row,
    sim_to_row,
)
from telecom_crm.application.ports import Page
from telecom_crm.domain.identifiers import ICCID, MSISDN
from telecom_crm.domain.number import Number, NumberCategory, NumberStatus
from telecom_crm.domain.sim import Sim, SimStatus

_RESERVATION_OVER = "t.reserved_until <= %(at)s AND t.status = 'reserved'"
_QUARANTINE_OVER = "t.quarantined_until <= %(at)s AND t.status = 'quarantined'"
_CARDS_ON_OFFER = """
    t.status = 'available'
    AND (
        right(t.iccid, length(%(matching)s::text)) = %(matching)s::text
        OR position(lower(%(matching)s::text) IN lower(t.batch)) > 0
    )
"""
_ON_OFFER = """
    t.status = 'available'
    AND (%(category)s::text IS NULL OR t.category = %(category)s::text)
    AND position(%(containing)s::text IN t.msisdn) > 0
"""


@attrs.define
class PostgresSims(PostgresCollection[ICCID, Sim]):
    """The pool of SIM cards."""

    shape: ClassVar[Shape[Any]] = Shape(
        "sim",
        tables.sims,
        key="iccid",
        to_row=sim_to_row,
        from_row=sim_from_row,
        filters={
            "status": by_choice("status", SimStatus),
            "batch": by_text("batch"),
            "contract_id": by_id("contract_id"),
            "reserved_for": by_text("reserved_for"),
        },
    )

    def reservations_over(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[Sim]:
        """Return a page of the reserved SIMs whose reservation ended."""
        return self.page_of(_RESERVATION_OVER, {"at": at}, limit=limit, cursor=cursor)

    def on_offer(self, *, matching: str = "", limit: int, cursor: str | None = None) -> Page[Sim]:
        """Return a page of the free cards whose ICCID ends with a text, or whose batch has it."""
        return self.page_of(_CARDS_ON_OFFER, {"matching": matching}, limit=limit, cursor=cursor)


@attrs.define
class PostgresNumbers(PostgresCollection[MSISDN, Number]):
    """The pool of numbers."""

    shape: ClassVar[Shape[Any]] = Shape(
        "number",
        tables.numbers,
        key="msisdn",
        to_row=number_to_row,
        from_row=number_from_row,
        filters={
            "status": by_choice("status", NumberStatus),
            "category": by_choice("category", NumberCategory),
            "contract_id": by_id("contract_id"),
            "reserved_for": by_text("reserved_for"),
        },
    )

    def reservations_over(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[Number]:
        """Return a page of the reserved numbers whose reservation ended."""
        return self.page_of(_RESERVATION_OVER, {"at": at}, limit=limit, cursor=cursor)

    def quarantine_over(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[Number]:
        """Return a page of the quarantined numbers that may be given out again."""
        return self.page_of(_QUARANTINE_OVER, {"at": at}, limit=limit, cursor=cursor)

    def on_offer(
        self,
        *,
        containing: str = "",
        category: NumberCategory | None = None,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Number]:
        """Return a page of the free numbers with some digits in a row, of one category or any."""
        wanted = {"containing": containing, "category": category and category.value}
        return self.page_of(_ON_OFFER, wanted, limit=limit, cursor=cursor)
