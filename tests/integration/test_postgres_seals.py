"""The seals of the audit trail, against somebody who may do anything in the database."""

import threading
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

import telecom_crm
from telecom_crm.application.audit import Verification
from telecom_crm.application.ports import AuditRecord, Query
from telecom_crm.domain.errors import RuleViolated
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.entrypoints.crm import Crm

BY = Actor("tester")
TRAIL = 4
"""How many lines are under each of the three seals."""


@pytest.fixture
def url(ready_database: str) -> str:
    return ready_database


@pytest.fixture
def crm(url: str) -> Iterator[Crm]:
    with closing(telecom_crm.open(url)) as crm:
        for _ in range(3):
            look(crm)
            for number in range(TRAIL - 1):
                crm.customers.register(name=f"Somebody {number}", by=BY)
            crm.audit.seal()
        yield crm


@pytest.fixture
def superuser(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = user").fetchone()
        connection.execute("SET search_path TO telecom_crm")
        yield connection


def look(crm: Crm) -> None:
    crm.access.record("look", thing="sim", thing_id="1", by=BY)


def found(outcome: Verification) -> list[tuple[str, int]]:
    return [(one.kind.value, one.number) for one in outcome.breaches]


def test_what_nobody_touched_is_right(crm):
    seals = list(crm.audit.seals())
    assert [(one.number, one.lines) for one in seals] == [(n, TRAIL) for n in (1, 2, 3)]
    outcome = crm.audit.verify(seals, by=BY)
    assert (outcome.seals, outcome.lines, outcome.broken) == (3, 3 * TRAIL, 0)
    assert outcome.last == seals[-1]
    assert crm.audit.seal() == 1  # that it was verified is a line too
    assert crm.audit.seal() == 0


IN_SECOND = "(SELECT start_xact::text::xid8 FROM seals WHERE number = 2)"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("UPDATE audit SET by_name = 'another' WHERE {}", ("changed", 2)),
        ("UPDATE audit SET by_address = '203.0.113.9' WHERE {}", ("changed", 2)),
        ("UPDATE events SET by_address = '203.0.113.9' WHERE {}", ("changed", 2)),
        ("UPDATE audit SET written_at = written_at - interval '1 us' WHERE {}", ("changed", 2)),
        ("""UPDATE events SET payload = payload || '{{"x": 1}}' WHERE {}""", ("changed", 2)),
        ("DELETE FROM audit WHERE {}", ("removed", 2)),
        ("DELETE FROM events WHERE {} AND thing = 'customer'", ("removed", 2)),
        (
            "INSERT INTO audit (at, action, thing, thing_id, by_name, detail, xact)"
            f" VALUES (now(), 'look', 'sim', '2', 'x', '', {IN_SECOND})",
            ("added", 2),
        ),
        ("UPDATE seals SET at = now() WHERE number = 2", ("changed", 2)),
        ("UPDATE seals SET lines = lines - 1 WHERE number = 2", ("added", 2)),
        ("DELETE FROM seals WHERE number = 2", ("missing", 2)),
    ],
)
def test_what_was_touched_is_found(crm, superuser, sql, expected):
    within = (
        f"xact >= {IN_SECOND} AND xact < (SELECT end_xact::text::xid8 FROM seals WHERE number = 2)"
    )
    assert superuser.execute(sql.format(within)).rowcount >= 1
    assert expected in found(crm.audit.verify())
    assert not crm.audit.state().was_right


def test_two_lines_that_changed_places_are_found(crm, superuser):
    superuser.execute(
        "UPDATE audit SET xact = other.xact FROM audit AS other"
        " WHERE audit.action = 'look' AND other.action = 'look' AND audit.xact <> other.xact"
    )
    assert {kind for kind, _ in found(crm.audit.verify())} <= {"changed", "added", "removed"}
    assert crm.audit.verify().broken
    assert not crm.audit.state().was_right


def test_an_end_that_was_cut_off_is_found_by_seals_kept_elsewhere(crm, superuser):
    kept = list(crm.audit.seals())
    for table in ("audit", "events"):
        superuser.execute(
            f"DELETE FROM {table} WHERE xact >="
            " (SELECT start_xact::text::xid8 FROM seals WHERE number = 3)"
        )
    superuser.execute("DELETE FROM seals WHERE number = 3")
    assert not crm.audit.verify().broken
    assert found(crm.audit.verify(kept)) == [("missing", 3)]
    crm.audit.seal()
    assert found(crm.audit.verify(kept)) == [("changed", 3)]


def test_a_trail_that_was_sealed_anew_is_found_by_seals_kept_elsewhere(crm, superuser):
    kept = list(crm.audit.seals())
    superuser.execute("DELETE FROM audit")
    superuser.execute("DELETE FROM seals")
    crm.audit.seal()
    assert not crm.audit.verify().broken
    assert ("changed", 1) in found(crm.audit.verify(kept))


def test_what_is_under_way_is_sealed_once_it_is_complete(crm):
    begun, go_on = threading.Event(), threading.Event()

    def write() -> None:
        with crm.uow() as tx:
            look_in(tx)
            begun.set()
            assert go_on.wait(20)

    def look_in(tx):
        tx.audit.record(
            telecom_crm.AuditRecord(action="slow", thing="sim", thing_id="1", by=BY, at=crm.clock())
        )

    thread = threading.Thread(target=write)
    thread.start()
    assert begun.wait(20)
    look(crm)  # later than what is under way, so it waits too
    assert crm.audit.seal() == 0
    before = crm.audit.page(Query()).items
    assert {line.action for line in before if isinstance(line, AuditRecord)} == {"look"}
    assert len(before) == 3 * TRAIL, "nor is what waits told: it would come behind what was read"
    assert crm.access.audit(Query(limit=50)).items == before[::TRAIL]
    go_on.set()
    thread.join()
    told = crm.access.audit(Query()).items
    assert [line.action for line in told[-2:]] == ["slow", "look"]
    assert crm.audit.seal() == 2
    assert not crm.audit.verify().broken


def test_two_workers_seal_each_line_once(crm):
    for _ in range(5):
        look(crm)
    done: list[int] = []
    threads = [threading.Thread(target=lambda: done.append(crm.audit.seal())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(done) == 5
    assert not crm.audit.verify().broken


def test_transactions_counted_anew_are_told_and_nothing_is_sealed(crm, superuser):
    superuser.execute("UPDATE seals SET end_xact = end_xact + 1000000 WHERE number = 3")
    with pytest.raises(RuleViolated, match="transaction numbers"):
        crm.audit.seal()
    assert len(list(crm.audit.seals())) == 3
