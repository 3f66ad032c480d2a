"""The doors that lead to PostgreSQL."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from dependency_injector.providers import Aggregate
from sqlalchemy import create_engine, text

import telecom_crm
from telecom_crm import Crm, Money, Payer, PaymentMethod
from telecom_crm.adapters.gateways.simulator import SimulatorGateway
from telecom_crm.adapters.postgres import migrate, revision
from telecom_crm.adapters.postgres.engine import open_engine
from telecom_crm.application.catalog_file import demo_catalog
from telecom_crm.domain.errors import NotFound, SchemaOutdated, Unavailable
from telecom_crm.entrypoints.container import Container, Options, Store
from telecom_crm.entrypoints.demo import GATEWAYS, load_subscribers, subscriber
from telecom_crm.entrypoints.settings import prepare

SCHEMA = "telecom_crm"


@pytest.fixture
def url(fresh_database: Callable[[], str]) -> str:
    url = fresh_database()
    prepare(url, schema=SCHEMA)
    return url


@pytest.fixture
def crm(url: str, tmp_path: Path) -> Iterator[Crm]:
    with telecom_crm.open(url, data=tmp_path, gateways=GATEWAYS) as crm:
        crm.catalog.apply(demo_catalog())
        load_subscribers(crm, count=2)
        yield crm


def pay(crm: Crm, amount: str, *, gateway: str = "cash_desk") -> None:
    contract = next(crm.contracts.each(msisdn=subscriber(0).msisdn.digits))
    crm.payments.take(
        payer=Payer(contract_id=contract.id),
        amount=Money.parse(amount, "KGS"),
        method=PaymentMethod.CASH,
        gateway=gateway,
    )


def balance(crm: Crm) -> Money:
    contract = next(crm.contracts.each(msisdn=subscriber(0).msisdn.digits))
    return crm.accounts.get(contract.account_id).balance.balance


def test_every_provider_builds_on_postgresql(url: str, tmp_path: Path) -> None:
    container = Container(options=Options(store=Store.POSTGRES, url=url, data=tmp_path))
    for name, provider in container.providers.items():
        if not isinstance(provider, Aggregate):  # its parts are built by name
            assert provider() is not None, name
    container.crm().close()


def test_what_one_process_writes_another_reads(crm: Crm, url: str, tmp_path: Path) -> None:
    pay(crm, "250.00")
    with telecom_crm.open(url, data=tmp_path) as other:
        assert balance(other) == balance(crm)
        assert other.verify_ledger() == ()
        assert other.work() > 0


def test_opening_never_migrates(postgres_url: str) -> None:
    with pytest.raises(SchemaOutdated, match="telecom-crm migrate"):
        telecom_crm.open(postgres_url, schema="never_made")
    assert revision.found(postgres_url, schema="never_made") == ""


def test_a_database_that_is_away_says_so() -> None:
    with pytest.raises(Unavailable):
        telecom_crm.open("postgresql://nobody@127.0.0.1:1/nothing")


def test_the_revision_is_told_as_alembic_would(url: str) -> None:
    assert revision.needed() == migrate.head()
    assert revision.found(url, schema=SCHEMA) == migrate.current(url)


def test_two_operators_fit_in_one_database(url: str, tmp_path: Path) -> None:
    migrate.upgrade(url, schema="second")
    with (
        telecom_crm.open(url, data=tmp_path / "1") as one,
        telecom_crm.open(url, data=tmp_path / "2", schema="second") as two,
    ):
        customer = one.customers.register(name="Aida")
        with pytest.raises(NotFound):
            two.customers.get(customer.id)


def test_a_hosts_engine_is_used_and_left_open(url: str, tmp_path: Path) -> None:
    engine = open_engine(url)
    with telecom_crm.open(url, engine=engine, data=tmp_path) as crm:
        crm.catalog.apply(demo_catalog())
        load_subscribers(crm, count=1)
        pay(crm, "10.00")
        assert engine.pool.checkedin()  # type: ignore[attr-defined]  # QueuePool's
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM payments")).scalar() == 1
    engine.dispose()


def test_a_hosts_sqlalchemy_transaction_decides(crm: Crm, url: str) -> None:
    before = balance(crm)
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        with crm.transaction(connection) as inside:
            pay(inside, "100.00")
            inside.customers.register(name="Nobody's yet")
            assert balance(inside) == before + Money.parse("100.00", "KGS")
        assert balance(crm) == before
        connection.rollback()
        assert balance(crm) == before
        with crm.transaction(connection) as inside:
            pay(inside, "100.00")
        connection.execute(text("CREATE TABLE host_orders (id int)"))
        connection.commit()
    engine.dispose()
    assert balance(crm) == before + Money.parse("100.00", "KGS")
    assert crm.verify_ledger() == ()


def test_a_file_does_not_wait_for_the_host_and_nothing_names_it(crm: Crm, url: str) -> None:
    contract = next(crm.contracts.each())
    with psycopg.connect(url) as connection:
        with crm.transaction(connection) as inside:
            content = [b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj << >> endobj\n"]
            told = inside.contracts.add_document(contract.id, name="signed.pdf", content=content)
        connection.rollback()
    assert crm.contracts.documents(contract.id) == contract.documents
    left = UUID(told.documents[-1].file_id)
    with crm.contracts.files.open(left) as stored:
        assert stored.read() == b"".join(content)
    crm.contracts.files.delete(left)


def test_a_hosts_psycopg_transaction_decides(crm: Crm, url: str) -> None:
    before = balance(crm)
    with psycopg.connect(url) as connection:
        path = connection.execute("SHOW search_path").fetchone()
        with crm.transaction(connection) as inside:
            pay(inside, "100.00")
            with pytest.raises(NotFound):
                inside.payments.take(
                    payer=Payer(msisdn=subscriber(99).msisdn),
                    amount=Money.parse("1.00", "KGS"),
                    method=PaymentMethod.CASH,
                    gateway="cash_desk",
                )
        assert connection.execute("SHOW search_path").fetchone() == path
        assert balance(crm) == before
    assert balance(crm) == before + Money.parse("100.00", "KGS")


def test_an_embedded_server_is_shared_and_stopped_by_the_last(tmp_path: Path) -> None:
    first = telecom_crm.open_embedded(tmp_path)
    customer = first.customers.register(name="Aida")
    second = telecom_crm.open_embedded(str(tmp_path))
    first.close()
    assert second.customers.get(customer.id) == customer
    second.close()
    with telecom_crm.open_embedded(tmp_path) as third:
        assert third.customers.get(customer.id) == customer


def test_threads_pay_at_once(crm: Crm) -> None:
    before = balance(crm)
    threads = [threading.Thread(target=pay, args=(crm, "1.00")) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert balance(crm) == before + Money.parse("16.00", "KGS")
    assert crm.verify_ledger() == ()


def test_the_simulators_books_are_shared_by_processes(crm: Crm, url: str, tmp_path: Path) -> None:
    pay(crm, "200.04", gateway="simulator")  # confirmed later
    payment = next(crm.payments.each(status="pending"))
    with telecom_crm.open(url, data=tmp_path, gateways=GATEWAYS) as other:
        simulator = other.gateways["simulator"]
        assert isinstance(simulator, SimulatorGateway)
        assert simulator.settle() == 1
        [call] = simulator.pending_callbacks()
        heard = crm.payments.hear(gateway="simulator", body=call.body, headers=call.headers)
    assert (heard.id, heard.status.value) == (payment.id, "confirmed")
