"""The till on PostgreSQL: what it finds and writes, and what one bad payment does to others."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from uuid import UUID

import attrs
import psycopg
import pytest
from sqlalchemy import Engine, text

import telecom_crm
from telecom_crm.adapters.clock import new_uuid7, utc_now
from telecom_crm.adapters.gateways.script import Behaviour
from telecom_crm.adapters.gateways.simulator import SimulatorGateway
from telecom_crm.adapters.postgres.engine import open_engine
from telecom_crm.adapters.postgres.pipeline import Pipeline, Statement
from telecom_crm.adapters.postgres.till import SLICE, PooledConnections, PostgresTill
from telecom_crm.application.inventory.receiving import NumberData, SimData
from telecom_crm.application.payments.request import PaymentRequest
from telecom_crm.application.ports import IdempotencyKey, Payer
from telecom_crm.domain.account import BillingAccount
from telecom_crm.domain.errors import (
    InvalidValue,
    KeyReused,
    NotFound,
    RuleViolated,
    TelecomCrmError,
)
from telecom_crm.domain.identifiers import MSISDN, AccountId, ContractId, PaymentId
from telecom_crm.domain.lifecycle import SYSTEM
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment, PaymentMethod, PaymentStatus
from telecom_crm.entrypoints.conformance.samples import Samples
from telecom_crm.entrypoints.conformance.strategies import iccid_of, msisdn_of
from telecom_crm.entrypoints.crm import Crm

CARD, NUMBER = iccid_of(1), msisdn_of(1)


class Desk:
    """Two accounts, one of them with a contract, and everything that takes payments."""

    def __init__(self, crm: Crm, engine: Engine, connections: PooledConnections) -> None:
        samples = Samples()
        self.uow = crm.uow
        self.engine = engine
        self.payments = attrs.evolve(crm.payments, till=PostgresTill(connections))
        with crm.uow() as tx:
            tx.catalog.tariffs.save(samples.tariff())
        crm.inventory.receive_sims([SimData(iccid=CARD)])
        crm.inventory.receive_numbers([NumberData(msisdn=NUMBER)])
        customer = crm.customers.register(name="Айгүл")
        self.contract = crm.contracts.create(
            customer_id=customer.id, iccid=CARD, msisdn=NUMBER, tariff="PLAIN"
        )
        self.crm = crm
        self.account = crm.accounts.get(self.contract.account_id).account
        self.other = crm.accounts.open(customer_id=customer.id, currency="KGS")

    def request(self, account: BillingAccount | None = None, **more: Any) -> PaymentRequest:
        more.setdefault("payer", Payer(account_id=(account or self.account).id))
        more.setdefault("amount", Money(100, "KGS"))
        return PaymentRequest(method=PaymentMethod.CASH, **more)

    def try_to_book(self, *requests: PaymentRequest) -> list[Payment | TelecomCrmError]:
        return self.payments.record_many(requests, gateway="cash_desk")

    def book(self, *requests: PaymentRequest) -> list[Payment]:
        outcomes = self.try_to_book(*requests)
        booked = [one for one in outcomes if isinstance(one, Payment)]
        assert len(booked) == len(requests), outcomes
        return booked

    def balance(self, account: BillingAccount) -> int:
        """The balance, once the journal has proved it."""
        with self.uow(read_only=True) as tx:
            assert list(tx.ledger.differences()) == []
            return tx.ledger.states([account.id], at=utc_now())[account.id].balance.subscriber

    def ask(self, query: str) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(text(query)).scalar_one()

    @property
    def stored(self) -> int:
        return int(self.ask("SELECT count(*) FROM payments"))


@pytest.fixture
def engine(fresh_database: Callable[[], str]) -> Iterator[Engine]:
    engine = open_engine(fresh_database(), pool_size=3)
    yield engine
    engine.dispose()


@pytest.fixture
def connections(engine: Engine) -> Iterator[PooledConnections]:
    with closing(PooledConnections.like(engine)) as connections:
        yield connections


@pytest.fixture
def desk(engine: Engine, connections: PooledConnections) -> Iterator[Desk]:
    with telecom_crm.open("", engine=engine) as crm:
        yield Desk(crm, engine, connections)


def test_a_batch_is_booked_whole_and_in_its_order(desk: Desk) -> None:
    accounts = [desk.account, desk.other, desk.account]
    outcomes = desk.book(*(desk.request(account) for account in accounts))
    assert [one.account_id for one in outcomes] == [account.id for account in accounts]
    assert {one.status for one in outcomes} == {PaymentStatus.CONFIRMED}
    assert (desk.balance(desk.account), desk.balance(desk.other)) == (200, 100)
    with desk.uow(read_only=True) as tx:
        for one in outcomes:
            assert tx.payments.get(one.id) == one
            names = [event.name for event in tx.events.of("payment", one.key)]
            assert names == ["PaymentInitiated", "PaymentConfirmed"]


def test_a_key_again_is_the_same_payment(desk: Desk) -> None:
    request = desk.request(idempotency_key="k")
    [first] = desk.book(request)
    [again] = desk.book(request)
    assert (again, again.replayed, first.replayed) == (first, True, False)
    assert desk.balance(desk.account) == 100


def test_a_key_with_other_content_is_refused(desk: Desk) -> None:
    desk.book(desk.request(idempotency_key="k"))
    [refused] = desk.try_to_book(desk.request(amount=Money(101, "KGS"), idempotency_key="k"))
    assert isinstance(refused, KeyReused)
    assert desk.balance(desk.account) == 100


def test_a_used_key_is_found_out_also_where_the_payer_is_not_there(desk: Desk) -> None:
    desk.book(desk.request(idempotency_key="k"))
    nobody = Payer(account_id=AccountId(UUID(int=7)))
    [refused] = desk.try_to_book(desk.request(payer=nobody, idempotency_key="k"))
    assert isinstance(refused, KeyReused)


def test_a_key_that_stands_for_something_else_is_refused(desk: Desk) -> None:
    desk.book(desk.request(idempotency_key="k"))
    digest = desk.ask("SELECT digest FROM keys WHERE key = 'k'")
    with desk.uow() as tx:
        tx.keys.claim(IdempotencyKey(SYSTEM.name, "other", digest), desk.contract.id)
    [refused] = desk.try_to_book(desk.request(idempotency_key="other"))
    assert isinstance(refused, KeyReused)
    assert desk.stored == 1


def test_the_same_key_twice_in_one_batch_is_one_payment(desk: Desk) -> None:
    request = desk.request(idempotency_key="k")
    first, second, other = desk.book(request, request, desk.request(amount=Money(1, "KGS")))
    assert (second.id, second.replayed) == (first.id, True)
    assert other.id != first.id
    assert desk.balance(desk.account) == 101


BAD = [
    ({"reference": "a\0b"}, InvalidValue),
    ({"reference": "a\ud800b"}, InvalidValue),
    ({"idempotency_key": "a\0b"}, InvalidValue),
    ({"idempotency_key": "a\udfffb"}, InvalidValue),
    ({"amount": Money(0, "KGS")}, InvalidValue),
    ({"amount": Money(5, "USD")}, InvalidValue),
    ({"payer": Payer(account_id=AccountId(UUID(int=7)))}, NotFound),
]


@pytest.mark.parametrize(("bad", "error"), BAD)
def test_one_bad_payment_fails_alone(desk: Desk, bad: dict[str, Any], error: type) -> None:
    good = [desk.request(idempotency_key=f"good {n}") for n in range(3)]
    outcomes = desk.try_to_book(good[0], desk.request(**bad), *good[1:])
    assert [type(one) for one in outcomes] == [Payment, error, Payment, Payment]
    assert desk.balance(desk.account) == 300
    [alone] = desk.try_to_book(desk.request(**bad))
    assert type(alone) is error
    assert desk.book(*good) == [outcomes[n] for n in (0, 2, 3)]
    assert desk.stored == 3


def test_a_payer_is_an_account_a_contract_or_a_number(desk: Desk) -> None:
    payers = [
        Payer(account_id=desk.account.id),
        Payer(contract_id=desk.contract.id),
        Payer(msisdn=NUMBER),
    ]
    booked = desk.book(*(desk.request(payer=payer) for payer in payers))
    assert [one.contract_id for one in booked] == [None, desk.contract.id, desk.contract.id]
    assert desk.balance(desk.account) == 300
    strangers = [Payer(contract_id=ContractId(UUID(int=7))), Payer(msisdn=MSISDN("996555000007"))]
    refused = desk.try_to_book(*(desk.request(payer=payer) for payer in strangers))
    assert [type(one) for one in refused] == [NotFound, NotFound]
    desk.crm.contracts.cancel(desk.contract.id)
    late = desk.try_to_book(*(desk.request(payer=payer) for payer in payers))
    assert [type(one) for one in late] == [Payment, RuleViolated, NotFound]


def test_word_of_a_payment_that_is_there_moves_it_once(desk: Desk) -> None:
    gateway = SimulatorGateway(secret="s", script=[Behaviour.LATER])
    payments = attrs.evolve(desk.payments, gateways={gateway.name: gateway})
    pending = payments.take(
        payer=Payer(account_id=desk.account.id),
        amount=Money(100, "KGS"),
        method=PaymentMethod.CARD,
        gateway=gateway.name,
    )
    assert (pending.status, desk.balance(desk.account)) == (PaymentStatus.PENDING, 0)
    assert gateway.settle() == 1
    callback = gateway.callback_for(pending)
    for _ in range(2):
        heard = payments.hear(gateway=gateway.name, body=callback.body, headers=callback.headers)
        assert (heard.id, heard.status) == (pending.id, PaymentStatus.CONFIRMED)
    assert desk.balance(desk.account) == 100
    with pytest.raises(NotFound):
        payments.cancel(PaymentId(UUID(int=7)))


class Defect(Exception):
    """Something that nobody thought of."""


@pytest.mark.parametrize("error", [Defect, KeyboardInterrupt])
def test_an_error_in_the_middle_of_a_large_batch_leaves_nothing(
    desk: Desk, error: type[BaseException]
) -> None:
    requests = [desk.request(idempotency_key=str(n)) for n in range(SLICE + 10)]
    ids = iter(range(10**6))

    def fail_late() -> UUID:
        if next(ids) == 2 * SLICE + 8:  # each payment takes two: the first slice is on its way
            raise error
        return new_uuid7()

    failing = attrs.evolve(desk.payments, new_id=fail_late)
    with pytest.raises(error):
        failing.record_many(requests, gateway="cash_desk")
    assert desk.stored == desk.balance(desk.account) == 0
    assert not any(payment.replayed for payment in desk.book(*requests))
    assert desk.balance(desk.account) == 100 * len(requests)


def test_one_that_cannot_be_written_in_a_large_batch_fails_alone(desk: Desk) -> None:
    requests = [desk.request(idempotency_key=str(n)) for n in range(SLICE + 10)]
    requests[-2] = desk.request(reference="\ud800", idempotency_key="odd")
    outcomes = desk.try_to_book(*requests)
    assert [type(one) for one in outcomes].count(InvalidValue) == 1
    assert isinstance(outcomes[-2], InvalidValue)
    assert desk.stored == len(requests) - 1
    assert desk.balance(desk.account) == 100 * (len(requests) - 1)


def test_what_was_prepared_may_be_forgotten_between_payments(
    connections: PooledConnections, desk: Desk
) -> None:
    desk.book(desk.request())
    with connections() as pipeline:
        pipeline.connection.pgconn.exit_pipeline_mode()
        pipeline.connection.pgconn.exec_(b"DEALLOCATE ALL")
        pipeline.connection.pgconn.enter_pipeline_mode()
    assert [type(one) for one in desk.book(desk.request())] == [Payment]
    assert desk.balance(desk.account) == 200


def test_an_error_ends_a_pipeline_and_leaves_the_connection_well(
    fresh_database: Callable[[], str],
) -> None:
    fine, bad = Statement.of("SELECT 1"), Statement.of("SELECT 1 / $1::int8")

    def run(*statements: Statement, receive: bool) -> list[Any]:
        with Pipeline.over(connection) as pipe:
            rows = [pipe.send(one, [bytes(8)] if one is bad else []) for one in statements]
            if receive:
                pipe.receive()
        return rows

    with psycopg.connect(fresh_database()) as connection:
        for receive in (True, False, True):  # twice, as what failed was prepared all the same
            with pytest.raises(psycopg.errors.DivisionByZero):
                run(fine, bad, fine, receive=receive)
            assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            assert run(fine, fine, receive=True) == [[(1,)], [(1,)]]
