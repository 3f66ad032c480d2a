"""Who may use which route."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar, get
from litestar.testing import TestClient

import telecom_crm
from telecom_crm.application.ports import Query
from telecom_crm.domain.role import BUILT_IN_ROLES, Action, Area, Scope
from telecom_crm.domain.role import RoleName as Role
from telecom_crm.entrypoints.http.access import (
    REMEMBERED_SECONDS,
    Gate,
    Own,
    Permission,
    Public,
    rule_of,
)
from telecom_crm.entrypoints.http.app import create_app
from telecom_crm.entrypoints.http.limits import Limits
from telecom_crm.entrypoints.http.problems import HANDLERS
from tests.integration.http_service import Service, path_to, problem_of, routes_of

A = Area
READ, WRITE, REVEAL, APPROVE = Action.READ, Action.WRITE, Action.REVEAL, Action.APPROVE

PUBLIC = {
    ("GET", "/"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/schema"),
    ("GET", "/schema/browse"),
    ("GET", "/static/{name:path}"),
    ("GET", "/brand.css"),
    ("POST", "/gateways/{gateway:str}/callback"),
    ("POST", "/sessions"),
    ("POST", "/sessions/second-step"),
    ("POST", "/users/accept"),
}
"""Every route that needs no token."""

OWN = {("DELETE", "/sessions")}
"""Every route about oneself: whoever is known may."""

DEAR = {
    ("POST", "/payments/{payment_id:uuid}/refund"): (A.PAYMENTS, APPROVE),
    ("POST", "/accounts/{account_id:uuid}/adjust"): (A.ACCOUNTS, APPROVE),
    ("POST", "/accounts/{account_id:uuid}/transfer"): (A.ACCOUNTS, APPROVE),
    ("POST", "/accounts/{account_id:uuid}/write-off"): (A.ACCOUNTS, APPROVE),
    ("POST", "/accounts/{account_id:uuid}/recover"): (A.ACCOUNTS, APPROVE),
    ("POST", "/accounts/{account_id:uuid}/take-over"): (A.ACCOUNTS, APPROVE),
    ("POST", "/accounts/{account_id:uuid}/entries/{entry_id:uuid}/reverse"): (A.ACCOUNTS, APPROVE),
    ("POST", "/accounts/{account_id:uuid}/pay-out"): (A.ACCOUNTS, APPROVE),
    ("POST", "/payments/{payment_id:uuid}/give-up"): (A.PAYMENTS, APPROVE),
    ("POST", "/payments/{payment_id:uuid}/dispute"): (A.PAYMENTS, APPROVE),
    ("POST", "/payments/{payment_id:uuid}/win-dispute"): (A.PAYMENTS, APPROVE),
    ("POST", "/payments/{payment_id:uuid}/lose-dispute"): (A.PAYMENTS, APPROVE),
    ("POST", "/payments/{payment_id:uuid}/reverse"): (A.PAYMENTS, APPROVE),
    ("POST", "/unallocated-receipts/{receipt_id:uuid}/allocate"): (A.PAYMENTS, APPROVE),
    ("POST", "/unallocated-receipts/{receipt_id:uuid}/refund"): (A.PAYMENTS, APPROVE),
    ("POST", "/settlements"): (A.ACCOUNTS, APPROVE),
    ("POST", "/bank-deposits"): (A.ACCOUNTS, APPROVE),
    ("POST", "/till-differences"): (A.ACCOUNTS, APPROVE),
    ("POST", "/customers/{customer_id:uuid}/merge"): (A.CUSTOMERS, APPROVE),
    ("POST", "/customers/{customer_id:uuid}/unmerge"): (A.CUSTOMERS, APPROVE),
    ("POST", "/sims/{iccid:str}/secrets"): (A.INVENTORY, REVEAL),
    ("GET", "/customers/export"): (A.CUSTOMERS, Action.EXPORT),
    ("GET", "/audit/export"): (A.AUDIT, Action.EXPORT),
    ("GET", "/customers/{customer_id:uuid}/former-values"): (A.CUSTOMERS, REVEAL),
    ("GET", "/customers/{customer_id:uuid}/identity"): (A.CUSTOMERS, REVEAL),
    ("GET", "/applications/{application_id:uuid}/identity"): (A.APPLICATIONS, REVEAL),
    ("GET", "/contracts/{contract_id:uuid}/documents/{document_id:uuid}"): (A.CONTRACTS, REVEAL),
    ("GET", "/contracts/{contract_id:uuid}/documents/contract.pdf"): (A.CONTRACTS, REVEAL),
    ("GET", "/contracts/{contract_id:uuid}/documents/acceptance.pdf"): (A.CONTRACTS, REVEAL),
    ("GET", "/applications/{application_id:uuid}/scans/{scan_id:uuid}"): (A.APPLICATIONS, REVEAL),
    ("GET", "/tickets/{ticket_id:uuid}/attachments/{attachment_id:uuid}"): (A.TICKETS, REVEAL),
    ("GET", "/imports/{import_id:uuid}/errors.csv"): (A.IMPORTS, Action.EXPORT),
    ("GET", "/customers/{customer_id:uuid}/documents/{place:int}/scan"): (A.CUSTOMERS, REVEAL),
    ("POST", "/compatibility-check"): (A.CATALOG, READ),
    ("GET", "/customers/{customer_id:uuid}/contracts"): (A.CONTRACTS, READ),
    ("GET", "/customers/{customer_id:uuid}/payments"): (A.PAYMENTS, READ),
    ("GET", "/customers/{customer_id:uuid}/tickets"): (A.TICKETS, READ),
    ("GET", "/contracts/{contract_id:uuid}/statement"): (A.ACCOUNTS, READ),
    ("POST", "/approvals/{approval_id:uuid}/approve"): (A.APPROVALS, Action.APPROVE),
    ("POST", "/approvals/{approval_id:uuid}/send-back"): (A.APPROVALS, Action.APPROVE),
}
"""The routes whose rule is not: their first word's area, read for GET and write for the rest."""

AREAS = {
    "applications": A.APPLICATIONS,
    "customers": A.CUSTOMERS,
    "sims": A.INVENTORY,
    "numbers": A.INVENTORY,
    "tariffs": A.CATALOG,
    "options": A.CATALOG,
    "compatibility-rules": A.CATALOG,
    "contracts": A.CONTRACTS,
    "accounts": A.ACCOUNTS,
    "payments": A.PAYMENTS,
    "unallocated-receipts": A.PAYMENTS,
    "tickets": A.TICKETS,
    "imports": A.IMPORTS,
    "provisioning-tasks": A.NETWORK,
    "billing-policies": A.RULES,
    "deduplication-rules": A.RULES,
    "validation-rules": A.RULES,
    "regulations": A.RULES,
    "notification-templates": A.RULES,
    "service-levels": A.RULES,
    "notifications": A.NOTIFICATIONS,
    "tokens": A.TOKENS,
    "users": A.USERS,
    "sessions": A.USERS,
    "roles": A.USERS,
    "audit": A.AUDIT,
    "events": A.AUDIT,
    "metrics": A.OPERATIONS,
    "webhooks": A.OPERATIONS,
    "approvals": A.APPROVALS,
    "reports": A.REPORTS,
}


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with telecom_crm.in_memory() as crm:
        found = Service.over(crm, stock=0)
        with found.client:
            yield found


def test_every_route_has_exactly_the_rule_that_is_written_here(service):
    for method, path, handler in routes_of():
        rule = rule_of(handler)
        assert rule is not None, f"{method} {path} has no access rule"
        if (method, path) in PUBLIC:
            assert isinstance(rule, Public), path
            assert rule.why
            continue
        if (method, path) in OWN:
            assert isinstance(rule, Own), path
            assert rule.why
            continue
        if (method, path) in DEAR:
            wanted = DEAR[method, path]
        else:
            wanted = (AREAS[path.split("/")[1]], READ if method == "GET" else WRITE)
        assert rule == Permission(*wanted), f"{method} {path}"


def test_every_route_obeys_its_rule_for_every_role(service):
    """Whoever may not is answered 403 before anything is read; whoever may, anything but that."""
    for method, path, handler in routes_of():
        rule = rule_of(handler)
        if not isinstance(rule, Permission) or "events" in path:
            continue  # the progress of an import has no end of its own
        real = path_to(path)
        assert service.send(method, real, role=None).status_code == 401, path
        for role in Role:
            status = service.send(method, real, role=role).status_code
            assert (status == 403) != BUILT_IN_ROLES[role].may(rule.area, rule.action), (
                method,
                path,
                role,
            )


def test_no_token_is_challenged(service):
    answer = service.get("/payments", role=None)
    problem_of(answer, 401, "not_authenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="telecom-crm"'


@pytest.mark.parametrize("header", ["Bearer wrong", "Basic YTpi", "Bearer", "", "Bearer \xff\xfe"])
def test_a_token_that_opens_nothing_is_challenged(service, header):
    answer = service.get(
        "/payments", role=None, headers={"Authorization": header.encode("latin-1")}
    )
    problem_of(answer, 401, "not_authenticated")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_refusal_is_written_down(service):
    service.post("/tokens", {"name": "x", "role": "admin"}, role=Role.CASHIER)
    lines = service.crm.access.audit(Query(where={"action": "refused write tokens"})).items
    assert any(line.by.name == "the cashier" for line in lines)


def test_a_revoked_token_opens_nothing_once_it_is_forgotten():
    now = [0.0]

    @get("/open", access=Permission(A.TICKETS, READ), sync_to_thread=False)
    def opened() -> str:
        return "open"

    with telecom_crm.in_memory() as crm:
        token, secret = crm.access.create_token(name="short", role=Role.AUDITOR)
        app = _app(opened, Gate(crm.access, monotonic=lambda: now[0]))
        with TestClient(app) as client:
            header = {"Authorization": f"Bearer {secret}"}
            assert client.get("/open", headers=header).status_code == 200
            crm.access.revoke(token.id)
            now[0] += REMEMBERED_SECONDS
            assert client.get("/open", headers=header).status_code == 401
    assert REMEMBERED_SECONDS <= 5


def test_a_token_that_asks_too_often_is_told_when_to_come_back():
    now = [0.0]
    with telecom_crm.in_memory() as crm:
        first, second = (crm.access.create_token(name=n, role=Role.AUDITOR)[1] for n in "ab")
        limits = Limits(requests_per_second=2, monotonic=lambda: now[0])
        with TestClient(create_app(crm, limits=limits)) as client:

            def ask(secret: str) -> Any:
                return client.get("/tickets", headers={"Authorization": f"Bearer {secret}"})

            assert [ask(first).status_code for _ in range(5)] == [200] * 4 + [429]
            problem = problem_of(ask(first), 429, "too_many_requests")
            assert problem["retryable"] is True
            assert ask(first).headers["retry-after"] == "1"
            assert ask(second).status_code == 200
            now[0] += 1
            assert ask(first).status_code == 200


def test_an_address_that_tries_tokens_is_not_heard_and_those_who_share_it_are():
    now = [0.0]
    with telecom_crm.in_memory() as crm:
        _, known = crm.access.create_token(name="known", role=Role.AUDITOR)
        _, late = crm.access.create_token(name="late", role=Role.AUDITOR)
        limits = Limits(refused_per_minute=2, proxies=("testclient",), monotonic=lambda: now[0])
        with TestClient(create_app(crm, limits=limits)) as client:

            def ask(secret: str, source: str = "192.0.2.1") -> Any:
                headers = {"Authorization": f"Bearer {secret}", "X-Forwarded-For": source}
                return client.get("/tickets", headers=headers)

            assert ask(known).status_code == 200
            tried = [ask(f"guess {n}").status_code for n in range(4)]
            assert tried == [401, 401, 429, 429]
            assert ask("a guess").headers["retry-after"] == "30"
            assert ask(known).status_code == 200
            assert ask(late).status_code == 429, "nothing is looked up for it now"
            assert ask(late, "192.0.2.2").status_code == 200
            assert ask(late).status_code == 200
            now[0] += 30
            assert ask("another guess").status_code == 401


def test_the_secret_of_a_token_is_shown_once(service):
    made = service.post("/tokens", {"name": "once", "role": "auditor"})
    assert made.headers["cache-control"] == "no-store"
    listed = service.get("/tokens?limit=500").text
    assert made.json()["secret"] not in listed


def test_a_route_without_a_rule_is_denied():
    @get("/forgotten", sync_to_thread=False)
    def forgotten() -> str:
        return "open"

    with (
        telecom_crm.in_memory() as crm,
        TestClient(_app(forgotten, Gate(crm.access))) as client,
    ):
        assert client.get("/forgotten").status_code == 403


def _app(handler, gate):
    def before(app):
        async def admitted(scope, receive, send):
            await gate.admit(scope)
            await app(scope, receive, send)

        return admitted

    return Litestar(
        [handler],
        middleware=[before],
        exception_handlers=HANDLERS,
        logging_config=None,
        openapi_config=None,
    )


def test_people_sign_in_and_out(service):
    """An admin invites, the invited one chooses a password, signs in, and is let out at once."""
    invited = service.post("/users", {"login": "Aida", "name": "Aida Asanova", "role": "operator"})
    assert (invited.status_code, invited.headers["cache-control"]) == (201, "no-store")
    user, secret = invited.json()["user"], invited.json()["invitation"]
    assert (user["login"], user["status"]) == ("aida", "invited")
    chosen = {"invitation": secret, "password": "correct horse battery"}
    weak = service.post("/users/accept", chosen | {"password": "short"}, role=None)
    problem_of(weak, 422, "invalid_value")
    assert service.post("/users/accept", chosen, role=None).json()["status"] == "active"
    assert service.post("/users/accept", chosen, role=None).status_code == 404
    me = {"login": "aida", "password": "correct horse battery"}
    wrong = service.post("/sessions", me | {"password": "x"}, role=None)
    problem_of(wrong, 401, "sign_in_refused")
    signed = service.post("/sessions", me, role=None)
    assert (signed.status_code, signed.json()["session"]["stage"]) == (201, "whole")
    mine = {"Authorization": f"Bearer {signed.json()['secret']}"}
    assert service.get("/customers", role=None, headers=mine).status_code == 200
    assert service.get("/users", role=None, headers=mine).status_code == 403
    sessions = service.get(f"/users/{user['id']}/sessions").json()["items"]
    assert [one["id"] for one in sessions] == [signed.json()["session"]["id"]]
    assert service.send("DELETE", "/sessions", role=None, headers=mine).status_code == 204
    assert service.get("/customers", role=None, headers=mine).status_code == 401
    problem_of(service.send("DELETE", "/sessions"), 422, "invalid_value")
    for _ in range(5):
        assert service.post("/sessions", me | {"password": "x"}, role=None).status_code == 401
    problem_of(service.post("/sessions", me, role=None), 429, "too_many_attempts")
    path = f"/users/{user['id']}"
    assert service.post(f"{path}/change-role", {"role": "cashier"}).json()["role"] == "cashier"
    assert service.post(f"{path}/block", {"reason": "left"}).json()["status"] == "blocked"
    names = [one["name"] for one in service.get(f"{path}/timeline").json()["items"]]
    assert names == ["UserInvited", "UserActivated", "UserRoleChanged", "UserBlocked"]


def test_roles_are_data(service):
    shown = service.get("/roles")
    assert {role["name"] for role in shown.json()["built_in"]} == {str(role) for role in Role}
    own = {"name": "dealer", "title": "Dealer", "grants": {"customers": ["read"]}}
    put = service.send(
        "PUT", "/roles", json={"items": [own]}, headers={"If-Match": shown.headers["etag"]}
    )
    assert [role["name"] for role in put.json()["items"]] == ["dealer"]
    same = {"If-Match": put.headers["etag"]}
    again = service.send("PUT", "/roles", json=put.json(), headers=same)
    assert again.json() == put.json(), "what is shown can be put back"
    made = service.post("/tokens", {"name": "d", "role": "dealer"}).json()
    mine = {"Authorization": f"Bearer {made['secret']}"}
    assert service.get("/customers", role=None, headers=mine).status_code == 200
    assert service.get("/payments", role=None, headers=mine).status_code == 403
    gone = service.send("PUT", "/roles", json={"items": []})
    problem_of(gone, 409, "rule_violated")
    assert service.send("PUT", "/roles", json={"items": []}, role=Role.OPERATOR).status_code == 403
    problem_of(service.post("/tokens", {"name": "d", "role": "boss"}), 404, "not_found")


def test_a_token_is_narrowed_to_its_scopes(service):
    body = {"name": "till", "role": "cashier", "scopes": ["payments:read", "users:write"]}
    made = service.post("/tokens", body).json()
    assert made["token"]["scopes"] == ["payments:read", "users:write"]
    mine = {"Authorization": f"Bearer {made['secret']}"}
    assert service.get("/payments", role=None, headers=mine).status_code == 200
    for path in ("/customers", "/users"):
        assert service.get(path, role=None, headers=mine).status_code == 403
    wrong = service.post("/tokens", body | {"scopes": ["money:take"]})
    assert [one["code"] for one in problem_of(wrong, 422, "invalid_value")["errors"]] == [
        "area", "action",
    ]  # fmt: skip


def test_what_is_over_one_s_limit_is_asked_for(service):
    customer = service.new_customer()["id"]
    body = {"customer_id": customer, "currency": "KGS"}
    account = service.post("/accounts", body).json()["id"]
    gift = {"kind": "goodwill", "amount": {"amount": "5000.01", "currency": "KGS"}, "reason": "x"}
    refused = service.post(
        f"/accounts/{account}/adjust", gift, key="big", role=Role.SENIOR_OPERATOR
    )
    problem = problem_of(refused, 409, "rule_violated")
    assert problem["rule"] == "four_eyes"
    assert "ask for an approval" in problem["detail"]
    small = gift | {"amount": {"amount": "5000.00", "currency": "KGS"}}
    done = service.post(f"/accounts/{account}/adjust", small, key="s", role=Role.SENIOR_OPERATOR)
    assert done.status_code == 201


def test_nobody_grants_through_the_service_what_they_may_not_do(service):
    scopes = [Scope.parse(f"{area}:write") for area in ("users", "tokens")]
    _, secret = service.crm.access.create_token(name="hr", role=Role.ADMIN, scopes=scopes)
    mine = {"Authorization": f"Bearer {secret}"}
    user, _ = service.crm.users.invite(login="granted", name="Granted", role=Role.CASHIER)
    kept = service.get("/roles").json()["items"]
    role = {"name": "spy", "title": "Spy", "grants": {"audit": ["read"]}}
    for method, path, body in (
        ("POST", "/tokens", {"name": "wide", "role": "admin"}),
        ("POST", "/users", {"login": "wide", "name": "Wide", "role": "admin"}),
        ("POST", f"/users/{user.id}/change-role", {"role": "admin"}),
        ("POST", f"/users/{user.id}/reset", None),
        ("PUT", "/roles", {"items": [*kept, role]}),
    ):
        refused = service.send(method, path, body, role=None, headers=mine)
        problem_of(refused, 403, "beyond_rights")
    lines = service.crm.access.audit(Query(where={"action": "grant.refused"})).items
    assert [line.thing for line in lines] == ["token", *["user"] * 3, "role"]
