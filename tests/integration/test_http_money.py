"""Disputes, debts, settlements and money for nobody we know, through HTTP."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from telecom_crm.domain.identifiers import AccountId
from telecom_crm.domain.money import Money
from telecom_crm.domain.role import RoleName as Role
from tests.integration.http_service import STORES, Service, money, msisdn, opened, problem_of


@pytest.fixture(params=STORES)
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    with opened(request) as found:
        yield found


def test_a_dispute_is_lost_and_given_up(service):
    contract = service.new_contract()
    payment = service.pay(contract, "100.00", gateway="simulator")
    path, account = f"/payments/{payment['id']}", f"/accounts/{contract['account_id']}"
    first = service.post(f"{path}/dispute", {}, key="d1")
    assert (first.status_code, first.json()["status"]) == (200, "disputed")
    assert service.post(f"{path}/win-dispute", {}, key="w1").json()["status"] == "confirmed"
    again = service.post(f"{path}/dispute", {}, key="d1")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["status"] == "confirmed", "a repeat disputes nothing anew"
    assert service.post(f"{path}/dispute", {}, key="d2").json()["status"] == "disputed"
    problem_of(service.post(f"{path}/reverse", {"reason": "x"}, key="r"), 409, "illegal_transition")
    service.post(f"{account}/transfer", {"to": _other(service), "amount": money("60.00")}, key="t")
    assert service.post(f"{path}/lose-dispute", {}, key="l").json()["status"] == "charged_back"
    assert service.get(account).json()["balance"] == money("-60.00")
    loss = {"amount": money("60.00"), "reason": "gone", "loss": "chargeback"}
    entry = service.post(f"{account}/write-off", loss, key="wo")
    assert [leg["debit"] for leg in entry.json()["transfers"]] == ["5030"]
    assert service.get(account).json()["balance"] == money("0.00")


def _other(service):
    return service.new_contract()["account_id"]


def test_cash_is_not_disputed_and_a_wrong_payment_is_reversed(service):
    contract = service.new_contract()
    path = f"/payments/{service.pay(contract, '100.00')['id']}"
    problem_of(service.post(f"{path}/dispute", {}, key="d"), 409, "rule_violated")
    wrong = {"reason": "another customer"}
    first = service.post(f"{path}/reverse", wrong, key="r")
    assert (first.status_code, first.json()["status"]) == (200, "reversed")
    again = service.post(f"{path}/reverse", wrong, key="r")
    assert (again.headers["idempotency-replayed"], again.json()) == ("true", first.json())
    other = service.post(f"{path}/reverse", {"reason": "another word"}, key="r")
    problem_of(other, 422, "key_reused")


def test_a_receipt_is_sent_once_for_each_key(service):
    path = f"/payments/{service.pay(service.new_contract(), '100.00')['id']}"
    first, again = (service.post(f"{path}/receipt/send", {}, key="s") for _ in range(2))
    assert (first.status_code, first.json()["status"]) == (200, "queued")
    assert again.json() == first.json()
    assert service.post(f"{path}/receipt/send", {}, key="other").json()["id"] != first.json()["id"]
    service.post(f"{path}/reverse", {"reason": "a slip"}, key="r")
    late = service.post(f"{path}/receipt/send", {}, key="s")
    assert (late.headers["idempotency-replayed"], late.json()) == ("true", first.json())
    problem_of(service.post(f"{path}/receipt/send", {}), 409, "rule_violated")


def test_who_sends_a_receipt_is_not_told_the_balance_it_tells(service):
    path = f"/payments/{service.pay(service.new_contract(), '100.00')['id']}"
    sent = service.post(f"{path}/receipt/send", {}).json()
    told = service.get(f"/notifications/{sent['id']}").json()
    assert "balance" in told["facts"]
    assert sent == {name: told[name] for name in sent.keys() - {"facts"}}


def test_an_unknown_payment_is_given_up(service):
    unknown = service.pay(service.new_contract(), "100.03", gateway="simulator")
    path = f"/payments/{unknown['id']}/give-up"
    assert service.post(path, {"reason": ""}).status_code == 422
    assert service.post(path, {"reason": "the gateway has no trace"}).json()["status"] == "failed"


def test_a_debt_is_written_off_and_recovered(service):
    account_id = AccountId(UUID(service.new_contract()["account_id"]))
    service.crm.accounts.take_over_balance(account_id, amount=Money.parse("-9.00", "KGS"))
    account = f"/accounts/{account_id}"
    body = {"amount": money("9.00"), "reason": "gone"}
    assert service.post(f"{account}/write-off", body, key="w").status_code == 201
    back = service.post(f"{account}/recover", body, key="r")
    assert back.json()["kind"] == "recovery"
    assert service.post(f"{account}/recover", body, key="r").headers["idempotency-replayed"]
    problem_of(service.post(f"{account}/recover", body, key="r2"), 409, "rule_violated")
    lines = service.get(f"{account}/trial-balance").json()["items"]
    lost = {"code": "5020", "debit": money("9.00"), "credit": money("9.00")}
    assert lost in lines


def test_a_closed_account_is_paid_out(service):
    contract = service.new_contract()
    service.pay(contract, "800.00")
    path = f"/contracts/{contract['id']}"
    service.post(f"{path}/policy", {"policy": "migration"})
    assert service.post(f"{path}/request-activation").status_code == 200
    while service.crm.provisioning.work(network=service.crm.network).total:
        pass
    closed = service.post(f"{path}/close", {"reason": "customer_request"}, key="c")
    assert closed.status_code == 200
    account = f"/accounts/{contract['account_id']}"
    lines = {one["code"]: one for one in service.get(f"{account}/trial-balance").json()["items"]}
    left = lines["2060"]["credit"]
    body = {"amount": left, "reason": "moved away", "desk": "cash_desk"}
    paid = service.post(f"{account}/pay-out", body, key="p")
    assert [leg["credit"] for leg in paid.json()["transfers"]] == ["1020"]
    problem_of(service.post(f"{account}/pay-out", body, key="p2"), 409, "rule_violated")


def test_gateways_settle_and_cash_is_banked(service):
    body = {"gateway": "simulator", "gross": money("100.00"), "fee": money("2.50")}
    entry = service.post("/settlements", body, key="s1")
    assert entry.status_code == 201
    assert {leg["debit"]: leg["amount"] for leg in entry.json()["transfers"]} == {
        "1010": money("97.50"),
        "5010": money("2.50"),
    }
    assert service.post("/settlements", body, key="s1").json() == entry.json()
    house = service.get(f"/accounts/{entry.json()['account_id']}").json()
    assert (house["customer_id"], house["balance"]) == (None, money("0.00"))
    assert entry.json() in service.get(entry.headers["location"]).json()["items"]
    assert (
        service.post("/settlements", body | {"fee": money("100.01")}, key="s2").status_code == 422
    )
    cash = {"desk": "cash_desk", "amount": money("70.00")}
    assert service.post("/bank-deposits", cash, key="b").json()["kind"] == "cash_banked"
    short = service.post("/till-differences", cash | {"amount": money("-0.50")}, key="c")
    assert short.json()["transfers"][0]["debit"] == "5090"
    gift = {"kind": "goodwill", "amount": money("1.00"), "reason": "x"}
    problem_of(service.post(f"/accounts/{house['id']}/adjust", gift, key="g"), 409, "rule_violated")


def test_money_for_nobody_is_allocated_or_given_back(service):
    simulator, contract = service.crm.gateways["simulator"], service.new_contract()
    kept = []
    for payer in ("0555 12", msisdn(service.fresh())):
        told = simulator.take_by_itself(payer, Money.parse("10.00", "KGS"))
        heard = [
            service.client.post(
                "/gateways/simulator/callback", content=told.body, headers=told.headers
            ).json()
            for _ in range(2)
        ]
        assert heard[0] == heard[1]
        assert heard[0]["status"] == "unallocated"
        kept.append(heard[0]["payment_id"])
    path = "/unallocated-receipts"
    found = service.get(f"{path}?gateway=simulator").json()["items"]
    assert [one["id"] for one in found if one["id"] in kept] == kept
    assert service.get(f"{path}?gateway=nobody").json()["items"] == []
    mine = service.get(f"{path}/{kept[0]}").json()
    assert (mine["meant_for"], mine["amount"]) == ("0555 12", money("10.00"))
    to = {"msisdn": contract["msisdn"]}
    paid = service.post(f"{path}/{kept[0]}/allocate", to, key="a")
    assert (paid.status_code, paid.json()["status"]) == (201, "confirmed")
    assert paid.json()["gateway_reference"] == mine["gateway_reference"]
    again = service.post(f"{path}/{kept[0]}/allocate", to, key="a")
    assert (again.headers["idempotency-replayed"], again.json()) == ("true", paid.json())
    assert again.headers["location"] == f"/payments/{paid.json()['id']}"
    problem_of(service.post(f"{path}/{kept[0]}/allocate", to, key="b"), 409, "illegal_transition")
    assert service.post(f"{path}/{kept[1]}/allocate", {}, key="c").status_code == 422
    back = service.post(f"{path}/{kept[1]}/refund", {"reason": "wrong number"}, key="r")
    assert (back.status_code, back.json()["status"]) == (201, "paid")
    left = [one["id"] for one in service.get(path).json()["items"]]
    assert not set(kept) & set(left)
    problem_of(service.get(f"{path}/{paid.json()['id']}"), 404, "not_found")
    assert service.crm.verify_ledger() == ()


def test_two_tills_of_one_name_and_key_both_book_their_cash(service):
    contract = service.new_contract()
    body = {
        "contract_id": contract["id"],
        "amount": money("10.00"),
        "method": "cash",
        "gateway": "cash_desk",
    }
    made = []
    for _ in range(2):
        _, secret = service.crm.access.create_token(name="pos", role=Role.CASHIER)
        head = {"Authorization": f"Bearer {secret}"}
        made.append(service.post("/payments", body, key="1", role=None, headers=head).json()["id"])
    assert len(set(made)) == 2
    assert service.get(f"/accounts/{contract['account_id']}").json()["balance"] == money("20.00")


def test_a_token_takes_and_promises_no_more_than_the_limits_of_its_role(service):
    contract = service.new_contract()
    role = {
        "name": "till",
        "title": "Till",
        "grants": {"payments": ["write"], "accounts": ["write"]},
        "limits": {"payment": "100", "promise": "20", "refund": None},
    }
    kept = service.get("/roles")
    tag = {"If-Match": kept.headers["etag"]}
    put = service.send("PUT", "/roles", {"items": [role]}, headers=tag)
    [shown] = put.json()["items"]
    assert shown["limits"] == {"payment": "100", "promise": "20", "refund": None, "adjustment": "0"}
    _, secret = service.crm.access.create_token(name="till", role="till")
    head = {"Authorization": f"Bearer {secret}"}
    pay = {
        "contract_id": contract["id"],
        "amount": money("100.01"),
        "method": "cash",
        "gateway": "cash_desk",
    }
    until = {"amount": money("20.01"), "until": "2099-01-01T00:00:00Z"}
    promise = f"/accounts/{contract['account_id']}/promise"
    for path, body, key in (("/payments", pay, "k"), (promise, until, None)):
        refused = service.post(path, body, key=key, role=None, headers=head)
        assert problem_of(refused, 409, "rule_violated")["rule"] == "role_limit", path
    least = pay | {"amount": money("100.00")}
    assert service.post("/payments", least, key="k", role=None, headers=head).status_code == 201
