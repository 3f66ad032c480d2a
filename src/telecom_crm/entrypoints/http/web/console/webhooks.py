"""Webhooks in the console: where events are sent to, and what to do where they do not arrive."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.webhooks import Webhooks
from telecom_crm.domain.identifiers import WebhookId
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.webhook import WEBHOOK_LIFECYCLE, Webhook, WebhookStatus
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.beside import beside
from telecom_crm.entrypoints.http.web.console.commands import (
    REASON,
    Command,
    Commands,
    menu_of,
    routes_of,
)
from telecom_crm.entrypoints.http.web.console.lists import (
    Found,
    Listing,
    found_by,
    status_chips,
)
from telecom_crm.entrypoints.http.web.events import EVENTS, event_shown
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import pgettext
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/webhooks"
LATEST = 30
"""So many events of a webhook are on its page; the audit log has all."""

FILTERS = ("status",)
"""What the list is filtered by."""

ENTRY = Entry(
    path=PATH,
    text=N_("Webhooks"),
    icon="globe",
    section=N_("System"),
    order=35,
    area=Area.OPERATIONS,
)


COMMANDS = Commands(
    area=Area.OPERATIONS,
    service=lambda crm: crm.webhooks,
    find=lambda crm, key: crm.webhooks.get(WebhookId(key)),
    title=lambda webhook: webhook.url,
    allowed=lambda _, __, webhook: WEBHOOK_LIFECYCLE.allowed(webhook.status),
    table=(
        Command(
            "resume",
            N_("Send again"),
            "play",
            N_("Events are sent again, from what did not arrive on"),
            Webhooks.resume,
        ),
        Command(
            "pause",
            N_("Pause"),
            "pause",
            N_("Nothing is sent for now; what happens meanwhile is sent later"),
            Webhooks.pause,
            REASON,
            undo="resume",
        ),
        Command(
            "remove",
            N_("Remove"),
            "trash-2",
            N_("Nothing is sent there any more"),
            Webhooks.remove,
            hurts=True,
        ),
    ),
)


class WebhookPages(Controller):
    """Where events are sent to."""

    path = PATH

    @shows("/", Area.OPERATIONS)
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """List webhooks; removed ones where they are asked for."""
        listing = Listing.of(request, *FILTERS)
        found = listed(listing, crm.webhooks)
        return page(
            request,
            "console/webhooks/index.html",
            fragment="console/webhooks/_table.html",
            listing=listing,
            found=found,
            chips=status_chips(
                listing,
                pgettext("webhooks", "All"),
                WebhookStatus,
                crm.webhooks.counts,
                among=found.among,
            ),
        )

    @shows("/new", Area.OPERATIONS, Action.WRITE)
    def ask_new(self, request: Visit) -> Response[bytes]:
        """Ask where events shall be sent to."""
        return _asked(request, Form())

    @acts("/new", Area.OPERATIONS)
    def register(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Register a URL, and show the secret that signs what is sent there this once."""
        done = form.submit(
            crm.webhooks.register,
            url=form.text("url", limit=2000),
            wanted=form.all("events"),
            from_start=form.flag("from_start"),
            by=request.by,
        )
        if done is None:
            return _asked(request, form)
        webhook, secret = done
        return page(request, "console/webhooks/secret.html", webhook=webhook, secret=secret)

    @shows("/{webhook_id:uuid}", Area.OPERATIONS)
    def show(
        self, request: Visit, webhook_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show a webhook: what it is sent, and whether that arrives."""
        webhook = crm.webhooks.get(WebhookId(webhook_id))
        events = crm.webhooks.timeline(webhook.id)[: -LATEST - 1 : -1]
        return page(
            request,
            "console/webhooks/show.html",
            beside=beside(
                request, PATH, webhook.id, FILTERS, partial(listed, webhooks=crm.webhooks)
            ),
            webhook=webhook,
            base=f"{PATH}/{webhook.id}",
            wanted=[event_shown(name)[0] for name in webhook.wanted],
            events=[(event, *event_shown(event.name)) for event in events],
            commands=COMMANDS.offered(request, WEBHOOK_LIFECYCLE.allowed(webhook.status)),
        )

    menu = menu_of("/{webhook_id:uuid}", COMMANDS)
    ask, command = routes_of("/{webhook_id:uuid}/{command:str}", COMMANDS)


def listed(listing: Listing, webhooks: Webhooks) -> Found[Webhook]:
    """Return what the list shows: what a search found, or a page of all."""
    return found_by(listing, webhooks.page, webhooks.search, counts=webhooks.counts)


def _asked(request: Visit, form: Form) -> Response[bytes]:
    """Ask for a URL, and which events are sent there."""
    named = sorted((event_shown(name)[0], name) for name in EVENTS)
    return page(
        request,
        "console/webhooks/new.html",
        status=200 if form.ok else form.status,
        form=form,
        named=[(name, words) for words, name in named if not name.startswith("Webhook")],
    )
