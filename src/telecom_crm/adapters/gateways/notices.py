"""Reads the simulated gateway's callbacks, with every fault of one at once."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from telecom_crm.application.ports import (
    GatewayAnswer,
    GatewayNotice,
    GatewayReceipt,
    Outcome,
    Payer,
    ReadPhone,
)
from telecom_crm.domain.errors import Faults, InvalidValue
from telecom_crm.domain.identifiers import AccountId, PaymentId
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import PaymentMethod

_FIELDS = ("payment_id", "payer", "outcome", "reference", "amount", "currency", "reason")


def read_notice(body: bytes, read_phone: ReadPhone) -> GatewayNotice | GatewayReceipt:
    """Read a callback: of a payment of ours, or of money the gateway took by itself."""
    fields = _read_object(body)
    if fields["payer"] and not fields["payment_id"]:
        return _read_receipt(fields, read_phone)
    faults = Faults()
    payment_id = faults.check("payment_id", _read_id, fields["payment_id"])
    outcome = faults.check("outcome", _read_outcome, fields["outcome"])
    amount = None
    if fields["amount"]:
        amount = faults.check(
            "amount", lambda raw: Money.parse(raw, fields["currency"]), fields["amount"]
        )
        if amount is not None and amount.minor <= 0:
            faults.add("amount", "not_positive", "more than zero", str(amount))
    elif outcome is Outcome.CONFIRMED:
        faults.add("amount", "amount_missing", "a confirmation names what was taken")
    faults.raise_any()
    if payment_id is None or outcome is None:
        raise AssertionError("whatever is missing is a fault")
    answer = GatewayAnswer(
        outcome=outcome,
        reference=fields["reference"] or None,
        amount=amount,
        reason=fields["reason"],
    )
    return GatewayNotice(payment_id=payment_id, answer=answer)


def _read_receipt(fields: dict[str, str], read_phone: ReadPhone) -> GatewayReceipt:
    faults = Faults()
    amount = faults.check(
        "amount", lambda raw: Money.parse(raw, fields["currency"]), fields["amount"]
    )
    if amount is not None and amount.minor <= 0:
        faults.add("amount", "not_positive", "more than zero", str(amount))
    if not fields["reference"]:
        faults.add("reference", "reference_missing", "money that was taken has a reference")
    faults.raise_any()
    if amount is None:
        raise AssertionError("whatever is missing is a fault")
    return GatewayReceipt(
        told=fields["payer"],
        payer=_payer_of(fields["payer"], read_phone),
        amount=amount,
        method=PaymentMethod.TERMINAL,
        reference=fields["reference"],
    )


def _payer_of(typed: str, read_phone: ReadPhone) -> Payer | None:
    """Return whom a text may name: a number, or the id of an account."""
    try:
        return Payer(msisdn=read_phone(typed))
    except InvalidValue:
        pass
    try:
        return Payer(account_id=AccountId(UUID(typed)))
    except ValueError:
        return None


def _read_object(body: bytes) -> dict[str, str]:
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidValue.of("body", "json", "a JSON object in UTF-8") from None
    if not isinstance(told, dict):
        raise InvalidValue.of("body", "json", "a JSON object in UTF-8")
    fields = {name: told.get(name) or "" for name in _FIELDS}
    faults = Faults()
    for name, value in fields.items():
        if not isinstance(value, str):
            faults.add(name, "text", "a text")
    faults.raise_any()
    return fields


def _read_id(raw: str) -> PaymentId:
    try:
        return PaymentId(UUID(raw))
    except ValueError:
        raise InvalidValue.of("payment_id", "payment_id", "an id", raw[:40]) from None


def _read_outcome(raw: str) -> Outcome:
    try:
        return Outcome(raw)
    except ValueError:
        message = f"one of {', '.join(Outcome)}"
        raise InvalidValue.of("outcome", "outcome", message, raw[:40]) from None
