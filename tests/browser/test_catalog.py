"""A tariff in a browser: prepared, sold, given another version, and sold by that."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Window
from tests.browser.serving import CONTRACT


@pytest.mark.parametrize("javascript", [True, False])
def test_a_tariff_gets_a_version_that_new_contracts_are_sold_by(browser, site, javascript):
    name = f"Weekend {'with' if javascript else 'without'}"
    context = browser.new_context(locale="en", java_script_enabled=javascript)
    window = Window.on(context, site).sign_in()
    page = window.page

    page.goto(f"{site}/console/tariffs")
    page.get_by_role("link", name="New tariff", exact=True).click()
    page.fill("#f-name\\.ky", name)
    page.fill("#f-code", f"WE{int(javascript)}")
    page.fill("#f-monthly_fee", "300")
    page.get_by_role("button", name="Save as draft", exact=True).click()
    expect(page.locator("[data-errors]")).to_be_visible()
    page.fill("#f-activation_fee", "0")
    page.get_by_role("checkbox", name="Prepaid", exact=True).check()
    page.get_by_role("button", name="Save as draft", exact=True).click()
    expect(page.locator("h1")).to_have_text(name)
    page.get_by_role("link", name="Put on sale", exact=True).click()
    page.get_by_role("button", name="Put on sale", exact=True).click()
    expect(page.locator("main .badge").first).to_have_text("On sale")

    page.get_by_role("link", name="New version", exact=True).click()
    expect(page.locator("#f-monthly_fee")).to_have_value("300.00")
    page.fill("#f-monthly_fee", "350")
    page.fill("#f-usage_rates\\.0\\.price", "2")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("[data-errors]")).to_be_visible()
    page.select_option("#f-usage_rates\\.0\\.service", "voice")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("h1")).to_have_text("Publish the new version?")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.locator("#f-monthly_fee")).to_have_value("350")
    page.locator("#f-monthly_fee").press("Enter")
    expect(page.locator("h1")).to_have_text("Publish the new version?")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("h1")).to_have_text(name)
    changed = page.get_by_role("row", name="Monthly fee")
    expect(changed).to_contain_text("300.00")
    expect(changed).to_contain_text("350.00")

    window.go(f"/console/customers?q={CONTRACT}")  # whom no other test merges or blocks
    page.locator("main [data-row] a").first.click()
    page.locator("#profile-head summary").click()
    page.locator("#profile-head .menu").get_by_role("link", name="New contract").click()
    for name_of in ("card", "msisdn"):
        page.locator(f"[name={name_of}]").first.check()
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.locator("h1 + p")).to_have_text("Tariff")
    expect(page.locator("label", has_text=name)).to_contain_text("350.00")
    context.close()
