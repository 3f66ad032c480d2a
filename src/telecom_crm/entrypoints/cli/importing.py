"""`telecom-crm import`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from telecom_crm.domain.errors import Busy, InvalidValue
from telecom_crm.domain.importing import (
    APPLYING,
    ImportJob,
    ImportKind,
    ImportStatus,
    ImportSummary,
)
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.entrypoints.cli.database import HERE, Database
from telecom_crm.entrypoints.cli.telling import Tell, progress
from telecom_crm.entrypoints.crm import Crm

BY = Actor("command line")
SHOWN = 10
"""How many errors are printed; the error file has all of them."""
PIECE = 1 << 16
UNDER_WAY = APPLYING | {ImportStatus.UPLOADED, ImportStatus.CHECKED}


def import_file(
    kind: ImportKind,
    file: Path,
    *,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    activate: Annotated[bool, Parameter(negative=())] = False,
    policy: str | None = None,
    wait: Annotated[bool, Parameter(negative=())] = False,
    errors: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    database: Database = HERE,
) -> int:
    """
    Import SIMs, numbers or subscribers from a file; exit code 1 where rows failed.

    A row that cannot be registered is told with its line and does not keep the others out. The
    same file again changes nothing.

    Parameters
    ----------
    kind
        What the rows are.
    file
        A table with a header line: CSV, in one of several encodings and separators.
    dry_run
        Check every row as if for real, and change nothing.
    activate
        Go on and activate the contracts, on the policy named.
    policy
        The billing policy, whose required_for_activation says what may be missing.
    wait
        Carry out the network's tasks as well, to have contracts active at the end.
    errors
        Write the failed rows here: the same columns, and error.
    as_json
        Answer with JSON.
    database
        Where the data is.
    """
    with file.open("rb"):
        pass  # what cannot be read is told before anything is opened
    with database.open() as crm:
        job = crm.imports.upload(
            kind=kind,
            content=_pieces(file),
            file_name=file.name,
            dry_run=dry_run,
            activate=activate,
            policy=policy,
            by=BY,
        )
        with progress(f"{kind.value} of {file.name}") as tell:
            _run(crm, job, tell, wait=wait)
        summary = crm.imports.summary(job.id)
        if errors is not None:
            _write(errors, crm.imports.error_file(job.id, by=BY))
    return _tell(summary, as_json=as_json)


def _run(crm: Crm, job: ImportJob, tell: Tell, *, wait: bool) -> None:
    """Run the job here, or watch a worker that took it first."""

    def network() -> int:
        return crm.provisioning.work(network=crm.network, limit=500).total

    try:
        crm.imports.run(
            job.id,
            progress=lambda now: tell(now.position),
            wait=network if wait else None,
        )
    except Busy:
        while (now := crm.imports.get(job.id)).status in UNDER_WAY:
            tell(now.position)
            time.sleep(0.2)
        while wait and network():
            pass


def _tell(summary: ImportSummary, *, as_json: bool) -> int:
    """Print what came of it, and return the exit code that it deserves."""
    if as_json:
        print(json.dumps(summary.as_dict(), ensure_ascii=False))
    else:
        _print(summary)
    if summary.status is ImportStatus.STRUCTURE_ERROR:
        return 2
    return 1 if summary.counts.failed else 0


def _print(summary: ImportSummary) -> None:
    told = summary.as_dict()
    found = told.pop("errors")
    status = told.pop("status")
    print(f"{status}: " + ", ".join(f"{count} {name}" for name, count in told.items()))
    for error in found[:SHOWN]:
        where = f"line {error['line']}" + (f", {error['column']}" if error["column"] else "")
        print(f"  {where}: {error['message']} ({error['code']})", file=sys.stderr)
    if len(found) > SHOWN:
        print(f"  … and {len(found) - SHOWN} more; --errors FILE has all", file=sys.stderr)


def _pieces(file: Path) -> Iterable[bytes]:
    with file.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece


def _write(file: Path, lines: Iterable[str]) -> None:
    try:
        with file.open("w", encoding="utf-8", newline="") as stream:
            stream.writelines(lines)
    except OSError as error:
        message = f"cannot be written ({error.strerror})"
        raise InvalidValue.of("errors", "file", message, file) from error
