"""The application's role may add to the books, and never change them."""

from collections.abc import Iterator

import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Engine
from sqlalchemy.exc import ProgrammingError

from telecom_crm.adapters.postgres.engine import open_engine
from telecom_crm.adapters.postgres.tables import APPEND_ONLY, DELETABLE, metadata

TABLES = sorted(metadata.tables)
FIXED = {table.name for table in APPEND_ONLY}
REMOVABLE = {table.name for table in DELETABLE}


@pytest.fixture
def engine(fresh_database) -> Iterator[Engine]:
    made = open_engine(fresh_database())
    yield made
    made.dispose()


def allowed(engine: Engine, sql: str) -> bool:
    with engine.connect() as connection:
        try:
            connection.exec_driver_sql(sql)
        except ProgrammingError as error:
            if isinstance(error.orig, InsufficientPrivilege):
                return False
            raise
        return True


def test_journal_events_keys_and_audit_are_only_added_to(engine):
    assert {"events", "entries", "transfers", "keys", "audit"} <= FIXED
    for table in TABLES:
        column = next(iter(metadata.tables[table].columns)).name
        changes = allowed(engine, f"UPDATE {table} SET {column} = {column}")
        assert changes == (table not in FIXED), table
        assert allowed(engine, f"DELETE FROM {table}") == (table in REMOVABLE), table
        assert not allowed(engine, f"TRUNCATE {table}"), table
        assert allowed(engine, f"SELECT * FROM {table}")


def test_the_role_makes_and_drops_nothing(engine):
    for sql in ("CREATE TABLE mine (id int)", "DROP TABLE events", "ALTER TABLE events ADD x int"):
        assert not allowed(engine, sql)
