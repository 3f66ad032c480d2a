"""Rows of applications."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telecom_crm.adapters.postgres.json import converter, dumps, many_to_text
from telecom_crm.domain.application import (
    Application,
    ApplicationKind,
    ApplicationStatus,
    Channel,
    Priority,
)
from telecom_crm.domain.attachment import Attachment
from telecom_crm.domain.deduplication import Suspicion

_RANK = {priority: rank for rank, priority in enumerate(Priority)}


def application_to_row(application: Application) -> dict[str, Any]:
    """Return the row of an application."""
    return {
        "id": application.id,
        "number": application.number,
        "kind": application.kind.value,
        "channel": application.channel.value,
        "external_reference": application.external_reference,
        "priority": application.priority.value,
        "rank": _RANK[application.priority],
        "raw": dumps(application.raw),
        "data": dumps(application.data),
        "words": application.words,
        "scans": many_to_text(application.scans),
        "duplicates": many_to_text(application.duplicates),
        "customer_id": application.customer_id,
        "contract_id": application.contract_id,
        "claimed_by": application.claimed_by,
        "claimed_until": application.claimed_until,
        "outcome": application.outcome,
        "captured_at": application.captured_at,
        "ended_at": application.ended_at,
        "erased_at": application.erased_at,
        "answer_by": application.answer_by,
        "status": application.status.value,
        "version": application.version,
    }


def application_from_row(row: Mapping[str, Any]) -> Application:
    """Return the application of a row."""
    return Application(
        id=row["id"],
        number=row["number"],
        kind=ApplicationKind(row["kind"]),
        channel=Channel(row["channel"]),
        external_reference=row["external_reference"],
        priority=Priority(row["priority"]),
        raw=row["raw"],
        data=row["data"],
        scans=converter.structure(row["scans"], tuple[Attachment, ...]),
        duplicates=converter.structure(row["duplicates"], tuple[Suspicion, ...]),
        customer_id=row["customer_id"],
        contract_id=row["contract_id"],
        claimed_by=row["claimed_by"],
        claimed_until=row["claimed_until"],
        outcome=row["outcome"],
        captured_at=row["captured_at"],
        ended_at=row["ended_at"],
        erased_at=row["erased_at"],
        answer_by=row["answer_by"],
        status=ApplicationStatus(row["status"]),
        version=row["version"],
    )
