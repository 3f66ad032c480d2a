"""Pages over HTTP: who may see which, what guards them, what they say when something is wrong."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import attrs
import pyotp
import pytest
from litestar.testing import TestClient

import telecom_crm
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.role import BUILT_IN_ROLES, Action, Area, Role
from telecom_crm.entrypoints import demo
from telecom_crm.entrypoints.http.access import Permission, Public, rule_of
from telecom_crm.entrypoints.http.app import create_app
from telecom_crm.entrypoints.http.web.cookies import SESSION
from tests.integration.http_service import nowhere, path_to, routes_of
from tests.people import PASSWORD, QUICK, hire

SITE = "https://crm.example.org"
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


@attrs.define
class Site:
    """The service, and browsers at it."""

    app: Any
    crm: telecom_crm.Crm

    def browser(self, login: str | None = None, **headers: str) -> TestClient[Any]:
        """Return a browser, signed in where a login is given."""
        client = TestClient(self.app, base_url=SITE, raise_server_exceptions=False)
        client.follow_redirects = False
        client.headers.update({"Accept-Language": "en"} | headers)
        if login:
            answer = submit(client, "/login", "/login", login=login, password=PASSWORD)
            assert answer.status_code == 303, answer.text
        return client

    @property
    def customer(self) -> Customer:
        return next(iter(self.crm.customers.each()))


def token_on(client: TestClient[Any], path: str) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', client.get(path).text)
    assert found, path
    return found[1]


PNG = b"\x89PNG\r\n\x1a\n of a mast"


def submit(client: TestClient[Any], shown: str, to: str, files: Any = None, **fields: Any):
    """Send a form as the page shown has it."""
    return client.post(to, data={"csrf": token_on(client, shown), **fields}, files=files)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with telecom_crm.in_memory(gateways=demo.GATEWAYS, passwords=QUICK) as crm:
        demo.load(crm)
        demo.load_subscribers(crm, count=25)
        hire(crm)
        yield Site(create_app(crm), crm)


@pytest.fixture(scope="module")
def admin(site):
    return site.browser("admin")


def test_who_wants_to_be_kept_is_and_who_cannot_come_in_is_answered_the_same(site):
    browser = site.browser()
    fields = {"login": "admin", "password": PASSWORD}
    short = submit(browser, "/login", "/login", **fields).headers["set-cookie"]
    assert "max-age" not in short.lower()
    kept = submit(site.browser(), "/login", "/login", **fields, keep="true").headers["set-cookie"]
    assert "max-age=43200" in kept.lower()
    page = browser.get("/console").text
    left = re.search(r'id="still" data-seconds="(\d+)"', page)
    assert left
    assert 1700 < int(left[1]) <= 1800
    part = browser.get("/console/me/still", headers=HTMX).text
    assert part.lstrip().startswith("<dialog")
    path = "/password/forgot"
    answers = {
        submit(site.browser(), path, path, login=login).text.partition("<main")[2]
        for login in ("admin", "nobody at all")
    }
    assert len(answers) == 1
    assert "If there is such a login" in answers.pop()


def test_too_many_tries_say_for_how_long(site):
    browser = site.browser()
    for _ in range(5):
        submit(browser, "/login", "/login", login="locked", password="wrong")
    locked = submit(browser, "/login", "/login", login="locked", password="wrong")
    assert (locked.status_code, "Try again in 15 minutes<" in locked.text) == (429, True)


def test_the_bare_address_leads_a_browser_to_the_console(site):
    led = site.browser(Accept="text/html,*/*;q=0.8").get("/")
    assert (led.status_code, led.headers["location"]) == (303, "/console")
    assert site.browser(Accept="application/json").get("/").status_code == 404


# Rules


def test_every_page_has_a_rule(site):
    for method, path, handler in routes_of(pages=True):
        rule = rule_of(handler)
        assert rule is not None, f"{method} {path} has no rule"
        assert isinstance(rule, Permission) or rule.why


@pytest.mark.parametrize("role", BUILT_IN_ROLES.values(), ids=BUILT_IN_ROLES)
def test_every_page_obeys_its_rule_for_every_role(site, role):
    browser = site.browser(role.name)
    known = str(site.customer.id)
    for method, path, handler in routes_of(pages=True):
        rule = rule_of(handler)
        if not isinstance(rule, Permission):
            continue
        real = path_to(path, known).replace("{command:str}", "block")
        token = token_on(browser, "/prefs")
        answer = browser.request(method, real, headers={"x-csrftoken": token})
        assert (answer.status_code == 403) != role.may(rule.area, rule.action), (path, role.name)


def test_guests_are_led_to_the_sign_in_and_from_there_back(site):
    browser = site.browser()
    for method, path, handler in routes_of(pages=True):
        if method == "GET" and not isinstance(rule_of(handler), Public):
            answer = browser.get(path_to(path))
            assert answer.status_code == 303, path
            door = "/my/login?next=/my" if path.startswith("/my") else "/login?next=/console"
            assert answer.headers["location"].startswith(door), path
    answer = browser.get("/console/customers?q=a", headers=HTMX)
    assert (answer.status_code, "/login" in answer.headers["hx-redirect"]) == (401, True)
    target = "/console/customers?status=active"
    done = submit(browser, "/login", "/login", login="admin", password=PASSWORD, next=target)
    assert done.headers["location"] == target


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/\\evil", "x", "\n/"])
def test_nobody_is_led_elsewhere(site, path):
    browser = site.browser()
    done = submit(browser, "/login", "/login", login="admin", password=PASSWORD, next=path)
    assert done.headers["location"] == "/console"


# Pages


def test_every_page_has_one_heading_a_title_and_a_language(site):
    known = str(site.customer.id)
    for language in ("en", "ru", "ky"):
        browser = site.browser("admin", **{"Accept-Language": language})
        for method, path, _ in routes_of(pages=True):
            if method != "GET":
                continue
            answer = browser.get(path_to(path, known).replace("{command:str}", "block"))
            if answer.status_code == 303 or "html" not in answer.headers["content-type"]:
                continue
            real = answer.text
            assert len(re.findall("<h1", real)) == 1, path
            assert f'<html lang="{language}"' in real, path
            assert re.search("<title>[^·<]+ · ", real), path
            shown = answer.headers["x-app-version"]
            assert f'name="app-version" content="{shown}"' in real, path
            assert not re.search(r'style="|hx-on|onclick=|<script>', real), path


def test_a_fragment_is_the_part_of_the_page(admin):
    whole, part = admin.get("/console/customers"), admin.get("/console/customers", headers=HTMX)
    assert part.text.strip().startswith('<section class="card" id="customers"')
    assert "<html" in whole.text
    assert "<html" not in part.text
    restored = {**HTMX, "HX-History-Restore-Request": "true"}
    assert "<html" in admin.get("/console/customers", headers=restored).text


def test_pages_say_how_they_are_to_be_treated(admin):
    answer = admin.get("/console/customers")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert {"Cookie", "HX-Request"} <= set(answer.headers["vary"].split(", "))
    assert answer.headers["strict-transport-security"]


def test_the_list_goes_on_by_cursor_and_back_to_its_beginning(admin):
    first = admin.get("/console/customers").text
    onward = re.search(r'href="(/console/customers\?cursor=[^"]+)"', first)
    assert onward
    second = admin.get(onward[1].replace("&amp;", "&")).text
    assert len(re.findall("<tr data-row", second)) == 5
    assert "To the beginning" in second


@pytest.mark.parametrize(
    "query", ["?cursor=zzz", "?status=none", "?size=7", "?q=%00", "?q=" + "x" * 999]
)
def test_an_address_without_sense_shows_a_list_all_the_same(admin, query):
    assert admin.get(f"/console/customers{query}").status_code == 200


def test_hostile_names_are_text(site, admin):
    name = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    made = site.crm.customers.register(name=name, email="x@example.org")
    for path in (f"/console/customers/{made.id}", "/console/customers", "/console/find?q=alert"):
        text = admin.get(path).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "&lt;script&gt;" in text


# Forms


def test_a_form_without_its_token_is_refused(site, admin):
    path = f"/console/customers/{site.customer.id}/notes"
    before = site.customer.notes
    for token in ("", "00" * 32, "x"):
        assert admin.post(path, data={"csrf": token, "text": "no"}).status_code == 403
    assert admin.post(path, data={"text": "no"}).status_code == 403
    theirs = token_on(site.browser("operator"), "/prefs")
    assert admin.post(path, data={"csrf": theirs, "text": "no"}).status_code == 403
    ours = token_on(admin, "/prefs")
    elsewhere = {"Origin": "https://evil.example"}
    assert admin.post(path, data={"csrf": ours, "text": "no"}, headers=elsewhere).status_code == 403
    assert site.customer.notes == before


def test_a_note_is_kept_and_said_once(site, admin):
    path = f"/console/customers/{site.customer.id}"
    done = submit(admin, path, f"{path}/notes", text="Calls in the evening — кечинде")
    assert (done.status_code, done.headers["location"]) == (303, path)
    assert "Note saved" in admin.get(path).text
    again = admin.get(path).text
    assert "Note saved" not in again
    assert "Calls in the evening — кечинде" in again


def test_a_fault_shows_the_form_again_with_what_was_typed(site, admin):
    path = f"/console/customers/{site.customer.id}"
    answer = submit(admin, path, f"{path}/notes", text="y" * 1001)
    assert answer.status_code == 422
    assert "y" * 1001 in answer.text
    assert "<title>Error:" in answer.text
    assert 'href="#f-text"' in answer.text


def test_an_old_page_is_told_that_it_is_old(site, admin):
    path = f"/console/customers/{site.customer.id}"
    answer = submit(admin, path, f"{path}/block", reason="why", version="1")
    assert answer.status_code == 409
    assert "Somebody changed this in the meantime" in answer.text


def test_who_meant_to_change_what_others_changed_reads_what_and_by_whom(site, admin):
    one = site.crm.customers.register(name="Somebody")
    path = f"/console/customers/{one.id}"
    shown = token_on(admin, path)
    senior = site.browser("senior_operator")
    submit(senior, path, f"{path}/block", reason="why", version=str(one.version))
    answer = admin.post(
        f"{path}/block", data={"csrf": shown, "reason": "why", "version": str(one.version)}
    )
    told = answer.text.partition("data-errors")[2].partition("</ul>")[0]
    assert answer.status_code == 409
    assert "Customer blocked" in told
    assert "The senior_operator" in told
    assert re.search("<del>[^<]+</del> → <ins>Blocked</ins>", told)
    assert told.count("<li>") == 1


def test_what_others_changed_is_told_by_its_last_to_who_may_read_it(site, admin):
    one = site.crm.customers.register(name="Changed often")
    for number in range(6):
        site.crm.customers.add_note(one.id, text=f"Note {number}")
    site.crm.customers.block(one.id, reason="why")
    role = Role(name="blocker", title="Blocker", grants={Area.CUSTOMERS: frozenset({Action.WRITE})})
    site.crm.rules.create_role(role)
    _, secret = site.crm.users.invite(login="blocker", name="Blocker", role="blocker")
    site.crm.users.accept(secret, password=PASSWORD)
    path = f"/console/customers/{one.id}/block"
    for browser, lines in ((admin, 5), (site.browser("blocker"), 0)):
        answer = submit(browser, "/prefs", path, reason="why", version=str(one.version))
        told = answer.text.partition("data-errors")[2].partition("</form>")[0]
        assert (answer.status_code, "Somebody changed this" in told) == (409, True)
        assert (told.count("<li>"), "Customer blocked" in told) == (lines, lines > 0)


def test_who_may_not_reads_which_right_it_takes_and_who_gives_it(site):
    cashier, guest = site.browser("cashier"), site.browser()
    page = cashier.get("/console/audit")
    told = dict(re.findall("<dt>([^<]+)</dt><dd>([^<]+)</dd>", page.text))
    assert page.status_code == 403
    assert told == {"Missing right": "Audit log: See", "Who can give it": "Administrator"}
    part = cashier.get("/console/audit", headers=HTMX)
    assert "Missing right: Audit log: See" in part.text
    assert "Missing right" not in guest.get("/console/audit").text


def test_htmx_is_sent_on_by_its_own_header(site, admin):
    path = f"/console/customers/{site.customer.id}"
    token = token_on(admin, path)
    done = admin.post(f"{path}/notes", data={"text": "one"}, headers={**HTMX, "x-csrftoken": token})
    assert (done.status_code, done.headers["hx-redirect"]) == (200, path)


# Sessions and likings


def test_the_cookie_of_a_session_is_bound_to_the_host(site):
    browser = site.browser()
    done = submit(browser, "/login", "/login", login="admin", password=PASSWORD)
    cookie = next(
        line
        for name, line in done.headers.multi_items()
        if name == "set-cookie" and SESSION["console"] in line.split("=")[0]
    )
    assert cookie.startswith("__Host-console=")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))


def test_signing_out_ends_the_session(site):
    browser = site.browser("admin")
    kept = dict(browser.cookies)
    submit(browser, "/prefs", "/logout")
    browser.cookies.update(kept)
    assert browser.get("/console/customers").status_code == 303


def test_a_wrong_password_says_nothing_more(site):
    wrong = [
        submit(site.browser(), "/login", "/login", login=login, password="nonsense")
        for login in ("admin", "nobody")
    ]
    assert {one.status_code for one in wrong} == {401}
    shown = [re.sub(r'value="[^"]*"|content="[0-9a-f]{64}"', "", one.text) for one in wrong]
    assert shown[0] == shown[1]
    assert "nonsense" not in wrong[0].text


def test_language_follows_the_visitor_then_the_cookie_then_the_browser(site):
    browser = site.browser(**{"Accept-Language": "fr, ru;q=0.8, en;q=0.1"})
    assert '<html lang="ru"' in browser.get("/login").text
    submit(browser, "/login", "/prefs", language="ky")
    assert '<html lang="ky"' in browser.get("/login").text
    submit(browser, "/login", "/prefs", language="tlh")
    assert '<html lang="ky"' in browser.get("/login").text
    browser = site.browser("operator", **{"Accept-Language": "en"})
    submit(browser, "/prefs", "/prefs", language="ru", theme="dark")
    shown = site.browser("operator", **{"Accept-Language": "en"}).get("/prefs").text
    assert '<html lang="ru" data-theme="dark"' in shown
    submit(browser, "/prefs", "/prefs", language="en", theme="auto")


def test_a_toast_that_somebody_made_up_is_text_or_nothing(site):
    browser = site.browser("admin")
    for raw in (b"nonsense", json.dumps(["<b>x</b>", "odd"]).encode(), b"[1]", b"\xff"):
        browser.cookies.set("__Host-flash", base64.urlsafe_b64encode(raw).decode())
        answer = browser.get("/console/customers")
        assert answer.status_code == 200
        assert "<b>x</b>" not in answer.text


# What is in the way


@pytest.mark.parametrize("path", ["/console/nothing", f"/console/customers/{nowhere()}", "/my/x"])
def test_what_is_not_there_is_a_page(admin, path):
    answer = admin.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "Nothing is here" in answer.text


def test_the_api_answers_as_before(site):
    answer = site.browser().get("/customers")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_part_that_fails_is_a_toast(admin):
    answer = admin.get(f"/console/customers/{nowhere()}", headers=HTMX)
    assert answer.status_code == 404
    assert answer.headers["hx-retarget"] == "#toasts"
    assert answer.text.strip().startswith('<div class="toast"')


# The second step


def test_the_second_step_makes_the_session_whole_under_a_new_secret(site):
    user = next(one for one in site.crm.users.each() if one.login == "support")
    begun, _ = site.crm.users.begin_second_step(user.id)
    codes = pyotp.TOTP(begun.totp_secret)
    at = site.crm.clock()
    _, recovery = site.crm.users.confirm_second_step(user.id, code=codes.at(at))

    browser = site.browser()
    done = submit(browser, "/login", "/login", login="support", password=PASSWORD, next="/prefs")
    assert done.headers["location"] == "/login/code?next=/prefs"
    half = browser.cookies["__Host-console"]
    assert browser.get("/console/customers").status_code == 303
    wrong = submit(browser, "/login/code", "/login/code", code="000000", next="/prefs")
    assert wrong.status_code == 401
    assert "The code is wrong or out of date" in wrong.text
    done = submit(browser, "/login/code", "/login/code", code=recovery[0], next="/prefs")
    assert (done.status_code, done.headers["location"]) == (303, "/prefs")
    assert browser.cookies["__Host-console"] != half
    assert browser.get("/console/customers").status_code == 200
    site.crm.users.drop_second_step(user.id, password=PASSWORD)


def test_the_list_can_be_read_from_its_beginning_or_its_end(admin):
    def names(query: str) -> list[str]:
        return re.findall(r'font-medium">([^<]+)</span></a></td>', admin.get(query).text)

    newest = names("/console/customers?size=100")
    oldest = names("/console/customers?size=100&sort=up")
    assert len(newest) >= 25
    assert oldest == newest[::-1]
