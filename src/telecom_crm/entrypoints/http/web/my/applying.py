"""Applying: the form for whoever wants to become a subscriber, and its course by a secret link."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.applying import Applying, Followed
from telecom_crm.domain.application import APPLICATION_LIFECYCLE, ApplicationCommand
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.access import Public
from telecom_crm.entrypoints.http.web import kyc
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/my/apply"
ANYBODY = Public("anybody may ask to become a subscriber")
WHO_HAS_THE_LINK = Public("the link has a secret that only whoever sent the application was told")
SCAN = "scan_front"
"""The scan that a person has to send."""


class MyApplying(Controller):
    """Applications of people without an account."""

    path = PATH

    @shows("/", ANYBODY)
    def new(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask who it is, and what they want."""
        kind = kyc.kind_of(request.query_params.get("kind", ""))
        tariff = request.query_params.get("tariff", "")[:50]
        form = Form.filled(customer_kind=kind, language=here().code, tariff=tariff)
        return _form(request, crm, form, "my/apply.html")

    @acts("/", ANYBODY, request_max_body_size=kyc.FORM_BYTES)
    def send(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Take the application in; sent twice, it is one. The form's own key is its secret."""
        form.submit(crm.applying.count, request.address)
        if not form.ok:
            return _form(request, crm, form, "my/apply.html")
        is_person = kyc.kind_of(form.raw("customer_kind")) is CustomerKind.PERSON
        raw = kyc.read_applicant(form, crm)
        scans = kyc.read_scans(form, *((SCAN,) if is_person else ()))
        kyc.check(form, crm, raw, scans)
        secret = _secret(form)
        made = form.submit(crm.applying.send, secret, raw=raw, scans=scans, address=request.address)
        if made is None:
            return _form(request, crm, form, "my/apply.html")
        return redirect(request, f"{PATH}/{secret}", toast=_("We have your application"))

    @shows("/{secret:uuid}", WHO_HAS_THE_LINK)
    def follow(
        self, request: Visit, secret: FromPath[UUID], applying: NamedDependency[Applying]
    ) -> Response[bytes]:
        """Show how far it is; of who sent it there is nothing on the page."""
        return _followed(request, secret, applying.follow(str(secret)), Form())

    @acts("/{secret:uuid}/withdraw", WHO_HAS_THE_LINK)
    def withdraw(
        self,
        request: Visit,
        secret: FromPath[UUID],
        form: NamedDependency[Form],
        applying: NamedDependency[Applying],
    ) -> Response[bytes]:
        """Take it back."""
        done = form.submit(
            applying.withdraw,
            str(secret),
            expected_version=form.version,
            address=request.address,
        )
        if done is None:
            return _followed(request, secret, applying.follow(str(secret)), form)
        return redirect(request, f"{PATH}/{secret}", toast=_("The application is withdrawn"))

    @shows("/{secret:uuid}/withdraw", WHO_HAS_THE_LINK)
    def ask(
        self, request: Visit, secret: FromPath[UUID], applying: NamedDependency[Applying]
    ) -> Response[bytes]:
        """Ask whether, for who has no JavaScript."""
        application = applying.follow(str(secret)).application
        return page(
            request,
            "my/apply_withdraw.html",
            application=application,
            base=f"{PATH}/{secret}",
            form=Form(),
        )

    @shows("/{secret:uuid}/correct", WHO_HAS_THE_LINK)
    def correct(
        self, request: Visit, secret: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Ask for what is to be put right; what was sent is not shown again."""
        followed = crm.applying.follow(str(secret))
        kind = kyc.kind_of(followed.application.said("customer_kind"))
        form = Form.filled(customer_kind=kind)
        return _corrected(request, crm, form, secret, followed)

    @acts("/{secret:uuid}/correct", WHO_HAS_THE_LINK, request_max_body_size=kyc.FORM_BYTES)
    def supply(
        self,
        request: Visit,
        secret: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Add what was put right to what was sent."""
        followed = crm.applying.follow(str(secret))
        form.submit(crm.applying.count, request.address)
        if not form.ok:
            return _corrected(request, crm, form, secret, followed)
        raw, scans = _put_right(form, crm, followed)
        done = form.submit(
            crm.applying.supply,
            str(secret),
            raw=raw,
            scans=scans,
            expected_version=form.version,
            address=request.address,
        )
        if done is None:
            return _corrected(request, crm, form, secret, followed)
        return redirect(request, f"{PATH}/{secret}", toast=_("Sent"))


def _put_right(
    form: Form, crm: Crm, followed: Followed
) -> tuple[dict[str, Any], dict[str, Iterator[bytes]]]:
    """Read what was put right, checked beside what was sent before; nothing at all is a fault."""
    raw, scans = kyc.read_applicant(form, crm, partly=True), kyc.read_scans(form)
    if raw.keys() <= {"customer_kind"} and not scans:
        form.fault("", "nothing")
    kyc.check(form, crm, {**followed.application.raw, **raw}, scans)
    return raw, scans


def _secret(form: Form) -> str:
    """Return the form's key where it is a random one, as ours are; a new one otherwise."""
    try:
        key = UUID(form.key)
    except ValueError:
        return str(uuid4())
    return str(key) if key.version == 4 else str(uuid4())


def _form(request: Visit, crm: Crm, form: Form, template: str, **more: Any) -> Response[bytes]:
    status = 200 if form.ok else form.status
    return page(request, template, status=status, **kyc.shown(request, form, crm), **more)


def _corrected(
    request: Visit, crm: Crm, form: Form, secret: UUID, followed: Followed
) -> Response[bytes]:
    """Show the form of corrections, what was asked for marked."""
    marked, told = kyc.marking(form, followed.asked.fields), _course(secret, followed)
    return _form(request, crm, marked, "my/apply_correct.html", **told)


def _followed(request: Visit, secret: UUID, followed: Followed, form: Form) -> Response[bytes]:
    status = 200 if form.ok else form.status
    return page(
        request, "my/application.html", status=status, form=form, **_course(secret, followed)
    )


def _course(secret: UUID, followed: Followed) -> dict[str, Any]:
    status = followed.application.status
    return {
        "application": followed.application,
        "asked": followed.asked.reason,
        "to_correct": kyc.words_of(followed.asked.fields),
        "base": f"{PATH}/{secret}",
        "is_open": ApplicationCommand.CANCEL in APPLICATION_LIFECYCLE.allowed(status),
    }
