"""Rows of approvals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telecom_crm.domain.approval import Approval, ApprovalKind, ApprovalStatus
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money


def approval_to_row(approval: Approval) -> dict[str, Any]:
    """Return the row of an approval."""
    amount, decider = approval.amount, approval.decided_by
    return {
        "id": approval.id,
        "kind": approval.kind.value,
        "thing_id": approval.thing_id,
        "amount_minor": amount.minor if amount else None,
        "currency": amount.currency if amount else None,
        "reason": approval.reason,
        "asked_by_name": approval.asked_by.name,
        "asked_by_token": approval.asked_by.token,
        "asked_by_maker": approval.asked_by.maker,
        "asked_at": approval.asked_at,
        "decided_by_name": decider.name if decider else None,
        "decided_by_token": decider.token if decider else None,
        "comment": approval.comment,
        "outcome": approval.outcome,
        "status": approval.status.value,
        "version": approval.version,
    }


def approval_from_row(row: Mapping[str, Any]) -> Approval:
    """Return the approval of a row."""
    minor, decider = row["amount_minor"], row["decided_by_name"]
    return Approval(
        id=row["id"],
        kind=ApprovalKind(row["kind"]),
        thing_id=row["thing_id"],
        amount=None if minor is None else Money(minor, row["currency"]),
        reason=row["reason"],
        asked_by=Actor(row["asked_by_name"], row["asked_by_token"], row["asked_by_maker"]),
        asked_at=row["asked_at"],
        decided_by=None if decider is None else Actor(decider, row["decided_by_token"]),
        comment=row["comment"],
        outcome=row["outcome"],
        status=ApprovalStatus(row["status"]),
        version=row["version"],
    )
