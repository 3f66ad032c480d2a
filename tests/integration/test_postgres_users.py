"""Users of a database: who comes in, who may migrate, and what a service's own user can do."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

import telecom_crm
from telecom_crm.adapters.postgres.connecting import DatabaseUnreachable, checked_url
from telecom_crm.application.catalog_file import demo_catalog
from telecom_crm.domain.errors import InvalidValue, RuleViolated
from telecom_crm.entrypoints.demo import load_subscribers
from telecom_crm.entrypoints.settings import prepare
from tests.integration.users import SECRET, as_user


@pytest.fixture
def url(user: str, fresh_database: Callable[[], str]) -> str:
    # The user goes after the databases in which they may do something.
    return fresh_database()


def refused(url: str) -> str:
    with pytest.raises(DatabaseUnreachable) as caught:
        telecom_crm.open(url)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_who_does_not_come_in_is_told_why(url: str, user: str) -> None:
    assert "the user or the password is not right" in refused(as_user(url, user, "wrong"))
    assert "the user or the password is not right" in refused(as_user(url, "nobody"))
    missing = refused(as_user(url, user, database="nowhere"))
    assert '"nowhere" does not exist; make it (CREATE DATABASE' in missing


@pytest.mark.parametrize(
    ("at", "reason", "advice"),
    [
        ("postgresql://me@127.0.0.1:1/x", "refused", "start it, or put host and port right"),
        ("postgresql://me@/x?host=/nowhere", "No such file", "start it, or put host and port"),
        ("postgresql://me@nowhere.invalid/x", "nowhere.invalid", "put the host right"),
    ],
)
def test_a_server_that_is_not_there_is_told(at: str, reason: str, advice: str) -> None:
    told = refused(at)
    assert reason in told
    assert advice in told


@pytest.mark.parametrize(
    "wrong",
    [
        *("", "nonsense", "mysql://me@host/x", "host=here", "postgresql://me:s3cret%ZZ@host/x"),
        *("postgresql://localhost:s3cret/x@host/x", "postgresql://host/x?nonsense=s3cret"),
    ],
)
def test_what_is_no_url_is_told_and_not_repeated(wrong: str) -> None:
    with pytest.raises(InvalidValue, match="postgresql://user:password@host") as caught:
        telecom_crm.open(wrong)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_url_may_begin_as_libpq_and_sqlalchemy_have_it(scheme: str) -> None:
    assert checked_url(f"{scheme}://me@host/x") == "postgresql://me@host/x"


def test_who_may_not_migrate_is_told_all_that_they_lack_and_then_may(url: str, user: str) -> None:
    theirs, schema = as_user(url, user), "lonely"
    with pytest.raises(RuleViolated) as caught:
        prepare(theirs, schema=schema)
    assert len(caught.value.reasons) == 2
    with psycopg.connect(url, autocommit=True) as connection:
        for reason in caught.value.reasons:
            said = reason.partition(": ")[2].partition(", or make it")[0]
            connection.execute(said.encode())
    prepare(theirs, schema=schema)
    prepare(theirs, schema=schema)
    with psycopg.connect(theirs) as connection:
        for name in (schema, f"{schema}_jobs"):
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(f"{schema}_app")))


def test_a_schema_that_an_administrator_made_is_enough(url: str, user: str) -> None:
    schema = "given"
    mine, theirs = sql.Identifier(user), sql.Identifier(f"{schema}_app")
    with psycopg.connect(url, autocommit=True) as connection:
        for name in (schema, f"{schema}_jobs"):
            made = sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}")
            connection.execute(made.format(sql.Identifier(name), mine))
        connection.execute(sql.SQL("CREATE ROLE {}").format(theirs))
        connection.execute(sql.SQL("GRANT {} TO {}").format(theirs, mine))
        prepare(as_user(url, user), schema=schema)
        with telecom_crm.open(as_user(url, user), schema=schema) as crm:
            crm.customers.register(name="Aida")
        connection.execute(sql.SQL("DROP OWNED BY {}, {} CASCADE").format(mine, theirs))
        connection.execute(sql.SQL("DROP ROLE {}").format(theirs))


def test_a_services_own_user_works_and_cannot_change_the_books(
    url: str, user: str, tmp_path: Path
) -> None:
    prepare(url, schema="telecom_crm")
    theirs = as_user(url, user)
    assert f'GRANT "telecom_crm_app" TO "{user}"' in refused(theirs)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("GRANT telecom_crm_app TO {}").format(sql.Identifier(user)))
    with telecom_crm.open(theirs, data=tmp_path) as crm:
        crm.catalog.apply(demo_catalog())
        load_subscribers(crm, count=2)
        crm.work()
        assert crm.verify_ledger() == ()
        assert {one.status.value for one in crm.contracts.each()} == {"active"}
    with psycopg.connect(theirs) as connection:
        for table in ("entries", "transfers", "events", "keys", "audit"):
            may = connection.execute(
                "SELECT has_table_privilege(%(table)s, 'SELECT'),"
                " has_table_privilege(%(table)s, 'UPDATE, DELETE, TRUNCATE, TRIGGER')",
                {"table": f"telecom_crm.{table}"},
            )
            assert may.fetchone() == (True, False)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM telecom_crm.entries")
