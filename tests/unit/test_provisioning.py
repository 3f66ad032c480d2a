from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from telecom_crm.domain.errors import IllegalTransition, RuleViolated
from telecom_crm.domain.identifiers import ICCID, MSISDN, ContractId, TaskId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.provisioning import (
    PROVISIONING_LIFECYCLE,
    ProvisioningKind,
    ProvisioningTask,
)

AT = datetime(2026, 1, 1, tzinfo=UTC)
SOON = AT + timedelta(minutes=1)
WHO: Any = {"by": Actor("worker"), "at": AT}


def running():
    task = ProvisioningTask.create(
        id=TaskId(UUID(int=1)),
        kind=ProvisioningKind.ACTIVATE,
        contract_id=ContractId(UUID(int=2)),
        iccid=ICCID("8999608004477127826"),
        msisdn=MSISDN("996555055433"),
        **WHO,
    )
    return task.start(lease_until=SOON, **WHO)


def test_the_table():
    assert PROVISIONING_LIFECYCLE.triples() == {
        (None, "create", "pending"),
        ("pending", "start", "running"),
        ("running", "succeed", "done"),
        ("running", "fail", "failed"),
        ("running", "lease_lost", "pending"),
        ("failed", "retry", "pending"),
        ("failed", "skip", "skipped"),
        ("failed", "undo", "undone"),
    }


def test_a_second_attempt_knows_what_the_first_did():
    task = running().record_step(name="hlr", reference="r-1", **WHO)
    task = task.fail(error="ocs is away", **WHO)
    assert (task.error, task.lease_until) == ("ocs is away", None)
    again = task.retry(**WHO).start(lease_until=SOON, **WHO)
    assert (again.attempts, again.done("hlr"), again.done("ocs")) == (2, True, False)
    assert again.succeed(**WHO).error == ""


def test_a_lease_is_lost_only_when_it_is_over():
    with pytest.raises(RuleViolated):
        running().lease_lost(**WHO)
    assert running().lease_lost(by=Actor("system"), at=SOON).status == "pending"


def test_steps_belong_to_a_run():
    with pytest.raises(IllegalTransition):
        running().succeed(**WHO).record_step(name="late", **WHO)


@pytest.mark.parametrize(("end", "state"), [("skip", "skipped"), ("undo", "undone")])
def test_a_failed_task_is_skipped_or_undone(end, state):
    task = getattr(running().fail(error="no", **WHO), end)(reason="by hand", **WHO)
    assert task.status == state
    assert PROVISIONING_LIFECYCLE.is_final(task.status)
