"""The views of tickets: which are in one, how late each is, and the way through one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from telecom_crm.application.ports import Page, Query
from telecom_crm.application.tickets import HELD, Tickets
from telecom_crm.domain.identifiers import TicketId
from telecom_crm.domain.ticket import TICKET_LIFECYCLE, SlaState, Ticket, TicketStatus
from telecom_crm.entrypoints.http.web.console.beside import Beside
from telecom_crm.entrypoints.http.web.console.lists import COUNTED, Listing, tally, tolerant
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here, pgettext
from telecom_crm.entrypoints.http.web.labels import within

PATH = "/console/tickets"

VIEWS = {
    "all": within("tickets", "All"),
    "mine": within("tickets", "Mine"),
    "free": within("tickets", "Free"),
    "overdue": within("tickets", "Overdue"),
}
"""What the list shows: the word in the address, and on the chip."""

SOON = 0.25
"""The share of a promise left at which its colour warns."""


def view_of(request: Visit) -> str:
    """Return the view that a ticket was come to from; "" where it was from elsewhere."""
    asked = request.query_params.get("view", "")
    return asked if asked in VIEWS else ""


def kept(request: Visit) -> str:
    """Return the query that keeps the view in a ticket's addresses."""
    view = view_of(request)
    return f"?view={view}" if view else ""


def address(request: Visit, ticket_id: TicketId) -> str:
    """Return a ticket's address within the view."""
    return f"{PATH}/{ticket_id}{kept(request)}"


def onward(request: Visit, tickets: Tickets, ticket: Ticket) -> str:
    """Return where to go after a command: once a ticket is over, to the next of its view."""
    view = view_of(request)
    if view in ("", "all") or not TICKET_LIFECYCLE.is_final(ticket.status):
        return address(request, ticket.id)
    left = found_in(Listing(PATH, {}, ()), view, tickets, request.by.name).items
    return address(request, left[0].id) if left else f"{PATH}?view={view}"


def sla_shown(sla: SlaState) -> tuple[str, str]:
    """Return how a ticket stands with what was promised, in words, and their tone."""
    clock = sla.now
    span = here().hours(clock.remaining.total_seconds())
    if clock.met_at is not None:
        return (_("Too late"), "bad") if clock.breached else (_("In time"), "ok")
    if clock.breached:
        text, tone = _("Late by (working time)"), "bad"
    elif clock.due is None:
        text, tone = _("Paused, working time left"), "none"
    else:
        soon = clock.remaining < clock.target * SOON
        text, tone = _("Working time left"), "warn" if soon else "ok"
    return f"{text}: {span}", tone


def found_in(listing: Listing, view: str, tickets: Tickets, me: str) -> Page[Ticket]:
    """Return a page of a view; who `me` is tells which are mine."""
    if view == "mine":
        return Page(items=tuple(tickets.in_hands(me)))
    if view == "overdue":

        def late(query: Query) -> Page[Ticket]:
            return tickets.overdue(limit=query.limit, cursor=query.cursor)

        overdue: Page[Ticket] = tolerant(listing, late)
        return overdue
    where = {"status": TicketStatus.FREE.value} if view == "free" else {}

    def fetch(query: Query) -> Page[Ticket]:
        return tickets.page(attrs.evolve(query, where=where))

    found: Page[Ticket] = tolerant(listing, fetch)
    return found


def chips_of(view: str, tickets: Tickets, me: str) -> list[dict[str, Any]]:
    """Return a chip for each view, with how many tickets are in it."""
    most = COUNTED + 1
    states = [{"status": one.value} for one in HELD]
    *mine, free, every = tickets.counts(
        *({**one, "assignee": me} for one in states),
        {"status": TicketStatus.FREE.value},
        {},
        most=most,
    )
    counts = {
        "mine": min(sum(mine), most),
        "free": free,
        "overdue": tickets.count_overdue(most=most),
        "all": every,
    }
    return [
        {
            "href": f"{PATH}?view={one}",
            "text": pgettext(*words),
            "count": tally(counts[one]),
            "current": one == view,
        }
        for one, words in VIEWS.items()
    ]


def sides(request: Visit, ticket: Ticket, around: Sequence[tuple[Ticket, str, str]]) -> Beside:
    """Return the way back to the view, and to the tickets before and behind one there."""
    keys = [one.id for one, _words, _tone in around]
    if ticket.id not in keys:
        return Beside(back=f"{PATH}{kept(request)}")
    place = keys.index(ticket.id)
    return Beside(
        back=f"{PATH}{kept(request)}",
        before=address(request, keys[place - 1]) if place else "",
        behind=address(request, keys[place + 1]) if place + 1 < len(keys) else "",
    )


def beside(request: Visit, tickets: Tickets) -> list[tuple[Ticket, str, str]]:
    """Return the tickets of the view that a ticket was come to from, for its left."""
    view = view_of(request)
    if not view:
        return []
    found = found_in(Listing(PATH, {}, ()), view, tickets, request.by.name).items
    standings = tickets.standings(found)
    return [(one, *sla_shown(standings[one.id].sla)) for one in found]
