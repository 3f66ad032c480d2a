"""Money in a browser: taken at the desk once, however often one clicks, and given back by two."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Window

PAYMENT = re.compile("payments/[0-9a-f-]{36}$")
ROWS = "#payments tbody tr"


@pytest.mark.parametrize(("javascript", "amount"), [(True, "240,50"), (False, "241,50")])
def test_the_desk_takes_one_payment_and_two_give_some_of_it_back(browser, site, javascript, amount):
    context = browser.new_context(locale="en", java_script_enabled=javascript)
    window = Window.on(context, site).sign_in("cashier")
    page = window.page
    window.go("/console/payments")
    before = page.locator(ROWS).count()
    page.get_by_role("link", name="Take payment").click()
    page.fill("#payees [data-search]", "Шевченко Айгүл")
    page.press("#payees [data-search]", "Enter")
    found = page.locator("#payees a").first
    expect(found).to_contain_text("Шевченко Айгүл")
    found.click()
    page.fill("#f-amount", amount)
    page.fill("#f-given", "500")
    if javascript:
        expect(page.locator("#change")).to_contain_text("259.50")
    page.fill("#f-given", "600")
    page.press("#f-given", "Enter")
    expect(page.locator("#change")).to_contain_text(f"{600 - float(amount.replace(',', '.')):.2f}")
    expect(page.locator("h1")).to_have_text("Take payment")
    page.get_by_role("button", name="Take payment").dblclick()
    expect(page.locator("h1")).to_contain_text(amount.replace(",", "."))
    expect(page).to_have_url(PAYMENT)
    printed = page.locator("#toasts").get_by_role("link", name="Print").first
    expect(printed).to_have_attribute("href", re.compile("/receipt$"))
    page.reload()
    payment = page.url
    window.go("/console/payments")
    expect(page.locator(ROWS)).to_have_count(before + 1)

    window.go(payment.removeprefix(site))
    page.get_by_role("link", name="Refund").click()
    page.fill("#f-amount", "900")
    page.fill("#f-reason", f"Paid {amount} twice")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("[data-errors]")).to_be_visible()
    page.fill("#f-amount", "40")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("another person decides it")).to_be_visible()
    desk = browser.new_context(locale="en", java_script_enabled=javascript)
    other = Window.on(desk, site).sign_in("senior_operator").page
    other.goto(f"{site}/console/approvals")
    other.get_by_role("row", name=f"Paid {amount} twice").get_by_role("link").click()
    other.get_by_role("button", name="Approve").click()
    expect(other.locator("main .badge").first).to_have_text("Carried out")
    window.go(payment.removeprefix(site))
    expect(page.get_by_text("Given back")).to_be_visible()
    assert [one for one in window.said if "422" not in one] == []
    for one in (context, desk):
        one.close()


def test_nobodys_money_is_given_to_the_account_that_is_found_and_taken_back(browser, site):
    context = browser.new_context(locale="en")
    window = Window.on(context, site).sign_in("senior_operator")
    page = window.page
    window.go("/console/payments?status=unallocated")
    page.locator(ROWS).first.get_by_role("link").click()
    page.get_by_role("link", name="Give to an account").click()
    expect(page.get_by_text("Nobody found")).to_be_visible()
    page.fill("#payees [data-search]", "C-00000003")
    found = page.locator("#payees a").first
    expect(found).to_contain_text("C-00000003")
    found.click()
    page.get_by_role("button", name="Give to an account").click()
    expect(page.get_by_text("The money is on the account")).to_be_visible()
    expect(page.locator("main .badge").first).to_have_text("Paid")
    page.locator("main details.menu summary").click()
    page.get_by_role("link", name="Undo the payment").click()
    page.fill("#f-reason", "It was another one")
    page.get_by_role("button", name="Undo the payment").click()
    expect(page.locator("main .badge").first).to_have_text("Undone")
    window.go("/console/payments?status=unallocated")
    expect(page.locator(ROWS)).to_have_count(1)
    assert window.said == []
    context.close()
