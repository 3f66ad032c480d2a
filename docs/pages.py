"""
Makes docs/pages.png, the sheet of pages that README.md shows: `python docs/pages.py`.

The console at a desk and self-care on a phone, over a CRM in memory with the demo's people in it.
"""

from __future__ import annotations

import base64
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.browser.serving import CONTRACT, served
from tests.people import PASSWORD

CONSOLE = ("/console/customers", "/console/payments")
SHEET = """<style>body { margin: 0; padding: 20px; background: #e7e9f2; display: grid; gap: 16px;
grid-template-columns: 560px 560px 171px; align-items: start }
img { display: block; width: 100%; border-radius: 8px; box-shadow: 0 2px 10px #0003 }</style>"""


def main() -> None:
    """Take the pictures and put them on one sheet."""
    with served() as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        shots = [*_console(browser, site), _home(browser, site)]
        sheet = browser.new_page(viewport={"width": 1363, "height": 400})
        images = (base64.b64encode(shot).decode() for shot in shots)
        sheet.set_content(SHEET + "".join(f'<img src="data:image/png;base64,{i}">' for i in images))
        sheet.screenshot(path=Path(__file__).with_name("pages.png"), full_page=True)
        browser.close()


def _console(browser: Browser, site: str) -> list[bytes]:
    page = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en").new_page()
    _enter(page, f"{site}/login", login="admin", password=PASSWORD)
    return [_shot(page, site + path) for path in CONSOLE]


def _home(browser: Browser, site: str) -> bytes:
    page = browser.new_context(viewport={"width": 390, "height": 800}, locale="en").new_page()
    _enter(page, f"{site}/my/login/password", contract=CONTRACT, password=PASSWORD)
    return _shot(page, f"{site}/my")


def _enter(page: Page, url: str, **fields: str) -> None:
    page.goto(url)
    for name, value in fields.items():
        page.fill(f"[name={name}]", value)
    page.click("main [type=submit]")
    page.wait_for_load_state("networkidle")


def _shot(page: Page, url: str) -> bytes:
    page.goto(url)
    page.wait_for_load_state("networkidle")
    return page.screenshot()


if __name__ == "__main__":
    main()
