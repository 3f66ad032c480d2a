"""The audit log in the console: who changed what, was refused, or took what is secret."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.response import Stream

from telecom_crm.application.audit import AuditTrail, Key
from telecom_crm.application.ports import TRAIL_FILTERS, Page, Query, TrailKind, TrailLine
from telecom_crm.domain.change import Change, changes_in
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.tables import CSV
from telecom_crm.entrypoints.http.web.audit_labels import AUDITED, THINGS, audited, thing
from telecom_crm.entrypoints.http.web.audit_values import keys_told, worded
from telecom_crm.entrypoints.http.web.console.lists import Listing, tolerant
from telecom_crm.entrypoints.http.web.console.naming import KINDS, called, named, place_of
from telecom_crm.entrypoints.http.web.events import EVENTS, event_shown, event_told
from telecom_crm.entrypoints.http.web.forms import Form, Happening
from telecom_crm.entrypoints.http.web.http import HEADERS, Visit, page
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import pgettext
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import shows

PATH = "/console/audit"
SPAN = ("from", "to")

AREAS = {"rules": Area.RULES, **{thing: kind.area for thing, kind in KINDS.items()}}
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
    name: str
    """What the thing is called, as far as this visitor may see it."""
    place: str | None
    """Where the thing is shown, where this visitor may see it."""
    key: str
    """What identifies the thing, to be copied; "" of a card for who may see none."""
    detail: str
    changes: tuple[Change, ...] = ()


def rows_of(request: Visit, lines: Sequence[TrailLine], *, with_changes: bool = True) -> list[Row]:
    """Put lines in words, and name together what they are about and what changes tell of."""
    changes = [changes_in(one) if with_changes and isinstance(one, Event) else [] for one in lines]
    keys, cards = {key_of(one) for one in lines}, request.may(KINDS["sim"].area)
    names = named(request, keys.union(*map(keys_told, changes)))
    return [
        Row(
            line=line,
            words=words,
            thing=thing(line.thing),
            name=called(key_of(line), names),
            place=place_of(key_of(line), request),
            key="" if line.thing == "sim" and not cards else line.thing_id,
            detail=detail,
            changes=worded(line.thing, changed, names),
        )
        for line, changed in zip(lines, changes, strict=True)
        for words, detail in (_told(line),)
    ]


def _told(line: TrailLine) -> tuple[str, str]:
    """Return what was done, and why or how, in words."""
    if not isinstance(line, Event):
        return audited(line.action), line.detail
    words, _icon, _tone, why = event_told(line)
    return words, why


def happenings(request: Visit, thing: str, key: str) -> list[Happening]:
    """Tell users who may see a thing the last that happened to it, the oldest first."""
    if request.person is None or thing not in AREAS or not request.may(AREAS[thing]):
        return []
    return [
        Happening(
            version=row.line.sequence,
            words=row.words,
            who=request.called(row.line.by),
            at=row.line.at,
            changes=row.changes,
        )
        for row in rows_of(request, request.pages.latest(thing, key)[::-1])
        if isinstance(row.line, Event)
    ]


def key_of(line: TrailLine) -> Key:
    """Return what a line is about, by kind and key."""
    return line.thing, line.thing_id


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
            rows=rows_of(request, found.items),
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
