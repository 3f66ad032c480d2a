"""Which CRM the routes are served for: they are the same for all, and a request knows its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from telecom_crm.application.ports import ReadPhone

if TYPE_CHECKING:
    from telecom_crm.entrypoints.http.metrics import Metrics
    from telecom_crm.entrypoints.http.web.app import Gates
    from telecom_crm.entrypoints.http.web.templating import Pages

SERVED = "telecom_crm_served"
"""Where a request's state has what it is served with."""


@attrs.frozen(eq=False)
class Served:
    """One CRM at the routes: its services, its pages, who lets in and what counts."""

    services: Mapping[str, object]
    """What handlers may ask for, by the name of their parameter."""
    read_phone: ReadPhone
    pages: Pages
    gates: Gates
    metrics: Metrics


def served(scope: Any) -> Served:
    """Return what a request is served with."""
    found: Served = scope["state"][SERVED]
    return found
