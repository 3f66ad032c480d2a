"""Money in a browser: the desk tells the change, and a double click takes one payment."""

import re

from playwright.sync_api import expect

ROWS = "#payments tbody tr"


def test_the_desk_tells_the_change_and_a_double_click_takes_one_payment(window):
    page = window.sign_in("cashier").page
    window.go("/console/payments")
    before = page.locator(ROWS).count()
    page.get_by_role("link", name="Take payment").click()
    page.fill("#payees [data-search]", "Рахимова Айгүл")
    found = page.locator("#payees a").first
    expect(found).to_contain_text("Рахимова Айгүл")
    found.click()
    page.fill("#f-amount", "240,50")
    page.fill("#f-given", "500")
    expect(page.locator("#change")).to_contain_text("259.50")
    page.get_by_role("button", name="Take payment").dblclick()
    expect(page.locator("h1")).to_contain_text("240.50")
    expect(page).to_have_url(re.compile("payments/[0-9a-f-]{36}$"))
    page.reload()
    page.goto(f"{window.site}/console/payments")
    expect(page.locator(ROWS)).to_have_count(before + 1)
    assert window.said == []
