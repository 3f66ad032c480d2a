"""Who may come in by which route: every route has a rule, and what has none is denied."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
from litestar.concurrency import sync_to_thread
from litestar.types import Scope

from telecom_crm.application.access.desk import SESSION_PREFIX
from telecom_crm.application.access.service import Access
from telecom_crm.domain.errors import InvalidValue, NotPermitted, Unavailable
from telecom_crm.domain.role import Action, Area, Visitor
from telecom_crm.domain.token import digest_of
from telecom_crm.entrypoints.http.limits import Limit, Limits
from telecom_crm.entrypoints.http.problems import NotAuthenticated, TooManyRequests

REMEMBERED_SECONDS = 3.0
"""How long a token that was found valid is not looked up again: so long may a revoked one live."""
REMEMBERED_TOKENS = 10_000
"""How many tokens a process remembers."""


@attrs.frozen
class Permission:
    """The rule of a route: what a token's role must allow."""

    area: Area
    action: Action


@attrs.frozen
class Public:
    """The rule of a route that is open to everybody, with the reason why."""

    why: str


@attrs.frozen
class Own:
    """The rule of a route about oneself: whoever is known may, with the reason why."""

    why: str


Rule = Permission | Public | Own


def rule_of(handler: Any) -> Rule | None:
    """Return a route's rule, or None where somebody forgot to give one."""
    rule = handler.opt.get("access")
    return rule if isinstance(rule, Permission | Public | Own) else None


def address_in(scope: Scope) -> str:
    """Return where a request comes from, past proxies of ours; "" where nothing tells."""
    client = scope.get("client")
    return client[0] if client else ""


def route_of(scope: Scope) -> str:
    """Return which route a request is for, as a refusal is written down."""
    return f"{scope.get('method', '')} {scope.get('path_template', '')}"


@attrs.define(eq=False)
class Gate:
    """Finds the token of a request, and lets it in where the route's rule allows."""

    access: Access
    limits: Limits = attrs.field(factory=Limits)
    monotonic: Callable[[], float] = time.monotonic
    """Tells the seconds that pass, and nothing else."""
    _known: dict[str, tuple[Visitor, float]] = attrs.field(factory=dict, repr=False)
    _by_token: Limit = attrs.field(init=False, repr=False)
    _by_address: Limit = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._by_token = self.limits.of_tokens()
        self._by_address = self.limits.of_addresses()

    async def admit(self, scope: Scope) -> None:
        """Let a request in, with its `user`, or raise `NotAuthenticated` or `NotPermitted`."""
        handler: Any = scope["route_handler"]
        rule = rule_of(handler)
        if rule is None:
            raise NotPermitted("use a route without a rule")
        if not isinstance(rule, Public):
            visitor = (await self._visitor(scope)).coming_from(address_in(scope))
            scope["user"] = visitor
            if isinstance(rule, Permission) and not visitor.may(rule.area, rule.action):
                await sync_to_thread(self._refuse, rule, visitor, route_of(scope))
        if scope["query_string"] and "query" not in handler.opt:
            message = "this route takes no query parameters"
            raise InvalidValue.of("query", "unknown_field", message)
        compares = scope.get("method") == "GET" or handler.opt.get("versioned")
        if not compares and _header(scope, b"if-match") is not None:
            # Not heeded in silence, it would promise what is not kept.
            message = "nothing is compared here; leave it out"
            raise InvalidValue.of("If-Match", "not_compared", message)

    async def _visitor(self, scope: Scope) -> Visitor:
        header = _header(scope, b"authorization")
        if header is None:
            raise NotAuthenticated
        scheme, _, secret = header.partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret:
            raise NotAuthenticated(given=True)
        digest = digest_of(secret)
        known = self._known.get(digest)
        if known is None or self.monotonic() >= known[1]:
            known = await self._look_up(secret, digest, scope, before=known is not None)
        if wait := self._by_token.take(digest):
            raise TooManyRequests(math.ceil(wait))
        return known[0]

    async def _look_up(
        self, secret: str, digest: str, scope: Scope, *, before: bool
    ) -> tuple[Visitor, float]:
        """Find who a secret is of, and remember a token; `before`, it was good a moment ago."""
        address = address_in(scope)
        # Who sent a good one before is looked up again, whoever shares the address.
        if not before and (wait := self._by_address.wait(address)):
            raise TooManyRequests(math.ceil(wait))
        visitor = await sync_to_thread(partial(self.access.visitor, secret))
        if visitor is None:
            self._known.pop(digest, None)
            self._by_address.take(address)
            raise NotAuthenticated(given=True)
        if len(self._known) >= REMEMBERED_TOKENS:
            self._known.clear()
        known = (visitor, self.monotonic() + REMEMBERED_SECONDS)
        if not secret.startswith(SESSION_PREFIX):  # who signs out is out at once
            self._known[digest] = known
        return known

    def _refuse(self, rule: Permission, visitor: Visitor, route: str) -> None:
        """Raise `NotPermitted`, written down where the store is there to write."""
        try:
            self.access.permit(visitor, rule.area, rule.action, thing="route", thing_id=route)
        except Unavailable:
            visitor.rights.require(rule.area, rule.action)


def _header(scope: Scope, wanted: bytes) -> str | None:
    for name, value in scope["headers"]:
        if name == wanted:
            return value.decode("latin-1")
    return None
