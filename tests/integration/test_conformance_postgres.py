"""The conformance kit on PostgreSQL: the machines and suites that others run on their stores."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine, text

from telecom_crm.adapters.postgres.embedded import EmbeddedPostgres
from telecom_crm.adapters.postgres.engine import open_engine
from telecom_crm.adapters.postgres.series import PostgresSeries
from telecom_crm.adapters.postgres.tables import metadata
from telecom_crm.adapters.postgres.till import PooledConnections, PostgresTill
from telecom_crm.adapters.postgres.unit_of_work import PostgresUnitOfWork
from telecom_crm.application.ports import UnitOfWork
from telecom_crm.entrypoints.conformance.contract import ContractMachine
from telecom_crm.entrypoints.conformance.crm.machine import CrmMachine
from telecom_crm.entrypoints.conformance.inventory import InventoryMachine
from telecom_crm.entrypoints.conformance.ledger import LedgerMachine
from telecom_crm.entrypoints.conformance.store import Store
from telecom_crm.entrypoints.conformance.ticket import TicketMachine
from telecom_crm.entrypoints.conformance.unit_of_work.suite import UnitOfWorkSuite

STEPS = settings(stateful_step_count=12, suppress_health_check=list(HealthCheck))
"""A step here is several exchanges with a server, so there are fewer of them than in memory."""


@pytest.fixture(scope="module")
def engines(
    postgres_server: EmbeddedPostgres, template_database: str
) -> Iterator[tuple[Engine, Engine]]:
    """The application's engine, and one of the owner, who alone may delete."""
    name = "conformance"
    url = postgres_server.create_database(name, template=template_database)
    both = open_engine(url), open_engine(url, owner=True, pool_size=1)
    yield both
    for engine in both:
        engine.dispose()
    postgres_server.drop_database(name)


@pytest.fixture
def make_store(engines: tuple[Engine, Engine]) -> Iterator[Callable[[], Store]]:
    """Empty the one database, and return a store over it: quicker than a database each."""
    application, owner = engines
    till = PostgresTill(connections := PooledConnections.like(application))
    emptied = [f"DELETE FROM {table.name}" for table in metadata.sorted_tables]

    def make() -> Store:
        with owner.begin() as connection:
            connection.execute(text("; ".join(emptied)))
        return Store(
            uow=PostgresUnitOfWork(application),
            till=till,
            series=PostgresSeries(owner),
        )

    with closing(connections):
        yield make


@pytest.fixture
def make_uow(make_store: Callable[[], Store]) -> Callable[[], UnitOfWork]:
    return lambda: make_store().uow


@pytest.mark.parametrize("machine", [ContractMachine, TicketMachine, InventoryMachine])
def test_things_survive_anything(machine, make_uow):
    run_state_machine_as_test(machine.on(make_uow), settings=STEPS)


@pytest.mark.parametrize("machine", [LedgerMachine, CrmMachine])
def test_money_survives_anything(machine, make_store):
    run_state_machine_as_test(machine.on(make_store), settings=STEPS)


class TestPostgres(UnitOfWorkSuite):
    @pytest.fixture(autouse=True)
    def _over_postgres(self, make_uow: Callable[[], UnitOfWork]) -> None:
        self._make_uow = make_uow

    def make(self):
        return self._make_uow()
