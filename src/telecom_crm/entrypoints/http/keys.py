"""The idempotency key of a request."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection

from telecom_crm.application.ports import KEY_LIMIT
from telecom_crm.domain.errors import Fault, InvalidValue
from telecom_crm.entrypoints.http.problems import Malformed
from telecom_crm.entrypoints.http.values import KeyUse

KEY_HEADER = "Idempotency-Key"


def read_key(request: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    """Return the key; raise `Malformed` where the route needs one and none came."""
    key = request.headers.get(KEY_HEADER)
    if key is None:
        if request.route_handler.opt.get("key") is KeyUse.REQUIRED:
            message = "is required here: any text of your own that names this one request"
            raise Malformed((Fault(KEY_HEADER, "missing", message),))
        return None
    if not (0 < len(key) <= KEY_LIMIT and key.isprintable() and key.strip()):
        message = f"1 to {KEY_LIMIT} printable characters"
        raise InvalidValue.of(KEY_HEADER, "key", message)
    return key
