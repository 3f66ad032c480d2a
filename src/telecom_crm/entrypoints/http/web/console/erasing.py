"""Taking all that is known of a customer out, which takes two."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.approvals import Approvals
from telecom_crm.application.customers.service import Customers
from telecom_crm.domain.approval import ApprovalKind
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.identifiers import CustomerId
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.commands import REASON, Command
from telecom_crm.entrypoints.http.web.console.customers import PATH
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Toast, Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.routes import acts, shows

ERASE = Command(
    "erase",
    N_("Erase personal data"),
    "trash-2",
    N_("A second person has to approve this: the request is sent"),
    Approvals.ask,
    REASON,
    hurts=True,
)


class ErasingPages(Controller):
    """Erasing what is personal of a customer."""

    path = PATH

    @shows("/{customer_id:uuid}/erase", Area.CUSTOMERS, Action.WRITE)
    def ask(
        self,
        request: Visit,
        customer_id: FromPath[UUID],
        customers: NamedDependency[Customers],
    ) -> Response[bytes]:
        """Ask why a customer is to be erased."""
        return _asked(request, customers.get(CustomerId(customer_id)), Form())

    @acts("/{customer_id:uuid}/erase", Area.CUSTOMERS)
    def erase(
        self,
        request: Visit,
        customer_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Ask a second person for it: nothing is erased yet."""
        assert request.visitor is not None, "nobody asks as a guest"
        crm.access.permit(request.visitor, Area.APPROVALS, Action.WRITE, thing="approval")
        customer = crm.customers.get(CustomerId(customer_id))
        asked = form.submit(
            crm.approvals.ask,
            ApprovalKind.ERASURE,
            customer.id,
            reason=form.text("reason", limit=500),
            idempotency_key=form.key,
            by=request.by,
        )
        if asked is None:
            return _asked(request, customer, form)
        said = Toast(_(ERASE.done), "info")
        return redirect(request, f"/console/approvals/{asked.id}", toast=said)


def _asked(request: Visit, customer: Customer, form: Form) -> Response[bytes]:
    return page(
        request,
        "console/ask.html",
        status=200 if form.ok else form.status,
        heading=ERASE.words,
        command=ERASE,
        note=_(
            "Names, papers, scans and messages are replaced for good. The books and contracts stay."
        ),
        object=customer.name,
        action=f"{PATH}/{customer.id}/erase",
        back=f"{PATH}/{customer.id}",
        form=form,
        version=customer.version,
    )
