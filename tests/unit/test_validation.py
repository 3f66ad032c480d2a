"""What is asked of customers: the rules, and how they read."""

from datetime import UTC, date, datetime
from uuid import UUID

import attrs
import pytest

from telecom_crm.application.declared import plain
from telecom_crm.application.rule_readers import read_validation
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import CustomerId
from telecom_crm.domain.identity_document import DocumentType, IdentityDocument
from telecom_crm.domain.lifecycle import SYSTEM
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.validation import DEFAULT_VALIDATION, CustomerField, ValidationRules

TODAY = date(2026, 3, 1)
STRICT = ValidationRules(
    required={CustomerKind.PERSON: list(CustomerField)[:3]},
    minimum_age=16,
    document_types=[DocumentType.ID_CARD, DocumentType.PASSPORT],
    expired_documents=False,
    national_id_formats=["9" * 14],
    document_formats={DocumentType.ID_CARD: ["ID 999-9999", "AN9999999"]},
)


def customer(**given):
    at = datetime(2026, 3, 1, tzinfo=UTC)
    given = {"name": "Айгүл", **given}
    return Customer.register(id=CustomerId(UUID(int=1)), today=TODAY, by=SYSTEM, at=at, **given)


def said(rules, **given):
    return [(one.field, one.code) for one in rules.faults(customer(**given), today=TODAY)]


def test_by_default_a_name_is_enough_and_people_are_sixteen():
    assert said(DEFAULT_VALIDATION) == []
    old = IdentityDocument(type="other", number="X-12", valid_until=date(2001, 1, 1))
    assert said(DEFAULT_VALIDATION, documents=[old], birth_date="2000-02-28") == []
    known = {"birth_date": "2000-02-28", "national_id": "2 1503 1990 00123"}
    assert said(DEFAULT_VALIDATION, **known) == []
    assert said(DEFAULT_VALIDATION, national_id="2070319950") == [("national_id", "format")]
    assert said(DEFAULT_VALIDATION, birth_date="2026-02-28") == [("birth_date", "minimum_age")]


def test_every_fault_is_told_at_once():
    papers = [
        IdentityDocument(type="driving_licence", number="KG1"),
        IdentityDocument(type="id_card", number="id 12", valid_until=date(2026, 2, 28)),
    ]
    assert said(STRICT, birth_date="2015-01-01", national_id="12345", documents=papers) == [
        ("phone", "phone_missing"),
        ("email", "email_missing"),
        ("birth_date", "minimum_age"),
        ("national_id", "format"),
        ("documents", "document_type"),
        ("documents", "document_expired"),
        ("documents", "format"),
    ]


@pytest.mark.parametrize(
    ("born", "refused"),
    [("2010-02-28", False), ("2010-03-01", False), ("2010-03-02", True), ("2012-02-29", True)],
)
def test_an_age_is_reached_on_the_birthday(born, refused):
    rules = ValidationRules(minimum_age=16)
    assert said(rules, birth_date=born) == [("birth_date", "minimum_age")] * refused


@pytest.mark.parametrize(
    ("number", "fits"),
    [("ID 1234567", True), ("id-123 4567", True), ("AN1234567", True), ("ID12345678", False)],
)
def test_a_number_is_compared_without_its_dress(number, fits):
    # An A in a format is any letter, so what begins with AN may begin with BN, too.
    rules = attrs.evolve(DEFAULT_VALIDATION, document_formats=STRICT.document_formats)
    paper = IdentityDocument(type="id_card", number=number)
    assert said(rules, documents=[paper]) == [("documents", "format")] * (not fits)
    passport = IdentityDocument(type="passport", number=number)
    assert said(rules, documents=[passport]) == []


def test_what_is_asked_depends_on_the_kind():
    asked = {CustomerKind.ORGANISATION: [CustomerField.REGISTRATION_NUMBER]}
    rules = ValidationRules(required=asked, registration_number_formats=["99*A"])
    assert said(rules) == []
    missing = [("registration_number", "registration_number_missing")]
    assert said(rules, kind=CustomerKind.ORGANISATION) == missing
    odd = {"kind": CustomerKind.ORGANISATION, "registration_number": "12-3"}
    assert said(rules, **odd) == [("registration_number", "format")]
    assert said(rules, **odd | {"registration_number": "12-3B"}) == []


def test_rules_survive_json():
    for rules in (DEFAULT_VALIDATION, STRICT):
        assert read_validation(plain(rules)) == rules


def test_odd_rules_are_refused_with_every_fault():
    with pytest.raises(InvalidValue) as refused:
        ValidationRules(
            minimum_age=200,
            document_types=[],
            national_id_formats=["99", "9+"],
            document_formats={DocumentType.PASSPORT: [""]},
        )
    assert [fault.field for fault in refused.value.faults] == [
        "minimum_age",
        "document_types",
        "national_id_formats.1",
        "document_formats.passport.0",
    ]
    with pytest.raises(InvalidValue) as refused:
        read_validation({"required": {"alien": []}, "expired_documents": "no", "age": 5})
    assert {fault.field.split(".")[0] for fault in refused.value.faults} == {
        "required",
        "expired_documents",
        "age",
    }
