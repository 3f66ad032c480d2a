"""Every failure as a problem (RFC 9457): one shape, a stable type, and the status of its family."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, ClassVar

import attrs
import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ExceptionHandlersMap

from telecom_crm.application.access.signing_in import SignInRefused, TooManyAttempts
from telecom_crm.application.ports import NotInstalled
from telecom_crm.domain.errors import (
    Conflict,
    Fault,
    GatewayError,
    IllegalTransition,
    InvalidValue,
    KeyReused,
    NotFound,
    NotPermitted,
    RuleViolated,
    SchemaOutdated,
    StaleVersion,
    TelecomCrmError,
    Unavailable,
    VersionSeen,
)
from telecom_crm.domain.money import CurrencyMismatch
from telecom_crm.domain.traces import trace_of
from telecom_crm.entrypoints.http.values import tag_of

PROBLEM_JSON = "application/problem+json"
URN = "urn:telecom-crm:"
RETRY_AFTER_SECONDS = 1
LOG = logging.getLogger(__name__)


@attrs.define
class Malformed(TelecomCrmError):
    """The request cannot be read: it is not JSON, or a value has the wrong type."""

    code: ClassVar[str] = "malformed"

    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        return "; ".join(f"{fault.field}: {fault.message}".lstrip(": ") for fault in self.faults)


@attrs.define
class NotAuthenticated(TelecomCrmError):
    """No token, or one that opens nothing."""

    code: ClassVar[str] = "not_authenticated"

    given: bool = False
    """Whether a token came along."""

    def __str__(self) -> str:
        return "the token is not valid" if self.given else "a bearer token is needed"


@attrs.define
class TooManyRequests(TelecomCrmError):
    """The caller asks too often; after `retry_after_seconds` it will be answered again."""

    code: ClassVar[str] = "too_many_requests"
    retryable: ClassVar[bool] = True

    retry_after_seconds: int

    def __str__(self) -> str:
        return f"too many requests; wait {self.retry_after_seconds} s"


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with a request."""

    field: str
    message: str
    code: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong (RFC 9457). Other members are facts of the one error."""

    type: str
    title: str
    status: int
    detail: str
    retryable: bool
    errors: list[FieldError] = []
    allowed: list[str] | None = None
    reasons: list[str] | None = None
    version: int | None = None


STATUS: Mapping[type[TelecomCrmError], int] = {
    Malformed: HTTPStatus.BAD_REQUEST,
    NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    SignInRefused: HTTPStatus.UNAUTHORIZED,
    NotPermitted: HTTPStatus.FORBIDDEN,
    TooManyAttempts: HTTPStatus.TOO_MANY_REQUESTS,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    NotFound: HTTPStatus.NOT_FOUND,
    IllegalTransition: HTTPStatus.CONFLICT,
    RuleViolated: HTTPStatus.CONFLICT,
    Conflict: HTTPStatus.CONFLICT,
    StaleVersion: HTTPStatus.PRECONDITION_FAILED,
    InvalidValue: HTTPStatus.UNPROCESSABLE_ENTITY,
    KeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    CurrencyMismatch: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    GatewayError: HTTPStatus.SERVICE_UNAVAILABLE,
    NotInstalled: HTTPStatus.NOT_IMPLEMENTED,
    SchemaOutdated: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The status of each family of errors; an error of no family is a defect, and a 500."""


def status_of(error: TelecomCrmError) -> int:
    """Return the status of an error's family."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return int(STATUS[kind])
    return int(HTTPStatus.INTERNAL_SERVER_ERROR)


def problem_of(error: TelecomCrmError) -> dict[str, Any]:
    """Return an anticipated error as the members of a problem, its facts beside the standard."""
    status = status_of(error)
    members: dict[str, Any] = {
        "type": URN + error.code,
        "title": _words(error.code),
        "status": status,
        "detail": str(error),
        "retryable": error.retryable,
    }
    if isinstance(error, InvalidValue | Malformed):
        members["errors"] = field_errors(error.faults)
        return members
    for field in attrs.fields(type(error)):
        members.setdefault(field.name, _plain(getattr(error, field.name)))
    return members


def field_errors(faults: Iterable[Fault]) -> list[FieldError]:
    """Return faults as they are told; the values are not repeated, they may be secrets."""
    return [FieldError(field=f.field, message=f.message, code=f.code) for f in faults]


def refuse(request: Request[Any, Any, Any], error: TelecomCrmError) -> Response[bytes]:
    """Answer an anticipated error."""
    members = problem_of(error)
    headers: dict[str, str] = {}
    if members["status"] == HTTPStatus.INTERNAL_SERVER_ERROR:
        return fail(request, error)
    if error.retryable:
        seconds = members.get("retry_after_seconds", RETRY_AFTER_SECONDS)
        headers["Retry-After"] = str(seconds)
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = _challenge(error)
    if isinstance(error, VersionSeen):
        # To whoever may change a thing; no role changes what it may not read.
        headers["ETag"] = tag_of(error.version)
    return _respond(members, headers)


REFUSED: Mapping[int, tuple[str, str]] = {
    400: ("malformed", "the request cannot be read"),
    404: ("not_found", "nothing is served at this path; GET /schema lists all that is"),
    405: ("method_not_allowed", "{method} is not served here; this path takes {allow}"),
    413: ("content_too_large", "the body is longer than the {limit} bytes that this route takes"),
    415: ("unsupported_media_type", "a body here is JSON in UTF-8, sent as application/json"),
}
"""The code of what the framework refuses, and what would be right."""


def refuse_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer what the framework refuses: no such route, wrong method, too long a body."""
    status = error.status_code
    if status not in REFUSED:
        return fail(request, error)
    code, words = REFUSED[status]
    allow = ", ".join(sorted((error.headers or {}).get("allow", "").split(", ")))
    members = {
        "type": URN + code,
        "title": _words(code),
        "status": status,
        "detail": words.format(method=request.method, allow=allow, limit=_limit_of(request)),
        "retryable": False,
    }
    return _respond(members, {"Allow": allow} if allow else {})


def fail(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer a defect of ours without telling of its insides, and log where it was."""
    LOG.error(
        "%s %s failed\n%s",
        request.method,
        request.scope.get("path_template", ""),
        trace_of(error),
    )
    return _respond(
        {
            "type": URN + "internal_error",
            "title": "Internal error",
            "status": int(HTTPStatus.INTERNAL_SERVER_ERROR),
            "detail": "something failed here; it was written down, and nothing was changed",
            "retryable": False,
        },
        {},
    )


HANDLERS: ExceptionHandlersMap = {
    TelecomCrmError: refuse,
    HTTPException: refuse_http,
    Exception: fail,
}


def _respond(members: Mapping[str, Any], headers: Mapping[str, str]) -> Response[bytes]:
    return Response(
        msgspec.json.encode(members, enc_hook=str),
        status_code=members["status"],
        headers=headers,
        media_type=PROBLEM_JSON,
    )


def _limit_of(request: Request[Any, Any, Any]) -> str:
    handler = request.scope.get("route_handler")
    limit = (
        handler.resolve_request_max_body_size() if isinstance(handler, HTTPRouteHandler) else None
    )
    return f"{limit:,}" if limit else "few"


def _challenge(error: NotAuthenticated) -> str:
    challenge = 'Bearer realm="telecom-crm"'
    return challenge + ', error="invalid_token"' if error.given else challenge


def _words(code: str) -> str:
    return code.replace("_", " ").capitalize()


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int):
        return value
    return str(value)  # of a kind of text, too, the text alone
