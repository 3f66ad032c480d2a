"""Numbers of the trade are checked by their standards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN, luhn_is_right


def test_an_msisdn_is_kept_without_its_plus():
    assert MSISDN("+996555055433") == MSISDN("996555055433")
    assert str(MSISDN("996555055433")) == "+996555055433"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "0555055433",
        "9965550",
        "9" * 16,
        "+996 555 12 34",
        "٩٩٦٥٥٥١٢٣٤٥٦",
        "++996555055433",
    ],
)
def test_what_is_no_e164_number_is_refused(text):
    with pytest.raises(InvalidValue) as caught:
        MSISDN(text)
    assert caught.value.faults[0].code == "msisdn_format"


def test_an_iccid_has_a_check_digit():
    assert ICCID("8999608004477127826").digits == "8999608004477127826"
    with pytest.raises(InvalidValue) as caught:
        ICCID("8999608004477127827")
    assert caught.value.faults[0].code == "iccid_luhn"


@pytest.mark.parametrize(
    "text", ["", "8999", "7999608004477127826", "89996080044771278२6", "8" * 21]
)
def test_what_is_no_iccid_is_refused(text):
    with pytest.raises(InvalidValue) as caught:
        ICCID(text)
    assert caught.value.faults[0].code == "iccid_format"


@given(st.integers(0, 10**17), st.integers(1, 9))
def test_one_wrong_digit_never_passes(number, wrong):
    body = f"89{number:017d}"[:18]
    right = next(body + str(d) for d in range(10) if luhn_is_right(body + str(d)))
    off = right[:-1] + str((int(right[-1]) + wrong) % 10)
    assert luhn_is_right(right)
    assert not luhn_is_right(off)


def test_an_imsi_has_fifteen_digits():
    assert IMSI("437050447712782").digits == "437050447712782"
    with pytest.raises(InvalidValue):
        IMSI("43705044771278")
