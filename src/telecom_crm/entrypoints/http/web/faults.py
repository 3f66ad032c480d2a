"""What a page answers when something is in the way: a page of its own, a toast, or the way in."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import attrs
from litestar import Request, Response
from litestar.exceptions import HTTPException

from telecom_crm.domain.errors import NotPermitted, TelecomCrmError
from telecom_crm.domain.role import Action, Area, RoleName
from telecom_crm.domain.traces import trace_of
from telecom_crm.entrypoints.http.problems import (
    RETRY_AFTER_SECONDS,
    NotAuthenticated,
    TooManyRequests,
    status_of,
)
from telecom_crm.entrypoints.http.web.gate import FACE, guessed
from telecom_crm.entrypoints.http.web.http import Toast, Visit, html, page, redirect
from telecom_crm.entrypoints.http.web.i18n import CURRENT, gettext
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.messages import ERRORS, sentence

LOG = logging.getLogger(__name__)
Facts = Sequence[tuple[str, str]]
LOGIN = {"console": "/login", "my": "/my/login"}

HEADINGS: Mapping[int, tuple[str, str]] = {
    400: (N_("The request cannot be read"), "circle-help"),
    401: (N_("Sign in first"), "lock"),
    403: (N_("You may not do this"), "lock"),
    404: (N_("Nothing is here"), "search-x"),
    405: (N_("Nothing is here"), "search-x"),
    409: (N_("Not now"), "git-merge"),
    412: (N_("Changed in the meantime"), "history"),
    413: (N_("Too large"), "upload"),
    422: (N_("Something is wrong with what was sent"), "triangle-alert"),
    429: (N_("Too many tries"), "clock"),
    500: (N_("Something failed here"), "triangle-alert"),
    501: (N_("Not part of this installation"), "circle-help"),
    503: (N_("Not available right now"), "clock"),
}

CODES = {400: "malformed", 404: "not_found", 405: "method_not_allowed", 413: "content_too_large"}


def face_of(request: Request[Any, Any, Any]) -> str:
    """Return the face of the product that a request is for; "" for the API."""
    handler: Any = request.scope.get("route_handler")
    if FACE in getattr(handler, "opt", ()):
        return str(handler.opt[FACE])
    first = request.scope["path"].split("/")[1]
    return first if first in LOGIN else ""


def refuse(request: Request[Any, Any, Any], error: TelecomCrmError) -> Response[bytes]:
    """Answer an anticipated error."""
    visit, status = _visit(request), status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return fail(request, error)
    if isinstance(error, NotAuthenticated):
        return _way_in(visit)
    answer = _told(visit, status, sentence(error), facts=_lacking(visit, error))
    if error.retryable:
        wait = error.retry_after_seconds if isinstance(error, TooManyRequests) else None
        answer.headers["Retry-After"] = str(wait or RETRY_AFTER_SECONDS)
    return answer


def refuse_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer what the framework refuses: no such page, wrong method, too long a body."""
    if error.status_code not in CODES:
        return fail(request, error)
    return _told(_visit(request), error.status_code, gettext(ERRORS[CODES[error.status_code]]))


def fail(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer a defect of ours with the number under which the log has it."""
    incident = secrets.token_hex(4)
    where = request.scope.get("path_template", "")
    LOG.error("incident %s: %s %s failed\n%s", incident, request.method, where, trace_of(error))
    return _told(_visit(request), 500, gettext(ERRORS["internal_error"]), incident=incident)


def _visit(request: Request[Any, Any, Any]) -> Visit:
    visit = Visit(request.scope, request.receive, request.send)
    if FACE not in getattr(request.scope.get("route_handler"), "opt", ()):
        CURRENT.set(guessed(visit))  # no gate was passed
    return visit


def _way_in(visit: Visit) -> Response[bytes]:
    """Lead to the sign-in, and from there back here."""
    back = visit.here if visit.method == "GET" and not visit.wants_fragment else visit.came_from
    lost = Toast(gettext("You were signed out. Sign in and repeat: nothing was changed."), "warn")
    answer = redirect(
        visit,
        LOGIN[face_of(visit)] + (f"?next={quote(back, safe='/')}" if back else ""),
        toast=None if visit.method == "GET" else lost,
    )
    if visit.by_htmx:
        answer.status_code = int(HTTPStatus.UNAUTHORIZED)
    return answer


def _lacking(visit: Visit, error: TelecomCrmError) -> list[tuple[str, str]]:
    """Tell users which right they lack, and who may give it; nobody else."""
    if visit.person is None or not isinstance(error, NotPermitted) or not error.lacks:
        return []
    action, area = error.lacks
    right = f"{label(Area(area))}: {label(Action(action))}"
    return [
        (gettext("Missing right"), right),
        (gettext("Who can give it"), label(RoleName.ADMIN)),
    ]


def _told(
    visit: Visit, status: int, text: str, *, incident: str = "", facts: Facts = ()
) -> Response[bytes]:
    if visit.wants_fragment:
        told = [text, *(": ".join(one) for one in facts)]
        return _as_toast(visit, status, ". ".join(told), incident)
    heading, icon = HEADINGS[status]
    face = face_of(visit)
    layout = f"layouts/{face}.html" if visit.visitor else "layouts/bare.html"
    return page(
        visit,
        "errors/error.html",
        status=status,
        layout=layout,
        code=status,
        heading=gettext(heading),
        text=text,
        icon_name=icon,
        incident=incident,
        facts=facts,
        start="/my" if face == "my" else "/console",
    )


def _as_toast(visit: Visit, status: int, text: str, incident: str) -> Response[bytes]:
    """Put the sentence among the toasts; what is on the page stays."""
    told = f"{text} ({incident})" if incident else text
    body = visit.pages.render("ui/_toast.html", one=Toast(told, "bad"))
    headers = {"HX-Retarget": "#toasts", "HX-Reswap": "beforeend"}
    return html(visit, body, status=status, headers=headers)


@attrs.frozen
class ByFace:
    """Answers an error as a page where a browser asked for one, else as a problem."""

    api: Any
    web: Any

    def __call__(self, request: Request[Any, Any, Any], error: Any) -> Response[Any]:
        answer: Response[Any] = (self.web if face_of(request) else self.api)(request, error)
        return answer
