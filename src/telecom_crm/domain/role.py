"""Who may do what: areas of work, what is done there, and the roles that allow it, as data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

import attrs

from telecom_crm.domain.approval import ApprovalKind
from telecom_crm.domain.errors import Faults, NotPermitted
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money


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
    USERS = "users"
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


Grants = Mapping[Area, frozenset[Action]]
"""What is allowed in each area; what is not in it is denied."""

AREA_OF: Mapping[ApprovalKind, Area] = MappingProxyType(
    {
        ApprovalKind.REFUND: Area.PAYMENTS,
        ApprovalKind.GOODWILL: Area.ACCOUNTS,
        ApprovalKind.WRITE_OFF: Area.ACCOUNTS,
        ApprovalKind.CHARGEBACK_WRITE_OFF: Area.ACCOUNTS,
        ApprovalKind.ERASURE: Area.CUSTOMERS,
    }
)
"""Where somebody must be allowed to approve, to decide a request of each kind."""


@attrs.frozen(kw_only=True)
class Rights:
    """
    What somebody may do: what a role grants, within the scopes of the token they came with.

    `alone_up_to` is the amount, in major units of whatever currency, up to which somebody who may
    approve decides without a second person; None sets no end. An erasure always takes two.
    """

    grants: Grants = MappingProxyType({})
    alone_up_to: Decimal | None = Decimal(0)

    def may(self, area: Area, action: Action) -> bool:
        """Tell whether it is granted."""
        return action in self.grants.get(area, _NOTHING)

    def require(self, area: Area, action: Action) -> None:
        """Raise `NotPermitted` unless it is granted."""
        if not self.may(area, action):
            raise NotPermitted(f"{action} {area}", (action, area))

    def decides_alone(self, kind: ApprovalKind, amount: Money | None) -> bool:
        """Tell whether it takes no second person."""
        if amount is None or not self.may(AREA_OF[kind], Action.APPROVE):
            return False
        return self.alone_up_to is None or Decimal(amount.amount) <= self.alone_up_to

    def covers(self, other: Rights) -> bool:
        """
        Tell whether everything that `other` allows is allowed here too.

        Who may do everything sets the amounts; anybody else gives no higher one than their own.
        """
        if all(self.may(area, action) for area in Area for action in Action):
            return True
        granted = all(
            actions <= self.grants.get(area, _NOTHING) for area, actions in other.grants.items()
        )
        approves = any(other.may(area, Action.APPROVE) for area in AREA_OF.values())
        return granted and (not approves or self._reaches(other.alone_up_to))

    def _reaches(self, amount: Decimal | None) -> bool:
        return self.alone_up_to is None or (amount is not None and amount <= self.alone_up_to)

    def within(self, scopes: Iterable[Scope]) -> Rights:
        """Return what is left of the rights within some scopes."""
        kept = (scope for scope in scopes if self.may(scope.area, scope.action))
        return attrs.evolve(self, grants=granted(kept))


NO_RIGHTS = Rights()


@attrs.frozen(order=True)
class Scope:
    """One action in one area: what a token is narrowed to, written `payments:write`."""

    area: Area
    action: Action

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Read `area:action`; raise `InvalidValue` where there is no such area or action."""
        area, _, action = text.partition(":")
        faults = Faults()
        if area not in list(Area):
            faults.add("scopes", "area", f"an area of {', '.join(Area)}, then a colon", text[:60])
        if action not in list(Action):
            faults.add(
                "scopes", "action", f"behind the colon one of {', '.join(Action)}", text[:60]
            )
        faults.raise_any()
        return cls(Area(area), Action(action))

    def __str__(self) -> str:
        return f"{self.area}:{self.action}"


def granted(scopes: Iterable[Scope]) -> Grants:
    """Return what is granted where just these things are allowed."""
    found: dict[Area, frozenset[Action]] = {}
    for scope in scopes:
        found[scope.area] = found.get(scope.area, _NOTHING) | {scope.action}
    return MappingProxyType(found)


class RoleName(StrEnum):
    """The roles that there always are."""

    ADMIN = "admin"
    OPERATOR = "operator"
    SENIOR_OPERATOR = "senior_operator"
    CASHIER = "cashier"
    SUPPORT = "support"
    AUDITOR = "auditor"


_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}", re.ASCII)


@attrs.frozen(kw_only=True)
class Role:
    """
    What somebody is to the operator.

    `name` is known to users and tokens and never changes; `title` is for people.
    """

    name: str
    title: str
    grants: Grants
    alone_up_to: Decimal | None = Decimal(0)

    def __attrs_post_init__(self) -> None:
        faults = Faults()
        if not _NAME.fullmatch(self.name):
            message = "2 to 40 of a-z, 0-9 and _, a letter first"
            faults.add("name", "role_name", message, self.name[:60])
        if not 1 <= len(self.title.strip()) <= 100:
            faults.add("title", "title", "1 to 100 characters", self.title[:60])
        if self.alone_up_to is not None and self.alone_up_to < 0:
            faults.add("alone_up_to", "amount", "zero or more", self.alone_up_to)
        faults.raise_any()

    @property
    def rights(self) -> Rights:
        """What a user of this role may do."""
        return Rights(grants=self.grants, alone_up_to=self.alone_up_to)

    def may(self, area: Area, action: Action) -> bool:
        """Tell whether the role grants it."""
        return action in self.grants.get(area, _NOTHING)


_NOTHING: frozenset[Action] = frozenset()
_READ = frozenset({Action.READ})
_WORK = frozenset({Action.READ, Action.WRITE})
_EVERYTHING = frozenset(Action)

_OPERATOR = {
    Area.APPLICATIONS: _WORK | {Action.REVEAL},
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
_APPROVING = {
    area: _OPERATOR[area] | {Action.APPROVE}
    for area in (Area.CUSTOMERS, Area.ACCOUNTS, Area.PAYMENTS, Area.APPROVALS)
}
_CASHIER = {
    Area.CUSTOMERS: _READ,
    Area.CATALOG: _READ,
    Area.CONTRACTS: _READ,
    Area.ACCOUNTS: _READ,
    Area.PAYMENTS: _WORK,
    Area.APPROVALS: _WORK,
}
_SUPPORT = {
    Area.APPLICATIONS: _READ,
    Area.CUSTOMERS: _READ,
    Area.INVENTORY: _READ,
    Area.CATALOG: _READ,
    Area.CONTRACTS: _READ,
    Area.ACCOUNTS: _READ,
    Area.PAYMENTS: _READ,
    Area.TICKETS: _WORK | {Action.REVEAL},
    Area.NETWORK: _READ,
    Area.NOTIFICATIONS: _READ,
}


def _built_in(
    name: RoleName,
    title: str,
    grants: Mapping[Area, frozenset[Action]],
    alone_up_to: Decimal | None = Decimal(0),
) -> Role:
    frozen = MappingProxyType(dict(grants))
    return Role(name=name.value, title=title, grants=frozen, alone_up_to=alone_up_to)


BUILT_IN_ROLES: Mapping[str, Role] = MappingProxyType(
    {
        role.name: role
        for role in (
            _built_in(
                RoleName.ADMIN, "Administrator", dict.fromkeys(Area, _EVERYTHING), Decimal(50_000)
            ),
            _built_in(RoleName.OPERATOR, "Operator", _OPERATOR),
            _built_in(
                RoleName.SENIOR_OPERATOR,
                "Senior operator",
                {**_OPERATOR, **_APPROVING},
                Decimal(5_000),
            ),
            _built_in(RoleName.CASHIER, "Cashier", _CASHIER),
            _built_in(RoleName.SUPPORT, "Support", _SUPPORT),
            _built_in(RoleName.AUDITOR, "Auditor", dict.fromkeys(Area, _READ)),
        )
    }
)
"""Roles that nobody changes; custom ones stand beside them."""
ALL_RIGHTS = attrs.evolve(BUILT_IN_ROLES[RoleName.ADMIN].rights, alone_up_to=None)
"""What the operator itself may do, by its programs or by two of its people: any amount."""


@attrs.frozen(kw_only=True)
class Visitor:
    """
    Who a request comes from, and what they may do.

    `key` is what limits count by: the digest of the secret that came along. `user_id` is the staff
    member's, None for a token; `csrf` is what forms of their session carry, `until` when it ends
    if nothing more comes.
    """

    actor: Actor
    rights: Rights
    role: str
    key: str = attrs.field(repr=False)
    user_id: str | None = None
    session_id: str | None = None
    csrf: str = attrs.field(default="", repr=False)
    until: datetime | None = None

    def may(self, area: Area, action: Action) -> bool:
        """Tell whether they may do it."""
        return self.rights.may(area, action)
