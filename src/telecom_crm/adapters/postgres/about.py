"""What a database tells of itself, and of the worker that keeps its queue there."""

from __future__ import annotations

import attrs
from sqlalchemy import Engine

from telecom_crm.adapters.postgres.engine import checked_schema, translated
from telecom_crm.application.ports import StoreState

_QUEUE = """
SELECT (SELECT max(last_heartbeat) FROM "{jobs}".procrastinate_workers) AS seen,
  (SELECT count(*) FROM (SELECT FROM "{jobs}".procrastinate_jobs
     WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())
     LIMIT 1001) AS due) AS due
"""


@attrs.frozen
class PostgresAbout:
    """Asks the server; a schema without the worker's tables has had none."""

    engine: Engine
    schema: str

    def __call__(self) -> StoreState:
        """Return how it is now."""
        schema = checked_schema(self.schema)
        with translated("the database"), self.engine.connect() as connection:
            version = connection.exec_driver_sql("SHOW server_version").scalar_one()
            revision = connection.exec_driver_sql(
                f'SELECT version_num FROM "{schema}".alembic_version'
            ).scalar_one()
            name = {"name": f'"{schema}_jobs".procrastinate_workers'}
            there = connection.exec_driver_sql("SELECT to_regclass(%(name)s)", name).scalar()
            told = StoreState(name=f"PostgreSQL {version.split()[0]}", revision=revision)
            if there is None:
                return told
            queue = connection.exec_driver_sql(_QUEUE.format(jobs=f"{schema}_jobs")).one()
        return attrs.evolve(told, worker_seen=queue.seen, duties_due=queue.due)
