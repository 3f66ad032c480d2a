"""From an application sent from a phone to a customer, in a browser, also without JavaScript."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Window

PNG = b"\x89PNG\r\n\x1a\n"


def chosen(page, field):
    content = PNG + field.encode()
    page.set_input_files(field, {"name": "a.png", "mimeType": "image/png", "buffer": content})


def apply(page, site, number):
    """Send a form that lacks something, then the whole of it."""
    page.goto(f"{site}/my/apply")
    page.fill("#f-last_name", "Бекова")
    page.get_by_role("button", name="Send the application").click()
    expect(page.locator("[data-errors] a")).to_have_count(7)
    expect(page.locator("#f-last_name")).to_have_value("Бекова")
    page.fill("#f-first_name", f"Нургүл {number}")
    page.fill("#f-birth_date", "12.03.1995")
    page.fill("#f-phone", "+996 772 110 007")
    page.select_option("#f-document_type", "passport")
    page.fill("#f-document_number", f"AN 900000{number}")
    page.check("#f-consent")
    chosen(page, "#f-scan_front")
    page.get_by_role("button", name="Send the application").click()
    expect(page.get_by_text("We are looking at your application")).to_be_visible()


def find(page, site, name):
    page.goto(f"{site}/console/applications?q={name}")
    page.locator("main tbody a").first.click()
    expect(page.locator("h1")).to_have_text(f"Бекова {name}")


@pytest.mark.parametrize("javascript", [True, False])
def test_somebody_applies_is_asked_and_becomes_a_customer(browser, site, javascript):
    name = f"Нургүл {int(javascript)}"
    phone = browser.new_context(
        locale="en",
        java_script_enabled=javascript,
        viewport={"width": PHONE[0], "height": PHONE[1]},
    )
    mine = phone.new_page()
    apply(mine, site, int(javascript))
    desk = browser.new_context(locale="en", java_script_enabled=javascript)
    page = Window.on(desk, site).sign_in("operator").page
    find(page, site, name)
    page.get_by_role("link", name="Ask for correction").click()
    page.fill("#f-reason", "The back side of it, please")
    page.get_by_role("button", name="Ask for correction").click()
    expect(page.get_by_text("Waits for the applicant")).to_be_visible()

    mine.reload()
    expect(mine.get_by_text("The back side of it, please")).to_be_visible()
    mine.get_by_role("link", name="Put right").click()
    chosen(mine, "#f-scan_back")
    mine.get_by_role("button", name="Send").click()
    expect(mine.get_by_text("We are looking at your application")).to_be_visible()
    phone.close()

    find(page, site, name)
    page.get_by_role("button", name="Show numbers and scans").click()
    expect(page.locator("main img")).to_have_count(2)
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("button", name="Take", exact=True).click()
    page.get_by_role("button", name="Register the customer").click()
    page.locator("main a.who").click()
    expect(page.locator("h1")).to_have_text(f"Бекова {name}")
    desk.close()
