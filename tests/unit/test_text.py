"""What is made of digits takes the ASCII ones alone, whatever else Unicode calls a digit."""

import doctest
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecom_crm.adapters.phones import NationalPhones
from telecom_crm.application.declared import decimal
from telecom_crm.domain import text
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN, CustomerId
from telecom_crm.domain.identity_document import read_document_number, read_national_id
from telecom_crm.domain.lifecycle import SYSTEM
from telecom_crm.domain.money import Money
from telecom_crm.domain.profile import read_birth_date
from telecom_crm.domain.sim import Sim
from telecom_crm.domain.validation import ValidationRules
from telecom_crm.entrypoints.conformance.strategies import iccid_of

AT = datetime(2026, 3, 1, tzinfo=UTC)
READERS: list[tuple[Callable[[str], object], str]] = [
    (MSISDN, "996555123456"),
    (ICCID, iccid_of(7).digits),
    (IMSI, "437050000000001"),
    (NationalPhones("KG"), "+996555123456"),
    (NationalPhones("KG"), "0555123456"),
    (lambda raw: Sim.receive(iccid=iccid_of(7), pin1=raw, by=SYSTEM, at=AT), "0042"),
    (lambda raw: Sim.receive(iccid=iccid_of(7), puk1=raw, by=SYSTEM, at=AT), "00424242"),
    (lambda raw: Money.parse(raw, "KGS"), "150.00"),
    (lambda raw: read_birth_date(raw, today=AT.date()), "1990-03-15"),
    (read_national_id, "21503199000123"),
    (read_document_number, "ID0700000001"),
    (decimal, "12.5"),
]
# What NFKC makes an ASCII digit of, such as a full-width one, is that digit on a paper; what it
# makes a letter of, such as a circled ideograph, is that letter.
foreign_digits = st.characters(categories=["Nd", "Nl", "No"], min_codepoint=128).filter(
    lambda char: (
        not unicodedata.normalize("NFKC", char).isascii()
        and not unicodedata.normalize("NFKC", char).isalpha()
    )
)


@pytest.mark.parametrize(("read", "right"), READERS)
@given(digit=foreign_digits, data=st.data())
def test_a_digit_of_another_script_is_refused(read, right, digit, data) -> None:
    read(right)
    places = [place for place, char in enumerate(right) if char.isdigit()]
    place = data.draw(st.sampled_from(places))
    with pytest.raises(InvalidValue):
        read(right[:place] + digit + right[place + 1 :])


@given(digit=foreign_digits)
def test_no_format_takes_a_digit_of_another_script(digit) -> None:
    for format in ("9", "*"):
        rules = ValidationRules(registration_number_formats=[format])
        assert _faults(rules, "5") == []
        assert _faults(rules, digit) == ["format"]


def _faults(rules: ValidationRules, number: str) -> list[str]:
    asked = Customer.register(
        id=CustomerId(UUID(int=1)),
        name="Айгүл",
        registration_number=number,
        today=AT.date(),
        by=SYSTEM,
        at=AT,
    )
    return [fault.code for fault in rules.faults(asked, today=date(2026, 3, 1))]


def test_the_examples_are_true() -> None:
    assert doctest.testmod(text).failed == 0
