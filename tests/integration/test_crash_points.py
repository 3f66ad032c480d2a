"""
Every crash point, not only random ones: the process ends at its n-th boundary, n = 1, 2, …, until
it comes to its end.

After each, whoever asked asks again with the same key, the worker goes on, and things have to be as
if nothing had happened, or as if nothing had been asked for; never in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from telecom_crm import Crm, Money, Payer, PaymentMethod, Query
from telecom_crm.adapters.clock import ManualClock, utc_now
from telecom_crm.adapters.gateways.simulator import SimulatorGateway
from telecom_crm.adapters.network.simulator import NetworkStep, SimulatorNetwork, Trouble
from telecom_crm.application.catalog_file import demo_catalog
from telecom_crm.application.inventory.receiving import NumberData, SimData
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.identity_document import DocumentType, IdentityDocument
from telecom_crm.domain.importing import ImportKind, ImportStatus
from telecom_crm.domain.payment import Payment
from telecom_crm.domain.provisioning import TRIES
from telecom_crm.entrypoints.demo import subscriber
from tests.integration.crashing import CRASHED, crash_at, gateway_in, open_crm
from tests.integration.forked import LOADED, PROCESSES

pytestmark = [pytest.mark.faults, pytest.mark.postgres]

PRICE = Money(100_00, "KGS")
MOST = 200
"""Boundaries that nothing here has as many of."""
LATER = timedelta(minutes=30)
"""After that, a payment in flight is asked about, and a task whose worker died is taken over."""


@attrs.frozen
class World:
    """A database and a directory, and a CRM whose process does not crash, half an hour later."""

    url: str
    data: Path
    crm: Crm
    gateway: SimulatorGateway

    def crashed(self, play: Callable[[Crm, int], object], boundary: int) -> bool:
        """Play in a process that ends at the boundary; tell whether it came to it."""
        process = PROCESSES.Process(target=crash_at, args=(boundary, self.url, self.data, play))
        process.start()
        process.join(60)
        assert process.exitcode in (0, CRASHED), f"it ended with {process.exitcode}"
        return process.exitcode == CRASHED

    def settle(self) -> None:
        """Do what the worker does, until there is nothing left to do."""
        for _ in range(20):
            if not self.crm.work():
                return
        raise AssertionError("the worker finds no end")

    def took(self, key: str) -> int:
        """How much the gateway truly moved under an id of ours."""
        return sum(deal.moved.minor for deal in self.gateway.report() if deal.id == key)


PROCESSES.set_forkserver_preload([*LOADED, __name__])


@pytest.fixture
def world(ready_database: str, tmp_path: Path) -> Iterator[World]:
    with open_crm(ready_database, tmp_path) as crm:
        crm.catalog.apply(demo_catalog())
    with open_crm(ready_database, tmp_path, clock=ManualClock(utc_now() + LATER)) as crm:
        yield World(ready_database, tmp_path, crm, gateway_in(tmp_path))
        assert crm.verify_ledger() == ()


def boundaries(
    world: World, play: Callable[[Crm, int], object], *ready: Callable[[Crm, int], object]
) -> Iterator[int]:
    """Crash at each boundary in turn, once all is ready for it, and last not at all."""
    for boundary in range(1, MOST):
        for prepare_for in ready:
            prepare_for(world.crm, boundary)
        crashed = world.crashed(play, boundary)
        yield boundary
        if not crashed:
            assert boundary > 2, "nothing was crashed at"
            return
    raise AssertionError(f"more than {MOST} boundaries")


def stock_up(crm: Crm, index: int) -> None:
    one = subscriber(index)
    crm.inventory.receive_sims([SimData(iccid=one.iccid, imsi=one.imsi)])
    crm.inventory.receive_numbers([NumberData(msisdn=one.msisdn)])


def sell(crm: Crm, index: int) -> Contract:
    """Sell subscriber number so-and-so a contract, as a client that has a key for it."""
    one = subscriber(index)
    return crm.contracts.create(
        new_customer={"name": one.name, "phone": one.msisdn},
        iccid=one.iccid,
        msisdn=one.msisdn,
        tariff="COMFORT",
        policy="migration",
        activate=True,
        idempotency_key=f"sell {index}",
    )


def sell_and_work(crm: Crm, index: int) -> None:
    sell(crm, index)
    while crm.step("provision"):
        pass


def pay(crm: Crm, index: int) -> Payment:
    """Pay for the subscriber's number, as a client that has a key for it."""
    return crm.payments.take(
        payer=Payer(msisdn=subscriber(index).msisdn),
        amount=PRICE,
        method=PaymentMethod.CARD,
        gateway="simulator",
        idempotency_key=f"pay {index}",
    )


def give_back(crm: Crm, index: int) -> None:
    crm.payments.refund(pay(crm, index).id, amount=PRICE, idempotency_key=f"refund {index}")


def bring_in(crm: Crm, index: int) -> None:
    """Bring in a file of five cards, two to a transaction, as a person who tries again would."""
    found = [
        job
        for job in crm.imports.page(Query(limit=500)).items
        if job.file_name == f"{index}.csv" and job.status is not ImportStatus.COMPLETED
    ]
    if found:
        crm.imports.run(found[0].id)
    else:
        crm.imports.run_file(
            kind=ImportKind.SIMS, content=sims_file(index), file_name=f"{index}.csv"
        )


def scanned(crm: Crm, index: int) -> Customer:
    """Register somebody with a passport and its scan, as a client that has a key for it."""
    passport = IdentityDocument(type=DocumentType.PASSPORT, number=f"AN{index:07}")
    return crm.customers.register(
        name="Aida", documents=[passport], idempotency_key=f"scanned {index}"
    )


def scan(crm: Crm, index: int) -> None:
    customer = scanned(crm, index)
    crm.scans.add(customer.id, document=customer.documents[0].key, content=[b"%PDF-1.7 Aida"])


def erase(crm: Crm, index: int) -> None:
    crm.customers.erase(scanned(crm, index).id)
    crm.step("delete_files")


def sims_file(index: int) -> bytes:
    people = [subscriber(index * 10 + offset) for offset in range(5)]
    rows = "".join(f"{one.iccid},{one.imsi},2471,12345678,B-1\n" for one in people)
    return f"iccid,imsi,pin1,puk1,batch\n{rows}".encode()


def test_a_sale_and_its_activation(world: World) -> None:
    for index in boundaries(world, sell_and_work, stock_up):
        contract = sell(world.crm, index)
        world.settle()
        contract = world.crm.contracts.get(contract.id)
        assert contract.status == "active"
        [only] = world.crm.contracts.page(
            Query(where={"msisdn": subscriber(index).msisdn.digits})
        ).items
        assert only == contract
        entries = world.crm.accounts.each_entry(contract.account_id)
        charged = [entry.kind for entry in entries if entry.kind.endswith("_fee")]
        assert len(charged) == len(set(charged)), "a fee was charged twice"
        activated = world.crm.contracts.timeline(contract.id)
        assert [event.name for event in activated].count("ContractActivated") == 1


def try_in_vain(crm: Crm, index: int, *, times: int = TRIES) -> None:
    """Sell a contract, which the network refuses to activate so many times."""
    contract = sell(crm, index)
    assert isinstance(crm.network, SimulatorNetwork)
    while (task := crm.provisioning.latest_of(contract.id)) and (
        task.attempts < times or task.status == "running"
    ):
        if task.status == "failed":
            crm.provisioning.retry(task.id)
        crm.network.disturb(NetworkStep.ALLOW, Trouble.FAILS, times=1)
        crm.step("provision")


def try_twice(crm: Crm, index: int) -> None:
    try_in_vain(crm, index, times=TRIES - 1)


def test_a_ticket_about_an_activation(world: World) -> None:
    for index in boundaries(world, try_in_vain, stock_up, try_twice):
        try_in_vain(world.crm, index)
        contract = sell(world.crm, index)
        task = world.crm.provisioning.latest_of(contract.id)
        [ticket] = world.crm.tickets.each(customer_id=str(contract.customer_id))
        assert task is not None
        assert task.ticket_id == ticket.id
        world.crm.provisioning.retry(task.id)
        world.settle()
        assert world.crm.contracts.get(contract.id).status == "active"
        entries = world.crm.accounts.each_entry(contract.account_id)
        charged = [entry.kind for entry in entries if entry.kind.endswith("_fee")]
        assert len(charged) == len(set(charged)), "a fee was charged twice"


def test_a_deposit(world: World) -> None:
    for index in boundaries(world, pay, stock_up, sell_and_work):
        payment = pay(world.crm, index)
        world.settle()
        payment = world.crm.payments.get(payment.id)
        assert payment.status in ("confirmed", "failed")
        took = world.took(payment.key)
        assert took == (PRICE.minor if payment.status == "confirmed" else 0)
        assert balance_of(world, payment) == took


def test_a_refund(world: World) -> None:
    for index in boundaries(world, give_back, stock_up, sell_and_work, pay):
        give_back(world.crm, index)
        world.settle()
        payment = pay(world.crm, index)
        refunds = world.crm.payments.refunds_of(payment.id)
        paid = [refund for refund in refunds if refund.status == "paid"]
        assert len(refunds) == 1
        gave = sum(world.took(refund.key) for refund in refunds)
        assert gave == sum(refund.amount.minor for refund in paid)
        assert balance_of(world, payment) == PRICE.minor - gave


def test_an_import(world: World) -> None:
    for index in boundaries(world, bring_in):
        bring_in(world.crm, index)
        world.settle()
        with world.crm.uow(read_only=True) as tx:
            wanted = [subscriber(index * 10 + offset).iccid for offset in range(5)]
            sims = tx.sims.get_many(wanted)
        assert set(sims) == set(wanted)
        assert all(sim.version == 1 for sim in sims.values())
        jobs = [
            job
            for job in world.crm.imports.page(Query(limit=500)).items
            if job.file_name == f"{index}.csv"
        ]
        assert all(job.status is ImportStatus.COMPLETED for job in jobs)
        assert sum(job.counts.created for job in jobs) == 5


def test_an_erasure(world: World) -> None:
    for index in boundaries(world, erase, scan):
        customer = scanned(world.crm, index)
        world.settle()
        left = [path for path in (world.data / "files").rglob("*") if path.is_file()]
        assert len(left) == (1 if customer.documents else 0)
        world.crm.customers.erase(customer.id)
        world.settle()
        assert not any(path.is_file() for path in (world.data / "files").rglob("*"))


_MOVES = {"payment": 1, "refund_requested": -1, "refund_failed": 1}


def balance_of(world: World, payment: Payment) -> int:
    """What came to the account and stayed, without the fees it was charged."""
    entries = world.crm.accounts.each_entry(payment.account_id)
    return sum(
        _MOVES.get(entry.kind, 0) * transfer.amount.minor
        for entry in entries
        for transfer in entry.transfers
    )
