"""Spending: what an account is charged, and what is said and done when little is left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from telecom_crm.application.ports import Transaction
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.ledger import Posting
from telecom_crm.domain.lifecycle import Actor


def post_spent(
    tx: Transaction, state: AccountState, postings: Sequence[Posting], *, by: Actor, at: datetime
) -> None:
    """
    Book on an account that is held, and tell where it has fallen below one of its lines.

    Whatever takes from an account goes through here; payments, which only add, need not.
    """
    tx.ledger.post(postings, at=at)
    before, after = state.available, state.after(postings).available
    told = state.account.spent(before=before, after=after, by=by, at=at)
    if told is not state.account:
        tx.accounts.save(told)
