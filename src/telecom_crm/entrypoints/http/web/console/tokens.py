"""API tokens in the console: made with a secret that is shown once, and revoked."""

from __future__ import annotations

from datetime import datetime, time
from functools import partial
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.access.service import Access
from telecom_crm.domain.identifiers import TokenId
from telecom_crm.domain.role import Action, Area, Scope
from telecom_crm.domain.token import Token, TokenStatus, read_actor_name
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.beside import beside
from telecom_crm.entrypoints.http.web.console.commands import (
    Command,
    Commands,
    menu_of,
    routes_of,
)
from telecom_crm.entrypoints.http.web.console.lists import (
    Found,
    Listing,
    found_by,
    status_chips,
)
from telecom_crm.entrypoints.http.web.console.users import roles_offered
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page
from telecom_crm.entrypoints.http.web.i18n import gettext, pgettext
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/tokens"
EVERYTHING = "everything"
"""The box for a token that may do all that its role may."""

FILTERS = ("status", "role")
"""What the list is filtered by."""

ENTRY = Entry(
    path=PATH,
    text=N_("API tokens"),
    icon="key-round",
    section=N_("System"),
    order=30,
    area=Area.TOKENS,
)


COMMANDS = Commands(
    area=Area.TOKENS,
    service=lambda crm: crm.access,
    find=lambda crm, key: crm.access.get(TokenId(key)),
    title=lambda token: token.name,
    allowed=lambda _, __, token: () if token.revoked_at else ("revoke",),
    version=None,  # revoked whatever became of it in the meantime
    told=lambda *_: {"note": gettext("A token that was revoked opens nothing any more, for good.")},
    table=(
        Command(
            "revoke", N_("Revoke"), "ban", N_("The token is revoked"), Access.revoke, hurts=True
        ),
    ),
)


class TokenPages(Controller):
    """Tokens of programs."""

    path = PATH

    @shows("/", Area.TOKENS)
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """List tokens, revoked ones too."""
        listing = Listing.of(request, *FILTERS)
        found = listed(listing, crm.access)
        return page(
            request,
            "console/tokens/index.html",
            fragment="console/tokens/_table.html",
            listing=listing,
            found=found,
            chips=status_chips(
                listing,
                pgettext("tokens", "All"),
                TokenStatus,
                crm.access.counts,
                among=found.among,
            ),
            roles=roles_offered(crm),
            now=crm.clock(),
        )

    @shows("/new", Area.TOKENS, Action.WRITE)
    def ask_new(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask what a token shall be for."""
        return _asked(request, crm, Form())

    @acts("/new", Area.TOKENS)
    def create(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Make a token, and show its secret this once."""
        ends = form.date("expires_at", required=False)
        scopes = _scopes(form)
        done = form.submit(
            crm.access.create_token,
            name=form.read("name", read_actor_name) or "",
            role=form.text("role"),
            scopes=scopes,
            expires_at=datetime.combine(ends, time(tzinfo=crm.zone)) if ends else None,
            rights=request.rights,
            by=request.by,
        )
        if done is None:
            return _asked(request, crm, form)
        return page(request, "console/tokens/secret.html", token=done[0], secret=done[1])

    @shows("/{token_id:uuid}", Area.TOKENS)
    def show(
        self, request: Visit, token_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show a token."""
        token = crm.access.get(TokenId(token_id))
        return page(
            request,
            "console/tokens/show.html",
            beside=beside(request, PATH, token.id, FILTERS, partial(listed, access=crm.access)),
            token=token,
            now=crm.clock(),
        )

    menu = menu_of("/{token_id:uuid}", COMMANDS)
    ask, command = routes_of("/{token_id:uuid}/revoke", COMMANDS)


def listed(listing: Listing, access: Access) -> Found[Token]:
    """Return what the list shows: what a search found, or a page of all."""
    return found_by(listing, access.page, access.search, counts=access.counts)


def _scopes(form: Form) -> list[Scope] | None:
    """Read what is ticked; None for all that the role may, which somebody has to say."""
    ticked, everything = form.scopes("scopes"), form.flag(EVERYTHING)
    if everything and ticked:
        form.fault(EVERYTHING, "scopes_both")
    elif not (everything or ticked):
        form.fault(EVERYTHING, "scopes_none")
    return None if everything else ticked


def _asked(request: Visit, crm: Crm, form: Form) -> Response[bytes]:
    return page(
        request,
        "console/tokens/new.html",
        status=200 if form.ok else form.status,
        form=form,
        roles=roles_offered(crm),
        areas=list(Area),
        actions=list(Action),
        ticked=form.all("scopes"),
    )
