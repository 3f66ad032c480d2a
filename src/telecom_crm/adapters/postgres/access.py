"""Who comes in: tokens, users, their sessions, and how often it was tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar

import attrs
from sqlalchemy import Connection, Table

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.collections import (
    Filter,
    PostgresCollection,
    Shape,
    by_choice,
    by_id,
    by_text,
    conditions_of,
    counts_in,
    keys_in,
    make_cursor,
    read_cursor,
)
from telecom_crm.adapters.postgres.rows.access import (
    customer_password_from_row,
    customer_password_to_row,
    session_from_row,
    session_to_row,
    token_from_row,
    token_to_row,
    user_from_row,
    user_to_row,
)
from telecom_crm.adapters.postgres.sheet import Row, Sheet, array_of, rows_of
from telecom_crm.application.ports import Attempted, Page, Query
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.identifiers import CustomerId, SessionId, TokenId, UserId
from telecom_crm.domain.session import CustomerPassword, Session
from telecom_crm.domain.token import PERSON, Token, TokenStatus
from telecom_crm.domain.user import User, UserStatus

K = TypeVar("K")
T = TypeVar("T")


@attrs.frozen(init=False)
class UnversionedShape(Generic[T]):
    """How things without versions lie in their table."""

    thing: str
    sheet: Sheet
    to_row: Callable[[T], Row]
    from_row: Callable[[Mapping[str, Any]], T]
    filters: Mapping[str, Filter]
    saving: str

    def __init__(
        self,
        thing: str,
        table: Table,
        *,
        to_row: Callable[[T], Row],
        from_row: Callable[[Mapping[str, Any]], T],
        filters: Mapping[str, Filter],
    ) -> None:
        sheet = Sheet(table)
        saving = f"{sheet.insert} ON CONFLICT (id) DO UPDATE SET " + ", ".join(
            f"{name} = excluded.{name}" for name in sheet.columns if name != "id"
        )
        self.__attrs_init__(thing, sheet, to_row, from_row, filters, saving)


@attrs.define
class PostgresUnversioned(Generic[K, T]):
    """Things that have neither version nor events."""

    shape: ClassVar[UnversionedShape[Any]]

    connection: Connection
    holding: bool = True

    def get(self, key: K) -> T:
        """Return one thing; raise `NotFound`."""
        found = self.get_many([key])
        if key not in found:
            raise NotFound(self.shape.thing, str(key))
        return found[key]

    def get_many(self, keys: Iterable[K]) -> dict[K, T]:
        """Return those that exist, held in the order of their ids."""
        hold = " FOR NO KEY UPDATE" if self.holding else ""
        rows = rows_of(
            self.connection,
            f"SELECT * FROM {self.shape.sheet.table} WHERE id = ANY(%(ids)s::uuid[])"
            f" ORDER BY id{hold}",
            {"ids": array_of(keys)},
        )
        return {row["id"]: self.shape.from_row(row) for row in rows}

    def save(self, thing: T) -> T:
        """Store a new or changed thing."""
        self.save_all([thing])
        return thing

    def save_all(self, things: Sequence[T]) -> None:
        """Store many; all or none."""
        if things:
            rows = sorted(map(self.shape.to_row, things), key=lambda row: row["id"])
            self.connection.exec_driver_sql(self.shape.saving, self.shape.sheet.arrays(rows))

    def page(self, query: Query) -> Page[T]:
        """Return a page of the list in order of the ids."""
        conditions, parameters = conditions_of(query, self.shape.filters)
        if query.cursor is not None:
            conditions.append(f"id {'<' if query.descending else '>'} %(after)s::uuid")
            parameters["after"] = read_cursor(query.cursor, str)
        rows = rows_of(
            self.connection,
            f"SELECT * FROM {self.shape.sheet.table} WHERE {' AND '.join(conditions) or 'true'}"
            f" ORDER BY id{' DESC' if query.descending else ''} LIMIT %(limit)s",
            {**parameters, "limit": query.limit + 1},
        )
        items = tuple(map(self.shape.from_row, rows[: query.limit]))
        more = len(rows) > query.limit
        return Page(
            items=items, next=make_cursor(str(rows[len(items) - 1]["id"])) if more else None
        )

    def counts(self, wheres: Sequence[Mapping[str, str]], *, most: int) -> list[int]:
        """Count what each of some filters leaves of the list, up to `most`."""
        table = self.shape.sheet.table
        return counts_in(self.connection, table, self.shape.filters, wheres, most=most)

    def keys(self, where: Mapping[str, str]) -> list[str]:
        """Return the keys, in order, of all that filters leave."""
        table = self.shape.sheet.table
        return keys_in(self.connection, table, self.shape.filters, where, key="id")


_STATUS = "(revoked_at IS NOT NULL) = {}"


def _read_status(value: str) -> bool:
    by_choice("status", TokenStatus).read(value)
    return value == TokenStatus.REVOKED


@attrs.define
class PostgresTokens(PostgresUnversioned[TokenId, Token]):
    """Access tokens."""

    shape: ClassVar[UnversionedShape[Any]] = UnversionedShape(
        "token",
        tables.tokens,
        to_row=token_to_row,
        from_row=token_from_row,
        filters={"role": by_text("role"), "status": Filter(_STATUS, _read_status)},
    )

    def opening(self, digest: str) -> Token | None:
        """Return the token whose secret has this SHA-256 digest, while its maker may come in."""
        rows = rows_of(
            self.connection,
            "SELECT t.* FROM tokens t"
            " CROSS JOIN LATERAL (SELECT CASE WHEN t.made_by_token IS NOT NULL"
            " THEN coalesce(t.made_by_maker, t.made_by_token) END AS maker) who"
            " WHERE t.digest = %(digest)s"
            " AND CASE WHEN starts_with(who.maker, %(person)s) THEN EXISTS (SELECT FROM users u"
            " WHERE u.id = substr(who.maker, length(%(person)s) + 1)::uuid"
            " AND u.status = %(active)s AND u.password_hash IS NOT NULL) ELSE true END",
            {"digest": digest, "person": PERSON, "active": UserStatus.ACTIVE.value},
        )
        return token_from_row(rows[0]) if rows else None


@attrs.define
class PostgresSessions(PostgresUnversioned[SessionId, Session]):
    """Who signed in."""

    shape: ClassVar[UnversionedShape[Any]] = UnversionedShape(
        "session",
        tables.sessions,
        to_row=session_to_row,
        from_row=session_from_row,
        filters={"user_id": by_id("user_id"), "customer_id": by_id("customer_id")},
    )

    def by_digest(self, digest: str) -> Session | None:
        """Return the session whose secret has this SHA-256 digest."""
        sql = "SELECT * FROM sessions WHERE digest = %(digest)s"
        rows = rows_of(self.connection, sql, {"digest": digest})
        return session_from_row(rows[0]) if rows else None

    def of_user(self, user_id: UserId) -> list[Session]:
        """Return a user's sessions that nobody ended, in the order they began."""
        rows = rows_of(
            self.connection,
            "SELECT * FROM sessions WHERE user_id = %(user)s AND ended_at IS NULL"
            " ORDER BY started_at, id",
            {"user": user_id},
        )
        return [session_from_row(row) for row in rows]

    def last_seen(self, user_ids: Iterable[UserId]) -> dict[UserId, datetime]:
        """Return when each of some users was last seen, for those who have a session, if over."""
        rows = self.connection.exec_driver_sql(
            "SELECT user_id, max(seen_at) FROM sessions WHERE user_id = ANY(%(users)s::uuid[])"
            " GROUP BY user_id",
            {"users": array_of(list(user_ids))},
        )
        return {UserId(row[0]): row[1] for row in rows}

    def forget_before(self, at: datetime, *, limit: int) -> int:
        """Forget sessions that were over by then, so many at most; return how many."""
        done = self.connection.exec_driver_sql(
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions"
            " WHERE coalesce(ended_at, ends_at) < %(at)s AND ends_at < %(latest)s"
            " ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)",
            {"at": at, "latest": at + timedelta(days=1), "limit": limit},
        )
        return done.rowcount


@attrs.define
class PostgresCustomerPasswords(PostgresUnversioned[CustomerId, CustomerPassword]):
    """What customers sign in with beside their contract's number."""

    shape: ClassVar[UnversionedShape[Any]] = UnversionedShape(
        "customer_password",
        tables.customer_passwords,
        to_row=customer_password_to_row,
        from_row=customer_password_from_row,
        filters={},
    )


@attrs.define
class PostgresUsers(PostgresCollection[UserId, User]):
    """The operator's own people."""

    shape: ClassVar[Shape[Any]] = Shape(
        "user",
        tables.users,
        key="id",
        to_row=user_to_row,
        from_row=user_from_row,
        filters={
            "status": by_choice("status", UserStatus),
            "role": by_text("role"),
            "login": by_text("login"),
        },
    )

    def by_login(self, login: str) -> User | None:
        """Return the user with this login, in small letters; it is not held."""
        found = self.find("t.login = %(login)s", {"login": login})
        return found[0] if found else None

    def names(self) -> dict[str, str]:
        """Return what each is called, by login."""
        found = self.connection.exec_driver_sql("SELECT login, name FROM users")
        return {row[0]: row[1] for row in found}

    def by_invitation(self, digest: str) -> User | None:
        """Return the user whose invitation's secret has this SHA-256 digest; it is not held."""
        found = self.find("t.invitation = %(digest)s", {"digest": digest})
        return found[0] if found else None


@attrs.define
class PostgresAttempts:
    """How often something was tried, counted for all processes together."""

    connection: Connection

    def count(
        self, keys: Iterable[str], *, at: datetime, window: timedelta
    ) -> dict[str, Attempted]:
        """Count one more for each key, held in their order, and return the counts with it."""
        rows = rows_of(
            self.connection,
            "INSERT INTO attempts AS t (key, number, since)"
            " SELECT key, 1, %(at)s FROM unnest(%(keys)s::text[]) AS key"
            " ON CONFLICT (key) DO UPDATE SET"
            " number = CASE WHEN t.since <= %(over)s THEN 1 ELSE t.number + 1 END,"
            " since = CASE WHEN t.since <= %(over)s THEN %(at)s ELSE t.since END"
            " RETURNING key, number, since",
            {"keys": array_of(sorted(set(keys)), quoted=True), "at": at, "over": at - window},
        )
        return {row["key"]: Attempted(row["number"], row["since"]) for row in rows}

    def forget_before(self, at: datetime, *, limit: int) -> int:
        """Forget counts that began before this, so many at most; return how many."""
        done = self.connection.exec_driver_sql(
            "DELETE FROM attempts WHERE key IN (SELECT key FROM attempts WHERE since < %(at)s"
            " ORDER BY since, key LIMIT %(limit)s FOR UPDATE SKIP LOCKED)",
            {"at": at, "limit": limit},
        )
        return done.rowcount

    def forgive(self, wholly: Iterable[str], once: Iterable[str] = ()) -> None:
        """Forget all attempts of some keys, and one of others."""
        forgotten, fewer = sorted(set(wholly)), sorted(set(once))
        keys = array_of(sorted({*forgotten, *fewer}), quoted=True)
        self.connection.exec_driver_sql(
            "UPDATE attempts t SET number ="
            " CASE WHEN t.key = ANY(%(gone)s::text[]) THEN 0 ELSE greatest(t.number - 1, 0) END"
            " FROM (SELECT key FROM attempts WHERE key = ANY(%(keys)s::text[])"
            " ORDER BY key FOR NO KEY UPDATE) held WHERE held.key = t.key",
            {"keys": keys, "gone": array_of(forgotten, quoted=True)},
        )
