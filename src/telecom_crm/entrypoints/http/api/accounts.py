"""Billing accounts: balances, entries, adjustments, promises and transfers."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from telecom_crm.application.accounts import Accounts
from telecom_crm.application.settlements import Settlements
from telecom_crm.domain.account import AccountState, AccountStatement, AccountStatus
from telecom_crm.domain.charging import ChargeKind
from telecom_crm.domain.identifiers import AccountId, CustomerId
from telecom_crm.domain.ledger import (
    JournalEntry,
    LedgerCode,
    PostingKind,
    Transfer,
    TrialBalanceLine,
)
from telecom_crm.domain.money import Money
from telecom_crm.domain.user import Action, Area
from telecom_crm.entrypoints.http.bodies import Body, InstantText, MoneyBody
from telecom_crm.entrypoints.http.calls import CURSOR, LIMIT, Call, instant_parameter
from telecom_crm.entrypoints.http.routes import does, makes, reads
from telecom_crm.entrypoints.http.values import (
    KeyUse,
    MoneyView,
    PageView,
    View,
    listed,
    made,
    shown,
    whole,
)

Given = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


class AdjustmentKind(StrEnum):
    """What an adjustment is: goodwill gives money, each other kind charges a named fee."""

    GOODWILL = "goodwill"
    RECURRING = ChargeKind.RECURRING.value
    ACTIVATION = ChargeKind.ACTIVATION.value
    OPTION = ChargeKind.OPTION.value
    NUMBER_PRICE = ChargeKind.NUMBER_PRICE.value
    SIM_SWAP = ChargeKind.SIM_SWAP.value
    NUMBER_CHANGE = ChargeKind.NUMBER_CHANGE.value
    PENALTY = ChargeKind.PENALTY.value
    SERVICE = ChargeKind.SERVICE.value


class NewAccount(Body):
    """Another account for a customer."""

    customer_id: UUID
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", examples=["KGS"])]


class Adjustment(Body):
    """Money given or charged by hand, tax included."""

    kind: AdjustmentKind
    amount: MoneyBody
    reason: Given


class Loss(StrEnum):
    """What a debt that is given up was: not paid, or taken back by the bank of who had paid."""

    BAD_DEBT = "bad_debt"
    CHARGEBACK = "chargeback"


class WritingOff(Body):
    """What is owed and given up."""

    amount: MoneyBody
    reason: Given
    loss: Loss = Loss.BAD_DEBT


class Recovery(Body):
    """What was written off and is paid after all."""

    amount: MoneyBody
    reason: Given


class PayingOut(Body):
    """What a customer is handed over: at a cash desk, or by the bank where none is named."""

    amount: MoneyBody
    reason: Given
    desk: Annotated[str, msgspec.Meta(min_length=1, max_length=50)] | None = None


class Promise(Body):
    """A payment that the subscriber promises: so much more credit until then."""

    amount: MoneyBody
    until: InstantText


class NewTransfer(Body):
    """Money for another account."""

    to: UUID
    amount: MoneyBody


class PromiseView(View):
    """A promised payment."""

    amount: MoneyView
    until: datetime


class AccountView(View):
    """
    An account at one instant.

    `balance` is what it has or, negative, owes; `available` is what may be spent: balance and
    `credit_limit`, less what is `reserved` for fees to come.
    """

    id: UUID
    number: str
    customer_id: UUID | None
    currency: str
    balance: MoneyView
    available: MoneyView
    reserved: MoneyView
    credit_limit: MoneyView
    policy: str | None
    policy_version: int | None
    policy_frozen: bool
    promise: PromiseView | None
    status: AccountStatus
    at: datetime

    @classmethod
    def of(cls, state: AccountState) -> AccountView:
        """Show an account with its counters."""
        account, receipt, promise = state.account, state.account.receipt, state.account.promise
        return cls(
            id=account.id,
            number=account.number,
            customer_id=account.customer_id,
            currency=account.currency,
            balance=MoneyView.of(state.balance.balance),
            available=MoneyView.of(state.available),
            reserved=MoneyView.of(Money(state.balance.reserved, account.currency)),
            credit_limit=MoneyView.of(state.credit_limit),
            policy=receipt.policy_id if receipt else None,
            policy_version=receipt.policy_version if receipt else None,
            policy_frozen=account.policy_frozen,
            promise=PromiseView(amount=MoneyView.of(promise.amount), until=promise.until)
            if promise
            else None,
            status=account.status,
            at=state.at,
        )


class TransferView(View):
    """One movement between two ledger accounts."""

    debit: LedgerCode
    credit: LedgerCode
    amount: MoneyView
    contract_id: UUID | None
    tariff: str
    tariff_version: int | None
    charge_kind: str
    period_start: date | None
    period_end: date | None

    @classmethod
    def of(cls, leg: Transfer) -> TransferView:
        """Show a movement."""
        return cls(
            debit=leg.debit,
            credit=leg.credit,
            amount=MoneyView.of(leg.amount),
            contract_id=leg.contract_id,
            tariff=leg.tariff,
            tariff_version=leg.tariff_version,
            charge_kind=leg.charge_kind,
            period_start=leg.period_start,
            period_end=leg.period_end,
        )


class EntryView(View):
    """What one event did to an account's books; `amount` is what it did to the balance."""

    id: UUID
    account_id: UUID
    kind: PostingKind
    amount: MoneyView
    transfers: list[TransferView]
    booked_at: datetime
    caused_by: str
    reverses: UUID | None
    note: str

    @classmethod
    def of(cls, entry: JournalEntry) -> EntryView:
        """Show an entry."""
        return cls(
            id=entry.id,
            account_id=entry.account_id,
            kind=entry.kind,
            amount=MoneyView.of(entry.effect),
            transfers=[TransferView.of(leg) for leg in entry.transfers],
            booked_at=entry.booked_at,
            caused_by=entry.caused_by,
            reverses=entry.reverses,
            note=entry.note,
        )


class LedgerLineView(View):
    """What was debited and credited on one ledger account."""

    code: LedgerCode
    debit: MoneyView
    credit: MoneyView

    @classmethod
    def of(cls, line: TrialBalanceLine) -> LedgerLineView:
        """Show a line."""
        return cls(code=line.code, debit=MoneyView.of(line.debit), credit=MoneyView.of(line.credit))


class LineView(View):
    """One entry of a statement, with the balance it left."""

    booked_at: datetime
    kind: str
    amount: MoneyView
    balance: MoneyView
    entry_id: UUID
    note: str


class StatementView(View):
    """What happened on an account from `start` up to, and without, `end`."""

    account_id: UUID
    start: datetime
    end: datetime
    opening: MoneyView
    lines: list[LineView]
    closing: MoneyView

    @classmethod
    def of(cls, statement: AccountStatement) -> StatementView:
        """Show a statement."""
        return cls(
            account_id=statement.account_id,
            start=statement.start,
            end=statement.end,
            opening=MoneyView.of(statement.opening),
            lines=[
                LineView(
                    booked_at=line.booked_at,
                    kind=line.kind,
                    amount=MoneyView.of(line.amount),
                    balance=MoneyView.of(line.balance),
                    entry_id=line.entry.id,
                    note=line.entry.note,
                )
                for line in statement.lines
            ],
            closing=MoneyView.of(statement.closing),
        )


SPAN = (
    instant_parameter("start", description="Not before this instant."),
    instant_parameter("end", description="Before this instant."),
)


class AccountController(Controller):
    """Where customers' money is kept and owed."""

    path = "/accounts"
    tags = ("accounts",)

    @makes("/", Area.ACCOUNTS, key=KeyUse.OPTIONAL)
    def open(
        self, request: Call, data: JSONBody[NewAccount], accounts: NamedDependency[Accounts]
    ) -> Response[AccountView]:
        """Open another account for a customer; contracts open their first one themselves."""
        account = accounts.open(
            customer_id=CustomerId(data.customer_id),
            currency=data.currency,
            idempotency_key=request.key,
            by=request.by,
        )
        view = AccountView.of(accounts.get(account.id))
        return made(view, at=f"/accounts/{account.id}", replayed=account.replayed)

    @reads("/{account_id:uuid}", Area.ACCOUNTS)
    def get(self, account_id: FromPath[UUID], accounts: NamedDependency[Accounts]) -> AccountView:
        """Show an account: balance, what is available, what is reserved."""
        return AccountView.of(accounts.get(AccountId(account_id)))

    @reads("/{account_id:uuid}/entries", Area.ACCOUNTS, query=(*SPAN, LIMIT, CURSOR))
    def entries(
        self, request: Call, account_id: FromPath[UUID], accounts: NamedDependency[Accounts]
    ) -> Response[PageView[EntryView]]:
        """List an account's entries, oldest first."""
        given = request.given()
        page = accounts.entries(
            AccountId(account_id),
            start=given.get("start"),
            end=given.get("end"),
            limit=given.get("limit", 50),
            cursor=given.get("cursor"),
        )
        return listed(request, page, EntryView.of)

    @reads("/{account_id:uuid}/trial-balance", Area.ACCOUNTS)
    def trial_balance(
        self, account_id: FromPath[UUID], accounts: NamedDependency[Accounts]
    ) -> PageView[LedgerLineView]:
        """
        Sum an account's entries by ledger account.

        It says what was written off (5020), what the customer is still to be paid (2060), and so
        on.
        """
        return whole(accounts.trial_balance(AccountId(account_id)), LedgerLineView.of)

    @makes("/{account_id:uuid}/adjust", Area.ACCOUNTS, Action.APPROVE, key=KeyUse.REQUIRED)
    def adjust(
        self,
        request: Call,
        account_id: FromPath[UUID],
        data: JSONBody[Adjustment],
        accounts: NamedDependency[Accounts],
    ) -> Response[EntryView]:
        """Give a subscriber goodwill money, or charge a named fee."""
        if data.kind is AdjustmentKind.GOODWILL:
            entry = accounts.credit(
                AccountId(account_id),
                amount=data.amount.money,
                reason=data.reason,
                idempotency_key=request.key,
                by=request.by,
            )
        else:
            entry = accounts.charge(
                AccountId(account_id),
                amount=data.amount.money,
                kind=ChargeKind(data.kind.value),
                reason=data.reason,
                idempotency_key=request.key,
                by=request.by,
            )
        return booked(entry)

    @makes("/{account_id:uuid}/write-off", Area.ACCOUNTS, Action.APPROVE, key=KeyUse.REQUIRED)
    def write_off(
        self,
        request: Call,
        account_id: FromPath[UUID],
        data: JSONBody[WritingOff],
        accounts: NamedDependency[Accounts],
    ) -> Response[EntryView]:
        """Give up on money that the subscriber owes; never more than that."""
        give_up = (
            accounts.write_off if data.loss is Loss.BAD_DEBT else accounts.write_off_chargeback
        )
        entry = give_up(
            AccountId(account_id),
            amount=data.amount.money,
            reason=data.reason,
            idempotency_key=request.key,
            by=request.by,
        )
        return booked(entry)

    @makes("/{account_id:uuid}/recover", Area.ACCOUNTS, Action.APPROVE, key=KeyUse.REQUIRED)
    def recover(
        self,
        request: Call,
        account_id: FromPath[UUID],
        data: JSONBody[Recovery],
        accounts: NamedDependency[Accounts],
    ) -> Response[EntryView]:
        """Take a debt back that was written off; the payment of it is an ordinary one."""
        entry = accounts.recover(
            AccountId(account_id),
            amount=data.amount.money,
            reason=data.reason,
            idempotency_key=request.key,
            by=request.by,
        )
        return booked(entry)

    @makes("/{account_id:uuid}/pay-out", Area.ACCOUNTS, Action.APPROVE, key=KeyUse.REQUIRED)
    def pay_out(
        self,
        request: Call,
        account_id: FromPath[UUID],
        data: JSONBody[PayingOut],
        settlements: NamedDependency[Settlements],
    ) -> Response[EntryView]:
        """Hand over what a customer is owed since the account's last contract was closed."""
        entry = settlements.pay_out(
            AccountId(account_id),
            amount=data.amount.money,
            reason=data.reason,
            desk=data.desk,
            idempotency_key=request.key,
            by=request.by,
        )
        return booked(entry)

    @makes("/{account_id:uuid}/transfer", Area.ACCOUNTS, Action.APPROVE, key=KeyUse.REQUIRED)
    def transfer(
        self,
        request: Call,
        account_id: FromPath[UUID],
        data: JSONBody[NewTransfer],
        accounts: NamedDependency[Accounts],
    ) -> Response[EntryView]:
        """Move money to another account."""
        entry = accounts.transfer(
            AccountId(account_id),
            to=AccountId(data.to),
            amount=data.amount.money,
            idempotency_key=request.key,
            by=request.by,
        )
        return booked(entry)

    @does("/{account_id:uuid}/promise", Area.ACCOUNTS)
    def promise(
        self,
        request: Call,
        account_id: FromPath[UUID],
        data: JSONBody[Promise],
        accounts: NamedDependency[Accounts],
    ) -> Response[AccountView]:
        """Grant a promised payment: a higher credit limit until an instant."""
        state = accounts.promise(
            AccountId(account_id),
            amount=data.amount.money,
            until=data.until.value,
            by=request.by,
        )
        return shown(AccountView.of(state))


def booked(entry: JournalEntry) -> Response[EntryView]:
    """Answer with an entry that was booked, and where its account's entries are."""
    at = f"/accounts/{entry.account_id}/entries"
    return made(EntryView.of(entry), at=at, replayed=entry.replayed)
