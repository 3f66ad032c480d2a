from __future__ import annotations

from datetime import date
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecom_crm.domain.deduplication import (
    Candidate,
    DeduplicationRules,
    Match,
    find_duplicates,
    name_key,
    name_likeness,
)
from telecom_crm.domain.identifiers import MSISDN, CustomerId

BORN = date(1981, 9, 12)
KNOWN = Candidate(
    customer_id=CustomerId(UUID(int=1)),
    name="Пётр Сидоров",
    phone=MSISDN("996555123456"),
    email="petr@example.org",
    birth_date=BORN,
    national_id="12345678901234",
    documents=frozenset({"passport:AN1234567"}),
)


@pytest.mark.parametrize(
    ("shares", "reason", "exact"),
    [
        ({"national_id": KNOWN.national_id}, Match.NATIONAL_ID, True),
        ({"documents": KNOWN.documents | {"id_card:1"}}, Match.DOCUMENT, True),
        ({"phone": KNOWN.phone}, Match.PHONE, False),
        ({"email": "Petr@Example.org"}, Match.EMAIL, False),
        ({"name": "СИДОРОВ ПЕТР", "birth_date": BORN}, Match.NAME_AND_BIRTH_DATE, False),
    ],
)
def test_each_rule(shares, reason, exact):
    (found,) = find_duplicates(Candidate(**shares), [KNOWN])
    assert (found.reasons, found.exact, found.customer_id) == ((reason,), exact, KNOWN.customer_id)
    assert found.words


def test_nothing_in_common_is_no_suspicion():
    stranger = Candidate(name="Пётр Сидоров", birth_date=date(1990, 1, 1))
    assert find_duplicates(stranger, [KNOWN]) == ()
    assert find_duplicates(Candidate(), [KNOWN, attrs.evolve(KNOWN, phone=None)]) == ()
    assert find_duplicates(KNOWN, [KNOWN]) == ()


def test_scores_add_up_and_sort_with_exact_first():
    one = Candidate(phone=KNOWN.phone, email=KNOWN.email, documents=frozenset({"id_card:7"}))
    phone_only = Candidate(customer_id=CustomerId(UUID(int=2)), phone=KNOWN.phone)
    same_card = Candidate(customer_id=CustomerId(UUID(int=3)), documents=frozenset({"id_card:7"}))
    found = find_duplicates(one, [phone_only, KNOWN, same_card])
    assert [(suspicion.customer_id.int, suspicion.score) for suspicion in found] == [
        (3, 100),
        (1, 100),
        (2, 60),
    ]


def test_rules_are_data():
    one = Candidate(phone=KNOWN.phone)
    assert find_duplicates(one, [KNOWN], DeduplicationRules(suspect_from=61)) == ()
    assert find_duplicates(one, [KNOWN], DeduplicationRules(weights={Match.EMAIL: 60})) == ()
    exact = DeduplicationRules(exact=frozenset({Match.PHONE}))
    assert find_duplicates(one, [KNOWN], exact)[0].exact


def test_names():
    assert name_key("O'Connor  Zoë") == name_key("zoe o’connor")
    assert name_likeness("Рахимов Бакыт", "Рахимов Бакит") >= 0.85
    assert name_likeness("Рахимов Бакыт", "Иванова Анна") < 0.85
    assert name_likeness("", "") == 0


@given(st.text(max_size=30), st.text(max_size=30))
def test_likeness_is_symmetric_and_bounded(one, other):
    assert 0 <= name_likeness(one, other) <= 1
    assert name_likeness(one, other) == name_likeness(other, one)
