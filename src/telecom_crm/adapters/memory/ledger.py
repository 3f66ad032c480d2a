"""The journal as one transaction sees it, and payments and refunds, whose money is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import datetime
from heapq import nlargest

import attrs

from telecom_crm.adapters.memory.collection import MemoryCollection, Scope
from telecom_crm.adapters.memory.inventory import MemoryContracts
from telecom_crm.adapters.memory.pages import bad_cursor, from_cursor, to_cursor
from telecom_crm.adapters.memory.store import Journal, booking_order
from telecom_crm.application.ports import Contended, LedgerDifference, Page, Query
from telecom_crm.domain.account import AccountState, BillingAccount
from telecom_crm.domain.contract import CONTRACT_LIFECYCLE, ContractCommand
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.hold import settled
from telecom_crm.domain.identifiers import (
    AccountId,
    ContractId,
    CustomerId,
    EntryId,
    PaymentId,
    RefundId,
)
from telecom_crm.domain.ledger import (
    AlreadyReversed,
    Balance,
    JournalEntry,
    Posting,
    TrialBalanceLine,
    trial_balance,
)
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import (
    IN_FLIGHT,
    UNBOOKED,
    Payment,
    PaymentMethod,
    PaymentStatus,
    ReceiptNumber,
    Takings,
)
from telecom_crm.domain.refund import REFUND_IN_FLIGHT, Refund

_COUNTERS = ("subscriber", "receivable", "unbilled", "reserved")


class MemoryAccounts(MemoryCollection[AccountId, BillingAccount]):
    """Billing accounts; their counters are the ledger's."""

    def __init__(self, scope: Scope, contracts: MemoryContracts) -> None:
        super().__init__(scope, scope.store.accounts)
        self._contracts = contracts

    def of_customer(self, customer_id: CustomerId) -> list[BillingAccount]:
        return self.having(("customer_id", str(customer_id)))

    def of_customers(self, customer_ids: Sequence[CustomerId]) -> list[BillingAccount]:
        found = (account for one in customer_ids for account in self.of_customer(one))
        return sorted(found, key=lambda account: account.key)

    def held_for_money(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[BillingAccount]:
        def may_go_on(account: BillingAccount) -> bool:
            balance = balance_of(self._scope.store.journal, account)
            lifted = settled(AccountState(account=account, balance=balance, at=at))
            return any(
                hold.kind in lifted
                for contract in self._contracts.of_account(account.id)
                if CONTRACT_LIFECYCLE.can(contract, ContractCommand.RESUME)
                for hold in contract.holds
            )

        return self.page_having([("held_for_money",)], may_go_on, limit=limit, cursor=cursor)

    def overdrawn(self, *, limit: int, cursor: str | None = None) -> Page[BillingAccount]:
        return self.page_having([("overdrawn",)], limit=limit, cursor=cursor)

    def promises_over(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[BillingAccount]:
        def is_over(account: BillingAccount) -> bool:
            return account.promise is not None and account.promise.until <= at

        return self.page_having([("promised",)], is_over, limit=limit, cursor=cursor)


class MemoryPayments(MemoryCollection[PaymentId, Payment]):
    """Payments."""

    _not_stored = {"events": (), "replayed": False}  # noqa: RUF012  # never changed, as in the parent

    def __init__(self, scope: Scope, accounts: MemoryAccounts) -> None:
        super().__init__(scope, scope.store.payments)
        self._accounts = accounts

    def page(self, query: Query) -> Page[Payment]:
        if "receipt" not in query.where:
            return super().page(query)
        receipt = ReceiptNumber.parse(query.where["receipt"])
        found = super().page(attrs.evolve(query, where={**query.where, "receipt": receipt.ending}))
        theirs = {one.id for one in self._accounts.having(("number", receipt.account))}
        items = tuple(one for one in found.items if one.account_id in theirs)
        return Page(items=items, next=found.next)

    def of_accounts(self, account_ids: Iterable[AccountId], query: Query) -> Page[Payment]:
        found = [
            payment
            for one in set(account_ids)
            for where in ({**query.where, "account_id": str(one)},)
            for payment in self.page(attrs.evolve(query, where=where, limit=query.limit + 1)).items
        ]
        found.sort(key=lambda payment: payment.key, reverse=query.descending)
        more = len(found) > query.limit
        items = tuple(found[: query.limit])
        return Page(items=items, next=to_cursor(items[-1].key) if more else None)

    def unbooked(
        self, account_ids: Iterable[AccountId], *, start: datetime, end: datetime, limit: int
    ) -> list[Payment]:
        found = (
            payment
            for one in set(account_ids)
            for payment in self.having(("account_id", str(one)))
            if payment.status in UNBOOKED and start <= payment.at < end
        )
        return nlargest(limit, found, key=lambda payment: (payment.at, payment.key))

    def taken(
        self, by: str, *, since: datetime, gateways: Iterable[str], currency: str
    ) -> list[Takings]:
        payments, paid = Counter[PaymentMethod](), Counter[PaymentMethod]()
        there = (one for name in set(gateways) for one in self.having(("gateway", name)))
        for one in there:
            counts = one.entry_id is not None and one.status is not PaymentStatus.REVERSED
            if counts and one.at >= since and one.amount.currency == currency:
                begun = self._scope.store.events.of("payment", one.key)[0]
                if begun.by.name == by:
                    payments[one.method] += 1
                    paid[one.method] += one.amount.minor
        return [
            Takings(method=method, payments=payments[method], paid=Money(paid[method], currency))
            for method in sorted(payments)
        ]

    def uncertain(
        self,
        before: datetime,
        *,
        states: Set[PaymentStatus] = IN_FLIGHT,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Payment]:
        flying = [("status", state.value) for state in IN_FLIGHT & states]
        return self.page_having(
            flying, lambda payment: payment.at < before, limit=limit, cursor=cursor
        )


class MemoryRefunds(MemoryCollection[RefundId, Refund]):
    """Refunds."""

    _not_stored = {"events": (), "replayed": False}  # noqa: RUF012  # never changed, as in the parent

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, scope.store.refunds)

    def uncertain(self, *, limit: int, cursor: str | None = None) -> Page[Refund]:
        flying = [("status", state.value) for state in REFUND_IN_FLIGHT]
        return self.page_having(flying, limit=limit, cursor=cursor)


class MemoryLedger:
    """
    Postings of one transaction: tried at once on what it sees, booked on what the commit finds.

    A posting holds nothing, so that many may credit one account at the same moment; `states` does.
    """

    def __init__(self, scope: Scope, accounts: MemoryAccounts) -> None:
        self._scope = scope
        self._accounts = accounts
        self._journal = scope.store.journal
        self._bases: dict[AccountId, Balance | None] = {}
        self._held: set[AccountId] = set()
        self._balances: dict[AccountId, Balance] = {}
        self._postings: list[tuple[Posting, datetime]] = []
        self._undone: set[EntryId] = set()
        self._booked: dict[AccountId, Balance] = {}

    def post(self, postings: Sequence[Posting], *, at: datetime) -> None:
        new, booked = self._tried(postings, at)
        self._balances |= booked
        self._postings += new
        self._undone |= _undone_by(new)

    def refuse(self, postings: Sequence[Posting], *, at: datetime) -> None:
        """Raise what `post` would raise now, and book nothing."""
        self._tried(postings, at)

    def states(
        self, account_ids: Iterable[AccountId], *, at: datetime
    ) -> dict[AccountId, AccountState]:
        accounts = self._accounts.get_many(account_ids)
        if not self._scope.read_only:
            self._held |= accounts.keys()
        return {
            account_id: AccountState(account=account, balance=self._balance(account), at=at)
            for account_id, account in accounts.items()
        }

    def entry(self, entry_id: EntryId, *, account_id: AccountId) -> JournalEntry:
        own = {entry.id: entry for entry in self._own_entries()}
        with self._scope.store.lock:
            found = own.get(entry_id) or self._journal.by_id.get(entry_id)
        if found is None or found.account_id != account_id:
            raise NotFound("entry", str(entry_id))
        return found

    def entries(
        self,
        account_id: AccountId,
        *,
        start: datetime | None,
        end: datetime | None,
        limit: int,
        cursor: str | None,
        descending: bool = False,
        charging: ContractId | None = None,
    ) -> Page[JournalEntry]:
        after = None if cursor is None else _read_cursor(cursor)
        found: list[JournalEntry] = []
        every = self._entries_of(account_id)
        for entry in reversed(every) if descending else every:
            if not _within(entry, start, end) or not _charges(entry, charging):
                continue
            order = booking_order(entry)
            if after is not None and (order >= after if descending else order <= after):
                continue
            if len(found) == limit:
                last = found[-1]
                return Page(
                    items=tuple(found), next=to_cursor(f"{last.booked_at.isoformat()} {last.id}")
                )
            found.append(entry)
        return Page(items=tuple(found))

    def moved(
        self, account_id: AccountId, *, start: datetime | None, end: datetime | None
    ) -> Money:
        account = self._account(account_id)
        booked = (one for one in self._entries_of(account_id) if _within(one, start, end))
        return Money.total((entry.effect for entry in booked), account.currency)

    def trial_balance(self, *, account_id: AccountId | None = None) -> tuple[TrialBalanceLine, ...]:
        if account_id is not None:
            return trial_balance(self._entries_of(account_id))
        with self._scope.store.lock:
            committed = list(self._journal.entries)
        return trial_balance([*committed, *self._own_entries()])

    def differences(self) -> Iterator[LedgerDifference]:
        store = self._scope.store
        with store.lock:
            accounts = list(store.accounts.rows.values())
            stored = {account.id: balance_of(self._journal, account) for account in accounts}
            entries = {account.id: self._journal.of(account.id) for account in accounts}
            contracts = list(store.contracts.rows.values())
        held: Counter[AccountId] = Counter()
        for contract in contracts:
            held[contract.account_id] += sum(fee.gross.minor for fee in contract.first_fees)
        for account in accounts:
            computed = Balance(currency=account.currency, reserved=held[account.id])
            for entry in entries[account.id]:
                computed = computed.after(entry)
            for counter in _COUNTERS:
                pair = getattr(stored[account.id], counter), getattr(computed, counter)
                if pair[0] != pair[1]:
                    yield LedgerDifference(
                        account_id=account.id, counter=counter, stored=pair[0], computed=pair[1]
                    )

    def check(self) -> None:
        balances = self._journal.balances
        for account_id in self._held:
            if balances.get(account_id) is not self._bases[account_id]:
                raise Contended(f"account {account_id}")
        self._refuse_reversed(self._postings, frozenset())
        touched = {posting.account_id for posting, _ in self._postings}
        now = {
            account_id: balance_of(self._journal, self._account(account_id))
            for account_id in touched
        }
        self._booked = self._book(self._postings, now)

    def apply(self) -> None:
        self._journal.balances.update(self._booked)
        for entry in self._own_entries():
            self._journal.add(entry)

    def _tried(
        self, postings: Sequence[Posting], at: datetime
    ) -> tuple[list[tuple[Posting, datetime]], dict[AccountId, Balance]]:
        self._scope.require_writing()
        new = [(posting, at) for posting in postings]
        ids = {posting.account_id for posting in postings}
        self._refuse_reversed(new, self._undone)
        return new, self._book(new, {one: self._balance(self._account(one)) for one in ids})

    def _book(
        self, postings: Iterable[tuple[Posting, datetime]], balances: dict[AccountId, Balance]
    ) -> dict[AccountId, Balance]:
        for posting, at in postings:
            account_id = posting.account_id
            if posting.entry is not None and posting.entry.account_id != account_id:
                raise ValueError("a posting books an entry of its own account")
            limit = self._account(account_id).credit_limit(at)
            balances[account_id] = posting.apply(balances[account_id], limit)
        return balances

    def _refuse_reversed(
        self, postings: Sequence[tuple[Posting, datetime]], before: Set[EntryId]
    ) -> None:
        undone = _undone_by(postings)
        twice = len(undone) < sum(_reverses(posting) is not None for posting, _ in postings)
        again = [one for one in undone if one in before or one in self._journal.reversed]
        if twice or again:
            raise AlreadyReversed("reversal", ("an entry is reversed at most once",))

    def _account(self, account_id: AccountId) -> BillingAccount:
        account = self._accounts.look(str(account_id))
        if account is None:
            raise NotFound("account", str(account_id))
        return account

    def _balance(self, account: BillingAccount) -> Balance:
        """Return the counters this transaction sees, and remember from which it took them."""
        if self._scope.read_only:
            return balance_of(self._journal, account)
        if account.id not in self._balances:
            with self._scope.store.lock:
                self._bases[account.id] = self._journal.balances.get(account.id)
                self._balances[account.id] = balance_of(self._journal, account)
        return self._balances[account.id]

    def _own_entries(self) -> list[JournalEntry]:
        return [posting.entry for posting, _ in self._postings if posting.entry is not None]

    def _entries_of(self, account_id: AccountId) -> list[JournalEntry]:
        with self._scope.store.lock:
            committed = self._journal.of(account_id)
        own = [entry for entry in self._own_entries() if entry.account_id == account_id]
        return sorted([*committed, *own], key=booking_order) if own else committed


def _within(entry: JournalEntry, start: datetime | None, end: datetime | None) -> bool:
    return (start is None or entry.booked_at >= start) and (end is None or entry.booked_at < end)


def _charges(entry: JournalEntry, contract_id: ContractId | None) -> bool:
    charged = (leg.contract_id for leg in entry.transfers if leg.charge_kind)
    return contract_id is None or contract_id in charged


def balance_of(journal: Journal, account: BillingAccount) -> Balance:
    """Return an account's counters; nothing was posted where there are none."""
    return journal.balances.get(account.id) or Balance(currency=account.currency)


def _reverses(posting: Posting) -> EntryId | None:
    return posting.entry.reverses if posting.entry else None


def _undone_by(postings: Iterable[tuple[Posting, datetime]]) -> set[EntryId]:
    found = (_reverses(posting) for posting, _ in postings)
    return {undone for undone in found if undone is not None}


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        booked_at, _, entry_id = from_cursor(cursor).partition(" ")
        return datetime.fromisoformat(booked_at), entry_id
    except ValueError:
        raise bad_cursor(cursor) from None
