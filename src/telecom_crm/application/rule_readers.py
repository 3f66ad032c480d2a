"""Rules read from JSON, with every fault of them, and written back."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

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
from telecom_crm.domain.calendar import CycleDay, zone_named
from telecom_crm.domain.deduplication import DeduplicationRules, Match
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identity_document import DocumentType
from telecom_crm.domain.notification import NotificationChannel, Template
from telecom_crm.domain.policy import (
    BillingPolicy,
    FeeTiming,
    FirstFee,
    PaymentMode,
    Proration,
    Requirement,
    SuspensionFees,
    TaxProfile,
)
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.regulation import PaymentLimits, Regulations
from telecom_crm.domain.role import Action, Area, Limit, Role
from telecom_crm.domain.self_care import Offered, Section
from telecom_crm.domain.ticket import (
    DEFAULT_CALENDAR,
    SlaPolicy,
    SlaTarget,
    TicketPriority,
    WorkingCalendar,
)
from telecom_crm.domain.validation import CustomerField, ValidationRules


@attrs.frozen(kw_only=True)
class ServiceLevels:
    """What is promised on tickets, and the hours in which the promise runs."""

    policy: SlaPolicy
    calendar: WorkingCalendar


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


def read_offered(raw: object) -> Offered:
    """Read which parts of self-care there are from JSON."""
    return structure(Offered, raw, {"off": listed(chosen(Section))})


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
    "limits": keyed(chosen(Limit), or_none(decimal)),
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


def _at(field: str, make: Any) -> Any:
    try:
        return make()
    except InvalidValue as error:
        raise InvalidValue(at(field, error)) from None
