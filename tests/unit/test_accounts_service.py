"""Balances, statements, adjustments, promises and transfers, over the memory store."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import attrs
import pytest

from telecom_crm.application.accounts import Accounts
from telecom_crm.application.customers.service import Customers
from telecom_crm.domain.account import BillingAccount
from telecom_crm.domain.approval import FOUR_EYES
from telecom_crm.domain.charging import ChargeKind
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import InvalidValue, KeyReused, NotFound, RuleViolated
from telecom_crm.domain.identifiers import AccountId, ContractId, CustomerId, EntryId, PaymentId
from telecom_crm.domain.ledger import AlreadyReversed, InsufficientFunds, LedgerCode, Posting
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment, PaymentMethod
from telecom_crm.domain.policy import POSTPAID, PREPAID
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.role import ALL_RIGHTS, NO_RIGHTS, PAST_LIMIT, Limit, Rights
from tests.unit.shop import Shop, som

CLERK = Actor("clerk")
CUSTOMER = CustomerId(UUID(int=1 << 96))


@pytest.fixture
def accounts(uow, series, clock, ids):
    with uow() as tx:
        tx.customers.save(
            Customer.register(
                id=CUSTOMER,
                kind=CustomerKind.PERSON,
                name="Ли Канат",
                today=clock().date(),
                by=CLERK,
                at=clock(),
            )
        )
    return Accounts(uow, clock, ids, series)


@pytest.fixture
def shop(uow, series, clock, ids) -> Shop:
    return Shop.opened(uow, series, clock, ids)


@pytest.fixture
def account(accounts):
    return accounts.open(customer_id=CUSTOMER, currency="KGS", by=CLERK)


@pytest.mark.parametrize("command", ["block", "close"])
def test_who_may_not_sign_gets_no_account_and_a_repeat_the_one_before(accounts, command):
    customers = Customers(accounts.uow, accounts.clock, accounts.new_id)
    before = accounts.open(customer_id=CUSTOMER, currency="KGS", idempotency_key="k")
    getattr(customers, command)(CUSTOMER, reason="fraud", by=CLERK)
    with pytest.raises(RuleViolated) as refused:
        accounts.open(customer_id=CUSTOMER, currency="KGS", by=CLERK)
    assert refused.value.rule == "customer_may_contract"
    again = accounts.open(customer_id=CUSTOMER, currency="KGS", idempotency_key="k")
    assert (again.id, again.replayed) == (before.id, True)
    assert len(accounts.of_customer(CUSTOMER)) == 1


def test_an_account_is_opened_for_a_customer_who_is_there(accounts):
    first = accounts.open(customer_id=CUSTOMER, currency="KGS", idempotency_key="k")
    assert (first.number, first.customer_id) == ("B-00000001", CUSTOMER)
    again = accounts.open(customer_id=CUSTOMER, currency="KGS", idempotency_key="k")
    assert (again.id, again.replayed) == (first.id, True)
    assert accounts.of_customer(CUSTOMER) == [first]
    with pytest.raises(NotFound):
        accounts.open(customer_id=CustomerId(UUID(int=2)), currency="KGS")


def test_goodwill_is_credited_and_replayed_by_key(accounts, account):
    first = accounts.credit(account.id, amount=som("30"), reason="sorry", idempotency_key="k")
    again = accounts.credit(account.id, amount=som("30"), reason="sorry", idempotency_key="k")
    assert (again, again.replayed) == (first, True)
    assert accounts.get(account.id).available == som("30")
    with pytest.raises(KeyReused):
        accounts.credit(account.id, amount=som("31"), reason="sorry", idempotency_key="k")


def test_what_is_given_on_an_account_is_together_no_more_than_one_decides_alone(
    accounts, account, clock
):
    rights = attrs.evolve(ALL_RIGHTS, limits={Limit.ADJUSTMENT: Decimal(100)})
    part = {"amount": som("60.00"), "reason": "sorry", "rights": rights}
    first = accounts.credit(account.id, **part, idempotency_key="1")
    for key in (None, "2"):
        with pytest.raises(RuleViolated, match="within 30 days is more") as caught:
            accounts.credit(account.id, **part, idempotency_key=key)
        assert caught.value.rule == FOUR_EYES
    assert accounts.credit(account.id, **part, idempotency_key="1").replayed
    accounts.reverse_entry(account.id, entry_id=first.id, reason="not theirs")
    accounts.credit(account.id, **part)
    accounts.take_over_balance(account.id, amount=som("-150"), reason="owed before")
    owing = part | {"amount": som("90.00")}
    with pytest.raises(RuleViolated, match=r"150\.00 KGS on this account"):
        accounts.write_off(account.id, **owing)
    clock.pass_(days=30, seconds=1)
    accounts.write_off(account.id, **owing)
    nobody = attrs.evolve(NO_RIGHTS, limits=dict.fromkeys(Limit))
    with pytest.raises(RuleViolated, match="more than you decide alone"):
        accounts.credit(account.id, amount=som("0.01"), reason="sorry", rights=nobody)


def test_a_charge_by_hand_is_a_fee_with_tax_and_limited(accounts, account):
    accounts.credit(account.id, amount=som("20"), reason="gift")
    fee = accounts.charge(
        account.id, amount=som("11.20"), kind=ChargeKind.SERVICE, reason="copy of a bill"
    )
    assert {(leg.credit.value, leg.amount) for leg in fee.transfers} == {
        ("4020", som("10.00")),
        ("2030", som("1.20")),
    }
    assert accounts.get(account.id).available == som("8.80")
    with pytest.raises(InsufficientFunds):
        accounts.charge(account.id, amount=som("8.81"), kind=ChargeKind.PENALTY, reason="x")


def test_a_fee_for_a_contract_is_of_one_that_the_account_pays_for(accounts, account, shop):
    contract = shop.active()
    fee = {"amount": som("1"), "kind": ChargeKind.RECURRING, "reason": "2026-07"}
    entry = accounts.charge(contract.account_id, contract_id=contract.id, **fee)
    assert {leg.contract_id for leg in entry.transfers} == {contract.id}
    of_none = accounts.charge(contract.account_id, **fee)
    assert {leg.contract_id for leg in of_none.transfers} == {None}
    accounts.credit(account.id, amount=som("5"), reason="gift")
    with pytest.raises(InvalidValue, match=f"a contract that account {account.id} pays for"):
        accounts.charge(account.id, contract_id=contract.id, **fee)
    with pytest.raises(NotFound):
        accounts.charge(account.id, contract_id=ContractId(UUID(int=7)), **fee)
    assert accounts.get(account.id).available == som("5")


def test_another_kind_of_charge_is_another_request(accounts, account):
    accounts.credit(account.id, amount=som("20"), reason="gift")
    given = {"amount": som("1"), "reason": "x", "idempotency_key": "k"}
    accounts.charge(account.id, kind=ChargeKind.SIM_SWAP, **given)
    with pytest.raises(KeyReused):
        accounts.charge(account.id, kind=ChargeKind.NUMBER_CHANGE, **given)
    accounts.charge(account.id, kind=ChargeKind.SIM_SWAP, **given)
    with pytest.raises(InvalidValue, match="255"):
        accounts.credit(account.id, amount=som("1"), reason="x", idempotency_key="k" * 256)
    for unfit in ("", " ", "k\x00"):
        with pytest.raises(InvalidValue):
            accounts.credit(account.id, amount=som("1"), reason="x", idempotency_key=unfit)


def test_no_account_holds_more_than_an_amount_can_say(accounts, account):
    most = Money(10**16 - 1, "KGS")
    accounts.credit(account.id, amount=most, reason="x")
    with pytest.raises(InvalidValue, match="no account holds"):
        accounts.credit(account.id, amount=som("1"), reason="x")
    assert accounts.get(account.id).available == most


@pytest.mark.parametrize("amount", [Money(0, "KGS"), Money(-1, "KGS"), Money(1, "USD")])
def test_amounts_are_positive_and_in_the_accounts_currency(accounts, account, amount):
    with pytest.raises(InvalidValue):
        accounts.credit(account.id, amount=amount, reason="x")


def test_a_promise_raises_the_limit_until_it_ends(accounts, account, uow, clock):
    _under(PREPAID, uow, account, clock)
    until = clock() + timedelta(days=3)
    promised = accounts.promise(account.id, amount=som("50"), until=until)
    assert promised.available == som("50")
    with pytest.raises(RuleViolated, match="still open"):
        accounts.promise(account.id, amount=som("50"), until=until)
    clock.pass_(days=3)
    assert accounts.get(account.id).available == som("0")
    with pytest.raises(RuleViolated, match="future"):
        accounts.promise(account.id, amount=som("50"), until=until)


def test_a_promise_past_the_limit_of_who_grants_it_is_refused(accounts, account, uow, clock):
    _under(PREPAID, uow, account, clock)
    small, until = Rights(limits={Limit.PROMISE: Decimal(20)}), clock() + timedelta(days=1)
    with pytest.raises(RuleViolated, match="than your role allows") as caught:
        accounts.promise(account.id, amount=som("20.01"), until=until, rights=small)
    assert caught.value.rule == PAST_LIMIT
    granted = accounts.promise(account.id, amount=som("20"), until=until, rights=small)
    assert granted.available == som("20")


def test_a_promise_keeps_within_what_the_policy_grants(accounts, account, uow, clock):
    terms = attrs.evolve(PREPAID, promise_limit=som("100"), promise_days=2)
    most = {"amount": som("100"), "until": clock() + timedelta(days=2)}
    with pytest.raises(RuleViolated, match="no billing policy yet"):
        accounts.promise(account.id, **most)
    _under(attrs.evolve(terms, promise_limit=None), uow, account, clock)
    with pytest.raises(RuleViolated, match="prepaid grants no promised payments"):
        accounts.promise(account.id, **most)
    _under(terms, uow, account, clock)
    with pytest.raises(RuleViolated) as refused:
        accounts.promise(
            account.id, amount=som("100.01"), until=most["until"] + timedelta(seconds=1)
        )
    assert refused.value.reasons == (
        "policy prepaid grants at most 100.00 KGS",
        f"policy prepaid grants at most 2 days, until {most['until']:%Y-%m-%d %H:%M} UTC",
    )
    assert accounts.promise(account.id, **most).available == som("100")


def test_a_transfer_is_two_entries_through_transit(accounts, account):
    other = accounts.open(customer_id=CUSTOMER, currency="KGS")
    accounts.credit(account.id, amount=som("100"), reason="gift")
    sent = accounts.transfer(account.id, to=other.id, amount=som("60"), idempotency_key="t")
    assert (
        accounts.transfer(account.id, to=other.id, amount=som("60"), idempotency_key="t").id
        == sent.id
    )
    assert accounts.get(account.id).available == som("40")
    assert accounts.get(other.id).available == som("60")
    with pytest.raises(KeyReused):
        accounts.transfer(account.id, to=other.id, amount=som("61"), idempotency_key="t")
    with pytest.raises(InsufficientFunds):
        accounts.transfer(account.id, to=other.id, amount=som("40.01"))
    with pytest.raises(RuleViolated):
        accounts.transfer(account.id, to=account.id, amount=som("1"))
    with pytest.raises(NotFound):
        accounts.transfer(account.id, to=AccountId(UUID(int=2)), amount=som("1"))
    transit = [line for line in accounts.trial_balance() if line.code.value == "2070"]
    assert [(line.debit, line.credit) for line in transit] == [(som("60"), som("60"))]


def test_credit_is_never_transferred(accounts, account, uow, clock):
    other = accounts.open(customer_id=CUSTOMER, currency="KGS")
    _under(POSTPAID, uow, account, clock)
    accounts.promise(account.id, amount=som("500"), until=clock() + timedelta(days=1))
    accounts.credit(account.id, amount=som("30"), reason="gift")
    accounts.charge(account.id, amount=som("10"), kind=ChargeKind.SERVICE, reason="visit")
    assert accounts.get(account.id).available == som("2520")
    with pytest.raises(InsufficientFunds, match=r"20\.00 KGS of the subscriber's own money"):
        accounts.transfer(account.id, to=other.id, amount=som("20.01"))
    accounts.transfer(account.id, to=other.id, amount=som("20"))
    accounts.charge(account.id, amount=som("40"), kind=ChargeKind.SERVICE, reason="visit")
    with pytest.raises(InsufficientFunds, match=r"0\.00 KGS of the subscriber's own money"):
        accounts.transfer(account.id, to=other.id, amount=som("0.01"))


def test_a_statement_opens_runs_and_closes(accounts, account, clock):
    start = clock()
    accounts.credit(account.id, amount=som("5"), reason="before")
    clock.pass_(days=1)
    accounts.credit(account.id, amount=som("10"), reason="a")
    accounts.charge(account.id, amount=som("4"), kind=ChargeKind.PENALTY, reason="b")
    statement = accounts.statement(
        account.id, start=start + timedelta(hours=1), end=start + timedelta(days=2)
    )
    assert statement.opening == som("5")
    assert [(line.amount, line.balance) for line in statement.lines] == [
        (som("10"), som("15")),
        (som("-4"), som("11")),
    ]
    assert statement.closing == som("11")
    with pytest.raises(InvalidValue):
        accounts.statement(account.id, start=start, end=start)


def test_books_tell_what_the_journal_comes_to_whatever_is_looked_at(accounts, account, clock):
    accounts.credit(account.id, amount=som("5"), reason="before")
    clock.pass_(days=2)
    accounts.credit(account.id, amount=som("10"), reason="after")
    day = timedelta(days=1)
    for start in (clock() - 3 * day, clock() - day, clock(), clock() + day):
        books = accounts.books(account.id, start=start, end=start + day)
        assert books.agree
        assert books.journalled == som("15")
        assert books.state == accounts.get(account.id)
        assert books.statement == accounts.statement(account.id, start=start, end=start + day)
    with pytest.raises(InvalidValue):
        accounts.books(account.id, start=clock(), end=clock())
    with pytest.raises(NotFound):
        accounts.books(AccountId(UUID(int=2)), start=clock(), end=clock() + day)


def test_a_balance_is_taken_over_and_written_off(accounts, account):
    accounts.take_over_balance(account.id, amount=som("-25"), idempotency_key="m")
    assert accounts.get(account.id).balance.balance == som("-25")
    with pytest.raises(RuleViolated, match=r"only 25\.00 KGS is owed"):
        accounts.write_off(account.id, amount=som("25.01"), reason="gone")
    accounts.write_off(account.id, amount=som("25"), reason="gone")
    assert accounts.get(account.id).balance.balance == som("0")


def test_a_written_off_debt_is_recovered_once(accounts, account):
    accounts.take_over_balance(account.id, amount=som("-25"))
    accounts.write_off(account.id, amount=som("25"), reason="gone")
    key = {"reason": "found", "idempotency_key": "r"}
    first = accounts.recover(account.id, amount=som("20"), **key)
    again = accounts.recover(account.id, amount=som("20"), **key)
    assert (again, again.replayed) == (first, True)
    assert _legs(first) == {("2010", "5020", som("20"))}
    assert accounts.written_off(account.id) == som("5")
    assert accounts.get(account.id).balance.balance == som("-20"), "the payment brings it to zero"
    with pytest.raises(RuleViolated, match=r"only 5\.00 KGS is written off"):
        accounts.recover(account.id, amount=som("5.01"), reason="found")
    assert {line.code.value: line.debit for line in accounts.trial_balance(account.id)}[
        "5020"
    ] == som("25")
    with pytest.raises(NotFound):
        accounts.trial_balance(AccountId(UUID(int=5)))


def test_a_write_off_that_was_recovered_is_not_reversed_as_well(accounts, account):
    accounts.take_over_balance(account.id, amount=som("-25"))
    lost = accounts.write_off(account.id, amount=som("25"), reason="gone")
    accounts.recover(account.id, amount=som("1"), reason="found")
    with pytest.raises(RuleViolated, match="recovered"):
        accounts.reverse_entry(account.id, entry_id=lost.id, reason="typo")


def test_a_postpaid_debt_is_written_off_and_recovered_on_its_bills(accounts, account, uow, clock):
    _under(POSTPAID, uow, account, clock)
    accounts.take_over_balance(account.id, amount=som("-25"))
    lost = accounts.write_off(account.id, amount=som("25"), reason="gone")
    assert _legs(lost) == {("5020", "1100", som("25"))}
    found = accounts.recover(account.id, amount=som("25"), reason="found")
    assert _legs(found) == {("1100", "5020", som("25"))}


def test_only_what_disputes_took_is_a_chargeback_loss(accounts, account, uow, clock, ids):
    accounts.take_over_balance(account.id, amount=som("-25"))
    give_up = accounts.write_off_chargeback
    with pytest.raises(RuleViolated, match=r"only 0\.00 KGS was lost in disputes"):
        give_up(account.id, amount=som("1"), reason="gone")
    _lost_dispute(uow, account, som("10"), clock, ids)
    entry = give_up(account.id, amount=som("10"), reason="gone", idempotency_key="k")
    assert _legs(entry) == {("5030", "2010", som("10"))}
    assert give_up(account.id, amount=som("10"), reason="gone", idempotency_key="k").replayed
    with pytest.raises(RuleViolated, match="not given up yet"):
        give_up(account.id, amount=som("0.01"), reason="gone")
    with pytest.raises(RuleViolated, match="is owed"):
        give_up(account.id, amount=som("25.01"), reason="gone")


def test_a_balance_is_taken_over_once_whatever_the_key(accounts, account):
    debt = {"amount": som("-25"), "reason": "old system"}
    first = accounts.take_over_balance(account.id, **debt, idempotency_key="B-1")
    with pytest.raises(RuleViolated, match=r"25\.00 KGS was taken over already"):
        accounts.take_over_balance(account.id, **debt, idempotency_key="B-1-again")
    assert accounts.get(account.id).balance.balance == som("-25")
    assert accounts.take_over_balance(account.id, **debt, idempotency_key="B-1").replayed
    accounts.reverse_entry(account.id, entry_id=first.id, reason="mistyped")
    accounts.take_over_balance(account.id, amount=som("-2.50"))
    assert accounts.get(account.id).balance.balance == som("-2.50")


def test_the_operators_own_accounts_are_no_subscribers(accounts, account, uow, clock):
    house = BillingAccount.open_house("cash_desk", currency="KGS", by=CLERK, at=clock())
    with uow() as tx:
        tx.accounts.save(house)
    assert (house.place, account.place) == ("cash_desk", "")
    accounts.credit(account.id, amount=som("5"), reason="gift")
    for command in (
        lambda: accounts.credit(house.id, amount=som("1"), reason="gift"),
        lambda: accounts.charge(house.id, amount=som("1"), kind=ChargeKind.SERVICE, reason="x"),
        lambda: accounts.transfer(account.id, to=house.id, amount=som("1")),
        lambda: accounts.promise(house.id, amount=som("1"), until=clock() + timedelta(days=1)),
    ):
        with pytest.raises(RuleViolated, match="operator's own"):
            command()


def _legs(entry):
    return {(leg.debit.value, leg.credit.value, leg.amount) for leg in entry.transfers}


def _under(policy, uow, account, clock):
    with uow() as tx:
        known = tx.accounts.get(account.id)
        tx.accounts.save(known.choose_policy(policy, by=CLERK, at=clock()))


def _paid(tx, account, amount, clock, ids):
    asked = Payment.initiate(
        id=PaymentId(ids()),
        account_id=account.id,
        contract_id=None,
        amount=amount,
        method=PaymentMethod.CARD,
        gateway="simulator",
        by=CLERK,
        at=clock(),
    )
    paid, entry = asked.confirm(
        state=tx.ledger.states([account.id], at=clock())[account.id],
        entry_id=EntryId(ids()),
        reference="r",
        took=amount,
        into=LedgerCode.GATEWAY_CLEARING,
        by=CLERK,
        at=clock(),
    )
    assert entry is not None
    tx.ledger.post([Posting.of(entry)], at=clock())
    return tx.payments.save(paid)


def _lost_dispute(uow, account, amount, clock, ids):
    said = {"by": CLERK, "at": clock()}
    with uow() as tx:
        paid = _paid(tx, account, amount, clock, ids)
        disputed, opened = paid.dispute(entry_id=EntryId(ids()), **said)
        state = tx.ledger.states([account.id], at=clock())[account.id]
        lost, gone = disputed.lose(
            opened=opened.entry, state=state, entry_id=EntryId(ids()), **said
        )
        tx.ledger.post([opened, gone], at=clock())
        tx.payments.save(lost)


def test_an_adjustment_is_reversed_once(accounts, account):
    entry = accounts.credit(account.id, amount=som("9"), reason="oops")
    accounts.reverse_entry(account.id, entry_id=entry.id, reason="typo")
    assert accounts.get(account.id).available == som("0")
    with pytest.raises(AlreadyReversed):
        accounts.reverse_entry(account.id, entry_id=entry.id, reason="again")


def test_entries_come_in_pages(accounts, account):
    made = [accounts.credit(account.id, amount=som("1"), reason=str(n)) for n in range(5)]
    page = accounts.entries(account.id, limit=2)
    assert list(page.items) == made[:2]
    rest = accounts.entries(account.id, limit=10, cursor=page.next)
    assert (list(rest.items), rest.next) == (made[2:], None)
    assert list(accounts.each_entry(account.id)) == made


def test_the_accounts_of_some_customers_are_told_by_customer(accounts, account, uow, clock):
    others = [CustomerId(UUID(int=place << 96)) for place in (2, 3)]
    with uow() as tx:
        for other in others:
            tx.customers.save(
                Customer.register(id=other, name="Ли", today=clock().date(), by=CLERK, at=clock())
            )
    for owner in (others[1], CUSTOMER):
        accounts.open(customer_id=owner, currency="KGS")
    found = accounts.states_of([CUSTOMER, *others])
    assert [len(found[one]) for one in (CUSTOMER, *others)] == [2, 0, 1]
    assert found[CUSTOMER][0] == accounts.get(account.id)
