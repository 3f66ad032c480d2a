from datetime import date, timedelta

import attrs
import pytest

from telecom_crm.domain.application import Application, ApplicationKind, ApplicationStatus, Channel
from telecom_crm.domain.contract import ActivationRefused, ContractStatus
from telecom_crm.domain.errors import InvalidValue, RuleViolated
from telecom_crm.domain.identifiers import ApplicationId, ContractId
from telecom_crm.domain.ledger import LedgerCode, PostingKind
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.policy import FirstFee
from telecom_crm.domain.provisioning import ProvisioningStatus
from telecom_crm.domain.sim import SimStatus
from tests.unit.shop import OPERATOR, PDF, Shop, iccid, som


@pytest.fixture
def shop(uow, series, clock, ids) -> Shop:
    return Shop.opened(uow, series, clock, ids)


def ready(shop: Shop, money: str = "1000.00", n: int = 1, **more):
    contract = shop.sign(n, **more)
    shop.pay(contract.account_id, money)
    return shop.contracts.add_document(contract.id, name="signed.pdf", content=[PDF])


def test_the_summary_tells_what_is_missing(shop) -> None:
    contract = shop.sign(1)
    summary = shop.contracts.activation_summary(contract.id)
    assert [line.code for line in summary.failed] == ["documents", "first_fee"]
    assert summary.lacking == som("500.00")
    shop.pay(contract.account_id, "200.00")
    assert shop.contracts.activation_summary(contract.id).lacking == som("300.00")
    with pytest.raises(ActivationRefused) as caught:
        shop.contracts.request_activation(contract.id)
    assert len(caught.value.reasons) == 2
    shop.pay(contract.account_id, "300.00")
    shop.contracts.add_document(contract.id, name="signed.pdf", content=[PDF])
    summary = shop.contracts.activation_summary(contract.id)
    assert (summary.is_green, summary.lacking) == (True, None)


def test_fees_are_held_back_then_posted(shop) -> None:
    contract = ready(shop)
    asked = shop.contracts.request_activation(contract.id, by=OPERATOR)
    assert asked.status is ContractStatus.ACTIVATING
    held = shop.state(contract)
    assert (held.balance.reserved, held.available) == (50_000, som("500.00"))
    assert held.account.policy_frozen
    shop.provisioning.work(network=shop.network)
    active = shop.contracts.get(contract.id)
    assert (active.status, active.first_fees) == (ContractStatus.ACTIVE, ())
    after = shop.state(contract)
    assert (after.balance.reserved, after.available) == (0, som("500.00"))
    assert shop.inventory.sim(iccid(1)).status is SimStatus.ACTIVE
    fees = shop.entries(contract)[1:]
    assert [entry.kind for entry in fees] == [PostingKind.ONE_TIME_FEE, PostingKind.RECURRING_FEE]
    assert [leg.credit for leg in fees[1].transfers] == [
        LedgerCode.DEFERRED_REVENUE,
        LedgerCode.TAX_PAYABLE,
    ]
    monthly = fees[1].transfers[0]
    assert (monthly.tariff, monthly.tariff_version) == ("COMFORT", 1)
    assert (monthly.period_start, monthly.period_end) == (date(2026, 3, 2), date(2026, 4, 2))


def test_money_held_back_is_not_spent_twice(shop) -> None:
    first = ready(shop, "500.00")
    shop.contracts.request_activation(first.id)
    second = shop.sign(
        2, new_customer=None, customer_id=first.customer_id, account_id=first.account_id
    )
    shop.contracts.add_document(second.id, name="signed.pdf", content=[PDF])
    with pytest.raises(ActivationRefused, match="the first fees are"):
        shop.contracts.request_activation(second.id)


def test_giving_up_frees_the_money_and_it_can_be_tried_again(shop) -> None:
    contract = ready(shop)
    shop.contracts.request_activation(contract.id)
    failed = shop.contracts.fail_activation(contract.id, reason="no coverage", by=OPERATOR)
    assert failed.status is ContractStatus.ACCEPTED
    assert shop.state(contract).balance.reserved == 0
    (task,) = shop.provisioning.of_contract(contract.id)
    assert task.status is ProvisioningStatus.UNDONE
    assert shop.provisioning.work(network=shop.network).total == 0
    shop.contracts.request_activation(contract.id)
    shop.provisioning.work(network=shop.network)
    assert shop.contracts.get(contract.id).status is ContractStatus.ACTIVE
    with pytest.raises(Exception, match="cannot fail_activation"):
        shop.contracts.fail_activation(contract.id, reason="late")


def test_a_postpaid_account_owes_its_first_fees(shop) -> None:
    contract = ready(shop, "1.00", tariff="BUSINESS")
    shop.contracts.request_activation(contract.id)
    shop.provisioning.work(network=shop.network)
    # 100.00 for activation and 30 of March's 31 days of 1,200.00, from the cycle day on.
    assert shop.state(contract).balance.unbilled == 10_000 + 116_129


def test_waived_fees_post_nothing(shop) -> None:
    free = attrs.evolve(
        shop.rules.policy("prepaid"), first_fee=FirstFee.WAIVED, required_for_activation=()
    )
    shop.rules.put_policies([free])
    contract = shop.sign(1, activate=True)
    assert contract.status is ContractStatus.ACTIVATING
    shop.provisioning.work(network=shop.network)
    assert shop.contracts.get(contract.id).status is ContractStatus.ACTIVE
    assert shop.entries(contract) == []


def test_signing_and_activating_on_an_account_with_money(shop) -> None:
    migration = attrs.evolve(shop.rules.policy("prepaid"), required_for_activation=())
    shop.rules.put_policies([migration])
    first = shop.sign(1)
    shop.pay(first.account_id, "500.00")
    second = shop.sign(
        2,
        new_customer=None,
        customer_id=first.customer_id,
        account_id=first.account_id,
        activate=True,
    )
    assert second.status is ContractStatus.ACTIVATING
    assert shop.state(first).balance.reserved == 50_000
    assert shop.state(first).account.policy_frozen


def test_an_activation_waits_for_its_date(shop, clock) -> None:
    contract = ready(shop, requested_activation=date(2026, 3, 4))
    assert shop.contracts.activate_due() == 0
    clock.pass_(days=2)
    assert shop.contracts.activate_due() == 1
    assert shop.contracts.activate_due() == 0
    assert shop.contracts.get(contract.id).status is ContractStatus.ACTIVATING


def test_no_activation_is_asked_for_a_day_that_is_over(shop) -> None:
    with pytest.raises(InvalidValue) as refused:
        shop.sign(1, requested_activation=date(2026, 3, 1))
    assert [(one.field, one.code) for one in refused.value.faults] == [
        ("requested_activation", "activation_past")
    ]
    assert shop.sign(1, requested_activation=date(2026, 3, 2)).requested_activation


def test_activations_that_are_not_green_stop_none_behind_them(shop, clock) -> None:
    day = date(2026, 3, 4)
    stuck = [shop.sign(n, requested_activation=day) for n in (1, 2, 3)]
    green = ready(shop, n=4, requested_activation=day)
    clock.pass_(days=2)
    assert shop.contracts.activate_due(limit=1) == 1
    assert shop.contracts.get(green.id).status is ContractStatus.ACTIVATING
    for contract in stuck:
        assert shop.contracts.get(contract.id).status is ContractStatus.ACCEPTED


def test_nothing_is_sold_for_an_application_that_nobody_has_read(shop, clock, ids) -> None:
    captured = Application.capture(
        id=ApplicationId(ids()),
        number="A-1",
        kind=ApplicationKind.NEW_CONNECTION,
        channel=Channel.CONSOLE,
        raw={},
        by=OPERATOR,
        at=clock(),
    )
    asked = captured.ask(reason="which number?", by=OPERATOR, at=clock())
    for application in (captured, attrs.evolve(asked, id=ApplicationId(ids()))):
        with pytest.raises(RuleViolated, match="validate it first"):
            application.link_contract(contract_id=ContractId(ids()), by=OPERATOR, at=clock())
    with shop.uow() as tx:
        tx.applications.save(captured)
    with pytest.raises(RuleViolated, match="A-1 is captured"):
        shop.sign(1, application_id=captured.id)
    assert shop.inventory.sim(iccid(1)).contract_id is None


@pytest.mark.parametrize("claimed", [False, True])
def test_the_application_is_linked_and_completed(shop, clock, ids, claimed) -> None:
    application = Application.capture(
        id=ApplicationId(ids()),
        number="A-1",
        kind=ApplicationKind.NEW_CONNECTION,
        channel=Channel.CONSOLE,
        raw={},
        by=OPERATOR,
        at=clock(),
    ).validate(data={}, by=OPERATOR, at=clock())
    if claimed:  # by somebody other than what activates: it is fulfilled all the same
        until = clock() + timedelta(hours=1)
        application = application.claim(until=until, by=Actor("somebody"), at=clock())
    with shop.uow() as tx:
        tx.applications.save(application)
    contract = ready(shop, application_id=application.id)
    shop.contracts.request_activation(contract.id)
    shop.provisioning.work(network=shop.network)
    with shop.uow(read_only=True) as tx:
        done = tx.applications.get(application.id)
    assert done.status is ApplicationStatus.COMPLETED
    assert (done.contract_id, done.customer_id) == (contract.id, contract.customer_id)
    with pytest.raises(RuleViolated):
        shop.sign(5, application_id=application.id)
