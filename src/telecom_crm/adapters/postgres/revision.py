"""Which revision a schema is at, told without loading what changes it: asked at every start."""

from __future__ import annotations

import hashlib
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
    return max(_files())


def fingerprint(revision: str) -> str:
    """
    Return what the migrations up to a revision say, in short.

    A schema keeps it, since a revision can be edited until it is released, and its number stays.
    """
    told = "".join(path.read_text("utf-8") for name, path in _files().items() if name <= revision)
    return hashlib.sha256(told.encode()).hexdigest()


def found(url: str, *, schema: str) -> str:
    """
    Return the revision that a schema is at, "" where there is none.

    Raise `SchemaOutdated` where its migrations were not the ones we know: none leads on from there.
    """
    with connected(url) as connection:
        kept = fingerprint_of(connection, schema)
        if kept is None:
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
    revision = str(row[0]) if row else ""
    require_known(revision, kept, schema=schema)
    return revision


def fingerprint_of(connection: psycopg.Connection[Any], schema: str) -> str | None:
    """Return the fingerprint that a schema keeps, "" where it keeps none, None for no schema."""
    query = (
        "SELECT coalesce(obj_description(c.oid, 'pg_class'), '') FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = 'alembic_version'"
    )
    row = connection.execute(query, (schema,)).fetchone()
    return None if row is None else str(row[0])


def require_known(revision: str, kept: str, *, schema: str) -> None:
    """Raise `SchemaOutdated` where a schema at a revision keeps another fingerprint than ours."""
    if revision and kept != fingerprint(revision):
        raise SchemaOutdated(revision, needed(), foreign=schema)


def require_current(url: str, *, schema: str) -> None:
    """Raise `SchemaOutdated` where a schema is not at the revision this version needs."""
    there = found(url, schema=schema)
    if there != needed():
        raise SchemaOutdated(there, needed())


def has_jobs(url: str, *, schema: str) -> bool:
    """Tell whether the worker's schema is there."""
    with connected(url) as connection:
        return _exists(connection, f"{schema}_jobs", "procrastinate_jobs")


def _files() -> dict[str, Path]:
    """Return the migrations by their revisions, the first one first."""
    return {path.name.split("_")[0]: path for path in sorted(_VERSIONS.glob("[0-9]*.py"))}


def _exists(connection: psycopg.Connection[Any], schema: str, table: str) -> bool:
    query = "SELECT FROM pg_tables WHERE schemaname = %s AND tablename = %s"
    return connection.execute(query, (schema, table)).fetchone() is not None
