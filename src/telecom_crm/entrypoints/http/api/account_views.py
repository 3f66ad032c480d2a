"""How accounts, their entries and their statements are shown."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from litestar import Response

from telecom_crm.domain.account import AccountState, AccountStatement, AccountStatus
from telecom_crm.domain.ledger import (
    JournalEntry,
    LedgerCode,
    PostingKind,
    Transfer,
    TrialBalanceLine,
)
from telecom_crm.domain.money import Money
from telecom_crm.entrypoints.http.values import MoneyView, View, made


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
    version: int
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
            version=account.version,
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


def booked(entry: JournalEntry) -> Response[EntryView]:
    """Answer with an entry that was booked, and where its account's entries are."""
    at = f"/accounts/{entry.account_id}/entries"
    return made(EntryView.of(entry), at=at, replayed=entry.replayed)
