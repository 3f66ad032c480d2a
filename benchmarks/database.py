"""A database of its own for a benchmark: ten thousand accounts, and pgbench beside us."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import psycopg

import telecom_crm
from benchmarks.measuring import Meter, Sample
from telecom_crm.adapters.clock import new_uuid7, utc_now
from telecom_crm.adapters.postgres import migrate
from telecom_crm.adapters.postgres.embedded import EmbeddedPostgres
from telecom_crm.adapters.postgres.engine import DEFAULT_SCHEMA, search_path_of
from telecom_crm.domain.account import BillingAccount
from telecom_crm.domain.identifiers import AccountId, CustomerId
from telecom_crm.domain.lifecycle import SYSTEM

ACCOUNTS = 10_000
PAYMENT = Path(__file__).with_name("payment.sql")
"""One payment, statement by statement."""


@attrs.frozen
class Database:
    """A migrated database with accounts."""

    server: EmbeddedPostgres
    url: str

    @property
    def accounts(self) -> list[uuid.UUID]:
        """The accounts' ids: 1 to 10,000 in their last digits, so that pgbench finds them too."""
        return [_account(n) for n in range(1, ACCOUNTS + 1)]

    def connect(self) -> psycopg.Connection:
        """Connect as the owner, with the schema in the path."""
        options = f"-c search_path={search_path_of(DEFAULT_SCHEMA)}"
        return psycopg.connect(self.url, options=options, autocommit=True)

    def pgbench(
        self, script: Path, *, protocol: str, accounts: int, seconds: float, clients: int = 8
    ) -> Sample:
        """Run a script over and over, on so many accounts; a transaction is one operation."""
        program = shutil.which("pgbench")
        if program is None:
            raise SystemExit("pgbench is not on PATH: install postgresql-contrib")
        command = [program, "-n", "-M", protocol, "-c", str(clients), "-j", "2"]
        command += ["-T", f"{max(1, round(seconds))}", "-f", str(script)]
        base = int(time.time()) % 10**7 * 10**11  # so that a later run's ids come behind
        command += ["-D", f"accounts={accounts}", "-D", "count=0", "-D", f"base={base}"]
        meter = Meter(self.server.pid)
        with meter.running():
            done = subprocess.run(
                command, env=self._environment(), capture_output=True, text=True, check=False
            )
        if done.returncode:
            raise RuntimeError(done.stderr)
        meter.sample = attrs.evolve(
            meter.sample,
            operations=int(_figure(r"actually processed: (\d+)", done.stdout)),
            seconds=float(_figure(r"duration: (\d+)", done.stdout)),
        )
        return meter.sample

    def psql(self, *commands: str) -> None:
        """Run commands of psql, one after another."""
        program = shutil.which("psql")
        if program is None:
            raise SystemExit("psql is not on PATH: install postgresql-client")
        words = [program, "-q", "-X", "-v", "ON_ERROR_STOP=1"]
        words += [word for command in commands for word in ("-c", command)]
        subprocess.run(words, env=self._environment(), check=True)

    def _environment(self) -> dict[str, str]:
        told = psycopg.conninfo.conninfo_to_dict(self.url)
        named = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}
        named["PGPASSWORD"] = "password"
        known = {name: str(told[key]) for name, key in named.items() if told.get(key)}
        path = search_path_of(DEFAULT_SCHEMA)
        return {**os.environ, **known, "PGOPTIONS": f"-c search_path={path}"}


@contextmanager
def server() -> Iterator[EmbeddedPostgres]:
    """Start a server in a new directory, as durable as the product's own, and remove it after."""
    with (
        tempfile.TemporaryDirectory(prefix="crm-bench-", ignore_cleanup_errors=True) as directory,
        EmbeddedPostgres.start(Path(directory) / "postgres") as started,
    ):
        yield started


@contextmanager
def database(running: EmbeddedPostgres, name: str, *, filled: bool = True) -> Iterator[Database]:
    """Make a migrated database, and drop it after."""
    made = Database(running, running.create_database(name))
    try:
        migrate.upgrade(made.url)
        if filled:
            _open_accounts(made)
            with made.connect() as connection:
                connection.execute("VACUUM ANALYZE accounts")
        yield made
    finally:
        running.drop_database(name)


def account_id(chance: random.Random) -> uuid.UUID:
    """Return the id of some account."""
    return _account(chance.randint(1, ACCOUNTS))


def _open_accounts(made: Database) -> None:
    owner, at = CustomerId(new_uuid7()), utc_now()
    with telecom_crm.open(made.url) as crm, crm.uow() as tx:
        tx.accounts.save_all(
            [
                BillingAccount.open(
                    id=AccountId(id),
                    number=f"B{id.int & 0xFFFFFF}",
                    customer_id=owner,
                    currency="KGS",
                    by=SYSTEM,
                    at=at,
                )
                for id in made.accounts
            ]
        )


def _account(number: int) -> uuid.UUID:
    return uuid.UUID(f"00000000-0000-7000-8000-{number:012x}")


def _figure(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"pgbench said something else: {text}")
    return found[1]
