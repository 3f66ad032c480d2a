from datetime import UTC, datetime
from decimal import Decimal

import attrs
import pytest

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.money import Money
from telecom_crm.domain.policy import (
    DEFAULT_POLICIES,
    MIGRATION,
    POSTPAID,
    PREPAID,
    FirstFee,
    Requirement,
    TaxProfile,
)


def test_the_policies_to_begin_with():
    assert set(DEFAULT_POLICIES) == {"prepaid", "postpaid", "migration"}
    assert all(policy.tax.percent == 12 for policy in DEFAULT_POLICIES.values())
    assert all(policy.currency == "KGS" for policy in DEFAULT_POLICIES.values())
    assert not PREPAID.credit_limit
    assert POSTPAID.credit_limit
    assert MIGRATION.first_fee is FirstFee.WAIVED
    assert not any(MIGRATION.requires(requirement) for requirement in Requirement)


def test_a_receipt_names_policy_and_version():
    at = datetime(2026, 1, 1, tzinfo=UTC)
    receipt = attrs.evolve(PREPAID, version=3).receipt(at=at)
    assert (receipt.policy_id, receipt.policy_version, receipt.at) == ("prepaid", 3, at)


@pytest.mark.parametrize(
    "bad",
    [
        {"id": "Pre paid"},
        {"credit_limit": Money(-1, "KGS")},
        {"sims_per_person": 0},
        {"sims_per_organisation": 0},
        {"low_balance": Money(-1, "KGS")},
        {"low_balance": Money(1, "USD")},
        {"promise_limit": Money(-1, "KGS")},
        {"promise_limit": Money(1, "USD")},
        {"promise_days": 0},
    ],
)
def test_impossible_terms_are_refused(bad):
    with pytest.raises(InvalidValue):
        attrs.evolve(PREPAID, **bad)


@pytest.mark.parametrize("percent", ["-1", "NaN", "Infinity"])
def test_impossible_taxes_are_refused(percent):
    with pytest.raises(InvalidValue):
        TaxProfile("VAT", Decimal(percent))
