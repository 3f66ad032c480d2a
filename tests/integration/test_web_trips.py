"""How often a page goes to the database: as often for many things as for one."""

from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from litestar.testing import TestClient

import telecom_crm
from telecom_crm.adapters.postgres.engine import open_engine
from telecom_crm.domain.contract import ContractStatus
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.role import RoleName
from telecom_crm.entrypoints.conformance.samples import Samples
from telecom_crm.entrypoints.conformance.unit_of_work.things import Sale, a_sale, a_task, save_sale
from telecom_crm.entrypoints.demo import GATEWAYS
from telecom_crm.entrypoints.http.app import create_app
from tests.integration.test_http_trips import Trips
from tests.integration.test_web import Site
from tests.people import PASSWORD, QUICK, hire

pytestmark = pytest.mark.postgres


@attrs.define
class Watched:
    """An admin's browser at the pages, and how many statements these take."""

    crm: telecom_crm.Crm
    browser: TestClient[Any]
    trips: Trips

    def cost(self, path: str) -> int:
        """Count the statements of a page; of two, since rules are read anew now and then."""
        found = []
        for _ in range(2):
            self.trips.count = 0
            answer = self.browser.get(path)
            assert answer.status_code == 200, (path, answer.text)
            found.append(self.trips.count)
        return min(found)


@pytest.fixture
def watched(ready_database, tmp_path) -> Iterator[Watched]:
    engine = open_engine(ready_database)
    trips = Trips().over(engine)
    with telecom_crm.open(
        ready_database, engine=engine, data=tmp_path, gateways=GATEWAYS, passwords=QUICK
    ) as crm:
        hire(crm)
        yield Watched(crm, Site(create_app(crm), crm).browser("admin"), trips)
    engine.dispose()


def test_everybody_on_a_page_is_asked_for_together(watched):
    customer = watched.crm.customers.register(name="Айгүл")
    path = f"/console/customers/{customer.id}"
    watched.crm.customers.add_note(customer.id, text="called", by=Actor("admin"))
    one = watched.cost(path)
    for role in RoleName:
        watched.crm.customers.add_note(customer.id, text=f"by {role}", by=Actor(role.value))
    assert watched.cost(path) == one
    assert "The operator" in watched.browser.get(path).text


def test_pairs_among_many_customers_cost_as_much_as_among_a_few(watched):
    register, path = watched.crm.customers.register, "/console/customers/duplicates"
    shared = {"phone": "+996555123456", "email": "a@example.org"}
    for _ in range(2):
        register(name="Айгүл", **shared)
    few = watched.cost(path)
    for _ in range(9):
        register(name="Айгүл", **shared)
    assert watched.cost(path) == few


def test_the_networks_tasks_of_all_contracts_of_a_phone_are_asked_for_together(watched):
    samples = Samples()
    first = a_sale(samples)
    path = f"/console/network?q={first.contract.msisdn.digits}"

    def sell(sale: Sale) -> int:
        over = attrs.evolve(
            sale.contract, msisdn=first.contract.msisdn, status=ContractStatus.CANCELLED
        )
        with watched.crm.provisioning.uow() as tx:
            save_sale(tx, attrs.evolve(sale, contract=over))
            tx.tasks.save(a_task(samples, over))
        cost: int = watched.cost(path)
        return cost

    one = sell(first)
    assert [sell(a_sale(samples, document=f"AN{n}")) for n in range(2)] == [one, one]
    assert watched.browser.get(path).text.count("<tr data-row>") == 3


def test_the_latest_events_of_a_user_are_the_end_of_the_timeline(watched):
    users = watched.crm.users
    user = next(iter(users.each(login="support")))
    users.rename(user.id, name="Another")
    whole = users.timeline(user.id)
    assert [*users.latest_events(user.id, count=2).items] == whole[:-3:-1]
    assert [*users.latest_events(user.id, count=99).items] == whole[::-1]


def test_a_search_in_one_state_asks_once_for_what_it_finds_and_what_chips_count(watched):
    watched.crm.customers.register(name="Айгүл")
    every = watched.cost("/console/customers?q=Айгүл")
    assert watched.cost("/console/customers?q=Айгүл&status=prospect") == every


def test_all_that_a_page_of_the_audit_tells_of_is_named_together(watched):
    samples, by, path = Samples(), Actor("seller"), "/console/audit?size=100"

    def sell(number: int) -> int:
        sale = a_sale(samples, document=f"AN{number}")
        with watched.crm.audit.uow() as tx:
            save_sale(tx, sale)
            tx.tasks.save(a_task(samples, sale.contract))
        watched.crm.tickets.create(customer_id=sale.customer.id, subject=f"Call {number}", by=by)
        watched.crm.users.begin(login=f"u{number}", name="U", role="cashier", password=PASSWORD)
        cost: int = watched.cost(path)
        return cost

    one = sell(1)
    assert [sell(number) for number in range(2, 5)] == [one] * 3
    page = watched.browser.get(path).text
    assert all(f"Call {number}" in page and f">u{number}</a>" in page for number in range(1, 5))
