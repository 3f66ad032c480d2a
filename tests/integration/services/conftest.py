"""The stores of the services' tests, on PostgreSQL: the same tests run here once more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import Engine, text

from telecom_crm.adapters.postgres import migrate
from telecom_crm.adapters.postgres.embedded import EmbeddedPostgres
from telecom_crm.adapters.postgres.engine import open_engine
from telecom_crm.adapters.postgres.series import PostgresSeries
from telecom_crm.adapters.postgres.tables import metadata
from telecom_crm.adapters.postgres.till import PooledConnections, PostgresTill
from telecom_crm.adapters.postgres.unit_of_work import PostgresUnitOfWork
from telecom_crm.application.ports import Series, Till, UnitOfWork
from tests.integration.conftest import FORGETFUL
from tests.unit.conftest import clock, ids

EMPTIED = text("; ".join(f"DELETE FROM {table.name}" for table in metadata.sorted_tables))
"""Every table, in one exchange with the server."""

__all__ = ["clock", "connections", "database", "engine", "ids", "owner", "series", "till", "uow"]


@pytest.fixture(scope="session")
def database(tmp_path_factory, postgres_binaries) -> Iterator[str]:
    """
    A database on a server of this worker's own.

    A reader of events waits for every transaction that might still add one. Where other tests share
    the server it cannot know for a moment that theirs will not, and the tests want each event at
    once.
    """
    settings = {**FORGETFUL, "autovacuum": "off"}
    directory = tmp_path_factory.mktemp("services")
    with EmbeddedPostgres.start(directory, binaries=postgres_binaries, settings=settings) as server:
        url = server.create_database("services")
        migrate.upgrade(url)
        yield url


@pytest.fixture(scope="session")
def engine(database) -> Iterator[Engine]:
    engine = open_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def owner(database) -> Iterator[Engine]:
    owner = open_engine(database, owner=True, pool_size=1)
    yield owner
    owner.dispose()


@pytest.fixture
def uow(engine, owner) -> UnitOfWork:
    with owner.begin() as connection:
        connection.execute(EMPTIED)
    return PostgresUnitOfWork(engine)


@pytest.fixture
def series(engine, uow) -> Series:
    return PostgresSeries(engine)


@pytest.fixture(scope="session")
def connections(engine) -> Iterator[PooledConnections]:
    with closing(PooledConnections.like(engine)) as connections:
        yield connections


@pytest.fixture
def till(connections, uow) -> Till:
    return PostgresTill(connections)
