import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import ICCID, MSISDN, luhn_digit, luhn_is_right
from telecom_crm.domain.ranges import LONGEST_RANGE, cards_between, numbers_between


def card(index: int) -> ICCID:
    body = f"899650{index:012d}"
    return ICCID(body + luhn_digit(body))


@given(st.integers(0, 10**12 - 201), st.integers(0, 200))
def test_a_range_of_cards_has_each_once_in_order_with_its_check_digit(start, more) -> None:
    cards = cards_between(card(start), card(start + more))
    assert cards == [card(n) for n in range(start, start + more + 1)]
    assert all(luhn_is_right(one.digits) for one in cards)


def test_a_range_of_numbers_keeps_to_its_ends() -> None:
    assert [
        one.digits for one in numbers_between(MSISDN("996700000009"), MSISDN("996700000011"))
    ] == ["996700000009", "996700000010", "996700000011"]
    assert len(numbers_between(MSISDN("996700000000"), MSISDN("996700009999"))) == LONGEST_RANGE


@pytest.mark.parametrize(
    ("first", "last", "code"),
    [
        ("996700000001", "99670000001", "range_length"),
        ("996700000001", "996700000000", "range_order"),
        ("996700000000", "996700010000", "range_size"),
    ],
)
def test_what_is_no_range_is_refused(first, last, code) -> None:
    with pytest.raises(InvalidValue) as refused:
        numbers_between(MSISDN(first), MSISDN(last))
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [("last", code)]
