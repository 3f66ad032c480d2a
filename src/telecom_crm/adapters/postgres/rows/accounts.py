"""Rows of billing accounts; their counters are the ledger's and are not written here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telecom_crm.adapters.postgres.json import receipt_from, receipt_to_text
from telecom_crm.domain.account import AccountStatus, BillingAccount, PromisedPayment
from telecom_crm.domain.money import Money


def account_to_row(account: BillingAccount) -> dict[str, Any]:
    """Return the row of an account without its counters."""
    promise, receipt = account.promise, account.receipt
    return {
        "id": account.id,
        "number": account.number,
        "customer_id": account.customer_id,
        "currency": account.currency,
        "receipt": receipt_to_text(receipt),
        "policy_frozen": account.policy_frozen,
        "promise_minor": promise.amount.minor if promise else None,
        "promise_until": promise.until if promise else None,
        "credit_limit_minor": receipt.terms.credit_limit.minor if receipt else 0,
        "money_holds": account.money_holds,
        "overdrawn": account.overdrawn,
        "status": account.status.value,
        "version": account.version,
    }


def account_from_row(row: Mapping[str, Any]) -> BillingAccount:
    """Return the account of a row; its promise is in the account's own currency."""
    currency, minor = row["currency"], row["promise_minor"]
    promise = None
    if minor is not None:
        promise = PromisedPayment(amount=Money(minor, currency), until=row["promise_until"])
    return BillingAccount(
        id=row["id"],
        number=row["number"],
        customer_id=row["customer_id"],
        currency=currency,
        receipt=receipt_from(row["receipt"]),
        policy_frozen=row["policy_frozen"],
        promise=promise,
        money_holds=row["money_holds"],
        overdrawn=row["overdrawn"],
        status=AccountStatus(row["status"]),
        version=row["version"],
    )
