"""
Kill −9 of an import: whoever goes on with it comes to the outcomes that are known, each row once.

The command is a process of its own, dies at random moments and is started again; its job is watched
through the database alone.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import psycopg
import pytest

import telecom_crm
from telecom_crm.adapters.postgres import migrate
from telecom_crm.adapters.postgres.embedded import EmbeddedPostgres
from telecom_crm.application.catalog_file import demo_catalog
from telecom_crm.application.ports import Query
from telecom_crm.domain.importing import ImportKind, ImportStatus
from tests.unit.bulk import DATA, EXPECTED

pytestmark = [pytest.mark.faults, pytest.mark.postgres]

KILLS = 5
"""Of three chunks, which the job moves on by; every second kill waits for that."""
IMPORT = ("import", "subscribers", str(DATA / "subscribers.csv"))
LOOKS = 800
"""The most looks at the database between a sign of life and the end of whoever gave it."""
PATIENCE_SECONDS = 120


@pytest.fixture
def server(tmp_path: Path, postgres_binaries: Path | None) -> Iterator[EmbeddedPostgres]:
    """A server of this test's own that syncs to disk, as in production."""
    with EmbeddedPostgres.start(tmp_path / "postgres", binaries=postgres_binaries) as server:
        yield server


@attrs.frozen
class Place:
    """A database, a directory of files, and processes that work there."""

    url: str
    data: Path
    watch: psycopg.Connection[Any]
    started: list[subprocess.Popen[bytes]] = attrs.field(factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "TELECOM_CRM_DATABASE_URL": self.url,
            "TELECOM_CRM_DATA": str(self.data),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "telecom_crm.entrypoints.cli", *arguments],
            env=environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.started.append(process)
        return process

    def count(self, sql: str) -> int:
        row = self.watch.execute(sql).fetchone()
        assert row is not None
        return int(row[0])

    def until(self, is_so: Callable[[], bool]) -> None:
        """Look again and again until it is so."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < deadline, "what was waited for did not come"

    def others(self) -> int:
        """Count the connections of others to the database."""
        return self.count(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )

    def unfinished(self) -> int:
        return self.count(
            "SELECT count(*) FROM telecom_crm.import_jobs"
            " WHERE kind = 'subscribers' AND status <> 'completed'"
        )


@pytest.fixture
def place(server: EmbeddedPostgres, tmp_path: Path) -> Iterator[Place]:
    url = server.create_database("faults")
    migrate.upgrade(url)
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as watch:
        place = Place(url, tmp_path, watch)
        yield place
        for process in place.started:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_an_import_that_is_killed_again_and_again_comes_to_the_known_end(place: Place) -> None:
    with telecom_crm.open(place.url, data=place.data) as crm:
        crm.catalog.apply(demo_catalog())
        for kind in (ImportKind.SIMS, ImportKind.NUMBERS):
            crm.imports.run_file(kind=kind, content=DATA / f"{kind}.csv")
    fate = random.Random(41)
    command = place.start(*IMPORT)
    place.until(lambda: place.unfinished() == 1)
    states: Counter[tuple[str, int]] = Counter()
    for turn in range(KILLS):
        if turn % 2:
            place.until(partial(has_moved_on, place, job_of(place)))
        else:
            for _ in range(fate.randrange(LOOKS)):
                place.others()
        kill(command)
        place.until(lambda: place.others() == 0)
        states[job_of(place)] += 1
        if place.unfinished() == 0:
            break  # it was quicker than its end
        command = place.start(*IMPORT)
        place.until(lambda: place.others() > 0)
    place.until(lambda: place.unfinished() == 0)
    command.wait(timeout=60)
    assert len(states) >= 3, f"the kills all came at the same point: {states}"
    with telecom_crm.open(place.url, data=place.data) as crm:
        assert_known_outcome(crm)


def job_of(place: Place) -> tuple[str, int]:
    """Return how far the job is."""
    row = place.watch.execute(
        "SELECT status, position FROM telecom_crm.import_jobs WHERE kind = 'subscribers'"
    ).fetchone()
    assert row is not None
    return str(row[0]), int(row[1])


def has_moved_on(place: Place, before: tuple[str, int]) -> bool:
    return job_of(place) != before


def assert_known_outcome(crm: telecom_crm.Crm) -> None:
    (job,) = crm.imports.page(Query(where={"kind": "subscribers"})).items
    assert job.status is ImportStatus.COMPLETED
    failed = {int(line): code for line, code in EXPECTED["failed"].items()}
    assert {error.line: error.code for error in crm.imports.errors(job.id)} == failed
    assert job.counts.created == EXPECTED["created"]
    names = Counter(event.name for _, event in crm.events.each())
    assert names["ContractAccepted"] == EXPECTED["created"]
    assert names["SimBound"] == names["NumberAssigned"] == EXPECTED["created"]
    contracts = list(crm.contracts.each())
    for held in ("iccid", "msisdn", "number", "account_id"):
        assert len({getattr(contract, held) for contract in contracts}) == EXPECTED["created"]
    again = crm.imports.run_file(kind=ImportKind.SUBSCRIBERS, content=DATA / "subscribers.csv")
    assert again.counts.as_dict() == {**EXPECTED["second_run"], "read": EXPECTED["rows"]}
    assert crm.verify_ledger() == ()
