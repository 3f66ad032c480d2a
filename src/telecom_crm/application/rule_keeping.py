"""How rules are kept: put with a version, and read anew by what follows from them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import attrs

from telecom_crm.application.declared import plain
from telecom_crm.application.ports import Clock, Transaction, UnitOfWork
from telecom_crm.application.retry import retried
from telecom_crm.domain.lifecycle import Actor

T = TypeVar("T")


@attrs.define
class InForce(Generic[T]):
    """
    What follows from the rules, read once in a while: what is asked for often goes to no server.

    What another process puts holds here after `refresh` at the latest; what this one puts, at once.
    """

    uow: UnitOfWork
    clock: Clock
    read: Callable[[Transaction], T]
    refresh: timedelta = timedelta(seconds=30)
    _read: tuple[datetime, T] | None = attrs.field(default=None, init=False)

    def __call__(self) -> T:
        """Return it."""
        now, read = self.clock(), self._read
        if read is None or not read[0] <= now < read[0] + self.refresh:
            with self.uow(read_only=True) as tx:
                read = self._read = (now, self.read(tx))
        return read[1]

    def forget(self) -> None:
        """Read it anew the next time."""
        self._read = None


@attrs.frozen
class RuleKeeper:
    """Puts rules, and has what follows from them read anew."""

    uow: UnitOfWork
    clock: Clock
    watched: list[InForce[Any]] = attrs.field(factory=list, repr=False, kw_only=True)
    """What follows from the rules in this process, told when they change."""

    def in_force(self, read: Callable[[Transaction], T]) -> InForce[T]:
        """Return what follows from the rules, read once in a while, and after each change here."""
        made = InForce(self.uow, self.clock, read)
        self.watched.append(made)
        return made

    def version(self, kind: str) -> int:
        """
        Return how often the rules of a kind were changed: what `expected_version` is compared with.

        The kinds are `POLICIES`, `VALIDATION`, `DEDUPLICATION`, `REGULATIONS`, `SLA`, `TEMPLATES`,
        `ROLES`, `BRAND`, `SELF_CARE` and `DEMO`.
        """
        with self.uow(read_only=True) as tx:
            return tx.rules.version(kind)

    def _change(
        self, kind: str, decide: Callable[[Transaction], T], version: int | None, by: Actor
    ) -> T:
        """Put what is decided on what there is, and have what follows from the rules read anew."""
        decided = self._put(kind, decide, version, by)
        for one in self.watched:
            one.forget()
        return decided

    @retried
    def _put(
        self, kind: str, decide: Callable[[Transaction], T], version: int | None, by: Actor
    ) -> T:
        with self.uow() as tx:
            tx.rules.hold(kind)
            decided = decide(tx)
            tx.rules.put(kind, plain(decided), expected_version=version, by=by, at=self.clock())
            return decided
