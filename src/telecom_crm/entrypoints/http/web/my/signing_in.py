"""The door of self-care: a code to the phone, or the number of a contract and a password."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from litestar import Controller, Response
from litestar.di import NamedDependency

from telecom_crm.application.access.self_care import RESEND_AFTER, SelfCare
from telecom_crm.application.access.service import Access
from telecom_crm.application.access.signing_in import CodeRefused
from telecom_crm.domain.session import CODE
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.access import Public
from telecom_crm.entrypoints.http.web.cookies import CODE_SENT, SESSION, baked, eaten, named
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Toast, Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.liking import liked, remembered
from telecom_crm.entrypoints.http.web.routes import acts, shows

ANYBODY = Public("nobody is signed in before this")
START = "/my"


class MySigningIn(Controller):
    """How subscribers come in, and leave."""

    @shows("/my/login", ANYBODY)
    def ask(self, request: Visit) -> Response[bytes]:
        """Ask for the phone."""
        if request.visitor is not None:
            return redirect(request, START)
        return page(request, "my/access/login.html", form=Form())

    @acts("/my/login", ANYBODY)
    def send(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """
        Send a code, or lead back to where the last one is asked for where it is too soon.

        A phone that is nobody's is answered the same.
        """
        phone = form.read("phone", crm.read_phone)
        if phone is None:
            return page(request, "my/access/login.html", status=form.status, form=form)
        visit = {"address": request.address, "agent": _agent(request)}
        before = _secret(request)
        secret = form.submit(crm.self_care.send_code, phone, replaces=before, **visit)
        if secret is None:
            if before and _sent(request)[0] == f"+{phone.digits}":
                good = Toast(_("The code that was sent is still good"), "info")
                return redirect(request, "/my/login/code", toast=good)
            return page(request, "my/access/login.html", status=form.status, form=form)
        scheme = request.scope["scheme"]
        sent = f"{phone.digits}.{int(request.pages.clock().timestamp())}"
        cookies = [
            baked(SESSION["my"], secret, scheme),
            baked(CODE_SENT, sent, scheme, seconds=int(CODE.total_seconds())),
        ]
        return redirect(request, "/my/login/code", cookies=cookies)

    @shows("/my/login/code", ANYBODY)
    def ask_code(self, request: Visit) -> Response[bytes]:
        """Ask for the code that was sent."""
        if request.visitor is not None or not _secret(request):
            return redirect(request, "/my/login")
        return _code_asked(request, Form())

    @acts("/my/login/code", ANYBODY)
    def prove(
        self, request: Visit, form: NamedDependency[Form], self_care: NamedDependency[SelfCare]
    ) -> Response[bytes]:
        """Open the session, under a new secret."""
        done = form.submit(
            self_care.sign_in_with_code,
            _secret(request),
            code=form.text("code", limit=40),
            address=request.address,
            agent=_agent(request),
        )
        if done is None:
            return _code_asked(request, form)
        scheme = request.scope["scheme"]
        cookies = [baked(SESSION["my"], done.secret, scheme), eaten(CODE_SENT, scheme)]
        return redirect(request, START, cookies=cookies)

    @shows("/my/login/password", ANYBODY)
    def ask_password(self, request: Visit) -> Response[bytes]:
        """Ask for the number of a contract, and the password."""
        if request.visitor is not None:
            return redirect(request, START)
        return page(request, "my/access/password.html", form=Form())

    @acts("/my/login/password", ANYBODY)
    def enter(
        self, request: Visit, form: NamedDependency[Form], self_care: NamedDependency[SelfCare]
    ) -> Response[bytes]:
        """Open the session by a password."""
        contract, password = form.text("contract", limit=40), form.raw("password")
        if not password:
            form.fault("password", "missing")
        done = form.submit(
            self_care.sign_in_with_password,
            contract=contract,
            password=password,
            address=request.address,
            agent=_agent(request),
            replaces=_secret(request),
        )
        if done is None:
            return page(request, "my/access/password.html", status=form.status, form=form)
        cookie = baked(SESSION["my"], done.secret, request.scope["scheme"])
        return redirect(request, START, cookies=[cookie])

    @acts("/my/prefs", Public("how pages look is for whoever reads them"))
    def prefer(self, request: Visit, form: NamedDependency[Form]) -> Response[bytes]:
        """Keep the language and the theme that the visitor likes, in this browser."""
        cookies = remembered(request, liked(form))
        return redirect(request, request.came_from or START, cookies=cookies)

    @acts("/my/logout", Public("whoever is signed in may leave, at whatever step"))
    def sign_out(self, request: Visit, access: NamedDependency[Access]) -> Response[bytes]:
        """End the session."""
        if secret := _secret(request):
            access.sign_out(secret)
        gone = eaten(SESSION["my"], request.scope["scheme"])
        return redirect(request, "/my/login", cookies=[gone])


def _code_asked(request: Visit, form: Form) -> Response[bytes]:
    """Ask for the code; that it was wrong is told at its field, with how many tries are left."""
    status = 200 if form.ok else form.status
    wrong = next((one for one in form.errors if isinstance(one, CodeRefused)), None)
    if wrong is not None:
        form.errors.remove(wrong)
        form.fault("code", wrong.code)
    phone, again_at = _sent(request)
    answer = page(
        request,
        "my/access/code.html",
        status=status,
        form=form,
        tries_left=None if wrong is None else wrong.tries_left,
        phone=phone,
        again_at=again_at,
    )
    if wrong is not None and not wrong.tries_left:  # nothing leads back to a code without tries
        answer.set_cookie(eaten(CODE_SENT, request.scope["scheme"]))
    return answer


def _sent(request: Visit) -> tuple[str, datetime | None]:
    """Return where the last code went, and from when on another one may be asked for."""
    raw = request.cookies.get(named(CODE_SENT, request.scope["scheme"]), "")
    known = re.fullmatch(r"([0-9]{5,15})\.([0-9]{1,11})", raw, re.ASCII)
    if known is None:
        return "", None
    return f"+{known[1]}", datetime.fromtimestamp(int(known[2]), UTC) + RESEND_AFTER


def _secret(request: Visit) -> str:
    return request.cookies.get(named(SESSION["my"], request.scope["scheme"]), "")


def _agent(request: Visit) -> str:
    return request.headers.get("user-agent", "")[:200]
