"""Rows of webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telecom_crm.adapters.postgres.json import dumps
from telecom_crm.domain.webhook import Webhook, WebhookStatus


def webhook_to_row(webhook: Webhook) -> dict[str, Any]:
    """Return the row of a webhook; deliveries are signed with its secret, so the row has it."""
    return {
        "id": webhook.id,
        "url": webhook.url,
        "wanted": dumps(list(webhook.wanted)),
        "secret": webhook.secret,
        "failures": webhook.failures,
        "last_error": webhook.last_error,
        "next_attempt_at": webhook.next_attempt_at,
        "created_at": webhook.created_at,
        "status": webhook.status.value,
        "version": webhook.version,
    }


def webhook_from_row(row: Mapping[str, Any]) -> Webhook:
    """Return the webhook of a row."""
    return Webhook(
        id=row["id"],
        url=row["url"],
        wanted=tuple(row["wanted"]),
        secret=row["secret"],
        failures=row["failures"],
        last_error=row["last_error"],
        next_attempt_at=row["next_attempt_at"],
        created_at=row["created_at"],
        status=WebhookStatus(row["status"]),
        version=row["version"],
    )
