"""Operations: what subscribers see of their money, month by month or the latest of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from heapq import merge
from itertools import islice
from uuid import UUID

import attrs

from telecom_crm.application.paging import PAGE_SIZE, each_on
from telecom_crm.application.ports import Query, Transaction, UnitOfWork
from telecom_crm.domain.identifiers import AccountId, PaymentId
from telecom_crm.domain.ledger import JournalEntry
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment

_PAYMENT = "payment:"


class Direction(StrEnum):
    """Whether money comes to an account or leaves it."""

    IN = "in"
    OUT = "out"


@attrs.frozen(kw_only=True)
class Operation:
    """
    What moved an account's balance, or a payment that did not, for it waits or failed.

    `amount` is positive where it adds to the balance, or would have. `payment` is the one that the
    entry books, where it books one.
    """

    at: datetime
    amount: Money
    entry: JournalEntry | None = None
    payment: Payment | None = None


@attrs.frozen
class Operations:
    """What happened to subscribers' money, as they see it; the newest comes first."""

    uow: UnitOfWork

    def latest(self, account_ids: Sequence[AccountId], *, count: int) -> list[Operation]:
        """Return the last operations on some accounts that moved a balance."""
        with self.uow(read_only=True) as tx:
            booked = [_booked(tx, one, None, None) for one in account_ids]
            return _told(tx, islice(merge(*booked, key=_moment, reverse=True), count))

    def began(self, account_ids: Sequence[AccountId]) -> datetime | None:
        """Return when the first thing happened on some accounts; None where nothing did."""
        with self.uow(read_only=True) as tx:
            moments = [moment for one in account_ids for moment in _first(tx, one)]
        return min(moments, default=None)

    def between(
        self,
        account_ids: Sequence[AccountId],
        *,
        start: datetime,
        end: datetime,
        direction: Direction | None = None,
        count: int,
    ) -> list[Operation]:
        """
        Return what happened on some accounts in [start, end), at most the last `count`.

        Payments that booked nothing are among what comes in.
        """
        with self.uow(read_only=True) as tx:
            found = [_booked(tx, one, start, end) for one in account_ids]
            if direction is not Direction.OUT:
                found.append(_unbooked(tx, account_ids, start, end, count))
            every = merge(*found, key=_moment, reverse=True)
            fitting = (one for one in every if direction in (None, _direction(one)))
            return _told(tx, islice(fitting, count))


def _first(tx: Transaction, account_id: AccountId) -> Iterator[datetime]:
    entries = tx.ledger.entries(account_id, start=None, end=None, limit=1, cursor=None)
    payments = tx.payments.page(Query(where={"account_id": str(account_id)}, limit=1))
    yield from (entry.booked_at for entry in entries.items)
    yield from (payment.at for payment in payments.items)


def _booked(
    tx: Transaction, account_id: AccountId, start: datetime | None, end: datetime | None
) -> Iterator[Operation]:
    read = partial(
        tx.ledger.entries, account_id, start=start, end=end, limit=PAGE_SIZE, descending=True
    )
    for entry in each_on(lambda cursor: read(cursor=cursor)):
        if entry.effect:
            yield Operation(at=entry.booked_at, amount=entry.effect, entry=entry)


def _unbooked(
    tx: Transaction, account_ids: Sequence[AccountId], start: datetime, end: datetime, count: int
) -> Iterator[Operation]:
    """Yield the last payments that were asked for and came to nothing, or not yet to anything."""
    for payment in tx.payments.unbooked(account_ids, start=start, end=end, limit=count):
        yield Operation(at=payment.at, amount=payment.amount, payment=payment)


def _told(tx: Transaction, operations: Iterable[Operation]) -> list[Operation]:
    """Return operations with the payments that their entries book."""
    found = list(operations)
    causes = {one.entry.id: one.entry.caused_by for one in found if one.entry is not None}
    ids = {
        entry: PaymentId(UUID(cause.removeprefix(_PAYMENT)))
        for entry, cause in causes.items()
        if cause.startswith(_PAYMENT)
    }
    payments = tx.payments.get_many(set(ids.values()))
    return [
        one
        if one.entry is None or one.entry.id not in ids
        else attrs.evolve(one, payment=payments.get(ids[one.entry.id]))
        for one in found
    ]


def _moment(one: Operation) -> datetime:
    return one.at


def _direction(one: Operation) -> Direction:
    return Direction.OUT if one.amount.minor < 0 else Direction.IN
