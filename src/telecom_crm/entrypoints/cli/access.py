"""`telecom-crm token`."""

from __future__ import annotations

import json
from datetime import timedelta

from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.role import RoleName, Scope
from telecom_crm.entrypoints.cli.database import HERE, Database
from telecom_crm.entrypoints.cli.telling import Json


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
    with database.open() as crm:
        expires = None if days is None else crm.clock() + timedelta(days=days)
        token, secret = crm.access.create_token(
            name=name,
            role=role,
            scopes=[Scope.parse(one) for one in scope] or None,
            expires_at=expires,
            by=Actor("command line"),
        )
    if as_json:
        told = {"id": str(token.id), "name": token.name, "role": token.role}
        until = None if expires is None else expires.isoformat()
        print(json.dumps({**told, "expires_at": until, "secret": secret}))
    else:
        print(secret)
    return 0
