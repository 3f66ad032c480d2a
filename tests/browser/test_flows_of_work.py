"""What operators do all day, in a browser: a file brought in, a ticket opened and closed."""

import re

import pytest
from playwright.sync_api import expect

from telecom_crm.entrypoints import demo
from tests.people import PASSWORD

PEOPLE = [demo.subscriber(index) for index in range(8000, 8020)]


def test_a_file_is_followed_to_its_summary_and_its_errors_are_taken(window):
    page = window.sign_in().page
    window.go("/console/imports")
    page.get_by_role("link", name="Upload a file").click()
    page.get_by_role("radio", name=re.compile("^SIM cards")).check()
    content = demo.files(PEOPLE)["sims"] + b"nonsense,437059999999999,0000,00000000,DEMO\r\n"
    page.set_input_files("#f-file", {"name": "june.csv", "mimeType": "text/csv", "buffer": content})
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("h1")).to_have_text("june.csv")
    expect(page.locator("#import [role=status]")).to_contain_text("Import is complete")
    expect(page.locator("#import")).not_to_have_attribute("hx-trigger", re.compile("."))
    expect(page.locator("#import tbody tr").first).to_contain_text("nonsense")
    with page.expect_download() as given:
        page.get_by_role("button", name="Download the rows with errors").click()
    assert given.value.suggested_filename == "errors.csv"
    header, *rows = given.value.path().read_text().splitlines()
    assert header.endswith(",error")
    assert len(rows) == 1
    assert window.said == []


@pytest.mark.parametrize("javascript", [True, False])
def test_a_ticket_goes_from_opening_to_closing(browser, site, javascript):
    context = browser.new_context(locale="en", java_script_enabled=javascript)
    page = context.new_page()
    page.goto(f"{site}/login")
    page.fill("#f-login", "support")
    page.fill("#f-password", PASSWORD)
    page.click("main [type=submit]")
    page.goto(f"{site}/console/tickets/new")
    page.fill("main [type=search]", "Рахимов")
    page.get_by_role("button", name="Find").click()
    page.locator("main a[data-row]").first.click()
    page.fill("#f-subject", "No signal at home")
    page.fill("#f-text", "Since noon")
    page.get_by_role("button", name="Open the ticket").click()
    expect(page.locator("h1")).to_have_text("No signal at home")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("link", name="Pause")).to_be_visible()
    page.fill("#f-text", "A mast is down")
    page.get_by_label("Internal note").check()
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("A mast is down")).to_be_visible()
    page.get_by_role("link", name="Pause").click()
    page.fill("#f-reason", "waits for the mast")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("link", name="Pause")).to_be_visible()
    page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_role("button", name="Open a follow-up")).to_be_visible()
    expect(page.locator("h1 + p")).to_contain_text("Closed")
    context.close()
