"""Users in the console: who works here, from an invitation to their removal."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.users import Users
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.identifiers import SessionId, UserId
from telecom_crm.domain.role import Action, Area, RoleName
from telecom_crm.domain.token import read_actor_name
from telecom_crm.domain.user import USER_LIFECYCLE, User, UserStatus, read_login
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.beside import beside
from telecom_crm.entrypoints.http.web.console.commands import (
    REASON,
    Command,
    Commands,
    menu_of,
    routes_of,
)
from telecom_crm.entrypoints.http.web.console.lists import (
    Found,
    Listing,
    found_by,
    history_of,
    status_chips,
)
from telecom_crm.entrypoints.http.web.events import event_shown
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import pgettext
from telecom_crm.entrypoints.http.web.labels import role_title
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/users"
FORGET = "forget_second_step"
"""The command for somebody who lost what their codes are made with."""

FILTERS = ("status", "role")
"""What the list is filtered by."""

ENTRY = Entry(
    path=PATH,
    text=N_("Users"),
    icon="user-plus",
    section=N_("System"),
    order=10,
    area=Area.USERS,
    key="U",
    new=N_("Invite somebody"),
)

COMMANDS = Commands(
    area=Area.USERS,
    service=lambda crm: crm.users,
    find=lambda crm, key: crm.users.get(UserId(key)),
    title=lambda user: user.name,
    allowed=lambda request, _, user: _allowed(request, user),
    table=(
        Command(
            "block",
            N_("Block"),
            "user-x",
            N_("The user is blocked, and signed out everywhere"),
            Users.block,
            REASON,
            hurts=True,
            undo="unblock",
        ),
        Command(
            "unblock",
            N_("Unblock"),
            "user-check",
            N_("The block is lifted"),
            Users.unblock,  # not undone: a block has a reason, and who decided it
        ),
        Command(
            FORGET,
            N_("Reset the second step"),
            "shield",
            N_("The second step is off, and the user signed out everywhere"),
            Users.forget_second_step,
            hurts=True,
            weighed=True,
        ),
        Command(
            "remove",
            N_("Remove"),
            "trash-2",
            N_("The user is removed"),
            Users.remove,
            REASON,
            hurts=True,
        ),
    ),
)
REASONS = (
    N_("nobody does that to themselves; ask another admin"),
    N_("nobody would be left who is an admin"),
)
"""Why the service refuses a command, to be translated."""


class UserPages(Controller):
    """The operator's own people."""

    path = PATH

    @shows("/", Area.USERS)
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """List who works here."""
        users = crm.users
        listing = Listing.of(request, *FILTERS)
        found = listed(listing, users)
        return page(
            request,
            "console/users/index.html",
            fragment="console/users/_table.html",
            listing=listing,
            found=found,
            seen=users.last_seen(one.id for one in found.items),
            roles=roles_offered(crm),
            chips=status_chips(
                listing,
                pgettext("users", "All"),
                UserStatus,
                users.counts,
                among=found.among,
            ),
        )

    @shows("/new", Area.USERS, Action.WRITE)
    def ask_new(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask whom to invite."""
        form = Form.filled(role=RoleName.OPERATOR)
        return page(request, "console/users/new.html", form=form, roles=roles_offered(crm))

    @acts("/new", Area.USERS)
    def invite(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Invite somebody, and show the link this once."""
        done = form.submit(
            crm.users.invite,
            login=form.read("login", read_login) or "",
            name=form.read("name", read_actor_name) or "",
            role=form.text("role"),
            rights=request.rights,
            by=request.by,
        )
        if done is None:
            template, roles = "console/users/new.html", roles_offered(crm)
            return page(request, template, status=form.status, form=form, roles=roles)
        return _link_shown(request, *done)

    @shows("/{user_id:uuid}", Area.USERS)
    def show(
        self, request: Visit, user_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show a user: who they are, where they are signed in, and what happened to them."""
        return _shown(request, crm, crm.users.get(UserId(user_id)))

    @acts("/{user_id:uuid}/rename", Area.USERS)
    def rename(
        self,
        request: Visit,
        user_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Change the name that people see."""
        known, name = UserId(user_id), form.text("name", limit=100)
        done = form.submit(
            crm.users.rename, known, name=name, expected_version=form.version, by=request.by
        )
        if done is None:
            return _shown(request, crm, crm.users.get(known), form)
        return redirect(request, f"{PATH}/{user_id}", toast=_("Saved"))

    @acts("/{user_id:uuid}/role", Area.USERS)
    def change_role(
        self,
        request: Visit,
        user_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Give another role."""
        known, role = UserId(user_id), form.text("role")
        done = form.submit(
            crm.users.change_role,
            known,
            role=role,
            expected_version=form.version,
            rights=request.rights,
            by=request.by,
        )
        if done is None:
            return _shown(request, crm, crm.users.get(known), form)
        return redirect(request, f"{PATH}/{user_id}", toast=_("The role is changed"))

    @acts("/{user_id:uuid}/sessions/{session_id:uuid}/end", Area.USERS)
    def end_session(
        self,
        request: Visit,
        user_id: FromPath[UUID],
        session_id: FromPath[UUID],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Sign somebody out at one place."""
        end_session_of(crm, UserId(user_id), session_id, request)
        return redirect(request, f"{PATH}/{user_id}", toast=_("The session is ended"))

    @shows("/{user_id:uuid}/reset", Area.USERS, Action.WRITE)
    def ask_reset(
        self, request: Visit, user_id: FromPath[UUID], users: NamedDependency[Users]
    ) -> Response[bytes]:
        """Ask whether somebody shall choose a password anew."""
        user = users.get(UserId(user_id))
        return page(request, "console/users/reset.html", user=user, form=Form())

    @acts("/{user_id:uuid}/reset", Area.USERS)
    def reset(
        self,
        request: Visit,
        user_id: FromPath[UUID],
        form: NamedDependency[Form],
        users: NamedDependency[Users],
    ) -> Response[bytes]:
        """Forget password and second step, and show a new link this once."""
        known, seen = UserId(user_id), form.version
        done = form.submit(
            users.reset, known, expected_version=seen, rights=request.rights, by=request.by
        )
        if done is None:
            template, user = "console/users/reset.html", users.get(known)
            return page(request, template, status=form.status, user=user, form=form)
        return _link_shown(request, *done)

    menu = menu_of("/{user_id:uuid}", COMMANDS)
    ask, command = routes_of("/{user_id:uuid}/{command:str}", COMMANDS)


def listed(listing: Listing, users: Users) -> Found[User]:
    """Return what the list shows: what a search found, or a page of all."""
    return found_by(listing, users.page, users.search, counts=users.counts)


def roles_offered(crm: Crm) -> list[tuple[str, str]]:
    """Return the roles that there are, as a field offers them."""
    return [(role.name, role_title(role.name, role.title)) for role in crm.rules.roles()]


def end_session_of(crm: Crm, user_id: UserId, session_id: UUID, request: Visit) -> None:
    """End a session of somebody; raise `NotFound` for one of anybody else."""
    if session_id not in [one.id for one in crm.access.sessions(user_id)]:
        raise NotFound("session", str(session_id))
    crm.access.end_session(SessionId(session_id), by=request.by)


def _allowed(request: Visit, user: User) -> set[str]:
    """Return what can be done to a user; nobody forgets their own second step here."""
    forgets = user.has_second_step and user.login != request.by.name
    return {*USER_LIFECYCLE.allowed(user.status), *([FORGET] if forgets else [])}


def _link_shown(request: Visit, user: User, secret: str) -> Response[bytes]:
    link = f"{str(request.base_url).rstrip('/')}/invitation?secret={secret}"
    return page(request, "console/users/link.html", user=user, link=link)


def _shown(request: Visit, crm: Crm, user: User, form: Form | None = None) -> Response[bytes]:
    allowed = USER_LIFECYCLE.allowed(user.status) if request.may(Area.USERS, Action.WRITE) else ()
    base = f"{PATH}/{user.id}"
    past, events = history_of(request, base, partial(crm.users.latest_events, user.id))
    return page(
        request,
        "console/users/show.html",
        status=form.status if form else 200,
        user=user,
        base=base,
        beside=beside(request, PATH, user.id, FILTERS, partial(listed, users=crm.users)),
        form=form or Form(),
        name_form=Form.filled(name=user.name) if form is None else form,
        role_form=Form.filled(role=user.role) if form is None else form,
        roles=roles_offered(crm),
        allowed=allowed,
        commands=COMMANDS.offered(request, _allowed(request, user)),
        sessions=crm.access.sessions(user.id),
        events=[(event, *event_shown(event.name)) for event in events.items],
        past=past,
        told_next=events.next,
    )
