"""Trouble tickets: who has which, how long is left, what was said, and what is done to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from telecom_crm.application.attaching import ATTACHMENT_LIMIT
from telecom_crm.application.ports import Query
from telecom_crm.application.tickets import Tickets
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.hold import Bar, barred
from telecom_crm.domain.identifiers import ContractId, CustomerId, DocumentId, TicketId
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.session import SELF_CARE
from telecom_crm.domain.ticket import (
    COMMENT_LIMIT,
    TICKET_LIFECYCLE,
    BlockReason,
    Ticket,
    TicketPriority,
)
from telecom_crm.domain.user import UserStatus
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.attachments import download
from telecom_crm.entrypoints.http.web.console.commands import (
    REASON,
    Command,
    Commands,
    Question,
    menu_of,
    routes_of,
)
from telecom_crm.entrypoints.http.web.console.customer_history import latest
from telecom_crm.entrypoints.http.web.console.finding import CHOOSE, choosing
from telecom_crm.entrypoints.http.web.console.lists import Listing
from telecom_crm.entrypoints.http.web.console.ticket_views import (
    FILTERS,
    PATH,
    address,
    beside,
    chips_of,
    kept,
    listed,
    onward,
    sla_shown,
    view_of,
)
from telecom_crm.entrypoints.http.web.events import event_told
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows

ENTRY = Entry(
    path=PATH,
    text=N_("Tickets"),
    icon="message-square",
    section=N_("Customers"),
    order=40,
    area=Area.TICKETS,
    key="K",
    new=N_("New ticket"),
    new_key="T",
    counted=True,
)

AROUND = ("account", "contract", "customer", "payment")
"""What the last lines beside a ticket are about."""

ANSWER = Question(
    name="answer", read=lambda form, *_: {"answer": form.text("answer", limit=COMMENT_LIMIT)}
)
CHOICE = Question(
    name="choice",
    fields=("reason",),
    read=lambda form, *_: {"reason": form.choice("reason", BlockReason)},
    offers=lambda *_: {"reasons": [(one.value, label(one)) for one in BlockReason]},
)
COMMANDS = Commands(
    area=Area.TICKETS,
    service=lambda crm: crm.tickets,
    find=lambda crm, key: crm.tickets.get(TicketId(key)),
    title=lambda ticket: ticket.subject,
    template="console/tickets/ask.html",
    told=lambda _, __, ticket: {"ticket": ticket},
    trail=kept,
    allowed=lambda _, __, ticket: _allowed(ticket),
    after=onward,
    table=(
        Command("activate", N_("Start work"), "play", N_("The ticket is in work"), Tickets.begin),
        Command(
            "resume",
            N_("Go on"),
            "play",
            N_("The ticket is in work"),
            Tickets.resume,
            undo="suspend",
        ),
        Command(
            "resolve",
            N_("Resolve and close"),
            "circle-check",
            N_("The ticket is resolved"),
            Tickets.resolve,
            ANSWER,
        ),
        Command(
            "close", N_("Close the ticket"), "archive", N_("The ticket is closed"), Tickets.close
        ),
        Command(
            "suspend",
            N_("Put on hold"),
            "circle-pause",
            N_("The ticket waits"),
            Tickets.suspend,
            REASON,
            undo="resume",
        ),
        Command(
            "block",
            N_("Block the ticket"),
            "ban",
            N_("The ticket is blocked"),
            Tickets.block,
            CHOICE,
        ),
    ),
)


class TicketPages(Controller):
    """Tickets in the console."""

    path = PATH

    @shows("/", Area.TICKETS)
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """List tickets: mine, free, overdue or all."""
        listing = Listing.of(request, *FILTERS)
        found = listed(listing, request, crm)
        return page(
            request,
            "console/tickets/index.html",
            fragment="console/tickets/_table.html",
            listing=listing,
            view=view_of(listing),
            found=found,
            customers=_whose(request, crm, found.items),
            standings=crm.tickets.standings(found.items),
            sla_shown=sla_shown,
            chips=chips_of(listing, crm.tickets, request.by.name),
        )

    @acts("/claim", Area.TICKETS)
    def claim(self, request: Visit, tickets: NamedDependency[Tickets]) -> Response[bytes]:
        """Take the most urgent free ticket to work."""
        taken = tickets.claim_next(by=request.by)
        if taken is None:
            return redirect(request, f"{PATH}?view=free", toast=_("There is no free ticket"))
        return redirect(request, f"{PATH}/{taken.id}", toast=_("The ticket is yours"))

    @shows("/new", Area.TICKETS, Action.WRITE)
    def new(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask whose ticket it is, and then what it is about; the address may name the contract."""
        return _new(request, crm)

    @acts("/new", Area.TICKETS, request_max_body_size=ATTACHMENT_LIMIT)
    def create(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Open a ticket; sent again, the form opens no second one."""
        customer = form.choice("customer", UUID)
        contract = form.choice("contract", UUID, required=False)
        file, subject = form.named_file("content"), form.text("subject")
        text = form.text("text", required=file is None, limit=COMMENT_LIMIT)
        priority = form.choice("priority", TicketPriority)
        if customer is None or priority is None:
            return _new(request, crm, form)
        made = form.submit(
            crm.tickets.create,
            customer_id=CustomerId(customer),
            contract_id=ContractId(contract) if contract else None,
            subject=subject,
            text=text,
            file=file,
            priority=priority,
            idempotency_key=form.key,
            by=request.by,
        )
        if made is None:
            return _new(request, crm, form)
        return redirect(request, f"{PATH}/{made.id}", toast=_("The ticket is open"))

    @shows("/{ticket_id:uuid}", Area.TICKETS)
    def show(
        self, request: Visit, ticket_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show a ticket: what was said, how long is left, and what can be done."""
        return _shown(request, crm, TicketId(ticket_id), None)

    @acts("/{ticket_id:uuid}/comments", Area.TICKETS, request_max_body_size=ATTACHMENT_LIMIT)
    def comment(
        self,
        request: Visit,
        ticket_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Say something or send a file: to the customer, or among ourselves."""
        known, file = TicketId(ticket_id), form.named_file("content")
        done = form.submit(
            crm.tickets.comment,
            known,
            text=form.text("text", required=file is None, limit=COMMENT_LIMIT),
            file=file,
            internal=form.flag("internal"),
            heard=form.choice("heard", int, required=False),
            by=request.by,
        )
        if done is None:
            return _shown(request, crm, known, form)
        kept = _("Note saved") if form.flag("internal") else _("The reply is sent")
        return redirect(request, address(request, known), toast=kept)

    @acts("/{ticket_id:uuid}/files/{file_id:uuid}", Area.TICKETS, Action.REVEAL)
    def file(
        self,
        request: Visit,
        ticket_id: FromPath[UUID],
        file_id: FromPath[UUID],
        tickets: NamedDependency[Tickets],
    ) -> Stream:
        """Give one of a ticket's files, which is written down."""
        asked = TicketId(ticket_id), DocumentId(file_id)
        return download(*tickets.open_attachment(*asked, by=request.by))

    @acts("/{ticket_id:uuid}/assign", Area.TICKETS)
    def assign(
        self,
        request: Visit,
        ticket_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Give a ticket to somebody, or to a queue."""
        known = TicketId(ticket_id)
        done = form.submit(
            crm.tickets.assign,
            known,
            assignee=form.text("assignee", required=False) or None,
            queue=form.text("queue", required=False, limit=100) or None,
            expected_version=form.version,
            by=request.by,
        )
        if done is None:
            return _shown(request, crm, known, form)
        return redirect(request, address(request, known), toast=_("The ticket is assigned"))

    @acts("/{ticket_id:uuid}/priority", Area.TICKETS)
    def prioritise(
        self,
        request: Visit,
        ticket_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Change how soon a ticket has to be answered."""
        known, priority = TicketId(ticket_id), form.choice("priority", TicketPriority)
        if priority is None:
            return _shown(request, crm, known, form)
        seen, by = form.version, request.by
        done = form.submit(
            crm.tickets.prioritise, known, priority=priority, expected_version=seen, by=by
        )
        if done is None:
            return _shown(request, crm, known, form)
        return redirect(request, address(request, known), toast=_("The priority is changed"))

    @acts("/{ticket_id:uuid}/follow-up", Area.TICKETS)
    def follow_up(
        self,
        request: Visit,
        ticket_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Open a new ticket about what came up again."""
        known = TicketId(ticket_id)
        made = form.submit(crm.tickets.follow_up, known, idempotency_key=form.key, by=request.by)
        if made is None:
            return _shown(request, crm, known, form)
        return redirect(request, f"{PATH}/{made.id}", toast=_("The ticket is open"))

    menu = menu_of("/{ticket_id:uuid}", COMMANDS)
    ask, command = routes_of("/{ticket_id:uuid}/{command:str}", COMMANDS)


def _history(events: Sequence[Event]) -> list[tuple[Event, str, str, str, str]]:
    """Return events, the latest first, with their words, icon, tone and reason in words."""
    return [(one, *event_told(one)) for one in events[::-1]]


def _new(request: Visit, crm: Crm, sent: Form | None = None) -> Response[bytes]:
    """Show the form for the customer it or the address names; without one, ask for whom."""
    customer, contracts = None, list[tuple[ContractId, str]]()
    named, at = request.query_params, f"{PATH}/new"
    raw = sent.raw("customer") if sent else named.get("customer", "")
    if raw:
        try:
            (customer,) = crm.customers.living([crm.customers.get(CustomerId(UUID(raw)))])
        except ValueError:
            raise NotFound("customer", raw[:40]) from None
        if request.may(Area.CONTRACTS):
            mine = Query(where={"customer_id": str(customer.id)}, limit=100)
            found = crm.contracts.page(mine).items
            contracts = [(one.id, f"{one.number} · {one.msisdn}") for one in found]
    about = named.get("contract") or (contracts[0][0] if len(contracts) == 1 else "")
    form = sent or Form.filled(contract=about, priority=TicketPriority.NORMAL)
    return page(
        request,
        "console/tickets/new.html",
        fragment=None if customer else CHOOSE,
        status=200 if form.ok else form.status,
        form=form,
        customer=customer,
        contracts=contracts,
        **choosing(request, crm, at=at, leads=lambda one: f"{at}?customer={one}"),
        priorities=[(one.value, label(one)) for one in TicketPriority],
    )


def _shown(request: Visit, crm: Crm, ticket_id: TicketId, sent: Form | None) -> Response[bytes]:
    ticket = crm.tickets.get(ticket_id)
    form = sent or Form()
    sla, (at, around) = crm.tickets.sla(ticket_id), beside(request, crm, ticket)
    writes = request.may(Area.TICKETS, Action.WRITE)
    events = crm.tickets.timeline(ticket_id)
    return page(
        request,
        "console/tickets/show.html",
        status=200 if form.ok else form.status,
        ticket=ticket,
        base=f"{PATH}/{ticket.id}",
        kept=kept(request),
        by_subscriber=SELF_CARE,
        beside=around,
        at=at,
        sla=sla,
        left=sla_shown(sla),
        said=ticket.said(events),
        events=_history(events),
        commands=COMMANDS.offered(request, _allowed(ticket)),
        is_open=writes and not TICKET_LIFECYCLE.is_final(ticket.status),
        writes=writes,
        **_around(request, crm, ticket),
        people=_people(crm) if writes else [],
        reasons=[(one.value, label(one)) for one in BlockReason],
        priorities=[(one.value, label(one)) for one in TicketPriority],
        form=form,
        now=Form.filled(priority=ticket.priority, assignee=ticket.assignee, queue=ticket.queue),
    )


def _around(request: Visit, crm: Crm, ticket: Ticket) -> dict[str, Any]:
    """Return what is known around a ticket: whose it is, their money, what it is about."""
    owner, key, old = ticket.customer_id, ticket.contract_id, ticket.follow_up_of
    customer = crm.customers.get(owner) if request.may(Area.CUSTOMERS) else None
    contract = crm.contracts.get(key) if key and request.may(Area.CONTRACTS) else None
    return {
        "customer": customer,
        "accounts": crm.accounts.states_of([owner])[owner] if request.may(Area.ACCOUNTS) else [],
        "contract": contract,
        "bars": [label(one) for one in Bar if contract and one in barred(contract.holds)],
        "task": crm.provisioning.latest_of(contract.id) if contract else None,
        "latest": latest(request, crm, customer, things=AROUND) if customer else [],
        "followed": crm.tickets.get(old) if old else None,
    }


def _whose(request: Visit, crm: Crm, found: Sequence[Ticket]) -> dict[CustomerId, str]:
    """Return what the customers of tickets are called, to whoever may see customers."""
    if not request.may(Area.CUSTOMERS):
        return {}
    owners = crm.customers.get_many({ticket.customer_id for ticket in found})
    return {key: one.name for key, one in owners.items()}


def _allowed(ticket: Ticket) -> list[str]:
    """Return the commands that a ticket's state allows, with the short way to the end of one."""
    allowed = [one.value for one in TICKET_LIFECYCLE.allowed(ticket.status)]
    if "block" in allowed:
        allowed.append("resolve")
    return allowed


def _people(crm: Crm) -> list[tuple[str, str]]:
    """Return who may be given a ticket: login and name."""
    active = Query(where={"status": UserStatus.ACTIVE.value}, limit=200)
    return [(one.login, one.name) for one in crm.users.page(active).items]
