"""Signing in: a password, a code where one is asked for, and the session that comes of it."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any, ClassVar, NoReturn

import attrs

from telecom_crm.application.access.desk import SESSION_PREFIX, AccessDesk, new_secret
from telecom_crm.application.access.tokens import USE_NOTED_EVERY
from telecom_crm.application.ports import AuditRecord, Transaction
from telecom_crm.application.retry import retried
from telecom_crm.application.rules import roles_in
from telecom_crm.domain.errors import NotPermitted, TelecomCrmError
from telecom_crm.domain.identifiers import SessionId, UserId
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.role import NO_RIGHTS, Visitor
from telecom_crm.domain.session import LONGEST, SECOND_STEP, Session, SessionStage
from telecom_crm.domain.text import UNSTORABLE
from telecom_crm.domain.token import digest_of
from telecom_crm.domain.user import User

GUESSES = 5
"""How often a login, or the code of a session, may be tried within `GUESS_WINDOW`."""
GUESSES_OF_ADDRESS = 30
"""How often an address may."""
GUESS_WINDOW = timedelta(minutes=15)
AGENT_LIMIT = 300


@attrs.define
class SignInRefused(NotPermitted):
    """Nobody comes in with that: which part was wrong is not told."""

    code: ClassVar[str] = "sign_in_refused"

    action: str = "sign in"

    def __str__(self) -> str:
        return "the login, the password or the code is wrong"


@attrs.define
class TooManyAttempts(TelecomCrmError):
    """Tried so often that nothing is looked at any more for a while."""

    code: ClassVar[str] = "too_many_attempts"
    retryable: ClassVar[bool] = True

    retry_after_seconds: int

    def __str__(self) -> str:
        minutes = -(-self.retry_after_seconds // 60)
        return f"too many attempts; try again in {minutes} minutes"


@attrs.frozen
class SignedIn:
    """A session, and its secret, which is shown this once and kept nowhere."""

    session: Session
    secret: str = attrs.field(repr=False)


@attrs.frozen
class VisitDesk(AccessDesk):
    """What all visits share: they begin, are known by their secret, end, and are counted."""

    def sign_out(self, secret: str) -> None:
        """End a session; one that is over, or never was, is no change."""
        session = self._session(secret, None)
        if session is not None:
            self.end_session(session.id, by=SYSTEM)

    @retried
    def end_session(self, session_id: SessionId, *, by: Actor = SYSTEM) -> Session:
        """End a session."""
        at = self.clock()
        with self.uow() as tx:
            session = tx.sessions.get(session_id)
            if session.ended_at is not None:
                return session
            tx.audit.record(
                AuditRecord(
                    action="session.end",
                    thing="customer" if session.user_id is None else "user",
                    thing_id=str(session.user_id or session.customer_id),
                    by=by,
                    at=at,
                )
            )
            return tx.sessions.save(session.end(at=at))

    def _begin(
        self, secret: str, *, at: datetime, lasts: timedelta, agent: str, **whose: Any
    ) -> Session:
        """Return a session that `secret` opens for so long."""
        return Session(
            id=SessionId(self.new_id()),
            digest=digest_of(secret),
            csrf=secrets.token_urlsafe(24),
            agent=UNSTORABLE.sub("", agent[:AGENT_LIMIT]),
            started_at=at,
            seen_at=at,
            ends_at=at + lasts,
            **whose,
        )

    def _session(self, secret: str, stage: SessionStage | None) -> Session | None:
        if not secret.startswith(SESSION_PREFIX):
            return None
        with self.uow(read_only=True) as tx:
            session = tx.sessions.by_digest(digest_of(secret))
        if session is None or not session.is_valid(at=self.clock()):
            return None
        return session if stage in (None, session.stage) else None

    @retried
    def _note_seen(self, session_id: SessionId, at: datetime) -> None:
        with self.uow() as tx:
            session = tx.sessions.get(session_id)
            if session.is_valid(at=at):
                tx.sessions.save(session.seen(at=at))

    @retried
    def _count(self, limits: dict[str, int], *, window: timedelta = GUESS_WINDOW) -> None:
        """Count an attempt before it is looked at, so that many at once are counted too."""
        at = self.clock()
        with self.uow() as tx:
            counted = tx.attempts.count(limits, at=at, window=window)
        over = [one.since for key, one in counted.items() if one.number > limits[key]]
        if over:
            wait = max(over) + window - at
            raise TooManyAttempts(max(1, int(wait.total_seconds())))

    @retried
    def _forgive(self, mine: str, *shared: str) -> None:
        """Forget the attempts of who came in; of an address, only theirs."""
        with self.uow() as tx:
            tx.attempts.forgive([mine], shared)


@attrs.frozen
class SignInDesk(VisitDesk):
    """Opens sessions, looks who they are, and ends them."""

    def sign_in(self, *, login: str, password: str, address: str = "", agent: str = "") -> SignedIn:
        """
        Open a session for a user.

        Its stage says whether a code is still to come, by `second_step`. Raise `SignInRefused`, for
        a login that there is not in the same time as for a wrong password, and `TooManyAttempts`.
        """
        name = UNSTORABLE.sub("", login.strip().casefold()[:100])
        self._count({f"login:{digest_of(name)}": GUESSES, f"address:{address}": GUESSES_OF_ADDRESS})
        with self.uow(read_only=True) as tx:
            user = tx.users.by_login(name)
        may = user is not None and user.may_sign_in
        hashed = user.password_hash if user is not None and may else None
        if not self.passwords.verify(hashed, password) or user is None:
            self._refused(user, address)
        renewed = self.passwords.hash(password) if self.passwords.is_outdated(hashed) else None
        signed = self._opened(user.id, hashed, renewed, address, agent)
        self._forgive(f"login:{digest_of(name)}", f"address:{address}")
        return signed

    def second_step(self, secret: str, *, code: str) -> SignedIn:
        """
        Open the whole session, by a one-time code or a recovery code, with a new secret.

        Raise `SignInRefused` and `TooManyAttempts`.
        """
        begun = self._session(secret, SessionStage.SECOND_STEP)
        if begun is None or begun.user_id is None:
            raise SignInRefused
        self._count({f"code:{begun.user_id}": GUESSES})
        signed = self._completed(begun, code)
        if signed is None:
            with self.uow(read_only=True) as tx:
                user = tx.users.get(begun.user_id)
            self._refused(user, begun.address)
        self._forgive(f"code:{begun.user_id}")
        return signed

    def sessions(self, user_id: UserId) -> list[Session]:
        """Return the sessions of a user that still count, the latest first."""
        at = self.clock()
        with self.uow(read_only=True) as tx:
            found = tx.sessions.of_user(user_id)
        return [one for one in reversed(found) if one.is_valid(at=at)]

    def _visitor(self, secret: str) -> Visitor | None:
        """Return who comes with the secret of a whole session."""
        session = self._session(secret, SessionStage.WHOLE)
        if session is None or session.user_id is None:
            return None
        at = self.clock()
        with self.uow(read_only=True) as tx:
            user = tx.users.get(session.user_id)
            roles = roles_in(tx)
        if not user.may_sign_in:
            return None
        if at - session.seen_at >= USE_NOTED_EVERY:
            self._note_seen(session.id, at)
        role = roles.get(user.role)
        return Visitor(
            actor=Actor(user.login, f"user:{user.id}"),
            rights=NO_RIGHTS if role is None else role.rights,
            role=user.role,
            key=session.digest,
            user_id=user.key,
            session_id=str(session.id),
            csrf=session.csrf,
        )

    @retried
    def _opened(
        self, user_id: UserId, hashed: str | None, renewed: str | None, address: str, agent: str
    ) -> SignedIn:
        at = self.clock()
        with self.uow() as tx:
            user = tx.users.get(user_id)
            if not user.may_sign_in or user.password_hash != hashed:
                raise SignInRefused  # blocked, or the password was changed, a moment ago
            if renewed is not None:
                user = tx.users.save(
                    user.change_password(password_hash=renewed, by=user.actor, at=at)
                )
            first = user.has_second_step
            action = "sign_in.password" if first else "sign_in"
            tx.audit.record(_line(action, user.key, user.actor, at, address))
            stage = SessionStage.SECOND_STEP if first else SessionStage.WHOLE
            return self._begun(tx, user, stage, address, agent, at)

    @retried
    def _completed(self, begun: Session, code: str) -> SignedIn | None:
        """Use a code up and open the whole session; None where the code is wrong."""
        at = self.clock()
        with self.uow() as tx:
            user = tx.users.get(begun.user_id) if begun.user_id else None
            first = tx.sessions.get(begun.id)
            if user is None or not user.may_sign_in or not first.is_valid(at=at):
                raise SignInRefused
            used = self._used(user, code, at)
            if used is None:
                return None
            tx.users.save(used)
            tx.sessions.save(first.end(at=at))
            tx.audit.record(_line("sign_in", user.key, user.actor, at, begun.address))
            return self._begun(tx, user, SessionStage.WHOLE, begun.address, begun.agent, at)

    def _used(self, user: User, code: str, at: datetime) -> User | None:
        given = "".join(code.split())
        step = self.codes.step_of(user.totp_secret or "", given, at=at)
        if step is not None and step > user.totp_step:  # each code works once
            return user.use_code(step, at=at)
        digest = digest_of(given.upper().replace("-", ""))
        return user.use_recovery(digest, at=at) if digest in user.recovery else None

    def _begun(
        self,
        tx: Transaction,
        user: User,
        stage: SessionStage,
        address: str,
        agent: str,
        at: datetime,
    ) -> SignedIn:
        secret = new_secret(SESSION_PREFIX)
        session = self._begin(
            secret,
            at=at,
            lasts=LONGEST if stage is SessionStage.WHOLE else SECOND_STEP,
            user_id=user.id,
            stage=stage,
            address=address,
            agent=agent,
        )
        return SignedIn(tx.sessions.save(session), secret)

    def _refused(self, user: User | None, address: str) -> NoReturn:
        """Write a refusal down and raise; what was typed as a login may be a password."""
        who = user.key if user is not None else "unknown"
        self.record("sign_in.refused", thing="user", thing_id=who, detail=address, by=SYSTEM)
        raise SignInRefused


def _line(action: str, who: str, by: Actor, at: datetime, detail: str = "") -> AuditRecord:
    return AuditRecord(action=action, thing="user", thing_id=who, by=by, at=at, detail=detail)
