"""Billing accounts: balances, statements, adjustments, promises and transfers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from uuid import UUID

import attrs

from telecom_crm.application.idempotency import digest_of
from telecom_crm.application.paging import PAGE_SIZE, each_on
from telecom_crm.application.ports import (
    Clock,
    IdempotencyKey,
    NewId,
    Page,
    Query,
    Series,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.retry import retried
from telecom_crm.domain import posting
from telecom_crm.domain.account import AccountState, AccountStatement, BillingAccount
from telecom_crm.domain.charging import ChargeKind, charge
from telecom_crm.domain.errors import InvalidValue, NotFound, RuleViolated
from telecom_crm.domain.identifiers import AccountId, CustomerId, EntryId
from telecom_crm.domain.ledger import (
    JournalEntry,
    Posting,
    PostingKind,
    TrialBalanceLine,
)
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import check_amount
from telecom_crm.domain.policy import PREPAID

LARGEST_STATEMENT = 100_000
"""A statement is built in memory; longer spans are read page by page with `entries`."""


@attrs.frozen
class Accounts:
    """Where customers' money is kept and owed."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    series: Series

    def open(
        self,
        *,
        customer_id: CustomerId,
        currency: str,
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> BillingAccount:
        """Open another account for a customer; contracts open their first one themselves."""
        number = f"B-{self.series.take('account')[0]:08d}"
        return self._open(customer_id, currency, number, idempotency_key, by)

    def get(self, account_id: AccountId) -> AccountState:
        """Return an account with its balance, what is available and what is reserved."""
        with self.uow(read_only=True) as tx:
            return _state(tx, account_id, self.clock())

    def page(self, query: Query) -> Page[BillingAccount]:
        """Return a page of accounts."""
        with self.uow(read_only=True) as tx:
            return tx.accounts.page(query)

    def of_customer(self, customer_id: CustomerId) -> list[BillingAccount]:
        """Return a customer's accounts, oldest first."""
        with self.uow(read_only=True) as tx:
            return tx.accounts.of_customer(customer_id)

    def entries(
        self,
        account_id: AccountId,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[JournalEntry]:
        """Return a page of an account's journal entries booked in [start, end), oldest first."""
        limit = Query(limit=limit).limit
        with self.uow(read_only=True) as tx:
            tx.accounts.get(account_id)
            return tx.ledger.entries(account_id, start=start, end=end, limit=limit, cursor=cursor)

    def each_entry(self, account_id: AccountId) -> Iterator[JournalEntry]:
        """Go through all of an account's entries, oldest first."""
        return each_on(lambda cursor: self.entries(account_id, limit=PAGE_SIZE, cursor=cursor))

    def statement(
        self, account_id: AccountId, *, start: datetime, end: datetime
    ) -> AccountStatement:
        """
        Return what happened on an account in [start, end): opening balance, lines, closing balance.

        Raise `InvalidValue` for a span that is not one, `RuleViolated` past a hundred thousand
        lines.
        """
        if start.tzinfo is None or end.tzinfo is None or end <= start:
            raise InvalidValue.of("end", "span", "after start; both with a time zone", end)
        with self.uow(read_only=True) as tx:
            tx.accounts.get(account_id)
            opening = tx.ledger.balance_at(account_id, at=start)
            found: list[JournalEntry] = []
            for entry in each_on(
                lambda cursor: tx.ledger.entries(
                    account_id, start=start, end=end, limit=PAGE_SIZE, cursor=cursor
                )
            ):
                if len(found) == LARGEST_STATEMENT:
                    raise RuleViolated("statement_size", ("ask for a shorter span",))
                found.append(entry)
        return AccountStatement.over(
            account_id, start=start, end=end, opening=opening, entries=tuple(found)
        )

    @retried
    def credit(
        self,
        account_id: AccountId,
        *,
        amount: Money,
        reason: str,
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> JournalEntry:
        """Give the subscriber goodwill money."""

        def legs(state: AccountState) -> posting.Legs:
            return posting.goodwill(amount, balance=state.balance)

        kind = PostingKind.GOODWILL
        return self._book(kind, legs, account_id, amount, reason, idempotency_key, by)

    @retried
    def charge(
        self,
        account_id: AccountId,
        *,
        amount: Money,
        kind: ChargeKind,
        reason: str,
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> JournalEntry:
        """Charge a named fee by hand, tax included; refused past what is available."""

        def legs(state: AccountState) -> posting.Legs:
            policy = state.account.receipt.terms if state.account.receipt else PREPAID
            one = charge(kind=kind, gross=amount, tax=policy.tax, description=reason)
            return posting.fee_charged(one, contract_id=None, postpaid=state.account.postpaid)

        booked_as = posting.posting_kind(kind)
        return self._book(
            booked_as,
            legs,
            account_id,
            amount,
            reason,
            idempotency_key,
            by,
            what=f"charge {kind}",
            limited=True,
        )

    @retried
    def write_off(
        self,
        account_id: AccountId,
        *,
        amount: Money,
        reason: str,
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> JournalEntry:
        """Give up on money that the subscriber owes; never more than that."""

        def legs(state: AccountState) -> posting.Legs:
            postpaid = state.account.postpaid
            owed = state.balance.receivable if postpaid else -state.balance.subscriber
            if amount.minor > owed:
                money = Money(max(owed, 0), state.balance.currency)
                raise RuleViolated("write_off", (f"only {money} is owed on this account",))
            return posting.write_off(amount, postpaid=postpaid)

        kind = PostingKind.WRITE_OFF
        return self._book(kind, legs, account_id, amount, reason, idempotency_key, by)

    @retried
    def take_over_balance(
        self,
        account_id: AccountId,
        *,
        amount: Money,
        reason: str = "migration",
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> JournalEntry:
        """Book the balance an account had in the system before this one; negative where it owed."""

        def legs(_: AccountState) -> posting.Legs:
            return posting.opening_balance(amount)

        kind = PostingKind.OPENING_BALANCE
        return self._book(kind, legs, account_id, amount, reason, idempotency_key, by, signed=True)

    @retried
    def promise(
        self, account_id: AccountId, *, amount: Money, until: datetime, by: Actor = SYSTEM
    ) -> AccountState:
        """Grant a promised payment: a higher credit limit until an instant."""
        at = self.clock()
        with self.uow() as tx:
            account = tx.accounts.get(account_id)
            tx.accounts.save(account.promise_payment(amount, until=until, by=by, at=at))
            return _state(tx, account_id, at)

    @retried
    def transfer(
        self,
        account_id: AccountId,
        *,
        to: AccountId,
        amount: Money,
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> JournalEntry:
        """
        Move money to another account, as two entries through 2070; return the first.

        Raise `InsufficientFunds` past what is available, `RuleViolated` to the same account.
        """
        if account_id == to:
            raise RuleViolated("transfer", ("a transfer needs two accounts",))
        at, out_id = self.clock(), EntryId(self.new_id())
        with self.uow() as tx:
            digest = digest_of("accounts.transfer", account_id=account_id, to=to, amount=amount)
            if earlier := _claimed(tx, by, idempotency_key, digest, out_id, account_id):
                return earlier
            states = tx.ledger.states([account_id, to], at=at)
            for one in (account_id, to):
                if one not in states:
                    raise NotFound("account", str(one))
                _check_amount(amount, states[one])
            sent, received = states[account_id], states[to]
            cause = f"transfer:{out_id}"
            out_legs, in_legs = posting.transfer_out(amount), posting.transfer_in(amount)
            in_id = EntryId(self.new_id())
            out = _entry(out_id, sent, PostingKind.TRANSFER_OUT, out_legs, f"to {to}", cause)
            into = _entry(
                in_id, received, PostingKind.TRANSFER_IN, in_legs, f"from {account_id}", cause
            )
            tx.ledger.post([Posting.of(out, limited=True), Posting.of(into)], at=at)
            return out

    @retried
    def reverse_entry(
        self, account_id: AccountId, *, entry_id: EntryId, reason: str, by: Actor = SYSTEM
    ) -> JournalEntry:
        """Undo an adjustment, whole and once; payments and transfers have commands of their own."""
        at, undo_id = self.clock(), EntryId(self.new_id())
        with self.uow() as tx:
            entry = tx.ledger.entry(entry_id, account_id=account_id)
            if not entry.caused_by.startswith("adjustment:"):
                why = f"the entry was caused by {entry.caused_by}; reverse that"
                raise RuleViolated("reverse_entry", (why,))
            undone = entry.reversed(
                id=undo_id, kind=PostingKind.REVERSAL, at=at, caused_by=f"adjustment:{by}"
            )
            undone = attrs.evolve(undone, note=reason)
            tx.ledger.post([Posting.of(undone)], at=at)
            return undone

    def trial_balance(self) -> tuple[TrialBalanceLine, ...]:
        """Sum the whole journal by ledger account and currency."""
        with self.uow(read_only=True) as tx:
            return tx.ledger.trial_balance()

    @retried
    def _open(
        self, customer_id: CustomerId, currency: str, number: str, key: str | None, by: Actor
    ) -> BillingAccount:
        account_id = AccountId(self.new_id())
        with self.uow() as tx:
            tx.customers.get(customer_id).refuse_merged()
            if key is not None:
                digest = digest_of("accounts.open", customer_id=customer_id, currency=currency)
                earlier = tx.keys.claim(IdempotencyKey(by.name, key, digest), account_id)
                if earlier is not None:
                    return attrs.evolve(tx.accounts.get(AccountId(earlier)), replayed=True)
            return tx.accounts.save(
                BillingAccount.open(
                    id=account_id,
                    number=number,
                    customer_id=customer_id,
                    currency=currency,
                    by=by,
                    at=self.clock(),
                )
            )

    def _book(
        self,
        kind: PostingKind,
        legs: Callable[[AccountState], posting.Legs],
        account_id: AccountId,
        amount: Money,
        reason: str,
        key: str | None,
        by: Actor,
        *,
        what: str = "",
        limited: bool = False,
        signed: bool = False,
    ) -> JournalEntry:
        """Book one entry by hand; `what` tells requests of one kind of entry apart."""
        what = what or kind
        at, entry_id = self.clock(), EntryId(self.new_id())
        with self.uow() as tx:
            digest = digest_of(f"accounts.{what}", id=account_id, amount=amount, why=reason)
            if earlier := _claimed(tx, by, key, digest, entry_id, account_id):
                return earlier
            state = _state(tx, account_id, at)
            _check_amount(-amount if signed and amount.minor < 0 else amount, state)
            entry = _entry(entry_id, state, kind, legs(state), reason, f"adjustment:{by}")
            tx.ledger.post([Posting.of(entry, limited=limited)], at=at)
            return entry


def _entry(
    id: EntryId,
    state: AccountState,
    kind: PostingKind,
    legs: posting.Legs,
    note: str,
    caused_by: str,
) -> JournalEntry:
    return JournalEntry(
        id=id,
        account_id=state.account.id,
        kind=kind,
        transfers=legs,
        booked_at=state.at,
        caused_by=caused_by,
        note=note,
    )


def _state(tx: Transaction, account_id: AccountId, at: datetime) -> AccountState:
    states = tx.ledger.states([account_id], at=at)
    if account_id not in states:
        raise NotFound("account", str(account_id))
    return states[account_id]


def _claimed(
    tx: Transaction, by: Actor, key: str | None, digest: str, entry_id: UUID, account_id: AccountId
) -> JournalEntry | None:
    """Claim the key for an entry; return the entry it is bound to already."""
    if key is None:
        return None
    earlier = tx.keys.claim(IdempotencyKey(by.name, key, digest), entry_id)
    if earlier is None:
        return None
    return attrs.evolve(tx.ledger.entry(EntryId(earlier), account_id=account_id), replayed=True)


def _check_amount(amount: Money, state: AccountState) -> None:
    if faults := check_amount(amount, currency=state.balance.currency):
        raise InvalidValue(faults)
