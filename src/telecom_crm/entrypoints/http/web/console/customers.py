"""Customers: the list, the profile with its tabs, and what is done to a customer."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any
from uuid import UUID

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.customers.service import Customers
from telecom_crm.domain.customer import CUSTOMER_LIFECYCLE, Customer, CustomerStatus
from telecom_crm.domain.identifiers import CustomerId
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.audit import rows_of
from telecom_crm.entrypoints.http.web.console.beside import beside
from telecom_crm.entrypoints.http.web.console.commands import (
    REASON,
    Command,
    Commands,
    Link,
    menu_of,
    routes_of,
)
from telecom_crm.entrypoints.http.web.console.compatibility import names_in
from telecom_crm.entrypoints.http.web.console.customer_head import NAMED, Head
from telecom_crm.entrypoints.http.web.console.customer_history import history, kinds
from telecom_crm.entrypoints.http.web.console.customer_services import (
    ASKED,
    asked_of,
    done_to,
    links_to,
)
from telecom_crm.entrypoints.http.web.console.lists import (
    CAME_FROM,
    Found,
    Listing,
    found_by,
    status_chips,
)
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import pgettext
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import shows

PATH = "/console/customers"

SAVED = "saved"
"""What of a profile's address names the field that was corrected last, to be ticked."""
FILTERS = ("status", "kind", "city")
"""What the list is filtered by."""

ENTRY = Entry(
    path=PATH,
    text=N_("Customers"),
    icon="users",
    section=N_("Customers"),
    order=20,
    area=Area.CUSTOMERS,
    key="C",
    new=N_("New customer"),
    new_key="C",
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


def _allowed(_r: Visit, _c: Crm, customer: Customer) -> Collection[str]:
    """Return what a customer's state lets through; of one that another took in, nothing."""
    whole = customer.merged_into is None
    return CUSTOMER_LIFECYCLE.allowed(customer.status) if whole else ()


def _links(request: Visit, _c: Crm, customer: Customer) -> list[Link]:
    """Return what else begins at a customer: address, words and icon."""
    if customer.merged_into is not None:
        return []
    base, organised = f"{PATH}/{customer.id}", customer.kind is CustomerKind.ORGANISATION
    writes, new = Action.WRITE, f"/console/contracts/new?customer={customer.id}"
    offered = (
        (customer.may_sign, Area.CONTRACTS, writes, new, _("New contract"), "file-plus"),
        (True, Area.APPLICATIONS, writes, f"{base}/request", _("New application"), "list-checks"),
        (
            *(organised, Area.CUSTOMERS, writes, f"{base}/self-care"),
            *(_("Password for self-care"), "key-round"),
        ),
        (True, Area.CUSTOMERS, Action.APPROVE, f"{base}/merge", _("Merge"), "git-merge"),
        (
            *(request.may(Area.APPROVALS, writes), Area.CUSTOMERS, writes, f"{base}/erase"),
            *(_("Erase personal data"), "trash-2"),
        ),
    )
    return [
        (href, words, icon)
        for fits, area, action, href, words, icon in offered
        if fits and request.may(area, action)
    ]


COMMANDS = Commands(
    area=Area.CUSTOMERS,
    service=lambda crm: crm.customers,
    find=lambda crm, key: crm.customers.get(CustomerId(key)),
    title=lambda customer: customer.name,
    allowed=_allowed,
    links=_links,
    table=(  # a block or an end is not placed anew by an undo: it has a reason, and who decided it
        Command(
            "block",
            N_("Block"),
            "user-x",
            N_("The customer is blocked"),
            Customers.block,
            REASON,
            hurts=True,
            undo="unblock",
        ),
        Command(
            "unblock",
            N_("Unblock"),
            "user-check",
            N_("The block is lifted"),
            Customers.unblock,
            REASON,
        ),
        Command(
            "close",
            N_("Close the customer"),
            "archive",
            N_("The customer is closed"),
            Customers.close,
            REASON,
            hurts=True,
            undo="reopen",
        ),
        Command(
            "reopen",
            N_("Reopen"),
            "rotate-ccw",
            N_("The customer is reopened"),
            Customers.reopen,
            REASON,
        ),
    ),
)


class CustomerPages(Controller):
    """Customers in the console."""

    path = PATH

    @shows("/", Area.CUSTOMERS)
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """List customers, or find some."""
        listing = Listing.of(request, *FILTERS)
        found = listed(listing, crm.customers)
        ids = [one.id for one in found.items]
        return page(
            request,
            "console/customers/index.html",
            fragment="console/customers/_table.html",
            listing=listing,
            found=found,
            balances=crm.accounts.states_of(ids) if request.may(Area.ACCOUNTS) else {},
            contracts=crm.contracts.latest_of(ids) if request.may(Area.CONTRACTS) else {},
            tariffs=names_in(crm.catalog),
            listed_kinds=[(one.value, label(one)) for one in CustomerKind],
            chips=status_chips(
                listing,
                pgettext("customers", "All"),
                CustomerStatus,
                crm.customers.counts,
                among=found.among,
            ),
        )

    @shows("/{customer_id:uuid}", Area.CUSTOMERS)
    def show(
        self, request: Visit, customer_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show a customer: money, past, and who they are."""
        customer = crm.customers.get(CustomerId(customer_id))
        return shown(request, crm, customer)

    @shows("/{customer_id:uuid}/services", Area.CONTRACTS)
    def services(
        self, request: Visit, customer_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show a customer's contracts."""
        listing = Listing.asking(f"{PATH}/{customer_id}/services", request.query_params, ASKED)
        theirs = attrs.evolve(listing.query(), where={"customer_id": str(customer_id)})
        found, asked = crm.contracts.page(theirs), asked_of(request)
        only = asked.name if asked else ""
        return shown_tab(
            request,
            crm,
            customer_id,
            "services",
            listing=listing,
            found=found,
            tariffs=names_in(crm.catalog),
            asked=asked,
            commands_of={one.id: done_to(request, one, only) for one in found.items},
        )

    @shows("/{customer_id:uuid}/payments", Area.PAYMENTS)
    def payments(
        self, request: Visit, customer_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show the payments to a customer's accounts."""
        listing = Listing.of(request)
        ids = [account.id for account in crm.accounts.of_customer(CustomerId(customer_id))]
        found = crm.payments.of_accounts(ids, listing.query())
        return shown_tab(request, crm, customer_id, "payments", listing=listing, found=found)

    @shows("/{customer_id:uuid}/tickets", Area.TICKETS)
    def tickets(
        self, request: Visit, customer_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show a customer's tickets."""
        listing = Listing.of(request)
        found = crm.tickets.page(listing.query(customer_id=str(customer_id)))
        return shown_tab(request, crm, customer_id, "tickets", listing=listing, found=found)

    @shows("/{customer_id:uuid}/documents", Area.CUSTOMERS)
    def documents(
        self, request: Visit, customer_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show a customer's papers."""
        return shown_tab(request, crm, customer_id, "documents")

    @shows("/{customer_id:uuid}/audit", Area.AUDIT)
    def audit(
        self, request: Visit, customer_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show every change of a customer: what, who and when."""
        events = crm.events.of("customer", str(customer_id))[::-1]
        return shown_tab(request, crm, customer_id, "audit", rows=rows_of(request, events))

    menu = menu_of("/{customer_id:uuid}", COMMANDS)
    ask, command = routes_of("/{customer_id:uuid}/{command:str}", COMMANDS)


def listed(listing: Listing, customers: Customers) -> Found[Customer]:
    """Return what the list shows: what a search found, or a page of all."""
    return found_by(listing, customers.page, customers.search)


def shown(
    request: Visit,
    crm: Crm,
    customer: Customer,
    form: Form | None = None,
    *,
    is_open: bool = False,
) -> Response[bytes]:
    """Show the overview of a profile; `is_open` with its secret numbers."""
    listing = Listing.asking(f"{PATH}/{customer.id}", request.query_params, "history", CAME_FROM)
    return _shown(
        request,
        crm,
        customer,
        "",
        status=form.status if form else 200,
        form=form or Form(),
        is_open=is_open,
        listing=listing,
        told=history(request, crm, customer, listing),
        saved=request.query_params.get(SAVED, ""),
        kinds=kinds(listing),
    )


def shown_tab(
    request: Visit, crm: Crm, customer_id: UUID, tab: str, *, is_open: bool = False, **more: Any
) -> Response[bytes]:
    """Show a tab of a profile, with what it needs besides; `is_open` with its secrets."""
    customer = crm.customers.get(CustomerId(customer_id))
    return _shown(request, crm, customer, tab, form=Form(), is_open=is_open, **more)


def _shown(request: Visit, crm: Crm, customer: Customer, tab: str, **more: Any) -> Response[bytes]:
    base, head = f"{PATH}/{customer.id}", Head.of(request, crm, customer, overview=not tab)
    fetch = partial(listed, customers=crm.customers)
    came = beside(request, PATH, customer.id, FILTERS, fetch)
    tabs = [
        {
            "href": f"{base}/{end}".rstrip("/") + came.trail,
            "text": _(text),
            "current": end == tab,
            "kind": "page",
        }
        for end, text, area in TABS
        if request.may(area)
    ]
    return page(
        request,
        f"console/customers/{tab or 'show'}.html",
        customer=customer,
        head=head,
        base=base,
        beside=came,
        tabs=tabs,
        links=[
            *links_to(request, base, head.contracts, more=len(head.contracts) > NAMED),
            *_links(request, crm, customer),
        ],
        commands=COMMANDS.offered(request, _allowed(request, crm, customer)),
        **more,
    )
