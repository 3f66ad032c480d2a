"""Connections to PostgreSQL 15 or later, and what its errors mean in our own words."""

from __future__ import annotations

import re
import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from telecom_crm.adapters.postgres.connecting import AWAY, CONNECT_SECONDS
from telecom_crm.adapters.postgres.tables import PK_IDENTITY_DOCUMENTS, UQ_ENTRIES_REVERSES
from telecom_crm.application.ports import Contended
from telecom_crm.domain.errors import Busy, InvalidValue, TelecomCrmError, Unavailable
from telecom_crm.domain.ledger import AlreadyReversed

DEFAULT_SCHEMA = "telecom_crm"

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,39}", re.ASCII)


def checked_schema(name: str) -> str:
    """Return a schema's name, or raise `InvalidValue`: it goes into SQL, so it is a plain word."""
    if not _SCHEMA.fullmatch(name):
        message = "up to 40 lower-case letters, digits and underscores, no digit first"
        raise InvalidValue.of("schema", "schema", message, name)
    return name


def role_of(schema: str) -> str:
    """Return the role the application works as: it adds to the books and never changes them."""
    return f"{checked_schema(schema)}_app"


def search_path_of(schema: str) -> str:
    """Return the `search_path` under which unqualified names mean this schema."""
    return f'"{checked_schema(schema)}"'


def open_engine(
    url: str,
    *,
    schema: str = DEFAULT_SCHEMA,
    owner: bool = False,
    pool_size: int = 8,
    pool_timeout_seconds: float = 2.0,
    lock_timeout_seconds: float = 5.0,
    statement_timeout_seconds: float = 30.0,
    application_name: str = "telecom-crm",
) -> Engine:
    """
    Return an engine whose connections see the schema and work as its restricted role.

    `owner` keeps the rights of the URL's own user, as migrations need. A role that is not there,
    or that the user is no member of, is left alone: then the user's own rights count. Nothing is
    connected yet; a database that is away shows as `Unavailable` where a transaction begins.
    Connections that it left behind are noticed before they are used, and made anew.
    """
    target = make_url(url).set(drivername="postgresql+psycopg")
    engine = create_engine(
        target,
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,  # they hold personal data, and tracebacks are kept
        pool_timeout=pool_timeout_seconds,
        connect_args={"application_name": application_name, "connect_timeout": CONNECT_SECONDS},
    )
    settings = {
        "search_path": search_path_of(schema),
        "TimeZone": "UTC",
        "lock_timeout": f"{lock_timeout_seconds * 1000:.0f}",
        "statement_timeout": f"{statement_timeout_seconds * 1000:.0f}",
    }
    role = None if owner else role_of(schema)

    @event.listens_for(engine, "connect")
    def set_up(connection: psycopg.Connection[Any], _record: object) -> None:
        connection.autocommit = True
        for name, value in settings.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        if role:
            connection.execute(
                "SELECT set_config('role', rolname, false) FROM pg_roles"
                " WHERE rolname = %s AND pg_has_role(oid, 'MEMBER')",
                (role,),
            )
        connection.autocommit = False

    event.listen(engine, "checkout", _refuse_a_dead)
    return engine


def _refuse_a_dead(connection: psycopg.Connection[Any], _record: object, _proxy: object) -> None:
    """Have the pool replace a connection that the server has left, without asking the server."""
    farewell = select.poll()
    if not connection.closed:
        farewell.register(connection.pgconn.socket, select.POLLIN)
    # Nothing is owed on an idle connection: what there is to read is its end.
    if connection.closed or farewell.poll(0):
        raise DisconnectionError("the server has closed this connection")


@contextmanager
def translated(thing: str = "the data") -> Iterator[None]:
    """Turn the database's anticipated errors into the domain's; `thing` is what was worked on."""
    try:
        yield
    except PoolExhausted as error:
        raise Unavailable("database") from error
    except (DBAPIError, psycopg.Error) as error:
        meaning = meaning_of(error, thing)
        if meaning is None:
            raise
        raise meaning from error


def meaning_of(error: DBAPIError | psycopg.Error, thing: str) -> TelecomCrmError | None:
    """Return what an error says in the domain's words, or None where it is a defect."""
    raw = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(raw, psycopg.Error):
        return None
    state = raw.sqlstate
    if state is None:
        lost = isinstance(raw, psycopg.OperationalError | psycopg.InterfaceError)
        return Unavailable("database") if lost else None
    if state.startswith(AWAY) or state in ("57014", "25P03"):
        return Unavailable("database")
    if state in ("40P01", "40001"):
        return Contended(thing)
    if state == "55P03":
        return Busy(thing)
    if state == "23505":
        return _taken(raw.diag.constraint_name or "", raw.diag.table_name or thing)
    return None


def _taken(constraint: str, table: str) -> TelecomCrmError:
    """Say what a broken uniqueness means: somebody was quicker, as it was checked before."""
    if constraint == UQ_ENTRIES_REVERSES:
        return AlreadyReversed("reversed_once", ("the entry was reversed before",))
    if constraint == PK_IDENTITY_DOCUMENTS:
        return Contended("this identity document")
    return Contended(table)
