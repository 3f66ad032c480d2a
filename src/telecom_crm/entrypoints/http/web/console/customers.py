"""Customers: the list, the profile with its tabs, and what is done to a customer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.customers import Customers
from telecom_crm.application.ports import Page
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.customer import CUSTOMER_LIFECYCLE, Customer, CustomerStatus
from telecom_crm.domain.errors import InvalidValue, NotFound
from telecom_crm.domain.identifiers import CustomerId
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.lists import COUNTED, Listing, tally, tolerant
from telecom_crm.entrypoints.http.web.events import event_shown
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import pgettext
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/customers"
FIRST_TIMELINE = 30

ENTRY = Entry(
    path=PATH,
    text=N_("Customers"),
    icon="users",
    section=N_("Customers"),
    order=20,
    area=Area.CUSTOMERS,
    key="C",
)

TABS = (
    ("", N_("Overview"), Area.CUSTOMERS),
    ("services", N_("Services"), Area.CONTRACTS),
    ("payments", N_("Payments"), Area.PAYMENTS),
    ("tickets", N_("Tickets"), Area.TICKETS),
    ("documents", N_("Documents"), Area.CUSTOMERS),
    ("audit", N_("Audit log"), Area.AUDIT),
)
"""The tabs of a profile: the end of their address, their name and whose right they need."""

COMMANDS = {
    "block": (N_("Block"), "user-x", True, N_("The customer is blocked")),
    "unblock": (N_("Unblock"), "user-check", False, N_("The block is lifted")),
    "close": (N_("Close the customer"), "archive", True, N_("The customer is closed")),
    "reopen": (N_("Take back"), "rotate-ccw", False, N_("The customer is taken back")),
}
"""Commands that are asked about: their words, icon, whether they hurt, and what is said after."""


class CustomerPages(Controller):
    """Customers in the console."""

    path = PATH

    @shows("/", Area.CUSTOMERS)
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """List customers, or find some."""
        listing = Listing.of(request, "status")
        found = _found(listing, crm.customers)
        ids = [one.id for one in found.items] if request.may(Area.ACCOUNTS) else []
        return page(
            request,
            "console/customers/index.html",
            fragment="console/customers/_table.html",
            listing=listing,
            found=found,
            balances=crm.accounts.states_of(ids),
            chips=_chips(listing, crm.customers),
        )

    @shows("/{customer_id:uuid}", Area.CUSTOMERS)
    def show(
        self, request: Visit, customer_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show a customer: money, past, and who they are."""
        customer = crm.customers.get(CustomerId(customer_id))
        return _overview(request, crm, customer)

    @shows("/{customer_id:uuid}/services", Area.CONTRACTS)
    def services(
        self, request: Visit, customer_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show a customer's contracts."""
        listing = Listing.of(request)
        found = crm.contracts.page(listing.query(customer_id=str(customer_id)))
        return _tab(request, crm, customer_id, "services", listing=listing, found=found)

    @shows("/{customer_id:uuid}/payments", Area.PAYMENTS)
    def payments(
        self, request: Visit, customer_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show the payments to a customer's accounts, account after account."""
        listing = Listing.of(request)
        ids = [account.id for account in crm.accounts.of_customer(CustomerId(customer_id))]
        found = crm.payments.of_accounts(ids, listing.query())
        return _tab(request, crm, customer_id, "payments", listing=listing, found=found)

    @shows("/{customer_id:uuid}/tickets", Area.TICKETS)
    def tickets(
        self, request: Visit, customer_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show a customer's tickets."""
        listing = Listing.of(request)
        found = crm.tickets.page(listing.query(customer_id=str(customer_id)))
        return _tab(request, crm, customer_id, "tickets", listing=listing, found=found)

    @shows("/{customer_id:uuid}/documents", Area.CUSTOMERS)
    def documents(
        self, request: Visit, customer_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show a customer's papers."""
        return _tab(request, crm, customer_id, "documents")

    @shows("/{customer_id:uuid}/audit", Area.AUDIT)
    def audit(
        self, request: Visit, customer_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show every change of a customer: what, who and when."""
        events = crm.events.of("customer", str(customer_id))
        return _tab(request, crm, customer_id, "audit", events=events[::-1])

    @acts("/{customer_id:uuid}/notes", Area.CUSTOMERS)
    def add_note(
        self,
        request: Visit,
        customer_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Write something down about a customer."""
        known = CustomerId(customer_id)
        text = form.text("text", limit=1000)
        if form.submit(crm.customers.add_note, known, text=text, by=request.by) is None:
            return _overview(request, crm, crm.customers.get(known), form=form)
        return redirect(request, f"{PATH}/{customer_id}", toast=_("The note is kept"))

    @shows("/{customer_id:uuid}/{command:str}", Area.CUSTOMERS, Action.WRITE)
    def ask(
        self,
        request: Visit,
        customer_id: FromPath[UUID],
        command: FromPath[str],
        customers: NamedDependency[Customers],
    ) -> Response[bytes]:
        """Ask whether, and why, before a command: what the dialog does with JavaScript."""
        return _asked(request, customers.get(CustomerId(customer_id)), command, Form())

    @acts("/{customer_id:uuid}/{command:str}", Area.CUSTOMERS)
    def command(
        self,
        request: Visit,
        customer_id: FromPath[UUID],
        command: FromPath[str],
        form: NamedDependency[Form],
        customers: NamedDependency[Customers],
    ) -> Response[bytes]:
        """Block, unblock, close or reopen a customer, for a reason."""
        customer = customers.get(CustomerId(customer_id))
        if command not in COMMANDS:
            raise NotFound("command", command)
        reason = form.text("reason", limit=500)
        done = form.submit(
            getattr(customers, command),
            customer.id,
            reason=reason,
            expected_version=form.version,
            by=request.by,
        )
        if done is None:
            return _asked(request, customer, command, form)
        return redirect(request, f"{PATH}/{customer_id}", toast=_(COMMANDS[command][3]))


def _found(listing: Listing, customers: Customers) -> Page[Customer]:
    """Return what the list shows: what a search found, or a page of all."""
    if not listing.q:
        page_of: Page[Customer] = tolerant(listing, customers.page)
        return page_of
    try:
        hits = customers.search(listing.q, limit=listing.size)
    except InvalidValue:  # no text that anything could be called
        return Page(items=())
    wanted = listing.where().get("status")
    return Page(items=tuple(one for one in hits if wanted in (None, one.status)))


def _chips(listing: Listing, customers: Customers) -> list[dict[str, Any]]:
    """Return a chip for all, and one for each status, with how many there are."""
    now = listing.where().get("status")
    wheres: list[dict[str, str]] = [{}, *({"status": status.value} for status in CustomerStatus)]
    counts = customers.counts(*wheres, most=COUNTED + 1)
    texts = [pgettext("customers", "All"), *map(label, CustomerStatus)]
    return [
        {
            "href": listing.url(status=where.get("status")),
            "text": text,
            "count": tally(count),
            "current": now == where.get("status"),
        }
        for where, text, count in zip(wheres, texts, counts, strict=True)
    ]


def _overview(
    request: Visit, crm: Crm, customer: Customer, form: Form | None = None
) -> Response[bytes]:
    accounts: list[AccountState] = []
    if request.may(Area.ACCOUNTS):
        accounts = crm.accounts.states_of([customer.id])[customer.id]
    events = crm.customers.timeline(customer.id)[-FIRST_TIMELINE:][::-1]
    return _shown(
        request,
        customer,
        "",
        status=form.status if form else 200,
        form=form or Form(),
        accounts=accounts,
        suspects=crm.customers.duplicates(customer.id),
        events=[(event, *event_shown(event.name)) for event in events],
    )


def _asked(request: Visit, customer: Customer, command: str, form: Form) -> Response[bytes]:
    if command not in COMMANDS:
        raise NotFound("command", command)
    return page(
        request,
        "console/confirm.html",
        status=200 if form.ok else form.status,
        heading=_(COMMANDS[command][0]),
        object=customer.name,
        action=f"{PATH}/{customer.id}/{command}",
        back=f"{PATH}/{customer.id}",
        form=form,
        version=customer.version,
        reason=True,
    )


def _tab(request: Visit, crm: Crm, customer_id: UUID, tab: str, **more: Any) -> Response[bytes]:
    return _shown(request, crm.customers.get(CustomerId(customer_id)), tab, form=Form(), **more)


def _shown(request: Visit, customer: Customer, tab: str, **more: Any) -> Response[bytes]:
    base = f"{PATH}/{customer.id}"
    tabs = [
        {
            "href": f"{base}/{end}".rstrip("/"),
            "text": _(text),
            "current": end == tab,
            "kind": "page",
        }
        for end, text, area in TABS
        if request.may(area)
    ]
    commands = [
        (command, _(COMMANDS[command][0]), *COMMANDS[command][1:3])
        for command in CUSTOMER_LIFECYCLE.allowed(customer.status)
        if command in COMMANDS and request.may(Area.CUSTOMERS, Action.WRITE)
    ]
    template = f"console/customers/{tab or 'show'}.html"
    return page(
        request, template, customer=customer, base=base, tabs=tabs, commands=commands, **more
    )
