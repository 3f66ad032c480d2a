"""Rows of events and of audit lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telecom_crm.adapters.postgres.json import dumps
from telecom_crm.application.ports import AuditRecord
from telecom_crm.domain.lifecycle import Actor, Event


def event_to_row(event: Event) -> dict[str, Any]:
    """Return the row of an event; the database adds the transaction's number."""
    by, payload = event.by, event.payload
    return {
        "thing_id": event.thing_id,
        "sequence": event.sequence,
        "thing": event.thing,
        "name": event.name,
        "at": event.at,
        "by_name": by.name,
        "by_token": by.token,
        "command": str(event.command),
        "before": None if event.before is None else str(event.before),
        "after": str(event.after),
        "reason": event.reason,
        "payload": dumps(payload) if payload else "{}",
    }


def event_from_row(row: Mapping[str, Any]) -> Event:
    """Return the event of a row."""
    return Event(
        thing=row["thing"],
        thing_id=row["thing_id"],
        sequence=row["sequence"],
        name=row["name"],
        at=row["at"],
        by=Actor(row["by_name"], row["by_token"]),
        command=row["command"],
        before=row["before"],
        after=row["after"],
        reason=row["reason"],
        payload=row["payload"],
    )


def audit_to_row(record: AuditRecord) -> dict[str, Any]:
    """Return the row of an audit line; the database adds an id."""
    return {
        "at": record.at,
        "action": record.action,
        "thing": record.thing,
        "thing_id": record.thing_id,
        "by_name": record.by.name,
        "by_token": record.by.token,
        "detail": record.detail,
    }


def audit_from_row(row: Mapping[str, Any]) -> AuditRecord:
    """Return the audit line of a row."""
    return AuditRecord(
        action=row["action"],
        thing=row["thing"],
        thing_id=row["thing_id"],
        by=Actor(row["by_name"], row["by_token"]),
        at=row["at"],
        detail=row["detail"],
    )
