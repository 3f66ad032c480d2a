"""The first connection to a database, and what a person should do where there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import attrs
import psycopg
from psycopg.conninfo import conninfo_to_dict

from telecom_crm.domain.errors import InvalidValue, Unavailable

URL = "postgresql://user:password@host:5432/database"
"""What a URL looks like."""

CONNECT_SECONDS = 5
AWAY = ("08", "53", "57P")
"""SQLSTATE classes of a database that is away: connection lost, no resources, told to stop."""

_ADVICE = (
    ("password authentication failed", "the user or the password is not right"),
    ("no password supplied", f"put the password into the URL: {URL}"),
    ('role ".*" does not exist', "make that role (CREATE ROLE … LOGIN), or name another user"),
    ('database ".*" does not exist', "make it (CREATE DATABASE …), or name another one"),
    ("pg_hba.conf", "allow this user from this machine in the server's pg_hba.conf"),
    ("resolve host", "no machine is known by that name; put the host right"),
    (
        "refused|No such file|timeout|unreachable|No route",
        "no PostgreSQL answers there; start it, or put host and port right",
    ),
    ("starting up|shutting down|recovery mode|too many|connection slots", "try again in a moment"),
)


@attrs.define(kw_only=True)
class DatabaseUnreachable(Unavailable):
    """Nobody lets us in; `reason` is in libpq's words mostly, `advice` says what would be right."""

    code: ClassVar[str] = "database_unreachable"

    part: str = "database"
    reason: str
    advice: str = ""

    def __str__(self) -> str:
        return "cannot use the database: " + "; ".join(filter(None, self._words))

    @property
    def _words(self) -> tuple[str, str]:
        return self.reason, self.advice


def checked_url(url: str) -> str:
    """Return a URL as libpq reads it; raise `InvalidValue`, which does not quote it."""
    # SQLAlchemy lets one name the driver.
    plain = re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql://", url)
    if not (plain.startswith("postgresql://") and _is_read_by_libpq(plain)):
        message = f"a PostgreSQL URL such as {URL}; in a password, write @ : / % as %40 %3A %2F %25"
        raise InvalidValue.of("database_url", "url", message)
    return plain


def _is_read_by_libpq(url: str) -> bool:
    try:
        told = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return False
    # A password with a slash in it ends up here, and libpq would quote it.
    return re.fullmatch(r"[0-9,]*", str(told.get("port", ""))) is not None


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Give a connection in a transaction; raise `DatabaseUnreachable` where there can be none."""
    plain = checked_url(url)
    try:
        with psycopg.connect(plain, connect_timeout=CONNECT_SECONDS) as connection:
            yield connection
    except psycopg.OperationalError as error:
        if error.sqlstate and not error.sqlstate.startswith(AWAY):
            raise
        raise _unreachable(str(error)) from error


def _unreachable(told: str) -> DatabaseUnreachable:
    words = re.sub(r"\n\tIs the server running.*", "", told)
    words = re.sub(r"^connection (failed|is bad): ", "", words)
    reason = "; ".join(line.strip() for line in words.splitlines())
    advice = next((what for sign, what in _ADVICE if re.search(sign, reason)), "")
    return DatabaseUnreachable(reason=reason, advice=advice)
