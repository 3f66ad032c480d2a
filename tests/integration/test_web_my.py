"""Self-care: a subscriber comes in by a code, sees what is theirs, tops up, and nothing else."""

import re
import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import attrs
import pytest

import telecom_crm
from telecom_crm import Message
from telecom_crm.domain.contract import Contract
from telecom_crm.entrypoints import demo
from telecom_crm.entrypoints.http.app import create_app
from tests.integration.http_service import nowhere
from tests.integration.test_web import Site, submit, token_on


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
    with telecom_crm.in_memory(gateways=demo.GATEWAYS, messenger=phones) as crm:
        demo.load(crm)
        demo.load_subscribers(crm, count=4)
        yield Site(create_app(crm), crm)


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


def test_a_form_that_is_sent_twice_pays_once(site, phones):
    mine = contracts(site)[0]
    browser = enter(site, phones, mine)
    page = browser.get("/my/topup").text
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
    else:
        assert 'hx-trigger="every 2s"' in page


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
    told = site.crm.payments.get(paid_id(spent.headers["location"]))
    assert told.account_id == mine.account_id, "an account of another's is not heeded"
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


def test_the_password_way_in(site):
    mine = contracts(site)[0]
    site.crm.self_care.set_password(mine.customer_id, password="correct horse battery")
    browser = site.browser()
    path = "/my/login/password"
    done = submit(browser, path, path, contract=mine.number, password="correct horse battery")
    assert done.headers["location"] == "/my"
    assert browser.get("/my").status_code == 200


def test_a_question_is_asked_once_answered_and_closed(site, phones):
    mine, theirs, *_ = contracts(site)
    browser, path = enter(site, phones, mine), "/my/tickets/new"
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
