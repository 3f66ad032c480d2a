"""The pool of SIM cards and numbers: stock, reservations, and their way out and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs

from telecom_crm.application.inventory.leaving import Leaving
from telecom_crm.application.inventory.receiving import Receiving
from telecom_crm.application.inventory.reserving import Reserving
from telecom_crm.application.paging import each_of
from telecom_crm.application.ports import AuditRecord, Page, Query
from telecom_crm.domain.identifiers import ICCID, MSISDN
from telecom_crm.domain.lifecycle import Actor, Event
from telecom_crm.domain.number import Number, NumberCategory
from telecom_crm.domain.sim import Sim


@attrs.frozen(kw_only=True)
class SimSecrets:
    """The codes of a card, for the eyes of its holder."""

    pin1: str = attrs.field(repr=False)
    puk1: str = attrs.field(repr=False)


@attrs.frozen
class Inventory(Receiving, Reserving, Leaving):
    """SIM cards and numbers: what there is, who has it, and what may be given out."""

    def known_sims(self, iccids: Iterable[ICCID]) -> list[Sim]:
        """Show those of some cards that there are, in the order of their numbers."""
        with self.uow(read_only=True) as tx:
            return sorted(tx.sims.get_many(iccids).values(), key=lambda one: one.key)

    def known_numbers(self, msisdns: Iterable[MSISDN]) -> list[Number]:
        """Show those of some numbers that there are, in order."""
        with self.uow(read_only=True) as tx:
            return sorted(tx.numbers.get_many(msisdns).values(), key=lambda one: one.key)

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
