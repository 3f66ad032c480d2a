"""The pages beside the API: their routers, what they share, and who lets browsers in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import attrs
from litestar import Router
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, ExceptionHandlersMap, Receive, Scope, Send

from telecom_crm.application.roles import role_titles_in
from telecom_crm.application.rules import brand_in, demo_in, offered_in
from telecom_crm.domain.errors import TelecomCrmError
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http import problems
from telecom_crm.entrypoints.http.access import Gate
from telecom_crm.entrypoints.http.served import served
from telecom_crm.entrypoints.http.web import console, faults, my
from telecom_crm.entrypoints.http.web.assets import brand_sheet, front_door, static_file
from telecom_crm.entrypoints.http.web.console.audit import happenings
from telecom_crm.entrypoints.http.web.faults import ByFace
from telecom_crm.entrypoints.http.web.forms import MEANWHILE, Form
from telecom_crm.entrypoints.http.web.gate import FACE, PageGate
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.menu import in_order
from telecom_crm.entrypoints.http.web.templating import Pages

FORM_LIMIT = 1_000_000
"""The most bytes of a form without files."""


def routers() -> list[Any]:
    """Return the pages of both faces, and the files that they load."""
    shared: dict[str, Any] = {
        "request_class": Visit,
        "dependencies": {"form": Provide(_form)},
        "include_in_schema": False,
        "dto": None,
        "request_max_body_size": FORM_LIMIT,
    }
    faces: Mapping[str, Any] = {"console": console.CONTROLLERS, "my": my.CONTROLLERS}
    made = [
        Router("/", route_handlers=pages, opt={FACE: face}, **shared)
        for face, pages in faces.items()
        if pages
    ]
    return [*made, static_file, brand_sheet, front_door]


def pages_of(crm: Crm, *, operator: str = "") -> Pages:
    """Return what all pages of an operator share."""
    return Pages(
        zone=crm.zone,
        currency=crm.currency,
        operator=operator,
        clock=crm.clock,
        brand=crm.rules.in_force(brand_in),
        demo=crm.rules.in_force(demo_in),
        offered=crm.rules.in_force(offered_in),
        names=crm.users.names,
        latest=partial(crm.events.latest_of, count=MEANWHILE),
        things=crm.audit.things,
        role_titles=crm.rules.in_force(role_titles_in),
        nav=in_order(console.ENTRIES),
        my_entries=my.ENTRIES,
    )


@attrs.frozen(eq=False)
class Gates:
    """The bearer's gate before the API, the session's before the pages."""

    api: Gate
    web: PageGate

    async def admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or raise as the gate before its route does."""
        handler: Any = scope["route_handler"]
        if FACE in handler.opt:
            await self.web.admit(Visit(scope, receive, send))
        else:
            await self.api.admit(scope)


def gated(app: ASGIApp) -> ASGIApp:
    """Stand, as a middleware, before every route."""

    # Not a guard: the framework copies the route's handler for each guard of each request.
    async def admitted(scope: Scope, receive: Receive, send: Send) -> None:
        await served(scope).gates.admit(scope, receive, send)
        await app(scope, receive, send)

    return admitted


def handlers() -> ExceptionHandlersMap:
    """Return what answers errors: pages to browsers at pages, problems to the rest."""
    return {
        TelecomCrmError: ByFace(problems.refuse, faults.refuse),
        HTTPException: ByFace(problems.refuse_http, faults.refuse_http),
        Exception: ByFace(problems.fail, faults.fail),
    }


async def _form(request: Visit) -> Form:
    return Form(await request.form(), history=partial(happenings, request))
