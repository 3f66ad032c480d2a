"""The way into self-care for an organisation, which has no phone that a code could go to."""

from __future__ import annotations

import secrets
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.identifiers import CustomerId
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.http import Visit, page
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/customers"
_BYTES = 12


class SelfCarePages(Controller):
    """Passwords of organisations for self-care, in the console."""

    path = PATH

    @shows("/{customer_id:uuid}/self-care", Area.CUSTOMERS, Action.WRITE)
    def ask(
        self, request: Visit, customer_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Ask whether, before a password takes the place of any that there was."""
        return _shown(request, _organisation(crm, customer_id))

    @acts("/{customer_id:uuid}/self-care", Area.CUSTOMERS)
    def give(
        self, request: Visit, customer_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Give a new password, shown this once, and end the sessions of those who had the last."""
        customer = _organisation(crm, customer_id)
        password = secrets.token_urlsafe(_BYTES)
        crm.self_care.set_password(customer.id, password=password, by=request.by)
        return _shown(request, customer, password)


def _organisation(crm: Crm, customer_id: UUID) -> Customer:
    """Return a customer who is no person: people come in by a code, and choose their own."""
    customer = crm.customers.get(CustomerId(customer_id))
    if customer.kind is not CustomerKind.ORGANISATION or customer.is_gone:
        raise NotFound("organisation", str(customer_id))
    return customer


def _shown(request: Visit, customer: Customer, password: str = "") -> Response[bytes]:
    base = f"{PATH}/{customer.id}"
    return page(
        request,
        "console/customers/self_care.html",
        customer=customer,
        base=base,
        password=password,
    )
