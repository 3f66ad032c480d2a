"""Tokens of programs, and what their roles permit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import attrs

from telecom_crm.application.access.desk import TOKEN_PREFIX, AccessDesk, new_secret
from telecom_crm.application.granting import require_covered, watched
from telecom_crm.application.paging import counts_of, each_of, search_of
from telecom_crm.application.ports import NO_FILTERS, AuditRecord, Page, Query
from telecom_crm.application.retry import retried
from telecom_crm.application.roles import role_in, roles_in
from telecom_crm.domain.identifiers import TokenId
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.role import ALL_RIGHTS, NO_RIGHTS, Rights, Scope, Visitor
from telecom_crm.domain.token import Token, digest_of

USE_NOTED_EVERY = timedelta(minutes=1)
"""How exact the last use is; a write for each request would be dear."""


@attrs.frozen
class TokenDesk(AccessDesk):
    """Makes, finds and revokes tokens."""

    @retried
    def create_token(
        self,
        *,
        name: str,
        role: str,
        scopes: Iterable[Scope] | None = None,
        expires_at: datetime | None = None,
        rights: Rights = ALL_RIGHTS,
        by: Actor = SYSTEM,
    ) -> tuple[Token, str]:
        """
        Make a token and return it with its secret, which is shown this once and kept nowhere.

        `scopes` narrow what the role allows; `rights` are those of whoever asks. Raise `NotFound`
        for a role that there is not, `BeyondRights` for a token that may do what they may not.
        """
        secret, at = new_secret(TOKEN_PREFIX), self.clock()
        token = Token.create(
            id=TokenId(self.new_id()),
            name=name,
            role=role,
            scopes=scopes,
            secret=secret,
            expires_at=expires_at,
            by=by,
            at=at,
        )
        with watched(self.uow, self.clock, thing="token", by=by), self.uow() as tx:
            asked = token.within(role_in(tx, token.role).rights)
            require_covered(rights, asked, role=token.role)
            tx.audit.record(_line("token.create", token, by=by, at=at, detail=token.role))
            return tx.tokens.save(token), secret

    def authenticate(self, secret: str) -> Token | None:
        """
        Return the token of a secret, or None where there is none that is still valid.

        Nor is one valid whose maker is a user who may not sign in now.
        """
        found = self._bearer(secret)
        return None if found is None else found[0]

    @retried
    def revoke(self, token_id: TokenId, *, by: Actor = SYSTEM) -> Token:
        """Close a token for good."""
        at = self.clock()
        with self.uow() as tx:
            token = tx.tokens.get(token_id)
            if token.revoked_at is not None:
                return token
            tx.audit.record(_line("token.revoke", token, by=by, at=at))
            return tx.tokens.save(token.revoke(at=at))

    def get(self, token_id: TokenId) -> Token:
        """Return a token; raise `NotFound`."""
        with self.uow(read_only=True) as tx:
            return tx.tokens.get(token_id)

    def page(self, query: Query) -> Page[Token]:
        """Return a page of the tokens, revoked ones too."""
        with self.uow(read_only=True) as tx:
            return tx.tokens.page(query)

    def search(
        self, text: str, *, where: Mapping[str, str] = NO_FILTERS, limit: int = 20
    ) -> list[Token]:
        """Find tokens by a part of the name or of who made them."""
        return search_of(
            self.uow,
            lambda tx: tx.tokens,
            lambda token: (token.name, token.made_by.name),
            text,
            where,
            limit=limit,
        )

    def counts(self, *wheres: Mapping[str, str], most: int) -> list[int]:
        """Count the tokens that each filter leaves, up to `most`."""
        return counts_of(self.uow, lambda tx: tx.tokens, wheres, most=most)

    def each(self, **where: str) -> Iterator[Token]:
        """Go through the tokens, filtered by fields as in `page`."""
        return each_of(self.uow, lambda tx: tx.tokens, where)

    def _bearer(self, secret: str) -> tuple[Token, Visitor] | None:
        """Return a token that is valid, and who comes with it."""
        at = self.clock()
        with self.uow(read_only=True) as tx:
            token = tx.tokens.opening(digest_of(secret))
            roles = roles_in(tx) if token is not None else {}
        if token is None or not token.matches(secret) or not token.is_valid(at=at):
            return None
        if token.last_used_at is None or at - token.last_used_at >= USE_NOTED_EVERY:
            noted = self._note_use(token.id, at)
            if noted is None:
                return None
            token = noted
        role = roles.get(token.role)
        # A role that is gone grants nothing.
        rights = token.within(NO_RIGHTS if role is None else role.rights)
        visitor = Visitor(actor=token.actor, rights=rights, role=token.role, key=token.digest)
        return token, visitor

    @retried
    def _note_use(self, token_id: TokenId, at: datetime) -> Token | None:
        with self.uow() as tx:
            token = tx.tokens.get(token_id)
            if not token.is_valid(at=at):
                return None
            if token.last_used_at is not None and at - token.last_used_at < USE_NOTED_EVERY:
                return token
            return tx.tokens.save(token.used(at=at))


def _line(action: str, token: Token, *, by: Actor, at: datetime, detail: str = "") -> AuditRecord:
    return AuditRecord(
        action=action, thing="token", thing_id=str(token.id), by=by, at=at, detail=detail
    )
