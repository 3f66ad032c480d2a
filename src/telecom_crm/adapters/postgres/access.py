"""Access tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
from sqlalchemy import Connection

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.collections import (
    by_choice,
    conditions_of,
    make_cursor,
    read_cursor,
)
from telecom_crm.adapters.postgres.rows.access import token_from_row, token_to_row
from telecom_crm.adapters.postgres.sheet import Row, Sheet, array_of, rows_of
from telecom_crm.application.ports import Page, Query
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.identifiers import TokenId
from telecom_crm.domain.user import Role, Token

_TOKENS = Sheet(tables.tokens)
_FILTERS = {"role": by_choice("role", Role)}
_SAVE = f"{_TOKENS.insert} ON CONFLICT (id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in _TOKENS.columns if name != "id"
)


@attrs.define
class PostgresTokens:
    """Access tokens by the digest of their secret; a token has neither version nor events."""

    connection: Connection
    holding: bool = True

    def get(self, key: TokenId) -> Token:
        """Return one token; raise `NotFound`."""
        found = self.get_many([key])
        if key not in found:
            raise NotFound("token", str(key))
        return found[key]

    def get_many(self, keys: Iterable[TokenId]) -> dict[TokenId, Token]:
        """Return those that exist, held in the order of their ids."""
        hold = " FOR NO KEY UPDATE" if self.holding else ""
        rows = rows_of(
            self.connection,
            f"SELECT * FROM tokens WHERE id = ANY(%(ids)s::uuid[]) ORDER BY id{hold}",
            {"ids": array_of(keys)},
        )
        return {row["id"]: token_from_row(row) for row in rows}

    def save(self, thing: Token) -> Token:
        """Store a new or changed token."""
        self.save_all([thing])
        return thing

    def save_all(self, things: Sequence[Token]) -> None:
        """Store many; all or none."""
        if things:
            rows: list[Row] = [token_to_row(token) for token in sorted(things, key=lambda t: t.id)]
            self.connection.exec_driver_sql(_SAVE, _TOKENS.arrays(rows))

    def page(self, query: Query) -> Page[Token]:
        """Return a page of the list in order of the ids."""
        conditions, parameters = conditions_of(query, _FILTERS)
        if query.cursor is not None:
            conditions.append(f"id {'<' if query.descending else '>'} %(after)s::uuid")
            parameters["after"] = read_cursor(query.cursor, str)
        rows = rows_of(
            self.connection,
            f"SELECT * FROM tokens WHERE {' AND '.join(conditions) or 'true'}"
            f" ORDER BY id{' DESC' if query.descending else ''} LIMIT %(limit)s",
            {**parameters, "limit": query.limit + 1},
        )
        items = tuple(token_from_row(row) for row in rows[: query.limit])
        more = len(rows) > query.limit
        return Page(items=items, next=make_cursor(str(items[-1].id)) if more else None)

    def by_digest(self, digest: str) -> Token | None:
        """Return the token with this SHA-256 digest."""
        sql = "SELECT * FROM tokens WHERE digest = %(digest)s"
        rows = rows_of(self.connection, sql, {"digest": digest})
        return token_from_row(rows[0]) if rows else None
