"""Transactions on PostgreSQL: what is kept, what is refused, who waits for whom."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import attrs
import psycopg
import pytest
from sqlalchemy import Engine, create_engine

from telecom_crm.adapters.postgres.collections import MANY
from telecom_crm.adapters.postgres.engine import open_engine
from telecom_crm.adapters.postgres.series import BLOCK, PostgresSeries
from telecom_crm.adapters.postgres.unit_of_work import PostgresUnitOfWork
from telecom_crm.application.ports import (
    AuditRecord,
    Bound,
    Contended,
    IdempotencyKey,
    IdentityTaken,
    Query,
)
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import (
    Busy,
    InvalidValue,
    KeyReused,
    NotFound,
    StaleVersion,
    Unavailable,
)
from telecom_crm.domain.identifiers import ICCID, MSISDN, luhn_is_right
from telecom_crm.domain.identity_document import IdentityDocument
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.number import Number
from telecom_crm.domain.sim import Sim
from telecom_crm.domain.ticket import Ticket, TicketPriority
from telecom_crm.entrypoints.conformance.machine import patiently

BY = Actor("tester", "token")
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_serial = count(1)


@pytest.fixture
def url(fresh_database: Callable[[], str]) -> str:
    return fresh_database()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    made = open_engine(url, lock_timeout_seconds=0.2)
    yield made
    made.dispose()


@pytest.fixture
def uow(engine: Engine) -> PostgresUnitOfWork:
    return PostgresUnitOfWork(engine)


def new_id() -> UUID:
    return UUID(int=(0x01A0 << 112) | (7 << 76) | (2 << 62) | next(_serial))


def a_sim() -> Sim:
    body = f"89996001{next(_serial):010d}"
    end = next(digit for digit in "0123456789" if luhn_is_right(body + digit))
    return Sim.receive(iccid=ICCID(body + end), by=BY, at=AT)


def a_ticket(**fields) -> Ticket:
    given: dict[str, Any] = {"id": new_id(), "customer_id": new_id(), "by": BY, "at": AT} | fields
    return Ticket.create(number="T", subject="no net", **given)


def a_customer(name: str = "Aibek Asanov", **fields) -> Customer:
    given: dict[str, Any] = {"id": new_id(), "today": AT.date(), "by": BY, "at": AT} | fields
    return Customer.register(name=name, **given)


def save_and_fail(uow: PostgresUnitOfWork, ticket: Ticket) -> None:
    with uow() as tx:
        tx.tickets.save(ticket)
        raise ZeroDivisionError


def passport(number: str) -> IdentityDocument:
    return IdentityDocument(type="passport", number=number)


def test_a_clean_exit_keeps_and_an_exception_forgets(uow):
    kept, lost = a_ticket(), a_ticket()
    with uow() as tx:
        assert tx.tickets.save(kept).events == ()
    with pytest.raises(ZeroDivisionError):
        save_and_fail(uow, lost)
    with uow(read_only=True) as tx:
        assert tx.tickets.get(kept.id) == kept
        assert tx.events.of("ticket", kept.key) == list(kept.events)
        assert tx.events.of("ticket", lost.key) == []
        with pytest.raises(NotFound):
            tx.tickets.get(lost.id)


def test_an_old_copy_is_refused_and_nothing_of_it_is_stored(uow):
    ticket = a_ticket()
    newer = ticket.assign(assignee="ann", by=BY, at=AT)
    with uow() as tx:
        tx.tickets.save(ticket)
    with uow() as tx:
        tx.tickets.save(attrs.evolve(newer, events=newer.events[-1:]))
    for old in (ticket, attrs.evolve(newer, events=newer.events[-1:])):
        with pytest.raises(StaleVersion), uow() as tx:
            tx.tickets.save(old)
    with uow() as tx:
        assert len(tx.events.of("ticket", ticket.key)) == 2


@pytest.mark.parametrize("size", [3, MANY * 3])
def test_many_are_saved_and_changed_with_all_their_events(uow, size):
    sims = [a_sim() for _ in range(size)]
    with uow() as tx:
        tx.sims.save_all(sims)
    with uow() as tx:
        got = tx.sims.get_many([sim.iccid for sim in sims])
        assert got == {sim.iccid: sim for sim in sims}
        tx.sims.save_all([sim.reserve(for_="x", until=AT, by=BY, at=AT) for sim in got.values()])
    with uow() as tx:
        assert len(tx.sims.reservations_over(AT, limit=1000).items) == size
        assert [event.name for event in tx.events.of("sim", sims[-1].key)] == [
            "SimReceived",
            "SimReserved",
        ]


@pytest.mark.parametrize("size", [1, MANY * 3])
def test_who_is_second_to_make_a_thing_is_told_to_try_again(uow, size):
    sims = [a_sim() for _ in range(size)]

    def be_late() -> None:
        with uow() as late:
            assert late.sims.get_many([sim.iccid for sim in sims]) == {}
            with uow() as early:
                early.sims.save(sims[0])
            late.sims.save_all(sims)

    with pytest.raises(Contended):
        be_late()


def test_what_is_got_for_writing_is_held(uow):
    sim = a_sim()
    with uow() as tx:
        tx.sims.save(sim)
    with uow() as tx:
        tx.sims.get(sim.iccid)
        with uow(read_only=True) as reader:
            assert reader.sims.get(sim.iccid) == sim
        with pytest.raises(Busy), uow() as other:
            other.sims.get(sim.iccid)


def test_a_queue_gives_two_takers_two_things_and_the_most_urgent_first(uow):
    slow = a_ticket(priority=TicketPriority.LOW)
    first, second = (a_ticket(priority=TicketPriority.URGENT) for _ in range(2))
    with uow() as tx:
        tx.tickets.save_all([slow, second, first])
    with uow() as one, uow() as two, uow() as three, uow() as four:
        taken = [tx.tickets.next_free() for tx in (one, two, three, four)]
    assert taken == [first, second, slow, None]


def test_a_document_belongs_to_one_customer_until_it_is_given_up(uow):
    spellings = ("AN 123456", "an-123456")
    owner, other = (a_customer(documents=[passport(number)]) for number in spellings)
    key = "passport:AN123456"
    with uow() as tx:
        tx.customers.save(owner)
    with pytest.raises(IdentityTaken) as taken, uow() as tx:
        tx.customers.save(other)
    assert taken.value.customer_id == owner.id
    with uow() as tx:
        assert tx.customers.by_identities([key]) == {key: owner.id}
        without = tx.customers.get(owner.id).update(
            changes={"documents": ()}, today=AT.date(), by=BY, at=AT
        )
        tx.customers.save(without)
        tx.customers.save(other)
        assert tx.customers.by_identities([key]) == {key: other.id}


def test_customers_are_found_by_what_people_know_of_them(uow):
    one = a_customer("Айбек Асанов", phone="+996700123456", email="A@b.kg")
    two = a_customer("Bermet O'Neil 100%", documents=[passport("AN 123456")])
    with uow() as tx:
        tx.customers.save_all([one, two])
        for text in ("асан", "АЙБ", "123456", "+996 700 123456", "a@B.KG", "Asanov aibek"):
            assert one in tx.customers.search(text, limit=5), text
        for text in ("an-123456", "neil", "100%"):
            assert two in tx.customers.search(text, limit=5), text
        for text in ("", "':* & |", "nobody", "%", "who123456@b.kg", "nobody 123456", "йбе"):
            assert one not in tx.customers.search(text, limit=5), text
        alike = a_customer("X", phone="+996700123456", documents=[passport("AN123456")])
        nobody = a_customer("X")
        found = tx.customers.lookalikes([alike, nobody], limit=5)
        assert [other.customer_id for other in found[alike.id]] == [two.id, one.id]
        assert found[nobody.id] == []


def test_pages_go_on_where_they_ended_whatever_is_added(uow):
    numbers = [Number.receive(msisdn=MSISDN(f"99670000{i:04d}"), by=BY, at=AT) for i in range(25)]
    with uow() as tx:
        tx.numbers.save_all(numbers)
        page = tx.numbers.page(Query(where={"status": "available"}, limit=10))
        seen = list(page.items)
        tx.numbers.save(Number.receive(msisdn=MSISDN("99610000000"), by=BY, at=AT))
        while page.next:
            page = tx.numbers.page(Query(where={"status": "available"}, limit=10, cursor=page.next))
            seen += page.items
        assert seen == numbers
        backwards = tx.numbers.page(Query(limit=3, descending=True))
        assert list(backwards.items) == numbers[:-4:-1]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        (Query(where={"status": "sold", "colour": "red"}), ["status", "colour"]),
        (Query(where={"contract_id": "7"}), ["contract_id"]),
        (Query(cursor="%%%"), ["cursor"]),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_in_full(uow, query, fields):
    with pytest.raises(InvalidValue) as wrong, uow(read_only=True) as tx:
        tx.numbers.page(query)
    assert [fault.field for fault in wrong.value.faults] == fields


def test_a_key_is_bound_once(uow):
    key, mine = IdempotencyKey("shop", "1", "digest"), uuid4()
    with uow() as tx:
        assert tx.keys.claim(key, mine) is None
    with uow() as tx:
        assert tx.keys.claim(key, uuid4()) == Bound(mine)
    with pytest.raises(KeyReused), uow() as tx:
        tx.keys.claim(attrs.evolve(key, digest="other"), uuid4())


def test_who_works_under_a_key_keeps_others_out(uow):
    key = IdempotencyKey("shop", "1", "digest")
    with uow() as tx:
        tx.keys.claim(key, uuid4())
        with pytest.raises(Busy), uow() as other:
            other.keys.claim(key, uuid4())


def test_the_stream_tells_each_event_once_and_waits_for_those_still_at_work(uow):
    tickets = [a_ticket() for _ in range(4)]
    with uow() as slow:
        slow.tickets.save(tickets[0])
        with uow() as quick:
            quick.tickets.save_all(tickets[1:])
        with uow(read_only=True) as reader:
            assert reader.events.since("", limit=10) == []
    cursor, told = "", []
    with uow() as tx:
        for _ in patiently():  # another database's open transaction may delay the stream
            while batch := tx.events.since(cursor, limit=3):
                cursor = batch[-1][0]
                told += [event.thing_id for _, event in batch]
            if len(told) >= len(tickets):
                break
        assert tx.events.position("sink") == ""
        tx.events.advance("sink", cursor)
        assert tx.events.position("sink") == cursor
    assert told == [ticket.key for ticket in tickets]


def test_rules_and_audit(uow):
    with uow() as tx:
        assert tx.rules.get("sla") is None
        for value in ({"hours": [1, None]}, ["x"]):
            tx.rules.put("sla", value, by=BY, at=AT)
            assert tx.rules.get("sla") == value
        assert [event.sequence for event in tx.events.of("rules", "sla")] == [1, 2]
        for minute in range(3):
            at = AT + timedelta(minutes=minute)
            line = AuditRecord(action="look", thing="sim", thing_id=str(minute), by=BY, at=at)
            tx.audit.record(line)
    with uow(read_only=True) as tx:
        first = tx.audit.page(Query(where={"thing": "sim"}, limit=2))
        rest = tx.audit.page(Query(where={"thing": "sim"}, limit=2, cursor=first.next))
        assert [line.thing_id for line in (*first.items, *rest.items)] == ["0", "1", "2"]
        assert rest.next is None


@pytest.mark.parametrize("kind", ["psycopg", "sqlalchemy"])
def test_a_caller_s_transaction_is_joined_and_left_as_it_was(url, engine, uow, kind):
    ticket, lost = a_ticket(), a_ticket()
    theirs = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    connection: Any = psycopg.connect(url) if kind == "psycopg" else theirs.connect()

    def path() -> Any:
        say = connection.execute if kind == "psycopg" else connection.exec_driver_sql
        return say("SHOW search_path").fetchone()[0]

    with connection:
        before = path()
        joined = PostgresUnitOfWork(engine, connection=connection)
        with joined() as tx:
            tx.tickets.save(ticket)
        with pytest.raises(ZeroDivisionError):
            save_and_fail(joined, lost)
        assert path() == before
        with joined(read_only=True) as tx:
            assert tx.tickets.get_many([ticket.id, lost.id]) == {ticket.id: ticket}
        with uow() as tx:
            assert tx.tickets.get_many([ticket.id]) == {}
        connection.commit()
    theirs.dispose()
    with uow() as tx:
        assert tx.tickets.get(ticket.id) == ticket


def test_a_reading_transaction_writes_nothing(uow):
    with pytest.raises(Exception, match="read-only"), uow(read_only=True) as tx:
        tx.tickets.save(a_ticket())


def test_a_series_gives_each_number_once(engine):
    taken: list[int] = []
    processes = [PostgresSeries(engine), PostgresSeries(engine)]

    def take(series: PostgresSeries) -> None:
        for size in (1, 3, BLOCK + 7, 1):
            taken.extend(series.take("contract", size))

    threads = [threading.Thread(target=take, args=(series,)) for series in processes * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 6 * (BLOCK + 12)


def test_a_database_that_is_away_is_unavailable_and_comes_back(url, engine, uow):
    def hang_up() -> None:
        """End all connections to the database, and wait until they are gone."""
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def list_as_it_goes_away() -> None:
        with uow() as tx:
            hang_up()
            tx.tickets.page(Query())

    with pytest.raises(Unavailable):
        list_as_it_goes_away()
    with uow() as tx:
        tx.tickets.page(Query())
    hang_up()
    with uow() as tx:
        tx.tickets.page(Query())  # a connection that was lost while nobody used it bothers nobody
    nowhere = open_engine("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable), PostgresUnitOfWork(nowhere)():
        pass


def test_a_pool_that_is_used_up_is_unavailable(url):
    engine = open_engine(url, pool_size=1, pool_timeout_seconds=0.05)
    uow = PostgresUnitOfWork(engine)
    with uow(), pytest.raises(Unavailable), uow():
        pass
    engine.dispose()
