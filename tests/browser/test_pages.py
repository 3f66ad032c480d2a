"""Every page there is: accessible, quiet, within its window, light, and wholly translated."""

from functools import cache
from itertools import product

import pytest
from playwright.sync_api import Browser

from assets.words import extracted
from tests.browser.addresses import address_of, templates
from tests.browser.conftest import DESK, EVERY_RULE, PHONE, RULES_OF_COLOUR, Window

THEMES = ("light", "dark")
MOST_REQUESTS, MOST_BYTES = 12, 130_000
GUESTS = ("/login", "/login/code", "/my/login", "/my/login/password")
LEADS_ON = (
    "/console/{rest:path}",
    "/console/contracts/new/later",
    "/login/code",
    "/my/login/code",
)
"""Pages that only lead to another, or to nothing."""
PAGES = [
    path
    for path in (*templates("console"), *templates("my"))
    if path not in LEADS_ON and not path.endswith(".pdf")
]


@pytest.fixture(scope="module")
def windows(browser: Browser, site: str):
    """Give a signed-in window of a language; each is opened once."""
    opened = {}

    def window(template: str, language: str = "en") -> Window:
        guest, mine = template in GUESTS, template.startswith("/my")
        key = (language, guest, mine)
        if key not in opened:
            context = browser.new_context(color_scheme="light", locale=language)
            opened[key] = Window.on(context, site)
            if not guest:
                opened[key].come_in() if mine else opened[key].sign_in()
        return opened[key]

    yield window
    for one in opened.values():
        one.page.context.close()


@pytest.fixture(scope="module")
def address(windows):
    """Give the address of a page; each is looked for once."""
    return cache(lambda template: address_of(windows(template), template))


@pytest.fixture(scope="module")
def plain_texts() -> set[str]:
    """Return what pages say, but for what is the same in each language."""
    said = {message.id for message in extracted() if isinstance(message.id, str)}
    return said - {"", "SMS", "E-mail", "ICCID", "IMSI", "PIN", "PUK"}


@pytest.mark.parametrize("template", PAGES)
def test_every_page_is_accessible_quiet_and_within_its_window(windows, address, template):
    """Themes and widths are the style sheet's alone, so that one load shows them all.

    Of axe-core's rules only those of colour can tell another theme.
    """
    window, path = windows(template), address(template)
    assert window.go(path) == 200
    assert window.page.locator("h1").count() == 1
    assert not window.page.title().startswith("·")
    assert window.page.locator("html").get_attribute("lang") == "en"
    assert "Wording(" not in window.page.content(), "a text of the catalog in no language"
    for theme, (width, height) in product(THEMES, (DESK, PHONE)):
        window.page.emulate_media(color_scheme=theme)
        window.page.set_viewport_size({"width": width, "height": height})
        assert window.overflow() <= 0, f"wider than {width} px"
        rules = EVERY_RULE if theme == "light" else RULES_OF_COLOUR
        assert window.faults_of_axe(rules) == [], f"{theme}, {width} px"
    window.page.emulate_media(media="print")
    assert window.pressed_on_paper() == []
    assert window.page.evaluate("() => getComputedStyle(document.body).colorScheme") == "light"
    window.page.emulate_media(media="screen")
    assert window.said == []


@pytest.mark.parametrize("template", PAGES)
def test_every_page_is_light_to_load(windows, address, template):
    window, path = windows(template, "ky"), address(template)
    window.forget()
    window.go(path)
    sizes = [one.sizes() for one in window.loaded]
    assert len(sizes) <= MOST_REQUESTS, [one.url for one in window.loaded]
    assert sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes) <= MOST_BYTES


@pytest.mark.parametrize("template", PAGES)
def test_every_text_is_translated_and_has_room(windows, address, site, plain_texts, template):
    """In the pseudo-locale a text without brackets was not translated, and all are longer."""
    window, path = windows(template, "en-GB"), address(template)
    window.page.context.add_cookies([{"name": "language", "value": "xx", "url": site}])
    window.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    window.go(path)
    assert window.overflow() <= 0
    texts = window.page.evaluate(
        """() => {
          const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) found.push(walker.currentNode.textContent.trim());
          return found;
        }"""
    )
    assert [text for text in texts if text in plain_texts] == []


@pytest.mark.parametrize("path", ["/console/nothing", "/my/nothing"])
def test_what_is_not_there_is_said_on_a_page(windows, path):
    window = windows(path)
    assert window.go(path) == 404
    assert window.page.locator("h1").count() == 1
    assert window.faults_of_axe() == []
