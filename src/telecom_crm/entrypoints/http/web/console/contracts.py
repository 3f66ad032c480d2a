"""Contracts: the list, one contract with its terms, papers and past, and the files it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from telecom_crm.application.attaching import ATTACHMENT_LIMIT
from telecom_crm.application.contracts.service import Contracts
from telecom_crm.application.ports import Page, Query
from telecom_crm.domain.contract import Contract, ContractStatus
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import ContractId, DocumentId, EditionId
from telecom_crm.domain.paper import Edition
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.attachments import download
from telecom_crm.entrypoints.http.papers import printed
from telecom_crm.entrypoints.http.web.console.beside import beside
from telecom_crm.entrypoints.http.web.console.compatibility import names_in
from telecom_crm.entrypoints.http.web.console.contract_commands import COMMANDS
from telecom_crm.entrypoints.http.web.console.contract_facts import (
    PATH,
    can_change_payer,
    keep_document,
    searched,
    told,
)
from telecom_crm.entrypoints.http.web.console.lists import (
    Listing,
    history_of,
    status_chips,
    tolerant,
)
from telecom_crm.entrypoints.http.web.console.offers import EVERY
from telecom_crm.entrypoints.http.web.console.papers import KINDS
from telecom_crm.entrypoints.http.web.events import event_told
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Toast, Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import pgettext, spoken
from telecom_crm.entrypoints.http.web.labels import entry_title
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows

LAST_CHARGES = 5
"""So many of a contract's charges its page shows."""
FILTERS = ("status", "tariff")
"""What the list is filtered by."""

ENTRY = Entry(
    path=PATH,
    text=N_("Contracts"),
    icon="file-text",
    section=N_("Customers"),
    order=30,
    area=Area.CONTRACTS,
    key="O",
    new=N_("New contract"),
    new_key="O",
)


class ContractPages(Controller):
    """Contracts in the console."""

    path = PATH

    @shows("/", Area.CONTRACTS)
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """List contracts, or find those of a contract number, phone or ICCID."""
        listing = Listing.of(request, *FILTERS)
        found = listed(listing, crm)
        return page(
            request,
            "console/contracts/index.html",
            fragment="console/contracts/_table.html",
            listing=listing,
            found=found,
            names=names_of(request, crm, found.items),
            tariffs=names_in(crm.catalog),
            offered=[(one.code, spoken(one.name)) for one in crm.catalog.tariffs(EVERY).items],
            chips=status_chips(
                listing, pgettext("contracts", "All"), ContractStatus, crm.contracts.counts, q=None
            ),
        )

    @shows("/{contract_id:uuid}", Area.CONTRACTS)
    def show(
        self, request: Visit, contract_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show a contract: its terms, what holds it, its papers and its past."""
        contract = crm.contracts.get(ContractId(contract_id))
        if request.wants_fragment:
            return _followed(request, crm, contract)
        return contract_shown(request, crm, contract)

    @acts("/{contract_id:uuid}/documents", Area.CONTRACTS, request_max_body_size=ATTACHMENT_LIMIT)
    def add_document(
        self,
        request: Visit,
        contract_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Keep a file with a contract."""
        known = ContractId(contract_id)
        if keep_document(request, crm, known, form) is None:
            return contract_shown(request, crm, crm.contracts.get(known), form)
        return redirect(request, f"{PATH}/{known}", toast=_("The document is kept"))

    @acts("/{contract_id:uuid}/documents/{document_id:uuid}", Area.CONTRACTS, Action.REVEAL)
    def document(
        self,
        request: Visit,
        contract_id: FromPath[UUID],
        document_id: FromPath[UUID],
        contracts: NamedDependency[Contracts],
    ) -> Stream:
        """Give one of a contract's files, which is written down."""
        asked = ContractId(contract_id), DocumentId(document_id)
        return download(*contracts.open_document(*asked, by=request.by))

    @shows("/{contract_id:uuid}/contract.pdf", Area.CONTRACTS, Action.REVEAL)
    def print_contract(
        self, request: Visit, contract_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Print a contract as it is now, in the customer's language; that is written down."""
        contract = crm.contracts.get(ContractId(contract_id))
        content = crm.papers.contract(contract.id, by=request.by)
        return printed(content, name=f"contract-{contract.number}")

    @shows("/{contract_id:uuid}/acceptance.pdf", Area.CONTRACTS, Action.REVEAL)
    def print_acceptance(
        self, request: Visit, contract_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Print the act of acceptance of an activated contract; that is written down."""
        contract = crm.contracts.get(ContractId(contract_id))
        content = crm.papers.acceptance(contract.id, by=request.by)
        return printed(content, name=f"acceptance-{contract.number}")

    @shows("/{contract_id:uuid}/printed/{edition_id:uuid}/paper.pdf", Area.CONTRACTS, Action.REVEAL)
    def print_again(
        self,
        request: Visit,
        contract_id: FromPath[UUID],
        edition_id: FromPath[UUID],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Print a paper of a contract again, as it was; that is written down."""
        contract = crm.contracts.get(ContractId(contract_id))  # nothing but a contract's papers
        content = crm.papers.reprint(contract.id, EditionId(edition_id), by=request.by)
        return printed(content, name=f"paper-{contract.number}")


def contract_shown(
    request: Visit, crm: Crm, contract: Contract, form: Form | None = None
) -> Response[bytes]:
    """Show a contract, with what is wrong with a form that was sent."""
    money, facts = request.may(Area.ACCOUNTS), told(request, crm, contract)
    return page(
        request,
        "console/contracts/show.html",
        status=form.status if form else 200,
        form=form or Form(),
        beside=beside(request, PATH, contract.id, FILTERS, partial(listed, crm=crm)),
        state=crm.accounts.get(contract.account_id) if money else None,
        **_history(request, crm, contract.id, at=facts["base"]),
        charges=crm.contracts.latest_charges(contract.id, count=LAST_CHARGES) if money else (),
        titled=entry_title,
        commands=COMMANDS.offered(request, facts["allowed"]),
        editions=_editions(request, crm, contract),
        paper_names={kind: _(words) for kind, words in KINDS.items()},
        sold=bool(request.query_params.get("sold")),
        can_change_payer=can_change_payer(facts["allowed"], contract),
        **facts,
    )


def _history(request: Visit, crm: Crm, contract: ContractId, *, at: str) -> dict[str, Any]:
    """Return a page of what happened to a contract, in words, and its place in all of it."""
    past, events = history_of(request, at, partial(crm.contracts.latest_events, contract))
    told = [(event, *event_told(event)) for event in events.items]
    return {"events": told, "past": past, "told_next": events.next}


def _editions(request: Visit, crm: Crm, contract: Contract) -> list[Edition]:
    """Return what was printed of a contract, for those who may see whose it is."""
    may = request.may(Area.CONTRACTS, Action.REVEAL)
    return crm.papers.editions(contract.id) if may else []


def _followed(request: Visit, crm: Crm, contract: Contract) -> Response[bytes]:
    """Show how far an activation is, as often as it is asked; when it has ended, the whole page."""
    base, sold = f"{PATH}/{contract.id}", bool(request.query_params.get("sold"))
    if contract.status is not ContractStatus.ACTIVATING:
        is_on = contract.status is ContractStatus.ACTIVE
        toast = Toast(
            _("Contract activated") if is_on else _("Activation failed"), "ok" if is_on else "bad"
        )
        return redirect(request, f"{base}?sold=1" if sold else base, toast=toast)
    return page(
        request,
        "console/contracts/_state.html",
        contract=contract,
        base=base,
        sold=sold,
        tasks=crm.provisioning.of_contract(contract.id),
    )


def listed(listing: Listing, crm: Crm) -> Page[Contract]:
    """Return a page of all contracts, or those that a search is about."""
    try:
        field = searched(listing.q, crm)
    except InvalidValue:  # no number that anything could have
        return Page(items=())

    def fetch(query: Query) -> Page[Contract]:
        return crm.contracts.page(attrs.evolve(query, where={**query.where, **field}))

    found: Page[Contract] = tolerant(listing, fetch)
    return found


def names_of(request: Visit, crm: Crm, contracts: Sequence[Contract]) -> dict[Any, str]:
    """Return whose contracts they are, by the customer's id, as far as the visitor may see."""
    if not request.may(Area.CUSTOMERS):
        return {}
    owners = crm.customers.get_many({contract.customer_id for contract in contracts})
    return {known: owner.name for known, owner in owners.items()}
