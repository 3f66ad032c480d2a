"""Bulk import: files in, their progress, and what was wrong with their rows."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from telecom_crm.application.imports.service import Imports
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.identifiers import ImportId
from telecom_crm.domain.importing import (
    IMPORT_LIFECYCLE,
    ImportJob,
    ImportKind,
    ImportResult,
    ImportStatus,
)
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.tables import CSV, joined
from telecom_crm.entrypoints.http.web.console.beside import beside
from telecom_crm.entrypoints.http.web.console.commands import (
    REASON,
    Command,
    Commands,
    menu_of,
    routes_of,
)
from telecom_crm.entrypoints.http.web.console.import_files import (
    FILE_LIMIT,
    KINDS,
    PATH,
    in_words,
    kind_meant,
    lacks_stock,
    policy_named,
    reasons_of,
    taken_in,
    template_of,
    told,
    upload_shown,
)
from telecom_crm.entrypoints.http.web.console.lists import (
    Found,
    Listing,
    found_by,
    status_chips,
)
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import HEADERS, Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import pgettext
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.messages import capital, worded
from telecom_crm.entrypoints.http.web.routes import acts, shows

ROWS_WHILE_RUNNING, ROWS_WHEN_OVER = 12, 200
"""Of how many rows a page shows what is wrong; the file of errors has all."""

FILTERS = ("status", "kind", "result")
"""What the list is filtered by."""

ENTRY = Entry(
    path=PATH,
    text=N_("Bulk import"),
    icon="file-up",
    section=N_("System"),
    order=10,
    area=Area.IMPORTS,
    key="I",
    new=N_("Upload a file"),
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

COMMANDS = Commands(
    area=Area.IMPORTS,
    service=lambda crm: crm.imports,
    find=lambda crm, key: crm.imports.get(ImportId(key)),
    title=lambda job: job.file_name,
    allowed=lambda _, __, job: _allowed(job),
    version=None,  # a job moves on by itself all the time
    table=(
        Command(
            "abort",
            N_("Stop"),
            "circle-pause",
            N_("The import stops; what was saved stays"),
            Imports.abort,
            REASON,
            hurts=True,
        ),
        Command("resume", N_("Go on"), "play", N_("The import goes on"), Imports.reopen),
    ),
)


class ImportPages(Controller):
    """Bulk import in the console."""

    path = PATH

    @shows("/", Area.IMPORTS)
    def index(self, request: Visit, imports: NamedDependency[Imports]) -> Response[bytes]:
        """List what was imported, newest first."""
        listing = Listing.of(request, *FILTERS)
        found = listed(listing, imports)
        return page(
            request,
            "console/imports/index.html",
            fragment="console/imports/_table.html",
            allowed=_allowed,
            listing=listing,
            found=found,
            chips=status_chips(
                listing,
                pgettext("imports", "All"),
                ImportStatus,
                imports.counts,
                among=found.among,
            ),
            results=[(one.value, label(one)) for one in ImportResult],
            kinds=[(kind.value, label(kind)) for kind in ImportKind],
        )

    @shows("/new", Area.IMPORTS, Action.WRITE)
    def new(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask for a file."""
        asked = request.query_params
        kind, mends = asked.get("kind", ImportKind.SUBSCRIBERS), asked.get("mends")
        return upload_shown(request, crm, Form.filled(kind=kind, mends=mends))

    @shows("/new/{kind:str}/template.csv", Area.IMPORTS)
    def template(self, kind: FromPath[str]) -> Response[bytes]:
        """Give a file of a kind: its columns, and a row as an example."""
        if kind not in list(ImportKind):
            raise NotFound("import_kind", kind[:40])
        name = f'attachment; filename="{kind}.csv"'
        headers = {**HEADERS, "Content-Disposition": name}
        return Response(template_of(ImportKind(kind)), media_type=CSV, headers=headers)

    @acts("/new", Area.IMPORTS, request_max_body_size=FILE_LIMIT)
    def create(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Take a file in; the worker applies its rows."""
        job = taken_in(crm.imports, form, by=request.by)
        if job is None:
            return upload_shown(request, crm, form)
        if job.status in (ImportStatus.ABORTED, ImportStatus.STRUCTURE_ERROR):
            return redirect(request, f"{PATH}/{job.id}")
        return redirect(request, f"{PATH}/{job.id}", toast=_("The file is taken in"))

    @shows("/{import_id:uuid}", Area.IMPORTS)
    def show(
        self, request: Visit, import_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show how far a job is, and what is wrong with its rows."""
        imports = crm.imports
        job = imports.get(ImportId(import_id))
        running = job.is_under_way
        return page(
            request,
            "console/imports/show.html",
            fragment="console/imports/_progress.html",
            job=job,
            beside=beside(request, PATH, job.id, FILTERS, partial(listed, imports=imports)),
            policy=policy_named(crm, job),
            again=kind_meant(job),
            base=f"{PATH}/{job.id}",
            running=running,
            left=max(0, (job.total or 0) - job.position),
            warnings=[] if running else _warnings(crm, job),
            **_wrong(request, imports, job),
            **_around(request, imports, job),
        )

    @acts("/{import_id:uuid}/errors.csv", Area.IMPORTS, Action.EXPORT)
    def errors(
        self, request: Visit, import_id: FromPath[UUID], imports: NamedDependency[Imports]
    ) -> Stream:
        """Give the rows that failed as a file, which is written down; mended, it can be sent."""
        lines = joined(imports.error_file(ImportId(import_id), told=in_words(), by=request.by))
        headers = {**HEADERS, "Content-Disposition": 'attachment; filename="errors.csv"'}
        return Stream(lines, media_type=CSV, headers=headers)

    menu = menu_of("/{import_id:uuid}", COMMANDS)
    ask, command = routes_of("/{import_id:uuid}/{command:str}", COMMANDS)


def listed(listing: Listing, imports: Imports) -> Found[ImportJob]:
    """Return what the list shows: what a search found, or a page of all."""
    return found_by(listing, imports.page, imports.search, counts=imports.counts)


def _warnings(crm: Crm, job: ImportJob) -> list[dict[str, Any]]:
    """Return what is worth knowing of the first rows; whom one is about, where they are there."""
    found = list(islice(crm.imports.warnings(job.id), ROWS_WHEN_OVER))
    names = crm.catalog.names() if found else {}
    return [
        {
            "line": line,
            "words": capital(worded(warning, names)),
            "customers": () if job.dry_run else warning.values.get("customer", ()),
        }
        for line, warning in found
    ]


def _wrong(request: Visit, imports: Imports, job: ImportJob) -> dict[str, Any]:
    """Return what is wrong with a job's rows: why, and some of them, of one reason if asked."""
    running, asked = job.is_under_way, request.query_params.get("reason")
    reasons = [] if running else reasons_of(imports, job)
    code = asked if asked in [one for one, _words, _count in reasons] else None
    most = ROWS_WHILE_RUNNING if running else ROWS_WHEN_OVER
    return {
        "errors": told(job, imports.summary(job.id, errors=most, code=code).errors),
        "reasons": reasons,
        "code": code,
        "lacks_stock": lacks_stock(job, reasons),
    }


def _around(request: Visit, imports: Imports, job: ImportJob) -> dict[str, Any]:
    """Return what a job has to do with others, what it waits for, and what can be done."""
    earlier = imports.earlier(job.id)
    waits = earlier is not None and job.status is ImportStatus.ABORTED and not job.position
    return {
        "earlier": earlier,
        "waits": waits,
        "mended": imports.get(job.mends) if job.mends else None,
        "heading": _("Not begun: the same file again?") if waits else _(HEADINGS[job.status]),
        "right": KINDS[job.kind].names,
        "commands": COMMANDS.offered(request, _allowed(job)),
    }


def _allowed(job: ImportJob) -> list[str]:
    """Return what can be done to a job; without its file it does not go on."""
    erased = job.file_id is None
    return [one for one in IMPORT_LIFECYCLE.allowed(job.status) if one != "resume" or not erased]
