"""How often a request goes to the database: as often for fifty things as for one."""

from collections.abc import Iterator

import attrs
import pytest
from sqlalchemy import Engine, event

import telecom_crm
from telecom_crm.adapters.postgres.engine import open_engine
from telecom_crm.entrypoints.demo import GATEWAYS
from telecom_crm.entrypoints.http.access import Permission, rule_of
from tests.integration.http_service import Service, iccid, msisdn, routes_of

pytestmark = pytest.mark.postgres
MANY = 9


@attrs.define
class Trips:
    """Counts the statements that an engine's connections send."""

    count: int = 0

    def over(self, engine: Engine) -> "Trips":
        event.listen(engine, "before_cursor_execute", self._sent)
        return self

    def _sent(self, *_: object) -> None:
        self.count += 1

    def of(self, service: Service, path: str) -> int:
        """Count what an answer costs: of two, since rules in force are read anew now and then."""
        return min(self._of(service, path) for _ in range(2))

    def _of(self, service: Service, path: str) -> int:
        self.count = 0
        answer = service.get(path)
        assert answer.status_code == 200, (path, answer.text)
        return self.count


@pytest.fixture
def trips() -> Trips:
    return Trips()


@pytest.fixture
def service(ready_database, tmp_path, trips) -> Iterator[Service]:
    engine = open_engine(ready_database)
    trips.over(engine)
    with telecom_crm.open(ready_database, engine=engine, data=tmp_path, gateways=GATEWAYS) as crm:
        found = Service.over(crm, stock=3 * MANY)
        with found.client:
            yield found
    engine.dispose()


def fill(service: Service, customer: str, count: int) -> None:
    """Give a customer so many contracts, payments, tickets and applications more."""
    for _ in range(count):
        index = service.fresh()
        contract = service.post(
            "/contracts",
            {
                "customer_id": customer,
                "iccid": iccid(index),
                "msisdn": msisdn(index),
                "tariff": "START",
            },
            key=f"sale {index}",
        )
        assert contract.status_code == 201, contract.text
        service.pay(contract.json(), "5.00")
        service.post("/tickets", {"customer_id": customer, "subject": f"no signal {index}"})
        service.post("/applications", {"kind": "other", "raw": {"name": f"Айгүл {index}"}})
        service.post("/accounts", {"customer_id": customer, "currency": "KGS"})


def lists() -> list[str]:
    """Return the paths of all lists."""
    found = []
    for method, path, handler in routes_of():
        names = {one.name for one in handler.opt.get("query", ())}
        reads = isinstance(rule_of(handler), Permission) and method == "GET"
        if reads and "limit" in names and "{" not in path:
            found.append(path)
    return found


def test_a_list_of_many_costs_as_much_as_a_list_of_one(service, trips):
    customer = service.new_customer()["id"]
    fill(service, customer, MANY)
    service.crm.notifications.queue_new()
    service.get("/tokens")  # the token is known from here on
    dear = {}
    for path in lists():
        one, many = (trips.of(service, f"{path}?limit={limit}") for limit in (1, 50))
        if many != one:
            dear[path] = (one, many)
    assert dear == {}


def test_what_is_shown_of_a_customer_costs_the_same_whatever_they_have(service, trips):
    customer = service.new_customer()["id"]
    path, contract = f"/customers/{customer}", service.new_contract()["id"]
    paths = [
        *(f"{path}{part}" for part in ("", "/timeline", "/duplicates", "/contracts", "/tickets")),
        f"{path}/payments",
        f"/contracts/{contract}/timeline",
        f"/contracts/{contract}/activation-summary",
    ]
    fill(service, customer, 1)
    service.get("/tokens")
    before = {one: trips.of(service, one) for one in paths}
    fill(service, customer, MANY - 1)
    after = {one: trips.of(service, one) for one in paths}
    print(before)
    assert {one: (before[one], after[one]) for one in paths if after[one] != before[one]} == {}
