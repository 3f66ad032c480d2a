"""Races, with threads and barriers, on both stores: money is exact and a thing has one winner."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from functools import partial
from typing import Any

import attrs
import pytest
from sqlalchemy import Engine

from telecom_crm.adapters.clock import new_uuid7, utc_now
from telecom_crm.adapters.files.memory import MemoryFiles
from telecom_crm.adapters.gateways.cash_desk import CashDesk
from telecom_crm.adapters.gathering.batches import GatheringTill
from telecom_crm.adapters.memory.series import MemorySeries
from telecom_crm.adapters.memory.till import MemoryTill
from telecom_crm.adapters.memory.unit_of_work import MemoryUnitOfWork
from telecom_crm.adapters.network.simulator import SimulatorNetwork
from telecom_crm.adapters.postgres.engine import open_engine
from telecom_crm.adapters.postgres.series import PostgresSeries
from telecom_crm.adapters.postgres.till import PooledConnections, PostgresTill
from telecom_crm.adapters.postgres.unit_of_work import PostgresUnitOfWork
from telecom_crm.application.accounts import Accounts
from telecom_crm.application.contracts.service import Contracts
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.intake.service import Intake
from telecom_crm.application.inventory.receiving import NumberData, SimData
from telecom_crm.application.inventory.service import Inventory
from telecom_crm.application.payments.service import Payments
from telecom_crm.application.ports import Contended, IdentityTaken, Payer
from telecom_crm.application.provisioning import Provisioning
from telecom_crm.application.retry import retried
from telecom_crm.application.tickets import Tickets
from telecom_crm.domain.application import ApplicationKind, Channel
from telecom_crm.domain.calendar import BISHKEK
from telecom_crm.domain.contract import CloseReason, Contract, HoldThere
from telecom_crm.domain.errors import IllegalTransition, TelecomCrmError
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.identifiers import EntryId
from telecom_crm.domain.ledger import (
    InsufficientFunds,
    JournalEntry,
    LedgerCode,
    Posting,
    PostingKind,
    Transfer,
)
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import PaymentMethod
from telecom_crm.domain.sim import SimNotAvailable
from telecom_crm.entrypoints.conformance.samples import Samples
from telecom_crm.entrypoints.conformance.store import Store
from telecom_crm.entrypoints.conformance.strategies import iccid_of, msisdn_of

THREADS = 64
CARDS = [iccid_of(serial) for serial in range(1, 31)]
NUMBERS = [msisdn_of(serial) for serial in range(1, 31)]


@pytest.fixture
def memory_store() -> Store:
    uow = MemoryUnitOfWork()
    return Store(uow=uow, till=MemoryTill(uow.store), series=MemorySeries(uow.store))


@pytest.fixture
def postgres_engines(fresh_database: Callable[[], str]) -> Iterator[tuple[Engine, Engine]]:
    """One that waits its turn for a connection as long as a race may last, and one for series."""
    url = fresh_database()
    patient = partial(open_engine, url, pool_timeout_seconds=60.0, lock_timeout_seconds=60.0)
    both = patient(pool_size=8), patient(pool_size=1)
    yield both
    for engine in both:
        engine.dispose()


@pytest.fixture
def postgres_store(postgres_engines: tuple[Engine, Engine]) -> Iterator[Store]:
    engine, for_series = postgres_engines
    with closing(PooledConnections.like(engine)) as connections:
        yield Store(
            uow=PostgresUnitOfWork(engine),
            till=PostgresTill(connections),
            series=PostgresSeries(for_series),
        )


class Crm:
    """The services that race, over one store."""

    def __init__(self, store: Store) -> None:
        files = MemoryFiles(new_id=new_uuid7)
        self.uow = uow = store.uow
        self.customers = Customers(uow, utc_now, new_uuid7)
        self.inventory = Inventory(uow, utc_now, new_uuid7)
        self.contracts = Contracts(uow, utc_now, new_uuid7, store.series, files)
        self.accounts = Accounts(uow, utc_now, new_uuid7, store.series)
        self.provisioning = Provisioning(uow, utc_now, new_uuid7, store.series)
        self.tickets = Tickets(uow, utc_now, new_uuid7, store.series, files)
        self.intake = Intake(uow, utc_now, new_uuid7, store.series, files)
        self.payments = Payments(
            uow,
            GatheringTill(store.till),
            {"cash_desk": CashDesk()},
            utc_now,
            new_uuid7,
            self.contracts.lift_money_holds,
        )
        self.customer = self.customers.register(name="Айгүл")

    def open(self, *, money: int = 0) -> Any:
        """Open an account, with some money on it."""
        account = self.accounts.open(customer_id=self.customer.id, currency="KGS")
        if money:
            self.accounts.credit(account.id, amount=kgs(money), reason="to begin with")
        return account.id

    def stock(self) -> None:
        """Get cards, numbers and a tariff in."""
        self.inventory.receive_sims([SimData(iccid=card) for card in CARDS])
        self.inventory.receive_numbers([NumberData(msisdn=number) for number in NUMBERS])
        with self.uow() as tx:
            tx.catalog.tariffs.save(Samples().tariff())

    def sell(self, card: int, number: int, **more: Any) -> Any:
        """Sell a contract on a card and a number, by their places."""
        return self.contracts.create(
            customer_id=self.customer.id,
            iccid=CARDS[card],
            msisdn=NUMBERS[number],
            tariff="PLAIN",
            **more,
        )

    def balance(self, account_id: Any) -> int:
        return self.accounts.get(account_id).balance.balance.minor


@pytest.fixture(params=["memory", "postgres"])
def crm(request: pytest.FixtureRequest) -> Crm:
    return Crm(request.getfixturevalue(f"{request.param}_store"))


@attrs.frozen
class Results:
    """What the calls of a race returned, and what they raised."""

    values: list[Any]
    errors: list[BaseException]


def race(
    calls: list[Callable[[], Any]], *, threads: int = THREADS, patient: bool = False
) -> Results:
    """
    Run all calls on so many threads, which begin at the same moment.

    Patient callers do as they are told: what lost against another too often is sent again.
    """
    barrier = threading.Barrier(min(threads, len(calls)))
    began = threading.local()

    def run(call: Callable[[], Any]) -> Any:
        if not hasattr(began, "yes"):
            began.yes = True
            barrier.wait(timeout=60)
        while True:
            try:
                return call()
            except Contended as error:
                if not patient:
                    return error
            except TelecomCrmError as error:
                return error

    with ThreadPoolExecutor(barrier.parties) as pool:
        found = list(pool.map(run, calls))
    errors = [one for one in found if isinstance(one, BaseException)]
    return Results([one for one in found if one not in errors], errors)


def kgs(minor: int) -> Money:
    return Money(minor, "KGS")


def books_are_right(crm: Crm) -> None:
    with crm.uow(read_only=True) as tx:
        assert list(tx.ledger.differences()) == []
        lines = tx.ledger.trial_balance()
    assert sum(line.debit.minor - line.credit.minor for line in lines) == 0


def test_rules_that_many_change_at_once_keep_every_change(crm):
    @retried
    def change(number: int) -> None:
        with crm.uow() as tx:
            tx.rules.hold("many")
            there = tx.rules.get("many") or []
            tx.rules.put("many", [*there, number], by=SYSTEM, at=utc_now())

    numbers = range(32)
    results = race([partial(change, number) for number in numbers], patient=True)
    assert results.errors == []
    with crm.uow(read_only=True) as tx:
        assert sorted(tx.rules.get("many")) == [*numbers]


def test_500_credits_of_one_account_are_500_credits(crm):
    account = crm.open()

    def pay() -> Any:
        return crm.payments.take(
            payer=Payer(account_id=account),
            amount=kgs(7),
            method=PaymentMethod.CASH,
            gateway="cash_desk",
        )

    results = race([pay] * 500)
    assert results.errors == []
    assert len({payment.id for payment in results.values}) == 500
    assert crm.balance(account) == 3_500
    books_are_right(crm)


def test_figures_miss_nothing_that_is_booked_while_they_are_summed_up(crm):
    account, since = crm.open(), date(2020, 1, 1)

    def pay() -> Any:
        return crm.payments.take(
            payer=Payer(account_id=account),
            amount=kgs(7),
            method=PaymentMethod.CASH,
            gateway="cash_desk",
        )

    def ask() -> Any:
        return crm.tickets.create(customer_id=crm.customer.id, subject="no signal")

    def sum_up() -> Any:
        with crm.uow() as tx:
            kept = tx.figures.keep(zone=BISHKEK, limit=5)
        with crm.uow(read_only=True) as tx:
            tx.figures.moves(since=since, zone=BISHKEK)
        return kept

    assert race([pay, sum_up, ask, sum_up] * 50, patient=True).errors == []
    with crm.uow(read_only=True) as tx:
        (moved,) = (
            one
            for one in tx.figures.moves(since=since, zone=BISHKEK)
            if one.day is None and one.move.thing == "ticket"
        )
        (booked,) = (
            one for one in tx.figures.bookings(since=since, zone=BISHKEK) if one.day is None
        )
    assert (moved.move.after, moved.number) == ("free", 50)
    assert (booked.number, booked.effect) == (50, kgs(350))


def test_500_postings_in_transactions_of_one_account_are_500(crm):
    account = crm.open()

    def post() -> None:
        entry = deposit(account, 3)
        while True:
            try:
                with crm.uow() as tx:
                    tx.ledger.post([Posting.of(entry)], at=entry.booked_at)
            except Contended:
                continue
            return

    assert race([post] * 500).errors == []
    assert crm.balance(account) == 1_500
    books_are_right(crm)


def test_transfers_at_random_conserve_money_at_every_moment(crm):
    accounts = [crm.open(money=1_000) for _ in range(8)]
    over = threading.Event()
    seen: list[int] = []

    def send(n: int) -> Callable[[], Any]:
        source, target = accounts[n * 7 % 8], accounts[(n * 7 + 1 + n % 7) % 8]
        return lambda: crm.accounts.transfer(source, to=target, amount=kgs(1 + n % 300))

    def watch() -> None:
        while not over.is_set():
            with crm.uow(read_only=True) as tx:
                lines = {line.code: line for line in tx.ledger.trial_balance()}
            line = lines[LedgerCode.SUBSCRIBER_BALANCE]
            transit = lines.get(LedgerCode.TRANSFERS_IN_TRANSIT)
            on_the_way = transit.credit.minor - transit.debit.minor if transit else 0
            seen.append(line.credit.minor - line.debit.minor + on_the_way)

    reader = threading.Thread(target=watch)
    reader.start()
    try:
        results = race([send(n) for n in range(1_000)], patient=True)
    finally:
        over.set()
        reader.join()
    assert {type(error) for error in results.errors} <= {InsufficientFunds}
    assert seen
    assert set(seen) == {8_000}
    assert sum(map(crm.balance, accounts)) == 8_000
    assert all(crm.balance(account) >= 0 for account in accounts)
    books_are_right(crm)


def test_200_withdrawals_at_once_never_overdraw(crm):
    account, elsewhere = crm.open(money=1_000), crm.open()
    results = race(
        [lambda: crm.accounts.transfer(account, to=elsewhere, amount=kgs(30))] * 200, patient=True
    )
    assert Counter(type(error) for error in results.errors) == {InsufficientFunds: 167}
    assert (crm.balance(account), crm.balance(elsewhere)) == (10, 990)
    books_are_right(crm)


def test_two_who_each_look_at_both_accounts_cannot_both_spend(crm):
    """Write skew: each may spend while the sum of both allows it, and it allows it once."""
    for _ in range(20):
        pair = [crm.open(money=60), crm.open(money=60)]

        def spend(mine: Any, pair: list[Any] = pair) -> bool:
            while True:
                entry = withdrawal(mine, 100)
                try:
                    with crm.uow() as tx:
                        states = tx.ledger.states(pair, at=utc_now())
                        if sum(state.balance.balance.minor for state in states.values()) < 100:
                            return False
                        tx.ledger.post([Posting.of(entry)], at=entry.booked_at)
                except Contended:
                    continue
                return True

        spent = race([partial(spend, one) for one in pair]).values
        assert sorted(spent) == [False, True]
        assert sum(map(crm.balance, pair)) == 20
    books_are_right(crm)


def test_64_payments_with_one_key_are_one_posting(crm):
    account = crm.open()

    def pay() -> Any:
        return crm.payments.take(
            payer=Payer(account_id=account),
            amount=kgs(500),
            method=PaymentMethod.CASH,
            gateway="cash_desk",
            idempotency_key="the same",
        )

    results = race([pay] * 64)
    assert results.errors == []
    assert len({payment.id for payment in results.values}) == 1
    assert sum(payment.replayed for payment in results.values) == 63
    assert crm.balance(account) == 500
    books_are_right(crm)


def test_64_transfers_with_one_key_are_one(crm):
    account, elsewhere = crm.open(money=1_000), crm.open()
    results = race(
        [
            lambda: crm.accounts.transfer(
                account, to=elsewhere, amount=kgs(300), idempotency_key="the same"
            )
        ]
        * 64,
        patient=True,
    )
    assert results.errors == []
    assert len({entry.id for entry in results.values}) == 1
    assert crm.balance(elsewhere) == 300


def test_of_two_who_want_one_sim_one_gets_it_and_the_other_learns_its_state(crm):
    crm.stock()
    for card in range(5):
        results = race([partial(crm.sell, card, 2 * card + number) for number in (0, 1)])
        [sold], [refused] = results.values, results.errors
        assert isinstance(refused, SimNotAvailable)
        assert (refused.state, refused.contract) == ("bound", str(sold.id))
        sim = crm.inventory.sim(CARDS[card])
        assert sim.contract_id == sold.id
    assert len(list(crm.contracts.each())) == 5


def test_one_person_who_registers_many_times_at_once_is_one_customer(crm):
    person = {"name": "Айбек", "national_id": "21503199000123"}
    results = race([partial(crm.customers.register, **person)] * 64, patient=True)
    assert results.errors == []
    assert len({customer.id for customer in results.values}) == 1


def test_of_two_customers_told_to_be_one_person_one_is_and_the_other_learns_who(crm):
    told = {"national_id": "21503199000123"}
    for turn in range(10):
        both = [crm.customers.register(name=f"Customer {turn}-{n}").id for n in range(2)]
        results = race([partial(crm.customers.update, id, changes=told) for id in both])
        (winner,), (error,) = results.values, results.errors
        assert isinstance(error, IdentityTaken)
        assert error.customer_id == winner.id
        crm.customers.update(winner.id, changes={"national_id": None})


def test_orders_with_one_key_sell_one_contract(crm):
    crm.stock()
    results = race([lambda: crm.sell(0, 0, idempotency_key="the same")] * 8, patient=True)
    assert results.errors == []
    assert len({contract.id for contract in results.values}) == 1
    assert len(list(crm.contracts.each())) == 1


def test_of_24_suspensions_one_wins(crm):
    crm.stock()
    contract = crm.sell(0, 0, policy="migration")
    crm.contracts.request_activation(contract.id)
    crm.contracts.confirm_activation(contract.id)
    results = race(
        [lambda: crm.contracts.suspend(contract.id, hold=HoldKind.FRAUD)] * 24,
        threads=8,
        patient=True,
    )
    assert len(results.values) == 1
    assert {type(error) for error in results.errors} == {HoldThere}
    assert [hold.kind for hold in crm.contracts.get(contract.id).holds] == [HoldKind.FRAUD]


def in_service(crm: Crm, place: int) -> Any:
    """Return a contract that is active, with some money, and nothing left for the network."""
    contract = crm.sell(place, place, policy="migration")
    crm.accounts.credit(contract.account_id, amount=kgs(10_000), reason="to begin with")
    crm.contracts.request_activation(contract.id)
    crm.provisioning.work(network=SimulatorNetwork())
    return crm.contracts.get(contract.id)


def test_of_payers_who_each_want_a_contract_one_gets_it(crm):
    crm.stock()
    payers = [crm.customers.register(name=f"Payer {n}").id for n in range(4)]
    for place in range(4):
        old = in_service(crm, place)
        change = partial(crm.contracts.change_payer, old.id)
        results = race([partial(change, customer_id=payer) for payer in payers], patient=True)
        [new] = results.values
        assert {type(error) for error in results.errors} == {IllegalTransition}
        assert crm.inventory.sim(CARDS[place]).contract_id == new.id
        assert crm.inventory.number(NUMBERS[place]).contract_id == new.id
    assert Counter(one.status for one in crm.contracts.each()) == {"closed": 4, "accepted": 4}
    books_are_right(crm)


def test_a_contract_is_closed_or_another_pays_for_it(crm):
    crm.stock()
    payer = crm.customers.register(name="Payer").id
    for place in range(6):
        old = in_service(crm, place)
        change = partial(crm.contracts.change_payer, old.id, customer_id=payer)
        close = partial(crm.contracts.close, old.id, reason=CloseReason.CUSTOMER_REQUEST)
        results = race([change, close], patient=True)
        [won], [lost] = results.values, results.errors
        assert isinstance(lost, IllegalTransition)
        sim = crm.inventory.sim(CARDS[place])
        expected = ("retired", None) if won.id == old.id else ("bound", won.id)
        assert (sim.status, sim.contract_id) == expected
        assert crm.contracts.get(old.id).status == "closed"
    books_are_right(crm)


def test_money_that_comes_while_the_payer_changes_is_the_old_payers(crm):
    crm.stock()
    payer = crm.customers.register(name="Payer").id
    for place in range(4):
        old = in_service(crm, place)
        pay = partial(
            crm.payments.take,
            payer=Payer(contract_id=old.id),
            amount=kgs(100),
            method=PaymentMethod.CASH,
            gateway="cash_desk",
        )
        change = partial(crm.contracts.change_payer, old.id, customer_id=payer)
        results = race([*[pay] * 4, change, *[pay] * 4], patient=True)
        assert results.errors == []
        new = next(one for one in results.values if isinstance(one, Contract))
        assert crm.balance(new.account_id) == 0
        page = crm.accounts.trial_balance(old.account_id)
        held = {line.code: line.credit.minor - line.debit.minor for line in page}
        mine = (LedgerCode.SUBSCRIBER_BALANCE, LedgerCode.REFUNDS_PAYABLE)
        assert sum(held.get(code, 0) for code in mine) == 10_800
    books_are_right(crm)


def test_operators_never_get_the_same_ticket_or_application(crm):
    for n in range(12):
        crm.tickets.create(customer_id=crm.customer.id, subject=f"no signal {n}")
        captured = crm.intake.capture(
            kind=ApplicationKind.NEW_CONNECTION, channel=Channel.API, raw={"name": f"Person {n}"}
        )
        crm.intake.validate(captured.id)
    for queue in (crm.tickets, crm.intake):

        def take_all(operator: int, queue: Any = queue) -> list[Any]:
            taken = []
            while (one := queue.claim_next(by=Actor(f"operator {operator}"))) is not None:
                taken.append(one.id)
            return taken

        results = race([partial(take_all, n) for n in range(6)])
        assert results.errors == []
        taken = [one for mine in results.values for one in mine]
        assert len(taken) == len(set(taken)) == 12


def deposit(account_id: Any, minor: int) -> JournalEntry:
    return entry_of(account_id, LedgerCode.CASH_DESK, LedgerCode.SUBSCRIBER_BALANCE, minor)


def withdrawal(account_id: Any, minor: int) -> JournalEntry:
    return entry_of(account_id, LedgerCode.SUBSCRIBER_BALANCE, LedgerCode.CASH_DESK, minor)


def entry_of(account_id: Any, debit: LedgerCode, credit: LedgerCode, minor: int) -> JournalEntry:
    return JournalEntry(
        id=EntryId(new_uuid7()),
        account_id=account_id,
        kind=PostingKind.GOODWILL,
        transfers=(Transfer(debit=debit, credit=credit, amount=kgs(minor)),),
        booked_at=utc_now(),
        caused_by="race",
    )
