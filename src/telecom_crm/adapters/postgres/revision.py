"""Which revision a schema is at, told without loading what changes it: asked at every start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from telecom_crm.domain.errors import SchemaOutdated, Unavailable

_VERSIONS = Path(__file__).with_name("migrations") / "versions"


def needed() -> str:
    """Return the revision this version needs: the last one, as their files are numbered."""
    return max(path.name.split("_")[0] for path in _VERSIONS.glob("[0-9]*.py"))


def found(url: str, *, schema: str) -> str:
    """Return the revision that a schema is at, "" where there is none."""
    with _connected(url) as connection:
        if not _exists(connection, schema, "alembic_version"):
            return ""
        query = sql.SQL("SELECT version_num FROM {}").format(
            sql.Identifier(schema, "alembic_version")
        )
        row = connection.execute(query).fetchone()
        return str(row[0]) if row else ""


def require_current(url: str, *, schema: str) -> None:
    """Raise `SchemaOutdated` where a schema is not at the revision this version needs."""
    there = found(url, schema=schema)
    if there != needed():
        raise SchemaOutdated(there, needed())


def has_jobs(url: str, *, schema: str) -> bool:
    """Tell whether the worker's schema is there."""
    with _connected(url) as connection:
        return _exists(connection, f"{schema}_jobs", "procrastinate_jobs")


def plain_url(url: str) -> str:
    """Return a URL as libpq reads it, without the driver that SQLAlchemy lets one name."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    try:
        with psycopg.connect(plain_url(url), connect_timeout=5) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise Unavailable("database") from error


def _exists(connection: psycopg.Connection[Any], schema: str, table: str) -> bool:
    query = "SELECT FROM pg_tables WHERE schemaname = %s AND tablename = %s"
    return connection.execute(query, (schema, table)).fetchone() is not None
