from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from telecom_crm.adapters.network.simulator import (
    STEPS,
    NetworkStep,
    SimulatorNetwork,
    Subscriber,
    Trouble,
)
from telecom_crm.application.ports import Network, NetworkFailed, NetworkSilent
from telecom_crm.application.provisioning import no_answer_at
from telecom_crm.domain.hold import Bar
from telecom_crm.domain.identifiers import ICCID, MSISDN, ContractId, TaskId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.provisioning import ProvisioningKind, ProvisioningTask
from telecom_crm.entrypoints.http.web.messages import known_failure

OLD, NEW = ICCID("8999610000000000015"), ICCID("8999610000000000023")
ONE, TWO = MSISDN("996555000001"), MSISDN("996555000002")
ALL = frozenset(Bar)


def task(kind, iccid=OLD, msisdn=ONE, **before):
    return ProvisioningTask.create(
        id=TaskId(UUID(int=1)),
        kind=kind,
        contract_id=ContractId(UUID(int=2)),
        iccid=iccid,
        msisdn=msisdn,
        by=Actor("system"),
        at=datetime(2026, 3, 1, tzinfo=UTC),
        **before,
    )


@pytest.fixture
def network():
    return SimulatorNetwork()


def test_does_what_tasks_say_and_again_is_harmless(network):
    asked: Network = network
    for done, known in (
        (task(ProvisioningKind.ACTIVATE), {OLD: Subscriber(ONE)}),
        (task(ProvisioningKind.BAR, bars=ALL), {OLD: Subscriber(ONE, ALL)}),
        (
            task(ProvisioningKind.SWAP_SIM, NEW, bars=ALL, previous_iccid=OLD),
            {NEW: Subscriber(ONE, ALL)},
        ),
        (
            task(ProvisioningKind.CHANGE_NUMBER, NEW, TWO, bars=ALL, previous_msisdn=ONE),
            {NEW: Subscriber(TWO, ALL)},
        ),
        (task(ProvisioningKind.UNBAR, NEW, TWO), {NEW: Subscriber(TWO)}),
        (task(ProvisioningKind.TERMINATE, NEW, TWO), {}),
    ):
        for _ in range(2):
            asked.carry_out(done)
            assert network.known == known


@pytest.mark.parametrize(
    "asked",
    [
        task(ProvisioningKind.BAR, bars=ALL),
        task(ProvisioningKind.SWAP_SIM, bars=ALL, previous_iccid=NEW),
        task(ProvisioningKind.CHANGE_NUMBER, bars=ALL, previous_msisdn=TWO),
    ],
    ids=lambda one: one.kind,
)
def test_what_it_knew_before_a_restart_need_not_be_told_again(asked):
    network = SimulatorNetwork()
    network.carry_out(asked)
    assert network.known == {OLD: Subscriber(ONE, ALL)}


def test_fails_at_a_step_so_many_times(network):
    network.disturb(NetworkStep.ALLOW, Trouble.FAILS, times=2)
    for _ in range(2):
        with pytest.raises(NetworkFailed) as caught:
            network.carry_out(task(ProvisioningKind.ACTIVATE))
        assert caught.value.step == "allow"
        assert network.known == {OLD: Subscriber(ONE, ALL)}
    network.carry_out(task(ProvisioningKind.ACTIVATE))
    assert network.known == {OLD: Subscriber(ONE)}


def test_is_silent_for_one_number_until_it_heals(network):
    network.disturb(NetworkStep.REGISTER, Trouble.SILENT, msisdn=ONE)
    network.disturb(NetworkStep.REGISTER, Trouble.SILENT_DONE, msisdn=TWO)
    for msisdn, iccid in ((ONE, OLD), (TWO, NEW)):
        with pytest.raises(NetworkSilent):
            network.carry_out(task(ProvisioningKind.ACTIVATE, iccid, msisdn))
    assert network.known == {NEW: Subscriber(TWO, ALL)}
    network.heal()
    network.carry_out(task(ProvisioningKind.ACTIVATE))
    assert network.known[OLD] == Subscriber(ONE)


def test_a_slow_network_waits_before_each_step():
    waited = []
    network = SimulatorNetwork(wait=lambda: waited.append(1))
    network.carry_out(task(ProvisioningKind.ACTIVATE))
    assert len(waited) == 2


@pytest.mark.parametrize("step", NetworkStep)
def test_the_pages_have_words_for_each_step_that_it_refuses_or_leaves_unanswered(network, step):
    [kind, *_] = (kind for kind, steps in STEPS.items() if step in steps)
    network.disturb(step, Trouble.FAILS, times=1)
    with pytest.raises(NetworkFailed) as refused:
        network.carry_out(task(kind))
    assert known_failure(str(refused.value))
    network.disturb(step, Trouble.SILENT)
    with pytest.raises(NetworkSilent) as silent:
        network.carry_out(task(kind))
    assert known_failure(no_answer_at(silent.value.step))
