"""`telecom-crm token` and `telecom-crm user`."""

from __future__ import annotations

import getpass
import json
import sys
from datetime import timedelta

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.role import RoleName, Scope
from telecom_crm.entrypoints.cli.database import HERE, Database
from telecom_crm.entrypoints.cli.telling import Json

BY = Actor("command line")


def create_token(
    name: str,
    /,
    *,
    role: str = RoleName.OPERATOR.value,
    scope: tuple[str, ...] = (),
    days: int | None = None,
    as_json: Json = False,
    database: Database = HERE,
) -> int:
    """
    Make an access token and show its secret, this once.

    Parameters
    ----------
    name
        Whose it is, as the audit will say.
    role
        What it may do: admin, operator, senior_operator, cashier, support, auditor or one of your
        own [operator].
    scope
        Narrow the role to these, each as area:action, such as payments:write [all of the role].
    days
        How many days it is valid [for good].
    as_json
        Answer with JSON.
    database
        Where the data is.
    """
    scopes = [Scope.parse(one) for one in scope] or None
    with database.open() as crm:
        expires = None if days is None else crm.clock() + timedelta(days=days)
        token, secret = crm.access.create_token(
            name=name,
            role=role,
            scopes=scopes,
            expires_at=expires,
            by=BY,
        )
    if as_json:
        told = {"id": str(token.id), "name": token.name, "role": token.role}
        until = None if expires is None else expires.isoformat()
        print(json.dumps({**told, "expires_at": until, "secret": secret}))
    else:
        print(secret)
    return 0


def create_user(
    login: str,
    /,
    *,
    name: str | None = None,
    role: str = RoleName.OPERATOR.value,
    database: Database = HERE,
) -> int:
    """
    Let somebody sign in: the first admin above all.

    The password is asked for, or is the first line of standard input where that is no terminal.

    Parameters
    ----------
    login
        What they sign in with.
    name
        What people see [the login].
    role
        What they may do: admin, operator, senior_operator, cashier, support, auditor or one of your
        own [operator].
    database
        Where the data is.
    """
    with database.open() as crm:
        user = crm.users.begin(
            login=login, name=name or login, role=role, password=_asked_password(), by=BY
        )
    print(f"{user.login} may sign in as {user.role}")
    return 0


def reset_password(login: str, /, *, database: Database = HERE) -> int:
    """
    Give another password to somebody who is shut out.

    Their second step is dropped, and they are signed out everywhere. The password is asked for, or
    is the first line of standard input where that is no terminal.

    Parameters
    ----------
    login
        What they sign in with.
    database
        Where the data is.
    """
    with database.open() as crm:
        crm.users.known_as(login)  # asked before the password is
        user = crm.users.give_password(login, password=_asked_password(), by=BY)
    print(f"{user.login} may sign in with the new password")
    return 0


def _asked_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("The same again: ") != first:
        raise InvalidValue.of("password", "password_differs", "twice the same")
    return first
