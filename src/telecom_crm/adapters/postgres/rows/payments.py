"""Rows of payments and refunds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment, PaymentMethod, PaymentStatus, Reconciliation
from telecom_crm.domain.refund import Refund, RefundStatus


def payment_to_row(payment: Payment) -> dict[str, Any]:
    """Return the row of a payment."""
    return {
        "account_id": payment.account_id,
        "id": payment.id,
        "contract_id": payment.contract_id,
        "amount_minor": payment.amount.minor,
        "currency": payment.amount.currency,
        "method": payment.method.value,
        "gateway": payment.gateway,
        "at": payment.at,
        "gateway_reference": payment.gateway_reference,
        "failure": payment.failure,
        "meant_for": payment.meant_for,
        "entry_id": payment.entry_id,
        "refunded_minor": payment.refunded.minor,
        "reconciliation": payment.reconciliation.value,
        "status": payment.status.value,
        "version": payment.version,
    }


def payment_from_row(row: Mapping[str, Any]) -> Payment:
    """Return the payment of a row."""
    currency = row["currency"]
    return Payment(
        id=row["id"],
        account_id=row["account_id"],
        contract_id=row["contract_id"],
        amount=Money(row["amount_minor"], currency),
        method=PaymentMethod(row["method"]),
        gateway=row["gateway"],
        at=row["at"],
        gateway_reference=row["gateway_reference"],
        failure=row["failure"],
        meant_for=row["meant_for"],
        entry_id=row["entry_id"],
        refunded=Money(row["refunded_minor"], currency),
        reconciliation=Reconciliation(row["reconciliation"]),
        status=PaymentStatus(row["status"]),
        version=row["version"],
    )


def refund_to_row(refund: Refund) -> dict[str, Any]:
    """Return the row of a refund."""
    return {
        "account_id": refund.account_id,
        "id": refund.id,
        "payment_id": refund.payment_id,
        "amount_minor": refund.amount.minor,
        "currency": refund.amount.currency,
        "gateway": refund.gateway,
        "reason": refund.reason,
        "requested_entry_id": refund.requested_entry_id,
        "gateway_reference": refund.gateway_reference,
        "status": refund.status.value,
        "version": refund.version,
    }


def refund_from_row(row: Mapping[str, Any]) -> Refund:
    """Return the refund of a row."""
    return Refund(
        id=row["id"],
        payment_id=row["payment_id"],
        account_id=row["account_id"],
        amount=Money(row["amount_minor"], row["currency"]),
        gateway=row["gateway"],
        reason=row["reason"],
        requested_entry_id=row["requested_entry_id"],
        gateway_reference=row["gateway_reference"],
        status=RefundStatus(row["status"]),
        version=row["version"],
    )
