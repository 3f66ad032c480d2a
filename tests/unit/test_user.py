"""Users: who may sign in, and what is kept of what opens anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from telecom_crm.domain.errors import IllegalTransition, InvalidValue, RuleViolated
from telecom_crm.domain.identifiers import UserId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.user import (
    INVITATION,
    USER_LIFECYCLE,
    Preferences,
    Theme,
    User,
    UserStatus,
    read_login,
    read_password,
)

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
BY = Actor("root")
SAID: dict[str, Any] = {"by": BY, "at": AT}


def invited(**more: Any) -> User:
    given = {"login": "Aida", "name": "Aida Asanova", "role": "operator", "invitation": "d" * 64}
    return User.invite(id=UserId(UUID(int=1)), **given | more, **SAID)


def active() -> User:
    return invited().accept(password_hash="$argon2id$1", at=AT)


def test_the_table():
    assert USER_LIFECYCLE.triples() == {
        (None, "invite", "invited"),
        ("invited", "accept", "active"),
        ("invited", "reset", "invited"),
        ("active", "reset", "invited"),
        ("active", "block", "blocked"),
        ("blocked", "unblock", "active"),
        ("invited", "remove", "removed"),
        ("active", "remove", "removed"),
        ("blocked", "remove", "removed"),
    }


def test_an_invitation_is_good_for_three_days_and_once():
    user = invited()
    assert (user.login, user.status, user.may_sign_in) == ("aida", UserStatus.INVITED, False)
    assert user.is_invited_by("d" * 64, at=AT)
    assert not user.is_invited_by("e" * 64, at=AT)
    assert not user.is_invited_by("d" * 64, at=AT + INVITATION)
    begun = user.accept(password_hash="$argon2id$1", at=AT)
    assert begun.may_sign_in
    assert not begun.is_invited_by("d" * 64, at=AT)
    with pytest.raises(IllegalTransition):
        begun.accept(password_hash="$argon2id$2", at=AT)


def test_nothing_that_opens_is_shown_or_told():
    user = active().begin_second_step("BASE32SECRET", **SAID)
    user = user.confirm_second_step(step=7, recovery=["r" * 64], **SAID)
    for secret in ("argon2id", "BASE32SECRET", "r" * 64, "d" * 64):
        assert secret not in repr(user)
        assert secret not in str(user.events)
    assert "Aida Asanova" not in str(user.events)


def test_blocked_and_removed_users_open_nothing():
    assert not active().block(reason="left", **SAID).may_sign_in
    assert active().block(reason="", **SAID).unblock(**SAID).may_sign_in
    gone = active().remove(reason="left", **SAID)
    assert (gone.password_hash, gone.invitation, gone.may_sign_in) == (None, None, False)
    for change in (
        lambda: gone.rename("Other", **SAID),
        lambda: gone.change_role("admin", **SAID),
        lambda: gone.change_password(password_hash="x", **SAID),
    ):
        with pytest.raises(IllegalTransition):
            change()


def test_a_second_step_is_confirmed_before_it_counts():
    begun = active().begin_second_step("S", **SAID)
    assert not begun.has_second_step
    with pytest.raises(RuleViolated, match="is not there"):
        begun.drop_second_step(**SAID)
    there = begun.confirm_second_step(step=7, recovery=["a", "b"], **SAID)
    assert there.has_second_step
    with pytest.raises(RuleViolated, match="is there already"):
        there.begin_second_step("T", **SAID)
    assert there.use_code(8, at=AT).totp_step == 8
    assert there.use_recovery("a", at=AT).recovery == ("b",)
    assert there.renew_recovery(["c"], **SAID).recovery == ("c",)
    for without in (there.drop_second_step(**SAID), there.reset(invitation="e", **SAID)):
        assert (without.totp_secret, without.recovery, without.has_second_step) == (None, (), False)
    preferred = there.prefer(Preferences(theme=Theme.DARK), **SAID)
    assert preferred.preferences.theme is Theme.DARK


@pytest.mark.parametrize("login", ["", "a", "Aida Asanova", "аида", "x" * 81, "a\0b", "-a"])
def test_a_login_is_plain(login):
    with pytest.raises(InvalidValue) as caught:
        read_login(login)
    assert caught.value.faults[0].code == "login"


def test_a_login_passes_for_nobody_else():
    assert read_login(" Aida.A@Example.org ") == "aida.a@example.org"
    with pytest.raises(InvalidValue) as caught:
        invited(login="system", name="gateway:x")
    assert [fault.code for fault in caught.value.faults] == ["reserved", "reserved"]


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("eleven char", "password_length"),
        ("x" * 201, "password_length"),
        ("abababababab", "password_simple"),
        ("it is Aida who", "password_simple"),
        ("password1234", "password_simple"),
        ("123456789012", "password_simple"),
        ("1234567890qwerty", "password_simple"),
        ("qwertyuiop12", "password_simple"),
        ("1q2w3e4r5t6y", "password_simple"),
        ("Passw0rd2026", "password_simple"),
        ("AdminAdmin123", "password_simple"),
        ("aaaaaabbbbbbccdef", "password_simple"),
        ("пароль123456", "password_simple"),
        ("zyxwvutsrqpo", "password_simple"),
    ],
)
def test_an_easy_password_is_refused(password, code):
    with pytest.raises(InvalidValue) as caught:
        read_password(password, login="aida")
    assert caught.value.faults[0].code == code
    assert password not in str(caught.value)
    assert read_password("four words make one", login="aida")
    assert timedelta(hours=72) == INVITATION
