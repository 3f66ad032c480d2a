"""Rows of access tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telecom_crm.domain.user import Role, Token


def token_to_row(token: Token) -> dict[str, Any]:
    """Return the row of a token; its secret is nowhere, only the digest."""
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role.value,
        "digest": token.digest,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "last_used_at": token.last_used_at,
    }


def token_from_row(row: Mapping[str, Any]) -> Token:
    """Return the token of a row."""
    return Token(
        id=row["id"],
        name=row["name"],
        role=Role(row["role"]),
        digest=row["digest"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
    )
