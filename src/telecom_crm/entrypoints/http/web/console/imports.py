"""Bulk import: files in, their progress, and what was wrong with their rows."""

from __future__ import annotations

from itertools import islice
from typing import Any
from uuid import UUID

from litestar import Controller, Response
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from telecom_crm.application.bulk.pool import NumberRows, SimRows
from telecom_crm.application.bulk.reading import SUBSCRIBERS
from telecom_crm.application.imports import Imports
from telecom_crm.domain.errors import Fault, NotFound
from telecom_crm.domain.identifiers import ImportId
from telecom_crm.domain.importing import (
    IMPORT_LIFECYCLE,
    UNDER_WAY,
    ImportJob,
    ImportKind,
    ImportStatus,
    RowError,
)
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.tables import CSV, joined
from telecom_crm.entrypoints.http.uploads import chunks
from telecom_crm.entrypoints.http.web.console.lists import Listing, tolerant
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import HEADERS, Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import pgettext
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.messages import said
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/imports"
FILE_LIMIT = 256 * 1024**2
"""The most bytes of a file that a browser brings; larger ones come by the API or the CLI."""
CHECKED_AT_ONCE = 16 * 1024**2
"""So large a file is checked while whoever sent it waits; a larger one by the worker."""
ROWS_WHILE_RUNNING, ROWS_WHEN_OVER = 12, 200
"""Of how many rows a page shows what is wrong; the file of errors has all."""

ENTRY = Entry(
    path=PATH,
    text=N_("Bulk import"),
    icon="file-up",
    section=N_("System"),
    order=10,
    area=Area.IMPORTS,
    key="I",
)

HEADINGS = {
    ImportStatus.UPLOADED: N_("Waiting for its turn…"),
    ImportStatus.CHECKED: N_("Checked, about to begin…"),
    ImportStatus.RUNNING: N_("Import is running…"),
    ImportStatus.COMPLETED: N_("Import is complete"),
    ImportStatus.ABORTED: N_("Import is stopped"),
    ImportStatus.STRUCTURE_ERROR: N_("The file cannot be read"),
}
"""What stands above the progress."""

COMMANDS = {
    "abort": (N_("Stop"), N_("The import stops; what was saved stays")),
    "resume": (N_("Go on"), N_("The import goes on")),
}
"""What is done to a job: the word, and what is said after."""

FILES = (
    (ImportKind.SIMS, N_("Cards from the maker: ICCID and what goes with it"), SimRows.columns),
    (ImportKind.NUMBERS, N_("Phone numbers that may be sold"), NumberRows.columns),
    (
        ImportKind.SUBSCRIBERS,
        N_("People with their cards, numbers and tariffs"),
        SUBSCRIBERS,
    ),
)
"""What a file may be: its kind, what it brings, and its columns."""


class ImportPages(Controller):
    """Bulk import in the console."""

    path = PATH

    @shows("/", Area.IMPORTS)
    def index(self, request: Visit, imports: NamedDependency[Imports]) -> Response[bytes]:
        """List what was imported, newest first."""
        listing = Listing.of(request, "status", "kind")
        return page(
            request,
            "console/imports/index.html",
            fragment="console/imports/_table.html",
            listing=listing,
            found=tolerant(listing, imports.page),
            chips=_chips(listing),
        )

    @shows("/new", Area.IMPORTS, Action.WRITE)
    def new(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask for a file."""
        return _new(request, crm, Form.filled(kind=ImportKind.SUBSCRIBERS))

    @acts("/new", Area.IMPORTS, request_max_body_size=FILE_LIMIT)
    def create(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Take a file in; the worker applies its rows."""
        file, kind = form.file("file", required=True), form.choice("kind", ImportKind)
        activate = form.flag("activate")
        job = None
        if file is not None and kind is not None:
            job = form.submit(
                _taken_in,
                crm.imports,
                file,
                kind=kind,
                dry_run=form.flag("dry_run"),
                activate=activate,
                policy=form.raw("policy") or None if activate else None,
                by=request.by,
            )
        if job is None:
            return _new(request, crm, form)
        return redirect(request, f"{PATH}/{job.id}", toast=_("The file is taken in"))

    @shows("/{import_id:uuid}", Area.IMPORTS)
    def show(
        self, request: Visit, import_id: FromPath[UUID], imports: NamedDependency[Imports]
    ) -> Response[bytes]:
        """Show how far a job is, and what is wrong with its rows."""
        job = imports.get(ImportId(import_id))
        running = job.status in UNDER_WAY
        summary = imports.summary(job.id, errors=ROWS_WHILE_RUNNING if running else ROWS_WHEN_OVER)
        warnings = () if running else tuple(islice(imports.warnings(job.id), ROWS_WHEN_OVER))
        return page(
            request,
            "console/imports/show.html",
            fragment="console/imports/_progress.html",
            job=job,
            base=f"{PATH}/{job.id}",
            running=running,
            heading=_(HEADINGS[job.status]),
            left=max(0, (job.total or 0) - job.position),
            errors=[(error, _words(error)) for error in summary.errors],
            warnings=warnings,
            commands=_commands(request, job),
        )

    @acts("/{import_id:uuid}/errors.csv", Area.IMPORTS, Action.EXPORT)
    def errors(
        self, request: Visit, import_id: FromPath[UUID], imports: NamedDependency[Imports]
    ) -> Stream:
        """Give the rows that failed as a file, which is written down; mended, it can be sent."""
        lines = joined(imports.error_file(ImportId(import_id), by=request.by))
        headers = {**HEADERS, "Content-Disposition": 'attachment; filename="errors.csv"'}
        return Stream(lines, media_type=CSV, headers=headers)

    @shows("/{import_id:uuid}/{command:str}", Area.IMPORTS, Action.WRITE)
    def ask(
        self,
        request: Visit,
        import_id: FromPath[UUID],
        command: FromPath[str],
        imports: NamedDependency[Imports],
    ) -> Response[bytes]:
        """Ask whether, and why, before a command."""
        return _asked(request, imports.get(ImportId(import_id)), command, Form())

    @acts("/{import_id:uuid}/{command:str}", Area.IMPORTS)
    def command(
        self,
        request: Visit,
        import_id: FromPath[UUID],
        command: FromPath[str],
        form: NamedDependency[Form],
        imports: NamedDependency[Imports],
    ) -> Response[bytes]:
        """Stop a job where it is, or let it go on."""
        job = imports.get(ImportId(import_id))
        if command not in COMMANDS:
            raise NotFound("command", command)
        if command == "abort":
            why = form.text("reason", limit=500)
            done = form.submit(imports.abort, job.id, reason=why, by=request.by)
        else:
            done = form.submit(imports.reopen, job.id, by=request.by)
        if done is None:
            return _asked(request, job, command, form)
        return redirect(request, f"{PATH}/{job.id}", toast=_(COMMANDS[command][1]))


def _taken_in(
    imports: Imports,
    file: UploadFile,
    *,
    kind: ImportKind,
    dry_run: bool,
    activate: bool,
    policy: str | None,
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
        by=by,
    )
    return imports.check(job.id, by=by) if size <= CHECKED_AT_ONCE else job


def _chips(listing: Listing) -> list[dict[str, Any]]:
    now = listing.where().get("status")
    texts: dict[str | None, str] = {None: pgettext("imports", "All")}
    texts |= {one.value: label(one) for one in ImportStatus}
    return [
        {"href": listing.url(status=status), "text": text, "current": now == status}
        for status, text in texts.items()
    ]


def _new(request: Visit, crm: Crm, form: Form) -> Response[bytes]:
    return page(
        request,
        "console/imports/new.html",
        status=200 if form.ok else form.status,
        form=form,
        kinds=[
            {"value": kind.value, "title": label(kind), "note": _(note)} for kind, note, _c in FILES
        ],
        columns=[(label(kind), ", ".join(columns.required)) for kind, _n, columns in FILES],
        policies=[(one.id, f"{one.name} ({one.id})") for one in crm.rules.policies()],
        megabytes=FILE_LIMIT // 1024**2,
    )


def _words(error: RowError) -> str:
    return said(Fault(error.column, error.code, error.message, error.value))


def _commands(request: Visit, job: ImportJob) -> list[tuple[str, str]]:
    if not request.may(Area.IMPORTS, Action.WRITE):
        return []
    allowed = [one for one in IMPORT_LIFECYCLE.allowed(job.status) if one in COMMANDS]
    erased = job.file_id is None
    return [(one, _(COMMANDS[one][0])) for one in allowed if not (erased and one == "resume")]


def _asked(request: Visit, job: ImportJob, command: str, form: Form) -> Response[bytes]:
    if command not in COMMANDS:
        raise NotFound("command", command)
    return page(
        request,
        "console/confirm.html",
        status=200 if form.ok else form.status,
        heading=_(COMMANDS[command][0]),
        object=job.file_name,
        action=f"{PATH}/{job.id}/{command}",
        back=f"{PATH}/{job.id}",
        form=form,
        version=None,  # a job moves on by itself all the time
        reason=command == "abort",
    )
