from datetime import UTC, datetime, timedelta

import attrs
import pytest

from telecom_crm.domain.catalogue import (
    Catalogue,
    CatalogueFile,
    ChangeKind,
    DeclaredOption,
    DeclaredTariff,
    apply_catalogue,
    changes,
)
from telecom_crm.domain.compatibility import CompatibilityRule, RuleKind
from telecom_crm.domain.errors import InvalidValue, RuleViolated
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.tariff import OptionTerms, TariffTerms

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(days=1)
BY = Actor("ann")
TERMS = TariffTerms(monthly_fee=Money(30_000, "KGS"), activation_fee=Money(0, "KGS"))
START = DeclaredTariff(code="START", name="Start", terms=TERMS)
NET = DeclaredOption(
    code="NET", name="Net", group="DATA", terms=OptionTerms(fee=Money(5000, "KGS"))
)
RULE = CompatibilityRule(RuleKind.EXCLUDES, "NET", ("START",))
WANTED = CatalogueFile(tariffs=(START,), options=(NET,), rules=(RULE,))


def kinds(current, wanted):
    return [line.kind for line in changes(current, wanted)]


def test_applying_twice_changes_nothing_the_second_time():
    assert kinds(Catalogue(), WANTED) == [ChangeKind.NEW, ChangeKind.NEW, ChangeKind.REPLACED]
    made = apply_catalogue(Catalogue(), WANTED, by=BY, at=AT)
    assert {made.tariffs[0].status, made.options[0].status} == {"active"}
    stored = attrs.evolve(
        made,
        tariffs=tuple(attrs.evolve(tariff, events=()) for tariff in made.tariffs),
        options=tuple(attrs.evolve(option, events=()) for option in made.options),
    )
    assert set(kinds(stored, WANTED)) == {ChangeKind.UNCHANGED}
    again = apply_catalogue(stored, WANTED, by=BY, at=LATER)
    assert (again.tariffs, again.options, again.rules) == ((), (), stored.rules)

    dearer = attrs.evolve(
        START, name="Start 2", terms=attrs.evolve(TERMS, monthly_fee=Money(1, "KGS"))
    )
    wanted = CatalogueFile(tariffs=(dearer,), options=(attrs.evolve(NET, description="more"),))
    assert kinds(stored, wanted) == [ChangeKind.NEW_VERSION, ChangeKind.DESCRIBED]
    moved = apply_catalogue(stored, wanted, by=BY, at=LATER)
    (tariff,) = moved.tariffs
    assert tariff.name.said_in("en") == "Start 2"
    assert [version.valid_from for version in tariff.versions] == [AT, LATER]
    assert moved.rules == stored.rules
    assert len(moved.options[0].versions) == 1


def test_a_retired_tariff_gets_no_new_version():
    made = apply_catalogue(Catalogue(), WANTED, by=BY, at=AT)
    gone = attrs.evolve(made, tariffs=(made.tariffs[0].retire(by=BY, at=AT),))
    dearer = attrs.evolve(START, terms=attrs.evolve(TERMS, monthly_fee=Money(1, "KGS")))
    with pytest.raises(RuleViolated):
        apply_catalogue(gone, CatalogueFile(tariffs=(dearer,)), by=BY, at=LATER)


def test_a_file_is_whole():
    with pytest.raises(InvalidValue):
        CatalogueFile(tariffs=(START, START))
    with pytest.raises(InvalidValue) as caught:
        CatalogueFile(tariffs=(START,), rules=(RULE,))
    assert caught.value.faults[0].value == "NET"
