"""SIM cards and numbers taken in, all or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

import attrs

from telecom_crm.application.inventory.desk import InventoryDesk
from telecom_crm.application.ports import Collection
from telecom_crm.application.retry import retried
from telecom_crm.domain.errors import Conflict
from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import Number, NumberCategory, number_category
from telecom_crm.domain.sim import Sim

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


@attrs.frozen
class Receiving(InventoryDesk):
    """The pool, as lists of what there is come in."""

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
