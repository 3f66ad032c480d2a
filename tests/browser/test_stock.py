"""SIM cards in a browser: a range is taken in, one card is looked at, kept for somebody, freed."""

import pytest
from playwright.sync_api import expect

from telecom_crm.entrypoints import demo
from tests.browser.conftest import Window


def card(index: int) -> str:
    return demo.subscriber(index).iccid.digits


@pytest.mark.parametrize(("javascript", "start"), [(True, 6000), (False, 6100)])
def test_cards_are_taken_in_and_one_is_kept_and_freed(browser, site, javascript, start):
    context = browser.new_context(locale="en", java_script_enabled=javascript)
    page = Window.on(context, site).sign_in("operator").page
    page.goto(f"{site}/console/sims")
    page.get_by_role("link", name="Receive cards").click()
    page.fill("#f-first", card(start))
    page.fill("#f-last", card(start + 29))
    page.fill("#f-batch", f"TRAY-{start}")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#range")).to_contain_text("30 in the range")
    page.get_by_role("button", name="Take in").click()
    expect(page.locator("h1")).to_have_text("SIM cards")
    expect(page.locator("#sims tbody tr")).to_have_count(20)
    page.get_by_role("link", name="Next").click()
    expect(page.locator("#sims tbody tr")).to_have_count(10)
    page.locator("#sims tbody a").first.click()
    # The list has a chip that begins with the same word.
    page.get_by_role("link", name="Reserve", exact=True).click()
    page.fill("#f-reserved_for", "Shop 7")
    page.get_by_role("button", name="Reserve", exact=True).click()
    expect(page.locator("h1 + p")).to_contain_text("Reserved")
    expect(page.get_by_text("Shop 7")).to_be_visible()
    page.get_by_role("link", name="Cancel the reservation").click()
    page.get_by_role("button", name="Cancel the reservation").click()
    expect(page.locator("h1 + p")).to_contain_text("In stock")
    context.close()


def test_codes_are_shown_on_demand_and_hidden_again(window):
    page = window.sign_in().page
    key = card(0)
    window.go(f"/console/sims/{key}")
    shown = page.locator("dd", has_text=key)
    expect(shown).to_have_count(0)
    page.get_by_role("button", name="Show the numbers and codes").click()
    expect(shown).to_be_visible()
    page.get_by_role("link", name="Hide").click()
    expect(shown).to_have_count(0)
    page.go_back()
    expect(shown).to_have_count(0)
    assert window.said == []
