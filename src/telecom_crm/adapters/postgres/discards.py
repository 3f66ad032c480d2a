"""Files that are to be deleted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import attrs
from sqlalchemy import Connection

from telecom_crm.adapters.postgres.collections import make_cursor, read_cursor
from telecom_crm.adapters.postgres.sheet import rows_of
from telecom_crm.application.ports import Page


@attrs.define
class PostgresDiscardedFiles:
    """Ids of files, which are added and forgotten."""

    connection: Connection

    def add(self, file_ids: Iterable[UUID]) -> None:
        """Write down files to be deleted."""
        ids = sorted(file_ids)
        if not ids:
            return
        self.connection.exec_driver_sql(
            "INSERT INTO discarded_files (id) SELECT unnest(%(ids)s::uuid[])"
            " ON CONFLICT DO NOTHING",
            {"ids": ids},
        )

    def page(self, *, limit: int, cursor: str | None = None) -> Page[UUID]:
        """Return a page of those that were written down."""
        parameters: dict[str, Any] = {"limit": limit + 1}
        behind = ""
        if cursor is not None:
            behind = " WHERE id > %(after)s"
            parameters["after"] = read_cursor(cursor, UUID)
        rows = rows_of(
            self.connection,
            f"SELECT id FROM discarded_files{behind} ORDER BY id LIMIT %(limit)s",
            parameters,
        )
        found = tuple(row["id"] for row in rows)
        more = len(found) > limit
        return Page(items=found[:limit], next=make_cursor(str(found[limit - 1])) if more else None)

    def forget(self, file_id: UUID) -> None:
        """Forget a file that is deleted."""
        sql = "DELETE FROM discarded_files WHERE id = %(id)s"
        self.connection.exec_driver_sql(sql, {"id": file_id})
