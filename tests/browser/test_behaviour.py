"""What pages do in a browser: parts that are swapped, keys, dialogs, and what is said once."""

import re

import pytest
from playwright.sync_api import expect


@pytest.fixture
def customers(window):
    window.sign_in().go("/console/customers")
    return window


def test_a_search_swaps_the_table_alone_and_stands_in_the_address(customers):
    page = customers.page
    page.evaluate("() => { document.body.dataset.kept = 'yes' }")
    page.fill("[data-search]", "Петров")
    expect(page).to_have_url(re.compile("q=%D0%9F"))
    expect(page.locator("tbody tr").first).to_contain_text("Петров")
    assert page.evaluate("() => document.body.dataset.kept") == "yes"
    expect(page.locator("[data-search]")).to_be_focused()
    page.reload()
    expect(page.locator("[data-search]")).to_have_value("Петров")
    assert customers.said == []


def test_nothing_found_offers_the_way_back(customers):
    page = customers.page
    page.fill("[data-search]", "Nebuchadnezzar")
    expect(page.locator(".empty").get_by_role("link", name="New customer")).to_be_visible()
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator("tbody tr").first).to_be_visible()


def test_links_swap_the_body_and_back_restores_the_list(customers):
    page = customers.page
    page.evaluate("() => { window.kept = 1 }")
    page.get_by_role("link", name="Active").click()
    expect(page).to_have_url(re.compile("status=active"))
    name = page.locator("tbody tr a").first.inner_text().splitlines()[-1]
    page.locator("tbody tr a").first.click()
    expect(page.locator("h1")).to_have_text(name)
    expect(page).to_have_title(re.compile(re.escape(name)))
    page.go_back()
    expect(page).to_have_url(re.compile("status=active"))
    expect(page.locator("h1")).to_have_text("Customers")
    assert page.evaluate("() => window.kept") == 1
    assert customers.said == []


def test_the_palette_opens_by_keys_and_finds_people(customers):
    page = customers.page
    page.keyboard.press("Control+k")
    expect(page.locator("#palette")).to_be_visible()
    page.locator("#palette input").fill("Петров Тимур")
    expect(page.locator("#found a").first).to_contain_text("Петров Тимур")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Петров Тимур")
    expect(page.locator("#palette")).to_be_hidden()
    assert customers.said == []


def test_the_palette_lists_what_it_finds_over_a_page_that_stays_as_it_is(customers):
    page = customers.page
    customers.go("/console/find?q=Петров")
    behind = page.locator("#hits").inner_text()
    page.keyboard.press("Control+k")
    page.locator("#palette input").fill("Формула")
    expect(page.locator("#palette #found a")).to_have_count(1)
    assert page.locator("#hits").inner_text() == behind
    assert customers.said == []


def test_a_number_that_is_pasted_leads_to_its_thing_before_anything_is_found(customers):
    page = customers.page
    page.keyboard.press("Control+k")
    page.keyboard.insert_text("c-00000001")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/console/contracts/[0-9a-f-]{36}$"))
    expect(page).to_have_title(re.compile("C-00000001"))
    assert customers.said == []


def test_the_palette_begins_with_what_was_opened_lately_in_this_session(customers):
    page, recent = customers.page, customers.page.locator("#recent a")
    name = page.locator("tbody tr a").first.inner_text().splitlines()[-1]
    page.locator("tbody tr a").first.click()
    expect(page.locator("h1")).to_have_text(name)
    page.keyboard.press("g")
    page.keyboard.press("d")
    expect(page.locator("h1")).not_to_have_text(name)
    page.keyboard.press("Control+k")
    expect(recent).to_have_text([name])
    page.locator("#palette input").fill("Петров")
    expect(recent).to_be_hidden()
    page.locator("#palette input").fill("")
    expect(recent).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(name)
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("#f-login")).to_be_visible()
    assert page.evaluate("() => [sessionStorage.length, localStorage.length]") == [0, 0]
    assert customers.said == []


def test_the_form_of_a_page_is_sent_by_keys_from_its_heading(customers):
    page = customers.page
    customers.go("/console/roles/new")
    page.locator("h1").evaluate("one => { one.tabIndex = -1; one.focus() }")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-errors] a").first).to_have_text(re.compile("^Title: "))


def test_enter_on_a_choice_of_no_form_sends_no_other_form(customers):
    page = customers.page
    customers.go("/console/roles/new")
    page.evaluate("""() => {
      document.addEventListener('submit', (e) => {
        e.preventDefault();
        window.sent = e.target.id;
      });
      for (const [id, inner] of [['alone', ''], ['owned', '<form id="own"></form>']])
        document.querySelector('h1').insertAdjacentHTML(
          'afterend', `${inner}<input type="radio" id="${id}"${inner && ' form="own"'}>`);
    }""")
    page.locator("#alone").press("Enter")
    assert page.evaluate("() => window.sent") is None
    page.locator("#owned").press("Enter")
    assert page.evaluate("() => window.sent") == "own"


def test_n_and_a_letter_begin_something_new(customers):
    page = customers.page
    for letter, heading in zip(
        "acopt",
        ("New application", "New customer", "New contract", "Take payment", "New ticket"),
        strict=True,
    ):
        page.keyboard.press("n")
        page.keyboard.press(letter)
        expect(page.locator("h1")).to_have_text(heading)
    page.keyboard.press("?")
    expect(page.locator("#keys").get_by_role("link", name="New ticket")).to_be_visible()
    page.keyboard.press("Escape")
    for letter, heading in zip(
        "oskn", ("Contracts", "SIM cards", "Tickets", "Numbers"), strict=True
    ):
        page.keyboard.press("g")
        page.keyboard.press(letter)
        expect(page.locator("h1")).to_have_text(heading)
    assert customers.said == []


def test_a_chart_tells_each_point_to_the_pointer_and_to_arrow_keys(window):
    page = window.sign_in().page
    window.go("/console")
    chart = page.locator("main .chart[tabindex]:visible").first
    told = chart.locator(".tip:visible")
    expect(told).to_have_count(0)
    chart.locator(".hit").nth(3).hover()
    third = told.text_content()
    page.mouse.move(0, 0)
    chart.focus()
    expect(told).to_have_count(1)
    for key in ("ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    expect(told).to_have_text(third)
    page.keyboard.press("ArrowLeft")
    expect(told).not_to_have_text(third)
    page.get_by_role("button", name="Sign out").focus()
    expect(told).to_have_count(0)
    assert window.said == []


def test_rows_are_walked_and_opened_by_keys(customers):
    page = customers.page
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = page.locator("tbody tr").nth(1)
    expect(second).to_have_attribute("data-at", "")
    expect(second.locator("a").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("customers/[0-9a-f-]{36}"))


def test_enter_follows_the_link_that_has_the_focus_and_nothing_besides(customers):
    page = customers.page
    page.keyboard.press("j")
    page.get_by_role("link", name="New customer").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("New customer")
    expect(page.locator("h1")).to_be_focused()
    page.go_back()
    expect(page.locator("h1")).to_have_text("Customers")
    assert len([one for one in customers.loaded if "/customers/" in one.url]) == 1


def test_letters_go_by_their_place_on_the_keyboard(window):
    page = window.sign_in().page
    window.go("/prefs")
    for code, key in (("KeyG", "п"), ("KeyC", "с")):
        page.evaluate(
            "([code, key]) => document.body.dispatchEvent("
            "new KeyboardEvent('keydown', {code, key, bubbles: true}))",
            [code, key],
        )
    expect(page.locator("h1")).to_have_text("Customers")


def test_keys_typed_into_a_field_stay_there(customers):
    page = customers.page
    page.keyboard.press("/")
    expect(page.locator("[data-search]")).to_be_focused()
    page.keyboard.type("jgc")
    expect(page.locator("[data-search]")).to_have_value("jgc")


def test_a_dialog_asks_why_and_the_toast_says_it_is_done(customers):
    page = customers.page
    page.locator("tbody a.who").last.click()
    page.locator("#profile-head details.menu summary").click()
    page.locator("#profile-head").get_by_role("link", name="Block").click()
    page.locator("#do-block textarea").fill("Lost papers")
    page.locator("#do-block [type=submit]").click()
    expect(page.locator("#toasts .toast").first).to_contain_text("The customer is blocked")
    expect(page.locator("main .badge").first).to_have_text("Blocked")
    page.reload()
    expect(page.locator("#toasts .toast")).to_have_count(0)


def test_a_form_with_a_fault_keeps_its_input_and_takes_the_focus(customers):
    page = customers.page
    page.locator("tbody tr a").first.click()
    page.locator("summary", has_text="Add a note").click()
    page.locator("#f-text").fill("x" * 1001)
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("[data-errors]")).to_be_focused()
    expect(page.locator("#f-text")).to_have_value("x" * 1001)
    expect(page).to_have_title(re.compile("^Error:"))


def test_a_phone_has_the_navigation_behind_a_button(window):
    page = window.sign_in().page
    page.set_viewport_size({"width": 390, "height": 844})
    window.go("/console/customers")
    expect(page.locator("#nav")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(page.locator("#nav")).to_be_visible()
    page.locator("#nav").get_by_role("link", name="Customers").click()
    expect(page.locator("#nav")).to_be_hidden()


def test_the_language_and_the_theme_are_kept(customers):
    page = customers.page
    page.locator("summary", has_text="EN").click()
    page.get_by_role("button", name="Кыргызча").click()
    expect(page.locator("h1")).to_have_text("Кардарлар")
    expect(page.locator("html")).to_have_attribute("lang", "ky")
    page.locator("summary", has_text="KY").click()
    page.get_by_role("button", name="English").click()
    expect(page.locator("h1")).to_have_text("Customers")


def test_without_an_answer_the_form_stays_and_it_is_said(customers):
    page = customers.page
    page.locator("tbody tr a").first.click()
    page.locator("summary", has_text="Add a note").click()
    page.locator("#f-text").fill("to be kept")
    page.context.set_offline(True)
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("#offline")).to_be_visible()
    expect(page.locator("#f-text")).to_have_value("to be kept")
    page.context.set_offline(False)


def test_the_bell_is_marked_as_read_where_one_is_and_counts_no_more(window):
    window.sign_in().go("/console/customers")
    page, bell = window.page, window.page.locator("#news summary")
    expect(bell).to_have_text(re.compile(r"\d"))
    bell.click()
    page.get_by_role("button", name="Mark as read").click()
    expect(bell).not_to_have_text(re.compile(r"\d"))
    expect(page).to_have_url(re.compile("/console/customers$"))
    bell.click()
    expect(page.locator("#news .news a").first).to_be_visible()
    expect(page.get_by_role("button", name="Mark as read")).to_have_count(0)
    assert window.said == []
