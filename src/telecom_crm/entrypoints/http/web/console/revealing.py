"""What is secret of a customer, shown to whoever may see it, and each look written down."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from telecom_crm.domain.identifiers import CustomerId
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.attachments import download
from telecom_crm.entrypoints.http.web.console.customers import PATH, shown, shown_tab
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.routes import acts, shows


class RevealingPages(Controller):
    """Numbers and scans of a customer's papers, and what personal fields were before."""

    path = PATH

    @acts("/{customer_id:uuid}", Area.CUSTOMERS, Action.REVEAL)
    def numbers(
        self, request: Visit, customer_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show the overview with its secret numbers."""
        customer = crm.customers.look_at(CustomerId(customer_id), by=request.by)
        return shown(request, crm, customer, is_open=True)

    @acts("/{customer_id:uuid}/documents", Area.CUSTOMERS, Action.REVEAL)
    def papers(
        self,
        request: Visit,
        customer_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Show the papers with their numbers and scans, or what personal fields were before."""
        known = CustomerId(customer_id)
        if form.flag("former"):
            former = crm.customers.former_values(known, by=request.by)[::-1]
            return shown_tab(request, crm, customer_id, "documents", former=former)
        crm.customers.look_at(known, by=request.by)
        return shown_tab(request, crm, customer_id, "documents", is_open=True)

    @shows("/{customer_id:uuid}/documents/{place:int}/scan", Area.CUSTOMERS, Action.REVEAL)
    def scan(
        self,
        request: Visit,
        customer_id: FromPath[UUID],
        place: FromPath[int],
        crm: NamedDependency[Crm],
    ) -> Stream:
        """Give out the scan of a paper, which is written down."""
        paper = crm.customers.get(CustomerId(customer_id)).paper(place)
        return download(*crm.scans.open(CustomerId(customer_id), document=paper.key, by=request.by))
