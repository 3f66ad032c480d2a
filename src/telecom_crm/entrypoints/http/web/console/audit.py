"""The audit log in the console: who changed what, was refused, or took what is secret."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.response import Stream

from telecom_crm.application.audit import AuditTrail
from telecom_crm.application.ports import TRAIL_FILTERS, Page, Query, TrailKind, TrailLine
from telecom_crm.domain.change import Change, changes_in
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.tables import CSV
from telecom_crm.entrypoints.http.web.audit_labels import AUDITED, THINGS, audited, thing
from telecom_crm.entrypoints.http.web.audit_values import worded
from telecom_crm.entrypoints.http.web.console.lists import Listing, tolerant
from telecom_crm.entrypoints.http.web.events import EVENTS, event_shown
from telecom_crm.entrypoints.http.web.forms import Form, Happening
from telecom_crm.entrypoints.http.web.http import HEADERS, Visit, page
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import pgettext
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import shows

PATH = "/console/audit"
SPAN = ("from", "to")
UUID_LENGTH = 36
PLACES: Mapping[str, tuple[Area, str]] = {
    "account": (Area.ACCOUNTS, "/console/accounts"),
    "application": (Area.APPLICATIONS, "/console/applications"),
    "approval": (Area.APPROVALS, "/console/approvals"),
    "contract": (Area.CONTRACTS, "/console/contracts"),
    "customer": (Area.CUSTOMERS, "/console/customers"),
    "import_job": (Area.IMPORTS, "/console/imports"),
    "number": (Area.INVENTORY, "/console/numbers"),
    "option": (Area.CATALOG, "/console/tariffs/options"),
    "payment": (Area.PAYMENTS, "/console/payments"),
    "provisioning_task": (Area.NETWORK, "/console/network"),
    "sim": (Area.INVENTORY, "/console/sims"),
    "tariff": (Area.CATALOG, "/console/tariffs"),
    "ticket": (Area.TICKETS, "/console/tickets"),
    "token": (Area.TOKENS, "/console/tokens"),
    "user": (Area.USERS, "/console/users"),
}
"""Where things have pages, by their id, and who may open them."""
AREAS = {"rules": Area.RULES, **{thing: area for thing, (area, _) in PLACES.items()}}
"""Who may read what happened to things."""

ENTRY = Entry(
    path=PATH,
    text=N_("Audit log"),
    icon="history",
    section=N_("System"),
    order=40,
    area=Area.AUDIT,
)


@attrs.frozen
class Asked:
    """Which lines the address asks for, by days of the operator's clocks."""

    listing: Listing
    form: Form
    since: datetime | None
    until: datetime | None

    @classmethod
    def of(cls, request: Visit, crm: Crm) -> Asked:
        """Read the address."""
        listing = Listing.of(request, *TRAIL_FILTERS, *SPAN)
        form = Form.filled(**listing.where())
        since, until = form.day_span(*SPAN, crm.zone)
        return cls(listing, form, since, until)

    @property
    def where(self) -> dict[str, str]:
        """The filters that are words."""
        return {k: v for k, v in self.listing.where().items() if k not in SPAN}

    def page(self, trail: AuditTrail) -> Page[TrailLine]:
        """Return the lines."""

        def fetch(query: Query) -> Page[TrailLine]:
            found = attrs.evolve(query, where=self.where)
            return trail.page(found, since=self.since, until=self.until)

        lines: Page[TrailLine] = tolerant(self.listing, fetch)
        return lines

    def chips(self) -> list[dict[str, Any]]:
        """Return the kinds of lines to choose from."""
        now = self.where.get("kind")
        texts: dict[str | None, str] = {
            None: pgettext("audit", "All"),
            **{one.value: label(one) for one in TrailKind},
        }
        return [
            {"href": self.listing.url(kind=kind), "text": text, "current": now == kind}
            for kind, text in texts.items()
        ]

    def actions(self) -> list[tuple[str, str]]:
        """Return what may be chosen as done, in order of its words."""
        now = self.where.get("action")
        known = dict.fromkeys((*AUDITED, *EVENTS, *([now] if now else ())))
        return sorted(((one, done(one)) for one in known), key=lambda pair: pair[1].casefold())


def done(action: str) -> str:
    """Return what a line says was done, in words: the name of an event, or an access."""
    return event_shown(action)[0] if action in EVENTS else audited(action)


@attrs.frozen
class Row:
    """A line as it is shown."""

    line: TrailLine
    words: str
    thing: str
    place: str | None
    """Where the thing is shown, where this visitor may see it."""
    detail: str
    changes: tuple[Change, ...] = ()

    @classmethod
    def of(cls, line: TrailLine, request: Visit) -> Row:
        """Put a line in words."""
        place = place_of(line, request)
        if isinstance(line, Event):
            words = event_shown(line.name)[0]
            changes = worded(line.thing, changes_in(line))
            return cls(line, words, thing(line.thing), place, line.reason, changes)
        return cls(line, audited(line.action), thing(line.thing), place, line.detail)

    @property
    def number(self) -> str:
        """The thing's number; of an id that is nobody's to read, its end."""
        name = self.line.thing_id
        return f"…{name[-8:]}" if len(name) == UUID_LENGTH else name


def happenings(request: Visit, thing: str, key: str) -> list[Happening]:
    """Tell users who may see a thing the last that happened to it, the oldest first."""
    if request.person is None or thing not in AREAS or not request.may(AREAS[thing]):
        return []
    return [
        Happening(
            version=event.sequence,
            words=event_shown(event.name)[0],
            who=request.called(event.by),
            at=event.at,
            changes=worded(thing, changes_in(event)),
        )
        for event in reversed(request.pages.latest(thing, key))
    ]


def place_of(line: TrailLine, request: Visit) -> str | None:
    """Return the address of what a line is about."""
    area, path = PLACES.get(line.thing, (Area.AUDIT, ""))
    return f"{path}/{line.thing_id}" if path and request.may(area) and line.thing_id else None


class AuditPages(Controller):
    """What changed, what was refused, and who looked at what."""

    path = PATH

    @shows("/", Area.AUDIT)
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """List the lines, filtered by who did what to what, and when."""
        asked = Asked.of(request, crm)
        found = asked.page(crm.audit)
        return page(
            request,
            "console/audit/index.html",
            fragment="console/audit/_table.html",
            listing=asked.listing,
            found=found,
            rows=[Row.of(line, request) for line in found.items],
            chips=asked.chips(),
            form=asked.form,
            actions=asked.actions(),
            things=[(one, thing(one)) for one in THINGS],
            trail=crm.audit.state(),
        )

    @shows("/audit.csv", Area.AUDIT, Action.EXPORT)
    def export(self, request: Visit, crm: NamedDependency[Crm]) -> Stream:
        """Send the lines that the list shows as a file, which is written down."""
        asked = Asked.of(request, crm)
        pieces = crm.audit.export(
            where=asked.where, since=asked.since, until=asked.until, by=request.by
        )
        headers = {**HEADERS, "Content-Disposition": 'attachment; filename="audit.csv"'}
        return Stream(pieces, media_type=CSV, headers=headers)
