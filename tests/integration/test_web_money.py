"""Money in the console that did not go its way: for nobody, without an end, taken back."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from telecom_crm.application.payments.request import PaymentRequest
from telecom_crm.application.ports import Payer, Query
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment, PaymentMethod, PaymentStatus
from tests.integration.test_web import HTMX, Site, admin, site, submit

__all__ = ["admin", "site"]

PATH = "/console/payments"


def money(amount: str) -> Money:
    return Money.parse(amount, "KGS")


@pytest.fixture
def contract(site):
    return next(iter(site.crm.contracts.each(status="active")))


def balance(site: Site, contract: Any) -> Money:
    return site.crm.accounts.get(contract.account_id).balance.balance


def kept(site: Site, told: str, reference: str, amount: str = "150.00") -> Payment:
    """Return a payment for whoever a terminal was told, whom nobody knows."""
    [found] = site.crm.payments.record_many(
        [
            PaymentRequest(
                payer=None,
                told=told,
                amount=money(amount),
                method=PaymentMethod.TERMINAL,
                reference=reference,
            )
        ],
        gateway="simulator",
        keep_unallocated=True,
    )
    assert isinstance(found, Payment)
    assert found.status is PaymentStatus.UNALLOCATED
    return found


# Nobody's money


def test_nobodys_money_is_given_to_the_account_that_a_search_finds(site, contract):
    senior = site.browser("senior_operator")
    account = site.crm.accounts.get(contract.account_id).account
    receipt = kept(site, "office 7, left", "found later")
    path = f"{PATH}/{receipt.id}"
    assert path in senior.get(f"{PATH}?status=unallocated").text
    shown = senior.get(path).text
    assert "It is not known whose money this is" in shown
    ask = f"{path}/allocate"
    assert f'href="{ask}"' in shown
    assert "Nobody found" in senior.get(ask).text  # by what the terminal was told
    for said in (contract.msisdn.digits, contract.number, account.number.lower()):
        found = senior.get(ask, params={"q": said}, headers=HTMX).text
        assert f'href="{ask}?contract={contract.id}"' in found, said
    bare = submit(senior, ask, ask)
    assert (bare.status_code, receipt.meant_for in bare.text) == (422, True)
    before, chosen = balance(site, contract), f"{ask}?contract={contract.id}"
    assert contract.number in senior.get(chosen).text
    typed = {"contract": str(contract.id), "idempotency_key": "allocated"}
    done = submit(senior, chosen, ask, **typed)
    again = submit(senior, chosen, ask, **typed)
    assert done.headers["location"] == again.headers["location"]
    assert (balance(site, contract) - before).amount == "150.00"
    became = senior.get(done.headers["location"]).text
    assert f'href="{path}"' in became
    shown = senior.get(path).text
    assert f'href="{done.headers["location"]}"' in shown
    assert ask not in shown
    late = submit(senior, chosen, ask, contract=str(contract.id))
    assert (late.status_code, "state does not allow" in late.text) == (409, True)


def test_what_a_terminal_was_told_is_searched_for_first(site, contract):
    receipt = kept(site, contract.number, "told a number")
    ask = f"{PATH}/{receipt.id}/allocate"
    found = site.browser("senior_operator").get(ask).text
    assert f'href="{ask}?contract={contract.id}"' in found


def test_nobodys_money_goes_back_whole(site):
    senior = site.browser("senior_operator")
    receipt = kept(site, "nobody", "goes back")
    ask = f"{PATH}/{receipt.id}/refund"
    assert 'name="amount"' not in senior.get(ask).text
    bare = submit(senior, ask, ask)
    assert bare.status_code == 422
    done = submit(senior, ask, ask, reason="Nobody came for it")
    assert done.status_code == 303
    assert site.crm.payments.get(receipt.id).status is PaymentStatus.RETURNED
    shown = senior.get(f"{PATH}/{receipt.id}").text
    assert "/allocate" not in shown
    assert f'href="{ask}"' not in shown


def test_nobodys_money_is_out_of_a_cashiers_reach(site, contract):
    cashier = site.browser("cashier")
    receipt = kept(site, "nobody", "cashier's")
    ask = f"{PATH}/{receipt.id}/allocate"
    assert ask not in cashier.get(f"{PATH}/{receipt.id}").text
    assert cashier.get(ask).status_code == 403
    sent = submit(cashier, "/prefs", ask, contract=str(contract.id))
    assert sent.status_code == 403
    back = f"{PATH}/{receipt.id}/refund"
    asked = submit(cashier, back, back, reason="Nobody came for it")
    assert asked.headers["location"].startswith("/console/approvals/")
    assert site.crm.payments.get(receipt.id).status is PaymentStatus.UNALLOCATED
    senior, path = site.browser("senior_operator"), asked.headers["location"]
    user = next(one for one in site.crm.users.each() if one.login == "cashier")
    for words in (user.name.upper(), "refund", "came for", "cashier"):
        assert path in senior.get("/console/approvals", params={"q": words}).text, words
    assert path not in senior.get("/console/approvals", params={"q": "write-off"}).text


def test_an_ordinary_payment_is_allocated_to_nobody_else(site, admin, contract):
    payment = paid(site, contract, "79.00", "cash_desk")
    assert admin.get(f"{PATH}/{payment.id}/allocate").status_code == 404


# What the machine and the rights allow


def paid(site: Site, contract: Any, amount: str, gateway: str = "simulator") -> Payment:
    return site.crm.payments.take(
        payer=Payer(account_id=contract.account_id),
        amount=money(amount),
        method=PaymentMethod.CARD,
        gateway=gateway,
    )


def offered(client: Any, payment: Payment) -> set[str]:
    """Return the commands that a payment's page leads to."""
    text = client.get(f"{PATH}/{payment.id}").text
    names = ("cancel", "give_up", "reverse", "dispute", "win", "lose", "refund")
    return {name for name in names if f'href="{PATH}/{payment.id}/{name}"' in text}


def say(client: Any, payment: Payment, command: str, **fields: str) -> Any:
    ask = f"{PATH}/{payment.id}/{command}"
    return submit(client, ask, ask, **fields)


def test_a_payment_without_an_end_is_given_up_with_a_reason(site, contract):
    senior = site.browser("senior_operator")
    payment = paid(site, contract, "70.03")
    assert payment.status is PaymentStatus.UNKNOWN
    assert "did not say how this ended" in senior.get(f"{PATH}/{payment.id}").text
    assert offered(senior, payment) == {"give_up"}
    assert offered(site.browser("cashier"), payment) == set()
    bare = say(senior, payment, "give_up")
    assert (bare.status_code, "Say why" in bare.text) == (422, True)
    done = say(senior, payment, "give_up", reason="Not in their report of the day")
    assert done.headers["location"] == f"{PATH}/{payment.id}"
    assert "The payment is given up" in senior.get(done.headers["location"]).text
    assert site.crm.payments.get(payment.id).status is PaymentStatus.FAILED
    late = say(senior, payment, "give_up", reason="Again")
    assert (late.status_code, "state does not allow" in late.text) == (409, True)


def test_a_payment_that_waits_is_cancelled_by_whoever_takes_payments(site, contract):
    cashier = site.browser("cashier")
    payment = paid(site, contract, "70.04")
    assert payment.status is PaymentStatus.PENDING
    assert offered(cashier, payment) == {"cancel"}
    stale = say(cashier, payment, "cancel", reason="Gone", version=str(payment.version - 1))
    assert (stale.status_code, "in the meantime" in stale.text) == (409, True)
    done = say(cashier, payment, "cancel", reason="Gone", version=str(payment.version))
    assert done.status_code == 303
    assert site.crm.payments.get(payment.id).status is PaymentStatus.CANCELLED


def test_a_payment_that_should_not_be_is_undone_once(site, contract):
    senior = site.browser("senior_operator")
    payment, before = paid(site, contract, "71.00"), balance(site, contract)
    assert offered(senior, payment) == {"reverse", "dispute", "refund"}
    typed = {"reason": "Typed twice", "idempotency_key": "undone"}
    for _ in range(2):
        assert say(senior, payment, "reverse", **typed).status_code == 303
    assert (before - balance(site, contract)).amount == "71.00"
    assert "Typed twice" in senior.get(f"{PATH}/{payment.id}").text
    assert offered(senior, payment) == set()


@pytest.mark.parametrize(("end", "lost"), [("win", "0.00"), ("lose", "72.00")])
def test_a_bank_that_took_money_back_is_disputed_with(site, contract, end, lost):
    senior = site.browser("senior_operator")
    payment, before = paid(site, contract, "72.00"), balance(site, contract)
    assert say(senior, payment, "dispute", reason="Case 4711").status_code == 303
    assert offered(senior, payment) == {"win", "lose"}
    assert balance(site, contract) == before
    assert say(senior, payment, end, reason="The bank decided").status_code == 303
    assert (before - balance(site, contract)).amount == lost
    shown = senior.get(f"{PATH}/{payment.id}").text
    assert "Case 4711" in shown
    assert "The bank decided" in shown


def test_what_cannot_be_is_not_offered(site, contract):
    senior = site.browser("senior_operator")
    assert offered(senior, paid(site, contract, "73.00", "cash_desk")) == {"reverse", "refund"}
    partly = paid(site, contract, "74.00")
    site.crm.payments.refund(partly.id, amount=money("4.00"))
    assert offered(senior, partly) == {"dispute", "refund"}
    refused = say(senior, partly, "reverse", reason="why")
    assert (refused.status_code, "give back the rest" in refused.text) == (409, True)
    cashier = site.browser("cashier")
    assert cashier.get(f"{PATH}/{partly.id}/dispute").status_code == 403
    assert submit(cashier, "/prefs", f"{PATH}/{partly.id}/dispute").status_code == 403
    assert senior.get(f"{PATH}/{partly.id}/erase").status_code == 404


def test_an_allocation_that_was_wrong_is_undone(site, contract):
    senior = site.browser("senior_operator")
    receipt = kept(site, "nobody", "given wrongly")
    payment = site.crm.receipts.allocate(receipt.id, to=Payer(contract_id=contract.id))
    assert say(senior, payment, "reverse", reason="Another one's").status_code == 303
    assert f"{PATH}/{receipt.id}/allocate" in senior.get(f"{PATH}/{receipt.id}").text


# What is booked on an account by hand


def books(contract: Any) -> str:
    return f"/console/accounts/{contract.account_id}"


def test_a_fee_is_charged_by_hand_once(site, contract):
    senior = site.browser("senior_operator")
    ask, before = f"{books(contract)}/charge", balance(site, contract)
    assert f'href="{ask}"' in senior.get(books(contract)).text
    assert "SIM replacement" in senior.get(ask).text
    typed = {"kind": "sim_swap", "amount": "12,50", "reason": "A card that was cut"}
    for _ in range(2):
        done = submit(senior, ask, ask, idempotency_key="a fee", **typed)
        assert done.headers["location"] == books(contract)
    assert (before - balance(site, contract)).amount == "12.50"
    shown = senior.get(books(contract)).text
    assert "A card that was cut" in shown
    for wrong in ({"kind": "goodwill"}, {"amount": "0"}, {"reason": ""}):
        assert submit(senior, ask, ask, **{**typed, **wrong}).status_code == 422, wrong
    much = submit(senior, ask, ask, **typed | {"amount": "999999"})
    assert (much.status_code, "not enough money" in much.text) == (409, True)
    operator = site.browser("operator")
    assert ask not in operator.get(books(contract)).text
    assert operator.get(ask).status_code == 403
    assert submit(operator, "/prefs", ask, **typed).status_code == 403


def test_a_debt_that_was_written_off_is_recovered(site, contract):
    senior, crm = site.browser("senior_operator"), site.crm
    ask = f"{books(contract)}/recover"
    assert f'href="{ask}"' in senior.get(books(contract)).text
    nothing = senior.get(ask).text.partition("<main")[2]
    assert ("nothing to recover" in nothing, 'name="amount"' in nothing) == (True, False)
    account = crm.accounts.open(customer_id=contract.customer_id, currency="KGS")
    crm.accounts.take_over_balance(account.id, amount=money("-30.00"))
    crm.accounts.write_off(account.id, amount=money("30.00"), reason="Gone")
    path = f"/console/accounts/{account.id}"
    ask = f"{path}/recover"
    assert f'href="{ask}"' in senior.get(path).text
    assert "30.00" in senior.get(ask).text
    much = submit(senior, ask, ask, amount="31", reason="Back again")
    assert (much.status_code, "More than is possible" in much.text) == (422, True)
    done = submit(senior, ask, ask, amount="20", reason="Back again")
    assert done.headers["location"] == path
    assert crm.accounts.get(account.id).balance.owed.amount == "20.00"
    assert crm.accounts.written_off(account.id).amount == "10.00"


def test_a_promised_payment_is_granted_within_the_policy_and_one_at_a_time(site, contract):
    operator, crm = site.browser("operator"), site.crm
    ask = f"{books(contract)}/promise"
    assert f'href="{ask}"' in operator.get(books(contract)).text
    shown = operator.get(ask).text
    version = re.search(r'name="version" value="(\d+)"', shown)
    assert version
    assert "At most KGS\xa0500.00" in shown
    typed = {"amount": "100", "days": "3", "version": version[1]}
    for wrong in ({"amount": "501"}, {"amount": "0"}, {"days": "0"}, {"days": "8"}, {"days": ""}):
        assert submit(operator, ask, ask, **{**typed, **wrong}).status_code == 422, wrong
    before = crm.accounts.get(contract.account_id).available
    done = submit(operator, ask, ask, **typed)
    assert done.headers["location"] == books(contract)
    state = crm.accounts.get(contract.account_id)
    assert (state.available - before).amount == "100.00"
    assert state.account.promise.until - crm.clock() < timedelta(days=3)
    shown = operator.get(books(contract)).text
    assert "Promised payment" in shown
    assert f'href="{ask}"' not in shown
    stale = submit(operator, ask, ask, **typed)
    assert (stale.status_code, "in the meantime" in stale.text) == (409, True)
    second = submit(operator, ask, ask, **typed | {"version": str(state.account.version)})
    assert (second.status_code, "does not grant" in second.text) == (409, True)
    assert site.browser("cashier").get(ask).status_code == 403


def test_a_house_account_is_nobodys_to_adjust(site):
    senior = site.browser("senior_operator")
    receipt = kept(site, "nobody", "on the house")
    shown = senior.get(f"/console/accounts/{receipt.account_id}").text
    for end in ("adjust", "charge", "recover", "promise"):
        assert f"{receipt.account_id}/{end}" not in shown


def test_who_may_is_led_to_the_audit_of_a_thing(site, admin, contract):
    payment = paid(site, contract, "75.00", "cash_desk")
    places = {
        f"{PATH}/{payment.id}": f"thing=payment&amp;thing_id={payment.id}",
        books(contract): f"thing=account&amp;thing_id={contract.account_id}",
    }
    for path, query in places.items():
        shown = admin.get(path).text
        assert f'data-copy="{path.rpartition("/")[2]}"' in shown
        assert f'href="/console/audit?{query}"' in shown
        assert "/console/audit" not in site.browser("senior_operator").get(path).text
    trail = admin.get(f"/console/audit?thing=payment&thing_id={payment.id}").text
    assert "Payment received" in trail


# The books of an account


def test_the_books_are_of_a_month_and_of_a_kind_and_a_file(site, admin, contract):
    paid(site, contract, "76.00", "cash_desk")
    site.crm.accounts.credit(contract.account_id, amount=money("1.00"), reason="For patience")
    path = books(contract)
    month = f"{site.crm.clock().astimezone(site.crm.zone):%B %Y}"
    assert f"Entries · {month}" in admin.get(path).text
    empty = admin.get(f"{path}?month=2020-02").text
    assert "Entries · February 2020" in empty
    assert "At the beginning" in empty
    some = admin.get(f"{path}?kind=goodwill", headers=HTMX).text
    assert some.lstrip().startswith('<section class="card" id="books"')
    assert "For patience" in some
    assert "KGS\xa076.00" not in some
    assert "At the beginning" not in some
    none = admin.get(f"{path}?kind=penalty").text
    assert "No such entries this month" in none
    assert f'href="{path}/statement.csv?kind=goodwill"' in some
    answer = admin.get(f"{path}/statement.csv?kind=goodwill")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert {row["What"] for row in rows} == {"Goodwill"}
    assert (rows[-1]["Note"], rows[-1]["Amount"]) == ("For patience", "1.00")
    lines = Query(where={"action": "list.export"}, descending=True)
    told = site.crm.access.audit(lines).items[0]
    assert (told.thing, told.thing_id) == ("account", str(contract.account_id))
    assert told.detail == "csv, filtered by kind"
    every = admin.get(f"{path}/statement.csv").content.decode("utf-8-sig")
    assert "76.00" in every
    senior = site.browser("senior_operator")
    assert senior.get(f"{path}/statement.csv").status_code == 403
    assert "statement.csv" not in senior.get(path).text


def test_a_profile_leads_to_the_payments_and_the_books(site, admin, contract):
    payment = paid(site, contract, "77.00", "cash_desk")
    profile = f"/console/customers/{contract.customer_id}"
    assert f'href="{PATH}/{payment.id}"' in admin.get(f"{profile}/payments").text
    assert f'href="{books(contract)}"' in admin.get(profile).text


# Who took it


def test_a_payment_says_who_took_it_and_its_toast_leads_to_the_receipt(site, admin, contract):
    cashier = site.browser("cashier")
    new = f"{PATH}/new?contract={contract.id}"
    done = submit(cashier, new, new, amount="78", desk="cash_desk", idempotency_key="taken")
    path = done.headers["location"]
    shown = cashier.get(path).text
    toast = shown.partition('class="toast"')[2]
    assert f'href="{path}/receipt"' in toast.partition("</div>\n</div>")[0]
    name = next(site.crm.users.each(login="cashier")).name
    assert re.search(rf"Taken by</dt><dd>{name}<", shown)
    assert re.search(r"Taken at</dt><dd>Cash desk<", shown)
    stray = kept(site, "nobody", "taken by itself")
    rows = admin.get(PATH).text.split("<tr data-row>")
    assert name in next(row for row in rows if path in row)
    assert "Trial gateway" in next(row for row in rows if str(stray.id) in row)
    file = admin.get(f"{PATH}.csv").content.decode("utf-8-sig")
    assert any({name, "Cash desk", "78.00"} <= set(row) for row in csv.reader(io.StringIO(file)))


def test_the_list_begins_with_customers_accounts_and_the_operators_own_are_behind_a_chip(site):
    receipt = kept(site, "whose", "for whom")
    house = site.crm.payments.get(receipt.id).account_id
    browser = site.browser("operator")
    contract = next(site.crm.contracts.each(status="active"))
    mine = f"/console/accounts/{contract.account_id}"
    column = '<th scope="col">Customer</th>'
    page = browser.get("/console/accounts?size=100").text
    assert f"/console/accounts/{house}" not in page
    assert mine in page
    assert (chosen_in(page), column in page) == ("Customers' accounts", True)
    (chip,) = re.findall(r'href="(/console/accounts\?[^"]*holder=house)"', page)
    page = browser.get(unescape(chip)).text
    assert f"/console/accounts/{house}" in page
    trail = site.browser("admin").get(f"/console/audit?thing=account&thing_id={house}").text
    assert f'title="{house}">Trial gateway</a>' in trail, "called as at its own page"
    assert mine not in page
    assert (chosen_in(page), column in page) == ("The operator's own", False)


def test_a_search_is_for_customers_accounts_whatever_was_chosen_before(site, contract):
    asked = {"q": contract.number, "holder": "house"}
    page = site.browser("operator").get("/console/accounts", params=asked).text
    name = site.crm.customers.get(contract.customer_id).name
    assert f"<td>{name}</td>" in unescape(page)
    assert chosen_in(page) == "Customers' accounts"


def chosen_in(page: str) -> str:
    """Return the words of the chip whose accounts a list shows."""
    [chips] = re.findall(r'<nav class="segments" aria-label="Accounts">(.*?)</nav>', page, re.S)
    [words] = re.findall(r'aria-current="true">([^<]*?) <', chips)
    return unescape(words)
