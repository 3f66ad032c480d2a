"""The rows of a file applied, chunk by chunk, from wherever the job was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from itertools import islice
from typing import Any, BinaryIO

import attrs

from telecom_crm.application.bulk.chunk import Kind, Turn, readings_of
from telecom_crm.application.bulk.collecting import rare_collections
from telecom_crm.application.bulk.repeats import Repeats
from telecom_crm.application.bulk.table import Layout, Record, records
from telecom_crm.application.imports.desk import ImportDesk, Survey
from telecom_crm.application.ports import Query
from telecom_crm.application.retry import retried
from telecom_crm.domain.calendar import local_date
from telecom_crm.domain.errors import Busy, InvalidValue, NotFound, TelecomCrmError
from telecom_crm.domain.identifiers import ImportId
from telecom_crm.domain.importing import (
    IMPORT_LIFECYCLE,
    ImportCommand,
    ImportJob,
    ImportStatus,
)
from telecom_crm.domain.lifecycle import Actor

TURN = 50_000
"""How many rows of a waiting job `work` applies before other work gets its turn."""
Progress = Callable[[ImportJob], object]
"""Is told of the job after each chunk of rows."""
Work = Callable[[], int]
"""Does some work of the network, and returns how much there was to do."""


@attrs.define(eq=False)
class _Reading:
    """A job's file, open behind the last row that has its outcome."""

    job_id: ImportId
    kind: Kind[Any]
    layout: Layout
    repeats: Repeats
    rows: Iterator[Record]
    stream: BinaryIO
    dry_run: bool
    position: int
    upcoming: Future[list[Any]] | None = None
    """The next rows, being read while those before them are applied."""

    def take(self, size: int, today: date) -> list[Any]:
        """Read the next rows; none at the end of the file."""
        return readings_of(
            self.kind,
            islice(self.rows, size),
            layout=self.layout,
            repeats=self.repeats,
            dry_run=self.dry_run,
            today=today,
        )

    def close(self) -> None:
        self.stream.close()


@attrs.frozen
class Running(ImportDesk):
    """Jobs, from a stored file to the outcome of its last row."""

    _open: list[_Reading] = attrs.field(factory=list, init=False, repr=False, eq=False)
    """At most one file that `work` left in the middle."""

    def check(self, job_id: ImportId, *, by: Actor | None = None) -> ImportJob:
        """
        Read the whole file and say whether it can be read: `checked`, or `structure_error` and why.

        No row is looked at: what is wrong with single rows is their own error.
        """
        return self._check(job_id, by)[0]

    def run(
        self,
        job_id: ImportId,
        *,
        progress: Progress | None = None,
        wait: Work | None = None,
        by: Actor | None = None,
    ) -> ImportJob:
        """
        Apply the rows of a job that have no outcome yet, checking the file first if need be.

        `wait` is called until it has nothing more to do, once all rows are applied: pass what
        carries out tasks of the network, to have contracts active on return. `by` is whoever
        uploaded the file, if nobody is named. Raise `Busy` where somebody else runs the job.
        """
        job = self._run(job_id, progress, by, None)
        while wait is not None and job.activate and not job.dry_run and wait():
            pass
        return job

    def work(self, *, limit: int = TURN) -> int:
        """
        Take on the oldest job that waits or was left in the middle, and return how many rows got
        their outcome; 1 for a file that was refused.

        At least a chunk is applied, at most `TURN` rows, whatever the limit. A job that cannot get
        on keeps none behind it from its turn; what was wrong is raised when nothing else waits.
        """
        failures = []
        for before in self._waiting():
            try:
                after = self._run(before.id, None, None, min(limit, TURN))
            except Busy:
                continue
            except TelecomCrmError as error:
                failures.append(error)
                continue
            return max(1, after.position - before.position)
        if failures:
            raise ExceptionGroup(f"{len(failures)} imports cannot get on", failures)
        return 0

    def _waiting(self) -> Iterator[ImportJob]:
        for status in (ImportStatus.RUNNING, ImportStatus.CHECKED, ImportStatus.UPLOADED):
            yield from self.page(Query(where={"status": status.value}, limit=100)).items

    def _check(self, job_id: ImportId, by: Actor | None) -> tuple[ImportJob, Survey | None]:
        job = self.get(job_id)
        if not IMPORT_LIFECYCLE.can(job, ImportCommand.CHECK):
            return job, None
        who = self._who(job, by)
        try:
            survey = self._survey(job)
        except InvalidValue as error:
            return self._refused(job_id, error, who), None
        except NotFound:
            gone = InvalidValue.of("file", "file_gone", "a file that is kept; upload it again")
            return self._refused(job_id, gone, who), None
        return self._checked(job_id, survey, who), survey

    @retried
    def _checked(self, job_id: ImportId, survey: Survey, by: Actor) -> ImportJob:
        with self.uow() as tx:
            job = tx.imports.get(job_id)
            if not IMPORT_LIFECYCLE.can(job, ImportCommand.CHECK):
                return job
            checked = job.check(
                encoding=survey.layout.encoding,
                separator=survey.layout.separator,
                total=survey.total,
                by=by,
                at=self.clock(),
            )
            return tx.imports.save(checked)

    @retried
    def _refused(self, job_id: ImportId, error: InvalidValue, by: Actor) -> ImportJob:
        with self.uow() as tx:
            job = tx.imports.get(job_id)
            if not IMPORT_LIFECYCLE.can(job, ImportCommand.REFUSE):
                return job
            return tx.imports.save(job.refuse(faults=error.faults, by=by, at=self.clock()))

    def _run(
        self, job_id: ImportId, progress: Progress | None, by: Actor | None, limit: int | None
    ) -> ImportJob:
        job, survey = self._check(job_id, by)
        who = self._who(job, by)
        if IMPORT_LIFECYCLE.can(job, ImportCommand.START):
            job = self._begun(job_id, who)
        if not job.is_applying:
            return job
        reading = self._reading(job, survey)
        try:
            job = self._apply_all(job, reading, progress, who, limit)
        except BaseException:
            reading.close()
            raise
        if job.is_applying and job.position < (job.total or 0):
            self._open.append(reading)
        else:
            reading.close()
        return job

    @retried
    def _begun(self, job_id: ImportId, by: Actor) -> ImportJob:
        with self.uow() as tx:
            job = tx.imports.get(job_id)
            if not IMPORT_LIFECYCLE.can(job, ImportCommand.START):
                return job
            return tx.imports.save(job.start(by=by, at=self.clock()))

    def _reading(self, job: ImportJob, survey: Survey | None) -> _Reading:
        """Open a job's file behind the last row that has its outcome."""
        while self._open:
            left = self._open.pop()
            if left.job_id == job.id and left.position == job.position:
                return left
            left.close()
        survey = survey or self._survey(job)
        stream = self.files.open(job.stored_file)
        rows = records(stream, survey.layout)
        next(islice(rows, job.position, job.position), None)
        return _Reading(
            job_id=job.id,
            kind=self._kind(job),
            layout=survey.layout,
            repeats=survey.repeats,
            rows=rows,
            stream=stream,
            dry_run=job.dry_run,
            position=job.position,
        )

    def _apply_all(
        self,
        job: ImportJob,
        reading: _Reading,
        progress: Progress | None,
        by: Actor,
        limit: int | None,
    ) -> ImportJob:
        until = None if limit is None else job.position + limit
        # The database works while this process waits for it, which is time to read on in.
        with rare_collections(), ThreadPoolExecutor(1, "import-rows") as ahead:
            while job.is_applying and (until is None or job.position < until):
                at = self.clock()
                turn = Turn(job=job, by=by, at=at, today=local_date(at, self.zone))
                if reading.upcoming is None:
                    reading.upcoming = ahead.submit(reading.take, self.chunk, turn.today)
                readings = reading.upcoming.result()
                if not readings:
                    return self._ended(job.id, by)
                reading.upcoming = ahead.submit(reading.take, self.chunk, turn.today)
                job = self._apply(turn, reading.kind, readings, reading.position)
                if not job.is_applying:
                    return job
                reading.position += len(readings)
                if progress is not None:
                    progress(job)
        if job.is_applying and job.position == job.total:
            return self._ended(job.id, by)
        return job

    @retried
    def _apply(
        self, turn: Turn, kind: Kind[Any], readings: Sequence[Any], position: int
    ) -> ImportJob:
        """Apply one chunk, with the note that it was, unless the job was stopped meanwhile."""
        prepared = kind.prepare(turn, readings)
        with self.uow() as tx:
            job = tx.imports.get(turn.job.id)
            if not job.is_applying:
                return job
            if job.position != position:
                raise Busy(f"import {job.key}")
            tally = prepared.apply(tx, turn, readings)
            tx.imports.record(job.id, tally.kept)
            advanced = job.advance(
                counts=tally.counts(),
                activating=tally.activating,
                blocked=tally.blocked,
                by=turn.by,
                at=turn.at,
            )
            return tx.imports.save(advanced)

    @retried
    def _ended(self, job_id: ImportId, by: Actor) -> ImportJob:
        with self.uow() as tx:
            job = tx.imports.get(job_id)
            if not job.is_applying:
                return job
            return tx.imports.save(job.complete(by=by, at=self.clock()))
