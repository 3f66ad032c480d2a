"""Sessions: somebody who signed in, and for how long that counts."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import attrs

from telecom_crm.domain.identifiers import CustomerId, SessionId, UserId

LONGEST = timedelta(hours=12)
IDLE = timedelta(minutes=30)
SECOND_STEP = timedelta(minutes=5)
"""How long one may take for the code, once the password was right."""


class SessionStage(StrEnum):
    """How far somebody got."""

    SECOND_STEP = "second_step"
    """The password was right, and the code is still to come: this opens nothing else."""
    WHOLE = "whole"


@attrs.frozen(kw_only=True)
class Session:
    """
    A visit of a user or of a customer, known by the SHA-256 of its secret alone.

    It ends at `ends_at`, or `idle` after it was last seen; `csrf` is what its forms carry.
    """

    id: SessionId
    digest: str = attrs.field(repr=False)
    csrf: str = attrs.field(repr=False)
    user_id: UserId | None = None
    customer_id: CustomerId | None = None
    stage: SessionStage = SessionStage.WHOLE
    address: str = ""
    agent: str = ""
    started_at: datetime
    seen_at: datetime
    idle: timedelta = IDLE
    ends_at: datetime
    ended_at: datetime | None = None

    def is_valid(self, *, at: datetime) -> bool:
        """Tell whether it counts at this instant."""
        return self.ended_at is None and at < self.ends_at and at < self.seen_at + self.idle

    def seen(self, *, at: datetime) -> Session:
        """Return the session as of its last use."""
        return attrs.evolve(self, seen_at=at)

    def end(self, *, at: datetime) -> Session:
        """Return it over; one that ended before stays as it is."""
        return self if self.ended_at else attrs.evolve(self, ended_at=at)
