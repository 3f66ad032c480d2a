"""Bulk registration: the job of one file, what became of each row, and the summary of it all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

import attrs

from telecom_crm.domain.errors import Fault, Faults, InvalidValue, Reason, RuleViolated
from telecom_crm.domain.identifiers import DocumentId, ImportId
from telecom_crm.domain.lifecycle import Actor, Event, Lifecycle, Row
from telecom_crm.domain.text import read_text

SEPARATORS = (",", ";", "\t", "|")


class ImportKind(StrEnum):
    """What the rows of a file are."""

    SIMS = "sims"
    NUMBERS = "numbers"
    SUBSCRIBERS = "subscribers"


class ImportStatus(StrEnum):
    """Where a job is."""

    UPLOADED = "uploaded"
    CHECKED = "checked"
    STRUCTURE_ERROR = "structure_error"
    RUNNING = "running"
    COMPLETED = "completed"
    ABORTED = "aborted"


class ImportResult(StrEnum):
    """Whether a job `has_failed`, in whole or in part."""

    WITH_ERRORS = "with_errors"
    WITHOUT_ERRORS = "without_errors"


class ImportCommand(StrEnum):
    """What moves a job on."""

    UPLOAD = "upload"
    CHECK = "check"
    REFUSE = "refuse"
    START = "start"
    COMPLETE = "complete"
    ABORT = "abort"
    RESUME = "resume"


_S, _C = ImportStatus, ImportCommand

IMPORT_LIFECYCLE = Lifecycle(
    "import_job",
    ImportStatus,
    ImportCommand,
    (
        Row(source=None, command=_C.UPLOAD, target=_S.UPLOADED, event="ImportUploaded"),
        Row(source=_S.UPLOADED, command=_C.CHECK, target=_S.CHECKED, event="ImportChecked"),
        Row(
            source=_S.UPLOADED,
            command=_C.REFUSE,
            target=_S.STRUCTURE_ERROR,
            event="ImportRefused",
        ),
        Row(source=_S.CHECKED, command=_C.START, target=_S.RUNNING, event="ImportStarted"),
        Row(source=_S.RUNNING, command=_C.COMPLETE, target=_S.COMPLETED, event="ImportCompleted"),
        Row(
            source=(_S.CHECKED, _S.RUNNING),
            command=_C.ABORT,
            target=_S.ABORTED,
            event="ImportAborted",
        ),
        Row(source=_S.ABORTED, command=_C.RESUME, target=_S.RUNNING, event="ImportResumed"),
    ),
)

APPLYING = frozenset({ImportStatus.RUNNING})
"""The states in which rows are applied."""
UNDER_WAY = APPLYING | {ImportStatus.UPLOADED, ImportStatus.CHECKED}
"""The states in which a job goes on by itself, also after whoever ran it was killed."""
OVER = frozenset({ImportStatus.STRUCTURE_ERROR, ImportStatus.COMPLETED, ImportStatus.ABORTED})
"""The states in which nobody works on a job."""


class Outcome(StrEnum):
    """What became of a row: exactly one of these."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@attrs.frozen(kw_only=True)
class RowError:
    """One thing wrong with one row; `line` is the first physical line of the record, from 1."""

    line: int
    column: str
    value: str
    code: str
    message: str

    @classmethod
    def of(cls, fault: Fault, *, line: int) -> RowError:
        """Place a fault on its line."""
        return cls(
            line=line,
            column=fault.field,
            value=fault.value,
            code=fault.code,
            message=fault.message,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as it is told everywhere."""
        return {
            "line": self.line,
            "column": self.column,
            "value": self.value,
            "code": self.code,
            "message": self.message,
        }


@attrs.frozen(kw_only=True)
class RowOutcome:
    """
    What became of one row; it has errors if, and only if, it failed.

    `warnings` say what is worth knowing of a row that did not fail, in sentences that can be said
    in another language.
    """

    line: int
    outcome: Outcome
    errors: tuple[RowError, ...] = ()
    warnings: tuple[Reason, ...] = ()

    def __attrs_post_init__(self) -> None:
        if (self.outcome == Outcome.FAILED) != bool(self.errors):
            message = "a row has errors if, and only if, it failed"
            raise InvalidValue.of("errors", "row_outcome", message, self.line)

    @classmethod
    def failed(cls, *, line: int, faults: Iterable[Fault]) -> RowOutcome:
        """Return a failed row with all its faults."""
        errors = tuple(RowError.of(fault, line=line) for fault in faults)
        return cls(line=line, outcome=Outcome.FAILED, errors=errors)


@attrs.frozen(kw_only=True)
class ImportCounts:
    """How many rows were read and what became of them; the outcomes add up to the rows read."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0

    def __attrs_post_init__(self) -> None:
        parts = (self.created, self.updated, self.unchanged, self.failed)
        if min(parts) < 0 or sum(parts) != self.read:
            message = "created, updated, unchanged and failed add up to the rows read"
            raise InvalidValue.of("read", "counts", message, self.read)

    def __add__(self, other: ImportCounts) -> ImportCounts:
        return ImportCounts(
            read=self.read + other.read,
            created=self.created + other.created,
            updated=self.updated + other.updated,
            unchanged=self.unchanged + other.unchanged,
            failed=self.failed + other.failed,
        )

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> ImportCounts:
        """Count outcomes, one for each row."""
        counted = Counter(outcomes)
        return cls(read=counted.total(), **{one.value: counted[one] for one in Outcome})

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name, in the summary's order."""
        return {
            "read": self.read,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "failed": self.failed,
        }


@attrs.frozen(kw_only=True)
class ImportSummary:
    """
    What a job did, in the one shape that everybody gets.

    `activating` and `blocked` are there only where contracts were asked to be activated: how many
    went to the network, and how many lack something their policy requires.
    """

    status: ImportStatus
    counts: ImportCounts
    errors: tuple[RowError, ...] = ()
    activating: int | None = None
    blocked: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return status, read, created, updated, unchanged, failed, errors, as plain JSON."""
        shape: dict[str, Any] = {"status": self.status.value, **self.counts.as_dict()}
        for name, value in (("activating", self.activating), ("blocked", self.blocked)):
            if value is not None:
                shape[name] = value
        shape["errors"] = [error.as_dict() for error in self.errors]
        return shape


def _on_one_line(raw: str) -> str:
    return " ".join(raw.split())


@attrs.frozen(kw_only=True)
class ImportRequest:
    """
    What is asked to be done with a file.

    An encoding and a separator that are None are found out by the check. `policy` names the billing
    policy to activate under. A dry run stops before applying. `mends` is the job whose failed rows
    the file brings again.
    """

    kind: ImportKind = attrs.field(converter=ImportKind)
    file_name: str = attrs.field(converter=_on_one_line)
    encoding: str | None = None
    separator: str | None = None
    dry_run: bool = False
    activate: bool = False
    policy: str | None = None
    mends: ImportId | None = None

    def __attrs_post_init__(self) -> None:
        faults = Faults()
        faults.check("file_name", _file_name, self.file_name)
        if self.separator is not None and self.separator not in SEPARATORS:
            faults.add("separator", "separator", "a comma, semicolon, tab or bar")
        if self.activate and self.kind is not ImportKind.SUBSCRIBERS:
            faults.add("activate", "activate", "only subscribers have contracts to activate")
        if self.activate and not self.policy:
            message = "activation needs the name of a billing policy, such as prepaid"
            faults.add("policy", "policy_missing", message)
        faults.raise_any()


@attrs.frozen(kw_only=True, slots=False)
class ImportJob:
    """
    One file on its way in.

    `total` is the rows that the structure check found, `position` the rows that have their outcome:
    a job that was killed goes on after it. `structure_faults` say why a file was refused whole.
    From `kind` to `mends` it is as the request said, encoding and separator as they were found.
    `sha256` is the content's, in hexadecimal. `file_id` is None once the file was erased, some time
    after the job was over.
    """

    id: ImportId
    kind: ImportKind
    file_id: DocumentId | None
    file_name: str
    sha256: str
    encoding: str | None = None
    separator: str | None = None
    dry_run: bool = False
    activate: bool = False
    policy: str | None = None
    mends: ImportId | None = None
    total: int | None = None
    position: int = 0
    counts: ImportCounts = ImportCounts()
    activating: int = 0
    blocked: int = 0
    structure_faults: tuple[Fault, ...] = ()
    uploaded_at: datetime
    over_at: datetime | None = None
    status: ImportStatus
    version: int = 0
    events: tuple[Event, ...] = attrs.field(default=(), eq=False, repr=False)

    @property
    def key(self) -> str:
        return str(self.id)

    @property
    def stored_file(self) -> DocumentId:
        """The file's id; raise `RuleViolated` once it was erased."""
        if self.file_id is None:
            raise RuleViolated("file_kept", ("the file was erased; bring it in again",))
        return self.file_id

    @property
    def is_refused(self) -> bool:
        """Whether its file could not be read as a table of its kind: no row was applied."""
        return self.status is ImportStatus.STRUCTURE_ERROR

    @property
    def is_applying(self) -> bool:
        """Whether its rows are being applied."""
        return self.status in APPLYING

    @property
    def is_under_way(self) -> bool:
        """Whether it goes on by itself, also after whoever ran it was killed."""
        return self.status in UNDER_WAY

    @property
    def has_failed(self) -> bool:
        """Whether the file was refused, or rows of it; a job that only tried fails at nothing."""
        return not self.dry_run and (self.is_refused or self.counts.failed > 0)

    @property
    def result(self) -> ImportResult:
        """What `has_failed` says, as lists are filtered by it."""
        return ImportResult.WITH_ERRORS if self.has_failed else ImportResult.WITHOUT_ERRORS

    @classmethod
    def upload(
        cls,
        *,
        id: ImportId,
        request: ImportRequest,
        file_id: DocumentId,
        sha256: str,
        by: Actor,
        at: datetime,
    ) -> ImportJob:
        """Take a stored file in."""
        payload: dict[str, Any] = {"kind": request.kind.value, "dry_run": request.dry_run}
        if request.mends:
            payload["mends"] = str(request.mends)
        return cls(
            id=id,
            file_id=file_id,
            sha256=sha256,
            uploaded_at=at,
            **attrs.asdict(request, recurse=False),
            **IMPORT_LIFECYCLE.begin(_C.UPLOAD, key=id, by=by, at=at, payload=payload),
        )

    def does_what(self, other: ImportJob) -> bool:
        """Tell whether this job, under way, does what another would that was just uploaded."""
        return self.status in UNDER_WAY and self._asked == other._asked

    def is_again(self, earlier: ImportJob) -> bool:
        """Tell whether an earlier job left rows of this one's file, of its content, behind."""
        known = self.sha256 == earlier.sha256 and self.kind is earlier.kind
        applied = earlier.counts.read > earlier.counts.failed and not earlier.dry_run
        return known and applied and earlier.id < self.id

    @property
    def _asked(self) -> tuple[object, ...]:
        return self.sha256, self.kind, self.dry_run, self.activate, self.policy

    def check(
        self, *, encoding: str, separator: str, total: int, by: Actor, at: datetime
    ) -> ImportJob:
        """Say that the whole file has a structure that can be read, and what it is."""
        return IMPORT_LIFECYCLE.move(
            self,
            _C.CHECK,
            by=by,
            at=at,
            payload={"encoding": encoding, "separator": separator, "total": total},
            encoding=encoding,
            separator=separator,
            total=total,
        )

    def refuse(self, *, faults: Iterable[Fault], by: Actor, at: datetime) -> ImportJob:
        """Say that the file cannot be read at all; no row was looked at."""
        why = tuple(faults)
        codes = [fault.code for fault in why]
        return IMPORT_LIFECYCLE.move(
            self,
            _C.REFUSE,
            by=by,
            at=at,
            payload={"codes": codes},
            structure_faults=why,
            over_at=at,
        )

    def start(self, *, by: Actor, at: datetime) -> ImportJob:
        """Begin with the first row."""
        return IMPORT_LIFECYCLE.move(self, _C.START, by=by, at=at)

    def advance(
        self,
        *,
        counts: ImportCounts,
        activating: int = 0,
        blocked: int = 0,
        by: Actor,
        at: datetime,
    ) -> ImportJob:
        """Add the outcomes of the next rows; in one transaction with what those rows left."""
        if self.status not in APPLYING:
            raise RuleViolated("advance", (f"the import is {self.status}, rows are not applied",))
        return IMPORT_LIFECYCLE.note(
            self,
            "ImportAdvanced",
            "advance",
            by=by,
            at=at,
            payload=counts.as_dict(),
            counts=self.counts + counts,
            position=self.position + counts.read,
            activating=self.activating + activating,
            blocked=self.blocked + blocked,
        )

    def complete(self, *, by: Actor, at: datetime) -> ImportJob:
        """End a job whose rows all have their outcome; `RuleViolated` when some have not."""
        moved = IMPORT_LIFECYCLE.move(
            self, _C.COMPLETE, by=by, at=at, payload=self.counts.as_dict(), over_at=at
        )
        if self.total is not None and self.position != self.total:
            left = self.total - self.position
            raise RuleViolated("complete", (f"{left} of {self.total} rows have no outcome yet",))
        return moved

    def abort(self, *, reason: str = "", by: Actor, at: datetime) -> ImportJob:
        """Stop where it is; what was applied stays."""
        said = read_text(reason, field="reason")
        return IMPORT_LIFECYCLE.move(self, _C.ABORT, by=by, at=at, reason=said, over_at=at)

    def resume(self, *, by: Actor, at: datetime) -> ImportJob:
        """Go on after the last row that has its outcome; `RuleViolated` without the file."""
        return IMPORT_LIFECYCLE.move(
            self, _C.RESUME, by=by, at=at, over_at=None, file_id=self.stored_file
        )

    def erase_file(self, *, by: Actor, at: datetime) -> ImportJob:
        """Say that the file and what is kept of its rows are gone; the counts stay."""
        if self.status not in OVER:
            raise RuleViolated("erase_file", (f"the import is {self.status}, not over",))
        return IMPORT_LIFECYCLE.note(
            self, "ImportFileErased", "erase_file", by=by, at=at, file_id=None
        )

    def summary(self, errors: Iterable[RowError] = ()) -> ImportSummary:
        """Return what came of it so far, with the errors given; a refused file tells its faults."""
        refused = tuple(RowError.of(fault, line=1) for fault in self.structure_faults)
        return ImportSummary(
            status=self.status,
            counts=self.counts,
            errors=(*refused, *errors),
            activating=self.activating if self.activate else None,
            blocked=self.blocked if self.activate else None,
        )


def _file_name(raw: str) -> str:
    return read_text(raw, field="file_name", limit=255, required=True)
