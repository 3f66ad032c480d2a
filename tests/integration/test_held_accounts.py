"""Payments into an account that another transaction holds wait, and nobody waits with them."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import attrs
import pytest
from sqlalchemy import Engine, text

import telecom_crm
from telecom_crm.adapters.gathering.batches import LARGEST_BATCH
from telecom_crm.adapters.postgres.engine import open_engine
from telecom_crm.application.payments.request import PaymentRequest
from telecom_crm.application.ports import Booked, Booking, Found, Payer
from telecom_crm.domain.errors import Busy, NotFound, TelecomCrmError
from telecom_crm.domain.identifiers import AccountId
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment, PaymentMethod
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.counter import HELD_AT_ONCE, Counter

PATIENCE = 20.0
SHORT = 0.3
"""A lock timeout that a test can wait for."""


@attrs.frozen
class Shop:
    """Accounts that are paid into, and a way to hold one."""

    crm: Crm
    engine: Engine
    owner: Engine
    """Whose connections see what others wait for."""
    accounts: tuple[AccountId, ...]

    def request(self, account: AccountId, **more: Any) -> PaymentRequest:
        payer = Payer(account_id=account)
        amount = Money(100, "KGS")
        return PaymentRequest(payer=payer, amount=amount, method=PaymentMethod.CASH, **more)

    def pay(self, *accounts: AccountId, wait: bool = True) -> list[Payment | TelecomCrmError]:
        requests = [self.request(account) for account in accounts]
        return self.crm.payments.record_many(requests, gateway="cash_desk", wait=wait)

    def kinds(self, *accounts: AccountId, wait: bool = True) -> list[type]:
        return [type(one) for one in self.pay(*accounts, wait=wait)]

    def balance(self, account: AccountId) -> int:
        return self.crm.accounts.get(account).balance.subscriber

    @contextmanager
    def held(self, *accounts: AccountId) -> Iterator[None]:
        """Hold accounts as a long transaction of another program does."""
        with self.engine.begin() as connection:
            connection.execute(
                text("SELECT id FROM accounts WHERE id = ANY(:ids) ORDER BY id FOR UPDATE"),
                {"ids": list(accounts)},
            ).all()
            yield

    def waiting(self) -> int:
        """Return how many connections of this database wait for a lock."""
        with self.owner.connect() as connection:
            query = text(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            return int(connection.execute(query).scalar_one())


@contextmanager
def opened(url: str, *, lock_timeout_seconds: float) -> Iterator[Shop]:
    engine = open_engine(url, lock_timeout_seconds=lock_timeout_seconds)
    owner = open_engine(url, owner=True, pool_size=1)
    try:
        with telecom_crm.open("", engine=engine) as crm:
            payer = crm.customers.register(name="Айгүл")
            accounts = [crm.accounts.open(customer_id=payer.id, currency="KGS") for _ in range(12)]
            yield Shop(crm, engine, owner, tuple(account.id for account in accounts))
    finally:
        engine.dispose()
        owner.dispose()


@pytest.fixture
def shop(fresh_database: Callable[[], str]) -> Iterator[Shop]:
    with opened(fresh_database(), lock_timeout_seconds=PATIENCE) as shop:
        yield shop


@pytest.fixture
def hasty(fresh_database: Callable[[], str]) -> Iterator[Shop]:
    with opened(fresh_database(), lock_timeout_seconds=SHORT) as shop:
        yield shop


def wait_for(shop: Shop, waiting: int, *futures: Future[Any]) -> None:
    while shop.waiting() < waiting:
        assert not any(future.done() for future in futures)


def test_without_waiting_only_what_is_held_is_busy(shop: Shop) -> None:
    held, free, *_ = shop.accounts
    with shop.held(held):
        busy, booked = shop.pay(held, free, wait=False)
    assert isinstance(busy, Busy)
    assert busy.thing == f"account {held}"
    assert isinstance(booked, Payment)
    assert shop.kinds(held, wait=False) == [Payment]
    assert (shop.balance(held), shop.balance(free)) == (100, 100)


def test_a_payment_is_held_with_its_account(shop: Shop) -> None:
    held, free, *_ = shop.accounts
    [paid] = shop.pay(held)
    assert isinstance(paid, Payment)

    def decide(found: Found) -> Booked:
        raise AssertionError("nothing is decided on what is held")

    booking = Booking(decide=decide, at=paid.at, payment_id=paid.id)
    with shop.held(held):
        [busy] = shop.crm.payments.till.book([booking], wait=False)
    assert isinstance(busy, Busy)
    assert shop.kinds(free, wait=False) == [Payment]


def test_an_account_that_nobody_has_is_not_found_however_many_are_held(shop: Shop) -> None:
    held, free, *_ = shop.accounts
    with shop.held(held):
        assert shop.kinds(AccountId(UUID(int=7)), free) == [NotFound, Payment]


def test_who_pays_into_a_held_account_keeps_nobody_else(shop: Shop) -> None:
    held, *others = shop.accounts
    with ThreadPoolExecutor(40) as pool:
        with shop.held(held):
            waiting = [pool.submit(shop.kinds, held) for _ in range(20)]
            wait_for(shop, 1, *waiting)
            for other in others:
                assert shop.kinds(other) == [Payment]
            # Many wait for one account, in one connection.
            assert shop.waiting() == 1
            assert not any(future.done() for future in waiting)
        assert [future.result(PATIENCE) for future in waiting] == [[Payment]] * 20
    assert shop.balance(held) == 2000


def test_many_held_accounts_leave_connections_to_the_others(shop: Shop) -> None:
    *held, free = shop.accounts
    with ThreadPoolExecutor(40) as pool:
        with shop.held(*held):
            waiting = [pool.submit(shop.kinds, account) for account in held]
            wait_for(shop, 4, *waiting)
            for _ in range(10):
                assert shop.kinds(free) == [Payment]
        assert [future.result(PATIENCE) for future in waiting] == [[Payment]] * len(held)


def test_what_is_held_for_too_long_is_busy_alone(hasty: Shop) -> None:
    first, second, free, *_ = hasty.accounts
    with hasty.held(first, second):
        assert hasty.kinds(first, free) == [Busy, Payment]
        assert hasty.kinds(first, free, second) == [Busy, Payment, Busy]
        many = hasty.kinds(first, *[free] * LARGEST_BATCH)
    assert many == [Busy, *[Payment] * LARGEST_BATCH]
    assert hasty.balance(free) == 100 * (2 + LARGEST_BATCH)
    assert hasty.balance(first) == 0


def test_at_the_counter_the_others_are_served_meanwhile(shop: Shop) -> None:
    *held, free = shop.accounts
    assert len(held) > HELD_AT_ONCE
    counter = Counter(shop.crm.payments)

    async def pay(account: AccountId) -> Payment:
        return await counter.take(shop.request(account), gateway="cash_desk")

    async def serve() -> list[Payment]:
        with shop.held(*held):
            waiting = [asyncio.create_task(pay(account)) for account in held * 2]
            for _ in range(5):
                assert (await pay(free)).account_id == free
            assert not any(task.done() for task in waiting)
        return await asyncio.gather(*waiting)

    paid = asyncio.run(serve())
    assert [one.account_id for one in paid] == held * 2
    assert {shop.balance(account) for account in held} == {200}


def test_at_the_counter_too_long_is_busy(hasty: Shop) -> None:
    held, free, *_ = hasty.accounts
    counter = Counter(hasty.crm.payments)

    async def serve() -> list[Any]:
        with hasty.held(held):
            takings = [
                counter.take(hasty.request(account), gateway="cash_desk")
                for account in (held, free, held)
            ]
            return await asyncio.gather(*takings, return_exceptions=True)

    assert [type(one) for one in asyncio.run(serve())] == [Busy, Payment, Busy]


def test_who_finds_no_line_free_is_told_in_time_and_the_others_are_served(shop: Shop) -> None:
    """More accounts are held than are waited for at once: the next is `Busy`, not kept for long."""
    counter = Counter(shop.crm.payments, seconds=SHORT)
    held = shop.accounts[: HELD_AT_ONCE + 1]

    async def serve() -> list[Any]:
        with shop.held(*held):
            waiting = [
                asyncio.ensure_future(counter.take(shop.request(account), gateway="cash_desk"))
                for account in held
            ]
            done, _ = await asyncio.wait(waiting, timeout=PATIENCE, return_when="FIRST_COMPLETED")
            [told] = [one.exception() for one in done]
            assert isinstance(told, Busy)
        return await asyncio.gather(*waiting, return_exceptions=True)

    outcomes = asyncio.run(serve())
    assert [type(one) for one in outcomes].count(Payment) == HELD_AT_ONCE
    counter.close()
    counter.close()
    for thread in counter._for_held._threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
