import pytest

from telecom_crm.adapters.files.memory import MemoryFiles
from telecom_crm.adapters.network.simulator import NetworkStep, Trouble
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.ports import Query
from telecom_crm.application.provisioning import Worked
from telecom_crm.application.tickets import Tickets
from telecom_crm.domain.contract import CloseReason, Contract, ContractStatus
from telecom_crm.domain.errors import IllegalTransition, RuleViolated, StaleVersion
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.ledger import PostingKind
from telecom_crm.domain.provisioning import ProvisioningKind, ProvisioningStatus, ProvisioningTask
from telecom_crm.domain.sim import SimStatus
from telecom_crm.domain.ticket import TicketPriority
from telecom_crm.entrypoints.http.web.messages import known_failure
from tests.unit.shop import OPERATOR, PDF, Shop, iccid


@pytest.fixture
def shop(uow, series, clock, ids) -> Shop:
    return Shop.opened(uow, series, clock, ids)


@pytest.fixture
def customers(shop) -> Customers:
    return Customers(shop.uow, shop.clock, shop.new_id)


@pytest.fixture
def tickets(shop, series) -> Tickets:
    files = MemoryFiles(new_id=shop.new_id)
    return Tickets(shop.uow, shop.clock, shop.new_id, series, files)


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
    assert shop.network.known[iccid(1)].bars
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
    assert known_failure(failed.error) == "The network refused to let the SIM card be used"
    assert shop.contracts.get(contract.id).status is ContractStatus.ACTIVATING
    assert shop.provisioning.work(network=shop.network).total == 0
    shop.provisioning.retry(failed.id, expected_version=failed.version, by=OPERATOR)
    with pytest.raises(StaleVersion):
        shop.provisioning.retry(failed.id, expected_version=failed.version)
    assert shop.provisioning.work(network=shop.network).done == 1
    assert shop.contracts.get(contract.id).status is ContractStatus.ACTIVE


def try_in_vain(shop: Shop, contract: Contract, clock, trouble: Trouble) -> ProvisioningTask:
    """Have an activation tried once more, by whoever takes it up after the last time."""
    shop.network.disturb(NetworkStep.ALLOW, trouble, times=1)
    task = only_task(shop, contract)
    if task.status is ProvisioningStatus.FAILED:
        shop.provisioning.retry(task.id, by=OPERATOR)
    clock.pass_(minutes=2)
    assert shop.provisioning.work(network=shop.network).total == 1
    return only_task(shop, contract)


@pytest.mark.parametrize("trouble", [Trouble.FAILS, Trouble.SILENT, Trouble.SILENT_DONE])
def test_an_activation_tried_three_times_in_vain_gets_one_ticket(
    shop, customers, tickets, clock, trouble
) -> None:
    contract = asked(shop)
    customers.update(contract.customer_id, changes={"language": "ru"})
    for _ in range(2):
        assert try_in_vain(shop, contract, clock, trouble).ticket_id is None
    third, fourth = (try_in_vain(shop, contract, clock, trouble) for _ in range(2))
    assert third.ticket_id == fourth.ticket_id
    (ticket,) = tickets.each(customer_id=str(contract.customer_id))
    assert (ticket.id, ticket.contract_id) == (third.ticket_id, contract.id)
    assert ticket.subject == f"Активация договора {contract.number} не проходит"
    assert ticket.priority is TicketPriority.HIGH
    (comment,) = ticket.comments
    assert (comment.text.startswith("Попыток в сети: 3"), comment.internal) == (True, True)
    clock.pass_(hours=100)
    assert [one.id for one in tickets.overdue().items] == [ticket.id]
    if fourth.status is ProvisioningStatus.FAILED:
        shop.provisioning.retry(fourth.id, by=OPERATOR)
    assert shop.provisioning.work(network=shop.network) == Worked(done=1)
    assert shop.contracts.get(contract.id).status is ContractStatus.ACTIVE
    fees = [entry.kind for entry in shop.entries(contract) if entry.kind.endswith("_fee")]
    assert len(fees) == len(set(fees)) > 0
    with shop.uow(read_only=True) as tx:
        names = [event.name for event in tx.events.of("provisioning_task", third.key)]
    assert names.count("ProvisioningTicketOpened") == 1


def test_only_an_activation_gets_a_ticket(shop, tickets, clock) -> None:
    contract = shop.active(1)
    shop.contracts.suspend(contract.id, hold=HoldKind.ADMIN)
    for _ in range(4):
        shop.network.disturb(NetworkStep.BAR, Trouble.SILENT, times=1)
        clock.pass_(minutes=2)
        assert shop.provisioning.work(network=shop.network) == Worked(silent=1)
    assert list(tickets.each()) == []


def test_a_ticket_finds_the_customer_who_was_merged_meanwhile(
    shop, customers, tickets, clock
) -> None:
    contract = asked(shop)
    for _ in range(2):
        try_in_vain(shop, contract, clock, Trouble.FAILS)
    survivor = customers.register(name="Survivor")
    customers.merge(contract.customer_id, survivor_id=survivor.id)
    try_in_vain(shop, contract, clock, Trouble.FAILS)
    (ticket,) = tickets.each()
    assert ticket.customer_id == survivor.id


def test_a_silent_network_is_asked_again_after_the_lease(shop, clock) -> None:
    contract = asked(shop)
    shop.network.disturb(NetworkStep.ALLOW, Trouble.SILENT_DONE, times=1)
    assert shop.provisioning.work(network=shop.network) == Worked(silent=1)
    waiting = only_task(shop, contract)
    assert (waiting.status, waiting.silent) == (ProvisioningStatus.RUNNING, True)
    assert "allow" in waiting.error
    assert known_failure(waiting.error) == "The network gave no answer"
    assert shop.provisioning.work(network=shop.network).total == 0
    clock.pass_(minutes=2)
    assert shop.provisioning.work(network=shop.network) == Worked(done=1)
    done = only_task(shop, contract)
    assert (done.attempts, done.silent, done.error) == (2, False, "")
    kinds = [entry.kind for entry in shop.entries(contract)]
    assert kinds.count(PostingKind.RECURRING_FEE) == 1


def silent(shop: Shop) -> tuple[Contract, ProvisioningTask]:
    contract = asked(shop)
    shop.network.disturb(NetworkStep.ALLOW, Trouble.SILENT_DONE, times=1)
    shop.provisioning.work(network=shop.network)
    return contract, only_task(shop, contract)


def test_nobody_meddles_while_the_network_is_at_work(shop) -> None:
    contract = asked(shop)

    class Working:
        def carry_out(self, task: ProvisioningTask) -> None:
            with pytest.raises(RuleViolated, match="at work"):
                shop.contracts.fail_activation(contract.id, reason="impatient")
            with pytest.raises(RuleViolated, match="at work"):
                shop.provisioning.retry(task.id)
            with pytest.raises(RuleViolated, match="at work"):
                shop.provisioning.skip(task.id, reason="impatient")
            with pytest.raises(RuleViolated, match="at work"):
                shop.provisioning.undo(task.id, reason="impatient")

    assert shop.provisioning.work(network=Working()) == Worked(done=1)


def test_an_activation_is_given_up_while_the_network_is_silent(shop) -> None:
    contract, task = silent(shop)
    given_up = shop.contracts.fail_activation(contract.id, reason="closing time", by=OPERATOR)
    assert given_up.status is ContractStatus.ACCEPTED
    assert shop.state(contract).balance.reserved == 0
    assert shop.provisioning.get(task.id).status is ProvisioningStatus.UNDONE
    with pytest.raises(RuleViolated, match="terminate"):
        shop.contracts.cancel(contract.id)
    assert shop.network.known.keys() == {iccid(1)}
    assert shop.provisioning.work(network=shop.network) == Worked(done=1)
    assert shop.network.known == {}
    assert shop.contracts.cancel(contract.id).status is ContractStatus.CANCELLED


def test_an_activation_given_up_by_a_dead_runner_can_be_requested_again(shop, clock) -> None:
    contract = asked(shop)

    class PowerCut(Exception):
        pass

    class Dying:
        def carry_out(self, task: ProvisioningTask) -> None:
            raise PowerCut

    with pytest.raises(PowerCut):
        shop.provisioning.work(network=Dying())
    clock.pass_(minutes=3)
    shop.contracts.fail_activation(contract.id, reason="nobody is there")
    shop.contracts.request_activation(contract.id)
    assert shop.provisioning.work(network=shop.network).done == 2
    assert shop.contracts.get(contract.id).status is ContractStatus.ACTIVE
    assert shop.network.known.keys() == {iccid(1)}


def test_what_nobody_answers_is_tried_again_at_once_or_done_by_hand(shop) -> None:
    contract, task = silent(shop)
    assert shop.provisioning.retry(task.id, by=OPERATOR).status is ProvisioningStatus.PENDING
    shop.network.disturb(NetworkStep.ALLOW, Trouble.SILENT, times=1)
    assert shop.provisioning.work(network=shop.network) == Worked(silent=1)
    skipped = shop.provisioning.skip(task.id, reason="seen in the HLR", by=OPERATOR)
    assert (skipped.status, skipped.silent) == (ProvisioningStatus.SKIPPED, False)
    assert shop.contracts.get(contract.id).status is ContractStatus.ACTIVE


def test_the_network_bars_what_all_holds_bar_together(shop) -> None:
    contract = shop.active(1)

    def told() -> tuple[ProvisioningKind, set[str]] | None:
        done = shop.provisioning.work(network=shop.network).done
        last = shop.provisioning.of_contract(contract.id)[-1]
        assert shop.network.known[iccid(1)].bars == last.bars
        return (last.kind, {str(bar) for bar in last.bars}) if done else None

    bar, some = ProvisioningKind.BAR, {"outgoing", "data"}
    shop.contracts.suspend(contract.id, hold=HoldKind.NON_PAYMENT)
    assert told() == (bar, some)
    shop.contracts.suspend(contract.id, hold=HoldKind.FRAUD)
    assert told() == (bar, {*some, "incoming"})
    shop.contracts.suspend(contract.id, hold=HoldKind.ADMIN)
    assert told() is None
    shop.contracts.resume(contract.id, hold=HoldKind.FRAUD)
    assert told() is None
    shop.contracts.resume(contract.id, hold=HoldKind.ADMIN)
    assert told() == (bar, some)
    assert shop.inventory.sim(iccid(1)).status is SimStatus.BARRED
    shop.contracts.resume(contract.id, hold=HoldKind.NON_PAYMENT)
    assert told() == (ProvisioningKind.UNBAR, set())
    assert shop.inventory.sim(iccid(1)).status is SimStatus.ACTIVE


def test_another_card_is_barred_as_the_first_one_was(shop) -> None:
    contract = shop.active(1)
    shop.contracts.suspend(contract.id, hold=HoldKind.LOST_STOLEN)
    shop.contracts.suspend(contract.id, hold=HoldKind.NON_PAYMENT)
    shop.contracts.swap_sim(contract.id, iccid=iccid(2), lift_lost_stolen=True)
    assert shop.provisioning.work(network=shop.network).done == 2
    assert {str(bar) for bar in shop.network.known[iccid(2)].bars} == {"outgoing", "data"}
    assert shop.inventory.sim(iccid(2)).status is SimStatus.BARRED


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
