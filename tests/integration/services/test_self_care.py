"""The tests of the service, on PostgreSQL; and what many do at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

import telecom_crm
from telecom_crm.application.access.signing_in import SignInRefused, TooManyAttempts
from tests.people import QUICK
from tests.unit.test_self_care import *  # noqa: F403  # every test and fixture of it
from tests.unit.test_self_care import PHONE


@pytest.fixture  # type: ignore[no-redef]  # in the place of the one in memory
def house(ready_database):
    with telecom_crm.open(ready_database, passwords=QUICK) as crm:
        yield crm


def _at_once(times, do):
    """Do something so many times at once, and return what came of each: a value, or an error."""
    ready = Barrier(times)

    def one(_):
        ready.wait(30)
        try:
            return do()
        except (SignInRefused, TooManyAttempts) as refused:
            return refused

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(one, range(times)))


def test_a_code_that_is_shown_by_many_at_once_lets_one_in(loaded, care, phones):
    secret = care.send_code(PHONE)
    code = phones.code
    came = _at_once(4, lambda: care.sign_in_with_code(secret, code=code))
    assert sorted(type(one).__name__ for one in came) == ["CodeRefused"] * 3 + ["SignedIn"]


def test_a_phone_that_asks_many_times_at_once_is_sent_one_code(care, phones):
    asked = _at_once(4, lambda: care.send_code(PHONE))
    assert len(phones.got) == 1
    assert [type(one) for one in asked].count(TooManyAttempts) == 3
