"""Roles in the console: what each may do, and the operator's own ones, copied and changed."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.ports import Query
from telecom_crm.application.roles import ROLES
from telecom_crm.application.rules import RuleBook
from telecom_crm.domain.money import Money
from telecom_crm.domain.role import (
    BUILT_IN_ROLES,
    LIMITED,
    Action,
    Area,
    Limit,
    Role,
    Scope,
    granted,
)
from telecom_crm.domain.user import UserStatus
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.commands import (
    Command,
    Commands,
    Link,
    menu_of,
    routes_of,
)
from telecom_crm.entrypoints.http.web.console.lists import COUNTED
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/roles"
FIRST_USERS = 20
NEW = Role(name="new", title="New", grants={})
"""What the form of a new role begins with."""

ENTRY = Entry(
    path=PATH,
    text=N_("Roles"),
    icon="shield-check",
    section=N_("System"),
    order=15,
    area=Area.USERS,
)


def _allowed(crm: Crm, role: Role) -> tuple[str, ...]:
    """Return what can be done to a role: one that somebody has is not deleted."""
    kept = role.name in BUILT_IN_ROLES or any(crm.users.counts({"role": role.name}, most=1))
    return () if kept else ("delete",)


def _links(request: Visit, _c: Crm, role: Role) -> list[Link]:
    """Return what else begins at a role, for whoever may make roles."""
    if not request.may(Area.USERS, Action.WRITE):
        return []
    copied = (f"{PATH}/new?of={role.name}", _("Copy the role"), "copy")
    edited = (f"{PATH}/{role.name}/edit", _("Edit"), "pencil")
    return [copied] if role.name in BUILT_IN_ROLES else [edited, copied]


DELETE = Commands(
    area=Area.USERS,
    service=lambda crm: crm.rules,
    find=lambda crm, name: crm.rules.role(name),
    title=lambda role: role.title,
    key=lambda role: role.name,
    version=lambda crm, _: crm.rules.version(ROLES),
    after=lambda *_: PATH,
    allowed=lambda _, crm, role: _allowed(crm, role),
    links=_links,
    table=(
        Command(
            "delete",
            N_("Delete the role"),
            "trash-2",
            N_("The role is gone"),
            RuleBook.delete_role,
            hurts=True,
        ),
    ),
)


class RolePages(Controller):
    """What the operator's people may do."""

    path = PATH

    @shows("/", Area.USERS)
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """List the roles, the operator's own ones first."""
        roles = sorted(crm.rules.roles(), key=lambda role: role.name in BUILT_IN_ROLES)
        here = UserStatus.ACTIVE.value
        counts = crm.users.counts(
            *({"role": role.name, "status": here} for role in roles), most=COUNTED
        )
        return page(
            request,
            "console/roles/index.html",
            roles=list(zip(roles, counts, strict=True)),
            limits=[Limit.REFUND, Limit.ADJUSTMENT],
            limits_of=_limits_of,
            most_of=partial(_most, request.pages.currency),
            built_in=BUILT_IN_ROLES,
        )

    @shows("/new", Area.USERS, Action.WRITE)
    def ask_new(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask for a role of one's own, filled in as the one that it is a copy of."""
        source = _copied(request, crm)
        form = _filled(source or NEW, title="")
        return _new(request, form, source)

    @acts("/new", Area.USERS)
    def create(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Make a role."""
        role = _read(request, form, form.text("name", limit=40))
        make, by = crm.rules.create_role, request.by
        done = form.submit(make, role, rights=request.rights, by=by) if role else None
        if done is None:
            return _new(request, form, _copied(request, crm))
        return redirect(request, f"{PATH}/{done.name}", toast=_("The role is made"))

    @shows("/{name:str}", Area.USERS)
    def show(
        self, request: Visit, name: FromPath[str], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show what a role may do, and who has it."""
        role = crm.rules.role(name)
        found = crm.users.page(Query(where={"role": name}, limit=FIRST_USERS))
        return page(
            request,
            "console/roles/show.html",
            role=role,
            limits=_limits_of(role),
            most_of=partial(_most, request.pages.currency),
            built_in=BUILT_IN_ROLES,
            version=crm.rules.version(ROLES),
            areas=list(Area),
            actions=list(Action),
            ticked=_ticks(role),
            opens=request.pages.menu(role.may),
            users=found.items,
            more=found.next is not None,
        )

    @shows("/{name:str}/edit", Area.USERS, Action.WRITE)
    def ask_edit(
        self, request: Visit, name: FromPath[str], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Ask what shall be different; of a built-in role, what the copy is to be."""
        if name in BUILT_IN_ROLES:
            return redirect(request, f"{PATH}/new?of={name}")
        version = crm.rules.version(ROLES)
        role = crm.rules.role(name)
        return _asked(
            request, _filled(role, title=role.title), f"{PATH}/{name}/edit", role, version
        )

    @acts("/{name:str}/edit", Area.USERS)
    def edit(
        self,
        request: Visit,
        name: FromPath[str],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Change what a role may do."""
        known, seen = crm.rules.role(name), form.version
        role = _read(request, form, name)
        change, mine, by = crm.rules.change_role, request.rights, request.by
        done = (
            form.submit(change, role, expected_version=seen, rights=mine, by=by) if role else None
        )
        if done is None:
            return _asked(request, form, f"{PATH}/{name}/edit", known, crm.rules.version(ROLES))
        return redirect(request, f"{PATH}/{name}", toast=_("Saved"))

    menu = menu_of("/{name:str}", DELETE)
    ask_delete, delete = routes_of("/{name:str}/delete", DELETE)


def _ticks(role: Role) -> list[str]:
    return [str(Scope(area, action)) for area, actions in role.grants.items() for action in actions]


def _filled(role: Role, *, title: str) -> Form:
    """Return a form that shows a role; a copy has its rights, and a title of its own."""
    amounts = {f"limits.{limit}": most for limit, most in role.limits.items()}
    return Form.filled(title=title, grants=_ticks(role), **amounts)


def _read(request: Visit, form: Form, name: str) -> Role | None:
    """Return the role of a form, or None where something is wrong with it."""
    title = form.text("title", limit=100)
    limits = {limit: _amount(request, form, limit) for limit in Limit}
    scopes = form.scopes("grants")
    return form.submit(Role, name=name, title=title, grants=granted(scopes), limits=limits)


def _amount(request: Visit, form: Form, limit: Limit) -> Decimal | None:
    """Read one limit: an amount, or none at all."""
    most = form.money(f"limits.{limit}", request.pages.currency, required=False)
    return None if most is None else Decimal(most.amount)


def _limits_of(role: Role) -> list[Limit]:
    """Return the limits that say something: those of what the role may do."""
    return [limit for limit in Limit if role.may(*LIMITED[limit])]


def _most(currency: str, role: Role, limit: Limit) -> Money | None:
    """Return how much a role's limit comes to; None where there is none."""
    most = role.limits[limit]
    return None if most is None else Money.parse(f"{most:f}", currency)


def _copied(request: Visit, crm: Crm) -> Role | None:
    """Return the role that a new one is a copy of, where the address names one."""
    source = request.query_params.get("of", "")
    return crm.rules.role(source) if source else None


def _new(request: Visit, form: Form, source: Role | None) -> Response[bytes]:
    action = f"{PATH}/new?of={source.name}" if source else f"{PATH}/new"
    return _asked(request, form, action, source=source)


def _asked(
    request: Visit,
    form: Form,
    action: str,
    role: Role | None = None,
    version: int | None = None,
    source: Role | None = None,
) -> Response[bytes]:
    return page(
        request,
        "console/roles/form.html",
        status=200 if form.ok else form.status,
        form=form,
        action=action,
        role=role,
        source=source,
        version=version,
        limits=list(Limit),
        areas=list(Area),
        actions=list(Action),
        ticked=form.all("grants"),
    )
