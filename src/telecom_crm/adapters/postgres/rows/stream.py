"""Rows of events and of audit lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from telecom_crm.adapters.postgres.json import dumps_each
from telecom_crm.application.ports import AuditRecord
from telecom_crm.domain.lifecycle import Actor, Event


def events_to_columns(events: Sequence[Event]) -> dict[str, list[Any]]:
    """Return events as the columns of their table; the database adds the transaction's number."""
    return {
        "thing_id": [event.thing_id for event in events],
        "sequence": [event.sequence for event in events],
        "thing": [event.thing for event in events],
        "name": [event.name for event in events],
        "at": [event.at for event in events],
        "by_name": [event.by.name for event in events],
        "by_token": [event.by.token for event in events],
        "by_address": [event.by.address for event in events],
        "command": [event.command for event in events],
        "before": [event.before for event in events],
        "after": [event.after for event in events],
        "reason": [event.reason for event in events],
        "payload": dumps_each([event.payload for event in events]),
    }


def event_from_row(row: Mapping[str, Any]) -> Event:
    """Return the event of a row."""
    return Event(
        thing=row["thing"],
        thing_id=row["thing_id"],
        sequence=row["sequence"],
        name=row["name"],
        at=row["at"],
        by=_actor_of(row),
        command=row["command"],
        before=row["before"],
        after=row["after"],
        reason=row["reason"],
        payload=row["payload"],
    )


def _actor_of(row: Mapping[str, Any]) -> Actor:
    return Actor(row["by_name"], row["by_token"], address=row["by_address"])


def audit_to_row(record: AuditRecord) -> dict[str, Any]:
    """Return the row of an audit line; the database adds an id."""
    return {
        "at": record.at,
        "action": record.action,
        "thing": record.thing,
        "thing_id": record.thing_id,
        "by_name": record.by.name,
        "by_token": record.by.token,
        "by_address": record.by.address,
        "detail": record.detail,
    }


def audit_from_row(row: Mapping[str, Any]) -> AuditRecord:
    """Return the audit line of a row."""
    return AuditRecord(
        action=row["action"],
        thing=row["thing"],
        thing_id=row["thing_id"],
        by=_actor_of(row),
        at=row["at"],
        detail=row["detail"],
    )
