"""Money in the console: taken at the desk, given back alone or by two, found by its receipt."""

import re
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import pytest

from telecom_crm.application.ports import Payer
from telecom_crm.domain.errors import RuleViolated
from telecom_crm.domain.identifiers import PaymentId
from telecom_crm.domain.ledger import LedgerCode
from telecom_crm.domain.money import Money
from telecom_crm.domain.notification import PAYMENT_CONFIRMED, NotificationChannel
from telecom_crm.domain.payment import PaymentMethod
from telecom_crm.domain.role import BUILT_IN_ROLES, Limit, Role, RoleName
from tests.integration.test_web import HTMX, admin, site, submit, token_on
from tests.people import PASSWORD

__all__ = ["admin", "site"]

PATH = "/console/payments"
NEW = f"{PATH}/new"


@pytest.fixture
def desk(site):
    """Return the address of the cash desk before a contract, and the contract."""
    contract = next(iter(site.crm.contracts.each(status="active")))
    return f"{NEW}?contract={contract.id}", contract


def key_on(client: Any, path: str) -> str:
    found = re.search(r'name="idempotency_key" value="([^"]+)"', client.get(path).text)
    assert found, path
    return found[1]


def balance(site, contract):
    return site.crm.accounts.get(contract.account_id).balance.balance


def test_a_payment_is_taken_once_however_often_its_form_comes(site, desk):
    cashier, (form, contract) = site.browser("cashier"), desk
    before, key = balance(site, contract), key_on(cashier, form)
    typed = {"amount": "240,50", "given": "500", "desk": "cash_desk", "note": "For June"}
    once = submit(cashier, form, form, idempotency_key=key, **typed)
    assert once.status_code == 303
    shown = cashier.get(once.headers["location"]).text
    assert "Change: KGS\xa0259.50" in shown
    assert "For June" in shown
    again = submit(cashier, form, form, idempotency_key=key, **typed)
    assert again.headers["location"] == once.headers["location"]
    assert "taken before, and once" in cashier.get(again.headers["location"]).text
    assert (balance(site, contract) - before).amount == "240.50"
    other = submit(cashier, form, form, idempotency_key=key, **typed | {"amount": "1"})
    assert (other.status_code, "other content" in other.text) == (422, True)


def test_the_desk_leads_back_to_what_is_paid_for(site, admin, desk):
    form, contract = desk
    account = f"/console/accounts/{contract.account_id}"
    for asked, back in (
        (form, f"/console/contracts/{contract.id}"),
        (f"{NEW}?account={contract.account_id}", account),
    ):
        page = admin.get(asked).text
        assert len(re.findall(rf'href="{back}"', page)) == 2, asked  # above the form, and Cancel
        assert f'href="{NEW}">Somebody else' in page


def test_a_role_takes_and_promises_no_more_than_its_limits(site, desk):
    form, contract = desk
    grants = BUILT_IN_ROLES[RoleName.OPERATOR].grants
    limits = {Limit.PAYMENT: Decimal(100), Limit.PROMISE: Decimal(20)}
    site.crm.rules.create_role(Role(name="till", title="Till", grants=grants, limits=limits))
    _, secret = site.crm.users.invite(login="till", name="Till", role="till")
    site.crm.users.accept(secret, password=PASSWORD)
    till, before = site.browser("till"), balance(site, contract)
    promise = f"/console/accounts/{contract.account_id}/promise"
    for path, amount, more, most in (
        (form, "100.01", {"desk": "cash_desk"}, "100.00"),
        (promise, "20.01", {"days": "1"}, "20.00"),
    ):
        refused = submit(till, path, path, amount=amount, **more)
        assert refused.status_code == 409, path
        assert f"more than your role allows, which is KGS\xa0{most}" in refused.text, path
    assert balance(site, contract) == before
    assert submit(till, form, form, amount="100", desk="cash_desk").status_code == 303


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"amount": ""}, "Enter the amount"),
        ({"amount": "0"}, "Enter an amount above zero"),
        ({"amount": "-5"}, "Enter an amount, such as"),
        ({"amount": "10", "given": "9.99"}, "Less was given"),
        ({"amount": "10", "desk": "barter"}, "Choose one of those offered"),
        ({"amount": "10", "desk": "simulator"}, "Choose one of those offered"),
    ],
)
def test_what_is_wrong_at_the_desk_takes_no_money(site, desk, typed, said):
    cashier, (form, contract) = site.browser("cashier"), desk
    before = balance(site, contract)
    answer = submit(cashier, form, form, **{"desk": "cash_desk", **typed})
    assert answer.status_code == 422
    assert said in answer.text
    assert balance(site, contract) == before


def test_a_card_pays_past_the_till(site, desk):
    cashier, (form, _) = site.browser("cashier"), desk
    for place, (code, method) in {
        "cash_desk": (LedgerCode.CASH_DESK, PaymentMethod.CASH),
        "card_terminal": (LedgerCode.GATEWAY_CLEARING, PaymentMethod.CARD),
    }.items():
        done = submit(cashier, form, form, amount="25", desk=place, idempotency_key=place)
        payment = site.crm.payments.get(PaymentId(UUID(done.headers["location"][-36:])))
        assert payment.method is method
        *_, entry = site.crm.accounts.each_entry(payment.account_id)
        assert [transfer.debit for transfer in entry.transfers] == [code]


def test_the_change_is_told_while_it_is_typed(site, desk):
    form, _ = desk
    part = site.browser("cashier").get(f"{form}&amount=240.5&given=500", headers=HTMX).text
    assert part.strip().startswith('<p id="change"')
    assert "259.50" in part


def test_the_button_that_enter_presses_takes_no_payment(site, desk):
    cashier, (form, contract) = site.browser("cashier"), desk
    before = balance(site, contract)
    _, _, sent = cashier.get(form).text.partition("<main")
    first, *_, last = re.findall(r'<button class="btn" type="submit"[^>]*>', sent)
    assert 'name="look"' in first
    assert 'data-kind="primary"' in last
    typed = {"amount": "240,50", "given": "500", "desk": "cash_desk", "look": "true"}
    counted = submit(cashier, form, form, **typed)
    assert counted.status_code == 200
    assert "259.50" in counted.text
    short = submit(cashier, form, form, **typed | {"given": "200"})
    assert (short.status_code, "Less was given" in short.text) == (422, True)
    assert balance(site, contract) == before


def test_whoever_pays_is_found_by_phone_contract_account_and_name(site, desk):
    cashier, (form, contract) = site.browser("cashier"), desk
    customer = site.crm.customers.get(contract.customer_id)
    account = site.crm.accounts.get(contract.account_id).account
    for said in (contract.msisdn.digits, contract.number, account.number.lower(), customer.name):
        assert f'href="{form}"' in cashier.get(NEW, params={"q": said}).text, said
    assert f'href="{form}"' in cashier.get(f"{NEW}?customer={customer.id}").text
    assert "Nobody found" in cashier.get(f"{NEW}?q=Nebuchadnezzar").text


def test_a_payment_is_found_by_its_receipt_and_by_its_payer(site, admin, desk):
    form, contract = desk
    done = submit(admin, form, form, amount="33", desk="cash_desk", idempotency_key="found")
    path = done.headers["location"]
    receipt = admin.get(f"{path}/receipt").text
    number = re.search(r"B-\d{8}-[0-9A-F]{8}", receipt)
    assert number
    for said in (number[0], number[0].lower(), contract.msisdn.digits):
        assert path in admin.get(PATH, params={"q": said}).text, said
    assert path not in admin.get(PATH, params={"q": number[0], "status": "failed"}).text
    assert "No such payments" in admin.get(f"{PATH}?q=B-00000000-00000000").text
    paper = admin.get(f"{path}/receipt.pdf")
    assert (paper.status_code, paper.content[:4]) == (200, b"%PDF")


def test_a_refund_past_ones_limit_waits_for_a_second_person(site, admin, desk):
    form, contract = desk
    cashier = site.browser("cashier")
    path = submit(
        cashier, form, form, amount="700", desk="cash_desk", idempotency_key="refunded"
    ).headers["location"]
    ask = f"{path}/refund"
    assert "A second person has to agree" in cashier.get(ask).text
    too_much = submit(cashier, ask, ask, amount="701", reason="why")
    assert (too_much.status_code, "More than is left" in too_much.text) == (422, True)
    asked = submit(cashier, ask, ask, amount="300", reason="Paid twice", idempotency_key="r1")
    approval = asked.headers["location"]
    assert approval.startswith("/console/approvals/")
    again = submit(cashier, ask, ask, amount="300", reason="Paid twice", idempotency_key="r1")
    assert again.headers["location"] == approval
    mine = cashier.get(approval).text
    assert "another person decides it" in mine
    assert "Withdraw" in mine
    token = token_on(cashier, "/prefs")
    refused = cashier.post(f"{approval}/decide", data={"csrf": token, "decision": "approve"})
    assert refused.status_code == 403

    before = balance(site, contract)
    bare = submit(admin, approval, f"{approval}/decide", decision="send_back")
    assert (bare.status_code, "Fill this in" in bare.text) == (422, True)
    done = submit(admin, approval, f"{approval}/decide", decision="approve", comment="Right")
    assert (done.status_code, done.headers["location"]) == (303, approval)
    assert "agreed to and carried out" in admin.get(approval).text
    assert (before - balance(site, contract)).amount == "300.00"
    assert "Paid twice" in admin.get(path).text


def test_whoever_decides_alone_refunds_at_once(site, desk):
    form, contract = desk
    senior = site.browser("senior_operator")
    taken = submit(senior, form, form, amount="80", desk="cash_desk", idempotency_key="alone")
    path = taken.headers["location"]
    before = balance(site, contract)
    done = submit(senior, f"{path}/refund", f"{path}/refund", amount="80", reason="Paid twice")
    assert done.headers["location"] == path
    assert (before - balance(site, contract)).amount == "80.00"
    assert f'href="{path}/refund"' not in senior.get(path).text


def test_a_large_refund_in_small_parts_is_asked_for(site, desk):
    form, contract = desk
    senior = site.browser("senior_operator")
    taken = submit(senior, form, form, amount="9000", desk="cash_desk", idempotency_key="parts")
    path = taken.headers["location"]
    ask = f"{path}/refund"
    before = balance(site, contract)
    for key, leads in (("p1", path), ("p2", "/console/approvals/")) * 2:
        sent = submit(senior, ask, ask, amount="3000", reason="Paid twice", idempotency_key=key)
        assert sent.headers["location"].startswith(leads), key
    assert (before - balance(site, contract)).amount == "3000.00"
    assert "A second person has to agree" in senior.get(ask).text


def test_ones_own_request_is_taken_back_and_nothing_happens(site, admin, desk):
    form, _ = desk
    cashier = site.browser("cashier")
    path = submit(
        cashier, form, form, amount="50", desk="cash_desk", idempotency_key="withdrawn"
    ).headers["location"]
    asked = submit(cashier, f"{path}/refund", f"{path}/refund", amount="50", reason="why")
    approval = asked.headers["location"]
    theirs = submit(admin, approval, f"{approval}/withdraw")
    assert theirs.status_code in (409, 422)
    done = submit(cashier, approval, f"{approval}/withdraw")
    assert done.status_code == 303
    assert "Withdrawn" in cashier.get(approval).text
    assert "/decide" not in admin.get(approval).text
    late = submit(admin, "/prefs", f"{approval}/decide", decision="approve")
    assert late.status_code == 409
    payment = next(one for one in site.crm.payments.each() if str(one.id) in path)
    assert not site.crm.payments.refunds_of(payment.id)


def test_the_books_of_an_account_end_at_its_balance(site, admin, desk):
    form, contract = desk
    submit(admin, form, form, amount="22", desk="cash_desk", idempotency_key="booked")
    path = f"/console/accounts/{contract.account_id}"
    text = admin.get(path).text
    now = balance(site, contract)
    assert re.findall(r'num[^>]*">KGS\xa0([\d,.]+)<', text)[-1] == f"{float(now.amount):,.2f}"
    assert "+KGS\xa022.00" in text
    for month in ("2026-13", "1999-01", "9999-01", "x"):
        assert admin.get(f"{path}?month={month}").status_code == 200
    assert "Month after" in admin.get(f"{path}?month=2020-02").text
    account = site.crm.accounts.get(contract.account_id).account
    assert path in admin.get("/console/accounts", params={"q": account.number}).text


def test_the_entry_of_a_refund_leads_to_its_payment(site, admin, desk):
    form, contract = desk
    path = f"/console/accounts/{contract.account_id}"
    taken = submit(admin, form, form, amount="21", desk="cash_desk", idempotency_key="back")
    payment = taken.headers["location"]
    ask = f"{payment}/refund"
    submit(admin, ask, ask, amount="20", reason="Paid twice", idempotency_key="given")
    rows = admin.get(path).text.split("<tr data-row>")[1:]
    (refunded,) = [row for row in rows if "20.00<" in row and "refund" in row.casefold()]
    assert f'href="{payment}"' in refunded
    assert "do not come to the balance" not in admin.get(path).text


def test_books_that_do_not_come_to_the_balance_are_told(site, admin, desk):
    _, contract = desk
    balances = site.crm.accounts.uow.store.journal.balances
    right = balances[contract.account_id]
    balances[contract.account_id] = attrs.evolve(right, subscriber=right.subscriber + 700)
    try:
        shown = admin.get(f"/console/accounts/{contract.account_id}").text
    finally:
        balances[contract.account_id] = right
    assert "do not come to the balance" in shown
    assert re.search(r"Incident</dt><dd>[0-9a-f]{8}<", shown)


def test_an_adjustment_past_ones_limit_waits_for_a_second_person(site, admin, desk):
    _, contract = desk
    path = f"/console/accounts/{contract.account_id}"
    ask, before = f"{path}/adjust", balance(site, contract)
    typed = {"kind": "goodwill", "reason": "Sorry"}
    operator, senior = site.browser("operator"), site.browser("senior_operator")
    asked = submit(operator, ask, ask, amount="100", idempotency_key="a1", **typed)
    approval = asked.headers["location"]
    assert f'href="{path}"' in admin.get(approval).text
    assert balance(site, contract) == before
    done = submit(senior, ask, ask, amount="50", idempotency_key="a2", **typed)
    again = submit(senior, ask, ask, amount="50", idempotency_key="a2", **typed)
    assert done.headers["location"] == again.headers["location"] == path
    assert (balance(site, contract) - before).amount == "50.00"
    submit(admin, approval, f"{approval}/decide", decision="approve")
    assert (balance(site, contract) - before).amount == "150.00"
    for wrong in ({"kind": "erasure"}, {"amount": "0"}, {"reason": ""}):
        refused = submit(senior, ask, ask, **{**typed, "amount": "5", **wrong})
        assert refused.status_code == 422, wrong


def messages_of(site, customer_id):
    """Return what messages about payments wait for a customer."""
    while site.crm.notifications.queue_new():
        pass
    found = site.crm.notifications.each(customer_id=str(customer_id))
    return [one for one in found if one.event == PAYMENT_CONFIRMED]


def test_a_receipt_is_sent_again_once_for_each_time_it_is_asked(site, desk):
    cashier, (form, contract) = site.browser("cashier"), desk
    sold = submit(cashier, form, form, amount="100", desk="cash_desk")
    path = sold.headers["location"].partition("?")[0]
    told = messages_of(site, contract.customer_id)
    key = key_on(cashier, path)
    for _ in range(2):
        sent = submit(cashier, path, f"{path}/receipt/send", idempotency_key=key)
        assert sent.headers["location"] == path
        assert "The receipt is on its way" in cashier.get(path).text
    again = messages_of(site, contract.customer_id)
    assert len(again) == len(told) + 1
    assert again[-1].facts["receipt"] == told[-1].facts["receipt"]
    assert again[-1].language == site.crm.customers.get(contract.customer_id).language
    assert "Send receipt" not in site.browser("auditor").get(path).text


def test_a_receipt_goes_to_whom_it_reaches_of_what_was_taken(site, admin):
    one = site.crm.customers.register(name="No phone")
    account = site.crm.accounts.open(customer_id=one.id, currency="KGS")
    paid = site.crm.payments.take(
        payer=Payer(account_id=account.id),
        amount=Money(10_000, "KGS"),
        method=PaymentMethod.CASH,
        gateway="cash_desk",
    )
    for channel in (NotificationChannel.SMS, NotificationChannel.EMAIL):
        sending = attrs.evolve(site.crm.notifications, channel=channel)
        with pytest.raises(RuleViolated, match="to send it to"):
            sending.send_receipt(paid.id)
    assert site.crm.notifications.send_receipt(paid.id).customer_id == one.id
    site.crm.payments.reverse(paid.id, reason="A slip")
    path = f"{PATH}/{paid.id}"
    assert "Send receipt" not in admin.get(path).text
    assert submit(admin, path, f"{path}/receipt/send").status_code == 303
    assert "A receipt is sent of a confirmed payment" in admin.get(path).text
