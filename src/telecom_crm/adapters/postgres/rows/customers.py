"""Rows of customers, their documents and former values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from telecom_crm.adapters.postgres.json import converter, many_to_text
from telecom_crm.application.ports import FormerValue
from telecom_crm.domain.customer import Customer, CustomerStatus, Note
from telecom_crm.domain.deduplication import Candidate
from telecom_crm.domain.identifiers import MSISDN, CustomerId, as_stored
from telecom_crm.domain.identity_document import DocumentType, IdentityDocument, document_key
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.profile import Address, Consent, CustomerKind
from telecom_crm.domain.search import words_of


def customer_to_row(customer: Customer) -> dict[str, Any]:
    """Return the row of a customer."""
    return {
        "id": customer.id,
        "kind": customer.kind.value,
        "name": customer.name,
        "words": " ".join(words_of(customer.name)),
        "city": customer.city,
        "phone": customer.phone.digits if customer.phone else None,
        "email": customer.email,
        "language": customer.language,
        "national_id": customer.national_id,
        "documents": many_to_text(customer.documents),
        "birth_date": customer.birth_date,
        "registration_number": customer.registration_number,
        "addresses": many_to_text(customer.addresses),
        "consents": many_to_text(customer.consents),
        "notes": many_to_text(customer.notes),
        "merged_into": customer.merged_into,
        "status": customer.status.value,
        "version": customer.version,
    }


def customer_from_row(row: Mapping[str, Any]) -> Customer:
    """Return the customer of a row."""
    structure = converter.structure
    return Customer(
        id=row["id"],
        kind=CustomerKind(row["kind"]),
        name=row["name"],
        phone=as_stored(MSISDN, row["phone"]) if row["phone"] else None,
        email=row["email"],
        language=row["language"],
        national_id=row["national_id"],
        documents=structure(row["documents"], tuple[IdentityDocument, ...]),
        birth_date=row["birth_date"],
        registration_number=row["registration_number"],
        addresses=structure(row["addresses"], tuple[Address, ...]),
        consents=structure(row["consents"], tuple[Consent, ...]),
        notes=structure(row["notes"], tuple[Note, ...]),
        merged_into=row["merged_into"],
        status=CustomerStatus(row["status"]),
        version=row["version"],
    )


def candidate_from_row(row: Mapping[str, Any]) -> Candidate:
    """Return what is compared of a customer; the row may have no more."""
    return Candidate(
        customer_id=row["id"],
        name=row["name"],
        phone=as_stored(MSISDN, row["phone"]) if row["phone"] else None,
        email=row["email"],
        birth_date=row["birth_date"],
        national_id=row["national_id"],
        documents=frozenset(
            document_key(type=DocumentType(paper["type"]), number=paper["number"])
            for paper in row["documents"]
        ),
    )


def identity_rows(customer_id: CustomerId, keys: Iterable[str]) -> list[dict[str, Any]]:
    """Return the rows of a customer's national id and papers, by their keys."""
    parted = (key.partition(":") for key in keys)
    return [
        {"type": kind, "number_key": number, "customer_id": customer_id}
        for kind, _, number in parted
    ]


def former_value_to_row(value: FormerValue, position: int) -> dict[str, Any]:
    """Return the row of a replaced value; `position` tells apart those of one command."""
    return {
        "customer_id": value.customer_id,
        "at": value.at,
        "field": value.field,
        "position": position,
        "value": value.value,
        "by_name": value.by.name,
        "by_token": value.by.token,
    }


def former_value_from_row(row: Mapping[str, Any]) -> FormerValue:
    """Return the replaced value of a row."""
    return FormerValue(
        customer_id=row["customer_id"],
        field=row["field"],
        value=row["value"],
        at=row["at"],
        by=Actor(row["by_name"], row["by_token"]),
    )
