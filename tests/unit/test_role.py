from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import pytest

from telecom_crm.domain.approval import ApprovalKind
from telecom_crm.domain.errors import InvalidValue, NotPermitted, RuleViolated
from telecom_crm.domain.identifiers import TokenId
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.role import (
    AREA_OF,
    BUILT_IN_ROLES,
    LIMITED,
    NO_RIGHTS,
    PAST_LIMIT,
    Action,
    Area,
    Limit,
    Rights,
    Role,
    RoleName,
    Scope,
    granted,
)
from telecom_crm.domain.token import Token

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
SECRET = "s" * 43
R = {name: BUILT_IN_ROLES[name] for name in RoleName}


def token(**fields):
    given: dict[str, Any] = {
        "name": "till 1",
        "role": RoleName.CASHIER,
        "secret": SECRET,
        "by": SYSTEM,
    } | fields
    return Token.create(id=TokenId(UUID(int=1)), **given, at=AT)


def test_roles():
    assert set(BUILT_IN_ROLES) == {name.value for name in RoleName}
    assert all(R[RoleName.ADMIN].may(area, action) for area in Area for action in Action)
    assert all(
        R[RoleName.AUDITOR].may(area, action) == (action is Action.READ)
        for area in Area
        for action in Action
    )
    cashier_writes = {area for area in Area if R[RoleName.CASHIER].may(area, Action.WRITE)}
    assert cashier_writes == {Area.PAYMENTS, Area.APPROVALS}
    support_writes = {area for area in Area if R[RoleName.SUPPORT].may(area, Action.WRITE)}
    assert support_writes == {Area.TICKETS}
    for area in (Area.INVENTORY, Area.CUSTOMERS, Area.CONTRACTS, Area.TICKETS):
        assert R[RoleName.OPERATOR].may(area, Action.REVEAL)
        assert R[RoleName.SENIOR_OPERATOR].may(area, Action.REVEAL)
    for action in (Action.REVEAL, Action.EXPORT):
        assert not any(R[RoleName.CASHIER].may(area, action) for area in Area)
    approving = {area for area in Area if R[RoleName.SENIOR_OPERATOR].may(area, Action.APPROVE)}
    assert approving == {Area.APPROVALS, *AREA_OF.values()}
    for name in (RoleName.OPERATOR, RoleName.CASHIER, RoleName.SUPPORT, RoleName.AUDITOR):
        assert not any(R[name].may(area, Action.APPROVE) for area in Area)
        for area in (Area.TOKENS, Area.USERS):
            assert not R[name].may(area, Action.WRITE)


def test_what_is_not_granted_is_denied():
    cashier = R[RoleName.CASHIER].rights
    assert not cashier.may(Area.TICKETS, Action.READ)
    with pytest.raises(NotPermitted) as caught:
        cashier.require(Area.PAYMENTS, Action.APPROVE)
    assert caught.value.action == "approve payments"
    cashier.require(Area.PAYMENTS, Action.WRITE)
    assert not any(NO_RIGHTS.may(area, action) for area in Area for action in Action)


@pytest.mark.parametrize(
    ("minor", "currency", "alone"),
    [
        (5_000_00, "KGS", True),
        (5_000_01, "KGS", False),
        (5_000, "JPY", True),
        (5_001, "JPY", False),
    ],
)
def test_who_may_approve_decides_alone_up_to_an_amount(minor, currency, alone):
    senior = R[RoleName.SENIOR_OPERATOR].rights
    amount = Money(minor, currency)
    assert senior.decides_alone(ApprovalKind.REFUND, amount) is alone
    assert not R[RoleName.OPERATOR].rights.decides_alone(ApprovalKind.REFUND, amount)
    assert not senior.decides_alone(ApprovalKind.ERASURE, None), "that always takes two"
    everything = Rights(grants=senior.grants, limits={Limit.ADJUSTMENT: None})
    assert everything.decides_alone(ApprovalKind.WRITE_OFF, amount)
    assert not everything.decides_alone(ApprovalKind.REFUND, amount), "a limit of its own"


def test_a_limit_refuses_what_is_more_and_names_it():
    rights = Rights(limits={Limit.PAYMENT: Decimal("1000.005"), Limit.PROMISE: Decimal(0)})
    rights.refuse_past(Limit.PAYMENT, Money(1_000_00, "KGS"))
    for limit, most in ((Limit.PAYMENT, "1000.00 KGS"), (Limit.PROMISE, "0.00 KGS")):
        with pytest.raises(RuleViolated, match=f"than your role allows, which is {most}") as caught:
            rights.refuse_past(limit, Money(1_000_01, "KGS"))
        assert caught.value.rule == PAST_LIMIT
    NO_RIGHTS.refuse_past(Limit.PAYMENT, Money(10**16, "KGS"))


@pytest.mark.parametrize("limit", Limit)
def test_a_right_is_covered_up_to_its_own_limit(limit):
    grants = granted([Scope(*LIMITED[limit])])
    mine = Rights(grants=grants, limits={limit: Decimal(100)})
    for most, covered in ((Decimal(100), True), (Decimal(101), False), (None, False)):
        assert mine.covers(Rights(grants=grants, limits={limit: most})) is covered
    others = {one: None for one in Limit if one is not limit}
    assert mine.covers(attrs.evolve(mine, limits={limit: Decimal(1), **others})), "not granted"


def test_a_role_tells_every_fault():
    with pytest.raises(InvalidValue) as caught:
        Role(name="No Role", title=" ", grants={}, limits={Limit.REFUND: Decimal(-1)})
    assert [(fault.field, fault.code) for fault in caught.value.faults] == [
        ("name", "role_name"),
        ("title", "title"),
        ("limits.refund", "negative"),
    ]


def test_a_token_keeps_no_secret():
    one = token()
    assert one.matches(SECRET)
    assert not one.matches(SECRET + "x")
    assert not one.matches("\ud800")
    assert SECRET not in repr(one)
    assert one.digest not in repr(one)
    assert one.actor.token == str(one.id)


@pytest.mark.parametrize(
    ("by", "person"),
    [
        (Actor("aida", "user:7"), "user:7"),
        (Actor("till 1", "t-1", "user:7"), "user:7"),
        (Actor("till 1", "t-1"), "t-1"),
        (Actor("command line"), str(UUID(int=1))),
        (SYSTEM, str(UUID(int=1))),
    ],
)
def test_whoever_made_a_token_answers_for_it(by, person):
    one = token(by=by)
    assert (one.made_by, one.actor.person) == (by, person)
    assert one.actor.is_same_as(by) is (person == by.person)
    assert one.actor.caller == f"token {one.id}", "what is paid with it is its own"


def test_a_token_ends():
    one = token(expires_at=AT + timedelta(days=1))
    assert one.is_valid(at=AT)
    assert not one.is_valid(at=AT + timedelta(days=1))
    revoked = one.revoke(at=AT)
    assert not revoked.is_valid(at=AT)
    assert revoked.revoke(at=AT + timedelta(hours=1)) is revoked
    assert one.used(at=AT).last_used_at == AT


def test_create_tells_every_fault():
    with pytest.raises(InvalidValue) as caught:
        token(name="", secret="short", expires_at=AT)
    assert [fault.field for fault in caught.value.faults] == ["name", "secret", "expires_at"]
