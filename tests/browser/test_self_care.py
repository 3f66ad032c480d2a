"""Self-care in a browser: a tariff changed once, however often one clicks, and a card blocked."""

from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Window
from tests.browser.serving import ANOTHER


def test_a_double_click_and_the_back_button_change_a_tariff_once(window):
    page = window.page
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    window.come_in(ANOTHER)
    page.locator(".my-bar").get_by_role("link", name="Tariff").click()
    expect(page.locator("h1")).to_have_text("Tariff")
    page.locator("section", has=page.locator("#t-MAX")).get_by_role("link").click()
    expect(page.locator("h1")).to_have_text("Change of tariff")
    page.locator(".choice", has_text="At once").click()
    page.get_by_role("button", name="Confirm").dblclick()
    expect(page.locator(".card-head h2").first).to_have_text("Max")
    expect(page.locator("#toasts .toast")).to_have_count(1)
    page.reload()
    expect(page.locator(".card-head h2").first).to_have_text("Max")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Tariff")
    expect(page.get_by_role("button", name="Confirm")).to_have_count(0)
    assert window.said == []


def test_an_option_is_switched_on_by_keyboard_alone(window):
    page = window.come_in(ANOTHER).page
    window.go("/my/options")
    row = page.locator(".row-card", has_text="10 GB more")
    row.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Change of options")
    page.get_by_role("button", name="Confirm").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".row-card", has_text="10 GB more").locator(".badge")).to_have_text("On")
    assert window.said == []


def test_a_lost_card_is_blocked_without_scripts(browser, site):
    context = browser.new_context(java_script_enabled=False, locale="en")
    window = Window.on(context, site).come_in(ANOTHER)
    page = window.page
    window.go("/my/sim")
    page.get_by_role("button", name="Show PIN and PUK").click()
    expect(page.get_by_text("Three wrong PINs")).to_be_visible()
    page.get_by_role("link", name="Block the card").click()
    page.get_by_role("button", name="Block the card").click()
    expect(page.get_by_text("This card is blocked")).to_be_visible()
    expect(page.get_by_role("link", name="Ask for another card").first).to_be_visible()
    context.close()
