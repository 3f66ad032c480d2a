from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

from telecom_crm.adapters.clock import ManualClock, SequentialIds, new_uuid7, utc_now


def test_ids_are_uuid7s_of_the_present():
    before = utc_now()
    made = new_uuid7()
    after = utc_now()
    assert (made.version, made.variant) == (7, RFC_4122)
    at = datetime.fromtimestamp((made.int >> 80) / 1000, UTC)
    assert before - timedelta(milliseconds=1) <= at <= after + timedelta(milliseconds=1)
    assert UUID(str(made)) == made
    assert hash(UUID(str(made))) == hash(made)


def test_ids_rise_in_each_thread_and_never_repeat():
    start = threading.Barrier(8)

    def make(_):
        start.wait()
        return [new_uuid7() for _ in range(5000)]

    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(make, range(8)))
    assert all(run == sorted(run) for run in runs)
    assert len({made for run in runs for made in run}) == 8 * 5000


def test_a_forked_child_makes_ids_of_its_own():
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, new_uuid7().bytes)
        os._exit(0)
    mine = new_uuid7()
    os.waitpid(child, 0)
    theirs = UUID(bytes=os.read(reader, 16))
    os.close(reader)
    os.close(writer)
    assert mine.int & (1 << 62) - 1 != theirs.int & (1 << 62) - 1


def test_sequential_ids_are_the_same_for_a_seed():
    one, two, other = SequentialIds(1), SequentialIds(1), SequentialIds(2)
    made = [one() for _ in range(100)]
    assert made == [two() for _ in range(100)] == sorted(made)
    assert not {other() for _ in range(100)} & set(made)
    assert {(i.version, i.variant) for i in made} == {(7, RFC_4122)}


def test_a_manual_clock_moves_only_when_told():
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    assert clock() == clock()
    assert clock.advance(timedelta(days=1)) == clock() == datetime(2026, 3, 2, tzinfo=UTC)
    clock.set(datetime(2026, 1, 1, tzinfo=UTC))
    assert clock() == datetime(2026, 1, 1, tzinfo=UTC)
    assert utc_now().tzinfo is UTC
