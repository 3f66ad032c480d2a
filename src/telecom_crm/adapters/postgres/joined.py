"""A till inside a transaction that somebody else began."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from telecom_crm.adapters.postgres.pipeline import Pipeline
from telecom_crm.adapters.postgres.sheet import driver_of
from telecom_crm.adapters.postgres.unit_of_work import PostgresUnitOfWork


@attrs.frozen
class JoinedConnections:
    """Lends pipelines in savepoints of a transaction that a unit of work is inside of."""

    uow: PostgresUnitOfWork

    @contextmanager
    def __call__(self) -> Iterator[Pipeline]:
        """Lend one; the transaction's owner commits."""
        with (
            self.uow() as transaction,
            Pipeline.over(driver_of(transaction.connection)) as pipeline,
        ):
            yield pipeline
