"""Users: the operator's own people, from an invitation to their removal."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import ClassVar

import attrs

from telecom_crm.application.access.desk import new_secret
from telecom_crm.application.paging import each_in, each_of, refuse_stale
from telecom_crm.application.ports import (
    Clock,
    NewId,
    OneTimeCodes,
    Page,
    Passwords,
    Query,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.retry import retried
from telecom_crm.application.rules import role_in
from telecom_crm.domain.errors import Conflict, InvalidValue, NotFound, RuleViolated
from telecom_crm.domain.identifiers import UserId
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event
from telecom_crm.domain.role import RoleName
from telecom_crm.domain.token import digest_of
from telecom_crm.domain.user import (
    RECOVERY_CODES,
    USER_LIFECYCLE,
    Preferences,
    User,
    read_login,
    read_password,
)

INVITATION_PREFIX = "tcri_"
SESSIONS_KEPT = timedelta(days=90)
_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Of recovery codes: without what is read wrongly."""


@attrs.define
class LoginTaken(Conflict):
    """Somebody has, or had, this login."""

    code: ClassVar[str] = "login_taken"

    login: str

    def __str__(self) -> str:
        return f"the login {self.login} is, or was, somebody else's"


@attrs.frozen
class Users:
    """The operator's own people."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    passwords: Passwords
    codes: OneTimeCodes
    issuer: str = "Telecom CRM"
    """What authenticator apps show beside the login."""

    @retried
    def invite(self, *, login: str, name: str, role: str, by: Actor = SYSTEM) -> tuple[User, str]:
        """
        Invite somebody, and return them with the secret of their link, shown this once.

        Raise `LoginTaken`, and `NotFound` for a role that there is not.
        """
        secret = new_secret(INVITATION_PREFIX)
        user = User.invite(
            id=UserId(self.new_id()),
            login=login,
            name=name,
            role=str(role),
            invitation=digest_of(secret),
            by=by,
            at=self.clock(),
        )
        with self.uow() as tx:
            _require_new(tx, user)
            return tx.users.save(user), secret

    def begin(self, *, login: str, name: str, role: str, password: str, by: Actor = SYSTEM) -> User:
        """
        Let somebody begin at once, with a password that whoever gives it knows as well.

        It is for the first admin of a house; all others are invited. Raise as `invite` and `accept`
        do.
        """
        hashed = self.passwords.hash(read_password(password, login=read_login(login)))
        return self._begun(login, name, role, hashed, by)

    def give_password(self, login: str, *, password: str, by: Actor = SYSTEM) -> User:
        """
        Give a password to somebody who is shut out, without the second step, and end all sessions.

        Raise `NotFound`, and `InvalidValue` for the password.
        """
        user = self.known_as(login)
        return self._given(
            user.id, self.passwords.hash(read_password(password, login=user.login)), by
        )

    def known_as(self, login: str) -> User:
        """Return the user with a login, in any case; raise `NotFound`."""
        with self.uow(read_only=True) as tx:
            found = tx.users.by_login(login.strip().casefold())
        if found is None:
            raise NotFound(USER_LIFECYCLE.machine, login[:80])
        return found

    def invited(self, secret: str) -> User:
        """Return who may choose a password by a link; raise `NotFound` where it is no good."""
        with self.uow(read_only=True) as tx:
            return self._invited(tx, secret)

    def accept(self, secret: str, *, password: str) -> User:
        """
        Choose a password by a link, and begin to work.

        Raise `NotFound` where the link is no good any more, `InvalidValue` for the password.
        """
        chosen = read_password(password, login=self.invited(secret).login)
        return self._accepted(secret, self.passwords.hash(chosen))

    @retried
    def reset(
        self, user_id: UserId, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> tuple[User, str]:
        """Forget a password and a second step, end all sessions, and return a new link's secret."""
        secret, at = new_secret(INVITATION_PREFIX), self.clock()
        with self.uow() as tx:
            user = _seen(tx, user_id, expected_version)
            _end_sessions(tx, user_id, at=at)
            reset = user.reset(invitation=digest_of(secret), by=by, at=at)
            return tx.users.save(reset), secret

    @retried
    def block(
        self,
        user_id: UserId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> User:
        """Let somebody in no more for now, and end their sessions."""
        at = self.clock()
        with self.uow() as tx:
            user = self._other(tx, user_id, expected_version, by)
            blocked = user.block(reason=reason, by=by, at=at)
            _end_sessions(tx, user_id, at=at)
            return tx.users.save(blocked)

    @retried
    def unblock(
        self, user_id: UserId, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> User:
        """Let somebody in again."""
        with self.uow() as tx:
            user = _seen(tx, user_id, expected_version)
            return tx.users.save(user.unblock(by=by, at=self.clock()))

    @retried
    def remove(
        self,
        user_id: UserId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> User:
        """Let somebody in no more for good, and end their sessions; the login stays theirs."""
        at = self.clock()
        with self.uow() as tx:
            user = self._other(tx, user_id, expected_version, by)
            removed = user.remove(reason=reason, by=by, at=at)
            _end_sessions(tx, user_id, at=at)
            return tx.users.save(removed)

    @retried
    def change_role(
        self,
        user_id: UserId,
        *,
        role: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> User:
        """Give somebody another role; the last admin stays one, and nobody changes their own."""
        with self.uow() as tx:
            role_in(tx, str(role))
            user = self._other(tx, user_id, expected_version, by)
            return tx.users.save(user.change_role(str(role), by=by, at=self.clock()))

    @retried
    def rename(
        self,
        user_id: UserId,
        *,
        name: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> User:
        """Change the name that people see."""
        with self.uow() as tx:
            user = _seen(tx, user_id, expected_version)
            return tx.users.save(user.rename(name, by=by, at=self.clock()))

    # One's own

    def change_password(
        self, user_id: UserId, *, old: str, new: str, keep: str | None = None, by: Actor = SYSTEM
    ) -> User:
        """
        Change one's own password, and end one's other sessions; `keep` is the id of this one.

        Raise `InvalidValue` where the old one is wrong, or the new one too easy.
        """
        user = self.get(user_id)
        if not self.passwords.verify(user.password_hash, old):
            raise InvalidValue.of("old", "password_wrong", "the present password")
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
    def begin_second_step(self, user_id: UserId, *, by: Actor = SYSTEM) -> tuple[User, str]:
        """Return the link that an authenticator app reads; it counts once a code was seen."""
        secret = self.codes.new_secret()
        with self.uow() as tx:
            user = tx.users.get(user_id)
            begun = tx.users.save(user.begin_second_step(secret, by=by, at=self.clock()))
        return begun, self.codes.link(secret, login=user.login, issuer=self.issuer)

    def second_step_link(self, user_id: UserId) -> str:
        """Return the link of a second step that was begun, until it counts; or `RuleViolated`."""
        user = self.get(user_id)
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

    @retried
    def drop_second_step(self, user_id: UserId, *, by: Actor = SYSTEM) -> User:
        """Ask for no code any more."""
        with self.uow() as tx:
            user = tx.users.get(user_id)
            return tx.users.save(user.drop_second_step(by=by, at=self.clock()))

    @retried
    def renew_recovery(
        self, user_id: UserId, *, by: Actor = SYSTEM
    ) -> tuple[User, tuple[str, ...]]:
        """Return other recovery codes, shown this once; the old ones work no more."""
        recovery = _recovery_codes()
        with self.uow() as tx:
            user = tx.users.get(user_id)
            digests = map(recovery_digest, recovery)
            return tx.users.save(user.renew_recovery(digests, by=by, at=self.clock())), recovery

    # Reading, and tidying up

    def get(self, user_id: UserId) -> User:
        """Return a user; raise `NotFound`."""
        with self.uow(read_only=True) as tx:
            return tx.users.get(user_id)

    def page(self, query: Query) -> Page[User]:
        """Return a page of the users, removed ones too."""
        with self.uow(read_only=True) as tx:
            return tx.users.page(query)

    def each(self, **where: str) -> Iterator[User]:
        """Go through the users, filtered by fields as in `page`."""
        return each_of(self.uow, lambda tx: tx.users, where)

    def timeline(self, user_id: UserId) -> list[Event]:
        """Return what happened to a user, oldest first."""
        with self.uow(read_only=True) as tx:
            tx.users.get(user_id)
            return tx.events.of(USER_LIFECYCLE.machine, str(user_id))

    @retried
    def forget_sessions(self, *, limit: int = 100) -> int:
        """Forget sessions that were over long ago; return how many."""
        with self.uow() as tx:
            return tx.sessions.forget_before(self.clock() - SESSIONS_KEPT, limit=limit)

    @retried
    def _begun(self, login: str, name: str, role: str, password_hash: str, by: Actor) -> User:
        at = self.clock()
        user = User.invite(
            id=UserId(self.new_id()),
            login=login,
            name=name,
            role=str(role),
            invitation=digest_of(new_secret(INVITATION_PREFIX)),
            by=by,
            at=at,
        )
        with self.uow() as tx:
            _require_new(tx, user)
            return tx.users.save(user.accept(password_hash=password_hash, at=at))

    @retried
    def _given(self, user_id: UserId, password_hash: str, by: Actor) -> User:
        at = self.clock()
        with self.uow() as tx:
            _end_sessions(tx, user_id, at=at)
            unused = digest_of(new_secret(INVITATION_PREFIX))
            reset = tx.users.get(user_id).reset(invitation=unused, by=by, at=at)
            return tx.users.save(reset.accept(password_hash=password_hash, at=at))

    @retried
    def _accepted(self, secret: str, password_hash: str) -> User:
        with self.uow() as tx:
            user = self._invited(tx, secret)
            return tx.users.save(user.accept(password_hash=password_hash, at=self.clock()))

    @retried
    def _changed(self, seen: User, password_hash: str, keep: str | None, by: Actor) -> User:
        at = self.clock()
        with self.uow() as tx:
            user = _seen(tx, seen.id, seen.version)
            _end_sessions(tx, user.id, keep=keep, at=at)
            return tx.users.save(user.change_password(password_hash=password_hash, by=by, at=at))

    def _invited(self, tx: Transaction, secret: str) -> User:
        digest = digest_of(secret)
        found = tx.users.by_invitation(digest)
        if found is None or not found.is_invited_by(digest, at=self.clock()):
            raise NotFound("invitation", "with this link; ask for another")
        return tx.users.get(found.id)

    def _other(
        self, tx: Transaction, user_id: UserId, expected_version: int | None, by: Actor
    ) -> User:
        """Return a user who is not oneself and not the last admin; all admins are held."""
        admins = each_in(tx.users, role=RoleName.ADMIN.value)
        held = tx.users.get_many({user_id, *(admin.id for admin in admins)})
        if user_id not in held:
            raise NotFound(USER_LIFECYCLE.machine, str(user_id))
        user = held[user_id]
        refuse_stale(user, expected_version, name=USER_LIFECYCLE.machine)
        if by.name == user.login:
            raise RuleViolated("own_user", ("nobody does that to themselves; ask another admin",))
        left = [one for one in held.values() if one.id != user_id and one.may_sign_in]
        if (
            user.role == RoleName.ADMIN
            and user.may_sign_in
            and not any(one.role == RoleName.ADMIN for one in left)
        ):
            raise RuleViolated("last_admin", ("nobody would be left who is an admin",))
        return user


def recovery_digest(code: str) -> str:
    """Return what is kept of a recovery code, however it was written."""
    return digest_of("".join(code.split()).upper().replace("-", ""))


def _recovery_codes() -> tuple[str, ...]:
    def part() -> str:
        return "".join(secrets.choice(_ALPHABET) for _ in range(5))

    return tuple(f"{part()}-{part()}" for _ in range(RECOVERY_CODES))


def _require_new(tx: Transaction, user: User) -> None:
    role_in(tx, user.role)
    if tx.users.by_login(user.login) is not None:
        raise LoginTaken(user.login)


def _seen(tx: Transaction, user_id: UserId, expected_version: int | None) -> User:
    user = tx.users.get(user_id)
    refuse_stale(user, expected_version, name=USER_LIFECYCLE.machine)
    return user


def _end_sessions(
    tx: Transaction, user_id: UserId, *, keep: str | None = None, at: datetime
) -> None:
    for session in tx.sessions.of_user(user_id):
        if str(session.id) != keep:
            tx.sessions.save(tx.sessions.get(session.id).end(at=at))
