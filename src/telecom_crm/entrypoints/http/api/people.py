"""A customer's data as requests tell it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any

import msgspec

from telecom_crm.application.declared import at
from telecom_crm.domain.errors import Faults, InvalidValue
from telecom_crm.domain.identity_document import DocumentType, IdentityDocument
from telecom_crm.domain.profile import Address, Consent, CustomerKind
from telecom_crm.entrypoints.http.bodies import Body, ContactText, InstantText

Text = Annotated[str, msgspec.Meta(max_length=1000)]
Short = Annotated[str, msgspec.Meta(max_length=100)]


class DocumentBody(Body):
    """A paper that says who somebody is; `number` as printed."""

    type: DocumentType
    number: Annotated[str, msgspec.Meta(min_length=3, max_length=60, examples=["AN1234567"])]
    issuer: Text = ""
    issued_on: date | None = None
    valid_until: date | None = None


class AddressBody(Body):
    """Where a customer lives or gets post; `country` is ISO 3166-1 alpha-2."""

    purpose: Text = "home"
    country: Text = ""
    city: Text = ""
    street: Text = ""
    postcode: Text = ""


class ConsentBody(Body):
    """What a customer allowed or forbade, and when."""

    purpose: Text
    granted: bool
    at: InstantText


Documents = Annotated[list[DocumentBody], msgspec.Meta(max_length=20)]
Addresses = Annotated[list[AddressBody], msgspec.Meta(max_length=20)]
Consents = Annotated[list[ConsentBody], msgspec.Meta(max_length=50)]


class NewCustomer(Body):
    """A person or an organisation."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    kind: CustomerKind = CustomerKind.PERSON
    phone: ContactText | None = None
    email: Annotated[str, msgspec.Meta(max_length=254)] | None = None
    language: Short | None = None
    national_id: Short | None = None
    documents: Documents = msgspec.field(default_factory=list)
    birth_date: date | None = None
    registration_number: Short | None = None
    addresses: Addresses = msgspec.field(default_factory=list)
    consents: Consents = msgspec.field(default_factory=list)


class CustomerChanges(Body):
    """What to change; a field that is left out stays, null clears it."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    phone: ContactText | msgspec.UnsetType | None = msgspec.UNSET
    email: Annotated[str, msgspec.Meta(max_length=254)] | msgspec.UnsetType | None = msgspec.UNSET
    language: Short | msgspec.UnsetType | None = msgspec.UNSET
    national_id: Short | msgspec.UnsetType | None = msgspec.UNSET
    documents: Documents | msgspec.UnsetType = msgspec.UNSET
    birth_date: date | msgspec.UnsetType | None = msgspec.UNSET
    registration_number: Short | msgspec.UnsetType | None = msgspec.UNSET
    addresses: Addresses | msgspec.UnsetType = msgspec.UNSET
    consents: Consents | msgspec.UnsetType = msgspec.UNSET
    reason: Annotated[str, msgspec.Meta(max_length=500)] | msgspec.UnsetType = msgspec.UNSET
    """Why, for the history."""


def told(body: NewCustomer | CustomerChanges) -> dict[str, Any]:
    """
    Return what a body tells, as the fields that `Customer.register` and `update` take.

    Raise `InvalidValue` with every fault of the lists; those of the other fields are the service's.
    """
    fields: dict[str, Any] = {
        name: value
        for name in body.__struct_fields__
        if (value := getattr(body, name)) is not msgspec.UNSET
    }
    faults = Faults()
    if "documents" in fields:
        fields["documents"] = _documents(fields["documents"], faults)
    if "addresses" in fields:
        read = (_address(one, n, faults) for n, one in enumerate(fields["addresses"]))
        fields["addresses"] = tuple(one for one in read if one)
    if "consents" in fields:
        said = (_consent(one, n, faults) for n, one in enumerate(fields["consents"]))
        fields["consents"] = tuple(one for one in said if one)
    faults.raise_any()
    return fields


def _documents(bodies: Iterable[DocumentBody], faults: Faults) -> tuple[IdentityDocument, ...]:
    found = []
    for place, body in enumerate(bodies):
        try:
            paper = IdentityDocument(
                type=body.type,
                number=body.number,
                issuer=body.issuer,
                issued_on=body.issued_on,
                valid_until=body.valid_until,
            )
        except InvalidValue as error:
            faults.extend(at(f"documents.{place}", error))
        else:
            found.append(paper)
    return tuple(found)


def _address(body: AddressBody, place: int, faults: Faults) -> Address | None:
    try:
        return Address(
            purpose=body.purpose,
            country=body.country,
            city=body.city,
            street=body.street,
            postcode=body.postcode,
        )
    except InvalidValue as error:
        faults.extend(at(f"addresses.{place}", error))
        return None


def _consent(body: ConsentBody, place: int, faults: Faults) -> Consent | None:
    try:
        return Consent(purpose=body.purpose, granted=body.granted, at=body.at.value)
    except InvalidValue as error:
        faults.extend(at(f"consents.{place}", error))
        return None
