"""Rows of messages to customers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telecom_crm.adapters.postgres.json import dumps
from telecom_crm.domain.notification import Notification, NotificationChannel, NotificationStatus


def notification_to_row(notification: Notification) -> dict[str, Any]:
    """Return the row of a message."""
    return {
        "id": notification.id,
        "customer_id": notification.customer_id,
        "event": notification.event,
        "channel": notification.channel.value,
        "language": notification.language,
        "facts": dumps(notification.facts),
        "attempts": notification.attempts,
        "expires_at": notification.expires_at,
        "queued_at": notification.queued_at,
        "status": notification.status.value,
        "version": notification.version,
    }


def notification_from_row(row: Mapping[str, Any]) -> Notification:
    """Return the message of a row."""
    return Notification(
        id=row["id"],
        customer_id=row["customer_id"],
        event=row["event"],
        channel=NotificationChannel(row["channel"]),
        language=row["language"],
        facts=row["facts"],
        attempts=row["attempts"],
        expires_at=row["expires_at"],
        queued_at=row["queued_at"],
        status=NotificationStatus(row["status"]),
        version=row["version"],
    )
