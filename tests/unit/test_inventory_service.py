from datetime import timedelta

import pytest

from telecom_crm.application.customers.service import Customers
from telecom_crm.application.inventory.receiving import AlreadyInPool, NumberData, Receipt, SimData
from telecom_crm.application.inventory.service import Inventory
from telecom_crm.application.ports import Query
from telecom_crm.domain.contract import CloseReason
from telecom_crm.domain.errors import InvalidValue, RuleViolated, StaleVersion
from telecom_crm.domain.number import NumberInUse, NumberStatus
from telecom_crm.domain.sim import RetireReason, SimInUse, SimNotAvailable, SimStatus
from tests.unit.shop import OPERATOR, Shop, iccid, msisdn, som


@pytest.fixture
def shop(uow, series, clock, ids) -> Shop:
    return Shop.opened(uow, series, clock, ids)


@pytest.fixture
def inventory(shop: Shop) -> Inventory:
    return shop.inventory


def test_receiving_again_changes_nothing_and_a_correction_is_told(inventory) -> None:
    card = SimData(iccid=iccid(50), batch="A")
    assert inventory.receive_sims([card, card]).outcomes == {iccid(50).digits: Receipt.CREATED}
    assert inventory.receive_sims([card]).count(Receipt.UNCHANGED) == 1
    version = inventory.sim(iccid(50)).version
    moved = SimData(iccid=iccid(50), batch="B")
    assert inventory.receive_sims([moved]).count(Receipt.UPDATED) == 1
    assert inventory.sim(iccid(50)).version == version + 1
    gold = NumberData(msisdn=msisdn(1), category="gold", price=som("500.00"))
    assert inventory.receive_numbers([gold]).count(Receipt.UPDATED) == 1
    assert inventory.number(msisdn(1)).price == som("500.00")


def test_what_is_to_be_new_is_all_new_or_nothing_is_taken_in(inventory) -> None:
    inventory.receive_sims([SimData(iccid=iccid(51), pin1="1234")])
    cards = [SimData(iccid=iccid(n)) for n in (50, 51, 52)]
    with pytest.raises(AlreadyInPool, match=iccid(51).digits):
        inventory.receive_sims(cards, only_new=True)
    assert [one.iccid for one in inventory.known_sims(data.iccid for data in cards)] == [iccid(51)]
    assert inventory.sim(iccid(51)).pin1 == "1234"
    taken = inventory.receive_sims([cards[0], cards[2]], only_new=True)
    assert taken.count(Receipt.CREATED) == 2


def test_a_number_is_put_in_another_class(inventory) -> None:
    number = inventory.number(msisdn(1))
    gold = inventory.reclassify(
        msisdn(1), category="gold", price=som("500.00"), expected_version=number.version
    )
    assert (gold.category, gold.price) == ("gold", som("500.00"))
    with pytest.raises(StaleVersion):
        inventory.reclassify(
            msisdn(1), category="silver", price=None, expected_version=number.version
        )


def test_secrets_are_shown_and_the_look_is_written_down(inventory, uow) -> None:
    inventory.receive_sims([SimData(iccid=iccid(50), pin1="1234", puk1="12345678")])
    assert inventory.secrets(iccid(50), by=OPERATOR).puk1 == "12345678"
    with uow(read_only=True) as tx:
        (line,) = tx.audit.page(Query(where={"action": "sim.secrets"})).items
    assert (line.thing_id, line.by) == (iccid(50).digits, OPERATOR)
    assert all("1234" not in str(event.payload) for event in inventory.sim_history(iccid(50)))


def test_a_reservation_keeps_others_away_and_lapses(inventory, clock, shop) -> None:
    sim = inventory.reserve_sim(iccid(1))
    inventory.reserve_number(msisdn(1), for_=sim.reserved_for)
    with pytest.raises(SimNotAvailable):
        shop.sign(1)
    assert inventory.expire_reservations() == 0
    clock.pass_(hours=1)
    assert inventory.expire_reservations() == 2
    assert inventory.sim(iccid(1)).status is SimStatus.AVAILABLE
    with pytest.raises(InvalidValue, match="until"):
        inventory.reserve_sim(iccid(1), until=clock() - timedelta(seconds=1))


def test_who_brings_the_reservation_gets_both(inventory, shop) -> None:
    name = inventory.reserve_sim(iccid(1)).reserved_for
    inventory.reserve_number(msisdn(1), for_=name)
    contract = shop.sign(1, reservation=name)
    assert inventory.sim(iccid(1)).contract_id == contract.id
    assert inventory.number(msisdn(1)).contract_id == contract.id


def test_nobody_reserves_under_the_name_of_a_draft(inventory) -> None:
    with pytest.raises(InvalidValue, match="reserved_for"):
        inventory.reserve_sim(iccid(1), for_="contract:7")
    with pytest.raises(InvalidValue, match="reserved_for"):
        inventory.reserve_number(msisdn(1), for_="contract:7")


def test_no_contract_goes_on_with_what_anothers_draft_keeps(shop) -> None:
    draft = shop.sign(2, accept=False)
    name = f"contract:{draft.id}"
    active = shop.active(1)
    for command in (
        lambda: shop.contracts.swap_sim(active.id, iccid=iccid(2), reservation=name),
        lambda: shop.contracts.change_number(active.id, msisdn=msisdn(2), reservation=name),
    ):
        with pytest.raises(InvalidValue, match=r"reservation: .*which drafts have"):
            command()


def test_a_stale_version_is_refused(inventory) -> None:
    seen = inventory.sim(iccid(1)).version
    inventory.reserve_sim(iccid(1), expected_version=seen)
    with pytest.raises(StaleVersion):
        inventory.cancel_sim_reservation(iccid(1), expected_version=seen)
    inventory.cancel_sim_reservation(iccid(1))
    assert inventory.reserve_number(msisdn(1)).status is NumberStatus.RESERVED
    assert inventory.cancel_number_reservation(msisdn(1)).status is NumberStatus.AVAILABLE


def test_what_a_live_contract_holds_is_not_taken_away(inventory, shop) -> None:
    contract = shop.sign(1)
    with pytest.raises(SimInUse, match=str(contract.id)):
        inventory.retire(iccid(1), reason=RetireReason.DEFECTIVE)
    with pytest.raises(NumberInUse, match=str(contract.id)):
        inventory.release(msisdn(1))
    with pytest.raises(NumberInUse):
        inventory.port_out(msisdn(1))
    assert inventory.retire(iccid(2), reason=RetireReason.LOST).status is SimStatus.RETIRED
    assert inventory.withdraw(msisdn(2)).status is NumberStatus.WITHDRAWN


def test_a_number_rests_and_is_recycled(inventory, shop, clock) -> None:
    contract = shop.active(1)
    shop.contracts.close(contract.id, reason=CloseReason.OTHER)
    assert inventory.number(msisdn(1)).status is NumberStatus.QUARANTINED
    with pytest.raises(RuleViolated):
        inventory.recycle(msisdn(1))
    clock.pass_(days=90)
    assert inventory.recycle_due() == 1
    assert inventory.number(msisdn(1)).status is NumberStatus.AVAILABLE
    assert inventory.recycle_due() == 0


def test_a_number_goes_to_another_operator_and_comes_back_to_rest(inventory, shop) -> None:
    contract = shop.active(1)
    shop.contracts.close(contract.id, reason=CloseReason.PORT_OUT)
    assert inventory.number(msisdn(1)).status is NumberStatus.PORTED_OUT
    assert inventory.return_from_port(msisdn(1)).status is NumberStatus.QUARANTINED


def test_a_ported_number_serves_its_contract_and_goes_home(inventory, shop) -> None:
    contract = shop.active(1)
    inventory.port_in(msisdn(77), contract_id=contract.id)
    with pytest.raises(RuleViolated):
        inventory.port_in(msisdn(2), contract_id=contract.id)
    shop.contracts.change_number(contract.id, msisdn=msisdn(77))
    assert shop.contracts.get(contract.id).msisdn == msisdn(77)
    shop.contracts.close(contract.id, reason=CloseReason.OTHER)
    assert inventory.number(msisdn(77)).status is NumberStatus.RETURNED


def test_a_resting_number_is_restored_to_its_customer_only(inventory, shop) -> None:
    first = shop.active(1)
    shop.contracts.close(first.id, reason=CloseReason.OTHER)
    stranger = shop.active(2)
    with pytest.raises(RuleViolated):
        inventory.restore(msisdn(1), contract_id=stranger.id)
    mine = shop.sign(1, iccid=iccid(3), msisdn=msisdn(3))
    assert inventory.restore(msisdn(1), contract_id=mine.id).contract_id == mine.id
    assert len(inventory.number_history(msisdn(1))) == inventory.number(msisdn(1)).version


def test_a_number_rests_for_whoever_its_customer_was_merged_into(inventory, shop) -> None:
    first, other = shop.active(1), shop.active(2)
    shop.contracts.close(first.id, reason=CloseReason.OTHER)
    customers = Customers(shop.uow, shop.clock, shop.new_id)
    customers.merge(first.customer_id, survivor_id=other.customer_id)
    assert inventory.restore(msisdn(1), contract_id=other.id).contract_id == other.id


def test_lists_are_filtered(inventory, shop) -> None:
    shop.sign(1)
    assert [sim.iccid for sim in inventory.each_sim(status="bound")] == [iccid(1)]
    assert len(inventory.numbers(Query(where={"status": "available"})).items) == 8
    assert len(inventory.sims(Query(limit=3)).items) == 3
    assert [n.msisdn for n in inventory.each_number(status="assigned")] == [msisdn(1)]
