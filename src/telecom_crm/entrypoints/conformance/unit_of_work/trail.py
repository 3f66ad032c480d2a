"""What every store has to do: audit, trail and seals: in order, and as they were."""

from __future__ import annotations

from telecom_crm.application.ports import (
    AuditRecord,
    Contended,
    Query,
    TrailLine,
    UnitOfWork,
)
from telecom_crm.domain.errors import (
    InvalidValue,
)
from telecom_crm.domain.seal import Seal
from telecom_crm.entrypoints.conformance.machine import Abandoned, refused
from telecom_crm.entrypoints.conformance.samples import (
    OPERATOR,
    TODAY,
    Samples,
)
from telecom_crm.entrypoints.conformance.unit_of_work.store import StoreSuite


class Trail(StoreSuite):
    """Audit, trail and seals: in order, and as they were."""

    def test_the_audit_is_in_order_and_filtered(self) -> None:
        uow, samples = self.make(), Samples()
        lines = [
            AuditRecord(
                action=action, thing="sim", thing_id="1", by=OPERATOR, at=samples.tick(), detail="d"
            )
            for action in ("look", "refuse", "look")
        ]
        with uow() as tx:
            for line in lines:
                tx.audit.record(line)
        with uow(read_only=True) as tx:
            assert list(tx.audit.page(Query()).items) == lines
            found = tx.audit.page(Query(where={"action": "look"}, descending=True)).items
            own = tx.audit.page(Query(where={"by": OPERATOR.name}), since=lines[1].at).items
            early = tx.audit.page(Query(), until=lines[1].at).items
            nobody = tx.audit.page(Query(where={"by": "nobody"})).items
        assert list(found) == [lines[2], lines[0]]
        assert (list(own), list(early), list(nobody)) == (lines[1:], lines[:1], [])

    def test_the_trail_keeps_where_commands_came_from(self) -> None:
        uow, samples = self.make(), Samples()
        near = OPERATOR.coming_from("203.0.113.7")
        look = AuditRecord(action="look", thing="sim", thing_id="1", by=near, at=samples.tick())
        customer = samples.customer()
        with uow() as tx:
            tx.audit.record(look)
            tx.customers.save(customer)
        with uow() as tx:
            now = tx.customers.get(customer.id)
            tx.customers.save(
                now.update(
                    changes={"email": "near@example.org"}, today=TODAY, by=near, at=samples.tick()
                )
            )
        with uow(read_only=True) as tx:
            lines = tx.audit.trail(Query()).items
            there = tx.audit.trail(Query(where={"address": "203.0.113.7"})).items
            [line] = tx.audit.page(Query(where={"address": "203.0.113.7"})).items
            nowhere = tx.audit.trail(Query(where={"address": "203.0.113.8"})).items
            last = tx.events.of("customer", customer.key)[-1]
        told = sorted(line.by.address or "" for line in lines)
        assert told == ["", "203.0.113.7", "203.0.113.7"]
        assert (len(there), line.by.address, last.by.address) == (2, "203.0.113.7", "203.0.113.7")
        assert nowhere == ()

    def test_the_trail_is_listed_by_pages_either_way(self) -> None:
        uow, samples = self.make(), Samples()
        customer, lines = samples.customer(), list[TrailLine]()
        for number in range(3):
            look = AuditRecord(
                action="look", thing="sim", thing_id=str(number), by=OPERATOR, at=samples.tick()
            )
            with uow() as tx:
                tx.audit.record(look)
            lines.append(look)
            with uow() as tx:
                changed = customer
                if number:
                    changes = {"email": f"{number}@example.org"}
                    now = tx.customers.get(customer.id)
                    changed = now.update(
                        changes=changes, today=TODAY, by=OPERATOR, at=samples.tick()
                    )
                lines.append(changed.events[-1])
                tx.customers.save(changed)
        with uow(read_only=True) as tx:
            for descending in (False, True):
                found, cursor = list[TrailLine](), None
                while cursor is not None or not found:
                    query = Query(limit=2, cursor=cursor, descending=descending)
                    page = tx.audit.trail(query)
                    found += page.items
                    cursor = page.next
                assert found == (lines[::-1] if descending else lines)
            for where, wanted in (
                ({"kind": "access"}, lines[::2]),
                ({"kind": "change"}, lines[1::2]),
                ({"action": "CustomerUpdated"}, lines[3::2]),
                ({"thing": "customer", "thing_id": customer.key}, lines[1::2]),
                ({"by": OPERATOR.name, "thing_id": "1"}, lines[2:3]),
            ):
                assert list(tx.audit.trail(Query(where=where)).items) == wanted, where
            assert list(tx.audit.trail(Query(), since=lines[1].at, until=lines[3].at).items) == (
                [one for one in lines if lines[1].at <= one.at < lines[3].at]
            )
            for where in ({"kind": "rumour"}, {"spoon": "1"}):
                with refused(InvalidValue):
                    tx.audit.trail(Query(where=where))
            for cursor in ("", "nonsense", "W10", "WzEsMl0"):
                with refused(InvalidValue):
                    tx.audit.trail(Query(cursor=cursor))

    def test_the_trail_is_all_that_was_committed_and_stays_as_it_was(self) -> None:
        uow, samples = self.make(), Samples()
        look = AuditRecord(action="look", thing="sim", thing_id="1", by=OPERATOR, at=samples.tick())
        with uow() as tx:
            tx.audit.record(look)
            tx.customers.save(samples.customer())
        with refused(Abandoned), uow() as tx:
            tx.audit.record(look)
            raise Abandoned
        end, first = _behind(uow, 0, lines=2)
        with uow(read_only=True) as tx:
            halfway = tx.seals.end_of(0, limit=1)
            parts = [*tx.seals.lines(0, halfway), *tx.seals.lines(halfway, end)]
            assert tx.seals.end_of(end, limit=9) >= end
        with uow() as tx:
            tx.audit.record(look)
        _, (more,) = _behind(uow, end, lines=1)
        with uow(read_only=True) as tx:
            assert list(tx.seals.lines(0, end)) == first == parts
            assert len(first) == len(set(first)) == 2
            assert b"look" in more

    def test_seals_are_kept_in_order_each_number_once(self) -> None:
        uow, samples = self.make(), Samples()
        first = Seal.over([b"1"], after=None, end=10, at=samples.tick())
        second = Seal.over([b"2"], after=first, end=20, at=samples.tick())
        with uow(read_only=True) as tx:
            assert (tx.seals.last(), tx.seals.behind(0, limit=9)) == (None, [])
        for seal in (first, second):
            with uow() as tx:
                tx.seals.add(seal)
                assert tx.seals.last() == seal
            with refused(Contended), uow() as tx:
                tx.seals.add(seal)
        with uow(read_only=True) as tx:
            assert tx.seals.behind(0, limit=9) == [first, second]
            assert tx.seals.behind(0, limit=1) == [first]
            assert tx.seals.behind(1, limit=9) == [second]
            assert tx.seals.behind(2, limit=9) == []


def _behind(uow: UnitOfWork, start: int, *, lines: int) -> tuple[int, list[bytes]]:
    """
    Return the end of what is settled behind a place of the trail, and its lines.

    Whoever writes elsewhere on the same server holds the end back: it is asked for until it comes.
    """
    end, found = start, list[bytes]()
    for _ in range(10_000):
        with uow(read_only=True) as tx:
            end = tx.seals.end_of(start, limit=9)
            found = list(tx.seals.lines(start, end))
        if len(found) >= lines:
            break
    return end, found
