"""What guards every page: tokens of forms, headers of answers, and no path out of its folder."""

import re
from copy import copy

import pytest

from telecom_crm.adapters.memory.store import Table
from telecom_crm.entrypoints.http.access import Public, rule_of
from tests.integration.crawling import crawl
from tests.integration.http_service import nowhere, path_to, routes_of
from tests.integration.test_web import admin, site, token_on
from tests.integration.test_web_my import contracts
from tests.people import PASSWORD

__all__ = ["admin", "site"]

TRICKS = [
    "/static/../app.py",
    "/static/%2e%2e/app.py",
    "/static/%2e%2e%2fapp.py",
    "/static/..%2f..%2fapp.py",
    "/static/..%5c..%5capp.py",
    "/static/%252e%252e/app.py",
    "/static//etc/passwd",
    "/static/fonts/../../app.py",
    "/static/%00app.css",
    "/static/app.css%00.txt",
]


@pytest.fixture(scope="module")
def subscriber(site):
    browser, contract = site.browser(), contracts(site)[0]
    site.crm.self_care.set_password(contract.customer_id, password=PASSWORD)
    path = "/my/login/password"
    sent = {"csrf": token_on(browser, path), "contract": contract.number, "password": PASSWORD}
    assert browser.post(path, data=sent).headers["location"] == "/my"
    return browser


def test_nothing_acts_without_the_token_of_ones_own_pages(site, admin, subscriber):
    """The token of another session, of nobody's, and one that somebody made up are none."""
    known, tried = str(site.customer.id), 0
    stranger = token_on(site.browser("operator"), "/prefs")
    for method, path, handler in routes_of(pages=True):
        if method == "GET":
            continue
        browser = subscriber if path.startswith("/my") else admin
        if isinstance(rule_of(handler), Public):
            browser = site.browser()
        real = path_to(path, known).replace("{command:str}", "block")
        for fields in ({}, {"csrf": ""}, {"csrf": "00" * 32}, {"csrf": stranger}):
            answer = browser.request(method, real, data=fields)
            assert answer.status_code == 403, (method, path, fields)
        tried += 1
    assert tried > 60
    assert admin.get("/console").status_code == 200, "still signed in"
    assert subscriber.get("/my").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://crm.example.org.evil.example"},
        {"Origin": "https://crm.example.org:8443"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=lambda one: "".join(one.values()),
)
def test_nothing_acts_for_another_site_even_with_ones_own_token(site, admin, subscriber, headers):
    known, mine = str(site.customer.id), {}
    for browser in (admin, subscriber):
        mine[browser] = token_on(browser, "/prefs" if browser is admin else "/my")
    before = state_of(site)
    for method, path, _ in routes_of(pages=True):
        if method == "GET":
            continue
        browser = subscriber if path.startswith("/my") else admin
        real = path_to(path, known).replace("{command:str}", "block")
        answer = browser.request(method, real, data={"csrf": mine[browser]}, headers=headers)
        assert answer.status_code == 403, (method, path)
    assert state_of(site) == before


def state_of(site):
    """Return all that is kept, but for when somebody was last seen and who looked at what."""
    with site.crm.uow(read_only=True) as tx:
        kept = vars(tx.store)
        tables = {
            name: dict(one.rows)
            for name, one in kept.items()
            if isinstance(one, Table) and name not in ("sessions", "tokens")
        }
        of_store = {name: copy(kept[name]) for name in ("keys", "rules", "series", "positions")}
        return tables, of_store, len(tx.store.journal.entries), len(tx.store.events.all)


def test_looking_changes_nothing(site, admin, subscriber):
    """Whatever a link leads to can be loaded ahead, twice, or by who only means to look."""
    before = state_of(site)
    consoles = crawl(
        admin,
        "/console",
        kind_of=lambda address: re.sub(r"[0-9a-f-]{36}|\d{6,}|[^/]*\?.*", "*", address),
        most_of_a_kind=2,
    )
    assert len(consoles.links) > 60
    assert len(crawl(subscriber, "/my").links) > 15
    assert state_of(site) == before
    _, secret = site.crm.access.create_token(name="looks", role="admin")
    bearer = {"Authorization": f"Bearer {secret}"}
    before, found = state_of(site), 0
    for method, path, _ in routes_of():
        if method != "GET" or path.endswith("/events"):  # an import's progress has no end
            continue
        area, _, rest = path.partition("/{")
        one = first_of(site, area, bearer) if rest else ""
        answer = site.browser().get(path_to(path, one), headers=bearer)
        found += answer.status_code == 200
    assert found > 60
    assert state_of(site) == before


def first_of(site, area, bearer):
    """Return what names the first thing of a list of the API, or an id of nothing."""
    listed = site.browser().get(area, headers=bearer)
    things = listed.json().get("items", []) if listed.status_code == 200 else []
    names = [
        one for one in ("id", "iccid", "msisdn", "code", "name") if things and one in things[0]
    ]
    return str(things[0][names[0]]) if names else str(nowhere())


def test_every_answer_says_how_it_is_to_be_treated(site, admin, subscriber):
    known = str(site.customer.id)
    for method, path, _ in routes_of(pages=True):
        real = path_to(path, known).replace("{command:str}", "block")
        for browser in (admin, subscriber, site.browser()):
            headers = browser.request(method, real).headers
            assert headers["x-content-type-options"] == "nosniff", (method, path)
            own = not path.startswith(("/static/", "/brand.css"))
            assert not own or headers["cache-control"] == "no-store", path
            if "html" in headers.get("content-type", ""):
                assert headers["content-security-policy"].startswith("default-src 'none'"), path
                assert "unsafe" not in headers["content-security-policy"], path
                assert "frame-ancestors 'none'" in headers["content-security-policy"], path
                assert headers["x-frame-options"] == "DENY", path
                assert headers["strict-transport-security"], path
                assert headers["referrer-policy"] == "same-origin", path


def test_a_session_opens_nothing_of_the_api(site, admin, subscriber):
    """Its routes ask for no token of a form, so that a cookie, sent by itself, must not do."""
    for method, path, handler in routes_of():
        if not isinstance(rule_of(handler), Public):
            for browser in (admin, subscriber):
                assert browser.request(method, path_to(path)).status_code == 401, (method, path)


def test_no_answer_of_any_route_is_to_be_guessed_at(site, admin):
    routes = [(method, path_to(path)) for method, path, _ in routes_of()]
    nowhere = [("GET", path) for path in ("/nothing", "/static/nothing.css", "/static/app.css")]
    for method, path in (*routes, *nowhere):
        headers = admin.request(method, path).headers
        assert headers["x-content-type-options"] == "nosniff", (method, path)
        assert path == "/static/app.css" or headers["cache-control"] == "no-store", (method, path)


@pytest.mark.parametrize("path", TRICKS)
def test_no_path_leads_out_of_what_is_static(admin, path):
    answer = admin.get(path)
    assert answer.status_code in (400, 404)
    assert "import" not in answer.text
    assert "root:" not in answer.text
