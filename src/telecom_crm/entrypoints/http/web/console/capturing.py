"""Applications that an office takes in and puts right: the form, and who may be the same."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.applicants import Findings
from telecom_crm.domain.application import Application, ApplicationKind, Channel, Priority
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.identifiers import ApplicationId, CustomerId
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web import kyc
from telecom_crm.entrypoints.http.web.console import customers
from telecom_crm.entrypoints.http.web.console.application_commands import PATH
from telecom_crm.entrypoints.http.web.console.applications import suspected
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.routes import acts, shows

NOTHING_FOUND = Findings()


class CapturePages(Controller):
    """New applications, and what is added to those that lack something."""

    path = PATH

    @shows("/new", Area.APPLICATIONS, Action.WRITE)
    def new(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask who it is, and what for."""
        kind = kyc.kind_of(request.query_params.get("kind", ""))
        form = Form.filled(
            customer_kind=kind,
            kind=ApplicationKind.NEW_CONNECTION,
            priority=Priority.NORMAL,
            language=here().code,
        )
        return _new(request, crm, form, NOTHING_FOUND)

    @acts("/new", Area.APPLICATIONS, request_max_body_size=kyc.FORM_BYTES)
    def create(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Take an application in, once somebody has seen who is like them."""
        raw, scans = kyc.read_applicant(form, crm), kyc.read_scans(form)
        kind, priority = form.choice("kind", ApplicationKind), form.choice("priority", Priority)
        findings = kyc.check(form, crm, raw, scans)
        if kind is None or priority is None or _unseen(form, findings):
            return _new(request, crm, form, findings)
        made = form.submit(
            crm.intake.capture,
            kind=kind,
            channel=Channel.CONSOLE,
            raw=raw,
            priority=priority,
            scans=scans,
            idempotency_key=form.key,
            by=request.by,
        )
        if made is None:
            return _new(request, crm, form, findings)
        return redirect(request, f"{PATH}/{made.id}", toast=_("Registered. Check it and approve"))

    @acts("/new/similar", Area.APPLICATIONS)
    def similar(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show who is like what is typed so far, and keep nothing."""
        suspects = suspected(request, crm, kyc.alike(form, crm))
        return page(request, "console/applications/_similar.html", suspects=suspects)

    @shows("/{application_id:uuid}/supply", Area.APPLICATIONS, Action.WRITE)
    def correct(
        self, request: Visit, application_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show what is known, to be put right."""
        application = crm.intake.get(ApplicationId(application_id))
        return _supply(request, crm, application, kyc.filled(application))

    @acts(
        "/{application_id:uuid}/supply",
        Area.APPLICATIONS,
        request_max_body_size=kyc.FORM_BYTES,
    )
    def supply(
        self,
        request: Visit,
        application_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Add what was asked for."""
        application = crm.intake.get(ApplicationId(application_id))
        raw, scans = kyc.read_applicant(form, crm, partly=True), kyc.read_scans(form)
        if application.customer_id is None:
            kyc.check(form, crm, {**application.raw, **raw}, scans)
        done = form.submit(
            crm.intake.supply,
            application.id,
            raw=raw,
            scans=scans,
            expected_version=form.version,
            by=request.by,
        )
        if done is None:
            return _supply(request, crm, application, form)
        return redirect(request, f"{PATH}/{done.id}", toast=_("The data is supplied"))


class RequestPages(Controller):
    """What a customer asks for: who they are is known."""

    path = customers.PATH

    @shows("/{customer_id:uuid}/request", Area.APPLICATIONS, Action.WRITE)
    def ask(
        self, request: Visit, customer_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Ask what for."""
        customer = _customer(request, crm, customer_id)
        form = Form.filled(kind=ApplicationKind.TARIFF_CHANGE, priority=Priority.NORMAL)
        return _request(request, crm, customer, form)

    @acts(
        "/{customer_id:uuid}/request",
        Area.APPLICATIONS,
        request_max_body_size=kyc.FORM_BYTES,
    )
    def take(
        self,
        request: Visit,
        customer_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Take the application of a customer in."""
        customer = _customer(request, crm, customer_id)
        kind, priority = form.choice("kind", ApplicationKind), form.choice("priority", Priority)
        raw, scans = kyc.read_wanted(form, crm), kyc.read_scans(form)
        if kind is None or priority is None:
            return _request(request, crm, customer, form)
        phone = {"phone": str(customer.phone)} if customer.phone else {}
        made = form.submit(
            crm.intake.capture,
            kind=kind,
            channel=Channel.CONSOLE,
            raw={"full_name": customer.name, **phone, **raw},
            priority=priority,
            customer_id=customer.id,
            scans=scans,
            idempotency_key=form.key,
            by=request.by,
        )
        if made is None:
            return _request(request, crm, customer, form)
        return redirect(request, f"{PATH}/{made.id}", toast=_("Registered. Check it and approve"))


def _request(request: Visit, crm: Crm, customer: Customer, form: Form) -> Response[bytes]:
    return page(
        request,
        "console/applications/request.html",
        status=200 if form.ok else form.status,
        customer=customer,
        base=f"{customers.PATH}/{customer.id}",
        **_kinds(),
        **kyc.shown(request, form, crm),
    )


def _kinds() -> dict[str, Any]:
    return {
        "kinds": [(one.value, label(one)) for one in ApplicationKind],
        "priorities": [(one.value, label(one)) for one in Priority],
    }


def _unseen(form: Form, findings: Findings) -> bool:
    """Tell whether somebody is like them whom the form did not show yet."""
    seen = form.all("seen")
    return form.ok and any(str(one.customer_id) not in seen for one in findings.suspects)


def _new(request: Visit, crm: Crm, form: Form, findings: Findings) -> Response[bytes]:
    is_first = request.method == "GET"
    return page(
        request,
        "console/applications/new.html",
        status=200 if is_first else 409 if form.ok else form.status,
        suspects=suspected(request, crm, findings),
        **_kinds(),
        **kyc.shown(request, form, crm),
    )


def _supply(request: Visit, crm: Crm, application: Application, form: Form) -> Response[bytes]:
    asked = crm.intake.question(application.id)
    kyc.marking(form, asked.fields)
    return page(
        request,
        "console/applications/supply.html",
        status=200 if form.ok else form.status,
        application=application,
        asked=asked.reason,
        base=f"{PATH}/{application.id}",
        **kyc.shown(request, form, crm),
    )


def _customer(request: Visit, crm: Crm, customer_id: UUID) -> Customer:
    """Return the customer who asks; raise `NotPermitted` for who may not see customers."""
    assert request.visitor is not None, "no page of the console is for guests"
    request.visitor.rights.require(Area.CUSTOMERS, Action.READ)
    return crm.customers.get(CustomerId(customer_id))
