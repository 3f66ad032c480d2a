"""What the pages say of refusals: in every language, and with names in place of codes."""

import re
from pathlib import Path

import telecom_crm
from telecom_crm.domain.compatibility import OptionsIncompatible
from telecom_crm.domain.errors import Reason, RuleViolated
from telecom_crm.domain.language import Wording, worded
from telecom_crm.domain.money import Money
from telecom_crm.entrypoints.http.web.i18n import CURRENT
from telecom_crm.entrypoints.http.web.messages import REASONS, sentence

TWENTY = Money.parse("20.00", "KGS")
SOURCES = Path(telecom_crm.__file__).parent


def test_every_reason_that_has_places_is_among_the_texts():
    domain = "".join(file.read_text() for file in (SOURCES / "domain").glob("*.py"))
    services = "".join(file.read_text() for file in (SOURCES / "application").rglob("*.py"))
    patterns = set(re.findall(r'"([^"\n]*%\(\w+\)s[^"\n]*)"', domain))
    patterns |= set(re.findall(r'Reason\.of\(\s*"([^"\n]*%\(\w+\)s[^"\n]*)"', services))
    assert patterns == set(REASONS)


def test_a_reason_is_said_in_the_visitor_s_language_by_names():
    reason = Reason.of("%(subject)s requires %(others)s", subject="A", others=["B", "C", "D"])
    error = OptionsIncompatible("options_compatible", (reason, "plain"))
    assert sentence(error) == "A requires B, C, or D; Plain"
    called = {"A": Wording(ru="Ая", ky="Ая!"), "C": worded("Ця")}
    token = CURRENT.set("ru")
    assert sentence(error, called) == "Для «Ая» нужно: B, Ця или D; Plain"
    few = RuleViolated("x", (Reason.of("a payment is at least %(smallest)s", smallest=TWENTY),))
    assert sentence(few) == "Минимальный платёж: 20,00\xa0сом"
    CURRENT.reset(token)
