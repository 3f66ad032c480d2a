"""Applying: a form that anybody may send, and its course by a link that only they have."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

import telecom_crm
from telecom_crm.application.applying import SENT_AN_HOUR
from telecom_crm.domain.application import Application
from telecom_crm.domain.identifiers import ApplicationId
from telecom_crm.entrypoints import demo
from telecom_crm.entrypoints.http.app import create_app
from tests.integration.http_service import nowhere
from tests.integration.test_web import Site, submit
from tests.people import QUICK

PATH = "/my/apply"
PNG, PDF = b"\x89PNG\r\n\x1a\n", b"%PDF-1.7"
TYPED = {
    "customer_kind": "person",
    "last_name": "Турдубаева",
    "first_name": "Мээрим",
    "birth_date": "02.03.1981",
    "national_id": "10203198100001",
    "phone": "+996772110001",
    "document_type": "id_card",
    "document_number": "ID7654321",
    "consent": "true",
}
SECRETS = ("Турдубаева", "Мээрим", "1981", "10203198100001", "772110001", "ID7654321")


@pytest.fixture
def site() -> Iterator[Site]:
    with telecom_crm.in_memory(gateways=demo.GATEWAYS, passwords=QUICK) as crm:
        demo.load(crm)
        yield Site(create_app(crm), crm)


def shown(browser: Any, path: str = PATH) -> dict[str, str]:
    """Return the hidden fields of a form."""
    names = "csrf|idempotency_key|version"
    return dict(re.findall(rf'name="({names})" value="([^"]+)"', browser.get(path).text))


def send(browser: Any, fields: dict[str, str], to: str = PATH, **files: bytes) -> Any:
    named = {name: (f"{name}.png", content) for name, content in files.items()}
    return browser.post(to, data=fields, files=named or {"none": ("", b"")})


def sent(site: Site, browser: Any) -> tuple[str, Application]:
    """Send an application, and return its link and itself."""
    answer = send(browser, shown(browser) | TYPED, scan_front=PNG)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"], next(site.crm.intake.each(channel="self_care"))


def now(site: Site, one: Application) -> Application:
    return site.crm.intake.get(ApplicationId(one.id))


def test_a_tariff_can_be_wished_for_from_its_first_day_on(site):
    catalog, first_day = site.crm.catalog, site.crm.clock() + timedelta(days=1)
    for code, begins in (("SOON", first_day), ("TODAY", None)):
        catalog.create_tariff(
            code=code, name=code, terms=catalog.tariff("START").latest.terms, valid_from=begins
        )
        catalog.publish_tariff(code)
    form = site.browser().get(PATH).text
    assert ('value="TODAY"' in form, 'value="SOON"' in form) == (True, False)


def test_an_application_is_sent_followed_put_right_and_becomes_a_customer(site):
    browser = site.browser()
    link, one = sent(site, browser)
    assert one.raw["birth_date"] == "1981-03-02"
    page = browser.get(link).text
    assert one.number in page
    assert "There is nothing for you to do" in page
    assert browser.get(f"{link}/correct").status_code == 200
    site.crm.intake.ask(one.id, reason="The back side, please")
    page = browser.get(link).text
    assert "The back side, please" in page
    where = f"{link}/correct"
    form = browser.get(where).text
    assert "The back side, please" in form
    assert [secret for secret in SECRETS if secret in page + form] == []
    hidden = shown(browser, where) | {"customer_kind": "person"}
    empty = send(browser, hidden, where)
    assert (empty.status_code, "add a file" in empty.text) == (422, True)
    half = send(browser, hidden | {"first_name": "Айым"}, where)
    assert (half.status_code, 'href="#f-last_name"' in half.text) == (422, True)
    done = send(browser, hidden | {"city": "Ош"}, where, scan_back=PDF)
    assert (done.status_code, done.headers["location"]) == (303, link)
    after = now(site, one)
    assert (after.status, after.raw["city"], len(after.scans)) == ("captured", "Ош", 2)
    assert after.raw["full_name"] == one.raw["full_name"]
    assert send(browser, hidden | {"city": "Нарын"}, where).status_code == 409
    site.crm.intake.validate(one.id)
    known = site.crm.intake.register(one.id).customer_id
    assert site.crm.customers.get(known).name == "Турдубаева Мээрим"
    site.crm.intake.claim(one.id)
    site.crm.intake.complete(one.id, outcome="among ourselves")
    page = browser.get(link).text
    assert "What you asked for is done" in page
    assert "among ourselves" not in page


def test_a_form_that_is_sent_twice_is_one_application(site):
    browser = site.browser()
    fields = shown(browser) | TYPED
    links = {send(browser, fields, scan_front=PNG).headers["location"] for _ in range(2)}
    assert len(links) == 1
    [one] = site.crm.intake.each(channel="self_care")
    assert len(one.scans) == 1


def test_the_link_alone_opens_it_and_the_store_has_no_more_than_its_digest(site):
    browser = site.browser()
    link, one = sent(site, browser)
    secret = link.rpartition("/")[2]
    assert secret not in repr(one) + str(one.external_reference)
    assert site.browser().get(link).status_code == 200, "whoever has the link sees it"
    for path in (nowhere(), one.id, one.external_reference, "x"):
        for end in ("", "/correct", "/withdraw"):
            assert browser.get(f"{PATH}/{path}{end}").status_code == 404
    withdraw = submit(browser, link, f"{PATH}/{nowhere()}/withdraw")
    assert withdraw.status_code == 404


@pytest.mark.parametrize("key", ["1", "", "00000000-0000-0000-0000-000000000000"])
def test_a_key_that_can_be_guessed_is_no_secret(site, key):
    browser = site.browser()
    answer = send(browser, shown(browser) | TYPED | {"idempotency_key": key}, scan_front=PNG)
    assert answer.status_code == 303
    secret = answer.headers["location"].rpartition("/")[2]
    assert (UUID(secret).version, secret == key) == (4, False)


def test_every_fault_is_told_at_once_and_nothing_is_kept(site):
    browser = site.browser()
    odd = shown(browser) | dict.fromkeys(TYPED, "") | {"birth_date": "1", "last_name": "<i>"}
    answer = send(browser, odd)
    assert answer.status_code == 422
    for field in (
        *("first_name", "birth_date", "phone", "document_type", "document_number", "consent"),
        "scan_front",
    ):
        assert f'href="#f-{field}"' in answer.text, field
    assert "&lt;i&gt;" in answer.text
    for bad in (b"<svg onload=alert(1)>", b"MZ\x90\x00", b""):
        answer = send(browser, shown(browser) | TYPED, scan_front=bad)
        assert (answer.status_code, 'href="#f-scan_front"' in answer.text) == (422, True)
    assert list(site.crm.intake.each(channel="self_care")) == []


def test_nobody_learns_who_is_a_customer(site):
    known, browser = site.customer, site.browser()
    same = {"document_number": known.documents[0].number, "phone": str(known.phone)}
    answer = send(browser, shown(browser) | TYPED | same, scan_front=PNG)
    assert answer.status_code == 303
    page = browser.get(answer.headers["location"]).text
    assert known.name not in page
    assert str(known.id) not in page


def test_a_form_of_another_site_is_refused(site):
    browser = site.browser()
    fields = {**TYPED, "csrf": "x"}
    assert send(browser, fields, scan_front=PNG).status_code == 403
    link, _ = sent(site, browser)
    assert browser.post(f"{link}/withdraw", data={}).status_code == 403


def test_an_address_sends_so_many_and_no_more(site):
    browser = site.browser()
    for _ in range(SENT_AN_HOUR):
        assert send(browser, shown(browser) | TYPED, scan_front=PNG).status_code == 303
    answer = send(browser, shown(browser) | TYPED, scan_front=PNG)
    assert answer.status_code == 429
    assert 'value="Турдубаева"' in answer.text
    assert len(list(site.crm.intake.each(channel="self_care"))) == SENT_AN_HOUR


def test_it_is_taken_back_and_what_was_refused_says_why(site):
    browser = site.browser()
    link, one = sent(site, browser)
    assert submit(browser, f"{link}/withdraw", f"{link}/withdraw").status_code == 303
    assert now(site, one).status == "cancelled"
    page = browser.get(link).text
    assert "The application was withdrawn" in page
    assert f'action="{link}/withdraw"' not in page
    assert submit(browser, f"{link}/withdraw", f"{link}/withdraw").status_code == 409
    other, _ = sent(site, site.browser())
    two = next(site.crm.intake.each(channel="self_care", status="captured"))
    site.crm.intake.reject(two.id, reason="The scan is of another person")
    assert "The scan is of another person" in browser.get(other).text


def test_an_organisation_applies_without_a_scan(site):
    browser = site.browser()
    fields = shown(browser, f"{PATH}?kind=organisation") | {
        "customer_kind": "organisation",
        "organisation": "ОсОО Ала-Тоо",
        "registration_number": "77-1",
        "contact_name": "Усен",
        "phone": "+996772110009",
        "consent": "true",
    }
    assert send(browser, fields).status_code == 303
    [one] = site.crm.intake.each(channel="self_care")
    assert site.crm.intake.validate(one.id).data["registration_number"] == "77-1"


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_page(site):
    browser = site.browser()
    typed = TYPED | {"birth_date": "02.03.2981", "last_name": "", "phone": "12", "consent": ""}
    answer = send(browser, shown(browser) | typed, scan_front=b"no picture", scan_back=PNG)
    assert answer.status_code == 422
    assert "From 1900 to today" in answer.text
    told = re.findall(r'<li><a href="#f-(\w+)">', answer.text)
    assert told == ["last_name", "birth_date", "phone", "scan_front", "consent"]
    assert not list(site.crm.intake.each(channel="self_care"))
