"""Billing accounts: opening and showing them, and what is booked on them by hand."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from telecom_crm.application.accounts import Accounts
from telecom_crm.application.settlements import Settlements
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.charging import ChargeKind
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import AccountId, ContractId, CustomerId, EntryId
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.http.api.account_views import (
    AccountView,
    EntryView,
    LedgerLineView,
    booked,
)
from telecom_crm.entrypoints.http.bodies import Body, InstantText, MoneyBody, Why
from telecom_crm.entrypoints.http.calls import CURSOR, LIMIT, Call, instant_parameter, listing
from telecom_crm.entrypoints.http.routes import does, makes, reads
from telecom_crm.entrypoints.http.values import (
    KeyUse,
    PageView,
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
    contract_id: UUID | None = None
    """The contract that a fee is for, where it is for one; goodwill is for none."""


class Loss(StrEnum):
    """What a debt that is given up was: not paid, or taken back by the bank of who had paid."""

    BAD_DEBT = "bad_debt"
    CHARGEBACK = "chargeback"


class WritingOff(Body):
    """What is owed and given up."""

    amount: MoneyBody
    reason: Given
    loss: Loss = Loss.BAD_DEBT


class TakingOver(Body):
    """The balance that an account had in the system before; negative where it owed."""

    amount: MoneyBody
    reason: Given = "migration"


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
        view, at = AccountView.of(accounts.get(account.id)), f"/accounts/{account.id}"
        return made(view, at=at, version=account.version, replayed=account.replayed)

    @reads("/", Area.ACCOUNTS, query=listing("account"))
    def page(
        self, request: Call, accounts: NamedDependency[Accounts]
    ) -> Response[PageView[AccountView]]:
        """List accounts with their balances, the operator's own accounts among them."""
        return listed(request, accounts.states(request.query()), AccountView.of)

    @reads("/{account_id:uuid}", Area.ACCOUNTS)
    def get(
        self, account_id: FromPath[UUID], accounts: NamedDependency[Accounts]
    ) -> Response[AccountView]:
        """
        Show an account: balance, what is available, what is reserved.

        Its version is of the terms; money that comes and goes leaves it as it is.
        """
        return _shown(accounts.get(AccountId(account_id)))

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
            if data.contract_id:
                raise InvalidValue.of("contract_id", "contract", "left out: goodwill is for none")
            entry = accounts.credit(
                AccountId(account_id),
                amount=data.amount.money,
                reason=data.reason,
                idempotency_key=request.key,
                rights=request.rights,
                by=request.by,
            )
        else:
            entry = accounts.charge(
                AccountId(account_id),
                amount=data.amount.money,
                kind=ChargeKind(data.kind.value),
                reason=data.reason,
                contract_id=ContractId(data.contract_id) if data.contract_id else None,
                idempotency_key=request.key,
                by=request.by,
            )
        return booked(entry)

    @makes(
        "/{account_id:uuid}/entries/{entry_id:uuid}/reverse",
        Area.ACCOUNTS,
        Action.APPROVE,
        key=KeyUse.REQUIRED,
    )
    def reverse_entry(
        self,
        request: Call,
        account_id: FromPath[UUID],
        entry_id: FromPath[UUID],
        data: JSONBody[Why],
        accounts: NamedDependency[Accounts],
    ) -> Response[EntryView]:
        """Undo an adjustment, whole and once; payments and transfers are undone by their own."""
        entry = accounts.reverse_entry(
            AccountId(account_id),
            entry_id=EntryId(entry_id),
            reason=data.reason,
            idempotency_key=request.key,
            by=request.by,
        )
        return booked(entry)

    @makes("/{account_id:uuid}/take-over", Area.ACCOUNTS, Action.APPROVE, key=KeyUse.REQUIRED)
    def take_over(
        self,
        request: Call,
        account_id: FromPath[UUID],
        data: JSONBody[TakingOver],
        accounts: NamedDependency[Accounts],
    ) -> Response[EntryView]:
        """Book the balance that an account had in the system before this one."""
        entry = accounts.take_over_balance(
            AccountId(account_id),
            amount=data.amount.money,
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
        bad_debt = data.loss is Loss.BAD_DEBT
        give_up = accounts.write_off if bad_debt else accounts.write_off_chargeback
        entry = give_up(
            AccountId(account_id),
            amount=data.amount.money,
            reason=data.reason,
            idempotency_key=request.key,
            rights=request.rights,
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

    @does("/{account_id:uuid}/promise", Area.ACCOUNTS, versioned=True)
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
            expected_version=request.seen,
            rights=request.rights,
            by=request.by,
        )
        return _shown(state)


def _shown(state: AccountState) -> Response[AccountView]:
    return shown(AccountView.of(state), version=state.account.version)
