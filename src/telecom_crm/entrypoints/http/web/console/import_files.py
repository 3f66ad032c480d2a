"""Files for bulk import: what each kind is, an example of it, how one is taken in, and faults."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from contextvars import copy_context
from typing import Any
from uuid import UUID

import attrs
from litestar import Response
from litestar.datastructures import UploadFile

from telecom_crm.application.bulk.pool import NumberRows, SimRows
from telecom_crm.application.bulk.reading import SUBSCRIBERS
from telecom_crm.application.bulk.table import Columns
from telecom_crm.application.imports.service import Imports
from telecom_crm.application.ports import Query
from telecom_crm.domain.errors import Fault
from telecom_crm.domain.identifiers import ImportId
from telecom_crm.domain.identity_document import DocumentType
from telecom_crm.domain.importing import ImportJob, ImportKind, RowError
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.number import NumberCategory
from telecom_crm.domain.tariff import CatalogueStatus
from telecom_crm.domain.text import masked
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.uploads import chunks
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page
from telecom_crm.entrypoints.http.web.i18n import NAMES, spoken
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import label, policy_title
from telecom_crm.entrypoints.http.web.messages import said

PATH = "/console/imports"
FILE_LIMIT = 256 * 1024**2
"""The most bytes of a file that a browser brings; larger ones come by the API or the CLI."""
LISTED = 50
"""So many tariffs on sale are told at most."""
CHECKED_AT_ONCE = 16 * 1024**2
"""So large a file is checked while whoever sent it waits; a larger one by the worker."""


@attrs.frozen
class FileKind:
    """A kind of file: what it brings, its columns, and a row as an example."""

    note: str
    columns: Columns
    example: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All columns, in the order of the example's cells."""
        return (*self.columns.required, *self.columns.optional)


KINDS = {
    ImportKind.SIMS: FileKind(
        N_("Cards from the maker: ICCID and what goes with it"),
        SimRows.columns,
        ("8999601000000000016", "437050000000001", "1234", "12345678", "2026-11"),
    ),
    ImportKind.NUMBERS: FileKind(
        N_("Phone numbers that may be sold"),
        NumberRows.columns,
        ("+996700123456", "standard", "0.00"),
    ),
    ImportKind.SUBSCRIBERS: FileKind(
        N_("People with their cards, numbers and tariffs"),
        SUBSCRIBERS,
        (
            *("Айгүл Асанова", "+996555123456", "aigul@example.org", "1995-03-12", "id_card"),
            *("ID0000000", "8999601000000000016", "+996700123456", "START", "ky"),
        ),
    ),
}
"""What a file may be."""

CELLS = {
    "iccid": N_("Number printed on the card, 19 or 20 digits"),
    "imsi": N_("IMSI of the card, 15 digits"),
    "pin1": N_("PIN of the card"),
    "puk1": N_("PUK of the card"),
    "batch": N_("Batch it came with"),
    "msisdn": N_("Number that is sold"),
    "category": N_("Category of the number"),
    "price": N_("Price"),
    "full_name": N_("Name of the customer"),
    "phone": N_("Phone to reach the customer at"),
    "email": N_("E-mail"),
    "birth_date": N_("Date of birth"),
    "document_type": N_("Kind of the identity document"),
    "document_number": N_("Number of the identity document"),
    "tariff": N_("Tariff on sale"),
    "language": N_("Language of messages to the customer"),
}
"""What stands in a column, by its name."""

RIGHT = {
    "file_empty": N_("A file has the names of its columns in the first line, and rows below"),
    "spreadsheet": N_("In the spreadsheet choose: Save as, CSV UTF-8"),
    "no_table": N_("Upload the table itself, saved as CSV UTF-8"),
    "another_kind": N_("Upload it again, and choose this kind"),
    "encoding": N_("Save the file as CSV in UTF-8, CP1251 or KOI8-R"),
    "header_missing": N_("Take the first line of the template, and put your rows below it"),
    "column_missing": N_("Add the column to the first line, and its cells to each row"),
    "column_repeated": N_("Leave one column of this name, and take the others out"),
    "quote_unclosed": N_("Close the quote in this line, or take it out"),
    "quotes": N_("Write a quote within a cell twice, and the cell in quotes"),
    "row_too_long": N_("A row has at most 65,536 characters: look for a quote not closed"),
    "nul": N_("Take this character out: text editors do so when they save as UTF-8"),
    "file_too_large": N_("Divide the file, each part with the first line"),
}
"""What would be right where a file cannot be read as a whole, by the code of what is wrong."""

STOCK = ("iccid_unknown", "msisdn_unknown")
"""What is wrong with a row whose card or number was not brought in before."""

IN_FILES = {
    "birth_date": N_("A date of birth is from 1900 to today, in a file as 1995-03-12"),
}
"""What is wrong with a cell, where a file has it otherwise than a form."""


@attrs.frozen
class Told:
    """An error of a row as its page tells it: what is wrong, and what would be right."""

    line: int
    column: str
    value: str
    code: str
    words: str
    right: str


def template_of(kind: ImportKind) -> bytes:
    """Return a file of a kind with one example row, in UTF-8 that spreadsheets know as such."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerows((KINDS[kind].names, KINDS[kind].example))
    return text.getvalue().encode("utf-8-sig")


def told(job: ImportJob, errors: Iterable[RowError]) -> list[Told]:
    """Return errors for a page, personal values masked: the file of bad rows has them whole."""
    columns = KINDS[job.kind].columns
    refused = job.is_refused
    return [
        Told(
            error.line,
            error.column,
            _value(error, secret=not refused and columns.tells_of_people(error.column)),
            error.code,
            _worded(Fault(error.column, error.code, error.message, error.value)),
            _(RIGHT[error.code]) if refused and error.code in RIGHT else "",
        )
        for error in errors
    ]


def in_words() -> Callable[[RowError], str]:
    """Return what tells an error in the language of the request at hand, also once that is over."""
    reader = copy_context()

    def told(error: RowError) -> str:
        words = reader.run(_worded, Fault(error.column, error.code, error.message, error.value))
        return f"{error.column}: {words}" if error.column else words

    return told


def _value(error: RowError, *, secret: bool) -> str:
    if error.code == "another_kind":
        return label(ImportKind(error.value))
    return masked(error.value, first=2, last=2) if secret else error.value


def reasons_of(imports: Imports, job: ImportJob) -> list[tuple[str, str, int]]:
    """Return why rows failed, the most frequent first: the code, its words, and how many rows."""
    return [
        (code, _worded(Fault("", code, code)), count)
        for code, count in imports.reasons(job.id).items()
    ]


def _worded(fault: Fault) -> str:
    known = IN_FILES.get(fault.code)
    return _(known) if known else said(fault)


def upload_shown(request: Visit, crm: Crm, form: Form) -> Response[bytes]:
    """Show the form for a file; one that mends a job's rows is of its kind and options."""
    mended = mended_by(crm.imports, form)
    return page(
        request,
        "console/imports/new.html",
        status=200 if form.ok else form.status,
        form=form,
        mended=mended,
        policy=policy_named(crm, mended) if mended else None,
        kinds=[
            {"value": kind.value, "title": label(kind), "note": _(one.note)}
            for kind, one in KINDS.items()
        ],
        columns=[_columns_shown(crm, kind) for kind in ([mended.kind] if mended else KINDS)],
        policies=[
            (one.id, " · ".join(dict.fromkeys((policy_title(one), label(one.payment_mode)))))
            for one in crm.rules.policies()
        ],
        megabytes=FILE_LIMIT // 1024**2,
    )


def _columns_shown(crm: Crm, kind: ImportKind) -> tuple[Any, ...]:
    """Return a kind of file, its columns with what each takes, and which may be left out."""
    one = KINDS[kind]
    told = [(name, _(CELLS[name]), _taken(crm, one, name)) for name in one.names]
    return kind.value, label(kind), told, one.columns.optional


def _taken(crm: Crm, kind: FileKind, name: str) -> str:
    """Return what a column takes: its values where they are few, else one as an example."""
    if name == "document_type":
        return ", ".join(f"{one.value} ({label(one)})" for one in DocumentType)
    if name == "category":
        return ", ".join(f"{one.value} ({label(one)})" for one in NumberCategory)
    if name == "language":
        return ", ".join(f"{code} ({words})" for code, words in NAMES.items())
    if name == "tariff":
        on_sale = crm.catalog.tariffs(Query(where={"status": CatalogueStatus.ACTIVE}, limit=LISTED))
        return ", ".join(f"{one.code} ({spoken(one.name)})" for one in on_sale.items)
    return dict(zip(kind.names, kind.example, strict=True))[name]


def lacks_stock(job: ImportJob, reasons: Iterable[tuple[str, str, int]]) -> bool:
    """Tell whether every row of a job failed for a card, or a number, that is not in stock."""
    counts = [count for code, _words, count in reasons if code in STOCK]
    return job.counts.read > 0 and job.counts.read in counts


def kind_meant(job: ImportJob) -> str:
    """Return what a file is to be uploaded again as: what its columns tell, else as it was."""
    told = (one.value for one in job.structure_faults if one.code == "another_kind")
    return next(told, job.kind.value)


def policy_named(crm: Crm, job: ImportJob) -> str | None:
    """Return what the billing policy is called on which a job activates, if it does."""
    if job.policy is None:
        return None
    titles = {one.id: policy_title(one) for one in crm.rules.policies()}
    return titles.get(job.policy, job.policy)


def mended_by(imports: Imports, form: Form) -> ImportJob | None:
    """Return the job whose failed rows a form brings again."""
    found = form.choice("mends", UUID, required=False)
    return imports.get(ImportId(found)) if found else None


def taken_in(imports: Imports, form: Form, *, by: Actor) -> ImportJob | None:
    """Take the file of a form in, or say in the form what is odd about it."""
    file, mended = form.file("file", required=True), mended_by(imports, form)
    kind = mended.kind if mended else form.choice("kind", ImportKind)
    if file is None or kind is None:
        return None
    activate = mended.activate if mended else form.flag("activate")
    policy = mended.policy if mended else form.raw("policy") or None
    taken: ImportJob | None = form.submit(
        _brought,
        imports,
        file,
        kind=kind,
        dry_run=mended.dry_run if mended else form.flag("dry_run"),
        activate=activate,
        policy=policy if activate else None,
        mends=mended.id if mended else None,
        by=by,
    )
    return taken


def _brought(
    imports: Imports,
    file: UploadFile,
    *,
    kind: ImportKind,
    dry_run: bool,
    activate: bool,
    policy: str | None,
    mends: ImportId | None,
    by: Actor,
) -> ImportJob:
    size = file.file.seek(0, 2)
    file.file.seek(0)
    job = imports.upload(
        kind=kind,
        content=chunks(file.file),
        file_name=file.filename,
        dry_run=dry_run,
        activate=activate,
        policy=policy,
        mends=mends,
        asks_again=True,
        by=by,
    )
    return imports.check(job.id, by=by) if size <= CHECKED_AT_ONCE else job
