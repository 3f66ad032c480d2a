"""Bearer tokens of programs: secrets that are shown once, with a role and scopes within it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import attrs

from telecom_crm.domain.errors import Faults, InvalidValue
from telecom_crm.domain.identifiers import TokenId
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.role import Rights, Scope
from telecom_crm.domain.text import read_text

SECRET_LENGTH = 32
"""The least characters of a secret."""

RESERVED_NAMES = frozenset({SYSTEM.name, "command line", "demo", "self-care"})
"""Names of what acts by itself; no token and no user may pass for one in the audit."""

PERSON = "user:"
"""What the `Actor.token` of a user begins with, before their id."""

RESERVED_PREFIXES = ("gateway:", "channel ", "token ")
"""What names of gateways, and of spaces of idempotency keys, begin with."""


class TokenStatus(StrEnum):
    """Whether a token was closed; that its time is over is said by the clock alone."""

    ISSUED = "issued"
    REVOKED = "revoked"


@attrs.frozen(kw_only=True)
class Token:
    """
    A bearer token, known by the SHA-256 of its secret alone.

    The secret is long and random, so a plain digest is enough: there is nothing to guess. `scopes`
    narrow what the role allows; None leaves all of it. Whoever made it answers for what is done
    with it, so it is no second person beside them, and it opens nothing while they may not sign in.
    """

    id: TokenId
    name: str
    role: str
    scopes: tuple[Scope, ...] | None = None
    digest: str = attrs.field(repr=False)
    made_by: Actor
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    @classmethod
    def create(
        cls,
        *,
        id: TokenId,
        name: str,
        role: str,
        scopes: Iterable[Scope] | None = None,
        secret: str,
        expires_at: datetime | None = None,
        by: Actor,
        at: datetime,
    ) -> Token:
        """Return a token for a secret that is shown once and kept nowhere."""
        faults = Faults()
        known = faults.check("name", read_actor_name, name)
        if len(secret) < SECRET_LENGTH:
            faults.add("secret", "secret", f"at least {SECRET_LENGTH} characters")
        if expires_at is not None and expires_at <= at:
            faults.add("expires_at", "expires_at", "after it was created", expires_at)
        faults.raise_any()
        return cls(
            id=id,
            name=known or "",
            role=str(role),
            scopes=None if scopes is None else tuple(sorted(set(scopes))),
            digest=digest_of(secret),
            made_by=by,
            created_at=at,
            expires_at=expires_at,
        )

    @property
    def actor(self) -> Actor:
        """
        Who gives the commands that come with this token.

        Where the command line or the library made it, nobody known did, and the token answers for
        itself.
        """
        return Actor(self.name, str(self.id), self.maker)

    @property
    def status(self) -> TokenStatus:
        """Whether it was revoked."""
        return TokenStatus.REVOKED if self.revoked_at else TokenStatus.ISSUED

    @property
    def maker(self) -> str | None:
        """Who answers for it: the one whom `Actor.person` names, where somebody known made it."""
        return None if self.made_by.token is None else self.made_by.person

    def within(self, rights: Rights) -> Rights:
        """Return what the token may do, of what its role allows."""
        return rights if self.scopes is None else rights.within(self.scopes)

    def is_valid(self, *, at: datetime) -> bool:
        """Tell whether it opens anything at this instant."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    def matches(self, secret: str) -> bool:
        """Tell whether this is the token's secret, in time that does not depend on the answer."""
        return hmac.compare_digest(self.digest, digest_of(secret))

    def revoke(self, *, at: datetime) -> Token:
        """Return the token closed for good; one that was revoked before stays as it is."""
        return self if self.revoked_at else attrs.evolve(self, revoked_at=at)

    def used(self, *, at: datetime) -> Token:
        """Return the token with the instant of its last use."""
        return attrs.evolve(self, last_used_at=at)


def digest_of(secret: str) -> str:
    """Return what is stored of a secret: its SHA-256 in hex."""
    # A header may carry anything; a lone surrogate just never matches.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def read_actor_name(raw: str) -> str:
    """Return a name that the audit may show; raise `InvalidValue` for one that is kept."""
    name = " ".join(read_text(raw, field="name", limit=100, required=True).split())
    folded = name.casefold()
    if folded in RESERVED_NAMES or folded.startswith(RESERVED_PREFIXES):
        kept = ", ".join([*sorted(RESERVED_NAMES), *(f"{word}…" for word in RESERVED_PREFIXES)])
        raise InvalidValue.of("name", "reserved", f"another name than {kept}", name)
    return name
