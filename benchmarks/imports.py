"""Bulk registration with every check, beside psql's \\copy of exactly the rows that it leaves."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs

import telecom_crm
from benchmarks.database import Database, database, server
from benchmarks.measuring import Meter, Sample
from benchmarks.report import Result
from telecom_crm.adapters.clock import utc_now
from telecom_crm.adapters.postgres.embedded import EmbeddedPostgres
from telecom_crm.application.catalog_file import demo_catalog
from telecom_crm.domain.importing import ImportKind
from telecom_crm.entrypoints.conformance.strategies import iccid_of, msisdn_of

MEMORY_MB = 64
_COPIED = {
    "customers": "",
    "identity_documents": "",
    "accounts": "",
    "contracts": "",
    "events": "WHERE at >= '{since}' AND thing <> 'import_job'",
    "sims": "WHERE contract_id IS NOT NULL",
    "numbers": "WHERE contract_id IS NOT NULL",
}
_NAMES = ("Айгүл Асанова", "Бакыт Рахимов", "Ñandú Нургуль", "Эркин уулу Данияр", "Анна Ким")
_TARIFFS = ("START", "COMFORT", "MAX")


@attrs.frozen
class Run:
    """One import of subscribers, and the \\copy of what it left."""

    rows: int
    told: dict[str, Any]
    mine: Sample
    reference: Sample

    @property
    def memory(self) -> float:
        """The peak above the same process idle, in MB."""
        return float(self.told["peak_mb"] - self.told["idle_mb"])


def measure(*, quick: bool) -> list[Result]:
    """Import a small file and one ten times as large."""
    sizes = (2_000, 20_000) if quick else (100_000, 1_000_000)
    with server() as running:
        small, large = (_run(running, rows) for rows in sizes)
    growth = large.memory / small.memory
    note = (
        f"{large.memory:.0f} MB above idle, {growth:.2f} × that of {small.rows:,} rows"
        f" (aim: {MEMORY_MB} MB, 1.1 ×)"
    )
    return [
        Result.of(
            f"subscribers import of {large.rows:,} rows with every check",
            [large.mine],
            [large.reference],
            at_least=0.4,
            aim=0.9,
            note=note,
        ),
        Result.of(
            f"the same of {small.rows:,} rows",
            [small.mine],
            [small.reference],
            note=f"{small.memory:.0f} MB above idle",
        ),
        *(
            Result.of(f"\\copy of what {run.rows:,} rows leave", [run.reference], [run.reference])
            for run in (small, large)
        ),
    ]


def _run(running: EmbeddedPostgres, rows: int) -> Run:
    with (
        tempfile.TemporaryDirectory(prefix="crm-bench-") as folder,
        database(running, f"imports_{rows}", filled=False) as target,
    ):
        with telecom_crm.open(target.url) as crm:
            crm.catalog.apply(demo_catalog())
        for kind in (ImportKind.SIMS, ImportKind.NUMBERS):
            _import(target, kind, _write(Path(folder), kind, rows))
        since = utc_now().isoformat()
        file = _write(Path(folder), ImportKind.SUBSCRIBERS, rows)
        target.psql("CHECKPOINT")
        told, mine = _import(target, ImportKind.SUBSCRIBERS, file)
        if told["created"] != rows:
            raise RuntimeError(f"not every row was registered: {told}")
        reference = _copy(target, Path(folder), rows, since)
    return Run(rows, told, mine, reference)


def _import(target: Database, kind: ImportKind, file: Path) -> tuple[dict[str, Any], Sample]:
    command = [sys.executable, "-m", "benchmarks.importer", kind.value, str(file)]
    meter = Meter(target.server.pid)
    with meter.running():
        done = subprocess.run(
            command, input=target.url, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise RuntimeError(done.stderr)
    told = json.loads(done.stdout)
    sample = attrs.evolve(
        meter.sample, operations=told["read"], seconds=told["seconds"], own_cpu=told["cpu"]
    )
    return told, sample


def _copy(target: Database, folder: Path, rows: int, since: str) -> Sample:
    """Write out what the import left, and \\copy it into empty tables with the same indexes."""
    out, make, back = [], ["CREATE SCHEMA copies"], []
    for table, where in _COPIED.items():
        query = f"SELECT * FROM {table} {where.format(since=since)}"
        file = folder / f"{table}.copied"
        out.append(f"\\copy ({query}) TO '{file}'")
        make.append(f"CREATE TABLE copies.{table} (LIKE {table} INCLUDING ALL)")
        back.append(f"\\copy copies.{table} FROM '{file}'")
    target.psql(*out, *make, "CHECKPOINT")
    meter = Meter(target.server.pid)
    with meter.running():
        target.psql(*back)
        meter.operations = rows
    return meter.sample


def _write(folder: Path, kind: ImportKind, rows: int) -> Path:
    """Write a file of one kind, in the shape that the product documents."""
    heads, row = _FILES[kind]
    file = folder / f"{kind.value}.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(heads.split(","))
        writer.writerows(_rows(row, rows))
    return file


def _rows(row: Callable[[int], tuple[str, ...]], rows: int) -> Iterator[tuple[str, ...]]:
    return (row(number) for number in range(1, rows + 1))


def _sim(number: int) -> tuple[str, ...]:
    return (str(iccid_of(number)), f"43705{number:010d}", "2471", f"{number:08d}", "B7-1")


def _number(number: int) -> tuple[str, ...]:
    return (msisdn_of(number).digits, "standard")


def _subscriber(number: int) -> tuple[str, ...]:
    msisdn = str(msisdn_of(number))
    return (
        f"{_NAMES[number % len(_NAMES)]}",
        msisdn,
        f"user{number}@example.org",
        f"{1950 + number % 50}-{number % 12 + 1:02d}-{number % 28 + 1:02d}",
        "id_card",
        f"ID{number:08d}",
        str(iccid_of(number)),
        msisdn,
        _TARIFFS[number % len(_TARIFFS)],
        "ky" if number % 2 else "ru",
    )


_FILES: dict[ImportKind, tuple[str, Callable[[int], tuple[str, ...]]]] = {
    ImportKind.SIMS: ("iccid,imsi,pin1,puk1,batch", _sim),
    ImportKind.NUMBERS: ("msisdn,category", _number),
    ImportKind.SUBSCRIBERS: (
        "full_name,phone,email,birth_date,document_type,document_number,iccid,msisdn,tariff,language",
        _subscriber,
    ),
}
