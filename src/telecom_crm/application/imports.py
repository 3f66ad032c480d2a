"""Bulk registration: files of SIMs, numbers and subscribers, checked whole, applied row by row."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.bulk.chunk import Kind, Turn, readings_of
from telecom_crm.application.bulk.collecting import rare_collections
from telecom_crm.application.bulk.encoding import ENCODINGS
from telecom_crm.application.bulk.numbering import Numbering
from telecom_crm.application.bulk.pool import NumberRows, SimRows
from telecom_crm.application.bulk.reading import SUBSCRIBERS
from telecom_crm.application.bulk.registration import SubscriberRows
from telecom_crm.application.bulk.repeats import Repeats
from telecom_crm.application.bulk.table import (
    Layout,
    Record,
    WrongHeader,
    find_layout,
    neutral,
    records,
)
from telecom_crm.application.customers import CustomerCheck, checks_in
from telecom_crm.application.paging import each_swept, refuse_stale
from telecom_crm.application.ports import (
    AuditRecord,
    Clock,
    Files,
    NewId,
    Page,
    Query,
    ReadPhone,
    Series,
    StoredFile,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.retry import each_alone, retried
from telecom_crm.application.rules import policies_in
from telecom_crm.domain.calendar import BISHKEK, local_date
from telecom_crm.domain.deduplication import DeduplicationRules
from telecom_crm.domain.errors import Busy, Faults, InvalidValue, NotFound, TelecomCrmError
from telecom_crm.domain.identifiers import MSISDN, DocumentId, ImportId
from telecom_crm.domain.importing import (
    APPLYING,
    IMPORT_LIFECYCLE,
    ImportCommand,
    ImportJob,
    ImportKind,
    ImportRequest,
    ImportStatus,
    ImportSummary,
    RowError,
    RowOutcome,
)
from telecom_crm.domain.lifecycle import SYSTEM, Actor

UPLOAD_LIMIT = 4 * 1024**3
"""A file's most bytes."""
PIECE = 1 << 16
ALIKE = 100
"""Among how many jobs on the same content, the latest, one that is asked for is looked for."""
AGAIN = "the same file was brought in before"
"""Why a job stops ahead of its first row, for somebody to say whether it goes on."""
_COLUMNS = {
    ImportKind.SIMS: SimRows.columns,
    ImportKind.NUMBERS: NumberRows.columns,
    ImportKind.SUBSCRIBERS: SUBSCRIBERS,
}
TURN = 50_000
"""How many rows of a waiting job `work` applies before other work gets its turn."""

Progress = Callable[[ImportJob], object]
"""Is told of the job after each chunk of rows."""
Work = Callable[[], int]
"""Does some work of the network, and returns how much there was to do."""


@attrs.frozen
class _Survey:
    """What reading a file from end to end found: its rows, how to read it, what may repeat."""

    total: int
    layout: Layout
    repeats: Repeats


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
class Imports:
    """
    Jobs that bring files in.

    A job goes on from where it was: after a kill, an abort, or the database being away, `run` it
    again. Every row is applied in one transaction with the note that it was.
    """

    uow: UnitOfWork
    files: Files
    clock: Clock
    new_id: NewId
    series: Series
    zone: ZoneInfo = BISHKEK
    """Where the operator's days begin."""
    currency: str = "KGS"
    """What prices of numbers are in."""
    default_policies: tuple[str, ...] = ("prepaid", "postpaid")
    """Which policy an account gets by itself: the first that the tariff is sold for."""
    checks: tuple[CustomerCheck, ...] = ()
    deduplication: DeduplicationRules | None = None
    read_phone: ReadPhone = MSISDN
    kept_for: timedelta = timedelta(days=30)
    """How long a file and the errors of its rows are kept once its job is over."""
    chunk: int = 2_000
    """How many rows are applied in one transaction."""
    _open: list[_Reading] = attrs.field(factory=list, init=False, repr=False, eq=False)
    """At most one file that `work` left in the middle."""

    # A job's life

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
            who = by or _uploader(tx, job)
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

    # Reading

    def get(self, job_id: ImportId) -> ImportJob:
        """Show one job."""
        with self.uow(read_only=True) as tx:
            return tx.imports.get(job_id)

    def page(self, query: Query) -> Page[ImportJob]:
        """List jobs, a page at a time."""
        with self.uow(read_only=True) as tx:
            return tx.imports.page(query)

    def earlier(self, job_id: ImportId) -> ImportJob | None:
        """Return the latest job before one that applied rows of the same content, if there is."""
        with self.uow(read_only=True) as tx:
            job = tx.imports.get(job_id)
            return _earlier(tx, job)

    def reasons(self, job_id: ImportId) -> dict[str, int]:
        """Tell how many rows have an error of each code, the most frequent first."""
        with self.uow(read_only=True) as tx:
            found = tx.imports.reasons(job_id)
        return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))

    def summary(
        self, job_id: ImportId, *, errors: int = 10_000, code: str | None = None
    ) -> ImportSummary:
        """
        Tell what a job came to, with the errors of so many rows at most; `errors` has all.

        With a `code`, only errors of it are told.
        """
        job = self.get(job_id)
        rows = islice(self._failed(job_id, code), errors)
        found = (error for row in rows for error in row.errors)
        summary = job.summary(one for one in found if code is None or one.code == code)
        if not job.structure_faults:
            return summary
        located = [
            attrs.evolve(error, line=int(error.value), column="", value="")
            if error.column == "line"
            else error
            for error in summary.errors
        ]
        return attrs.evolve(summary, errors=tuple(located))

    def errors(self, job_id: ImportId) -> Iterator[RowError]:
        """Go through everything that is wrong with rows, in order of lines."""
        yield from self.summary(job_id, errors=0).errors
        for row in self._failed(job_id):
            yield from row.errors

    def warnings(self, job_id: ImportId) -> Iterator[tuple[int, str]]:
        """Go through what is to be known of rows that did not fail: their line, and the words."""
        for row in self._outcomes(job_id):
            for words in row.warnings:
                yield row.line, words

    def error_file(self, job_id: ImportId, *, by: Actor = SYSTEM) -> Iterator[str]:
        """
        Go through the failed rows as a CSV file: the file's columns, and `error`.

        Once mended it can be imported as it is. No cell acts as a formula in a spreadsheet, and
        secrets are replaced by `***`. That somebody took it is written down before the first line.
        Raise `RuleViolated` once the file was erased.
        """
        job = self.get(job_id)
        file_id = job.stored_file
        look = AuditRecord(
            action="import.errors", thing="import_job", thing_id=job.key, by=by, at=self.clock()
        )
        with self.uow() as tx:
            tx.audit.record(look)
        return self._error_lines(job, file_id)

    def _error_lines(self, job: ImportJob, file_id: DocumentId) -> Iterator[str]:
        if job.encoding is None or job.total is None:
            return
        kind = self._kind(job)
        with self.files.open(file_id) as stream:
            layout = self._layout(job, stream)
            kept = [place for place, name in enumerate(layout.header) if name != _ERROR]
            names = [layout.header[place] for place in kept]
            yield _csv_line([*names, _ERROR])
            rows = records(stream, layout)
            for failed in self._failed(job.id):
                cells = next(cells for line, cells in rows if line == failed.line)
                told = "; ".join(_told(error) for error in failed.errors)
                fit = kind.columns.without_secrets(cells, layout.header)
                yield _csv_line([*(fit[place] for place in kept if place < len(fit)), told])

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
            is_again = asks_again and not job.dry_run and _earlier(tx, job) is not None
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

    def _who(self, job: ImportJob, by: Actor | None) -> Actor:
        if by is not None:
            return by
        with self.uow(read_only=True) as tx:
            return _uploader(tx, job)

    def _kind(self, job: ImportJob) -> Kind[Any]:
        if job.kind is ImportKind.SIMS:
            return SimRows()
        if job.kind is ImportKind.NUMBERS:
            return NumberRows(currency=self.currency, read_phone=self.read_phone)
        with self.uow(read_only=True) as tx:
            checks = checks_in(tx, self.checks, today=local_date(self.clock(), self.zone))
        return SubscriberRows(
            uow=self.uow,
            new_id=self.new_id,
            numbering=Numbering(self.series, dry_run=job.dry_run),
            default_policies=self.default_policies,
            checks=checks,
            deduplication=self.deduplication,
            read_phone=self.read_phone,
        )

    def _check(self, job_id: ImportId, by: Actor | None) -> tuple[ImportJob, _Survey | None]:
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

    def _layout(self, job: ImportJob, stream: BinaryIO) -> Layout:
        columns = self._kind(job).columns
        try:
            return find_layout(
                stream,
                columns,
                encoding=job.encoding,
                separator=job.separator,
                read_phone=self.read_phone,
            )
        except WrongHeader as wrong:
            known = len(columns.named(wrong.header))
            for kind, others in _COLUMNS.items():
                places = others.named(wrong.header)
                if len(places) > known and places.keys() >= set(others.required):
                    message = f"these are the columns of a file of {kind}, not of {job.kind}"
                    raise InvalidValue.of("header", "another_kind", message, kind.value) from None
            raise

    def _survey(self, job: ImportJob) -> _Survey:
        """Read a job's file from end to end; raise `InvalidValue` where that cannot be done."""
        kind, repeats, total = self._kind(job), Repeats(), 0
        with self.files.open(job.stored_file) as stream:
            layout = self._layout(job, stream)
            width = len(layout.header)
            for _, cells in records(stream, layout):
                total += 1
                if len(cells) == width:
                    kind.note(repeats, layout.row(cells), dry_run=job.dry_run)
        return _Survey(total, layout, repeats)

    @retried
    def _checked(self, job_id: ImportId, survey: _Survey, by: Actor) -> ImportJob:
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
        if job.status not in APPLYING:
            return job
        reading = self._reading(job, survey)
        try:
            job = self._apply_all(job, reading, progress, who, limit)
        except BaseException:
            reading.close()
            raise
        if job.status in APPLYING and job.position < (job.total or 0):
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

    def _reading(self, job: ImportJob, survey: _Survey | None) -> _Reading:
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
            while job.status in APPLYING and (until is None or job.position < until):
                at = self.clock()
                turn = Turn(job=job, by=by, at=at, today=local_date(at, self.zone))
                if reading.upcoming is None:
                    reading.upcoming = ahead.submit(reading.take, self.chunk, turn.today)
                readings = reading.upcoming.result()
                if not readings:
                    return self._ended(job.id, by)
                reading.upcoming = ahead.submit(reading.take, self.chunk, turn.today)
                job = self._apply(turn, reading.kind, readings, reading.position)
                if job.status not in APPLYING:
                    return job
                reading.position += len(readings)
                if progress is not None:
                    progress(job)
        if job.status in APPLYING and job.position == job.total:
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
            if job.status not in APPLYING:
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

    @retried
    def _ended(self, job_id: ImportId, by: Actor) -> ImportJob:
        with self.uow() as tx:
            job = tx.imports.get(job_id)
            if job.status not in APPLYING:
                return job
            return tx.imports.save(job.complete(by=by, at=self.clock()))

    def _outcomes(self, job_id: ImportId, code: str | None = None) -> Iterator[RowOutcome]:
        line = 0
        while True:
            with self.uow(read_only=True) as tx:
                rows = tx.imports.outcomes(job_id, after_line=line, limit=500, code=code)
            if not rows:
                return
            yield from rows
            line = rows[-1].line

    def _failed(self, job_id: ImportId, code: str | None = None) -> Iterator[RowOutcome]:
        return (row for row in self._outcomes(job_id, code) if row.errors)


_ERROR = "error"


def _earlier(tx: Transaction, job: ImportJob) -> ImportJob | None:
    alike = tx.imports.alike(job.sha256, limit=ALIKE)
    return next((one for one in alike if job.is_again(one)), None)


def _uploader(tx: Transaction, job: ImportJob) -> Actor:
    """Return who uploaded a job's file."""
    return tx.events.of("import_job", job.key)[0].by


def _pieces(content: Path | bytes | Iterable[bytes]) -> Iterable[bytes]:
    if isinstance(content, bytes):
        return (content,)
    return _read(content) if isinstance(content, Path) else content


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece


def _told(error: RowError) -> str:
    where = f"{error.column}: " if error.column else ""
    return f"{where}{error.code}: {error.message}"


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow([neutral(cell) for cell in cells])
    return line.getvalue()
