"""Approvals: what waits for a second person, and deciding it."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.approvals import Approvals
from telecom_crm.domain.approval import THING_OF, Approval, ApprovalKind, ApprovalStatus
from telecom_crm.domain.identifiers import ApprovalId
from telecom_crm.domain.role import AREA_OF, Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.beside import beside
from telecom_crm.entrypoints.http.web.console.lists import (
    Found,
    Listing,
    Search,
    found_by,
    status_chips,
)
from telecom_crm.entrypoints.http.web.events import event_shown
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Toast, Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import pgettext
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/approvals"

FILTERS = ("status", "kind")
"""What the list is filtered by."""

ENTRY = Entry(
    path=PATH,
    text=N_("Approvals"),
    icon="badge-check",
    section=N_("Money"),
    order=60,
    area=Area.APPROVALS,
    key="V",
)

PLACES = {
    "payment": "/console/payments",
    "account": "/console/accounts",
    "customer": "/console/customers",
}
"""Where the things are shown that requests are about."""


class ApprovalPages(Controller):
    """Requests for a second person in the console."""

    path = PATH

    @shows("/", Area.APPROVALS)
    def index(self, request: Visit, approvals: NamedDependency[Approvals]) -> Response[bytes]:
        """List what was asked for, decided things too."""
        listing = Listing.of(request, *FILTERS)
        found = listed(listing, request, approvals)
        return page(
            request,
            "console/approvals/index.html",
            fragment="console/approvals/_table.html",
            listing=listing,
            found=found,
            chips=status_chips(
                listing,
                pgettext("approvals", "All"),
                ApprovalStatus,
                approvals.counts,
                among=found.among,
            ),
            kinds=[(one.value, label(one)) for one in ApprovalKind],
        )

    @shows("/{approval_id:uuid}", Area.APPROVALS)
    def show(
        self, request: Visit, approval_id: FromPath[UUID], approvals: NamedDependency[Approvals]
    ) -> Response[bytes]:
        """Show what is asked for, by whom and why."""
        return _shown(request, approvals, approvals.get(ApprovalId(approval_id)), Form())

    @acts("/{approval_id:uuid}/decide", Area.APPROVALS, Action.APPROVE)
    def decide(
        self,
        request: Visit,
        approval_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Agree, and have it done; or send it back and say why."""
        approval = crm.approvals.get(ApprovalId(approval_id))
        assert request.visitor is not None, "nobody decides as a guest"
        area = AREA_OF[approval.kind]
        crm.access.permit(request.visitor, area, Action.APPROVE, thing="approval")
        agrees = form.raw("decision") == "approve"
        decided = form.submit(
            crm.approvals.approve if agrees else crm.approvals.send_back,
            approval.id,
            comment=form.text("comment", required=not agrees, limit=1000),
            expected_version=form.version,
            by=request.by,
        )
        if decided is None:
            return _shown(request, crm.approvals, approval, form)
        return redirect(request, f"{PATH}/{approval.id}", toast=_said(decided))

    @acts("/{approval_id:uuid}/withdraw", Area.APPROVALS)
    def withdraw(
        self,
        request: Visit,
        approval_id: FromPath[UUID],
        form: NamedDependency[Form],
        approvals: NamedDependency[Approvals],
    ) -> Response[bytes]:
        """Take one's own request back."""
        known, seen = ApprovalId(approval_id), form.version
        if form.submit(approvals.withdraw, known, expected_version=seen, by=request.by) is None:
            return _shown(request, approvals, approvals.get(known), form)
        return redirect(request, f"{PATH}/{approval_id}", toast=_("The request is taken back"))


def listed(listing: Listing, request: Visit, approvals: Approvals) -> Found[Approval]:
    """Return what the list shows: what a search found, or a page of all."""
    return found_by(listing, approvals.page, _search(request, approvals), counts=approvals.counts)


def _search(request: Visit, approvals: Approvals) -> Search:
    """Return what finds requests by what the list shows of them, too: the name and the kind."""
    return partial(
        approvals.search, called=lambda one: (request.called(one.asked_by), label(one.kind))
    )


def _shown(request: Visit, approvals: Approvals, approval: Approval, form: Form) -> Response[bytes]:
    waits, mine = approval.status is ApprovalStatus.PENDING, approval.is_from(request.by)
    place, area = PLACES[THING_OF[approval.kind]], AREA_OF[approval.kind]
    allowed = request.may(Area.APPROVALS, Action.APPROVE) and request.may(area, Action.APPROVE)
    events = approvals.timeline(approval.id)[::-1]
    around = partial(listed, request=request, approvals=approvals)
    return page(
        request,
        "console/approvals/show.html",
        status=200 if form.ok else form.status,
        beside=beside(request, PATH, approval.id, FILTERS, around),
        approval=approval,
        base=f"{PATH}/{approval.id}",
        thing=f"{place}/{approval.thing_id}" if request.may(area, Action.READ) else None,
        form=form,
        decides=waits and allowed and not mine,
        withdraws=waits and mine and request.may(Area.APPROVALS, Action.WRITE),
        mine=mine,
        waits=waits,
        events=[(event, *event_shown(event.name)) for event in events],
    )


def _said(decided: Approval) -> Toast:
    if decided.status is ApprovalStatus.RETURNED:
        return Toast(_("The request is sent back"))
    if decided.status is ApprovalStatus.FAILED:
        return Toast(_("It was agreed to, and could not be carried out"), "bad")
    if decided.status is ApprovalStatus.DONE:
        return Toast(_("It is agreed to and carried out"))
    return Toast(_("It is agreed to and will be carried out by itself"), "info")
