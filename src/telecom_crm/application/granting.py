"""Granting: nobody gives a right that they do not have, and who tries is written down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import attrs

from telecom_crm.application.ports import AuditRecord, Clock, UnitOfWork
from telecom_crm.domain.errors import NotPermitted
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.role import Rights

REFUSED = "grant.refused"
"""What the audit calls it when somebody would have granted more than they have."""


@attrs.define
class BeyondRights(NotPermitted):
    """Somebody would give, or take over, rights that they do not have themselves."""

    code: ClassVar[str] = "beyond_rights"

    action: str = "grant what you may not do yourself"
    role: str = ""


def require_covered(rights: Rights, asked: Rights, *, role: str) -> None:
    """Raise `BeyondRights` where what is asked for, by a role, is more than somebody has."""
    if not rights.covers(asked):
        raise BeyondRights(role=role)


@contextmanager
def watched(uow: UnitOfWork, clock: Clock, *, thing: str, by: Actor) -> Iterator[None]:
    """Write down what is refused within: the transaction in which it was leaves nothing."""
    try:
        yield
    except BeyondRights as refusal:
        with uow() as tx:
            line = AuditRecord(
                action=REFUSED,
                thing=thing,
                thing_id=refusal.role,
                detail=refusal.code,
                by=by,
                at=clock(),
            )
            tx.audit.record(line)
        raise
