"""`POST /payments` end to end, from a socket to the commit, beside pgbench on the same server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import attrs

import telecom_crm
from benchmarks.client import CONNECTIONS
from benchmarks.database import ACCOUNTS, PAYMENT, Database, database, server
from benchmarks.measuring import Contender, Meter, Sample, cpu_of_tree, take_turns
from benchmarks.report import Result
from telecom_crm.domain.role import RoleName as Role

WORKERS = 2
SECONDS = 4.0
ROUNDS = 5


@attrs.frozen
class Service:
    """A running service."""

    port: int
    pid: int


@attrs.define
class Load:
    """Sends payments through one gateway, and keeps what the client tells of the waiting."""

    service: Service
    token: str
    gateway: str
    database: Database
    told: list[dict[str, float]] = attrs.field(factory=list)

    def __call__(self) -> Sample:
        """Send for a while; our CPU time is the service's, the client's is told apart."""
        meter, before = Meter(self.database.server.pid), cpu_of_tree(self.service.pid)
        command = [sys.executable, "-m", "benchmarks.client"]
        command += [str(self.service.port), str(SECONDS), self.gateway]
        with meter.running():
            done = subprocess.run(
                command, input=self.token, capture_output=True, text=True, check=False
            )
        if done.returncode:
            raise RuntimeError(done.stderr)
        told = json.loads(done.stdout)
        self.told.append(told)
        return attrs.evolve(
            meter.sample,
            operations=told["operations"],
            seconds=told["seconds"],
            own_cpu=cpu_of_tree(self.service.pid) - before,
        )

    @property
    def note(self) -> str:
        """What the client saw, and what it cost."""
        micros = median(one["cpu"] / one["operations"] * 1e6 for one in self.told)
        waits = [median(one[name] for one in self.told) for name in ("median_ms", "p99_ms")]
        return f"median {waits[0]:.0f} ms, p99 {waits[1]:.0f} ms; client's own CPU {micros:.0f} µs"


def measure(*, quick: bool) -> list[Result]:
    """Send payments by cash desk and through the simulator, in turns with pgbench."""
    with (
        server() as running,
        database(running, "http") as filled,
        serving(filled) as service,
    ):
        with telecom_crm.open(filled.url) as crm:
            _, token = crm.access.create_token(name="bench", role=Role.CASHIER)
        desk, simulator = (
            Load(service, token, gateway, filled) for gateway in ("cash_desk", "simulator")
        )
        pgbench: Contender = lambda: filled.pgbench(  # noqa: E731  # a contender like the others
            PAYMENT, protocol="simple", accounts=ACCOUNTS, seconds=SECONDS
        )
        samples = take_turns(
            {"pgbench": pgbench, "desk": desk, "simulator": simulator},
            rounds=1 if quick else ROUNDS,
        )
    beside = samples["pgbench"]
    how = f"{CONNECTIONS} connections, {WORKERS} workers"
    return [
        Result.of(
            f"`POST /payments` by cash desk, {how}",
            samples["desk"],
            beside,
            at_least=1.0,
            aim=2.0,
            note=desk.note,
        ),
        Result.of(
            "`POST /payments` through the simulator",
            samples["simulator"],
            beside,
            note=simulator.note,
        ),
        Result.of("pgbench, simple protocol: the reference", beside, beside, note="8 clients"),
    ]


@contextmanager
def serving(filled: Database) -> Iterator[Service]:
    """Serve the database on a free port until the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as data:
        command = [sys.executable, "-m", "telecom_crm.entrypoints.cli", "serve"]
        command += ["--port", str(port), "--processes", str(WORKERS)]
        told = {"TELECOM_CRM_DATABASE_URL": filled.url, "TELECOM_CRM_DATA": data}
        told["TELECOM_CRM_REQUESTS_PER_SECOND"] = "0"  # one token sends all there is
        told["TELECOM_CRM_GATEWAYS"] = "cash_desk,simulator"
        environment = {**os.environ, **told}
        process = subprocess.Popen(command, env=environment)
        try:
            _wait_for(port, process)
            yield Service(port, process.pid)
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            continue
        return
    raise RuntimeError("the service did not start")
