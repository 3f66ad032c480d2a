"""SIM cards and numbers kept for somebody, and given back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, TypeVar

import attrs

from telecom_crm.application.inventory.desk import InventoryDesk
from telecom_crm.application.paging import each_swept
from telecom_crm.application.ports import Collection, Query, Transaction
from telecom_crm.application.retry import each_alone, retried
from telecom_crm.domain.errors import InvalidValue, NotFound
from telecom_crm.domain.identifiers import ICCID, MSISDN
from telecom_crm.domain.lifecycle import SYSTEM, Actor, as_stored
from telecom_crm.domain.number import Number
from telecom_crm.domain.reservation import opens, read_reservation
from telecom_crm.domain.sim import Sim

T = TypeVar("T")


@attrs.frozen
class Reserving(InventoryDesk):
    """The pool, as far as it is kept for those who will sell or buy."""

    @retried
    def reserve_sim(
        self,
        iccid: ICCID,
        *,
        for_: str | None = None,
        until: datetime | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Sim:
        """
        Keep a card under a name or, without `for_`, a new reservation; an hour by default.

        `reserved_for` of the answer is what the contract brings as its `reservation`. Raise
        `SimNotAvailable`.
        """
        now = self.clock()
        with self.uow() as tx:
            sim = self._sim(tx, iccid, expected_version)
            name, end = self._reservation(for_, until, now)
            return tx.sims.save(sim.reserve(for_=name, until=end, by=by, at=now))

    @retried
    def reserve_number(
        self,
        msisdn: MSISDN,
        *,
        for_: str | None = None,
        until: datetime | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Number:
        """Keep a number, as `reserve_sim` keeps a card; raise `NumberNotAvailable`."""
        now = self.clock()
        with self.uow() as tx:
            number = self._number(tx, msisdn, expected_version)
            name, end = self._reservation(for_, until, now)
            return tx.numbers.save(number.reserve(for_=name, until=end, by=by, at=now))

    @retried
    def reserve_for_sale(
        self,
        iccid: ICCID,
        msisdn: MSISDN,
        *,
        for_: str,
        by: Actor = SYSTEM,
    ) -> tuple[Sim, Number]:
        """
        Keep a card and a number under a name for the usual time, both or none.

        Others that were kept under it until now are given back; the same are kept for longer.
        Raise `NotFound`, `SimNotAvailable`, `NumberNotAvailable`.
        """
        now = self.clock()
        name, until = self._reservation(for_, None, now)
        with self.uow() as tx:
            cards = {iccid, *(sim.iccid for sim in _under(tx.sims, name))}
            numbers = {msisdn, *(number.msisdn for number in _under(tx.numbers, name))}
            kept: dict[str, Any] = {"for_": name, "until": until, "by": by, "at": now}
            return _keep(tx.sims, iccid, cards, **kept), _keep(tx.numbers, msisdn, numbers, **kept)

    def kept_for_sale(self, name: str) -> tuple[Sim, Number] | None:
        """Show the card and the number that a name keeps now; None where it lacks either."""
        now = self.clock()
        with self.uow(read_only=True) as tx:
            sims = [sim for sim in _under(tx.sims, name) if not sim.is_over(now)]
            numbers = [number for number in _under(tx.numbers, name) if not number.is_over(now)]
        return (sims[0], numbers[0]) if sims and numbers else None

    @retried
    def cancel_sim_reservation(
        self, iccid: ICCID, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Sim:
        """Give a reserved card back to stock."""
        with self.uow() as tx:
            sim = self._sim(tx, iccid, expected_version)
            return tx.sims.save(sim.cancel(by=by, at=self.clock()))

    @retried
    def cancel_number_reservation(
        self, msisdn: MSISDN, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Number:
        """Give a reserved number back to the pool."""
        with self.uow() as tx:
            number = self._number(tx, msisdn, expected_version)
            return tx.numbers.save(number.cancel(by=by, at=self.clock()))

    def expire_reservations(self, *, limit: int = 500, by: Actor = SYSTEM) -> int:
        """
        Give back what is reserved longer than it was to be, in batches of `limit`; return how many
        things.
        """
        now = self.clock()
        sims = each_swept(
            self.uow, lambda tx, at: tx.sims.reservations_over(now, limit=limit, cursor=at)
        )
        numbers = each_swept(
            self.uow, lambda tx, at: tx.numbers.reservations_over(now, limit=limit, cursor=at)
        )
        return each_alone(
            chain(
                (partial(self._expire, _sims, sim.iccid, by) for sim in sims),
                (partial(self._expire, _numbers, number.msisdn, by) for number in numbers),
            )
        )

    @retried
    def _expire(
        self,
        pick: Callable[[Transaction], Collection[Any, Any]],
        key: ICCID | MSISDN,
        by: Actor,
    ) -> bool:
        now = self.clock()
        with self.uow() as tx:
            thing = pick(tx).get(key)
            # Between the list and here, somebody may have taken it or kept it for longer.
            if not thing.is_over(now):
                return False
            pick(tx).save(thing.expire(by=by, at=now))
            return True

    def _reservation(
        self, for_: str | None, until: datetime | None, now: datetime
    ) -> tuple[str, datetime]:
        end = until or now + self.reservation_lasts
        if end <= now:
            raise InvalidValue.of("until", "reservation_until", "an instant to come", end)
        name = read_reservation(for_, field="reserved_for") if for_ else str(self.new_id())
        return name, end


def _keep(
    pool: Collection[Any, Any],
    wanted: ICCID | MSISDN,
    all_of_them: Iterable[ICCID | MSISDN],
    *,
    for_: str,
    until: datetime,
    by: Actor,
    at: datetime,
) -> Any:
    """Keep one thing of a pool under a name, and give back what was kept under it."""
    found = pool.get_many(all_of_them)
    if wanted not in found:
        raise NotFound("sim" if isinstance(wanted, ICCID) else "number", wanted.digits)
    free = {
        key: thing.cancel(by=by, at=at) if opens(for_, thing.reserved_for) else thing
        for key, thing in found.items()
    }
    free[wanted] = free[wanted].reserve(for_=for_, until=until, by=by, at=at)
    pool.save_all([thing for thing in free.values() if thing.events])
    return as_stored(free[wanted])


def _under(pool: Collection[Any, T], name: str) -> Sequence[T]:
    """Return what a pool keeps under a name, some of it where that is much."""
    return pool.page(Query(where={"status": "reserved", "reserved_for": name})).items


def _sims(tx: Transaction) -> Collection[ICCID, Sim]:
    return tx.sims


def _numbers(tx: Transaction) -> Collection[MSISDN, Number]:
    return tx.numbers
