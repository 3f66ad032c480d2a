"""What whoever runs the service looks at: health, figures, and the feed of events."""

from __future__ import annotations

from litestar import Controller, Response, get
from litestar.di import NamedDependency

from telecom_crm.application.provisioning import Provisioning
from telecom_crm.application.stream import EventStream
from telecom_crm.domain.errors import Unavailable
from telecom_crm.domain.role import Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.access import Public
from telecom_crm.entrypoints.http.calls import CURSOR, LIMIT, Call
from telecom_crm.entrypoints.http.metrics import Metrics, backlog_text
from telecom_crm.entrypoints.http.routes import reads
from telecom_crm.entrypoints.http.values import EventView, View, next_link

PROMETHEUS = "text/plain; version=0.0.4"


class HealthView(View):
    """That all is well; otherwise the answer is a problem."""

    status: str = "ok"


class FedEventView(View):
    """An event of the feed, and the cursor behind it."""

    cursor: str
    event: EventView


class FeedView(View):
    """
    A stretch of the feed.

    `next` is where to go on, also where nothing is new yet; it is null only before the first event.
    """

    items: list[FedEventView]
    next: str | None


class OperationsController(Controller):
    """Health, figures, and the feed of events."""

    path = "/"
    tags = ("operations",)

    @get("/health/live", access=Public("a process manager has no token"), sync_to_thread=False)
    def live(self) -> HealthView:
        """Tell that the process answers."""
        return HealthView()

    @get("/health/ready", access=Public("a load balancer has no token"), sync_to_thread=True)
    def ready(self, crm: NamedDependency[Crm]) -> HealthView:
        """Tell that the store answers too; 503 where it does not."""
        crm.check_ready()
        return HealthView()

    @reads("/metrics", Area.OPERATIONS, media_type=PROMETHEUS)
    def metrics(
        self, metrics: NamedDependency[Metrics], provisioning: NamedDependency[Provisioning]
    ) -> str:
        """Show this process's figures and the network's backlog, as Prometheus reads them."""
        try:
            backlog = provisioning.backlog()
        except Unavailable:
            return metrics.text() + backlog_text(None)
        return metrics.text() + backlog_text(backlog)

    @reads("/events", Area.AUDIT, query=(LIMIT, CURSOR))
    def events(self, request: Call, events: NamedDependency[EventStream]) -> Response[FeedView]:
        """
        Follow every change, in an order that never changes.

        Ask again with `next` to go on: nothing is ever added before it.
        """
        given = request.given()
        cursor = given.get("cursor") or ""
        found = events.since(cursor, limit=given.get("limit") or 50)
        items = [FedEventView(cursor=at, event=EventView.of(event)) for at, event in found]
        reached = items[-1].cursor if items else cursor or None
        link = next_link(request, reached) if items else {}
        return Response(FeedView(items=items, next=reached), headers=link)
