"""Phone numbers over HTTP, as people write them."""

from collections.abc import Iterator

import pytest

import telecom_crm
from telecom_crm.entrypoints.demo import GATEWAYS
from tests.integration.http_service import (
    Service,
    fields_of,
    iccid,
    money,
    msisdn,
    problem_of,
)


@pytest.fixture
def service() -> Iterator[Service]:
    with telecom_crm.in_memory(gateways=GATEWAYS) as crm:
        found = Service.over(crm)
        with found.client:
            yield found


def at_home(index: int) -> str:
    digits = msisdn(index).removeprefix("+996")
    return f"0{digits[:3]} {digits[3:6]}-{digits[6:]}"


def test_a_contract_is_sold_paid_and_found_by_a_number_as_it_is_dialled(service):
    index = service.fresh()
    body = {
        "iccid": iccid(index),
        "msisdn": at_home(index),
        "tariff": "START",
        "customer": {"name": "Айгүл", "phone": "0700 123 456"},
    }
    sold = service.post("/contracts", body, key="sale")
    assert sold.status_code == 201, sold.text
    contract = sold.json()
    assert contract["msisdn"] == msisdn(index)
    customer = service.get(f"/customers/{contract['customer_id']}").json()
    assert customer["phone"] == "+996700123456"
    taken = {"msisdn": at_home(index), "method": "cash", "gateway": "cash_desk"}
    paid = service.post("/payments", taken | {"amount": money("5.00")}, key="pay")
    assert paid.json()["account_id"] == contract["account_id"]
    for written in (at_home(index), msisdn(index), msisdn(index).removeprefix("+")):
        found = service.client.get(
            "/contracts",
            params={"msisdn": written},
            headers={"Authorization": f"Bearer {next(iter(service.secrets.values()))}"},
        )
        assert [one["id"] for one in found.json()["items"]] == [contract["id"]], written
        assert service.get(f"/numbers/{written}").json()["contract_id"] == contract["id"]
    for said in ("0700%20123456", "%2B996700123456", contract["number"], iccid(index), "Айг"):
        found = service.get(f"/customers?q={said}").json()["items"]
        assert [one["id"] for one in found] == [customer["id"]], said
    same = service.get("/customers?phone=0700%20123456").json()["items"]
    assert [one["id"] for one in same] == [customer["id"]]


def test_the_same_request_with_another_way_to_write_a_number_is_the_same(service):
    index = service.fresh()
    body = {
        "iccid": iccid(index),
        "tariff": "START",
        "customer": {"name": "Айгүл", "phone": "0700 123 456"},
    }
    first = service.post("/contracts", body | {"msisdn": msisdn(index)}, key="sale")
    again = service.post("/contracts", body | {"msisdn": at_home(index)}, key="sale")
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])


def test_a_phone_is_changed_cleared_and_refused(service):
    path = f"/customers/{service.new_customer()['id']}"
    assert service.send("PATCH", path, {"phone": "0 (555) 00-11-22"}).json()["phone"] == (
        "+996555001122"
    )
    assert service.send("PATCH", path, {"name": "Other"}).json()["phone"] == "+996555001122"
    assert service.send("PATCH", path, {"phone": None}).json()["phone"] is None
    problem = problem_of(
        service.send("PATCH", path, {"phone": "0555 12", "email": "y"}), 422, "invalid_value"
    )
    assert sorted(fields_of(problem)) == ["email", "phone"]
    hint = "a phone number: E.164, +996…, or as it is dialled in KG"
    assert hint in [error["message"] for error in problem["errors"]]
    person = {"name": "Айгүл", "phone": "0555 12"}
    sale = {"iccid": iccid(1), "msisdn": msisdn(1), "tariff": "START", "customer": person}
    for path, body in (
        ("/contracts", sale),
        ("/customers", person),
        ("/payments", {"msisdn": "+12"}),
    ):
        problem = service.post(path, body, key="odd").json()
        assert hint in [error["message"] for error in problem["errors"]], problem
    assert "dialled in KG" in service.get("/contracts?msisdn=0555%2012").text
    problem_of(service.get("/numbers/0555%2012"), 404, "not_found")
    problem_of(service.get("/contracts?msisdn=0555%2012"), 422, "invalid_value")
