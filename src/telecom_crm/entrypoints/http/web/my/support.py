"""A subscriber's tickets: what they asked, what was answered, and a new question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from telecom_crm.application.attaching import ATTACHMENT_LIMIT
from telecom_crm.application.tickets import NamedFile, Tickets
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.identifiers import DocumentId, TicketId
from telecom_crm.domain.ticket import TICKET_LIFECYCLE, Said, Ticket, TicketStatus
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.attachments import download
from telecom_crm.entrypoints.http.web.console.lists import Listing
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext, here, pgettext
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import label, within
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.my.contracts import chosen, own
from telecom_crm.entrypoints.http.web.my.money import OWN, own_payment
from telecom_crm.entrypoints.http.web.my.topics import TOPICS, is_unanswered
from telecom_crm.entrypoints.http.web.routes import acts, shows

ENTRY = Entry(path="/my/tickets", text=N_("Support"), icon="message-square", order=30)
TEXT_LIMIT = 4000

STATES = {
    TicketStatus.FREE: within("question", "Received"),
    TicketStatus.ACTIVE: within("question", "In work"),
    TicketStatus.SUSPENDED: within("question", "Waiting"),
    TicketStatus.BLOCKED: within("question", "Decided"),
    TicketStatus.CLOSED: within("question", "Closed"),
}
"""Where a question is, as whoever asked it would say; the desk has words of its own."""


class MySupport(Controller):
    """Questions of a subscriber."""

    path = "/my/tickets"

    @shows("/", OWN)
    def index(self, request: Visit, tickets: NamedDependency[Tickets]) -> Response[bytes]:
        """List one's tickets, the latest first."""
        listing = Listing.of(request)
        found = tickets.page(listing.query(customer_id=str(request.subscriber.customer_id)))
        return page(request, "my/tickets.html", listing=listing, found=found, state=_state)

    @shows("/new", OWN)
    def new(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask what it is about, with what often helps; a page that leads here may have said it."""
        asked = request.query_params
        topic = TOPICS.get(asked.get("topic", ""))
        if topic is None:
            offered = {name: one for name, one in TOPICS.items() if one.title}
            return page(request, "my/topics.html", topics=offered)
        known = _told(request, crm, asked["payment"]) if asked.get("payment") else ""
        text = known or topic.questionnaire
        subject = gettext(topic.subject) if topic.subject else ""
        return _asked(request, Form.filled(subject=subject, text=text), live=_live(request, crm))

    @acts("/new", OWN, request_max_body_size=ATTACHMENT_LIMIT)
    def create(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Open a ticket with what is said in it, about the contract where there is one alone."""
        live, asked = _live(request, crm), form.raw("contract")
        about = own(request, crm, asked) if asked else live[0] if len(live) == 1 else None
        make = partial(
            crm.tickets.create,
            customer_id=request.subscriber.customer_id,
            contract_id=about.id if about else None,
        )
        made = _opened(request, form, crm.tickets, make)
        if made is None:
            return _asked(request, form, live=live)
        return redirect(request, f"/my/tickets/{made.id}", toast=_("We have your question"))

    @shows("/{ticket_id:uuid}", OWN)
    def show(
        self, request: Visit, ticket_id: FromPath[UUID], tickets: NamedDependency[Tickets]
    ) -> Response[bytes]:
        """Show the conversation; what the operator's people say among themselves is not in it."""
        return _shown(request, tickets, _mine(request, tickets, ticket_id), Form())

    @acts("/{ticket_id:uuid}", OWN, request_max_body_size=ATTACHMENT_LIMIT)
    def say(
        self,
        request: Visit,
        ticket_id: FromPath[UUID],
        form: NamedDependency[Form],
        tickets: NamedDependency[Tickets],
    ) -> Response[bytes]:
        """Say something more, or send a photo."""
        ticket, file = _mine(request, tickets, ticket_id), _file(request, form, tickets)
        text = form.text("text", required=file is None, limit=TEXT_LIMIT)
        if form.submit(tickets.comment, ticket.id, text=text, file=file, by=request.by) is None:
            return _shown(request, tickets, ticket, form)
        return redirect(request, f"/my/tickets/{ticket_id}", toast=_("Sent"))

    @shows("/{ticket_id:uuid}/follow-up", OWN)
    def ask_again(
        self, request: Visit, ticket_id: FromPath[UUID], tickets: NamedDependency[Tickets]
    ) -> Response[bytes]:
        """Ask what is left of a question that is closed."""
        ticket = _mine(request, tickets, ticket_id)
        return _asked(request, Form.filled(subject=ticket.subject), old=ticket)

    @acts("/{ticket_id:uuid}/follow-up", OWN, request_max_body_size=ATTACHMENT_LIMIT)
    def follow_up(
        self,
        request: Visit,
        ticket_id: FromPath[UUID],
        form: NamedDependency[Form],
        tickets: NamedDependency[Tickets],
    ) -> Response[bytes]:
        """Open a ticket that follows up one that is closed."""
        ticket = _mine(request, tickets, ticket_id)
        made = _opened(request, form, tickets, partial(tickets.follow_up, ticket.id))
        if made is None:
            return _asked(request, form, old=ticket)
        return redirect(request, f"/my/tickets/{made.id}", toast=_("We have your question"))

    @acts("/{ticket_id:uuid}/files/{file_id:uuid}", OWN)
    def file(
        self,
        request: Visit,
        ticket_id: FromPath[UUID],
        file_id: FromPath[UUID],
        tickets: NamedDependency[Tickets],
    ) -> Stream:
        """Give a file of the conversation, which is written down."""
        ticket = _mine(request, tickets, ticket_id)
        if not any(one.file and one.file.id == file_id for one in _heard(tickets, ticket)):
            raise NotFound("document", str(file_id))
        return download(*tickets.open_attachment(ticket.id, DocumentId(file_id), by=request.by))


def _file(request: Visit, form: Form, tickets: Tickets) -> NamedFile | None:
    """Return the file that a form sends, which is counted; None where there is none."""
    file = form.named_file("content")
    if file is not None:
        form.submit(tickets.count_file, request.subscriber.customer_id)
    return file


def _opened(
    request: Visit, form: Form, tickets: Tickets, make: Callable[..., Ticket]
) -> Ticket | None:
    """Open a ticket by what a form says; None where something is wrong with it."""
    file = _file(request, form, tickets)
    text = form.text("text", required=file is None, limit=TEXT_LIMIT)
    if is_unanswered(text):
        form.fault("text", "unanswered")
    return form.submit(
        make,
        subject=form.text("subject", limit=200),
        text=text,
        file=file,
        idempotency_key=form.key,
        by=request.by,
    )


def _live(request: Visit, crm: Crm) -> list[Contract]:
    """Return the contracts that a question may be about."""
    return [one for one in chosen(request, crm, "").among if one.is_live]


def _asked(
    request: Visit, form: Form, *, live: Sequence[Contract] = (), old: Ticket | None = None
) -> Response[bytes]:
    """Show the form of a question, about one of several contracts or following an old one up."""
    status = 200 if form.ok else form.status
    return page(request, "my/ticket_new.html", status=status, form=form, live=live, old=old)


def _told(request: Visit, crm: Crm, asked: str) -> str:
    """Tell of a payment of one's own, for whoever is asked about it."""
    payment, state = own_payment(request, crm, asked)
    zone = request.pages.zone
    facts = (
        (gettext("Amount"), here().money(payment.amount)),
        (gettext("Date"), here().instant(payment.at, zone)),
        (gettext("Method"), label(payment.method)),
        (gettext("Account"), state.account.number),
        (gettext("Payment"), payment.key),
    )
    return "\n".join(f"{name}: {value}" for name, value in facts)


def _mine(request: Visit, tickets: Tickets, ticket_id: UUID) -> Ticket:
    ticket = tickets.get(TicketId(ticket_id))
    request.subscriber.require_own("ticket", ticket_id, ticket.customer_id)
    return ticket


def _state(ticket: Ticket) -> str:
    return pgettext(*STATES[ticket.status])


def _heard(tickets: Tickets, ticket: Ticket) -> list[Said]:
    """Return the conversation without what the operator's people say among themselves."""
    return [one for one in ticket.said(tickets.timeline(ticket.id)) if not one.internal]


def _shown(request: Visit, tickets: Tickets, ticket: Ticket, form: Form) -> Response[bytes]:
    mine = request.by.name
    return page(
        request,
        "my/ticket.html",
        status=200 if form.ok else form.status,
        ticket=ticket,
        state=_state,
        said=[(one, one.by == mine) for one in _heard(tickets, ticket)],
        is_open=not TICKET_LIFECYCLE.is_final(ticket.status),
        form=form,
    )
