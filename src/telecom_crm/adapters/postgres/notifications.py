"""Messages to customers."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.collections import PostgresCollection, Shape, by_choice, by_id
from telecom_crm.adapters.postgres.rows.notifications import (
    notification_from_row,
    notification_to_row,
)
from telecom_crm.domain.identifiers import NotificationId
from telecom_crm.domain.notification import Notification, NotificationStatus


@attrs.define
class PostgresNotifications(PostgresCollection[NotificationId, Notification]):
    """Messages to customers, written with the change they tell of."""

    shape: ClassVar[Shape[Any]] = Shape(
        "notification",
        tables.notifications,
        key="id",
        to_row=notification_to_row,
        from_row=notification_from_row,
        filters={
            "status": by_choice("status", NotificationStatus),
            "customer_id": by_id("customer_id"),
        },
    )

    def waiting(self, *, limit: int) -> list[Notification]:
        """Return, held, queued messages, oldest first; those that others hold are passed over."""
        return self.find(
            "t.status = 'queued'", {}, limit=limit, hold="FOR NO KEY UPDATE OF t SKIP LOCKED"
        )
