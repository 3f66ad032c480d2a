"""Whoever holds the machine lets the first admin in, and who is shut out back in."""

import pytest

from telecom_crm import in_memory
from telecom_crm.adapters.passwords import Argon2Passwords
from telecom_crm.application.access.signing_in import SignInRefused
from telecom_crm.application.users import LoginTaken
from telecom_crm.domain.errors import InvalidValue, NotFound
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.role import RoleName
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.demo import ACCOUNTS, load_accounts, new_password

BY = Actor("root")
OLD, NEW = "correct horse battery", "another long password"


@pytest.fixture
def crm():
    with in_memory(passwords=Argon2Passwords(memory_kib=64, rounds=1)) as crm:
        yield crm


def _may_enter(crm: Crm, login: str, password: str) -> bool:
    try:
        return crm.access.sign_in(login=login, password=password) is not None
    except SignInRefused:
        return False


def test_one_who_begins_at_once_signs_in_and_is_told_of_as_invited_and_active(crm):
    user = crm.users.begin(login="Aida", name="Aida", role=RoleName.ADMIN, password=OLD, by=BY)
    assert _may_enter(crm, "aida", OLD)
    assert [event.name for event in crm.users.timeline(user.id)] == [
        "UserInvited",
        "UserActivated",
    ]
    with pytest.raises(LoginTaken):
        crm.users.begin(login="aida", name="Aida", role=RoleName.ADMIN, password=OLD, by=BY)


@pytest.mark.parametrize(("login", "password"), [("a b", OLD), ("aida", "short")])
def test_nobody_begins_with_what_may_not_be_chosen(crm, login, password):
    with pytest.raises(InvalidValue):
        crm.users.begin(login=login, name="A", role=RoleName.ADMIN, password=password, by=BY)
    assert list(crm.users.each()) == []


def test_a_given_password_ends_the_old_one_and_every_session(crm):
    user = crm.users.begin(login="aida", name="Aida", role=RoleName.ADMIN, password=OLD, by=BY)
    secret = crm.access.sign_in(login="aida", password=OLD).secret
    crm.users.give_password("AIDA", password=NEW, by=BY)
    assert crm.access.visitor(secret) is None
    assert crm.access.sessions(user.id) == []
    assert _may_enter(crm, "aida", NEW)
    assert not _may_enter(crm, "aida", OLD)


def test_a_login_that_is_nobodys_gets_no_password(crm):
    with pytest.raises(NotFound, match="nobody"):
        crm.users.give_password("nobody", password=NEW, by=BY)


def test_the_demo_has_somebody_of_each_built_in_role_and_again_is_no_change(crm):
    password = new_password()
    load_accounts(crm, password)
    versions = {user.login: user.version for user in crm.users.each()}
    load_accounts(crm, password)
    assert {user.login: user.version for user in crm.users.each()} == versions
    assert {user.role for user in crm.users.each()} == set(RoleName)
    assert all(_may_enter(crm, login, password) for login, _, _ in ACCOUNTS)


def test_a_demo_whose_password_was_lost_takes_the_new_one(crm):
    load_accounts(crm, OLD)
    load_accounts(crm, NEW)
    assert all(_may_enter(crm, login, NEW) for login, _, _ in ACCOUNTS)
