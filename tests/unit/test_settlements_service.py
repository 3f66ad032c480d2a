"""Money between gateways, desks and the bank, and out of closed accounts, over the memory store."""

from __future__ import annotations

from uuid import UUID

import pytest

from telecom_crm.adapters.gateways.cash_desk import CashDesk
from telecom_crm.adapters.gateways.script import Behaviour
from telecom_crm.adapters.gateways.simulator import SimulatorGateway
from telecom_crm.application.accounts import Accounts
from telecom_crm.application.payments.service import Payments
from telecom_crm.application.ports import Payer
from telecom_crm.application.settlements import Settlements
from telecom_crm.domain import posting
from telecom_crm.domain.account import BillingAccount, house_account_id
from telecom_crm.domain.errors import InvalidValue, KeyReused, RuleViolated
from telecom_crm.domain.identifiers import AccountId, CustomerId, EntryId
from telecom_crm.domain.ledger import JournalEntry, Posting, PostingKind
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import PaymentMethod
from telecom_crm.domain.refund import RefundStatus

CLERK = Actor("clerk")
ACCOUNT = AccountId(UUID(int=1 << 96))


def som(amount: str) -> Money:
    return Money.parse(amount, "KGS")


@pytest.fixture
def gateways():
    silent = SimulatorGateway(
        secret="s3cret", script=[Behaviour.CONFIRM, Behaviour.SILENT_NOT_TAKEN]
    )
    return {"cash_desk": CashDesk(), "simulator": silent}


@pytest.fixture
def settlements(uow, gateways, clock, ids):
    with uow() as tx:
        tx.accounts.save(
            BillingAccount.open(
                id=ACCOUNT,
                number="B-1",
                customer_id=CustomerId(UUID(int=2 << 96)),
                currency="KGS",
                by=CLERK,
                at=clock(),
            )
        )
    return Settlements(uow, gateways, clock, ids)


@pytest.fixture
def accounts(settlements, uow, series, clock, ids):
    return Accounts(uow, clock, ids, series)


def legs_of(entry: JournalEntry) -> set[tuple[str, str, Money]]:
    return {(leg.debit.value, leg.credit.value, leg.amount) for leg in entry.transfers}


def test_a_gateway_settles_and_keeps_its_fee(settlements, accounts):
    given = {"gross": som("1000"), "fee": som("25"), "note": "week 9", "idempotency_key": "w9"}
    entry = settlements.settle("simulator", by=CLERK, **given)
    assert legs_of(entry) == {("1010", "1030", som("975")), ("5010", "1030", som("25"))}
    assert {leg.counterparty for leg in entry.transfers} == {"simulator"}
    again = settlements.settle("simulator", by=CLERK, **given)
    assert (again, again.replayed) == (entry, True)
    with pytest.raises(KeyReused):
        settlements.settle("simulator", by=CLERK, **{**given, "fee": som("24")})
    house = accounts.get(entry.account_id)
    assert (house.account.number, house.account.customer_id) == ("H-simulator-KGS", None)
    assert list(accounts.each_entry(entry.account_id)) == [entry]
    assert house.balance.balance == som("0")


def test_each_place_and_currency_has_one_account_of_its_own(settlements, accounts):
    first = settlements.settle("simulator", gross=som("10"))
    second = settlements.settle("simulator", gross=som("20"))
    dollars = settlements.settle("simulator", gross=Money.parse("5", "USD"))
    cash = settlements.bank_cash("cash_desk", amount=som("7"))
    assert first.account_id == second.account_id == house_account_id("simulator", "KGS")
    assert len({first.account_id, dollars.account_id, cash.account_id}) == 3
    lines = accounts.trial_balance()
    assert {(line.code.value, line.debit.currency): line.debit.minor for line in lines} == {
        ("1010", "KGS"): 3700, ("1010", "USD"): 500, ("1020", "KGS"): 0,
        ("1030", "KGS"): 0, ("1030", "USD"): 0,
    }  # fmt: skip


def test_cash_is_banked_and_tills_are_counted(settlements):
    assert legs_of(settlements.bank_cash("cash_desk", amount=som("70"))) == {
        ("1010", "1020", som("70"))
    }
    key = {"amount": som("-3"), "note": "count", "idempotency_key": "c"}
    short = settlements.correct_till("cash_desk", **key)
    assert legs_of(short) == {("5090", "1020", som("3"))}
    assert settlements.correct_till("cash_desk", **key).replayed
    over = settlements.correct_till("cash_desk", amount=som("2"))
    assert legs_of(over) == {("1020", "5090", som("2"))}


def test_what_makes_no_sense_is_refused(settlements):
    for command in (
        lambda: settlements.settle("nobody", gross=som("1")),
        lambda: settlements.settle("cash_desk", gross=som("1")),
        lambda: settlements.bank_cash("simulator", amount=som("1")),
        lambda: settlements.settle("simulator", gross=som("1"), fee=som("1.01")),
        lambda: settlements.settle("simulator", gross=som("1"), fee=som("-0.01")),
        lambda: settlements.settle("simulator", gross=som("1"), fee=Money.parse("1", "USD")),
        lambda: settlements.settle("simulator", gross=som("0")),
        lambda: settlements.bank_cash("cash_desk", amount=som("-1")),
        lambda: settlements.correct_till("cash_desk", amount=som("0")),
        lambda: settlements.pay_out(ACCOUNT, amount=som("1"), desk="simulator", reason="x"),
    ):
        with pytest.raises(InvalidValue):
            command()


def test_what_a_closed_account_is_owed_is_paid_out_once(settlements, accounts, uow, clock, ids):
    accounts.credit(ACCOUNT, amount=som("30"), reason="gift")
    entry = JournalEntry(
        id=EntryId(ids()),
        account_id=ACCOUNT,
        kind=PostingKind.CLOSING_REFUND,
        transfers=posting.closing_refund(accounts.get(ACCOUNT).balance),
        booked_at=clock(),
        caused_by="contract:test",
    )
    with uow() as tx:
        tx.ledger.post([Posting.of(entry)], at=clock())
    key = {"amount": som("20"), "reason": "moved away", "idempotency_key": "k"}
    cash = settlements.pay_out(ACCOUNT, desk="cash_desk", **key)
    assert legs_of(cash) == {("2060", "1020", som("20"))}
    assert cash.transfers[0].counterparty == "cash_desk"
    assert settlements.pay_out(ACCOUNT, desk="cash_desk", **key).replayed
    with pytest.raises(KeyReused):
        settlements.pay_out(ACCOUNT, **key)
    bank = settlements.pay_out(ACCOUNT, amount=som("10"), reason="moved away")
    assert legs_of(bank) == {("2060", "1010", som("10"))}
    with pytest.raises(RuleViolated, match=r"only 0\.00 KGS is owed to the customer"):
        settlements.pay_out(ACCOUNT, amount=som("0.01"), reason="again")


def test_what_a_refund_under_way_will_pay_is_not_paid_out(
    settlements, uow, till, gateways, clock, ids
):
    payments = Payments(uow, till, gateways, clock, ids, lambda _: None)
    paid = payments.take(
        payer=Payer(account_id=ACCOUNT),
        amount=som("30"),
        method=PaymentMethod.CARD,
        gateway="simulator",
    )
    assert payments.refund(paid.id, amount=som("30")).status is RefundStatus.UNKNOWN
    with pytest.raises(RuleViolated, match=r"only 0\.00 KGS"):
        settlements.pay_out(ACCOUNT, amount=som("1"), reason="impatient")


def test_a_wrong_settlement_is_reversed(settlements, accounts):
    entry = settlements.settle("simulator", gross=som("1000"), fee=som("25"))
    accounts.reverse_entry(entry.account_id, entry_id=entry.id, reason="another gateway")
    assert all(line.debit == line.credit for line in accounts.trial_balance())
