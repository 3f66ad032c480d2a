"""Where the focus is after a page, a form, a menu or a dialog: who has no mouse goes on there."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE

AT = "() => document.activeElement.id || document.activeElement.tagName.toLowerCase()"


@pytest.fixture
def console(window):
    window.sign_in().go("/console/customers")
    return window


def tab_reaches(page: Page) -> str:
    page.keyboard.press("Tab")
    return str(page.evaluate(AT))


def test_where_the_palette_leads_the_page_is_alive(console):
    page = console.page
    page.keyboard.press("Control+k")
    page.locator("#palette input").fill("Петров Тимур")
    expect(page.locator("#found a").first).to_contain_text("Петров Тимур")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Петров Тимур")
    expect(page.locator("h1")).to_be_focused()
    assert page.evaluate("() => document.querySelectorAll(':modal').length") == 0
    assert tab_reaches(page) != "body"
    page.keyboard.press("Control+k")
    expect(page.locator("#palette input")).to_have_value("")


def test_after_a_form_the_focus_is_at_the_heading(console):
    page = console.page
    page.goto(console.site + "/console/customers/new")
    page.fill("#f-name", "Focus Keeper")
    page.keyboard.press("Control+Enter")
    expect(page.locator("h1")).to_have_text("Focus Keeper")
    expect(page.locator("h1")).to_be_focused()
    page.locator("summary", has_text="Add a note").click()
    page.locator("[name=text]").first.fill("called")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts .toast").last).to_contain_text("Note saved")
    expect(page.locator("h1")).to_be_focused()


def test_the_first_click_after_signing_in_is_not_lost(window):
    page = window.page
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    window.come_in()
    expect(page.locator("h1")).to_be_focused()
    page.get_by_role("link", name="Top up", exact=True).first.click()
    expect(page).to_have_url(re.compile("/my/topup$"))


def test_a_heading_has_no_ring_and_what_is_wrong_has_one(window):
    page = window.come_in().page
    ring = "() => getComputedStyle(document.activeElement).outlineStyle"
    window.go("/my/topup")
    page.fill("#f-amount", "x")
    page.keyboard.press("Enter")
    expect(page.locator("[data-errors]")).to_be_focused()
    assert page.evaluate(ring) == "solid"
    page.fill("#f-amount", "100")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_be_focused()
    assert page.evaluate(ring) == "none"


def test_where_a_code_is_asked_for_one_types_at_once(window):
    page = window.page
    window.go("/my/login")
    page.fill("#f-phone", "+996555999999")
    page.keyboard.press("Enter")
    expect(page.locator("#f-code")).to_be_focused()


def test_a_menu_closes_by_escape_and_by_leaving_it(console):
    page = console.page
    menu = page.locator("header details.menu, .topbar details.menu").first
    summary = menu.locator("summary")
    for leave in ("Escape", "Shift+Tab"):
        summary.focus()
        page.keyboard.press("Enter")
        expect(menu).to_have_attribute("open", "")
        page.keyboard.press(leave)
        expect(menu).not_to_have_attribute("open", "")
        if leave == "Escape":
            expect(summary).to_be_focused()


def test_the_next_page_of_a_list_is_read_from_its_heading_on(console):
    page = console.page
    page.get_by_role("link", name=re.compile("^Next")).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("cursor="))
    expect(page.locator("h1")).to_be_focused()
    expect(page.locator("h1")).to_be_in_viewport()


def test_a_link_to_a_field_leads_to_it(window):
    page = window.come_in().page
    page.evaluate("""() => {
      const link = document.createElement('a');
      link.href = '/my/profile#f-password';
      link.textContent = 'to the field';
      document.querySelector('main').append(link);
      window.htmx.process(link);
    }""")
    page.get_by_text("to the field").click()
    expect(page.locator("#f-password")).to_be_focused()
    expect(page.locator("#f-password")).to_be_in_viewport()


def test_escape_leaves_the_search_for_the_rows(console):
    page = console.page
    page.keyboard.press("/")
    expect(page.locator("main [data-search]")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator("main [data-row] a").first).to_be_focused()


def test_what_the_focus_is_on_is_never_under_the_bar_of_a_phone(window):
    page = window.page
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    window.come_in()
    covered = """() => {
      const on = document.activeElement, bar = document.querySelector('.my-bar');
      if (!on || on === document.body || bar.contains(on)) return false;
      const a = on.getBoundingClientRect(), b = bar.getBoundingClientRect();
      return a.top < b.bottom && a.bottom > b.top;
    }"""
    for path in ("/my", "/my/profile", "/my/tariff"):
        window.go(path)
        for _ in range(40):
            page.keyboard.press("Tab")
            assert not page.evaluate(covered), page.evaluate(
                "() => document.activeElement.outerHTML"
            )


def test_a_subscriber_chooses_language_and_theme_in_the_header(window):
    window.come_in()
    page = window.page
    page.locator("header details.menu summary").nth(1).click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator("header details.menu summary").first.click()
    page.get_by_role("button", name="Русский").click()
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    expect(page).to_have_url(re.compile("/my$"))


@pytest.mark.parametrize(
    ("path", "field"),
    [("/login", "#f-login"), ("/my/login", "#f-phone"), ("/my/login/password", "#f-contract")],
)
def test_who_signs_in_types_at_once(window, path, field):
    window.go(path)
    expect(window.page.locator(field)).to_be_focused()
