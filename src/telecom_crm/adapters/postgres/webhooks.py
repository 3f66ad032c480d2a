"""Webhooks."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.collections import PostgresCollection, Shape, by_choice
from telecom_crm.adapters.postgres.rows.webhooks import webhook_from_row, webhook_to_row
from telecom_crm.domain.identifiers import WebhookId
from telecom_crm.domain.webhook import Webhook, WebhookStatus


@attrs.define
class PostgresWebhooks(PostgresCollection[WebhookId, Webhook]):
    """URLs that events are sent to."""

    shape: ClassVar[Shape[Any]] = Shape(
        "webhook",
        tables.webhooks,
        key="id",
        to_row=webhook_to_row,
        from_row=webhook_from_row,
        filters={"status": by_choice("status", WebhookStatus)},
    )
