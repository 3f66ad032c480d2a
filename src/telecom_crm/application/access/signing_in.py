"""Signing in: a password, a code where one is asked for, and the session that comes of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, NoReturn

import attrs

from telecom_crm.application.access.desk import SESSION_PREFIX, AccessDesk, new_secret
from telecom_crm.application.access.tokens import USE_NOTED_EVERY
from telecom_crm.application.ports import Attempted, AuditRecord, Transaction, UnitOfWork
from telecom_crm.application.retry import retried
from telecom_crm.application.roles import roles_in
from telecom_crm.domain.errors import NotPermitted, TelecomCrmError
from telecom_crm.domain.identifiers import SessionId, UserId
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.role import NO_RIGHTS, Visitor
from telecom_crm.domain.session import IDLE, LONGEST, SECOND_STEP, Session, SessionStage
from telecom_crm.domain.text import UNSTORABLE
from telecom_crm.domain.token import digest_of
from telecom_crm.domain.user import User

GUESSES = 5
"""How often a login, or the code of a session, may be tried within `GUESS_WINDOW`."""
GUESSES_OF_ADDRESS = 30
"""How often an address may."""
GUESS_WINDOW = timedelta(minutes=15)
ATTEMPTS_KEPT = timedelta(days=1)
"""Longer than any window in which attempts are counted."""
AGENT_LIMIT = 300
OVER = "attempts.over"
"""What the audit calls the first attempt past a limit."""
FORGOTTEN = "password.forgotten"
"""What the audit calls it when somebody asks for a new password."""
UNKNOWN = "unknown"
"""Whose an attempt is, where nobody is named: what was typed instead may be a password."""


@attrs.define
class SignInRefused(NotPermitted):
    """Nobody comes in with that: which part was wrong is not told."""

    code: ClassVar[str] = "sign_in_refused"

    action: str = "sign in"

    def __str__(self) -> str:
        return "the login, the password or the code is wrong"


@attrs.define
class CodeRefused(SignInRefused):
    """The code that was sent is another, or out of date; so many tries are left for it."""

    code: ClassVar[str] = "code_refused"

    tries_left: int = 0

    def __str__(self) -> str:
        return "the code is wrong or out of date"


@attrs.define
class TooManyAttempts(TelecomCrmError):
    """Tried so often that nothing is looked at any more for a while."""

    code: ClassVar[str] = "too_many_attempts"
    retryable: ClassVar[bool] = True

    retry_after_seconds: int

    @property
    def minutes(self) -> int:
        """How long to wait, in whole minutes."""
        return -(-self.retry_after_seconds // 60)

    def __str__(self) -> str:
        wait = "a minute" if self.minutes == 1 else f"{self.minutes} minutes"
        return f"too many attempts; try again in {wait}"


@attrs.frozen
class SignedIn:
    """A session, and its secret, which is shown this once and kept nowhere."""

    session: Session
    secret: str = attrs.field(repr=False)


@retried
def count_attempts(
    uow: UnitOfWork,
    limits: Mapping[str, int],
    *,
    at: datetime,
    window: timedelta,
    thing: str = "",
    whose: Callable[[Transaction], str] = lambda _: UNKNOWN,
    address: str = "",
) -> dict[str, int]:
    """
    Count an attempt before it is looked at, so that many at once are counted too.

    Return how many each key has now.

    `limits` are how many each key has within the window, in order: behind one that is past its
    limit none is counted, so that an address without tries leaves no rows of what it tried. The
    first attempt past a limit is written down as one at `thing`, where that is told; those behind
    it are not, or whoever guesses would fill the audit. Only then is it asked `whose` it was. Raise
    `TooManyAttempts`.
    """
    numbers = dict[str, int]()
    over: Attempted | None = None
    with uow() as tx:
        for key, limit in limits.items():
            counted = tx.attempts.count([key], at=at, window=window)[key]
            numbers[key] = counted.number
            if counted.number > limit:
                over = counted
                if thing and counted.number == limit + 1:
                    tx.audit.record(
                        AuditRecord(
                            action=OVER,
                            thing=thing,
                            thing_id=whose(tx),
                            by=SYSTEM.coming_from(address),
                            at=at,
                        )
                    )
                break
    if over is not None:
        wait = over.since + window - at
        raise TooManyAttempts(max(1, int(wait.total_seconds())))
    return numbers


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
        with self.uow(read_only=True) as tx:
            return self._session_in(tx, secret, stage)

    def _session_in(
        self, tx: Transaction, secret: str, stage: SessionStage | None
    ) -> Session | None:
        if not secret.startswith(SESSION_PREFIX):
            return None
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
    def forget_attempts(self, *, limit: int = 100) -> int:
        """Forget attempts that count no more; return how many."""
        with self.uow() as tx:
            return tx.attempts.forget_before(self.clock() - ATTEMPTS_KEPT, limit=limit)

    def _end_presented(self, tx: Transaction, secret: str, at: datetime) -> None:
        """End the session that somebody came with, whose secret nobody has once they left."""
        if not secret.startswith(SESSION_PREFIX):
            return
        found = tx.sessions.by_digest(digest_of(secret))
        if found is not None:
            tx.sessions.save(tx.sessions.get(found.id).end(at=at))

    def _count(
        self, limits: Mapping[str, int], *, window: timedelta = GUESS_WINDOW, **more: Any
    ) -> dict[str, int]:
        return count_attempts(self.uow, limits, at=self.clock(), window=window, **more)

    @retried
    def _forgive(self, mine: str, *shared: str) -> None:
        """Forget the attempts of who came in; of an address, only theirs."""
        with self.uow() as tx:
            tx.attempts.forgive([mine], shared)


@attrs.frozen
class SignInDesk(VisitDesk):
    """Opens sessions, looks who they are, and ends them."""

    def sign_in(
        self,
        *,
        login: str,
        password: str,
        address: str = "",
        agent: str = "",
        keep: bool = False,
        replaces: str = "",
    ) -> SignedIn:
        """
        Open a session for a user; one to `keep` is not ended by a pause.

        It takes the place of the one whose secret is `replaces`, which is ended. Its stage says
        whether a code is still to come, by `second_step`. Raise `SignInRefused`, for a login that
        there is not in the same time as for a wrong password, and `TooManyAttempts`.
        """
        name = _name(login)
        user = self._tried("login", name, address)
        may = user is not None and user.may_sign_in
        hashed = user.password_hash if user is not None and may else None
        if not self.passwords.verify(hashed, password) or user is None:
            self._refused(user, address)
        renewed = self.passwords.hash(password) if self.passwords.is_outdated(hashed) else None
        idle = LONGEST if keep else IDLE
        visit = {"address": address, "agent": agent, "idle": idle}
        signed = self._opened(user.id, hashed, renewed, replaces, **visit)
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
        limits = {f"code:{begun.user_id}": GUESSES}
        who = str(begun.user_id)
        self._count(limits, thing="user", whose=lambda _: who, address=begun.address)
        signed = self._completed(begun, code)
        if signed is None:
            with self.uow(read_only=True) as tx:
                user = tx.users.get(begun.user_id)
            self._refused(user, begun.address)
        self._forgive(f"code:{begun.user_id}")
        return signed

    def forgot_password(self, *, login: str, address: str = "") -> None:
        """
        Write down that somebody asks for a new password, for an admin to see; nothing is changed.

        A login that there is not is answered the same: nothing. Raise `TooManyAttempts`.
        """
        name = _name(login)
        user = self._tried("forgot", name, address)
        by = SYSTEM.coming_from(address)
        self.record(FORGOTTEN, thing="user", thing_id=_key(user), by=by)

    def sessions(self, user_id: UserId) -> list[Session]:
        """Return the sessions of a user that still count, the latest first."""
        at = self.clock()
        with self.uow(read_only=True) as tx:
            found = tx.sessions.of_user(user_id)
        return [one for one in reversed(found) if one.is_valid(at=at)]

    def _tried(self, what: str, login: str, address: str) -> User | None:
        """Count that a login was typed at an address, then return whose it is."""
        limits = {f"address:{address}": GUESSES_OF_ADDRESS, f"{what}:{digest_of(login)}": GUESSES}

        def whose(tx: Transaction) -> str:
            return _key(tx.users.by_login(login))

        self._count(limits, thing="user", whose=whose, address=address)
        with self.uow(read_only=True) as tx:
            return tx.users.by_login(login)

    def person(self, secret: str) -> tuple[User, Visitor] | None:
        """Return the user who comes with the secret of a session; None where it opens nothing."""
        at = self.clock()
        with self.uow(read_only=True) as tx:
            session = self._session_in(tx, secret, SessionStage.WHOLE)
            if session is None or session.user_id is None:
                return None
            user = tx.users.get(session.user_id)
            roles = roles_in(tx)
        if not user.may_sign_in:
            return None
        if at - session.seen_at >= USE_NOTED_EVERY:
            self._note_seen(session.id, at)
        role = roles.get(user.role)
        visitor = Visitor(
            actor=user.actor,
            rights=NO_RIGHTS if role is None else role.rights,
            role=user.role,
            key=session.digest,
            user_id=user.key,
            session_id=str(session.id),
            csrf=session.csrf,
            until=min(session.ends_at, at + session.idle),
        )
        return user, visitor

    @retried
    def _opened(
        self,
        user_id: UserId,
        hashed: str | None,
        renewed: str | None,
        replaces: str,
        /,
        **visit: Any,
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
            self._end_presented(tx, replaces, at)
            first = user.has_second_step
            action = "sign_in.password" if first else "sign_in"
            by = user.actor.coming_from(visit["address"])
            tx.audit.record(_line(action, user.key, by, at))
            stage = SessionStage.SECOND_STEP if first else SessionStage.WHOLE
            return self._begun(tx, user, stage, at, **visit)

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
            by = user.actor.coming_from(begun.address)
            tx.audit.record(_line("sign_in", user.key, by, at))
            visit = {"address": begun.address, "agent": begun.agent, "idle": begun.idle}
            return self._begun(tx, user, SessionStage.WHOLE, at, **visit)

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
        at: datetime,
        **visit: Any,
    ) -> SignedIn:
        secret = new_secret(SESSION_PREFIX)
        session = self._begin(
            secret,
            at=at,
            lasts=LONGEST if stage is SessionStage.WHOLE else SECOND_STEP,
            user_id=user.id,
            stage=stage,
            **visit,
        )
        return SignedIn(tx.sessions.save(session), secret)

    def _refused(self, user: User | None, address: str) -> NoReturn:
        """Write a refusal down and raise; what was typed as a login may be a password."""
        who = _key(user)
        by = SYSTEM.coming_from(address)
        self.record("sign_in.refused", thing="user", thing_id=who, by=by)
        raise SignInRefused


def _name(login: str) -> str:
    return UNSTORABLE.sub("", login.strip().casefold()[:100])


def _key(user: User | None) -> str:
    return UNKNOWN if user is None else user.key


def _line(action: str, who: str, by: Actor, at: datetime) -> AuditRecord:
    return AuditRecord(action=action, thing="user", thing_id=who, by=by, at=at)
