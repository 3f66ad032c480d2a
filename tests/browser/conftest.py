import shutil
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from tests.browser.serving import CONTRACT, served
from tests.people import PASSWORD

AXE = Path(__file__).parent / "axe.min.js"
PHONE, DESK = (390, 844), (1440, 900)
EVERY_RULE = "rules: {'target-size': {enabled: true}}"  # WCAG 2.2; not on by itself
RULES_OF_COLOUR = "runOnly: ['color-contrast', 'link-in-text-block']"
expect.set_options(timeout=20_000)  # a worker's turn, on a machine that does much else
SWITCHES = ["--no-sandbox", "--disable-dev-shm-usage"]


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Open a browser for the tests of a module; its event loop would be in the way of others'."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "the tests of pages need Debian's chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        yield launched
        launched.close()


@attrs.define(eq=False)
class Window:
    """A browser window of one visitor, and what its console said."""

    page: Page
    site: str
    said: list[str] = attrs.field(factory=list)
    loaded: list[Request] = attrs.field(factory=list)

    @classmethod
    def on(cls, context: BrowserContext, site: str) -> "Window":
        window = cls(context.new_page(), site)
        window.page.on("console", lambda message: window.said.append(message.text))
        window.page.on("pageerror", lambda error: window.said.append(str(error)))

        def load(one: Request) -> None:
            window.loaded.append(one)

        window.page.on("request", load)  # a function: a bound method is given an attribute
        return window

    def go(self, path: str) -> int:
        self.said.clear()
        self.loaded.clear()
        answer = self.page.goto(self.site + path)
        self.settle()
        assert answer is not None
        return answer.status

    def forget(self) -> None:
        """Let go of what was loaded before, so that the next page comes as to a newcomer."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("Network.clearBrowserCache")
        session.detach()

    def settle(self) -> None:
        """Wait for what a page loads after itself: its fonts, and parts that come by themselves."""
        self.page.wait_for_load_state()
        if self.page.evaluate("() => document.fonts.ready.then(() => 'htmx' in window)"):
            expect(self.page.locator("[hx-trigger=load]")).to_have_count(0)

    def sign_in(self, login: str = "admin") -> "Window":
        self.go("/login")
        self.page.fill("#f-login", login)
        self.page.fill("#f-password", PASSWORD)
        self.page.click("main [type=submit]")
        self.page.wait_for_url("**/console**")
        return self

    def come_in(self, contract: str = CONTRACT) -> "Window":
        """Sign in to self-care."""
        self.go("/my/login/password")
        self.page.fill("#f-contract", contract)
        self.page.fill("#f-password", PASSWORD)
        self.page.click("main [type=submit]")
        self.page.wait_for_url("**/my")
        return self

    def faults_of_axe(self, wish: str = EVERY_RULE) -> list[str]:
        """Run axe-core past the content policy, as a debugger may."""
        if not self.page.evaluate("() => 'axe' in window"):
            session = self.page.context.new_cdp_session(self.page)
            session.send("Runtime.evaluate", {"expression": AXE.read_text()})
            session.detach()
        # What is right is not described: that is half of the work.
        run = f"axe.run({{resultTypes: ['violations'], {wish}}})"
        violations = self.page.evaluate(f"() => {run}.then((found) => found.violations)")
        return [
            f"{fault['id']}: {node['html'][:200]}"
            for fault in violations
            for node in fault["nodes"]
        ]

    def pressed_on_paper(self) -> list[str]:
        """Return what is printed though it is there to be pressed; only once print is emulated."""
        found = self.page.evaluate(
            """() => [...document.querySelectorAll('button, [type=submit], nav, summary.btn, .btn')]
              .filter((one) => one.checkVisibility()).map((one) => one.outerHTML.slice(0, 200))"""
        )
        return [str(one) for one in found]

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        wide = self.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        return int(wide)


@pytest.fixture
def window(browser: Browser, site: str) -> Iterator[Window]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en")
    yield Window.on(context, site)
    context.close()
