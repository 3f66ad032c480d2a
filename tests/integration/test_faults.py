"""
Kill −9 under load: no acknowledged payment is lost, and none is booked twice.

Clients hold their own keys and send each payment until it is acknowledged. Whatever dies in
between, in the end there is exactly one confirmed payment for each key, and the ledger agrees with
itself.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

import telecom_crm
from telecom_crm import Money, Payer, PaymentMethod, Unavailable
from telecom_crm.adapters.postgres import migrate
from telecom_crm.adapters.postgres.embedded import EmbeddedPostgres
from telecom_crm.domain.identifiers import AccountId
from telecom_crm.domain.role import RoleName as Role
from tests.integration.served import Served

pytestmark = [pytest.mark.faults, pytest.mark.postgres]

CLIENTS = 8
AMOUNT = Money(1_00, "KGS")


@pytest.fixture
def server(tmp_path: Path, postgres_binaries: Path | None) -> Iterator[EmbeddedPostgres]:
    """A server of this test's own that syncs to disk, as in production."""
    with EmbeddedPostgres.start(tmp_path / "data", binaries=postgres_binaries) as server:
        yield server


@pytest.fixture
def url(server: EmbeddedPostgres) -> str:
    url = server.create_database("faults")
    migrate.upgrade(url)
    return url


@attrs.define
class Progress:
    """What the clients were told, and how far they are to go."""

    acknowledged: set[str] = attrs.field(factory=set)
    lock: threading.Lock = attrs.field(factory=threading.Lock)
    moved_on: threading.Condition = attrs.field(factory=threading.Condition)
    over: bool = False

    def acknowledge(self, key: str) -> None:
        with self.moved_on:
            self.acknowledged.add(key)
            self.moved_on.notify_all()

    def hold_back(self) -> None:
        """Wait until somebody gets through, or a tenth of a second: what starts needs the time."""
        with self.moved_on:
            self.moved_on.wait(0.1)

    def wait_for(self, count: int) -> None:
        """Return once that many more payments were acknowledged."""
        with self.moved_on:
            target = len(self.acknowledged) + count
            assert self.moved_on.wait_for(lambda: len(self.acknowledged) >= target, timeout=60)


def open_accounts(crm: telecom_crm.Crm, count: int) -> list[AccountId]:
    customer = crm.customers.register(name="Ли Канат")
    return [crm.accounts.open(customer_id=customer.id, currency="KGS").id for _ in range(count)]


def keep_paying(
    crm: telecom_crm.Crm, accounts: list[AccountId], progress: Progress, client: int
) -> None:
    """Send payment after payment, each until it is acknowledged."""
    number = 0
    while not progress.over:
        key, account = f"{client}-{number}", accounts[number % len(accounts)]
        try:
            crm.payments.take(
                payer=Payer(account_id=account),
                amount=AMOUNT,
                method=PaymentMethod.CASH,
                gateway="cash_desk",
                idempotency_key=key,
            )
        except Unavailable:
            progress.hold_back()
            continue  # nobody knows what became of it: the same key again
        progress.acknowledge(key)
        number += 1


def assert_books_are_right(crm: telecom_crm.Crm, accounts: list[AccountId], told: set[str]) -> None:
    confirmed = [
        payment for account in accounts for payment in crm.payments.each(account_id=str(account))
    ]
    assert {payment.status.value for payment in confirmed} == {"confirmed"}
    balances = sum(crm.accounts.get(account).balance.balance.minor for account in accounts)
    assert balances == len(confirmed) * AMOUNT.minor
    assert len(told) <= len(confirmed) <= len(told) + CLIENTS
    assert list(crm.verify_ledger()) == []


def pay_over_http(port: int, token: str, account: AccountId, key: str) -> bool:
    """Send one payment to the service; tell whether it was acknowledged."""
    body = {
        "account_id": str(account),
        "amount": {"amount": AMOUNT.amount, "currency": AMOUNT.currency},
        "method": "cash",
        "gateway": "cash_desk",
    }
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", "/payments", json.dumps(body), headers)
        answer = connection.getresponse()
        said = answer.read()
    except (OSError, http.client.HTTPException):
        return False  # it died under us: nobody knows what became of the payment
    finally:
        connection.close()
    assert answer.status in (201, 503), said
    return answer.status == 201


@pytest.fixture
def service(url: str) -> Iterator[Served]:
    with Served.over(url) as served:
        yield served


def test_killing_the_service_loses_nothing_and_doubles_nothing(
    service: Served, url: str, kills: int, record_property: Callable[[str, object], None]
) -> None:
    with_fate = random.Random(40)
    crm = telecom_crm.open(url)
    accounts = open_accounts(crm, 20)
    _, token = crm.access.create_token(name="client", role=Role.CASHIER)
    progress = Progress()

    def keep_sending(client: int) -> None:
        number = 0
        while not progress.over:
            key, account = f"{client}-{number}", accounts[number % len(accounts)]
            if pay_over_http(service.port, token, account, key):
                progress.acknowledge(key)
                number += 1
            else:
                progress.hold_back()

    clients = [threading.Thread(target=keep_sending, args=(client,)) for client in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        for _ in range(kills):
            progress.wait_for(with_fate.randint(1, 100))
            service.kill()
            service.start()
        progress.wait_for(20)
    finally:
        progress.over = True
        for client in clients:
            client.join()
    assert_books_are_right(crm, accounts, progress.acknowledged)
    record_property("acknowledged", len(progress.acknowledged))
    crm.close()


def test_killing_postgresql_loses_nothing_and_doubles_nothing(
    server: EmbeddedPostgres,
    url: str,
    kills: int,
    record_property: Callable[[str, object], None],
) -> None:
    with_fate = random.Random(20)
    crm = telecom_crm.open(url)
    accounts = open_accounts(crm, 20)
    progress = Progress()
    clients = [
        threading.Thread(target=keep_paying, args=(crm, accounts, progress, client))
        for client in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    try:
        for _ in range(kills):
            progress.wait_for(with_fate.randint(1, 200))
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            assert server.revive()
        progress.wait_for(50)
    finally:
        progress.over = True
        for client in clients:
            client.join()
    assert_books_are_right(crm, accounts, progress.acknowledged)
    record_property("acknowledged", len(progress.acknowledged))
    for key in sorted(progress.acknowledged)[::50]:
        number = int(key.partition("-")[2])
        again = crm.payments.take(
            payer=Payer(account_id=accounts[number % len(accounts)]),
            amount=AMOUNT,
            method=PaymentMethod.CASH,
            gateway="cash_desk",
            idempotency_key=key,
        )
        assert again.replayed
    crm.close()
