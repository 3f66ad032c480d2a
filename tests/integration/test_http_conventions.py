"""What every route has in common: problems, keys, versions, lists."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

import telecom_crm
from telecom_crm.domain.identifiers import AccountId
from telecom_crm.domain.money import Money
from telecom_crm.domain.role import RoleName as Role
from telecom_crm.entrypoints.demo import GATEWAYS
from tests.integration.http_service import (
    Service,
    fields_of,
    iccid,
    money,
    msisdn,
    nowhere,
    path_to,
    problem_of,
    routes_of,
)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with telecom_crm.in_memory(gateways=GATEWAYS) as crm:
        found = Service.over(crm, stock=60)
        with found.client:
            yield found


def test_every_fault_of_a_body_comes_at_once(service):
    body = {"amount": {"amount": "1,5", "currency": "som"}, "method": "beads", "colour": 1}
    problem = problem_of(service.post("/payments", body, key="a"), 422, "invalid_value")
    assert sorted(fields_of(problem)) == [
        "amount.amount",
        "amount.currency",
        "colour",
        "gateway",
        "method",
    ]
    codes = {error["field"]: error["code"] for error in problem["errors"]}
    assert codes["colour"] == "unknown_field"
    assert codes["gateway"] == "missing"


def test_a_wrong_type_is_told_with_the_other_faults(service):
    body = {"customer_id": 7, "subject": ["x"], "priority": "huge"}
    problem = problem_of(service.post("/tickets", body), 400, "malformed")
    assert fields_of(problem) == ["customer_id", "subject", "priority"]


def test_texts_with_a_form_are_read_with_the_rest(service):
    body = {"iccid": "89123", "msisdn": "12", "tariff": "start", "customer": {"name": ""}}
    problem = problem_of(service.post("/contracts", body, key="a"), 422, "invalid_value")
    assert set(fields_of(problem)) == {"iccid", "msisdn", "tariff", "customer.name"}


def test_unknown_fields_inside_are_refused(service):
    body = {"name": "A", "addresses": [{"city": "Ош"}, {"planet": "Mars"}]}
    problem = problem_of(service.post("/customers", body), 422, "invalid_value")
    assert fields_of(problem) == ["addresses.1.planet"]


def test_an_empty_body_says_as_much_as_an_empty_object(service):
    contract = service.new_contract(accept=False)
    assert service.post(f"/contracts/{contract['id']}/cancel").status_code == 200
    problem = problem_of(service.post("/tickets"), 422, "invalid_value")
    assert fields_of(problem) == ["customer_id", "subject"]


def test_what_is_not_json_is_malformed(service):
    for body in (b"{", b"nonsense", b"\xff\xfe{\x00}\x00", b'{"a": NaN}', b'"\\ud800"', b"1e999"):
        answer = service.send(
            "POST", "/tickets", content=body, headers={"Content-Type": "application/json"}
        )
        problem_of(answer, 400, "malformed")


def test_another_media_type_is_refused(service):
    headers = {"Content-Type": "text/plain"}
    answer = service.send("POST", "/tickets", content=b"{}", headers=headers)
    problem_of(answer, 415, "unsupported_media_type")


def test_a_body_past_a_megabyte_is_refused(service):
    body = b'{"subject": "' + b"x" * 1_100_000 + b'"}'
    headers = {"Content-Type": "application/json"}
    answer = service.send("POST", "/tickets", content=body, headers=headers)
    assert answer.status_code == 413
    assert answer.json()["status"] == 413


def test_paths_and_methods_that_are_not_there(service):
    problem_of(service.get("/nowhere"), 404, "not_found")
    problem_of(service.get("/payments/not-a-uuid"), 404, "not_found")
    answer = service.send("DELETE", "/payments")
    problem_of(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer.headers["allow"].replace(" ", "").split(","))


def test_options_names_all_methods_of_a_path(service):
    for path, methods in (("/payments", "GET, OPTIONS, POST"), ("/sims/1", "GET, OPTIONS")):
        answer = service.send("OPTIONS", path, role=None)
        assert (answer.status_code, answer.headers["allow"]) == (204, methods)
    path = f"/customers/{nowhere()}"
    assert service.send("OPTIONS", path).headers["allow"] == "GET, OPTIONS, PATCH"


def test_a_thing_that_is_not_there_is_named(service):
    problem = problem_of(service.get(f"/tickets/{nowhere()}"), 404, "not_found")
    assert problem["thing"] == "ticket"
    assert problem["key"] == str(nowhere())


def test_an_illegal_command_tells_what_is_allowed(service):
    ticket = service.post(
        "/tickets", {"customer_id": service.new_customer()["id"], "subject": "No network"}
    ).json()
    answer = service.post(f"/tickets/{ticket['id']}/close")
    problem = problem_of(answer, 409, "illegal_transition")
    assert problem["state"] == "free"
    assert problem["allowed"] == ["activate"] or "activate" in problem["allowed"]


def test_a_violated_rule_gives_its_reasons(service):
    contract = service.new_contract()
    problem = problem_of(
        service.post(f"/contracts/{contract['id']}/request-activation"), 409, "activation_refused"
    )
    assert problem["reasons"]


# Idempotency


def test_a_key_is_required_where_money_moves(service):
    account = service.new_contract()["account_id"]
    for path in (
        "/payments",
        "/contracts",
        f"/payments/{nowhere()}/refund",
        f"/payments/{nowhere()}/dispute",
        f"/payments/{nowhere()}/win-dispute",
        f"/payments/{nowhere()}/lose-dispute",
        f"/payments/{nowhere()}/reverse",
        f"/accounts/{account}/adjust",
        f"/accounts/{account}/recover",
        f"/accounts/{account}/pay-out",
        f"/unallocated-receipts/{nowhere()}/allocate",
        f"/unallocated-receipts/{nowhere()}/refund",
        "/settlements",
        "/bank-deposits",
        "/till-differences",
        f"/accounts/{account}/transfer",
        f"/accounts/{account}/write-off",
        f"/accounts/{account}/take-over",
        f"/accounts/{account}/entries/{nowhere()}/reverse",
        f"/contracts/{nowhere()}/change-payer",
    ):
        body = _body_for(path, account)
        problem = problem_of(service.post(path, body), 400, "malformed")
        assert fields_of(problem) == ["Idempotency-Key"]


def test_a_key_that_is_missing_or_odd_is_told_with_the_faults_of_the_body(service):
    body = {"amount": money("1.00"), "method": "cash", "gateway": "cash_desk", "colour": 1}
    missing = problem_of(service.post("/payments", body), 400, "malformed")
    assert fields_of(missing) == ["Idempotency-Key", "colour"]
    odd = problem_of(service.post("/payments", body, key="k" * 256), 422, "invalid_value")
    assert fields_of(odd) == ["Idempotency-Key", "colour"]
    mistyped = body | {"amount": 1}
    odd = problem_of(service.post("/payments", mistyped, key="k" * 256), 400, "malformed")
    assert fields_of(odd) == ["Idempotency-Key", "colour", "amount"]
    alone = problem_of(service.post("/payments", body, key="k"), 422, "invalid_value")
    assert fields_of(alone) == ["colour"]
    unkeyed = problem_of(service.post("/webhooks", body, key="k" * 256), 422, "invalid_value")
    assert "Idempotency-Key" not in fields_of(unkeyed)


def test_a_repeat_answers_the_same_and_says_so(service):
    contract = service.new_contract()
    body = {
        "account_id": contract["account_id"],
        "amount": money("100.00"),
        "method": "cash",
        "gateway": "cash_desk",
    }
    first = service.post("/payments", body, key="till 7, receipt 1")
    again = service.post("/payments", body, key="till 7, receipt 1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    account = service.get(f"/accounts/{contract['account_id']}").json()
    assert account["balance"] == money("100.00")


def test_a_key_used_for_something_else_is_refused(service):
    contract = service.new_contract()
    body = {
        "account_id": contract["account_id"],
        "amount": money("100.00"),
        "method": "cash",
        "gateway": "cash_desk",
    }
    service.post("/payments", body, key="once")
    other = body | {"amount": money("200.00")}
    problem_of(service.post("/payments", other, key="once"), 422, "key_reused")


def test_keys_belong_to_their_caller(service):
    contract = service.new_contract()
    body = {
        "account_id": contract["account_id"],
        "amount": money("10.00"),
        "method": "cash",
        "gateway": "cash_desk",
    }
    first = service.post("/payments", body, key="mine", role=Role.ADMIN)
    other = service.post("/payments", body, key="mine", role=Role.CASHIER)
    assert first.json()["id"] != other.json()["id"]


def test_a_contract_is_made_once_for_a_key(service):
    index = service.fresh()
    body = {
        "iccid": iccid(index),
        "msisdn": msisdn(index),
        "tariff": "START",
        "customer": {"name": "Once"},
    }
    first = service.post("/contracts", body, key="sale 1")
    again = service.post("/contracts", body, key="sale 1")
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["idempotency-replayed"] == "true"


def test_whatever_takes_a_key_tells_a_repeat(service):
    """Every route that takes a key is here: sent again it answers the same thing, and says so."""
    contract = service.new_contract()
    account, customer = contract["account_id"], {"customer_id": contract["customer_id"]}
    payments = [service.pay(contract, "50.00", gateway="simulator")["id"] for _ in range(3)]
    debtor = service.post("/accounts", customer | {"currency": "KGS"}).json()["id"]
    debt = Money.parse("-90.00", "KGS")
    service.crm.accounts.take_over_balance(AccountId(UUID(debtor)), amount=debt)
    found, returned = (_for_nobody(service) for _ in range(2))
    served, new = f"/contracts/{_in_service(service)['id']}", service.fresh()
    index, paid, lost, wrong = service.fresh(), *(f"/payments/{one}" for one in payments)
    gift = service.post(f"/accounts/{account}/adjust", _body_for("/adjust", account), key="gift")
    gift = gift.json()["id"]
    requests = [
        ("/payments", _body_for("/payments", account)),
        (
            "/contracts",
            customer | {"iccid": iccid(index), "msisdn": msisdn(index), "tariff": "START"},
        ),
        (f"{served}/amend", {"options": ["DATA10"]}),
        (f"{served}/swap-sim", {"iccid": iccid(new)}),
        (f"{served}/change-number", {"msisdn": msisdn(new)}),
        (f"{served}/close", {"reason": "customer_request"}),
        (f"/contracts/{_in_service(service)['id']}/change-payer", {"customer": {"name": "Bolot"}}),
        (f"/payments/{service.pay(contract, '50.00')['id']}/receipt/send", {}),
        ("/customers", {"name": "Twice"}),
        ("/tickets", customer | {"subject": "Twice"}),
        ("/applications", {"kind": "other", "raw": {"name": "Twice"}}),
        ("/accounts", customer | {"currency": "KGS"}),
        (f"/accounts/{debtor}/write-off", _body_for("/write-off", debtor)),
        (f"/accounts/{debtor}/recover", _body_for("/recover", debtor)),
        (f"/accounts/{account}/adjust", _body_for("/adjust", account)),
        (f"/accounts/{account}/transfer", _body_for("/transfer", account) | {"to": debtor}),
        (f"/accounts/{account}/take-over", _body_for("/take-over", account)),
        (f"/accounts/{account}/entries/{gift}/reverse", {"reason": "sorry"}),
        (f"/accounts/{_closed_with_money(service)}/pay-out", _body_for("/pay-out", account)),
        (f"{paid}/refund", _body_for("/refund", account)),
        (f"{paid}/dispute", {"reason": "case 7"}),
        (f"{paid}/win-dispute", {"reason": "case 7"}),
        (f"{lost}/dispute", {"reason": "case 7"}),
        (f"{lost}/lose-dispute", {"reason": "case 7"}),
        (f"{wrong}/reverse", _body_for("/reverse", account)),
        (f"/unallocated-receipts/{found}/allocate", {"account_id": account}),
        (f"/unallocated-receipts/{returned}/refund", {"reason": "sorry"}),
        ("/settlements", _body_for("/settlements", account)),
        (f"/customers/{contract['customer_id']}/erase", {"reason": "asked for it"}),
        (
            "/approvals",
            {"kind": "erasure", "thing_id": contract["customer_id"], "reason": "asked for it"},
        ),
        ("/bank-deposits", _body_for("/bank-deposits", account)),
        ("/till-differences", _body_for("/till-differences", account)),
    ]
    with_keys = {path for _, path, handler in routes_of() if handler.opt.get("key")}
    there = {re.sub(r"{\w+:uuid}", "*", path) for path in with_keys}
    assert {re.sub(r"[0-9a-f-]{36}", "*", path) for path, _ in requests} == there
    for path, body in requests:
        first, again = (service.post(path, body, key=f"twice {path}") for _ in range(2))
        assert first.status_code in (200, 201), (path, first.text)
        assert again.status_code == first.status_code, path
        assert again.json() | {"at": None} == first.json() | {"at": None}, path
        assert "idempotency-replayed" not in first.headers, path
        assert again.headers["idempotency-replayed"] == "true", path


def _for_nobody(service):
    """Return a payment that the simulator took by itself, for nobody we know."""
    gateway = service.crm.gateways["simulator"]
    told = gateway.take_by_itself("0555 12", Money.parse("10.00", "KGS"))
    heard = service.crm.payments.hear(gateway=gateway.name, body=told.body, headers=told.headers)
    return str(heard.id)


def _in_service(service):
    """Return an active contract with money left."""
    contract = service.new_contract()
    path = f"/contracts/{contract['id']}"
    service.pay(contract, "800.00")
    service.post(f"{path}/policy", {"policy": "migration"})
    service.post(f"{path}/request-activation")
    while service.crm.provisioning.work(network=service.crm.network).total:
        pass
    return contract


def _closed_with_money(service):
    """Return the account of a contract that was active, and closed with money left."""
    contract = _in_service(service)
    body = {"reason": "customer_request"}
    closed = service.post(f"/contracts/{contract['id']}/close", body, key=f"close {contract['id']}")
    assert closed.status_code == 200, closed.text
    return contract["account_id"]


def test_an_application_that_a_channel_sends_again_is_a_repeat(service):
    body = {"kind": "other", "raw": {"name": "Twice"}, "external_reference": "form 7"}
    first, again = (service.post("/applications", body) for _ in range(2))
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\tb"])
def test_a_key_is_printable_and_short(service, key):
    body = {"amount": money("1.00"), "method": "cash", "gateway": "cash_desk"}
    body["account_id"] = str(nowhere())
    assert service.post("/payments", body, key=key).status_code == 422


# Versions


def test_a_command_heeds_the_version_that_was_seen(service):
    customer = service.new_customer()
    shown = service.get(f"/customers/{customer['id']}")
    tag = shown.headers["etag"]
    path = f"/customers/{customer['id']}"
    changed = service.send("PATCH", path, {"name": "Other"}, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    stale = service.send("PATCH", path, {"name": "Third"}, headers={"If-Match": tag})
    problem = problem_of(stale, 412, "stale_version")
    assert problem["version"] == changed.json()["version"]
    assert stale.headers["etag"] == changed.headers["etag"]
    assert service.get(path).json()["name"] == "Other"


@pytest.mark.parametrize("tag", ["nonsense", 'W/"9"', '"1", "2"', "-1", "9" * 40])
def test_a_tag_that_never_was_matches_nothing(service, tag):
    customer = service.new_customer()
    answer = service.post(
        f"/customers/{customer['id']}/block", {"reason": "x"}, headers={"If-Match": tag}
    )
    problem_of(answer, 412, "stale_version")


def test_a_star_matches_any_version(service):
    customer = service.new_customer()
    answer = service.post(
        f"/customers/{customer['id']}/block", {"reason": "x"}, headers={"If-Match": "*"}
    )
    assert answer.status_code == 200


def test_every_command_heeds_a_version_or_says_that_it_compares_none(service):
    """A command that let `If-Match` pass unseen would promise what is not kept."""
    stale = {"If-Match": '"99999"', "Idempotency-Key": "seen"}
    account = service.new_contract()["account_id"]
    customer = service.new_customer()["id"]
    for method, path, versioned in _commands(service):
        answer = service.send(method, path_to(path), headers=stale)
        faults = [one["field"] for one in answer.json().get("errors", [])]
        assert ("If-Match" in faults) != versioned, (method, path, answer.text)
    promise = {"amount": money("10.00"), "until": "2999-01-01T00:00:00Z"}
    for path, body in (
        (f"/accounts/{account}/promise", promise),
        (f"/customers/{customer}/notes", {"text": "x"}),
        (f"/customers/{customer}/merge", {"survivor_id": service.new_customer()["id"]}),
        (f"/payments/{service.pay(service.new_contract(), '5.00')['id']}/cancel", None),
    ):
        problem_of(service.post(path, body, headers={"If-Match": '"99999"'}), 412, "stale_version")
    tag = service.get(f"/accounts/{account}").headers["etag"]
    until = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    granted = service.post(
        f"/accounts/{account}/promise", promise | {"until": until}, headers={"If-Match": tag}
    )
    assert (granted.status_code, granted.headers["etag"] != tag) == (200, True)


def _commands(service):
    for method, path, handler in routes_of():
        if method in ("POST", "PUT", "PATCH") and "callback" not in path:
            yield method, path, bool(handler.opt.get("versioned"))


# Lists


def test_a_list_leads_from_page_to_page(service):
    customer = service.new_customer(name="With tickets")
    made = [
        service.post("/tickets", {"customer_id": customer["id"], "subject": f"{n}"}).json()["id"]
        for n in range(5)
    ]
    found, path = [], f"/tickets?customer_id={customer['id']}&limit=2"
    while path:
        answer = service.get(path)
        found += [ticket["id"] for ticket in answer.json()["items"]]
        link = answer.headers.get("link")
        assert bool(link) == bool(answer.json()["next"])
        path = link and link[1 : link.index(">")]
        assert not link or link.endswith('; rel="next"')
    assert found == made


def test_a_list_can_be_read_the_other_way_round(service):
    customer = service.new_customer(name="With tickets")
    for n in range(3):
        service.post("/tickets", {"customer_id": customer["id"], "subject": f"{n}"})
    path = f"/tickets?customer_id={customer['id']}"
    there = service.get(path).json()["items"]
    back = service.get(f"{path}&sort=-id").json()["items"]
    assert there == back[::-1]


def test_what_a_list_is_asked_is_checked_whole(service):
    answer = service.get("/contracts?limit=501&sort=name&colour=red&limit=2")
    problem = problem_of(answer, 422, "invalid_value")
    assert fields_of(problem) == ["limit", "sort", "colour", "limit"]
    assert service.get("/contracts?status=asleep").status_code == 422
    assert service.get("/contracts?customer_id=me").status_code == 422
    assert service.get("/contracts?cursor=nonsense").status_code == 422


def test_a_name_that_is_nearly_right_is_told(service):
    problem = problem_of(service.get("/contracts?statsu=active"), 422, "invalid_value")
    assert "did you mean status? one of status, customer_id" in problem["errors"][0]["message"]
    body = {"name": "A", "documents": [{"type": "passport", "numbr": "AN1", "number": "AN1"}]}
    problem = problem_of(service.post("/customers", body), 422, "invalid_value")
    assert [error["field"] for error in problem["errors"]] == ["documents.0.numbr"]
    assert "did you mean number?" in problem["errors"][0]["message"]
    odd = service.get("/contracts?colour=red").json()["errors"][0]["message"]
    assert odd.startswith("is not known here; one of status")


def test_a_route_without_parameters_refuses_them(service):
    problem_of(service.get("/health/live?x=1"), 422, "invalid_value")


def _body_for(path: str, account: str) -> dict[str, object]:
    amount = money("1.00")
    if path == "/payments":
        taken = {"account_id": account, "method": "cash", "gateway": "cash_desk"}
        return {"amount": amount, **taken}
    if path == "/contracts":
        return {
            "iccid": iccid(1),
            "msisdn": msisdn(1),
            "tariff": "START",
            "customer": {"name": "A"},
        }
    if path.endswith("transfer"):
        return {"amount": amount, "to": str(nowhere())}
    if path.endswith("adjust"):
        return {"amount": amount, "kind": "goodwill", "reason": "sorry"}
    if path == "/settlements":
        return {"gross": amount, "gateway": "simulator"}
    if path in ("/bank-deposits", "/till-differences"):
        return {"amount": amount, "desk": "cash_desk"}
    if path.endswith("allocate"):
        return {"account_id": account}
    if path.endswith("change-payer"):
        return {"customer": {"name": "A"}}
    if path.startswith("/unallocated") or path.endswith(("reverse", "dispute")):
        return {"reason": "sorry"}
    return {"amount": amount, "reason": "sorry"}


def test_a_tag_that_a_proxy_weakened_names_the_same_version(service):
    customer = service.new_customer()
    path = f"/customers/{customer['id']}"
    weak = {"If-Match": "W/" + service.get(path).headers["etag"]}
    assert service.send("PATCH", path, {"name": "Other"}, headers=weak).status_code == 200
    problem_of(service.send("PATCH", path, {"name": "Third"}, headers=weak), 412, "stale_version")
