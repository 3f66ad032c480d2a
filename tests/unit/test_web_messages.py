"""What the pages say of refusals: in every language, and with names in place of codes."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import telecom_crm
from telecom_crm.application.ports import Outcome
from telecom_crm.domain.compatibility import OptionsIncompatible
from telecom_crm.domain.errors import Reason, RuleViolated
from telecom_crm.domain.language import Wording
from telecom_crm.domain.language import worded as wording
from telecom_crm.domain.lifecycle import SYSTEM, Event
from telecom_crm.domain.money import Money
from telecom_crm.domain.policy import PaymentMode
from telecom_crm.entrypoints.http.web.events import event_told
from telecom_crm.entrypoints.http.web.i18n import CURRENT
from telecom_crm.entrypoints.http.web.messages import (
    REASONS,
    failure,
    known_failure,
    sentence,
    worded,
)

TWENTY = Money.parse("20.00", "KGS")
PREPAID = PaymentMode.PREPAID
SOURCES = Path(telecom_crm.__file__).parent


def test_every_reason_is_among_the_texts():
    files = (file for file in (SOURCES / "domain").glob("*.py") if file.name != "spoken.py")
    domain = "".join(file.read_text() for file in files)  # `spoken` has its own translations
    services = "".join(file.read_text() for file in (SOURCES / "application").rglob("*.py"))
    placed, whole = r'"([^"\n]*%\(\w+\)s[^"\n]*)"', r'Reason\.of\(\s*"([^"\n]*)"'
    patterns = set(re.findall(placed, domain)) | set(re.findall(whole, domain + services))
    assert patterns == set(REASONS)


def test_a_reason_is_said_in_the_visitor_s_language_by_names():
    reason = Reason.of("%(subject)s requires %(others)s", subject="A", others=["B", "C", "D"])
    error = OptionsIncompatible("options_compatible", (reason, "plain"))
    assert sentence(error) == "A requires B, C or D; Plain"
    called = {"A": Wording(ru="Ая", ky="Ая!"), "C": wording("Ця")}
    token = CURRENT.set("ru")
    assert sentence(error, called) == "Для «Ая» нужно: B, Ця или D; Plain"
    few = RuleViolated("x", (Reason.of("a payment is at least %(smallest)s", smallest=TWENTY),))
    assert sentence(few) == "Минимальный платёж: 20,00\xa0сом"
    CURRENT.reset(token)


def test_a_reason_with_an_id_is_said_without_it():
    reason = Reason.of("the customer is merged into %(survivor)s", survivor="01a21f79-3a13")
    error = RuleViolated("x", (reason,))
    assert "01a21f79-3a13" in str(error)
    assert sentence(error) == "The customer was merged into another one"
    reason = Reason.of(
        "perhaps a duplicate: customer %(customer)s has the same %(column)s",
        customer="01a21f79-3a13",
        column="email",
    )
    assert worded(reason, {}) == "perhaps a duplicate: another customer has the same email"


def test_a_reason_may_be_of_another_and_have_days_kinds_and_counts():
    blocked = Reason.of(
        "activation is blocked: %(reason)s",
        reason=Reason.of("tariff %(tariff)s is not sold for %(mode)s", tariff="A", mode=PREPAID),
    )
    assert blocked == "activation is blocked: tariff A is not sold for prepaid"
    token = CURRENT.set("ru")
    named = {"A": Wording(ru="Ая")}
    assert worded(blocked, named) == (
        "активировать нельзя: тариф «Ая» не продаётся на условиях «Предоплата»"
    )
    pattern = "the day of activation has not come: it is %(day)s"
    assert "5 мар. 2026" in worded(Reason.of(pattern, day=date(2026, 3, 5)), {})
    pattern = "kept %(column)s as it was: line %(line)s came first"
    assert "строка 1\xa0234 " in worded(Reason.of(pattern, column="phone", line=1234), {})
    CURRENT.reset(token)


def test_why_something_failed_is_in_words_where_it_is_known_and_else_as_told():
    token = CURRENT.set("ru")
    for known in (*Outcome, "no answer at bar", "the network gave no answer"):
        if known in (Outcome.CONFIRMED, Outcome.PENDING):  # no failures
            continue
        assert re.search("[а-я]", failure(known)), known
    assert (failure("error 51"), known_failure("error 51")) == ("error 51", "")
    CURRENT.reset(token)


@pytest.mark.parametrize(
    ("thing", "said"), [("payment", "The payment service refused it"), ("application", "declined")]
)
def test_what_a_machine_says_is_put_in_words_and_what_a_person_typed_is_not(thing, said):
    event = Event(
        thing=thing,
        thing_id="1",
        sequence=2,
        name="Ended",
        at=datetime(2026, 3, 1, tzinfo=UTC),
        by=SYSTEM,
        command="end",
        before="begun",
        after="ended",
        reason=Outcome.DECLINED,
    )
    assert event_told(event)[-1] == said
