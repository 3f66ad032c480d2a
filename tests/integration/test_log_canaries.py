"""Unusual values taken through a real service and worker; no log has any of them afterwards."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx
import psycopg
import pyotp
import pytest

import telecom_crm
from telecom_crm.adapters.postgres.embedded import EmbeddedPostgres
from telecom_crm.application.catalog_file import demo_catalog
from telecom_crm.application.inventory.receiving import NumberData, SimData
from telecom_crm.entrypoints.demo import GATEWAYS, subscriber
from telecom_crm.entrypoints.settings import prepare
from tests.integration.conftest import FORGETFUL
from tests.integration.test_web_settings import fields_of

NAME, MAIL, NATIONAL, PAPER = "Qanaryeva", "qanary@example.org", "29912199900777", "QN7713579"
PHONE, PUK, CARD = "996555246813", "86421357", "4000001234567899"
PASSWORD, WRONG = "qanary nests in tall trees", "qanary of another tree"
ONE = subscriber(31)
MESSAGE = re.compile(r"to \S+ \| ")
"""How the messages to people begin that a demo prints, as it has no other way to send them."""


@attrs.define
class Browser:
    """Keeps cookies as a browser does, also those that want TLS, and collects what is secret."""

    client: httpx.Client
    cookies: dict[str, str] = attrs.field(factory=dict)
    secrets: set[str] = attrs.field(factory=set)
    answers: list[int] = attrs.field(factory=list)

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        self.client.cookies.clear()
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.client.request(method, path, headers={"Cookie": cookie}, **more)
        for one in answer.headers.get_list("set-cookie"):
            name, _, value = one.partition(";")[0].partition("=")
            self.cookies[name] = value
            self.secrets |= {value} if len(value) > 15 else set()
        self.secrets |= set(re.findall(r'name="csrf" value="(\w+)"', answer.text))
        self.answers.append(answer.status_code)
        return answer

    def get(self, path: str) -> httpx.Response:
        return self.send("GET", path)

    def fill(self, shown: str, to: str = "", **typed: str) -> httpx.Response:
        """Send a page's form with some of its fields typed into."""
        page = self.get(shown).text
        token = re.search(r'name="csrf" value="(\w+)"', page)
        assert token, page[-3000:]
        fields = {**fields_of(page), "csrf": token[1], **typed}
        return self.send("POST", to or shown, data=fields)


@attrs.frozen
class House:
    """A service and a worker as processes, their database, and where they all write."""

    url: str
    port: int
    logs: Path

    def browser(self) -> Browser:
        address = f"http://127.0.0.1:{self.port}"
        return Browser(httpx.Client(base_url=address, timeout=60, follow_redirects=False))

    def said(self, *parts: str) -> str:
        """Return what was logged; without parts, by everybody, messages to people left out."""
        files = [self.logs / part for part in parts] or sorted(self.logs.rglob("*.log"))
        lines = "\n".join(one.read_text(errors="replace") for one in files).splitlines()
        return "\n".join(line for line in lines if not MESSAGE.match(line))


@pytest.fixture
def house(tmp_path: Path, postgres_binaries: Path | None) -> Iterator[House]:
    database = tmp_path / "postgres"
    with EmbeddedPostgres.start(database, binaries=postgres_binaries, settings=FORGETFUL) as server:
        url = server.create_database("canaries")
        prepare(url, schema="telecom_crm")
        furnish(url, tmp_path)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            found = House(url, free.getsockname()[1], tmp_path)
        started = [
            start(found, "serve", "--port", str(found.port), "--processes", "2"),
            start(found, "worker"),
        ]
        wait_until_up(found, started[0])
        yield found
        for process in started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)


def furnish(url: str, data: Path) -> None:
    with telecom_crm.open(url, data=data, gateways=GATEWAYS) as crm:
        crm.catalog.apply(demo_catalog())
        card = SimData(iccid=ONE.iccid, imsi=ONE.imsi, pin1="7531", puk1=PUK)
        crm.inventory.receive_sims([card])
        crm.inventory.receive_numbers([NumberData(msisdn=ONE.msisdn)])
        crm.users.begin(login="admin", name="The admin", role="admin", password=PASSWORD)


def start(house: House, command: str, *more: str) -> subprocess.Popen[bytes]:
    surroundings = {
        **os.environ,
        "TELECOM_CRM_DATABASE_URL": house.url,
        "TELECOM_CRM_DATA": str(house.logs),
        "TELECOM_CRM_GATEWAYS": ",".join(GATEWAYS),
        "TELECOM_CRM_WORK_SECONDS": "1",
    }
    with (house.logs / f"{command}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "telecom_crm.entrypoints.cli", command, *more],
            env=surroundings,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def wait_until_up(house: House, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", house.port), timeout=5).close()
            return
        threading.Event().wait(0.1)
    raise AssertionError(house.said("serve.log"))


def told(house: House, words: str) -> str:
    """Return what somebody was told that looks like this, once it is printed."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        lines = (house.logs / "serve.log").read_text() + (house.logs / "worker.log").read_text()
        for line in lines.splitlines():
            if MESSAGE.match(line) and (found := re.search(words, line)):
                return found[0]
        threading.Event().wait(0.2)
    raise AssertionError(f"nobody was told {words!r}")


def signs_in(house: House) -> Browser:
    """Sign in at the second try, switch the second step on at the second try."""
    staff = house.browser()
    assert staff.fill("/login", login="admin", password=WRONG).status_code == 401
    assert staff.fill("/login", login="admin", password=PASSWORD).status_code == 303
    path = "/console/me/second-step"
    secret = re.search(r"<code[^>]*>([A-Z2-7 ]{16,})<", staff.fill(path, f"{path}/begin").text)
    if secret is None:
        secret = re.search(r"<code[^>]*>([A-Z2-7 ]{16,})<", staff.get(path).text)
    assert secret
    plain = secret[1].replace(" ", "")
    staff.secrets |= {secret[1], plain}
    assert staff.fill(path, code="000000").status_code == 422
    done = staff.fill(path, code=pyotp.TOTP(plain).now())
    assert done.status_code in (200, 303), done.text
    staff.secrets |= set(re.findall(r"<code[^>]*>([^<]{8,40})</code>", done.text))
    return staff


def registers(staff: Browser) -> str:
    """Register somebody at the second try, find them, write a note; return their page."""
    person = {
        "name": f"{NAME} Aida",
        "phone": f"+{PHONE}",
        "email": MAIL,
        "birth_date": "12.03.1990",
        "national_id": NATIONAL,
        "document_number": PAPER,
    }
    new = "/console/customers/new"
    assert staff.fill(new, **person | {"email": f"{MAIL}@@"}).status_code == 422
    made = staff.fill(new, **person)
    assert made.status_code == 303, made.text
    assert NAME in staff.get(f"/console/customers?q={NAME}&phone={PHONE}").text
    found = re.search(
        r"/console/customers/[0-9a-f-]{36}", staff.get(f"/console/find?q={NAME}").text
    )
    assert found
    noted = staff.fill(found[0], f"{found[0]}/notes", text=f"{NAME} gave {CARD} and {PAPER}")
    assert noted.status_code == 303
    assert staff.fill(found[0], f"{found[0]}/notes", text=f"{NAME}" * 500).status_code == 422
    return found[0]


def sells(staff: Browser, api: httpx.Client, customer: str) -> None:
    """Sell a card by the API at the second try, and look at its codes in the console."""
    body = {
        "customer_id": customer.rpartition("/")[2],
        "iccid": ONE.iccid.digits,
        "msisdn": str(ONE.msisdn),
        "tariff": "COMFORT",
        "policy": "migration",
        "activate": True,
    }
    keyed = {"Idempotency-Key": "qanary-key"}
    odd = api.post("/contracts", json=body | {"tariff": NAME, "iccid": PAPER}, headers=keyed)
    made = api.post("/contracts", json=body, headers=keyed)
    again = api.post("/contracts", json=body, headers={"Idempotency-Key": "another"})
    assert (odd.status_code, made.status_code, again.status_code) == (422, 201, 409), again.text
    card = f"/console/sims/{ONE.iccid.digits}"
    assert PUK in staff.fill(card).text


def makes_token(staff: Browser) -> str:
    made = staff.fill("/console/tokens/new", name="Shop", role="admin", everything="true")
    shown = made if made.status_code == 200 else staff.get(made.headers["location"])
    found = re.search(r'data-copy="([\w-]{20,})"', shown.text)
    assert found, shown.text[-3000:]
    staff.secrets.add(found[1])
    return found[1]


def comes_in(house: House) -> Browser:
    """Sign in to self-care by a code, at the second try, and look at the PUK."""
    phone = house.browser()
    assert phone.fill("/my/login", phone=str(ONE.msisdn)).status_code == 303
    code = told(house, r"\b\d{6}\b")
    phone.secrets.add(code)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    assert phone.fill("/my/login/code", code=wrong).status_code == 401
    assert phone.fill("/my/login/code", code=code).status_code == 303
    phone.fill("/my/profile", email=f"2{MAIL}")
    return phone


def breaks(house: House, staff: Browser, api: httpx.Client, customer: str) -> None:
    """Have the database refuse a row that it shows in its refusal, and the service fail by it."""
    with psycopg.connect(house.url, autocommit=True) as connection:
        connection.execute(
            "ALTER TABLE telecom_crm.customers ADD CONSTRAINT a_defect"
            " CHECK (name NOT LIKE '%Aygul%')"
        )
    edited = staff.fill(f"{customer}/edit", name=f"{NAME} Aygul", reason="Misspelt")
    assert edited.status_code == 500, edited.text
    body = {"name": f"{NAME} Aygul", "email": MAIL, "phone": f"+{PHONE}"}
    assert api.post("/customers", json=body).status_code == 500


def test_no_log_has_anything_of_a_person_nor_a_secret(house: House) -> None:
    staff = signs_in(house)
    customer, secret = registers(staff), makes_token(staff)
    headers = {"Authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=staff.client.base_url, headers=headers, timeout=60) as api:
        sells(staff, api, customer)
        told(house, "C-0000")
        phone = comes_in(house)
        assert api.get("/customers", params={"q": NAME, NAME: PAPER}).status_code == 422
        breaks(house, staff, api, customer)
        forged = {"Authorization": f"Bearer x{secret}"}
        assert api.get("/customers", headers=forged).status_code == 401
    phone.fill("/my", "/my/logout")
    staff.fill("/console", "/logout")
    said = house.said()
    assert "violates check constraint" in house.said("postgres/server.log"), "its log is read"
    assert "POST" in house.said("serve.log"), "a failure is logged"
    canaries = {NAME, MAIL, NATIONAL, PAPER, PHONE[3:], PUK, CARD, PASSWORD, WRONG}
    canaries |= {ONE.msisdn.digits, ONE.iccid.digits, ONE.imsi.digits}
    canaries |= staff.secrets | phone.secrets
    assert len(canaries) > 15
    found = [one for one in canaries if one in said]
    where = [line for line in said.splitlines() if any(one in line for one in found)]
    assert found == [], where[:10]
