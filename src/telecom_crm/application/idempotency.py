"""What a request asks, as a digest: the same key with other content is found out by it."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs

from telecom_crm.application.ports import IdempotencyKey
from telecom_crm.domain.customer import read_text
from telecom_crm.domain.lifecycle import Actor

KEY_LIMIT = 255


def request_key(key: str, command: str, *, by: Actor, **arguments: object) -> IdempotencyKey:
    """Return a caller's key for a command; `InvalidValue` for one of over 255 characters."""
    named = read_text(key, field="idempotency_key", limit=KEY_LIMIT, required=True)
    return IdempotencyKey(by.name, named, digest_of(command, **arguments))


def digest_of(command: str, **arguments: object) -> str:
    """
    Return the SHA-256, in hex, of a command and its arguments.

    Arguments are plain values, ids, dates, enum members, attrs values, and lists, sets and
    mappings of them; anything else is a `TypeError`. The order of mappings and sets is nothing.

    >>> digest_of("pay", amount=1, method="cash") == digest_of("pay", method="cash", amount=1)
    True
    """
    return hashlib.sha256(_CANONICAL([command, arguments]).encode("ascii")).hexdigest()


@functools.cache
def _fields(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(kind) if field.eq)


def _plain(value: object) -> Any:
    """Give JSON what it cannot write by itself; of an attrs value, the kind goes along."""
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, date):  # a datetime is one
        return value.isoformat()
    kind = type(value)
    if attrs.has(kind):
        return [kind.__name__, {name: getattr(value, name) for name in _fields(kind)}]
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(_CANONICAL(item) for item in value)
    raise TypeError(f"a {kind.__name__} cannot be part of a request's digest")


_CANONICAL = json.JSONEncoder(
    default=_plain, sort_keys=True, separators=(",", ":"), check_circular=False
).encode
