"""Phone numbers as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import telecom_crm
from telecom_crm.adapters.phones import NationalPhones
from telecom_crm.application.phones import in_e164
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import MSISDN

AT_HOME = NationalPhones("KG")
NUMBER = MSISDN("+996555123456")


@pytest.mark.parametrize(
    "written",
    [
        "+996555123456",
        "996555123456",
        "0555123456",
        "0555 123456",
        "0 (555) 12-34-56",
        "555 123 456",
        "+996 555 123-456",
        "00996 555 123 456",
        "+996\u00a0555\u202f12.34.56",
        " 0555/123456 ",
    ],
)
def test_every_way_to_write_a_number_is_that_number(written):
    assert AT_HOME(written) == NUMBER


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "+",
        "0555 12",
        "+996 555 12 34 5x",
        "٩٩٦٥٥٥١٢٣٤٥٦",
        "abc",
        "0" * 20,
        "++996555123456",
        "+0",
        "+9965551234567890",
    ],
)
def test_what_is_no_number_is_refused_with_what_would_be(written):
    with pytest.raises(InvalidValue) as refused:
        AT_HOME(written)
    (fault,) = refused.value.faults
    assert (fault.code, fault.value) == ("msisdn_format", written)
    assert fault.message == "a phone number: E.164, +996…, or as it is dialled in KG"
    assert in_e164(written, AT_HOME) == written


def test_a_number_is_no_long_story():
    with pytest.raises(InvalidValue) as refused:
        AT_HOME("0555 123456" + " " * 50)
    assert len(refused.value.faults[0].value) == 60


def test_the_country_decides_what_is_dialled():
    assert NationalPhones("RU")("8 916 123 45 67") == MSISDN("79161234567")
    assert NationalPhones("KZ")("8 701 123 45 67") == MSISDN("77011234567")
    assert AT_HOME("79161234567") == MSISDN("79161234567"), "abroad, without its plus"


@pytest.mark.parametrize("country", ["XX", "ZZ", "kg", "KGZ", ""])
def test_a_country_that_is_none_fails_at_the_door(country):
    with pytest.raises(InvalidValue) as refused:
        telecom_crm.in_memory(country=country)
    assert refused.value.faults[0].field == "country"


@given(st.from_regex(r"[1-9][0-9]{7,14}", fullmatch=True))
def test_e164_is_read_as_itself(digits):
    assert AT_HOME(f"+{digits}") == MSISDN(digits)


@given(st.text(max_size=60))
def test_any_text_is_a_number_or_refused(text):
    try:
        found = AT_HOME(text)
    except InvalidValue:
        return
    assert found == AT_HOME(str(found))
