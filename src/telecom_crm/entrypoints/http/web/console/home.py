"""The palette that leads everywhere, and the page of what is nowhere."""

from __future__ import annotations

from datetime import datetime

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.user import User
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.access import Own
from telecom_crm.entrypoints.http.web.console.finding import found, the_only
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.routes import acts, shows

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
        return _news(request, crm, request.person)

    @acts("/console/news", Own("what somebody has seen is their own"))
    def read_news(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Note as read what was shown, and show what came since."""
        assert request.person is not None, "guests have no console"
        user, until = request.person, _instant(form.raw("until"))
        if until is not None:
            user = crm.users.read_news(user.id, until=until, by=request.by)
        if request.wants_fragment:
            return _news(request, crm, user)
        return redirect(request, "/console/news")

    @shows("/console/find", EVERYBODY)
    def find(
        self, request: Visit, crm: NamedDependency[Crm], q: FromQuery[str] = ""
    ) -> Response[bytes]:
        """Find pages and things by what was typed; the whole name of one leads to it at once."""
        hits = found(crm, q, request.may, request.pages.commands(request.may))
        if (only := the_only(hits, q)) and not request.wants_fragment:
            return redirect(request, only.path)
        return page(request, "console/find.html", fragment="console/_found.html", hits=hits, q=q)


def _news(request: Visit, crm: Crm, user: User | None) -> Response[bytes]:
    assert request.visitor is not None, "guests have no console"
    read_at = user.news_read_at if user else None
    told = crm.reports.news(rights=request.visitor.rights, by=request.by, read_at=read_at)
    return page(request, "console/news.html", fragment="ui/_news.html", news=told)


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
