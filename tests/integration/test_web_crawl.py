"""Whatever one visitor saw, asked for by another: every link and every form that led on."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

import telecom_crm
from telecom_crm.application.contracts.amending import When
from telecom_crm.application.ports import Payer, Query
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import PaymentMethod
from telecom_crm.domain.role import BUILT_IN_ROLES
from telecom_crm.entrypoints import demo
from telecom_crm.entrypoints.http.access import Own, Permission, Public, rule_of
from telecom_crm.entrypoints.http.app import create_app
from telecom_crm.entrypoints.http.limits import Limits
from tests.integration.crawling import Sent, crawl, naming
from tests.integration.http_service import path_to, routes_of
from tests.integration.test_web import PNG, Site, token_on
from tests.integration.test_web_my import contracts
from tests.people import PASSWORD, QUICK, hire

DENIED = (403, 404)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with telecom_crm.in_memory(gateways=demo.GATEWAYS, passwords=QUICK) as crm:
        demo.load(crm)
        hire(crm)
        yield Site(create_app(crm, limits=Limits(refused_per_minute=100_000)), crm)


def subscriber(site: Site, contract: Any) -> Any:
    """Return a browser of a contract's subscriber."""
    browser = site.browser()
    path = "/my/login/password"
    sent = {"csrf": token_on(browser, path), "contract": contract.number, "password": PASSWORD}
    assert browser.post(path, data=sent).headers["location"] == "/my"
    return browser


@pytest.fixture(scope="module")
def two(site) -> tuple[Any, Any]:
    """Two subscribers; the first has one of everything, and is signed in twice."""
    first, second, *_ = contracts(site)
    for one in (first, second):
        site.crm.self_care.set_password(one.customer_id, password=PASSWORD)
    pay = site.crm.payments.take
    for gateway, amount in (("cash_desk", "70.00"), ("simulator", "100.02")):
        pay(
            payer=Payer(account_id=first.account_id),
            amount=Money.parse(amount, "KGS"),
            method=PaymentMethod.CARD,
            gateway=gateway,
        )
    asked = {"customer_id": first.customer_id, "subject": "A secret of the first"}
    site.crm.tickets.create(**asked, file=("secret.png", [PNG]))
    site.crm.contracts.amend(first.id, options=["DATA10"], when=When.NEXT_PERIOD)
    subscriber(site, first)
    return subscriber(site, first), subscriber(site, second)


def state_of(site: Site, contract: Any) -> Any:
    """Return all of a subscriber's that could have been changed."""
    crm, owner = site.crm, contract.customer_id
    where = {"customer_id": str(owner)}
    return (
        crm.customers.get(owner),
        list(crm.contracts.each(**where)),
        [state.balance for state in crm.accounts.states(Query(where=where)).items],
        list(crm.payments.each(account_id=str(contract.account_id))),
        [(one.version, one.comments) for one in crm.tickets.each(**where)],
        [one.id for one in crm.self_care.sessions(owner)],
        crm.inventory.sim(contract.iccid).version,
    )


def marks_of(site: Site, contract: Any) -> list[str]:
    """Return what would give a subscriber away on a page of somebody else's."""
    customer = site.crm.customers.get(contract.customer_id)
    account = site.crm.accounts.get(contract.account_id).account
    tail = contract.msisdn.digits[-6:]
    phone = f"{tail[:3]}\xa0{tail[3:]}"
    return [contract.number, account.number, str(customer.email), phone, "A secret of the first"]


def send(browser: Any, form: Sent) -> Any:
    fields = {"csrf": token_on(browser, "/my"), **dict(form.fields)}
    return browser.post(form.path, data=fields)


def test_what_one_subscriber_saw_another_does_not_find(site, two):
    mine, theirs = two
    first = contracts(site)[0]
    seen, marks = crawl(mine, "/my"), marks_of(site, first)
    assert {one.status_code for one in seen.links.values()} <= {200, 303}
    shown = " ".join(one.text for one in seen.links.values() if b"%PDF" not in one.content[:8])
    assert [mark for mark in marks if mark not in shown] == [], "the crawl comes everywhere"
    named = list(naming(seen))
    assert {re.sub(r"[0-9a-f-]{36}.*", "", one) for one in named} >= {
        "/my/payments/",
        "/my/tickets/",
        "/my/profile/contracts/",
        "/my/tariff?contract=",
        "/my/options?contract=",
        "/my/sim?contract=",
        "/my/change?contract=",
        "/my/sim/block?contract=",
    }
    before = state_of(site, first)
    for address in seen.links:
        answer = theirs.get(address)
        if address in named:
            assert answer.status_code in DENIED, address
        assert [mark for mark in marks if mark in answer.text] == [], address
    assert state_of(site, first) == before


def test_what_one_subscriber_could_send_another_cannot(site, two):
    mine, theirs = two
    first = contracts(site)[0]
    seen, marks = crawl(mine, "/my"), marks_of(site, first)
    forms = [one for one in seen.forms if one.names_a_thing]
    assert {re.sub(r"[0-9a-f-]{36}", "*", one.path) for one in forms} >= {
        "/my/change",
        "/my/change/undo",
        "/my/sim",
        "/my/sim/block",
        "/my/tickets/*",
        "/my/tickets/*/files/*",
        "/my/profile/sessions/*/end",
    }
    before = state_of(site, first)
    for form in forms:
        answer = send(theirs, form)
        assert answer.status_code in DENIED, form
        assert [mark for mark in marks if mark in answer.text] == [], form
    assert state_of(site, first) == before


def test_a_subscriber_s_session_opens_nothing_of_the_operator_s(site, two):
    browser, _ = two
    secret = browser.cookies["__Host-my"]
    stranger = site.browser()
    stranger.cookies.set("__Host-console", secret)
    for method, path, handler in routes_of(pages=True):
        if path.startswith("/my") or isinstance(rule_of(handler), Public):
            continue
        answer = stranger.request(method, path_to(path).replace("{command:str}", "block"))
        assert answer.status_code == 303, (method, path)
        assert answer.headers["location"].startswith("/login"), (method, path)
    for method, path, handler in routes_of():
        if isinstance(rule_of(handler), Public):
            continue
        for headers in ({"Authorization": f"Bearer {secret}"}, {}):
            answer = browser.request(method, path_to(path), headers=headers)
            assert answer.status_code == 401, (method, path)


def test_staff_and_tokens_open_nothing_of_self_care(site):
    staff = site.browser("admin").cookies["__Host-console"]
    _, token = site.crm.access.create_token(name="t", role="admin")
    for secret in (staff, token):
        stranger = site.browser()
        stranger.cookies.set("__Host-my", secret)
        for method, path, handler in routes_of(pages=True):
            if not path.startswith("/my") or isinstance(rule_of(handler), Public):
                continue
            answer = stranger.request(method, path_to(path))
            assert answer.status_code == 303, (method, path)
            assert answer.headers["location"].startswith("/my/login"), (method, path)
    stranger = site.browser()
    stranger.cookies.set("__Host-console", token)
    assert stranger.get("/console/customers").headers["location"].startswith("/login")


def handler_at(method: str, address: str) -> Any:
    """Return what answers at an address: its template and its handler."""
    path = address.partition("?")[0].rstrip("/") or "/"
    found = [
        (":path}" in template, template.count("{"), template, handler)
        for verb, pattern, template, handler in patterns()
        if verb == method and pattern.fullmatch(path)
    ]
    assert found, address
    return min(found, key=lambda one: one[:3])[2:]


@cache
def patterns() -> list[tuple[str, re.Pattern[str], str, Any]]:
    """Return the pages, each with what its addresses look like."""
    return [
        (verb, re.compile(re.sub(r"\{\w+:(\w+)\}", lambda one: PARTS[one[1]], path)), path, handler)
        for verb, path, handler in routes_of(pages=True)
    ]


PARTS = {"uuid": r"[0-9a-f-]{36}", "str": r"[^/]+", "int": r"\d+", "path": r".+"}


@pytest.mark.parametrize("name", [one for one in BUILT_IN_ROLES if one != "admin"])
def test_what_an_administrator_saw_each_role_gets_as_its_rights_say(site, name):
    seen = crawl(
        site.browser("admin"),
        "/console",
        kind_of=template_of,
        most_of_a_kind=2,
    )
    assert len(seen.links) > 40
    browser, role = site.browser(name), BUILT_IN_ROLES[name]
    for address in seen.links:
        expect(browser.get(address), handler_at("GET", address)[1], role, address)
    token = token_on(browser, "/prefs")
    for form in seen.forms:
        rule = rule_of(handler_at("POST", form.path)[1])
        if isinstance(rule, Permission) and not role.may(rule.area, rule.action):
            answer = browser.post(form.path, data={"csrf": token, **dict(form.fields)})
            assert answer.status_code == 403, form
        elif isinstance(rule, Own) and form.names_a_thing:
            answer = browser.post(form.path, data={"csrf": token, **dict(form.fields)})
            assert answer.status_code in DENIED, form


def template_of(address: str) -> str:
    try:
        return str(handler_at("GET", address)[0])
    except AssertionError:
        return address


def expect(answer: Any, handler: Any, role: Any, address: str) -> None:
    rule = rule_of(handler)
    if isinstance(rule, Permission):
        assert (answer.status_code == 403) != role.may(rule.area, rule.action), address
