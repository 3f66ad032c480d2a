"""The palette that leads everywhere, and the page of what is nowhere."""

from __future__ import annotations

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from telecom_crm.domain.errors import NotFound
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.access import Own
from telecom_crm.entrypoints.http.web.console.finding import found, the_only
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.routes import shows

EVERYBODY = Own("it shows what each may see, and nothing else")


class Home(Controller):
    """How one gets on from wherever one is."""

    @shows("/console/{rest:path}", Own("who is signed in keeps the navigation where nothing is"))
    def nothing(self, rest: FromPath[str]) -> Response[bytes]:
        """Say that nothing is there."""
        raise NotFound("page", rest)

    @shows("/console/news", EVERYBODY)
    def news(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Show what waits for somebody, and what came of late; the head of every page has it."""
        assert request.visitor is not None, "guests have no console"
        told = crm.reports.news(rights=request.visitor.rights, by=request.by)
        return page(request, "console/news.html", fragment="ui/_news.html", news=told)

    @shows("/console/find", EVERYBODY)
    def find(
        self, request: Visit, crm: NamedDependency[Crm], q: FromQuery[str] = ""
    ) -> Response[bytes]:
        """Find pages and things by what was typed; the whole name of one leads to it at once."""
        hits = found(crm, q, request.may, request.pages.commands(request.may))
        if (only := the_only(hits, q)) and not request.wants_fragment:
            return redirect(request, only.path)
        return page(request, "console/find.html", fragment="console/_found.html", hits=hits, q=q)
