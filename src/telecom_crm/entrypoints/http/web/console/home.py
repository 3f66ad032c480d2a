"""The console's first page, and the palette that leads everywhere."""

from __future__ import annotations

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from telecom_crm.domain.errors import NotFound, NotPermitted
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.access import Own
from telecom_crm.entrypoints.http.web.console.finding import found
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.routes import shows

EVERYBODY = Own("it shows what each may see, and nothing else")


class Home(Controller):
    """Where one lands, and how one gets on from there."""

    @shows("/console", EVERYBODY)
    def start(self, request: Visit) -> Response[bytes]:
        """Go to the first part of the console that is open to the visitor."""
        for entry in request.app.state.pages.entries(request.may):
            return redirect(request, entry.path)
        raise NotPermitted("use the console: the role opens no part of it")

    @shows("/console/{rest:path}", Own("who is signed in keeps the navigation where nothing is"))
    def nothing(self, rest: FromPath[str]) -> Response[bytes]:
        """Say that nothing is there."""
        raise NotFound("page", rest)

    @shows("/console/find", EVERYBODY)
    def find(
        self, request: Visit, crm: NamedDependency[Crm], q: FromQuery[str] = ""
    ) -> Response[bytes]:
        """Find pages, customers, contracts, numbers and SIMs by what somebody typed or pasted."""
        hits = found(crm, q, request.may, request.app.state.pages.commands(request.may))
        return page(request, "console/find.html", fragment="console/_found.html", hits=hits, q=q)
