"""Forms: tolerant of how people write, exact about what is wrong."""

from datetime import UTC, date, datetime

import pytest

from telecom_crm.domain.calendar import BISHKEK
from telecom_crm.domain.errors import InvalidValue, RuleViolated, StaleVersion
from telecom_crm.domain.money import Money
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.text import masked
from telecom_crm.entrypoints.http.web import csrf
from telecom_crm.entrypoints.http.web.forms import Form, written
from telecom_crm.entrypoints.http.web.http import local_path
from telecom_crm.entrypoints.http.web.i18n import CURRENT, negotiated, tongue
from telecom_crm.entrypoints.http.web.templating import environment


@pytest.mark.parametrize(
    ("typed", "minor"),
    [("1 240,50", 124050), ("1240.50", 124050), ("1\u00a0240", 124000), (" 7,5 ", 750)],
)
def test_amounts_are_read_as_people_write_them(typed, minor):
    assert Form({"amount": typed}).money("amount", "KGS") == Money(minor, "KGS")


@pytest.mark.parametrize("typed", ["1,240.50", "-5", "five", "1.234", "1e3", "١٢"])
def test_what_is_no_amount_is_kept_and_told(typed):
    form = Form({"amount": typed})
    assert form.money("amount", "KGS") is None
    assert form.raw("amount") == typed
    assert [fault.code for fault in form.faults] == ["amount"]


@pytest.mark.parametrize("typed", ["12.03.1995", "12/3/1995", "12-03-1995", "1995-03-12"])
def test_days_are_read_as_people_write_them(typed):
    assert Form({"day": typed}).date("day") == date(1995, 3, 12)


@pytest.mark.parametrize("typed", ["12/3/95", "March", "12.03.19955"])
def test_what_is_no_day_is_told(typed):
    form = Form({"day": typed})
    assert form.date("day") is None
    assert form.of("day") == ["Enter the day as DD.MM.YYYY"]


@pytest.mark.parametrize("typed", ["31.02.2020", "2020-02-31", "12.13.1995", "00.00.0000"])
def test_a_day_that_no_month_has_is_told_as_such(typed):
    form = Form({"day": typed})
    assert form.date("day") is None
    assert form.of("day") == ["There is no such day: check the day and the month"]


def test_a_span_of_days_holds_its_last_day_whole():
    form = Form({"from": "01.02.2026", "to": "01.02.2026"})
    start, end = form.day_span("from", "to", BISHKEK)
    assert start == datetime(2026, 1, 31, 18, tzinfo=UTC)
    assert end == datetime(2026, 2, 1, 18, tzinfo=UTC)


def test_every_fault_is_told_at_once():
    form = Form({"kind": "martian", "note": "x" * 9})
    form.text("name")
    form.text("note", limit=5)
    form.choice("kind", CustomerKind)
    form.whole("count")
    assert {fault.field for fault in form.faults} == {"name", "note", "kind", "count"}
    assert form.status == 422


def test_a_service_is_not_called_with_faults_and_adds_its_own():
    form = Form({"name": "x"})

    def refuse(name: str) -> str:
        raise InvalidValue.of("phone", "phone", "a phone")

    assert form.submit(refuse, "x") is None
    assert form.summary(["phone"]) == [("phone", "Enter the phone as +996 555 123 456")]
    assert form.submit(str, "not called") is None


@pytest.mark.parametrize(
    ("error", "status"),
    [(StaleVersion("customer", "1"), 409), (RuleViolated("rule", ("no money",)), 409)],
)
def test_what_a_service_refuses_stands_above_the_fields(error, status):
    form = Form()

    def refuse() -> str:
        raise error

    assert form.submit(refuse) is None
    assert (form.status, len(form.summary())) == (status, 1)


def test_a_form_keeps_its_key_until_it_is_sent_again():
    first = Form()
    assert Form({"idempotency_key": first.key}).key == first.key
    assert Form().key != first.key


def test_a_token_is_of_its_seed_alone_and_never_twice_the_same():
    one, other = csrf.issued("seed"), csrf.issued("seed")
    assert one != other
    assert csrf.is_ours(one, "seed")
    assert csrf.is_ours(other, "seed")
    assert not csrf.is_ours(one, "other seed")
    assert not csrf.is_ours("", "seed")
    assert not csrf.is_ours(one, "")
    assert not csrf.is_ours("zz", "seed")


@pytest.mark.parametrize("path", ["//a", "/\\a", "http://a", "a", "", None, "/a\nb", "/a\\b"])
def test_only_paths_of_ours_lead_on(path):
    assert local_path(path) == ""


def test_a_literal_is_written_in_the_language_of_each_request():
    page = environment(pages=None).from_string("{{ amount|money }} {{ 1234.5|number }}")
    shown = {}
    for code in ("en", "ru", "ky"):
        token = CURRENT.set(code)
        shown[code] = page.render(amount=Money(-124050, "KGS"))
        CURRENT.reset(token)
    assert shown == {
        "en": "\u2212KGS\u00a01,240.50 1,234.5",
        "ru": "\u22121\u00a0240,50\u00a0сом 1\u00a0234,5",
        "ky": "\u22121\u00a0240,50\u00a0сом 1\u00a0234,5",
    }


@pytest.mark.parametrize(("code", "shown"), [("en", "920.00"), ("ru", "920,00"), ("ky", "920,00")])
def test_an_amount_is_typed_for_people_as_they_type_it(code, shown):
    token = CURRENT.set(code)
    typed = written(Money(92000, "KGS"))
    CURRENT.reset(token)
    assert typed == shown
    assert Form({"amount": typed}).money("amount", "KGS") == Money(92000, "KGS")


def test_days_in_english_begin_with_the_day():
    assert tongue("en").date(date(1995, 3, 12)) == "12 Mar 1995"


def test_the_language_is_the_first_wish_that_is_written_here():
    assert negotiated(None, "ky", accepted="ru") == "ky"
    assert negotiated("tlh", None, accepted="fr, ru-RU;q=0.5, en;q=0.4") == "ru"
    assert negotiated(accepted="de, ru;q=0", default="ky") == "ky"
    assert negotiated(accepted="en;q=x,,;q=", default="ky") == "ky"


def test_counts_have_the_forms_of_their_language():
    words = tongue("xx").words
    assert words.gettext("Text").startswith("⟦Text~")
    assert words.gettext("Text %(name)s") % {"name": "x"}


def test_secret_numbers_show_their_ends_alone():
    assert masked("20703199500123") == "2070••••••0123"
    assert masked("1234567") == "•••••••"
    assert masked(None) == ""
