"""Oneself in the console: password, second step and sessions; and the way in by an invitation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import segno
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from markupsafe import Markup

from telecom_crm.application.users import Users
from telecom_crm.domain.user import User
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.access import Own, Public
from telecom_crm.entrypoints.http.web.console.users import end_session_of
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/me"
STEP = f"{PATH}/second-step"
MINE = Own("how somebody signs in, and where they did, is their own")
INVITED = Public("whoever has the secret of an invitation chooses a password by it")


class MyPages(Controller):
    """What everybody sees and changes of themselves."""

    path = PATH

    @shows("/", MINE)
    def show(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Show how one signs in, and where one did."""
        return _shown(request, crm, Form())

    @shows("/still", MINE)
    def still(self, request: Visit) -> Response[bytes]:
        """Say for how long the session goes on; asking is what prolongs it."""
        return page(request, "console/me/still.html", fragment="ui/_still.html")

    @acts("/password", MINE)
    def change_password(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Change the password, and sign out everywhere else."""
        old, new = _typed(form, "old"), _typed(form, "password")
        if new != form.raw("again"):
            form.fault("again", "password_again")
        this = request.visitor.session_id if request.visitor else None
        me = _me(request)
        done = form.submit(
            crm.users.change_password, me.id, old=old, new=new, keep=this, by=request.by
        )
        if done is None:
            return _shown(request, crm, form)
        return redirect(request, PATH, toast=_("The password is changed"))

    @acts("/sessions/{session_id:uuid}/end", MINE)
    def end_session(
        self, request: Visit, session_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Sign out at another place."""
        end_session_of(crm, _me(request).id, session_id, request)
        return redirect(request, PATH, toast=_("The session is ended"))

    @shows("/second-step", MINE)
    def second_step(self, request: Visit, users: NamedDependency[Users]) -> Response[bytes]:
        """Show the second step: how to begin, the code to scan, or that it is on."""
        return _step_shown(request, users, Form())

    @acts("/second-step/begin", MINE)
    def begin(self, request: Visit, users: NamedDependency[Users]) -> Response[bytes]:
        """Make a secret for an authenticator."""
        users.begin_second_step(_me(request).id, by=request.by)
        return redirect(request, STEP)

    @acts("/second-step", MINE)
    def confirm(
        self, request: Visit, form: NamedDependency[Form], users: NamedDependency[Users]
    ) -> Response[bytes]:
        """Switch the second step on, and show the recovery codes this once."""
        code = form.text("code", limit=40)
        done = form.submit(users.confirm_second_step, _me(request).id, code=code, by=request.by)
        if done is None:
            return _step_shown(request, users, form)
        return page(request, "console/me/recovery.html", codes=done[1])

    @acts("/second-step/renew", MINE)
    def renew(
        self, request: Visit, form: NamedDependency[Form], users: NamedDependency[Users]
    ) -> Response[bytes]:
        """Show other recovery codes, this once, to who gives the password."""
        known, me = _typed(form, "password"), _me(request)
        done = form.submit(users.renew_recovery, me.id, password=known, by=request.by)
        if done is None:
            return _step_shown(request, users, form)
        return page(request, "console/me/recovery.html", codes=done[1])

    @acts("/second-step/drop", MINE)
    def drop(
        self, request: Visit, form: NamedDependency[Form], users: NamedDependency[Users]
    ) -> Response[bytes]:
        """Switch the second step off, for who gives the password."""
        known, me = _typed(form, "password"), _me(request)
        if form.submit(users.drop_second_step, me.id, password=known, by=request.by) is None:
            return _step_shown(request, users, form)
        return redirect(request, PATH, toast=_("Two-step sign-in is off"))


class InvitationPages(Controller):
    """The way in for who was invited."""

    path = "/invitation"

    @shows("/", INVITED)
    def ask(
        self, request: Visit, users: NamedDependency[Users], secret: FromQuery[str] = ""
    ) -> Response[bytes]:
        """Ask for a password."""
        form = Form()
        user = form.submit(users.invited, secret) if secret else None
        status = 200 if form.ok else form.status
        return _door(request, status=status, form=Form(), user=user, secret=secret)

    @acts("/", INVITED)
    def accept(
        self, request: Visit, form: NamedDependency[Form], users: NamedDependency[Users]
    ) -> Response[bytes]:
        """Take the password that was chosen, and lead to the sign-in."""
        secret, password = form.raw("secret")[:200], _typed(form, "password")
        if password != form.raw("again"):
            form.fault("again", "password_again")
        if form.submit(users.accept, secret, password=password) is None:
            user = Form().submit(users.invited, secret)
            return _door(request, status=form.status, form=form, user=user, secret=secret)
        return redirect(request, "/login", toast=_("The password is kept. Sign in with it"))


def _me(request: Visit) -> User:
    assert request.person is not None, "a page about oneself is not for guests"
    return request.person


def _typed(form: Form, name: str) -> str:
    """Return a password as it was typed: spaces belong to it."""
    if not form.raw(name):
        form.fault(name, "missing")
    return form.raw(name)


def _door(request: Visit, *, status: int, **shown: Any) -> Response[bytes]:
    return page(request, "access/invitation.html", status=status, **shown)


def _shown(request: Visit, crm: Crm, form: Form) -> Response[bytes]:
    return page(
        request,
        "console/me/show.html",
        status=200 if form.ok else form.status,
        user=_me(request),
        form=form,
        sessions=crm.access.sessions(_me(request).id),
        this=request.visitor.session_id if request.visitor else None,
    )


def _step_shown(request: Visit, users: Users, form: Form) -> Response[bytes]:
    user = users.get(_me(request).id)
    is_begun = user.totp_secret is not None and not user.has_second_step
    return page(
        request,
        "console/me/second_step.html",
        status=200 if form.ok else form.status,
        user=user,
        form=form,
        code=_code(users.second_step_link(user.id)) if is_begun else None,
    )


def _code(link: str) -> Markup:
    """Return a QR code as SVG, dark on light in every theme: scanners read it so."""
    made = segno.make(link, error="m", micro=False)
    drawn = made.svg_inline(scale=5, border=3, dark="#000", light="#fff", title=_("QR code"))
    return Markup(drawn)  # of the library's own making; the link is in its pattern
