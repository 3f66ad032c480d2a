"""Every thing comes back from its row as it went in."""

from collections.abc import Callable, Iterator
from operator import attrgetter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.collections import EVENTS, PostgresCollection
from telecom_crm.adapters.postgres.engine import open_engine
from telecom_crm.adapters.postgres.rows.access import (
    customer_password_to_row,
    session_to_row,
    token_to_row,
)
from telecom_crm.adapters.postgres.rows.stream import events_to_columns
from telecom_crm.adapters.postgres.unit_of_work import PostgresTransaction
from telecom_crm.domain.lifecycle import Actor, Event
from telecom_crm.entrypoints.conformance.unit_of_work.imports import made_of
from tests.integration import strategies as s

KINDS = {
    "customers": s.customers,
    "applications": s.applications,
    "sims": s.sims,
    "numbers": s.numbers,
    "catalog.tariffs": s.tariffs,
    "catalog.options": s.options,
    "contracts": s.contracts,
    "accounts": s.accounts,
    "payments": s.payments,
    "refunds": s.refunds,
    "tasks": s.tasks,
    "tickets": s.tickets,
    "imports": s.import_jobs,
    "notifications": s.notifications,
    "tokens": s.tokens,
    "webhooks": s.webhooks,
    "approvals": s.approvals,
    "users": s.users,
    "sessions": s.sessions,
    "customer_passwords": s.customer_passwords,
}
KEYS = {"sims": "iccid", "numbers": "msisdn", "catalog.tariffs": "code", "catalog.options": "code"}
UNVERSIONED = {"tokens", "sessions", "customer_passwords"}
WRITTEN_APART = {
    "accounts": {"subscriber", "receivable", "unbilled", "reserved"},
    "tickets": {"late_from", "promised_by"},
}
"""Columns that a statement of their own writes, by kind: a thing does not know them."""


@pytest.fixture(scope="module")
def engine(postgres_server, template_database) -> Iterator[Engine]:
    name = "rows"
    made = open_engine(postgres_server.create_database(name, template=template_database))
    yield made
    made.dispose()
    postgres_server.drop_database(name)


def rolled_back(engine: Engine, test: Callable[[PostgresTransaction], None]) -> None:
    with engine.connect() as connection:
        test(PostgresTransaction(connection))
        connection.rollback()


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_thing_comes_back_as_it_was(engine: Engine, kind: str, data: st.DataObject) -> None:
    thing = data.draw(KINDS[kind])
    key = getattr(thing, KEYS.get(kind, "id"))

    def check(tx: PostgresTransaction) -> None:
        collection = attrgetter(kind)(tx)
        assert collection.save(thing) == thing
        assert collection.get_many([key]) == {key: thing}

    rolled_back(engine, check)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in UNVERSIONED])
@given(data=st.data())
@settings(max_examples=5)
def test_a_row_has_every_column_that_is_written(kind: str, data: st.DataObject) -> None:
    collection = attrgetter(kind)(PostgresTransaction(None))  # type: ignore[arg-type]  # never used
    assert isinstance(collection, PostgresCollection)
    shape = collection.shape
    table = tables.metadata.tables[shape.sheet.table]
    written = set(table.columns.keys()) - WRITTEN_APART.get(kind, set())
    assert set(shape.to_row(data.draw(KINDS[kind]))) == written


@given(job=s.import_jobs, outcome=s.row_outcomes)
def test_what_is_worth_knowing_of_a_row_comes_back_as_it_was(engine: Engine, job, outcome) -> None:
    def check(tx: PostgresTransaction) -> None:
        tx.imports.save(job)
        tx.imports.record(job.id, [outcome])
        (found,) = tx.imports.outcomes(job.id, after_line=0, limit=1)
        assert found == outcome
        assert [made_of(one) for one in found.warnings] == [
            made_of(one) for one in outcome.warnings
        ]

    rolled_back(engine, check)


@given(token=s.tokens)
@settings(max_examples=5)
def test_a_token_s_row_has_every_column(token) -> None:
    assert set(token_to_row(token)) == set(tables.tokens.columns.keys())


@given(password=s.customer_passwords)
@settings(max_examples=5)
def test_a_customer_password_s_row_has_every_column(password) -> None:
    columns = set(tables.customer_passwords.columns.keys())
    assert set(customer_password_to_row(password)) == columns


@given(session=s.sessions)
@settings(max_examples=5)
def test_a_session_s_row_has_every_column(session) -> None:
    assert set(session_to_row(session)) == set(tables.sessions.columns.keys())


@given(
    event=st.builds(
        Event,
        thing=s.words,
        thing_id=s.texts,
        sequence=s.small,
        name=s.texts,
        at=s.instants,
        by=st.builds(Actor, s.texts, s.maybe(s.texts)),
        command=s.texts,
        before=s.maybe(s.texts),
        after=s.texts,
        reason=s.texts,
        payload=s.plain,
    )
)
def test_an_event_comes_back_as_it_was(engine: Engine, event: Event) -> None:
    def check(tx: PostgresTransaction) -> None:
        tx.connection.exec_driver_sql(EVENTS.insert, EVENTS.arrays_of(events_to_columns([event])))
        assert tx.events.of(event.thing, event.thing_id) == [event]
        tx.connection.rollback()
        EVENTS.copy_in(tx.connection, events_to_columns([event]))
        assert tx.events.of(event.thing, event.thing_id) == [event]

    rolled_back(engine, check)
    assert set(events_to_columns([event])) == set(tables.events.columns.keys()) - {"xact"}
