"""Rows of import jobs and of what became of each row of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telecom_crm.adapters.postgres.json import converter, many_to_text, to_text
from telecom_crm.domain.errors import Fault, Reason
from telecom_crm.domain.identifiers import ImportId
from telecom_crm.domain.importing import (
    ImportCounts,
    ImportJob,
    ImportKind,
    ImportStatus,
    Outcome,
    RowError,
    RowOutcome,
)


def import_job_to_row(job: ImportJob) -> dict[str, Any]:
    """Return the row of an import job."""
    return {
        "id": job.id,
        "kind": job.kind.value,
        "file_id": job.file_id,
        "file_name": job.file_name,
        "sha256": job.sha256,
        "encoding": job.encoding,
        "separator": job.separator,
        "dry_run": job.dry_run,
        "activate": job.activate,
        "policy": job.policy,
        "mends": job.mends,
        "total": job.total,
        "position": job.position,
        "counts": to_text(job.counts),
        "activating": job.activating,
        "blocked": job.blocked,
        "structure_faults": many_to_text(job.structure_faults),
        "uploaded_at": job.uploaded_at,
        "over_at": job.over_at,
        "status": job.status.value,
        "version": job.version,
    }


def import_job_from_row(row: Mapping[str, Any]) -> ImportJob:
    """Return the import job of a row."""
    return ImportJob(
        id=row["id"],
        kind=ImportKind(row["kind"]),
        file_id=row["file_id"],
        file_name=row["file_name"],
        sha256=row["sha256"],
        encoding=row["encoding"],
        separator=row["separator"],
        dry_run=row["dry_run"],
        activate=row["activate"],
        policy=row["policy"],
        mends=row["mends"],
        total=row["total"],
        position=row["position"],
        counts=converter.structure(row["counts"], ImportCounts),
        activating=row["activating"],
        blocked=row["blocked"],
        structure_faults=converter.structure(row["structure_faults"], tuple[Fault, ...]),
        uploaded_at=row["uploaded_at"],
        over_at=row["over_at"],
        status=ImportStatus(row["status"]),
        version=row["version"],
    )


def outcome_to_row(job_id: ImportId, outcome: RowOutcome) -> dict[str, Any]:
    """Return the row that says what became of a line."""
    return {
        "job_id": job_id,
        "line": outcome.line,
        "outcome": outcome.outcome.value,
        "errors": many_to_text(outcome.errors),
        "warnings": many_to_text(outcome.warnings),
    }


def outcome_from_row(row: Mapping[str, Any]) -> RowOutcome:
    """Return what became of a line."""
    return RowOutcome(
        line=row["line"],
        outcome=Outcome(row["outcome"]),
        errors=converter.structure(row["errors"], tuple[RowError, ...]),
        warnings=converter.structure(row["warnings"], tuple[Reason, ...]),
    )
