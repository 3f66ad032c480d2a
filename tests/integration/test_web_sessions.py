"""Sessions of browsers: how they begin and end, that none is forged, and how often one guesses."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from litestar.testing import TestClient

import telecom_crm
from telecom_crm.application.access.signing_in import GUESSES, GUESSES_OF_ADDRESS
from telecom_crm.domain.session import IDLE, LONGEST
from telecom_crm.entrypoints import demo
from telecom_crm.entrypoints.http.app import create_app
from telecom_crm.entrypoints.http.limits import Limits
from tests.integration.test_web import Site, submit, token_on
from tests.integration.test_web_my import contracts
from tests.people import PASSWORD, QUICK, hire
from tests.unit.conftest import TestClock

FACES = ("console", "my")
LOGIN = {"console": "/login", "my": "/my/login/password"}
PLANTED = "tcss_" + "A" * 43
"""The secret of a session that an attacker would know."""
ELSEWHERE = ("https://evil.example/a", "//evil.example", "/\\evil.example", "javascript:alert(1)")


@pytest.fixture(scope="module")
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(scope="module")
def site(clock: TestClock) -> Iterator[Site]:
    with telecom_crm.in_memory(gateways=demo.GATEWAYS, passwords=QUICK, clock=clock) as crm:
        demo.load(crm)
        demo.load_subscribers(crm, count=1)
        hire(crm)
        site = Site(create_app(crm), crm)
        crm.self_care.set_password(contracts(site)[0].customer_id, password=PASSWORD)
        yield site


def enter(site: Site, browser: Any, face: str, **typed: str) -> Any:
    """Send the form of a face's door."""
    who = {"login": "operator"} if face == "console" else {"contract": contracts(site)[0].number}
    return submit(browser, LOGIN[face], LOGIN[face], **{**who, "password": PASSWORD, **typed})


def entered(site: Site, face: str) -> Any:
    browser = site.browser()
    assert enter(site, browser, face).status_code == 303
    assert is_in(browser, face)
    return browser


def is_in(browser: Any, face: str) -> bool:
    """Tell whether a browser is shown what only somebody who is signed in is."""
    answer = browser.get(f"/{face}")
    assert answer.status_code in (200, 303)
    return bool(answer.status_code == 200)


def secret_of(browser: Any, face: str) -> str:
    return str(browser.cookies[f"__Host-{face}"])


def with_secret(site: Site, face: str, secret: str) -> Any:
    """Return a browser that sends a secret along, however it came by it."""
    browser = site.browser()
    browser.cookies.set(f"__Host-{face}", secret, domain="crm.example.org")
    return browser


# Beginnings


@pytest.mark.parametrize("face", FACES)
def test_a_secret_that_was_known_before_the_sign_in_opens_nothing_after_it(site, face):
    """Session fixation: who signs in gets a secret of its own, whatever their browser sent."""
    victim = with_secret(site, face, PLANTED)
    assert not is_in(victim, face)
    assert enter(site, victim, face).status_code == 303
    assert secret_of(victim, face) != PLANTED
    assert is_in(victim, face)
    assert not is_in(with_secret(site, face, PLANTED), face)
    before = secret_of(victim, face)
    again = with_secret(site, face, before)
    assert enter_anew(site, again, face).status_code == 303
    assert secret_of(again, face) != before
    assert not is_in(with_secret(site, face, before), face), "it is replaced, not joined"


def enter_anew(site: Site, browser: Any, face: str) -> Any:
    """Send the form of the door once more, signed in already."""
    token = token_on(browser, "/prefs" if face == "console" else "/my")
    who = {"login": "operator"} if face == "console" else {"contract": contracts(site)[0].number}
    return browser.post(LOGIN[face], data={"csrf": token, "password": PASSWORD, **who})


def test_every_cookie_is_bound_to_the_host_and_hidden_from_scripts(site):
    browser = site.browser()
    phone = str(contracts(site)[0].msisdn)
    answers = [browser.get("/login")]
    answers += [enter(site, browser, face) for face in FACES]
    answers.append(submit(browser, "/prefs", "/prefs", language="ru", theme="dark"))
    answers.append(submit(site.browser(), "/my/login", "/my/login", phone=phone))
    answers.append(submit(browser, "/prefs", "/logout"))
    set_now = [one for answer in answers for one in answer.headers.get_list("set-cookie")]
    names = {one.partition("=")[0].removeprefix("__Host-") for one in set_now}
    assert names == {"seed", "console", "my", "language", "theme", "code-sent"}
    for one in set_now:
        assert one.startswith("__Host-"), one
        assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(one.split("; ")), one
        assert "domain=" not in one.lower(), one


def test_behind_a_proxy_that_ends_tls_pages_are_as_over_tls(site):
    """The service speaks plain http then: what the browser was sent by is the proxy's to tell."""
    behind = Site(create_app(site.crm, limits=Limits(proxies=("testclient",))), site.crm)

    def signed_in(behind: Site, told: str) -> Any:
        browser = TestClient(behind.app, base_url="http://crm.example.org")
        browser.follow_redirects = False
        browser.headers["X-Forwarded-Proto"] = told
        origin = {"Origin": "https://crm.example.org"}
        typed = {"login": "operator", "password": PASSWORD}
        sent = typed | {"csrf": token_on(browser, "/login")}
        browser.headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in browser.cookies.items())
        return browser.post("/login", data=sent, headers=origin)

    def cookie(answer: Any) -> str:
        (session,) = [c for c in answer.headers.get_list("set-cookie") if "console=" in c]
        return str(session)

    over_tls = cookie(signed_in(behind, "https"))
    assert over_tls.startswith("__Host-console=")
    assert "Secure" in over_tls
    assert cookie(signed_in(behind, "http")).startswith("console=")
    assert cookie(signed_in(site, "https")).startswith("console="), "anybody can say so"
    page = TestClient(behind.app).get("/login", headers={"X-Forwarded-Proto": "https"})
    assert page.headers["strict-transport-security"]


@pytest.mark.parametrize("face", FACES)
def test_nobody_is_signed_in_by_a_form_of_somebody_else(site, face):
    """Login CSRF: an attacker has a token of their own, and the victim's browser a seed of its."""
    attacker, victim = site.browser(), site.browser()
    token = token_on(attacker, LOGIN[face])
    victim.get(LOGIN[face])
    who = {"login": "operator"} if face == "console" else {"contract": contracts(site)[0].number}
    for headers in ({}, {"Origin": "null"}, {"Origin": "https://evil.example"}):
        sent = {"csrf": token, "password": PASSWORD, **who}
        answer = victim.post(LOGIN[face], data=sent, headers=headers)
        assert answer.status_code == 403
        assert f"__Host-{face}" not in victim.cookies
    ours = {"csrf": token_on(victim, LOGIN[face]), "password": PASSWORD, **who}
    assert victim.post(LOGIN[face], data=ours).status_code == 303


@pytest.mark.parametrize("to", ELSEWHERE)
def test_no_way_back_leads_to_another_site(site, to):
    operator = entered(site, "console")
    assert operator.get("/login", params={"next": to}).headers["location"] == "/console"
    token = token_on(operator, "/prefs")
    liked = operator.post("/prefs", data={"csrf": token}, headers={"Referer": to})
    assert liked.headers["location"] == "/console"
    path = f"/console/customers/{site.customer.id}"
    fields = {"csrf": token, "version": str(site.customer.version), "document_type": "passport"}
    fields["name"] = "Somebody Else"
    fields["reason"] = "Misspelt"
    saved = operator.post(f"{path}/edit", params={"back": to}, data=fields)
    assert (saved.status_code, saved.headers["location"]) == (303, path)
    mine = enter(site, site.browser(), "my", next=to)
    assert mine.headers["location"] == "/my"


def test_no_second_step_leads_to_another_site(site):
    user = site.crm.users.known_as("support")
    begun, _ = site.crm.users.begin_second_step(user.id)
    code = pyotp.TOTP(begun.totp_secret).at
    _, recovery = site.crm.users.confirm_second_step(user.id, code=code(site.crm.clock()))
    for to, once in zip(ELSEWHERE, recovery, strict=False):
        browser = site.browser()
        half = submit(browser, "/login", "/login", login="support", password=PASSWORD, next=to)
        assert half.headers["location"] == "/login/code?next=/console"
        shown = browser.get("/login/code", params={"next": to}).text
        assert 'name="next" value=""' in shown
        whole = submit(browser, "/login/code", "/login/code", code=once, next=to)
        assert whole.headers["location"] == "/console"


# Endings


@pytest.mark.parametrize("face", FACES)
def test_who_leaves_has_left_with_every_copy_of_the_cookie(site, face):
    browser = entered(site, face)
    kept = secret_of(browser, face)
    way = "/logout" if face == "console" else "/my/logout"
    token = token_on(browser, "/prefs" if face == "console" else "/my")
    gone = browser.post(way, data={"csrf": token})
    assert "max-age=0" in gone.headers["set-cookie"].lower()
    assert not is_in(with_secret(site, face, kept), face)


@pytest.mark.parametrize("how", ["block", "remove", "reset", "change_role"])
def test_what_an_admin_takes_away_is_gone_with_the_next_request(site, how):
    login = how.replace("_", "-")
    user, invitation = site.crm.users.invite(login=login, name=how, role="operator")
    site.crm.users.accept(invitation, password=PASSWORD)
    browser = site.browser()
    enter(site, browser, "console", login=login)
    assert browser.get("/console/contracts/new").status_code == 200
    more = {"role": "cashier"} if how == "change_role" else {}
    getattr(site.crm.users, how)(user.id, **more)
    if how == "change_role":
        assert browser.get("/console/contracts/new").status_code == 403
    else:
        assert not is_in(browser, "console")


@pytest.mark.parametrize(("face", "pause"), [("console", IDLE), ("my", LONGEST)])
def test_a_session_ends_by_itself_after_a_pause_and_after_half_a_day(site, clock, face, pause):
    """Subscribers' are on their own phones, which are locked: a pause does not end those."""
    idle, busy, spent = entered(site, face), entered(site, face), timedelta()
    while spent + IDLE / 2 < LONGEST:
        spent += IDLE / 2
        clock.pass_(minutes=15)
        assert is_in(busy, face), spent
    assert is_in(idle, face) == (spent < pause)
    clock.pass_(minutes=15)
    assert not is_in(busy, face), "however much is done"


# Guessing


@pytest.fixture
def two(ready_database, tmp_path) -> Iterator[list[Site]]:
    """Two processes' worth of the service over one database."""
    # Guessing is counted with the logins; the address's other limit, of tokens, is each process's.
    limits = Limits(requests_per_second=0, refused_per_minute=0, proxies=("testclient",))
    with (
        telecom_crm.open(ready_database, data=tmp_path, passwords=QUICK, clock=TestClock()) as one,
        telecom_crm.open(
            ready_database, data=tmp_path, passwords=QUICK, clock=TestClock()
        ) as other,
    ):
        hire(one)
        yield [Site(create_app(crm, limits=limits), crm) for crm in (one, other)]


def guess(site: Site, login: str, address: str, password: str = "wrong") -> int:
    browser = site.browser(**{"X-Forwarded-For": address})
    answer = submit(browser, "/login", "/login", login=login, password=password)
    return int(answer.status_code)


def test_guessing_is_limited_by_login_and_by_address_over_all_processes(two):
    tried = [guess(two[n % 2], "operator", f"192.0.2.{n}") for n in range(GUESSES)]
    assert tried == [401] * GUESSES
    for site in two:
        assert guess(site, "operator", "198.51.100.1", PASSWORD) == 429
        assert guess(site, "cashier", "198.51.100.1", PASSWORD) == 303
    bad = "203.0.113.1"
    tried = [guess(two[n % 2], f"nobody-{n}", bad) for n in range(GUESSES_OF_ADDRESS)]
    assert tried == [401] * GUESSES_OF_ADDRESS
    for site in two:
        assert guess(site, "cashier", bad, PASSWORD) == 429
        assert guess(site, "cashier", "203.0.113.2", PASSWORD) == 303
