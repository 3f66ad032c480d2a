"""
Makes docs/pages.png, the sheet of pages that README.md shows: `python docs/pages.py`.

The console at a desk and self-care on a phone, of what `./crm run` serves with its demo.
"""

from __future__ import annotations

import base64
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PHONE = "+996799000000"
"""The demo's subscriber."""
CONSOLE = (
    "/console",
    "/console/contracts",
    "/console/customers",
    "/console/numbers",
    "/console/payments",
    "/console/tickets",
)
MINE = ("/my", "/my/tariff", "/my/topup")
SHEET = """<style>body { margin: 0; padding: 20px; background: #e7e9f2; display: flex; gap: 16px }
div { display: grid; gap: 16px; align-content: start }
#console { grid-template-columns: 552px 552px } #mine { grid-template-columns: 171px }
img { display: block; width: 100%; border-radius: 8px; box-shadow: 0 2px 10px #0003 }</style>"""


def main() -> None:
    """Take the pictures and put them on one sheet."""
    with _served() as (site, password, told), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        columns = {
            "console": _console(browser, site, password),
            "mine": _mine(browser, site, told),
        }
        sheet = browser.new_page(viewport={"width": 1347, "height": 400})
        sheet.set_content(SHEET + "".join(_column(name, shots) for name, shots in columns.items()))
        sheet.screenshot(path=Path(__file__).with_name("pages.png"), full_page=True)
        browser.close()


@contextmanager
def _served() -> Iterator[tuple[str, str, list[str]]]:
    """Run the whole with its demo, and give the address, the password and what it prints."""
    with tempfile.TemporaryDirectory() as data, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
        free.close()
        run = [sys.executable, str(ROOT / "crm"), "run", "--port", port, "--data", data]
        process = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        told: list[str] = []
        ready = threading.Event()

        def listen() -> None:
            for line in process.stdout or ():
                told.append(line)
                if "Ctrl-C" in line:
                    ready.set()

        threading.Thread(target=listen, daemon=True).start()
        try:
            if not ready.wait(timeout=180):
                raise SystemExit("".join(told))
            yield f"http://127.0.0.1:{port}", (Path(data) / "demo-password").read_text(), told
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def _console(browser: Browser, site: str, password: str) -> list[bytes]:
    page = browser.new_context(viewport={"width": 1280, "height": 740}, locale="en").new_page()
    _enter(page, f"{site}/login", login="admin", password=password.strip())
    return [_shot(page, site + path) for path in CONSOLE]


def _mine(browser: Browser, site: str, told: list[str]) -> list[bytes]:
    page = browser.new_context(viewport={"width": 390, "height": 740}, locale="en").new_page()
    said = len(told)
    _enter(page, f"{site}/my/login", phone=PHONE)
    page.wait_for_selector("[name=code]")
    codes: list[str] = []
    while not codes:  # it is printed where the messages of the demo are
        codes = re.findall(r"\b[0-9]{6}\b", "".join(told[said:]))
        page.wait_for_timeout(200)
    page.fill("[name=code]", codes[-1])
    page.click("main [type=submit]")
    page.wait_for_load_state("networkidle")
    return [_shot(page, site + path) for path in MINE]


def _column(name: str, shots: list[bytes]) -> str:
    encoded = (base64.b64encode(shot).decode() for shot in shots)
    images = "".join(f'<img src="data:image/png;base64,{image}">' for image in encoded)
    return f'<div id="{name}">{images}</div>'


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
