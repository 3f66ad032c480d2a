import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from telecom_crm.adapters.passwords import Argon2Passwords, TimeCodes
from telecom_crm.application.access.service import Access
from telecom_crm.application.granting import BeyondRights
from telecom_crm.application.idempotency import request_key
from telecom_crm.application.ports import Query
from telecom_crm.application.rules import RuleBook
from telecom_crm.domain.errors import InvalidValue, NotFound, NotPermitted, RuleViolated
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.role import BUILT_IN_ROLES, Action, Area, Limit, Scope
from telecom_crm.domain.role import Role as Role_
from telecom_crm.domain.role import RoleName as Role

BY = Actor("root")


@pytest.fixture
def access(uow, clock, ids):
    return Access(uow, clock, ids, Argon2Passwords(memory_kib=64, rounds=1), TimeCodes())


def test_a_secret_is_shown_once_and_opens(access):
    token, secret = access.create_token(name="console", role=Role.OPERATOR, by=BY)
    assert re.fullmatch(r"tcrm_[\w-]{43}", secret)
    assert secret not in repr(token)
    assert token.digest not in repr(token)
    found = access.authenticate(secret)
    assert (found.id, found.role, found.actor) == (token.id, Role.OPERATOR, token.actor)
    for wrong in ("", "tcrm_", secret + "x", secret.upper(), "\ud800", "\x00"):
        assert access.authenticate(wrong) is None


def test_a_revoked_or_expired_token_opens_nothing(access, clock):
    token, secret = access.create_token(name="a", role=Role.ADMIN, by=BY)
    soon = clock.now + timedelta(hours=1)
    _, short = access.create_token(name="b", role=Role.CASHIER, expires_at=soon, by=BY)
    assert access.authenticate(short) is not None
    clock.pass_(hours=1)
    assert access.authenticate(short) is None
    revoked = access.revoke(token.id, by=BY)
    assert access.authenticate(secret) is None
    clock.pass_(hours=1)
    assert access.revoke(token.id, by=BY) == revoked
    with pytest.raises(InvalidValue):
        access.create_token(name="", role=Role.ADMIN, expires_at=soon, by=BY)


def test_the_last_use_is_noted_once_a_minute(access, clock):
    token, secret = access.create_token(name="a", role=Role.ADMIN, by=BY)
    first = clock.now
    access.authenticate(secret)
    clock.pass_(seconds=59)
    access.authenticate(secret)
    assert access.get(token.id).last_used_at == first
    clock.pass_(seconds=1)
    access.authenticate(secret)
    assert access.get(token.id).last_used_at == clock.now


def test_making_and_revoking_are_audited_and_listed(access):
    token, secret = access.create_token(name="a", role=Role.ADMIN, by=BY)
    access.create_token(name="b", role=Role.CASHIER, by=BY)
    access.revoke(token.id, by=BY)
    lines = access.audit(Query(where={"thing_id": str(token.id)})).items
    assert [line.action for line in lines] == ["token.create", "token.revoke"]
    assert secret not in repr(lines)
    assert [one.name for one in access.each(role="cashier")] == ["b"]
    assert len(access.page(Query()).items) == 2


def test_a_refusal_is_written_down_and_raised(access):
    token, secret = access.create_token(name="till", role=Role.CASHIER, by=BY)
    till = access.visitor(secret)
    access.permit(till, Area.PAYMENTS, Action.WRITE, thing="payment")
    with pytest.raises(NotPermitted):
        access.permit(till, Area.PAYMENTS, Action.APPROVE, thing="payment", thing_id="p1")
    line = access.audit(Query()).items[-1]
    assert (line.action, line.thing, line.thing_id, line.by) == (
        "refused approve payments",
        "payment",
        "p1",
        token.actor,
    )


@pytest.mark.parametrize(
    "name", ["system", "System", "demo", "command  line", "gateway:simulator", "channel console"]
)
def test_no_token_passes_for_what_acts_by_itself(access, name):
    with pytest.raises(InvalidValue) as refused:
        access.create_token(name=name, role=Role.CASHIER, by=BY)
    assert [fault.code for fault in refused.value.faults] == ["reserved"]


def test_keys_of_two_tokens_of_one_name_are_two(access):
    tills = [access.create_token(name="pos", role=Role.CASHIER, by=BY)[0] for _ in range(2)]
    first, second = (request_key("1", "pay", by=till.actor, amount=1) for till in tills)
    assert first
    assert second
    assert first.caller != second.caller
    assert request_key("1", "pay", by=tills[0].actor, amount=1) == first


def test_scopes_narrow_a_role_and_never_widen_it(access):
    scopes = [Scope.parse("payments:write"), Scope.parse("users:write")]
    token, secret = access.create_token(name="till", role=Role.CASHIER, scopes=scopes, by=BY)
    visitor = access.visitor(secret)
    assert visitor.actor == token.actor
    assert visitor.may(Area.PAYMENTS, Action.WRITE)
    assert not visitor.may(Area.PAYMENTS, Action.READ), "it is not in the scopes"
    assert not visitor.may(Area.USERS, Action.WRITE), "the role does not have it"
    _, none = access.create_token(name="nothing", role=Role.ADMIN, scopes=[], by=BY)
    assert not any(access.visitor(none).may(area, action) for area in Area for action in Action)
    with pytest.raises(InvalidValue) as refused:
        Scope.parse("money:take")
    assert [fault.code for fault in refused.value.faults] == ["area", "action"]
    with pytest.raises(NotFound, match="no role boss"):
        access.create_token(name="x", role="boss", by=BY)


def test_a_role_of_the_operator_s_own(access, uow, clock):
    rules = RuleBook(uow, clock)
    boss = Role_(name="boss", title="Boss", grants={Area.AUDIT: frozenset({Action.READ})})
    rules.put_roles([boss], by=BY)
    assert [role.name for role in rules.roles()][-1] == "boss"
    token, secret = access.create_token(name="x", role="boss", by=BY)
    assert access.visitor(secret).may(Area.AUDIT, Action.READ)
    assert not access.visitor(secret).may(Area.AUDIT, Action.WRITE)
    with pytest.raises(RuleViolated, match="somebody still has the role boss"):
        rules.put_roles([], by=BY)
    access.revoke(token.id, by=BY)
    rules.put_roles([], by=BY)
    with pytest.raises(RuleViolated, match="admin is built in"):
        rules.put_roles([attrs.evolve(boss, name="admin")], by=BY)


def test_a_token_may_no_more_than_who_makes_it(access):
    scopes = [Scope.parse("tokens:write"), Scope.parse("audit:read")]
    _, secret = access.create_token(name="narrow", role=Role.ADMIN, scopes=scopes, by=BY)
    narrow = access.visitor(secret)
    mine: dict[str, Any] = {"rights": narrow.rights, "by": narrow.actor}
    for asked in (None, [*scopes, Scope.parse("payments:write")]):
        with pytest.raises(BeyondRights):
            access.create_token(name="wide", role=Role.ADMIN, scopes=asked, **mine)
    lines = access.audit(Query(where={"action": "grant.refused"})).items
    assert [(one.thing, one.thing_id, one.by) for one in lines] == [
        ("token", "admin", narrow.actor)
    ] * 2
    assert [one.name for one in access.each()] == ["narrow"]
    _, inner = access.create_token(name="inner", role=Role.ADMIN, scopes=scopes[1:], **mine)
    assert access.visitor(inner).may(Area.AUDIT, Action.READ)


def test_nobody_makes_a_role_that_may_more_than_they(access, uow, clock):
    rules = RuleBook(uow, clock)
    own = Role_(
        name="hr",
        title="HR",
        grants={
            Area.USERS: frozenset({Action.READ, Action.WRITE}),
            Area.PAYMENTS: frozenset({Action.APPROVE}),
        },
        limits={Limit.REFUND: Decimal(100)},
    )
    strong = attrs.evolve(own, name="strong", grants={Area.RULES: frozenset(Action)})
    rules.put_roles([own, strong], by=BY)
    mine: dict[str, Any] = {"rights": own.rights, "by": BY}
    wide = {**own.grants, Area.AUDIT: frozenset({Action.READ})}
    for wrong in (
        lambda: rules.change_role(attrs.evolve(own, grants=wide), **mine),
        lambda: rules.change_role(attrs.evolve(own, limits={Limit.REFUND: Decimal(101)}), **mine),
        lambda: rules.change_role(attrs.evolve(own, limits={Limit.REFUND: None}), **mine),
        lambda: rules.create_role(attrs.evolve(own, name="more", grants=wide), **mine),
        lambda: rules.put_roles([own, attrs.evolve(strong, title="S")], **mine),
    ):
        with pytest.raises(BeyondRights):
            wrong()
    lines = access.audit(Query(where={"action": "grant.refused"})).items
    assert [one.thing_id for one in lines] == ["hr", "hr", "hr", "more", "strong"]
    assert rules.role("hr") == own
    rules.create_role(attrs.evolve(own, name="less", limits={Limit.REFUND: Decimal(99)}), **mine)
    admin: dict[str, Any] = {"rights": BUILT_IN_ROLES[Role.ADMIN].rights, "by": BY}
    rules.change_role(attrs.evolve(own, limits={Limit.REFUND: None}), **admin)
