"""Runs migrations on the connection that `migrate` hands over."""

from __future__ import annotations

from alembic import context

from telecom_crm.adapters.postgres.tables import metadata

config = context.config
context.configure(
    connection=config.attributes["connection"],
    target_metadata=metadata,
    version_table_schema=config.attributes["schema"],
)
with context.begin_transaction():
    context.run_migrations()
