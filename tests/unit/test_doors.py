"""The doors: light to import, whole behind, each CRM on its own."""

import ast
import inspect
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TypeVar, get_args, get_type_hints
from zoneinfo import ZoneInfo

import attrs
import pytest

import telecom_crm
from telecom_crm.adapters.clock import ManualClock, SequentialIds
from telecom_crm.adapters.gateways.cash_desk import CashDesk
from telecom_crm.adapters.gateways.simulator import SimulatorGateway
from telecom_crm.adapters.network.simulator import SimulatorNetwork
from telecom_crm.application.catalog_file import demo_catalog
from telecom_crm.application.inventory.receiving import SimData
from telecom_crm.application.ports import Message, NotInstalled, Query
from telecom_crm.domain.calendar import local_date
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import Fault, InvalidValue, RuleViolated
from telecom_crm.domain.hold import LIFTED_BY_MONEY, Bar, HoldKind
from telecom_crm.domain.ledger import PostingKind
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.money import Money
from telecom_crm.domain.provisioning import ProvisioningTask
from telecom_crm.entrypoints import doors
from telecom_crm.entrypoints.container import kept_secret
from telecom_crm.entrypoints.crm import STEPS, Crm
from telecom_crm.entrypoints.demo import (
    BY,
    COUNT,
    CUSTOMERS,
    GATEWAYS,
    begun,
    load_applications,
    load_subscribers,
    subscriber,
)
from telecom_crm.entrypoints.demo_life import live

HEAVY = ("sqlalchemy", "psycopg", "litestar", "dependency_injector", "cattrs", "cyclopts", "rich")


def test_the_import_is_light() -> None:
    code = "import sys, telecom_crm; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in told.stdout.split()}
    assert not loaded & set(HEAVY)
    assert "telecom_crm" in loaded


def test_a_crm_in_memory_needs_nothing_but_the_core() -> None:
    code = "import sys, telecom_crm; telecom_crm.in_memory(); print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in told.stdout.split()}
    assert not loaded & {"sqlalchemy", "psycopg", "litestar", "cyclopts", "rich"}


@pytest.mark.parametrize(
    ("door", "extra"), [("open", "postgres"), ("open_embedded", "embedded")], ids=str
)
def test_a_door_that_was_not_installed_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, door: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(NotInstalled, match=rf"pip install 'telecom-crm\[{extra}\]'"):
        getattr(telecom_crm, door)(str(tmp_path))


def test_every_stable_name_is_there() -> None:
    for name in telecom_crm.__all__:
        assert getattr(telecom_crm, name) is not None
        assert name in dir(telecom_crm)
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = telecom_crm.Nonsense


def test_a_type_checker_sees_the_same_names_in_the_same_places() -> None:
    page = ast.parse(Path(telecom_crm.__file__).read_text("utf-8"))
    [block] = [one for one in page.body if isinstance(one, ast.If)]
    seen = {
        f"{one.module}.{alias.name}"
        for one in block.body
        if isinstance(one, ast.ImportFrom)
        for alias in one.names
        if alias.asname
    }
    told = {f"telecom_crm.{place}.{name}" for name, place in telecom_crm._PLACES.items()}
    assert seen == told


def test_every_type_that_a_service_takes_or_returns_has_a_stable_name() -> None:
    crm = telecom_crm.in_memory()
    services = [getattr(crm, field.name) for field in attrs.fields(Crm) if field.init]
    checked = 0
    for service in services:
        kind = type(service)
        if not kind.__module__.startswith("telecom_crm.application."):
            continue
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if not name.startswith("_"):
                hints = get_type_hints(method)
                assert set(chain(*map(ours, hints.values()))) <= set(telecom_crm.__all__), name
                checked += 1
    assert checked > 100


def ours(hint: object) -> Iterator[str]:
    """Give the names of our own types in an annotation."""
    for part in get_args(hint):
        yield from ours(part)
    name = getattr(hint, "__name__", "")
    if getattr(hint, "__module__", "").startswith("telecom_crm.") and not isinstance(hint, TypeVar):
        yield name


def test_options_reach_their_services() -> None:
    clock, ids = ManualClock(), SequentialIds()
    crm = telecom_crm.in_memory(clock=clock, new_id=ids, zone="Europe/Vienna", currency="EUR")
    assert crm.clock() == clock()
    assert crm.contracts.zone == ZoneInfo("Europe/Vienna")
    assert crm.currency == "EUR"
    again = telecom_crm.in_memory(clock=clock, new_id=SequentialIds())
    assert crm.customers.register(name="Aida").id == again.customers.register(name="Aida").id


@pytest.mark.parametrize("zone", ["Nowhere/At all", "/etc/passwd", ""])
def test_a_zone_that_is_none_is_refused(zone: str) -> None:
    with pytest.raises(InvalidValue, match="time zone"):
        telecom_crm.in_memory(zone=zone)


def kiosk() -> CashDesk:
    return CashDesk(name="kiosk")


def test_the_gateways_are_those_that_are_named_and_the_cash_desk_where_none_is() -> None:
    mine = SimulatorGateway(secret="mine")
    crm = telecom_crm.in_memory(gateways=[mine, "cash_desk", f"{__name__}:kiosk"])
    assert set(crm.gateways) == {"cash_desk", "simulator", "kiosk"}
    assert crm.gateways["simulator"] is mine
    assert set(telecom_crm.in_memory().gateways) == {"cash_desk"}


@pytest.mark.parametrize("option", ["gateways", "network", "messenger"])
@pytest.mark.parametrize(
    "name", ["nowhere:Kiosk", "json:nothing", "kiosk", "json:", "json:__doc__"]
)
def test_an_adapter_that_is_not_there_is_told_with_those_that_are(option: str, name: str) -> None:
    there = {
        "gateways": "card_terminal, cash_desk, simulator",
        "network": "simulator",
        "messenger": "console",
    }
    asked = [name] if option == "gateways" else name
    with pytest.raises(InvalidValue, match=f"there is {there[option]};.*module:factory"):
        doors.in_memory(**{option: asked})


def test_two_gateways_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidValue, match="two of them have the name cash_desk"):
        telecom_crm.in_memory(gateways=["cash_desk", CashDesk()])


def test_own_checks_are_asked_wherever_a_customer_comes_in() -> None:
    def no_example(customer: Customer) -> Sequence[Fault]:
        if (customer.email or "").endswith("example.org"):
            return [Fault("email", "email_example", "an address of your own")]
        return []

    crm = telecom_crm.in_memory(checks=(no_example,))
    with pytest.raises(InvalidValue, match="an address of your own"):
        crm.customers.register(name="Aida", email="aida@example.org")


def test_there_is_no_transaction_to_join_in_memory() -> None:
    crm = telecom_crm.in_memory()
    with pytest.raises(RuleViolated), crm.transaction(object()):
        pass


class Kept:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def deliver(self, events: Sequence[Event]) -> None:
        self.events += events


def test_work_goes_on_behind_a_step_that_fails() -> None:
    class Broken:
        def send(self, message: Message) -> None:
            raise ConnectionError("the channel is broken")

    sink = Kept()
    crm = telecom_crm.in_memory(messenger=Broken(), event_sink=sink)
    crm.catalog.apply(demo_catalog())
    load_subscribers(crm, count=1)
    contract = next(crm.contracts.each())
    crm.contracts.suspend(contract.id, hold=HoldKind.FRAUD)
    with pytest.raises(ConnectionError):
        crm.work()
    tasks = crm.provisioning.of_contract(contract.id)
    assert [task.status.value for task in tasks] == ["done", "done"]
    assert sink.events


def test_events_reach_the_sink_once_and_in_order() -> None:
    sink = Kept()
    crm = telecom_crm.in_memory(event_sink=sink)
    crm.customers.register(name="Aida")
    crm.work()
    crm.work()
    assert [event.name for event in sink.events] == [
        event.name for _, event in crm.events.since() if event in sink.events
    ]
    assert len({(e.thing, e.thing_id, e.sequence) for e in sink.events}) == len(sink.events) > 0


def test_each_step_can_be_done_alone_and_finds_nothing_in_an_empty_crm() -> None:
    crm = telecom_crm.in_memory()
    assert {name: crm.step(name) for name in STEPS} == dict.fromkeys(STEPS, 0)


def test_demo_subscribers_are_made_once() -> None:
    crm = telecom_crm.in_memory()
    crm.catalog.apply(demo_catalog())
    load_subscribers(crm, count=9)
    before = [event for _, event in crm.events.each()]
    load_subscribers(crm, count=9)
    assert [event for _, event in crm.events.each()] == before
    assert {contract.status.value for contract in crm.contracts.each()} == {"active"}
    assert crm.verify_ledger() == ()


def test_a_demo_has_thirteen_months_behind_it_and_lives_them_once() -> None:
    clock = ManualClock(datetime(2026, 11, 27, 9, 30, tzinfo=UTC))
    with telecom_crm.in_memory(clock=clock, gateways=GATEWAYS) as crm:
        live(crm, clock)
        before = [event for _, event in crm.events.each()]
        assert clock() == datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
        clock.advance(timedelta(days=40))
        live(crm, clock)
        assert [event for _, event in crm.events.each()] == before
        clock.advance(timedelta(days=-40))
        assert crm.verify_ledger() == ()
        found = crm.reports.dashboard(days=90)
        assert found.contracts is not None
        assert found.money is not None
        states = Counter(contract.status.value for contract in crm.contracts.each())
        assert states == {"active": CUSTOMERS - 6, "closed": 2, "suspended": 4}
        assert found.contracts[-1].active == CUSTOMERS - 6
        assert sum(day.connected for day in found.contracts[-30:]) > 3
        assert [day.paid.minor > 0 for day in found.money[90:]].count(True) > 60
        concerns = {one.concern.value: one.number for one in found.attention}
        assert concerns["unallocated_payments"] == 3
        assert {"applications", "approvals", "failed_imports", "overdue_tickets"} <= concerns.keys()
        first = next(crm.contracts.each(msisdn=subscriber(0).msisdn.digits))
        entries = list(crm.accounts.each_entry(first.account_id))
        kinds = Counter(entry.kind for entry in entries)
        assert kinds[PostingKind.PAYMENT] == kinds[PostingKind.RECURRING_FEE] == 13
        fees = [one for one in entries if one.kind is PostingKind.RECURRING_FEE]
        days = {one.booked_at.astimezone(crm.zone).day for one in fees}
        assert days == {local_date(entries[0].booked_at, crm.zone).day}, "as its tariff says"


@pytest.mark.parametrize(("customers", "seed", "later"), [(CUSTOMERS, 0, 0), (25, 1, 8)])
def test_a_demo_has_debtors_and_some_of_them_are_suspended(
    customers: int, seed: int, later: int
) -> None:
    clock = ManualClock(datetime(2026, 11, 27, 9, 30, tzinfo=UTC) + timedelta(days=later))
    with telecom_crm.in_memory(clock=clock, gateways=GATEWAYS) as crm:
        live(crm, clock, customers=customers, seed=seed)
        crm.work()
        states = {one.account.id: one for one in crm.accounts.states(Query(limit=500)).items}
        owing = {id for id, one in states.items() if one.balance.balance.minor < 0}
        bills = [one for one in states.values() if one.account.postpaid]
        assert customers // 10 < len(bills) < customers // 3
        assert 3 <= len(owing) < customers // 4
        held = [
            (hold.kind, contract)
            for contract in crm.contracts.each()
            for hold in contract.holds
            if hold.kind in LIFTED_BY_MONEY
        ]
        assert HoldKind.NON_PAYMENT in {kind for kind, _ in held}, "and the worker leaves it"
        assert {contract.account_id for _, contract in held} <= owing
        told = {one.customer_id for one in crm.notifications.each() if "Suspend" in one.event}
        assert {contract.customer_id for _, contract in held} <= told
        overdue = [one for one in bills if one.balance.balance.minor < -79_000]
        assert overdue
        debt = crm.reports.dashboard(days=30).debt
        assert debt is not None
        assert debt.now.minor == -sum(states[id].balance.balance.minor for id in owing)


def test_the_last_hours_of_a_demo_bring_something_of_every_kind() -> None:
    clock = ManualClock(datetime(2026, 11, 27, 9, 30, tzinfo=UTC))
    with telecom_crm.in_memory(clock=clock, gateways=GATEWAYS) as crm:
        live(crm, clock)
        load_applications(crm)
        latest = crm.reports.dashboard().latest
        assert {one.name for one in latest} == {
            *("ApplicationCaptured", "CustomerRegistered", "ContractActivated"),
            *("PaymentConfirmed", "TicketCreated", "TicketClosed"),
        }
        assert latest[-1].at > clock() - timedelta(hours=2)


class DyingNetwork(SimulatorNetwork):
    """Dies at one of its tasks."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self._left = at

    def carry_out(self, task: ProvisioningTask) -> None:
        """Carry one out, or die."""
        self._left -= 1
        if self._left == 0:
            raise ConnectionError("gone")
        super().carry_out(task)


def test_a_demo_that_was_killed_goes_on_as_it_was_begun() -> None:
    lived = []
    for network in (SimulatorNetwork(), DyingNetwork(at=19)):
        clock = ManualClock(datetime(2026, 11, 27, 9, 30, tzinfo=UTC))
        with telecom_crm.in_memory(clock=clock, gateways=GATEWAYS, network=network) as crm:
            if isinstance(network, DyingNetwork):
                with pytest.raises(ConnectionError):
                    live(crm, clock, customers=24, seed=7)
                clock.advance(timedelta(hours=3))
            demo = live(crm, clock, customers=24, seed=7)
            assert crm.verify_ledger() == ()
            paid = sorted((payment.at, payment.amount.minor) for payment in crm.payments.each())
            names = {one.name for one in crm.customers.each()}
            states = Counter(contract.status.value for contract in crm.contracts.each())
            lived.append((demo, paid, names, states))
    assert lived[0] == lived[1]


def test_a_demo_that_began_as_a_story_gets_its_people_without_a_past() -> None:
    clock = ManualClock(datetime(2026, 11, 27, 9, 30, tzinfo=UTC))
    with telecom_crm.in_memory(clock=clock, gateways=GATEWAYS) as crm:
        begun(crm, customers=0)
        crm.catalog.apply(demo_catalog(), by=BY)
        live(crm, clock)
        assert len(list(crm.customers.each())) == COUNT
        assert {event.at for _, event in crm.events.each()} == {clock()}


def test_a_seed_makes_the_same_people_with_the_same_numbers() -> None:
    numbers = [subscriber(index).msisdn for index in range(600)]
    assert [subscriber(index, 7).msisdn for index in range(600)] == numbers
    assert len({subscriber(index, 7).name for index in range(600)}) == 600
    assert subscriber(3, 7) == subscriber(3, 7) != subscriber(3)


def test_one_round_of_work_bars_and_tells_who_is_overdrawn_and_another_serves_the_paid() -> None:
    network = SimulatorNetwork()
    crm = telecom_crm.in_memory(network=network)
    crm.catalog.apply(demo_catalog())
    load_subscribers(crm, count=1)
    (contract,) = crm.contracts.each()
    (opening,) = crm.accounts.each_entry(contract.account_id)
    crm.accounts.reverse_entry(contract.account_id, entry_id=opening.id, reason="it was a debt")
    crm.accounts.take_over_balance(contract.account_id, amount=Money.parse("-1.00", "KGS"))
    crm.work()
    assert [hold.kind for hold in crm.contracts.get(contract.id).holds] == [HoldKind.LOW_BALANCE]
    assert network.known[contract.iccid].bars == {Bar.OUTGOING, Bar.DATA}
    told = {one.event for one in crm.notifications.each()}
    assert {"LowBalance", "ContractSuspended"} <= told
    crm.accounts.credit(contract.account_id, amount=Money.parse("1.00", "KGS"), reason="sorry")
    crm.work()
    assert network.known[contract.iccid].bars == frozenset()


def test_a_kept_secret_stays_and_is_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    secret = kept_secret(path)
    assert kept_secret(path) == secret
    assert len(secret) >= 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]


def test_closing_twice_is_as_good_as_once() -> None:
    with telecom_crm.in_memory() as crm:
        crm.close()


def test_expired_reservations_are_work() -> None:
    clock = ManualClock()
    crm = telecom_crm.in_memory(clock=clock)
    crm.catalog.apply(demo_catalog())
    load_subscribers(crm, count=1)
    free = subscriber(1)
    crm.inventory.receive_sims([SimData(iccid=free.iccid)])
    crm.inventory.reserve_sim(free.iccid, for_="a web shop")
    assert crm.step("expire_reservations") == 0
    clock.advance(timedelta(days=1))
    assert crm.step("expire_reservations") == 1
    assert crm.inventory.sim(free.iccid).status.value == "available"
