"""Another payer: one contract closed and another signed, with the same SIM and number."""

import attrs
import pytest

from telecom_crm.domain.charging import ChargeKind
from telecom_crm.domain.contract import CloseReason, Contract, ContractStatus
from telecom_crm.domain.errors import (
    IllegalTransition,
    InvalidValue,
    KeyReused,
    RuleViolated,
    StaleVersion,
)
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.identifiers import CustomerId
from telecom_crm.domain.ledger import LedgerCode
from telecom_crm.domain.number import NumberStatus
from telecom_crm.domain.sim import SimNotAvailable, SimStatus
from tests.unit.shop import OPERATOR, PDF, Shop, iccid, msisdn, person, som


@pytest.fixture
def shop(uow, series, clock, ids) -> Shop:
    return Shop.opened(uow, series, clock, ids)


def changed(shop: Shop, old: Contract, **more) -> Contract:
    given = {"new_customer": person(2), "idempotency_key": "pay", "by": OPERATOR, **more}
    return shop.contracts.change_payer(old.id, **given)


def test_another_payer_gets_a_contract_of_their_own_and_the_old_account_is_settled(shop) -> None:
    old = shop.active()
    left = shop.state(old).available
    new = changed(shop, old)
    before = shop.contracts.get(old.id)
    assert (before.status, new.status) == (ContractStatus.CLOSED, ContractStatus.ACCEPTED)
    assert (new.iccid, new.msisdn, new.tariff_code) == (old.iccid, old.msisdn, old.tariff_code)
    assert new.customer_id != old.customer_id
    assert new.account_id != old.account_id
    assert shop.state(old).available == som("0.00")
    owed = shop.entries(old)[-1].transfers[-1]
    assert (owed.credit, owed.amount) == (LedgerCode.REFUNDS_PAYABLE, left)
    (closed,) = (one for one in shop.contracts.timeline(old.id) if one.name == "ContractClosed")
    assert closed.reason == CloseReason.NEW_PAYER
    assert closed.payload["successor"] == str(new.id)
    sim, number = shop.inventory.sim(iccid(1)), shop.inventory.number(msisdn(1))
    assert (sim.status, sim.contract_id) == (SimStatus.BOUND, new.id)
    assert (number.status, number.contract_id) == (NumberStatus.ASSIGNED, new.id)


def test_the_network_serves_the_sim_again_once_somebody_pays(shop) -> None:
    new = changed(shop, shop.active())
    shop.provisioning.work(network=shop.network)
    assert iccid(1) not in shop.network.known
    shop.pay(new.account_id, "1000.00")
    shop.contracts.add_document(new.id, name="signed.pdf", content=[PDF])
    shop.contracts.request_activation(new.id)
    shop.provisioning.work(network=shop.network)
    assert shop.contracts.get(new.id).status is ContractStatus.ACTIVE
    assert shop.network.known[iccid(1)].msisdn == msisdn(1)
    assert shop.inventory.sim(iccid(1)).status is SimStatus.ACTIVE


def test_a_contract_may_go_on_at_once_on_a_bill_payers_account(shop) -> None:
    old = shop.active()
    on_bill = attrs.evolve(shop.rules.policy("postpaid"), required_for_activation=())
    shop.rules.put_policies([shop.rules.policy("prepaid"), on_bill])
    new = changed(shop, old, policy="postpaid", tariff="BUSINESS", activate=True)
    assert new.status is ContractStatus.ACTIVATING
    while shop.provisioning.work(network=shop.network).total:
        pass
    assert shop.contracts.get(new.id).status is ContractStatus.ACTIVE
    assert shop.network.known[iccid(1)].msisdn == msisdn(1)


def test_a_number_that_stays_with_its_subscriber_is_not_sold_again(shop) -> None:
    shop.price(1, "500.00")
    old = shop.active()
    new = changed(shop, old)
    assert (old.follows, new.follows) == (None, old.id)
    shop.pay(new.account_id, "1000.00")
    shop.contracts.add_document(new.id, name="signed.pdf", content=[PDF])
    asked = shop.contracts.request_activation(new.id)
    kinds = [fee.kind for fee in asked.first_fees]
    assert kinds == [ChargeKind.ACTIVATION, ChargeKind.RECURRING]
    while shop.provisioning.work(network=shop.network).total:
        pass
    for contract, sold in ((old, True), (new, False)):
        charged = [leg.charge_kind for entry in shop.entries(contract) for leg in entry.transfers]
        assert ChargeKind.ACTIVATION in charged
        assert (ChargeKind.NUMBER_PRICE in charged) is sold


def test_a_plain_close_is_not_for_another_payer(shop) -> None:
    old = shop.active()
    with pytest.raises(InvalidValue, match="change-payer"):
        shop.contracts.close(old.id, reason=CloseReason.NEW_PAYER)
    assert shop.contracts.get(old.id) == old


def test_a_repeat_is_the_same_contract_and_another_payer_under_the_key_is_refused(shop) -> None:
    old = shop.active()
    new = changed(shop, old)
    again = changed(shop, old)
    assert (again.id, again.replayed) == (new.id, True)
    with pytest.raises(KeyReused):
        changed(shop, old, new_customer=person(3))
    with pytest.raises(IllegalTransition):
        changed(shop, old, idempotency_key="another")
    assert len(list(shop.contracts.each())) == 2


def test_who_pays_already_who_is_suspended_and_what_was_not_seen_are_refused(shop) -> None:
    old = shop.active()
    with pytest.raises(StaleVersion):
        changed(shop, old, expected_version=old.version + 1)
    mine: dict[str, CustomerId | None] = {"new_customer": None, "customer_id": old.customer_id}
    shop.contracts.suspend(old.id, hold=HoldKind.FRAUD)
    with pytest.raises(RuleViolated) as refused:
        changed(shop, old, **mine, account_id=old.account_id)
    assert [why.split()[0] for why in refused.value.reasons] == ["contract", "account"]
    shop.contracts.resume(old.id, hold=HoldKind.FRAUD)
    with pytest.raises(RuleViolated, match="the network's task"):
        changed(shop, old, **mine)
    while shop.provisioning.work(network=shop.network).total:
        pass
    own = changed(shop, old, **mine)
    assert (own.customer_id, own.account_id != old.account_id) == (old.customer_id, True)
    assert shop.contracts.get(old.id).status is ContractStatus.CLOSED


def test_nothing_changes_where_the_new_contract_cannot_be(shop) -> None:
    old = shop.active()
    accounts = len(list(shop.contracts.each()))
    with pytest.raises(RuleViolated, match="the first fees are"):
        changed(shop, old, activate=True)
    assert shop.contracts.get(old.id) == old
    assert shop.inventory.sim(iccid(1)).contract_id == old.id
    assert len(list(shop.contracts.each())) == accounts


def test_a_card_that_was_in_use_is_nobodys_once_the_new_contract_is_given_up(shop) -> None:
    new = changed(shop, shop.active())
    shop.provisioning.work(network=shop.network)
    shop.contracts.cancel(new.id)
    assert shop.inventory.sim(iccid(1)).status is SimStatus.RETIRED
    assert shop.inventory.number(msisdn(1)).status is NumberStatus.QUARANTINED
    with pytest.raises(SimNotAvailable):
        shop.sign(3, iccid=iccid(1), msisdn=msisdn(3))
