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
from telecom_crm.domain.identifiers import ICCID, MSISDN
from telecom_crm.domain.number import Number, NumberStatus
from telecom_crm.domain.sim import Sim, SimStatus

_RESERVATION_OVER = "t.reserved_until <= %(at)s AND t.status = 'reserved'"


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
        },
    )

    def reservations_over(self, at: datetime, *, limit: int) -> list[Sim]:
        """Return reserved SIMs whose reservation ended."""
        return self.find(_RESERVATION_OVER, {"at": at}, order="t.reserved_until", limit=limit)


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
            "category": by_text("category"),
            "contract_id": by_id("contract_id"),
        },
    )

    def reservations_over(self, at: datetime, *, limit: int) -> list[Number]:
        """Return reserved numbers whose reservation ended."""
        return self.find(_RESERVATION_OVER, {"at": at}, order="t.reserved_until", limit=limit)

    def quarantine_over(self, at: datetime, *, limit: int) -> list[Number]:
        """Return quarantined numbers that may be given out again."""
        return self.find(
            "t.quarantined_until <= %(at)s AND t.status = 'quarantined'",
            {"at": at},
            order="t.quarantined_until",
            limit=limit,
        )
