"""All that there is of a customer: their contracts, payments and tickets, their papers and past."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from telecom_crm.application.accounts import Accounts
from telecom_crm.application.contracts.service import Contracts
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.payments.service import Payments
from telecom_crm.application.scans import Scans
from telecom_crm.application.tickets import Tickets
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.identifiers import CustomerId
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.http.api.contract_views import ContractView
from telecom_crm.entrypoints.http.api.customer_views import (
    CustomerView,
    FormerValueView,
    IdentityView,
    SuspicionView,
)
from telecom_crm.entrypoints.http.api.payments import PaymentView
from telecom_crm.entrypoints.http.api.ticket_views import TicketView
from telecom_crm.entrypoints.http.attachments import FILE_TYPES, download, keep, takes_file
from telecom_crm.entrypoints.http.calls import CURSOR, LIMIT, Call, by_key, listing
from telecom_crm.entrypoints.http.routes import reads
from telecom_crm.entrypoints.http.values import EventView, PageView, listed, made, shown, whole


class CustomerFile:
    """What belongs to a customer, for the customers' controller."""

    @reads("/{customer_id:uuid}/timeline", Area.CUSTOMERS, query=(LIMIT, CURSOR, by_key("at")))
    def timeline(
        self, request: Call, customer_id: FromPath[UUID], customers: NamedDependency[Customers]
    ) -> Response[PageView[EventView]]:
        """Tell what happened to a customer and to all that is theirs, oldest first."""
        page = customers.timeline(CustomerId(customer_id), request.query())
        return listed(request, page, EventView.of)

    @reads("/{customer_id:uuid}/identity", Area.CUSTOMERS, Action.REVEAL)
    def identity(
        self, request: Call, customer_id: FromPath[UUID], customers: NamedDependency[Customers]
    ) -> Response[IdentityView]:
        """Show a customer's personal number and those of their papers whole; it is written down."""
        customer = customers.look_at(CustomerId(customer_id), by=request.by)
        return shown(IdentityView.of(customer), version=customer.version)

    @reads("/{customer_id:uuid}/former-values", Area.CUSTOMERS, Action.REVEAL)
    def former_values(
        self, request: Call, customer_id: FromPath[UUID], customers: NamedDependency[Customers]
    ) -> PageView[FormerValueView]:
        """Tell what a customer's personal fields were before, oldest first, until erasure."""
        found = customers.former_values(CustomerId(customer_id), by=request.by)
        return whole(found, FormerValueView.of)

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
        """List the payments to a customer's accounts."""
        customers.get(CustomerId(customer_id))
        ids = [account.id for account in accounts.of_customer(CustomerId(customer_id))]
        return listed(request, payments.of_accounts(ids, request.query()), PaymentView.of)

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

    @takes_file("/{customer_id:uuid}/documents/{place:int}/scan", Area.CUSTOMERS)
    async def add_scan(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        place: FromPath[int],
        customers: NamedDependency[Customers],
        scans: NamedDependency[Scans],
    ) -> Response[CustomerView]:
        """
        Keep a scan of an identity document: PDF, PNG, JPEG, WEBP or TIFF by its content, to 20 MB.

        The body is the file itself; `place` counts the customer's `documents` from 0. It takes the
        place of the scan before, if there was one.
        """

        def store(name: str, content: Iterator[bytes]) -> Customer:
            customer = customers.get(CustomerId(customer_id))
            return scans.add(
                customer.id,
                document=customer.paper(place).key,
                name=name,
                content=content,
                expected_version=request.seen,
                by=request.by,
            )

        customer = await keep(request, store)
        at = f"/customers/{customer.id}/documents/{place}/scan"
        return made(CustomerView.of(customer), at=at, version=customer.version)

    @reads(
        "/{customer_id:uuid}/documents/{place:int}/scan",
        Area.CUSTOMERS,
        Action.REVEAL,
        media_types=FILE_TYPES,
    )
    def scan(
        self,
        request: Call,
        customer_id: FromPath[UUID],
        place: FromPath[int],
        customers: NamedDependency[Customers],
        scans: NamedDependency[Scans],
    ) -> Stream:
        """Download the scan of an identity document; who looked is written down."""
        customer = customers.get(CustomerId(customer_id))
        return download(*scans.open(customer.id, document=customer.paper(place).key, by=request.by))
