"""Papers that say who somebody is, and national ids: and how they are read."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date
from enum import StrEnum

import attrs

from telecom_crm.domain.attachment import Attachment
from telecom_crm.domain.errors import Fault, Faults, InvalidValue
from telecom_crm.domain.text import RAW_LIMIT, check_text, invalid_text, is_alphanumeric, read_text

ISSUER_LIMIT = 200
NATIONAL_ID = "national_id"
"""What the key of a national id begins with, beside the types of documents."""


class DocumentType(StrEnum):
    """What an identity document is."""

    ID_CARD = "id_card"
    PASSPORT = "passport"
    BIRTH_CERTIFICATE = "birth_certificate"
    RESIDENCE_PERMIT = "residence_permit"
    DRIVING_LICENCE = "driving_licence"
    MILITARY_ID = "military_id"
    REFUGEE_CERTIFICATE = "refugee_certificate"
    OTHER = "other"


@attrs.frozen(kw_only=True)
class IdentityDocument:
    """
    A paper that says who somebody is.

    `number` is as printed; `key` is what two copies of the same document share.
    `scan` is the stored file.
    """

    type: DocumentType = attrs.field(converter=DocumentType)
    number: str
    issuer: str = attrs.field(default="", validator=check_text)
    issued_on: date | None = None
    valid_until: date | None = None
    scan: Attachment | None = attrs.field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        read_document_number(self.number)
        if self.issued_on and self.valid_until and self.valid_until < self.issued_on:
            message = "the document must not end before it was issued"
            raise InvalidValue.of("valid_until", "valid_until", message, self.valid_until)

    def is_issued(self, today: date) -> bool:
        """Tell whether the document is there already on a day, as far as that is known."""
        return self.issued_on is None or self.issued_on <= today

    @property
    def key(self) -> str:
        """Type and number without case, spaces and dashes: unique over the operator."""
        return document_key(type=self.type, number=self.number)


def read_document(
    raw: Mapping[str, str | None], *, today: date, required: bool, faults: Faults
) -> IdentityDocument | None:
    """
    Return the document that fields starting with `document_` tell of; add what is wrong.

    One that is issued after `today` is refused; code `issued_on`.
    """
    type_text, number_text = raw.get("document_type") or "", raw.get("document_number") or ""
    if not (required or type_text.strip() or number_text.strip()):
        return None
    kind = faults.check("document_type", read_document_type, type_text)
    number = faults.check("document_number", read_document_number, number_text)
    issuer = issued = until = None
    if text := raw.get("document_issuer"):
        issuer = faults.check("document_issuer", _issuer, text)
    if text := raw.get("document_issued_on"):
        issued = faults.check("document_issued_on", _day, text)
    if text := raw.get("document_valid_until"):
        until = faults.check("document_valid_until", _day, text)
    if kind is None or number is None:
        return None
    if issued and until and until < issued:
        message = "the document must not end before it was issued"
        faults.add("document_valid_until", "valid_until", message, raw["document_valid_until"])
        return None
    paper = IdentityDocument(
        type=kind, number=number, issuer=issuer or "", issued_on=issued, valid_until=until
    )
    if not paper.is_issued(today):
        faults.extend([not_issued(paper, today, field="document_issued_on")])
        return None
    return paper


def not_issued(paper: IdentityDocument, today: date, *, field: str) -> Fault:
    """Return what is wrong with a document that is issued after a day; code `issued_on`."""
    return Fault(field, "issued_on", f"a date to today, {today}", str(paper.issued_on))


def read_document_type(raw: str) -> DocumentType:
    """Return the type named; code `document_type`."""
    found = _DOCUMENT_TYPES.get(raw) or _DOCUMENT_TYPES.get(raw.strip().lower())
    if found is None:
        message = f"one of {', '.join(DocumentType)}"
        raise invalid_text("document_type", "document_type", message, raw)
    return found


def read_document_number(raw: str) -> str:
    """Return a document's number as printed, its white space squeezed; code `document_number`."""
    number = " ".join(raw.split()) if len(raw) <= RAW_LIMIT else ""
    key = without_marks(number)
    if not (3 <= len(key) <= 40 and is_alphanumeric(key)):
        message = "3 to 40 letters and digits, spaces and dashes between them"
        raise invalid_text("document_number", "document_number", message, raw)
    return number


def read_national_id(raw: str) -> str | None:
    """Return a national id in upper case without spaces and dashes, or None; code `national_id`."""
    if not raw.strip():
        return None
    key = without_marks(raw) if len(raw) <= RAW_LIMIT else ""
    if not (4 <= len(key) <= 40 and is_alphanumeric(key)):
        raise invalid_text("national_id", "national_id", "4 to 40 letters and digits", raw)
    return key


def without_marks(number: str) -> str:
    """Return a number of a paper without case, spaces, dashes and dots: what is compared."""
    if not number.isascii():
        number = unicodedata.normalize("NFKC", number)
    return number.translate(_MARKS).upper()


def document_key(*, type: DocumentType, number: str) -> str:
    """Return what two copies of the same document share: type, and number without its dress."""
    return f"{type.value}:{without_marks(number)}"


_MARKS = str.maketrans("", "", " \t\r\n-\u2010\u2011\u2012\u2013\u2014./\u00a0")
_DOCUMENT_TYPES: Mapping[str, DocumentType] = {kind.value: kind for kind in DocumentType}


def _issuer(raw: str) -> str:
    return read_text(raw, field="document_issuer", limit=ISSUER_LIMIT)


def _day(raw: str) -> date:
    try:
        return date.fromisoformat(raw.strip())
    except ValueError:
        raise invalid_text("date", "date", "a date written YYYY-MM-DD", raw) from None
