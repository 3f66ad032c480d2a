"""Applications: the queue, what is known of one, and what is done to it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from telecom_crm.application.applicants import Findings
from telecom_crm.application.intake.service import Intake
from telecom_crm.application.intake.working import Question
from telecom_crm.domain.application import (
    APPLICATION_LIFECYCLE,
    Application,
    ApplicationKind,
    ApplicationStatus,
    Channel,
)
from telecom_crm.domain.identifiers import ApplicationId, CustomerId, DocumentId
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.attachments import download
from telecom_crm.entrypoints.http.web import kyc
from telecom_crm.entrypoints.http.web.console.application_checks import (
    checks_of,
    document_kind,
    read_day,
)
from telecom_crm.entrypoints.http.web.console.application_commands import (
    COMMANDS,
    PATH,
    SOLD,
    allowed,
    lacks_contract,
)
from telecom_crm.entrypoints.http.web.console.beside import beside
from telecom_crm.entrypoints.http.web.console.compatibility import names_in
from telecom_crm.entrypoints.http.web.console.lists import STATUS, Found, Listing, chips, found_by
from telecom_crm.entrypoints.http.web.console.selling import Choice
from telecom_crm.entrypoints.http.web.events import event_shown
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import pgettext
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows

SUSPECTS_SHOWN = 5

FILTERS = ("status", "claimed_by", "kind", "channel")
"""What the list is filtered by."""

ENTRY = Entry(
    path=PATH,
    text=N_("Applications"),
    icon="file-plus",
    section=N_("Customers"),
    order=10,
    area=Area.APPLICATIONS,
    key="A",
    new=N_("New application"),
    new_key="A",
    counted=True,
)


class ApplicationPages(Controller):
    """Applications in the console."""

    path = PATH

    @shows("/", Area.APPLICATIONS)
    def index(self, request: Visit, intake: NamedDependency[Intake]) -> Response[bytes]:
        """List applications, or find some."""
        listing = Listing.of(request, *FILTERS)
        found = listed(listing, intake)
        return page(
            request,
            "console/applications/index.html",
            fragment="console/applications/_table.html",
            listing=listing,
            found=found,
            chips=_chips(listing, intake, request.by.name, found.among),
            kinds=[(one.value, label(one)) for one in ApplicationKind],
            channels=[(one.value, label(one)) for one in Channel],
        )

    @acts("/claim", Area.APPLICATIONS)
    def claim(self, request: Visit, intake: NamedDependency[Intake]) -> Response[bytes]:
        """Take the most urgent application that waits, of those the oldest."""
        taken = intake.claim_next(by=request.by)
        if taken is None:
            return redirect(request, PATH, toast=_("There is no application that waits"))
        return redirect(request, f"{PATH}/{taken.id}", toast=_("The application is yours"))

    @shows("/{application_id:uuid}", Area.APPLICATIONS)
    def show(
        self, request: Visit, application_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show an application: who asks, for what, what was found, and what can be done."""
        return shown(request, crm, crm.intake.get(ApplicationId(application_id)), Form())

    @acts("/{application_id:uuid}", Area.APPLICATIONS, Action.REVEAL)
    def reveal(
        self, request: Visit, application_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show its secret numbers and scans, which is written down."""
        application = crm.intake.look_at(ApplicationId(application_id), by=request.by)
        return shown(request, crm, application, Form(), open=True)

    @shows("/{application_id:uuid}/scans/{scan_id:uuid}", Area.APPLICATIONS, Action.REVEAL)
    def scan(
        self,
        request: Visit,
        application_id: FromPath[UUID],
        scan_id: FromPath[UUID],
        intake: NamedDependency[Intake],
    ) -> Stream:
        """Give out a scan, which is written down."""
        asked = ApplicationId(application_id), DocumentId(scan_id)
        return download(*intake.open_scan(*asked, by=request.by))

    @acts("/{application_id:uuid}/duplicates", Area.APPLICATIONS)
    def judge(
        self,
        request: Visit,
        application_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Say of a customer who may be the same that it is so, or is not."""
        known, customer = ApplicationId(application_id), form.choice("customer", UUID)
        same = form.flag("same")
        judge = crm.intake.link if same else crm.intake.dismiss_duplicate
        done = customer and form.submit(
            judge,
            known,
            customer_id=CustomerId(customer),
            expected_version=form.version,
            by=request.by,
        )
        if done is None:
            return shown(request, crm, crm.intake.get(known), form)
        told = _("The application is linked to the customer") if same else _("Not the same person")
        return redirect(request, f"{PATH}/{known}", toast=told)


def shown(
    request: Visit, crm: Crm, application: Application, form: Form, *, open: bool = False
) -> Response[bytes]:
    """Show an application; `open` with its secret numbers and scans."""
    findings = Findings(suspects=application.suspicions)
    if application.status is ApplicationStatus.CAPTURED and application.customer_id is None:
        findings = crm.intake.check(application.raw)
    writes = request.may(Area.APPLICATIONS, Action.WRITE)
    events = crm.intake.timeline(application.id)[::-1]
    asked = next((Question.of(one) for one in events if one.command == "ask"), Question())
    is_open = not APPLICATION_LIFECYCLE.is_final(application.status)
    lacks = writes and application.status is ApplicationStatus.NEEDS_INFO
    may_sell = _is_for_sale(application) and request.may(Area.CONTRACTS, Action.WRITE)
    tariffs, wanted = names_in(crm.catalog), Choice.wanted(crm, application)
    return page(
        request,
        "console/applications/show.html",
        status=200 if form.ok else form.status,
        application=application,
        base=f"{PATH}/{application.id}",
        beside=beside(request, PATH, application.id, FILTERS, partial(listed, intake=crm.intake)),
        said=application.said,
        tariffs=tariffs,
        options=", ".join(tariffs[one] for one in wanted.options),
        sale=wanted.url("customer") if may_sell and lacks_contract(application) else None,
        is_taken=may_sell and application.said("msisdn") and not wanted.msisdn,
        is_open=open,
        scans=[(one, kyc.scan_title(one.name)) for one in application.scans],
        document=document_kind(application.said("document_type")),
        days={field: read_day(application.said(field)) for field in kyc.DAYS},
        checks=checks_of(request, application, findings),
        suspects=suspected(request, crm, findings),
        customer=_customer(request, crm, application.customer_id),
        asked=asked.reason,
        to_correct=kyc.words_of(asked.fields),
        events=[(event, *event_shown(event.name)) for event in events],
        commands=COMMANDS.offered(request, allowed(application, request.by)),
        lacks=lacks,
        writes=writes and is_open,
        form=form,
    )


def suspected(request: Visit, crm: Crm, findings: Findings) -> list[tuple[Any, Any]]:
    """Return who may be the same, the surest first, with what is known of them."""
    some = findings.suspects[:SUSPECTS_SHOWN]
    sees = request.may(Area.CUSTOMERS)
    known = crm.customers.get_many([one.customer_id for one in some]) if sees else {}
    return [(one, known.get(one.customer_id)) for one in some]


def listed(listing: Listing, intake: Intake) -> Found[Application]:
    """Return what the list shows: what a search found, or a page of all."""
    return found_by(listing, intake.page, intake.search, chosen=(STATUS, "claimed_by"))


def _chips(
    listing: Listing, intake: Intake, me: str, hits: Sequence[Application] | None
) -> list[dict[str, Any]]:
    """Return a chip for all, for one's own and for each status."""
    every, mine = pgettext("applications", "All"), pgettext("applications", "Mine")
    states = ((label(status), {"status": status.value}) for status in ApplicationStatus)
    choices = [(every, {}), (mine, {"claimed_by": me}), *states]
    return chips(listing, choices, intake.counts, among=hits)


def _customer(request: Visit, crm: Crm, customer_id: CustomerId | None) -> Any:
    if customer_id is None or not request.may(Area.CUSTOMERS):
        return None
    return crm.customers.get(customer_id)


def _is_for_sale(application: Application) -> bool:
    """Tell whether a contract is to come of it."""
    is_open = not APPLICATION_LIFECYCLE.is_final(application.status)
    return is_open and application.is_read and application.kind in SOLD
