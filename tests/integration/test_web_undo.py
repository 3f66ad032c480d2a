"""What was done by a slip is taken back from the message that says it is done."""

import re
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from telecom_crm.application.ports import Query
from telecom_crm.domain.application import ApplicationKind, Channel
from telecom_crm.domain.hold import HoldKind
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


def of_waiting_ticket(crm):
    case = of_ticket(crm)
    crm.tickets.suspend(case.read().id, reason="Waits for the customer")
    return case


def of_user(crm):
    one = crm.users.known_as("cashier")
    return Case(f"/console/users/{one.id}", lambda: crm.users.get(one.id), lambda it: it.status)


def of_blocked_user(crm):
    case = of_user(crm)
    crm.users.block(case.read().id, reason="Gone")
    return case


def of_customer(crm):
    one = crm.customers.register(name="Асан Усонов")
    return Case(
        f"/console/customers/{one.id}", lambda: crm.customers.get(one.id), lambda it: it.status
    )


def of_blocked(crm):
    case = of_customer(crm)
    crm.customers.block(case.read().id, reason="Fraud")
    return case


def of_closed(crm):
    case = of_customer(crm)
    crm.customers.close(case.read().id, reason="Moved away")
    return case


def of_application(crm):
    one = crm.intake.capture(
        kind=ApplicationKind.OTHER,
        channel=Channel.API,
        raw={"comment": "Roaming"},
        customer_id=next(crm.customers.each()).id,
    )
    crm.intake.validate(one.id)
    return Case(
        f"/console/applications/{one.id}",
        lambda: crm.intake.get(one.id),
        lambda it: (it.status, it.claimed_by),
    )


def of_claimed(crm, by="admin"):
    case = of_application(crm)
    crm.intake.claim(case.read().id, by=crm.users.known_as(by).actor)
    return case


def of_held(crm, by="admin"):
    case = of_claimed(crm, by)
    crm.intake.hold(case.read().id, reason="Waits", by=crm.users.known_as(by).actor)
    return case


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
        (of_waiting_ticket, "resume", {}),
        (of_user, "block", {"reason": "Gone"}),
        (of_customer, "block", {"reason": "Fraud"}),
        (of_customer, "close", {"reason": "Moved away"}),
        (of_application, "claim", {}),
        (of_claimed, "hold", {"reason": "Waits for the customer"}),
        (of_claimed, "unclaim", {}),
        (of_held, "release", {}),
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


@pytest.mark.parametrize(("of", "command"), [(of_claimed, "unclaim"), (of_held, "release")])
def test_what_was_another_s_is_not_undone_to_oneself(site, admin, of, command):
    case = of(site.crm, by="operator")
    asked = f"{case.path}/{command}"
    assert submit(admin, asked, asked, version=str(case.read().version)).status_code == 303
    assert "Undo" not in admin.get(case.path).text.partition('id="toasts"')[2]


@pytest.mark.parametrize(
    ("of", "command"),
    [(of_blocked_user, "unblock"), (of_blocked, "unblock"), (of_closed, "reopen")],
)
def test_what_somebody_decided_for_a_reason_is_not_decided_anew(site, admin, of, command):
    case = of(site.crm)
    asked = f"{case.path}/{command}"
    seen = {"version": str(case.read().version), "reason": "It was a mistake"}
    assert submit(admin, asked, asked, **seen).status_code == 303
    assert "Undo" not in admin.get(case.path).text.partition('id="toasts"')[2]


def test_a_hold_that_was_lifted_is_not_placed_anew_as_another(site, admin):
    case = of_contract(site.crm)
    held = site.crm.contracts.suspend(case.read().id, hold=HoldKind.FRAUD, reason="Watched")
    asked = f"{case.path}/resume"
    done = submit(admin, asked, asked, version=str(held.version), hold="fraud")
    assert done.status_code == 303, done.text
    assert "Undo" not in admin.get(case.path).text.partition('id="toasts"')[2]
