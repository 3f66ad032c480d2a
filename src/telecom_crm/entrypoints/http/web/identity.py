"""Who somebody is, as both faces ask it: the fields of a person or an organisation, and readers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import attrs

from telecom_crm.domain.errors import Fault
from telecom_crm.domain.identity_document import (
    DocumentType,
    read_document_number,
    read_national_id,
)
from telecom_crm.domain.language import LANGUAGES
from telecom_crm.domain.profile import read_email
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import ngettext

NAMES = ("last_name", "first_name", "middle_name")
CONTACT = ("phone", "email", "language", "city", "street")
DOCUMENT = (
    "document_type",
    "document_number",
    "document_issuer",
    "document_issued_on",
    "document_valid_until",
)

Reader = Callable[[Form, Crm, str, bool], Any]


def read(
    form: Form, crm: Crm, names: Iterable[str], *, required: Collection[str] = ()
) -> dict[str, Any]:
    """
    Read some of `FIELDS`; what is wrong stays with the form.

    A field that was left empty is None, or "" where it is a text.
    """
    return {name: FIELDS[name](form, crm, name, name in required) for name in names}


def national_id_asked(crm: Crm) -> dict[str, Any]:
    """Return how a national id is asked for: how it has to look, and the keys to type it with."""
    formats = crm.rules.validation().national_id_formats
    of_digits = bool(formats) and set("".join(formats)) == {"9"}
    keys = {"inputmode": "numeric"} if of_digits else {}
    return {"hint": _looks(formats, of_digits), "attrs": {**keys, "autocomplete": "off"}}


def _looks(formats: Sequence[str], of_digits: bool) -> str:
    if of_digits and len(formats) == 1:
        return ngettext("%(count)s digit", "%(count)s digits", len(formats[0]))
    written = ", ".join(formats)
    return _("9 is a digit, A a letter, * either: %(formats)s", formats=written) if written else ""


def at_field(fault: Fault) -> Fault:
    """Return what is wrong with the documents at the field of a form, which asks for one."""
    if fault.field != "documents":
        return fault
    return attrs.evolve(fault, field=_OF_PAPER.get(fault.code, "document_number"))


_OF_PAPER = {
    "document_type": "document_type",
    "document_expired": "document_valid_until",
    "issued_on": "document_issued_on",
}


def _text(limit: int = 200) -> Reader:
    return lambda form, _, name, required: form.text(name, required=required, limit=limit)


def _day(form: Form, _: Crm, name: str, required: bool) -> Any:
    return form.date(name, required=required)


def _read_by(reader: Callable[[str], Any]) -> Reader:
    return lambda form, _, name, required: form.read(name, reader, required)


def _one_of(kind: Callable[[str], Any]) -> Reader:
    return lambda form, _, name, required: form.choice(name, kind, required=required)


def _language(raw: str) -> str:
    if raw not in LANGUAGES.codes:
        raise ValueError
    return raw


FIELDS: Mapping[str, Reader] = {
    **dict.fromkeys(NAMES, _text()),
    "organisation": _text(),
    "contact_name": _text(),
    "registration_number": _text(50),
    "birth_date": _day,
    "national_id": _read_by(read_national_id),
    "phone": lambda form, crm, name, required: form.read(name, crm.read_phone, required),
    "email": _read_by(read_email),
    "language": _one_of(_language),
    "city": _text(),
    "street": _text(),
    "document_type": _one_of(DocumentType),
    "document_number": _read_by(read_document_number),
    "document_issuer": _text(),
    "document_issued_on": _day,
    "document_valid_until": _day,
}
"""Each field with what reads it: the form, the phones of the country, its name, whether it must."""
