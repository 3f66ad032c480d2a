"""Rules as data, read as values: what an operator decides of accounts, people and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.declared import flag, instant, structure, text, unique, whole
from telecom_crm.application.ports import Transaction
from telecom_crm.application.roles import RoleBook
from telecom_crm.application.rule_readers import (
    ServiceLevels,
    read_deduplication,
    read_offered,
    read_policies,
    read_regulations,
    read_service_levels,
    read_templates,
    read_validation,
    service_levels_json,
)
from telecom_crm.domain.brand import DEFAULT_BRAND, Brand
from telecom_crm.domain.deduplication import DEFAULT_RULES, DeduplicationRules
from telecom_crm.domain.demo import Demo
from telecom_crm.domain.errors import InvalidValue, NotFound, RuleViolated
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.notification import DEFAULT_TEMPLATES, Template
from telecom_crm.domain.policy import (
    DEFAULT_POLICIES,
    BillingPolicy,
)
from telecom_crm.domain.regulation import DEFAULT_REGULATIONS, Regulations
from telecom_crm.domain.self_care import DEFAULT_OFFERED, Offered
from telecom_crm.domain.ticket import (
    DEFAULT_CALENDAR,
    DEFAULT_SLA,
)
from telecom_crm.domain.validation import DEFAULT_VALIDATION, ValidationRules

POLICIES, DEDUPLICATION, VALIDATION = "billing_policies", "deduplication", "validation"
REGULATIONS, SLA, TEMPLATES = "regulations", "sla", "templates"
BRAND = "brand"
SELF_CARE = "self_care"
DEMO = "demo"


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


def brand_in(tx: Transaction) -> Brand:
    """Return how the pages look."""
    raw = tx.rules.get(BRAND)
    return DEFAULT_BRAND if raw is None else structure(Brand, raw, {"name": text, "hue": whole})


def offered_in(tx: Transaction) -> Offered:
    """Return which parts of self-care there are."""
    raw = tx.rules.get(SELF_CARE)
    return DEFAULT_OFFERED if raw is None else read_offered(raw)


def demo_in(tx: Transaction) -> Demo | None:
    """Return what a demo was made from; None where things are somebody's own."""
    raw = tx.rules.get(DEMO)
    return None if raw is None else structure(Demo, raw, _DEMO)


def regulations_in(tx: Transaction) -> Regulations:
    """Return what is said of payments."""
    raw = tx.rules.get(REGULATIONS)
    return DEFAULT_REGULATIONS if raw is None else read_regulations(raw)


@attrs.frozen
class RuleBook(RoleBook):
    """The rules that an operator keeps as data."""

    zone: ZoneInfo = DEFAULT_CALENDAR.zone
    """Where the working hours of the default service levels are."""

    def policies(self) -> tuple[BillingPolicy, ...]:
        """List the billing policies."""
        with self.uow(read_only=True) as tx:
            return tuple(policies_in(tx).values())

    def policy(self, policy_id: str) -> BillingPolicy:
        """Show one billing policy."""
        with self.uow(read_only=True) as tx:
            return policy_in(tx, policy_id)

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

        def numbered(tx: Transaction) -> tuple[BillingPolicy, ...]:
            old = policies_in(tx)
            return tuple(_renumbered(policy, old.get(policy.id)) for policy in policies)

        return self._change(POLICIES, numbered, expected_version, by)

    def create_policy(
        self, policy_id: str, *, name: str, like: str, by: Actor = SYSTEM
    ) -> BillingPolicy:
        """
        Add a billing policy with the terms of another.

        Raise `NotFound` for the other, and `InvalidValue` for an id that is taken or none.
        """
        version, policies = self.version(POLICIES), self.policies()
        known = {one.id: one for one in policies}
        made = attrs.evolve(policy_named(known, like), id=policy_id, name=name, version=1)
        if made.id in known:
            message = "an id that no other policy has"
            raise InvalidValue.of("id", "policy_taken", message, made.id)
        self.put_policies([*policies, made], expected_version=version, by=by)
        return made

    def delete_policy(self, policy_id: str, *, by: Actor = SYSTEM) -> None:
        """
        Offer a billing policy no more; accounts that have it keep its terms.

        Raise `NotFound`, and `RuleViolated` for the last one.
        """
        version, policies = self.version(POLICIES), self.policies()
        policy_named({one.id: one for one in policies}, policy_id)
        kept = [one for one in policies if one.id != policy_id]
        self.put_policies(kept, expected_version=version, by=by)

    def deduplication(self) -> DeduplicationRules:
        """Show who counts as the same person."""
        with self.uow(read_only=True) as tx:
            return deduplication_in(tx)

    def put_deduplication(
        self,
        rules: DeduplicationRules,
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> None:
        """Change who counts as the same person."""
        self._change(DEDUPLICATION, lambda _: rules, expected_version, by)

    def validation(self) -> ValidationRules:
        """Show what is asked of customers."""
        with self.uow(read_only=True) as tx:
            return validation_in(tx)

    def put_validation(
        self, rules: ValidationRules, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> None:
        """
        Change what is asked of customers.

        Who is a customer already stays one; asked anew is what a change to them leaves.
        """
        self._change(VALIDATION, lambda _: rules, expected_version, by)

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
        self._change(REGULATIONS, lambda _: regulations, expected_version, by)

    def service_levels(self) -> ServiceLevels:
        """Show what is promised on tickets."""
        with self.uow(read_only=True) as tx:
            return service_levels_in(tx, zone=self.zone)

    def put_service_levels(
        self, levels: ServiceLevels, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> None:
        """
        Change what is promised on tickets, those that wait for an answer included.

        Which of these are late is found by it once the worker has gone through them.
        """
        self._change(SLA, lambda _: service_levels_json(levels), expected_version, by)

    def templates(self) -> tuple[Template, ...]:
        """List the words of messages."""
        with self.uow(read_only=True) as tx:
            return templates_in(tx)

    def put_templates(
        self,
        templates: Sequence[Template],
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> None:
        """Replace the words of messages; one for each event, language and channel."""
        unique(templates, lambda t: (t.event, t.language, t.channel), what="template")
        self._change(TEMPLATES, lambda _: tuple(templates), expected_version, by)

    def offered(self) -> Offered:
        """Show which parts of self-care there are."""
        with self.uow(read_only=True) as tx:
            return offered_in(tx)

    def put_offered(
        self, offered: Offered, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> None:
        """Change which parts of self-care there are; within half a minute, in all processes."""
        self._change(SELF_CARE, lambda _: offered, expected_version, by)

    def brand(self) -> Brand:
        """Show how the pages look."""
        with self.uow(read_only=True) as tx:
            return brand_in(tx)

    def put_brand(
        self, brand: Brand, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> None:
        """Change how the pages look; other processes show it within half a minute."""
        self._change(BRAND, lambda _: brand, expected_version, by)

    def demo(self) -> Demo | None:
        """Show what a demo was made from; None where things are somebody's own."""
        with self.uow(read_only=True) as tx:
            return demo_in(tx)

    def put_demo(self, demo: Demo, *, by: Actor = SYSTEM) -> Demo:
        """Say that this installation is a demo, which nothing takes back but emptying it."""
        return self._change(DEMO, lambda _: demo, None, by)


_DEMO = {"seed": whole, "customers": whole, "began": instant, "lived": flag}


def _renumbered(policy: BillingPolicy, old: BillingPolicy | None) -> BillingPolicy:
    if old is None:
        return attrs.evolve(policy, version=1)
    same = attrs.evolve(policy, version=old.version)
    return same if same == old else attrs.evolve(policy, version=old.version + 1)
