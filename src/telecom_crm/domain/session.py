"""Sessions: somebody who signed in, and for how long that counts."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address, ip_network

import attrs

from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.identifiers import CustomerId, SessionId, UserId
from telecom_crm.domain.lifecycle import Actor

LONGEST = timedelta(hours=12)
IDLE = timedelta(minutes=30)
CODE = timedelta(minutes=10)
"""How long a code that was sent to a phone is good for."""
SECOND_STEP = timedelta(minutes=5)
"""How long one may take for the code, once the password was right."""


SELF_CARE = "self-care"
"""What subscribers are called where they act by themselves: their names are not for the books."""


class SessionStage(StrEnum):
    """How far somebody got."""

    SECOND_STEP = "second_step"
    """The password was right, and the code is still to come: this opens nothing else."""
    CODE_SENT = "code_sent"
    """A code was sent to a phone: its secret is nothing without the code behind it."""
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

    def erase(self, *, at: datetime) -> Session:
        """Return it over, without where from and by what it came."""
        return attrs.evolve(self.end(at=at), address="", agent="")


@attrs.frozen(kw_only=True)
class Subscriber:
    """
    A customer who signed in to what is theirs, and to nothing else.

    `key` is what limits count by; `csrf` is what the forms of their session carry. `network` is
    where their request comes from: no address, since what they do is written down for good.
    """

    customer_id: CustomerId
    session_id: SessionId
    key: str = attrs.field(repr=False)
    csrf: str = attrs.field(repr=False)
    network: str = ""

    def coming_from(self, address: str) -> Subscriber:
        """Return the same, with the network that an address is of."""
        return attrs.evolve(self, network=network_of(address))

    @property
    def actor(self) -> Actor:
        """The subscriber as one who gives commands."""
        return Actor(SELF_CARE, f"customer:{self.customer_id}").coming_from(self.network)

    def require_own(self, thing: str, thing_id: object, owner: CustomerId | None) -> None:
        """Raise `NotFound` for what is somebody else's: whether it exists is not told."""
        if owner != self.customer_id:
            raise NotFound(thing, str(thing_id))


@attrs.frozen(kw_only=True)
class CustomerPassword:
    """A customer's password for self-care, as argon2id; None once it was taken away."""

    id: CustomerId
    password_hash: str | None = attrs.field(repr=False)
    set_at: datetime


def network_of(address: str) -> str:
    """
    Return the network that an address is of, as wide as is nobody's alone: /24, of IPv6 /48.

    An IPv6 address may be the first half of one, as limits count it. What is no address has none.
    """
    for text in (address, f"{address}::") if address else ():
        try:
            known = ip_address(text)
        except ValueError:
            continue
        width = 24 if known.version == 4 else 48
        return str(ip_network(f"{known}/{width}", strict=False))
    return ""
