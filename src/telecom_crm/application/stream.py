"""The stream of every change, for whoever wants to follow it."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from telecom_crm.application.ports import EventSink, UnitOfWork
from telecom_crm.application.retry import retried
from telecom_crm.domain.lifecycle import Event


@attrs.frozen
class EventStream:
    """What happened, in an order that never changes."""

    uow: UnitOfWork

    def since(self, cursor: str = "", *, limit: int = 500) -> list[tuple[str, Event]]:
        """Return events behind a cursor ("" is the beginning), each with its own cursor."""
        with self.uow(read_only=True) as tx:
            return tx.events.since(cursor, limit=limit)

    def each(self, cursor: str = "") -> Iterator[tuple[str, Event]]:
        """Go through the events behind a cursor up to the present."""
        while batch := self.since(cursor):
            yield from batch
            cursor = batch[-1][0]

    def of(self, thing: str, key: str) -> list[Event]:
        """Return the history of one thing, oldest first."""
        with self.uow(read_only=True) as tx:
            return tx.events.of(thing, key)

    def latest_of(self, thing: str, key: str, *, count: int) -> list[Event]:
        """Return the last so many of one thing's history, the latest first."""
        with self.uow(read_only=True) as tx:
            page = tx.events.timeline_page([(thing, key)], limit=count, descending=True)
        return list(page.items)

    def deliver(self, sink: EventSink, *, consumer: str, limit: int = 500) -> int:
        """
        Hand a consumer's next batch of events over and remember how far it came; return how many.

        Delivery is at least once: what the sink raises goes on, and the batch comes again.
        """
        with self.uow(read_only=True) as tx:
            start = tx.events.position(consumer)
            batch = tx.events.since(start, limit=limit)
        if not batch:
            return 0
        sink.deliver([event for _, event in batch])
        self._advance(consumer, start=start, reached=batch[-1][0])
        return len(batch)

    @retried
    def _advance(self, consumer: str, *, start: str, reached: str) -> None:
        with self.uow() as tx:
            # A second worker may have come further meanwhile; never go back behind it.
            if tx.events.position(consumer) == start:
                tx.events.advance(consumer, reached)
