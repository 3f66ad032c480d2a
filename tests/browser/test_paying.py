"""A subscriber tops up: paid, waiting or failed, and however often one sends it, it is one."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Window

PAYMENT = re.compile("/my/payments/[0-9a-f-]{36}$")
OPENED = "C-00000001"


@pytest.fixture(params=[True, False], ids=["scripts", "no_scripts"])
def phone(request, browser, site):
    context = browser.new_context(
        locale="en",
        java_script_enabled=request.param,
        viewport={"width": PHONE[0], "height": PHONE[1]},
    )
    yield Window.on(context, site).come_in(OPENED)
    context.close()


def made(window):
    window.go("/my/payments")
    return window.page.locator("main [data-row]").count()


def type_in(window, amount):
    window.go("/my/topup")
    window.page.fill("#f-amount", amount)
    return window.page.get_by_role("button", name="Pay", exact=True)


def test_the_three_endings(phone):
    page, before = phone.page, made(phone)
    type_in(phone, "250").click()
    expect(page).to_have_url(PAYMENT)
    expect(page.locator("#payment")).to_contain_text("Paid")
    expect(page.get_by_role("link", name="Receipt")).to_be_visible()
    type_in(phone, "150.04").click()
    expect(page).to_have_url(PAYMENT)
    expect(page.locator("#payment")).to_contain_text("The payment is under way")
    type_in(phone, "150.01").click()
    expect(page.locator("#payment")).to_contain_text("Not paid")
    page.get_by_role("link", name="Try again").click()
    expect(page.locator("#f-amount")).to_have_value("150.01")
    assert made(phone) == before + 3


def test_a_double_click_a_reload_and_the_back_button_pay_once(phone):
    page, before = phone.page, made(phone)
    type_in(phone, "70").dblclick()
    expect(page).to_have_url(PAYMENT)
    page.reload()
    expect(page.locator("#payment")).to_contain_text("Paid")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Top up")
    page.reload()
    assert made(phone) == before + 1


def test_two_tabs_that_pay_the_same_pay_once(phone):
    before = made(phone)
    other = Window.on(phone.page.context, phone.site)
    buttons = [type_in(window, "80") for window in (phone, other)]
    for button, window in zip(buttons, (phone, other), strict=True):
        button.click()
        expect(window.page).to_have_url(PAYMENT)
    assert phone.page.url == other.page.url
    assert made(phone) == before + 1
    type_in(phone, "80").click()
    expect(phone.page).to_have_url(PAYMENT)
    assert made(phone) == before + 2, "who opens the form anew means another payment"
