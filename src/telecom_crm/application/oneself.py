"""What the operator's people change of themselves: password, second step, and how pages look."""

from __future__ import annotations

import secrets
from datetime import datetime

import attrs

from telecom_crm.application.access.signing_in import GUESS_WINDOW, GUESSES, count_attempts
from telecom_crm.application.paging import refuse_stale
from telecom_crm.application.ports import (
    AuditRecord,
    Clock,
    NewId,
    OneTimeCodes,
    Passwords,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.retry import retried
from telecom_crm.domain.errors import InvalidValue, RuleViolated
from telecom_crm.domain.identifiers import UserId
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.token import digest_of
from telecom_crm.domain.user import (
    RECOVERY_CODES,
    USER_LIFECYCLE,
    Preferences,
    User,
    read_password,
)

REFUSED = "password.refused"
"""What the audit calls it when a present password that was asked for was wrong."""
_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Of recovery codes: without what is read wrongly."""


@attrs.frozen
class Oneself:
    """What is one's own."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    passwords: Passwords
    codes: OneTimeCodes
    issuer: str = "Telecom CRM"
    """What authenticator apps show beside the login."""

    def change_password(
        self, user_id: UserId, *, old: str, new: str, keep: str | None = None, by: Actor = SYSTEM
    ) -> User:
        """
        Change one's own password, and end one's other sessions; `keep` is the id of this one.

        Raise `InvalidValue` where the old one is wrong, or the new one too easy, and
        `TooManyAttempts`.
        """
        user = self._proved(user_id, old, field="old")
        chosen = read_password(new, login=user.login)
        return self._changed(user, self.passwords.hash(chosen), keep, by)

    @retried
    def prefer(self, user_id: UserId, preferences: Preferences, *, by: Actor = SYSTEM) -> User:
        """Change how the console looks to somebody."""
        with self.uow() as tx:
            user = tx.users.get(user_id)
            if user.preferences == preferences:
                return user
            return tx.users.save(user.prefer(preferences, by=by, at=self.clock()))

    @retried
    def read_news(self, user_id: UserId, *, until: datetime, by: Actor = SYSTEM) -> User:
        """Note what came until an instant as seen; of what is still to come, nothing is."""
        at = self.clock()
        with self.uow() as tx:
            user = tx.users.get(user_id)
            seen = min(until, at)
            if user.news_read_at is not None and user.news_read_at >= seen:
                return user
            return tx.users.save(user.read_news(seen, by=by, at=at))

    @retried
    def begin_second_step(self, user_id: UserId, *, by: Actor = SYSTEM) -> tuple[User, str]:
        """Return the link that an authenticator app reads; it counts once a code was seen."""
        secret = self.codes.new_secret()
        with self.uow() as tx:
            user = tx.users.get(user_id)
            begun = tx.users.save(user.begin_second_step(secret, by=by, at=self.clock()))
        return begun, self.codes.link(secret, login=user.login, issuer=self.issuer)

    def second_step_link(self, user_id: UserId) -> str:
        """Return the link of a second step that was begun, until it counts; or `RuleViolated`."""
        with self.uow(read_only=True) as tx:
            user = tx.users.get(user_id)
        if user.totp_secret is None or user.has_second_step:
            raise RuleViolated("second_step", ("a link is there while the second step is begun",))
        return self.codes.link(user.totp_secret, login=user.login, issuer=self.issuer)

    @retried
    def confirm_second_step(
        self, user_id: UserId, *, code: str, by: Actor = SYSTEM
    ) -> tuple[User, tuple[str, ...]]:
        """Ask for codes from now on; return recovery codes, which are shown this once."""
        at, recovery = self.clock(), _recovery_codes()
        with self.uow() as tx:
            user = tx.users.get(user_id)
            step = self.codes.step_of(user.totp_secret or "", "".join(code.split()), at=at)
            if step is None:
                message = "the six digits that the app shows now"
                raise InvalidValue.of("code", "code_wrong", message)
            confirmed = user.confirm_second_step(
                step=step, recovery=map(recovery_digest, recovery), by=by, at=at
            )
            return tx.users.save(confirmed), recovery

    def drop_second_step(self, user_id: UserId, *, password: str, by: Actor = SYSTEM) -> User:
        """Ask for no code any more; raise as `change_password` where the password is wrong."""
        return self._dropped(self._proved(user_id, password, field="password"), by)

    def renew_recovery(
        self, user_id: UserId, *, password: str, by: Actor = SYSTEM
    ) -> tuple[User, tuple[str, ...]]:
        """
        Return other recovery codes, shown this once; the old ones work no more.

        Raise as `change_password` where the password is wrong.
        """
        return self._renewed(self._proved(user_id, password, field="password"), by)

    def _proved(self, user_id: UserId, password: str, *, field: str) -> User:
        """
        Return a user who gave their present password, so that a session alone takes nothing over.

        It is counted before it is looked at, as at the sign-in. What follows holds the user at this
        version: another password in between is another version.
        """
        with self.uow(read_only=True) as tx:
            user = tx.users.get(user_id)
        key, at, who = f"password:{user.key}", self.clock(), user.key
        count_attempts(
            self.uow,
            {key: GUESSES},
            at=at,
            window=GUESS_WINDOW,
            thing=USER_LIFECYCLE.machine,
            whose=lambda _: who,
        )
        if not self.passwords.verify(user.password_hash, password):
            self._note_refused(user, at)
            raise InvalidValue.of(field, "password_wrong", "the present password")
        self._forgive(key)
        return user

    @retried
    def _note_refused(self, user: User, at: datetime) -> None:
        line = AuditRecord(
            action=REFUSED, thing=USER_LIFECYCLE.machine, thing_id=user.key, by=user.actor, at=at
        )
        with self.uow() as tx:
            tx.audit.record(line)

    @retried
    def _forgive(self, key: str) -> None:
        with self.uow() as tx:
            tx.attempts.forgive([key])

    @retried
    def _dropped(self, proved: User, by: Actor) -> User:
        with self.uow() as tx:
            user = seen(tx, proved.id, proved.version)
            return tx.users.save(user.drop_second_step(by=by, at=self.clock()))

    @retried
    def _renewed(self, proved: User, by: Actor) -> tuple[User, tuple[str, ...]]:
        recovery = _recovery_codes()
        with self.uow() as tx:
            user = seen(tx, proved.id, proved.version)
            digests = map(recovery_digest, recovery)
            return tx.users.save(user.renew_recovery(digests, by=by, at=self.clock())), recovery

    @retried
    def _changed(self, proved: User, password_hash: str, keep: str | None, by: Actor) -> User:
        at = self.clock()
        with self.uow() as tx:
            user = seen(tx, proved.id, proved.version)
            end_sessions(tx, user, keep=keep, at=at)
            return tx.users.save(user.change_password(password_hash=password_hash, by=by, at=at))


def recovery_digest(code: str) -> str:
    """Return what is kept of a recovery code, however it was written."""
    return digest_of("".join(code.split()).upper().replace("-", ""))


def _recovery_codes() -> tuple[str, ...]:
    def part() -> str:
        return "".join(secrets.choice(_ALPHABET) for _ in range(5))

    return tuple(f"{part()}-{part()}" for _ in range(RECOVERY_CODES))


def seen(tx: Transaction, user_id: UserId, expected_version: int | None) -> User:
    """Return a user, held, at the version that was seen; raise `VersionSeen`."""
    user = tx.users.get(user_id)
    refuse_stale(user, expected_version, name=USER_LIFECYCLE.machine)
    return user


def end_sessions(tx: Transaction, user: User, *, keep: str | None = None, at: datetime) -> None:
    """
    End a user's sessions but for one to `keep`.

    The user is held by then: whoever signs in holds them too, and opens nothing after this.
    """
    for session in tx.sessions.of_user(user.id):
        if str(session.id) != keep:
            tx.sessions.save(tx.sessions.get(session.id).end(at=at))
