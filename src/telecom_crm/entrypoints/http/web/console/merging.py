"""Two customers who are one person: compared side by side, made one, and parted again."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.customers.service import Customers
from telecom_crm.application.duplicates import IN_A_ROW
from telecom_crm.application.ports import Page, Query
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.customer import Customer, MergeField
from telecom_crm.domain.deduplication import Match, Suspicion
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import CustomerId
from telecom_crm.domain.payment import Payment
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.text import masked
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.commands import Command, Commands, routes_of
from telecom_crm.entrypoints.http.web.console.customers import PATH
from telecom_crm.entrypoints.http.web.console.finding import CHOOSE, choosing
from telecom_crm.entrypoints.http.web.console.lists import COUNTED, Listing, tally
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Toast, Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import NAMES, here, phone
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.routes import acts, shows

LOOKED_AT = 100
"""So many customers are looked at at once for pairs."""
GOES, STAYS = "goes", "stays"
"""Whose value of a field is kept."""
SHOWN_PAYMENTS = 100
"""So far the payments that move are counted."""


UNMERGE = Commands(
    area=Area.CUSTOMERS,
    action=Action.APPROVE,
    service=lambda crm: crm.customers,
    find=lambda crm, key: crm.customers.get(CustomerId(key)),
    title=lambda customer: customer.name,
    table=(
        Command(
            "unmerge",
            N_("Undo the merge"),
            "rotate-ccw",
            N_("They are two customers again"),
            Customers.unmerge,
        ),
    ),
)


@attrs.frozen
class Side:
    """One of the two, with all that a merge would move."""

    customer: Customer
    contracts: tuple[Contract, ...]
    accounts: list[AccountState]
    tickets: str
    applications: str
    payments: str

    @classmethod
    def of(cls, request: Visit, crm: Crm, customer: Customer) -> Side:
        """Read what a customer has, as far as the visitor may see it."""
        whose, may, most = {"customer_id": str(customer.id)}, request.may, COUNTED + 1
        contracts = Query(where=whose, limit=50)
        states = crm.accounts.states_of([customer.id])[customer.id] if may(Area.ACCOUNTS) else []
        payments = Query(limit=SHOWN_PAYMENTS, descending=True)
        return cls(
            customer,
            crm.contracts.page(contracts).items if may(Area.CONTRACTS) else (),
            states,
            tally(crm.tickets.counts(whose, most=most)[0]) if may(Area.TICKETS) else "",
            tally(crm.intake.counts(whose, most=most)[0]) if may(Area.APPLICATIONS) else "",
            _told_of(crm.payments.of_accounts([one.account.id for one in states], payments))
            if may(Area.PAYMENTS)
            else "",
        )

    @property
    def proof(self) -> str:
        """What has to be typed for this one to be merged: nobody does it by a slip."""
        return self.contracts[0].number if self.contracts else self.customer.name


def _told_of(payments: Page[Payment]) -> str:
    """Return how many payments there are, as far as they were looked at."""
    count = here().number(len(payments.items))
    return f"{count}+" if payments.next else count


class MergingPages(Controller):
    """Merging customers in the console."""

    path = PATH

    @shows("/duplicates", Area.CUSTOMERS)
    def pairs(self, request: Visit, customers: NamedDependency[Customers]) -> Response[bytes]:
        """List who may be one person, the latest customers first."""
        listing = Listing.of(request)
        try:
            found = customers.suspected_pairs(limit=LOOKED_AT, cursor=listing.asked.get("cursor"))
        except InvalidValue:  # a cursor that is none: an old bookmark shows the beginning
            found = customers.suspected_pairs(limit=LOOKED_AT)
        return page(
            request,
            "console/customers/duplicates.html",
            found=found,
            listing=listing,
            looked_at=LOOKED_AT * IN_A_ROW,
        )

    @acts("/{customer_id:uuid}/duplicates/{other_id:uuid}/dismiss", Area.CUSTOMERS)
    def dismiss(
        self,
        request: Visit,
        customer_id: FromPath[UUID],
        other_id: FromPath[UUID],
        form: NamedDependency[Form],
        customers: NamedDependency[Customers],
    ) -> Response[bytes]:
        """Say that they are two people, and go on where one was."""
        one, other = CustomerId(customer_id), CustomerId(other_id)
        done = form.submit(customers.dismiss_duplicate, one, other_id=other, by=request.by)
        back = request.came_from or f"{PATH}/duplicates"
        if done is None:
            return redirect(request, back, toast=Toast(form.summary()[0][1], "bad"))
        return redirect(request, back, toast=_("They are two people"))

    @shows("/{customer_id:uuid}/merge", Area.CUSTOMERS, Action.APPROVE)
    def choose(
        self, request: Visit, customer_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Ask who else the customer is: those who are alike, or one that is searched for."""
        customer = crm.customers.get(CustomerId(customer_id))
        suspects = _suspects(crm, customer)
        known = crm.customers.get_many([one.customer_id for one in suspects])
        base = f"{PATH}/{customer.id}"
        at = f"{base}/merge"
        return page(
            request,
            "console/customers/merge.html",
            fragment=CHOOSE,
            customer=customer,
            base=base,
            suspects=[(known[one.customer_id], one) for one in suspects],
            **choosing(request, crm, at=at, leads=lambda one: f"{at}/{one}", but=customer.id),
        )

    @shows("/{customer_id:uuid}/merge/{other_id:uuid}", Area.CUSTOMERS, Action.APPROVE)
    def compare(
        self,
        request: Visit,
        customer_id: FromPath[UUID],
        other_id: FromPath[UUID],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Show both side by side: the first goes, the second stays."""
        return _compared(request, crm, CustomerId(customer_id), CustomerId(other_id), Form())

    @acts("/{customer_id:uuid}/merge/{other_id:uuid}", Area.CUSTOMERS, Action.APPROVE)
    def merge(
        self,
        request: Visit,
        customer_id: FromPath[UUID],
        other_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Make them one."""
        loser, survivor = CustomerId(customer_id), CustomerId(other_id)
        proof = Side.of(request, crm, crm.customers.get(loser)).proof
        if form.text("proof") != proof and form.ok:
            form.fault("proof", "proof")
        done = form.submit(
            crm.customers.merge,
            loser,
            survivor_id=survivor,
            take=[one for one in MergeField if form.raw(f"keep.{one}") == GOES],
            expected_version=form.version,
            by=request.by,
        )
        if done is None:
            return _compared(request, crm, loser, survivor, form)
        return redirect(request, f"{PATH}/{survivor}", toast=_("They are one customer now"))

    ask_unmerge, unmerge = routes_of("/{customer_id:uuid}/unmerge", UNMERGE)


def _compared(
    request: Visit, crm: Crm, loser_id: CustomerId, survivor_id: CustomerId, form: Form
) -> Response[bytes]:
    sides = [Side.of(request, crm, crm.customers.get(one)) for one in (loser_id, survivor_id)]
    suspicion = next(
        (one for one in crm.customers.duplicates(loser_id) if one.customer_id == survivor_id), None
    )
    reasons: tuple[Match, ...] = suspicion.reasons if suspicion else ()
    return page(
        request,
        "console/customers/compare.html",
        status=200 if form.ok else form.status,
        form=form,
        sides=sides,
        rows=_rows(*(side.customer for side in sides)),
        reasons=[label(one) for one in reasons],
        action=f"{PATH}/{loser_id}/merge/{survivor_id}",
        turned=f"{PATH}/{survivor_id}/merge/{loser_id}",
        back=f"{PATH}/{loser_id}",
    )


def _suspects(crm: Crm, customer: Customer) -> list[Suspicion]:
    """Return whom a customer may be, but for those whom somebody told apart."""
    return [one for one in crm.customers.duplicates(customer.id) if not one.dismissed]


@attrs.frozen
class Row:
    """What is known of both, and which of the two values may be chosen."""

    words: str
    old: str
    new: str
    differs: bool
    field: MergeField | None = None

    @property
    def name(self) -> str:
        """What its choice is called in the form."""
        return f"keep.{self.field}"

    @property
    def is_open(self) -> bool:
        """Whether there is something to choose."""
        return self.field is not None and self.differs and bool(self.old)

    @property
    def first(self) -> str:
        """The choice that is made unless another one is: what is there, and of two what stays."""
        return STAYS if self.new else GOES


def _rows(goes: Customer, stays: Customer) -> list[Row]:
    """Return what is known about both, line by line; what is secret by its ends."""
    told: list[tuple[str, MergeField, Callable[[Customer], str]]] = [
        (_("Name"), MergeField.NAME, lambda one: one.name),
        (_("Phone"), MergeField.PHONE, lambda one: phone(one.phone) if one.phone else ""),
        (_("E-mail"), MergeField.EMAIL, lambda one: one.email or ""),
        (_("Language"), MergeField.LANGUAGE, lambda one: NAMES.get(one.language, one.language)),
        (_("Date of birth"), MergeField.BIRTH_DATE, _born),
        (_("Registration number"), MergeField.REGISTRATION_NUMBER, _registered),
        (_("Personal number"), MergeField.NATIONAL_ID, lambda one: masked(one.national_id)),
        (_("Document"), MergeField.DOCUMENTS, _papers),
        (_("Address"), MergeField.ADDRESSES, _addresses),
    ]
    states = label(goes.status), label(stays.status)
    return [
        Row(_("Status"), *states, differs=states[0] != states[1]),
        *(
            Row(
                words,
                read(goes),
                read(stays),
                differs=getattr(goes, field) != getattr(stays, field),
                field=field,
            )
            for words, field, read in told
        ),
    ]


def _born(one: Customer) -> str:
    return here().date(one.birth_date) if one.birth_date else ""


def _registered(one: Customer) -> str:
    return one.registration_number or ""


def _papers(one: Customer) -> str:
    return ", ".join(
        f"{label(paper.type)} {masked(paper.number, first=2, last=3)}" for paper in one.documents
    )


def _addresses(one: Customer) -> str:
    return "; ".join(f"{each.city} {each.street}".strip() for each in one.addresses)
