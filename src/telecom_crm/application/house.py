"""The operator's own accounts: one for each gateway and cash desk, and currency."""

from __future__ import annotations

from datetime import datetime

from telecom_crm.application.ports import Transaction
from telecom_crm.domain.account import BillingAccount, house_account_id
from telecom_crm.domain.identifiers import AccountId
from telecom_crm.domain.lifecycle import Actor


def house_account(
    tx: Transaction, place: str, *, currency: str, by: Actor, at: datetime
) -> AccountId:
    """Return the account of a gateway or a cash desk, opened where this is its first entry."""
    account_id = house_account_id(place, currency)
    if account_id not in tx.accounts.get_many([account_id]):
        tx.accounts.save(BillingAccount.open_house(place, currency=currency, by=by, at=at))
    return account_id
