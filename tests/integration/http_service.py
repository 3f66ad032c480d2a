"""A service under test: a CRM with a catalog and stock, its HTTP application, and a token."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import attrs
import pytest
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

import telecom_crm
from telecom_crm.application.catalog_file import demo_catalog
from telecom_crm.application.inventory.receiving import NumberData, SimData
from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN
from telecom_crm.domain.role import RoleName as Role
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.demo import GATEWAYS
from telecom_crm.entrypoints.http.app import create_app, routes
from telecom_crm.entrypoints.http.limits import Limits
from telecom_crm.entrypoints.http.web.gate import FACE
from tests.people import QUICK

KGS = "KGS"


def routes_of(*, pages: bool = False) -> Iterator[tuple[str, str, Any]]:
    """Return the API's routes, or the pages, each as method, path and handler."""
    for route in routes().routes:
        assert isinstance(route, HTTPRoute)
        for handler in route.route_handlers:
            if (FACE in handler.opt) == pages:
                for method in sorted(handler.http_methods - {"OPTIONS"}):
                    yield method, route.path, handler


def money(amount: str, currency: str = KGS) -> dict[str, str]:
    return {"amount": amount, "currency": currency}


def iccid(index: int) -> str:
    digits = f"899960{index:012d}"
    doubled = (
        d * 2 - 9 * (d * 2 > 9) if place % 2 == 0 else d
        for place, d in enumerate(map(int, reversed(digits)))
    )
    return f"{digits}{-sum(doubled) % 10}"


def msisdn(index: int) -> str:
    return f"+9965550{index:05d}"


@attrs.define
class Service:
    crm: Crm
    client: TestClient[Any]
    secrets: dict[Role, str]
    counter: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))

    @classmethod
    def over(cls, crm: Crm, *, stock: int = 20) -> "Service":
        crm.catalog.apply(demo_catalog())
        crm.inventory.receive_sims(
            [
                SimData(
                    iccid=ICCID(iccid(n)),
                    imsi=IMSI(f"43705{n:010d}"),
                    pin1="1234",
                    puk1="12345678",
                )
                for n in range(stock)
            ]
        )
        crm.inventory.receive_numbers([NumberData(msisdn=MSISDN(msisdn(n))) for n in range(stock)])
        secrets = {role: crm.access.create_token(name=f"the {role}", role=role)[1] for role in Role}
        # Defects of ours are to be answered as over a real server, not raised into the test.
        # Tests ask quicker than anybody; those of the limits make an app of their own.
        unlimited = Limits(requests_per_second=0, refused_per_minute=0)
        client = TestClient(create_app(crm, limits=unlimited), raise_server_exceptions=False)
        return cls(crm, client, secrets)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        role: Role | None = Role.ADMIN,
        **more: Any,
    ) -> Any:
        headers = dict(more.pop("headers", {}))
        if role is not None:
            headers["Authorization"] = f"Bearer {self.secrets[role]}"
        if body is not None:
            more["json"] = body
        return self.client.request(method, path, headers=headers, **more)

    def get(self, path: str, **more: Any) -> Any:
        return self.send("GET", path, **more)

    def post(self, path: str, body: Any = None, *, key: str | None = None, **more: Any) -> Any:
        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.send("POST", path, body, headers=headers, **more)

    def fresh(self) -> int:
        """Return the index of a SIM and number that no other test of this service uses."""
        return next(self.counter)

    def erase(self, path: str) -> dict[str, Any]:
        """Have a customer erased: an operator asks, an admin agrees."""
        asked = self.post(f"{path}/erase", {"reason": "asked for it"}, role=Role.OPERATOR)
        assert asked.status_code == 201, asked.text
        return dict(self.post(f"{asked.headers['location']}/approve").json())

    def signed_in(self, login: str, role: Role) -> dict[str, str]:
        """Return what somebody new, who signed in, sends along."""
        password = "correct horse battery"
        self.crm.users.begin(login=login, name=login, role=role, password=password)
        signed = self.post("/sessions", {"login": login, "password": password}, role=None)
        return {"Authorization": f"Bearer {signed.json()['secret']}"}

    def token_by(self, maker: dict[str, str], name: str, role: Role = Role.ADMIN) -> dict[str, str]:
        """Return what a token sends along that somebody makes."""
        body = {"name": name, "role": role}
        made = self.post("/tokens", body, role=None, headers=maker)
        return {"Authorization": f"Bearer {made.json()['secret']}"}

    def new_customer(self, **fields: Any) -> dict[str, Any]:
        body = {"name": "Асанов Азамат"} | fields
        answer = self.post("/customers", body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def new_contract(self, **fields: Any) -> dict[str, Any]:
        index = self.fresh()
        body: dict[str, Any] = {
            "iccid": iccid(index),
            "msisdn": msisdn(index),
            "tariff": "START",
            "customer": {"name": "Асанов Азамат"},
        } | fields
        answer = self.post("/contracts", body, key=f"contract {index}")
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def pay(self, contract: dict[str, Any], amount: str, *, gateway: str = "cash_desk") -> Any:
        body = {
            "contract_id": contract["id"],
            "amount": money(amount),
            "method": "cash",
            "gateway": gateway,
        }
        answer = self.post("/payments", body, key=f"pay {self.fresh()}")
        assert answer.status_code == 201, answer.text
        return answer.json()


STORES = ["memory", pytest.param("postgres", marks=pytest.mark.postgres)]


@contextmanager
def opened(request: pytest.FixtureRequest, *, stock: int = 20) -> Iterator[Service]:
    """Give a service over the store that a fixture's parameter names."""
    if request.param == "memory":
        crm = telecom_crm.in_memory(gateways=GATEWAYS, passwords=QUICK)
    else:
        url = request.getfixturevalue("ready_database")
        data = request.getfixturevalue("tmp_path")
        crm = telecom_crm.open(url, data=data, gateways=GATEWAYS, passwords=QUICK)
    with crm:
        service = Service.over(crm, stock=stock)
        with service.client:
            yield service


def problem_of(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is this problem, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"urn:telecom-crm:{code}", problem
    assert problem["status"] == status
    assert set(problem) >= {"type", "title", "status", "detail", "retryable"}
    return problem


def fields_of(problem: dict[str, Any]) -> list[str]:
    return [error["field"] for error in problem["errors"]]


def nowhere() -> UUID:
    return UUID("00000000-0000-7000-8000-000000000000")


def path_to(template: str, segment: str = str(nowhere())) -> str:
    """Return a path that leads to a route, with the same segment for all its ids."""
    parts = ("0" if ":int}" in part else part for part in template.split("/"))
    return "/".join(segment if "{" in part else part for part in parts)
