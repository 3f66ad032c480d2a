"""The network's tasks in the console: what failed is tried again, done by hand or dropped."""

from collections.abc import Iterator
from datetime import UTC

import pytest

import telecom_crm
from telecom_crm.adapters.network.simulator import NetworkStep, SimulatorNetwork, Trouble
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.lifecycle import SYSTEM
from telecom_crm.domain.provisioning import ProvisioningStatus, ProvisioningTask
from telecom_crm.domain.role import Action, Area, Role
from telecom_crm.entrypoints import demo
from telecom_crm.entrypoints.http.app import create_app
from telecom_crm.entrypoints.http.web.labels import STEPS
from tests.integration.test_web import Site, submit
from tests.people import PASSWORD, QUICK, hire

NETWORK = "/console/network"


@pytest.fixture
def site() -> Iterator[Site]:
    with telecom_crm.in_memory(gateways=demo.GATEWAYS, passwords=QUICK) as crm:
        demo.load(crm)
        hire(crm)
        yield Site(create_app(crm), crm)


def failed(site: Site) -> ProvisioningTask:
    """Return the task of a suspension that the network refused."""
    network = SimulatorNetwork()
    network.disturb(NetworkStep.BAR, Trouble.FAILS)
    contract = next(site.crm.contracts.each(status="active"))
    site.crm.contracts.suspend(contract.id, hold=HoldKind.FRAUD)
    site.crm.provisioning.work(network=network)
    return next(site.crm.provisioning.each(status="failed"))


def do(browser, task: ProvisioningTask, command: str, **fields):
    at = f"{NETWORK}/{task.id}"
    return submit(browser, at, f"{at}/{command}", version=str(task.version), **fields)


def test_what_failed_is_listed_and_tried_again(site):
    task, operator = failed(site), site.browser("operator")
    listed = operator.get(NETWORK, params={"status": "failed"}).text
    assert f"{NETWORK}/{task.id}" in listed
    shown = operator.get(f"{NETWORK}/{task.id}").text
    assert "The last attempt failed" in shown
    for page in (listed, shown):
        assert "The network refused to bar the SIM card" in page
        assert task.error not in page
    assert f"{task.id}/undo" in shown
    assert do(operator, task, "retry").status_code == 303
    site.crm.provisioning.work(network=site.crm.network)
    assert site.crm.provisioning.get(task.id).status is ProvisioningStatus.DONE
    assert f"{task.id}/retry" not in operator.get(f"{NETWORK}/{task.id}").text
    assert do(operator, task, "retry").status_code == 409


@pytest.mark.parametrize(("command", "status"), [("skip", "skipped"), ("undo", "undone")])
def test_what_failed_is_done_by_hand_or_dropped_for_a_reason(site, command, status):
    task, operator = failed(site), site.browser("operator")
    unsaid = do(operator, task, command)
    assert (unsaid.status_code, 'id="e-reason"' in unsaid.text) == (422, True)
    assert do(operator, task, command, reason="seen in the HLR").status_code == 303
    assert site.crm.provisioning.get(task.id).status == status
    assert "seen in the HLR" in operator.get(f"{NETWORK}/{task.id}").text


def test_what_follows_is_told_before_a_task_is_dropped(site):
    task, operator = failed(site), site.browser("operator")
    asked = operator.get(f"{NETWORK}/{task.id}/undo").text
    assert "the task stays undone" in asked
    assert ("take it back there by hand" in asked) == bool(task.steps)
    assert "The contract is not activated" not in asked, "that is no activation"
    assert "as if the task were done" in operator.get(f"{NETWORK}/{task.id}/skip").text


def test_who_may_only_look_is_offered_nothing(site):
    task, support = failed(site), site.browser("auditor")
    assert f"{task.id}/retry" not in support.get(f"{NETWORK}/{task.id}").text
    assert do(support, task, "retry").status_code == 403


def test_the_list_tells_when_a_task_was_asked_for_and_whose_contract_it_is_for(site):
    task = failed(site)
    contract = site.crm.contracts.get(task.contract_id)
    name = site.crm.customers.get(contract.customer_id).name
    page = site.browser("operator").get(NETWORK, params={"status": "failed"}).text
    assert f'href="/console/contracts/{contract.id}">{contract.number}</a>' in page
    assert f'href="/console/customers/{contract.customer_id}">{name}</a>' in page
    asked = f'<time datetime="{task.asked_at.astimezone(UTC).isoformat(timespec="seconds")[:19]}'
    assert asked in page
    role = Role(name="net", title="Net", grants={Area.NETWORK: frozenset({Action.READ})})
    site.crm.rules.create_role(role)
    site.crm.users.begin(login="net", name="Net", role="net", password=PASSWORD)
    page = site.browser("net").get(NETWORK, params={"status": "failed"}).text
    assert f"{NETWORK}/{task.id}" in page
    assert contract.number not in page
    assert name not in page


def test_steps_that_are_done_are_told_in_words(site):
    task, by = failed(site), SYSTEM
    with site.crm.provisioning.uow() as tx:
        held = tx.tasks.get(task.id).retry(by=by, at=task.asked_at)
        running = held.start(lease_until=task.asked_at, by=by, at=task.asked_at)
        for step in ("bar", "billing mediation"):
            running = running.record_step(name=step, by=by, at=task.asked_at)
        tx.tasks.save(running)
    for language, words in (("en", "Use barred"), ("ru", "Пользование запрещено")):
        browser = site.browser("operator", **{"Accept-Language": language})
        assert f"<dd>{words}, billing mediation</dd>" in browser.get(f"{NETWORK}/{task.id}").text


def test_every_step_of_the_network_that_comes_with_this_has_words():
    assert {*STEPS} == {*NetworkStep}
