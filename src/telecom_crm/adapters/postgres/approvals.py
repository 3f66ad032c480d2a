"""Approvals."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.collections import (
    PostgresCollection,
    Shape,
    by_choice,
    by_text,
)
from telecom_crm.adapters.postgres.rows.approvals import approval_from_row, approval_to_row
from telecom_crm.domain.approval import Approval, ApprovalKind, ApprovalStatus
from telecom_crm.domain.identifiers import ApprovalId


@attrs.define
class PostgresApprovals(PostgresCollection[ApprovalId, Approval]):
    """What waits for a second person."""

    shape: ClassVar[Shape[Any]] = Shape(
        "approval",
        tables.approvals,
        key="id",
        to_row=approval_to_row,
        from_row=approval_from_row,
        filters={
            "status": by_choice("status", ApprovalStatus),
            "kind": by_choice("kind", ApprovalKind),
            "thing_id": by_text("thing_id"),
        },
    )
