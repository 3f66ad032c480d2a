"""What a database tells of itself and of its worker, as the application's own role may see it."""

from contextlib import closing

import psycopg

import telecom_crm
from telecom_crm.adapters.postgres import jobs, migrate, revision
from telecom_crm.entrypoints.settings import prepare


def test_the_store_tells_its_version_and_how_its_worker_is(fresh_database):
    url = fresh_database()
    prepare(url, schema="telecom_crm")
    with closing(telecom_crm.open(url)) as crm:
        told = crm.about_store()
        assert told.name.startswith("PostgreSQL 1")
        assert told.revision == revision.needed()
        assert (told.worker_seen, told.duties_due) == (None, 0)
        with psycopg.connect(url) as connection:
            connection.execute(f"SET search_path TO {jobs.jobs_schema()}")
            connection.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
            for later in ("NULL", "now() + interval '1 hour'"):
                connection.execute(
                    f"INSERT INTO procrastinate_jobs (queue_name, task_name, scheduled_at)"
                    f" VALUES ('q', 'tidy', {later})"
                )
        told = crm.about_store()
        assert told.worker_seen is not None
        assert told.duties_due == 1, "what is for later does not wait"


def test_a_store_that_no_worker_was_made_for_has_none(fresh_database):
    url = fresh_database()
    migrate.upgrade(url)
    with closing(telecom_crm.open(url)) as crm:
        told = crm.about_store()
        assert (told.worker_seen, told.duties_due) == (None, None)
