"""`telecom-crm token`."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated

from cyclopts import Parameter

from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.user import Role
from telecom_crm.entrypoints.cli.database import HERE, Database


def create_token(
    name: str,
    *,
    role: Role = Role.OPERATOR,
    days: int | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    database: Database = HERE,
) -> int:
    """
    Make an access token and show its secret, this once.

    Parameters
    ----------
    name
        Whose it is: what the audit says.
    role
        What it may do.
    days
        How long it is valid; for good where nothing is said.
    as_json
        Answer with JSON.
    database
        Where the data is.
    """
    with database.open() as crm:
        expires = None if days is None else crm.clock() + timedelta(days=days)
        token, secret = crm.access.create_token(
            name=name, role=role, expires_at=expires, by=Actor("command line")
        )
    if as_json:
        print(json.dumps({"id": str(token.id), "role": token.role.value, "secret": secret}))
    else:
        print(secret)
    return 0
