import pytest

from telecom_crm.adapters.network.simulator import NetworkStep, Trouble
from telecom_crm.application.ports import Query
from telecom_crm.application.provisioning import Worked
from telecom_crm.domain.contract import CloseReason, Contract, ContractStatus
from telecom_crm.domain.errors import IllegalTransition, RuleViolated, StaleVersion
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.ledger import PostingKind
from telecom_crm.domain.provisioning import ProvisioningKind, ProvisioningStatus, ProvisioningTask
from telecom_crm.domain.sim import SimStatus
from tests.unit.shop import OPERATOR, PDF, Shop, iccid


@pytest.fixture
def shop(uow, series, clock, ids) -> Shop:
    return Shop.opened(uow, series, clock, ids)


def asked(shop: Shop) -> Contract:
    contract = shop.sign(1)
    shop.pay(contract.account_id, "1000.00")
    shop.contracts.add_document(contract.id, name="signed.pdf", content=[PDF])
    return shop.contracts.request_activation(contract.id)


def only_task(shop: Shop, contract: Contract) -> ProvisioningTask:
    (task,) = shop.provisioning.of_contract(contract.id)
    return task


def test_tasks_of_one_contract_are_done_in_order_and_all_in_one_round(shop) -> None:
    contract = shop.active(1)
    shop.contracts.suspend(contract.id, hold=HoldKind.FRAUD)
    shop.contracts.resume(contract.id, hold=HoldKind.FRAUD)
    shop.contracts.suspend(contract.id, hold=HoldKind.ADMIN)
    assert shop.provisioning.work(network=shop.network) == Worked(done=3)
    assert shop.inventory.sim(iccid(1)).status is SimStatus.BARRED
    assert shop.network.known[iccid(1)].barred
    assert shop.provisioning.work(network=shop.network).total == 0


def test_a_round_does_no_more_than_it_may(shop) -> None:
    for contract in [shop.active(n) for n in range(3)]:
        shop.contracts.suspend(contract.id, hold=HoldKind.ADMIN)
    assert shop.provisioning.work(network=shop.network, limit=2).done == 2
    assert len(list(shop.provisioning.each(status="pending"))) == 1


def test_a_refusal_waits_for_an_operator_who_retries(shop) -> None:
    contract = asked(shop)
    shop.network.disturb(NetworkStep.ALLOW, Trouble.FAILS, times=1)
    assert shop.provisioning.work(network=shop.network) == Worked(failed=1)
    failed = only_task(shop, contract)
    assert failed.status is ProvisioningStatus.FAILED
    assert "allow" in failed.error
    assert shop.contracts.get(contract.id).status is ContractStatus.ACTIVATING
    assert shop.provisioning.work(network=shop.network).total == 0
    shop.provisioning.retry(failed.id, expected_version=failed.version, by=OPERATOR)
    with pytest.raises(StaleVersion):
        shop.provisioning.retry(failed.id, expected_version=failed.version)
    assert shop.provisioning.work(network=shop.network).done == 1
    assert shop.contracts.get(contract.id).status is ContractStatus.ACTIVE


def test_a_silent_network_is_asked_again_after_the_lease(shop, clock) -> None:
    contract = asked(shop)
    shop.network.disturb(NetworkStep.ALLOW, Trouble.SILENT_DONE, times=1)
    assert shop.provisioning.work(network=shop.network) == Worked(silent=1)
    assert only_task(shop, contract).status is ProvisioningStatus.RUNNING
    with pytest.raises(RuleViolated, match="at work"):
        shop.contracts.fail_activation(contract.id, reason="impatient")
    assert shop.provisioning.work(network=shop.network).total == 0
    clock.pass_(minutes=2)
    assert shop.provisioning.work(network=shop.network) == Worked(done=1)
    assert only_task(shop, contract).attempts == 2
    kinds = [entry.kind for entry in shop.entries(contract)]
    assert kinds.count(PostingKind.RECURRING_FEE) == 1


def test_a_runner_who_comes_too_late_changes_nothing(shop, clock) -> None:
    contract = asked(shop)
    outer = shop.network

    class Slow:
        def carry_out(self, task: ProvisioningTask) -> None:
            outer.carry_out(task)
            clock.pass_(minutes=5)
            assert shop.provisioning.work(network=outer).done == 1

    shop.provisioning.work(network=Slow())
    assert only_task(shop, contract).attempts == 2
    assert shop.contracts.get(contract.id).status is ContractStatus.ACTIVE
    assert len(shop.entries(contract)) == 3


def test_what_was_done_by_hand_is_skipped(shop) -> None:
    contract = asked(shop)
    shop.network.disturb(NetworkStep.REGISTER, Trouble.FAILS)
    shop.provisioning.work(network=shop.network)
    task = only_task(shop, contract)
    skipped = shop.provisioning.skip(task.id, reason="done in the HLR", by=OPERATOR)
    assert skipped.status is ProvisioningStatus.SKIPPED
    assert shop.contracts.get(contract.id).status is ContractStatus.ACTIVE
    with pytest.raises(IllegalTransition):
        shop.provisioning.skip(task.id, reason="again")


def test_an_activation_that_is_undone_frees_the_money(shop) -> None:
    contract = asked(shop)
    with pytest.raises(IllegalTransition):
        shop.provisioning.undo(only_task(shop, contract).id, reason="too early")
    assert shop.state(contract).balance.reserved == 50_000
    shop.network.disturb(NetworkStep.REGISTER, Trouble.FAILS)
    shop.provisioning.work(network=shop.network)
    shop.provisioning.undo(only_task(shop, contract).id, reason="wrong card", by=OPERATOR)
    assert shop.contracts.get(contract.id).status is ContractStatus.ACCEPTED
    assert shop.state(contract).balance.reserved == 0
    assert shop.inventory.sim(iccid(1)).status is SimStatus.BOUND


def test_a_bar_that_was_undone_does_not_stop_the_rest(shop) -> None:
    contract = shop.active(1)
    shop.contracts.suspend(contract.id, hold=HoldKind.ADMIN)
    shop.network.disturb(NetworkStep.BAR, Trouble.FAILS)
    shop.provisioning.work(network=shop.network)
    failed = next(shop.provisioning.each(status="failed"))
    shop.provisioning.undo(failed.id, reason="not needed")
    shop.contracts.resume(contract.id, hold=HoldKind.ADMIN)
    assert shop.provisioning.work(network=shop.network).done == 1
    assert shop.inventory.sim(iccid(1)).status is SimStatus.ACTIVE


def test_closing_tells_the_network_to_let_go(shop) -> None:
    contract = shop.active(1)
    shop.contracts.close(contract.id, reason=CloseReason.OTHER)
    shop.provisioning.work(network=shop.network)
    assert shop.network.known == {}
    page = shop.provisioning.page(Query(where={"kind": ProvisioningKind.TERMINATE.value}))
    (task,) = page.items
    assert shop.provisioning.get(task.id).status is ProvisioningStatus.DONE
