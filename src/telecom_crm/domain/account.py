"""Billing accounts: who pays, in which currency, under which policy, and up to which limit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID, uuid5

import attrs

from telecom_crm.domain.change import CHANGES
from telecom_crm.domain.errors import Conflict, RuleViolated
from telecom_crm.domain.identifiers import AccountId, ContractId, CustomerId
from telecom_crm.domain.ledger import Balance, InsufficientFunds, JournalEntry, Posting
from telecom_crm.domain.lifecycle import Actor, Event, Lifecycle, Row
from telecom_crm.domain.money import Money
from telecom_crm.domain.policy import BillingPolicy, PaymentMode, PoliciesReceipt


class AccountStatus(StrEnum):
    """An account is for life: it is opened, and its books stay."""

    OPEN = "open"


class AccountHolder(StrEnum):
    """Whose an account is: a customer's, or the operator's own."""

    CUSTOMER = "customer"
    HOUSE = "house"


class AccountCommand(StrEnum):
    """What begins an account."""

    OPEN = "open"


ACCOUNT_LIFECYCLE = Lifecycle(
    "account",
    AccountStatus,
    AccountCommand,
    (
        Row(
            source=None,
            command=AccountCommand.OPEN,
            target=AccountStatus.OPEN,
            event="AccountOpened",
        ),
    ),
)


@attrs.define
class PolicyFrozen(Conflict):
    """The account's policy was frozen by its first activation and stays for life."""

    code: ClassVar[str] = "policy_frozen"

    policy: str

    def __str__(self) -> str:
        return f"billing policy {self.policy} is frozen on this account since its first activation"


def house_account_id(place: str, currency: str) -> AccountId:
    """
    Return the id of the operator's own account for a gateway or a cash desk.

    It follows from the name, so that whoever needs the account knows it without looking, and two
    who open it at once open one.
    """
    return AccountId(uuid5(_HOUSE, f"{place} {currency}"))


_HOUSE = UUID("8b6f2c1e-94d3-4c57-a1e8-3d0b5a7f6c29")


@attrs.frozen(kw_only=True)
class PromisedPayment:
    """
    A short credit the subscriber asked for: raises the limit until an instant, moves no money.
    """

    amount: Money
    until: datetime


@attrs.frozen(kw_only=True, slots=False)
class BillingAccount:
    """
    Where a customer's money is kept and owed.

    `receipt` holds the terms of the chosen policy; `policy_frozen` that an activation relied on
    them. `customer_id` None is one of the operator's own house accounts, of a gateway or a cash
    desk.
    """

    id: AccountId
    number: str
    customer_id: CustomerId | None
    currency: str
    receipt: PoliciesReceipt | None = None
    policy_frozen: bool = False
    promise: PromisedPayment | None = None
    money_holds: int = 0
    """How many contracts of the account are suspended for money: what a payment may lift."""
    overdrawn: bool = False
    """Whether it fell below zero, and its contracts are still to be suspended for that."""
    status: AccountStatus = AccountStatus.OPEN
    version: int = 0
    events: tuple[Event, ...] = attrs.field(default=(), eq=False, repr=False)
    replayed: bool = attrs.field(default=False, eq=False, repr=False)
    """Marks an answer to an idempotency key that was used before; not stored."""

    @classmethod
    def open(
        cls,
        *,
        id: AccountId,
        number: str,
        customer_id: CustomerId | None,
        currency: str,
        by: Actor,
        at: datetime,
    ) -> BillingAccount:
        """Open an account for a customer, or for the house."""
        payload = {"number": number, "customer_id": str(customer_id) if customer_id else None}
        born = ACCOUNT_LIFECYCLE.begin(AccountCommand.OPEN, key=id, by=by, at=at, payload=payload)
        return cls(id=id, number=number, customer_id=customer_id, currency=currency, **born)

    @classmethod
    def open_house(cls, place: str, *, currency: str, by: Actor, at: datetime) -> BillingAccount:
        """Open the operator's own account for a gateway or a cash desk."""
        account_id, number = house_account_id(place, currency), f"H-{place}-{currency}"
        return cls.open(
            id=account_id, number=number, customer_id=None, currency=currency, by=by, at=at
        )

    @property
    def key(self) -> str:
        """The id as text."""
        return str(self.id)

    @property
    def postpaid(self) -> bool:
        """Whether the account is billed after use; without a policy it is prepaid."""
        return self.receipt is not None and self.receipt.terms.payment_mode is PaymentMode.POSTPAID

    @property
    def house(self) -> bool:
        """Whether it is one of the operator's own: of a gateway or a cash desk."""
        return self.customer_id is None

    @property
    def holder(self) -> AccountHolder:
        """Whose it is."""
        return AccountHolder.HOUSE if self.house else AccountHolder.CUSTOMER

    @property
    def place(self) -> str:
        """Which gateway or cash desk an account of the house is of; "" for a subscriber's."""
        if not self.house:
            return ""
        return self.number.removeprefix("H-").removesuffix(f"-{self.currency}")

    def refuse_house(self) -> None:
        """Raise `RuleViolated` where a subscriber's account is needed and this is none."""
        if self.house:
            why = f"{self.number} is an account of the operator's own, and no subscriber's"
            raise RuleViolated("house_account", (why,))

    def credit_limit(self, at: datetime) -> Money:
        """Return how far below zero the subscriber may spend at an instant."""
        limit = self.receipt.terms.credit_limit.minor if self.receipt else 0
        if self.promise and at < self.promise.until:
            limit += self.promise.amount.minor
        return Money(limit, self.currency)

    def choose_policy(self, policy: BillingPolicy, *, by: Actor, at: datetime) -> BillingAccount:
        """Choose the terms of the account; refused once an activation froze them."""
        if self.policy_frozen:
            raise PolicyFrozen(self.receipt.policy_id if self.receipt else "")
        if policy.credit_limit.currency != self.currency:
            why = f"policy {policy.id} is in {policy.credit_limit.currency}, not {self.currency}"
            raise RuleViolated("policy_currency", (why,))
        receipt = policy.receipt(at=at)
        before = self.receipt and self.receipt.policy_id
        payload = {"version": policy.version, CHANGES: {"policy": [before, policy.id]}}
        return self._note("BillingPolicyChosen", "choose_policy", by, at, payload, receipt=receipt)

    def freeze_policy(self, *, by: Actor, at: datetime) -> BillingAccount:
        """Make the chosen terms the account's for life; again is no change."""
        if self.policy_frozen or self.receipt is None:
            return self
        payload = {"policy": self.receipt.policy_id, "version": self.receipt.policy_version}
        return self._note(
            "BillingPolicyFrozen", "freeze_policy", by, at, payload, policy_frozen=True
        )

    def promise_payment(
        self, amount: Money, *, until: datetime, by: Actor, at: datetime
    ) -> BillingAccount:
        """
        Raise the credit limit by `amount` until an instant; one promise at a time.

        Raise `RuleViolated` past what the account's policy grants; without one it grants nothing.
        """
        reasons = []
        if amount.currency != self.currency or amount.minor <= 0:
            reasons.append(f"a promise is more than zero, in {self.currency}")
        if until <= at:
            reasons.append("a promise ends in the future")
        reasons.extend(self._past_promises(amount, until, at))
        if self.promise and at < self.promise.until:
            open_until = f"{self.promise.until:%Y-%m-%d %H:%M}"
            reasons.append(f"a promised payment is still open until {open_until} UTC")
        if reasons:
            raise RuleViolated("promised_payment", tuple(reasons))
        payload = {"amount": amount.amount, "currency": amount.currency, "until": until.isoformat()}
        promise = PromisedPayment(amount=amount, until=until)
        return self._note("PaymentPromised", "promise", by, at, payload, promise=promise)

    def hold_for_money(
        self, change: int, contract_id: ContractId, *, by: Actor, at: datetime
    ) -> BillingAccount:
        """Count one contract more (1) or fewer (-1) that is suspended for money."""
        payload = {"contract_id": str(contract_id), "change": change}
        holds = self.money_holds + change
        return self._note("MoneyHoldsChanged", "hold_for_money", by, at, payload, money_holds=holds)

    def spent(self, *, before: Money, after: Money, by: Actor, at: datetime) -> BillingAccount:
        """
        Tell of a fall of what is available, once as it crosses each line: the policy's low balance
        and zero.

        Only of accounts that pay first and have had a contract in service.
        """
        if self.receipt is None or self.postpaid or not self.policy_frozen:
            return self
        told, low = self, self.receipt.terms.low_balance
        if low is not None and before >= low > after:
            payload = {"available": after.amount, "currency": after.currency, "below": low.amount}
            told = told._note("LowBalance", "spend", by, at, payload)
        if before.minor >= 0 > after.minor:
            payload = {"available": after.amount, "currency": after.currency}
            told = told._note("AccountOverdrawn", "spend", by, at, payload, overdrawn=True)
        return told

    def handle_overdraft(self, *, by: Actor, at: datetime) -> BillingAccount:
        """Record that its contracts were looked at since it fell below zero."""
        return self._note("OverdraftHandled", "handle_overdraft", by, at, {}, overdrawn=False)

    def end_promise(self, *, by: Actor, at: datetime) -> BillingAccount:
        """End a promised payment whose time is over; raise `RuleViolated` where there is none."""
        if self.promise is None or at < self.promise.until:
            raise RuleViolated("promise_over", (f"no promise of {self.number} is over",))
        amount = self.promise.amount
        payload = {"amount": amount.amount, "currency": amount.currency}
        return self._note("PromiseEnded", "end_promise", by, at, payload, promise=None)

    def give_to(self, customer_id: CustomerId, *, by: Actor, at: datetime) -> BillingAccount:
        """Move the account to the survivor of a merge, or back."""
        payload = {CHANGES: {"customer": [str(self.customer_id), str(customer_id)]}}
        return self._note("AccountGiven", "give_to", by, at, payload, customer_id=customer_id)

    def _past_promises(self, amount: Money, until: datetime, at: datetime) -> Iterable[str]:
        if self.receipt is None:
            yield f"{self.number} has no billing policy yet, which would say how much is granted"
            return
        terms = self.receipt.terms
        if not terms.promise_limit:
            yield f"policy {terms.id} grants no promised payments"
            return
        if amount.currency == self.currency and amount > terms.promise_limit:
            yield f"policy {terms.id} grants at most {terms.promise_limit}"
        if until > (last := at + timedelta(days=terms.promise_days)):
            latest = f"{last:%Y-%m-%d %H:%M} UTC"
            yield f"policy {terms.id} grants at most {terms.promise_days} days, until {latest}"

    def _note(
        self,
        name: str,
        command: str,
        by: Actor,
        at: datetime,
        payload: Mapping[str, Any],
        **changes: Any,
    ) -> BillingAccount:
        return ACCOUNT_LIFECYCLE.note(self, name, command, by=by, at=at, payload=payload, **changes)


@attrs.frozen(kw_only=True)
class AccountState:
    """An account with its counters at one instant: what money decisions are made on."""

    account: BillingAccount
    balance: Balance
    at: datetime

    @property
    def credit_limit(self) -> Money:
        """How far below zero the subscriber may spend now."""
        return self.account.credit_limit(self.at)

    @property
    def available(self) -> Money:
        """What the subscriber may spend now."""
        return self.balance.available(self.credit_limit)

    @property
    def own_money(self) -> Money:
        """What is the subscriber's own of it: no credit, and nothing that is held back."""
        return self.balance.available(Money(0, self.balance.currency))

    @property
    def lasting(self) -> Money:
        """What the subscriber may spend, less a promised payment, which soon ends."""
        promise = self.account.promise
        lasts = self.account.credit_limit(max(self.at, promise.until) if promise else self.at)
        return self.balance.available(lasts)

    @property
    def is_low(self) -> bool:
        """Whether who pays first has less to spend than the line below which they are told."""
        line = self.account.receipt.terms.low_balance if self.account.receipt else None
        tells = self.account.policy_frozen and not self.account.postpaid
        return tells and line is not None and self.available < line

    def after(self, postings: Iterable[Posting]) -> AccountState:
        """
        Return the state once these are booked; those of other accounts change nothing here.

        Limits are the ledger's to keep.
        """
        balance = self.balance
        for posting in postings:
            if posting.account_id == self.account.id:
                balance = balance.after(posting.entry) if posting.entry else balance
                balance = balance.reserve(posting.reserve)
        return attrs.evolve(self, balance=balance)

    def refuse_past_own_money(self, amount: Money) -> None:
        """
        Raise `InsufficientFunds` where `amount` is more than the subscriber's own money.

        Credit is for our services: it leaves the account neither as cash nor for another account.
        """
        if amount > self.own_money:
            raise InsufficientFunds.of_own(self.account.id, needed=amount, own=self.own_money)


@attrs.frozen(kw_only=True)
class StatementLine:
    """One entry as the subscriber sees it, with the balance it left."""

    booked_at: datetime
    kind: str
    amount: Money
    balance: Money
    entry: JournalEntry


@attrs.frozen(kw_only=True)
class AccountStatement:
    """What happened on an account in a half-open span of instants: opening, lines, closing."""

    account_id: AccountId
    start: datetime
    end: datetime
    opening: Money
    lines: tuple[StatementLine, ...]
    closing: Money

    @classmethod
    def over(
        cls,
        account_id: AccountId,
        *,
        start: datetime,
        end: datetime,
        opening: Money,
        entries: tuple[JournalEntry, ...],
    ) -> AccountStatement:
        """Lay out the entries, oldest first, with the running balance."""
        lines, running = [], opening
        for entry in entries:
            running += entry.effect
            lines.append(
                StatementLine(
                    booked_at=entry.booked_at,
                    kind=entry.kind,
                    amount=entry.effect,
                    balance=running,
                    entry=entry,
                )
            )
        return cls(
            account_id=account_id,
            start=start,
            end=end,
            opening=opening,
            lines=tuple(lines),
            closing=running,
        )


@attrs.frozen(kw_only=True)
class AccountBooks:
    """
    An account with a span of its books, and what its journal comes to beside what is counted.

    `journalled` is the sum of all its entries. Where that is not the balance, one of the two is
    wrong: always a defect.
    """

    state: AccountState
    statement: AccountStatement
    journalled: Money

    @property
    def agree(self) -> bool:
        """Whether the balance is what the entries come to."""
        return self.journalled == self.state.balance.balance
