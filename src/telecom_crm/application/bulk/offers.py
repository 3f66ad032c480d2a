"""What subscribers are registered under: tariffs, policies, rules; read before anything is held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import attrs

from telecom_crm.application.catalog import compatibility_in
from telecom_crm.application.duplicates import rules_in
from telecom_crm.application.ports import Transaction
from telecom_crm.application.rules import policies_in
from telecom_crm.application.sale import Terms
from telecom_crm.domain.compatibility import CompatibilityRule
from telecom_crm.domain.deduplication import DeduplicationRules, Match
from telecom_crm.domain.identifiers import MSISDN
from telecom_crm.domain.policy import BillingPolicy
from telecom_crm.domain.tariff import Option, Tariff


@attrs.define
class Offers:
    """The catalog and the rules as they are for one chunk of rows."""

    tariffs: Mapping[str, Tariff]
    options: Mapping[str, Option]
    """Those of contracts that are there already and are to be activated."""
    rules: tuple[CompatibilityRule, ...]
    policies: Mapping[str, BillingPolicy]
    chosen: BillingPolicy | None
    """The policy that the job names."""
    defaults: tuple[BillingPolicy, ...]
    suspicious: frozenset[Match]
    """What two people may have in common to be suspected of being one."""
    _terms: dict[str, Terms] = attrs.field(factory=dict, init=False)

    def terms(self, tariff: Tariff, *, at: datetime) -> Terms:
        """Return on what terms a tariff is sold: the job's policy, or the first it is sold for."""
        if (known := self._terms.get(tariff.code)) is not None:
            return known
        policy = self.chosen
        if policy is None:
            sold = (p for p in self.defaults if tariff.on_sale(at=at, mode=p.payment_mode))
            policy = next(sold, self.defaults[0])
        terms = self._terms[tariff.code] = Terms(tariff=tariff, rules=self.rules, policy=policy)
        return terms

    @property
    def most_sims(self) -> int:
        """The largest number of SIMs that a policy in use allows a person; 0 for no limit."""
        used = (self.chosen,) if self.chosen else self.defaults
        limits = [policy.sims_per_person or 0 for policy in used]
        return max(limits, default=0)


def offers_in(
    tx: Transaction,
    *,
    tariffs: Iterable[str],
    policy: str | None,
    default_policies: Iterable[str],
    held: Iterable[MSISDN],
    own_rules: DeduplicationRules | None,
) -> Offers:
    """Read what a chunk of rows needs; `held` are numbers whose contracts may be activated."""
    policies = policies_in(tx)
    numbers = list(held)
    contracts = tx.contracts.by_msisdns(numbers).values() if numbers else ()
    codes = {chosen.code for contract in contracts for chosen in contract.options}
    deduplication = rules_in(tx, own_rules)
    return Offers(
        tariffs=tx.catalog.tariffs.get_many(tariffs),
        options=tx.catalog.options.get_many(codes),
        rules=compatibility_in(tx),
        policies=policies,
        chosen=policies[policy] if policy else None,
        defaults=tuple(policies[name] for name in default_policies if name in policies),
        suspicious=frozenset(
            match
            for match in (Match.PHONE, Match.EMAIL)
            if deduplication.weights.get(match, -1) >= deduplication.suspect_from
        ),
    )
