"""A machine that posts, reserves, reverses and pays, beside a model that adds integers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, invariant, multiple, precondition, rule

from telecom_crm.application.paging import each_on
from telecom_crm.application.ports import (
    Booked,
    Booking,
    Contended,
    Found,
    IdempotencyKey,
    Payer,
    Transaction,
    UnitOfWork,
)
from telecom_crm.domain.account import AccountState, BillingAccount
from telecom_crm.domain.calendar import BISHKEK
from telecom_crm.domain.errors import KeyReused, NotFound
from telecom_crm.domain.identifiers import AccountId, EntryId
from telecom_crm.domain.ledger import (
    AlreadyReversed,
    Balance,
    InsufficientFunds,
    JournalEntry,
    LedgerCode,
    Posting,
    PostingKind,
)
from telecom_crm.domain.payment import Payment
from telecom_crm.domain.report import Bookings
from telecom_crm.entrypoints.conformance.machine import Abandoned, Place, StoreMachine, refused
from telecom_crm.entrypoints.conformance.samples import (
    BEGINNING,
    CREDIT,
    CURRENCY,
    OPERATOR,
    PAY_FIRST,
    PAY_LATER,
)
from telecom_crm.entrypoints.conformance.store import Store

_C = LedgerCode
SHAPES: dict[str, tuple[tuple[LedgerCode, LedgerCode], ...]] = {
    "deposit": ((_C.GATEWAY_CLEARING, _C.SUBSCRIBER_BALANCE),),
    "fee": ((_C.SUBSCRIBER_BALANCE, _C.REVENUE_ONE_TIME),),
    "fee and tax": (
        (_C.SUBSCRIBER_BALANCE, _C.REVENUE_RECURRING),
        (_C.SUBSCRIBER_BALANCE, _C.TAX_PAYABLE),
    ),
    "unbilled": ((_C.UNBILLED_RECEIVABLE, _C.REVENUE_USAGE),),
    "bill": ((_C.RECEIVABLE, _C.UNBILLED_RECEIVABLE),),
    "bill paid": ((_C.CASH_DESK, _C.RECEIVABLE),),
    "write-off": ((_C.BAD_DEBT, _C.SUBSCRIBER_BALANCE), (_C.BAD_DEBT, _C.RECEIVABLE)),
    "allocation": ((_C.UNALLOCATED_RECEIPTS, _C.SUBSCRIBER_BALANCE),),
    "receipt of nobody": ((_C.GATEWAY_CLEARING, _C.UNALLOCATED_RECEIPTS),),
    "settlement": ((_C.BANK, _C.GATEWAY_CLEARING), (_C.GATEWAY_FEES, _C.GATEWAY_CLEARING)),
}
"""Entries by the legs they have: debit and credit. The last two move no counter."""
_COUNTERS = {"2010": ("subscriber", 1), "1100": ("receivable", -1), "1110": ("unbilled", -1)}
_SHAPE = st.sampled_from(sorted(SHAPES))
_MINOR = st.integers(1, 9_000)
_KEY = st.sampled_from((None, "pay-1", "pay-2"))


@attrs.define
class _Books:
    """What the model knows of one account: the counters, and every entry in order of booking."""

    limit: int
    subscriber: int = 0
    receivable: int = 0
    unbilled: int = 0
    reserved: int = 0
    entries: list[JournalEntry] = attrs.field(factory=list)

    @property
    def sides(self) -> dict[str, tuple[int, int]]:
        """What the entries debited and credited, by ledger account."""
        legs = [leg for entry in self.entries for leg in entry.transfers]
        codes = {code for leg in legs for code in (leg.debit, leg.credit)}
        return {
            code.value: (
                sum(leg.amount.minor for leg in legs if leg.debit is code),
                sum(leg.amount.minor for leg in legs if leg.credit is code),
            )
            for code in codes
        }

    @property
    def balance(self) -> int:
        return self.subscriber - self.receivable - self.unbilled

    @property
    def available(self) -> int:
        return self.balance + self.limit - self.reserved

    def book(self, entry: JournalEntry) -> None:
        for leg in entry.transfers:
            for code, sign in ((leg.credit, 1), (leg.debit, -1)):
                counter, direction = _COUNTERS.get(code.value, ("", 0))
                if counter:
                    moved = sign * direction * leg.amount.minor
                    setattr(self, counter, getattr(self, counter) + moved)
        self.entries.append(entry)


class LedgerMachine(StoreMachine):
    """
    Do anything to some accounts' books, in transactions and at the till.

    The store it is made `on` is a `Store`. Counters, journal, trial balance and spending limits
    have to be those of a model that adds integers; each currency's debits and credits are equal.
    """

    accounts = Bundle("accounts")

    def open_store(self) -> UnitOfWork:
        """Return the transactions of a fresh store, and keep its till."""
        store: Store = type(self).make_store()
        self.till = store.till
        return store.uow

    @initialize(target=accounts)
    def begin(self) -> Any:
        """A customer has an account to pay first and one to pay later; the house has its own."""
        self.books: dict[AccountId, _Books] = {}
        self.sides: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.undone: set[EntryId] = set()
        self.paid: dict[str, tuple[int, AccountId, Payment]] = {}
        customer = self.samples.customer()
        self.save("customers", customer)
        self.customer_id = customer.id
        house = BillingAccount.open_house("gateway", currency=CURRENCY, **self.samples.said())
        self.save("accounts", house)
        self.books[house.id] = _Books(limit=0)
        return multiple(house.id, *(self._opened(postpaid) for postpaid in (False, True)))

    def touched(self, thing: Any) -> Any:
        """A contract suspended for money is counted on any account; payments are left alone."""
        if isinstance(thing, Payment):
            return None
        contract_id = self.samples.id()
        return thing.hold_for_money(1, contract_id, **self.samples.said())

    @rule(target=accounts, postpaid=st.booleans())
    def open_account(self, postpaid: bool) -> AccountId:
        """Open an account."""
        return self._opened(postpaid)

    @rule(target=StoreMachine.things, account_id=accounts)
    def have_mishaps_with(self, account_id: AccountId) -> Place:
        """What goes wrong with any thing goes wrong with an account."""
        return ("accounts", account_id)

    @rule(
        wanted=st.lists(st.tuples(accounts, _SHAPE, _MINOR, st.booleans()), min_size=1, max_size=3)
    )
    def post(self, wanted: list[tuple[AccountId, str, int, bool]]) -> None:
        """Book entries at once, limited ones too: all, or none where one has too little."""
        postings = [
            Posting.of(self._entry(account_id, shape, minor), limited=limited)
            for account_id, shape, minor, limited in wanted
        ]
        if self._fits(postings):
            with self.uow() as tx:
                tx.ledger.post(postings, at=self.samples.tick())
            self._book(postings)
            return
        with refused(InsufficientFunds), self.uow() as tx:
            tx.ledger.post(postings, at=self.samples.tick())

    @rule(account_id=accounts, minor=_MINOR, limited=st.booleans(), free=st.booleans())
    def reserve(self, account_id: AccountId, minor: int, limited: bool, free: bool) -> None:
        """Hold some money back, or let all that is held go."""
        held = self.books[account_id].reserved
        reserve = -held if free else minor
        if not reserve:
            return
        posting = Posting(account_id=account_id, reserve=reserve, limited=limited and not free)
        if self._fits([posting]):
            with self.uow() as tx:
                tx.ledger.post([posting], at=self.samples.tick())
            self.books[account_id].reserved += reserve
            return
        with refused(InsufficientFunds), self.uow() as tx:
            tx.ledger.post([posting], at=self.samples.tick())

    @rule(account_id=accounts, which=st.integers(0, 9), twice=st.booleans())
    def reverse(self, account_id: AccountId, which: int, twice: bool) -> None:
        """Undo an entry: once, and never twice, not even at one time."""
        entries = self.books[account_id].entries
        if not entries:
            return
        entry = entries[which % len(entries)]
        postings = [Posting.of(self._undoing(entry)) for _ in range(1 + twice)]
        if twice or entry.id in self.undone:
            with refused(AlreadyReversed), self.uow() as tx:
                tx.ledger.post(postings, at=self.samples.tick())
            return
        with self.uow() as tx:
            tx.ledger.post(postings, at=self.samples.tick())
        self._book(postings)
        self.undone.add(entry.id)

    @rule(account_id=accounts, minor=_MINOR)
    def abandon_a_posting(self, account_id: AccountId, minor: int) -> None:
        """A process fails after it posted: no entry, no counter, no event is left."""
        with refused(Abandoned), self.uow() as tx:
            entry = self._entry(account_id, "deposit", minor)
            account = tx.accounts.get(account_id)
            tx.accounts.save(self.touched(account))
            tx.ledger.post(
                [Posting.of(entry), Posting(account_id=account_id, reserve=7)], at=entry.booked_at
            )
            raise Abandoned

    @rule(
        wanted=st.lists(
            st.tuples(accounts | st.none(), st.integers(1, 3), _KEY), min_size=1, max_size=3
        )
    )
    def pay(self, wanted: list[tuple[AccountId | None, int, str | None]]) -> None:
        """
        Book payments at the till, some to accounts that are not there, some with keys.

        Each has its own outcome; a key that comes again with the same content gives the same
        payment, and moves nothing.
        """
        bookings, expected = [], []
        first = dict(self.paid)
        for account_id, hundreds, key in wanted:
            booking, payment = self._booking(account_id, 100 * hundreds, key)
            bookings.append(booking)
            expected.append(self._expected(first, account_id, 100 * hundreds, key, payment))
        outcomes = self.till.book(bookings)
        for outcome, wanted_outcome in zip(outcomes, expected, strict=True):
            self._judge(outcome, wanted_outcome)
        self.paid = first

    @precondition(lambda self: self.interleaves)
    @rule(account_id=accounts)
    def spend_it_twice(self, account_id: AccountId) -> None:
        """Two spend the last money in transactions that overlap: one is refused."""
        left = self.books[account_id].available
        if left <= 0:
            return
        mine, theirs = (
            Posting.of(self._entry(account_id, "fee", left), limited=True) for _ in range(2)
        )
        with refused(InsufficientFunds, Contended), self.uow() as tx:
            tx.ledger.post([mine], at=self.samples.tick())
            with self.uow() as other:
                other.ledger.post([theirs], at=self.samples.tick())
            self._book([theirs])

    @precondition(lambda self: self.interleaves)
    @rule(account_id=accounts, minor=_MINOR)
    def decide_on_a_balance_that_moves(self, account_id: AccountId, minor: int) -> None:
        """One decides on counters that another moves before the commit: refused."""
        deposit = Posting.of(self._entry(account_id, "deposit", minor))
        with refused(Contended), self.uow() as tx:
            tx.ledger.states([account_id], at=self.samples.tick())
            tx.ledger.post([Posting(account_id=account_id, reserve=1)], at=self.samples.tick())
            with self.uow() as other:
                other.ledger.post([deposit], at=self.samples.tick())
            self._book([deposit])

    @rule(account_id=accounts, start=st.integers(0, 9), length=st.integers(0, 9))
    def read_a_span(self, account_id: AccountId, start: int, length: int) -> None:
        """The entries of a span and the balance before it are those that were booked."""
        entries = self.books[account_id].entries
        since = entries[start].booked_at if start < len(entries) else self.samples.tick()
        place = start + length
        until = entries[place].booked_at if place < len(entries) else None
        with self.uow(read_only=True) as tx:
            before = tx.ledger.moved(account_id, start=None, end=since)
            within = tx.ledger.moved(account_id, start=since, end=until)
            every = tx.ledger.moved(account_id, start=None, end=None)
            found, latest = (
                self._span(tx, account_id, since, until, descending=one) for one in (False, True)
            )
            for entry in found:
                assert tx.ledger.entry(entry.id, account_id=account_id) == entry
        assert found == entries[start:place]
        assert latest == found[::-1]
        assert before.minor == sum(entry.effect.minor for entry in entries[:start])
        assert within.minor == sum(entry.effect.minor for entry in entries[start:place])
        assert every.minor == sum(entry.effect.minor for entry in entries)

    @invariant()
    def the_books_are_right(self) -> None:
        """Counters, trial balance and journal agree with the model, and with each other."""
        if not self.kept:
            return
        at = self.samples.clock()
        with self.uow(read_only=True) as tx:
            states = tx.ledger.states(self.books, at=at)
            lines = tx.ledger.trial_balance()
            parts = {one: tx.ledger.trial_balance(account_id=one) for one in self.books}
            differences = list(tx.ledger.differences())
            bookings = tx.figures.bookings(since=BEGINNING.date(), zone=BISHKEK)
        # Money is held back for the first fees of activations; here there are none.
        assert {(one.account_id, one.counter, one.stored, one.computed) for one in differences} == {
            (account_id, "reserved", books.reserved, 0)
            for account_id, books in self.books.items()
            if books.reserved
        }
        for account_id, books in self.books.items():
            found = states[account_id].balance
            assert (found.subscriber, found.receivable, found.unbilled, found.reserved) == (
                books.subscriber,
                books.receivable,
                books.unbilled,
                books.reserved,
            )
            assert states[account_id].available.minor == books.available
            assert {
                line.code.value: (line.debit.minor, line.credit.minor) for line in parts[account_id]
            } == books.sides
        assert {line.code.value: (line.debit.minor, line.credit.minor) for line in lines} == {
            code: (sides["debit"], sides["credit"]) for code, sides in self.sides.items()
        }
        assert sum(line.debit.minor - line.credit.minor for line in lines) == 0
        self._are_summed(bookings)

    # The model

    def _are_summed(self, bookings: Sequence[Bookings]) -> None:
        """What all days did, and all of time, is what accounts have and owe, and what came in."""
        every = self.books.values()
        came = sum(
            sides["debit"] - sides["credit"]
            for code, sides in self.sides.items()
            if code in ("1020", "1030")
        )
        for of_days in (True, False):
            told = [one for one in bookings if (one.day is not None) is of_days]
            assert sum(one.number for one in told) == sum(len(books.entries) for books in every)
            assert sum(one.effect.minor for one in told) == sum(books.balance for books in every)
            owed = sum(max(0, -books.balance) for books in every)
            assert sum(one.debt.minor for one in told) == owed
            assert sum(one.received.minor for one in told) == came

    def _opened(self, postpaid: bool) -> AccountId:
        policy = PAY_LATER if postpaid else PAY_FIRST
        account = self.samples.account(self.customer_id, policy=policy)
        self.save("accounts", account)
        self.books[account.id] = _Books(limit=CREDIT if postpaid else 0)
        return account.id

    def _entry(self, account_id: AccountId, shape: str, minor: int) -> JournalEntry:
        legs = [(debit, credit, minor) for debit, credit in SHAPES[shape]]
        return self.samples.entry(account_id, *legs)

    def _undoing(self, entry: JournalEntry) -> JournalEntry:
        return entry.reversed(
            id=EntryId(self.samples.id()),
            kind=PostingKind.REVERSAL,
            at=self.samples.tick(),
            caused_by=f"sample:{self.samples.serial()}",
        )

    def _fits(self, postings: Sequence[Posting]) -> bool:
        """Tell whether no limited posting, in order, leaves less than nothing."""
        after = {one: attrs.evolve(books, entries=[]) for one, books in self.books.items()}
        for posting in postings:
            books = after[posting.account_id]
            if posting.entry:
                books.book(posting.entry)
            books.reserved += posting.reserve
            if posting.limited and books.available < 0:
                return False
        return True

    def _span(
        self,
        tx: Transaction,
        account_id: AccountId,
        since: datetime,
        until: datetime | None,
        *,
        descending: bool,
    ) -> list[JournalEntry]:
        """Read the entries of a span in pages of two."""
        return list(
            each_on(
                lambda cursor: tx.ledger.entries(
                    account_id,
                    start=since,
                    end=until,
                    limit=2,
                    cursor=cursor,
                    descending=descending,
                )
            )
        )

    def _book(self, postings: Sequence[Posting]) -> None:
        for posting in postings:
            if posting.entry:
                self._keep(posting.entry)

    def _keep(self, entry: JournalEntry) -> None:
        self.books[entry.account_id].book(entry)
        for leg in entry.transfers:
            self.sides[leg.debit.value]["debit"] += leg.amount.minor
            self.sides[leg.credit.value]["credit"] += leg.amount.minor

    def _booking(
        self, account_id: AccountId | None, minor: int, key: str | None
    ) -> tuple[Booking, tuple[Payment, JournalEntry]]:
        named = account_id or AccountId(self.samples.id())
        payment = self.samples.payment(named, minor=minor)
        entry = self._entry(named, "deposit", minor)
        paid = self._confirmed(payment, entry)

        def decide(found: Found) -> Booked:
            assert found.state.account.id == named
            return Booked(payment=paid, entry=entry)

        digest = f"{account_id}:{minor}"
        booking = Booking(
            decide=decide,
            at=self.samples.tick(),
            payer=Payer(account_id=named),
            key=IdempotencyKey(OPERATOR.name, key, digest) if key else None,
        )
        return booking, (paid, entry)

    def _confirmed(self, payment: Payment, entry: JournalEntry) -> Payment:
        """Return the payment confirmed; the entry is the machine's own."""
        account = next(iter(self.all_of("accounts").values()))
        state = AccountState(account=account, balance=Balance(currency=CURRENCY), at=payment.at)
        confirmed, _ = payment.confirm(
            state=state,
            entry_id=entry.id,
            reference=f"ref-{self.samples.serial()}",
            took=payment.amount,
            into=LedgerCode.GATEWAY_CLEARING,
            by=OPERATOR,
            at=entry.booked_at,
        )
        return confirmed

    def _expected(
        self,
        first: dict[str, tuple[int, AccountId, Payment]],
        account_id: AccountId | None,
        minor: int,
        key: str | None,
        made: tuple[Payment, JournalEntry],
    ) -> tuple[str, tuple[Payment, JournalEntry]]:
        if key and key in first:
            known = first[key]
            same = known[:2] == (minor, account_id)
            return ("replayed" if same else "reused"), (known[2], made[1])
        if account_id is None:
            return "missing", made
        if key:
            first[key] = (minor, account_id, made[0])
        return "booked", made

    def _judge(self, outcome: Any, expected: tuple[str, tuple[Payment, JournalEntry]]) -> None:
        what, (payment, entry) = expected
        if what == "reused":
            assert isinstance(outcome, KeyReused)
        elif what == "missing":
            assert isinstance(outcome, NotFound)
        else:
            assert outcome == payment, f"the payment is not as it was booked: {outcome!r}"
            assert outcome.replayed is (what == "replayed")
            assert outcome.events == ()
        if what == "booked":
            self.remember("payments", payment)
            self._keep(entry)
