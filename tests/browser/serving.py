"""The pages served for a browser: a CRM in memory with the demo's people in it."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

from telecom_crm.domain.importing import ImportKind
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.entrypoints.crm import Crm
from tests.people import PASSWORD, QUICK, hire

if TYPE_CHECKING:
    from telecom_crm.entrypoints.http.app import App

PEOPLE = 45
CONTRACT = "C-00000001"
"""The contract whose customer has a password for self-care."""
ANOTHER = "C-00000002"
"""The same, of one whose things are changed in tests."""
ORGANISATION = "ОсОО Ала-Тоо"
FORMULA = "=1+1 Формула"
"""A customer whom a spreadsheet would take for a sum."""
SECRET = "0b5c6f0e-3f5d-4c1e-9a52-6e1d1a2b3c4d"
"""The secret of an application that lacks something."""


def make_with_worker() -> App:
    """Build the service with files being applied beside it; the factory of the serving process."""
    from telecom_crm.entrypoints.http.app import create_app

    crm = furnished()
    threading.Thread(target=_work, args=(crm,), daemon=True).start()
    return create_app(crm)


def _work(crm: Crm) -> None:
    idle = threading.Event()
    while not idle.wait(0.2):
        crm.imports.work()
        crm.provisioning.work(network=crm.network)


def furnished() -> Crm:
    """Return a CRM with something on each of its pages."""
    import telecom_crm
    from telecom_crm.application.payments.request import PaymentRequest
    from telecom_crm.application.ports import Payer
    from telecom_crm.domain.approval import ApprovalKind
    from telecom_crm.domain.money import Money
    from telecom_crm.domain.payment import PaymentMethod
    from telecom_crm.domain.role import Action, Area, Role
    from telecom_crm.entrypoints import demo

    crm = telecom_crm.in_memory(gateways=demo.GATEWAYS, passwords=QUICK)
    demo.load(crm)
    crm.customers.register(name=FORMULA)
    crm.customers.register(name=ORGANISATION, kind=CustomerKind.ORGANISATION)
    demo.load_subscribers(crm, count=PEOPLE)
    demo.load_applications(crm)
    crm.imports.run_file(kind=ImportKind.NUMBERS, content=b"msisdn,category\n996700,standard\n")
    lacking = crm.applying.send(SECRET, raw={"full_name": "Айгүл Асанова", "phone": "0555123456"})
    crm.intake.ask(lacking.id, reason="Please send a scan of your passport")
    hire(crm)
    crm.access.create_token(name="Web shop", role="support")
    crm.webhooks.register(url="https://example.org/events", wanted=["PaymentConfirmed"])
    grants = {Area.INVENTORY: frozenset({Action.READ, Action.EXPORT})}
    crm.rules.create_role(Role(name="dealer", title="Dealer of the south", grants=grants))
    _, secret = crm.users.invite(login="dealer", name="The dealer", role="dealer")
    crm.users.accept(secret, password=PASSWORD)
    payment = crm.payments.take(
        payer=Payer(msisdn=demo.subscriber(0).msisdn),
        amount=Money.parse("500.00", crm.currency),
        method=PaymentMethod.CASH,
        gateway="cash_desk",
    )
    stray = PaymentRequest(
        payer=None,
        told="+996 555 000 111",
        amount=Money.parse("150.00", crm.currency),
        method=PaymentMethod.TERMINAL,
        reference="T-1",
    )
    crm.payments.record_many([stray], gateway="simulator", keep_unallocated=True)
    refund = ApprovalKind.REFUND
    crm.approvals.ask(refund, payment.id, amount=payment.amount, reason="Paid twice")
    contract = next(crm.contracts.each(number=CONTRACT))
    for one in (contract, next(crm.contracts.each(number=ANOTHER))):
        crm.self_care.set_password(one.customer_id, password=PASSWORD)
    crm.tickets.create(customer_id=contract.customer_id, subject="No network at home")
    free = {"status": "available"}
    cards = [*crm.inventory.each_sim(**free)][-2:]
    numbers = [*crm.inventory.each_number(**free, category="standard")][-2:]
    for card, number, accept in zip(cards, numbers, (False, True), strict=True):
        crm.contracts.create(
            customer_id=contract.customer_id,
            iccid=card.iccid,
            msisdn=number.msisdn,
            tariff="START",
            policy="prepaid",
            accept=accept,
        )
    return crm


@contextmanager
def served(factory: str = "tests.browser.serving:make_with_worker") -> Iterator[str]:
    """Serve what a factory makes on a free port, and give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "asgi",
        "--factory",
        "--workers",
        "1",
    ]
    command += [
        "--port",
        str(port),
        "--log-level",
        "warning",
        factory,
    ]
    process = subprocess.Popen(command, cwd=Path(__file__).resolve().parents[2])
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/health/live", process)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < until:
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, ConnectionError):
            process_waits(process)
    raise AssertionError(f"the service did not come up: {process.poll()}")


def process_waits(process: subprocess.Popen[bytes]) -> None:
    """Wait a tenth of a second, or until the process has ended."""
    try:
        process.wait(0.1)
    except subprocess.TimeoutExpired:
        return
