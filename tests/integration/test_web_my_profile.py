"""Self-care of a person: how they are reached, what they allowed, and where they are signed in."""

import re
from datetime import UTC, datetime
from typing import Any

from telecom_crm.application.inventory.receiving import NumberData, SimData
from telecom_crm.domain.contract import CloseReason
from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN
from telecom_crm.domain.profile import Consent, CustomerKind
from tests.integration.http_service import iccid, msisdn, nowhere
from tests.integration.test_web import submit
from tests.integration.test_web_my import contracts, enter, phones, site

__all__ = ["phones", "site"]

PATH = "/my/profile"
PASSWORD = "several words make one"


def stock(site: Any, count: int) -> list[tuple[ICCID, MSISDN]]:
    """Receive some cards and numbers."""
    made = [(ICCID(iccid(70 + n)), MSISDN(msisdn(70 + n))) for n in range(count)]
    cards = [
        SimData(iccid=one, imsi=IMSI(f"43705999999{n:04d}")) for n, (one, _) in enumerate(made)
    ]
    site.crm.inventory.receive_sims(cards)
    site.crm.inventory.receive_numbers([NumberData(msisdn=number) for _, number in made])
    return made


def version_on(browser: Any) -> str:
    found = re.search(r'name="version" value="(\d+)"', browser.get(PATH).text)
    assert found
    return found[1]


def save(browser: Any, **fields: str) -> Any:
    known = {"phone": "+996555123456", "email": "a@example.org", "language": "ru"}
    return submit(browser, PATH, PATH, version=version_on(browser), **(known | fields))


def test_contacts_language_and_consent_are_the_subscriber_s_to_change(site, phones):
    mine = contracts(site)[0]
    given = Consent(purpose="personal_data", granted=True, at=datetime(2026, 1, 1, tzinfo=UTC))
    site.crm.customers.update(mine.customer_id, changes={"consents": (given,)})
    name = site.crm.customers.get(mine.customer_id).name
    browser = enter(site, phones, mine)
    page = browser.get(PATH).text
    assert name in page
    assert "Personal data" in page
    done = save(browser, marketing="true")
    assert done.status_code == 303
    assert 'lang="ru"' in browser.get(PATH).text
    after = site.crm.customers.get(mine.customer_id)
    assert (str(after.phone), after.email, after.language) == (
        "+996555123456",
        "a@example.org",
        "ru",
    )
    assert [(one.purpose, one.granted) for one in after.consents] == [
        ("personal_data", True),
        ("marketing", True),
    ]
    assert save(browser, marketing="true").status_code == 303
    assert site.crm.customers.get(mine.customer_id).version == after.version, "nothing was new"
    browser.cookies.delete("__Host-language")
    assert save(browser, phone="", email="").status_code == 303
    assert 'lang="en"' in browser.get(PATH).text, "what was not chosen anew does not change pages"
    last = site.crm.customers.get(mine.customer_id)
    assert (last.phone, last.email, last.consents[-1].granted) == (None, None, False)


def test_what_is_wrong_with_contacts_is_said_and_nothing_is_kept(site, phones):
    mine = contracts(site)[0]
    browser = enter(site, phones, mine)
    before = site.crm.customers.get(mine.customer_id)
    wrong = save(browser, phone="12", email="nobody", language="xx")
    assert wrong.status_code == 422
    assert 'value="nobody"' in wrong.text
    assert wrong.text.count('aria-invalid="true"') == 3
    old = submit(browser, PATH, PATH, version="0", email="b@example.org", language="ru")
    assert old.status_code == 409
    assert site.crm.customers.get(mine.customer_id) == before


def test_a_new_password_lets_in_and_ends_the_other_sessions(site, phones):
    mine = contracts(site)[0]
    other = enter(site, phones, mine)
    site.crm.self_care.set_password(mine.customer_id, password="the one before it")
    assert other.get("/my").status_code == 303
    browser = site.browser()
    way = "/my/login/password"
    sent = {"contract": mine.number, "password": "the one before it"}
    assert submit(browser, way, way, **sent).headers["location"] == "/my"
    for typed, again, what in (("short", "short", "12"), (PASSWORD, "another", "not the same")):
        wrong = submit(browser, PATH, f"{PATH}/password", password=typed, again=again)
        assert (wrong.status_code, what in wrong.text) == (422, True)
    done = submit(browser, PATH, f"{PATH}/password", password=PASSWORD, again=PASSWORD)
    assert done.headers["location"] == PATH
    assert browser.get(PATH).status_code == 200, "this session stays"
    fresh = site.browser()
    assert submit(fresh, way, way, **sent).status_code == 401
    entered = submit(fresh, way, way, contract=mine.number, password=PASSWORD)
    assert entered.headers["location"] == "/my"


def test_a_session_elsewhere_is_ended_and_no_other_s(site, phones):
    mine, theirs, *_ = contracts(site)
    stranger = enter(site, phones, theirs)
    site.crm.self_care.set_password(mine.customer_id, password=PASSWORD)
    here, there = site.browser(), site.browser(**{"User-Agent": "An old phone"})
    way = "/my/login/password"
    for one in (here, there):
        submit(one, way, way, contract=mine.number, password=PASSWORD)
    page = here.get(PATH).text
    assert "An old phone" in page
    [end] = re.findall(rf'action="({PATH}/sessions/[0-9a-f-]+/end)"', page)
    assert submit(stranger, PATH, end).status_code == 404
    assert submit(here, PATH, f"{PATH}/sessions/{nowhere()}/end").status_code == 404
    assert there.get("/my").status_code == 200
    assert submit(here, PATH, end).status_code == 303
    assert there.get("/my").status_code == 303
    assert here.get("/my").status_code == 200


def test_the_contract_is_printed_for_its_subscriber(site, phones):
    mine, theirs, *_ = contracts(site)
    browser = enter(site, phones, mine)
    path = f"{PATH}/contracts/{mine.id}/contract.pdf"
    assert path in browser.get(PATH).text
    paper = browser.get(path)
    assert paper.content.startswith(b"%PDF")
    assert browser.get(path.replace(str(mine.id), str(theirs.id))).status_code == 404


def test_an_organisation_comes_in_by_password_and_its_employees_do_not(site, phones):
    firm = site.crm.customers.register(
        name="Firm", kind=CustomerKind.ORGANISATION, registration_number="1"
    )
    theirs = contracts(site)[-1]
    signed = [
        site.crm.contracts.create(
            customer_id=firm.id,
            iccid=card,
            msisdn=number,
            tariff="COMFORT",
            policy="migration",
            activate=True,
        )
        for card, number in stock(site, 21)
    ]
    site.crm.provisioning.work(network=site.crm.network, limit=30)
    site.crm.self_care.set_password(firm.id, password=PASSWORD)
    browser, way = site.browser(), "/my/login/password"
    submit(browser, way, way, contract=signed[0].number, password=PASSWORD)
    home = browser.get("/my").text
    [onward] = re.findall(r'href="(/my\?cursor=[^"]+)"', home)
    home += browser.get(onward).text
    assert all(one.number in home for one in signed)
    assert theirs.number not in home
    for one in (signed[0], signed[-1]):
        shown = browser.get(f"/my/tariff?contract={one.id}")
        assert shown.status_code == 200
        assert f"/my/change?contract={one.id}" in shown.text
    employee = site.browser()
    phone = str(signed[0].msisdn)
    submit(employee, "/my/login", "/my/login", phone=phone)
    assert phone not in phones.sent


def test_who_was_erased_is_out_for_good(site, phones):
    mine = contracts(site)[0]
    site.crm.self_care.set_password(mine.customer_id, password=PASSWORD)
    browser = enter(site, phones, mine)
    site.crm.contracts.close(mine.id, reason=CloseReason.CUSTOMER_REQUEST)
    assert browser.get(PATH).status_code == 200, "what is over can be looked at"
    site.crm.customers.erase(mine.customer_id)
    assert browser.get(PATH).headers["location"].startswith("/my/login")
    way = "/my/login/password"
    again = submit(site.browser(), way, way, contract=mine.number, password=PASSWORD)
    assert again.status_code == 401


def test_a_subscriber_reads_in_the_language_and_colours_of_the_header(site, phones):
    browser = enter(site, phones, contracts(site)[0])
    shown = browser.get(PATH).text
    assert 'action="/my/prefs"' in shown, "the console has a session of its own"
    for wish in ({"language": "ky"}, {"theme": "dark"}):
        done = submit(browser, PATH, "/my/prefs", **wish)
        assert done.status_code == 303, done.text
    assert '<html lang="ky" data-theme="dark"' in browser.get(PATH).text
