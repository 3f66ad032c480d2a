"""Emptying a demo: what its owner may do and the service's role may not."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from psycopg.errors import DeadlockDetected, LockNotAvailable

from telecom_crm.adapters.postgres.connecting import connected
from telecom_crm.adapters.postgres.engine import checked_schema
from telecom_crm.adapters.postgres.owner import require_owner
from telecom_crm.domain.errors import Busy, RuleViolated

_KEPT = ("alembic_version", "discarded_files", "number_series")
"""
The schema's own mark, the files that are still to be deleted, and the series of numbers: a process
that serves meanwhile has taken some of those already.
"""
_SECONDS = 10
"""How long others may be in the middle of something."""


def empty_demo(url: str, *, schema: str) -> None:
    """
    Remove everything in a demo, in one transaction; its files are written down to be deleted.

    `url` is the owner's. Raise `RuleViolated` where they are not, or where things are somebody's
    own, and `Busy` where others are in the middle of something for too long.
    """
    require_owner(url, schema=checked_schema(schema))
    try:
        with connected(url) as connection:
            _empty(connection, schema)
    except (LockNotAvailable, DeadlockDetected) as error:
        raise Busy("the demo") from error


def _empty(connection: psycopg.Connection[Any], schema: str) -> None:
    execute, place = connection.execute, sql.Identifier(schema)
    execute(sql.SQL("SET LOCAL search_path TO {}").format(place))
    execute(sql.SQL("SET LOCAL lock_timeout TO {}").format(sql.Literal(f"{_SECONDS}s")))
    if execute("SELECT FROM rules WHERE kind = 'demo' FOR UPDATE").fetchone() is None:
        reason = "what is in this database is somebody's own: only a demo is emptied"
        raise RuleViolated("only_a_demo_is_emptied", (reason,))
    found = execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename <> ALL (%s)",
        (schema, list(_KEPT)),
    )
    names = [sql.Identifier(schema, name) for (name,) in found.fetchall()]
    execute(sql.SQL("LOCK TABLE {}").format(sql.SQL(", ").join(names)))
    for name in names:
        execute(_FILES.format(name))
    execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(names)))


_FILES = sql.SQL(
    "INSERT INTO discarded_files (id)"
    " SELECT DISTINCT (named.id #>> '{{}}')::uuid"
    " FROM {} AS one, jsonb_path_query(to_jsonb(one), 'strict $.**.file_id') AS named (id)"
    " WHERE jsonb_typeof(named.id) = 'string' ON CONFLICT DO NOTHING"
)
"""Whatever table names a file, in a column or within one."""
