"""Tokens of users and programs, and what their roles permit."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta

import attrs

from telecom_crm.application.paging import each_of
from telecom_crm.application.ports import AuditRecord, Clock, NewId, Page, Query, UnitOfWork
from telecom_crm.application.retry import retried
from telecom_crm.domain.errors import NotPermitted
from telecom_crm.domain.identifiers import TokenId
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.user import Action, Area, Role, Token, digest_of

SECRET_PREFIX = "tcrm_"
"""What every secret begins with, so that one that leaked is found by scanners."""

USE_NOTED_EVERY = timedelta(minutes=1)
"""How exact the last use of a token is; a write for each request would be dear."""


@attrs.frozen
class Access:
    """Who may come in, and what they may do."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId

    @retried
    def create_token(
        self,
        *,
        name: str,
        role: Role,
        expires_at: datetime | None = None,
        by: Actor = SYSTEM,
    ) -> tuple[Token, str]:
        """Make a token and return it with its secret, which is shown this once and kept nowhere."""
        secret = SECRET_PREFIX + secrets.token_urlsafe(32)
        at = self.clock()
        token = Token.create(
            id=TokenId(self.new_id()),
            name=name,
            role=role,
            secret=secret,
            expires_at=expires_at,
            at=at,
        )
        with self.uow() as tx:
            tx.audit.record(_line("token.create", token, by=by, at=at, detail=role.value))
            return tx.tokens.save(token), secret

    def authenticate(self, secret: str) -> Token | None:
        """Return the token of a secret, or None where there is none that is still valid."""
        at = self.clock()
        with self.uow(read_only=True) as tx:
            token = tx.tokens.by_digest(digest_of(secret))
        if token is None or not token.matches(secret) or not token.is_valid(at=at):
            return None
        if token.last_used_at is None or at - token.last_used_at >= USE_NOTED_EVERY:
            return self._note_use(token.id, at)
        return token

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

    def each(self, **where: str) -> Iterator[Token]:
        """Go through the tokens, filtered by fields as in `page`."""
        return each_of(self.uow, lambda tx: tx.tokens, where)

    def permit(
        self,
        role: Role,
        area: Area,
        action: Action,
        *,
        thing: str = "",
        thing_id: str = "",
        by: Actor,
    ) -> None:
        """Let a role act in an area, or raise `NotPermitted` and write the refusal down."""
        try:
            role.require(area, action)
        except NotPermitted as refusal:
            self.record(
                f"refused {action} {area}",
                thing=thing or area.value,
                thing_id=thing_id,
                detail=f"{refusal.code}: {role}",
                by=by,
            )
            raise

    @retried
    def record(
        self, action: str, *, thing: str, thing_id: str, detail: str = "", by: Actor
    ) -> None:
        """Write down something that changed nothing and is worth knowing."""
        at = self.clock()
        with self.uow() as tx:
            tx.audit.record(
                AuditRecord(
                    action=action, thing=thing, thing_id=thing_id, by=by, at=at, detail=detail
                )
            )

    def audit(self, query: Query) -> Page[AuditRecord]:
        """Return a page of refusals and of who took secrets, papers and files, as written."""
        with self.uow(read_only=True) as tx:
            return tx.audit.page(query)

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
