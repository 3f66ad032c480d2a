"""A till inside a transaction that somebody else began."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import attrs
import psycopg

from telecom_crm.adapters.postgres.collections import driver_of
from telecom_crm.adapters.postgres.unit_of_work import PostgresUnitOfWork


@attrs.frozen
class JoinedConnections:
    """Lends the connection of a unit of work that is inside a transaction, in a savepoint of it."""

    uow: PostgresUnitOfWork

    @contextmanager
    def __call__(self) -> Iterator[psycopg.Connection[Any]]:
        """Lend it once; a till's own commit leaves the transaction to its owner."""
        with self.uow() as transaction:
            lent = _Uncommitted(driver_of(transaction.connection))
            yield cast("psycopg.Connection[Any]", lent)


class _Uncommitted:
    """A connection as it is, but for its end."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def commit(self) -> None:
        """Leave it to the owner."""

    def rollback(self) -> None:
        """Leave it to the owner; nothing was written."""
