"""Payments through the library, beside pgbench writing the same rows statement by statement."""

from __future__ import annotations

import gc
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import attrs

from benchmarks.database import ACCOUNTS, PAYMENT, Database, database, server
from benchmarks.measuring import Contender, Meter, Sample, take_turns
from benchmarks.report import Result
from telecom_crm.adapters.clock import new_uuid7, utc_now
from telecom_crm.adapters.gateways.cash_desk import CashDesk
from telecom_crm.adapters.gathering.waiting_apart import WaitingApartTill
from telecom_crm.adapters.postgres.engine import open_engine
from telecom_crm.adapters.postgres.till import PooledConnections, PostgresTill
from telecom_crm.adapters.postgres.unit_of_work import PostgresUnitOfWork
from telecom_crm.application.payments.request import PaymentRequest
from telecom_crm.application.payments.service import Payments
from telecom_crm.application.ports import Payer
from telecom_crm.domain.errors import TelecomCrmError
from telecom_crm.domain.identifiers import AccountId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import PaymentMethod

BATCH = 500
"""Payments of a gateway's file that are booked at once."""

ROUNDS = 7
_ROWS: tuple[tuple[str, str, str, float | None, float | None, str], ...] = (
    ("one payment at a time, 8 at once", "single", "pgbench", 1.0, 1.6, ""),
    ("gathered into one commit, 64 at once", "gathered", "pgbench", 3.0, 7.0, ""),
    ("gathered into one commit, 8 at once", "gathered 8", "pgbench", None, None, ""),
    ("one hot account, 8 at once", "hot", "pgbench hot", 5.0, 20.0, "beside pgbench on one"),
    ("batches of payments", "batches", "pgbench", 4.0, 7.0, f"of {BATCH}, 2 at once"),
    ("pgbench, simple protocol: the reference", "pgbench", "pgbench", None, None, "8 clients"),
    ("pgbench, extended protocol", "pgbench extended", "pgbench", None, None, "8 clients"),
    ("pgbench, prepared statements", "pgbench prepared", "pgbench", None, None, "8 clients"),
    ("pgbench on one hot account", "pgbench hot", "pgbench", None, None, "8 clients"),
)

_PRICE = Money(150_00, "KGS")
_DESK = Actor("bench")

Work = Callable[[random.Random], int]
"""Does something once and returns how many payments that was."""


def measure(*, quick: bool) -> list[Result]:
    """Measure every way of taking payments against pgbench, in turns."""
    with (
        server() as running,
        database(running, "payments") as filled,
        counter(filled) as desk,
    ):
        samples = take_turns(contenders(desk, seconds=2.0), rounds=2 if quick else ROUNDS)
        with desk.plain.uow(read_only=True) as tx:
            wrong = list(tx.ledger.differences())
    if wrong:
        raise RuntimeError(f"the ledger does not prove its counters: {wrong[:3]}")
    return [
        Result.of(title, samples[name], samples[beside], at_least=at_least, aim=aim, note=note)
        for title, name, beside, at_least, aim, note in _ROWS
    ]


@attrs.frozen
class Counter:
    """A service over one database, with and without gathering, and what can be asked of it."""

    database: Database
    plain: Payments
    gathered: Payments

    def single(self, accounts: Sequence[AccountId], *, payments: Payments) -> Work:
        """Take one payment at a time."""

        def work(chance: random.Random) -> int:
            payments.take(
                payer=Payer(account_id=chance.choice(accounts)),
                amount=_PRICE,
                method=PaymentMethod.CASH,
                gateway="cash_desk",
                idempotency_key=uuid.uuid4().hex,
                by=_DESK,
            )
            return 1

        return work

    def batch(self, accounts: Sequence[AccountId]) -> Work:
        """Book a batch of payments."""

        def work(chance: random.Random) -> int:
            outcomes = self.plain.record_many(
                [
                    PaymentRequest(
                        payer=Payer(account_id=chance.choice(accounts)),
                        amount=_PRICE,
                        method=PaymentMethod.CASH,
                        idempotency_key=uuid.uuid4().hex,
                    )
                    for _ in range(BATCH)
                ],
                gateway="cash_desk",
                by=_DESK,
            )
            failed = [outcome for outcome in outcomes if isinstance(outcome, TelecomCrmError)]
            if failed:
                raise failed[0]
            return len(outcomes)

        return work


@contextmanager
def counter(database: Database) -> Iterator[Counter]:
    """Open a service on the database, as the application's own role."""
    engine = open_engine(database.url, pool_size=8)
    connections = PooledConnections.like(engine)
    plain = Payments(
        uow=PostgresUnitOfWork(engine),
        till=PostgresTill(connections),
        gateways={"cash_desk": CashDesk()},
        clock=utc_now,
        new_id=new_uuid7,
        resume_paid=lambda _: None,
    )
    gc.collect()
    gc.freeze()  # as a service does once it has started
    try:
        yield Counter(database, plain, attrs.evolve(plain, till=WaitingApartTill(plain.till)))
    finally:
        gc.unfreeze()
        connections.close()
        engine.dispose()


def contenders(desk: Counter, *, seconds: float) -> dict[str, Contender]:
    """Everything that is measured of payments, by name."""
    accounts = [AccountId(id) for id in desk.database.accounts]
    hot = accounts[:1]

    def ours(work: Work, threads: int) -> Contender:
        return lambda: busy(work, threads=threads, seconds=seconds, server=desk.database.server.pid)

    def pgbench(protocol: str, accounts: int) -> Contender:
        return lambda: desk.database.pgbench(
            PAYMENT, protocol=protocol, accounts=accounts, seconds=seconds
        )

    return {
        "pgbench": pgbench("simple", ACCOUNTS),
        "single": ours(desk.single(accounts, payments=desk.plain), 8),
        "gathered": ours(desk.single(accounts, payments=desk.gathered), 64),
        "gathered 8": ours(desk.single(accounts, payments=desk.gathered), 8),
        "batches": ours(desk.batch(accounts), 2),
        "pgbench hot": pgbench("simple", 1),
        "hot": ours(desk.single(hot, payments=desk.gathered), 8),
        "pgbench extended": pgbench("extended", ACCOUNTS),
        "pgbench prepared": pgbench("prepared", ACCOUNTS),
    }


def busy(work: Work, *, threads: int, seconds: float, server: int | None) -> Sample:
    """Do the work in so many threads until the time is over."""
    done, errors = [0] * threads, list[BaseException]()
    over = time.perf_counter() + seconds

    def go(number: int) -> None:
        chance = random.Random(number)
        try:
            while time.perf_counter() < over and not errors:
                done[number] += work(chance)
        except BaseException as error:  # noqa: BLE001  # raised again below
            errors.append(error)

    meter = Meter(server)
    running = [threading.Thread(target=go, args=(number,)) for number in range(threads)]
    with meter.running():
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        meter.operations = sum(done)
    if errors:
        raise errors[0]
    return meter.sample
