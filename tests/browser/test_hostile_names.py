"""Long texts full of markup, on a phone: they are shown, nothing comes of them, and all fits."""

import pytest
from playwright.sync_api import Dialog

from tests.browser.addresses import address_of, templates
from tests.browser.conftest import PHONE, Window
from tests.browser.hostile import LONG, MARK, SHORT
from tests.browser.serving import served
from tests.browser.test_pages import GUESTS, LEADS_ON

SHOWN = """mark => {
  const made = document.querySelectorAll('xss, [xss], [onerror], [onfocus], f').length
  const texts = [], walker = document.createTreeWalker(document, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) texts.push(walker.currentNode.textContent)
  for (const one of document.querySelectorAll('input, textarea')) texts.push(one.value)
  return [made, texts.filter(one => one.includes(mark))]
}"""
"""How many elements came of a text, and the texts that were meant to become some."""


@pytest.fixture(scope="module")
def hostile(browser):
    """A window that is signed in on both faces of a CRM full of hostile texts."""
    with served("tests.browser.hostile:make") as url:
        size = {"width": PHONE[0], "height": PHONE[1]}
        context = browser.new_context(locale="en", viewport=size)
        window = Window.on(context, url)

        def refuse(dialog: Dialog) -> None:
            window.said.append(f"a dialog: {dialog.message}")
            dialog.dismiss()

        window.page.on("dialog", refuse)
        window.come_in()
        yield window.sign_in()
        context.close()


BEGINNINGS = {one.partition(MARK)[2][:30] for one in (LONG, SHORT)}


def whole(text: str) -> bool:
    """Tell whether a hostile text is shown as it was typed, up to its markup or its cut."""
    shown = text.partition(MARK)[2][:30].rstrip("… \n")
    return any(one.startswith(shown) for one in BEGINNINGS)


def test_no_text_is_more_than_a_text_on_any_page(hostile):
    page, times, odd = hostile.page, 0, []
    for template in (*templates("console"), *templates("my")):
        if template in LEADS_ON or template in GUESTS:
            continue
        hostile.go(address_of(hostile, template))
        made, texts = page.evaluate(SHOWN, MARK)
        times += len(texts)
        odd += [(template, one) for one in hostile.said]
        odd += [(template, f"{made} elements")] * bool(made)
        odd += [(template, "wider than a phone")] * (hostile.overflow() > 0)
        odd += [(template, one) for one in texts if not whole(one)]
    assert odd == []
    assert times > 300, "hostile texts are on nearly all pages"
