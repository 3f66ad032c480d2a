from pathlib import Path

import attrs
import pytest

from telecom_crm.application.catalog import CodeTaken, TariffCatalog
from telecom_crm.application.catalog_file import (
    demo_catalog,
    read_catalog,
    read_catalog_toml,
    read_tariff_terms,
)
from telecom_crm.application.declared import plain
from telecom_crm.application.ports import Query
from telecom_crm.application.rule_readers import (
    read_deduplication,
    read_policies,
    read_service_levels,
    read_templates,
    service_levels_json,
)
from telecom_crm.application.rules import RuleBook
from telecom_crm.domain.catalogue import CatalogueFile, DeclaredOption, DeclaredTariff
from telecom_crm.domain.compatibility import CompatibilityRule, RuleKind
from telecom_crm.domain.deduplication import DEFAULT_RULES
from telecom_crm.domain.errors import InvalidValue, NotFound, RuleViolated, StaleVersion
from telecom_crm.domain.language import Wording
from telecom_crm.domain.lifecycle import SYSTEM
from telecom_crm.domain.notification import DEFAULT_TEMPLATES
from telecom_crm.domain.policy import DEFAULT_POLICIES, MIGRATION, PREPAID, PaymentMode
from telecom_crm.domain.tariff import (
    Allowances,
    CatalogueStatus,
    OptionTerms,
    TariffTerms,
    UsageRate,
    UsageService,
)
from tests.unit.shop import OPERATOR, Shop, som


@pytest.fixture
def catalog(uow, clock) -> TariffCatalog:
    return TariffCatalog(uow, clock)


TERMS = read_tariff_terms(
    {"monthly_fee": "100.00", "activation_fee": "0.00", "allowances": {"minutes": 10}},
    currency="KGS",
)


def test_the_demo_catalog_is_applied_once(catalog) -> None:
    first = catalog.apply(demo_catalog())
    assert (first.created, first.updated, first.unchanged) == (10, 1, 0)
    again = catalog.apply(demo_catalog())
    assert (again.created, again.updated, again.unchanged) == (0, 0, 11)
    assert {rule.kind for rule in catalog.rules()} == set(RuleKind)
    assert len(catalog.tariffs(Query(where={"status": "active"})).items) == 4
    assert len(catalog.options(Query()).items) == 6


def test_what_a_file_changes_gets_a_new_version(catalog) -> None:
    demo = demo_catalog()
    catalog.apply(demo)
    start = demo.tariffs[0]
    dearer = attrs.evolve(start, terms=attrs.evolve(start.terms, monthly_fee=som("260.00")))
    applied = catalog.apply(attrs.evolve(demo, tariffs=(dearer, *demo.tariffs[1:])))
    assert (applied.created, applied.updated, applied.unchanged) == (0, 1, 10)
    tariff = catalog.tariff("START")
    assert [v.monthly_fee for v in tariff.versions] == [som("250.00"), som("260.00")]
    assert catalog.tariff_history("START")[-1].name == "TariffVersionPublished"


def test_every_fault_of_a_file_comes_at_once() -> None:
    raw = {
        "tariffs": [{"code": "a b", "monthly_fee": "1.234", "colour": 1}],
        "options": 5,
        "rules": [
            {"kind": "likes", "subject": "A"},
            {"kind": "requires", "subject": "a b", "others": ["B"]},
        ],
        "prices": [],
        "currency": "som",
    }
    with pytest.raises(InvalidValue) as caught:
        read_catalog(raw)
    assert {(fault.field, fault.code) for fault in caught.value.faults} == {
        ("prices", "unknown_field"),
        ("tariffs.0.colour", "unknown_field"),
        ("tariffs.0.code", "code_format"),
        ("tariffs.0.name", "missing"),
        ("tariffs.0.monthly_fee", "amount"),
        ("tariffs.0.activation_fee", "missing"),
        ("options", "list"),
        ("rules.0.kind", "choice"),
        ("rules.1.others.0", "code_unknown"),
        ("currency", "currency"),
    }
    with pytest.raises(InvalidValue, match=r"file: not TOML.*line 2"):
        read_catalog_toml("tariffs = 3\nrules = [,")
    with pytest.raises(InvalidValue, match=r"file: not UTF-8 \(at line 2\)"):
        read_catalog_toml(b"tariffs = 3\nrules = '\xff'")


def test_what_may_not_be_is_told_beside_what_cannot_be_read() -> None:
    rate = {"service": "voice", "price": "-1", "billing_step": 0, "minimum": "1"}
    tariff = {"code": "A", "name": " ", "monthly_fee": "-1.00", "activation_fee": "-1.00"}
    with pytest.raises(InvalidValue) as caught:
        read_catalog({"tariffs": [{**tariff, "sim_swap_fee": 5, "usage_rates": [rate]}]})
    words = {fault.field: fault.message for fault in caught.value.faults}
    assert words["tariffs.0.sim_swap_fee"] == 'an amount as a text, such as "150.00"'
    assert {(fault.field, fault.code) for fault in caught.value.faults} == {
        ("tariffs.0.name", "wording_missing"),
        ("tariffs.0.monthly_fee", "negative"),
        ("tariffs.0.activation_fee", "negative"),
        ("tariffs.0.sim_swap_fee", "text"),
        ("tariffs.0.usage_rates.0.price", "negative"),
        ("tariffs.0.usage_rates.0.billing_step", "too_small"),
        ("tariffs.0.usage_rates.0.minimum", "whole_number"),
    }


def test_words_are_a_text_or_one_for_each_language() -> None:
    fees = {"monthly_fee": "1.00", "activation_fee": "0.00"}
    said = {"name": {"ky": "Баштоо", "ru": "Старт"}, "description": "Чалуулар."}
    [tariff] = read_catalog({"tariffs": [{"code": "A", **said, **fees}]}).tariffs
    assert tariff.name == Wording(ky="Баштоо", ru="Старт")
    assert tariff.description == Wording(ky="Чалуулар.")
    odd: dict[str, object] = {"name": {"en": "x", "de": "y", "ru": 5}, "description": ["z"]}
    with pytest.raises(InvalidValue) as caught:
        read_catalog({"tariffs": [{"code": "A", **odd, **fees}]})
    assert {(fault.field, fault.code) for fault in caught.value.faults} == {
        ("tariffs.0.name.de", "unknown_field"),
        ("tariffs.0.name.ru", "text"),
        ("tariffs.0.description", "text"),
    }
    long = {"name": {"en": "x"}, "description": {"en": "x" * 2001}}
    with pytest.raises(InvalidValue) as caught:
        read_catalog({"tariffs": [{"code": "A", **long, **fees}]})
    assert [(fault.field, fault.code) for fault in caught.value.faults] == [
        ("tariffs.0.name.ky", "wording_missing"),
        ("tariffs.0.description.en", "text"),
    ]


def test_the_demo_says_everything_in_every_language() -> None:
    demo = demo_catalog()
    things: list[DeclaredTariff | DeclaredOption] = [*demo.tariffs, *demo.options]
    for thing in things:
        assert all(attrs.astuple(thing.name)), thing.code
        assert all(attrs.astuple(thing.description)), thing.code


def test_codes_that_come_twice_and_rules_of_strangers_are_named() -> None:
    tariff = {"code": "A", "name": "A", "monthly_fee": "1.00", "activation_fee": "0.00"}
    rule = {"kind": "excludes", "subject": "A", "others": ["B", "C"]}
    with pytest.raises(InvalidValue) as caught:
        read_catalog({"tariffs": [tariff, tariff], "rules": [rule]})
    assert [(fault.field, fault.value, fault.message) for fault in caught.value.faults] == [
        ("tariffs.1.code", "A", "A is the code of tariffs.0 already; each code once"),
        ("rules.0.others.0", "B", "B is no tariff, option or group of the same file"),
        ("rules.0.others.1", "C", "C is no tariff, option or group of the same file"),
    ]


def test_the_page_shows_all_that_a_catalog_may_have(catalog) -> None:
    page = (Path(__file__).parents[2] / "docs" / "catalog.md").read_text("utf-8")
    sample = page.partition("```toml\n")[2].partition("```")[0]
    catalog.apply(read_catalog_toml(sample))
    again = catalog.apply(read_catalog_toml(sample))
    assert (again.created, again.updated) == (0, 0)
    for kind in (CatalogueFile, DeclaredTariff, TariffTerms, Allowances, UsageRate, OptionTerms):
        for field in attrs.fields(kind):
            assert field.name == "terms" or field.name in sample, field.name
    words = [*RuleKind, *UsageService, *PaymentMode]
    assert all(f'"{word.value}"' in sample for word in words)


def test_a_tariff_lives(catalog) -> None:
    catalog.create_tariff(code="NEW", name="New", terms=TERMS, by=OPERATOR)
    with pytest.raises(CodeTaken):
        catalog.create_tariff(code="NEW", name="New", terms=TERMS)
    seen = catalog.publish_tariff("NEW").version
    catalog.new_tariff_version("NEW", terms=TERMS, expected_version=seen)
    with pytest.raises(StaleVersion):
        catalog.retire_tariff("NEW", expected_version=seen)
    catalog.retire_tariff("NEW")
    assert catalog.make_tariff_obsolete("NEW").status is CatalogueStatus.OBSOLETE
    assert catalog.tariff_history("NEW")[0].by == OPERATOR


def test_an_option_lives(catalog) -> None:
    terms = demo_catalog().options[0].terms
    catalog.create_option(code="EXTRA", name="Extra", terms=terms)
    with pytest.raises(CodeTaken):
        catalog.create_tariff(code="EXTRA", name="Extra", terms=TERMS)
    catalog.publish_option("EXTRA")
    assert catalog.new_option_version("EXTRA", terms=terms).latest.number == 2
    catalog.retire_option("EXTRA")
    assert catalog.make_option_obsolete("EXTRA").status is CatalogueStatus.OBSOLETE
    assert len(catalog.option_history("EXTRA")) == catalog.option("EXTRA").version


def test_a_tariff_in_use_is_not_put_away(uow, series, clock, ids) -> None:
    shop = Shop.opened(uow, series, clock, ids)
    shop.sign(1)
    shop.catalog.retire_tariff("COMFORT")
    with pytest.raises(RuleViolated, match="C-00000001"):
        shop.catalog.make_tariff_obsolete("COMFORT")


def test_a_choice_is_checked_in_words(catalog) -> None:
    catalog.apply(demo_catalog())
    assert catalog.check(tariff="COMFORT", options=["DATA10"]) == ()
    told = catalog.check(tariff="START", options=["DATA10", "DATA50", "STATIC-IP"])
    assert len(told) == 3
    with pytest.raises(InvalidValue) as caught:
        catalog.check(tariff="GONE", options=["NONE", "DATA10"])
    assert [f.code for f in caught.value.faults] == ["tariff_unknown", "option_unknown"]


def test_rules_name_what_is_there_and_the_change_is_audited(catalog, uow) -> None:
    catalog.apply(demo_catalog())
    with pytest.raises(InvalidValue) as caught:
        catalog.replace_rules([CompatibilityRule(RuleKind.EXCLUDES, "START", ("GONE",))])
    (fault,) = caught.value.faults
    assert (fault.field, fault.code) == ("0.others.0", "code_unknown")
    assert fault.message == "GONE is no tariff, option or group of the catalog"
    rule = CompatibilityRule(RuleKind.EXCLUDES, "START", ("DATA10",))
    catalog.replace_rules([rule], by=OPERATOR)
    assert catalog.rules() == (rule,)
    with uow(read_only=True) as tx:
        events = tx.events.of("rules", "compatibility")
    assert [event.by for event in events] == [SYSTEM, OPERATOR]
    with pytest.raises(StaleVersion):
        catalog.replace_rules([], expected_version=1)
    catalog.replace_rules([], expected_version=catalog.rules_version())
    assert catalog.rules() == ()


def test_policies_are_versioned_and_survive_json(uow, clock) -> None:
    book = RuleBook(uow, clock)
    assert {policy.id for policy in book.policies()} == set(DEFAULT_POLICIES)
    generous = attrs.evolve(PREPAID, grace_days=5)
    stored = book.put_policies([generous, MIGRATION])
    assert [policy.version for policy in stored] == [2, 1]
    assert book.policies() == stored
    assert book.put_policies(stored) == stored
    with pytest.raises(NotFound):
        book.policy("postpaid")
    with pytest.raises(InvalidValue):
        book.put_policies([PREPAID, PREPAID])
    with pytest.raises(RuleViolated):
        book.put_policies([])
    with pytest.raises(InvalidValue) as caught:
        read_policies(
            [
                {**plain(PREPAID), "id": "A b", "first_fee": "later", "credit_limit": 5},
                {**plain(PREPAID), "grace_days": -1, "promise_days": 0},
            ]
        )
    assert [f.field for f in caught.value.faults] == [
        "0.id",
        "0.credit_limit",
        "0.first_fee",
        "1.promise_days",
        "1.grace_days",
    ]


def test_other_rules_survive_json(uow, clock) -> None:
    book = RuleBook(uow, clock)
    rules, levels, templates = book.deduplication(), book.service_levels(), book.templates()
    assert (rules, templates) == (DEFAULT_RULES, DEFAULT_TEMPLATES)
    book.put_deduplication(rules)
    book.put_service_levels(levels)
    book.put_templates(templates)
    assert book.deduplication() == rules == read_deduplication(plain(rules))
    assert book.service_levels() == levels == read_service_levels(service_levels_json(levels))
    assert book.templates() == templates == read_templates(plain(templates))
