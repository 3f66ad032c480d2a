"""A directory's own PostgreSQL, with our database in it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psycopg

from telecom_crm.adapters.postgres.embedded import EmbeddedPostgres

DATABASE = "telecom_crm"
"""The name of our database there."""


def start_embedded(directory: Path) -> tuple[EmbeddedPostgres, str]:
    """Start or join a directory's server; return our hold on it, and our database's URL."""
    server = EmbeddedPostgres.start(directory.absolute() / "postgres")
    try:
        with psycopg.connect(server.url, autocommit=True) as connection:
            query = "SELECT FROM pg_database WHERE datname = %s"
            there = connection.execute(query, (DATABASE,)).fetchone()
        if there is None:
            # Another process may be quicker by a moment.
            with contextlib.suppress(psycopg.errors.DuplicateDatabase):
                server.create_database(DATABASE)
    except BaseException:
        server.stop()
        raise
    return server, server.url_for(DATABASE)
