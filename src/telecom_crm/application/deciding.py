"""Deciding: what one person may do alone, counted together with what was done before it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from telecom_crm.application.paging import PAGE_SIZE, each_on
from telecom_crm.application.ports import Transaction
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.approval import FOUR_EYES, ApprovalKind
from telecom_crm.domain.errors import RuleViolated
from telecom_crm.domain.ledger import PostingKind
from telecom_crm.domain.money import Money
from telecom_crm.domain.role import LIMIT_OF, Rights

COUNTED_FOR = timedelta(days=30)
"""How long what was given on an account counts together with what is given next."""

GIVEN: Mapping[PostingKind, ApprovalKind] = MappingProxyType(
    {
        PostingKind.GOODWILL: ApprovalKind.GOODWILL,
        PostingKind.WRITE_OFF: ApprovalKind.WRITE_OFF,
        PostingKind.CHARGEBACK_LOSS: ApprovalKind.CHARGEBACK_WRITE_OFF,
    }
)
"""Entries that give a subscriber the operator's money, and what is asked for past a limit."""


def refuse_past_limit(kind: ApprovalKind, together: Money, words: str, *, rights: Rights) -> None:
    """Raise `RuleViolated` where an amount, with what is counted with it, takes two persons."""
    if not rights.decides_alone(kind, together):
        said = f"{together} {words} is more than you decide alone; ask for an approval"
        raise RuleViolated(FOUR_EYES, (said,))


def refuse_giving(
    tx: Transaction, state: AccountState, kind: PostingKind, amount: Money, *, rights: Rights
) -> None:
    """
    Raise `RuleViolated` where what is given takes two persons, with what was in the last 30 days.

    By whomever: else one person could give in parts what takes two. What was reversed is not
    counted.
    """
    refuse_past_limit(GIVEN[kind], amount, "on this account", rights=rights)
    if rights.limits[LIMIT_OF[GIVEN[kind]]] is not None:
        words = f"on this account within {COUNTED_FOR.days} days"
        refuse_past_limit(GIVEN[kind], amount + _given_lately(tx, state), words, rights=rights)


def _given_lately(tx: Transaction, state: AccountState) -> Money:
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
