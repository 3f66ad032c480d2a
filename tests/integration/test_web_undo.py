"""What was done by a slip is taken back from the message that says it is done."""

import re
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from telecom_crm.application.ports import Query
from telecom_crm.entrypoints import demo
from tests.integration.test_web import admin, site, submit

__all__ = ["admin", "site"]


@attrs.frozen
class Case:
    path: str
    read: Callable[[], Any]
    """Reads the thing as it is now."""
    told: Callable[[Any], object]
    """What is to be the same again."""


def of_contract(crm):
    one = next(crm.contracts.each(status="active"))
    return Case(
        f"/console/contracts/{one.id}",
        lambda: crm.contracts.get(one.id),
        lambda it: (it.status, [hold.kind for hold in it.holds]),
    )


def of_ticket(crm):
    one = crm.tickets.create(customer_id=next(crm.customers.each()).id, subject="No network")
    crm.tickets.begin(one.id)
    return Case(f"/console/tickets/{one.id}", lambda: crm.tickets.get(one.id), lambda it: it.status)


def of_user(crm):
    one = crm.users.known_as("cashier")
    return Case(f"/console/users/{one.id}", lambda: crm.users.get(one.id), lambda it: it.status)


def of_application(crm):
    demo.load_applications(crm)
    one = next(crm.intake.each(status="validated"))
    return Case(
        f"/console/applications/{one.id}",
        lambda: crm.intake.get(one.id),
        lambda it: (it.status, it.claimed_by),
    )


def of_sim(crm):
    one = crm.inventory.sims(Query(where={"status": "available"}, limit=1)).items[0]
    return Case(
        f"/console/sims/{one.key}",
        lambda: crm.inventory.sim(one.iccid),
        lambda it: (it.status, it.reserved_for),
    )


def of_number(crm):
    one = crm.inventory.on_offer(limit=1).items[0]
    return Case(
        f"/console/numbers/{one.key}",
        lambda: crm.inventory.number(one.msisdn),
        lambda it: (it.status, it.reserved_for, it.category, it.price),
    )


def undo_in(page):
    """Return where the toast's form leads, and what it sends."""
    toast = page.partition('id="toasts"')[2]
    (action,) = re.findall(r'action="([^"]+)"', toast)
    return action, dict(re.findall(r'name="(\w+)" value="([^"]*)"', toast))


@pytest.mark.parametrize(
    ("of", "command", "fields"),
    [
        (of_contract, "suspend", {"hold": "fraud"}),
        (of_ticket, "suspend", {"reason": "Waits for the customer"}),
        (of_user, "block", {"reason": "Gone"}),
        (of_application, "claim", {}),
        (of_sim, "reserve", {"reserved_for": "Mr Asanov"}),
        (of_number, "reserve", {"reserved_for": "Mr Asanov"}),
        (of_number, "reclassify", {"category": "gold", "price": "700"}),
    ],
    ids=lambda one: one if isinstance(one, str) else getattr(one, "__name__", ""),
)
def test_a_command_is_undone_by_the_one_that_takes_it_back(site, admin, of, command, fields):
    case = of(site.crm)
    before = case.read()
    asked = f"{case.path}/{command}"
    done = submit(admin, asked, asked, version=str(before.version), **fields)
    assert done.status_code == 303, done.text
    changed = case.read()
    assert case.told(changed) != case.told(before)
    action, sent = undo_in(admin.get(case.path).text)
    undone = admin.post(action, data=sent)
    assert undone.status_code == 303, undone.text
    assert case.told(case.read()) == case.told(before)
    assert admin.post(action, data=sent).status_code == 409, "once somebody changed it"
