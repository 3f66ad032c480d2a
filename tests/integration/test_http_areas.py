"""Each area's way through, and what it refuses."""

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import ANY
from uuid import UUID

import attrs
import duckdb
import pytest

from telecom_crm.adapters.network.simulator import NetworkStep, Trouble
from telecom_crm.domain.errors import InvalidValue, NotFound, TelecomCrmError, VersionSeen
from telecom_crm.domain.identifiers import ImportId
from telecom_crm.domain.importing import ImportJob
from telecom_crm.domain.paper import PaperKind
from telecom_crm.domain.role import RoleName as Role
from tests.integration.http_service import (
    STORES,
    Service,
    fields_of,
    iccid,
    money,
    msisdn,
    nowhere,
    opened,
    problem_of,
)

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4") + b"\0" * 64


@pytest.fixture(params=STORES)
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    with opened(request) as found:
        yield found


def test_a_person_gets_a_contract_with_money_on_it(service):
    index = service.fresh()
    body = {
        "iccid": iccid(index),
        "msisdn": msisdn(index),
        "tariff": "START",
        "options": ["DATA10"],
        "customer": {
            "name": "Асанов Азамат",
            "phone": "+996555123456",
            "documents": [{"type": "id_card", "number": "AN1234567"}],
        },
    }
    answer = service.post("/contracts", body, key="sale")
    assert answer.status_code == 201
    contract = answer.json()
    assert answer.headers["location"] == f"/contracts/{contract['id']}"
    assert answer.headers["etag"] == f'"{contract["version"]}"'
    assert (contract["status"], contract["tariff"]) == ("accepted", "START")
    assert service.get(f"/sims/{iccid(index)}").json()["contract_id"] == contract["id"]
    assert service.get(f"/numbers/{msisdn(index)}").json()["status"] == "assigned"

    payment = service.pay(contract, "1000.00")
    assert payment["status"] == "confirmed"
    receipt = service.get(f"/payments/{payment['id']}/receipt").json()
    assert receipt["amount"] == money("1000.00")
    assert receipt["number"] == f"{receipt['account_number']}-{payment['id'][-8:].upper()}"
    found = service.get(f"/payments?receipt={receipt['number']}").json()["items"]
    assert [one["id"] for one in found] == [payment["id"]]
    other = f"{receipt['account_number']}-00000000"
    assert service.get(f"/payments?receipt={other}").json()["items"] == []
    assert service.get("/payments?receipt=42").status_code == 422

    document = service.send(
        "POST",
        f"/contracts/{contract['id']}/documents?name=passport.png",
        content=PNG,
        headers={"Content-Type": "application/octet-stream"},
    )
    assert document.status_code == 201, document.text
    kept = document.json()["documents"][0]
    assert kept["media_type"] == "image/png"
    back = service.get(f"/contracts/{contract['id']}/documents/{kept['id']}")
    assert back.content == PNG
    assert back.headers["x-content-type-options"] == "nosniff"

    summary = service.get(f"/contracts/{contract['id']}/activation-summary").json()
    assert summary["ready"], summary
    activating = service.post(f"/contracts/{contract['id']}/request-activation").json()
    assert activating["status"] == "activating"
    while service.crm.work():
        pass
    active = service.get(f"/contracts/{contract['id']}").json()
    assert active["status"] == "active"
    account = service.get(f"/accounts/{contract['account_id']}").json()
    spent = sum(Decimal(fee["gross"]["amount"]) for fee in summary["first_fees"])
    assert spent > 0
    assert Decimal(account["balance"]["amount"]) == 1000 - spent
    statement = service.get(f"/contracts/{contract['id']}/statement").json()
    assert statement["closing"] == account["balance"]
    entries = service.get(f"/accounts/{contract['account_id']}/entries?limit=1")
    assert entries.json()["items"][0]["amount"] == money("1000.00")
    assert "link" in entries.headers
    assert service.get(f"/contracts/{contract['id']}/timeline").json()["items"]


def test_a_taken_sim_is_refused_with_its_state(service):
    contract = service.new_contract()
    body = {
        "iccid": contract["iccid"],
        "msisdn": msisdn(19),
        "tariff": "START",
        "customer": {"name": "Second"},
    }
    problem = problem_of(service.post("/contracts", body, key="second"), 409, "sim_not_available")
    assert (problem["state"], problem["contract"]) == ("bound", contract["id"])


def test_an_activation_on_a_day_that_is_over_is_refused_at_its_field(service):
    body = {
        "iccid": iccid(19),
        "msisdn": msisdn(19),
        "tariff": "START",
        "customer": {"name": "Second"},
        "requested_activation": "2020-01-01",
    }
    problem = problem_of(service.post("/contracts", body, key="past"), 422, "invalid_value")
    assert [(one["field"], one["code"]) for one in problem["errors"]] == [
        ("requested_activation", "activation_past")
    ]


def test_a_contract_is_suspended_changed_and_closed(service):
    contract = service.new_contract()
    service.pay(contract, "2000.00")
    path = f"/contracts/{contract['id']}"
    service.send(
        "POST",
        f"{path}/documents?name=a.png",
        content=PNG,
        headers={"Content-Type": "application/octet-stream"},
    )
    customer = f"/customers/{contract['customer_id']}"
    service.send("PATCH", customer, {"documents": [{"type": "passport", "number": "AC7654321"}]})
    assert service.post(f"{path}/request-activation").status_code == 200
    while service.crm.work():
        pass
    held = service.post(f"{path}/suspend", {"hold": "voluntary", "reason": "away"}).json()
    assert held["status"] == "suspended"
    problem_of(service.post(f"{path}/suspend", {"hold": "voluntary"}), 409, "hold_there")
    assert service.post(f"{path}/resume", {"hold": "voluntary"}).json()["status"] == "active"
    amended = service.post(f"{path}/amend", {"options": ["DATA10"]}, key="a").json()
    assert [one["code"] for one in amended["options"]] == ["DATA10"]
    other = service.fresh()
    swapped = service.post(f"{path}/swap-sim", {"iccid": iccid(other)}, key="s").json()
    assert swapped["iccid"] == iccid(other)
    renumbered = service.post(f"{path}/change-number", {"msisdn": msisdn(other)}, key="n").json()
    assert renumbered["msisdn"] == msisdn(other)
    closed = service.post(f"{path}/close", {"reason": "customer_request"}, key="c").json()
    assert closed["status"] == "closed"
    assert service.get(f"/numbers/{msisdn(other)}").json()["status"] == "quarantined"


def test_a_draft_is_signed_or_given_up(service):
    draft = service.new_contract(accept=False)
    assert draft["status"] == "draft"
    assert service.post(f"/contracts/{draft['id']}/accept").json()["status"] == "accepted"
    chosen = service.post(f"/contracts/{draft['id']}/policy", {"policy": "postpaid"})
    assert chosen.json()["policy"] == "postpaid"
    cancelled = service.post(f"/contracts/{draft['id']}/cancel", {"reason": "no"})
    assert cancelled.json()["status"] == "cancelled"
    assert service.get(f"/sims/{draft['iccid']}").json()["status"] == "available"


def test_customers_are_found_changed_and_closed(service):
    made = service.new_customer(
        name="Бакыт Рахимов",
        email="bakyt@example.org",
        documents=[{"type": "id_card", "number": "ID 0700-1"}],
    )
    path = f"/customers/{made['id']}"
    same = service.post(
        "/customers", {"name": "B. R.", "documents": [{"type": "id_card", "number": "id07001"}]}
    )
    assert same.json()["id"] == made["id"]
    found = service.get("/customers?q=рахимов").json()["items"]
    assert [one["id"] for one in found] == [made["id"]]
    changed = service.send("PATCH", path, {"email": None, "language": "ky"}).json()
    assert (changed["email"], changed["language"]) == (None, "ky")
    assert changed["documents"] == made["documents"]
    noted = service.post(f"{path}/notes", {"text": "Calls in the morning"})
    (note,) = noted.json()["notes"]
    assert (note["by"], note["pinned"]) == ("the admin", False)
    at = f"{path}/notes/{note['id']}"
    assert service.post(f"{at}/pin").json()["notes"][0]["pinned"]
    assert not service.post(f"{at}/unpin").json()["notes"][0]["pinned"]
    problem_of(service.post(f"{path}/notes/{made['id']}/pin"), 404, "not_found")
    problem_of(service.post(f"{path}/notes", {"text": "  "}), 422, "invalid_value")
    problem = problem_of(
        service.send("PATCH", path, {"birth_date": "3000-01-01", "phone": "x", "email": "y"}),
        422,
        "invalid_value",
    )
    assert {error["field"] for error in problem["errors"]} == {"birth_date", "phone", "email"}
    assert service.post(f"{path}/block", {"reason": "fraud"}).json()["status"] == "blocked"
    assert service.post(f"{path}/unblock").json()["status"] == "prospect"
    assert service.post(f"{path}/close").json()["status"] == "closed"
    assert service.post(f"{path}/reopen").json()["status"] == "prospect"
    assert service.get(f"{path}/timeline").json()["items"]
    assert service.erase(path)["status"] == "done"
    assert service.get(path).json()["documents"] == []


def test_customers_are_merged_and_parted(service):
    one, two = service.new_customer(name="A"), service.new_customer(name="B")
    ticket = service.post("/tickets", {"customer_id": one["id"], "subject": "x"}).json()
    into = f"/customers/{one['id']}/merge"
    lacks = service.post(into, {"survivor_id": two["id"], "take": ["phone", "email"]})
    faults = problem_of(lacks, 422, "invalid_value")["errors"]
    assert {error["field"] for error in faults} == {"phone", "email"}
    odd = {"survivor_id": two["id"], "take": ["status"]}
    problem_of(service.post(into, odd), 422, "invalid_value")
    merged = service.post(into, {"survivor_id": two["id"], "take": ["name"]}).json()
    assert service.get(f"/customers/{two['id']}").json()["name"] == "A"
    assert merged["merged_into"] == two["id"]
    theirs = service.get(f"/customers/{two['id']}/tickets").json()["items"]
    assert [each["id"] for each in theirs] == [ticket["id"]]
    problem_of(
        service.post("/tickets", {"customer_id": one["id"], "subject": "y"}),
        409,
        "customer_merged",
    )
    assert service.post(f"/customers/{one['id']}/unmerge").json()["merged_into"] is None


def test_a_customers_contracts_and_payments(service):
    contract = service.new_contract()
    path = f"/customers/{contract['customer_id']}"
    second = service.post(
        "/accounts", {"customer_id": contract["customer_id"], "currency": "KGS"}
    ).json()
    paid = [service.pay(contract, "10.00")["id"] for _ in range(3)]
    body = {
        "account_id": second["id"],
        "amount": money("5.00"),
        "method": "cash",
        "gateway": "cash_desk",
    }
    paid.append(service.post("/payments", body, key="other").json()["id"])
    found, cursor = [], f"{path}/payments?limit=2"
    while cursor:
        answer = service.get(cursor)
        found += [one["id"] for one in answer.json()["items"]]
        link = answer.headers.get("link")
        cursor = link and link[1 : link.index(">")]
    assert found == paid
    assert service.get(f"{path}/payments?cursor=nonsense").status_code == 422
    listed = service.get(f"{path}/contracts").json()["items"]
    assert [one["id"] for one in listed] == [contract["id"]]
    assert service.get(f"/customers/{nowhere()}/contracts").status_code == 404


def test_customers_are_exported_as_a_file(service):
    service.new_customer(name="=cmd|' /C calc'!A0", phone="+996555000111")
    answer = service.get("/customers/export?format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    header, *lines = answer.text.splitlines()
    assert header.startswith("id,kind,status,name,phone")
    assert any("'=cmd|" in line and ",+996555000111," in line for line in lines)
    assert service.get("/customers/export?format=docx").status_code == 422
    assert service.get("/customers/export?status=bogus").status_code == 422


def test_an_export_is_a_workbook_or_parquet_too_and_is_written_down(service):
    made = service.new_customer(name="=1+1", phone="+996555000112", birth_date="1990-01-31")
    book = service.get("/customers/export?format=xlsx&phone=%2B996555000112", role=Role.OPERATOR)
    assert book.headers["content-disposition"] == 'attachment; filename="customers.xlsx"'
    assert book.content.startswith(b"PK")
    table = service.get("/customers/export?format=parquet&phone=%2B996555000112")
    assert table.headers["content-type"] == "application/vnd.apache.parquet"
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        file.write(table.content)
        file.flush()
        rows = duckdb.sql(f"SELECT id, name, birth_date, version FROM '{file.name}'").fetchall()
    assert rows == [(made["id"], "=1+1", date(1990, 1, 31), made["version"])]
    line = service.get("/audit?action=customers.export").json()["items"][-1]
    assert (line["by"], line["detail"]) == ("the admin", "parquet, filtered by phone")
    assert (line["thing"], line["thing_id"]) == ("customer", "")
    tokens = {token["name"]: token["id"] for token in service.get("/tokens").json()["items"]}
    assert line["token"] == tokens["the admin"]
    timeline = service.get(f"/customers/{made['id']}/timeline").json()["items"]
    assert [event["token"] for event in timeline] == [tokens["the admin"]] * len(timeline)
    for role in (Role.CASHIER, Role.AUDITOR):
        assert service.get("/customers/export", role=role).status_code == 403


def test_a_customers_timeline_comes_in_pages_and_either_way(service):
    customer = service.new_customer()["id"]
    for command in ("block", "unblock", "close", "reopen"):
        service.post(f"/customers/{customer}/{command}", {"reason": "asked for it"})
    path = f"/customers/{customer}/timeline"
    every = service.get(path).json()["items"]
    assert [event["name"] for event in every][1:] == [
        "CustomerBlocked", "CustomerUnblocked", "CustomerClosed", "CustomerReopened",
    ]  # fmt: skip
    for sort, order in (("at", every), ("-at", every[::-1])):
        found, at = [], [f"{path}?limit=2&sort={sort}"]
        while at:
            page = service.get(at.pop())
            found += page.json()["items"]
            at += [link["url"] for link in page.links.values()]
        assert found == order
    for odd in ("cursor=nonsense", "limit=0", "sort=name", "name=CustomerClosed"):
        assert service.get(f"{path}?{odd}").status_code in (400, 422), odd


def test_a_receipt_is_printed_the_same_again(service):
    payment = service.pay(service.new_contract(), "1000.00")
    path = f"/payments/{payment['id']}/receipt.pdf"
    printed, again = service.get(path), service.get(path, role=Role.CASHIER)
    assert printed.headers["content-type"] == "application/pdf"
    assert printed.content.startswith(b"%PDF-")
    assert again.content == printed.content
    assert service.get(f"{path}?language=en").content != printed.content
    assert service.get(f"{path}?language=xx").status_code == 422
    declined = service.pay(service.new_contract(), "100.01", gateway="simulator")
    problem_of(service.get(f"/payments/{declined['id']}/receipt.pdf"), 409, "rule_violated")
    assert service.get(f"/payments/{nowhere()}/receipt.pdf").status_code == 404


@pytest.mark.parametrize("name", ["Асанов Өмүрбек", '#panic("x") $ * _ ` <a> @b \\\\ "]'])
def test_the_papers_of_a_contract_are_printed_in_the_customers_language(service, name):
    contract = service.new_contract(customer={"name": name, "language": "ru"})
    path = f"/contracts/{contract['id']}/documents"
    printed = service.get(f"{path}/contract.pdf")
    assert (printed.headers["content-type"], printed.status_code) == ("application/pdf", 200)
    assert printed.content.startswith(b"%PDF-")
    assert service.get(f"{path}/contract.pdf?language=ru").content == printed.content
    assert service.get(f"{path}/contract.pdf?language=ky").content != printed.content
    assert service.get(f"{path}/contract.pdf?language=xx").status_code == 422
    assert service.get(f"{path}/contract.pdf", role=Role.CASHIER).status_code == 403
    problem_of(service.get(f"{path}/acceptance.pdf"), 409, "rule_violated")
    service.post(f"/contracts/{contract['id']}/policy", {"policy": "migration"})
    service.post(f"/contracts/{contract['id']}/request-activation")
    _work(service)
    accepted = service.get(f"{path}/acceptance.pdf")
    assert (accepted.status_code, accepted.content[:5]) == (200, b"%PDF-")
    assert service.get(f"{path}/acceptance.pdf").content == accepted.content
    lines = service.get("/audit?action=contract.print").json()["items"]
    told = [line["detail"] for line in lines if line["thing_id"] == contract["id"]]
    assert told == ["contract.1"] * 3 + ["acceptance.1"] * 2
    assert service.get(f"/contracts/{nowhere()}/documents/contract.pdf").status_code == 404


def test_what_was_printed_prints_again_until_the_customer_is_erased(service):
    contract = service.new_contract(customer={"name": "Асанова Өмүркан", "language": "ky"})
    known, papers = UUID(contract["id"]), service.crm.papers
    path, person = f"/contracts/{known}", f"/customers/{contract['customer_id']}"
    first = service.get(f"{path}/documents/contract.pdf").content
    assert service.get(f"{path}/documents/contract.pdf").content == first
    [edition] = papers.editions(known)
    assert (edition.kind, edition.language, edition.template_version) == ("contract", "ky", 1)
    service.send("PATCH", person, {"name": "Бекова Өмүркан"})
    second = service.get(f"{path}/documents/contract.pdf").content
    assert second != first
    latest, same = papers.editions(known)
    assert (same, papers.reprint(known, same.id)) == (edition, first)
    assert papers.reprint(known, latest.id) == second
    with pytest.raises(NotFound):
        papers.reprint(nowhere(), latest.id)
    assert service.post(f"{path}/cancel").status_code == 200
    service.erase(person)
    assert papers.editions(known) == []
    with pytest.raises(NotFound):
        papers.reprint(known, latest.id)


def test_a_receipt_prints_again_and_stays_with_the_books(service):
    payment = service.pay(service.new_contract(), "1000.00")
    printed = service.get(f"/payments/{payment['id']}/receipt.pdf?language=ky").content
    [edition] = service.crm.papers.editions(UUID(payment["id"]))
    assert service.crm.papers.reprint(UUID(payment["id"]), edition.id) == printed


def test_a_webhook_is_registered_paused_and_removed(service):
    body = {"url": "https://example.org/events", "events": ["PaymentConfirmed"]}
    made = service.post("/webhooks", body)
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    secret, hook = made.json()["secret"], made.json()["webhook"]
    path = made.headers["location"]
    shown = service.get(path)
    assert shown.json() == hook
    assert secret not in shown.text + service.get("/webhooks").text
    paused = service.post(f"{path}/pause", headers={"If-Match": made.headers["etag"]})
    assert paused.json()["status"] == "paused"
    stale = service.post(f"{path}/resume", headers={"If-Match": made.headers["etag"]})
    problem_of(stale, 412, "stale_version")
    assert service.post(f"{path}/resume").json()["status"] == "active"
    assert service.post(f"{path}/remove").json()["status"] == "removed"
    assert [one["id"] for one in service.get("/webhooks?status=removed").json()["items"]] == [
        hook["id"]
    ]
    told = [one["name"] for one in service.get(f"{path}/timeline").json()["items"]]
    assert told == ["WebhookRegistered", "WebhookPaused", "WebhookResumed", "WebhookRemoved"]
    for url in ("ftp://example.org/", "http://127.0.0.1:8000/", "http://localhost/"):
        problem = problem_of(service.post("/webhooks", {"url": url}), 422, "invalid_value")
        assert [one["field"] for one in problem["errors"]] == ["url"]
    assert service.post("/webhooks", body, role=Role.OPERATOR).status_code == 403


def test_applications_go_through_the_queue(service):
    raw = {"name": "Асанов Азамат", "phone": "+996555123456", "asked": {"tariff": "START"}}
    body = {"kind": "new_connection", "raw": raw, "external_reference": "web-1"}
    made = service.post("/applications", body)
    assert made.status_code == 201
    assert service.post("/applications", body).json()["id"] == made.json()["id"]
    path = f"/applications/{made.json()['id']}"
    assert service.post("/applications/claim-next").json() is None
    assert service.post(f"{path}/validate").json()["status"] == "validated"
    mine = service.post("/applications/claim-next", {"lease_minutes": 5}).json()
    assert (mine["id"], mine["claimed_by"]) == (made.json()["id"], "the admin")
    assert service.post(f"{path}/hold", {"reason": "waits"}).json()["status"] == "on_hold"
    assert service.post(f"{path}/release").json()["status"] == "in_progress"
    customer = service.new_customer()
    linked = service.post(f"{path}/link", {"customer_id": customer["id"]}).json()
    assert linked["customer_id"] == customer["id"]
    done = service.post(f"{path}/complete", {"outcome": "told"}).json()
    assert done["status"] == "completed"
    problem = problem_of(service.post(f"{path}/reject", {"reason": "x"}), 409, "illegal_transition")
    assert problem["allowed"] == []
    assert service.get(f"{path}/timeline").json()["items"]


def test_a_bad_application_is_asked_about(service):
    body = {"kind": "new_connection", "raw": {"name": "A", "email": "nonsense"}}
    path = f"/applications/{service.post('/applications', body).json()['id']}"
    problem = problem_of(service.post(f"{path}/validate"), 422, "invalid_value")
    assert "email" in {error["field"] for error in problem["errors"]}
    assert service.post(f"{path}/ask", {"reason": "e-mail"}).json()["status"] == "needs_info"
    supplied = service.post(f"{path}/supply", {"raw": {"email": "a@example.org"}}).json()
    assert supplied["status"] == "captured"


def test_stock_is_reserved_and_put_away(service):
    card, number = f"/sims/{iccid(5)}", f"/numbers/{msisdn(5)}"
    kept = service.post(f"{card}/reserve", {"reserved_for": "web-cart"}).json()
    assert (kept["status"], kept["reserved_for"]) == ("reserved", "web-cart")
    problem_of(service.post(f"{card}/reserve"), 409, "sim_not_available")
    assert service.post(f"{card}/cancel-reservation").json()["status"] == "available"
    assert service.post(f"{card}/retire", {"reason": "defective"}).json()["status"] == "retired"
    assert service.post(f"{number}/reserve").json()["status"] == "reserved"
    assert service.post(f"{number}/cancel-reservation").json()["status"] == "available"
    assert service.post(f"{number}/withdraw", {"reason": "x"}).json()["status"] == "withdrawn"
    assert [e["command"] for e in service.get(f"{number}/history").json()["items"]] == [
        "receive",
        "reserve",
        "cancel",
        "withdraw",
    ]
    assert service.get("/sims?status=available&limit=3").json()["next"]
    problem_of(service.get("/sims/123"), 404, "not_found")
    problem_of(service.get("/numbers/%00"), 404, "not_found")


def test_secrets_of_a_card_are_shown_apart(service):
    assert "pin1" not in service.get(f"/sims/{iccid(1)}").json()
    shown = service.post(f"/sims/{iccid(1)}/secrets")
    assert shown.json() == {"pin1": "1234", "puk1": "12345678"}
    assert shown.headers["cache-control"] == "no-store"
    lines = service.get("/audit?action=sim.secrets").json()["items"]
    assert lines[0]["thing_id"] == iccid(1)
    assert service.post(f"/sims/{iccid(1)}/secrets", role=Role.CASHIER).status_code == 403


def test_a_tariff_from_draft_to_retired(service):
    body = {
        "code": "NIGHT",
        "name": "Night",
        "monthly_fee": money("99.00"),
        "activation_fee": money("0.00"),
        "allowances": {"minutes": 100},
        "usage_rates": [{"service": "voice", "price": "1.5", "billing_step": 60}],
        "payment_modes": ["prepaid"],
    }
    made = service.post("/tariffs", body)
    assert made.status_code == 201, made.text
    assert made.json()["versions"][0]["usage_rates"][0]["price"] == "1.5"
    problem_of(service.post("/tariffs", body), 409, "code_taken")
    assert service.post("/tariffs/NIGHT/publish").json()["status"] == "active"
    terms = {key: body[key] for key in ("monthly_fee", "activation_fee")}
    versioned = service.post("/tariffs/NIGHT/versions", terms | {"monthly_fee": money("120.00")})
    assert [one["number"] for one in versioned.json()["versions"]] == [1, 2]
    problem_of(service.post("/tariffs/NIGHT/obsolete"), 409, "illegal_transition")
    assert service.post("/tariffs/NIGHT/retire").json()["status"] == "retired"
    assert service.post("/tariffs/NIGHT/obsolete").json()["status"] == "obsolete"
    assert service.get("/tariffs/NIGHT/history").json()["items"]
    mixed = terms | {"activation_fee": money("0.00", "USD")}
    assert service.post("/tariffs/NIGHT/versions", mixed).status_code == 422
    problem_of(service.get("/tariffs/night"), 404, "not_found")
    sold = {"code": "NIGHT-DATA", "name": "Data at night", "fee": money("10.00")}
    assert service.post("/options", sold).status_code == 201
    ends = {"publish": "active", "retire": "retired", "obsolete": "obsolete"}
    for command, status in ends.items():
        assert service.post(f"/options/NIGHT-DATA/{command}").json()["status"] == status


def test_a_tariff_that_somebody_has_is_not_put_away(service):
    contract = service.new_contract(tariff="MAX")
    service.post("/tariffs/MAX/retire")
    problem = problem_of(service.post("/tariffs/MAX/obsolete"), 409, "rule_violated")
    assert contract["number"] in problem["detail"]
    assert service.get("/tariffs/MAX").json()["status"] == "retired"


def test_what_goes_together(service):
    answer = service.get("/compatibility-rules")
    rules, seen = answer.json()["items"], {"If-Match": answer.headers["etag"]}
    excluded = next(rule for rule in rules if rule["kind"] != "max_one_of")
    again = service.send("PUT", "/compatibility-rules", {"items": rules}, headers=seen)
    assert service.get("/compatibility-rules").headers["etag"] == again.headers["etag"]
    stale = service.send("PUT", "/compatibility-rules", {"items": []}, headers=seen)
    problem_of(stale, 412, "stale_version")
    assert sorted(map(json.dumps, again.json()["items"])) == sorted(map(json.dumps, rules))
    odd = {"items": [{"kind": "excludes", "subject": "START"}, excluded | {"subject": "NOPE"}]}
    assert service.send("PUT", "/compatibility-rules", odd).status_code == 422
    strange = {"items": [excluded, excluded | {"subject": "NOPE"}]}
    problem = problem_of(service.send("PUT", "/compatibility-rules", strange), 422, "invalid_value")
    assert fields_of(problem) == ["items.1.subject"]
    good = service.post("/compatibility-check", {"tariff": "START", "options": ["DATA10"]})
    assert good.json() == {"compatible": True, "reasons": []}
    both = {"tariff": "START", "options": ["DATA10", "DATA50"]}
    assert service.post("/compatibility-check", both).json()["compatible"] is False
    assert service.post("/compatibility-check", {"tariff": "NOPE"}).status_code == 422


def test_rules_are_read_as_they_are_written(service):
    for path in (
        "/billing-policies",
        "/deduplication-rules",
        "/validation-rules",
        "/regulations",
        "/compatibility-rules",
        "/service-levels",
        "/notification-templates",
    ):
        rules = service.get(path).json()
        seen = {"If-Match": service.get(path).headers["etag"]}
        put = service.send("PUT", path, rules, headers=seen)
        assert put.status_code == 200, put.text
        assert put.json() == rules
        assert service.get(path).headers["etag"] == put.headers["etag"] != seen["If-Match"]
        stale = service.send("PUT", path, rules, headers=seen)
        problem_of(stale, 412, "stale_version")
        assert stale.headers["etag"] == service.get(path).headers["etag"]
    policies = service.get("/billing-policies").json()["items"]
    odd = {"items": [policies[0] | {"grace_days": -1}, policies[0] | {"tax": {"code": "x"}}]}
    problem = problem_of(service.send("PUT", "/billing-policies", odd), 422, "invalid_value")
    assert {one["field"] for one in problem["errors"]} == {
        "items.0.grace_days",
        "items.1.tax.percent",
    }
    template = {"event": "nothing", "language": "ru", "subject": "a", "body": "b"}
    answer = service.send("PUT", "/notification-templates", {"items": [template]})
    problem = problem_of(answer, 422, "invalid_value")
    assert problem["errors"][0]["field"].startswith("items.0")


def test_payments_of_the_simulator_come_to_every_end(service):
    contract = service.new_contract()
    assert service.pay(contract, "150.00", gateway="simulator")["status"] == "confirmed"
    declined = service.pay(contract, "150.01", gateway="simulator")
    assert declined["status"] == "failed"
    unknown = service.pay(contract, "150.02", gateway="simulator")
    assert unknown["status"] == "unknown"
    problem_of(service.get(f"/payments/{unknown['id']}/receipt"), 409, "rule_violated")
    later = service.pay(contract, "150.04", gateway="simulator")
    assert later["status"] == "pending"
    simulator = service.crm.gateways["simulator"]
    simulator.settle()
    for callback in simulator.pending_callbacks():
        heard = service.client.post(
            "/gateways/simulator/callback", content=callback.body, headers=dict(callback.headers)
        )
        assert heard.status_code == 200, heard.text
    assert service.get(f"/payments/{later['id']}").json()["status"] == "confirmed"
    balance = service.get(f"/accounts/{contract['account_id']}").json()["balance"]
    assert balance == money("300.04")
    found = service.get("/payments?status=unknown").json()["items"]
    assert [one["id"] for one in found] == [unknown["id"]]


def test_a_forged_callback_is_refused(service):
    answer = service.client.post("/gateways/simulator/callback", content=b"{}")
    problem_of(answer, 403, "not_permitted")
    problem_of(service.client.post("/gateways/cash_desk/callback"), 403, "not_permitted")
    problem_of(service.client.post("/gateways/nobody/callback"), 404, "not_found")


def test_a_payment_is_given_back(service):
    contract = service.new_contract()
    payment = service.pay(contract, "100.00", gateway="simulator")
    path = f"/payments/{payment['id']}"
    body = {"amount": money("30.00"), "reason": "mistake"}
    refund = service.post(f"{path}/refund", body, key="r1")
    assert (refund.status_code, refund.json()["status"]) == (201, "paid")
    again = service.post(f"{path}/refund", body, key="r1")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == refund.json()
    too_much = service.post(f"{path}/refund", body | {"amount": money("71.00")}, key="r2")
    problem_of(too_much, 409, "refund_too_large")
    assert len(service.get(f"{path}/refunds").json()["items"]) == 1
    assert service.get(path).json()["refunded"] == money("30.00")
    problem_of(service.post(f"{path}/cancel"), 409, "illegal_transition")


def test_a_payment_names_one_payer(service):
    contract = service.new_contract()
    body = {"amount": money("1.00"), "method": "cash", "gateway": "cash_desk"}
    by_number = service.post("/payments", body | {"msisdn": contract["msisdn"]}, key="n")
    assert by_number.json()["account_id"] == contract["account_id"]
    assert service.post("/payments", body, key="none").status_code == 422
    two = body | {"msisdn": contract["msisdn"], "contract_id": contract["id"]}
    assert service.post("/payments", two, key="two").status_code == 422
    lost = service.post("/payments", body | {"account_id": str(nowhere())}, key="lost")
    problem_of(lost, 404, "not_found")
    bank = body | {"gateway": "bank", "msisdn": contract["msisdn"]}
    problem_of(service.post("/payments", bank, key="bank"), 422, "invalid_value")
    dollars = body | {"amount": money("1.00", "USD"), "msisdn": contract["msisdn"]}
    assert service.post("/payments", dollars, key="usd").status_code == 422


def test_accounts_are_adjusted_and_emptied(service):
    contract, other = service.new_contract(), service.new_contract()
    path = f"/accounts/{contract['account_id']}"
    given = service.post(
        f"{path}/adjust", {"kind": "goodwill", "amount": money("50.00"), "reason": "sorry"}, key="1"
    )
    assert (given.status_code, given.json()["kind"]) == (201, "goodwill")
    visit = {"kind": "service", "amount": money("20.00"), "reason": "visit"}
    fee = visit | {"contract_id": contract["id"]}
    charged = service.post(f"{path}/adjust", fee, key="2")
    assert charged.status_code == 201
    assert {one["contract_id"] for one in charged.json()["transfers"]} == {contract["id"]}
    for kind, of in (("service", other), ("goodwill", contract)):
        wrong = fee | {"kind": kind, "contract_id": of["id"]}
        refused = service.post(f"{path}/adjust", wrong, key=kind)
        assert fields_of(problem_of(refused, 422, "invalid_value")) == ["contract_id"]
    dear = fee | {"amount": money("31.00")}
    problem_of(service.post(f"{path}/adjust", dear, key="3"), 409, "insufficient_funds")
    moved = service.post(
        f"{path}/transfer", {"to": other["account_id"], "amount": money("10.00")}, key="4"
    )
    assert moved.json()["amount"] == money("-10.00")
    assert service.get(path).json()["balance"] == money("20.00")
    until = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    dear = service.post(f"{path}/promise", {"amount": money("500.01"), "until": until})
    assert "at most 500.00 KGS" in problem_of(dear, 409, "rule_violated")["detail"]
    promised = service.post(f"{path}/promise", {"amount": money("100.00"), "until": until})
    assert promised.json()["available"] == money("120.00")
    owed = {"amount": money("1.00"), "reason": "gone"}
    problem_of(service.post(f"{path}/write-off", owed, key="5"), 409, "rule_violated")
    start = "2026-01-01T00:00:00%2B06:00"
    assert service.get(f"{path}/entries?start={start}&end=2999-01-01T00:00:00Z").json()["items"]
    assert service.get(f"{path}/entries?start=yesterday").status_code == 422


def test_an_adjustment_is_reversed_once(service):
    path = f"/accounts/{service.new_contract()['account_id']}"
    gift = {"kind": "goodwill", "amount": money("50.00"), "reason": "sorry"}
    given = service.post(f"{path}/adjust", gift, key="1").json()
    undo = f"{path}/entries/{given['id']}/reverse"
    undone = service.post(undo, {"reason": "the other account was meant"}, key="2")
    assert (undone.status_code, undone.json()["reverses"]) == (201, given["id"])
    assert service.get(path).json()["balance"] == money("0.00")
    problem_of(service.post(undo, {"reason": "again"}, key="3"), 409, "already_reversed")
    nothing = f"{path}/entries/{nowhere()}/reverse"
    problem_of(service.post(nothing, {"reason": "x"}, key="4"), 404, "not_found")
    moved = service.get(f"{path}/entries").json()["items"]
    assert [entry["amount"] for entry in moved] == [money("50.00"), money("-50.00")]


def test_balances_of_the_system_before_are_taken_over(service):
    customer = service.new_customer()
    opened = {"customer_id": customer["id"], "currency": "KGS"}
    paths = [f"/accounts/{service.post('/accounts', opened).json()['id']}" for _ in range(2)]
    for path, amount in zip(paths, ("120.50", "-80.00"), strict=True):
        body = {"amount": money(amount)}
        entry = service.post(f"{path}/take-over", body, key=path)
        assert (entry.status_code, entry.json()["kind"]) == (201, "opening_balance"), entry.text
    accounts = service.get(f"/accounts?customer_id={customer['id']}").json()["items"]
    assert [one["balance"] for one in accounts] == [money("120.50"), money("-80.00")]
    assert service.get(f"/accounts?number={accounts[1]['number']}").json()["items"] == [
        accounts[1] | {"at": ANY}
    ]
    zero = service.post(f"{paths[0]}/take-over", {"amount": money("0.00")}, key="zero")
    problem_of(zero, 422, "invalid_value")
    twice = service.post(f"{paths[0]}/take-over", {"amount": money("120.50")}, key="twice")
    assert "taken over already" in problem_of(twice, 409, "rule_violated")["detail"]


def test_what_is_promised_is_changed(service):
    customer = service.new_customer()
    body = {"customer_id": customer["id"], "subject": "x", "priority": "urgent"}
    ticket = f"/tickets/{service.post('/tickets', body).json()['id']}"
    levels = service.get("/service-levels").json()
    levels["targets"]["urgent"]["first_response"] = "0.5"
    levels["hours"] = {str(day): [["00:00", "00:00"]] for day in range(7)}
    put = service.send("PUT", "/service-levels", levels)
    assert put.status_code == 200, put.text
    assert service.get(f"{ticket}/sla").json()["first_response"]["target_seconds"] == 1800
    assert service.send("PUT", "/service-levels", levels, role=Role.OPERATOR).status_code == 403
    del levels["targets"]["low"]
    levels |= {"zone": "Mars/Base", "hours": {"0": [["18:00", "09:00"]]}}
    problem = problem_of(service.send("PUT", "/service-levels", levels), 422, "invalid_value")
    assert problem["errors"]


def test_a_message_that_failed_is_looked_at_and_sent_again(service):
    ticket = service.new_customer()
    body = {"customer_id": ticket["id"], "subject": "no signal"}
    path = f"/tickets/{service.post('/tickets', body).json()['id']}"
    service.post(f"{path}/activate")
    silent = problem_of(service.post(f"{path}/resolve", {"answer": ""}), 422, "invalid_value")
    assert [one["field"] for one in silent["errors"]] == ["answer"]
    solved = service.post(f"{path}/resolve", {"answer": "The mast is mended"}).json()
    assert (solved["status"], solved["blocked_for"]) == ("closed", "resolved")
    said = solved["comments"][-1]
    assert (said["text"], said["internal"]) == ("The mast is mended", False)
    service.crm.notifications.queue_new()

    class Broken:
        def send(self, message):
            raise UndeliverableHere

    service.crm.notifications.deliver(Broken())
    (failed,) = service.get("/notifications?status=failed").json()["items"]
    assert failed["event"] == "TicketClosed"
    message = f"/notifications/{failed['id']}"
    last = service.get(f"{message}/timeline").json()["items"][-1]
    assert (last["name"], last["reason"]) == ("NotificationFailed", "undeliverable_here")
    queued = service.post(f"{message}/retry", headers={"If-Match": f'"{failed["version"]}"'})
    assert (queued.status_code, queued.json()["status"]) == (200, "queued")
    assert queued.json()["expires_at"] > failed["expires_at"]
    service.crm.step("send_messages")
    assert service.get(message).json()["status"] == "sent"
    problem_of(service.post(f"{message}/retry"), 409, "illegal_transition")
    assert service.get(message, role=Role.CASHIER).status_code == 403


class UndeliverableHere(TelecomCrmError):
    """What a channel says of a message that it can never carry."""

    code = "undeliverable_here"


def test_a_ticket_from_opening_to_closing(service):
    customer = service.new_customer()
    made = service.post(
        "/tickets", {"customer_id": customer["id"], "subject": "No network", "priority": "high"}
    )
    assert made.status_code == 201
    path = f"/tickets/{made.json()['id']}"
    mine = service.post("/tickets/claim-next").json()
    assert (mine["id"], mine["status"]) == (made.json()["id"], "active")
    assert service.post("/tickets/claim-next").json() is None
    said = service.post(f"{path}/comments", {"text": "Restarted", "internal": True})
    assert (said.status_code, said.json()["comments"][0]["by"]) == (201, "the admin")
    assert service.post(f"{path}/assign", {"queue": "field"}).json()["queue"] == "field"
    assert service.post(f"{path}/suspend", {"reason": "waits"}).json()["status"] == "suspended"
    assert service.post(f"{path}/resume").json()["status"] == "active"
    assert service.get(f"{path}/sla").json()["priority"] == "high"
    blocked = service.post(f"{path}/block", {"reason": "duplicate"}).json()
    assert (blocked["status"], blocked["blocked_for"]) == ("blocked", "duplicate")
    assert service.post(f"{path}/close").json()["status"] == "closed"
    commands = [event["command"] for event in service.get(f"{path}/timeline").json()["items"]]
    assert commands[0] == "create"
    assert commands[-1] == "close"


def test_the_network_is_told_again(service):
    contract = service.new_contract()
    problem_of(service.get(f"/provisioning-tasks/{nowhere()}"), 404, "not_found")
    found = service.get(f"/provisioning-tasks?contract_id={contract['id']}")
    assert found.json()["items"] == []
    service.post(f"/contracts/{contract['id']}/policy", {"policy": "migration"})
    service.post(f"/contracts/{contract['id']}/request-activation")
    network = service.crm.network
    network.disturb(NetworkStep.ALLOW, Trouble.FAILS, times=1)
    service.crm.provisioning.work(network=network)
    (failed,) = service.get("/provisioning-tasks?status=failed").json()["items"]
    assert (failed["contract_id"], failed["kind"]) == (contract["id"], "activate")
    assert "allow" in failed["error"]
    path = f"/provisioning-tasks/{failed['id']}"
    assert service.post(f"{path}/retry").json()["status"] == "pending"
    network.disturb(NetworkStep.ALLOW, Trouble.SILENT, times=1)
    service.crm.provisioning.work(network=network)
    assert service.get(path).json()["silent"]
    skipped = service.post(f"{path}/skip", {"reason": "done by hand"}).json()
    assert (skipped["status"], skipped["bars"]) == ("skipped", [])
    contract_path = f"/contracts/{contract['id']}"
    assert service.get(contract_path).json()["status"] == "active"
    service.post(f"{contract_path}/suspend", {"hold": "non_payment"})
    (bar,) = service.get("/provisioning-tasks?status=pending").json()["items"]
    assert (bar["kind"], bar["bars"]) == ("bar", ["data", "outgoing"])


def test_a_file_is_brought_in(service):
    content = "iccid,imsi,pin1,puk1,batch\n" + "\n".join(
        f"{iccid(100 + n)},43705{n:010d},1234,12345678,B1" for n in range(3)
    )
    content += "\n899960,1,1234,12345678,B1\n"
    made = service.send("POST", "/imports?kind=sims&file_name=cards.csv", content=content.encode())
    assert made.status_code == 201, made.text
    path = made.headers["location"]
    assert made.json()["status"] == "uploaded"
    while service.crm.work():
        pass
    done = service.get(path).json()
    assert (done["status"], done["read"], done["created"], done["failed"]) == ("completed", 4, 3, 1)
    assert {error["line"] for error in done["errors"]} == {5}
    assert service.get(f"{path}?errors=0").json()["errors"] == []
    lines = service.get(f"{path}/errors.csv").text.splitlines()
    assert lines[0].startswith("iccid,imsi,pin1,puk1,batch,error")
    assert len(lines) == 2
    events = service.get(f"{path}/events").text
    assert "event: done" in events
    problem_of(service.post(f"{path}/abort"), 409, "illegal_transition")
    assert service.get("/imports?kind=sims").json()["items"][0]["id"] == done["id"]


def test_a_form_brings_a_file_too(service):
    files = {"file": ("numbers.csv", b"msisdn,category\n996555099001,gold\n", "text/csv")}
    made = service.send("POST", "/imports?kind=numbers&dry_run=true", files=files)
    assert made.status_code == 201, made.text
    assert (made.json()["file_name"], made.json()["dry_run"]) == ("numbers.csv", True)
    problem_of(service.post(f"{made.headers['location']}/abort"), 409, "illegal_transition")


def test_an_import_is_stopped_and_goes_on(service):
    content = "msisdn,category\n" + "".join(f"9965550990{n:02d},gold\n" for n in range(9))
    made = service.send("POST", "/imports?kind=numbers", content=content.encode())
    path = made.headers["location"]
    stopped: list[Any] = []

    def stop(job: ImportJob) -> None:
        if job.position and not stopped:
            stopped.append(service.post(f"{path}/abort", {"reason": "wrong file"}))

    row_by_row = attrs.evolve(service.crm.imports, chunk=1)
    row_by_row.run(ImportId(UUID(made.json()["id"])), progress=stop)
    assert stopped[0].json()["status"] == "aborted"
    assert service.get(path).json()["status"] == "aborted"
    resumed = service.post(f"{path}/resume")
    assert resumed.json()["status"] == "running"
    while service.crm.work():
        pass
    done = service.get(path).json()
    assert (done["status"], done["created"], done["failed"]) == ("completed", 9, 0)


def test_odd_files_and_forms_are_refused(service):
    assert service.send("POST", "/imports?kind=horses", content=b"x").status_code == 422
    assert service.send("POST", "/imports", content=b"x").status_code == 422
    empty = service.send("POST", "/imports?kind=sims", files={"a": (None, b"text")})
    assert empty.status_code == 400
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    for body in (b"", b"--x", b"--x\r\n\r\n", b"--x\r\nContent-Disposition: form-data\r\n\r\na"):
        answer = service.send("POST", "/imports?kind=sims", content=body, headers=headers)
        assert answer.status_code == 400, (body, answer.text)
    odd = {"kind": "subscribers", "encoding": "klingon", "policy": "none"}
    problem = problem_of(
        service.send("POST", "/imports", content=b"x", params=odd), 422, "invalid_value"
    )
    assert {error["field"] for error in problem["errors"]} == {"encoding", "policy"}


def test_tokens_and_the_feed(service):
    made = service.post("/tokens", {"name": "till", "role": "cashier"}).json()
    shown = service.get(f"/tokens/{made['token']['id']}").json()
    assert shown["name"] == "till"
    revoked = service.post(f"/tokens/{made['token']['id']}/revoke").json()
    assert revoked["revoked_at"]
    past = {"name": "x", "role": "cashier", "expires_at": "2001-01-01T00:00:00Z"}
    assert service.post("/tokens", past).status_code == 422
    assert service.get("/tokens?role=cashier").json()["items"]

    customer = service.new_customer()
    found, cursor = [], ""
    while True:
        page = service.get(
            "/events", params={"limit": 50, **({"cursor": cursor} if cursor else {})}
        )
        items = page.json()["items"]
        if not items:
            break
        found += [item["event"] for item in items]
        cursor = page.json()["next"]
    assert any(event["thing_id"] == customer["id"] for event in found)
    assert service.get("/events", params={"cursor": "nonsense"}).status_code == 422


def test_health_and_figures(service):
    assert service.get("/health/live", role=None).json() == {"status": "ok"}
    assert service.get("/health/ready", role=None).json() == {"status": "ok"}
    service.get("/tickets")
    text = service.get("/metrics").text
    assert 'route="/tickets",status="200"' in text
    counted = [line for line in text.splitlines() if "/tickets" in line and "_bucket" in line]
    values = [int(line.rsplit(" ", 1)[1]) for line in counted]
    assert values == sorted(values)


def test_another_payer_goes_on_with_the_sim_and_the_number(service):
    old = service.new_contract()
    path = f"/contracts/{old['id']}"
    service.pay(old, "800.00")
    service.post(f"{path}/policy", {"policy": "migration"})
    service.post(f"{path}/request-activation")
    _work(service)
    body = {"customer": {"name": "Bolot"}, "policy": "migration", "activate": True}
    new = service.post(f"{path}/change-payer", body, key=path)
    assert (new.status_code, new.json()["status"]) == (201, "activating"), new.text
    assert new.headers["location"].endswith(new.json()["id"])
    _work(service)
    assert service.get(path).json()["status"] == "closed"
    served = service.get(f"/contracts/{new.json()['id']}").json()
    kept = ("iccid", "msisdn", "tariff")
    assert [served[name] for name in kept] == [old[name] for name in kept]
    assert (served["status"], served["customer_id"] != old["customer_id"]) == ("active", True)
    assert service.get(f"/accounts/{old['account_id']}").json()["balance"] == money("0.00")


def _work(service):
    while service.crm.provisioning.work(network=service.crm.network).total:
        pass


def test_tasks_that_the_network_refused_are_a_figure(service):
    def failed():
        lines = service.get("/metrics").text.splitlines()
        assert "telecom_crm_database_up 1" in lines
        (line,) = (x for x in lines if 'provisioning_tasks{status="failed"}' in x)
        return int(line.rsplit(" ", 1)[1])

    before, contract = failed(), service.new_contract()
    service.pay(contract, "800.00")
    service.post(f"/contracts/{contract['id']}/policy", {"policy": "migration"})
    service.post(f"/contracts/{contract['id']}/request-activation")
    network = service.crm.network
    network.disturb(NetworkStep.REGISTER, Trouble.FAILS)
    try:
        service.crm.provisioning.work(network=network)
    finally:
        network.heal()
    assert failed() == before + 1


def test_a_token_is_no_second_person_beside_its_maker(service):
    """Neither who made a token, nor a token of that token, agrees to what the other asked."""
    asked = {"kind": "erasure", "thing_id": service.new_customer()["id"], "reason": "asked for it"}
    boss = service.signed_in("boss", Role.ADMIN)
    first = service.token_by(boss, "till 1")
    path = service.post("/approvals", asked, role=None, headers=boss).headers["location"]
    for mine in (boss, first, service.token_by(first, "till 2")):
        own = service.post(f"{path}/approve", role=None, headers=mine)
        assert problem_of(own, 409, "rule_violated")["rule"] == "four_eyes"
    deputy = service.token_by(service.signed_in("deputy", Role.ADMIN), "till 3")
    done = service.post(f"{path}/approve", role=None, headers=deputy)
    assert done.json()["status"] == "done"


def test_a_large_refund_in_small_parts_takes_two(service):
    payment = service.pay(service.new_contract(), "9000.00")
    path, part = f"/payments/{payment['id']}/refund", {"amount": "3000.00", "currency": "KGS"}
    ask = {"amount": part, "reason": "paid twice"}
    first = service.post(path, ask, key="part 1", role=Role.SENIOR_OPERATOR)
    assert first.status_code == 201
    second = service.post(path, ask, key="part 2", role=Role.SENIOR_OPERATOR)
    problem = problem_of(second, 409, "rule_violated")
    assert (problem["rule"], "6000.00 KGS" in problem["detail"]) == ("four_eyes", True)
    again = service.post(path, ask, key="part 1", role=Role.SENIOR_OPERATOR)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert service.post(path, ask, key="part 2").status_code == 201  # an admin has no limit


def test_one_asks_and_another_agrees(service):
    payment = service.pay(service.new_contract(), "1000.00")
    body = {
        "kind": "refund",
        "thing_id": payment["id"],
        "amount": {"amount": "100.00", "currency": "KGS"},
        "reason": "paid twice",
    }
    asked = service.post("/approvals", body, role=Role.CASHIER)
    assert (asked.status_code, asked.json()["status"]) == (201, "pending")
    path = asked.headers["location"]
    assert service.get(path).json() == asked.json()
    for role in (Role.CASHIER, Role.OPERATOR):
        assert service.post(f"{path}/approve", role=role).status_code == 403
    assert service.post(f"{path}/withdraw", role=Role.OPERATOR).status_code == 409
    stale = service.post(f"{path}/approve", headers={"If-Match": '"7"'})
    problem_of(stale, 412, "stale_version")
    done = service.post(f"{path}/approve", {"comment": "seen"})
    assert (done.json()["status"], done.json()["comment"]) == ("done", "seen")
    refunds = service.get(f"/payments/{payment['id']}/refunds").json()["items"]
    assert [one["id"] for one in refunds] == [done.json()["outcome"]]
    mine = service.post("/approvals", body).headers["location"]
    own = service.post(f"{mine}/approve")
    assert problem_of(own, 409, "rule_violated")["rule"] == "four_eyes"
    assert service.post(f"{mine}/withdraw").json()["status"] == "withdrawn"
    erasure = {"kind": "erasure", "thing_id": payment["id"], "reason": "asked for it"}
    assert service.post("/approvals", erasure).status_code == 404
    assert service.post("/approvals", erasure, role=Role.CASHIER).status_code == 403
    told = [one["name"] for one in service.get(f"{path}/timeline").json()["items"]]
    assert told == ["ApprovalAsked", "ApprovalGiven", "ApprovalCarriedOut"]
    listed = service.get("/approvals?status=done&kind=refund").json()["items"]
    assert done.json() in listed


def test_a_dashboard_shows_figures_by_day_and_what_each_may_see(service):
    contract = service.new_contract()
    before = service.get("/reports/dashboard?days=7").json()
    assert len(before["money"]) == len(before["contracts"]) == 14
    assert before["money"][-1]["day"] == before["last_day"]
    service.pay(contract, "25.50")
    after = service.get("/reports/dashboard?days=7").json()
    assert after["money"][-1]["payments"] == before["money"][-1]["payments"] + 1
    paid, had = (after["money"][-1][name]["amount"] for name in ("paid", "balance"))
    assert Decimal(paid) - Decimal(before["money"][-1]["paid"]["amount"]) == Decimal("25.50")
    assert Decimal(had) - Decimal(before["money"][-1]["balance"]["amount"]) == Decimal("25.50")
    assert after["pool"] == before["pool"]
    few = {"concern": "few_sims", "number": after["pool"]["sims"]}
    assert few | {"at_least": False, "since": None} in after["attention"]
    ticket = {"customer_id": contract["customer_id"], "subject": "no signal"}
    service.post("/tickets", ticket)
    tickets = service.get("/reports/dashboard").json()["tickets"]
    assert tickets["by_state"]["free"] == before["tickets"]["by_state"]["free"] + 1
    assert tickets["open"] == before["tickets"]["open"] + 1
    problem_of(service.get("/reports/dashboard?days=0"), 422, "invalid_value")
    problem_of(service.get("/reports/dashboard", role=Role.CASHIER), 403, "not_permitted")


def test_a_template_is_changed_and_what_was_printed_stays(service):
    contract, papers = service.new_contract(), service.crm.papers
    known, path = UUID(contract["id"]), f"/contracts/{contract['id']}/documents/contract.pdf"
    first = service.get(path).content
    built_in = papers.template(PaperKind.CONTRACT)
    seen = papers.templates_version()
    with pytest.raises(InvalidValue, match="line 1"):
        papers.put_template(PaperKind.CONTRACT, "#nobody", expected_version=seen)
    made = papers.put_template(PaperKind.CONTRACT, built_in + "\nMore.", expected_version=seen)
    with pytest.raises(VersionSeen):
        papers.put_template(PaperKind.CONTRACT, built_in, expected_version=seen)
    assert service.get(path).content != first
    latest, earlier = papers.editions(known)
    assert (latest.template_version, earlier.template_version) == (made.number, 1) == (2, 1)
    assert papers.reprint(known, earlier.id) == first
    papers.put_template(PaperKind.CONTRACT, papers.template(PaperKind.CONTRACT, 1))
    assert service.get(path).content == first
    assert [one.number for one in papers.templates(PaperKind.CONTRACT)] == [3, 2, 1]
    assert papers.template(PaperKind.CONTRACT, 2) == built_in + "\nMore."
    assert papers.template(PaperKind.CONTRACT) == built_in
    with pytest.raises(NotFound):
        papers.template(PaperKind.CONTRACT, 9)
