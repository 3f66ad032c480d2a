"""Digests of passwords: how many are made at once, and what is verified for nobody."""

import threading
from concurrent.futures import ThreadPoolExecutor

import argon2
import pytest

from telecom_crm.adapters.passwords import Argon2Passwords
from telecom_crm.domain.errors import Unavailable


def test_what_nobody_has_is_verified_with_the_same_parameters():
    passwords = Argon2Passwords(memory_kib=64, rounds=2)
    assert not passwords.verify(None, "whatever it may be")
    nobodys, ours = passwords._nobodys, passwords.hash("a password of somebody")
    assert argon2.extract_parameters(nobodys) == argon2.extract_parameters(ours)
    assert nobodys != Argon2Passwords(memory_kib=64, rounds=2)._nobodys


def test_so_many_are_made_at_once_and_who_waits_too_long_is_told():
    passwords = Argon2Passwords(memory_kib=64, rounds=1, at_once=2, patience_seconds=0)
    inside, leave = threading.Barrier(3), threading.Event()

    def stay():
        with passwords._turn():
            inside.wait(30)
            leave.wait(30)

    with ThreadPoolExecutor(2) as pool:
        staying = [pool.submit(stay) for _ in range(2)]
        inside.wait(30)
        try:
            with pytest.raises(Unavailable):
                passwords.hash("a password of somebody")
            with pytest.raises(Unavailable):
                passwords.verify(None, "a password of somebody")
        finally:
            leave.set()
        for one in staying:
            one.result()
    hashed = passwords.hash("a password of somebody")
    assert passwords.verify(hashed, "a password of somebody"), "each turn was given back"
