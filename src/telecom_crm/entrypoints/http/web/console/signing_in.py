"""Signing in and out, the second step, and what a visitor likes."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from litestar import Controller, Response
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromQuery

from telecom_crm.application.access.service import Access
from telecom_crm.application.access.signing_in import SignedIn, SignInRefused
from telecom_crm.application.users import Users
from telecom_crm.domain.session import LONGEST, SessionStage
from telecom_crm.domain.user import Preferences, Theme, User
from telecom_crm.entrypoints.http.access import Public
from telecom_crm.entrypoints.http.web.cookies import (
    LANGUAGE,
    SESSION,
    THEME,
    baked,
    eaten,
    named,
)
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, local_path, page, redirect
from telecom_crm.entrypoints.http.web.i18n import NAMES, here
from telecom_crm.entrypoints.http.web.liking import liked, remembered
from telecom_crm.entrypoints.http.web.routes import acts, shows

ANYBODY = Public("nobody is signed in before this")
OWN = Public("how pages look is everybody's own, guests' too")
START = "/console"


class SigningIn(Controller):
    """The door of the console."""

    @shows("/login", ANYBODY)
    def ask(self, request: Visit, next: FromQuery[str] = "") -> Response[bytes]:
        """Ask for login and password."""
        if request.visitor is not None:
            return redirect(request, local_path(next) or START)
        return page(request, "access/login.html", form=Form(), next=local_path(next))

    @acts("/login", ANYBODY)
    def sign_in(
        self, request: Visit, form: NamedDependency[Form], access: NamedDependency[Access]
    ) -> Response[bytes]:
        """Begin a session; with a second step to come, one that opens nothing else yet."""
        login, password = form.text("login"), form.raw("password")
        if not password:
            form.fault("password", "missing")
        done = form.submit(
            access.sign_in,
            login=login,
            password=password,
            address=request.address,
            agent=request.headers.get("user-agent", "")[:200],
            keep=form.flag("keep"),
            replaces=_secret(request),
        )
        back = local_path(form.raw("next"))
        if done is None:
            return page(request, "access/login.html", status=form.status, form=form, next=back)
        cookie = _cookie(request, done)
        to = back or START
        if done.session.stage is not SessionStage.WHOLE:
            to = f"/login/code?next={quote(to)}"
        return redirect(request, to, cookies=[cookie])

    @shows("/login/code", ANYBODY)
    def ask_code(self, request: Visit, next: FromQuery[str] = "") -> Response[bytes]:
        """Ask for the second step."""
        begun = named(SESSION["console"], request.scope["scheme"]) in request.cookies
        if request.visitor is not None or not begun:
            return redirect(request, "/login")
        return page(request, "access/code.html", form=Form(), next=local_path(next))

    @acts("/login/code", ANYBODY)
    def second_step(
        self, request: Visit, form: NamedDependency[Form], access: NamedDependency[Access]
    ) -> Response[bytes]:
        """Make the session whole, under a new secret."""
        secret = _secret(request)
        code, back = form.text("code", limit=40), local_path(form.raw("next"))
        done = form.submit(access.second_step, secret, code=code)
        if done is None:
            status = form.status
            if any(isinstance(one, SignInRefused) for one in form.errors):
                form.errors.clear()  # its words are about login and password
                form.fault("code", "code_refused")
            return page(request, "access/code.html", status=status, form=form, next=back)
        return redirect(request, back or START, cookies=[_cookie(request, done)])

    @shows("/password/forgot", ANYBODY)
    def ask_forgotten(self, request: Visit) -> Response[bytes]:
        """Ask who cannot sign in."""
        return page(request, "access/forgot.html", form=Form(), asked=False)

    @acts("/password/forgot", ANYBODY)
    def forgot(
        self, request: Visit, form: NamedDependency[Form], access: NamedDependency[Access]
    ) -> Response[bytes]:
        """Have an admin told; the answer is the same for a login that there is not."""
        login = form.text("login", limit=100)
        form.submit(access.forgot_password, login=login, address=request.address)
        status = 200 if form.ok else form.status
        return page(request, "access/forgot.html", status=status, form=form, asked=form.ok)

    @acts("/logout", Public("whoever is signed in may leave, at whatever step"))
    def sign_out(self, request: Visit, access: NamedDependency[Access]) -> Response[bytes]:
        """End the session."""
        scheme = request.scope["scheme"]
        secret = request.cookies.get(named(SESSION["console"], scheme))
        if secret:
            access.sign_out(secret)
        return redirect(request, "/login", cookies=[eaten(SESSION["console"], scheme)])

    @shows("/prefs", OWN)
    def prefs(self, request: Visit) -> Response[bytes]:
        """Show what the visitor likes."""
        off = "true" if request.keys_off else ""
        form = Form.filled(language=here().code, theme=request.theme, keys_off=off)
        layout = "layouts/bare.html" if request.visitor is None else "layouts/console.html"
        return page(request, "access/prefs.html", form=form, layout=layout)

    @acts("/prefs", OWN)
    def prefer(
        self, request: Visit, form: NamedDependency[Form], users: NamedDependency[Users]
    ) -> Response[bytes]:
        """Keep what the visitor likes: with the user, and in this browser for guests."""
        chosen = liked(form)
        if request.person is not None:
            users.prefer(request.person.id, _liked(request.person, chosen, form), by=request.by)
        return redirect(request, request.came_from or START, cookies=remembered(request, chosen))


def _secret(request: Visit) -> str:
    return request.cookies.get(named(SESSION["console"], request.scope["scheme"]), "")


def _cookie(request: Visit, done: SignedIn) -> Cookie:
    """Return the cookie of a session; one that is kept outlives the browser's window."""
    kept = done.session.idle == LONGEST
    seconds = int(LONGEST.total_seconds()) if kept else None
    return baked(SESSION["console"], done.secret, request.scope["scheme"], seconds=seconds)


def _liked(person: User, chosen: Mapping[str, str], form: Form) -> Preferences:
    """Return what somebody likes with what they chose now; the rest stays."""
    before = person.preferences
    language = chosen[LANGUAGE] if chosen[LANGUAGE] in NAMES else before.language
    return Preferences(
        language=language,
        theme=Theme(chosen[THEME] or before.theme),
        shortcuts=not form.flag("keys_off") if form.raw("whole") else before.shortcuts,
    )
