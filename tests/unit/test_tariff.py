from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from telecom_crm.domain.errors import InvalidValue, NotFound, RuleViolated
from telecom_crm.domain.language import LANGUAGES, Wording, worded
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.policy import PaymentMode
from telecom_crm.domain.tariff import (
    OPTION_LIFECYCLE,
    TARIFF_LIFECYCLE,
    Allowances,
    NotOnSale,
    Option,
    OptionTerms,
    Tariff,
    TariffTerms,
    UsageRate,
    UsageService,
)

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(days=30)
WHO: Any = {"by": Actor("ann"), "at": AT}
TERMS = TariffTerms(
    monthly_fee=Money(30_000, "KGS"),
    activation_fee=Money(0, "KGS"),
    allowances=Allowances(minutes=100),
    usage_rates=(UsageRate(service=UsageService.VOICE, price=Decimal("1.5"), billing_step=60),),
    payment_modes={PaymentMode.PREPAID},
)
DEARER = attrs.evolve(TERMS, monthly_fee=Money(35_000, "KGS"))
MODE = PaymentMode.PREPAID


def tariff():
    return Tariff.create(code="START", name="Start", terms=TERMS, **WHO)


@pytest.mark.parametrize("lifecycle", [TARIFF_LIFECYCLE, OPTION_LIFECYCLE])
def test_the_tables(lifecycle):
    assert lifecycle.triples() == {
        (None, "create", "draft"),
        ("draft", "publish", "active"),
        ("active", "retire", "retired"),
        ("retired", "obsolete", "obsolete"),
    }


def test_only_a_published_tariff_is_sold_and_only_for_its_modes():
    assert not tariff().on_sale(at=AT, mode=MODE)
    sold = tariff().publish(**WHO)
    assert sold.require_on_sale(at=AT, mode=MODE).number == 1
    with pytest.raises(NotOnSale) as caught:
        sold.retire(**WHO).require_on_sale(at=AT, mode=PaymentMode.POSTPAID)
    assert len(caught.value.reasons) == 2
    with pytest.raises(NotOnSale):
        sold.require_on_sale(at=AT - timedelta(seconds=1), mode=MODE)


def test_versions_never_change_and_begin_when_they_say():
    two = tariff().publish(**WHO).add_version(terms=DEARER, valid_from=LATER, **WHO)
    assert [version.number for version in two.versions] == [1, 2]
    assert two.version_numbered(1).terms == TERMS
    assert two.require_on_sale(at=AT, mode=MODE).number == 1
    assert two.require_on_sale(at=LATER, mode=MODE).monthly_fee == Money(35_000, "KGS")
    with pytest.raises(NotFound):
        two.version_numbered(3)
    with pytest.raises(RuleViolated):
        two.add_version(terms=TERMS, valid_from=AT, **WHO)
    with pytest.raises(RuleViolated):
        two.retire(**WHO).add_version(terms=TERMS, valid_from=LATER, **WHO)


def test_words_change_without_a_version():
    told = tariff().describe(name=Wording(ky="Start!", ru="Старт"), description="new", **WHO)
    assert (told.name.said_in("ru"), told.description.said_in("ru")) == ("Старт", "new")
    assert (told.events[-1].name, len(told.versions)) == ("TariffDescribed", 1)
    assert told.events[-1].payload["changes"] == {
        "name.ky": ["Start", "Start!"],
        "name.ru": ["", "Старт"],
        "description.ky": ["", "new"],
    }


def test_what_is_said_in_no_language_of_a_reader_is_read_in_the_default_one():
    both = Wording(ru=" Старт ", ky="Баштоо")
    assert [both.said_in(code) for code in ("ru", "ky", "en", "xx")] == [
        "Старт",
        "Баштоо",
        "Баштоо",
        "Баштоо",
    ]
    assert Wording(ru="Звонки").said_in("ky") == "Звонки"
    assert Wording().said_in("ky") == ""
    assert worded("Старт") == Wording(**{LANGUAGES.default: "Старт"})


def test_every_text_of_a_name_and_a_description_is_looked_at():
    with pytest.raises(InvalidValue) as caught:
        Tariff.create(code="A", name=Wording(ru="x" * 201, en="a\0"), terms=TERMS, **WHO)
    assert [(one.field, one.code) for one in caught.value.faults] == [
        ("name.en", "text"),
        ("name.ru", "text"),
        ("name.ky", "wording_missing"),
    ]
    told = tariff().describe(name="A" * 200, description=Wording(en="x" * 2000), **WHO)
    with pytest.raises(InvalidValue) as caught:
        told.describe(name="A", description=Wording(en="x" * 2001), **WHO)
    assert [one.field for one in caught.value.faults] == ["description.en"]


@pytest.mark.parametrize("code", ["", "start", "А", "A B", "A" * 31])
def test_codes_are_capitals_digits_and_dashes(code):
    with pytest.raises(InvalidValue):
        Tariff.create(code=code, name="x", terms=TERMS, **WHO)


def test_impossible_terms_are_refused():
    with pytest.raises(InvalidValue):
        attrs.evolve(TERMS, activation_fee=Money(0, "USD"))
    with pytest.raises(InvalidValue):
        attrs.evolve(TERMS, monthly_fee=Money(-1, "KGS"))
    with pytest.raises(InvalidValue):
        Allowances(minutes=-1)


def test_an_option_lives_the_same_way():
    terms = OptionTerms(fee=Money(5000, "KGS"), recurring=False)
    option = Option.create(code="NET", name="Net", group="DATA", terms=terms, **WHO)
    with pytest.raises(NotOnSale):
        option.require_on_sale(at=AT)
    sold = option.publish(**WHO)
    dearer = attrs.evolve(terms, fee=Money(6000, "KGS"))
    two = sold.add_version(terms=dearer, valid_from=LATER, **WHO)
    assert two.require_on_sale(at=AT).fee == Money(5000, "KGS")
    assert two.require_on_sale(at=LATER).terms == dearer
    assert two.retire(**WHO).make_obsolete(**WHO).status == "obsolete"
