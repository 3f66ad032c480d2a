"""What administrators do, in a browser: roles of their own, rules tried, colours."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Window


@pytest.mark.parametrize("javascript", [True, False])
def test_a_role_is_copied_changed_and_deleted(browser, site, javascript):
    context = browser.new_context(locale="en", java_script_enabled=javascript)
    page = Window.on(context, site).sign_in().page
    page.goto(f"{site}/console/roles/cashier")
    page.get_by_role("link", name="Copy the role").click()
    expect(page.get_by_label("Payments: Change")).to_be_checked()
    page.get_by_label("Payments: Change").uncheck()
    page.fill("#f-title", "Looks on")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[data-errors]")).to_contain_text("Fill this in")
    expect(page.get_by_label("Payments: Change")).not_to_be_checked()
    page.fill("#f-name", "looks_on")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Looks on")
    page.goto(f"{site}/console/users/new")
    expect(page.get_by_label("Role")).to_contain_text("Looks on")
    page.goto(f"{site}/console/roles/looks_on")
    page.get_by_role("link", name="Edit").click()
    page.fill("#f-title", "Looks on, and more")
    page.get_by_label("Tickets: See", exact=True).check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Looks on, and more")
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete the role").click()
    expect(page.locator("h1")).to_have_text("Roles")
    expect(page.get_by_text("Looks on, and more")).to_have_count(0)
    context.close()


def test_rules_are_tried_while_they_are_typed_and_a_hue_is_seen_before_it_is_kept(window):
    page = window.sign_in().page
    window.go("/console/settings/deduplication")
    page.fill("#f-weights\\.phone", "64")
    for who in "ab":
        page.fill(f"#f-{who}_phone", "0555 123 456")
    expect(page.locator("#tried")).to_contain_text("Suspected, with 64 of 100 points")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#tried")).to_contain_text("Suspected, with 64 of 100 points")
    expect(page.locator("#f-weights\\.phone")).to_have_value("64")
    window.go("/console/settings/operator")
    was = _colour(page)
    page.locator("#f-hue").fill("150")
    expect(page.locator("#look [role=status]")).to_have_text("150°")
    page.wait_for_function("was => getComputedStyle(document.querySelector('.brand-mark'))"
                           ".backgroundColor !== was", arg=was)  # fmt: skip
    window.go("/console/settings")
    assert _colour(page) == was
    assert window.said == []


def _colour(page):
    return page.eval_on_selector(".brand-mark", "one => getComputedStyle(one).backgroundColor")
