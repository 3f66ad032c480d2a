"""What every store has to do: keys, events, papers and files."""

from __future__ import annotations

from uuid import UUID

import attrs
import pytest

from telecom_crm.application.ports import (
    Bound,
    IdempotencyKey,
)
from telecom_crm.domain.errors import (
    KeyReused,
    NotFound,
)
from telecom_crm.domain.identifiers import (
    EditionId,
)
from telecom_crm.domain.paper import Edition, PaperKind, text_digest
from telecom_crm.entrypoints.conformance.machine import refused
from telecom_crm.entrypoints.conformance.samples import (
    Samples,
)
from telecom_crm.entrypoints.conformance.unit_of_work.store import StoreSuite
from telecom_crm.entrypoints.conformance.unit_of_work.things import a_ticket


class Records(StoreSuite):
    """Keys, events, papers and files."""

    def test_a_key_names_one_effect(self) -> None:
        uow, samples = self.make(), Samples()
        first, second = samples.id(), samples.id()
        key = IdempotencyKey("ann", "key", "digest")
        with uow() as tx:
            assert tx.keys.claim(key, first) is None
        with uow() as tx:
            assert tx.keys.claim(key, second, found=True) == Bound(first)
            assert tx.keys.claim(attrs.evolve(key, caller="bek"), second, found=True) is None
            assert tx.keys.claim(attrs.evolve(key, caller="bek"), first) == Bound(second, True)
        with pytest.raises(KeyReused), uow() as tx:
            tx.keys.claim(attrs.evolve(key, digest="other"), second)

    def test_consumers_go_their_own_way_through_the_events(self) -> None:
        uow, samples = self.make(), Samples()
        tickets = [a_ticket(samples) for _ in range(3)]
        for ticket in tickets:
            with uow() as tx:
                tx.tickets.save(ticket)
        with uow(read_only=True) as tx:
            known = tx.events.since("", limit=10)
            latest = tx.events.latest()
            told = [cursor for cursor, _ in tx.events.since("", limit=10)]
            # What others have begun, in any database of the server, may hold the end of the stream
            # back for a moment; it moves on alone.
            place = told.index(latest) + 1 if latest else 0
            assert len(known) <= place <= len(told)
            first = tx.events.since("", limit=2)
            second = tx.events.since(first[-1][0], limit=2) if first else []
        told = [event.thing_id for _, event in (*first, *second)]
        assert told == [ticket.key for ticket in tickets][: len(told)]
        with uow() as tx:
            assert tx.events.position("one") == ""
            reached = first[-1][0] if first else ""
            tx.events.advance("one", reached)
        with uow() as tx:
            assert tx.events.position("one") == reached
            assert tx.events.position("two") == ""

    def test_the_latest_events_of_some_names_are_told_the_last_one_first(self) -> None:
        uow, samples = self.make(), Samples()
        tickets = [a_ticket(samples) for _ in range(3)]
        for ticket in tickets:
            with uow() as tx:
                tx.tickets.save(ticket)
        customer = samples.customer()
        with uow() as tx:
            tx.customers.save(customer)
        begun = ["TicketCreated", "CustomerRegistered"]
        last_first = [customer.key, *(ticket.key for ticket in reversed(tickets))]
        with uow(read_only=True) as tx:
            for limit in (3, 9):
                found = tx.events.latest_of(begun, limit=limit)
                assert [one.thing_id for one in found] == last_first[:limit]
            assert tx.events.latest_of(["Nothing"], limit=9) == []
            assert tx.events.latest_of([], limit=9) == []

    def test_what_was_printed_is_kept_once_and_goes_with_its_thing(self) -> None:
        uow, samples = self.make(), Samples()
        thing, other = samples.new_id(), samples.new_id()
        first, later = _edition(samples, thing, "{}"), _edition(samples, thing, '{"b": 1, "a": 2}')
        with uow() as tx:
            assert tx.papers.keep(first, source="one") == first
            assert tx.papers.keep(_edition(samples, thing, "{}"), source="one") == first
            assert tx.papers.of(thing) == [first]
        with uow() as tx:
            assert tx.papers.keep(_edition(samples, thing, "{}"), source="one") == first
            tx.papers.keep(later, source="one")
            tx.papers.keep(_edition(samples, other, "{}"), source="one")
        with uow(read_only=True) as tx:
            assert tx.papers.of(thing) == [later, first]
            assert tx.papers.source(text_digest("one")) == "one"
            with refused(NotFound):
                tx.papers.source(text_digest("two"))
        with uow() as tx:
            tx.papers.forget([thing])
            assert tx.papers.of(thing) == []
        with uow(read_only=True) as tx:
            assert (tx.papers.of(thing), len(tx.papers.of(other))) == ([], 1)

    def test_a_discarded_file_waits_until_it_is_forgotten(self) -> None:
        uow, samples = self.make(), Samples()
        first, second, third = sorted(samples.new_id() for _ in range(3))
        with refused(RuntimeError), uow() as tx:
            tx.discarded_files.add([first])
            raise RuntimeError
        with uow() as tx:
            tx.discarded_files.add([])
            tx.discarded_files.add([third, first])
            tx.discarded_files.add([second, first])
            assert tx.discarded_files.page(limit=9).items == (first, second, third)
        with uow(read_only=True) as tx:
            page = tx.discarded_files.page(limit=2)
            assert page.items == (first, second)
            rest = tx.discarded_files.page(limit=2, cursor=page.next)
            assert (rest.items, rest.next) == ((third,), None)
        for _ in range(2):
            with uow() as tx:
                tx.discarded_files.forget(first)
                assert tx.discarded_files.page(limit=9).items == (second, third)
        with uow(read_only=True) as tx:
            assert tx.discarded_files.page(limit=9).items == (second, third)


def _edition(samples: Samples, thing_id: UUID, data: str) -> Edition:
    return Edition(
        id=EditionId(samples.new_id()),
        kind=PaperKind.CONTRACT,
        thing_id=thing_id,
        language="ky",
        template=text_digest("one"),
        template_version=1,
        data=data,
        at=samples.tick(),
    )
