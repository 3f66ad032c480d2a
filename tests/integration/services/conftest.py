"""The stores of the services' tests, on PostgreSQL: the same tests run here once more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from telecom_crm.adapters.postgres.engine import open_engine
from telecom_crm.adapters.postgres.series import PostgresSeries
from telecom_crm.adapters.postgres.tables import metadata
from telecom_crm.adapters.postgres.till import EngineConnections, PostgresTill
from telecom_crm.adapters.postgres.unit_of_work import PostgresUnitOfWork
from telecom_crm.application.ports import Series, Till, UnitOfWork
from tests.unit.conftest import clock, ids

__all__ = ["clock", "database", "engine", "ids", "owner", "series", "till", "uow"]


@pytest.fixture(scope="module")
def database(postgres_server, template_database, worker, request) -> Iterator[str]:
    """A database for the tests of one module."""
    name = f"services_{worker}_{request.module.__name__.rpartition('_')[2]}"
    yield postgres_server.create_database(name, template=template_database)
    postgres_server.drop_database(name)


@pytest.fixture(scope="module")
def engine(database) -> Iterator[Engine]:
    engine = open_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def owner(database) -> Iterator[Engine]:
    owner = open_engine(database, owner=True, pool_size=1)
    yield owner
    owner.dispose()


@pytest.fixture
def uow(engine, owner) -> UnitOfWork:
    with owner.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())
    return PostgresUnitOfWork(engine)


@pytest.fixture
def series(engine, uow) -> Series:
    return PostgresSeries(engine)


@pytest.fixture
def till(engine, uow) -> Till:
    return PostgresTill(EngineConnections(engine))
