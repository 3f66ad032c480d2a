"""What is said and done when somebody who pays first has little left, or less than nothing."""

from datetime import timedelta

import pytest

from telecom_crm.application.accounts import Accounts
from telecom_crm.application.notifications import Notifications
from telecom_crm.application.spending import post_spent
from telecom_crm.domain.charging import ChargeKind
from telecom_crm.domain.contract import Contract, ContractStatus
from telecom_crm.domain.errors import RuleViolated
from telecom_crm.domain.hold import Bar, HoldKind
from telecom_crm.domain.identifiers import EntryId
from telecom_crm.domain.ledger import JournalEntry, Posting, PostingKind
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.posting import dispute_lost
from tests.unit.shop import OPERATOR, Shop, iccid, msisdn, som


@pytest.fixture
def shop(uow, series, clock, ids) -> Shop:
    return Shop.opened(uow, series, clock, ids)


@pytest.fixture
def accounts(uow, series, clock, ids) -> Accounts:
    return Accounts(uow, clock, ids, series)


def left_with(shop: Shop, amount: str, n: int = 1) -> Contract:
    """A prepaid contract in service whose account has an amount left."""
    contract = shop.active(n)
    shop.pay_back(contract.account_id, (shop.state(contract).available - som(amount)).amount)
    return contract


def charge(accounts: Accounts, contract: Contract, amount: str) -> None:
    accounts.charge(
        contract.account_id,
        amount=som(amount),
        kind=ChargeKind.SERVICE,
        reason="visit",
        by=OPERATOR,
    )


def take(shop: Shop, contract: Contract, amount: str) -> None:
    """Take past what there is, as a lost dispute does."""
    entry = JournalEntry(
        id=EntryId(shop.new_id()),
        account_id=contract.account_id,
        kind=PostingKind.DISPUTE_LOST,
        transfers=dispute_lost(som(amount), postpaid=False),
        booked_at=shop.clock(),
        caused_by="payment:test",
    )
    with shop.uow() as tx:
        at = shop.clock()
        state = tx.ledger.states([contract.account_id], at=at)[contract.account_id]
        post_spent(tx, state, [Posting.of(entry)], by=OPERATOR, at=at)


def told(shop: Shop, contract: Contract) -> list[Event]:
    with shop.uow(read_only=True) as tx:
        events = tx.events.of("account", str(contract.account_id))
    return [event for event in events if event.command == "spend"]


def test_a_low_balance_is_told_once_each_time_it_falls_below_the_line(shop, accounts, ids) -> None:
    contract = left_with(shop, "30.00")
    charge(accounts, contract, "10.00")
    assert told(shop, contract) == []
    charge(accounts, contract, "5.00")
    charge(accounts, contract, "5.00")
    (low,) = told(shop, contract)
    assert (low.name, low.by) == ("LowBalance", OPERATOR)
    assert low.payload == {"available": "15.00", "currency": "KGS", "below": "20.00"}
    shop.pay(contract.account_id, "100.00")
    charge(accounts, contract, "100.00")
    assert [event.name for event in told(shop, contract)] == ["LowBalance"] * 2
    messages = Notifications(shop.uow, shop.clock, ids)
    while messages.queue_new():
        pass
    facts = [one.facts for one in messages.each() if one.event == "LowBalance"]
    assert facts == [{"account": "B-00000001", "balance": "10,00", "currency": "сом"}] * 2


def test_what_is_below_zero_suspends_every_contract_of_the_account_until_it_is_paid(
    shop, accounts
) -> None:
    contract = left_with(shop, "10.00")
    other = shop.sign(
        2, new_customer=None, customer_id=contract.customer_id, account_id=contract.account_id
    )
    take(shop, contract, "10.01")
    assert [event.name for event in told(shop, contract)] == ["AccountOverdrawn"]
    assert shop.contracts.suspend_all_overdrawn(by=OPERATOR) == 1
    assert shop.contracts.suspend_all_overdrawn() == 0
    suspended = shop.contracts.get(contract.id)
    assert [hold.kind for hold in suspended.holds] == [HoldKind.LOW_BALANCE]
    assert shop.contracts.get(other.id).status is ContractStatus.ACCEPTED
    assert shop.state(contract).account.money_holds == 1
    shop.provisioning.work(network=shop.network)
    assert shop.network.known[iccid(1)].bars == {Bar.OUTGOING, Bar.DATA}
    shop.pay(contract.account_id, "0.01")
    assert shop.contracts.lift_all_money_holds() == 1
    assert shop.contracts.get(contract.id).status is ContractStatus.ACTIVE


def test_one_hold_by_hand_is_enough_and_one_lifted_by_hand_stays_lifted(shop, accounts) -> None:
    contract = left_with(shop, "0.00")
    shop.contracts.suspend(contract.id, hold=HoldKind.LOW_BALANCE)
    take(shop, contract, "1.00")
    assert shop.contracts.suspend_overdrawn(contract.account_id) == ()
    shop.contracts.resume(contract.id, hold=HoldKind.LOW_BALANCE)
    take(shop, contract, "1.00")
    assert shop.contracts.suspend_all_overdrawn() == 0
    assert shop.contracts.get(contract.id).status is ContractStatus.ACTIVE


def test_money_that_comes_first_leaves_the_contracts_alone(shop, accounts) -> None:
    contract = left_with(shop, "0.00")
    take(shop, contract, "1.00")
    shop.pay(contract.account_id, "1.00")
    assert shop.contracts.suspend_all_overdrawn() == 0
    assert not shop.state(contract).account.overdrawn
    assert shop.contracts.get(contract.id).status is ContractStatus.ACTIVE


def test_a_promised_payment_that_never_came_ends_in_a_suspension(shop, accounts, clock) -> None:
    contract = left_with(shop, "10.00")
    until = clock() + timedelta(days=3)
    accounts.promise(contract.account_id, amount=som("50.00"), until=until)
    charge(accounts, contract, "35.00")
    assert told(shop, contract) == []
    assert accounts.end_promises() == 0
    clock.pass_(days=3)
    assert accounts.end_promises(by=OPERATOR) == 1
    assert accounts.end_promises() == 0
    assert [event.name for event in told(shop, contract)] == ["LowBalance", "AccountOverdrawn"]
    state = shop.state(contract)
    assert (state.account.promise, state.available) == (None, som("-25.00"))
    with pytest.raises(RuleViolated, match="no promise"):
        state.account.end_promise(by=OPERATOR, at=clock())
    assert shop.contracts.suspend_all_overdrawn() == 1


def test_who_pays_later_or_has_no_service_yet_is_not_told(shop, accounts) -> None:
    later = shop.active(1, money="0.00", tariff="BUSINESS")
    charge(accounts, later, "15.00")
    new = shop.sign(2)
    shop.pay(new.account_id, "25.00")
    charge(accounts, new, "15.00")
    take(shop, new, "50.00")
    assert told(shop, later) == told(shop, new) == []


def test_whatever_takes_money_tells_of_it(shop, accounts) -> None:
    source, target = left_with(shop, "25.00"), left_with(shop, "25.00", n=2)
    accounts.transfer(source.account_id, to=target.account_id, amount=som("15.00"))
    assert [event.name for event in told(shop, source)] == ["LowBalance"]
    shop.pay(source.account_id, "5.00")
    given = accounts.credit(source.account_id, amount=som("30.00"), reason="sorry")
    shop.pay_back(source.account_id, "25.00")
    accounts.reverse_entry(source.account_id, entry_id=given.id, reason="mistake")
    names = [event.name for event in told(shop, source)]
    assert names == ["LowBalance", "LowBalance", "AccountOverdrawn"]
    shop.price(3, "25.00")
    shop.contracts.change_number(target.id, msisdn=msisdn(3))
    shop.pay(target.account_id, "300.00")
    shop.catalog.replace_rules([])
    shop.contracts.amend(target.id, options=["STATIC-IP"])
    assert [event.name for event in told(shop, target)] == ["LowBalance"] * 2
