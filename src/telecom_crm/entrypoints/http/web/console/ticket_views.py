"""The views of tickets: which are in one, how late each is, and the way through one."""

from __future__ import annotations

from typing import Any

import attrs

from telecom_crm.application.ports import Page, Query
from telecom_crm.application.tickets import Tickets
from telecom_crm.domain.identifiers import TicketId
from telecom_crm.domain.ticket import TICKET_LIFECYCLE, SlaState, Ticket, TicketStatus
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.beside import Beside, came_from
from telecom_crm.entrypoints.http.web.console.beside import beside as in_list
from telecom_crm.entrypoints.http.web.console.finding import found_customers
from telecom_crm.entrypoints.http.web.console.lists import COUNTED, Listing, tally, tolerant
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here, pgettext
from telecom_crm.entrypoints.http.web.labels import within

PATH = "/console/tickets"

FILTERS = ("view",)
"""What the list is filtered by."""
VIEWS = {
    "all": within("tickets", "All"),
    "mine": within("tickets", "Mine"),
    "free": within("tickets", "Unassigned"),
    "overdue": within("tickets", "Overdue"),
}
"""What the list shows: the word in the address, and on the chip."""

SOON = 0.25
"""The share of a promise left at which its colour warns."""


def view_of(listing: Listing) -> str:
    """Return which view a list is."""
    asked = listing.where().get("view", "")
    return asked if asked in VIEWS else "all"


def where_of(view: str, me: str) -> dict[str, str]:
    """Return the filters that leave a view: all of them but what is overdue."""
    if view == "mine":
        return {"held_by": me}
    return {"status": TicketStatus.FREE.value} if view == "free" else {}


def kept(request: Visit) -> str:
    """Return the query that keeps the list in a ticket's addresses."""
    came = came_from(request, PATH, FILTERS)
    return came.trail if came else ""


def address(request: Visit, ticket_id: TicketId) -> str:
    """Return a ticket's address within the list that one came from."""
    return f"{PATH}/{ticket_id}{kept(request)}"


def onward(request: Visit, crm: Crm, ticket: Ticket) -> str:
    """Return where to go after a command: once a ticket is over, to the next of its view."""
    came = came_from(request, PATH, FILTERS)
    if came is None or came.q or view_of(came) == "all":
        return address(request, ticket.id)
    if not TICKET_LIFECYCLE.is_final(ticket.status):
        return address(request, ticket.id)
    anew = came.anew()
    left = listed(anew, request, crm).items
    return f"{PATH}/{left[0].id}{anew.trail}" if left else anew.here


@attrs.frozen
class Promise:
    """How a ticket stands with what was promised: in short, in full, and its tone."""

    short: str
    full: str
    tone: str


def sla_shown(sla: SlaState) -> Promise:
    """Return how a ticket stands with what was promised."""
    clock = sla.now
    span = here().hours(clock.remaining.total_seconds())
    if clock.met_at is not None:
        words, tone = (_("Too late"), "bad") if clock.breached else (_("In time"), "ok")
        return Promise(short=words, full=words, tone=tone)
    if clock.breached:
        short, full, tone = _("Late: %(span)s", span=span), _("Late by (working time)"), "bad"
    elif clock.due is None:
        short, full = _("Paused: %(span)s", span=span), _("Paused, working time left")
        tone = "none"
    else:
        soon = clock.remaining < clock.target * SOON
        short, full, tone = span, _("Working time left"), "warn" if soon else "ok"
    return Promise(short=short, full=f"{full}: {span}", tone=tone)


def listed(listing: Listing, request: Visit, crm: Crm) -> Page[Ticket]:
    """Return a page of a view; a search goes over all tickets, and by who asked too."""
    if listing.q:
        owners = found_customers(request, crm, listing.q)
        ids = [one.id for one in owners]
        return Page(items=tuple(crm.tickets.search(listing.q, owners=ids, limit=listing.size)))
    view = view_of(listing)
    if view == "overdue":

        def late(query: Query) -> Page[Ticket]:
            return crm.tickets.overdue(limit=query.limit, cursor=query.cursor)

        overdue: Page[Ticket] = tolerant(listing, late)
        return overdue
    where = where_of(view, request.by.name)

    def fetch(query: Query) -> Page[Ticket]:
        return crm.tickets.page(attrs.evolve(query, where=where))

    found: Page[Ticket] = tolerant(listing, fetch)
    return found


def chips_of(listing: Listing, tickets: Tickets, me: str) -> list[dict[str, Any]]:
    """Return a chip for each view, with how many tickets are in it."""
    view, most = view_of(listing), COUNTED + 1
    filters = {one: where_of(one, me) for one in VIEWS if one != "overdue"}
    counts = dict(zip(filters, tickets.counts(*filters.values(), most=most), strict=True))
    counts["overdue"] = tickets.count_overdue(most=most)
    return [
        {
            "href": listing.url(view=one, q=None),
            "text": pgettext(*words),
            "count": tally(counts[one]),
            "current": one == view,
        }
        for one, words in VIEWS.items()
    ]


def beside(request: Visit, crm: Crm, ticket: Ticket) -> tuple[Beside, list[tuple[Ticket, Promise]]]:
    """Return what stands beside a ticket in the list it was come to from, and that list."""
    came = came_from(request, PATH, FILTERS)
    found = listed(came, request, crm) if came else Page[Ticket](items=())

    def fetch(asked: Listing) -> Page[Ticket]:
        return found if asked == came else listed(asked, request, crm)

    standings = crm.tickets.standings(found.items)
    return (
        in_list(request, PATH, ticket.id, FILTERS, fetch),
        [(one, sla_shown(standings[one.id].sla)) for one in found.items],
    )
