"""Transactions: of our own, or inside one that the caller began."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import attrs
import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.pool import StaticPool

from telecom_crm.adapters.postgres.access import (
    PostgresAttempts,
    PostgresCustomerPasswords,
    PostgresSessions,
    PostgresTokens,
    PostgresUsers,
)
from telecom_crm.adapters.postgres.accounts import PostgresAccounts
from telecom_crm.adapters.postgres.approvals import PostgresApprovals
from telecom_crm.adapters.postgres.catalog import PostgresCatalog
from telecom_crm.adapters.postgres.contracts import PostgresContracts, PostgresTasks
from telecom_crm.adapters.postgres.customers import PostgresCustomers
from telecom_crm.adapters.postgres.discards import PostgresDiscardedFiles
from telecom_crm.adapters.postgres.engine import DEFAULT_SCHEMA, search_path_of, translated
from telecom_crm.adapters.postgres.figures import PostgresFigures
from telecom_crm.adapters.postgres.imports import PostgresImports
from telecom_crm.adapters.postgres.intake import PostgresApplications
from telecom_crm.adapters.postgres.inventory import PostgresNumbers, PostgresSims
from telecom_crm.adapters.postgres.ledger import PostgresLedger
from telecom_crm.adapters.postgres.notifications import PostgresNotifications
from telecom_crm.adapters.postgres.papers import PostgresPapers
from telecom_crm.adapters.postgres.payments import PostgresPayments, PostgresRefunds
from telecom_crm.adapters.postgres.seals import PostgresSeals
from telecom_crm.adapters.postgres.stream import (
    PostgresAudit,
    PostgresEvents,
    PostgresKeys,
    PostgresRules,
)
from telecom_crm.adapters.postgres.tickets import PostgresTickets
from telecom_crm.adapters.postgres.webhooks import PostgresWebhooks


@attrs.frozen(slots=False)
class PostgresTransaction:
    """All collections over one connection; each is made when it is first asked for."""

    connection: Connection
    read_only: bool = False

    @cached_property
    def customers(self) -> PostgresCustomers:
        return PostgresCustomers(self.connection, self._holding)

    @cached_property
    def applications(self) -> PostgresApplications:
        return PostgresApplications(self.connection, self._holding)

    @cached_property
    def sims(self) -> PostgresSims:
        return PostgresSims(self.connection, self._holding)

    @cached_property
    def numbers(self) -> PostgresNumbers:
        return PostgresNumbers(self.connection, self._holding)

    @cached_property
    def catalog(self) -> PostgresCatalog:
        return PostgresCatalog(self.connection, self._holding)

    @cached_property
    def contracts(self) -> PostgresContracts:
        return PostgresContracts(self.connection, self._holding)

    @cached_property
    def accounts(self) -> PostgresAccounts:
        return PostgresAccounts(self.connection, self._holding)

    @cached_property
    def ledger(self) -> PostgresLedger:
        return PostgresLedger(self.connection, self.read_only)

    @cached_property
    def payments(self) -> PostgresPayments:
        return PostgresPayments(self.connection, self._holding)

    @cached_property
    def refunds(self) -> PostgresRefunds:
        return PostgresRefunds(self.connection, self._holding)

    @cached_property
    def tasks(self) -> PostgresTasks:
        return PostgresTasks(self.connection, self._holding)

    @cached_property
    def tickets(self) -> PostgresTickets:
        return PostgresTickets(self.connection, self._holding)

    @cached_property
    def imports(self) -> PostgresImports:
        return PostgresImports(self.connection, self._holding)

    @cached_property
    def notifications(self) -> PostgresNotifications:
        return PostgresNotifications(self.connection, self._holding)

    @cached_property
    def rules(self) -> PostgresRules:
        return PostgresRules(self.connection)

    @cached_property
    def tokens(self) -> PostgresTokens:
        return PostgresTokens(self.connection, self._holding)

    @cached_property
    def webhooks(self) -> PostgresWebhooks:
        return PostgresWebhooks(self.connection, self._holding)

    @cached_property
    def approvals(self) -> PostgresApprovals:
        return PostgresApprovals(self.connection, self._holding)

    @cached_property
    def users(self) -> PostgresUsers:
        return PostgresUsers(self.connection, self._holding)

    @cached_property
    def sessions(self) -> PostgresSessions:
        return PostgresSessions(self.connection, self._holding)

    @cached_property
    def customer_passwords(self) -> PostgresCustomerPasswords:
        return PostgresCustomerPasswords(self.connection, self._holding)

    @cached_property
    def attempts(self) -> PostgresAttempts:
        return PostgresAttempts(self.connection)

    @cached_property
    def keys(self) -> PostgresKeys:
        return PostgresKeys(self.connection)

    @cached_property
    def events(self) -> PostgresEvents:
        return PostgresEvents(self.connection, self._holding)

    @cached_property
    def figures(self) -> PostgresFigures:
        return PostgresFigures(self.connection, self.events)

    @cached_property
    def audit(self) -> PostgresAudit:
        return PostgresAudit(self.connection)

    @cached_property
    def seals(self) -> PostgresSeals:
        return PostgresSeals(self.connection)

    @cached_property
    def papers(self) -> PostgresPapers:
        return PostgresPapers(self.connection)

    @cached_property
    def discarded_files(self) -> PostgresDiscardedFiles:
        return PostgresDiscardedFiles(self.connection)

    @property
    def _holding(self) -> bool:
        return not self.read_only


@attrs.frozen
class PostgresUnitOfWork:
    """
    Opens transactions on an engine's connections, or inside a transaction the caller has begun.

    With `connection`, SQLAlchemy's or psycopg's, every transaction is a savepoint of the caller's,
    who commits in the end; the caller's `search_path` is put back, and the caller's own rights
    count. A reading transaction of ours sees one snapshot throughout.
    """

    engine: Engine
    schema: str = DEFAULT_SCHEMA
    connection: Connection | psycopg.Connection[Any] | None = None
    _reading: Engine = attrs.field(init=False, repr=False, eq=False)

    @_reading.default
    def _make_reading(self) -> Engine:
        return self.engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    @contextmanager
    def __call__(self, *, read_only: bool = False) -> Iterator[PostgresTransaction]:
        """Open a transaction that commits on a clean exit and is forgotten on an exception."""
        with translated():
            if self.connection is None:
                with (self._reading if read_only else self.engine).begin() as connection:
                    yield PostgresTransaction(connection, read_only)
            else:
                with self._joined() as connection:
                    yield PostgresTransaction(connection, read_only)

    @contextmanager
    def _joined(self) -> Iterator[Connection]:
        """Yield the caller's connection in a savepoint, with our `search_path`."""
        with _lent(self.connection, self.engine) as connection, connection.begin_nested():
            theirs = connection.exec_driver_sql(
                "SELECT current_setting('search_path'), set_config('search_path', %(ours)s, true)",
                {"ours": search_path_of(self.schema)},
            ).scalar()
            yield connection
            connection.exec_driver_sql(
                "SELECT set_config('search_path', %(theirs)s, true)", {"theirs": theirs}
            )


class _Borrowed:
    """A psycopg connection that its owner commits and closes, and nothing of ours does."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def commit(self) -> None:
        """Leave it to the owner."""

    def rollback(self) -> None:
        """Leave it to the owner."""

    def close(self) -> None:
        """Leave it to the owner."""


@contextmanager
def _lent(connection: Any, engine: Engine) -> Iterator[Connection]:
    if isinstance(connection, Connection):
        yield connection
        return
    pool = StaticPool(lambda: _Borrowed(connection), reset_on_return=None, dialect=engine.dialect)
    with Engine(pool, engine.dialect, engine.url).connect() as lent:
        yield lent
