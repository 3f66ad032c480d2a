"""What operators do all day, in a browser: a file brought in, a ticket opened and closed."""

import re

import pytest
from playwright.sync_api import expect

from telecom_crm.entrypoints import demo
from tests.browser.conftest import PHONE, Window


@pytest.mark.parametrize(("javascript", "start"), [(True, 8000), (False, 8100)])
def test_a_file_is_followed_to_its_summary_and_its_errors_are_taken(
    browser, site, javascript, start
):
    people = [demo.subscriber(index) for index in range(start, start + 20)]
    context = browser.new_context(locale="en", java_script_enabled=javascript)
    window = Window.on(context, site).sign_in()
    page = window.page
    window.go("/console/imports")
    page.get_by_role("link", name="Upload a file").click()
    page.get_by_role("radio", name=re.compile("^SIM cards")).check()
    content = demo.files(people)["sims"] + b"nonsense,437059999999999,0000,00000000,DEMO\r\n"
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
    context.close()


def test_all_that_a_file_lacks_fits_a_phone(browser, site):
    size = {"width": PHONE[0], "height": PHONE[1]}
    context = browser.new_context(locale="en", viewport=size)
    window = Window.on(context, site).sign_in()
    page = window.page
    window.go("/console/imports/new")
    content = "full_name,iccid\nАсанова Айгүл,8996500000007770015\n".encode()
    page.set_input_files("#f-file", {"name": "few.csv", "mimeType": "text/csv", "buffer": content})
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("#import")).to_contain_text("A column is missing")
    assert window.overflow() <= 0
    context.close()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_ticket_goes_from_a_subscribers_phone_to_its_closing(browser, site, javascript):
    subject = "No signal at home" if javascript else "No signal in the yard"
    phone = browser.new_context(
        locale="en",
        java_script_enabled=javascript,
        viewport={"width": PHONE[0], "height": PHONE[1]},
    )
    theirs = Window.on(phone, site).come_in().page
    theirs.locator(".my-bar").get_by_role("link", name="Support").click()
    theirs.get_by_role("link", name="New question").click()
    theirs.get_by_role("link", name=re.compile("Ask us.*No network")).click()
    theirs.fill("#f-subject", subject)
    theirs.fill("#f-text", "Since noon")
    theirs.get_by_role("button", name="Send").click()
    expect(theirs.locator("h1")).to_have_text(subject)
    expect(theirs.locator("main .badge")).to_have_text("Received")

    desk = browser.new_context(locale="en", java_script_enabled=javascript)
    page = Window.on(desk, site).sign_in("support").page
    page.goto(f"{site}/console/tickets?view=free")
    page.get_by_role("link", name=subject).click()
    expect(page.locator("h1")).to_have_text(subject)
    page.get_by_role("button", name="Start work").click()
    expect(page.get_by_role("button", name="Assign to me")).to_have_count(0)
    expect(page.get_by_role("link", name="Put on hold")).to_be_visible()
    page.fill("#f-text", "A mast is down")
    page.get_by_label("Internal note").check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("A mast is down")).to_be_visible()
    page.get_by_role("link", name="Put on hold").click()
    page.fill("#f-reason", "waits for the mast")
    page.get_by_role("button", name="Put on hold").click()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("link", name="Put on hold")).to_be_visible()
    ticket = page.url.partition("?")[0]
    page.get_by_role("link", name="Resolve and close").click()
    expect(page.locator("h1")).to_have_text("Resolve and close")
    page.fill("#f-answer", "The mast is mended")
    page.get_by_role("button", name="Resolve and close").click()
    expect(page.locator("h1")).not_to_have_text("Resolve and close")
    assert page.url.partition("?")[0] != ticket, "the next of the view is shown"
    page.goto(ticket)
    expect(page.get_by_role("button", name="Open a follow-up")).to_be_visible()
    expect(page.locator("h1 + p")).to_contain_text("Closed")

    theirs.reload()
    expect(theirs.locator("main .badge")).to_have_text("Closed")
    expect(theirs.get_by_text("The mast is mended")).to_be_visible()
    expect(theirs.get_by_text("A mast is down")).to_have_count(0)
    desk.close()
    phone.close()


def test_on_a_wide_screen_a_view_stays_beside_its_ticket(window):
    page = window.sign_in("support").page
    window.go("/console/tickets?view=all")
    page.locator("main [data-row] a").first.click()
    beside = page.get_by_role("navigation", name="Tickets of this view")
    expect(beside.locator("[aria-current=page]")).to_have_count(1)
    other = beside.locator("a:not([aria-current])").first
    words = other.locator(".font-medium").inner_text()
    other.click()
    expect(page.locator("h1")).to_have_text(words)
    assert "view%3Dall" in page.url
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    expect(beside).to_be_hidden()
    assert window.said == []
