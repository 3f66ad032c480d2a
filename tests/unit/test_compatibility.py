from datetime import UTC, datetime
from typing import Any

import pytest

from telecom_crm.domain.compatibility import (
    CompatibilityRule,
    OptionsIncompatible,
    RuleKind,
    check_compatibility,
    fitting,
    require_compatible,
    require_migration,
)
from telecom_crm.domain.errors import InvalidValue, Reason
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.tariff import Option, OptionTerms, Tariff, TariffTerms

WHO: Any = {"by": Actor("ann"), "at": datetime(2026, 1, 1, tzinfo=UTC)}
ZERO = Money(0, "KGS")
START = Tariff.create(
    code="START", name="s", terms=TariffTerms(monthly_fee=ZERO, activation_fee=ZERO), **WHO
)


def option(code, group="", currency="KGS"):
    terms = OptionTerms(fee=Money(1, currency))
    return Option.create(code=code, name=code, group=group, terms=terms, **WHO)


RULES = (
    CompatibilityRule(RuleKind.REQUIRES, "ROAM", ("NET1", "NET5")),
    CompatibilityRule(RuleKind.EXCLUDES, "QUIET", ("ROAM", "START")),
    CompatibilityRule(RuleKind.INCLUDED_IN, "SMS", ("START",)),
    CompatibilityRule(RuleKind.MAX_ONE_OF, "DATA"),
    CompatibilityRule(RuleKind.MIGRATES_TO, "START", ("COMFORT",)),
)


def test_what_goes_together_has_no_reasons():
    assert check_compatibility(START, [option("ROAM"), option("NET1", "DATA")], RULES) == ()
    assert check_compatibility(START, [], RULES) == ()


def test_every_violation_is_told_at_once():
    chosen = [
        option("ROAM"),
        option("QUIET"),
        option("SMS"),
        option("SMS"),
        option("A", "DATA"),
        option("B", "DATA"),
        option("ODD", currency="USD"),
    ]
    with pytest.raises(OptionsIncompatible) as caught:
        require_compatible(START, chosen, RULES)
    assert set(caught.value.reasons) == {
        "option SMS is chosen twice",
        "option ODD is priced in USD, tariff START in KGS",
        "ROAM requires NET1 or NET5",
        "QUIET does not go with ROAM",
        "QUIET does not go with START",
        "SMS is already included in START",
        "at most one of A or B",
    }


def test_a_tariff_changes_only_to_those_named_if_any_are():
    require_migration(old="START", new="COMFORT", rules=RULES)
    require_migration(old="START", new="START", rules=RULES)
    require_migration(old="COMFORT", new="MAX", rules=RULES)
    with pytest.raises(OptionsIncompatible):
        require_migration(old="START", new="MAX", rules=RULES)


@pytest.mark.parametrize(
    ("kind", "others"), [(RuleKind.REQUIRES, ()), (RuleKind.MAX_ONE_OF, ("A",))]
)
def test_half_a_rule_is_refused(kind, others):
    with pytest.raises(InvalidValue):
        CompatibilityRule(kind, "X", others)


def test_a_reason_can_be_said_in_other_words():
    [reason] = check_compatibility(START, [option("ROAM")], RULES)
    assert reason == "ROAM requires NET1 or NET5"
    assert isinstance(reason, Reason)
    assert reason.pattern == "%(subject)s requires %(others)s"
    assert reason.values == {"subject": ("ROAM",), "others": ("NET1", "NET5")}


def test_what_is_kept_with_a_tariff_goes_with_it_and_no_more_is_lost_than_has_to_be():
    had = [option("ROAM"), option("NET1", "DATA"), option("SMS"), option("NET5", "DATA")]
    kept = fitting(START, had, RULES)
    assert [one.code for one in kept] == ["ROAM", "NET5"]
    assert fitting(START, kept, RULES) == kept
    assert fitting(START, [], RULES) == ()
