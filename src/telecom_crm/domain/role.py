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
from telecom_crm.domain.errors import Faults, NotPermitted, Reason, RuleViolated
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money, minor_digits


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


class Limit(StrEnum):
    """
    What a role sets an amount for.

    A larger payment or promised payment is refused; a larger refund, or adjustment (goodwill, a
    debt given up), takes a second person.
    """

    PAYMENT = "payment"
    PROMISE = "promise"
    REFUND = "refund"
    ADJUSTMENT = "adjustment"


Limits = Mapping[Limit, Decimal | None]
"""Amounts in major units of whatever currency; None sets no end."""

DEFAULT_LIMITS: Limits = MappingProxyType(
    {
        Limit.PAYMENT: None,
        Limit.PROMISE: None,
        Limit.REFUND: Decimal(0),
        Limit.ADJUSTMENT: Decimal(0),
    }
)
"""What holds where a role says nothing: two persons for all that is given back or given away."""

LIMITED: Mapping[Limit, tuple[Area, Action]] = MappingProxyType(
    {
        Limit.PAYMENT: (Area.PAYMENTS, Action.WRITE),
        Limit.PROMISE: (Area.ACCOUNTS, Action.WRITE),
        Limit.REFUND: (Area.PAYMENTS, Action.APPROVE),
        Limit.ADJUSTMENT: (Area.ACCOUNTS, Action.APPROVE),
    }
)
"""What each limit is of: without the right it says nothing."""

LIMIT_OF: Mapping[ApprovalKind, Limit] = MappingProxyType(
    {
        ApprovalKind.REFUND: Limit.REFUND,
        ApprovalKind.GOODWILL: Limit.ADJUSTMENT,
        ApprovalKind.WRITE_OFF: Limit.ADJUSTMENT,
        ApprovalKind.CHARGEBACK_WRITE_OFF: Limit.ADJUSTMENT,
    }
)
"""Up to which limit each kind takes no second person; an erasure always does."""

PAST_LIMIT = "role_limit"
"""The rule that refuses an amount for the role of who asks."""


def _limits(given: Limits) -> Limits:
    return MappingProxyType({**DEFAULT_LIMITS, **given})


@attrs.frozen(kw_only=True)
class Rights:
    """
    What somebody may do: what a role grants, within the scopes of the token they came with, and up
    to which amounts.
    """

    grants: Grants = MappingProxyType({})
    limits: Limits = attrs.field(default=DEFAULT_LIMITS, converter=_limits)

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
        return self._reaches(LIMIT_OF[kind], Decimal(amount.amount))

    def refuse_past(self, limit: Limit, amount: Money) -> None:
        """Raise `RuleViolated` for an amount above a limit that nobody else can lift."""
        most = self.limits[limit]
        if most is None or Decimal(amount.amount) <= most:
            return
        digits = minor_digits(amount.currency)
        allowed = Money(int(most.scaleb(digits)), amount.currency)
        why = Reason.of(
            "%(amount)s is more than your role allows, which is %(most)s",
            amount=amount,
            most=allowed,
        )
        raise RuleViolated(PAST_LIMIT, (why,))

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
        return granted and all(
            self._reaches(limit, other.limits[limit])
            for limit, needed in LIMITED.items()
            if other.may(*needed)
        )

    def _reaches(self, limit: Limit, amount: Decimal | None) -> bool:
        most = self.limits[limit]
        return most is None or (amount is not None and amount <= most)

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
    limits: Limits = attrs.field(default=DEFAULT_LIMITS, converter=_limits)

    def __attrs_post_init__(self) -> None:
        faults = Faults()
        if not _NAME.fullmatch(self.name):
            message = "2 to 40 of a-z, 0-9 and _, a letter first"
            faults.add("name", "role_name", message, self.name[:60])
        if not 1 <= len(self.title.strip()) <= 100:
            faults.add("title", "title", "1 to 100 characters", self.title[:60])
        for limit, most in self.limits.items():
            if most is not None and most < 0:
                faults.add(f"limits.{limit}", "negative", "zero or more", most)
        faults.raise_any()

    @property
    def rights(self) -> Rights:
        """What a user of this role may do."""
        return Rights(grants=self.grants, limits=self.limits)

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
    alone: Decimal = Decimal(0),
) -> Role:
    limits = {Limit.REFUND: alone, Limit.ADJUSTMENT: alone}
    frozen = MappingProxyType(dict(grants))
    return Role(name=name.value, title=title, grants=frozen, limits=limits)


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
ALL_RIGHTS = attrs.evolve(BUILT_IN_ROLES[RoleName.ADMIN].rights, limits=dict.fromkeys(Limit))
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

    def coming_from(self, address: str) -> Visitor:
        """Return the same, with where the request comes from."""
        return attrs.evolve(self, actor=self.actor.coming_from(address))

    def may(self, area: Area, action: Action) -> bool:
        """Tell whether they may do it."""
        return self.rights.may(area, action)
