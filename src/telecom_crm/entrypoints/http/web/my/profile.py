"""A subscriber's own data: how they are reached, what they allowed, where they signed in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.ports import Query
from telecom_crm.domain.customer import Customer, CustomerStatus
from telecom_crm.domain.errors import NotFound, NotPermitted
from telecom_crm.domain.identifiers import SessionId
from telecom_crm.domain.language import LANGUAGES
from telecom_crm.domain.profile import Consent
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.papers import printed
from telecom_crm.entrypoints.http.web.cookies import A_YEAR_SECONDS, LANGUAGE, baked
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import phone
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.my.contracts import MOST, own
from telecom_crm.entrypoints.http.web.my.money import OWN
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/my/profile"
ENTRY = Entry(path=PATH, text=N_("Profile"), icon="user", order=40)
MARKETING = "marketing"
"""The purpose that a subscriber allows or forbids by themselves."""


class MyProfile(Controller):
    """What is known of a subscriber."""

    path = PATH

    @shows("/", OWN)
    def show(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Show what is known, the papers and the sessions."""
        return _shown(request, crm)

    @acts("/", OWN)
    def change(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Change how one is reached, in which language, and whether for offers too."""
        customer = crm.customers.get(request.subscriber.customer_id)
        if customer.status is CustomerStatus.CLOSED:
            raise NotPermitted("change what is closed")
        done = form.submit(
            crm.customers.update,
            customer.id,
            changes={
                "phone": form.raw("phone"),
                "email": form.raw("email"),
                "language": form.raw("language"),
                "consents": _consents(request, customer, granted=form.flag(MARKETING)),
            },
            expected_version=form.version,
            by=request.by,
        )
        if done is None:
            return _shown(request, crm, contacts=form)
        cookies = []
        if done.language != customer.language:  # else they read another, and go on reading it
            scheme = request.scope["scheme"]
            cookies = [baked(LANGUAGE, done.language, scheme, seconds=A_YEAR_SECONDS)]
        return redirect(request, PATH, toast=_("Saved"), cookies=cookies)

    @acts("/password", OWN)
    def choose_password(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Choose a password, and sign out everywhere else."""
        me, password = request.subscriber, form.raw("password")
        if password != form.raw("again"):
            form.fault("again", "password_again")
        form.submit(
            crm.self_care.choose_password,
            me.customer_id,
            password=password,
            present=form.raw("present"),
            within=me.session_id,
            by=request.by,
        )
        if not form.ok:
            return _shown(request, crm, password=form)
        return redirect(request, PATH, toast=_("The password is changed"))

    @acts("/sessions/{session_id:uuid}/end", OWN)
    def end_session(
        self, request: Visit, session_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Sign out at another place."""
        mine = crm.self_care.sessions(request.subscriber.customer_id)
        if session_id not in [one.id for one in mine]:
            raise NotFound("session", str(session_id))
        crm.self_care.end_session(SessionId(session_id), by=request.by)
        return redirect(request, PATH, toast=_("The session is ended"))

    @shows("/contracts/{contract_id:uuid}/contract.pdf", OWN)
    def contract(
        self, request: Visit, contract_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Print a contract, in the customer's language."""
        contract = own(request, crm, str(contract_id))
        content = crm.papers.contract(contract.id, by=request.by)
        return printed(content, name=f"contract-{contract.number}")


def _shown(
    request: Visit, crm: Crm, *, contacts: Form | None = None, password: Form | None = None
) -> Response[bytes]:
    customer = crm.customers.get(request.subscriber.customer_id)
    form = password or contacts or Form()
    return page(
        request,
        "my/profile.html",
        status=200 if form.ok else form.status,
        form=form,
        contacts=contacts or _known(customer),
        password=password or Form(),
        customer=customer,
        tongues=LANGUAGES.codes,
        contracts=crm.contracts.page(Query(where={"customer_id": customer.key}, limit=MOST)).items,
        sessions=crm.self_care.sessions(customer.id),
        has_password=crm.self_care.has_password(customer.id),
        this=str(request.subscriber.session_id),
    )


def _known(customer: Customer) -> Form:
    allowed: Any = [one.granted for one in customer.consents if one.purpose == MARKETING]
    return Form.filled(
        phone=phone(customer.phone).replace("\xa0", " ").replace("\u2011", "-"),
        email=customer.email,
        language=customer.language,
        marketing="true" if allowed and allowed[-1] else "",
    )


def _consents(request: Visit, customer: Customer, *, granted: bool) -> tuple[Consent, ...]:
    """Return the consents with the one to be written to as it was said now."""
    said = [one for one in customer.consents if one.purpose == MARKETING]
    if granted == bool(said and said[-1].granted):
        return customer.consents
    others = [one for one in customer.consents if one.purpose != MARKETING]
    at = request.pages.clock()
    return (*others, Consent(purpose=MARKETING, granted=granted, at=at))
