"""What was printed, and the texts of the templates it was set from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import attrs
from sqlalchemy import Connection

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.sheet import Row, rows_of
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.identifiers import EditionId
from telecom_crm.domain.paper import Edition, PaperKind, text_digest

_COLUMNS = ", ".join(column.name for column in tables.paper_editions.columns)
_VALUES = ", ".join(f"%({column.name})s" for column in tables.paper_editions.columns)
_SELECT = f"SELECT {_COLUMNS} FROM paper_editions"


@attrs.define
class PostgresPapers:
    """Editions, which are added and at most forgotten, and sources, which are only added."""

    connection: Connection

    def keep(self, edition: Edition, *, source: str) -> Edition:
        """Keep an edition and its template's text, each once."""
        self.put_source(source)
        self.connection.exec_driver_sql(
            f"INSERT INTO paper_editions ({_COLUMNS}) VALUES ({_VALUES})"
            " ON CONFLICT (digest) DO NOTHING",
            _edition_to_row(edition),
        )
        facts = {"digest": edition.digest}
        [kept] = rows_of(self.connection, f"{_SELECT} WHERE digest = %(digest)s", facts)
        return _edition_of(kept)

    def of(self, thing_id: UUID) -> list[Edition]:
        """Return the editions of a thing's papers."""
        sql = f"{_SELECT} WHERE thing_id = %(id)s ORDER BY at DESC, id DESC"
        return [_edition_of(row) for row in rows_of(self.connection, sql, {"id": thing_id})]

    def put_source(self, source: str) -> str:
        """Keep the text of a template, once."""
        digest = text_digest(source)
        self.connection.exec_driver_sql(
            "INSERT INTO paper_sources (digest, source) VALUES (%(digest)s, %(source)s)"
            " ON CONFLICT DO NOTHING",
            {"digest": digest, "source": source},
        )
        return digest

    def source(self, digest: str) -> str:
        """Return the text of a template."""
        sql = "SELECT source FROM paper_sources WHERE digest = %(digest)s"
        found = self.connection.exec_driver_sql(sql, {"digest": digest}).scalar()
        if found is None:
            raise NotFound("template", digest)
        return str(found)

    def forget(self, thing_ids: Iterable[UUID]) -> None:
        """Forget the editions of things."""
        sql = "DELETE FROM paper_editions WHERE thing_id = ANY(%(ids)s::uuid[])"
        self.connection.exec_driver_sql(sql, {"ids": list(thing_ids)})


def _edition_to_row(edition: Edition) -> dict[str, Any]:
    return {
        "id": edition.id,
        "kind": edition.kind.value,
        "thing_id": edition.thing_id,
        "language": edition.language,
        "template": edition.template,
        "template_version": edition.template_version,
        "data": edition.data,
        "at": edition.at,
        "digest": edition.digest,
    }


def _edition_of(row: Row) -> Edition:
    return Edition(
        id=EditionId(row["id"]),
        kind=PaperKind(row["kind"]),
        thing_id=row["thing_id"],
        language=row["language"],
        template=row["template"],
        template_version=row["template_version"],
        data=row["data"],
        at=row["at"],
    )
