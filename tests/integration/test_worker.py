"""The worker as a process: it works by itself, and dies, stops and comes back as it should."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import psycopg
import pytest
from psycopg import sql

import telecom_crm
from telecom_crm import Crm, Money, Payer, PaymentMethod
from telecom_crm.adapters.clock import ManualClock, utc_now
from telecom_crm.adapters.postgres import jobs
from telecom_crm.application.catalog_file import demo_catalog
from telecom_crm.application.inventory.receiving import NumberData, SimData
from telecom_crm.domain.application import ApplicationKind, Channel
from telecom_crm.domain.contract import CloseReason, Contract
from telecom_crm.domain.demo import Demo
from telecom_crm.domain.errors import SchemaOutdated
from telecom_crm.entrypoints.crm import STEPS
from telecom_crm.entrypoints.demo import GATEWAYS, subscriber
from telecom_crm.entrypoints.settings import Settings
from telecom_crm.entrypoints.worker import QUICK, duties
from tests.integration.users import as_user


@pytest.fixture
def url(ready_database: str) -> str:
    return ready_database


@pytest.fixture
def crm(url: str, tmp_path: Path) -> Iterator[Crm]:
    with telecom_crm.open(url, data=tmp_path) as crm:
        crm.catalog.apply(demo_catalog())
        yield crm


@pytest.fixture
def start_worker(url: str, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(at: str = url) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "TELECOM_CRM_DATABASE_URL": at,
            "TELECOM_CRM_DATA": str(tmp_path),
            "TELECOM_CRM_GATEWAYS": ",".join(GATEWAYS),
            "TELECOM_CRM_WORK_SECONDS": "1",
            "TELECOM_CRM_TIDY_SECONDS": "1",
        }
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "telecom_crm.entrypoints.cli", "worker"],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def activating(crm: Crm, index: int) -> Contract:
    return sign(crm, index, activate=True)


def sign(crm: Crm, index: int, **how: Any) -> Contract:
    one = subscriber(index)
    crm.inventory.receive_sims([SimData(iccid=one.iccid, imsi=one.imsi)])
    crm.inventory.receive_numbers([NumberData(msisdn=one.msisdn)])
    return crm.contracts.create(
        new_customer={"name": one.name, "phone": one.msisdn},
        iccid=one.iccid,
        msisdn=one.msisdn,
        tariff="COMFORT",
        policy="migration",
        **how,
    )


def hear(process: subprocess.Popen[str], words: str) -> str:
    """Read what the process prints up to a line with these words, for a minute at most."""
    assert process.stdout
    alarm = threading.Timer(60, process.kill)
    alarm.start()
    try:
        for line in process.stdout:
            if words in line:
                return line
    finally:
        alarm.cancel()
    raise AssertionError(f"the worker ended without saying {words!r}")


def test_it_provisions_tells_the_customer_and_stops_when_told(
    crm: Crm, start_worker: Callable[[], subprocess.Popen[str]]
) -> None:
    contract = activating(crm, 0)
    process = start_worker()
    hear(process, contract.number)  # the message that the contract is active
    assert crm.contracts.get(contract.id).status.value == "active"
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in output


def test_all_that_came_due_is_done_by_a_user_of_the_services_own(
    url: str, user: str, tmp_path: Path, start_worker: Callable[..., subprocess.Popen[str]]
) -> None:
    clock = ManualClock(utc_now() - timedelta(days=100))
    with telecom_crm.open(url, data=tmp_path, gateways=GATEWAYS, clock=clock) as crm:
        crm.catalog.apply(demo_catalog())
        tomorrow = clock().date() + timedelta(days=2)
        scheduled = sign(crm, 0, requested_activation=tomorrow)
        closed = activating(crm, 1)
        crm.work()
        crm.contracts.close(closed.id, reason=CloseReason.OTHER)
        rests = subscriber(1).msisdn
        card, number = subscriber(2).iccid, subscriber(2).msisdn
        crm.inventory.receive_sims([SimData(iccid=card)])
        crm.inventory.receive_numbers([NumberData(msisdn=number)])
        crm.inventory.reserve_sim(card, for_="a web shop")
        crm.inventory.reserve_number(number, for_="a web shop")
        request = crm.intake.capture(
            kind=ApplicationKind.NEW_CONNECTION,
            channel=Channel.API,
            raw={"name": "Aida Asanova", "phone": "+996700123456"},
        )
        crm.intake.validate(request.id)
        crm.intake.claim(request.id)
        paid = crm.payments.take(  # the simulator takes it, and does not say so
            payer=Payer(account_id=scheduled.account_id),
            amount=Money.parse("500.02", "KGS"),
            method=PaymentMethod.CARD,
            gateway="simulator",
        )

        def states() -> tuple[str, ...]:
            return (
                crm.contracts.get(scheduled.id).status.value,
                crm.inventory.number(rests).status.value,
                crm.inventory.sim(card).status.value,
                crm.inventory.number(number).status.value,
                crm.intake.get(request.id).status.value,
                crm.payments.get(paid.id).status.value,
            )

        assert states() == (
            *("accepted", "quarantined", "reserved", "reserved", "in_progress", "unknown"),
        )
        with psycopg.connect(url, autocommit=True) as connection:
            who = sql.Identifier(user)
            connection.execute(sql.SQL("GRANT telecom_crm_app TO {}").format(who))
            start_worker(as_user(url, user))
            wanted = ("active", "available", "available", "available", "validated", "confirmed")
            deadline = time.monotonic() + 60
            while states() != wanted:
                assert time.monotonic() < deadline, states()
        assert crm.verify_ledger() == ()


def test_one_that_was_killed_is_followed_by_another(
    crm: Crm, start_worker: Callable[[], subprocess.Popen[str]]
) -> None:
    first = activating(crm, 0)
    killed = start_worker()
    hear(killed, first.number)
    killed.kill()
    killed.communicate()
    second = activating(crm, 1)
    hear(start_worker(), second.number)
    assert crm.contracts.get(second.id).status.value == "active"


def test_a_database_that_went_away_is_waited_for(
    crm: Crm, url: str, start_worker: Callable[[], subprocess.Popen[str]]
) -> None:
    first = activating(crm, 0)
    process = start_worker()
    hear(process, first.number)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    second = activating(crm, 1)
    hear(process, second.number)


def test_what_a_dead_worker_left_is_queued_again(url: str) -> None:
    app = jobs.make_app(url, [jobs.Duty(name="look", seconds=30, do=lambda: None)])

    async def leave_and_find() -> tuple[int, int]:
        async with app.open_async():
            await app.configure_task("look").defer_async(timestamp=0)
            dead = await app.job_manager.register_worker()
            await app.job_manager.fetch_job(queues=None, worker_id=dead)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(
                    "UPDATE telecom_crm_jobs.procrastinate_workers"
                    " SET last_heartbeat = now() - interval '5 minutes'"
                )
            return await jobs.retry_stalled_jobs(app), await jobs.retry_stalled_jobs(app)

    assert asyncio.run(leave_and_find()) == (1, 0)
    with psycopg.connect(url) as connection:
        left = connection.execute("SELECT status FROM telecom_crm_jobs.procrastinate_jobs")
        assert left.fetchall() == [("todo",)]


def test_a_duty_that_fails_is_logged_without_what_it_quotes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> None:
        raise LookupError(subscriber(0).name)

    jobs.perform(jobs.Duty(name="look", seconds=1, do=fail))
    assert "LookupError" in caplog.text
    assert "look" in caplog.text
    assert subscriber(0).name not in caplog.text


def test_installing_again_is_no_change_and_without_it_no_worker_starts(
    url: str, postgres_url: str
) -> None:
    jobs.install(url)
    with pytest.raises(SchemaOutdated, match="telecom-crm migrate"):
        jobs.run(postgres_url, [], schema="never_made")


def test_every_step_has_its_rhythm(crm: Crm) -> None:
    assert set(STEPS) >= QUICK
    settings = Settings(work_seconds=2, tidy_seconds=30)
    assert {duty.name: duty.seconds for duty in duties(crm, settings)} == {
        name: 2 if name in QUICK else 30 for name in STEPS
    }


def test_nothing_of_a_demo_is_done_before_its_past_is_made(crm: Crm) -> None:
    every = {duty.name: duty.do for duty in duties(crm, Settings())}
    crm.customers.register(name="Aida")
    demo = crm.rules.put_demo(Demo(seed=0, customers=24, began=crm.clock(), lived=False))
    assert every["keep_figures"]() == 0
    crm.rules.put_demo(attrs.evolve(demo, lived=True))
    assert every["keep_figures"]() != 0
