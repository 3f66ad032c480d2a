"""The operator's people in the console: from a link shown once to removal; and oneself."""

import html
import re

import pyotp
import pytest

from telecom_crm.application.ports import Query
from telecom_crm.domain.user import User
from telecom_crm.entrypoints.http.web.agents import browser
from tests.integration.test_web import admin, site, submit
from tests.people import PASSWORD

__all__ = ["admin", "site"]

PATH = "/console/users"
NEW_PASSWORD = "seven quiet mountain lakes"


def known(site, login: str) -> User:
    user: User = site.crm.users.known_as(login)
    return user


def invited(admin, login: str) -> str:
    """Invite somebody; return the path of the link that is shown."""
    shown = submit(admin, f"{PATH}/new", f"{PATH}/new", login=login, name="New One", role="cashier")
    assert shown.status_code == 200, shown.text
    found = re.search(r'id="f-link" value="([^"]+)"', shown.text)
    assert found
    link = html.unescape(found[1])
    assert link.startswith("https://crm.example.org/invitation?secret=")
    return link.removeprefix("https://crm.example.org")


def accepted(site, link: str, **typed: str):
    secret = link.partition("secret=")[2]
    fields = {"secret": secret, "password": NEW_PASSWORD, "again": NEW_PASSWORD} | typed
    return submit(site.browser(), link, "/invitation", **fields)


def test_an_invitation_leads_to_a_sign_in_once(site, admin):
    link = invited(admin, "newone")
    assert link.partition("secret=")[2] not in admin.get(f"{PATH}/{known(site, 'newone').id}").text
    easy = accepted(site, link, password="short", again="shorter")
    assert easy.status_code == 422
    assert "This is not the same password" in easy.text
    done = accepted(site, link)
    assert (done.status_code, done.headers["location"]) == (303, "/login")
    browser = site.browser()
    fields = {"login": "newone", "password": NEW_PASSWORD}
    assert submit(browser, "/login", "/login", **fields).status_code == 303
    assert browser.get("/console/customers").status_code == 200
    assert site.browser().get(link).status_code == 404


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; like Mac OS X) Version/26.0 Safari/604.1", "Safari on iPhone"),
        (
            "Mozilla/5.0 (Linux; Android) Chrome/140.0 YaBrowser/25.9",
            "Yandex Browser on Android",
        ),
        ("curl/8.5.0", "curl"),
        ("", "—"),
        ("<b>", "—"),
    ],
)
def test_a_browser_is_called_by_its_name(agent, said):
    assert browser(agent) == said


def test_every_fault_of_an_invitation_is_told(admin):
    asked = f"{PATH}/new"
    odd = submit(admin, asked, asked, login="Not a login!", name="", role="cashier")
    assert odd.status_code == 422
    for field in ("login", "name"):
        assert f'href="#f-{field}"' in odd.text
    taken = submit(admin, asked, asked, login="support", name="Another", role="support")
    assert taken.status_code == 409
    assert "Somebody has this login already" in taken.text


def test_a_user_is_changed_blocked_let_in_again_reset_and_removed(site, admin):
    accepted(site, invited(admin, "tobe"))
    user = known(site, "tobe")
    base = f"{PATH}/{user.id}"

    def do(command: str, **fields: str):
        version = str(known(site, "tobe").version)
        return submit(admin, base, f"{base}/{command}", version=version, **fields)

    browser = site.browser()
    submit(browser, "/login", "/login", login="tobe", password=NEW_PASSWORD)
    assert do("rename", name="Another Name").status_code == 303
    assert do("role", role="support").status_code == 303
    assert do("role", role="nobody").status_code == 404
    stale = submit(admin, base, f"{base}/rename", version="1", name="Late")
    assert stale.status_code == 409
    [session] = site.crm.access.sessions(user.id)
    assert do(f"sessions/{session.id}/end").status_code == 303
    assert browser.get("/console").status_code == 303
    other = known(site, "support").id
    wrong = submit(admin, base, f"{PATH}/{other}/sessions/{session.id}/end")
    assert wrong.status_code == 404
    assert do("block", reason="").status_code == 422
    assert do("block", reason="on leave").status_code == 303
    assert do("unblock").status_code == 303
    assert "/invitation?secret=" in do("reset").text
    assert do("remove", reason="left").status_code == 303
    assert (known(site, "tobe").name, known(site, "tobe").status) == ("Another Name", "removed")
    page = admin.get(base).text
    assert "User removed" in page
    assert "Rename" not in page
    assert "Another Name" in admin.get(f"{PATH}?status=removed").text


def test_nobody_removes_themselves(site, admin):
    base = f"{PATH}/{known(site, 'admin').id}"
    refused = submit(admin, base, f"{base}/remove", reason="tired")
    assert refused.status_code == 409
    assert "Nobody does that to themselves" in refused.text
    assert known(site, "admin").status == "active"


def test_who_may_only_read_sees_no_way_to_change(site):
    auditor = site.browser("auditor")
    assert f"{PATH}/new" not in auditor.get(PATH).text
    page = auditor.get(f"{PATH}/{known(site, 'support').id}").text
    for way in ("/block", "/reset", "/rename", "/end"):
        assert f'{way}"' not in page
    assert site.browser("operator").get(PATH).status_code == 403


def test_a_password_is_changed_and_other_sessions_end(site, admin):
    accepted(site, invited(admin, "changer"))

    def enter(password: str):
        browser = site.browser()
        submit(browser, "/login", "/login", login="changer", password=password)
        return browser

    here, there = enter(NEW_PASSWORD), enter(NEW_PASSWORD)
    fields = {"password": PASSWORD, "again": PASSWORD}
    wrong = submit(here, "/console/me", "/console/me/password", old="wrong", **fields)
    assert wrong.status_code == 422
    assert "This is not the present password" in wrong.text
    assert PASSWORD not in wrong.text
    done = submit(here, "/console/me", "/console/me/password", old=NEW_PASSWORD, **fields)
    assert done.status_code == 303
    assert here.get("/console/me").status_code == 200
    assert there.get("/console/me").status_code == 303
    there = enter(PASSWORD)
    [mine] = [
        one
        for one in site.crm.access.sessions(known(site, "changer").id)
        if f"/sessions/{one.id}/end" in here.get("/console/me").text
    ]
    ended = submit(here, "/console/me", f"/console/me/sessions/{mine.id}/end")
    assert ended.status_code == 303
    assert there.get("/console/me").status_code == 303


def test_a_second_step_is_switched_on_used_and_off(site, admin):
    accepted(site, invited(admin, "stepper"))
    browser, step = site.browser(), "/console/me/second-step"
    submit(browser, "/login", "/login", login="stepper", password=NEW_PASSWORD)
    assert submit(browser, step, f"{step}/begin").status_code == 303
    page = browser.get(step).text
    assert "<svg" in page
    secret = known(site, "stepper").totp_secret or ""
    assert secret in page
    wrong = submit(browser, step, step, code="000")
    assert wrong.status_code == 422
    assert secret in wrong.text
    shown = submit(browser, step, step, code=pyotp.TOTP(secret).now())
    codes = re.findall(r"<code>([A-Z0-9-]{11})</code>", shown.text)
    assert len(codes) == 10
    assert secret not in browser.get(step).text
    renewed = re.findall(
        r"<code>([A-Z0-9-]{11})</code>",
        submit(browser, step, f"{step}/renew", password=NEW_PASSWORD).text,
    )
    assert not set(codes) & set(renewed)
    other = site.browser()
    submit(other, "/login", "/login", login="stepper", password=NEW_PASSWORD)
    assert submit(other, "/login/code", "/login/code", code=renewed[0]).status_code == 303
    for what in ("renew", "drop"):
        for said, words in (("", "Enter the password"), ("wrong", "not the present password")):
            refused = submit(browser, step, f"{step}/{what}", password=said)
            assert (refused.status_code, what) == (422, what)
            assert words in refused.text
    assert known(site, "stepper").has_second_step
    assert re.search(r"stepper.*?<time", admin.get("/console/users").text, re.DOTALL)
    base = f"/console/users/{known(site, 'stepper').id}"
    assert f"{base}/forget_second_step" in admin.get(base).text
    version = str(known(site, "stepper").version)
    reset = f"{base}/forget_second_step"
    assert submit(admin, reset, reset, version=version).status_code == 303
    assert not known(site, "stepper").has_second_step
    assert browser.get("/console/me").status_code == 303, "signed out everywhere"
    assert reset not in admin.get(base).text
    assert submit(admin, reset, reset, version=str(int(version) + 1)).status_code == 409
    submit(browser, "/login", "/login", login="stepper", password=NEW_PASSWORD)
    submit(browser, step, f"{step}/begin")
    again = pyotp.TOTP(known(site, "stepper").totp_secret or "").now()
    submit(browser, step, step, code=again)
    assert known(site, "stepper").has_second_step
    mine = submit(browser, step, f"{reset}", version=str(known(site, "stepper").version))
    assert mine.status_code in (403, 409), "not for oneself"
    done = submit(browser, step, f"{step}/drop", password=NEW_PASSWORD)
    assert done.status_code == 303
    assert not known(site, "stepper").has_second_step


@pytest.mark.parametrize("query", ["?status=nonsense", "?cursor=nonsense", "?sort=up&size=50"])
def test_an_odd_address_shows_the_list(site, admin, query):
    assert "The support" in admin.get(f"{PATH}{query}").text
    assert len(site.crm.users.page(Query()).items) > 1
