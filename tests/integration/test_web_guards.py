"""What guards every page: tokens of forms, headers of answers, and no path out of its folder."""

import pytest

from telecom_crm.entrypoints.http.access import Public, rule_of
from tests.integration.http_service import path_to, routes_of
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
    for method, path, handler in routes_of(site.app, pages=True):
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


def test_every_answer_says_how_it_is_to_be_treated(site, admin, subscriber):
    known = str(site.customer.id)
    for method, path, _ in routes_of(site.app, pages=True):
        real = path_to(path, known).replace("{command:str}", "block")
        for browser in (admin, subscriber, site.browser()):
            headers = browser.request(method, real).headers
            assert headers["x-content-type-options"] == "nosniff", (method, path)
            if "html" in headers.get("content-type", ""):
                assert headers["content-security-policy"].startswith("default-src 'none'"), path
                assert "unsafe" not in headers["content-security-policy"], path
                assert headers["cache-control"] == "no-store", path
                assert headers["strict-transport-security"], path
                assert headers["referrer-policy"] == "same-origin", path


def test_no_answer_of_any_route_is_to_be_guessed_at(site, admin):
    routes = [(method, path_to(path)) for method, path, _ in routes_of(site.app)]
    nowhere = [("GET", path) for path in ("/nothing", "/static/nothing.css", "/static/app.css")]
    for method, path in (*routes, *nowhere):
        headers = admin.request(method, path).headers
        assert headers["x-content-type-options"] == "nosniff", (method, path)


@pytest.mark.parametrize("path", TRICKS)
def test_no_path_leads_out_of_what_is_static(admin, path):
    answer = admin.get(path)
    assert answer.status_code in (400, 404)
    assert "import" not in answer.text
    assert "root:" not in answer.text
