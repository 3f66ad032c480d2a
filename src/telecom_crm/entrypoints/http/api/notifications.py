"""Messages to customers: what was to be told, and whether it arrived."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.notifications import Notifications
from telecom_crm.domain.identifiers import NotificationId
from telecom_crm.domain.notification import (
    Notification,
    NotificationChannel,
    NotificationStatus,
)
from telecom_crm.domain.role import Area
from telecom_crm.entrypoints.http.calls import Call, listing
from telecom_crm.entrypoints.http.routes import does, reads
from telecom_crm.entrypoints.http.values import EventView, PageView, View, listed, shown, whole


class NotificationView(View):
    """
    A message to one customer: the event it tells of, and the facts.

    The words are chosen, and the address is looked up, when it is sent.
    """

    id: UUID
    customer_id: UUID
    event: str
    channel: NotificationChannel
    language: str
    facts: Mapping[str, str]
    attempts: int
    queued_at: datetime
    expires_at: datetime | None
    status: NotificationStatus
    version: int

    @classmethod
    def of(cls, one: Notification) -> NotificationView:
        """Show a message."""
        return cls(
            id=one.id,
            customer_id=one.customer_id,
            event=one.event,
            channel=one.channel,
            language=one.language,
            facts=dict(one.facts),
            attempts=one.attempts,
            queued_at=one.queued_at,
            expires_at=one.expires_at,
            status=one.status,
            version=one.version,
        )


class NotificationController(Controller):
    """Messages to customers."""

    path = "/notifications"
    tags = ("notifications",)

    @reads("/", Area.NOTIFICATIONS, query=listing("notification"))
    def page(
        self, request: Call, notifications: NamedDependency[Notifications]
    ) -> Response[PageView[NotificationView]]:
        """List messages."""
        return listed(request, notifications.page(request.query()), NotificationView.of)

    @reads("/{notification_id:uuid}", Area.NOTIFICATIONS)
    def get(
        self, notification_id: FromPath[UUID], notifications: NamedDependency[Notifications]
    ) -> Response[NotificationView]:
        """Show a message."""
        return _shown(notifications.get(NotificationId(notification_id)))

    @reads("/{notification_id:uuid}/timeline", Area.NOTIFICATIONS)
    def timeline(
        self, notification_id: FromPath[UUID], notifications: NamedDependency[Notifications]
    ) -> PageView[EventView]:
        """Tell what became of a message, oldest first: why it failed, when it was sent."""
        return whole(notifications.timeline(NotificationId(notification_id)), EventView.of)

    @does("/{notification_id:uuid}/retry", Area.NOTIFICATIONS, versioned=True)
    def retry(
        self,
        request: Call,
        notification_id: FromPath[UUID],
        notifications: NamedDependency[Notifications],
    ) -> Response[NotificationView]:
        """Have a failed message sent again."""
        return _shown(
            notifications.retry(
                NotificationId(notification_id), expected_version=request.seen, by=request.by
            )
        )


def _shown(one: Notification) -> Response[NotificationView]:
    """Answer with a message, and its version."""
    return shown(NotificationView.of(one), version=one.version, replayed=one.replayed)
