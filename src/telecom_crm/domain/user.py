"""Who may do what: roles, the table of their permissions, and the tokens that carry them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

import attrs

from telecom_crm.domain.errors import Faults, InvalidValue, NotPermitted
from telecom_crm.domain.identifiers import TokenId
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.text import read_text

SECRET_LENGTH = 32
"""The least characters of a token's secret."""

RESERVED_NAMES = frozenset({SYSTEM.name, "command line", "demo"})
"""Names of what acts by itself; no token may pass for one in the audit."""

RESERVED_PREFIXES = ("gateway:", "channel ", "token ")
"""What names of gateways, and of spaces of idempotency keys, begin with."""


class Area(StrEnum):
    """A part of the operator's work."""

    APPLICATIONS = "applications"
    CUSTOMERS = "customers"
    INVENTORY = "inventory"
    CATALOG = "catalog"
    CONTRACTS = "contracts"
    ACCOUNTS = "accounts"
    PAYMENTS = "payments"
    TICKETS = "tickets"
    APPROVALS = "approvals"
    IMPORTS = "imports"
    NETWORK = "network"
    NOTIFICATIONS = "notifications"
    RULES = "rules"
    REPORTS = "reports"
    TOKENS = "tokens"
    AUDIT = "audit"
    OPERATIONS = "operations"


class Action(StrEnum):
    """
    What is done in an area.

    `reveal` shows what is kept apart (PIN, PUK, scans and other files of people, former names),
    `export` takes personal data out in bulk (files of customers, of failed rows), `approve` moves
    money otherwise than by a payment (refund, adjustment, write-off), says of money that may have
    moved that it did not (giving a payment up), or cannot be undone (erasure, merge).
    """

    READ = "read"
    WRITE = "write"
    REVEAL = "reveal"
    EXPORT = "export"
    APPROVE = "approve"


class Role(StrEnum):
    """What somebody is to the operator."""

    ADMIN = "admin"
    OPERATOR = "operator"
    CASHIER = "cashier"
    AUDITOR = "auditor"

    def may(self, area: Area, action: Action) -> bool:
        """Tell whether the table allows it; what is not in the table is denied."""
        return action in PERMISSIONS[self].get(area, _NOTHING)

    def require(self, area: Area, action: Action) -> None:
        """Raise `NotPermitted` unless the table allows it."""
        if not self.may(area, action):
            raise NotPermitted(f"{action} {area}")


_NOTHING: frozenset[Action] = frozenset()
_READ = frozenset({Action.READ})
_WORK = frozenset({Action.READ, Action.WRITE})
_EVERYTHING = frozenset(Action)

PERMISSIONS: Mapping[Role, Mapping[Area, frozenset[Action]]] = MappingProxyType(
    {
        Role.ADMIN: MappingProxyType(dict.fromkeys(Area, _EVERYTHING)),
        Role.OPERATOR: MappingProxyType(
            {
                Area.APPLICATIONS: _WORK,
                Area.CUSTOMERS: _WORK | {Action.EXPORT, Action.REVEAL},
                Area.INVENTORY: _WORK | {Action.REVEAL},
                Area.CATALOG: _READ,
                Area.CONTRACTS: _WORK | {Action.REVEAL},
                Area.ACCOUNTS: _WORK,
                Area.PAYMENTS: _WORK,
                Area.TICKETS: _WORK | {Action.REVEAL},
                Area.APPROVALS: _WORK,
                Area.IMPORTS: _WORK | {Action.EXPORT},
                Area.NETWORK: _WORK,
                Area.NOTIFICATIONS: _WORK,
                Area.RULES: _READ,
                Area.REPORTS: _READ,
            }
        ),
        Role.CASHIER: MappingProxyType(
            {
                Area.CUSTOMERS: _READ,
                Area.CATALOG: _READ,
                Area.CONTRACTS: _READ,
                Area.ACCOUNTS: _READ,
                Area.PAYMENTS: _WORK,
                Area.APPROVALS: _WORK,
            }
        ),
        Role.AUDITOR: MappingProxyType(dict.fromkeys(Area, _READ)),
    }
)


@attrs.frozen(kw_only=True)
class Token:
    """
    A bearer token, known by the SHA-256 of its secret alone.

    The secret is long and random, so a plain digest is enough: there is nothing to guess.
    """

    id: TokenId
    name: str
    role: Role
    digest: str = attrs.field(repr=False)
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
        role: Role,
        secret: str,
        expires_at: datetime | None = None,
        at: datetime,
    ) -> Token:
        """Return a token for a secret that is shown once and kept nowhere."""
        faults = Faults()
        known = faults.check("name", _read_name, name)
        if len(secret) < SECRET_LENGTH:
            faults.add("secret", "secret", f"at least {SECRET_LENGTH} characters")
        if expires_at is not None and expires_at <= at:
            faults.add("expires_at", "expires_at", "after it was created", expires_at)
        faults.raise_any()
        return cls(
            id=id,
            name=known or "",
            role=role,
            digest=digest_of(secret),
            created_at=at,
            expires_at=expires_at,
        )

    @property
    def actor(self) -> Actor:
        """Who gives the commands that come with this token."""
        return Actor(self.name, str(self.id))

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


def _read_name(raw: str) -> str:
    name = " ".join(read_text(raw, field="name", limit=100, required=True).split())
    folded = name.casefold()
    if folded in RESERVED_NAMES or folded.startswith(RESERVED_PREFIXES):
        kept = ", ".join([*sorted(RESERVED_NAMES), *(f"{word}…" for word in RESERVED_PREFIXES)])
        raise InvalidValue.of("name", "reserved", f"another name than {kept}", name)
    return name
