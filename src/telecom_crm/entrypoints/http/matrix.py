"""Writes the page docs/access.md: which route asks for what, and which role has it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping

import attrs
from litestar import Litestar
from litestar.routes import HTTPRoute

from telecom_crm.domain.role import BUILT_IN_ROLES, LIMITED, Area, Limit, Role
from telecom_crm.entrypoints.http.access import Own, Permission, Public, Rule, rule_of

_HEAD = """# Who may do what

Every route of the service with its rule, drawn from the rules that it runs by. Do not edit this
page: `python -m telecom_crm.entrypoints.http.matrix > docs/access.md` writes it anew.

A rule is an action in an area. A role is a set of such rules, and these six are always there; an
operator's own stand beside them (`GET /roles`, `PUT /roles`). A token has a role, and may be
narrowed to some of it. A route without a rule lets nobody in.

A subscriber's session opens self-care alone, the pages below `/my`, and on them nothing but what is
theirs: whatever else they ask for is not found. It opens no route of the API, and no session of
staff and no token opens self-care.
"""

_LIMITS: Mapping[Limit, str] = {
    Limit.PAYMENT: "takes payments up to",
    Limit.PROMISE: "grants promised payments up to",
    Limit.REFUND: "refunds alone up to",
    Limit.ADJUSTMENT: "adjusts accounts alone up to",
}


@attrs.frozen(order=True)
class Entry:
    """One method of one path, and its rule; None is a route that somebody forgot."""

    path: str
    method: str
    rule: Rule | None = attrs.field(order=False)


def entries(app: Litestar) -> list[Entry]:
    """Return every route of a service, in the order of their paths."""
    return sorted(
        Entry(route.path_format, method, rule_of(handler))
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in handler.http_methods - {"OPTIONS"}
    )


def draw(found: Iterable[Entry], roles: Iterable[Role] = tuple(BUILT_IN_ROLES.values())) -> str:
    """Return the page: what each role may in each area, then each route."""
    shown, known = list(found), list(roles)
    return "\n".join([_HEAD, *_areas(known), *_routes(shown, known), *_others(shown)])


def _areas(roles: list[Role]) -> Iterator[str]:
    yield "## Roles"
    yield ""
    yield _row("area", *(role.title for role in roles))
    yield _row(*["---"] * (1 + len(roles)))
    for area in Area:
        yield _row(area, *(", ".join(sorted(role.grants.get(area, ()))) or "–" for role in roles))
    for limit, said in _LIMITS.items():
        yield _row(said, *(_amount(role, limit) for role in roles))
    yield ""


def _routes(found: list[Entry], roles: list[Role]) -> Iterator[str]:
    yield "## Routes"
    yield ""
    yield _row("route", "asks for", *(role.title for role in roles))
    yield _row(*["---"] * (2 + len(roles)))
    for one in found:
        rule = one.rule
        if isinstance(rule, Permission):
            marks = ("✓" if role.may(rule.area, rule.action) else "–" for role in roles)
            yield _row(_name(one), f"{rule.action} {rule.area}", *marks)
    yield ""


def _others(found: list[Entry]) -> Iterator[str]:
    yield "## Routes that ask for no role"
    yield ""
    yield _row("route", "open to", "because")
    yield _row(*["---"] * 3)
    for one in found:
        if isinstance(one.rule, Public):
            yield _row(_name(one), "everybody", one.rule.why)
        elif isinstance(one.rule, Own):
            whose = "subscribers" if one.path.startswith("/my") else "whoever is known"
            yield _row(_name(one), whose, one.rule.why)
        elif one.rule is None:
            yield _row(_name(one), "nobody", "it has no rule")
    yield ""


def _name(one: Entry) -> str:
    return f"`{one.method} {one.path}`"


def _amount(role: Role, limit: Limit) -> str:
    if not role.may(*LIMITED[limit]):
        return "–"
    most = role.limits[limit]
    return "any amount" if most is None else f"{most:,}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def page() -> str:
    """Return the page of the service as it is."""
    from telecom_crm.entrypoints.http.app import routes

    return draw(entries(routes()))


if __name__ == "__main__":
    sys.stdout.write(page())
