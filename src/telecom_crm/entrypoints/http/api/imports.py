"""Bulk registration: files in, progress, and what was wrong with rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, post
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import ServerSentEvent, ServerSentEventMessage, Stream

from telecom_crm.application.imports.service import UPLOAD_LIMIT, Imports
from telecom_crm.domain.errors import TelecomCrmError
from telecom_crm.domain.identifiers import ImportId
from telecom_crm.domain.importing import (
    ImportJob,
    ImportKind,
    ImportStatus,
    ImportSummary,
)
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.text import is_digits
from telecom_crm.entrypoints.http.access import Permission
from telecom_crm.entrypoints.http.bodies import Because
from telecom_crm.entrypoints.http.calls import (
    Call,
    Parameter,
    listing,
    read_choice,
    read_flag,
    read_whole,
)
from telecom_crm.entrypoints.http.problems import problem_of
from telecom_crm.entrypoints.http.routes import does, reads
from telecom_crm.entrypoints.http.tables import CSV, joined
from telecom_crm.entrypoints.http.uploads import chunks, received
from telecom_crm.entrypoints.http.values import PageView, View, listed, made, shown

"""The states in which there is progress to wait for."""
POLL_SECONDS = 0.5
SILENT_POLLS = 30
"""After so many without news a line says that the connection is still there."""
SEPARATORS: Mapping[str, str] = MappingProxyType(
    {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
)


class RowErrorView(View):
    """One thing wrong with one row, by the line of the file."""

    line: int
    column: str
    value: str
    code: str
    message: str


class ImportView(View):
    """
    A file on its way in, and what came of it so far.

    `mends` is the job whose failed rows it brings again. `total` is known once the file was
    checked; `position` counts the rows with an outcome. Under `errors` are those of the first rows
    that failed; `errors.csv` has all. Both go with the file, some time after the job was over:
    `file_kept` tells.
    """

    id: UUID
    kind: ImportKind
    file_name: str
    encoding: str | None
    separator: str | None
    dry_run: bool
    activate: bool
    policy: str | None
    mends: UUID | None
    uploaded_at: datetime
    over_at: datetime | None
    file_kept: bool
    version: int
    total: int | None
    position: int
    status: ImportStatus
    read: int
    created: int
    updated: int
    unchanged: int
    failed: int
    activating: int | None
    blocked: int | None
    errors: list[RowErrorView]

    @classmethod
    def of(cls, job: ImportJob, summary: ImportSummary | None = None) -> ImportView:
        """Show a job, with its errors where a summary brings them."""
        told = summary or job.summary()
        return cls(
            id=job.id,
            kind=job.kind,
            file_name=job.file_name,
            encoding=job.encoding,
            separator=job.separator,
            dry_run=job.dry_run,
            activate=job.activate,
            policy=job.policy,
            mends=job.mends,
            uploaded_at=job.uploaded_at,
            over_at=job.over_at,
            file_kept=job.file_id is not None,
            version=job.version,
            total=job.total,
            position=job.position,
            status=told.status,
            read=told.counts.read,
            created=told.counts.created,
            updated=told.counts.updated,
            unchanged=told.counts.unchanged,
            failed=told.counts.failed,
            activating=told.activating,
            blocked=told.blocked,
            errors=[
                RowErrorView(
                    line=one.line,
                    column=one.column,
                    value=one.value,
                    code=one.code,
                    message=one.message,
                )
                for one in told.errors
            ],
        )


def _choice(name: str, *choices: str, **more: Any) -> Parameter:
    schema = {"type": "string", "enum": list(choices)}
    return Parameter(name=name, schema=schema, read=read_choice(*choices), **more)


def _flag(name: str, description: str) -> Parameter:
    schema = {"type": "boolean", "default": False}
    return Parameter(name=name, schema=schema, read=read_flag, description=description)


def _text(name: str, description: str) -> Parameter:
    schema = {"type": "string", "maxLength": 255}
    return Parameter(name=name, schema=schema, description=description)


_UPLOAD = (
    _choice("kind", *(kind.value for kind in ImportKind), required=True),
    _flag("dry_run", "Only tell what would become of the rows."),
    _flag("activate", "Have the contracts activated too, on the billing policy named."),
    _text("policy", "A billing policy's id."),
    _text("file_name", "What the file is called; a form's file brings its own name."),
    _text("encoding", "Found out where it is not told."),
    _choice("separator", *SEPARATORS, description="Found out where it is not told."),
)
_ERRORS = Parameter(
    name="errors",
    schema={"type": "integer", "minimum": 0, "maximum": 10_000, "default": 1000},
    read=read_whole(0, 10_000),
    description="Of how many failed rows to show the errors.",
)


class ImportController(Controller):
    """Jobs that bring files in; the worker applies them."""

    path = "/imports"
    tags = ("imports",)

    @post(
        "/",
        access=Permission(Area.IMPORTS, Action.WRITE),
        query=_UPLOAD,
        raw_body=("text/csv", "application/octet-stream", "multipart/form-data"),
        request_max_body_size=UPLOAD_LIMIT,
    )
    async def upload(
        self, request: Call, imports: NamedDependency[Imports]
    ) -> Response[ImportView]:
        """Take a file in, as the body itself or as the one file of a form."""
        given = request.given()
        kind = ImportKind(given["kind"])
        async with received(request) as file:
            name = given.get("file_name") or file.name or f"{kind}.csv"

            def keep() -> ImportJob:
                return imports.upload(
                    kind=kind,
                    content=chunks(file.content),
                    file_name=name,
                    encoding=given.get("encoding"),
                    separator=SEPARATORS.get(given.get("separator", "")),
                    dry_run=given.get("dry_run", False),
                    activate=given.get("activate", False),
                    policy=given.get("policy"),
                    by=request.by,
                )

            job = await sync_to_thread(keep)
        return made(ImportView.of(job), at=f"/imports/{job.id}", version=job.version)

    @reads("/", Area.IMPORTS, query=listing("import_job"))
    def page(
        self, request: Call, imports: NamedDependency[Imports]
    ) -> Response[PageView[ImportView]]:
        """List jobs, without the errors of rows."""
        return listed(request, imports.page(request.query()), ImportView.of)

    @reads("/{import_id:uuid}", Area.IMPORTS, query=(_ERRORS,))
    def get(
        self, request: Call, import_id: FromPath[UUID], imports: NamedDependency[Imports]
    ) -> Response[ImportView]:
        """Show a job and what came of it so far."""
        most = request.given().get("errors", 1000)
        summary = imports.summary(ImportId(import_id), errors=most)
        job = imports.get(ImportId(import_id))
        return shown(ImportView.of(job, summary), version=job.version)

    @reads(
        "/{import_id:uuid}/events",
        Area.IMPORTS,
        media_type="text/event-stream",
        resumable=True,
    )
    def events(
        self, request: Call, import_id: FromPath[UUID], imports: NamedDependency[Imports]
    ) -> Stream:
        """
        Follow a job: an event `progress` for each step of it, and `done` in the end.

        Each has the job's version as its id. Whoever was cut off says in `Last-Event-ID` which came
        last, and hears what is new since; whoever heard all is answered 204: nothing more comes.
        """
        job, heard = imports.get(ImportId(import_id)), _last_heard(request)
        if not job.is_under_way and job.version == heard:
            return Stream(iter(()), status_code=204)
        return ServerSentEvent(_progress(job, imports, heard), retry_duration=2000)

    @reads("/{import_id:uuid}/errors.csv", Area.IMPORTS, Action.EXPORT, media_type=CSV)
    def errors(
        self, request: Call, import_id: FromPath[UUID], imports: NamedDependency[Imports]
    ) -> Stream:
        """Download the failed rows with their columns and `error`, to be mended and sent again."""
        lines = joined(imports.error_file(ImportId(import_id), by=request.by))
        headers = {"Content-Disposition": 'attachment; filename="errors.csv"'}
        return Stream(lines, media_type=CSV, headers=headers)

    @does("/{import_id:uuid}/resume", Area.IMPORTS, versioned=True)
    def resume(
        self, request: Call, import_id: FromPath[UUID], imports: NamedDependency[Imports]
    ) -> Response[ImportView]:
        """Let an aborted job go on where it was."""
        job = imports.reopen(ImportId(import_id), expected_version=request.seen, by=request.by)
        return shown(ImportView.of(job), version=job.version)

    @does("/{import_id:uuid}/abort", Area.IMPORTS, versioned=True)
    def abort(
        self,
        request: Call,
        import_id: FromPath[UUID],
        data: JSONBody[Because],
        imports: NamedDependency[Imports],
    ) -> Response[ImportView]:
        """Stop a job where it is; what was applied stays."""
        job = imports.abort(
            ImportId(import_id),
            reason=data.reason,
            expected_version=request.seen,
            by=request.by,
        )
        return shown(ImportView.of(job), version=job.version)


def _last_heard(request: Call) -> int:
    """Return the id of the last event that a client heard; -1 for none, and for nonsense."""
    told = request.headers.get("Last-Event-ID", "")
    return int(told) if is_digits(told) and len(told) < 16 else -1


async def _progress(
    job: ImportJob, imports: Imports, heard: int
) -> AsyncIterator[ServerSentEventMessage]:
    """Tell of a job what is new since an event, and every change, until no more is to come."""
    silent = 0
    try:
        while job.is_under_way:
            silent += 1
            if job.version != heard:
                heard, silent = job.version, 0
                yield _event("progress", job)
            elif silent % SILENT_POLLS == 0:
                yield ServerSentEventMessage(comment="nothing new")  # keeps proxies from hanging up
            await asyncio.sleep(POLL_SECONDS)
            job = await sync_to_thread(imports.get, job.id)
        yield _event("done", job)
    except TelecomCrmError as error:
        told = msgspec.json.encode(problem_of(error)).decode()
        yield ServerSentEventMessage(event="problem", data=told)


def _event(name: str, job: ImportJob) -> ServerSentEventMessage:
    told = msgspec.json.encode(ImportView.of(job)).decode()
    return ServerSentEventMessage(event=name, id=job.version, data=told)
