"""Customers: taking them up, finding and changing them, and how they come and go."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from telecom_crm.application.approvals import Approvals
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.exports import Exports
from telecom_crm.application.ports import Page, TableFormat
from telecom_crm.domain.approval import ApprovalKind
from telecom_crm.domain.customer import MergeField
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import CustomerId, NoteId
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.http.api.approvals import ApprovalView, approval_made
from telecom_crm.entrypoints.http.api.customer_file import CustomerFile
from telecom_crm.entrypoints.http.api.customer_views import CustomerView, customer_shown
from telecom_crm.entrypoints.http.api.people import CustomerChanges, NewCustomer, told
from telecom_crm.entrypoints.http.bodies import Because, Body, Why
from telecom_crm.entrypoints.http.calls import (
    FORMAT,
    Call,
    Parameter,
    listing,
)
from telecom_crm.entrypoints.http.routes import changes, does, makes, reads
from telecom_crm.entrypoints.http.tables import MEDIA_TYPES
from telecom_crm.entrypoints.http.values import (
    KeyUse,
    PageView,
    listed,
    made,
)


class Merging(Body):
    """Into whom a customer goes over, and which of the customer's values that one takes."""

    survivor_id: UUID
    take: list[MergeField] = msgspec.field(default_factory=list)


class NewNote(Body):
    """Something to write down about a customer."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    pinned: bool = False


_SEARCH = Parameter(
    name="q",
    schema={"type": "string", "maxLength": 200},
    description="Part of a name, phone, e-mail, document, number, SIM or contract; alone.",
)
_EXPORT_FILTERS = tuple(
    one for one in listing("customer") if one.name not in ("limit", "cursor", "sort")
)


class CustomerController(CustomerFile, Controller):
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
        query=(FORMAT, *_EXPORT_FILTERS),
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
        headers = {"Content-Disposition": f'attachment; filename="customers.{kind}"'}
        return Stream(pieces, media_type=MEDIA_TYPES[kind], headers=headers)

    @reads("/{customer_id:uuid}", Area.CUSTOMERS)
    def get(
        self, customer_id: FromPath[UUID], customers: NamedDependency[Customers]
    ) -> Response[CustomerView]:
        """Show a customer."""
        return customer_shown(customers.get(CustomerId(customer_id)))

    @changes("/{customer_id:uuid}", Area.CUSTOMERS)
    def update(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        data: JSONBody[CustomerChanges],
        customers: NamedDependency[Customers],
    ) -> Response[CustomerView]:
        """Change what is known about a customer; fields that are left out stay."""
        changes = told(data)
        return customer_shown(
            customers.update(
                CustomerId(customer_id),
                reason=changes.pop("reason", ""),
                changes=changes,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @makes("/{customer_id:uuid}/notes", Area.CUSTOMERS, versioned=True)
    def add_note(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        data: JSONBody[NewNote],
        customers: NamedDependency[Customers],
    ) -> Response[CustomerView]:
        """Write something down about a customer."""
        customer = customers.add_note(
            CustomerId(customer_id),
            text=data.text,
            pinned=data.pinned,
            expected_version=request.seen,
            by=request.by,
        )
        at = f"/customers/{customer.id}"
        return made(CustomerView.of(customer), at=at, version=customer.version)

    @does("/{customer_id:uuid}/notes/{note_id:uuid}/pin", Area.CUSTOMERS, versioned=True)
    def pin_note(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        note_id: FromPath[UUID],
        customers: NamedDependency[Customers],
    ) -> Response[CustomerView]:
        """Have a note read before all else; three may be."""
        return customer_shown(
            customers.pin_note(
                CustomerId(customer_id),
                note_id=NoteId(note_id),
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{customer_id:uuid}/notes/{note_id:uuid}/unpin", Area.CUSTOMERS, versioned=True)
    def unpin_note(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        note_id: FromPath[UUID],
        customers: NamedDependency[Customers],
    ) -> Response[CustomerView]:
        """Put a pinned note back among the others."""
        return customer_shown(
            customers.unpin_note(
                CustomerId(customer_id),
                note_id=NoteId(note_id),
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{customer_id:uuid}/merge", Area.CUSTOMERS, Action.APPROVE, versioned=True)
    def merge(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        data: JSONBody[Merging],
        customers: NamedDependency[Customers],
    ) -> Response[CustomerView]:
        """Say that this customer is another, who takes over all things and the named fields."""
        survivor = CustomerId(data.survivor_id)
        return customer_shown(
            customers.merge(
                CustomerId(customer_id),
                survivor_id=survivor,
                take=data.take,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{customer_id:uuid}/unmerge", Area.CUSTOMERS, Action.APPROVE, versioned=True)
    def unmerge(
        self, request: Call, customer_id: FromPath[UUID], customers: NamedDependency[Customers]
    ) -> Response[CustomerView]:
        """Undo a merge."""
        return customer_shown(
            customers.unmerge(CustomerId(customer_id), expected_version=request.seen, by=request.by)
        )

    @does("/{customer_id:uuid}/block", Area.CUSTOMERS, versioned=True)
    def block(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        data: JSONBody[Why],
        customers: NamedDependency[Customers],
    ) -> Response[CustomerView]:
        """Refuse a customer new contracts."""
        return customer_shown(
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
        return customer_shown(
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
        return customer_shown(
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
        return customer_shown(
            customers.reopen(
                CustomerId(customer_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @makes("/{customer_id:uuid}/erase", Area.CUSTOMERS, key=KeyUse.OPTIONAL)
    def erase(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        data: JSONBody[Why],
        approvals: NamedDependency[Approvals],
    ) -> Response[ApprovalView]:
        """Ask for a customer's personal data to be replaced for good; that takes two."""
        approval = approvals.ask(
            ApprovalKind.ERASURE,
            customer_id,
            reason=data.reason,
            idempotency_key=request.key,
            by=request.by,
        )
        return approval_made(approval)
