"""The dashboard: what each sees of it, and that its figures are those of the work."""

import re
from html import unescape

import pytest

import telecom_crm
from telecom_crm.application.payments.request import PaymentRequest
from telecom_crm.application.ports import Payer
from telecom_crm.domain.application import ApplicationKind, Channel
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.importing import ImportKind
from telecom_crm.domain.lifecycle import SYSTEM
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import PaymentMethod
from telecom_crm.domain.report import NOTABLE, FirstStep
from telecom_crm.entrypoints.http.app import create_app
from telecom_crm.entrypoints.http.web.console.dashboard import STEPS
from telecom_crm.entrypoints.http.web.events import EVENTS
from tests.integration.test_web import HTMX, Site, admin, site, submit, token_on
from tests.people import QUICK, hire

__all__ = ["admin", "site"]


def read(browser, path="/console"):
    """Return a page as text, its spaces as people see them."""
    answer = browser.get(path)
    assert answer.status_code == 200
    text = unescape(re.sub(r"<(?!title|option)[^>]+>", " ", answer.text)).replace("\xa0", " ")
    return re.sub(r"\s+", " ", text)


def pay(site, by=SYSTEM):
    """Have somebody pay, and return how much."""
    contract, amount = next(site.crm.contracts.each(status="active")), Money.parse("1240.50", "KGS")
    site.crm.payments.take(
        payer=Payer(contract_id=contract.id),
        amount=amount,
        method=PaymentMethod.CASH,
        gateway="cash_desk",
        by=by,
    )
    return amount


def test_a_new_operator_is_led_through_the_first_steps(site, admin):
    assert "First steps" not in admin.get("/console").text
    with telecom_crm.in_memory(passwords=QUICK) as crm:
        hire(crm)
        new = Site(create_app(crm), crm)
        page = new.browser("admin").get("/console").text
        for path in STEPS.values():
            assert f'class="row-card" href="{path}"' in page
        assert "First steps" not in new.browser("support").get("/console").text
        crm.customers.register(name="A")
        page = new.browser("admin").get("/console").text
        assert f'class="row-card" href="{STEPS[FirstStep.CUSTOMER]}"' not in page


def test_what_the_bell_tells_is_marked_as_read_and_stays_in_the_list(site, admin):
    content = [b"msisdn,category,price\n0700990098,silver,50\n"]
    site.crm.imports.upload(kind=ImportKind.NUMBERS, content=content, file_name="read.csv")
    site.crm.work()
    other = site.browser("operator")
    page = admin.get("/console/news").text
    (seen,) = re.findall(r'name="until" value="([^"]+)"', page)
    fields = {"csrf": token_on(admin, "/console/news"), "until": unescape(seen)}
    part = admin.post("/console/news", data=fields, headers=HTMX).text
    assert part.lstrip().startswith('<div id="news"')
    assert "read.csv" in part
    assert "Mark as read" not in part
    assert "Mark as read" not in admin.get("/console/news").text
    assert "Mark as read" in other.get("/console/news").text, "it is news to others"
    later = site.crm.imports.upload(kind=ImportKind.NUMBERS, content=content, file_name="b.csv")
    site.crm.work()
    for wrong in ("", "now", "2026-01-01T00:00:00"):
        assert submit(admin, "/console/me", "/console/news", until=wrong).status_code == 303
    page = admin.get("/console/news").text
    assert "Mark as read" in page
    assert f"/console/imports/{later.id}" in page


def test_the_bell_tells_imports_that_ended(site, admin):
    content = [b"msisdn,category,price\n0700990099,silver,50\n"]
    job = site.crm.imports.upload(kind=ImportKind.NUMBERS, content=content, file_name="bell.csv")
    site.crm.work()
    part = admin.get("/console/news", headers=HTMX).text
    assert part.lstrip().startswith('<div id="news"')
    assert f'href="/console/imports/{job.id}"' in part
    assert "<h1>Notifications</h1>" in admin.get("/console/news").text
    assert "bell.csv" not in site.browser("support").get("/console/news").text


def test_the_figures_are_those_of_the_work(site, admin):
    active = len(list(site.crm.contracts.each(status="active")))
    before = site.crm.reports.dashboard(days=7)
    more = pay(site)
    text = read(admin, "/console?days=7")
    paid, had = before.paid.now, before.money[-1].balance
    assert f"Paid KGS {(paid + more).minor / 100:,.2f}" in text
    balances = text[text.index("Balance at the end of the day") :]
    assert f"KGS {(had + more).minor / 100:,.2f}" in balances
    assert f"Active contracts {active}" in text
    assert f"New connections {active}" in text
    assert f"Debt KGS {before.debt.now.minor / 100:,.2f}" in text
    assert text.count("Show as a table") == 3


def test_what_came_in_today_and_who_is_on_which_tariff_lead_to_their_lists(site, admin):
    pay(site)
    text = admin.get("/console").text
    (today,) = re.findall(r'href="(/console/payments\?gateway=cash_desk)"', text)
    assert "Cash desk" in admin.get(today).text
    by_tariff = re.findall(r'href="([^"]+tariff=[^"]+)"', text)
    active = {one.tariff_code for one in site.crm.contracts.each(status="active")}
    assert len(by_tariff) == len(active)
    for place in by_tariff:
        assert "No such contracts" not in admin.get(unescape(place)).text


@pytest.mark.parametrize(("days", "shown"), [("7", 7), ("90", 90), ("", 30), ("8", 30), ("x", 30)])
def test_a_period_is_one_of_three(site, admin, days, shown):
    pay(site)  # of nothing there is no table
    page = admin.get(f"/console?days={days}").text
    current = re.search(r'aria-current="page">(\d+)', page)
    assert current
    assert int(current[1]) == shown
    (table,) = re.findall(r"<table.*?Paid in the period before.*?</table>", page, re.DOTALL)
    assert table.count("<tr>") == shown + 1


def test_each_sees_what_their_role_may(site):
    support, cashier, auditor = map(site.browser, ("support", "cashier", "auditor"))
    text = read(support)
    assert "Open tickets" in text
    assert "Free in the pool" in text
    assert "Payments by day" not in text
    assert "New connections" not in text
    text = read(cashier)
    assert "Needs attention" in text
    assert not any(one in text for one in ("Open tickets", "Free in the pool", "Active contracts"))
    assert "Payments by day" in read(auditor)


def test_a_cashier_sees_what_they_took_today_and_others_what_all_did(site, admin):
    before = read(admin)
    assert "Taken by you today" not in before
    cashier = site.browser("cashier")
    assert "Taken by you today No payments today." in read(cashier)
    (user,) = (one for one in site.crm.users.each() if one.login == "cashier")
    pay(site, by=user.actor)
    amount = pay(site, by=user.actor)
    text = read(cashier)
    assert f"Taken by you today Cash 2 payments KGS {2 * amount.minor / 100:,.2f}" in text
    assert "Received today" not in text
    assert "Taken by you today" not in read(admin)


def test_the_latest_events_lead_to_their_things(site, admin):
    amount = pay(site)
    assert amount
    page = admin.get("/console").text
    latest = page[page.index("Latest events") :]
    assert "Payment received" in latest
    (place,) = re.findall(r'href="(/console/payments/[0-9a-f-]{36})"', latest)[:1]
    assert admin.get(place).status_code == 200
    told = site.browser("support").get("/console").text
    assert "Latest events" in told
    assert not re.search(r'href="/console/imports/', told)


def test_the_latest_events_name_their_things_to_who_may_see_them(site, admin):
    contract = next(site.crm.contracts.each(status="active"))
    site.crm.contracts.suspend(contract.id, hold=HoldKind.FRAUD, reason="odd calls")
    name = site.crm.customers.get(contract.customer_id).name
    for browser, told in ((admin, True), (site.browser("support"), True)):
        latest = browser.get("/console").text.partition("Latest events")[2]
        assert (f"{contract.number} · {name} · " in latest) is told


def test_the_latest_events_name_payments_tickets_and_applications(site, admin):
    contract = next(site.crm.contracts.each(status="active"))
    name = site.crm.customers.get(contract.customer_id).name
    pay(site)
    ticket = site.crm.tickets.create(customer_id=contract.customer_id, subject="No signal at home")
    asked = site.crm.intake.capture(
        kind=ApplicationKind.NEW_CONNECTION,
        channel=Channel.API,
        external_reference="named",
        raw={"full_name": "Айбек Токтоев"},
    )
    latest = read(admin).partition("Latest events")[2]
    for told in (
        f"KGS 1,240.50 · {name} · ",
        f"{ticket.number} · No signal at home · ",
        f"{asked.number} · Айбек Токтоев · ",
    ):
        assert told in latest
    assert "Айбек" not in read(site.browser("cashier"))


def test_every_event_that_is_notable_has_words():
    assert {name for names in NOTABLE.values() for name in names} <= EVENTS.keys()


def test_what_waits_leads_to_the_list_that_shows_it(site, admin):
    lost = PaymentRequest(
        payer=None,
        amount=Money.parse("10.00", "KGS"),
        method=PaymentMethod.TERMINAL,
        reference="terminal-1",
        told="a wrong number",
    )
    site.crm.payments.record_many([lost], gateway="simulator", keep_unallocated=True)
    page = admin.get("/console").text
    assert 'href="/console/payments?status=unallocated"' in page
    assert 'href="/console/payments?status=unallocated&amp;gateway=simulator"' in page
    assert 'href="/console/numbers?status=available&amp;category=gold"' in page
    for place in set(re.findall(r'class="row-card" href="([^"]+)"', page)):
        assert admin.get(unescape(place)).status_code == 200, place
