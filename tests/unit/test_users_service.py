"""People are invited, sign in, are limited in guessing, and are let out at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import attrs
import pyotp
import pytest

from telecom_crm.adapters.passwords import Argon2Passwords, TimeCodes
from telecom_crm.application.access.service import Access
from telecom_crm.application.access.signing_in import (
    GUESSES,
    GUESSES_OF_ADDRESS,
    SignedIn,
    SignInRefused,
    TooManyAttempts,
)
from telecom_crm.application.granting import BeyondRights
from telecom_crm.application.ports import Query
from telecom_crm.application.users import LoginTaken, Users
from telecom_crm.domain.errors import InvalidValue, NotFound, RuleViolated, VersionSeen
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.role import BUILT_IN_ROLES, Action, Area, RoleName
from telecom_crm.domain.session import IDLE, LONGEST, SessionStage
from telecom_crm.domain.user import Preferences, Theme, User

ROOT = Actor("root")
PASSWORD = "correct horse battery"


@attrs.define
class House:
    """A house with people in it."""

    access: Access
    users: Users
    clock: Any

    def hire(self, login: str = "aida", role: str = RoleName.OPERATOR) -> User:
        _, secret = self.users.invite(login=login, name=login.title(), role=role, by=ROOT)
        return self.users.accept(secret, password=PASSWORD)

    def enter(self, login: str = "aida", password: str = PASSWORD, **more: Any) -> SignedIn:
        return self.access.sign_in(login=login, password=password, **{"address": "a"} | more)

    def app(self, user: User) -> Callable[[datetime], str]:
        """Set a second step up, and return what an authenticator app shows."""
        _, link = self.users.begin_second_step(user.id, by=user.actor)
        secret = parse_qs(urlsplit(link).query)["secret"][0]
        return pyotp.TOTP(secret).at


@pytest.fixture
def house(uow, clock, ids):
    passwords, codes = Argon2Passwords(memory_kib=64, rounds=1), TimeCodes()
    shared = (uow, clock, ids, passwords, codes)
    return House(Access(*shared), Users(*shared), clock)


def test_an_invited_person_chooses_a_password_and_comes_in(house):
    user, secret = house.users.invite(login="Aida", name="Aida", role="operator", by=ROOT)
    with pytest.raises(SignInRefused):
        house.enter("aida", "")
    with pytest.raises(InvalidValue):
        house.users.accept(secret, password="short")
    house.users.accept(secret, password=PASSWORD)
    with pytest.raises(NotFound):
        house.users.accept(secret, password=PASSWORD)
    signed = house.enter(" AIDA ", agent="a browser")
    assert re.fullmatch(r"tcss_[\w-]{43}", signed.secret)
    assert signed.secret not in repr(signed)
    visitor = house.access.visitor(signed.secret)
    assert visitor.actor == Actor("aida", f"user:{user.id}")
    assert (visitor.role, visitor.user_id) == ("operator", user.key)
    assert visitor.may(Area.CUSTOMERS, Action.WRITE)
    assert not visitor.may(Area.USERS, Action.WRITE)
    [session] = house.access.sessions(user.id)
    assert (session.agent, session.address) == ("a browser", "a")
    told = [line.action for line in house.access.audit(Query()).items]
    assert told == ["sign_in.refused", "sign_in"]
    with pytest.raises(LoginTaken):
        house.users.invite(login="aida", name="Another", role="operator", by=ROOT)
    with pytest.raises(NotFound, match="no role boss"):
        house.users.invite(login="b2", name="B", role="boss", by=ROOT)


def test_nobody_learns_which_part_was_wrong(house):
    house.hire()
    said = set()
    for login, password in (("aida", "wrong"), ("nobody", PASSWORD), ("", ""), ("a\0", "\ud800")):
        with pytest.raises(SignInRefused) as refused:
            house.enter(login, password)
        said.add(str(refused.value))
    assert len(said) == 1
    lines = house.access.audit(Query()).items
    assert [line.thing_id for line in lines].count("unknown") == 3
    assert "nobody" not in repr(lines), "it may be a password, typed into the wrong field"


def test_guessing_a_login_is_limited_and_forgiven(house):
    user = house.hire()
    for _ in range(GUESSES):
        with pytest.raises(SignInRefused):
            house.enter(password="wrong")
    with pytest.raises(TooManyAttempts) as limited:
        house.enter()
    assert limited.value.retry_after_seconds == 15 * 60
    with pytest.raises(TooManyAttempts):
        house.enter()
    over = [line for line in house.access.audit(Query()).items if line.action == "attempts.over"]
    assert [line.thing_id for line in over] == [user.key], "once, at whom it was tried"
    house.clock.pass_(minutes=15)
    for _ in range(GUESSES - 1):
        with pytest.raises(SignInRefused):
            house.enter(password="wrong")
    house.enter()
    for _ in range(GUESSES):
        house.enter()


def test_a_session_that_is_kept_is_not_ended_by_a_pause(house):
    user = house.hire()
    kept, other = house.enter(keep=True), house.enter()
    at = house.clock.now
    assert house.access.visitor(other.secret).until == at + IDLE
    assert house.access.visitor(kept.secret).until == at + LONGEST
    house.clock.pass_(minutes=31)
    assert house.access.visitor(other.secret) is None
    assert house.access.visitor(kept.secret).user_id == user.key
    house.clock.pass_(hours=12)
    assert house.access.visitor(kept.secret) is None
    code_at = house.app(user)
    house.users.confirm_second_step(user.id, code=code_at(house.clock.now), by=user.actor)
    begun = house.enter(keep=True)
    house.clock.pass_(seconds=30)
    whole = house.access.second_step(begun.secret, code=code_at(house.clock.now))
    assert whole.session.idle == LONGEST


def test_who_forgot_a_password_is_written_down_and_told_nothing(house):
    user = house.hire()
    for login in ("AIDA ", "nobody"):
        assert house.access.forgot_password(login=login, address="a") is None
    lines = house.access.audit(Query(where={"action": "password.forgotten"})).items
    assert [line.thing_id for line in lines] == [user.key, "unknown"]
    assert house.enter(), "nothing is changed by asking"
    for _ in range(GUESSES - 1):
        house.access.forgot_password(login="aida")
    with pytest.raises(TooManyAttempts):
        house.access.forgot_password(login="aida")


def test_guessing_from_an_address_is_limited_over_all_logins(house):
    house.hire()
    for n in range(GUESSES_OF_ADDRESS):
        with pytest.raises(SignInRefused):
            house.enter(f"login-{n}", address="bad")
    with pytest.raises(TooManyAttempts):
        house.enter(address="bad")
    assert house.enter(address="good")


def test_an_address_without_tries_leaves_no_rows_and_all_are_forgotten(house):
    house.hire()
    for n in range(GUESSES_OF_ADDRESS + 20):
        with pytest.raises((SignInRefused, TooManyAttempts)):
            house.enter(f"login-{n}", address="bad")
    assert house.access.forget_attempts(limit=1000) == 0, "they count still"
    house.clock.pass_(days=1, seconds=1)
    kept = GUESSES_OF_ADDRESS + 1
    forgotten = [house.access.forget_attempts(limit=20) for _ in range(3)]
    assert forgotten == [20, kept - 20, 0], "one of the address, and one of each login it may try"


def test_signing_in_ends_the_session_that_one_comes_with(house):
    user = house.hire()
    first, other = house.enter(), house.enter()
    second = house.enter(replaces=first.secret)
    assert house.access.visitor(first.secret) is None
    assert house.access.visitor(other.secret) is not None
    with pytest.raises(SignInRefused):
        house.enter(password="wrong", replaces=second.secret)
    assert house.access.visitor(second.secret) is not None, "nobody came in"
    for nonsense in ("", "x", "tcss_x"):
        house.enter(replaces=nonsense)
    code_at = house.app(user)
    house.users.confirm_second_step(user.id, code=code_at(house.clock.now), by=user.actor)
    house.enter(replaces=second.secret)
    assert house.access.visitor(second.secret) is None


def test_a_code_is_asked_for_and_works_once(house):
    user = house.hire()
    code_at = house.app(user)
    with pytest.raises(InvalidValue):
        house.users.confirm_second_step(user.id, code="000000", by=user.actor)
    _, recovery = house.users.confirm_second_step(
        user.id, code=code_at(house.clock()), by=user.actor
    )
    assert len(set(recovery)) == 10
    first = house.enter()
    assert first.session.stage is SessionStage.SECOND_STEP
    assert house.access.visitor(first.secret) is None
    with pytest.raises(SignInRefused):
        house.access.second_step(first.secret, code=code_at(house.clock())), "it was used already"
    house.clock.pass_(seconds=30)
    whole = house.access.second_step(first.secret, code=code_at(house.clock()))
    assert whole.secret != first.secret
    assert house.access.visitor(whole.secret) is not None
    with pytest.raises(SignInRefused):
        house.access.second_step(first.secret, code=recovery[0]), "that step is over"
    again = house.enter()
    assert house.access.second_step(again.secret, code=recovery[0].lower()).session
    with pytest.raises(SignInRefused):
        house.access.second_step(house.enter().secret, code=recovery[0])
    _, renewed = house.users.renew_recovery(user.id, password=PASSWORD, by=user.actor)
    with pytest.raises(SignInRefused):
        house.access.second_step(house.enter().secret, code=recovery[1])
    assert house.access.second_step(house.enter().secret, code=renewed[1]).session
    late = house.enter()
    house.clock.pass_(minutes=5)
    with pytest.raises(SignInRefused):
        house.access.second_step(late.secret, code=code_at(house.clock()))


def test_guessing_a_code_is_limited_over_all_sessions(house):
    user = house.hire()
    code_at = house.app(user)
    house.users.confirm_second_step(user.id, code=code_at(house.clock()), by=user.actor)
    for _ in range(GUESSES):
        with pytest.raises(SignInRefused):
            house.access.second_step(house.enter().secret, code="000000")
    house.clock.pass_(seconds=60)
    with pytest.raises(TooManyAttempts):
        house.access.second_step(house.enter().secret, code=code_at(house.clock()))


def test_a_session_ends(house):
    user = house.hire()
    out = house.enter().secret
    house.access.sign_out(out)
    house.access.sign_out(out)
    assert house.access.visitor(out) is None
    idle = house.enter().secret
    house.clock.pass_(minutes=29)
    assert house.access.visitor(idle) is not None
    house.clock.pass_(minutes=29)
    assert house.access.visitor(idle) is not None, "it was seen half an hour ago"
    house.clock.pass_(minutes=30)
    assert house.access.visitor(idle) is None
    long = house.enter().secret
    for _ in range(12 * 3):
        assert house.access.visitor(long) is not None
        house.clock.pass_(minutes=20)
    assert house.access.visitor(long) is None, "twelve hours are the most"
    assert house.access.sessions(user.id) == []
    assert house.access.visitor("tcss_x") is None
    house.clock.pass_(days=91)
    assert house.users.forget_sessions() == 3


@pytest.mark.parametrize("how", ["block", "remove", "reset", "change_role"])
def test_what_is_taken_away_is_gone_at_once(house, how):
    user = house.hire()
    secret = house.enter().secret
    act = getattr(house.users, how)
    act(user.id, by=ROOT, **({"role": "cashier"} if how == "change_role" else {}))
    visitor = house.access.visitor(secret)
    if how == "change_role":
        assert not visitor.may(Area.CUSTOMERS, Action.WRITE)
        return
    assert visitor is None
    with pytest.raises(SignInRefused):
        house.enter()


@pytest.mark.parametrize("how", ["block", "remove", "reset"])
def test_what_somebody_made_opens_nothing_while_they_may_not_come_in(house, how):
    boss = house.hire("boss", RoleName.ADMIN)
    house.hire("second", RoleName.ADMIN)
    made = {"name": "exchange", "role": RoleName.ADMIN}
    first, own = house.access.create_token(**made, by=boss.actor)
    _, lent = house.access.create_token(**made, by=first.actor)
    _, of_the_house = house.access.create_token(**made, by=ROOT)
    assert house.access.visitor(own).actor.person == boss.actor.token
    getattr(house.users, how)(boss.id, by=ROOT)
    assert house.access.visitor(own) is None
    assert house.access.authenticate(lent) is None, "they answer for what their token made, too"
    assert house.access.visitor(of_the_house) is not None
    if how == "block":
        house.users.unblock(boss.id, by=ROOT)
        assert house.access.visitor(lent) is not None


def test_a_changed_password_ends_the_other_sessions(house):
    user = house.hire()
    mine, other = house.enter(), house.enter()
    change = {"new": "another horse altogether", "keep": str(mine.session.id), "by": user.actor}
    with pytest.raises(InvalidValue) as refused:
        house.users.change_password(user.id, old="wrong", **change)
    assert [fault.field for fault in refused.value.faults] == ["old"]
    house.users.change_password(user.id, old=PASSWORD, **change)
    assert house.access.visitor(mine.secret) is not None
    assert house.access.visitor(other.secret) is None
    with pytest.raises(SignInRefused):
        house.enter()
    assert house.enter(password="another horse altogether")


@pytest.mark.parametrize("what", ["change_password", "drop_second_step", "renew_recovery"])
def test_a_session_alone_takes_nobody_over_and_guessing_is_limited(house, what):
    user = house.hire()
    code_at = house.app(user)
    house.users.confirm_second_step(user.id, code=code_at(house.clock()), by=user.actor)
    here = house.users.get(user.id)

    def attempt(password):
        given = {"old": password, "new": "another horse altogether"}
        said = given if what == "change_password" else {"password": password}
        return getattr(house.users, what)(user.id, **said, by=user.actor)

    for _ in range(GUESSES):
        with pytest.raises(InvalidValue) as refused:
            attempt("wrong")
        assert [fault.code for fault in refused.value.faults] == ["password_wrong"]
    with pytest.raises(TooManyAttempts):
        attempt(PASSWORD)
    assert house.users.get(user.id) == here
    lines = house.access.audit(Query(where={"thing_id": user.key})).items
    told = [line.action for line in lines if line.action != "sign_in"]
    assert told == ["password.refused"] * GUESSES + ["attempts.over"]
    assert house.enter(), "who signs in is not kept out by it"
    house.clock.pass_(minutes=15)
    attempt(PASSWORD)
    assert house.users.get(user.id) != here


def test_the_last_admin_stays_and_nobody_changes_themselves(house):
    boss, second = house.hire("boss", RoleName.ADMIN), house.hire("second", RoleName.ADMIN)
    for act in (house.users.block, house.users.remove):
        with pytest.raises(RuleViolated) as own:
            act(boss.id, by=boss.actor)
        assert own.value.rule == "own_user"
    house.users.block(second.id, by=boss.actor)
    for act in (
        lambda: house.users.block(boss.id, by=ROOT),
        lambda: house.users.remove(boss.id, by=ROOT),
        lambda: house.users.change_role(boss.id, role="operator", by=ROOT),
        lambda: house.users.reset(boss.id, by=ROOT),
        lambda: house.users.reset(boss.id, by=boss.actor),
    ):
        with pytest.raises(RuleViolated) as last:
            act()
        assert last.value.rule == "last_admin"
    house.users.give_password("boss", password=PASSWORD, by=ROOT)
    house.users.unblock(second.id, by=ROOT)
    house.users.change_role(boss.id, role="operator", by=second.actor)


def test_nobody_gives_somebody_a_role_that_may_more_than_they(house):
    clerk, boss = house.hire(), house.hire("boss", RoleName.ADMIN)
    house.hire("second", RoleName.ADMIN)
    hr = attrs.evolve(
        BUILT_IN_ROLES[RoleName.CASHIER].rights,
        grants={**BUILT_IN_ROLES[RoleName.CASHIER].grants, Area.USERS: frozenset(Action)},
    )
    mine: dict[str, Any] = {"rights": hr, "by": Actor("hr", "user:1")}
    for act in (
        lambda: house.users.invite(login="b2", name="B", role=RoleName.ADMIN, **mine),
        lambda: house.users.change_role(clerk.id, role=RoleName.ADMIN, **mine),
        lambda: house.users.reset(boss.id, **mine),
        lambda: house.users.reset(clerk.id, **mine),
    ):
        with pytest.raises(BeyondRights):
            act()
    told = house.access.audit(Query(where={"action": "grant.refused"})).items
    assert [(line.thing, line.thing_id, line.by.name) for line in told] == [
        *(("user", role, "hr") for role in ("admin", "admin", "admin", "operator"))
    ]
    assert house.users.get(boss.id) == boss
    house.users.invite(login="b2", name="B", role=RoleName.CASHIER, **mine)
    cashier = house.users.change_role(clerk.id, role=RoleName.CASHIER, **mine)
    house.users.reset(cashier.id, **mine)


def test_weak_digests_are_made_anew(house):
    user = house.hire()
    stronger = Argon2Passwords(memory_kib=128, rounds=1)
    attrs.evolve(house.access, passwords=stronger).sign_in(login="aida", password=PASSWORD)
    digest = house.users.get(user.id).password_hash
    assert not stronger.is_outdated(digest)
    assert house.enter()


def test_names_preferences_and_versions(house):
    user = house.hire()
    with pytest.raises(VersionSeen):
        house.users.rename(user.id, name="X", expected_version=9, by=ROOT)
    assert house.users.rename(user.id, name="Aida B", by=ROOT).name == "Aida B"
    dark = Preferences(language="ky", theme=Theme.DARK, shortcuts=False)
    assert house.users.prefer(user.id, dark, by=user.actor).preferences == dark
    events = len(house.users.timeline(user.id))
    house.users.prefer(user.id, dark, by=user.actor)
    assert len(house.users.timeline(user.id)) == events
    assert [one.login for one in house.users.each(role="operator", status="active")] == ["aida"]
    assert house.users.page(Query(where={"login": "nobody"})).items == ()
    with pytest.raises(NotFound):
        house.users.get(UUID(int=99))
