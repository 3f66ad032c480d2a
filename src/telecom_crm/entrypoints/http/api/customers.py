"""Customers: who they are, who may be the same, and how they come and go."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from telecom_crm.application.accounts import Accounts
from telecom_crm.application.contracts.service import Contracts
from telecom_crm.application.customers import Customers
from telecom_crm.application.exports import Exports
from telecom_crm.application.payments import Payments
from telecom_crm.application.ports import Page, Query, TableFormat
from telecom_crm.application.tickets import Tickets
from telecom_crm.domain.customer import (
    Customer,
    CustomerKind,
    CustomerStatus,
    DocumentType,
    IdentityDocument,
)
from telecom_crm.domain.deduplication import Match, Suspicion
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import AccountId, CustomerId
from telecom_crm.domain.payment import Payment
from telecom_crm.domain.user import Action, Area
from telecom_crm.entrypoints.http.api.contract_views import ContractView
from telecom_crm.entrypoints.http.api.payments import PaymentView
from telecom_crm.entrypoints.http.api.people import CustomerChanges, NewCustomer, told
from telecom_crm.entrypoints.http.api.tickets import TicketView
from telecom_crm.entrypoints.http.bodies import Because, Body, Why
from telecom_crm.entrypoints.http.calls import (
    CURSOR,
    LIMIT,
    Call,
    Parameter,
    listing,
    read_choice,
)
from telecom_crm.entrypoints.http.routes import changes, does, makes, reads
from telecom_crm.entrypoints.http.tables import MEDIA_TYPES
from telecom_crm.entrypoints.http.values import (
    EventView,
    KeyUse,
    PageView,
    View,
    listed,
    made,
    shown,
    whole,
)


class Merging(Body):
    """Into whom a customer goes over."""

    survivor_id: UUID


class NewNote(Body):
    """Something to write down about a customer."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


class DocumentView(View):
    """A paper that says who somebody is."""

    type: DocumentType
    number: str
    issuer: str
    issued_on: date | None
    valid_until: date | None
    scan: UUID | None

    @classmethod
    def of(cls, paper: IdentityDocument) -> DocumentView:
        """Show a paper."""
        return cls(
            type=paper.type,
            number=paper.number,
            issuer=paper.issuer,
            issued_on=paper.issued_on,
            valid_until=paper.valid_until,
            scan=paper.scan,
        )


class AddressView(View):
    """Where a customer lives or gets post."""

    purpose: str
    country: str
    city: str
    street: str
    postcode: str


class ConsentView(View):
    """What a customer allowed or forbade."""

    purpose: str
    granted: bool
    at: datetime


class NoteView(View):
    """What an operator wrote down."""

    text: str
    by: str
    at: datetime


class CustomerView(View):
    """A person or an organisation."""

    id: UUID
    kind: CustomerKind
    name: str
    phone: str | None
    email: str | None
    language: str
    national_id: str | None
    documents: list[DocumentView]
    birth_date: date | None
    registration_number: str | None
    addresses: list[AddressView]
    consents: list[ConsentView]
    notes: list[NoteView]
    merged_into: UUID | None
    status: CustomerStatus
    version: int

    @classmethod
    def of(cls, customer: Customer) -> CustomerView:
        """Show a customer."""
        return cls(
            id=customer.id,
            kind=customer.kind,
            name=customer.name,
            phone=str(customer.phone) if customer.phone else None,
            email=customer.email,
            language=customer.language,
            national_id=customer.national_id,
            documents=[DocumentView.of(paper) for paper in customer.documents],
            birth_date=customer.birth_date,
            registration_number=customer.registration_number,
            addresses=[
                AddressView(
                    purpose=one.purpose,
                    country=one.country,
                    city=one.city,
                    street=one.street,
                    postcode=one.postcode,
                )
                for one in customer.addresses
            ],
            consents=[
                ConsentView(purpose=one.purpose, granted=one.granted, at=one.at)
                for one in customer.consents
            ],
            notes=[NoteView(text=one.text, by=one.by, at=one.at) for one in customer.notes],
            merged_into=customer.merged_into,
            status=customer.status,
            version=customer.version,
        )


class SuspicionView(View):
    """A customer who may be the same, how sure that is (0 to 100), and why."""

    customer_id: UUID
    score: int
    exact: bool
    reasons: list[Match]
    words: str
    dismissed: bool

    @classmethod
    def of(cls, suspicion: Suspicion) -> SuspicionView:
        """Show a suspicion."""
        return cls(
            customer_id=suspicion.customer_id,
            score=suspicion.score,
            exact=suspicion.exact,
            reasons=list(suspicion.reasons),
            words=suspicion.words,
            dismissed=suspicion.dismissed,
        )


_SEARCH = Parameter(
    name="q",
    schema={"type": "string", "maxLength": 200},
    description="Part of a name, phone, e-mail, document, number, SIM or contract; alone.",
)
_FORMAT = Parameter(
    name="format",
    schema={"type": "string", "enum": list(TableFormat), "default": "csv"},
    read=read_choice(*TableFormat),
    description="The kind of file.",
)
_EXPORT_FILTERS = tuple(
    one for one in listing("customer") if one.name not in ("limit", "cursor", "sort")
)


class CustomerController(Controller):
    """People and organisations that have, had or want contracts."""

    path = "/customers"
    tags = ("customers",)

    @makes("/", Area.CUSTOMERS, key=KeyUse.OPTIONAL)
    def register(
        self, request: Call, data: JSONBody[NewCustomer], customers: NamedDependency[Customers]
    ) -> Response[CustomerView]:
        """Take up a customer, or return the one with the same document or national id."""
        customer = customers.register(**told(data), idempotency_key=request.key, by=request.by)
        return made(
            CustomerView.of(customer),
            at=f"/customers/{customer.id}",
            version=customer.version,
            replayed=customer.replayed,
        )

    @reads("/", Area.CUSTOMERS, query=(_SEARCH, *listing("customer")))
    def page(
        self, request: Call, customers: NamedDependency[Customers]
    ) -> Response[PageView[CustomerView]]:
        """List customers, or find some with `q`."""
        given = request.given()
        if "q" not in given:
            return listed(request, customers.page(request.query()), CustomerView.of)
        if set(given) - {"q", "limit"}:
            raise InvalidValue.of("q", "alone", "goes with limit alone")
        found = customers.search(given["q"], limit=given.get("limit", 20))
        return listed(request, Page(items=tuple(found)), CustomerView.of)

    @reads(
        "/export",
        Area.CUSTOMERS,
        Action.EXPORT,
        query=(_FORMAT, *_EXPORT_FILTERS),
        media_types=tuple(MEDIA_TYPES.values()),
        extra="reports",
    )
    def export(self, request: Call, exports: NamedDependency[Exports]) -> Stream:
        """
        Download all customers, or those that a filter lets through, as a file.

        That somebody did is written down.
        """
        where = request.given()
        kind = TableFormat(where.pop("format", TableFormat.CSV))
        pieces = exports.customer_file(kind, by=request.by, **where)
        headers = {
            "Content-Disposition": f'attachment; filename="customers.{kind}"',
            "Cache-Control": "no-store",
        }
        return Stream(pieces, media_type=MEDIA_TYPES[kind], headers=headers)

    @reads("/{customer_id:uuid}", Area.CUSTOMERS)
    def get(
        self, customer_id: FromPath[UUID], customers: NamedDependency[Customers]
    ) -> Response[CustomerView]:
        """Show a customer."""
        return _shown(customers.get(CustomerId(customer_id)))

    @changes("/{customer_id:uuid}", Area.CUSTOMERS)
    def update(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        data: JSONBody[CustomerChanges],
        customers: NamedDependency[Customers],
    ) -> Response[CustomerView]:
        """Change what is known about a customer; fields that are left out stay."""
        known = customers.get(CustomerId(customer_id))
        scans = {paper.key: paper.scan for paper in known.documents}
        return _shown(
            customers.update(
                known.id,
                changes=told(data, scans=scans),
                expected_version=request.seen,
                by=request.by,
            )
        )

    @makes("/{customer_id:uuid}/notes", Area.CUSTOMERS)
    def add_note(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        data: JSONBody[NewNote],
        customers: NamedDependency[Customers],
    ) -> Response[CustomerView]:
        """Write something down about a customer."""
        customer = customers.add_note(CustomerId(customer_id), text=data.text, by=request.by)
        at = f"/customers/{customer.id}"
        return made(CustomerView.of(customer), at=at, version=customer.version)

    @reads("/{customer_id:uuid}/timeline", Area.CUSTOMERS)
    def timeline(
        self, customer_id: FromPath[UUID], customers: NamedDependency[Customers]
    ) -> PageView[EventView]:
        """Tell what happened to a customer and to all that is theirs, oldest first."""
        return whole(customers.timeline(CustomerId(customer_id)), EventView.of)

    @reads("/{customer_id:uuid}/duplicates", Area.CUSTOMERS)
    def duplicates(
        self, customer_id: FromPath[UUID], customers: NamedDependency[Customers]
    ) -> PageView[SuspicionView]:
        """Show customers who may be the same person, the surest first."""
        return whole(customers.duplicates(CustomerId(customer_id)), SuspicionView.of)

    @reads(
        "/{customer_id:uuid}/contracts",
        Area.CONTRACTS,
        query=listing("contract", without=("customer_id",)),
    )
    def contracts(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        customers: NamedDependency[Customers],
        contracts: NamedDependency[Contracts],
    ) -> Response[PageView[ContractView]]:
        """List a customer's contracts."""
        customers.get(CustomerId(customer_id))
        page = contracts.page(request.query(customer_id=str(customer_id)))
        return listed(request, page, ContractView.of)

    @reads("/{customer_id:uuid}/payments", Area.PAYMENTS, query=(LIMIT, CURSOR))
    def payments(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        customers: NamedDependency[Customers],
        accounts: NamedDependency[Accounts],
        payments: NamedDependency[Payments],
    ) -> Response[PageView[PaymentView]]:
        """List the payments to a customer's accounts, account after account."""
        customers.get(CustomerId(customer_id))
        ids = [account.id for account in accounts.of_customer(CustomerId(customer_id))]
        return listed(request, _payments_of(ids, payments, request.query()), PaymentView.of)

    @reads(
        "/{customer_id:uuid}/tickets",
        Area.TICKETS,
        query=listing("ticket", without=("customer_id",)),
    )
    def tickets(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        customers: NamedDependency[Customers],
        tickets: NamedDependency[Tickets],
    ) -> Response[PageView[TicketView]]:
        """List a customer's tickets."""
        customers.get(CustomerId(customer_id))
        page = tickets.page(request.query(customer_id=str(customer_id)))
        return listed(request, page, TicketView.of)

    @does("/{customer_id:uuid}/merge", Area.CUSTOMERS, Action.APPROVE)
    def merge(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        data: JSONBody[Merging],
        customers: NamedDependency[Customers],
    ) -> Response[CustomerView]:
        """Say that this customer is another, who takes over everything but the name."""
        survivor = CustomerId(data.survivor_id)
        return _shown(customers.merge(CustomerId(customer_id), survivor_id=survivor, by=request.by))

    @does("/{customer_id:uuid}/unmerge", Area.CUSTOMERS, Action.APPROVE)
    def unmerge(
        self, request: Call, customer_id: FromPath[UUID], customers: NamedDependency[Customers]
    ) -> Response[CustomerView]:
        """Undo a merge."""
        return _shown(customers.unmerge(CustomerId(customer_id), by=request.by))

    @does("/{customer_id:uuid}/block", Area.CUSTOMERS, versioned=True)
    def block(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        data: JSONBody[Why],
        customers: NamedDependency[Customers],
    ) -> Response[CustomerView]:
        """Refuse a customer new contracts."""
        return _shown(
            customers.block(
                CustomerId(customer_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{customer_id:uuid}/unblock", Area.CUSTOMERS, versioned=True)
    def unblock(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        data: JSONBody[Because],
        customers: NamedDependency[Customers],
    ) -> Response[CustomerView]:
        """Lift a customer's block."""
        return _shown(
            customers.unblock(
                CustomerId(customer_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{customer_id:uuid}/close", Area.CUSTOMERS, versioned=True)
    def close(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        data: JSONBody[Because],
        customers: NamedDependency[Customers],
    ) -> Response[CustomerView]:
        """End the relation with a customer who has no open contract."""
        return _shown(
            customers.close(
                CustomerId(customer_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{customer_id:uuid}/reopen", Area.CUSTOMERS, versioned=True)
    def reopen(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        data: JSONBody[Because],
        customers: NamedDependency[Customers],
    ) -> Response[CustomerView]:
        """Take a closed customer back."""
        return _shown(
            customers.reopen(
                CustomerId(customer_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{customer_id:uuid}/erase", Area.CUSTOMERS, Action.APPROVE, versioned=True)
    def erase(
        self, request: Call, customer_id: FromPath[UUID], customers: NamedDependency[Customers]
    ) -> Response[CustomerView]:
        """Replace a customer's personal data for good."""
        return _shown(
            customers.erase(CustomerId(customer_id), expected_version=request.seen, by=request.by)
        )


def _shown(customer: Customer) -> Response[CustomerView]:
    return shown(CustomerView.of(customer), version=customer.version)


def _payments_of(accounts: list[AccountId], payments: Payments, query: Query) -> Page[Payment]:
    """Return a page of one account's payments; its cursor leads on to the next account."""
    if not accounts:
        return Page(items=())
    here, _, inner = (query.cursor or f"{accounts[0]}/").partition("/")
    places = {str(account): place for place, account in enumerate(accounts)}
    if here not in places:
        raise InvalidValue.of("cursor", "cursor", "one that a page of this list gave")
    page = payments.page(Query(where={"account_id": here}, limit=query.limit, cursor=inner or None))
    following = accounts[places[here] + 1 :]
    if page.next is not None:
        return Page(items=page.items, next=f"{here}/{page.next}")
    return Page(items=page.items, next=f"{following[0]}/" if following else None)
