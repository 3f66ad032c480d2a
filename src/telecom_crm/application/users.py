"""Users: the operator's own people, from an invitation to their removal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import ClassVar

import attrs

from telecom_crm.application.access.desk import new_secret
from telecom_crm.application.granting import require_covered, watched
from telecom_crm.application.oneself import Oneself, end_sessions, seen
from telecom_crm.application.paging import (
    counts_of,
    each_in,
    each_of,
    refuse_stale,
    search_of,
)
from telecom_crm.application.ports import (
    NO_FILTERS,
    Page,
    Query,
    Transaction,
)
from telecom_crm.application.retry import retried
from telecom_crm.application.roles import role_in
from telecom_crm.domain.errors import Conflict, NotFound, RuleViolated
from telecom_crm.domain.identifiers import UserId
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event
from telecom_crm.domain.role import ALL_RIGHTS, Rights, RoleName
from telecom_crm.domain.token import digest_of
from telecom_crm.domain.user import (
    USER_LIFECYCLE,
    User,
    read_login,
    read_password,
)

INVITATION_PREFIX = "tcri_"
SESSIONS_KEPT = timedelta(days=90)


@attrs.define
class LoginTaken(Conflict):
    """Somebody has, or had, this login."""

    code: ClassVar[str] = "login_taken"

    login: str

    def __str__(self) -> str:
        return f"the login {self.login} is, or was, somebody else's"


@attrs.frozen
class Users(Oneself):
    """The operator's own people."""

    @retried
    def invite(
        self, *, login: str, name: str, role: str, rights: Rights = ALL_RIGHTS, by: Actor = SYSTEM
    ) -> tuple[User, str]:
        """
        Invite somebody, and return them with the secret of their link, shown this once.

        `rights` are those of whoever invites. Raise `LoginTaken`, `NotFound` for a role that there
        is not, and `BeyondRights` for one that may do what they may not.
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
        with self._watched(by), self.uow() as tx:
            _require_new(tx, user)
            _require_role(tx, user.role, rights)
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

    def names(self) -> dict[str, str]:
        """Return what each user is called, by login."""
        with self.uow(read_only=True) as tx:
            return tx.users.names()

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
        self,
        user_id: UserId,
        *,
        expected_version: int | None = None,
        rights: Rights = ALL_RIGHTS,
        by: Actor = SYSTEM,
    ) -> tuple[User, str]:
        """
        Forget a password and a second step, end all sessions, and return a new link's secret.

        The last admin who may sign in is not reset: the link may never be used. `give_password` is
        for them. Whoever has the link becomes that user, so raise `BeyondRights` where they may do
        what whoever asks, with these `rights`, may not.
        """
        secret, at = new_secret(INVITATION_PREFIX), self.clock()
        with self._watched(by), self.uow() as tx:
            user = _spared(tx, user_id, expected_version)
            _require_role(tx, user.role, rights)
            reset = user.reset(invitation=digest_of(secret), by=by, at=at)
            end_sessions(tx, user, at=at)
            return tx.users.save(reset), secret

    @retried
    def forget_second_step(
        self,
        user_id: UserId,
        *,
        expected_version: int | None = None,
        rights: Rights = ALL_RIGHTS,
        by: Actor = SYSTEM,
    ) -> User:
        """
        Let somebody who lost it in without their second step, and end their sessions.

        The password stays. Nobody does that to themselves: `drop_second_step` is for them. Raise
        `RuleViolated` without a second step, and `BeyondRights` where they may do what whoever
        asks, with these `rights`, may not.
        """
        at = self.clock()
        with self._watched(by), self.uow() as tx:
            user = seen(tx, user_id, expected_version)
            _refuse_own(user, by.name)
            _require_role(tx, user.role, rights)
            dropped = user.drop_second_step(by=by, at=at)
            end_sessions(tx, user, at=at)
            return tx.users.save(dropped)

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
            user = _spared(tx, user_id, expected_version, other_than=by.name)
            blocked = user.block(reason=reason, by=by, at=at)
            end_sessions(tx, user, at=at)
            return tx.users.save(blocked)

    @retried
    def unblock(
        self, user_id: UserId, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> User:
        """Let somebody in again."""
        with self.uow() as tx:
            user = seen(tx, user_id, expected_version)
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
            user = _spared(tx, user_id, expected_version, other_than=by.name)
            removed = user.remove(reason=reason, by=by, at=at)
            end_sessions(tx, user, at=at)
            return tx.users.save(removed)

    @retried
    def change_role(
        self,
        user_id: UserId,
        *,
        role: str,
        expected_version: int | None = None,
        rights: Rights = ALL_RIGHTS,
        by: Actor = SYSTEM,
    ) -> User:
        """
        Give somebody another role; the last admin stays one, and nobody changes their own.

        Raise `BeyondRights` for a role that may do what whoever asks, with these `rights`, may not.
        """
        with self._watched(by), self.uow() as tx:
            _require_role(tx, str(role), rights)
            user = _spared(tx, user_id, expected_version, other_than=by.name)
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
            user = seen(tx, user_id, expected_version)
            return tx.users.save(user.rename(name, by=by, at=self.clock()))

    # Reading, and tidying up

    def get(self, user_id: UserId) -> User:
        """Return a user; raise `NotFound`."""
        with self.uow(read_only=True) as tx:
            return tx.users.get(user_id)

    def page(self, query: Query) -> Page[User]:
        """Return a page of the users, removed ones too."""
        with self.uow(read_only=True) as tx:
            return tx.users.page(query)

    def last_seen(self, user_ids: Iterable[UserId]) -> dict[UserId, datetime]:
        """
        Return when each of some users was last seen.

        Those are left out who never were, or so long ago that their sessions are forgotten.
        """
        with self.uow(read_only=True) as tx:
            return tx.sessions.last_seen(user_ids)

    def search(
        self, text: str, *, where: Mapping[str, str] = NO_FILTERS, limit: int = 20
    ) -> list[User]:
        """Find users by a part of the name or the login, the newest first."""
        return search_of(
            self.uow,
            lambda tx: tx.users,
            lambda user: (user.name, user.login),
            text,
            where,
            limit=limit,
        )

    def counts(self, *wheres: Mapping[str, str], most: int) -> list[int]:
        """Count the users that each filter leaves, up to `most`."""
        return counts_of(self.uow, lambda tx: tx.users, wheres, most=most)

    def each(self, **where: str) -> Iterator[User]:
        """Go through the users, filtered by fields as in `page`."""
        return each_of(self.uow, lambda tx: tx.users, where)

    def timeline(self, user_id: UserId) -> list[Event]:
        """Return what happened to a user, oldest first."""
        with self.uow(read_only=True) as tx:
            tx.users.get(user_id)
            return tx.events.of(USER_LIFECYCLE.machine, str(user_id))

    def latest_events(
        self, user_id: UserId, *, count: int, cursor: str | None = None
    ) -> Page[Event]:
        """Return a page of what happened to a user, the latest first; raise `InvalidValue`."""
        things = [(USER_LIFECYCLE.machine, str(user_id))]
        with self.uow(read_only=True) as tx:
            tx.users.get(user_id)
            return tx.events.timeline_page(things, limit=count, cursor=cursor, descending=True)

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
            user = tx.users.get(user_id)
            end_sessions(tx, user, at=at)
            unused = digest_of(new_secret(INVITATION_PREFIX))
            reset = user.reset(invitation=unused, by=by, at=at)
            return tx.users.save(reset.accept(password_hash=password_hash, at=at))

    @retried
    def _accepted(self, secret: str, password_hash: str) -> User:
        with self.uow() as tx:
            user = self._invited(tx, secret)
            return tx.users.save(user.accept(password_hash=password_hash, at=self.clock()))

    def _watched(self, by: Actor) -> AbstractContextManager[None]:
        return watched(self.uow, self.clock, thing=USER_LIFECYCLE.machine, by=by)

    def _invited(self, tx: Transaction, secret: str) -> User:
        digest = digest_of(secret)
        found = tx.users.by_invitation(digest)
        if found is None or not found.is_invited_by(digest, at=self.clock()):
            raise NotFound("invitation", "with this link; ask for another")
        return tx.users.get(found.id)


def _require_role(tx: Transaction, role: str, rights: Rights) -> None:
    require_covered(rights, role_in(tx, role).rights, role=role)


def _require_new(tx: Transaction, user: User) -> None:
    role_in(tx, user.role)
    if tx.users.by_login(user.login) is not None:
        raise LoginTaken(user.login)


def _spared(
    tx: Transaction, user_id: UserId, expected_version: int | None, *, other_than: str = ""
) -> User:
    """
    Return a user who is not the last admin, nor has the login `other_than`.

    All admins are held, in the order of their ids, so that no other one goes meanwhile.
    """
    admins = each_in(tx.users, role=RoleName.ADMIN.value)
    held = tx.users.get_many({user_id, *(admin.id for admin in admins)})
    if user_id not in held:
        raise NotFound(USER_LIFECYCLE.machine, str(user_id))
    user = held[user_id]
    refuse_stale(user, expected_version, name=USER_LIFECYCLE.machine)
    _refuse_own(user, other_than)
    left = [one for one in held.values() if one.id != user_id and one.may_sign_in]
    if (
        user.role == RoleName.ADMIN
        and user.may_sign_in
        and not any(one.role == RoleName.ADMIN for one in left)
    ):
        raise RuleViolated("last_admin", ("nobody would be left who is an admin",))
    return user


def _refuse_own(user: User, login: str) -> None:
    if user.login == login:
        raise RuleViolated("own_user", ("nobody does that to themselves; ask another admin",))
