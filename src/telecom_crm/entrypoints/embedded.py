"""A directory's own PostgreSQL, with our database in it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psycopg
from psycopg.errors import DuplicateDatabase, UniqueViolation

from telecom_crm.adapters.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresFailed

DATABASE = "telecom_crm"
"""The name of our database there."""


def require_begun(directory: Path) -> None:
    """Raise `EmbeddedPostgresFailed` where a directory has no server of its own yet."""
    if not (_place(directory) / "data").exists():
        reason = (
            "there is none yet; begin one with `telecom-crm run` or `telecom-crm migrate`, or say"
            " where your data is with --data or --database-url"
        )
        raise EmbeddedPostgresFailed(directory=directory.absolute(), reason=reason)


def start_embedded(directory: Path) -> tuple[EmbeddedPostgres, str]:
    """Start or join a directory's server; return our hold on it, and our database's URL."""
    server = EmbeddedPostgres.start(_place(directory))
    try:
        with psycopg.connect(server.url, autocommit=True) as connection:
            query = "SELECT FROM pg_database WHERE datname = %s"
            there = connection.execute(query, (DATABASE,)).fetchone()
        if there is None:
            # Another process may be quicker by a moment, or by less than that.
            with contextlib.suppress(DuplicateDatabase, UniqueViolation):
                server.create_database(DATABASE)
    except BaseException:
        server.stop()
        raise
    return server, server.url_for(DATABASE)


def _place(directory: Path) -> Path:
    return directory.absolute() / "postgres"
