"""Which revision a schema is at, told without loading what changes it: asked at every start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from telecom_crm.adapters.postgres.connecting import DatabaseUnreachable, connected
from telecom_crm.domain.errors import SchemaOutdated

_VERSIONS = Path(__file__).with_name("migrations") / "versions"


def needed() -> str:
    """Return the revision this version needs: the last one, as their files are numbered."""
    return max(path.name.split("_")[0] for path in _VERSIONS.glob("[0-9]*.py"))


def found(url: str, *, schema: str) -> str:
    """Return the revision that a schema is at, "" where there is none."""
    with connected(url) as connection:
        if not _exists(connection, schema, "alembic_version"):
            return ""
        query = sql.SQL("SELECT version_num FROM {}").format(
            sql.Identifier(schema, "alembic_version")
        )
        try:
            row = connection.execute(query).fetchone()
        except InsufficientPrivilege as error:
            user = connection.info.user
            raise DatabaseUnreachable(
                reason=f"{user} may not use the schema {schema}",
                advice=f'let them: GRANT "{schema}_app" TO "{user}"',
            ) from error
        return str(row[0]) if row else ""


def require_current(url: str, *, schema: str) -> None:
    """Raise `SchemaOutdated` where a schema is not at the revision this version needs."""
    there = found(url, schema=schema)
    if there != needed():
        raise SchemaOutdated(there, needed())


def has_jobs(url: str, *, schema: str) -> bool:
    """Tell whether the worker's schema is there."""
    with connected(url) as connection:
        return _exists(connection, f"{schema}_jobs", "procrastinate_jobs")


def _exists(connection: psycopg.Connection[Any], schema: str, table: str) -> bool:
    query = "SELECT FROM pg_tables WHERE schemaname = %s AND tablename = %s"
    return connection.execute(query, (schema, table)).fetchone() is not None
