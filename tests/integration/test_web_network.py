"""The network's tasks in the console: what failed is tried again, done by hand or dropped."""

from collections.abc import Iterator

import pytest

import telecom_crm
from telecom_crm.adapters.network.simulator import NetworkStep, SimulatorNetwork, Trouble
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.provisioning import ProvisioningStatus, ProvisioningTask
from telecom_crm.entrypoints import demo
from telecom_crm.entrypoints.http.app import create_app
from tests.integration.test_web import Site, submit
from tests.people import QUICK, hire

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
