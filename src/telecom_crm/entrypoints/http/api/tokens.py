"""Tokens of users and programs, and the audit of refusals."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from telecom_crm.application.access.service import Access
from telecom_crm.application.audit import AuditTrail
from telecom_crm.application.ports import AUDIT_FILTERS, AuditRecord, Query, TableFormat
from telecom_crm.domain.identifiers import TokenId
from telecom_crm.domain.role import Action, Area, Scope
from telecom_crm.domain.token import Token
from telecom_crm.entrypoints.http.bodies import Body, InstantText, Name
from telecom_crm.entrypoints.http.calls import (
    CURSOR,
    FORMAT,
    LIMIT,
    Call,
    Parameter,
    instant_parameter,
    listing,
)
from telecom_crm.entrypoints.http.routes import does, makes, reads
from telecom_crm.entrypoints.http.tables import MEDIA_TYPES
from telecom_crm.entrypoints.http.values import PageView, View, listed, made, shown

RoleText = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{1,39}$", examples=["cashier"])]
ScopeText = Annotated[str, msgspec.Meta(pattern="^[a-z]+:[a-z]+$", examples=["payments:write"])]


class NewToken(Body):
    """A token to make; `scopes` narrow what its role allows."""

    name: Name
    role: RoleText
    scopes: list[ScopeText] | None = None
    expires_at: InstantText | None = None


class TokenView(View):
    """A token; its secret is not kept."""

    id: UUID
    name: str
    role: str
    scopes: list[str] | None
    made_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, token: Token) -> TokenView:
        """Show a token."""
        return cls(
            id=token.id,
            name=token.name,
            role=token.role,
            scopes=None if token.scopes is None else [str(scope) for scope in token.scopes],
            made_by=token.made_by.name,
            created_at=token.created_at,
            expires_at=token.expires_at,
            revoked_at=token.revoked_at,
            last_used_at=token.last_used_at,
        )


class MadeTokenView(View):
    """A token just made, with its secret, which is never shown again."""

    token: TokenView
    secret: str


class AuditView(View):
    """
    A refusal, or a look at what is secret or personal: the id of the token used, and where from.
    """

    action: str
    thing: str
    thing_id: str
    by: str
    token: str | None
    address: str | None
    at: datetime
    detail: str

    @classmethod
    def of(cls, record: AuditRecord) -> AuditView:
        """Show a line."""
        return cls(
            action=record.action,
            thing=record.thing,
            thing_id=record.thing_id,
            by=record.by.name,
            token=record.by.token,
            address=record.by.address,
            at=record.at,
            detail=record.detail,
        )


_FILTERS = (
    *(Parameter(name=name, schema={"type": "string", "maxLength": 200}) for name in AUDIT_FILTERS),
    instant_parameter("from", description="Not before this."),
    instant_parameter("to", description="Before this."),
)


class TokenController(Controller):
    """Who may come in."""

    path = "/tokens"
    tags = ("access",)

    @makes("/", Area.TOKENS)
    def create(
        self, request: Call, data: JSONBody[NewToken], access: NamedDependency[Access]
    ) -> Response[MadeTokenView]:
        """Make a token; the answer shows its secret this once."""
        token, secret = access.create_token(
            name=data.name,
            role=data.role,
            scopes=None if data.scopes is None else [Scope.parse(one) for one in data.scopes],
            expires_at=data.expires_at.value if data.expires_at else None,
            rights=request.rights,
            by=request.by,
        )
        view = MadeTokenView(token=TokenView.of(token), secret=secret)
        return made(view, at=f"/tokens/{token.id}")

    @reads("/", Area.TOKENS, query=listing("token"))
    def page(self, request: Call, access: NamedDependency[Access]) -> Response[PageView[TokenView]]:
        """List tokens, revoked ones too."""
        return listed(request, access.page(request.query()), TokenView.of)

    @reads("/{token_id:uuid}", Area.TOKENS)
    def get(self, token_id: FromPath[UUID], access: NamedDependency[Access]) -> TokenView:
        """Show a token."""
        return TokenView.of(access.get(TokenId(token_id)))

    @does("/{token_id:uuid}/revoke", Area.TOKENS)
    def revoke(
        self, request: Call, token_id: FromPath[UUID], access: NamedDependency[Access]
    ) -> Response[TokenView]:
        """Close a token for good; within seconds it opens nothing any more."""
        return shown(TokenView.of(access.revoke(TokenId(token_id), by=request.by)))


class AuditController(Controller):
    """What was refused, and who took secrets, papers and files; changes are in the events."""

    path = "/audit"
    tags = ("access",)

    @reads(
        "/",
        Area.AUDIT,
        query=(*_FILTERS, LIMIT, CURSOR),
    )
    def page(self, request: Call, access: NamedDependency[Access]) -> Response[PageView[AuditView]]:
        """List refusals and who took secrets, papers and files, oldest first."""
        given = request.given()
        query = Query(
            where={name: given[name] for name in AUDIT_FILTERS if name in given},
            limit=given.get("limit") or 50,
            cursor=given.get("cursor"),
        )
        found = access.audit(query, since=given.get("from"), until=given.get("to"))
        return listed(request, found, AuditView.of)

    @reads(
        "/export",
        Area.AUDIT,
        Action.EXPORT,
        query=(FORMAT, *_FILTERS),
        media_types=tuple(MEDIA_TYPES.values()),
        extra="reports",
    )
    def export(self, request: Call, audit: NamedDependency[AuditTrail]) -> Stream:
        """
        Download the audit, or what filters let through of it, as a file, oldest first.

        That somebody did is written down.
        """
        where = request.given()
        kind = TableFormat(where.pop("format", TableFormat.CSV))
        since, until = where.pop("from", None), where.pop("to", None)
        pieces = audit.export(kind, where=where, since=since, until=until, by=request.by)
        headers = {"Content-Disposition": f'attachment; filename="audit.{kind}"'}
        return Stream(pieces, media_type=MEDIA_TYPES[kind], headers=headers)
