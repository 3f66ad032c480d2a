"""How pages are declared: each says its area and what is done there, as routes of the API do."""

from __future__ import annotations

from typing import Any

from litestar import get, post

from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.http.access import Permission, Rule


def shows(path: str, area: Area | Rule, action: Action = Action.READ, **opts: Any) -> get:
    """Declare a page, or a fragment of one; nothing is changed."""
    return get(path, access=_rule(area, action), sync_to_thread=True, **opts)


def acts(path: str, area: Area | Rule, action: Action = Action.WRITE, **opts: Any) -> post:
    """Declare what a form does."""
    return post(path, access=_rule(area, action), sync_to_thread=True, status_code=200, **opts)


def _rule(area: Area | Rule, action: Action) -> Rule:
    return Permission(area, action) if isinstance(area, Area) else area
