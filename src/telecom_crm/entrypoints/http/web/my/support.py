"""A subscriber's tickets: what they asked, what was answered, and a new question."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.tickets import Tickets
from telecom_crm.domain.identifiers import TicketId
from telecom_crm.domain.ticket import TICKET_LIFECYCLE, Ticket
from telecom_crm.entrypoints.http.web.console.lists import Listing
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.my.money import OWN
from telecom_crm.entrypoints.http.web.routes import acts, shows

ENTRY = Entry(path="/my/tickets", text=N_("Support"), icon="message-square", order=30)
TEXT_LIMIT = 4000


class MySupport(Controller):
    """Questions of a subscriber."""

    path = "/my/tickets"

    @shows("/", OWN)
    def index(self, request: Visit, tickets: NamedDependency[Tickets]) -> Response[bytes]:
        """List one's tickets, the latest first."""
        listing = Listing.of(request)
        found = tickets.page(listing.query(customer_id=str(request.subscriber.customer_id)))
        return page(request, "my/tickets.html", listing=listing, found=found)

    @shows("/new", OWN)
    def new(self, request: Visit) -> Response[bytes]:
        """Ask what it is about."""
        return page(request, "my/ticket_new.html", form=Form())

    @acts("/new", OWN)
    def create(
        self, request: Visit, form: NamedDependency[Form], tickets: NamedDependency[Tickets]
    ) -> Response[bytes]:
        """Open a ticket with what is said in it; sent twice, it is one."""
        subject, text = form.text("subject", limit=200), form.text("text", limit=TEXT_LIMIT)
        made = form.submit(
            tickets.create,
            customer_id=request.subscriber.customer_id,
            subject=subject,
            text=text,
            idempotency_key=form.key,
            by=request.by,
        )
        if made is None:
            return page(request, "my/ticket_new.html", status=form.status, form=form)
        return redirect(request, f"/my/tickets/{made.id}", toast=_("We have your question"))

    @shows("/{ticket_id:uuid}", OWN)
    def show(
        self, request: Visit, ticket_id: FromPath[UUID], tickets: NamedDependency[Tickets]
    ) -> Response[bytes]:
        """Show the conversation; what the operator's people say among themselves is not in it."""
        return _shown(request, _mine(request, tickets, ticket_id), Form())

    @acts("/{ticket_id:uuid}", OWN)
    def say(
        self,
        request: Visit,
        ticket_id: FromPath[UUID],
        form: NamedDependency[Form],
        tickets: NamedDependency[Tickets],
    ) -> Response[bytes]:
        """Say something more."""
        ticket = _mine(request, tickets, ticket_id)
        text = form.text("text", limit=TEXT_LIMIT)
        if form.submit(tickets.comment, ticket.id, text=text, by=request.by) is None:
            return _shown(request, ticket, form)
        return redirect(request, f"/my/tickets/{ticket_id}", toast=_("Sent"))


def _mine(request: Visit, tickets: Tickets, ticket_id: UUID) -> Ticket:
    ticket = tickets.get(TicketId(ticket_id))
    request.subscriber.require_own("ticket", ticket_id, ticket.customer_id)
    return ticket


def _shown(request: Visit, ticket: Ticket, form: Form) -> Response[bytes]:
    mine = request.by.name
    return page(
        request,
        "my/ticket.html",
        status=200 if form.ok else form.status,
        ticket=ticket,
        said=[(one, one.by == mine) for one in ticket.comments if not one.internal],
        is_open=not TICKET_LIFECYCLE.is_final(ticket.status),
        form=form,
    )
