"""A sale without a mouse, from the sign-in to a contract that is active."""

import re
from typing import Literal

import attrs
from playwright.sync_api import Locator, Page, expect

from tests.people import PASSWORD

SIGNED = {"name": "signed.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4\n%%EOF\n"}
LONGEST_WAY = 60
"""So many stops of the Tab key nobody is asked for more than, to get anywhere from a heading."""
AT = """one => {
  const here = document.activeElement, box = here.getBoundingClientRect()
  const style = getComputedStyle(here), place = here.id || here.outerHTML.slice(0, 200)
  const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth
  return [here === one, ring && inside && box.width > 0 ? '' : place]
}"""
"""Whether the focus is where one wants it, and where it cannot be seen."""


@attrs.frozen
class Keys:
    """Somebody who has a keyboard alone, and looks where they are."""

    page: Page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def to(self, wanted: Locator, *, back: bool = False) -> None:
        """Go on until the focus is on something; it has to be seen at every stop."""
        one = wanted.element_handle()
        is_there, _ = self.page.evaluate(AT, one)  # a page may begin there
        for _ in range(LONGEST_WAY):
            if is_there:
                return
            self.press("Shift+Tab" if back else "Tab")
            is_there, unseen = self.page.evaluate(AT, one)
            assert not unseen
        raise AssertionError(f"{wanted} is not within {LONGEST_WAY} stops")

    def type(self, field: str, text: str) -> None:
        self.to(self.page.locator(field))
        self.page.keyboard.type(text)

    def push(self, name: str, role: Literal["button", "link"] = "button") -> None:
        self.to(self.main.get_by_role(role, name=name, exact=True).first)
        self.press("Enter")

    def choose(self, field: str) -> None:
        """Choose the first of some cards."""
        self.to(self.page.locator(f"[name={field}]").first)
        self.press("Space")

    @property
    def main(self) -> Locator:
        return self.page.locator("main")

    def see(self, step: str) -> None:
        expect(self.page.locator("h1 + p")).to_contain_text(step)


def test_a_sim_is_sold_by_keyboard_alone(window):
    page, keys = window.page, Keys(window.page)
    heading, errors = page.locator("h1"), page.locator("[data-errors]")
    page.on("filechooser", lambda asked: asked.set_files(SIGNED))  # the dialog is the system's own
    window.go("/login")
    keys.type("#f-login", "operator")
    keys.type("#f-password", PASSWORD)
    keys.press("Enter")
    page.wait_for_url("**/console")
    window.settle()

    keys.press("g", "o")
    expect(heading).to_have_text("Contracts")
    expect(heading).to_be_focused()
    keys.push("New contract", "link")
    keys.see("Find the customer first")
    expect(heading).to_be_focused()
    keys.push("New customer", "link")
    expect(heading).to_have_text("New customer")
    expect(heading).to_be_focused()
    keys.type("#f-name", "Бермет Баскычова")
    keys.type("#f-phone", "0555 010 299")
    keys.type("#f-birth_date", "31.02.1990")
    keys.press("Enter")
    expect(errors).to_be_focused()
    keys.to(errors.get_by_role("link").first)
    keys.press("Enter")
    expect(page.locator("#f-birth_date")).to_be_focused()
    keys.press("Control+a")
    page.keyboard.type("12.03.1990")
    keys.type("#f-document_number", "AN7770299")
    keys.type("#f-document_valid_until", "01.01.2033")
    keys.press("Control+Enter")

    keys.see("SIM and number")
    expect(heading).to_be_focused()
    keys.push("Next")
    expect(errors).to_be_focused()
    keys.choose("card")
    keys.choose("msisdn")
    keys.press("ArrowDown")
    expect(page.locator("[name=msisdn]").nth(1)).to_be_checked()
    keys.press("Enter")  # sends what is chosen: the form's first button finds a card
    keys.see("Tariff")
    expect(heading).to_be_focused()
    keys.choose("tariff")
    keys.push("Next")
    keys.see("Billing")
    expect(heading).to_be_focused()
    keys.push("Next")
    keys.see("Documents")
    expect(heading).to_be_focused()
    keys.to(page.locator("#f-content"))
    keys.press("Enter")
    page.wait_for_function("() => document.querySelector('#f-content').files.length")
    keys.push("Add")
    expect(page.get_by_text("The document is kept")).to_be_visible()
    expect(heading).to_be_focused()
    keys.push("The customer has signed")
    keys.see("Activation")
    expect(heading).to_be_focused()
    keys.push("Take payment", "link")
    expect(heading).to_be_focused()
    keys.push("Take payment")
    page.wait_for_url(re.compile("/console/payments/[0-9a-f-]+$"))
    expect(heading).to_be_focused()
    keys.push("Back to the activation", "link")
    keys.see("Activation")
    expect(heading).to_be_focused()
    keys.push("Activate")
    keys.see("Active")
    assert [one for one in window.said if "422" not in one] == []
