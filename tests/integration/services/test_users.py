"""The tests of the service, on PostgreSQL; and what is done at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from telecom_crm.application.access.signing_in import SignInRefused
from telecom_crm.domain.errors import RuleViolated
from telecom_crm.domain.role import RoleName
from tests.unit.test_users_service import *  # noqa: F403  # every test and fixture of it
from tests.unit.test_users_service import ROOT


def wait_for_waiting(owner, number):
    """Look until so many wait for a row that another transaction holds."""
    with owner.connect() as connection:
        for _ in range(100_000):
            waiting = connection.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            ).scalar_one()
            connection.rollback()
            if waiting >= number:
                return
    raise AssertionError(f"never {number} that wait")


def test_no_session_of_the_old_password_outlives_a_password_that_is_given(house, owner):
    user = house.hire()
    with ThreadPoolExecutor(2) as pool:
        with house.users.uow() as tx:
            tx.users.get(user.id)
            entering = pool.submit(house.enter)
            wait_for_waiting(owner, 1)
            new = "another horse altogether"
            giving = pool.submit(house.users.give_password, "aida", password=new, by=ROOT)
            wait_for_waiting(owner, 2)
        giving.result(60)
        try:
            signed = entering.result(60)
        except SignInRefused:
            return
    assert house.access.visitor(signed.secret) is None


def test_of_two_admins_who_are_reset_at_once_one_stays(house):
    both = [house.hire(name, RoleName.ADMIN) for name in ("boss", "second")]
    ready = Barrier(2)

    def reset(user):
        ready.wait(30)
        try:
            return house.users.reset(user.id, by=ROOT)
        except RuleViolated as refused:
            return refused.rule

    with ThreadPoolExecutor(2) as pool:
        came = list(pool.map(reset, both))
    assert came.count("last_admin") == 1
    assert sum(house.users.get(user.id).may_sign_in for user in both) == 1
