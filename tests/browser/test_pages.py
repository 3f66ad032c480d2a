"""Every page there is: accessible, quiet, within its window, light, and wholly translated."""

from typing import Any

import pytest
from playwright.sync_api import Browser

from assets.words import extracted
from tests.browser.addresses import address_of, templates
from tests.browser.conftest import DESK, PHONE, Window

MOST_REQUESTS, MOST_BYTES = 12, 130_000
GUESTS = ("/login", "/login/code", "/my/login", "/my/login/password")
LEADS_ON = ("/console", "/console/{rest:path}", "/login/code", "/my/login/code")
"""Pages that only lead to another, or to nothing."""
PAGES = [
    path
    for path in (*templates("console"), *templates("my"))
    if path not in LEADS_ON and not path.endswith(".pdf")
]


@pytest.fixture(scope="module")
def windows(browser: Browser, site: str):
    """Give a signed-in window of a theme and a language; each is opened once."""
    opened = {}

    def window(template: str, theme: Any, language: str = "en") -> Window:
        guest, mine = template in GUESTS, template.startswith("/my")
        key = (theme, language, guest, mine)
        if key not in opened:
            context = browser.new_context(color_scheme=theme, locale=language)
            opened[key] = Window.on(context, site)
            if not guest:
                opened[key].come_in() if mine else opened[key].sign_in()
        return opened[key]

    yield window
    for one in opened.values():
        one.page.context.close()


@pytest.mark.parametrize("template", PAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_accessible_quiet_and_within_its_window(windows, template, theme):
    window = windows(template, theme)
    address = address_of(window, template)
    for width, height in (DESK, PHONE):
        window.page.set_viewport_size({"width": width, "height": height})
        assert window.go(address) == 200
        assert window.page.locator("h1").count() == 1
        assert not window.page.title().startswith("·")
        assert window.page.locator("html").get_attribute("lang") == "en"
        assert window.overflow() <= 0, f"wider than {width} px"
        assert window.faults_of_axe() == []
        assert window.said == []


@pytest.mark.parametrize("template", PAGES)
def test_every_page_is_light_to_load(browser, windows, site, template):
    known = windows(template, "light", "ky")
    address = address_of(known, template)
    context = browser.new_context(storage_state=known.page.context.storage_state(), locale="ky")
    window, sizes = Window.on(context, site), []
    session = context.new_cdp_session(window.page)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    window.go(address)
    context.close()
    assert len(window.loaded) <= MOST_REQUESTS, window.loaded
    assert sum(sizes) <= MOST_BYTES


@pytest.mark.parametrize("template", PAGES)
def test_every_text_is_translated_and_has_room(windows, site, template):
    """In the pseudo-locale a text without brackets was not translated, and all are longer."""
    window = windows(template, "light", "en-GB")
    window.page.context.add_cookies([{"name": "language", "value": "xx", "url": site}])
    address = address_of(window, template)
    window.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    window.go(address)
    assert window.overflow() <= 0
    texts = window.page.evaluate(
        """() => {
          const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) found.push(walker.currentNode.textContent.trim());
          return found;
        }"""
    )
    known = {message.id for message in extracted() if isinstance(message.id, str)}
    plain = known - {"", "SMS", "E-mail"}
    assert [text for text in texts if text in plain] == []


@pytest.mark.parametrize("path", ["/console/nothing", "/my/nothing"])
def test_what_is_not_there_is_said_on_a_page(windows, path):
    window = windows(path, "light")
    assert window.go(path) == 404
    assert window.page.locator("h1").count() == 1
    assert window.faults_of_axe() == []
