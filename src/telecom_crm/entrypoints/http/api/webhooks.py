"""Webhooks: URLs that events are sent to."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from telecom_crm.application.webhooks import Webhooks
from telecom_crm.domain.identifiers import WebhookId
from telecom_crm.domain.role import Area
from telecom_crm.domain.webhook import EVENTS_LIMIT, URL_LIMIT, Webhook, WebhookStatus
from telecom_crm.entrypoints.http.bodies import Because, Body
from telecom_crm.entrypoints.http.calls import Call, listing
from telecom_crm.entrypoints.http.routes import does, makes, reads
from telecom_crm.entrypoints.http.values import (
    EventView,
    PageView,
    View,
    listed,
    made,
    shown,
    whole,
)

EventName = Annotated[
    str, msgspec.Meta(pattern="^[A-Z][A-Za-z]{1,59}$", examples=["PaymentConfirmed"])
]


class NewWebhook(Body):
    """
    A URL to send events to: those named, or all.

    With `from_start` all that ever happened is sent, and else what happens from now on.
    """

    url: Annotated[
        str,
        msgspec.Meta(
            max_length=URL_LIMIT,
            pattern="^https?:[/][/][!-~]+$",
        ),
    ]
    events: Annotated[list[EventName], msgspec.Meta(max_length=EVENTS_LIMIT)] = msgspec.field(
        default_factory=list
    )
    from_start: bool = False


class WebhookView(View):
    """
    A URL that events are sent to; its secret is not shown.

    `failures` are those since the last delivery that arrived.
    """

    id: UUID
    url: str
    events: list[str]
    failures: int
    last_error: str
    next_attempt_at: datetime | None
    created_at: datetime
    status: WebhookStatus
    version: int

    @classmethod
    def of(cls, webhook: Webhook) -> WebhookView:
        """Show a webhook."""
        return cls(
            id=webhook.id,
            url=webhook.url,
            events=list(webhook.wanted),
            failures=webhook.failures,
            last_error=webhook.last_error,
            next_attempt_at=webhook.next_attempt_at,
            created_at=webhook.created_at,
            status=webhook.status,
            version=webhook.version,
        )


class MadeWebhookView(View):
    """A webhook just registered, with its secret, which is never shown again."""

    webhook: WebhookView
    secret: str


class WebhookController(Controller):
    """Where events are sent to."""

    path = "/webhooks"
    tags = ("operations",)

    @makes("/", Area.OPERATIONS)
    def register(
        self, request: Call, data: JSONBody[NewWebhook], webhooks: NamedDependency[Webhooks]
    ) -> Response[MadeWebhookView]:
        """
        Register a URL for events; the answer shows its secret this once.

        Each delivery is a POST of `{"webhook_id": …, "events": [{"cursor": …, "event": …}]}`. It is
        signed in `Webhook-Signature`: `v1,` and the base64 of an HMAC-SHA256 over `Webhook-Id`, a
        dot, `Webhook-Timestamp`, a dot and the body, under what follows `whsec_` in the secret,
        base64 decoded. Events come in order and at least once: one is known by its thing, the
        thing's id and its sequence. What is not answered with a 2xx within ten seconds comes again,
        ever more seldom.
        """
        webhook, secret = webhooks.register(
            url=data.url, wanted=data.events, from_start=data.from_start, by=request.by
        )
        view = MadeWebhookView(webhook=WebhookView.of(webhook), secret=secret)
        return made(view, at=f"/webhooks/{webhook.id}", version=webhook.version)

    @reads("/", Area.OPERATIONS, query=listing("webhook"))
    def page(
        self, request: Call, webhooks: NamedDependency[Webhooks]
    ) -> Response[PageView[WebhookView]]:
        """List webhooks, removed ones too."""
        return listed(request, webhooks.page(request.query()), WebhookView.of)

    @reads("/{webhook_id:uuid}", Area.OPERATIONS)
    def get(
        self, webhook_id: FromPath[UUID], webhooks: NamedDependency[Webhooks]
    ) -> Response[WebhookView]:
        """Show a webhook."""
        return _shown(webhooks.get(WebhookId(webhook_id)))

    @reads("/{webhook_id:uuid}/timeline", Area.OPERATIONS)
    def timeline(
        self, webhook_id: FromPath[UUID], webhooks: NamedDependency[Webhooks]
    ) -> PageView[EventView]:
        """Tell what happened to a webhook, oldest first: failures too, deliveries not."""
        return whole(webhooks.timeline(WebhookId(webhook_id)), EventView.of)

    @does("/{webhook_id:uuid}/pause", Area.OPERATIONS, versioned=True)
    def pause(
        self,
        request: Call,
        webhook_id: FromPath[UUID],
        data: JSONBody[Because],
        webhooks: NamedDependency[Webhooks],
    ) -> Response[WebhookView]:
        """Send nothing for now; what happens meanwhile is sent later."""
        return _shown(
            webhooks.pause(
                WebhookId(webhook_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{webhook_id:uuid}/resume", Area.OPERATIONS, versioned=True)
    def resume(
        self, request: Call, webhook_id: FromPath[UUID], webhooks: NamedDependency[Webhooks]
    ) -> Response[WebhookView]:
        """Send again, also after too many failures, beginning with what did not arrive."""
        return _shown(
            webhooks.resume(WebhookId(webhook_id), expected_version=request.seen, by=request.by)
        )

    @does("/{webhook_id:uuid}/remove", Area.OPERATIONS, versioned=True)
    def remove(
        self, request: Call, webhook_id: FromPath[UUID], webhooks: NamedDependency[Webhooks]
    ) -> Response[WebhookView]:
        """Send nothing any more, and forget the secret."""
        return _shown(
            webhooks.remove(WebhookId(webhook_id), expected_version=request.seen, by=request.by)
        )


def _shown(webhook: Webhook) -> Response[WebhookView]:
    return shown(WebhookView.of(webhook), version=webhook.version)
