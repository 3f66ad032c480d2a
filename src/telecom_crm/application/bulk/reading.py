"""Rows of subscribers as read: a person, and the contract that they have or are to have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import attrs

from telecom_crm.application.bulk.chunk import bounded
from telecom_crm.application.bulk.repeats import Repeats
from telecom_crm.application.bulk.table import Columns
from telecom_crm.application.ports import ReadPhone
from telecom_crm.domain.errors import Fault, Faults, InvalidValue
from telecom_crm.domain.identifiers import ICCID, MSISDN
from telecom_crm.domain.identity_document import (
    DocumentType,
    IdentityDocument,
    document_key,
    read_document_number,
    read_document_type,
)
from telecom_crm.domain.profile import Profile, read_profile

SUBSCRIBERS = Columns(
    required=(
        "full_name",
        "phone",
        "email",
        "birth_date",
        "document_type",
        "document_number",
        "iccid",
        "msisdn",
        "tariff",
        "language",
    ),
    phones=("phone", "msisdn"),
    personal=True,
    public=("document_type", "iccid", "msisdn", "tariff", "language"),
)


@attrs.define
class Reading:
    """
    A row as read, alone: what it says, and what is wrong with it whatever the store has.

    `paper` may be there where `person` is not: then only the rest of the person is wrong.
    `repeats` are the columns whose value may come again in the file.
    """

    line: int
    person: Profile | None
    paper: IdentityDocument | None
    iccid: ICCID | None
    msisdn: MSISDN | None
    tariff: str | None
    """None for a row of the wrong width."""
    faults: list[Fault]
    names_language: bool
    repeats: frozenset[str]
    document: str = ""
    """The key of the person's document; empty where it cannot be read."""


def misread(line: int, fault: Fault) -> Reading:
    """Return what a row of the wrong width is read as."""
    return Reading(line, None, None, None, None, None, [fault], False, _NOTHING)


def read_subscriber(
    line: int,
    row: Mapping[str, str],
    *,
    repeats: Repeats,
    dry_run: bool,
    today: date,
    read_phone: ReadPhone = MSISDN,
) -> Reading:
    """Read one row of the right width, with every fault of it."""
    faults = Faults()
    person = paper = None
    try:
        person = read_profile(row, today=today, phones=read_phone, document_required=True)
        paper = person.document
    except InvalidValue as error:
        faults.extend(error.faults)
        paper = _paper(row)
    iccid = faults.check("iccid", ICCID, row["iccid"].strip())
    msisdn = faults.check("msisdn", read_phone, row["msisdn"].strip())
    document = "" if paper is None else paper.key
    again = _again(document, msisdn, repeats)
    if dry_run:
        again |= _also_again(person, iccid, repeats)
    return Reading(
        line,
        person,
        paper,
        iccid,
        msisdn,
        row["tariff"].strip(),
        bounded(faults.found),
        bool(row["language"].strip()),
        again,
        document,
    )


def note_keys(repeats: Repeats, row: Mapping[str, str], *, dry_run: bool) -> None:
    """
    Count in what rows of one file may have in common: the same keys that a reading asks for.

    Only a dry run needs all: otherwise the store itself knows which SIMs and phones earlier rows
    took.
    """
    paper = document_key(type=DocumentType.OTHER, number=row["document_number"][:100])
    repeats.add(f"d{paper.partition(':')[2]}")
    repeats.add(f"m{row['msisdn'].strip().removeprefix('+')}")
    if dry_run:
        repeats.add(f"i{row['iccid'].strip()}")
        if phone := row["phone"].strip():
            repeats.add(f"p{phone.removeprefix('+')}")
        if email := row["email"].strip():
            repeats.add(f"e{email.casefold()}")


def _again(document: str, msisdn: MSISDN | None, repeats: Repeats) -> frozenset[str]:
    found = []
    if document and f"d{document.partition(':')[2]}" in repeats:
        found.append("document")
    if msisdn is not None and f"m{msisdn.digits}" in repeats:
        found.append("msisdn")
    return frozenset(found) if found else _NOTHING


def _also_again(person: Profile | None, iccid: ICCID | None, repeats: Repeats) -> frozenset[str]:
    found = []
    if iccid is not None and f"i{iccid.digits}" in repeats:
        found.append("iccid")
    if person is not None and person.phone and f"p{person.phone.digits}" in repeats:
        found.append("phone")
    if person is not None and person.email and f"e{person.email.casefold()}" in repeats:
        found.append("email")
    return frozenset(found)


_NOTHING: frozenset[str] = frozenset()


def _paper(row: Mapping[str, str]) -> IdentityDocument | None:
    try:
        return IdentityDocument(
            type=read_document_type(row["document_type"]),
            number=read_document_number(row["document_number"]),
        )
    except InvalidValue:
        return None  # read_profile told its faults already
