"""What every part of access works with."""

from __future__ import annotations

import secrets

import attrs

from telecom_crm.application.ports import (
    AuditRecord,
    Clock,
    NewId,
    OneTimeCodes,
    Passwords,
    UnitOfWork,
)
from telecom_crm.application.retry import retried
from telecom_crm.domain.lifecycle import Actor

TOKEN_PREFIX, SESSION_PREFIX = "tcrm_", "tcss_"
"""What secrets begin with, so that one that leaked is found by scanners."""


@attrs.frozen
class AccessDesk:
    """Who may come in, and what they may do."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    passwords: Passwords
    codes: OneTimeCodes

    @retried
    def record(
        self, action: str, *, thing: str, thing_id: str, detail: str = "", by: Actor
    ) -> None:
        """Write down something that changed nothing and is worth knowing."""
        at = self.clock()
        with self.uow() as tx:
            tx.audit.record(
                AuditRecord(
                    action=action, thing=thing, thing_id=thing_id, by=by, at=at, detail=detail
                )
            )


def new_secret(prefix: str) -> str:
    """Return a secret that nobody can guess: 256 bits."""
    return prefix + secrets.token_urlsafe(32)
