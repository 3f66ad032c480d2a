"""`telecom-crm import`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import attrs
from cyclopts import Parameter

from telecom_crm.domain.errors import Busy, InvalidValue
from telecom_crm.domain.identifiers import ImportId
from telecom_crm.domain.importing import (
    ImportJob,
    ImportKind,
    ImportStatus,
    ImportSummary,
)
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.entrypoints.cli.database import HERE, Database
from telecom_crm.entrypoints.cli.telling import Json, Tell, progress, replaced
from telecom_crm.entrypoints.crm import Crm

BY = Actor("command line")
SHOWN = 10
"""How many errors are printed; the error file has all of them."""
PIECE = 1 << 16


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Wish:
    """What is to become of the rows."""

    dry_run: Annotated[
        bool, Parameter(help="Check every row as if for real, and change nothing.")
    ] = False
    activate: Annotated[
        bool,
        Parameter(help="Go on and activate the subscribers' contracts, on the policy named."),
    ] = False
    policy: Annotated[
        str | None,
        Parameter(
            help="The billing policy, whose required_for_activation says what may be missing."
        ),
    ] = None
    wait: Annotated[
        bool,
        Parameter(help="Carry out the network's tasks too, to have contracts active at the end."),
    ] = False


AS_IT_IS = Wish()
"""The rows are brought in, and that is all."""


def import_file(
    kind: ImportKind,
    file: Path,
    /,
    *,
    wish: Wish = AS_IT_IS,
    errors: Path | None = None,
    as_json: Json = False,
    database: Database = HERE,
) -> int:
    """
    Import SIMs, numbers or subscribers from a file.

    A row that cannot be registered is told with its line and does not keep the others out; the exit
    code is 1 then. The same file again changes nothing, and goes on where one that was killed was.

    Parameters
    ----------
    kind
        What the rows are.
    file
        A table with a header line: CSV in UTF-8, UTF-16, CP1251 or KOI8-R, separated by comma,
        semicolon, tab or bar; which of them is found out. Its columns, in any order:
        SIMs have iccid, imsi, pin1, puk1, batch; numbers msisdn, category (standard,
        silver, gold, platinum) and perhaps price; subscribers full_name, phone, email, birth_date,
        document_type, document_number, iccid, msisdn, tariff, language.
    wish
        What is to become of the rows.
    errors
        Write the failed rows to this file: the same columns, and error. An existing one is
        replaced.
    as_json
        Answer with JSON.
    database
        Where the data is.
    """
    _refuse_odd(file, errors)
    output = nullcontext() if errors is None else replaced("errors", errors)
    with output as failed, database.open() as crm:
        job_id = _imported(crm, kind, file, wish)
        summary = crm.imports.summary(job_id)
        if failed is not None:
            failed.writelines(line.encode() for line in crm.imports.error_file(job_id, by=BY))
    return _tell(summary, dry_run=wish.dry_run, as_json=as_json)


def _refuse_odd(file: Path, errors: Path | None) -> None:
    """Say what cannot be read or written before anything is opened."""
    with file.open("rb"):
        pass
    if errors is not None and errors.resolve() == file.resolve():
        raise InvalidValue.of("errors", "file", "name another file than the one that is imported")


def _imported(crm: Crm, kind: ImportKind, file: Path, wish: Wish) -> ImportId:
    """Bring a file in, telling how far it is, and return its job's id."""
    job = crm.imports.upload(
        kind=kind,
        content=_pieces(file),
        file_name=file.name,
        dry_run=wish.dry_run,
        activate=wish.activate,
        policy=wish.policy,
        by=BY,
    )
    with progress(f"{kind.value} of {file.name}") as tell:
        _run(crm, job, tell, wait=wish.wait)
    return job.id


def _run(crm: Crm, job: ImportJob, tell: Tell, *, wait: bool) -> None:
    """Run the job here, or watch a worker that took it first."""

    def network() -> int:
        return crm.provisioning.work(network=crm.network, limit=500).total

    try:
        crm.imports.run(
            job.id,
            progress=lambda now: tell(now.position, now.total),
            wait=network if wait else None,
        )
    except Busy:
        while (now := crm.imports.get(job.id)).is_under_way:
            tell(now.position, now.total)
            time.sleep(0.2)
        while wait and network():
            pass


def _tell(summary: ImportSummary, *, dry_run: bool, as_json: bool) -> int:
    """Print what came of it, and return the exit code that it deserves."""
    if as_json:
        print(json.dumps(summary.as_dict(), ensure_ascii=False))
    else:
        _print(summary, dry_run=dry_run)
    if summary.status is ImportStatus.STRUCTURE_ERROR:
        return 2
    return 1 if summary.counts.failed else 0


def _print(summary: ImportSummary, *, dry_run: bool) -> None:
    told = summary.as_dict()
    found = told.pop("errors")
    status = told.pop("status")
    if summary.status is ImportStatus.STRUCTURE_ERROR:
        status = "refused, as the file has another structure"
    elif dry_run:
        status = "dry run, nothing was changed; for real it would be"
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
