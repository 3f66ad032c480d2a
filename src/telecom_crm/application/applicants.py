"""Who asks: read from what was captured, as a customer that nobody stored yet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.customers.desk import CustomerCheck, checks_in
from telecom_crm.application.customers.profiles import exact_of
from telecom_crm.application.duplicates import rules_in, suspects_in
from telecom_crm.application.ports import NewId, ReadPhone, Transaction
from telecom_crm.domain.calendar import local_date
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.deduplication import DeduplicationRules, Suspicion
from telecom_crm.domain.errors import Fault, Faults, InvalidValue
from telecom_crm.domain.identifiers import CustomerId
from telecom_crm.domain.identity_document import read_national_id
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.profile import PERSON_FIELDS, Consent, read_profile

CONSENTS = "consents"
"""The field that lists what somebody consents to."""


@attrs.frozen(kw_only=True)
class Findings:
    """What is wrong with what was captured, who it may be, and when their paper ends."""

    faults: tuple[Fault, ...] = ()
    suspects: tuple[Suspicion, ...] = ()
    document_until: date | None = None


@attrs.frozen(kw_only=True)
class Applicants:
    """Reads who asks, by the operator's rules."""

    new_id: NewId
    read_phone: ReadPhone
    zone: ZoneInfo
    checks: tuple[CustomerCheck, ...] = ()
    deduplication: DeduplicationRules | None = None
    """Rules in place of those that the store holds."""

    def read(
        self, tx: Transaction, raw: Mapping[str, Any], *, by: Actor, at: datetime
    ) -> tuple[Customer, tuple[Suspicion, ...]]:
        """
        Return a newcomer, and who of the customers they may be.

        Raise `InvalidValue` with every fault; how the numbers look that a customer has already who
        is surely the same is not asked.
        """
        faults, texts, today = Faults(), _texts(raw), local_date(at, self.zone)
        national_id = faults.check("national_id", _national_id, texts.get("national_id") or "")
        consents = _consents(raw, faults, at=at)
        try:
            profile = read_profile(texts, today=today, phones=self.read_phone)
        except InvalidValue as error:
            raise InvalidValue((*error.faults, *faults.found)) from None
        faults.raise_any()
        person = Customer.from_profile(id=CustomerId(self.new_id()), profile=profile, by=by, at=at)
        person = attrs.evolve(person, national_id=national_id or None, consents=consents)
        suspects = suspects_in(tx, person, rules_in(tx, self.deduplication))
        known = exact_of(tx, suspects)
        checks = checks_in(tx, self.checks, today=today)
        faults.extend(checks.faults(person, on_file=(known,) if known else ()))
        faults.raise_any()
        return person, suspects


def plain(person: Customer) -> dict[str, Any]:
    """Return a person as plain fields that `read_profile` reads again."""
    paper = person.documents[0] if person.documents else None
    address = person.addresses[0] if person.addresses else None
    fields = {
        "full_name": person.name,
        "phone": str(person.phone) if person.phone else None,
        "email": person.email,
        "birth_date": _iso(person.birth_date),
        "document_type": paper.type.value if paper else None,
        "document_number": paper.number if paper else None,
        "language": person.language,
        "national_id": person.national_id,
    }
    details = {
        "registration_number": person.registration_number,
        "document_issuer": paper.issuer if paper else None,
        "document_issued_on": _iso(paper.issued_on) if paper else None,
        "document_valid_until": _iso(paper.valid_until) if paper else None,
        "city": address.city if address else None,
        "street": address.street if address else None,
    }
    return {**fields, **{field: value for field, value in details.items() if value}}


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _national_id(raw: str) -> str:
    return read_national_id(raw) or ""


def _texts(raw: Mapping[str, Any]) -> dict[str, str | None]:
    """Return what is said of the person; raise `InvalidValue` for what is no text."""
    faults = Faults()
    texts: dict[str, str | None] = {}
    for field in PERSON_FIELDS:
        value = raw.get(field)
        if value is None or isinstance(value, str):
            texts[field] = value
        else:
            faults.add(field, "text", "a text", type(value).__name__)
    if "full_name" not in raw:
        texts.pop("full_name", None)
    faults.raise_any()
    return texts


def _consents(raw: Mapping[str, Any], faults: Faults, *, at: datetime) -> tuple[Consent, ...]:
    given = raw.get(CONSENTS) or ()
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        faults.add(CONSENTS, "consents", "a list of what is consented to", type(given).__name__)
        return ()
    read = (
        faults.check(CONSENTS, lambda purpose: Consent(purpose=purpose, granted=True, at=at), one)
        for one in dict.fromkeys(given)
    )
    return tuple(consent for consent in read if consent is not None)
