"""
The double-entry ledger: transfers, journal entries, the chart of accounts and what each event
posts.

A `Transfer` is one positive amount, one ledger account debited and one credited, so that an entry
that does not balance cannot be written down. A billing account keeps four counters (`Balance`)
over its entries; every other balance is a sum over the journal.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar

import attrs

from telecom_crm.domain.cards import without_cards
from telecom_crm.domain.errors import InvalidValue, RuleViolated
from telecom_crm.domain.identifiers import AccountId, ContractId, EntryId
from telecom_crm.domain.money import LARGEST_MINOR, CurrencyMismatch, Money

LARGEST_BALANCE = LARGEST_MINOR // 10
"""Each counter stays below this many minor units, so that their sums are amounts too."""


class LedgerClass(StrEnum):
    """The class of a ledger account, which says on which side it grows."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    REVENUE = "revenue"
    CONTRA_REVENUE = "contra_revenue"
    EXPENSE = "expense"


class LedgerCode(StrEnum):
    """The chart of accounts."""

    BANK = "1010"
    CASH_DESK = "1020"
    GATEWAY_CLEARING = "1030"
    RECEIVABLE = "1100"
    UNBILLED_RECEIVABLE = "1110"
    DISPUTED_PAYMENTS = "1150"
    SUBSCRIBER_BALANCE = "2010"
    UNALLOCATED_RECEIPTS = "2015"
    DEFERRED_REVENUE = "2020"
    TAX_PAYABLE = "2030"
    TAX_NOT_YET_DUE = "2035"
    BONUS_BALANCE = "2050"
    REFUNDS_PAYABLE = "2060"
    TRANSFERS_IN_TRANSIT = "2070"
    OPENING_BALANCES = "3000"
    REVENUE_RECURRING = "4010"
    REVENUE_ONE_TIME = "4020"
    REVENUE_USAGE = "4030"
    REVENUE_OPTIONS = "4040"
    REVENUE_PENALTIES = "4050"
    DISCOUNTS = "4090"
    GATEWAY_FEES = "5010"
    BAD_DEBT = "5020"
    CHARGEBACK_LOSS = "5030"
    ROUNDING = "5090"

    @property
    def ledger_class(self) -> LedgerClass:
        """The class of this account."""
        return (
            LedgerClass.CONTRA_REVENUE if self is LedgerCode.DISCOUNTS else _CLASS_OF[self.value[0]]
        )


_CLASS_OF = {
    "1": LedgerClass.ASSET,
    "2": LedgerClass.LIABILITY,
    "3": LedgerClass.EQUITY,
    "4": LedgerClass.REVENUE,
    "5": LedgerClass.EXPENSE,
}


OF_BALANCES = frozenset(
    {LedgerCode.SUBSCRIBER_BALANCE, LedgerCode.RECEIVABLE, LedgerCode.UNBILLED_RECEIVABLE}
)
"""The ledger accounts that a billing account's balance is made of: their credits less debits."""
OF_RECEIPTS = frozenset({LedgerCode.CASH_DESK, LedgerCode.GATEWAY_CLEARING})
"""The ledger accounts where payments come in; their counterparty is the gateway or the desk."""


class PostingKind(StrEnum):
    """The event that an entry books."""

    PAYMENT = "payment"
    PAYMENT_REVERSAL = "payment_reversal"
    UNALLOCATED_PAYMENT = "unallocated_payment"
    ALLOCATION = "allocation"
    REFUND_REQUESTED = "refund_requested"
    REFUND_PAID = "refund_paid"
    REFUND_FAILED = "refund_failed"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    ONE_TIME_FEE = "one_time_fee"
    RECURRING_FEE = "recurring_fee"
    OPTION_FEE = "option_fee"
    PENALTY = "penalty"
    GOODWILL = "goodwill"
    CHARGEBACK_LOSS = "chargeback_loss"
    TRANSFER_OUT = "transfer_out"
    TRANSFER_IN = "transfer_in"
    WRITE_OFF = "write_off"
    RECOVERY = "recovery"
    OPENING_BALANCE = "opening_balance"
    CLOSING_REFUND = "closing_refund"
    PAY_OUT = "pay_out"
    SETTLEMENT = "settlement"
    CASH_BANKED = "cash_banked"
    TILL_DIFFERENCE = "till_difference"
    REVERSAL = "reversal"


@attrs.define
class InsufficientFunds(RuleViolated):
    """The account has less available than the command would spend."""

    code: ClassVar[str] = "insufficient_funds"

    @classmethod
    def on(cls, account_id: AccountId, *, needed: Money, available: Money) -> InsufficientFunds:
        """Return the error for one account."""
        why = f"{needed} needed, {available} available on account {account_id}"
        return cls("spending_limit", (why,))

    @classmethod
    def of_own(cls, account_id: AccountId, *, needed: Money, own: Money) -> InsufficientFunds:
        """Return the error where credit must not be used and the subscriber's own money is less."""
        has = Money(max(own.minor, 0), own.currency)
        why = f"{needed} needed, {has} of the subscriber's own money is on account {account_id}"
        return cls("own_money", (f"{why}; credit and promised payments do not leave it",))


@attrs.define
class AlreadyReversed(RuleViolated):
    """An entry is reversed at most once."""

    code: ClassVar[str] = "already_reversed"


@attrs.frozen(kw_only=True)
class Transfer:
    """
    One amount from one ledger account to another: balanced by construction.

    `counterparty` owns the side that does not belong to the entry's billing account: the gateway
    of 1030, the desk of 1020, the tax code of 2030 and 2035. The other fields say what the amount
    was for.
    """

    debit: LedgerCode
    credit: LedgerCode
    amount: Money
    counterparty: str = ""
    contract_id: ContractId | None = None
    tariff: str = ""
    tariff_version: int | None = None
    charge_kind: str = ""
    period_start: date | None = None
    period_end: date | None = None

    def __attrs_post_init__(self) -> None:
        if self.amount.minor <= 0:
            raise InvalidValue.of("amount", "not_positive", "more than zero", self.amount)
        if self.debit is self.credit:
            message = "another account than the one that is debited"
            raise InvalidValue.of("credit", "same_account", message, self.credit)


@attrs.frozen(kw_only=True)
class JournalEntry:
    """
    What one event did to one billing account's books: immutable, one currency, one or more
    transfers.

    `caused_by` names the thing behind it, as "payment:<id>"; `reverses` the entry that this one
    undoes.
    """

    id: EntryId
    account_id: AccountId
    kind: PostingKind
    transfers: tuple[Transfer, ...] = attrs.field()
    booked_at: datetime
    caused_by: str
    reverses: EntryId | None = None
    note: str = attrs.field(default="", converter=without_cards)
    replayed: bool = attrs.field(default=False, eq=False, repr=False)
    """Marks an answer to an idempotency key that was used before; not stored."""

    @transfers.validator
    def _one_currency(self, _: object, value: tuple[Transfer, ...]) -> None:
        if not value:
            raise InvalidValue.of("transfers", "transfers", "at least one transfer")
        currency = value[0].amount.currency
        for transfer in value:
            if transfer.amount.currency != currency:
                raise CurrencyMismatch(currency, transfer.amount.currency)

    @property
    def currency(self) -> str:
        """The currency of all transfers."""
        return self.transfers[0].amount.currency

    @property
    def effect(self) -> Money:
        """What the entry does to the billing account's balance: positive adds to it."""
        return -self._debited(OF_BALANCES)

    @property
    def received(self) -> Money:
        """What came in at a gateway or a cash desk with it, negative where money left there."""
        return self._debited(OF_RECEIPTS)

    @property
    def place(self) -> str:
        """The gateway or cash desk where money came in or left, "" where none did."""
        for leg in self.transfers:
            if OF_RECEIPTS & {leg.debit, leg.credit}:
                return leg.counterparty
        return ""

    def _debited(self, codes: frozenset[LedgerCode]) -> Money:
        """Return what some ledger accounts together were debited, less what they were credited."""
        minor = sum(
            leg.amount.minor * ((leg.debit in codes) - (leg.credit in codes))
            for leg in self.transfers
        )
        return Money(minor, self.currency)

    def reversed(
        self, *, id: EntryId, kind: PostingKind, at: datetime, caused_by: str
    ) -> JournalEntry:
        """Return the entry that undoes this one, leg by leg."""
        return JournalEntry(
            id=id,
            account_id=self.account_id,
            kind=kind,
            transfers=tuple(
                attrs.evolve(leg, debit=leg.credit, credit=leg.debit) for leg in self.transfers
            ),
            booked_at=at,
            caused_by=caused_by,
            reverses=self.id,
        )


@attrs.frozen(kw_only=True)
class Balance:
    """
    The counters of one billing account, in minor units; each is a projection of the journal.

    subscriber: 2010, credit less debit. receivable: 1100 and unbilled: 1110, debit less credit.
    reserved: held for fees that an activation will post.
    """

    currency: str
    subscriber: int = 0
    receivable: int = 0
    unbilled: int = 0
    reserved: int = 0

    @property
    def balance(self) -> Money:
        """What the account has, or owes where it is negative."""
        return Money(self.subscriber - self.receivable - self.unbilled, self.currency)

    @property
    def owed(self) -> Money:
        """What the subscriber should have paid by now: bills (1100), and a balance below zero."""
        return Money(max(self.receivable, 0) + max(-self.subscriber, 0), self.currency)

    def available(self, credit_limit: Money) -> Money:
        """What may be spent: balance, and credit limit, less what is reserved."""
        return Money(self.balance.minor + credit_limit.minor - self.reserved, self.currency)

    def after(self, entry: JournalEntry) -> Balance:
        """Return the counters once the entry is booked."""
        if entry.currency != self.currency:
            raise CurrencyMismatch(self.currency, entry.currency)
        subscriber, receivable, unbilled = self.subscriber, self.receivable, self.unbilled
        for leg in entry.transfers:
            minor = leg.amount.minor
            for code, sign in ((leg.credit, minor), (leg.debit, -minor)):
                if code is LedgerCode.SUBSCRIBER_BALANCE:
                    subscriber += sign
                elif code is LedgerCode.RECEIVABLE:
                    receivable -= sign
                elif code is LedgerCode.UNBILLED_RECEIVABLE:
                    unbilled -= sign
        if max(abs(subscriber), abs(receivable), abs(unbilled)) >= LARGEST_BALANCE:
            message = "no account holds or owes as much as this would make it"
            raise InvalidValue.of("amount", "amount", message)
        return Balance(
            currency=self.currency,
            subscriber=subscriber,
            receivable=receivable,
            unbilled=unbilled,
            reserved=self.reserved,
        )

    def reserve(self, minor: int) -> Balance:
        """Return the counters with more, or with a negative number less, held back."""
        return attrs.evolve(self, reserved=self.reserved + minor)


@attrs.frozen(kw_only=True)
class Posting:
    """
    One thing to do to one billing account's counters, atomically: book an entry, hold or free a
    reserve.

    `reserve` is in minor units, negative to free. Where `limited`, the posting is refused with
    `InsufficientFunds` if less than zero would be left available; chargebacks, reversals and fees
    on credit are not limited.
    """

    account_id: AccountId
    entry: JournalEntry | None = None
    reserve: int = 0
    limited: bool = False

    @classmethod
    def of(cls, entry: JournalEntry, *, limited: bool = False) -> Posting:
        """Return the posting that books an entry on its own account."""
        return cls(account_id=entry.account_id, entry=entry, limited=limited)

    def apply(self, balance: Balance, credit_limit: Money) -> Balance:
        """Return the counters after the posting, or raise `InsufficientFunds`."""
        after = balance.after(self.entry) if self.entry else balance
        if self.reserve:
            after = after.reserve(self.reserve)
        left = after.available(credit_limit)
        if self.limited and left.minor < 0:
            available = balance.available(credit_limit)
            needed = available - left
            raise InsufficientFunds.on(self.account_id, needed=needed, available=available)
        return after


@attrs.frozen(kw_only=True)
class TrialBalanceLine:
    """Debits and credits of one ledger account in one currency, over the whole journal."""

    code: LedgerCode
    debit: Money
    credit: Money


def trial_balance(entries: Iterable[JournalEntry]) -> tuple[TrialBalanceLine, ...]:
    """Sum the journal by account and currency; debits and credits of each currency are equal."""
    sums: dict[tuple[str, LedgerCode], list[int]] = {}
    for entry in entries:
        for leg in entry.transfers:
            currency = leg.amount.currency
            sums.setdefault((currency, leg.debit), [0, 0])[0] += leg.amount.minor
            sums.setdefault((currency, leg.credit), [0, 0])[1] += leg.amount.minor
    return tuple(
        TrialBalanceLine(code=code, debit=Money(debit, currency), credit=Money(credit, currency))
        for (currency, code), (debit, credit) in sorted(sums.items())
    )
