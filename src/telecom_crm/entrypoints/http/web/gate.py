"""Who may see which page: the session of a browser, the token of a form, and the page's rule."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

import attrs
from litestar.concurrency import sync_to_thread
from litestar.types import Scope

from telecom_crm.application.access.self_care import SelfCare
from telecom_crm.application.access.service import Access
from telecom_crm.domain.errors import NotFound, NotPermitted, Unavailable
from telecom_crm.domain.language import LANGUAGES
from telecom_crm.domain.role import NO_RIGHTS, Visitor
from telecom_crm.entrypoints.http.access import Permission, Public, route_of, rule_of
from telecom_crm.entrypoints.http.problems import NotAuthenticated
from telecom_crm.entrypoints.http.web import csrf
from telecom_crm.entrypoints.http.web.cookies import LANGUAGE, SESSION, named
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import PERSON, SUBSCRIBER, Visit
from telecom_crm.entrypoints.http.web.i18n import CURRENT, PSEUDO, negotiated

FACE = "face"
"""The name under which a page's handler says which face of the product it belongs to."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@attrs.define(eq=False)
class PageGate:
    """Finds the session of a request, and lets it in where the page's rule allows."""

    access: Access
    self_care: SelfCare

    async def admit(self, visit: Visit) -> None:
        """Let a visitor in, with the language of the answer set; raise where they may not."""
        scope, handler = visit.scope, visit.scope["route_handler"]
        secret = visit.cookies.get(named(SESSION[handler.opt[FACE]], scope["scheme"]))
        if secret:
            find = self._subscriber if handler.opt[FACE] == "my" else self._recognise
            await sync_to_thread(find, visit, secret)
        CURRENT.set(guessed(visit))
        rule = rule_of(handler)
        if rule is None:
            raise NotPermitted("open a page without a rule")
        if not visit.pages.is_open(scope["path"]):
            raise NotFound("page", scope["path"][:60])
        visitor = visit.visitor
        if not isinstance(rule, Public):
            if visitor is None:
                raise NotAuthenticated(given=secret is not None)
            if isinstance(rule, Permission) and not visitor.may(rule.area, rule.action):
                await sync_to_thread(self._refuse, rule, visitor, scope)
        if scope["method"] not in SAFE:
            await self._check_form(visit)

    async def _check_form(self, visit: Visit) -> None:
        """Raise `NotPermitted` for a form that none of our own pages sent."""
        origin = visit.headers.get("origin")
        elsewhere = origin not in (None, "null") and urlsplit(origin).netloc != visit.headers.get(
            "host"
        )
        if elsewhere or visit.headers.get("sec-fetch-site", "same-origin") == "cross-site":
            raise ForeignForm
        token = visit.headers.get(csrf.HEADER)
        if token is None:  # without JavaScript it is in the body, which is read whole for it
            token = Form(await visit.form()).raw(csrf.FIELD)
        if not csrf.is_ours(token, visit.seed):
            raise ForeignForm

    def _recognise(self, visit: Visit, secret: str) -> None:
        """Find who comes with the secret of a session, and how they like their pages."""
        found = self.access.person(secret)
        if found is not None:
            visit.scope["state"][PERSON] = found[0]
            visit.scope["user"] = found[1].coming_from(visit.address)

    def _subscriber(self, visit: Visit, secret: str) -> None:
        """Find which subscriber comes with the secret of a session."""
        known = self.self_care.subscriber(secret)
        if known is not None:
            found = known.coming_from(visit.address)
            visit.scope["user"] = Visitor(
                actor=found.actor,
                rights=NO_RIGHTS,
                role="subscriber",
                key=found.key,
                csrf=found.csrf,
                session_id=str(found.session_id),
            )
            visit.scope["state"][SUBSCRIBER] = found

    def _refuse(self, rule: Permission, visitor: Visitor, scope: Scope) -> None:
        """Raise `NotPermitted`, written down where the store is there to write."""
        route = route_of(scope)
        try:
            self.access.permit(visitor, rule.area, rule.action, thing="route", thing_id=route)
        except Unavailable:
            visitor.rights.require(rule.area, rule.action)


def guessed(visit: Visit) -> str:
    """Return the language of the answer: the user's, the cookie's, the browser's, or ours."""
    kept = visit.cookies.get(named(LANGUAGE, visit.scope["scheme"]))
    return negotiated(
        kept if kept == PSEUDO else None,
        None if visit.person is None else visit.person.preferences.language,
        kept,
        accepted=visit.headers.get("accept-language", ""),
        default=LANGUAGES.default,
    )


@attrs.define
class ForeignForm(NotPermitted):
    """A form that did not come from a page of this session."""

    code: ClassVar[str] = "foreign_form"

    action: str = "send a form that is not of this session; load the page again"
