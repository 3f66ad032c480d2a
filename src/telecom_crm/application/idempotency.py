"""What a request asks, as a digest: the same key with other content is found out by it."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar, cast
from uuid import UUID

import attrs

from telecom_crm.application.ports import KEY_LIMIT, Collection, IdempotencyKey, Transaction
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.text import read_text

K = TypeVar("K", bound=UUID)
T = TypeVar("T")


def request_key(
    key: str | None, command: str, /, *, by: Actor, **arguments: object
) -> IdempotencyKey | None:
    """
    Return a caller's key for a command and its arguments; None where there is none.

    Raise `InvalidValue` for one that is empty, too long, or has control characters.
    """
    if key is None:
        return None
    named = read_text(key, field="idempotency_key", limit=KEY_LIMIT, required=True)
    return IdempotencyKey(by.caller, named, digest_of(command, **arguments))


def done_before(
    tx: Transaction, things: Collection[K, T], key: IdempotencyKey | None, id: K
) -> T | None:
    """
    Claim a key for the thing that is about to be made or changed.

    Return, as `replayed`, the one that it names already; raise `KeyReused`, `Busy`.
    """
    if key is None or (bound := tx.keys.claim(key, id)) is None:
        return None
    known: Any = things.get(cast("K", bound.resource))
    again: T = attrs.evolve(known, replayed=True)
    return again


def digest_of(command: str, **arguments: object) -> str:
    """
    Return the SHA-256, in hex, of a command and its arguments.

    Arguments are plain values, ids, dates, enum members, attrs values, and lists, sets and
    mappings of them; anything else is a `TypeError`. The order of mappings and sets is nothing.

    >>> digest_of("pay", amount=1, method="cash") == digest_of("pay", method="cash", amount=1)
    True
    """
    return hashlib.sha256(_CANONICAL([command, arguments]).encode("ascii")).hexdigest()


def _plain(value: object) -> Any:
    """Give JSON what it cannot write by itself; of an attrs value, the kind goes along."""
    kind: Any = type(value)  # mypy does not see that a class can be a key
    return _plainly(kind)(value)


@functools.cache
def _plainly(kind: type[Any]) -> Callable[[Any], Any]:
    """Return how values of a kind are given to JSON."""
    if issubclass(kind, UUID | Decimal):
        return str
    if issubclass(kind, date):  # a datetime is one
        return kind.isoformat
    if attrs.has(kind):
        names = [field.name for field in attrs.fields(kind) if field.eq]
        return lambda value: [kind.__name__, [getattr(value, name) for name in names]]
    if issubclass(kind, Mapping):
        return dict
    if issubclass(kind, set | frozenset):
        return lambda value: sorted(map(_CANONICAL, value))
    raise TypeError(f"a {kind.__name__} cannot be part of a request's digest")


_CANONICAL = json.JSONEncoder(
    default=_plain, sort_keys=True, separators=(",", ":"), check_circular=False
).encode
