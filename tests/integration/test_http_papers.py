"""Files of contracts, tickets and identity documents: in, shown, out, and refused."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from telecom_crm.application.ports import Query
from telecom_crm.domain.identifiers import TicketId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.role import RoleName as Role
from tests.integration.http_service import STORES, Service, nowhere, opened, problem_of

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4") + b"\0" * 64
PDF = b"%PDF-1.7\n%%EOF\n"
FILE = {"Content-Type": "application/octet-stream"}


@pytest.fixture(params=STORES)
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    with opened(request) as found:
        yield found


def upload(service, path, content, *, name="paper", **headers):
    return service.post(f"{path}?name={name}", content=content, headers={**FILE, **headers})


def ticket_path(service):
    customer = service.new_customer()
    body = {"customer_id": customer["id"], "subject": "no signal"}
    return f"/tickets/{service.post('/tickets', body).json()['id']}"


def test_a_file_of_a_ticket_comes_back_as_it_was(service):
    path = ticket_path(service)
    kept = upload(service, f"{path}/attachments", PNG, name="mast.png")
    assert kept.status_code == 201
    (attachment,) = kept.json()["attachments"]
    assert (attachment["name"], attachment["media_type"]) == ("mast.png", "image/png")
    assert attachment["size"] == len(PNG)
    again = upload(service, f"{path}/attachments", PNG, name="again.png")
    assert again.json()["attachments"] == [attachment]
    back = service.get(f"{path}/attachments/{attachment['id']}")
    assert (back.content, back.headers["content-type"]) == (PNG, "image/png")
    assert back.headers["content-disposition"].startswith("attachment")
    assert back.headers["x-content-type-options"] == "nosniff"
    assert service.get(f"{path}/attachments/{nowhere()}").status_code == 404
    names = [event["name"] for event in service.get(f"{path}/timeline").json()["items"]]
    assert names.count("TicketFileAttached") == 1


def test_a_ticket_tells_who_sent_a_file_and_whether_the_customer_sees_it(service):
    path = ticket_path(service)
    upload(service, f"{path}/attachments", PNG, name="theirs")
    ticket = TicketId(UUID(path.rpartition("/")[2]))
    ours = ("ours", [PDF])
    service.crm.tickets.comment(ticket, file=ours, internal=True, by=Actor("aida"))
    told = service.get(path).json()["attachments"]
    assert [(one["name"], one["internal"]) for one in told] == [("theirs", False), ("ours", True)]
    assert told[1]["by"] == "aida"


def test_a_ticket_takes_no_other_kind_of_file_and_none_once_it_is_closed(service):
    path = ticket_path(service)
    problem_of(upload(service, f"{path}/attachments", b"<html>"), 422, "invalid_value")
    stale = upload(service, f"{path}/attachments", PDF, **{"If-Match": '"9"'})
    problem_of(stale, 412, "stale_version")
    problem_of(service.post(f"{path}/attachments", content=PDF), 422, "invalid_value")
    service.post(f"{path}/activate")
    service.post(f"{path}/resolve", {"answer": "The card was changed"})
    problem_of(upload(service, f"{path}/attachments", PDF), 409, "rule_violated")


def test_a_priority_is_changed(service):
    path = ticket_path(service)
    changed = service.post(f"{path}/prioritise", {"priority": "urgent"})
    assert (changed.status_code, changed.json()["priority"]) == (200, "urgent")
    assert service.get(f"{path}/sla").json()["priority"] == "urgent"
    stale = service.post(f"{path}/prioritise", {"priority": "low"}, headers={"If-Match": '"1"'})
    problem_of(stale, 412, "stale_version")


def test_a_scan_is_for_those_who_may_look_and_each_look_is_written_down(service):
    papers = [{"type": "passport", "number": "AN1234567"}]
    path = f"/customers/{service.new_customer(documents=papers)['id']}"
    kept = upload(service, f"{path}/documents/0/scan", PDF, name="front.pdf")
    assert kept.status_code == 201, kept.text
    assert kept.json()["documents"][0]["scan"]["media_type"] == "application/pdf"
    assert kept.headers["location"] == f"{path}/documents/0/scan"
    back = service.get(f"{path}/documents/0/scan", role=Role.OPERATOR)
    assert (back.status_code, back.content) == (200, PDF)
    for role in (Role.CASHIER, Role.AUDITOR):
        assert service.get(f"{path}/documents/0/scan", role=role).status_code == 403
    (look,) = service.crm.access.audit(Query(where={"action": "customer.scan"})).items
    assert look.by.name == "the operator"
    told = service.send("PATCH", path, {"documents": [papers[0] | {"issuer": "MKK"}]}).json()
    assert told["documents"][0]["scan"] == kept.json()["documents"][0]["scan"]
    service.send("PATCH", path, {"documents": []})
    assert service.get(f"{path}/documents/0/scan").status_code == 404


@pytest.mark.parametrize("place", ["1", "-1", "999999999999999999999", "x", "0.0"])
def test_a_document_that_is_not_there_has_no_scan(service, place):
    papers = [{"type": "passport", "number": "AN1234567"}]
    path = f"/customers/{service.new_customer(documents=papers)['id']}/documents/{place}/scan"
    problem_of(service.get(path), 404, "not_found")
    problem_of(upload(service, path, PDF), 404, "not_found")


def test_secret_numbers_are_shown_whole_only_where_it_is_written_down(service):
    papers = [{"type": "id_card", "number": "AN1234567"}]
    known = service.post(
        "/customers", {"name": "Aida", "national_id": "20605199000123", "documents": papers}
    ).json()
    raw = {"name": "Bek", "national_id": "20605199000124", "document_number": "AN7654321"}
    asked = service.post("/applications", {"kind": "new_connection", "raw": raw}).json()
    customer, application = f"/customers/{known['id']}", f"/applications/{asked['id']}"
    for shown in (known, service.get(customer).json(), *service.get("/customers").json()["items"]):
        assert shown["national_id"] == "2060••••••0123"
        assert [paper["number"] for paper in shown["documents"]] == ["AN••••567"]
    for shown in (asked, service.get(application).json()):
        assert (shown["raw"]["name"], shown["raw"]["national_id"]) == ("Bek", "2060••••••0124")
        assert "AN7654321" not in str(shown)

    for path in (customer, application):
        refused = service.get(f"{path}/identity", role=Role.SUPPORT)
        assert refused.status_code == 403
    whole = service.get(f"{customer}/identity").json()
    assert whole["national_id"] == "20605199000123"
    assert [paper["number"] for paper in whole["documents"]] == ["AN1234567"]
    assert service.get(f"{application}/identity").json()["raw"] == raw
    looks = [line.action for line in service.crm.access.audit(Query()).items]
    assert [one for one in looks if one.endswith(".identity")] == [
        "customer.identity",
        "application.identity",
    ]
    back = {"national_id": known["national_id"]}
    problem_of(service.send("PATCH", customer, json=back), 422, "invalid_value")


def test_what_somebody_was_called_before_is_told_until_erasure(service):
    path = f"/customers/{service.new_customer(name='Айгүл Асанова')['id']}"
    service.send("PATCH", path, {"name": "Айгүл Бекова"})
    (former,) = service.get(f"{path}/former-values").json()["items"]
    assert (former["field"], former["value"], former["by"]) == (
        "name",
        "Айгүл Асанова",
        "the admin",
    )
    assert service.get(f"{path}/former-values", role=Role.CASHIER).status_code == 403
    service.erase(path)
    assert service.get(f"{path}/former-values").json()["items"] == []
