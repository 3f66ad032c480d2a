"""Import jobs, what became of their rows, and what a dry run's rows would have taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import attrs

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.collections import PostgresCollection, Shape, by_choice
from telecom_crm.adapters.postgres.json import dumps
from telecom_crm.adapters.postgres.rows.imports import (
    import_job_from_row,
    import_job_to_row,
    outcome_from_row,
    outcome_to_row,
)
from telecom_crm.adapters.postgres.sheet import Sheet, array_of, rows_of
from telecom_crm.application.ports import Page
from telecom_crm.domain.identifiers import ImportId
from telecom_crm.domain.importing import (
    ImportJob,
    ImportKind,
    ImportResult,
    ImportStatus,
    Outcome,
    RowOutcome,
)

_FAILED = f"""(NOT dry_run
  AND (status = '{ImportStatus.STRUCTURE_ERROR.value}' OR (counts ->> 'failed')::bigint > 0))"""
"""As `ImportJob.has_failed` says."""
_RESULT = (
    f"(CASE WHEN {_FAILED} THEN '{ImportResult.WITH_ERRORS.value}'"
    f" ELSE '{ImportResult.WITHOUT_ERRORS.value}' END)"
)
_ROWS = Sheet(tables.import_rows)
_CLAIMS = Sheet(tables.import_claims)


@attrs.define
class PostgresImports(PostgresCollection[ImportId, ImportJob]):
    """Import jobs."""

    shape: ClassVar[Shape[Any]] = Shape(
        "import_job",
        tables.import_jobs,
        key="id",
        to_row=import_job_to_row,
        from_row=import_job_from_row,
        filters={
            "status": by_choice("status", ImportStatus),
            "kind": by_choice("kind", ImportKind),
            "result": by_choice(_RESULT, ImportResult, name="result"),
        },
    )

    def record(self, job_id: ImportId, rows: Sequence[RowOutcome]) -> None:
        """Keep outcomes of rows; a row is recorded once, again is no change."""
        if rows:
            outcomes = [outcome_to_row(job_id, row) for row in rows]
            self.connection.exec_driver_sql(
                f"{_ROWS.insert} ON CONFLICT DO NOTHING", _ROWS.arrays(outcomes)
            )

    def outcomes(
        self,
        job_id: ImportId,
        *,
        after_line: int,
        limit: int,
        failed: bool | None = None,
        code: str | None = None,
    ) -> list[RowOutcome]:
        """Return recorded outcomes behind a line, all or those that are asked for, by lines."""
        ended = "" if failed is None else " AND (outcome = %(outcome)s) = %(failed)s"
        coded = "" if code is None else " AND errors @> %(error)s::jsonb"
        rows = rows_of(
            self.connection,
            "SELECT line, outcome, errors, warnings FROM import_rows"
            f" WHERE job_id = %(job)s AND line > %(line)s{ended}{coded}"
            " ORDER BY line LIMIT %(limit)s",
            {
                "job": job_id,
                "line": after_line,
                "limit": limit,
                "outcome": Outcome.FAILED.value,
                "failed": failed,
                "error": dumps([{"code": code}]),
            },
        )
        return [outcome_from_row(row) for row in rows]

    def reasons(self, job_id: ImportId) -> dict[str, int]:
        """Return how many rows have an error of each code."""
        found = self.connection.exec_driver_sql(
            "SELECT error ->> 'code', count(DISTINCT line) FROM import_rows,"
            " jsonb_array_elements(errors) AS error WHERE job_id = %(job)s GROUP BY 1",
            {"job": job_id},
        )
        return {row[0]: row[1] for row in found}

    def claim(self, job_id: ImportId, keys: Mapping[str, str]) -> None:
        """Remember what a dry run's rows would have taken; the last word on a key counts."""
        if keys:
            rows = [{"job_id": job_id, "key": key, "value": keys[key]} for key in sorted(keys)]
            self.connection.exec_driver_sql(
                f"{_CLAIMS.insert} ON CONFLICT (job_id, key) DO UPDATE SET value = excluded.value",
                _CLAIMS.arrays(rows),
            )

    def claimed(self, job_id: ImportId, keys: Iterable[str]) -> dict[str, str]:
        """Return those of the keys that are claimed."""
        found = self.connection.exec_driver_sql(
            "SELECT key, value FROM import_claims"
            " WHERE job_id = %(job)s AND key = ANY(%(keys)s::text[])",
            {"job": job_id, "keys": array_of(keys, quoted=True)},
        )
        return {row[0]: row[1] for row in found}

    def alike(self, sha256: str, *, limit: int) -> list[ImportJob]:
        """Return the jobs on a file of this content, the latest first."""
        found = {"sha256": sha256}
        return self.find("t.sha256 = %(sha256)s", found, order="t.id DESC", limit=limit)

    def over_before(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[ImportJob]:
        """Return a page of the jobs that were over before an instant and still have their file."""
        over = "t.over_at < %(at)s AND t.file_id IS NOT NULL"
        return self.page_of(over, {"at": at}, limit=limit, cursor=cursor)

    def over_since(self, at: datetime, *, limit: int) -> list[ImportJob]:
        """Return the jobs that were over at an instant or later, the last one first."""
        order = "t.over_at DESC, t.id DESC"
        return self.find("t.over_at >= %(at)s", {"at": at}, order=order, limit=limit)

    def count_failed(self, since: datetime, *, most: int) -> int:
        """Count the jobs uploaded since an instant that failed in whole or in part."""
        found = self.connection.exec_driver_sql(
            "SELECT count(*) FROM (SELECT 1 FROM import_jobs"
            f" WHERE uploaded_at >= %(since)s AND {_FAILED} LIMIT %(most)s) AS counted",
            {"since": since, "most": most},
        )
        return int(found.scalar_one())

    def forget_rows(self, job_id: ImportId) -> None:
        """Clear the outcomes and the claims of a job's rows."""
        for table in (tables.import_rows, tables.import_claims):
            self.connection.exec_driver_sql(
                f"DELETE FROM {table.name} WHERE job_id = %(job)s", {"job": job_id}
            )
