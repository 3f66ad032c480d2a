"""`telecom-crm demo`: what the library does, told from a file of subscribers to a closed ticket."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from telecom_crm.application.catalog_file import demo_catalog
from telecom_crm.application.ports import Message, Payer
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.errors import NotFound, RuleViolated
from telecom_crm.domain.importing import ImportKind
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import PaymentMethod
from telecom_crm.domain.ticket import TicketPriority
from telecom_crm.entrypoints.cli.database import HERE, Database
from telecom_crm.entrypoints.crm import Crm, month_of
from telecom_crm.entrypoints.demo import BY as DEMO
from telecom_crm.entrypoints.demo import (
    GATEWAYS,
    DemoSubscriber,
    begun,
    files,
    subscriber,
)

BY = Actor("aliya")
SCAN = b"%PDF-1.4\n% the signed contract, scanned\n%%EOF\n"
PATIENCE_SECONDS = 30.0


def demo(*, database: Database = HERE) -> int:
    """
    Tell the whole story on a real file: import, contract, money, ticket.

    In memory, unless a database is named, which has to be empty or a demo's.

    Parameters
    ----------
    database
        Where to do it for good.
    """
    width = None if sys.stdout.isatty() else 100
    return tell(Console(highlight=False, soft_wrap=True, width=width), database)


def tell(console: Console, database: Database = HERE) -> int:
    """Tell the story on a console, and return the command's exit code."""
    with _opened(database, console) as crm:
        contract = _import(crm, console)
        _activate(crm, console, contract)
        _statement(crm, console, contract)
        _ticket(crm, console, contract)
        differences = crm.verify_ledger()
    _say(console, f"The ledger proves every balance: {len(differences)} differences.")
    return 1 if differences else 0


class _Told:
    """A messenger that shows what the subscriber reads."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def send(self, message: Message) -> None:
        """Show it."""
        self._console.print(f"   » {message.body}", style="italic", markup=False)


@contextmanager
def _opened(database: Database, console: Console) -> Iterator[Crm]:
    if database != HERE:
        with database.open(begin=True, gateways=GATEWAYS) as crm:
            begun(crm, customers=0)
            yield crm
        return
    from telecom_crm.entrypoints.doors import in_memory

    with in_memory(messenger=_Told(console), gateways=GATEWAYS) as crm:
        yield crm


def _import(crm: Crm, console: Console) -> Contract:
    crm.catalog.apply(demo_catalog(), by=DEMO)
    people = _newcomers(crm)
    tables = files(people)
    good = people[0].iccid.digits
    bad = good[:-1] + str((int(good[-1]) + 1) % 10)
    spoiled = tables["subscribers"].splitlines()[1].replace(good.encode(), bad.encode())
    tables["subscribers"] += spoiled + b"\r\n"
    with tempfile.TemporaryDirectory() as folder:
        for kind, content in tables.items():
            file = Path(folder) / f"{kind}.csv"
            file.write_bytes(content)
            job = crm.imports.run_file(kind=ImportKind(kind), content=file, by=BY)
            counts = job.counts.as_dict()
            told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
            _say(console, f"Import {file.name}: {told}")
            for error in crm.imports.errors(job.id):
                console.print(f"   line {error.line}, {error.column}: {error.message}")
    contract = next(crm.contracts.each(msisdn=people[0].msisdn.digits))
    customer = crm.customers.get(contract.customer_id)
    _say(console, f"Contract {contract.number} of {customer.name} is {contract.status.value}")
    _table(
        console,
        ("number", str(contract.msisdn)),
        ("SIM", contract.iccid.digits),
        ("tariff", f"{contract.tariff_code} version {contract.tariff_version}"),
    )
    return contract


def _activate(crm: Crm, console: Console, contract: Contract) -> None:
    _say(console, "Can it be activated?")
    _summary(crm, console, contract)
    try:
        crm.contracts.request_activation(contract.id, by=BY)
    except RuleViolated:
        console.print("   so the activation is refused")
    _say(console, "The clerk keeps the signed contract; the subscriber pays 1000.00 KGS by card")
    crm.contracts.add_document(contract.id, name="contract.pdf", content=[SCAN], by=BY)
    payment = crm.payments.take(
        payer=Payer(msisdn=contract.msisdn),
        amount=Money.parse("1000.00", "KGS"),
        method=PaymentMethod.CARD,
        gateway="simulator",
        idempotency_key=f"demo-{contract.number}",
        by=BY,
    )
    console.print(f"   payment {payment.status.value}, {payment.gateway_reference}")
    _summary(crm, console, contract)
    asked = crm.contracts.request_activation(contract.id, by=BY)
    _say(console, f"The contract is {asked.status.value}; the network is told")
    now = _until_active(crm, asked)
    _say(console, f"The contract is {now.status.value}")


def _statement(crm: Crm, console: Console, contract: Contract) -> None:
    start, end = month_of(crm, crm.clock())
    statement = crm.accounts.statement(contract.account_id, start=start, end=end)
    _say(console, f"Statement of {start:%B %Y}")
    lines = [
        (
            f"{line.booked_at.astimezone(crm.zone):%d %H:%M}",
            str(line.kind),
            line.amount.amount,
            line.balance.amount,
        )
        for line in statement.lines
    ]
    _table(
        console,
        ("", "opening", "", statement.opening.amount),
        *lines,
        ("", "closing", "", statement.closing.amount),
        numbers=2,
    )


def _ticket(crm: Crm, console: Console, contract: Contract) -> None:
    ticket = crm.tickets.create(
        customer_id=contract.customer_id,
        contract_id=contract.id,
        subject="No mobile data since this morning",
        priority=TicketPriority.HIGH,
        by=BY,
    )
    _say(console, f"Ticket {ticket.number}: {ticket.subject}")
    crm.tickets.activate(ticket.id, by=BY)
    crm.tickets.comment(ticket.id, text="The access point was missing; set anew.", by=BY)
    crm.tickets.resolve(ticket.id, by=BY)
    crm.work()
    _table(
        console,
        *(
            (f"{event.at.astimezone(crm.zone):%H:%M}", event.name, event.after, event.by.name)
            for event in crm.tickets.timeline(ticket.id)
        ),
    )


def _newcomers(crm: Crm, count: int = 5) -> list[DemoSubscriber]:
    """Return people whom nobody has registered yet."""
    first = 1000
    while True:
        try:
            crm.inventory.sim(subscriber(first).iccid)
        except NotFound:
            return [subscriber(first + index) for index in range(count)]
        first += count


def _until_active(crm: Crm, contract: Contract) -> Contract:
    """Work until the network has answered; a worker beside us may be quicker."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    crm.work()
    while (now := crm.contracts.get(contract.id)).status == contract.status:
        if time.monotonic() > deadline:
            break
        time.sleep(0.2)
        crm.work()
    return now


def _summary(crm: Crm, console: Console, contract: Contract) -> None:
    summary = crm.contracts.activation_summary(contract.id)
    missing = [(line.code, line.reason) for line in summary.lines if not line.passed]
    green = len(summary.lines) - len(missing)
    console.print(f"   {green} of {len(summary.lines)} conditions are met")
    if missing:
        _table(console, *(("missing", code, reason) for code, reason in missing))


def _say(console: Console, text: str) -> None:
    console.print(f"\n[bold]{text}[/bold]" if console.is_terminal else f"\n{text}")


def _table(console: Console, *rows: Iterable[str], numbers: int = 0) -> None:
    """Print rows; the last `numbers` columns are set to the right."""
    listed = [tuple(row) for row in rows]
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    width = max(len(row) for row in listed)
    table.add_column()
    for place in range(width):
        right = numbers > 0 and place >= width - numbers
        table.add_column(justify="right" if right else "left")
    for row in listed:
        table.add_row("  ", *row)
    console.print(table)
