"""What happens at the same moment, and while the database is away."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from litestar.testing import TestClient

import telecom_crm
from telecom_crm.adapters.postgres.embedded import EmbeddedPostgres
from telecom_crm.adapters.postgres.engine import open_engine
from telecom_crm.application.ports import IdempotencyKey
from telecom_crm.domain.errors import Busy
from telecom_crm.domain.role import RoleName as Role
from telecom_crm.entrypoints.settings import prepare
from tests.integration.http_service import (
    STORES,
    Service,
    iccid,
    money,
    msisdn,
    opened,
    problem_of,
)
from tests.integration.test_embedded_postgres import gone, kill

ROUNDS = 8


@pytest.fixture(params=STORES)
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    with opened(request, stock=3 * ROUNDS) as found:
        yield found


@pytest.fixture
def at_once(service: Service) -> Iterator[Callable[..., list[Any]]]:
    """Send two requests at the same moment, from two clients with event loops of their own."""
    with (
        TestClient(service.client.app, raise_server_exceptions=False) as other,
        ThreadPoolExecutor(2) as pool,
    ):

        def send(path: str, *requests: tuple[Any, str]) -> list[Any]:
            barrier = threading.Barrier(2)

            def one(client: Any, body: Any, key: str) -> Any:
                headers = {
                    "Authorization": f"Bearer {service.secrets[Role.ADMIN]}",
                    "Idempotency-Key": key,
                }
                barrier.wait()
                return client.post(path, json=body, headers=headers)

            clients = (service.client, other)
            sent = [
                pool.submit(one, client, *request)
                for client, request in zip(clients, requests, strict=True)
            ]
            return [future.result() for future in sent]

        yield send


def test_one_of_two_gets_the_sim(service, at_once):
    for turn in range(ROUNDS):
        bodies = [
            {
                "iccid": iccid(turn),
                "msisdn": msisdn(ROUNDS + 2 * turn + n),
                "tariff": "START",
                "customer": {"name": f"Racer {n}"},
            }
            for n in range(2)
        ]
        answers = at_once("/contracts", *((body, f"{turn} {n}") for n, body in enumerate(bodies)))
        won, lost = sorted(answers, key=lambda answer: answer.status_code)
        assert won.status_code == 201
        problem = problem_of(lost, 409, "sim_not_available")
        assert (problem["state"], problem["contract"]) == ("bound", won.json()["id"])
        assert "it is bound" in problem["detail"]


def test_the_same_key_at_once_is_one_payment(service, at_once):
    account = service.new_contract()["account_id"]
    body = {
        "account_id": account,
        "amount": money("1.00"),
        "method": "cash",
        "gateway": "cash_desk",
    }
    for turn in range(ROUNDS):
        one, two = at_once("/payments", (body, f"same {turn}"), (body, f"same {turn}"))
        assert (one.status_code, two.status_code) == (201, 201)
        assert one.json() == two.json()
        replayed = ["idempotency-replayed" in answer.headers for answer in (one, two)]
        assert sorted(replayed) == [False, True]
    balance = service.get(f"/accounts/{account}").json()["balance"]
    assert balance == money(f"{ROUNDS}.00")


@pytest.mark.postgres
def test_a_repeat_waits_for_the_first_and_is_then_told_to_come_back(
    ready_database: str, tmp_path: Path
) -> None:
    """The wait is the engine's; in the service it is five seconds."""
    engine = open_engine(ready_database, lock_timeout_seconds=0.2)
    with telecom_crm.open(ready_database, engine=engine, data=tmp_path) as crm:
        service = Service.over(crm, stock=3)
        with service.client:
            contract = service.new_contract()
            requests = {
                "/payments": {
                    "account_id": contract["account_id"],
                    "amount": money("1.00"),
                    "method": "cash",
                    "gateway": "cash_desk",
                },
                "/tickets": {"customer_id": contract["customer_id"], "subject": "No network"},
            }
            [token] = [one for one in crm.access.each() if one.name == "the admin"]
            for path, body in requests.items():
                key = IdempotencyKey(token.actor.caller, path, "of a request that is given up")
                with suppress(Busy), crm.uow() as first:
                    first.keys.claim(key, uuid4())
                    problem = problem_of(service.post(path, body, key=path), 409, "busy")
                    assert problem["retryable"] is True
                    raise Busy("what is under way")
                assert service.post(path, body, key=path).status_code == 201
    engine.dispose()


@pytest.mark.postgres
def test_the_database_goes_away_and_comes_back(
    tmp_path: Path, postgres_binaries: Path | None
) -> None:
    with EmbeddedPostgres.start(tmp_path / "db", binaries=postgres_binaries) as server:
        url = server.create_database("away")
        prepare(url, schema="telecom_crm")
        with telecom_crm.open(url, data=tmp_path) as crm:
            service = Service.over(crm, stock=3)
            with service.client:
                account = service.new_contract()["account_id"]
                body = {
                    "account_id": account,
                    "amount": money("1.00"),
                    "method": "cash",
                    "gateway": "cash_desk",
                }
                assert service.post("/payments", body, key="before").status_code == 201
                kill_whole(server)
                for answer in (
                    service.post("/payments", body, key="meanwhile"),
                    service.get("/tickets"),
                    service.get("/health/ready", role=None),
                ):
                    problem = problem_of(answer, 503, "unavailable")
                    assert problem["retryable"] is True
                    assert answer.headers["retry-after"] == "1"
                assert service.get("/health/live", role=None).status_code == 200
                assert server.revive()
                assert service.post("/payments", body, key="meanwhile").status_code == 201
                assert service.get("/health/ready", role=None).status_code == 200
                balance = service.get(f"/accounts/{account}").json()["balance"]
                assert balance == money("2.00")


def kill_whole(server: EmbeddedPostgres) -> None:
    """Kill a server, and see all of it dead: each open session outlives it by a moment."""
    with psycopg.connect(server.url) as connection:
        told = connection.execute("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        parts = [pid for (pid,) in told]
    kill(server.pid)
    for pid in parts:
        gone(pid)
