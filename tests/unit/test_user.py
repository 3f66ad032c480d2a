from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from telecom_crm.domain.errors import InvalidValue, NotPermitted
from telecom_crm.domain.identifiers import TokenId
from telecom_crm.domain.user import PERMISSIONS, Action, Area, Role, Token

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
SECRET = "s" * 43


def token(**fields):
    given = {"name": "till 1", "role": Role.CASHIER, "secret": SECRET} | fields
    return Token.create(id=TokenId(UUID(int=1)), **given, at=AT)


def test_roles():
    assert set(PERMISSIONS) == set(Role)
    assert all(Role.ADMIN.may(area, action) for area in Area for action in Action)
    assert all(
        Role.AUDITOR.may(area, action) == (action is Action.READ)
        for area in Area
        for action in Action
    )
    cashier_writes = {area for area in Area if Role.CASHIER.may(area, Action.WRITE)}
    assert cashier_writes == {Area.PAYMENTS, Area.APPROVALS}
    for area in (Area.INVENTORY, Area.CUSTOMERS, Area.CONTRACTS, Area.TICKETS):
        assert Role.OPERATOR.may(area, Action.REVEAL)
    for action in (Action.REVEAL, Action.EXPORT):
        assert not any(Role.CASHIER.may(area, action) for area in Area)
    for role in (Role.OPERATOR, Role.CASHIER, Role.AUDITOR):
        assert not any(role.may(area, Action.APPROVE) for area in Area)
        assert not role.may(Area.TOKENS, Action.WRITE)


def test_nobody_changes_what_they_may_not_read():
    for role in Role:
        for area, actions in PERMISSIONS[role].items():
            assert Action.READ in actions, (role, area)


def test_what_is_not_in_the_table_is_denied():
    assert not Role.CASHIER.may(Area.TICKETS, Action.READ)
    with pytest.raises(NotPermitted) as caught:
        Role.CASHIER.require(Area.PAYMENTS, Action.APPROVE)
    assert caught.value.action == "approve payments"
    Role.CASHIER.require(Area.PAYMENTS, Action.WRITE)


def test_a_token_keeps_no_secret():
    one = token()
    assert one.matches(SECRET)
    assert not one.matches(SECRET + "x")
    assert not one.matches("\ud800")
    assert SECRET not in repr(one)
    assert one.digest not in repr(one)
    assert one.actor.token == str(one.id)


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
