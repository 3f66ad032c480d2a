"""A contact corrected in its place on the profile; without JavaScript, on a page of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.customers.service import Customers
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.identifiers import CustomerId
from telecom_crm.domain.profile import Address
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.audit_labels import field as named
from telecom_crm.entrypoints.http.web.console.customers import PATH, SAVED
from telecom_crm.entrypoints.http.web.console.registering import read_addresses
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.identity import read
from telecom_crm.entrypoints.http.web.routes import acts, shows


class CustomerFieldPages(Controller):
    """The fields of a customer that are corrected one by one, without a reason."""

    path = PATH

    @shows("/{customer_id:uuid}/fields/{field:str}", Area.CUSTOMERS, Action.WRITE)
    def show(
        self,
        request: Visit,
        customer_id: FromPath[UUID],
        field: FromPath[str],
        customers: NamedDependency[Customers],
    ) -> Response[bytes]:
        """Show a field to be corrected; as it stands where that was given up."""
        customer = customers.get(CustomerId(customer_id))
        filled = Form.filled(**_typed(customer, field))
        given_up = request.query_params.get("given_up") == "true"
        return _shown(request, customer, field, filled, editing=not given_up)

    @acts("/{customer_id:uuid}/fields/{field:str}", Area.CUSTOMERS)
    def save(
        self,
        request: Visit,
        customer_id: FromPath[UUID],
        field: FromPath[str],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Correct a field."""
        customer = crm.customers.get(CustomerId(customer_id))
        changes = _reader(field)(form, crm, customer)
        seen, by = form.version, request.by
        done = form.submit(
            crm.customers.update, customer.id, changes=changes, expected_version=seen, by=by
        )
        if done is None:
            return _shown(request, customer, field, form, editing=True)
        back = f"{PATH}/{customer_id}?{SAVED}={field}"
        return redirect(request, back, toast=_("Saved"))


def _field(name: str) -> Reader:
    return lambda form, crm, _: read(form, crm, (name,), required={"language"})


Reader = Callable[[Form, Crm, Customer], dict[str, Any]]

READERS: Mapping[str, Reader] = {
    **{name: _field(name) for name in ("phone", "email", "language")},
    "addresses": lambda form, crm, customer: {"addresses": read_addresses(form, crm, customer)},
}
"""The fields, each with what reads it from a form as a change of `Customers.update`."""


def _reader(field: str) -> Reader:
    if field not in READERS:
        raise NotFound("field", field)
    return READERS[field]


def _typed(customer: Customer, field: str) -> dict[str, Any]:
    """Return a field as a form shows it."""
    _reader(field)
    if field != "addresses":
        return {field: getattr(customer, field)}
    address = customer.addresses[0] if customer.addresses else Address()
    return {"city": address.city, "street": address.street}


def _shown(
    request: Visit, customer: Customer, field: str, form: Form, *, editing: bool
) -> Response[bytes]:
    return page(
        request,
        "console/customers/field.html",
        fragment="console/customers/_field.html",
        status=200 if form.ok else form.status,
        customer=customer,
        base=f"{PATH}/{customer.id}",
        field=field,
        label=named(field),
        form=form,
        editing=editing,
    )
