"""A list in a browser: searched, turned, and taken along as a file."""

import csv
import io

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, PHONE, Window
from tests.browser.serving import FORMULA

BOM = b"\xef\xbb\xbf"


def taken(page: Page, name: str) -> list[dict[str, str]]:
    """Take the list that is shown as a file, and read it as a spreadsheet would."""
    with page.expect_download() as given:
        page.get_by_role("link", name="CSV").click()
    assert given.value.suggested_filename == name
    content = given.value.path().read_bytes()
    assert content.startswith(BOM), "what tells Excel that it is UTF-8"
    return list(csv.DictReader(io.StringIO(content.removeprefix(BOM).decode(), newline="")))


@pytest.mark.parametrize("javascript", [True, False])
def test_a_list_is_turned_searched_and_taken_along(browser, site, javascript):
    context = browser.new_context(locale="en", java_script_enabled=javascript)
    window = Window.on(context, site).sign_in()
    page, rows = window.page, window.page.locator("main tbody tr")
    window.go("/console/customers")
    newest = rows.first.inner_text()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("link", name="To the beginning")).to_be_visible()
    expect(rows).to_have_count(20)
    assert rows.first.inner_text() != newest
    page.get_by_role("link", name="To the beginning").click()
    expect(rows.first).to_have_text(newest, use_inner_text=True)
    page.fill("[data-search]", "Формула")
    page.press("[data-search]", "Enter")
    expect(rows).to_have_count(1)
    [row] = taken(page, "customers.csv")
    assert row["Customer"] == f"'{FORMULA}"
    assert window.said == []
    context.close()


def test_who_may_not_see_the_numbers_of_cards_does_not_find_them_in_the_file(window):
    page = window.sign_in("dealer").page
    window.go("/console/sims")
    rows = taken(page, "sims.csv")
    assert len(rows) > 40
    assert all("••" in row["ICCID"] for row in rows)
    assert window.said == []


def test_a_row_has_a_menu_of_what_may_be_done_to_its_thing(window):
    page = window.sign_in().page
    window.go("/console/customers?status=active")
    rows = page.locator("main tbody tr")
    first, second = rows.nth(0), rows.nth(1)
    first.get_by_role("button", name="Commands").click()
    menu = page.locator(":popover-open")
    expect(menu.get_by_role("link", name="Block")).to_be_visible()
    expect(menu).to_contain_text(first.locator(".font-medium").inner_text())
    assert window.faults_of_axe() == []
    second.get_by_role("button", name="Commands").click()  # closes the other, and is its own
    expect(menu).to_contain_text(second.locator(".font-medium").inner_text())
    box = page.locator("main .table-wrap").bounding_box()
    shown = menu.bounding_box()
    assert box, shown
    assert shown["x"] + shown["width"] <= box["x"] + box["width"]
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    second.get_by_role("button", name="Commands").press("Enter")
    menu.get_by_role("link", name="Block").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Block")
    expect(menu).to_have_count(0)
    assert window.said == []


def test_without_javascript_a_row_leads_to_its_thing_alone(browser, site):
    context = browser.new_context(locale="en", java_script_enabled=False)
    window = Window.on(context, site).sign_in()
    window.go("/console/customers")
    expect(window.page.locator(".more button").first).to_be_hidden()
    context.close()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_phone_folds_the_filters_of_a_list_until_one_is_set(browser, site, javascript):
    phone = {"width": PHONE[0], "height": PHONE[1]}
    context = browser.new_context(locale="en", java_script_enabled=javascript, viewport=phone)
    window = Window.on(context, site).sign_in()
    page, fold = window.page, window.page.locator("main .filters > summary")
    blocked = page.locator("main .filters").get_by_role("link", name="Blocked")
    window.go("/console/customers")
    expect(page.locator("[data-search]")).to_be_visible()
    expect(blocked).to_be_hidden()
    expect(fold).to_have_text("Filters")
    fold.click()
    blocked.click()
    page.wait_for_url("**status=blocked**")
    expect(fold).to_have_text("Filters1")
    expect(blocked).to_be_visible()
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    window.go("/console/customers")
    expect(fold).to_be_hidden()
    expect(blocked).to_be_visible()
    assert window.said == []
    context.close()


def test_a_fold_of_filters_is_open_where_one_is_wrong(window):
    page = window.sign_in().page
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    window.go("/console/audit?kind=change")
    expect(page.locator("#f-from")).to_be_hidden()
    window.go("/console/audit?from=nonsense")
    expect(page.locator("#e-from")).to_be_visible()
