"""Migrations build exactly the tables, and take them down again."""

import warnings
from collections.abc import Iterator

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import SAWarning

from telecom_crm.adapters.postgres import migrate, revision
from telecom_crm.adapters.postgres.embedded import EmbeddedPostgres
from telecom_crm.adapters.postgres.engine import open_engine
from telecom_crm.adapters.postgres.tables import metadata
from telecom_crm.domain.errors import InvalidValue, SchemaOutdated
from telecom_crm.entrypoints.settings import prepare


@pytest.fixture
def url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    name = "migrations"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.mark.parametrize("schema", ["telecom_crm", "acme"])
def test_from_empty_to_head_and_back(url, schema):
    def schemas() -> list[str]:
        with psycopg.connect(url) as connection:
            found = connection.execute("SELECT nspname FROM pg_namespace ORDER BY nspname")
            return [name for (name,) in found]

    before = schemas()
    assert migrate.current(url, schema=schema) is None
    for _ in range(2):
        migrate.upgrade(url, schema=schema)
        assert migrate.current(url, schema=schema) == migrate.head()
    assert schemas() == sorted([*before, schema])
    migrate.downgrade(url, schema=schema)
    assert migrate.current(url, schema=schema) is None
    assert schemas() == before
    migrate.downgrade(url, schema=schema)
    migrate.upgrade(url, schema=schema)
    assert migrate.current(url, schema=schema) == migrate.head()


def test_a_schema_with_others_things_in_it_stays(url):
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE public.theirs (id int)")
    migrate.upgrade(url, schema="public")
    migrate.downgrade(url, schema="public")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT * FROM public.theirs").fetchall() == []


def test_head_is_what_the_tables_say(url):
    migrate.upgrade(url)
    engine = open_engine(url, owner=True)
    with engine.connect() as connection, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Did not recognize type 'xid8'", SAWarning)
        options = {"compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, metadata)
        keys = connection.exec_driver_sql(
            "SELECT conname FROM pg_constraint WHERE connamespace = 'telecom_crm'::regnamespace"
            " AND contype IN ('p', 'c')"
        ).scalars()
        named = {
            str(constraint.name)
            for table in metadata.tables.values()
            for constraint in table.constraints
        }
        assert set(keys) - {"alembic_version_pkc"} == named
    engine.dispose()
    found = [change for change in differences if "alembic_version" not in str(change)]
    assert found == []


def test_an_old_schema_is_told_and_never_changed(url):
    with pytest.raises(SchemaOutdated, match="run: telecom-crm migrate") as outdated:
        revision.require_current(url, schema="telecom_crm")
    assert (outdated.value.found, outdated.value.needed) == ("", migrate.head())
    assert migrate.current(url) is None
    migrate.upgrade(url)
    revision.require_current(url, schema="telecom_crm")


@pytest.mark.parametrize("kept", ["'another edit'", "NULL"])
def test_a_schema_of_another_edit_of_the_migration_is_told_and_never_changed(url, kept):
    for schema in ("telecom_crm", "acme"):
        migrate.upgrade(url, schema=schema)
    comment = f"COMMENT ON TABLE acme.alembic_version IS {kept}"
    with psycopg.connect(url) as connection:
        connection.execute(comment)
    for use in (revision.found, revision.require_current, prepare, migrate.upgrade):
        with pytest.raises(SchemaOutdated, match='DROP SCHEMA "acme", "acme_jobs"') as outdated:
            use(url, schema="acme")
        assert "another --data directory" in str(outdated.value)
    revision.require_current(url, schema="telecom_crm")
    migrate.downgrade(url, schema="acme")
    migrate.upgrade(url, schema="acme")
    revision.require_current(url, schema="acme")


def test_a_fingerprint_is_of_every_migration_up_to_it(tmp_path, monkeypatch):
    for name, text in {"0001_one.py": "one", "0002_two.py": "two"}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(revision, "_VERSIONS", tmp_path)
    first, second = revision.fingerprint("0001"), revision.fingerprint("0002")
    (tmp_path / "0002_two.py").write_text("another")
    assert revision.fingerprint("0001") == first
    assert revision.fingerprint("0002") != second
    (tmp_path / "0001_one.py").write_text("edited")
    assert revision.fingerprint("0001") != first


def test_a_schema_s_name_is_a_plain_word(url):
    with pytest.raises(InvalidValue):
        migrate.upgrade(url, schema='x"; DROP TABLE customers; --')
