"""What came of a file: how many rows, what is wrong with which, and a file to mend."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import attrs

from telecom_crm.application.bulk.table import neutral, records
from telecom_crm.application.imports.desk import ImportDesk, earlier_in
from telecom_crm.application.paging import PAGE_SIZE
from telecom_crm.application.ports import AuditRecord
from telecom_crm.domain.errors import Reason
from telecom_crm.domain.identifiers import DocumentId, ImportId
from telecom_crm.domain.importing import ImportJob, ImportSummary, RowError, RowOutcome
from telecom_crm.domain.lifecycle import SYSTEM, Actor

_ERROR = "error"


@attrs.frozen
class Results(ImportDesk):
    """Jobs, as far as it is about what they came to."""

    def earlier(self, job_id: ImportId) -> ImportJob | None:
        """Return the latest job before one that applied rows of the same content, if there is."""
        with self.uow(read_only=True) as tx:
            job = tx.imports.get(job_id)
            return earlier_in(tx, job)

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

    def warnings(self, job_id: ImportId) -> Iterator[tuple[int, Reason]]:
        """Go through what is worth knowing of rows that did not fail: their line, and what."""
        for row in self._outcomes(job_id, failed=False):
            for warning in row.warnings:
                yield row.line, warning

    def error_file(
        self,
        job_id: ImportId,
        *,
        told: Callable[[RowError], str] | None = None,
        by: Actor = SYSTEM,
    ) -> Iterator[str]:
        """
        Go through the failed rows as a CSV file: the file's columns, and `error`.

        Once mended it can be imported as it is. No cell acts as a formula in a spreadsheet, and
        secrets are replaced by `***`. `told` says what is wrong in the words of whoever reads it,
        else it is the code and its message. That somebody took it is written down before the first
        line. Raise `RuleViolated` once the file was erased.
        """
        job = self.get(job_id)
        file_id = job.stored_file
        look = AuditRecord(
            action="import.errors", thing="import_job", thing_id=job.key, by=by, at=self.clock()
        )
        with self.uow() as tx:
            tx.audit.record(look)
        return self._error_lines(job, file_id, told or _told)

    def _error_lines(
        self, job: ImportJob, file_id: DocumentId, words: Callable[[RowError], str]
    ) -> Iterator[str]:
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
                told = "; ".join(words(error) for error in failed.errors)
                fit = kind.columns.without_secrets(cells, layout.header)
                yield _csv_line([*(fit[place] for place in kept if place < len(fit)), told])

    def _outcomes(
        self, job_id: ImportId, *, failed: bool, code: str | None = None
    ) -> Iterator[RowOutcome]:
        line = 0
        while True:
            with self.uow(read_only=True) as tx:
                rows = tx.imports.outcomes(
                    job_id, after_line=line, limit=PAGE_SIZE, failed=failed, code=code
                )
            if not rows:
                return
            yield from rows
            line = rows[-1].line

    def _failed(self, job_id: ImportId, code: str | None = None) -> Iterator[RowOutcome]:
        return self._outcomes(job_id, failed=True, code=code)


def _told(error: RowError) -> str:
    where = f"{error.column}: " if error.column else ""
    return f"{where}{error.code}: {error.message}"


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow([neutral(cell) for cell in cells])
    return line.getvalue()
