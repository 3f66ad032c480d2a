"""Deciding: what one person may do alone, counted together with what was done before it."""

from __future__ import annotations

from datetime import timedelta

from telecom_crm.application.paging import PAGE_SIZE, each_on
from telecom_crm.application.ports import Transaction
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.approval import FOUR_EYES, ApprovalKind
from telecom_crm.domain.errors import RuleViolated
from telecom_crm.domain.ledger import PostingKind
from telecom_crm.domain.money import Money
from telecom_crm.domain.role import Rights

COUNTED_FOR = timedelta(days=30)
"""How long what was given on an account counts together with what is given next."""

GIVEN = frozenset({PostingKind.GOODWILL, PostingKind.WRITE_OFF, PostingKind.CHARGEBACK_LOSS})
"""Entries that give a subscriber money of the operator's, on somebody's word."""


def refuse_past_limit(kind: ApprovalKind, together: Money, words: str, *, rights: Rights) -> None:
    """Raise `RuleViolated` where an amount, with what is counted with it, takes two persons."""
    if not rights.decides_alone(kind, together):
        said = f"{together} {words} is more than you decide alone; ask for an approval"
        raise RuleViolated(FOUR_EYES, (said,))


def given_lately(tx: Transaction, state: AccountState) -> Money:
    """
    Return what was given on an account in the last 30 days and not reversed, by whomever.

    Else a sum that takes two persons could be given by one of them in parts.
    """
    entries = each_on(
        lambda cursor: tx.ledger.entries(
            state.account.id, start=state.at - COUNTED_FOR, end=None, limit=PAGE_SIZE, cursor=cursor
        )
    )
    given: dict[object, Money] = {}
    for entry in entries:
        given.pop(entry.reverses, None)
        if entry.kind in GIVEN:
            given[entry.id] = entry.effect
    return Money.total(given.values(), state.balance.currency)
