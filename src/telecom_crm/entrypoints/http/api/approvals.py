"""What waits for a second person: asked by one, decided by another."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from telecom_crm.application.access.service import Access
from telecom_crm.application.approvals import Approvals
from telecom_crm.domain.approval import Approval, ApprovalKind, ApprovalStatus
from telecom_crm.domain.identifiers import ApprovalId
from telecom_crm.domain.role import AREA_OF, Action, Area
from telecom_crm.entrypoints.http.bodies import Body, MoneyBody
from telecom_crm.entrypoints.http.calls import Call, listing
from telecom_crm.entrypoints.http.routes import does, makes, reads
from telecom_crm.entrypoints.http.values import (
    EventView,
    KeyUse,
    MoneyView,
    PageView,
    View,
    listed,
    made,
    shown,
    whole,
)

_Comment = Annotated[str, msgspec.Meta(max_length=1000)]


class Asking(Body):
    """
    What is asked for.

    `thing_id` is the payment (refund), the account (goodwill, write-off) or the customer (erasure);
    an erasure has no amount.
    """

    kind: ApprovalKind
    thing_id: UUID
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    amount: MoneyBody | None = None


class Agreement(Body):
    """A word on why one agrees, which may be empty."""

    comment: _Comment = ""


class SendingBack(Body):
    """Why one does not agree."""

    comment: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


class ApprovalView(View):
    """
    A request that a second person decides.

    `thing_id` is the payment (refund), the account (goodwill, write-off) or the customer (erasure).
    `outcome` is the id of what was made, or why it failed.
    """

    id: UUID
    kind: ApprovalKind
    thing_id: str
    amount: MoneyView | None
    reason: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    comment: str
    outcome: str
    status: ApprovalStatus
    version: int

    @classmethod
    def of(cls, approval: Approval) -> ApprovalView:
        """Show a request."""
        return cls(
            id=approval.id,
            kind=approval.kind,
            thing_id=approval.thing_id,
            amount=MoneyView.of_any(approval.amount),
            reason=approval.reason,
            asked_by=approval.asked_by.name,
            asked_at=approval.asked_at,
            decided_by=approval.decided_by.name if approval.decided_by else None,
            comment=approval.comment,
            outcome=approval.outcome,
            status=approval.status,
            version=approval.version,
        )


class ApprovalController(Controller):
    """What waits for a second person."""

    path = "/approvals"
    tags = ("approvals",)

    @makes("/", Area.APPROVALS, key=KeyUse.OPTIONAL)
    def ask(
        self,
        request: Call,
        data: JSONBody[Asking],
        access: NamedDependency[Access],
        approvals: NamedDependency[Approvals],
    ) -> Response[ApprovalView]:
        """Ask for something that another person has to agree to; nothing is done yet."""
        _require(access, request, data.kind, Action.WRITE)
        approval = approvals.ask(
            data.kind,
            data.thing_id,
            amount=data.amount.money if data.amount else None,
            reason=data.reason,
            idempotency_key=request.key,
            by=request.by,
        )
        return approval_made(approval)

    @reads("/", Area.APPROVALS, query=listing("approval"))
    def page(
        self, request: Call, approvals: NamedDependency[Approvals]
    ) -> Response[PageView[ApprovalView]]:
        """List requests, decided ones too."""
        return listed(request, approvals.page(request.query()), ApprovalView.of)

    @reads("/{approval_id:uuid}", Area.APPROVALS)
    def get(
        self, approval_id: FromPath[UUID], approvals: NamedDependency[Approvals]
    ) -> Response[ApprovalView]:
        """Show a request."""
        return _shown(approvals.get(ApprovalId(approval_id)))

    @reads("/{approval_id:uuid}/timeline", Area.APPROVALS)
    def timeline(
        self, approval_id: FromPath[UUID], approvals: NamedDependency[Approvals]
    ) -> PageView[EventView]:
        """Tell what happened to a request, oldest first."""
        return whole(approvals.timeline(ApprovalId(approval_id)), EventView.of)

    @does("/{approval_id:uuid}/approve", Area.APPROVALS, Action.APPROVE, versioned=True)
    def approve(
        self,
        request: Call,
        approval_id: FromPath[UUID],
        data: JSONBody[Agreement],
        access: NamedDependency[Access],
        approvals: NamedDependency[Approvals],
    ) -> Response[ApprovalView]:
        """
        Agree to what somebody else asked for, and have it done.

        The answer says what came of it: done, failed where it has become impossible, or still
        approved where a part is away, and then it is done later by itself.
        """
        kind = approvals.get(ApprovalId(approval_id)).kind
        _require(access, request, kind, Action.APPROVE)
        return _shown(
            approvals.approve(
                ApprovalId(approval_id),
                comment=data.comment,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{approval_id:uuid}/send-back", Area.APPROVALS, Action.APPROVE, versioned=True)
    def send_back(
        self,
        request: Call,
        approval_id: FromPath[UUID],
        data: JSONBody[SendingBack],
        access: NamedDependency[Access],
        approvals: NamedDependency[Approvals],
    ) -> Response[ApprovalView]:
        """Do not agree, and say why."""
        kind = approvals.get(ApprovalId(approval_id)).kind
        _require(access, request, kind, Action.APPROVE)
        return _shown(
            approvals.send_back(
                ApprovalId(approval_id),
                comment=data.comment,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{approval_id:uuid}/withdraw", Area.APPROVALS, versioned=True)
    def withdraw(
        self, request: Call, approval_id: FromPath[UUID], approvals: NamedDependency[Approvals]
    ) -> Response[ApprovalView]:
        """Take one's own request back."""
        return _shown(
            approvals.withdraw(
                ApprovalId(approval_id), expected_version=request.seen, by=request.by
            )
        )


def approval_made(approval: Approval) -> Response[ApprovalView]:
    """Answer with a request that was made, and where it is."""
    return made(
        ApprovalView.of(approval),
        at=f"/approvals/{approval.id}",
        version=approval.version,
        replayed=approval.replayed,
    )


def _require(access: Access, request: Call, kind: ApprovalKind, action: Action) -> None:
    """Refuse whoever may not do that in the area which the request is about."""
    access.permit(request.user, AREA_OF[kind], action, thing="approval")


def _shown(approval: Approval) -> Response[ApprovalView]:
    return shown(ApprovalView.of(approval), version=approval.version)
