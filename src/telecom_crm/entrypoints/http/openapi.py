"""The service described in OpenAPI 3.1, from the routes themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, get_args, get_origin
from uuid import UUID

import msgspec
from litestar import Litestar, Response
from litestar.handlers import HTTPRouteHandler
from litestar.response import ServerSentEvent, Stream
from litestar.routes import HTTPRoute

from telecom_crm.application.ports import KEY_LIMIT
from telecom_crm.entrypoints.http.access import Own, Permission, rule_of
from telecom_crm.entrypoints.http.bodies import SCHEMAS
from telecom_crm.entrypoints.http.calls import SEEN_HEADER, Parameter
from telecom_crm.entrypoints.http.keys import KEY_HEADER
from telecom_crm.entrypoints.http.problems import PROBLEM_JSON, Problem
from telecom_crm.entrypoints.http.reading import body_class, may_be_empty
from telecom_crm.entrypoints.http.values import KeyUse

REF = "#/components/schemas/{name}"
PROBLEMS = {
    400: "The request cannot be read: not JSON, or a value has the wrong type.",
    401: "No token, or one that is not valid.",
    403: "The token's role may not do this.",
    404: "There is no such thing.",
    409: "Not now: the thing's state, a rule, or another request is against it.",
    412: "The thing was changed since the version in If-Match; `version` is the present one.",
    413: "The body is too long.",
    415: "The body is not JSON.",
    422: "A value that can never be right, or an idempotency key used for something else.",
    429: "Too many requests; `Retry-After` tells how many seconds to wait.",
    501: "This installation lacks a part that it takes; the problem names it.",
    503: "The database or a gateway is away; try again.",
}
"""What each status of a problem means."""

DESCRIPTION = """\
JSON in snake_case. Amounts are `{"amount": "150.00", "currency": "KGS"}`, instants RFC 3339 in UTC.
Errors are problems (RFC 9457) with a stable `type`, and `errors` for every fault of a request.
Lists take `limit`, `cursor` and `sort`, and link to the next page. Things with a version answer an
`ETag`; commands on them heed `If-Match`, and the rest refuse it. What moves money or makes a
contract needs an `Idempotency-Key`: sent again it answers the same, with
`Idempotency-Replayed: true`.
"""


def schema_of(app: Litestar) -> dict[str, Any]:
    """Return the OpenAPI document of routes."""
    operations = sorted(_operations(app), key=lambda one: (one[0], one[1]))
    kinds = {kind for _, _, handler in operations for kind in _kinds(handler)} | {Problem}
    ordered = sorted(kinds, key=_name_of)
    found, components = msgspec.json.schema_components(
        ordered, schema_hook=_describe, ref_template=REF
    )
    schemas = dict(zip(ordered, found, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for path, method, handler in operations:
        paths.setdefault(path, {})[method] = _operation(path, handler, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Telecom CRM",
            "version": version("telecom-crm"),
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def answer_of(handler: HTTPRouteHandler) -> Any:
    """Return the class that a route's answers are of; None where they are no JSON."""
    annotation = handler.parsed_fn_signature.return_type.annotation
    if get_origin(annotation) is Response:
        annotation = get_args(annotation)[0]
    plain = inspect.isclass(annotation) and issubclass(
        annotation, Stream | ServerSentEvent | str | bytes
    )
    return None if plain else annotation


def _operations(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Give path, method and handler of every route that is described."""
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            if not handler.resolve_include_in_schema() or "OPTIONS" in handler.http_methods:
                continue
            for method in handler.http_methods:
                yield re.sub(r":\w+}", "}", route.path), method.lower(), handler


def _kinds(handler: HTTPRouteHandler) -> Iterator[Any]:
    for kind in (body_class(handler), answer_of(handler)):
        if kind is not None:
            yield kind


def _name_of(kind: Any) -> str:
    # Pages of different things are of one class, so its name alone is no order.
    return f"{getattr(kind, '__qualname__', '')} {kind}"


def _describe(kind: type) -> dict[str, Any]:
    """Describe a text with a form of its own."""
    if kind in SCHEMAS:
        return SCHEMAS[kind]
    raise NotImplementedError(kind)


def _operation(path: str, handler: HTTPRouteHandler, schemas: dict[Any, Any]) -> dict[str, Any]:
    summary, _, rest = inspect.cleandoc(_function(handler).__doc__ or "").partition("\n")
    body = _request_body(handler, schemas)
    operation: dict[str, Any] = {
        "operationId": _operation_id(handler),
        "tags": sorted(handler.resolve_tags()),
        "summary": summary,
        "parameters": [*_in_path(handler, path), *_in_query(handler), *_in_header(handler)],
        "responses": _responses(path, handler, schemas, has_body=body is not None),
    }
    if rest.strip():
        operation["description"] = rest.strip()
    if body is not None:
        operation["requestBody"] = body
    if isinstance(rule_of(handler), Permission):
        operation["security"] = [{"token": []}]
    else:
        operation["security"] = []
    return operation


def _operation_id(handler: HTTPRouteHandler) -> str:
    function = _function(handler)
    owner = type(function.__self__).__name__.removesuffix("Controller")
    return f"{owner[:1].lower()}{owner[1:]}_{function.__name__}"


def _function(handler: HTTPRouteHandler) -> Any:
    """Return the controller's own method, which the framework may have wrapped for its threads."""
    return getattr(handler.fn, "func", handler.fn)


def _in_path(handler: HTTPRouteHandler, path: str) -> list[dict[str, Any]]:
    found = []
    for name in re.findall(r"{(\w+)}", path):
        # What a dependency reads instead of the handler is a text.
        known = handler.parsed_fn_signature.parameters.get(name)
        schema = _IN_PATH[known.annotation if known else str]
        found.append({"name": name, "in": "path", "required": True, "schema": schema})
    return found


_IN_PATH: Mapping[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer", "minimum": 0},
    UUID: {"type": "string", "format": "uuid"},
}


def _in_query(handler: HTTPRouteHandler) -> list[dict[str, Any]]:
    known: tuple[Parameter, ...] = handler.opt.get("query", ())
    found = []
    for one in known:
        parameter = {"name": one.name, "in": "query", "required": one.required}
        parameter["schema"] = dict(one.schema)
        if one.description:
            parameter["description"] = one.description
        found.append(parameter)
    return found


def _in_header(handler: HTTPRouteHandler) -> list[dict[str, Any]]:
    found = []
    if (use := handler.opt.get("key")) is not None:
        found.append(
            {
                "name": KEY_HEADER,
                "in": "header",
                "required": use is KeyUse.REQUIRED,
                "description": "Your own name for this one request, to send it again safely.",
                "schema": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": KEY_LIMIT,
                    "pattern": "^[!-~]([ -~]*[!-~])?$",
                },
            }
        )
    if handler.opt.get("resumable"):
        found.append(
            {
                "name": "Last-Event-ID",
                "in": "header",
                "required": False,
                "description": "The id of the last event that was heard.",
                "schema": {"type": "string"},
            }
        )
    if handler.opt.get("versioned"):
        found.append(
            {
                "name": SEEN_HEADER,
                "in": "header",
                "required": False,
                "description": "The `ETag` that was seen: any other version is refused.",
                "schema": {"type": "string"},
            }
        )
    return found


def _request_body(handler: HTTPRouteHandler, schemas: dict[Any, Any]) -> dict[str, Any] | None:
    if raw := handler.opt.get("raw_body"):
        types = (raw,) if isinstance(raw, str) else raw
        content = {name: {"schema": _upload(name)} for name in types}
        return {"required": True, "content": content}
    kind = body_class(handler)
    if kind is None:
        return None
    content = {"application/json": {"schema": schemas[kind]}}
    return {"required": not may_be_empty(kind), "content": content}


def _upload(media_type: str) -> dict[str, Any]:
    if media_type != "multipart/form-data":
        return {"type": "string", "format": "binary"}
    file = {"type": "string", "format": "binary"}
    return {"type": "object", "properties": {"file": file}, "required": ["file"]}


def _responses(
    path: str, handler: HTTPRouteHandler, schemas: dict[Any, Any], *, has_body: bool
) -> dict[str, Any]:
    answer = answer_of(handler)
    if answer is None:
        types = handler.opt.get("media_types") or (str(handler.media_type),)
        content = {name: {"schema": _file(name)} for name in types}
    else:
        content = {"application/json": {"schema": schemas[answer]}}
    good: dict[str, Any] = {"description": "Done.", "content": content}
    if headers := _headers(handler):
        good["headers"] = headers
    responses = {str(handler.status_code): good}
    if handler.opt.get("resumable"):
        responses["204"] = {"description": "Nothing more is to come."}
    for status in sorted(_refusals(path, handler, has_body=has_body)):
        problem = {PROBLEM_JSON: {"schema": {"$ref": REF.format(name="Problem")}}}
        responses[str(status)] = {"description": PROBLEMS[status], "content": problem}
        if status == HTTPStatus.PRECONDITION_FAILED:
            responses[str(status)]["headers"] = {"ETag": _TAG}
    return responses


def _file(media_type: str) -> dict[str, Any]:
    text = {"type": "string"}
    return text if media_type.startswith("text/") else {**text, "format": "binary"}


_TAG = {"description": "The thing's version.", "schema": {"type": "string"}}


def _headers(handler: HTTPRouteHandler) -> dict[str, Any]:
    text = {"schema": {"type": "string"}}
    headers = {}
    if handler.status_code == 201:
        headers["Location"] = {"description": "Where the thing is.", **text}
    if handler.opt.get("versioned"):
        headers["ETag"] = _TAG
    if handler.opt.get("key") is not None:
        headers["Idempotency-Replayed"] = {"description": "`true` for a key used before.", **text}
    if handler.opt.get("query") and "cursor" in {one.name for one in handler.opt["query"]}:
        headers["Link"] = {"description": "The next page.", **text}
    return headers


def _refusals(path: str, handler: HTTPRouteHandler, *, has_body: bool) -> set[int]:
    found = {422, 503}
    if isinstance(rule_of(handler), Permission):
        found |= {401, 403, 429}
    if "{" in path:
        found.add(404)
    if has_body:
        found |= {400, 413} if handler.opt.get("raw_body") else {400, 413, 415}
    if handler.opt.get("query") or handler.opt.get("key") is not None:
        found.add(400)
    if not {"GET"} & set(handler.http_methods):
        # A body may name things that are not there, and every change may meet another.
        found |= {404, 409}
    if handler.opt.get("versioned"):
        found.add(412)
    if handler.opt.get("extra"):
        found.add(501)
    if "callback" in path:
        found.add(403)
    if isinstance(rule_of(handler), Own):
        found |= {401, 429}
    return found | set(handler.opt.get("refusals", ()))
