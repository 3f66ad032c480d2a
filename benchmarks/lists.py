"""Pages and lists among a million customers over HTTP, from a socket and back, beside 50 ms."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from statistics import quantiles
from urllib.parse import quote, unquote

import attrs

import telecom_crm
from benchmarks import million
from benchmarks.database import Database, database, server
from benchmarks.http import Service, serving
from benchmarks.measuring import cpu_of_tree
from benchmarks.report import Result
from telecom_crm.adapters.postgres.collections import make_cursor
from telecom_crm.domain.application import ApplicationStatus, Channel
from telecom_crm.domain.contract import ContractStatus
from telecom_crm.domain.customer import CustomerStatus
from telecom_crm.domain.number import NumberCategory, NumberStatus
from telecom_crm.domain.payment import PaymentMethod, PaymentStatus
from telecom_crm.domain.provisioning import ProvisioningKind, ProvisioningStatus
from telecom_crm.domain.role import RoleName
from telecom_crm.domain.sim import SimStatus
from telecom_crm.domain.ticket import TicketPriority, TicketStatus
from telecom_crm.entrypoints.conformance.strategies import iccid_of

PROMISED_MS = 50.0
CUSTOMERS = 1_000_000
_WARM = 3

_PART = {"HX-Request": "true", "HX-Request-Type": "partial"}

_STATES: Mapping[str, type[StrEnum]] = {
    "customers": CustomerStatus,
    "contracts": ContractStatus,
    "sims": SimStatus,
    "numbers": NumberStatus,
    "payments": PaymentStatus,
    "applications": ApplicationStatus,
    "network": ProvisioningStatus,
}
"""Lists of the console, and the states that they are filtered by."""

_FILTERS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "customers": {"status": [*CustomerStatus], "kind": ["person", "organisation"]},
    "contracts": {"status": [*ContractStatus], "tariff": ["START", "BUSINESS"]},
    "sims": {"status": [*SimStatus], "batch": ["B77", "STOCK-3", "none"]},
    "numbers": {"status": [*NumberStatus], "category": [*NumberCategory]},
    "payments": {
        "status": [*PaymentStatus],
        "gateway": ["cash_desk", "simulator"],
        "method": [*PaymentMethod],
    },
    "tickets": {
        "status": [*TicketStatus],
        "priority": [*TicketPriority],
        "assignee": ["operator", "nobody"],
    },
    "applications": {
        "status": [*ApplicationStatus],
        "channel": [*Channel],
        "claimed_by": ["operator", "nobody"],
    },
    "provisioning-tasks": {"status": [*ProvisioningStatus], "kind": [*ProvisioningKind]},
    "accounts": {},
    "notifications": {"status": ["queued", "sent", "failed"]},
    "unallocated-receipts": {},
}
"""Lists of the API, and what they are filtered by."""

_TRAIL = {
    "kind": ("change", "access"),
    "action": ("CustomerRegistered", "sign_in.refused", "customers.export", "TicketClosed"),
    "by": ("auditor", "demo", "nobody"),
    "thing": ("customer", "user", "webhook"),
}


@attrs.frozen
class Asked:
    """Addresses that are asked for in turn as one figure, by a browser or a program."""

    path: str
    addresses: Sequence[str]
    headers: Mapping[str, str]


@attrs.define
class Waited:
    """How long the answers of each address took, in milliseconds, and the CPU seconds of all."""

    asked: Asked
    times: dict[str, list[float]] = attrs.field(factory=dict)
    own_cpu: float = 0.0
    server_cpu: float = 0.0

    def ask(
        self, connection: http.client.HTTPConnection, service: Service, server: int | None
    ) -> None:
        """Ask once for each address; `server` is PostgreSQL's process."""
        own, served = cpu_of_tree(service.pid), cpu_of_tree(server)
        for address in self.asked.addresses:
            took = _ask(connection, address, self.asked.headers)
            self.times.setdefault(address, []).append(took)
        self.own_cpu += cpu_of_tree(service.pid) - own
        self.server_cpu += cpu_of_tree(server) - served

    def forget(self) -> None:
        """Let what was measured count for nothing."""
        self.times.clear()
        self.own_cpu = self.server_cpu = 0.0

    @property
    def result(self) -> Result:
        """Return the row: the worst address decides."""
        worst = max(self.times, key=lambda one: _high(self.times[one]))
        every = sorted(took for times in self.times.values() for took in times)
        middle, high = every[len(every) // 2], _high(self.times[worst])
        note = f"median {middle:.0f} ms, p95 {high:.0f} ms"
        if len(self.times) > 1:
            note += f" at the slowest of {len(self.times)}: `{unquote(worst)[:80]}`"
        return Result(
            path=self.asked.path,
            rate=f"{len(every) / sum(every) * 1000:,.0f}/s",
            own_micros=self.own_cpu / len(every) * 1e6,
            server_micros=self.server_cpu / len(every) * 1e6,
            ratio=PROMISED_MS / high,
            at_least=1.0,
            note=note,
        )


def measure(*, quick: bool) -> list[Result]:
    """Fill a database, serve it, and ask for each list over and over."""
    customers, rounds = (20_000, 10) if quick else (CUSTOMERS, 60)
    with server() as running, database(running, "lists", filled=False) as filled:
        million.fill(filled, customers)
        return measured(filled, customers, rounds=rounds)


def measured(filled: Database, customers: int, *, rounds: int) -> list[Result]:
    """Ask for each list among so many customers, one request at a time."""
    with telecom_crm.open(filled.url) as crm:
        _, token = crm.access.create_token(name="bench", role=RoleName.ADMIN)
        signed = [
            crm.access.sign_in(login=login, password=million.PASSWORD).secret
            for login in ("operator", "auditor")
        ]
    with serving(filled) as service:
        connection = http.client.HTTPConnection("127.0.0.1", service.port)
        waited = [Waited(one) for one in _all(filled, customers, token, *signed)]
        for number in range(_WARM + rounds):
            for one in waited:
                if number == _WARM:
                    one.forget()
                one.ask(connection, service, filled.server.pid)
        connection.close()
    return [one.result for one in waited]


def _all(filled: Database, customers: int, token: str, operator: str, auditor: str) -> list[Asked]:
    page = {"Cookie": f"console={operator}", "Accept-Encoding": "gzip, br"}
    part = {**page, **_PART}
    program = {"Authorization": f"Bearer {token}"}
    trail = {**page, "Cookie": f"console={auditor}"}
    return [
        *_customers(filled, customers, page, part),
        *_lists(filled, page),
        Asked("audit log", ["/console/audit", "/console/audit?sort=up"], trail),
        Asked("audit log, filtered", _filtered("/console/audit", _TRAIL), trail),
        *_programs(program),
    ]


def _customers(
    filled: Database, customers: int, page: Mapping[str, str], part: Mapping[str, str]
) -> list[Asked]:
    path, half = "/console/customers", customers // 2
    deep = f"{path}?cursor={_middle(filled, 'customers', 'id')}"
    searched = {
        "part of a common name": ("Асан", "asan", "Айгүл", "Aigul", "Айгул Токтогулова"),
        "part of a rare name": ("Чынгызхан", "Chyngyzkhan", "Чынгызхан Б", "Бейшеналиев Ч"),
        "a phone or its end": (
            f"+{million.msisdn_of(half)}",
            million.msisdn_of(half)[-6:],
            million.msisdn_of(half)[-4:],
        ),
        "an ICCID": (str(iccid_of(half)), str(iccid_of(customers - 1))),
        "a contract's number": (f"C-{half + 1000:08d}", f"{half + 1000:08d}"),
        "what nobody has": ("Жокболот", "Zzyzx", "000000000000", str(iccid_of(7_777_777_777))),
    }
    return [
        Asked("customers", [path], page),
        Asked("customers, as a part of the page", [path], part),
        Asked("customers, deep inside", [deep, f"{deep}&sort=up"], page),
        Asked("customers of a state", _filtered(path, {"status": [*CustomerStatus]}), page),
        *(
            Asked(f"customers by {what}", [f"{path}?q={quote(one)}" for one in texts], part)
            for what, texts in searched.items()
        ),
        Asked("a customer's page", [f"{path}/{_middle_id(filled, 'customers', 'id')}"], page),
        Asked("palette", [f"/console/find?q={quote(one)}" for one in ("Асан", "Чынгыз")], page),
    ]


def _lists(filled: Database, page: Mapping[str, str]) -> list[Asked]:
    keys = {"contracts": "id", "sims": "iccid", "numbers": "msisdn", "payments": "id"}
    asked = []
    for name, states in _STATES.items():
        path = f"/console/{name}"
        if name != "customers":
            plain = [path, f"{path}?sort=up"]
            if name in keys:
                plain.append(f"{path}?cursor={_middle(filled, name, keys[name])}")
            asked += [
                Asked(name, plain, page),
                Asked(f"{name} of a state", _filtered(path, {"status": [*states]}), page),
            ]
    views = _filtered("/console/tickets", {"view": ("all", "mine", "free", "overdue")})
    batches = [f"/console/sims?batch={one}" for one in ("B77", "STOCK-3", "none")]
    batches.append("/console/sims?q=B77")
    return [
        *asked,
        Asked("sims of a batch", batches, page),
        Asked(
            "numbers of a class",
            _filtered("/console/numbers", {"category": [*NumberCategory]}),
            page,
        ),
        Asked(
            "numbers by digits in a row", [f"/console/numbers?q={q}" for q in ("77", "7777")], page
        ),
        Asked(
            "contracts by number, phone or ICCID",
            [
                f"/console/contracts?q={quote(q)}"
                for q in ("C-00002000", f"+{million.msisdn_of(1234)}", str(iccid_of(1234)))
            ],
            page,
        ),
        Asked(
            "contracts of a tariff",
            _filtered("/console/contracts", {"tariff": ("START", "BUSINESS")}),
            page,
        ),
        Asked(
            "payments of a method",
            _filtered("/console/payments", {"method": [*PaymentMethod]}),
            page,
        ),
        Asked("payments of a person", [f"/console/payments?q={quote(million.RARE)}"], page),
        Asked("tickets", views, page),
        Asked("accounts", ["/console/accounts"], page),
        Asked("dashboard", ["/console"], page),
    ]


def _programs(program: Mapping[str, str]) -> list[Asked]:
    asked = []
    for name, filters in _FILTERS.items():
        path = f"/{name}"
        asked.append(Asked(f"`GET {path}`", [path, f"{path}?limit=100"], program))
        asked += [
            Asked(f"`GET {path}` by {field}", _filtered(path, {field: values}), program)
            for field, values in filters.items()
        ]
    searched = [f"/customers?q={quote(one)}" for one in ("Асан", "Чынгызхан")]
    return [*asked, Asked("`GET /customers` by name", searched, program)]


def _filtered(path: str, filters: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        f"{path}?{field}={quote(str(value))}"
        for field, values in filters.items()
        for value in values
    ]


def _middle(filled: Database, table: str, key: str) -> str:
    """Return the cursor of the middle of a list."""
    return make_cursor(_middle_id(filled, table, key))


def _middle_id(filled: Database, table: str, key: str) -> str:
    with filled.connect() as connection:
        found = connection.execute(
            f"SELECT {key} FROM {table} ORDER BY {key} OFFSET (SELECT count(*) / 2 FROM {table})"
            " LIMIT 1"
        ).fetchone()
    if found is None:
        raise RuntimeError(f"there is nothing in {table}")
    return str(found[0])


def _ask(connection: http.client.HTTPConnection, address: str, headers: Mapping[str, str]) -> float:
    """Ask for an address, and return how many milliseconds the whole answer took."""
    started = time.perf_counter()
    connection.request("GET", address, headers=dict(headers))
    answer = connection.getresponse()
    body = answer.read()
    took = (time.perf_counter() - started) * 1000
    if answer.status != http.client.OK:
        raise RuntimeError(f"{address}: {answer.status} {body[:300]!r}")
    return took


def _high(times: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return quantiles(times, n=20, method="inclusive")[-1]
