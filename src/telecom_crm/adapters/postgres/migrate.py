"""Bringing a database's schema to a revision, from code; only this ever changes a schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import InternalError

from telecom_crm.adapters.postgres.engine import (
    DEFAULT_SCHEMA,
    checked_schema,
    open_engine,
    translated,
)
from telecom_crm.adapters.postgres.owner import schema_made
from telecom_crm.adapters.postgres.revision import fingerprint, fingerprint_of, require_known
from telecom_crm.adapters.postgres.sheet import driver_of

_MIGRATIONS = Path(__file__).with_name("migrations")
_TURNSTILE = 0x74656C65  # "tele": two migrations of one database take turns


def upgrade(url: str, *, schema: str = DEFAULT_SCHEMA, revision: str = "head") -> None:
    """
    Bring the schema up to a revision, making it where it is not there; `url` is its owner's.

    Raise `SchemaOutdated` where migrations that we do not know made it.
    """
    with _owner(url, schema) as connection:
        _require_known(connection, schema)
        connection.exec_driver_sql(schema_made(schema))
        command.upgrade(_config(connection, schema), revision)
        _keep_fingerprint(connection, schema)


def downgrade(url: str, *, schema: str = DEFAULT_SCHEMA, revision: str = "base") -> None:
    """Take the schema back to a revision; back to `base` removes it with all it holds."""
    with _owner(url, schema) as connection:
        if _current(connection, schema) is None:
            return
        command.downgrade(_config(connection, schema), revision)
        if _current(connection, schema) is None:
            connection.execute(text(f'DROP TABLE "{schema}".alembic_version'))
            with suppress(InternalError), connection.begin_nested():  # others' things may be in it
                connection.execute(text(f'DROP SCHEMA "{schema}"'))
        else:
            _keep_fingerprint(connection, schema)


def current(url: str, *, schema: str = DEFAULT_SCHEMA) -> str | None:
    """Return the revision that the schema is at, None where there is none."""
    with _owner(url, schema) as connection:
        return _current(connection, schema)


def head() -> str:
    """Return the revision that this version of the library needs."""
    found = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    assert found is not None
    return found


@contextmanager
def _owner(url: str, schema: str) -> Iterator[Connection]:
    """Yield a connection of the owner's, in one transaction that no other migration shares."""
    engine = open_engine(
        url, schema=checked_schema(schema), owner=True, pool_size=1, statement_timeout_seconds=0
    )
    try:
        with translated("the schema"), engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _TURNSTILE})
            yield connection
    finally:
        engine.dispose()


def _config(connection: Connection, schema: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes.update(connection=connection, schema=schema)
    return config


def _current(connection: Connection, schema: str) -> str | None:
    known = connection.execute(
        text("SELECT to_regclass(:name)"), {"name": _versions(schema)}
    ).scalar()
    if known is None:
        return None
    context = MigrationContext.configure(connection, opts={"version_table_schema": schema})
    return context.get_current_revision()


def _require_known(connection: Connection, schema: str) -> None:
    kept = fingerprint_of(driver_of(connection), schema)
    require_known(_current(connection, schema) or "", kept or "", schema=schema)


def _keep_fingerprint(connection: Connection, schema: str) -> None:
    """Keep what made the schema, as a comment: with the schema it goes, also into a dump."""
    kept = fingerprint(_current(connection, schema) or "")
    connection.exec_driver_sql(f"COMMENT ON TABLE {_versions(schema)} IS '{kept}'")


def _versions(schema: str) -> str:
    return f'"{checked_schema(schema)}".alembic_version'
