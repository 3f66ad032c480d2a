"""Amounts and reasons as messages say them."""

from __future__ import annotations

from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.money import Money
from telecom_crm.domain.spoken import HOLDS, amount_said, currency_said


def test_amounts_are_written_as_in_each_language():
    said = amount_said(Money.parse("-1234567.50", "KGS"))
    assert said.en == "\u22121,234,567.50"
    assert said.ru == said.ky == "\u22121\u00a0234\u00a0567,50"
    assert amount_said(Money.parse("0.00", "KGS")).ru == "0,00"


def test_currencies_without_a_word_are_said_by_their_code():
    assert [currency_said(code).said_in("ky") for code in ("KGS", "USD")] == ["сом", "USD"]
    assert currency_said("KGS").said_in("en") == "KGS"


def test_every_hold_has_words_in_every_language():
    assert set(HOLDS) == set(HoldKind)
    assert all(one.en and one.ru and one.ky for one in HOLDS.values())
