"""Rules as data: policies, validation, de-duplication, service levels, the words of messages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import JSONBody

from telecom_crm.application.declared import at, plain
from telecom_crm.application.roles import ROLES
from telecom_crm.application.rule_readers import (
    read_deduplication,
    read_policies,
    read_regulations,
    read_roles,
    read_service_levels,
    read_templates,
    read_validation,
    service_levels_json,
)
from telecom_crm.application.rules import (
    DEDUPLICATION,
    POLICIES,
    REGULATIONS,
    SLA,
    TEMPLATES,
    VALIDATION,
    RuleBook,
)
from telecom_crm.domain.deduplication import Match
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identity_document import DocumentType
from telecom_crm.domain.notification import NotificationChannel
from telecom_crm.domain.policy import (
    FeeTiming,
    FirstFee,
    PaymentMode,
    Proration,
    Requirement,
    SuspensionFees,
)
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.role import BUILT_IN_ROLES, Action, Area, Limit
from telecom_crm.domain.ticket import TicketPriority
from telecom_crm.domain.validation import CustomerField
from telecom_crm.entrypoints.http.api.tokens import RoleText
from telecom_crm.entrypoints.http.bodies import Body, MoneyBody
from telecom_crm.entrypoints.http.calls import Call
from telecom_crm.entrypoints.http.routes import reads, replaces
from telecom_crm.entrypoints.http.values import shown

Points = Annotated[int, msgspec.Meta(ge=0, le=1000)]
Percent = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,3}(\.[0-9]{1,6})?$", examples=["12"])]
B = TypeVar("B", bound=Body)

Hours = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,5}(\.[0-9]{1,6})?$", examples=["1.5"])]
Weekday = Annotated[str, msgspec.Meta(pattern="^[0-6]$")]
Clock = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$")]
Span = Annotated[list[Clock], msgspec.Meta(min_length=2, max_length=2)]
Format = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9*][A-Za-z0-9* ./-]{0,49}$")]
Formats = Annotated[list[Format], msgspec.Meta(max_length=50)]
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class TaxBody(Body):
    """A tax that prices include, in percent of the net price."""

    code: Short
    percent: Percent


class PolicyBody(Body):
    """
    Terms on which an account is charged.

    `cycle_day` null means the anniversary of the activation, `sims_per_person` and
    `sims_per_organisation` null no limit, `low_balance` null that nobody is told of one,
    `promise_limit` null that no payment can be promised; a promise lasts `promise_days` at most.
    `grace_days`, `dunning_profile` and `suspension_fees` are kept, and nothing reads them yet.
    `version` is counted by us: what is sent is not looked at.
    """

    id: Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9_-]{0,29}$")]
    name: Short
    payment_mode: PaymentMode
    credit_limit: MoneyBody
    tax: TaxBody
    version: Annotated[int, msgspec.Meta(ge=1, le=10**9)] = 1
    cycle_day: Annotated[int, msgspec.Meta(ge=1, le=31)] | None = None
    fee_timing: FeeTiming = FeeTiming.ADVANCE
    proration: Proration = Proration.ACTUAL_DAYS
    low_balance: MoneyBody | None = None
    promise_limit: MoneyBody | None = None
    promise_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 7
    first_fee: FirstFee = FirstFee.REQUIRED
    required_for_activation: Annotated[list[Requirement], msgspec.Meta(max_length=20)] = (
        msgspec.field(default_factory=lambda: list(Requirement))
    )
    grace_days: Annotated[int, msgspec.Meta(ge=0, le=3650)] = 0
    dunning_profile: Short = "standard"
    suspension_fees: SuspensionFees = SuspensionFees.BY_HOLD
    sims_per_person: Annotated[int, msgspec.Meta(ge=1, le=10**6)] | None = 10
    sims_per_organisation: Annotated[int, msgspec.Meta(ge=1, le=10**6)] | None = None


class PoliciesBody(Body):
    """All billing policies."""

    items: Annotated[list[PolicyBody], msgspec.Meta(min_length=1, max_length=500)]


class DeduplicationBody(Body):
    """
    How much each match counts, in points of 100.

    `exact` matches settle it; the rest is suspected from `suspect_from` points on.
    """

    weights: dict[Match, Points]
    exact: Annotated[list[Match], msgspec.Meta(max_length=20)]
    suspect_from: Points
    name_likeness: Annotated[float, msgspec.Meta(ge=0, le=1)]


class ValidationBody(Body):
    """
    What is asked of customers beside a name, and which papers and numbers are taken.

    `minimum_age` null asks for no age. In a format `9` is a digit, `A` a letter, `*` either, any
    other letter or digit itself; spaces, dots and dashes do not count. No formats take any number.
    """

    required: dict[CustomerKind, Annotated[list[CustomerField], msgspec.Meta(max_length=20)]] = (
        msgspec.field(default_factory=dict)
    )
    minimum_age: Annotated[int, msgspec.Meta(ge=0, le=150)] | None = None
    document_types: Annotated[list[DocumentType], msgspec.Meta(min_length=1, max_length=20)] = (
        msgspec.field(default_factory=lambda: list(DocumentType))
    )
    expired_documents: bool = True
    national_id_formats: Formats = msgspec.field(default_factory=list)
    registration_number_formats: Formats = msgspec.field(default_factory=list)
    document_formats: dict[DocumentType, Formats] = msgspec.field(default_factory=dict)


class PaymentLimitsBody(Body):
    """The smallest and the largest payment in a currency; `largest` null sets no end."""

    smallest: MoneyBody
    largest: MoneyBody | None = None


class RegulationsBody(Body):
    """
    Limits of payments and tolerances of what a gateway says it took, one of each a currency.

    Tax is in the billing policies.
    """

    payment_limits: Annotated[list[PaymentLimitsBody], msgspec.Meta(max_length=50)] = msgspec.field(
        default_factory=list
    )
    tolerances: Annotated[list[MoneyBody], msgspec.Meta(max_length=50)] = msgspec.field(
        default_factory=list
    )


class TargetBody(Body):
    """What is promised, in working hours."""

    first_response: Hours
    resolution: Hours


class ServiceLevelsBody(Body):
    """
    What is promised on tickets, for every priority, and when people work.

    `hours` are spans of each weekday, 0 (Monday) to 6 (Sunday), in the zone; a day that is left out
    is free, and an end of 00:00 is midnight. `holidays` are the dates on which nobody works.
    """

    targets: dict[TicketPriority, TargetBody]
    zone: Short
    hours: dict[Weekday, Annotated[list[Span], msgspec.Meta(max_length=24)]]
    holidays: Annotated[list[date], msgspec.Meta(max_length=1000)] = msgspec.field(
        default_factory=list
    )


class TemplateBody(Body):
    """The words of a message, with `$fact` where a fact goes; `channel` null serves all others."""

    event: Short
    language: Annotated[str, msgspec.Meta(min_length=2, max_length=10)]
    subject: Annotated[str, msgspec.Meta(max_length=500)]
    body: Annotated[str, msgspec.Meta(max_length=10_000)]
    channel: NotificationChannel | None = None


class TemplatesBody(Body):
    """The words of all messages."""

    items: Annotated[list[TemplateBody], msgspec.Meta(max_length=2000)]


MajorAmount = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,15}(\.[0-9]{1,3})?$")]


class RoleBody(Body):
    """
    What somebody is to the operator: what they may do in each area.

    `limits` are amounts in major units of whatever currency, null without an end: the largest
    `payment` taken and `promise` granted, and up to which a `refund` or an `adjustment` needs no
    second person. What is left out has no end for the first two, and is "0" for the others.
    """

    name: RoleText
    title: Short
    grants: dict[Area, list[Action]]
    limits: dict[Limit, MajorAmount | None] = msgspec.field(default_factory=dict)


class RolesBody(Body):
    """The operator's own roles; `built_in` is shown, and not looked at when it is sent."""

    items: Annotated[list[RoleBody], msgspec.Meta(max_length=100)]
    built_in: Annotated[list[RoleBody], msgspec.Meta(max_length=100)] = msgspec.field(
        default_factory=list
    )


class RuleController(Controller):
    """The rules that an operator keeps as data."""

    path = "/"
    tags = ("rules",)

    @reads("/billing-policies", Area.RULES)
    def policies(self, rules: NamedDependency[RuleBook]) -> Response[PoliciesBody]:
        """List the billing policies."""
        return _policies(rules)

    @replaces("/billing-policies", Area.RULES, versioned=True)
    def put_policies(
        self, request: Call, data: JSONBody[PoliciesBody], rules: NamedDependency[RuleBook]
    ) -> Response[PoliciesBody]:
        """Replace the billing policies; accounts keep the terms they were given."""
        wanted = _items(read_policies, data.items)
        rules.put_policies(wanted, expected_version=request.seen, by=request.by)
        return _policies(rules)

    @reads("/deduplication-rules", Area.RULES)
    def deduplication(self, rules: NamedDependency[RuleBook]) -> Response[DeduplicationBody]:
        """Show who counts as the same person."""
        return _deduplication(rules)

    @replaces("/deduplication-rules", Area.RULES, versioned=True)
    def put_deduplication(
        self, request: Call, data: JSONBody[DeduplicationBody], rules: NamedDependency[RuleBook]
    ) -> Response[DeduplicationBody]:
        """Change who counts as the same person."""
        wanted = read_deduplication(msgspec.to_builtins(data))
        rules.put_deduplication(wanted, expected_version=request.seen, by=request.by)
        return _deduplication(rules)

    @reads("/validation-rules", Area.RULES)
    def validation(self, rules: NamedDependency[RuleBook]) -> Response[ValidationBody]:
        """Show what is asked of customers."""
        return _validation(rules)

    @replaces("/validation-rules", Area.RULES, versioned=True)
    def put_validation(
        self, request: Call, data: JSONBody[ValidationBody], rules: NamedDependency[RuleBook]
    ) -> Response[ValidationBody]:
        """Change what is asked of new customers, and of known ones when they are changed."""
        wanted = read_validation(msgspec.to_builtins(data))
        rules.put_validation(wanted, expected_version=request.seen, by=request.by)
        return _validation(rules)

    @reads("/regulations", Area.RULES)
    def regulations(self, rules: NamedDependency[RuleBook]) -> Response[RegulationsBody]:
        """Show what is said of payments."""
        return _regulations(rules)

    @replaces("/regulations", Area.RULES, versioned=True)
    def put_regulations(
        self, request: Call, data: JSONBody[RegulationsBody], rules: NamedDependency[RuleBook]
    ) -> Response[RegulationsBody]:
        """Change what is said of payments; within half a minute all processes go by it."""
        wanted = read_regulations(msgspec.to_builtins(data))
        rules.put_regulations(wanted, expected_version=request.seen, by=request.by)
        return _regulations(rules)

    @reads("/service-levels", Area.RULES)
    def service_levels(self, rules: NamedDependency[RuleBook]) -> Response[ServiceLevelsBody]:
        """Show what is promised on tickets, and when people work."""
        return _service_levels(rules)

    @replaces("/service-levels", Area.RULES, versioned=True)
    def put_service_levels(
        self, request: Call, data: JSONBody[ServiceLevelsBody], rules: NamedDependency[RuleBook]
    ) -> Response[ServiceLevelsBody]:
        """Change what is promised on tickets, the open ones among them."""
        wanted = read_service_levels(msgspec.to_builtins(data))
        rules.put_service_levels(wanted, expected_version=request.seen, by=request.by)
        return _service_levels(rules)

    @reads("/notification-templates", Area.RULES)
    def templates(self, rules: NamedDependency[RuleBook]) -> Response[TemplatesBody]:
        """List the words of messages."""
        return _templates(rules)

    @replaces("/notification-templates", Area.RULES, versioned=True)
    def put_templates(
        self, request: Call, data: JSONBody[TemplatesBody], rules: NamedDependency[RuleBook]
    ) -> Response[TemplatesBody]:
        """Replace the words of messages; one for each event, language and channel."""
        wanted = _items(read_templates, data.items)
        rules.put_templates(wanted, expected_version=request.seen, by=request.by)
        return _templates(rules)

    @reads("/roles", Area.USERS)
    def roles(self, rules: NamedDependency[RuleBook]) -> Response[RolesBody]:
        """List the operator's own roles; `built_in` ones are beside them and never change."""
        return _roles(rules)

    @replaces("/roles", Area.USERS, versioned=True)
    def put_roles(
        self, request: Call, data: JSONBody[RolesBody], rules: NamedDependency[RuleBook]
    ) -> Response[RolesBody]:
        """Replace the operator's own roles; a role that somebody has cannot be left out."""
        wanted = _items(read_roles, data.items)
        rules.put_roles(wanted, expected_version=request.seen, rights=request.rights, by=request.by)
        return _roles(rules)


def _items(read: Any, items: Any) -> Any:
    try:
        return read(msgspec.to_builtins(items))
    except InvalidValue as error:
        raise InvalidValue(at("items", error)) from None


# The version is read first: what changes in between is then refused, and not overwritten.


def _found(rules: RuleBook, kind: str, read: Callable[[], object], body: type[B]) -> Response[B]:
    version, found = rules.version(kind), plain(read())
    return shown(msgspec.convert(found, body), version=version)


def _roles(rules: RuleBook) -> Response[RolesBody]:
    version, found = rules.version(ROLES), plain(rules.roles())
    own = [role for role in found if role["name"] not in BUILT_IN_ROLES]
    built_in = [role for role in found if role["name"] in BUILT_IN_ROLES]
    body = msgspec.convert({"items": own, "built_in": built_in}, RolesBody)
    return shown(body, version=version)


def _policies(rules: RuleBook) -> Response[PoliciesBody]:
    version, items = rules.version(POLICIES), [plain(policy) for policy in rules.policies()]
    for item in items:
        item["cycle_day"] = item["cycle_day"] and item["cycle_day"]["day"]
    return shown(msgspec.convert({"items": items}, PoliciesBody), version=version)


def _deduplication(rules: RuleBook) -> Response[DeduplicationBody]:
    return _found(rules, DEDUPLICATION, rules.deduplication, DeduplicationBody)


def _validation(rules: RuleBook) -> Response[ValidationBody]:
    return _found(rules, VALIDATION, rules.validation, ValidationBody)


def _regulations(rules: RuleBook) -> Response[RegulationsBody]:
    return _found(rules, REGULATIONS, rules.regulations, RegulationsBody)


def _service_levels(rules: RuleBook) -> Response[ServiceLevelsBody]:
    version, found = rules.version(SLA), service_levels_json(rules.service_levels())
    return shown(msgspec.convert(found, ServiceLevelsBody), version=version)


def _templates(rules: RuleBook) -> Response[TemplatesBody]:
    version, items = rules.version(TEMPLATES), plain(rules.templates())
    return shown(msgspec.convert({"items": items}, TemplatesBody), version=version)
