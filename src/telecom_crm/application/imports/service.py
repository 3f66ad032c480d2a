"""Bulk registration: files of SIMs, numbers and subscribers, checked whole, applied row by row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from telecom_crm.application.bulk.encoding import ENCODINGS
from telecom_crm.application.imports.desk import ALIKE, earlier_in, uploader
from telecom_crm.application.imports.results import Results
from telecom_crm.application.imports.running import Progress, Running, Work
from telecom_crm.application.paging import each_swept, refuse_stale
from telecom_crm.application.ports import StoredFile
from telecom_crm.application.retry import each_alone, retried
from telecom_crm.application.rules import policies_in
from telecom_crm.domain.errors import Faults, InvalidValue
from telecom_crm.domain.identifiers import DocumentId, ImportId
from telecom_crm.domain.importing import ImportJob, ImportKind, ImportRequest
from telecom_crm.domain.lifecycle import SYSTEM, Actor

UPLOAD_LIMIT = 4 * 1024**3
"""A file's most bytes."""
PIECE = 1 << 16
AGAIN = "the same file was brought in before"
"""Why a job stops ahead of its first row, for somebody to say whether it goes on."""


@attrs.frozen
class Imports(Running, Results):
    """
    Jobs that bring files in.

    A job goes on from where it was: after a kill, an abort, or the database being away, `run` it
    again. Every row is applied in one transaction with the note that it was.
    """

    def upload(
        self,
        *,
        kind: ImportKind,
        content: Iterable[bytes],
        file_name: str,
        encoding: str | None = None,
        separator: str | None = None,
        dry_run: bool = False,
        activate: bool = False,
        policy: str | None = None,
        mends: ImportId | None = None,
        asks_again: bool = False,
        by: Actor = SYSTEM,
    ) -> ImportJob:
        """
        Store a file and make its job, which `check` and `run` take on, or the worker does.

        With `activate`, contracts go on to be activated on the billing policy named. Encoding and
        separator are found out where they are not told. A job under way that does the same with
        the same content is returned in place of a second one. With `asks_again`, one whose content
        was applied before stops ahead of its first row, for somebody to say by `reopen` that it
        goes on. `mends` is the job of the same kind whose failed rows these are. Raise
        `InvalidValue`, and `NotFound` without that job.
        """
        request = self._asked(
            kind=kind,
            file_name=file_name,
            encoding=encoding,
            separator=separator,
            dry_run=dry_run,
            activate=activate,
            policy=policy,
            mends=mends,
        )
        stored = self.files.put(content, limit=UPLOAD_LIMIT)
        try:
            kept = self._taken_on(request, stored, by, asks_again=asks_again)
        except BaseException:
            self.files.delete(stored.id)
            raise
        if kept.file_id != stored.id:
            self.files.delete(stored.id)
        return kept

    def resume(
        self,
        job_id: ImportId,
        *,
        progress: Progress | None = None,
        wait: Work | None = None,
        by: Actor | None = None,
    ) -> ImportJob:
        """Go on with an aborted job; raise `IllegalTransition` for one that is over."""
        self.reopen(job_id, by=by)
        return self.run(job_id, progress=progress, wait=wait, by=by)

    @retried
    def reopen(
        self, job_id: ImportId, *, expected_version: int | None = None, by: Actor | None = None
    ) -> ImportJob:
        """Let an aborted job be taken on again, by the worker or by `run`."""
        with self.uow() as tx:
            job = tx.imports.get(job_id)
            refuse_stale(job, expected_version, name="import_job")
            who = by or uploader(tx, job)
            return tx.imports.save(job.resume(by=who, at=self.clock()))

    @retried
    def abort(
        self,
        job_id: ImportId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> ImportJob:
        """Stop a job where it is, at the next chunk; what was applied stays."""
        with self.uow() as tx:
            job = tx.imports.get(job_id)
            refuse_stale(job, expected_version, name="import_job")
            return tx.imports.save(job.abort(reason=reason, by=by, at=self.clock()))

    def run_file(
        self,
        *,
        kind: ImportKind,
        content: Path | bytes | Iterable[bytes],
        file_name: str | None = None,
        encoding: str | None = None,
        separator: str | None = None,
        dry_run: bool = False,
        activate: bool = False,
        policy: str | None = None,
        progress: Progress | None = None,
        wait: Work | None = None,
        by: Actor = SYSTEM,
    ) -> ImportJob:
        """Upload, check and run a file, of a path or of bytes, in one go."""
        named = content.name if isinstance(content, Path) else f"{ImportKind(kind)}.csv"
        job = self.upload(
            kind=kind,
            content=_pieces(content),
            file_name=file_name or named,
            encoding=encoding,
            separator=separator,
            dry_run=dry_run,
            activate=activate,
            policy=policy,
            by=by,
        )
        return self.run(job.id, progress=progress, wait=wait, by=by)

    def erase_files(self, *, limit: int = 100, by: Actor = SYSTEM) -> int:
        """
        Erase files, and what is kept of their rows, of jobs that were over long ago, in batches of
        `limit`.

        They are full of personal data that nobody asks for any more. Return how many jobs it was.
        """
        before = self.clock() - self.kept_for
        over = each_swept(
            self.uow, lambda tx, at: tx.imports.over_before(before, limit=limit, cursor=at)
        )
        return each_alone(partial(self._erase_file, job.id, before, by) for job in over)

    def _asked(self, **given: Any) -> ImportRequest:
        """Return what is asked, or raise `InvalidValue` with everything that is odd about it."""
        encoding, policy, faults = given["encoding"], given["policy"], Faults()
        if encoding is not None and encoding not in ENCODINGS:
            faults.add("encoding", "encoding", f"one of {', '.join(ENCODINGS)}", encoding[:40])
        if policy is not None:
            with self.uow(read_only=True) as tx:
                known = policies_in(tx)
            if policy not in known:
                faults.add("policy", "policy_unknown", f"one of {', '.join(known)}", policy[:40])
        try:
            request = ImportRequest(**given)
        except InvalidValue as error:
            raise InvalidValue((*faults.found, *error.faults)) from None
        if request.mends and self.get(request.mends).kind is not request.kind:
            faults.add("mends", "mends", f"a job that is not of {request.kind}", str(request.mends))
        faults.raise_any()
        return request

    def _taken_on(
        self, request: ImportRequest, stored: StoredFile, by: Actor, *, asks_again: bool
    ) -> ImportJob:
        """Make and store the job of a file, or return the one under way that does the same."""
        job = ImportJob.upload(
            id=ImportId(self.new_id()),
            request=request,
            file_id=DocumentId(stored.id),
            sha256=stored.sha256,
            by=by,
            at=self.clock(),
        )
        with self.uow(read_only=True) as tx:
            is_again = asks_again and not job.dry_run and earlier_in(tx, job) is not None
        fresh = self._stopped(job, by) if is_again else job
        with self.uow() as tx:
            alike = tx.imports.alike(job.sha256, limit=ALIKE)
            same = (one for one in alike if one.does_what(job))
            return next(same, None) or tx.imports.save(fresh)

    def _stopped(self, job: ImportJob, by: Actor) -> ImportJob:
        """Return a job that was not stored yet as stopped, once it is seen to be readable."""
        try:
            survey = self._survey(job)
        except InvalidValue as error:
            return job.refuse(faults=error.faults, by=by, at=self.clock())
        checked = job.check(
            encoding=survey.layout.encoding,
            separator=survey.layout.separator,
            total=survey.total,
            by=by,
            at=self.clock(),
        )
        return checked.abort(reason=AGAIN, by=by, at=self.clock())

    @retried
    def _erase_file(self, job_id: ImportId, before: datetime, by: Actor) -> int:
        with self.uow() as tx:
            job = tx.imports.get(job_id)
            if job.file_id is None or job.over_at is None or job.over_at >= before:
                return 0
            # Before the commit: a file that nothing names any more would stay for ever.
            self.files.delete(job.file_id)
            tx.imports.forget_rows(job_id)
            tx.imports.save(job.erase_file(by=by, at=self.clock()))
            return 1


def _pieces(content: Path | bytes | Iterable[bytes]) -> Iterable[bytes]:
    if isinstance(content, bytes):
        return (content,)
    return _read(content) if isinstance(content, Path) else content


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece
