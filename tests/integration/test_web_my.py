"""Self-care: a subscriber comes in by a code, sees what is theirs, tops up, and nothing else."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from html import unescape
from typing import Any
from uuid import UUID

import attrs
import pytest

import telecom_crm
from telecom_crm import Message, Money, Query
from telecom_crm.adapters.gateways.simulator import SimulatorGateway
from telecom_crm.application.tickets import FILES_AN_HOUR
from telecom_crm.domain.charging import ChargeKind
from telecom_crm.domain.contract import CloseReason, Contract
from telecom_crm.domain.regulation import PaymentLimits, Regulations
from telecom_crm.domain.self_care import Offered, Section
from telecom_crm.entrypoints import demo
from telecom_crm.entrypoints.http.app import create_app
from telecom_crm.entrypoints.http.web.i18n import NAMES, tongue
from telecom_crm.entrypoints.http.web.sections import PATHS
from tests.integration.http_service import nowhere
from tests.integration.test_web import PNG, Site, submit, token_on
from tests.people import QUICK


@attrs.define
class Phones:
    """What was sent to which phone, the latest."""

    sent: dict[str, str] = attrs.field(factory=dict)
    came: threading.Condition = attrs.field(factory=threading.Condition)

    def send(self, message: Message) -> None:
        with self.came:
            self.sent[message.address] = message.body
            self.came.notify_all()

    def code(self, phone: str) -> str:
        """Return the code that came; a thread of its own carries it, so it is waited for."""
        with self.came:
            assert self.came.wait_for(lambda: phone in self.sent, timeout=20)
        found = re.search(r"\b\d{6}\b", self.sent[phone])
        assert found
        return found[0]


@pytest.fixture
def phones() -> Phones:
    return Phones()


@pytest.fixture
def site(phones: Phones) -> Iterator[Site]:
    with telecom_crm.in_memory(gateways=demo.GATEWAYS, passwords=QUICK, messenger=phones) as crm:
        demo.load(crm)
        demo.load_subscribers(crm, count=4)
        yield Site(create_app(crm), crm)


def here_money(amount: Money) -> str:
    return f"KGS\xa0{amount.amount}"


def contracts(site: Site) -> list[Contract]:
    return list(site.crm.contracts.each(status="active"))


def enter(site: Site, phones: Phones, contract: Contract) -> Any:
    browser, phone = site.browser(), str(contract.msisdn)
    sent = submit(browser, "/my/login", "/my/login", phone=phone)
    assert sent.headers["location"] == "/my/login/code"
    done = submit(browser, "/my/login/code", "/my/login/code", code=phones.code(phone))
    assert (done.status_code, done.headers["location"]) == (303, "/my")
    return browser


def test_a_subscriber_comes_in_tops_up_and_leaves(site, phones):
    mine = contracts(site)[0]
    browser = enter(site, phones, mine)
    home = browser.get("/my").text
    assert mine.number in home
    before = site.crm.accounts.get(mine.account_id).available
    none = submit(browser, "/my/topup", "/my/topup", amount="0")
    assert none.status_code == 422
    assert "Enter an amount above zero" in none.text
    paid = submit(browser, "/my/topup", "/my/topup", amount="250")
    where = paid.headers["location"]
    page = browser.get(where).text
    assert "KGS\xa0250.00" in page
    assert "hx-trigger" not in page, "it is over, so nothing asks again"
    assert browser.get(where).status_code == 200
    after = site.crm.accounts.get(mine.account_id).available
    assert (after - before).amount == "250.00"
    assert where in browser.get("/my").text
    assert where in browser.get("/my/payments").text
    receipt = browser.get(f"{where}/receipt.pdf")
    assert receipt.content.startswith(b"%PDF")
    left = browser.post("/my/logout", data={"csrf": token_on(browser, "/my")})
    assert left.headers["location"] == "/my/login"
    assert browser.get("/my").status_code == 303


def test_home_tells_what_is_charged_next_and_how_long_the_money_lasts(site, phones):
    mine = contracts(site)[0]
    browser = enter(site, phones, mine)
    site.crm.accounts.charge(
        mine.account_id,
        amount=site.crm.accounts.get(mine.account_id).available,
        kind=ChargeKind.SERVICE,
        reason="<b>visit</b>",
    )
    [service] = site.crm.contracts.overview(mine.customer_id, Query()).services.items
    assert service.next_charge is not None
    day = f"{service.next_charge.on.day} {service.next_charge.on:%B}"
    home = browser.get("/my").text
    assert f"Enough until {day}" in home
    assert f"Next charge: {day}" in home
    assert here_money(service.next_charge.amount) in home
    assert f"Top up by {day}" in home
    assert "One-time fee" not in home, "it is said what for"
    assert "visit" not in home, "what is noted on an entry is for the desk"
    submit(browser, "/my/topup", "/my/topup", amount="29000")
    richer = browser.get("/my").text
    assert "Enough for more than a year" in richer
    assert "Top up by" not in richer


def test_home_tells_what_there_is_to_pay_and_which_document_ends(site, phones):
    mine = contracts(site)[0]
    browser = enter(site, phones, mine)
    assert "The document" not in browser.get("/my").text
    paper = attrs.evolve(site.crm.customers.get(mine.customer_id).documents[0], issued_on=None)
    soon = datetime.now(UTC).date() + timedelta(days=5)
    for day, said in ((date(2020, 1, 1), "is out of date"), (soon, "ends soon")):
        changes = {"documents": (attrs.evolve(paper, valid_until=day),)}
        site.crm.customers.update(mine.customer_id, changes=changes)
        assert f"The document {said}" in browser.get("/my").text


def test_somebody_new_is_told_what_to_do_first_until_it_is_done(site, phones):
    mine = contracts(site)[0]
    browser = enter(site, phones, mine)
    assert "First steps" in browser.get("/my").text
    steps = {"/my/topup": "Top up your balance", "/my/profile#f-password": "Choose a password"}
    for path, text in steps.items():
        assert f'<a class="link" href="{path}">{text}</a>' in browser.get("/my").text
    submit(browser, "/my/topup", "/my/topup", amount="100")
    assert "Top up your balance</a>" not in browser.get("/my").text
    everything = site.crm.accounts.get(mine.account_id).available
    kind = ChargeKind.SERVICE
    site.crm.accounts.charge(mine.account_id, amount=everything, kind=kind, reason="visit")
    assert "Top up your balance</a>" in browser.get("/my").text, "it is said beside to top up"
    submit(browser, "/my/topup", "/my/topup", amount="1000")
    assert "Top up your balance</a>" not in browser.get("/my").text
    secret = "correct horse battery"
    submit(browser, "/my/profile", "/my/profile/password", password=secret, again=secret)
    assert "First steps" not in browser.get("/my").text
    changes = {"email": ""}
    site.crm.customers.update(mine.customer_id, changes=changes)
    assert '<a class="link" href="/my/profile#f-email">' in browser.get("/my").text


def test_who_is_no_customer_any_more_looks_asks_and_changes_nothing(site, phones):
    mine = contracts(site)[0]
    browser = enter(site, phones, mine)
    site.crm.customers.block(mine.customer_id, reason="fraud")
    assert "You are blocked as a customer" in browser.get("/my").text
    assert "You are blocked as a customer" in browser.get("/my/profile").text
    assert browser.get("/my/topup").status_code == 200
    site.crm.customers.unblock(mine.customer_id, reason="it was not them")
    site.crm.contracts.close(mine.id, reason=CloseReason.CUSTOMER_REQUEST)
    site.crm.customers.close(mine.customer_id, reason="moved")
    assert "You are no customer any more" in browser.get("/my").text
    shown = browser.get("/my/profile").text
    assert "How we reach you" not in shown
    sent = {"csrf": token_on(browser, "/my/profile"), "email": "new@example.org"}
    assert browser.post("/my/profile", data=sent).status_code == 403
    for path in ("/my/payments", "/my/tariff", "/my/options", "/my/sim", "/my/tickets/new"):
        assert browser.get(path).status_code == 200


def test_the_limits_of_payments_are_told_before_and_where_they_refuse(site, phones):
    browser, path = enter(site, phones, contracts(site)[0]), "/my/topup"
    asked = browser.get(path).text
    assert "Minimum: KGS\xa020.00 · maximum: KGS\xa030,000.00" in asked
    assert f"{path}?amount=100.00" in asked
    for amount, said in (("19.99", "least KGS\xa020.00"), ("30000.01", "most KGS\xa030,000.00")):
        refused = submit(browser, path, path, amount=amount)
        assert f'<a href="#f-amount">Amount: A payment is at {said}</a>' in refused.text
        assert f'value="{amount}"' in refused.text
    browser.headers["Accept-Language"] = "ru"
    refused = submit(browser, path, path, amount="19.99").text
    assert "Минимальный платёж: 20,00\xa0сом" in refused
    large = PaymentLimits(smallest=Money.parse("300.00", "KGS"))
    site.crm.rules.put_regulations(Regulations(payment_limits=[large]))
    asked = browser.get(path).text
    assert f"{path}?amount=250" not in asked
    assert f"{path}?amount=500" in asked


def test_operations_go_by_month_and_by_whether_money_came_or_went(site, phones):
    mine = contracts(site)[0]
    browser = enter(site, phones, mine)
    paid = submit(browser, "/my/topup", "/my/topup", amount="250").headers["location"]
    failed = submit(browser, "/my/topup", "/my/topup", amount="100.01").headers["location"]
    asked = Money.parse("7.00", "KGS")
    kind = ChargeKind.NUMBER_CHANGE
    site.crm.accounts.charge(mine.account_id, amount=asked, kind=kind, reason="x")
    every, came, went = (
        browser.get(f"/my/payments{only}").text for only in ("", "?only=in", "?only=out")
    )
    for text, shows in ((every, (True, True)), (came, (True, False)), (went, (False, True))):
        assert (paid in text, "Change of number" in text) == shows
        assert (failed in text, "−KGS\xa07.00" in text) == shows
    assert 'rel="prev"' not in every, "nothing was before"
    past = browser.get("/my/payments?month=2026-01").text
    assert "Nothing in this month" in past
    assert 'rel="next"' in past
    assert 'rel="next"' not in browser.get("/my/payments?month=2999-01").text
    assert paid in browser.get("/my/payments?month=x&only=y").text


def test_operations_are_found_by_amount_words_day_and_receipt(site, phones):
    mine = contracts(site)[0]
    browser = enter(site, phones, mine)
    paid, other = (
        submit(browser, "/my/topup", "/my/topup", amount=amount).headers["location"]
        for amount in ("250", "1250.50")
    )
    kind = ChargeKind.NUMBER_CHANGE
    fee = {"amount": Money.parse("7.00", "KGS"), "kind": kind, "reason": "x"}
    site.crm.accounts.charge(mine.account_id, **fee)
    receipt = site.crm.payments.receipt(paid_id(paid)).number

    def found(q: str, only: str = "") -> tuple[bool, bool, bool]:
        text = browser.get("/my/payments", params={"q": q, "only": only}).text
        assert "Found in the last twelve months" in text
        return paid in text, other in text, "−KGS\xa07.00" in text

    today = site.crm.clock().astimezone(site.crm.zone)
    for q, wanted in (
        ("250", (True, False, False)),
        ("1 250,5", (False, True, False)),
        ("7,00", (False, False, True)),
        ("change of NUMBER", (False, False, True)),
        (receipt.lower(), (True, False, False)),
        (receipt[-8:], (True, False, False)),
        (f"{today:%Y}", (True, True, True)),
        (f"{today:%d.%m.%Y}", (True, True, True)),
        (f"{today.day}.{today.month}", (True, True, True)),
        (f"{today.day}/{today.month}/{today:%y}", (True, True, True)),
        (f"{today:%Y-%m-%d}", (True, True, True)),
        (f"{today.day}.{today.month % 12 + 1}", (False, False, False)),
        (f"{today:%d.%m}.{today.year - 1}", (False, False, False)),
        *((tongue(one).date(today.date(), "LLLL"), (True, True, True)) for one in NAMES),
        ("no such thing", (False, False, False)),
    ):
        assert found(q) == wanted, q
    assert found(f"{today:%Y}", "out") == (False, False, True)
    assert "Nothing found" in browser.get("/my/payments?q=zzz").text


def test_a_question_about_a_payment_begins_with_what_is_known_of_it(site, phones):
    mine, theirs, *_ = contracts(site)
    browser, other = enter(site, phones, mine), enter(site, phones, theirs)
    where = submit(browser, "/my/topup", "/my/topup", amount="100.01").headers["location"]
    link = f"/my/tickets/new?topic=payment&amp;payment={paid_id(where)}"
    assert link in browser.get(where).text
    path = link.replace("&amp;", "&")
    asked = browser.get(path).text
    assert 'value="I paid but do not see it"' in asked
    assert "Amount: KGS\xa0100.01" in asked
    assert "Where you paid: " in browser.get("/my/tickets/new?topic=payment").text
    assert other.get(path).status_code == 404
    assert other.get("/my/tickets/new?topic=payment&payment=x").status_code == 404


def test_what_a_question_is_about_is_chosen_first_with_what_often_helps(site, phones):
    browser = enter(site, phones, contracts(site)[0])
    for path in ("/my/tickets/new", "/my/tickets/new?topic=x"):
        shown = browser.get(path).text
        topics = re.findall(r'href="(/my/tickets/new\?topic=\w+)"', shown)
        assert len(topics) == 5
        for one in ("/my/payments", "/my/sim", "/my/tariff", "/my/options", *topics):
            assert f'href="{one}"' in shown
            assert browser.get(one).status_code == 200


def test_a_closed_question_is_followed_up(site, phones):
    mine, theirs, *_ = contracts(site)
    old = site.crm.tickets.create(customer_id=mine.customer_id, subject="No signal")
    browser, at = enter(site, phones, mine), f"/my/tickets/{old.id}"
    assert f"{at}/follow-up" not in browser.get(at).text
    site.crm.tickets.activate(old.id)
    site.crm.tickets.resolve(old.id)
    assert f"{at}/follow-up" in browser.get(at).text
    again = f"{at}/follow-up"
    assert 'value="No signal"' in browser.get(again).text
    assert submit(browser, again, again, subject="No signal", text="").status_code == 422
    made = submit(browser, again, again, subject="No signal", text="it is back")
    [new] = [one for one in site.crm.tickets.each() if one.follow_up_of == old.id]
    assert made.headers["location"] == f"/my/tickets/{new.id}"
    assert at in browser.get(made.headers["location"]).text
    assert new.comments[0].text == "it is back"
    assert enter(site, phones, theirs).get(again).status_code == 404


def test_a_form_that_is_sent_twice_pays_once(site, phones):
    mine = contracts(site)[0]
    browser = enter(site, phones, mine)
    page = browser.get("/my/topup").text
    assert "no real money" in page
    assert "To see a payment fail, enter an amount that ends in .01" in page
    sent = dict(re.findall(r'name="(csrf|idempotency_key)" value="([^"]+)"', page))
    answers = [browser.post("/my/topup", data={**sent, "amount": "100"}) for _ in range(2)]
    assert len({one.headers["location"] for one in answers}) == 1
    assert len(list(site.crm.payments.each(account_id=str(mine.account_id)))) == 1
    other = browser.post("/my/topup", data={**sent, "amount": "200"})
    assert other.status_code == 422


@pytest.mark.parametrize(
    ("amount", "said"), [("100.01", "Not paid"), ("100.02", "The payment is under way")]
)
def test_the_other_two_endings(site, phones, amount, said):
    browser = enter(site, phones, contracts(site)[0])
    where = submit(browser, "/my/topup", "/my/topup", amount=amount).headers["location"]
    page = browser.get(where).text
    assert said in page
    if said == "Not paid":
        assert f"/my/topup?amount={amount}" in page
        assert f'value="{amount}"' in browser.get(f"/my/topup?amount={amount}").text
        assert site.crm.payments.get(paid_id(where)).failure not in page, "no visitor's language"
    else:
        assert "we will send you a message" in page
        assert 'hx-trigger="every 2s"' in page


def test_why_a_payment_failed_is_told_in_our_own_words_alone(phones):
    gateways = [SimulatorGateway(secret="x", name=name) for name in ("bank", "purse")]
    with telecom_crm.in_memory(gateways=gateways, messenger=phones, passwords=QUICK) as crm:
        demo.load(crm)
        demo.load_subscribers(crm, count=2)
        site = Site(create_app(crm), crm)
        browser = enter(site, phones, contracts(site)[0])
        shown = browser.get("/my/topup").text
        assert 'value="bank" checked' in shown
        assert 'value="purse"' in shown
        pay = partial(submit, browser, "/my/topup", "/my/topup")
        assert pay(amount="50", gateway="cash_desk").status_code == 422
        failed = pay(amount="50.07", gateway="purse").headers["location"]
        assert crm.payments.get(paid_id(failed)).gateway == "purse"
        assert "The payment service could not be reached" in browser.get(failed).text
        waits = pay(amount="50.03").headers["location"]
        crm.payments.give_up(paid_id(waits), reason="the bank knows nothing")
        closed = browser.get(waits).text
        assert "Not paid" in closed
        assert "the bank knows nothing" not in closed


def test_of_money_that_went_back_nobody_says_it_was_not_taken(site, phones):
    browser = enter(site, phones, contracts(site)[0])
    where = submit(browser, "/my/topup", "/my/topup", amount="250").headers["location"]
    site.crm.payments.dispute(paid_id(where))
    page = browser.get(where).text
    assert "Disputed" in page
    assert "No money was taken" not in page


def test_what_is_somebody_else_s_is_not_there(site, phones):
    mine, theirs, *_ = contracts(site)
    other = enter(site, phones, theirs)
    paid = submit(other, "/my/topup", "/my/topup", amount="50").headers["location"]
    browser = enter(site, phones, mine)
    for path in (paid, f"{paid}/receipt.pdf", f"/my/payments/{nowhere()}"):
        assert browser.get(path).status_code == 404
    assert paid not in browser.get("/my/payments").text
    spent = submit(browser, "/my/topup", "/my/topup", amount="70", account=str(theirs.account_id))
    assert spent.status_code == 404
    assert not list(site.crm.payments.each(account_id=str(mine.account_id)))
    assert browser.get("/console/customers").headers["location"].startswith("/login")
    staff = {"Cookie": "; ".join(f"__Host-console={value}" for value in browser.cookies.values())}
    assert browser.get("/console/customers", headers=staff).status_code == 303


def paid_id(path: str) -> Any:
    return UUID(path.rpartition("/")[2])


def test_nobody_learns_whose_phone_it_is(site, phones):
    browser = site.browser()
    sent = submit(browser, "/my/login", "/my/login", phone="+996555999999")
    assert sent.headers["location"] == "/my/login/code"
    assert phones.sent == {}
    wrong = submit(browser, "/my/login/code", "/my/login/code", code="000000")
    assert wrong.status_code == 401
    odd = submit(browser, "/my/login", "/my/login", phone="12")
    assert odd.status_code == 422
    password = submit(
        browser, "/my/login/password", "/my/login/password", contract="C-1", password="x"
    )
    assert password.status_code == 401


def test_a_wrong_code_is_told_at_its_field_with_the_tries_that_are_left(site, phones):
    phone = str(contracts(site)[0].msisdn)
    for number in (phone, "+996555999999"):  # whose it is makes no difference
        browser, where = site.browser(), "/my/login/code"
        submit(browser, "/my/login", "/my/login", phone=number)
        asked = browser.get(where).text
        assert f'name="phone" value="{number}"' in asked
        assert "data-left=" in asked
        soon = submit(browser, "/my/login", "/my/login", phone=number)
        assert soon.headers["location"] == where
        assert "The code that was sent is still good" in browser.get(where).text
        elsewhere = submit(site.browser(), "/my/login", "/my/login", phone=number)
        assert elsewhere.status_code == 429, "only who has the other half of it has use for a code"
        assert "Too many tries. Try again in 1 minute" in elsewhere.text
        assert "administrator" not in elsewhere.text
        wrong = [submit(browser, where, where, code="x").text for _ in range(5)]
        told = '<a href="#f-code">Code: The code is wrong or out of date</a>'
        assert all(told in one for one in wrong), wrong[0]
        assert "4 tries are left" in wrong[0]
        assert "1 try is left" in wrong[3]
        assert "No tries are left" in wrong[4]
        assert submit(browser, where, where, code="x").status_code == 429
        again = submit(browser, where, "/my/login", phone=number)
        assert again.status_code == 429, "another code within a minute"


def test_the_password_way_in(site):
    mine = contracts(site)[0]
    site.crm.self_care.set_password(mine.customer_id, password="correct horse battery")
    browser = site.browser()
    path = "/my/login/password"
    done = submit(browser, path, path, contract=mine.number, password="correct horse battery")
    assert done.headers["location"] == "/my"
    assert browser.get("/my").status_code == 200


def test_photos_go_both_ways_in_a_conversation(site, phones):
    mine, theirs, *_ = contracts(site)
    browser, new = enter(site, phones, mine), "/my/tickets/new?topic=other"
    photo = {"content": ("mast.png", PNG, "image/png")}
    said = {"subject": "No network", "text": "see the photo"}
    wrong = submit(browser, new, new, files={"content": ("a.png", b"<html>", "image/png")}, **said)
    assert (wrong.status_code, 'id="e-content"' in wrong.text) == (422, True)
    asked = submit(browser, new, new, files=photo, **said)
    at = asked.headers["location"]
    assert submit(browser, at, at, files={"content": ("two.png", PNG + b"2")}).status_code == 303
    for form in (new, at):
        assert '<p class="hint" id="h-text">Text, a file, or both</p>' in browser.get(form).text
    alone = submit(browser, new, new, subject="My mast", files=photo)
    assert "mast.png" in browser.get(alone.headers["location"]).text, "a file needs no words"
    nothing = submit(browser, new, new, subject="My mast")
    assert (nothing.status_code, 'id="e-text"' in nothing.text) == (422, True)
    [ticket] = [one for one in site.crm.tickets.each() if one.subject == "No network"]
    assert ticket.contract_id == mine.id, "there is no other that it could be about"
    foreign = submit(browser, new, new, contract=str(theirs.id), **said)
    assert foreign.status_code == 404
    site.crm.tickets.comment(ticket.id, text="here", file=("map.png", [PNG + b"3"]))
    site.crm.tickets.comment(ticket.id, file=("ours.png", [PNG + b"4"]), internal=True)
    shown = browser.get(at).text
    assert [name in shown for name in ("mast.png", "two.png", "map.png")] == [True] * 3
    assert "ours.png" not in shown, "what is internal is not shown"
    files = {one.name: one.id for one in site.crm.tickets.get(ticket.id).attachments}
    taken = submit(browser, at, f"{at}/files/{files['map.png']}")
    assert (taken.content, taken.headers["content-type"]) == (PNG + b"3", "image/png")
    name = f"{files['map.png']}.png"
    assert taken.headers["content-disposition"] == f'attachment; filename="{name}"'
    look = site.crm.access.audit(Query(where={"action": "ticket.attachment"})).items[0]
    assert (look.thing_id, look.by.token) == (ticket.key, f"customer:{mine.customer_id}")
    assert submit(browser, at, f"{at}/files/{files['ours.png']}").status_code == 404
    other = enter(site, phones, theirs)
    assert submit(other, "/my", f"{at}/files/{files['map.png']}").status_code == 404


def test_photos_are_taken_so_many_an_hour_of_one_subscriber(site, phones):
    mine, theirs, *_ = contracts(site)
    tickets, new = site.crm.tickets, "/my/tickets/new?topic=other"
    photo = {"content": ("mast.png", PNG, "image/png")}
    said = {"subject": "No network", "text": "see the photo"}
    for _ in range(FILES_AN_HOUR - 1):
        tickets.count_file(mine.customer_id)
    browser, other = enter(site, phones, mine), enter(site, phones, theirs)
    at = submit(browser, new, new, files=photo, **said).headers["location"]
    for path in (at, new):
        late = submit(browser, path, path, files=photo, **said)
        assert (late.status_code, "Too many tries" in late.text) == (429, True)
    assert submit(browser, at, at, text="Without a photo").status_code == 303
    assert submit(other, new, new, files=photo, **said).status_code == 303
    found = tickets.each(customer_id=str(mine.customer_id))
    assert [len(one.attachments) for one in found if one.subject == "No network"] == [1]


def test_a_question_is_asked_once_answered_and_closed(site, phones):
    mine, theirs, *_ = contracts(site)
    browser, path = enter(site, phones, mine), "/my/tickets/new?topic=other"
    page = browser.get(path).text
    sent = dict(re.findall(r'name="(csrf|idempotency_key)" value="([^"]+)"', page))
    words = {**sent, "subject": "<b>No</b> network", "text": "since <i>noon</i>"}
    where = {browser.post(path, data=words).headers["location"] for _ in range(2)}
    assert len(where) == 1, "sent twice, it is one"
    asked = site.crm.tickets.each(customer_id=str(mine.customer_id))
    [ticket] = [one for one in asked if "network" in one.subject]
    assert len(ticket.comments) == 1
    site.crm.tickets.comment(ticket.id, text="we look at it")
    site.crm.tickets.comment(ticket.id, text="the mast is down", internal=True)
    shown = browser.get(f"/my/tickets/{ticket.id}").text
    assert "&lt;b&gt;No&lt;/b&gt; network" in shown
    assert "we look at it" in shown
    assert "the mast is down" not in shown
    to = f"/my/tickets/{ticket.id}"
    assert submit(browser, to, to, text="thanks").status_code == 303
    assert submit(browser, to, to, text=" ").status_code == 422
    other = enter(site, phones, theirs)
    assert other.get(to).status_code == 404
    assert other.post(to, data={"csrf": token_on(other, "/my"), "text": "x"}).status_code == 404
    assert ticket.number not in other.get("/my/tickets").text
    assert ticket.number in browser.get("/my/tickets").text
    empty = submit(browser, path, path, subject="", text="")
    assert empty.status_code == 422


def offer(site: Site, *off: Section) -> None:
    site.crm.rules.put_offered(Offered(off=frozenset(off)))


def test_what_is_switched_off_is_nowhere_and_nothing_leads_there(site, phones):
    mine = contracts(site)[0]
    browser = enter(site, phones, mine)
    shown = ("/my", "/my/payments", "/my/profile", "/my/topup")
    for section in Section:
        offer(site, section)
        closed = [path for path, one in PATHS.items() if one is section]
        for path in closed:
            assert browser.get(path).status_code == 404, path
            assert browser.get(f"{path}/new").status_code == 404, path
        pages = [*shown, *(path for path in PATHS if path not in closed)]
        for page in [*(browser.get(path) for path in pages), site.browser().get("/my/login")]:
            assert page.status_code == 200
            for path in closed:
                assert f'href="{path}' not in page.text, (page.url, path)
    guest = site.browser()
    offer(site, Section.APPLYING)
    refused = submit(guest, "/my/login", "/my/apply", full_name="X")
    assert refused.status_code == 404
    offer(site)
    assert browser.get("/my/tickets").status_code == 200


def test_the_way_in_leads_to_what_is_left_of_a_part(site, phones):
    browser = enter(site, phones, contracts(site)[0])
    for off, path, text in (
        ((Section.TARIFF,), "/my/options", "Options"),
        ((Section.TARIFF, Section.OPTIONS), "/my/sim", "SIM card"),
    ):
        offer(site, *off)
        assert f'<a href="{path}">{text}</a>' in browser.get("/my").text
    offer(site, Section.TARIFF, Section.OPTIONS, Section.SIM)
    assert "SIM card" not in browser.get("/my").text


def test_a_change_of_what_is_switched_off_is_not_made(site, phones):
    mine = next(one for one in contracts(site) if one.tariff_code == "START")
    browser = enter(site, phones, mine)
    path = f"/my/change?contract={mine.id}"
    form = {"contract": str(mine.id), "version": str(mine.version), "when": "now"}
    asked = browser.get(f"{path}&tariff=MAX").text
    key = re.search(r'name="idempotency_key" value="([^"]+)"', asked)
    assert key
    form |= {"csrf": token_on(browser, "/my"), "idempotency_key": key[1]}
    option = next(one.option.code for one in site.crm.contracts.choices(mine.id).options)
    had = [one.code for one in mine.options]
    for off, asked, sent in (
        (Section.TARIFF, "tariff=MAX", {"tariff": "MAX", "option": had}),
        (Section.OPTIONS, f"on={option}", {"option": [*had, option]}),
        (Section.OPTIONS, f"on={option}", {"tariff": "START", "option": [*had, option]}),
        (Section.OPTIONS, f"on={option}", {"tariff": "MAX", "option": [*had, option]}),
    ):
        offer(site, off)
        assert browser.get(f"{path}&{asked}").status_code == 404
        assert browser.post("/my/change", data={**form, **sent}).status_code == 404
    assert site.crm.contracts.get(mine.id) == mine
    offer(site, Section.OPTIONS)
    assert browser.get(f"{path}&tariff=MAX").status_code == 200


def test_a_questionnaire_that_nobody_filled_in_is_no_question(site, phones):
    mine, *_ = contracts(site)
    browser, new = enter(site, phones, mine), "/my/tickets/new?topic=network"
    offered = "\nWhere you are: \nSince when: \nYour phone's model: "
    assert f">\n{offered}</textarea>" in unescape(browser.get(new).text), "an empty line is first"
    sent = offered.replace("\n", "\r\n")
    wrong = submit(browser, new, new, subject="I have no network", text=sent)
    assert (wrong.status_code, 'id="e-text"' in wrong.text) == (422, True)
    told = offered.replace("Since when: ", "Since when: 20:00")
    assert submit(browser, new, new, subject="I have no network", text=told).status_code == 303
