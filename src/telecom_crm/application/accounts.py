"""Billing accounts: balances, statements, adjustments, debts, promises and transfers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial

import attrs

from telecom_crm.application.adjusting import (
    Adjusting,
    Adjustment,
    Legs,
    booked_before,
    booked_on,
    entry_of,
    refuse_amount,
    refuse_more,
    state_of,
)
from telecom_crm.application.idempotency import done_before, request_key
from telecom_crm.application.paging import (
    PAGE_SIZE,
    counts_of,
    each_in,
    each_on,
    each_swept,
    refuse_stale,
)
from telecom_crm.application.ports import (
    Clock,
    NewId,
    Page,
    Query,
    Series,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.retry import each_alone, retried
from telecom_crm.application.sale import account_number
from telecom_crm.application.spending import post_spent
from telecom_crm.domain import posting
from telecom_crm.domain.account import AccountBooks, AccountState, AccountStatement, BillingAccount
from telecom_crm.domain.charging import ChargeKind, charge
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import InvalidValue, NotFound, RuleViolated
from telecom_crm.domain.identifiers import AccountId, ContractId, CustomerId, EntryId
from telecom_crm.domain.ledger import (
    JournalEntry,
    LedgerCode,
    Posting,
    PostingKind,
    TrialBalanceLine,
)
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.policy import PREPAID, TaxProfile
from telecom_crm.domain.role import ALL_RIGHTS, Limit, Rights

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
        """
        Open another account for a customer; contracts open their first one themselves.

        Raise `RuleViolated` for a customer who is blocked or closed, `CustomerMerged`, `KeyReused`.
        """
        number = account_number(self.series.take("account")[0])
        return self._open(customer_id, currency, number, idempotency_key, by)

    def get(self, account_id: AccountId) -> AccountState:
        """Return an account with its balance, what is available and what is reserved."""
        with self.uow(read_only=True) as tx:
            return state_of(tx, account_id, self.clock())

    def written_off(self, account_id: AccountId) -> Money:
        """Return what of an account's debts was written off as never paid, and not recovered."""
        with self.uow(read_only=True) as tx:
            currency = tx.accounts.get(account_id).currency
            return Money(booked_on(tx, account_id, LedgerCode.BAD_DEBT), currency)

    def page(self, query: Query) -> Page[BillingAccount]:
        """Return a page of accounts."""
        with self.uow(read_only=True) as tx:
            return tx.accounts.page(query)

    def counts(self, *wheres: Mapping[str, str], most: int) -> list[int]:
        """Count the accounts that each filter leaves, up to `most`."""
        return counts_of(self.uow, lambda tx: tx.accounts, wheres, most=most)

    def states(self, query: Query) -> Page[AccountState]:
        """Return a page of accounts, each with its balance at this instant."""
        at = self.clock()
        with self.uow(read_only=True) as tx:
            page = tx.accounts.page(query)
            states = tx.ledger.states([account.id for account in page.items], at=at)
        return Page(items=tuple(states[one.id] for one in page.items), next=page.next)

    def of_customer(self, customer_id: CustomerId) -> list[BillingAccount]:
        """Return a customer's accounts, oldest first."""
        with self.uow(read_only=True) as tx:
            return tx.accounts.of_customer(customer_id)

    def states_of(self, customer_ids: Sequence[CustomerId]) -> dict[CustomerId, list[AccountState]]:
        """Return the accounts of some customers with their balances, oldest first."""
        at = self.clock()
        with self.uow(read_only=True) as tx:
            accounts = tx.accounts.of_customers(customer_ids)
            states = tx.ledger.states([account.id for account in accounts], at=at)
        found: dict[CustomerId, list[AccountState]] = {one: [] for one in customer_ids}
        for account in accounts:
            if account.customer_id is not None:
                found[account.customer_id].append(states[account.id])
        return found

    def owners(self, account_ids: Iterable[AccountId]) -> dict[AccountId, Customer]:
        """Return whose some accounts are; the operator's own are nobody's."""
        with self.uow(read_only=True) as tx:
            accounts = tx.accounts.get_many(account_ids).values()
            owned = {one.id: one.customer_id for one in accounts if one.customer_id is not None}
            customers = tx.customers.get_many(owned.values())
        return {account: customers[customer] for account, customer in owned.items()}

    def entries(
        self,
        account_id: AccountId,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
        descending: bool = False,
    ) -> Page[JournalEntry]:
        """
        Return a page of an account's journal entries booked in [start, end), oldest first, or
        newest first.
        """
        limit = Query(limit=limit).limit
        with self.uow(read_only=True) as tx:
            tx.accounts.get(account_id)
            return tx.ledger.entries(
                account_id, start=start, end=end, limit=limit, cursor=cursor, descending=descending
            )

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
        _refuse_no_span(start, end)
        with self.uow(read_only=True) as tx:
            return _statement(tx, account_id, start, end)

    def books(self, account_id: AccountId, *, start: datetime, end: datetime) -> AccountBooks:
        """
        Return an account with its `statement` of [start, end), and whether its balance is what its
        journal comes to: all as of one instant.

        Raise as `statement` does.
        """
        _refuse_no_span(start, end)
        with self.uow(read_only=True) as tx:
            state = state_of(tx, account_id, self.clock())
            statement = _statement(tx, account_id, start, end)
            later = tx.ledger.moved(account_id, start=end, end=None)
        return AccountBooks(state=state, statement=statement, journalled=statement.closing + later)

    def credit(
        self,
        account_id: AccountId,
        *,
        amount: Money,
        reason: str,
        idempotency_key: str | None = None,
        rights: Rights = ALL_RIGHTS,
        by: Actor = SYSTEM,
    ) -> JournalEntry:
        """
        Give the subscriber goodwill money.

        Raise `RuleViolated` where all that was given on the account in the last 30 days, in this
        way or by giving up a debt, is more than `rights` decide alone.
        """

        def legs(_: Transaction, state: AccountState) -> posting.Legs:
            return posting.goodwill(amount, balance=state.balance, tax=_tax(state))

        kind = PostingKind.GOODWILL
        return self._book(
            kind, legs, account_id, amount, reason, idempotency_key, by, rights=rights
        )

    def charge(
        self,
        account_id: AccountId,
        *,
        amount: Money,
        kind: ChargeKind,
        reason: str,
        contract_id: ContractId | None = None,
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> JournalEntry:
        """
        Charge a named fee by hand, tax included; refused past what is available.

        `contract_id` is the contract that the fee is for, where it is for one: raise `NotFound`,
        or `InvalidValue` for one that another account pays for.
        """

        def legs(_: Transaction, state: AccountState) -> posting.Legs:
            one = charge(kind=kind, gross=amount, tax=_tax(state))
            postpaid = state.account.postpaid
            return posting.fee_charged(one, contract_id=contract_id, postpaid=postpaid)

        return Adjusting(self.uow, self.clock, self.new_id).book(
            Adjustment(
                kind=posting.posting_kind(kind),
                account_id=account_id,
                amount=amount,
                reason=reason,
                key=idempotency_key,
                by=by,
                legs=legs,
                what=f"charge {kind}",
                contract_id=contract_id,
                limited=True,
            )
        )

    def write_off(
        self,
        account_id: AccountId,
        *,
        amount: Money,
        reason: str,
        idempotency_key: str | None = None,
        rights: Rights = ALL_RIGHTS,
        by: Actor = SYSTEM,
    ) -> JournalEntry:
        """
        Give up on money that the subscriber owes; never more than that, and as `credit` alone.
        """

        def legs(_: Transaction, state: AccountState) -> posting.Legs:
            refuse_more("write_off", amount, state.balance.owed, "is owed on this account")
            return posting.write_off(amount, balance=state.balance, loss=LedgerCode.BAD_DEBT)

        kind = PostingKind.WRITE_OFF
        return self._book(
            kind, legs, account_id, amount, reason, idempotency_key, by, rights=rights
        )

    def write_off_chargeback(
        self,
        account_id: AccountId,
        *,
        amount: Money,
        reason: str,
        idempotency_key: str | None = None,
        rights: Rights = ALL_RIGHTS,
        by: Actor = SYSTEM,
    ) -> JournalEntry:
        """
        Give up on what lost disputes left the subscriber owing: a loss of its own, not a bad debt.

        Raise `RuleViolated` past what is owed, past what disputes took, and as `credit`.
        """

        def legs(tx: Transaction, state: AccountState) -> posting.Legs:
            refuse_more("write_off", amount, state.balance.owed, "is owed on this account")
            lost = each_in(tx.payments, account_id=str(account_id), status="charged_back")
            taken = Money.total((payment.refundable for payment in lost), amount.currency)
            given_up = booked_on(tx, account_id, LedgerCode.CHARGEBACK_LOSS)
            left = Money(taken.minor - given_up, amount.currency)
            refuse_more("write_off", amount, left, "was lost in disputes and not given up yet")
            return posting.write_off(amount, balance=state.balance, loss=LedgerCode.CHARGEBACK_LOSS)

        kind = PostingKind.CHARGEBACK_LOSS
        return self._book(
            kind, legs, account_id, amount, reason, idempotency_key, by, rights=rights
        )

    def recover(
        self,
        account_id: AccountId,
        *,
        amount: Money,
        reason: str,
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> JournalEntry:
        """
        Take a debt back that was written off, for it is paid after all; the payment is an ordinary
        one, before or after.

        Raise `RuleViolated` past what was written off and not recovered.
        """

        def legs(tx: Transaction, state: AccountState) -> posting.Legs:
            left = Money(booked_on(tx, account_id, LedgerCode.BAD_DEBT), amount.currency)
            refuse_more("recovery", amount, left, "is written off on this account")
            return posting.recovery(amount, postpaid=state.account.postpaid)

        kind = PostingKind.RECOVERY
        return self._book(kind, legs, account_id, amount, reason, idempotency_key, by)

    def take_over_balance(
        self,
        account_id: AccountId,
        *,
        amount: Money,
        reason: str = "migration",
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> JournalEntry:
        """
        Book the balance an account had in the system before this one; negative where it owed.

        Once for an account, under whatever key: raise `RuleViolated` where it has one already. A
        wrong one is reversed before the right one is booked.
        """

        def legs(tx: Transaction, state: AccountState) -> posting.Legs:
            if earlier := booked_on(tx, account_id, LedgerCode.OPENING_BALANCES):
                why = f"{Money(earlier, amount.currency)} was taken over already: reverse it"
                raise RuleViolated("opening_balance", (why,))
            return posting.opening_balance(amount, postpaid=state.account.postpaid)

        kind = PostingKind.OPENING_BALANCE
        return self._book(kind, legs, account_id, amount, reason, idempotency_key, by, signed=True)

    @retried
    def promise(
        self,
        account_id: AccountId,
        *,
        amount: Money,
        until: datetime,
        expected_version: int | None = None,
        rights: Rights = ALL_RIGHTS,
        by: Actor = SYSTEM,
    ) -> AccountState:
        """
        Grant a promised payment: a higher credit limit until an instant.

        Raise `RuleViolated` past the amount that `rights` allow, and past the amount and the days
        that the account's policy grants.
        """
        at = self.clock()
        rights.refuse_past(Limit.PROMISE, amount)
        with self.uow() as tx:
            account = tx.accounts.get(account_id)
            refuse_stale(account, expected_version, name="account")
            account.refuse_house()
            tx.accounts.save(account.promise_payment(amount, until=until, by=by, at=at))
            return state_of(tx, account_id, at)

    def end_promises(self, *, limit: int = 100, by: Actor = SYSTEM) -> int:
        """
        End the promised payments whose time is over, in batches of `limit`; return how many.
        """
        now = self.clock()
        over = each_swept(
            self.uow, lambda tx, at: tx.accounts.promises_over(now, limit=limit, cursor=at)
        )
        return each_alone(partial(self._end_promise, account.id, by) for account in over)

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

        Raise `InsufficientFunds` past the subscriber's own money, which no credit is, and
        `RuleViolated` to the same account.
        """
        if account_id == to:
            raise RuleViolated("transfer", ("a transfer needs two accounts",))
        at, out_id = self.clock(), EntryId(self.new_id())
        with self.uow() as tx:
            asked = {"to": to, "amount": amount}
            if earlier := booked_before(
                tx, idempotency_key, "accounts.transfer", out_id, account_id, by=by, **asked
            ):
                return earlier
            states = tx.ledger.states([account_id, to], at=at)
            for one in (account_id, to):
                if one not in states:
                    raise NotFound("account", str(one))
                states[one].account.refuse_house()
                refuse_amount(amount, states[one])
            sent, received = states[account_id], states[to]
            sent.refuse_past_own_money(amount)
            out_legs, in_legs = posting.transfer_out(amount), posting.transfer_in(amount)
            in_id = EntryId(self.new_id())
            sending, receiving = PostingKind.TRANSFER_OUT, PostingKind.TRANSFER_IN
            said = {"caused_by": f"transfer:{out_id}"}
            out = entry_of(out_id, sent, sending, out_legs, note=received.account.number, **said)
            into = entry_of(in_id, received, receiving, in_legs, note=sent.account.number, **said)
            post_spent(tx, sent, [Posting.of(out), Posting.of(into)], by=by, at=at)
            return out

    @retried
    def reverse_entry(
        self,
        account_id: AccountId,
        *,
        entry_id: EntryId,
        reason: str,
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> JournalEntry:
        """
        Undo an adjustment, whole and once; payments and transfers have commands of their own.

        Raise `NotFound`, `AlreadyReversed`, `RuleViolated` for another kind of entry, `KeyReused`.
        """
        at, undo_id = self.clock(), EntryId(self.new_id())
        asked = {"entry_id": entry_id, "why": reason}
        with self.uow() as tx:
            if earlier := booked_before(
                tx, idempotency_key, "accounts.reverse_entry", undo_id, account_id, by=by, **asked
            ):
                return earlier
            state = state_of(tx, account_id, at)
            entry = tx.ledger.entry(entry_id, account_id=account_id)
            if not entry.caused_by.startswith("adjustment:"):
                why = f"the entry was caused by {entry.caused_by}; reverse that"
                raise RuleViolated("reverse_entry", (why,))
            undone = entry.reversed(
                id=undo_id, kind=PostingKind.REVERSAL, at=at, caused_by=f"adjustment:{by}"
            )
            _refuse_recovered(tx, entry)
            undone = attrs.evolve(undone, note=reason)
            post_spent(tx, state, [Posting.of(undone)], by=by, at=at)
            return undone

    def trial_balance(self, account_id: AccountId | None = None) -> tuple[TrialBalanceLine, ...]:
        """Sum the whole journal, or one account's part, by ledger account and currency."""
        with self.uow(read_only=True) as tx:
            if account_id is not None:
                tx.accounts.get(account_id)
            return tx.ledger.trial_balance(account_id=account_id)

    @retried
    def _open(
        self, customer_id: CustomerId, currency: str, number: str, key: str | None, by: Actor
    ) -> BillingAccount:
        account_id = AccountId(self.new_id())
        with self.uow() as tx:
            customer = tx.customers.get(customer_id)
            asked = request_key(
                key, "accounts.open", by=by, customer_id=customer_id, currency=currency
            )
            if earlier := done_before(tx, tx.accounts, asked, account_id):
                return earlier
            customer.refuse_barred()
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

    @retried
    def _end_promise(self, account_id: AccountId, by: Actor) -> int:
        at = self.clock()
        with self.uow() as tx:
            state = state_of(tx, account_id, at)
            promise = state.account.promise
            if promise is None or at < promise.until:
                return 0
            # Its time ended what it gave; nobody has been told yet.
            before, after = state.available + promise.amount, state.available
            ended = state.account.end_promise(by=by, at=at)
            tx.accounts.save(ended.spent(before=before, after=after, by=by, at=at))
            return 1

    def _book(
        self,
        kind: PostingKind,
        legs: Legs,
        account_id: AccountId,
        amount: Money,
        reason: str,
        key: str | None,
        by: Actor,
        *,
        signed: bool = False,
        rights: Rights = ALL_RIGHTS,
    ) -> JournalEntry:
        return Adjusting(self.uow, self.clock, self.new_id).book(
            Adjustment(
                kind=kind,
                account_id=account_id,
                amount=amount,
                reason=reason,
                key=key,
                by=by,
                legs=legs,
                signed=signed,
                rights=rights,
            )
        )


def _refuse_no_span(start: datetime, end: datetime) -> None:
    if start.tzinfo is None or end.tzinfo is None or end <= start:
        raise InvalidValue.of("end", "span", "after start; both with a time zone", end)


def _statement(
    tx: Transaction, account_id: AccountId, start: datetime, end: datetime
) -> AccountStatement:
    opening = tx.ledger.moved(account_id, start=None, end=start)
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


def _tax(state: AccountState) -> TaxProfile:
    return (state.account.receipt.terms if state.account.receipt else PREPAID).tax


def _refuse_recovered(tx: Transaction, entry: JournalEntry) -> None:
    """A write-off that was recovered is undone already: again, it would be owed twice."""
    lost = sum(leg.amount.minor for leg in entry.transfers if leg.debit is LedgerCode.BAD_DEBT)
    if lost > booked_on(tx, entry.account_id, LedgerCode.BAD_DEBT):
        raise RuleViolated("reverse_entry", ("part of what was written off is recovered",))
