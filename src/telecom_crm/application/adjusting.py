"""Entries that a person books by hand: one account, one entry, one key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import attrs

from telecom_crm.application.deciding import GIVEN, refuse_giving
from telecom_crm.application.idempotency import request_key
from telecom_crm.application.ports import Clock, NewId, Transaction, UnitOfWork
from telecom_crm.application.retry import retried
from telecom_crm.application.spending import post_spent
from telecom_crm.domain import posting
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.errors import InvalidValue, NotFound, RuleViolated
from telecom_crm.domain.identifiers import AccountId, ContractId, EntryId
from telecom_crm.domain.ledger import JournalEntry, LedgerCode, Posting, PostingKind
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import check_amount
from telecom_crm.domain.role import ALL_RIGHTS, Rights

Legs = Callable[[Transaction, AccountState], posting.Legs]
"""Decides on an entry's legs from what the account has; raises where it must not be."""


@attrs.frozen(kw_only=True)
class Adjustment:
    """
    What somebody wants booked; `what` tells requests of one kind of entry apart.

    A `limited` one is refused past what is available; a `signed` one may be of a negative amount.
    What gives money away takes a second person past what `rights` decide alone.
    """

    kind: PostingKind
    account_id: AccountId
    amount: Money
    reason: str
    key: str | None
    by: Actor
    legs: Legs
    what: str = ""
    contract_id: ContractId | None = None
    """The contract that it is for, one of those that the account pays for."""
    limited: bool = False
    signed: bool = False
    rights: Rights = ALL_RIGHTS


@attrs.frozen
class Adjusting:
    """Books adjustments; the same key again gives the same entry again."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId

    @retried
    def book(self, wanted: Adjustment) -> JournalEntry:
        """Book one on a subscriber's account; raise `NotFound`, `InvalidValue`, `KeyReused`."""
        with self.uow() as tx:
            return self.book_in(tx, wanted, house=False)

    def book_in(self, tx: Transaction, wanted: Adjustment, *, house: bool) -> JournalEntry:
        """Book one inside a transaction, on a subscriber's account or one of the house."""
        at, entry_id = self.clock(), EntryId(self.new_id())
        account_id, amount = wanted.account_id, wanted.amount
        command = f"accounts.{wanted.what or wanted.kind}"
        asked: dict[str, object] = {"amount": amount, "why": wanted.reason}
        if wanted.contract_id:
            asked["contract_id"] = wanted.contract_id
        if earlier := booked_before(
            tx, wanted.key, command, entry_id, account_id, by=wanted.by, **asked
        ):
            return earlier
        if wanted.contract_id:  # held before its account, as everywhere
            _refuse_other(tx.contracts.get(wanted.contract_id), account_id)
        state = state_of(tx, account_id, at)
        if not house:
            state.account.refuse_house()
        refuse_amount(-amount if wanted.signed and amount.minor < 0 else amount, state)
        if wanted.kind in GIVEN:
            refuse_giving(tx, state, wanted.kind, amount, rights=wanted.rights)
        entry = entry_of(
            entry_id,
            state,
            wanted.kind,
            wanted.legs(tx, state),
            note=wanted.reason,
            caused_by=f"adjustment:{wanted.by}",
        )
        booked = Posting.of(entry, limited=wanted.limited)
        post_spent(tx, state, [booked], by=wanted.by, at=at)
        return entry


def _refuse_other(contract: Contract, account_id: AccountId) -> None:
    if contract.account_id != account_id:
        problem = f"a contract that account {account_id} pays for"
        raise InvalidValue.of("contract_id", "contract", problem, str(contract.id))


def entry_of(
    id: EntryId,
    state: AccountState,
    kind: PostingKind,
    legs: posting.Legs,
    *,
    note: str,
    caused_by: str,
) -> JournalEntry:
    """Return the entry of some legs on an account."""
    return JournalEntry(
        id=id,
        account_id=state.account.id,
        kind=kind,
        transfers=legs,
        booked_at=state.at,
        caused_by=caused_by,
        note=note,
    )


def state_of(tx: Transaction, account_id: AccountId, at: datetime) -> AccountState:
    """Return an account with its counters; raise `NotFound`."""
    states = tx.ledger.states([account_id], at=at)
    if account_id not in states:
        raise NotFound("account", str(account_id))
    return states[account_id]


def booked_before(
    tx: Transaction,
    key: str | None,
    command: str,
    entry_id: EntryId,
    account_id: AccountId,
    /,
    *,
    by: Actor,
    **asked: object,
) -> JournalEntry | None:
    """
    Claim a caller's key for an entry on an account; return, as `replayed`, the one it names.

    Raise `InvalidValue` for what no key can be, `KeyReused`.
    """
    named = request_key(key, command, by=by, account_id=account_id, **asked)
    if named is None or (earlier := tx.keys.claim(named, entry_id)) is None:
        return None
    return attrs.evolve(
        tx.ledger.entry(EntryId(earlier.resource), account_id=account_id), replayed=True
    )


def refuse_amount(amount: Money, state: AccountState) -> None:
    """Raise `InvalidValue` for what cannot be booked on an account."""
    if faults := check_amount(amount, currency=state.balance.currency):
        raise InvalidValue(faults)


def booked_on(tx: Transaction, account_id: AccountId, code: LedgerCode) -> int:
    """Return what an account's own entries moved on a ledger account: debit less credit, minor."""
    lines = tx.ledger.trial_balance(account_id=account_id)
    return sum(line.debit.minor - line.credit.minor for line in lines if line.code is code)


def refuse_more(rule: str, amount: Money, most: Money, words: str) -> None:
    """Raise `RuleViolated` where an amount is more than there is of something."""
    if amount > most:
        left = Money(max(most.minor, 0), most.currency)
        raise RuleViolated(rule, (f"only {left} {words}",))
