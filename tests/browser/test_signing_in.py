"""The second step in a browser: switched on, asked for, and passed by a code of each kind."""

import re
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from playwright.sync_api import expect

from tests.people import PASSWORD

PEOPLE = {True: "auditor", False: "senior_operator"}


@pytest.mark.parametrize("javascript", [True, False])
def test_a_second_step_is_switched_on_and_passed_by_code_and_by_recovery_code(
    browser, site, javascript
):
    context = browser.new_context(locale="en", java_script_enabled=javascript)
    page = context.new_page()

    def sign_in() -> None:
        page.goto(f"{site}/login")
        page.fill("#f-login", PEOPLE[javascript])
        page.fill("#f-password", PASSWORD)
        page.click("main [type=submit]")

    def answer(code: str) -> None:
        page.fill("#f-code", code)
        page.get_by_role("button", name="Continue", exact=True).click()

    sign_in()
    expect(page.locator("h1")).to_have_text("Dashboard")
    page.goto(f"{site}/console/me/second-step")
    page.get_by_role("button", name="Begin", exact=True).click()
    secret = page.locator("code").inner_text()
    codes = pyotp.TOTP(secret)
    page.fill("#f-code", "000000")
    page.get_by_role("button", name="Switch on", exact=True).click()
    expect(page.locator("[data-errors]")).to_be_visible()
    page.fill("#f-code", codes.now())
    page.get_by_role("button", name="Switch on", exact=True).click()
    expect(page.locator("h1")).to_have_text("Recovery codes")
    recovery = page.locator("main code").first.inner_text()

    context.clear_cookies()
    sign_in()
    expect(page.locator("h1")).to_have_text("Two-step sign-in")
    page.goto(f"{site}/console")
    expect(page.locator("h1")).not_to_have_text("Dashboard")
    sign_in()
    answer("123456")
    expect(page.locator("[data-errors]")).to_be_visible()
    answer(
        codes.at(datetime.now(UTC) + timedelta(seconds=30))
    )  # the one of now was used to switch it on
    page.wait_for_url(re.compile("/console"))

    context.clear_cookies()
    sign_in()
    answer(recovery)
    page.wait_for_url(re.compile("/console"))
    context.clear_cookies()
    sign_in()
    answer(recovery)
    expect(page.locator("[data-errors]")).to_be_visible()
    context.close()
