"""A customer's profile in a browser: contacts corrected in their place, and a command undone."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Window


def _place(page: Page) -> str:
    """Return where one is, whatever list one came from."""
    return page.url.partition("?")[0]


@pytest.mark.parametrize("javascript", [True, False])
def test_a_contact_is_corrected_in_its_place(browser, site, javascript):
    desk = browser.new_context(locale="en", java_script_enabled=javascript)
    page = Window.on(desk, site).sign_in().page
    page.goto(f"{site}/console/customers")
    page.locator("tbody tr a").nth(3).click()
    expect(page.locator("#profile-head")).to_be_visible()
    profile = _place(page)
    page.get_by_role("link", name="Edit: E-mail").click()
    if javascript:
        expect(page.locator("#f-email")).to_be_focused()
        assert _place(page) == profile
        page.keyboard.press("Escape")
        expect(page.locator("#f-email")).to_have_count(0)
        page.get_by_role("link", name="Edit: E-mail").click()
    page.fill("#f-email", "nobody")
    page.locator("#f-email").press("Enter")
    expect(page.locator("#e-email")).to_be_visible()
    expect(page.locator("#f-email")).to_have_value("nobody")
    if javascript:
        assert _place(page) == profile
    page.fill("#f-email", f"in-place-{javascript}@example.org".lower())
    page.locator("#f-email").press("Enter")
    expect(page.locator("#field-email")).to_contain_text(f"in-place-{javascript}".lower())
    expect(page.locator("#toasts .toast")).to_contain_text("Saved")
    expect(page.locator("#field-email [data-saved]")).to_be_visible()
    page.get_by_role("link", name="Edit: E-mail").click()  # the same address is loaded anew
    page.fill("#f-email", f"again-{javascript}@example.org".lower())
    page.locator("#f-email").press("Enter")
    expect(page.locator("#field-email")).to_contain_text(f"again-{javascript}".lower())
    assert _place(page) == profile
    desk.close()


def test_a_block_is_undone_from_its_toast(window):
    window.sign_in().go("/console/customers")
    page = window.page
    page.locator("tbody tr a").nth(4).click()
    page.locator("#profile-head details.menu summary").click()
    page.locator("#profile-head").get_by_role("link", name="Block").click()
    page.locator("#do-block textarea").fill("A slip")
    page.locator("#do-block [type=submit]").click()
    expect(page.locator("#profile-head .badge").first).to_have_text("Blocked")
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator("#toasts .toast").first).to_contain_text("The block is lifted")
    expect(page.locator("#profile-head .badge").first).to_have_text(re.compile("Active|Prospect"))
