"""Rows of tokens, users and sessions; no secret is in them, only digests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from telecom_crm.adapters.postgres.json import converter, dumps
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.role import Scope
from telecom_crm.domain.session import CustomerPassword, Session, SessionStage
from telecom_crm.domain.token import Token
from telecom_crm.domain.user import Preferences, User, UserStatus


def token_to_row(token: Token) -> dict[str, Any]:
    """Return the row of a token."""
    scopes = token.scopes
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "scopes": None if scopes is None else dumps([str(scope) for scope in scopes]),
        "digest": token.digest,
        "made_by_name": token.made_by.name,
        "made_by_token": token.made_by.token,
        "made_by_maker": token.made_by.maker,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "last_used_at": token.last_used_at,
    }


def token_from_row(row: Mapping[str, Any]) -> Token:
    """Return the token of a row."""
    scopes = row["scopes"]
    return Token(
        id=row["id"],
        name=row["name"],
        role=row["role"],
        scopes=None if scopes is None else tuple(map(Scope.parse, scopes)),
        digest=row["digest"],
        made_by=Actor(row["made_by_name"], row["made_by_token"], row["made_by_maker"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
    )


def user_to_row(user: User) -> dict[str, Any]:
    """Return the row of a user."""
    return {
        "id": user.id,
        "login": user.login,
        "name": user.name,
        "role": user.role,
        "preferences": dumps(converter.unstructure(user.preferences)),
        "password_hash": user.password_hash,
        "invitation": user.invitation,
        "invitation_ends_at": user.invitation_ends_at,
        "totp_secret": user.totp_secret,
        "totp_confirmed_at": user.totp_confirmed_at,
        "totp_step": user.totp_step,
        "recovery": dumps(list(user.recovery)),
        "news_read_at": user.news_read_at,
        "created_at": user.created_at,
        "status": user.status.value,
        "version": user.version,
    }


def user_from_row(row: Mapping[str, Any]) -> User:
    """Return the user of a row."""
    return User(
        id=row["id"],
        login=row["login"],
        name=row["name"],
        role=row["role"],
        preferences=converter.structure(row["preferences"], Preferences),
        password_hash=row["password_hash"],
        invitation=row["invitation"],
        invitation_ends_at=row["invitation_ends_at"],
        totp_secret=row["totp_secret"],
        totp_confirmed_at=row["totp_confirmed_at"],
        totp_step=row["totp_step"],
        recovery=tuple(row["recovery"]),
        news_read_at=row["news_read_at"],
        created_at=row["created_at"],
        status=UserStatus(row["status"]),
        version=row["version"],
    )


def session_to_row(session: Session) -> dict[str, Any]:
    """Return the row of a session."""
    return {
        "id": session.id,
        "digest": session.digest,
        "csrf": session.csrf,
        "user_id": session.user_id,
        "customer_id": session.customer_id,
        "stage": session.stage.value,
        "address": session.address,
        "agent": session.agent,
        "started_at": session.started_at,
        "seen_at": session.seen_at,
        "idle_seconds": int(session.idle.total_seconds()),
        "ends_at": session.ends_at,
        "ended_at": session.ended_at,
    }


def session_from_row(row: Mapping[str, Any]) -> Session:
    """Return the session of a row."""
    return Session(
        id=row["id"],
        digest=row["digest"],
        csrf=row["csrf"],
        user_id=row["user_id"],
        customer_id=row["customer_id"],
        stage=SessionStage(row["stage"]),
        address=row["address"],
        agent=row["agent"],
        started_at=row["started_at"],
        seen_at=row["seen_at"],
        idle=timedelta(seconds=row["idle_seconds"]),
        ends_at=row["ends_at"],
        ended_at=row["ended_at"],
    )


def customer_password_to_row(password: CustomerPassword) -> dict[str, Any]:
    """Return the row of a customer's password."""
    return {
        "id": password.id,
        "password_hash": password.password_hash,
        "set_at": password.set_at,
    }


def customer_password_from_row(row: Mapping[str, Any]) -> CustomerPassword:
    """Return the customer's password of a row."""
    return CustomerPassword(id=row["id"], password_hash=row["password_hash"], set_at=row["set_at"])
