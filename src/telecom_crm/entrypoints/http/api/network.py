"""What the network has to be told."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from telecom_crm.application.provisioning import Provisioning
from telecom_crm.domain.hold import Bar
from telecom_crm.domain.identifiers import TaskId
from telecom_crm.domain.provisioning import (
    ProvisioningKind,
    ProvisioningStatus,
    ProvisioningTask,
)
from telecom_crm.domain.role import Area
from telecom_crm.entrypoints.http.bodies import Why
from telecom_crm.entrypoints.http.calls import Call, listing
from telecom_crm.entrypoints.http.routes import does, reads
from telecom_crm.entrypoints.http.values import PageView, View, listed, shown


class StepView(View):
    """One step the network answered."""

    name: str
    at: datetime
    reference: str


class TaskView(View):
    """One change the network has to make for a contract."""

    id: UUID
    kind: ProvisioningKind
    contract_id: UUID
    iccid: str
    imsi: str | None
    msisdn: str
    bars: list[Bar]
    previous_iccid: str | None
    previous_msisdn: str | None
    asked_at: datetime
    steps: list[StepView]
    attempts: int
    lease_until: datetime | None
    silent: bool
    error: str
    ticket_id: UUID | None
    status: ProvisioningStatus
    version: int

    @classmethod
    def of(cls, task: ProvisioningTask) -> TaskView:
        """Show a task."""
        return cls(
            id=task.id,
            kind=task.kind,
            contract_id=task.contract_id,
            iccid=task.iccid.digits,
            imsi=task.imsi.digits if task.imsi else None,
            msisdn=str(task.msisdn),
            bars=sorted(task.bars),
            previous_iccid=task.previous_iccid.digits if task.previous_iccid else None,
            previous_msisdn=str(task.previous_msisdn) if task.previous_msisdn else None,
            asked_at=task.asked_at,
            steps=[
                StepView(name=one.name, at=one.at, reference=one.reference) for one in task.steps
            ],
            attempts=task.attempts,
            lease_until=task.lease_until,
            silent=task.silent,
            error=task.error,
            ticket_id=task.ticket_id,
            status=task.status,
            version=task.version,
        )


class ProvisioningController(Controller):
    """Tasks of the network, and what to do with those that failed."""

    path = "/provisioning-tasks"
    tags = ("network",)

    @reads("/", Area.NETWORK, query=listing("provisioning_task"))
    def page(
        self, request: Call, provisioning: NamedDependency[Provisioning]
    ) -> Response[PageView[TaskView]]:
        """List tasks."""
        return listed(request, provisioning.page(request.query()), TaskView.of)

    @reads("/{task_id:uuid}", Area.NETWORK)
    def get(
        self, task_id: FromPath[UUID], provisioning: NamedDependency[Provisioning]
    ) -> Response[TaskView]:
        """Show a task."""
        return _shown(provisioning.get(TaskId(task_id)))

    @does("/{task_id:uuid}/retry", Area.NETWORK, versioned=True)
    def retry(
        self, request: Call, task_id: FromPath[UUID], provisioning: NamedDependency[Provisioning]
    ) -> Response[TaskView]:
        """Have a task tried again that failed, or that the network gave no answer to."""
        return _shown(
            provisioning.retry(TaskId(task_id), expected_version=request.seen, by=request.by)
        )

    @does("/{task_id:uuid}/skip", Area.NETWORK, versioned=True)
    def skip(
        self,
        request: Call,
        task_id: FromPath[UUID],
        data: JSONBody[Why],
        provisioning: NamedDependency[Provisioning],
    ) -> Response[TaskView]:
        """Go on as if a task were done that failed, or was not answered."""
        return _shown(
            provisioning.skip(
                TaskId(task_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{task_id:uuid}/undo", Area.NETWORK, versioned=True)
    def undo(
        self,
        request: Call,
        task_id: FromPath[UUID],
        data: JSONBody[Why],
        provisioning: NamedDependency[Provisioning],
    ) -> Response[TaskView]:
        """Give a task up that failed, or was not answered; an activation is failed with it."""
        return _shown(
            provisioning.undo(
                TaskId(task_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )


def _shown(task: ProvisioningTask) -> Response[TaskView]:
    return shown(TaskView.of(task), version=task.version)
