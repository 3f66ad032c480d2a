"""
What an operator asks of customers beyond what makes one: rules as data, and the check itself.

By default nothing more is asked than a name, which every customer has, people are 16 or older,
every paper is taken, and a national id has 14 digits.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from enum import StrEnum
from types import MappingProxyType

import attrs

from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import Fault, Faults
from telecom_crm.domain.identity_document import DocumentType, IdentityDocument, without_marks
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.text import is_alphanumeric, is_digits


class CustomerField(StrEnum):
    """What may be asked of a customer beside the name."""

    PHONE = "phone"
    EMAIL = "email"
    BIRTH_DATE = "birth_date"
    NATIONAL_ID = "national_id"
    REGISTRATION_NUMBER = "registration_number"
    DOCUMENTS = "documents"


def _types(given: Iterable[DocumentType]) -> frozenset[DocumentType]:
    return frozenset(given)


def _formats(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(without_marks(one) for one in given)


def _formats_by_type(
    given: Mapping[DocumentType, Iterable[str]],
) -> Mapping[DocumentType, tuple[str, ...]]:
    return MappingProxyType({type: _formats(formats) for type, formats in given.items()})


def _required(
    given: Mapping[CustomerKind, Iterable[CustomerField]],
) -> Mapping[CustomerKind, frozenset[CustomerField]]:
    return MappingProxyType({kind: frozenset(fields) for kind, fields in given.items()})


@attrs.frozen(kw_only=True)
class ValidationRules:
    """
    What is asked of customers, by their kind, and which papers and numbers are taken.

    `required` are the fields that have to be there. `minimum_age` is in full years, and asked of
    people whose birth date is known; None asks nothing. `document_types` are the ones taken, and
    `expired_documents` tells whether one that is over is: it may, since it still says who somebody
    is, and what a contract asks for at its activation is one that is valid then.

    A format is a number as it has to look: `9` is a digit 0 to 9, `A` a letter, `*` either of the
    two, any other letter or digit itself; spaces and dashes do not count. A number is right where
    it fits one of its formats, or there are none.
    """

    required: Mapping[CustomerKind, frozenset[CustomerField]] = attrs.field(
        factory=dict, converter=_required
    )
    minimum_age: int | None = attrs.field(default=None)
    document_types: frozenset[DocumentType] = attrs.field(
        default=frozenset(DocumentType), converter=_types
    )
    expired_documents: bool = True
    national_id_formats: tuple[str, ...] = attrs.field(default=(), converter=_formats)
    registration_number_formats: tuple[str, ...] = attrs.field(default=(), converter=_formats)
    document_formats: Mapping[DocumentType, tuple[str, ...]] = attrs.field(
        factory=dict, converter=_formats_by_type
    )

    def __attrs_post_init__(self) -> None:
        faults = Faults()
        if self.minimum_age is not None and not 0 <= self.minimum_age <= 150:
            faults.add("minimum_age", "minimum_age", "from 0 to 150 years", self.minimum_age)
        if not self.document_types:
            faults.add("document_types", "document_types", "at least one type has to be taken")
        formats = {
            "national_id_formats": self.national_id_formats,
            "registration_number_formats": self.registration_number_formats,
        }
        formats |= {f"document_formats.{type}": own for type, own in self.document_formats.items()}
        for field, found in formats.items():
            for place, one in enumerate(found):
                if not _FORMAT.fullmatch(one):
                    message = "1 to 40 of 9 (a digit), A (a letter), * (either) and what is itself"
                    faults.add(f"{field}.{place}", "format", message, one[:50])
        faults.raise_any()

    def faults(
        self, customer: Customer, *, today: date, on_file: Collection[Customer] = ()
    ) -> list[Fault]:
        """
        Return everything that these rules miss or refuse in a customer.

        How a number looks is asked of a new one only: not of what somebody `on_file` has already,
        the customer as they were, or whoever is merged into them.
        """
        found = self._missing(customer)
        found += self._too_young(customer, today)
        for field, formats in (
            ("national_id", self.national_id_formats),
            ("registration_number", self.registration_number_formats),
        ):
            number = getattr(customer, field)
            if all(number != getattr(one, field) for one in on_file):
                found += _odd(field, number, formats)
        known = {paper.key for one in on_file for paper in one.documents}
        for paper in customer.documents:
            found += self._refused(paper, today)
            if paper.key not in known:
                formats = self.document_formats.get(paper.type, ())
                found += _odd("documents", paper.number, formats)
        return found

    def _missing(self, customer: Customer) -> list[Fault]:
        asked = self.required.get(customer.kind, frozenset())
        return [
            Fault(field.value, f"{field}_missing", f"is required of a customer ({customer.kind})")
            for field in CustomerField
            if field in asked and not getattr(customer, field.value)
        ]

    def _too_young(self, customer: Customer, today: date) -> list[Fault]:
        born = customer.birth_date
        if self.minimum_age is None or born is None:
            return []
        had_birthday = (today.month, today.day) >= (born.month, born.day)
        age = today.year - born.year - (not had_birthday)
        if age >= self.minimum_age:
            return []
        message = f"{self.minimum_age} years of age, or more"
        return [Fault("birth_date", "minimum_age", message, born.isoformat())]

    def _refused(self, paper: IdentityDocument, today: date) -> list[Fault]:
        found = []
        if paper.type not in self.document_types:
            taken = ", ".join(sorted(self.document_types))
            found.append(Fault("documents", "document_type", f"one of {taken}", paper.type.value))
        if not self.expired_documents and paper.valid_until and paper.valid_until < today:
            message = "a document that is still valid"
            found.append(
                Fault("documents", "document_expired", message, paper.valid_until.isoformat())
            )
        return found


_FORMAT = re.compile(r"[A-Z0-9*]{1,40}", re.ASCII)


def _odd(field: str, number: str | None, formats: tuple[str, ...]) -> list[Fault]:
    """Return the fault of a number that is there and fits none of its formats."""
    if not number or not formats:
        return []
    bare = without_marks(number)
    if any(_fits(bare, one) for one in formats):
        return []
    return [Fault(field, "format", f"written like {' or '.join(formats)}", number)]


def _fits(number: str, format: str) -> bool:
    if len(number) != len(format):
        return False
    return all(
        _SORTS[sort](char) if sort in _SORTS else char == sort
        for char, sort in zip(number, format, strict=True)
    )


_SORTS = {"9": is_digits, "A": str.isalpha, "*": is_alphanumeric}

DEFAULT_VALIDATION = ValidationRules(minimum_age=16, national_id_formats=("9" * 14,))
"""
What is asked where an operator said nothing: a name, of people that they are 16, and of a new
national id that it is one of Kyrgyzstan: 14 digits.
"""
