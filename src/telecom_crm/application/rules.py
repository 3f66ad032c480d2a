"""Rules as data, read as values: what an operator decides of accounts, people and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.declared import (
    Reader,
    at,
    chosen,
    clock_time,
    day,
    decimal,
    flag,
    hours,
    keyed,
    listed,
    money,
    or_none,
    plain,
    scalar,
    structure,
    text,
    unique,
    whole,
)
from telecom_crm.application.paging import each_in
from telecom_crm.application.ports import Clock, Transaction, UnitOfWork
from telecom_crm.application.retry import retried
from telecom_crm.domain.calendar import CycleDay, zone_named
from telecom_crm.domain.customer import CustomerKind, DocumentType
from telecom_crm.domain.deduplication import DEFAULT_RULES, DeduplicationRules, Match
from telecom_crm.domain.errors import InvalidValue, NotFound, RuleViolated
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.notification import DEFAULT_TEMPLATES, NotificationChannel, Template
from telecom_crm.domain.policy import (
    DEFAULT_POLICIES,
    BillingPolicy,
    FeeTiming,
    FirstFee,
    PaymentMode,
    Proration,
    Requirement,
    SuspensionFees,
    TaxProfile,
)
from telecom_crm.domain.regulation import DEFAULT_REGULATIONS, PaymentLimits, Regulations
from telecom_crm.domain.role import BUILT_IN_ROLES, Action, Area, Role
from telecom_crm.domain.ticket import (
    DEFAULT_CALENDAR,
    DEFAULT_SLA,
    SlaPolicy,
    SlaTarget,
    TicketPriority,
    WorkingCalendar,
)
from telecom_crm.domain.user import USER_LIFECYCLE
from telecom_crm.domain.validation import DEFAULT_VALIDATION, CustomerField, ValidationRules

ROLES = "roles"
POLICIES, DEDUPLICATION, VALIDATION = "billing_policies", "deduplication", "validation"
REGULATIONS, SLA, TEMPLATES = "regulations", "sla", "templates"


@attrs.frozen(kw_only=True)
class ServiceLevels:
    """What is promised on tickets, and the hours in which the promise runs."""

    policy: SlaPolicy
    calendar: WorkingCalendar


DEFAULT_SERVICE_LEVELS = ServiceLevels(policy=DEFAULT_SLA, calendar=DEFAULT_CALENDAR)


def policies_in(tx: Transaction) -> dict[str, BillingPolicy]:
    """Return the billing policies by id; the defaults where none were put."""
    raw = tx.rules.get(POLICIES)
    return dict(DEFAULT_POLICIES) if raw is None else {p.id: p for p in read_policies(raw)}


def policy_in(tx: Transaction, policy_id: str) -> BillingPolicy:
    """Return one billing policy, or raise `NotFound`."""
    return policy_named(policies_in(tx), policy_id)


def policy_named(policies: Mapping[str, BillingPolicy], policy_id: str) -> BillingPolicy:
    """Return one of some policies, or raise `NotFound`."""
    if policy_id not in policies:
        raise NotFound("billing policy", policy_id)
    return policies[policy_id]


def deduplication_in(tx: Transaction) -> DeduplicationRules:
    """Return who counts as the same person."""
    raw = tx.rules.get(DEDUPLICATION)
    return DEFAULT_RULES if raw is None else read_deduplication(raw)


def validation_in(tx: Transaction) -> ValidationRules:
    """Return what is asked of customers."""
    raw = tx.rules.get(VALIDATION)
    return DEFAULT_VALIDATION if raw is None else read_validation(raw)


def service_levels_in(tx: Transaction, *, zone: ZoneInfo) -> ServiceLevels:
    """Return what is promised on tickets."""
    raw = tx.rules.get(SLA)
    if raw is not None:
        return read_service_levels(raw)
    calendar = attrs.evolve(DEFAULT_SERVICE_LEVELS.calendar, zone=zone)
    return attrs.evolve(DEFAULT_SERVICE_LEVELS, calendar=calendar)


def templates_in(tx: Transaction) -> tuple[Template, ...]:
    """Return the words of messages."""
    raw = tx.rules.get(TEMPLATES)
    return DEFAULT_TEMPLATES if raw is None else read_templates(raw)


def roles_in(tx: Transaction) -> dict[str, Role]:
    """Return the roles by name, built-in ones first."""
    raw = tx.rules.get(ROLES)
    own = () if raw is None else read_roles(raw)
    return {**BUILT_IN_ROLES, **{role.name: role for role in own}}


def role_in(tx: Transaction, name: str) -> Role:
    """Return one role, or raise `NotFound`."""
    roles = roles_in(tx)
    if name not in roles:
        raise NotFound("role", name[:60])
    return roles[name]


def regulations_in(tx: Transaction) -> Regulations:
    """Return what is said of payments."""
    raw = tx.rules.get(REGULATIONS)
    return DEFAULT_REGULATIONS if raw is None else read_regulations(raw)


@attrs.define
class RegulationsInForce:
    """
    The regulations, read once in a while: a payment goes to the server for nothing but itself.

    What another process puts holds here after `refresh` at the latest; what this one puts, at once.
    """

    uow: UnitOfWork
    clock: Clock
    refresh: timedelta = timedelta(seconds=30)
    _read: tuple[datetime, Regulations] | None = attrs.field(default=None, init=False)

    def __call__(self) -> Regulations:
        """Return the regulations."""
        now, read = self.clock(), self._read
        if read is None or not read[0] <= now < read[0] + self.refresh:
            with self.uow(read_only=True) as tx:
                read = self._read = (now, regulations_in(tx))
        return read[1]

    def forget(self) -> None:
        """Read them anew the next time."""
        self._read = None


@attrs.frozen
class RuleBook:
    """The rules that an operator keeps as data."""

    uow: UnitOfWork
    clock: Clock
    zone: ZoneInfo = DEFAULT_CALENDAR.zone
    """Where the working hours of the default service levels are."""
    in_force: RegulationsInForce | None = None
    """What payments are taken by in this process, told when the regulations change."""

    def version(self, kind: str) -> int:
        """
        Return how often the rules of a kind were changed: what `expected_version` is compared with.

        The kinds are `POLICIES`, `VALIDATION`, `DEDUPLICATION`, `REGULATIONS`, `SLA` and
        `TEMPLATES`.
        """
        with self.uow(read_only=True) as tx:
            return tx.rules.version(kind)

    def policies(self) -> tuple[BillingPolicy, ...]:
        """List the billing policies."""
        with self.uow(read_only=True) as tx:
            return tuple(policies_in(tx).values())

    def policy(self, policy_id: str) -> BillingPolicy:
        """Show one billing policy."""
        with self.uow(read_only=True) as tx:
            return policy_in(tx, policy_id)

    @retried
    def put_policies(
        self,
        policies: Sequence[BillingPolicy],
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> tuple[BillingPolicy, ...]:
        """
        Replace the billing policies, at least one; changed ones get a new version.

        Accounts keep the terms they were given: a receipt holds them whole.
        """
        unique(policies, lambda policy: policy.id, what="policy")
        if not policies:
            raise RuleViolated("billing_policies", ("at least one billing policy has to be there",))
        with self.uow() as tx:
            old = policies_in(tx)
            kept = tuple(_renumbered(policy, old.get(policy.id)) for policy in policies)
            self._put(tx, POLICIES, plain(kept), expected_version, by)
            return kept

    def deduplication(self) -> DeduplicationRules:
        """Show who counts as the same person."""
        with self.uow(read_only=True) as tx:
            return deduplication_in(tx)

    @retried
    def put_deduplication(
        self,
        rules: DeduplicationRules,
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> None:
        """Change who counts as the same person."""
        with self.uow() as tx:
            self._put(tx, DEDUPLICATION, plain(rules), expected_version, by)

    def validation(self) -> ValidationRules:
        """Show what is asked of customers."""
        with self.uow(read_only=True) as tx:
            return validation_in(tx)

    @retried
    def put_validation(
        self, rules: ValidationRules, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> None:
        """
        Change what is asked of customers.

        Who is a customer already stays one; asked anew is what a change to them leaves.
        """
        with self.uow() as tx:
            self._put(tx, VALIDATION, plain(rules), expected_version, by)

    def regulations(self) -> Regulations:
        """Show what is said of payments."""
        with self.uow(read_only=True) as tx:
            return regulations_in(tx)

    def put_regulations(
        self, regulations: Regulations, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> None:
        """
        Change what is said of payments.

        Other processes take payments by it within half a minute.
        """
        self._put_regulations(regulations, expected_version, by)
        if self.in_force is not None:
            self.in_force.forget()

    def service_levels(self) -> ServiceLevels:
        """Show what is promised on tickets."""
        with self.uow(read_only=True) as tx:
            return service_levels_in(tx, zone=self.zone)

    @retried
    def put_service_levels(
        self, levels: ServiceLevels, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> None:
        """Change what is promised on tickets."""
        with self.uow() as tx:
            self._put(tx, SLA, service_levels_json(levels), expected_version, by)

    def templates(self) -> tuple[Template, ...]:
        """List the words of messages."""
        with self.uow(read_only=True) as tx:
            return templates_in(tx)

    @retried
    def put_templates(
        self,
        templates: Sequence[Template],
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> None:
        """Replace the words of messages; one for each event, language and channel."""
        unique(templates, lambda t: (t.event, t.language, t.channel), what="template")
        with self.uow() as tx:
            self._put(tx, TEMPLATES, plain(tuple(templates)), expected_version, by)

    def roles(self) -> tuple[Role, ...]:
        """List the roles, built-in ones first."""
        with self.uow(read_only=True) as tx:
            return tuple(roles_in(tx).values())

    @retried
    def put_roles(
        self, roles: Sequence[Role], *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> tuple[Role, ...]:
        """
        Replace the operator's own roles; the built-in ones stay as they are.

        Raise `RuleViolated` for one that a built-in role has the name of, and where a user or a
        token has a role that would be gone.
        """
        unique(roles, lambda role: role.name, what="role")
        if taken := [role.name for role in roles if role.name in BUILT_IN_ROLES]:
            reasons = tuple(f"{name} is built in and stays as it is; copy it" for name in taken)
            raise RuleViolated("roles", reasons)
        with self.uow() as tx:
            gone = roles_in(tx).keys() - BUILT_IN_ROLES.keys() - {role.name for role in roles}
            if used := [name for name in sorted(gone) if _is_used(tx, name)]:
                reasons = tuple(f"somebody still has the role {name}" for name in used)
                raise RuleViolated("roles", reasons)
            self._put(tx, ROLES, plain(tuple(roles)), expected_version, by)
            return (*BUILT_IN_ROLES.values(), *roles)

    @retried
    def _put_regulations(
        self, regulations: Regulations, expected_version: int | None, by: Actor
    ) -> None:
        with self.uow() as tx:
            self._put(tx, REGULATIONS, plain(regulations), expected_version, by)

    def _put(
        self, tx: Transaction, kind: str, value: Any, expected_version: int | None, by: Actor
    ) -> None:
        tx.rules.put(kind, value, expected_version=expected_version, by=by, at=self.clock())


def read_policies(raw: object) -> tuple[BillingPolicy, ...]:
    """Read a list of billing policies from JSON; raise `InvalidValue` with every fault."""
    found = listed(lambda item: structure(BillingPolicy, item, _POLICY))(raw)
    return unique(found, lambda policy: policy.id, what="policy")


def read_deduplication(raw: object) -> DeduplicationRules:
    """Read the rules of de-duplication from JSON."""
    return structure(DeduplicationRules, raw, _DEDUPLICATION)


def read_validation(raw: object) -> ValidationRules:
    """Read what is asked of customers from JSON; raise `InvalidValue` with every fault."""
    return structure(ValidationRules, raw, _VALIDATION)


def read_regulations(raw: object) -> Regulations:
    """Read what is said of payments from JSON; raise `InvalidValue` with every fault."""
    return structure(Regulations, raw, _REGULATIONS)


def read_roles(raw: object) -> tuple[Role, ...]:
    """Read roles from JSON; raise `InvalidValue` with every fault."""
    found = listed(lambda item: structure(Role, item, _ROLE))(raw)
    return unique(found, lambda role: role.name, what="role")


def read_service_levels(raw: object) -> ServiceLevels:
    """Read service levels from JSON: `targets` in hours, `zone`, `hours`, `holidays`."""
    given = structure(_Levels, raw, _LEVELS)
    policy = _at("targets", lambda: SlaPolicy(given.targets))
    calendar = _at(
        "calendar",
        lambda: WorkingCalendar(
            zone=zone_named(given.zone), hours=given.hours, holidays=frozenset(given.holidays)
        ),
    )
    return ServiceLevels(policy=policy, calendar=calendar)


def service_levels_json(levels: ServiceLevels) -> dict[str, Any]:
    """Return service levels as the JSON that `read_service_levels` reads."""
    calendar = levels.calendar
    return {
        "targets": plain(levels.policy.targets),
        "zone": calendar.zone.key,
        "hours": plain(calendar.hours),
        "holidays": plain(calendar.holidays),
    }


def read_templates(raw: object) -> tuple[Template, ...]:
    """Read templates from JSON; raise `InvalidValue` with every fault."""
    found = listed(lambda item: structure(Template, item, _TEMPLATE))(raw)
    return unique(found, lambda t: (t.event, t.language, t.channel), what="template")


@attrs.frozen(kw_only=True)
class _Levels:
    targets: Mapping[TicketPriority, SlaTarget]
    zone: str = DEFAULT_CALENDAR.zone.key
    hours: Mapping[int, Any] = attrs.field(factory=lambda: DEFAULT_CALENDAR.hours)
    holidays: tuple[Any, ...] = ()


def _cycle_day(raw: object) -> CycleDay:
    given = raw.get("day") if isinstance(raw, Mapping) else raw
    return CycleDay(whole(given))


def _weekday(raw: object) -> int:
    if isinstance(raw, str) and raw in _WEEKDAYS:
        return _WEEKDAYS.index(raw)
    raise InvalidValue.of("", "weekday", "a weekday, 0 (Monday) to 6 (Sunday)", raw)


def _span(raw: object) -> tuple[Any, Any]:
    found = listed(clock_time)(raw)
    if len(found) != 2:
        raise InvalidValue.of("", "span", 'two times, such as ["09:00", "18:00"]', raw)
    return found[0], found[1]


def _ratio(raw: object) -> float:
    value = float(raw) if isinstance(raw, float) else float(decimal(raw))
    if not 0 <= value <= 1:
        raise InvalidValue.of("", "ratio", "a ratio from 0 to 1", raw)
    return value


_WEEKDAYS = "0123456"

_POLICY: Mapping[str, Reader] = {
    "id": text,
    "name": text,
    "version": whole,
    "payment_mode": chosen(PaymentMode),
    "cycle_day": or_none(scalar(_cycle_day)),
    "fee_timing": chosen(FeeTiming),
    "proration": chosen(Proration),
    "credit_limit": money,
    "low_balance": or_none(money),
    "promise_limit": or_none(money),
    "promise_days": whole,
    "first_fee": chosen(FirstFee),
    "required_for_activation": listed(chosen(Requirement)),
    "grace_days": whole,
    "dunning_profile": text,
    "tax": lambda raw: structure(TaxProfile, raw, {"code": text, "percent": decimal}),
    "suspension_fees": chosen(SuspensionFees),
    "sims_per_person": or_none(whole),
    "sims_per_organisation": or_none(whole),
}
_DEDUPLICATION: Mapping[str, Reader] = {
    "weights": keyed(chosen(Match), whole),
    "exact": lambda raw: frozenset(listed(chosen(Match))(raw)),
    "suspect_from": whole,
    "name_likeness": _ratio,
}
_VALIDATION: Mapping[str, Reader] = {
    "required": keyed(chosen(CustomerKind), listed(chosen(CustomerField))),
    "minimum_age": or_none(whole),
    "document_types": listed(chosen(DocumentType)),
    "expired_documents": flag,
    "national_id_formats": listed(text),
    "registration_number_formats": listed(text),
    "document_formats": keyed(chosen(DocumentType), listed(text)),
}
_LIMITS: Mapping[str, Reader] = {"smallest": money, "largest": or_none(money)}
_REGULATIONS: Mapping[str, Reader] = {
    "payment_limits": listed(lambda raw: structure(PaymentLimits, raw, _LIMITS)),
    "tolerances": listed(money),
}
_ROLE: Mapping[str, Reader] = {
    "name": text,
    "title": text,
    "grants": lambda raw: MappingProxyType(
        keyed(chosen(Area), lambda actions: frozenset(listed(chosen(Action))(actions)))(raw)
    ),
    "alone_up_to": or_none(decimal),
}
_TARGET: Mapping[str, Reader] = {"first_response": hours, "resolution": hours}
_LEVELS: Mapping[str, Reader] = {
    "targets": keyed(chosen(TicketPriority), lambda raw: structure(SlaTarget, raw, _TARGET)),
    "zone": text,
    "hours": keyed(_weekday, listed(_span)),
    "holidays": listed(day),
}
_TEMPLATE: Mapping[str, Reader] = {
    "event": text,
    "language": text,
    "subject": text,
    "body": text,
    "channel": or_none(chosen(NotificationChannel)),
}


def _is_used(tx: Transaction, role: str) -> bool:
    """Tell whether a user who was not removed, or a token that was not revoked, has a role."""
    users = each_in(tx.users, role=role)
    tokens = each_in(tx.tokens, role=role)
    return any(not USER_LIFECYCLE.is_final(user.status) for user in users) or any(
        token.revoked_at is None for token in tokens
    )


def _renumbered(policy: BillingPolicy, old: BillingPolicy | None) -> BillingPolicy:
    if old is None:
        return attrs.evolve(policy, version=1)
    same = attrs.evolve(policy, version=old.version)
    return same if same == old else attrs.evolve(policy, version=old.version + 1)


def _at(field: str, make: Any) -> Any:
    try:
        return make()
    except InvalidValue as error:
        raise InvalidValue(at(field, error)) from None
