"""A SIM card sold over the counter: from nobody we know to somebody who is served."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Window

SIGNED = {"name": "signed.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4\n%%EOF\n"}


def sign_in(browser, site, javascript):
    width, height = PHONE
    context = browser.new_context(
        locale="en", java_script_enabled=javascript, viewport={"width": width, "height": height}
    )
    return Window.on(context, site).sign_in("operator")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_sim_is_sold_to_somebody_new_on_a_phone(browser, site, javascript):
    window = sign_in(browser, site, javascript)
    page = window.page

    def look() -> None:
        window.settle()
        assert window.overflow() <= 0
        if javascript:  # axe is a script too
            assert window.faults_of_axe() == []

    window.go("/console/contracts")
    page.get_by_role("link", name="New contract").first.click()
    page.get_by_role("link", name="New customer").click()
    page.fill("#f-name", f"Үсөн {'Скрипт' if javascript else 'Без'}")
    page.fill("#f-phone", "+996 555 010 20" + str(int(javascript)))
    page.fill("#f-birth_date", "12.03.1990")
    page.fill("#f-document_number", f"AN777000{int(javascript)}")
    page.fill("#f-document_valid_until", "01.01.2033")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1 + p")).to_have_text("SIM and number")
    look()
    page.get_by_role("button", name="Next").click()
    expect(page.locator("[data-errors]")).to_be_visible()
    digits = page.locator("[name=card]").first.get_attribute("value")
    page.fill("#f-iccid", digits)
    page.press("#f-iccid", "Enter")  # as a scanner does
    expect(page.locator(f"[name=card][value='{digits}']")).to_be_checked()
    number = page.locator("[name=msisdn]").first
    chosen = number.get_attribute("value")
    number.check()
    page.get_by_role("button", name="Next").click()
    expect(page.locator("h1 + p")).to_have_text("Tariff")
    page.go_back()
    for name, value in (("card", digits), ("msisdn", chosen)):
        expect(page.locator(f"[name={name}][value='{value}']")).to_be_checked()
    page.get_by_role("button", name="Next").click()
    expect(page.locator("h1 + p")).to_have_text("Tariff")
    look()
    page.get_by_role("radio", name=re.compile("^Comfort")).check()
    page.get_by_role("button", name="Next").click()
    expect(page.locator("h1 + p")).to_have_text("Billing")
    look()
    page.get_by_role("radio", name=re.compile("^Prepaid")).check()
    page.get_by_role("button", name="Next").click()
    expect(page.locator("h1 + p")).to_have_text("Documents")
    if javascript:
        page.set_input_files("#f-content", SIGNED | {"name": "a.txt", "buffer": b"no paper"})
        page.get_by_role("button", name="Add").click()
        expect(page.locator("#e-content")).to_contain_text("choose a PDF")
        expect(page.locator(".file-some")).to_have_text("a.txt")
    page.set_input_files("#f-content", SIGNED)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("The document is kept")).to_be_visible()
    look()
    page.get_by_role("button", name="The customer has signed").click()
    expect(page.locator("h1 + p")).to_have_text("Activation")
    expect(page.get_by_role("button", name="Activate")).to_be_disabled()
    look()
    page.get_by_role("link", name="Take payment").click()
    expect(page.locator("#f-amount")).not_to_have_value("")
    page.locator("main").get_by_role("button", name="Take payment").click()
    page.wait_for_url(re.compile("/console/payments/[0-9a-f-]+$"))
    page.get_by_role("link", name="Back to the activation").click()
    page.get_by_role("button", name="Activate").click()
    if not javascript:
        page.wait_for_url(re.compile(r"/console/contracts/[0-9a-f-]+\?sold=1$"))
        expect(page.locator("h1 + p")).to_contain_text(re.compile("Being activated|Active"))
    else:
        expect(page.locator("h1 + p")).to_contain_text("Active")
        look()
    page.context.close()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_customer_to_sell_to_is_found_while_one_types(browser, site, javascript):
    context = browser.new_context(locale="en", java_script_enabled=javascript)
    window = Window.on(context, site).sign_in()
    page = window.page
    window.go("/console/contracts/new?tariff=START")
    page.fill("#whom [data-search]", "Формула")
    if not javascript:
        page.press("#whom [data-search]", "Enter")
    page.locator("#whom .row-card", has_text="Формула").click()
    page.wait_for_url("**/contracts/new/number?**tariff=START**")
    assert window.said == []
    context.close()


def test_what_is_asked_of_one_kind_stands_in_the_lines_of_the_form(window):
    page = window.sign_in().page
    window.go("/console/customers/new")
    person = ("#f-language", "#f-birth_date")
    organisation = ("#f-language", "#f-national_id")
    for kind, line in {"person": person, "organisation": organisation}.items():
        page.select_option("#f-kind", kind)
        expect(page.locator("#f-birth_date")).to_be_visible(visible=kind == "person")
        first, second = (page.locator(one).bounding_box() for one in line)
        assert first, second
        assert first["y"] == second["y"]
