"""Who signed in, and how often it was tried."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import attrs

from telecom_crm.adapters.memory.collection import MemoryCollection, Scope
from telecom_crm.application.ports import Attempted, Contended, Query
from telecom_crm.domain.identifiers import CustomerId, SessionId, UserId
from telecom_crm.domain.session import CustomerPassword, Session
from telecom_crm.domain.user import User


class MemoryUsers(MemoryCollection[UserId, User]):
    """The operator's own people."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, scope.store.users)

    def by_login(self, login: str) -> User | None:
        found = self.having(("login", login))
        return found[0] if found else None

    def names(self) -> dict[str, str]:
        return {user.login: user.name for user in self._in_order([], None, Query())}

    def by_invitation(self, digest: str) -> User | None:
        found = self.having(("invitation", digest))
        return found[0] if found else None


class MemorySessions(MemoryCollection[SessionId, Session]):
    """Who signed in."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, scope.store.sessions)
        self._forgotten: set[str] = set()

    def by_digest(self, digest: str) -> Session | None:
        found = self.having(("digest", digest))
        return found[0] if found else None

    def of_user(self, user_id: UserId) -> list[Session]:
        found = self.having(("open", str(user_id)))
        return sorted(found, key=lambda one: (one.started_at, str(one.id)))

    def last_seen(self, user_ids: Iterable[UserId]) -> dict[UserId, datetime]:
        seen: dict[UserId, datetime] = {}
        for user in user_ids:
            if found := self.having(("user_id", str(user))):
                seen[user] = max(one.seen_at for one in found)
        return seen

    def forget_before(self, at: datetime, *, limit: int) -> int:
        self._scope.require_writing()
        with self._scope.store.lock:
            rows = self._table.rows
            over = [key for key in sorted(rows) if (rows[key].ended_at or rows[key].ends_at) < at]
        self._forgotten |= set(over[:limit])
        return len(over[:limit])

    def apply(self) -> None:
        super().apply()
        for key in self._forgotten:
            self._table.drop(key)


class MemoryCustomerPasswords(MemoryCollection[CustomerId, CustomerPassword]):
    """What customers sign in with beside their contract's number."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, scope.store.customer_passwords)


class MemoryAttempts:
    """How often something was tried; the commit fails where another transaction counted too."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._held: dict[str, Attempted | None] = {}
        self._counted: dict[str, Attempted] = {}
        self._forgotten: list[str] = []

    def count(
        self, keys: Iterable[str], *, at: datetime, window: timedelta
    ) -> dict[str, Attempted]:
        self._scope.require_writing()
        for key in sorted(set(keys)):
            before = self._look(key)
            if before is None or before.since + window <= at:
                self._counted[key] = Attempted(1, at)
            else:
                self._counted[key] = attrs.evolve(before, number=before.number + 1)
        return {key: self._counted[key] for key in set(keys)}

    def forget_before(self, at: datetime, *, limit: int) -> int:
        self._scope.require_writing()
        with self._scope.store.lock:
            every = sorted(self._scope.store.attempts.items())
            over = [key for key, one in every if one.since < at][:limit]
        for key in over:
            self._look(key)
        self._forgotten += over
        return len(over)

    def forgive(self, wholly: Iterable[str], once: Iterable[str] = ()) -> None:
        self._scope.require_writing()
        for key in sorted(set(wholly)):
            if (before := self._look(key)) is not None:
                self._counted[key] = attrs.evolve(before, number=0)
        for key in sorted(set(once)):
            if (before := self._look(key)) is not None:
                self._counted[key] = attrs.evolve(before, number=max(0, before.number - 1))

    def check(self) -> None:
        for key, base in self._held.items():
            if self._scope.store.attempts.get(key) is not base:
                raise Contended("attempts")

    def apply(self) -> None:
        self._scope.store.attempts.update(self._counted)
        for key in self._forgotten:
            self._scope.store.attempts.pop(key, None)

    def _look(self, key: str) -> Attempted | None:
        if key in self._counted:
            return self._counted[key]
        with self._scope.store.lock:
            return self._held.setdefault(key, self._scope.store.attempts.get(key))
