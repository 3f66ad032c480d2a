"""Payments of many requests at once: each has its own outcome, whoever else is in the batch."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import attrs
import pytest

import telecom_crm
from telecom_crm import Crm, Money, NotFound, Payer, PaymentMethod
from telecom_crm.application.payments.request import PaymentRequest
from telecom_crm.domain.errors import InvalidValue, Unavailable
from telecom_crm.domain.identifiers import AccountId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.payment import Payment
from telecom_crm.entrypoints.http.counter import Counter

Taking = Coroutine[Any, Any, Payment]


@pytest.fixture
def crm() -> Iterator[Crm]:
    with telecom_crm.in_memory() as crm:
        yield crm


@pytest.fixture
def account(crm: Crm) -> AccountId:
    customer = crm.customers.register(name="Ли Канат")
    return crm.accounts.open(customer_id=customer.id, currency="KGS").id


def request(account: AccountId, key: str, *, by: str = "till", minor: int = 100) -> PaymentRequest:
    return PaymentRequest(
        payer=Payer(account_id=account),
        amount=Money(minor, "KGS"),
        method=PaymentMethod.CASH,
        idempotency_key=key,
        by=Actor(by),
    )


def all_at_once(*takings: Taking) -> list[Payment | BaseException]:
    async def gather() -> list[Payment | BaseException]:
        return await asyncio.gather(*takings, return_exceptions=True)

    return asyncio.run(gather())


def test_each_gets_its_own_and_a_bad_one_fails_alone(crm: Crm, account: AccountId) -> None:
    counter, nobody = Counter(crm.payments), AccountId(crm.new_id())
    requests = [
        request(account, "a", minor=100),
        request(nobody, "b"),
        request(account, "c", minor=0),
        request(account, "d", minor=300, by="other till"),
    ]
    first, unknown, nothing, last = all_at_once(
        *(counter.take(one, gateway="cash_desk") for one in requests)
    )
    assert isinstance(unknown, NotFound)
    assert isinstance(nothing, InvalidValue)
    assert isinstance(first, Payment)
    assert first.amount.minor == 100
    assert isinstance(last, Payment)
    assert last.amount.minor == 300
    assert crm.accounts.get(account).balance.balance.minor == 400
    with crm.uow(read_only=True) as tx:
        assert tx.events.of("payment", last.key)[0].by == Actor("other till")


def test_the_same_key_at_once_is_one_payment(crm: Crm, account: AccountId) -> None:
    counter = Counter(crm.payments)
    outcomes = all_at_once(
        *(counter.take(request(account, "same"), gateway="cash_desk") for _ in range(20))
    )
    payments = [one for one in outcomes if isinstance(one, Payment)]
    assert len(payments) == 20
    assert len({one.id for one in payments}) == 1
    assert [one.replayed for one in payments].count(False) == 1
    assert crm.accounts.get(account).balance.balance.minor == 100


def test_who_hangs_up_takes_nobody_along(crm: Crm, account: AccountId) -> None:
    counter = Counter(crm.payments)

    async def hang_up_on_the_first() -> list[Payment]:
        tasks = [
            asyncio.create_task(counter.take(request(account, str(n)), gateway="cash_desk"))
            for n in range(5)
        ]
        await asyncio.sleep(0)  # all are in the line
        tasks[0].cancel()
        rest = await asyncio.gather(*tasks[1:])
        assert tasks[0].cancelled()
        return rest

    assert len(asyncio.run(hang_up_on_the_first())) == 4
    again = crm.payments.take_one(request(account, "0"), gateway="cash_desk")
    assert again.replayed  # it was booked all the same, and its key says so
    assert crm.accounts.get(account).balance.balance.minor == 500


def test_a_store_that_is_away_is_told_to_all_and_the_next_are_served(
    crm: Crm, account: AccountId
) -> None:
    @attrs.define
    class Away:
        """A till whose store is away for one batch."""

        left: int = 1

        def book(self, bookings: Any, *, wait: bool = True) -> Any:
            if self.left:
                self.left -= 1
                raise Unavailable("database")
            return crm.payments.till.book(bookings, wait=wait)

    counter = Counter(attrs.evolve(crm.payments, till=Away()))

    async def pay() -> tuple[list[Payment | BaseException], Payment]:
        takings = [counter.take(request(account, str(n)), gateway="cash_desk") for n in range(3)]
        refused = await asyncio.gather(*takings, return_exceptions=True)
        return refused, await counter.take(request(account, "0"), gateway="cash_desk")

    refused, paid = asyncio.run(pay())
    assert all(isinstance(one, Unavailable) for one in refused)
    assert len(refused) == 3
    assert not paid.replayed


def test_a_gateway_that_is_not_there_is_told(crm: Crm, account: AccountId) -> None:
    [outcome] = all_at_once(Counter(crm.payments).take(request(account, "a"), gateway="nowhere"))
    assert isinstance(outcome, InvalidValue)
