"""The pool of SIM cards and numbers: stock, reservations, and their way out and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from itertools import chain
from typing import Any, ClassVar, TypeVar

import attrs

from telecom_crm.application.duplicates import for_survivor
from telecom_crm.application.paging import each_of, each_swept, refuse_stale
from telecom_crm.application.ports import (
    AuditRecord,
    Clock,
    Collection,
    Contended,
    NewId,
    Page,
    Query,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.retry import each_alone, retried
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.errors import Conflict, InvalidValue, NotFound, RuleViolated
from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN, ContractId, CustomerId
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event, as_stored
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import (
    NUMBER_LIFECYCLE,
    Number,
    NumberCategory,
    NumberCommand,
    NumberInUse,
    NumberOrigin,
    number_category,
)
from telecom_crm.domain.reservation import opens, read_reservation
from telecom_crm.domain.sim import RetireReason, Sim

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class SimData:
    """A card as its supplier lists it."""

    iccid: ICCID
    imsi: IMSI | None = None
    pin1: str = attrs.field(default="", repr=False)
    puk1: str = attrs.field(default="", repr=False)
    batch: str = ""


@attrs.frozen(kw_only=True)
class NumberData:
    """A number of our own range, its category and what choosing it costs once."""

    msisdn: MSISDN
    category: NumberCategory = attrs.field(
        default=NumberCategory.STANDARD, converter=number_category
    )
    price: Money | None = None


@attrs.frozen(kw_only=True)
class SimSecrets:
    """The codes of a card, for the eyes of its holder."""

    pin1: str = attrs.field(repr=False)
    puk1: str = attrs.field(repr=False)


class Receipt(StrEnum):
    """What taking something into stock came to."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@attrs.frozen(kw_only=True)
class Received:
    """What came of each thing received, by its key, in order; a key that came twice counts once."""

    outcomes: Mapping[str, Receipt]

    def count(self, receipt: Receipt) -> int:
        """Return how many things ended so."""
        return sum(found is receipt for found in self.outcomes.values())


@attrs.define
class AlreadyInPool(Conflict):
    """Things that were to be new are there already: `count` of them, `first` the first."""

    code: ClassVar[str] = "already_in_pool"

    first: str
    count: int

    def __str__(self) -> str:
        return f"{self.first} is there already, the first of {self.count}"


def receive_sim(sim: Sim | None, data: SimData, *, by: Actor, at: datetime) -> Sim | None:
    """Return the card as it is to be saved, or None where the list says nothing new."""
    if sim is None:
        return Sim.receive(
            iccid=data.iccid,
            imsi=data.imsi,
            pin1=data.pin1,
            puk1=data.puk1,
            batch=data.batch,
            by=by,
            at=at,
        )
    if (sim.imsi, sim.pin1, sim.puk1, sim.batch) == (data.imsi, data.pin1, data.puk1, data.batch):
        return None
    return sim.correct(
        imsi=data.imsi, pin1=data.pin1, puk1=data.puk1, batch=data.batch, by=by, at=at
    )


def receive_number(
    number: Number | None, data: NumberData, *, by: Actor, at: datetime
) -> Number | None:
    """Return the number as it is to be saved, or None where the list says nothing new."""
    if number is None:
        return Number.receive(
            msisdn=data.msisdn, category=data.category, price=data.price, by=by, at=at
        )
    if (number.category, number.price) == (data.category, data.price):
        return None
    return number.reclassify(category=data.category, price=data.price, by=by, at=at)


def let_go(
    number: Number, *, customer_id: CustomerId, until: datetime, by: Actor, at: datetime
) -> Number:
    """Take a number from a contract that needs it no more: ours rests, a ported one goes home."""
    if number.origin is NumberOrigin.PORTED_IN:
        return number.give_back(contract_is_live=False, by=by, at=at)
    return number.release(
        until=until, customer_id=customer_id, contract_is_live=False, by=by, at=at
    )


@attrs.frozen
class Inventory:
    """SIM cards and numbers: what there is, who has it, and what may be given out."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    reservation_lasts: timedelta = timedelta(hours=1)
    """How long something is kept for somebody who does not say until when."""
    quarantine: timedelta = timedelta(days=90)
    """How long a number rests before it is given to somebody else."""

    # Stock

    @retried
    def receive_sims(
        self, sims: Sequence[SimData], *, only_new: bool = False, by: Actor = SYSTEM
    ) -> Received:
        """
        Take cards into stock, all or none; a card that is there already is corrected or left.

        Raise `SimNotAvailable` where the IMSI of a card in use would change; `AlreadyInPool`, with
        `only_new`, for the first card that is there.
        """
        wanted = {data.iccid: data for data in sims}
        with self.uow() as tx:
            return self._receive(tx.sims, wanted, receive_sim, by, only_new=only_new)

    @retried
    def receive_numbers(
        self, numbers: Sequence[NumberData], *, only_new: bool = False, by: Actor = SYSTEM
    ) -> Received:
        """
        Take our own numbers into the pool, all or none; known ones are reclassified or left.

        Raise `AlreadyInPool`, with `only_new`, for the first number that is there.
        """
        wanted = {data.msisdn: data for data in numbers}
        with self.uow() as tx:
            return self._receive(tx.numbers, wanted, receive_number, by, only_new=only_new)

    def sim(self, iccid: ICCID) -> Sim:
        """Show one card."""
        with self.uow(read_only=True) as tx:
            return tx.sims.get(iccid)

    def number(self, msisdn: MSISDN) -> Number:
        """Show one number."""
        with self.uow(read_only=True) as tx:
            return tx.numbers.get(msisdn)

    def known_sims(self, iccids: Iterable[ICCID]) -> list[Sim]:
        """Show those of some cards that there are, in the order of their numbers."""
        with self.uow(read_only=True) as tx:
            return sorted(tx.sims.get_many(iccids).values(), key=_key)

    def known_numbers(self, msisdns: Iterable[MSISDN]) -> list[Number]:
        """Show those of some numbers that there are, in order."""
        with self.uow(read_only=True) as tx:
            return sorted(tx.numbers.get_many(msisdns).values(), key=_key)

    def sims(self, query: Query) -> Page[Sim]:
        """List cards, a page at a time."""
        with self.uow(read_only=True) as tx:
            return tx.sims.page(query)

    def numbers(self, query: Query) -> Page[Number]:
        """List numbers, a page at a time."""
        with self.uow(read_only=True) as tx:
            return tx.numbers.page(query)

    def cards_on_offer(self, *, matching: str = "", limit: int = 12) -> Sequence[Sim]:
        """List free cards by the last digits of their ICCID, or by their batch."""
        plain = "".join(matching.split())
        text = plain if plain.isdigit() else matching.strip()
        with self.uow(read_only=True) as tx:
            return tx.sims.on_offer(matching=text, limit=limit).items

    def on_offer(
        self,
        *,
        containing: str = "",
        category: NumberCategory | None = None,
        limit: int = 12,
        cursor: str | None = None,
    ) -> Page[Number]:
        """List free numbers that have some digits in a row, of one category or any."""
        digits = "".join(filter(str.isascii, filter(str.isdigit, containing)))
        with self.uow(read_only=True) as tx:
            return tx.numbers.on_offer(
                containing=digits, category=category, limit=limit, cursor=cursor
            )

    def each_sim(self, **where: str) -> Iterator[Sim]:
        """Go through all cards that fit."""
        return each_of(self.uow, lambda tx: tx.sims, where)

    def each_number(self, **where: str) -> Iterator[Number]:
        """Go through all numbers that fit."""
        return each_of(self.uow, lambda tx: tx.numbers, where)

    def sim_history(self, iccid: ICCID) -> list[Event]:
        """Tell everything that happened to a card, oldest first."""
        with self.uow(read_only=True) as tx:
            return tx.events.of("sim", tx.sims.get(iccid).key)

    def number_history(self, msisdn: MSISDN) -> list[Event]:
        """Tell everything that happened to a number, oldest first."""
        with self.uow(read_only=True) as tx:
            return tx.events.of("number", tx.numbers.get(msisdn).key)

    def secrets(self, iccid: ICCID, *, by: Actor) -> SimSecrets:
        """Show the PIN and PUK of a card, and write down who looked."""
        with self.uow() as tx:
            sim = tx.sims.get(iccid)
            look = AuditRecord(
                action="sim.secrets", thing="sim", thing_id=sim.key, by=by, at=self.clock()
            )
            tx.audit.record(look)
            return SimSecrets(pin1=sim.pin1, puk1=sim.puk1)

    # Reservations

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

    # The way out, and back

    @retried
    def retire(
        self,
        iccid: ICCID,
        *,
        reason: RetireReason,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Sim:
        """Use a card no more; raise `SimInUse` while a live contract needs it."""
        holder_id = self.sim(iccid).contract_id
        with self.uow() as tx:
            holder = self._holder(tx, holder_id)
            sim = self._sim(tx, iccid, expected_version)
            live = _still_held(holder, sim) and holder is not None and holder.iccid == iccid
            retired = sim.retire(reason=reason, contract_is_live=live, by=by, at=self.clock())
            return tx.sims.save(retired)

    @retried
    def release(
        self, msisdn: MSISDN, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Number:
        """Let an assigned number rest; raise `NumberInUse` while a live contract needs it."""
        now = self.clock()
        holder_id = self.number(msisdn).contract_id
        with self.uow() as tx:
            holder = self._holder(tx, holder_id)
            number = self._number(tx, msisdn, expected_version)
            if _still_held(holder, number) and holder is not None and holder.msisdn == msisdn:
                raise NumberInUse(number.key, number.status, str(number.contract_id))
            NUMBER_LIFECYCLE.row(number.status, NumberCommand.RELEASE)
            if holder is None:
                raise Contended(f"number {number.key}")
            until = now + self.quarantine
            return tx.numbers.save(
                let_go(number, customer_id=holder.customer_id, until=until, by=by, at=now)
            )

    @retried
    def withdraw(
        self,
        msisdn: MSISDN,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Number:
        """Take a free number out of the pool for good."""
        with self.uow() as tx:
            number = self._number(tx, msisdn, expected_version)
            return tx.numbers.save(number.withdraw(reason=reason, by=by, at=self.clock()))

    @retried
    def reclassify(
        self,
        msisdn: MSISDN,
        *,
        category: NumberCategory,
        price: Money | None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Number:
        """Put a number in another category, at another price or none."""
        with self.uow() as tx:
            number = self._number(tx, msisdn, expected_version)
            changed = number.reclassify(category=category, price=price, by=by, at=self.clock())
            return tx.numbers.save(changed)

    @retried
    def recycle(
        self, msisdn: MSISDN, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Number:
        """Offer a number again whose quarantine is over."""
        with self.uow() as tx:
            number = self._number(tx, msisdn, expected_version)
            return tx.numbers.save(number.recycle(by=by, at=self.clock()))

    def recycle_due(self, *, limit: int = 500, by: Actor = SYSTEM) -> int:
        """
        Offer all numbers again whose quarantine is over, in batches of `limit`; return how many.
        """
        now = self.clock()
        rested = each_swept(
            self.uow, lambda tx, at: tx.numbers.quarantine_over(now, limit=limit, cursor=at)
        )
        return each_alone(partial(self._recycle, number.msisdn, by) for number in rested)

    @retried
    def port_in(self, msisdn: MSISDN, *, contract_id: ContractId, by: Actor = SYSTEM) -> Number:
        """
        Take over a number that a subscriber brings along, for a live contract of theirs.

        The contract gets it by changing its number to this one. Raise `RuleViolated` for a number
        that the pool has already.
        """
        with self.uow() as tx:
            self._live(tx, contract_id)
            if found := tx.numbers.get_many([msisdn]).get(msisdn):
                reason = f"number {msisdn.digits} is in our pool already, {found.status}"
                raise RuleViolated("number_unknown", (reason,))
            ported = Number.port_in(msisdn=msisdn, contract_id=contract_id, by=by, at=self.clock())
            return tx.numbers.save(ported)

    @retried
    def port_out(
        self, msisdn: MSISDN, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Number:
        """Let a number go to another operator; raise `NumberInUse` while a contract needs it."""
        holder_id = self.number(msisdn).contract_id
        with self.uow() as tx:
            holder = self._holder(tx, holder_id)
            number = self._number(tx, msisdn, expected_version)
            live = _still_held(holder, number) and holder is not None and holder.msisdn == msisdn
            return tx.numbers.save(number.port_out(contract_is_live=live, by=by, at=self.clock()))

    @retried
    def return_from_port(
        self, msisdn: MSISDN, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Number:
        """Take a number back that the other operator needs no more; it rests first."""
        now = self.clock()
        with self.uow() as tx:
            number = self._number(tx, msisdn, expected_version)
            back = number.return_from_port(until=now + self.quarantine, by=by, at=now)
            return tx.numbers.save(back)

    @retried
    def restore(
        self,
        msisdn: MSISDN,
        *,
        contract_id: ContractId,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Number:
        """
        Give a resting number back to the customer who had it, for a live contract of theirs.

        The contract gets it by changing its number to this one.
        """
        with self.uow() as tx:
            contract = self._live(tx, contract_id)
            number = for_survivor(tx, self._number(tx, msisdn, expected_version))
            return tx.numbers.save(
                number.restore(
                    contract_id=contract_id,
                    customer_id=contract.customer_id,
                    by=by,
                    at=self.clock(),
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

    @retried
    def _recycle(self, msisdn: MSISDN, by: Actor) -> bool:
        now = self.clock()
        with self.uow() as tx:
            number = tx.numbers.get(msisdn)
            # Between the list and here, its customer may have had it back.
            if number.quarantined_until is None or now < number.quarantined_until:
                return False
            tx.numbers.save(number.recycle(by=by, at=now))
            return True

    def _receive(
        self,
        collection: Collection[Any, Any],
        wanted: Mapping[Any, T],
        receive: Callable[..., Any],
        by: Actor,
        *,
        only_new: bool,
    ) -> Received:
        now = self.clock()
        there = collection.get_many(wanted)
        if only_new and there:
            raise AlreadyInPool(min(key.digits for key in there), len(there))
        outcomes, changed = {}, []
        for key, data in wanted.items():
            old = there.get(key)
            new = receive(old, data, by=by, at=now)
            if new is not None:
                changed.append(new)
            kind = Receipt.UNCHANGED if old else Receipt.CREATED
            outcomes[key.digits] = Receipt.UPDATED if old and new else kind
        collection.save_all(changed)
        return Received(outcomes=outcomes)

    def _reservation(
        self, for_: str | None, until: datetime | None, now: datetime
    ) -> tuple[str, datetime]:
        end = until or now + self.reservation_lasts
        if end <= now:
            raise InvalidValue.of("until", "reservation_until", "an instant to come", end)
        name = read_reservation(for_, field="reserved_for") if for_ else str(self.new_id())
        return name, end

    def _sim(self, tx: Transaction, iccid: ICCID, expected_version: int | None) -> Sim:
        sim = tx.sims.get(iccid)
        refuse_stale(sim, expected_version, name="sim")
        return sim

    def _number(self, tx: Transaction, msisdn: MSISDN, expected_version: int | None) -> Number:
        number = tx.numbers.get(msisdn)
        refuse_stale(number, expected_version, name="number")
        return number

    def _holder(self, tx: Transaction, contract_id: ContractId | None) -> Contract | None:
        # The contract is held before what belongs to it, so its id is looked up beforehand.
        return tx.contracts.get(contract_id) if contract_id else None

    def _live(self, tx: Transaction, contract_id: ContractId) -> Contract:
        contract = tx.contracts.get(contract_id)
        if not contract.is_live:
            reason = f"contract {contract.number} is {contract.status}: it holds no number"
            raise RuleViolated("contract_live", (reason,))
        return contract


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


def _still_held(holder: Contract | None, thing: Sim | Number) -> bool:
    """Tell whether a live contract has the thing; it was looked up before anything was held."""
    if thing.contract_id != (holder.id if holder else None):
        raise Contended(thing.key)
    return holder is not None and holder.is_live


def _key(thing: Sim | Number) -> str:
    return thing.key


def _sims(tx: Transaction) -> Collection[ICCID, Sim]:
    return tx.sims


def _numbers(tx: Transaction) -> Collection[MSISDN, Number]:
    return tx.numbers
