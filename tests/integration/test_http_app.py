"""The routes are one in a process, whatever number of CRMs they are served for."""

from litestar.testing import TestClient

import telecom_crm
from telecom_crm.domain.role import RoleName as Role
from telecom_crm.entrypoints.http.app import create_app, routes


def test_two_crms_of_a_process_know_nothing_of_each_other():
    with telecom_crm.in_memory() as one, telecom_crm.in_memory() as other:
        secrets = [
            crm.access.create_token(name="an admin", role=Role.ADMIN)[1] for crm in (one, other)
        ]
        here, there = (TestClient(create_app(crm)) for crm in (one, other))
        with here, there:
            own, foreign = ({"Authorization": f"Bearer {secret}"} for secret in secrets)
            body = {"name": "Асанов Азамат"}
            assert here.post("/customers", json=body, headers=own).status_code == 201
            assert here.get("/customers", headers=foreign).status_code == 401
            assert len(here.get("/customers", headers=own).json()["items"]) == 1
            assert there.get("/customers", headers=foreign).json()["items"] == []
            series = 'route="/customers",status="201"} 1'
            assert series in here.get("/metrics", headers=own).text
            assert series not in there.get("/metrics", headers=foreign).text


def test_what_a_server_opened_it_lets_go_of_when_it_stops_and_in_order():
    told: list[str] = []
    with telecom_crm.in_memory() as crm:
        app = create_app(crm)
        assert app.routes is routes()
        app.on_shutdown.extend([lambda: told.append("first"), lambda: told.append("then")])
        with TestClient(app) as client:
            assert client.get("/health/live").status_code == 200
            assert told == []
        assert told == ["first", "then"]
