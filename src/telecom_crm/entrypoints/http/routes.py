"""How routes are declared: each says its area, what is done there, and what else it reads."""

from __future__ import annotations

from typing import Any

from litestar import get, patch, post, put

from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.http.access import Permission
from telecom_crm.entrypoints.http.calls import Parameter
from telecom_crm.entrypoints.http.values import KeyUse


def reads(
    path: str,
    area: Area,
    action: Action = Action.READ,
    *,
    query: tuple[Parameter, ...] = (),
    **opts: Any,
) -> get:
    """Declare a route that shows something."""
    if query:
        opts["query"] = query
    return get(path, access=Permission(area, action), sync_to_thread=True, **opts)


def makes(
    path: str,
    area: Area,
    action: Action = Action.WRITE,
    *,
    key: KeyUse | None = None,
    in_thread: bool = True,
    **opts: Any,
) -> post:
    """
    Declare a route that makes a thing, and answers 201; one not `in_thread` is asynchronous.
    """
    access = Permission(area, action)
    return post(path, access=access, sync_to_thread=True if in_thread else None, key=key, **opts)


def does(
    path: str, area: Area, action: Action = Action.WRITE, *, versioned: bool = False, **opts: Any
) -> post:
    """Declare a command: it changes a thing and answers 200; `versioned` ones heed `If-Match`."""
    return post(
        path,
        access=Permission(area, action),
        status_code=200,
        sync_to_thread=True,
        versioned=versioned,
        **opts,
    )


def changes(path: str, area: Area) -> patch:
    """Declare a route that changes some fields of a thing."""
    return patch(path, access=Permission(area, Action.WRITE), sync_to_thread=True, versioned=True)


def replaces(path: str, area: Area, *, versioned: bool = False) -> put:
    """Declare a route that puts something in the place of all there was."""
    return put(
        path, access=Permission(area, Action.WRITE), sync_to_thread=True, versioned=versioned
    )
