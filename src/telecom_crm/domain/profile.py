"""
What is known about people and organisations: names, phones, addresses, consents, and their readers.

The readers (`read_name`, `read_email`, …) are, beside those of identity documents, the one place
where outside text becomes a customer's data; `read_profile` puts them together and serves the API,
self-care and files alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from typing import Any

import attrs

from telecom_crm.domain.errors import Fault, Faults, InvalidValue
from telecom_crm.domain.identifiers import MSISDN
from telecom_crm.domain.identity_document import (
    NATIONAL_ID,
    IdentityDocument,
    not_issued,
    read_document,
    read_national_id,
)
from telecom_crm.domain.language import LANGUAGES, Languages
from telecom_crm.domain.text import RAW_LIMIT, UNSTORABLE, check_text, invalid_text, read_text

NAME_LIMIT = 200
EMAIL_LIMIT = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets
FIRST_BIRTH_DATE = date(1900, 1, 1)
PERSON_FIELDS = (
    "full_name",
    "name",
    "phone",
    "email",
    "birth_date",
    "document_type",
    "document_number",
    "language",
    "national_id",
    "customer_kind",
    "registration_number",
    "document_issuer",
    "document_issued_on",
    "document_valid_until",
    "city",
    "street",
)
"""The fields of plain text that say who somebody is: what `read_profile` reads, and the id."""
SECRET_FIELDS = (NATIONAL_ID, "document_number")
"""Those of them that are shown whole only to who may see personal data, which is written down."""


class CustomerKind(StrEnum):
    """Who signs: a person, or an organisation with a registration number."""

    PERSON = "person"
    ORGANISATION = "organisation"


@attrs.frozen(kw_only=True)
class Address:
    """Where a customer lives or gets post; `country` is ISO 3166-1 alpha-2."""

    purpose: str = attrs.field(default="home", validator=check_text)
    country: str = attrs.field(default="", validator=check_text)
    city: str = attrs.field(default="", validator=check_text)
    street: str = attrs.field(default="", validator=check_text)
    postcode: str = attrs.field(default="", validator=check_text)


@attrs.frozen(kw_only=True)
class Consent:
    """What a customer allowed or forbade, and when."""

    purpose: str = attrs.field(validator=check_text)
    granted: bool
    at: datetime


@attrs.frozen(kw_only=True)
class Profile:
    """What an intake says about a person, read and in order; made by `read_profile`."""

    name: str
    phone: MSISDN | None = None
    email: str | None = None
    birth_date: date | None = None
    document: IdentityDocument | None = None
    language: str = LANGUAGES.default
    kind: CustomerKind = CustomerKind.PERSON
    registration_number: str | None = None
    address: Address | None = None


def read_profile(
    raw: Mapping[str, str | None],
    *,
    today: date,
    languages: Languages = LANGUAGES,
    phones: Callable[[str], MSISDN] = MSISDN,
    document_required: bool = False,
) -> Profile:
    """
    Read a person from plain text fields; raise `InvalidValue` with every fault at once.

    Fields: `full_name` (or `name`), `phone` (as `phones` reads it), `email`, `birth_date` (ISO
    8601), `document_type`, `document_number`, `document_issuer`, `document_issued_on`,
    `document_valid_until`, `language`, `customer_kind`, `registration_number`, `city`, `street`.
    Only the name is always required. Faults carry the field's own name.
    """
    faults = Faults()
    named = "full_name" if "full_name" in raw else "name"
    name = faults.check(named, read_name, raw.get(named) or "")
    phone = email = born = None
    if text := raw.get("phone"):
        phone = faults.check("phone", lambda given: read_phone(given, phones=phones), text)
    if text := raw.get("email"):
        email = faults.check("email", read_email, text)
    if text := raw.get("birth_date"):
        born = faults.check("birth_date", lambda given: read_birth_date(given, today=today), text)
    document = read_document(raw, today=today, required=document_required, faults=faults)
    language: str | None = languages.default
    if text := raw.get("language"):
        language = faults.check("language", lambda g: read_language(g, languages=languages), text)
    kind: CustomerKind | None = CustomerKind.PERSON
    if text := raw.get("customer_kind"):
        kind = faults.check("customer_kind", read_customer_kind, text)
    registration = address = None
    if text := raw.get("registration_number"):
        registration = faults.check("registration_number", _registration_number, text)
    if raw.get("city") or raw.get("street"):
        address = _read_address(raw, faults=faults)
    faults.raise_any()
    return Profile(
        name=name or "",
        phone=phone,
        email=email,
        birth_date=born,
        document=document,
        language=language or languages.default,
        kind=kind or CustomerKind.PERSON,
        registration_number=registration,
        address=address,
    )


def read_fields(
    given: Mapping[str, Any], *, today: date, phones: Callable[[str], MSISDN]
) -> dict[str, Any]:
    """
    Read what commands are given; values that were read before come out as they are.

    A document that is issued after `today` is refused; field `documents`, code `issued_on`.
    """
    readers = {
        **_READERS,
        "phone": lambda raw: read_phone(raw, phones=phones),
        "birth_date": lambda raw: read_birth_date(raw, today=today),
    }
    faults = Faults()
    fields: dict[str, Any] = {}
    for field, value in given.items():
        if field in LIST_FIELDS:
            fields[field] = tuple(value or ())
            if field == "documents":
                early = (one for one in fields[field] if not one.is_issued(today))
                faults.extend(not_issued(one, today, field=field) for one in early)
        elif read := readers.get(field):
            fields[field] = faults.check(field, read, str(value or ""))
        else:
            faults.extend([Fault.unknown(field, KNOWN_FIELDS)])
    faults.raise_any()
    return fields


def read_name(raw: str) -> str:
    """Return a name of 1 to 200 characters on one line, its white space squeezed; code `name`."""
    name = " ".join(raw.split()) if len(raw) <= RAW_LIMIT else raw
    if not name:
        raise invalid_text("name", "name_missing", "a name is required", raw)
    if len(name) > NAME_LIMIT:
        raise invalid_text("name", "name", f"at most {NAME_LIMIT} characters", raw)
    if not name.isprintable():
        if UNSTORABLE.search(name):
            raise invalid_text("name", "name", "no control characters", raw)
        if not any(char.isalnum() for char in name):
            raise invalid_text("name", "name_missing", "a name with letters is required", raw)
    return name


def read_phone(raw: str, *, phones: Callable[[str], MSISDN] = MSISDN) -> MSISDN | None:
    """Return the number that `phones` reads, or None for an empty text; code `phone`."""
    text = raw.strip()
    if not text:
        return None
    try:
        return phones(text)
    except InvalidValue as error:
        raise invalid_text("phone", "phone", error.faults[0].message, raw) from None


def read_email(raw: str) -> str | None:
    """
    Return an address `local@domain.tld`, or None for an empty text; code `email`.

    Pragmatic on purpose: quoted local parts and address literals (RFC 5321) are refused.
    """
    text = raw.strip()
    if not text:
        return None
    if len(text) > EMAIL_LIMIT or not (_EMAIL.fullmatch(text) and text.isprintable()):
        raise invalid_text("email", "email", "an address like name@example.org", raw)
    return text


def read_birth_date(raw: str, *, today: date) -> date | None:
    """Return a date from 1900 to today in ISO 8601 (YYYY-MM-DD), or None; code `birth_date`."""
    text = raw.strip()
    if not text:
        return None
    try:
        # fromisoformat also reads 20240131 and 2024-W05-3, which a person never means.
        born = date.fromisoformat(text) if len(text) == 10 and text[7] == "-" else None
    except ValueError:
        born = None
    if born is None:
        raise invalid_text("birth_date", "birth_date", "a date written YYYY-MM-DD", raw)
    if not FIRST_BIRTH_DATE <= born <= today:
        message = f"a date from {FIRST_BIRTH_DATE} to today, {today}"
        raise invalid_text("birth_date", "birth_date", message, raw)
    return born


def read_customer_kind(raw: str) -> CustomerKind:
    """Return the kind named; code `choice`."""
    try:
        return CustomerKind(raw.strip().lower())
    except ValueError:
        message = f"one of {', '.join(CustomerKind)}"
        raise invalid_text("customer_kind", "choice", message, raw) from None


def read_language(raw: str, *, languages: Languages = LANGUAGES) -> str:
    """Return a language code the operator writes in; the default for none; code `language`."""
    code = raw.strip().lower()
    if code and code not in languages.codes:
        raise invalid_text("language", "language", f"one of {', '.join(languages.codes)}", raw)
    return code or languages.default


def folded_city(name: str) -> str:
    """
    Return the name of a city without its case and spaces around it.

    >>> folded_city(" БИШКЕК ")
    'бишкек'
    """
    return " ".join(name.casefold().split())


_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_EMAIL = re.compile(rf"[^\s@<>()\[\]\\,;:\"]{{1,64}}@(?:{_LABEL}\.)+{_LABEL}")


def _registration_number(raw: str) -> str | None:
    return read_text(raw, field="registration_number", limit=50) or None


_READERS: Mapping[str, Callable[[str], Any]] = {
    "name": read_name,
    "email": read_email,
    "language": read_language,
    "national_id": read_national_id,
    "registration_number": _registration_number,
}
LIST_FIELDS = ("documents", "addresses", "consents")
"""The fields that hold several values, each read before."""
KNOWN_FIELDS = (*_READERS, "phone", "birth_date", *LIST_FIELDS)
"""All that is known about a customer, beside the kind: what `read_fields` reads."""


def _read_address(raw: Mapping[str, str | None], *, faults: Faults) -> Address:
    city, street = (
        faults.check(field, partial(read_text, field=field, limit=NAME_LIMIT), raw.get(field) or "")
        for field in ("city", "street")
    )
    return Address(city=city or "", street=street or "")
