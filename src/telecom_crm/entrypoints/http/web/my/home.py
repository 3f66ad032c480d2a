"""Home: what a subscriber has, what comes, what happened last, and what needs them."""

from __future__ import annotations

from datetime import timedelta

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency

from telecom_crm.application.contracts.foreseeing import Overview
from telecom_crm.domain.contract import ContractStatus
from telecom_crm.domain.customer import Customer
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.lists import Listing
from telecom_crm.entrypoints.http.web.http import Visit, page
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.my.contracts import Mine
from telecom_crm.entrypoints.http.web.my.money import OWN, gateways_afar
from telecom_crm.entrypoints.http.web.my.operations import theirs, titled
from telecom_crm.entrypoints.http.web.routes import shows
from telecom_crm.entrypoints.http.web.templating import EXPIRES_SOON

ENTRY = Entry(path="/my", text=N_("Home"), icon="house", order=10)
LATEST = 5
NEW = timedelta(days=30)
"""How long after the first contract began its subscriber is told what to do first."""


class MyHome(Controller):
    """Where a subscriber comes in."""

    @shows("/my", OWN)
    def home(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Show what there is, what it is for, what is charged next and what happened last."""
        listing = Listing.of(request)
        customer = crm.customers.get(request.subscriber.customer_id)
        overview = crm.contracts.overview(customer.id, listing.query())
        found = overview.services
        contracts = [one.contract for one in found.items]
        ids = [purse.state.account.id for purse in overview.purses]
        return page(
            request,
            "my/home.html",
            customer=customer,
            purses=overview.purses,
            listing=listing,
            found=found,
            held=[Mine(one, ()) for one in contracts if one.status is ContractStatus.SUSPENDED],
            latest=crm.operations.latest(ids, count=LATEST),
            theirs=theirs,
            titled=titled,
            may_pay=bool(gateways_afar(crm)),
            expiring=customer.papers_ending(request.pages.today + EXPIRES_SOON),
            steps=_first_steps(request, crm, customer, overview),
        )


@attrs.frozen
class Step:
    """Something to do first: in words, where, and whether it is done."""

    text: str
    path: str
    done: bool


def _first_steps(request: Visit, crm: Crm, customer: Customer, overview: Overview) -> list[Step]:
    """Return what somebody new does first; nothing once all is done, or they are not new."""
    begun = [one.contract.activated_at for one in overview.services.items]
    since = min((at for at in begun if at is not None), default=None)
    if since is None or request.pages.clock() - since > NEW:
        return []
    ids, purses = [one.state.account.id for one in overview.purses], overview.purses
    topped_up = not any(one.is_short for one in purses) and crm.payments.any_confirmed(ids)
    steps = [
        Step(_("Top up your balance"), "/my/topup", topped_up),
        Step(
            _("Choose a password"),
            "/my/profile#f-password",
            crm.self_care.has_password(customer.id),
        ),
        Step(_("Leave an e-mail for messages"), "/my/profile#f-email", bool(customer.email)),
    ]
    return [] if all(one.done for one in steps) else steps
