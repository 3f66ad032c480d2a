"""Payments of many threads in one commit: who leads, who goes along, and what an error does."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

import attrs
import pytest

from telecom_crm.adapters.gathering.batches import CROWD, LARGEST_BATCH, GatheringTill, _Waiting
from telecom_crm.application.ports import Booked, Booking, Found, Payer
from telecom_crm.domain.errors import NotFound, TelecomCrmError, Unavailable, apart
from telecom_crm.domain.identifiers import AccountId
from telecom_crm.domain.payment import Payment

AT = datetime(2026, 3, 2, tzinfo=UTC)
PATIENCE = 20.0


def booking(number: int) -> Booking:
    def decide(found: Found) -> Booked:
        raise AssertionError("only a store decides")

    return Booking(decide=decide, at=AT, payer=Payer(account_id=AccountId(UUID(int=number))))


def outcome_of(one: Booking) -> TelecomCrmError:
    """What the till below answers: an outcome that tells which booking it belongs to."""
    return NotFound("account", str(one.payer.account_id) if one.payer else "")


@attrs.define
class SlowTill:
    """A till that works for as long as a test lets it, and notes what it was given."""

    batches: list[int] = attrs.field(factory=list)
    errors: list[BaseException] = attrs.field(factory=list)
    begun: threading.Semaphore = attrs.field(factory=lambda: threading.Semaphore(0))
    let_go: threading.Semaphore = attrs.field(factory=lambda: threading.Semaphore(0))

    def book(
        self, bookings: Sequence[Booking], *, wait: bool = True
    ) -> list[Payment | TelecomCrmError]:
        assert wait
        self.batches.append(len(bookings))
        self.begun.release()
        assert self.let_go.acquire(timeout=PATIENCE)
        if self.errors:
            raise self.errors.pop(0)
        return [outcome_of(one) for one in bookings]


@attrs.define
class Queue:
    """A gathering till over the slow one, and threads that pay."""

    inner: SlowTill
    till: GatheringTill
    pool: ThreadPoolExecutor

    def pay(self, *numbers: int) -> Future[list[Payment | TelecomCrmError]]:
        return self.pool.submit(self.till.book, [booking(number) for number in numbers])

    def lead(self, number: int) -> Future[list[Payment | TelecomCrmError]]:
        """Pay, and come back once the batch is being written."""
        leader = self.pay(number)
        assert self.inner.begun.acquire(timeout=PATIENCE)
        return leader

    def fill(self, *numbers: int) -> list[Future[list[Payment | TelecomCrmError]]]:
        """Have these wait behind the batch that is being written, in this order."""
        waiting = []
        for number in numbers:
            there = self.waiting
            waiting.append(self.pay(number))
            while self.waiting == there:
                assert not waiting[-1].done()
        return waiting

    @property
    def waiting(self) -> int:
        return len(self.till._queue)


@pytest.fixture
def queue():
    inner = SlowTill()
    with ThreadPoolExecutor(64) as pool:
        yield Queue(inner, GatheringTill(inner), pool)


def numbers_in(outcomes: list[Payment | TelecomCrmError]) -> list[str]:
    return [str(outcome) for outcome in outcomes]


def expected(*numbers: int) -> list[str]:
    return [str(outcome_of(booking(number))) for number in numbers]


def test_one_alone_goes_at_once(queue: Queue) -> None:
    queue.inner.let_go.release()
    assert numbers_in(queue.pay(1).result(PATIENCE)) == expected(1)
    assert queue.inner.batches == [1]


def test_who_comes_meanwhile_goes_along_in_the_next_and_each_gets_its_own(queue: Queue) -> None:
    first = queue.lead(1)
    rest = queue.fill(2, 3, 4, 5)
    queue.inner.let_go.release(2)
    assert numbers_in(first.result(PATIENCE)) == expected(1)
    assert [numbers_in(one.result(PATIENCE)) for one in rest] == [expected(n) for n in (2, 3, 4, 5)]
    assert queue.inner.batches == [1, 4]


def test_several_of_one_caller_stay_together(queue: Queue) -> None:
    first = queue.lead(1)
    pair = queue.pay(2, 3)
    while queue.waiting < 1:
        assert not pair.done()
    last = queue.fill(4)
    queue.inner.let_go.release(2)
    first.result(PATIENCE)
    assert numbers_in(pair.result(PATIENCE)) == expected(2, 3)
    assert numbers_in(last[0].result(PATIENCE)) == expected(4)


def test_a_crowd_is_worth_a_second_batch_beside_the_first(queue: Queue) -> None:
    first = queue.lead(1)
    crowd = queue.fill(*range(2, 2 + CROWD))
    second = queue.lead(100)  # comes while the first is being written
    assert queue.inner.batches == [1, CROWD + 1]
    queue.inner.let_go.release(2)
    for one in (first, second, *crowd):
        one.result(PATIENCE)
    assert queue.waiting == 0


def test_an_error_of_the_store_is_everybodys_in_its_batch_and_the_queue_goes_on(
    queue: Queue,
) -> None:
    queue.inner.errors.append(Unavailable("database"))
    first = queue.lead(1)
    queue.fill(2)
    queue.inner.let_go.release()
    with pytest.raises(Unavailable):
        first.result(PATIENCE)
    queue.inner.let_go.release(2)
    assert numbers_in(queue.pay(5).result(PATIENCE)) == expected(5)


def test_a_defect_in_a_batch_has_each_caller_written_alone(queue: Queue) -> None:
    first = queue.lead(1)
    rest = queue.fill(2, 3, 4)
    queue.inner.let_go.release()
    first.result(PATIENCE)
    assert queue.inner.begun.acquire(timeout=PATIENCE)
    queue.inner.errors += [ValueError("of the batch"), ValueError("of the first alone")]
    queue.inner.let_go.release(4)
    with pytest.raises(ValueError, match="of the first alone"):
        rest[0].result(PATIENCE)
    assert [numbers_in(one.result(PATIENCE)) for one in rest[1:]] == [expected(3), expected(4)]
    assert queue.inner.batches == [1, 3, 1, 1, 1]


def test_an_interrupted_leader_tells_the_others_that_nobody_knows(queue: Queue) -> None:
    first = queue.lead(1)
    rest = queue.fill(2, 3)
    queue.inner.let_go.release()
    first.result(PATIENCE)
    assert queue.inner.begun.acquire(timeout=PATIENCE)
    later = queue.fill(4)
    queue.inner.errors.append(KeyboardInterrupt("of a leader"))
    queue.inner.let_go.release()
    with pytest.raises(KeyboardInterrupt):
        rest[0].result(PATIENCE)
    with pytest.raises(Unavailable):
        rest[1].result(PATIENCE)
    queue.inner.let_go.release()
    assert numbers_in(later[0].result(PATIENCE)) == expected(4)


@pytest.mark.parametrize("handed", [False, True], ids=["in the queue", "as it got the lead"])
def test_who_is_interrupted_while_waiting_holds_nobody_up(queue: Queue, handed: bool) -> None:
    class Interrupted:
        """A lock that somebody's Ctrl-C ends the waiting for."""

        def acquire(self) -> bool:
            if handed:
                queue.till._queue.remove(waiting)
                waiting.leads = True
            raise KeyboardInterrupt

    first = queue.lead(1)
    waiting = _Waiting([booking(2)])
    waiting.called = Interrupted()  # type: ignore[assignment]
    queue.till._queue.append(waiting)
    if handed:
        queue.till._leading += 1
    with pytest.raises(KeyboardInterrupt):
        queue.till._wait(waiting)
    assert queue.waiting == 0
    rest = queue.fill(3)
    queue.inner.let_go.release(2)
    first.result(PATIENCE)
    assert numbers_in(rest[0].result(PATIENCE)) == expected(3)
    assert queue.till._leading == 0


def test_a_large_file_goes_its_own_way(queue: Queue) -> None:
    first = queue.lead(1)
    file = queue.pay(*range(LARGEST_BATCH))
    assert queue.inner.begun.acquire(timeout=PATIENCE)
    assert queue.inner.batches == [1, LARGEST_BATCH]
    queue.inner.let_go.release(2)
    assert len(file.result(PATIENCE)) == LARGEST_BATCH
    first.result(PATIENCE)


def test_batches_stop_at_the_largest(queue: Queue) -> None:
    first = queue.lead(1)
    half = LARGEST_BATCH // 2
    files: list[Future[list[Payment | TelecomCrmError]]] = []
    for _ in range(3):
        there = queue.waiting
        files.append(queue.pay(*range(half)))
        while queue.waiting == there:
            assert not files[-1].done()
    queue.inner.let_go.release(3)
    for one in (first, *files):
        one.result(PATIENCE)
    assert queue.inner.batches == [1, 2 * half, half]


def test_64_threads_at_once_lose_nothing() -> None:
    class QuickTill:
        def book(
            self, bookings: Sequence[Booking], *, wait: bool = True
        ) -> list[Payment | TelecomCrmError]:
            assert wait
            return [outcome_of(one) for one in bookings]

    till, start = GatheringTill(QuickTill()), threading.Barrier(64)

    def pay(thread: int) -> bool:
        start.wait(PATIENCE)
        mine = range(thread * 1000, thread * 1000 + 20)
        return all(numbers_in(till.book([booking(one)])) == expected(one) for one in mine)

    with ThreadPoolExecutor(64) as pool:
        assert all(pool.map(pay, range(64)))
    assert not till._queue


def test_each_of_a_batch_that_failed_has_an_error_of_its_own() -> None:
    """Raised by many threads, one exception would collect the traces of all of them."""
    shared = Unavailable("database")
    mine = apart(shared)
    assert (type(mine), mine.part) == (Unavailable, "database")
    assert mine is not shared
    strange = ValueError("not one of ours")
    assert apart(strange) is strange
