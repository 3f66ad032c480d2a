"""Requests that a second person decides."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from telecom_crm.domain.approval import (
    APPROVAL_LIFECYCLE,
    THING_OF,
    Approval,
    ApprovalKind,
    ApprovalStatus,
)
from telecom_crm.domain.errors import IllegalTransition, InvalidValue, RuleViolated
from telecom_crm.domain.identifiers import ApprovalId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
ASKER, SECOND = Actor("asker", "t-1", "user:7"), Actor("second", "t-2", "user:8")
PAYMENT = str(UUID(int=7))


def approval(**more):
    given: dict[str, Any] = {
        "kind": ApprovalKind.REFUND,
        "thing_id": PAYMENT,
        "amount": Money(50_00, "KGS"),
        "reason": "paid twice",
        "by": ASKER,
    }
    return Approval.ask(id=ApprovalId(UUID(int=1)), at=AT, **given | more)


def test_the_table():
    assert APPROVAL_LIFECYCLE.triples() == {
        (None, "ask", "pending"),
        ("pending", "approve", "approved"),
        ("pending", "send_back", "returned"),
        ("pending", "withdraw", "withdrawn"),
        ("approved", "carry_out", "done"),
        ("approved", "fail", "failed"),
    }
    assert set(THING_OF) == set(ApprovalKind)


def test_asking_tells_every_fault_and_says_what_it_is_about():
    with pytest.raises(InvalidValue) as caught:
        approval(reason=" ", amount=None)
    assert [fault.field for fault in caught.value.faults] == ["reason", "amount"]
    for wrong, code in (
        ({"amount": Money(0, "KGS")}, "not_positive"),
        ({"kind": ApprovalKind.ERASURE}, "amount"),
    ):
        with pytest.raises(InvalidValue) as caught:
            approval(**wrong)
        assert [(fault.field, fault.code) for fault in caught.value.faults] == [("amount", code)]
    [event] = approval().events
    assert event.payload == {
        "kind": "refund", "payment": PAYMENT, "amount": "50.00", "currency": "KGS",
    }  # fmt: skip
    assert "paid twice" not in str(event), "what a person wrote may say who it is about"


@pytest.mark.parametrize(
    "same",
    [
        ASKER,
        Actor("asker", "another token"),
        Actor("asker"),
        Actor("who made the token", "user:7"),
        Actor("another token of theirs", "t-3", "user:7"),
    ],
)
def test_who_asked_does_not_decide(same):
    for decide in (
        lambda: approval().approve(by=same, at=AT),
        lambda: approval().send_back(comment="no", by=same, at=AT),
    ):
        with pytest.raises(RuleViolated) as caught:
            decide()
        assert caught.value.rule == "four_eyes"
    assert approval().withdraw(by=same, at=AT).status is ApprovalStatus.WITHDRAWN


def test_a_second_person_decides():
    given = approval().approve(comment=" fine ", by=SECOND, at=AT)
    assert (given.decided_by, given.comment) == (SECOND, "fine")
    assert given.carry_out(outcome="r-1", by=SECOND, at=AT).status is ApprovalStatus.DONE
    assert given.fail(outcome="too late", by=SECOND, at=AT).outcome == "too late"
    returned = approval().send_back(comment="which payment?", by=SECOND, at=AT)
    assert (returned.status, returned.comment) == (ApprovalStatus.RETURNED, "which payment?")
    with pytest.raises(InvalidValue, match="a text is required"):
        approval().send_back(comment=" ", by=SECOND, at=AT)
    with pytest.raises(RuleViolated, match="only who asked"):
        approval().withdraw(by=SECOND, at=AT)


def test_what_was_decided_is_not_decided_again():
    given = approval().approve(by=SECOND, at=AT)
    for again in (
        lambda: given.approve(by=ASKER, at=AT),
        lambda: given.send_back(comment="no", by=SECOND, at=AT),
        lambda: given.withdraw(by=ASKER, at=AT),
    ):
        with pytest.raises(IllegalTransition):
            again()
