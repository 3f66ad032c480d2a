"""Nested values as JSON: how a jsonb column keeps them, and how they come back checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from cattrs.preconf.json import JsonConverter, make_converter

from telecom_crm.domain.errors import Reason
from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN
from telecom_crm.domain.money import Money
from telecom_crm.domain.policy import BillingPolicy, PaymentMode, PoliciesReceipt


def _make() -> JsonConverter:
    made = make_converter()
    for digits in (ICCID, IMSI, MSISDN):
        made.register_unstructure_hook(digits, _digits)
        made.register_structure_hook(digits, lambda value, kind: kind(value))
    for plain in (UUID, Decimal):
        made.register_unstructure_hook(plain, str)
        made.register_structure_hook(plain, lambda value, kind: kind(value))
    made.register_unstructure_hook(Reason, _reason)
    made.register_structure_hook(Reason, _reason_from)
    return made


def _digits(value: ICCID | IMSI | MSISDN) -> str:
    return value.digits


_TOLD = {kind.__name__: kind for kind in (Reason, Money, date, PaymentMode)}
"""What a place of a reason may be filled with, beside text and numbers."""


def _reason(reason: Reason) -> dict[str, Any]:
    values = {place: [_value(one) for one in filled] for place, filled in reason.values.items()}
    return {"pattern": reason.pattern, "values": values}


def _value(one: object) -> object:
    kind = type(one).__name__
    return {kind: converter.unstructure(one)} if kind in _TOLD else one


def _reason_from(value: Mapping[str, Any], _: object) -> Reason:
    filled = {
        place: [_value_from(one) for one in several] for place, several in value["values"].items()
    }
    return Reason.of(value["pattern"], **filled)


def _value_from(value: Any) -> object:
    if not isinstance(value, Mapping):
        return value
    ((kind, one),) = value.items()
    return converter.structure(one, _TOLD[kind])


converter = _make()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no plain JSON value")


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain).encode


def dumps(value: Any) -> str:
    """Return plain values as JSON text."""
    return _encode(value)


def dumps_each(values: Sequence[Any]) -> list[str]:
    """Return plain values, each as JSON text; together they take a third of the time."""
    marked = [part for value in values for part in (value, _MARK)]
    texts = _encode(marked[:-1])[1:-1].split(_MARKED)
    # A value that holds the mark itself, or no values at all, comes out as another count.
    return texts if len(texts) == len(marked) / 2 else [dumps(value) for value in values]


_MARK = "\x1e"
_MARKED = f",{_encode(_MARK)},"


def to_text(value: Any) -> str:
    """Return a value of the domain, or several, as JSON text."""
    return _encode(converter.unstructure(value))


def many_to_text(values: tuple[Any, ...]) -> str:
    """Return several values as a JSON list; mostly there are none."""
    return _encode([converter.unstructure(value) for value in values]) if values else "[]"


def receipt_to_text(receipt: PoliciesReceipt | None) -> str | None:
    """Return a receipt as JSON text; the terms, the same for many accounts, are written once."""
    if receipt is None:
        return None
    known = _written.get(id(receipt.terms))
    if known is None or known[0] is not receipt.terms:
        if len(_written) >= _MANY_TERMS:
            _written.clear()
        known = _written[id(receipt.terms)] = (receipt.terms, to_text(receipt.terms))
    return (
        f'{{"at":"{receipt.at.isoformat()}","policy_id":{_encode(receipt.policy_id)},'
        f'"policy_version":{receipt.policy_version},"terms":{known[1]}}}'
    )


_MANY_TERMS = 256
_written: dict[int, tuple[BillingPolicy, str]] = {}
"""Terms as text by the object's id, its own while it is kept here: hashing it costs more."""


def receipt_from(value: Mapping[str, Any] | None) -> PoliciesReceipt | None:
    """Return the receipt that a jsonb column holds; the same terms are the same object."""
    if value is None:
        return None
    return receipt_of(
        value["policy_id"], value["policy_version"], _encode(value["terms"]), value["at"]
    )


def receipt_of(policy_id: str, policy_version: int, terms: str, at: str) -> PoliciesReceipt:
    """Return the receipt of these parts; the same text of terms is the same object."""
    return PoliciesReceipt(
        policy_id=policy_id,
        policy_version=policy_version,
        terms=_terms_from_text(terms),
        at=datetime.fromisoformat(at),
    )


@lru_cache(maxsize=256)
def _terms_from_text(text: str) -> BillingPolicy:
    return converter.structure(json.loads(text), BillingPolicy)
