"""
Who asks, as both faces ask it: the fields of the form, and the scans that come along.

What was typed becomes the `raw` of an application; the form keeps every fault, its own and those
that validation would find.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import attrs

from telecom_crm.application.applicants import CONSENTS, Findings
from telecom_crm.application.ports import Query
from telecom_crm.domain.application import Application
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identity_document import DocumentType
from telecom_crm.domain.language import LANGUAGES
from telecom_crm.domain.profile import SECRET_FIELDS, CustomerKind
from telecom_crm.domain.tariff import CatalogueStatus
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.uploads import chunks
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import NAMES as TONGUES
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import spoken
from telecom_crm.entrypoints.http.web.identity import (
    CONTACT,
    DOCUMENT,
    NAMES,
    at_field,
    national_id_asked,
    read,
)
from telecom_crm.entrypoints.http.web.labels import label

SCANS: Mapping[str, str] = {
    "scan_front": N_("Document, front"),
    "scan_back": N_("Document, back"),
    "scan_face": N_("Photo of the person holding the document"),
}
"""The files that are asked for, by their names, in words."""
SCAN_BYTES = 10 * 1024**2
FORM_BYTES = len(SCANS) * SCAN_BYTES + 1024**2
"""The most that a form with scans may be."""

FIRM = ("organisation", "registration_number", "contact_name")
FIELDS = (
    *(*NAMES, *FIRM, "birth_date", "national_id", "phone", "email", "language", *DOCUMENT),
    *("city", "street", *SCANS, "tariff", "msisdn", "comment", "consent", "marketing"),
)
"""The fields of the form that may be wrong, as they stand on the page."""
DAYS = ("birth_date", "document_issued_on", "document_valid_until")


CORRECTABLE: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "full_name": (N_("Name"), (*NAMES, "organisation")),
    "birth_date": (N_("Date of birth"), ("birth_date",)),
    "national_id": (N_("Personal number"), ("national_id",)),
    "registration_number": (N_("Registration number"), ("registration_number",)),
    "phone": (N_("Contact phone"), ("phone",)),
    "email": (N_("E-mail"), ("email",)),
    "document_type": (N_("Kind of document"), ("document_type",)),
    "document_number": (N_("Number of the document"), ("document_number",)),
    "document_valid_until": (N_("Valid until"), ("document_valid_until",)),
    "street": (N_("Address"), ("city", "street")),
    "scans": (N_("Scans"), tuple(SCANS)),
}
"""What an applicant can be asked to put right: in words, and the fields of the form for it."""
_OF_PERSONS = ("birth_date", "national_id", *(one for one in CORRECTABLE if "document" in one))


def correctable(application: Application) -> list[tuple[str, str]]:
    """Return what can be asked of whom it is about, in words."""
    is_firm = kind_of(application.said("customer_kind")) is CustomerKind.ORGANISATION
    left_out = _OF_PERSONS if is_firm else ("registration_number",)
    asked = (name for name in CORRECTABLE if name not in left_out)
    return [(name, _(CORRECTABLE[name][0])) for name in asked]


def words_of(fields: Iterable[str]) -> str:
    """Return what is to be put right, in words."""
    return ", ".join(_(CORRECTABLE[one][0]) for one in fields if one in CORRECTABLE)


def marking(form: Form, fields: Iterable[str]) -> Form:
    """Mark the fields of a form that are to be put right."""
    known = (CORRECTABLE[one][1] for one in fields if one in CORRECTABLE)
    form.marked = frozenset(chain.from_iterable(known))
    return form


def scan_title(name: str) -> str:
    """Return what a scan shows; of one that came otherwise, its name."""
    return _(SCANS[name]) if name in SCANS else name


def kind_of(raw: str) -> CustomerKind:
    """Return who signs, as the form or its address says; a person where it does not."""
    return CustomerKind(raw) if raw in list(CustomerKind) else CustomerKind.PERSON


def shown(request: Visit, form: Form, crm: Crm) -> dict[str, Any]:
    """Return the form and what it offers; without htmx the files that were chosen are gone."""
    now, on_sale = crm.clock(), Query(where={"status": CatalogueStatus.ACTIVE.value}, limit=100)
    return {
        "form": form,
        "is_firm": kind_of(form.raw("customer_kind")) is CustomerKind.ORGANISATION,
        "files_are_gone": request.method == "POST" and not request.by_htmx,
        "national_id": national_id_asked(crm),
        "document_types": [(one.value, label(one)) for one in DocumentType],
        "tongues": [(code, TONGUES.get(code, code)) for code in LANGUAGES.codes],
        "tariffs": [
            (one.code, spoken(one.name))
            for one in crm.catalog.tariffs(on_sale).items
            if one.version_at(now) is not None
        ],
        "kyc_fields": FIELDS,
        "scan_fields": [(name, _(words)) for name, words in SCANS.items()],
        "megabytes": SCAN_BYTES // 1024**2,
    }


def filled(application: Application) -> Form:
    """Return the form with what is known already; what is secret is not in it."""
    known = {name: application.said(name) for name in FIELDS if name not in SECRET_FIELDS}
    if not any(known[name] for name in NAMES):
        words = application.said("full_name", "name").split(None, len(NAMES) - 1)
        known |= dict(zip(NAMES, words, strict=False))
    return Form.filled(
        **{
            **known,
            **{name: _as_typed(known[name]) for name in DAYS},
            "customer_kind": kind_of(application.said("customer_kind")),
            "organisation": application.said("full_name", "name"),
        }
    )


def read_applicant(form: Form, crm: Crm, *, partly: bool = False) -> dict[str, Any]:
    """
    Return what was typed as an application keeps it; what is wrong stays with the form.

    `partly`, what was left out stays as it was told before.
    """
    kind, must = kind_of(form.raw("customer_kind")), not partly
    who = _read_organisation if kind is CustomerKind.ORGANISATION else _read_person
    typed = {**who(form, crm, must), **read(form, crm, CONTACT, required=("phone",) * must)}
    raw: dict[str, Any] = {"customer_kind": kind.value}
    # days are kept as ISO 8601 has them, which is what `str` gives
    raw |= {field: str(value) for field, value in typed.items() if value}
    raw |= read_wanted(form, crm)
    if must:
        raw[CONSENTS] = _consents(form)
    return raw


def read_wanted(form: Form, crm: Crm) -> dict[str, Any]:
    """Return what is wanted, as far as it was said."""
    wanted = {
        "tariff": form.text("tariff", required=False, limit=50),
        "msisdn": form.read("msisdn", crm.read_phone, required=False),
        "comment": form.text("comment", required=False, limit=1000),
    }
    return {field: str(value) for field, value in wanted.items() if value}


def check(
    form: Form, crm: Crm, raw: Mapping[str, Any], scans: Mapping[str, Iterable[bytes]]
) -> Findings:
    """
    Look at what was typed as validation would; its faults go to their fields.

    Where something is wrong, the files are looked at too, for all faults to be told at once;
    otherwise they are when they are taken in.
    """
    findings = crm.intake.check(raw)
    wrong = {fault.field for fault in form.faults}
    is_person = raw.get("customer_kind") != CustomerKind.ORGANISATION
    for fault in findings.faults:
        field = at_field(fault).field
        field = _FIELD_OF.get(field, field)
        if field == "last_name" and not is_person:
            field = "organisation"
        if field not in wrong:
            form.faults.append(attrs.evolve(fault, field=field))
    if not form.ok:
        look_at(form, crm, scans)
    return findings


def alike(form: Form, crm: Crm) -> Findings:
    """
    Return who is like what was typed so far; what cannot be read yet counts for nothing.

    The form is for nothing else afterwards: it has the faults of all that was not typed yet.
    """
    kind = kind_of(form.raw("customer_kind"))
    who = _read_organisation if kind is CustomerKind.ORGANISATION else _read_person
    typed = {**who(form, crm, False), **read(form, crm, ("phone", "email"))}
    if not typed.get("document_number"):
        typed = {field: value for field, value in typed.items() if field not in DOCUMENT}
    raw = {field: str(value) for field, value in typed.items() if value}
    return crm.intake.check({"full_name": "-", **raw, "customer_kind": kind.value})


def look_at(form: Form, crm: Crm, scans: Mapping[str, Iterable[bytes]]) -> None:
    """Look whether files may be scans; what is wrong stays with the form."""
    try:
        crm.intake.refuse_scans(scans)
    except InvalidValue as error:
        form.faults += error.faults


def read_scans(
    form: Form, *required: str, among: Iterable[str] = SCANS
) -> dict[str, Iterator[bytes]]:
    """Return the files that were chosen; one that is too large stays a fault of the form."""
    found = {}
    for name in among:
        file = form.file(name, required=name in required)
        if file is None:
            continue
        size = file.file.seek(0, 2)
        file.file.seek(0)
        if size > SCAN_BYTES:
            form.fault(name, "size")
        else:
            found[name] = chunks(file.file)
    return found


_FIELD_OF = {"full_name": "last_name", "name": "last_name"}


def _read_person(form: Form, crm: Crm, must: bool) -> dict[str, Any]:
    must_name = must or any(form.raw(name).strip() for name in NAMES)
    names = read(form, crm, NAMES, required=("last_name", "first_name") * must_name)
    required = ("birth_date", "document_type", "document_number") * must
    return {
        **names,
        "full_name": " ".join(filter(None, names.values())),
        **read(form, crm, ("birth_date", "national_id", *DOCUMENT), required=required),
    }


def _read_organisation(form: Form, crm: Crm, must: bool) -> dict[str, Any]:
    given = read(form, crm, FIRM, required=FIRM * must)
    return {"full_name": given.pop("organisation"), **given}


def _consents(form: Form) -> list[str]:
    if not form.flag("consent"):
        form.fault("consent", "consent")
    given = {"personal_data": form.flag("consent"), "marketing": form.flag("marketing")}
    return [purpose for purpose, is_given in given.items() if is_given]


def _as_typed(iso: str) -> str:
    year, month, day = iso.split("-") if iso.count("-") == 2 else ("", "", "")
    return f"{day}.{month}.{year}" if day else iso
