"""Who signs in at the pages under test: one of each built-in role, called by its name."""

from telecom_crm.adapters.passwords import Argon2Passwords
from telecom_crm.domain.role import RoleName
from telecom_crm.entrypoints.crm import Crm

PASSWORD = "correct horse battery staple"
QUICK = Argon2Passwords(memory_kib=64, rounds=1)
"""Passwords that are digested at once: nobody guesses those of tests."""


def hire(crm: Crm) -> None:
    """Take up everybody, with the same password."""
    for role in RoleName:
        _, secret = crm.users.invite(login=role.value, name=f"The {role}", role=role.value)
        crm.users.accept(secret, password=PASSWORD)
