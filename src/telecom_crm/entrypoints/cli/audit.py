"""`telecom-crm audit`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from telecom_crm.application.audit import Verification
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.seal import Breach, BreachKind, Seal
from telecom_crm.entrypoints.cli.database import HERE, Database
from telecom_crm.entrypoints.cli.telling import Json, progress, replaced

BY = Actor("command line")


def verify(
    *,
    seals: Annotated[Path | None, Parameter(name="--seals")] = None,
    as_json: Json = False,
    database: Database = HERE,
) -> int:
    """
    Compare the whole audit trail with its seals.

    The exit code is 1 where a line or a seal was changed, removed, added or swapped. That the end
    was cut off, or everything sealed anew, is found by seals that were kept elsewhere.

    Parameters
    ----------
    seals
        Seals as `telecom-crm audit seals` wrote them, to compare with those in the database.
    as_json
        Answer with JSON.
    database
        Where the data is.
    """
    known = nullcontext() if seals is None else seals.open(encoding="utf-8")
    with known as lines, database.open() as crm, progress("lines") as tell:
        outcome = crm.audit.verify(_read(lines or ()), by=BY, tell=tell)
    if as_json:
        print(json.dumps(_facts(outcome)))
        return 1 if outcome.broken else 0
    for one in outcome.breaches:
        print(_told(one))
    if outcome.broken > len(outcome.breaches):
        print(f"and {outcome.broken - len(outcome.breaches)} more")
    sealed = f", up to {outcome.last.at.isoformat()}" if outcome.last else ""
    print(f"{outcome}{sealed}")
    return 1 if outcome.broken else 0


def seals(
    file: Annotated[Path, Parameter(allow_leading_hyphen=True)] = Path("-"),
    /,
    *,
    after: int = 0,
    database: Database = HERE,
) -> int:
    """
    Write the seals to a file, to be kept elsewhere.

    One JSON object to a line; elsewhere is where nobody here can write.

    Parameters
    ----------
    file
        Where to; - is standard output. An existing file is replaced.
    after
        Only those behind this number.
    database
        Where the data is.
    """
    printed = str(file) == "-"
    output = nullcontext(sys.stdout.buffer) if printed else replaced("file", file)
    with output as stream, database.open() as crm:
        for seal in crm.audit.seals(after=after):
            stream.write(f"{json.dumps(_line(seal))}\n".encode())
    return 0


def _line(seal: Seal) -> dict[str, Any]:
    return {
        "number": seal.number,
        "start": seal.start,
        "end": seal.end,
        "lines": seal.lines,
        "at": seal.at.isoformat(),
        "digest": seal.digest,
    }


def _read(lines: Iterable[str]) -> Iterator[Seal]:
    for number, line in enumerate(lines, 1):
        try:
            facts = json.loads(line)
            yield Seal(**(facts | {"at": datetime.fromisoformat(facts["at"])}))
        except (ValueError, TypeError, KeyError):
            message = f"line {number} is no seal as `telecom-crm audit seals` writes it"
            raise InvalidValue.of("seals", "seal", message, line[:60]) from None


def _told(breach: Breach) -> str:
    seal = breach.seal
    what = {
        BreachKind.CHANGED: "a line, the seal or the one before it was changed",
        BreachKind.REMOVED: f"lines were removed: {breach.found} of {seal.lines} are there",
        BreachKind.ADDED: f"lines were added: {breach.found} are there, {seal.lines} were sealed",
        BreachKind.MISSING: "the seal is gone",
    }
    where = f"sealed {seal.at.isoformat()}, transactions {seal.start} to {seal.end - 1}"
    if breach.number != seal.number:
        where = f"found by seal {seal.number}, {where}"
    return f"seal {breach.number}: {what[breach.kind]} ({where})"


def _facts(outcome: Verification) -> dict[str, Any]:
    return {
        "seals": outcome.seals,
        "lines": outcome.lines,
        "last": _line(outcome.last) if outcome.last else None,
        "broken": outcome.broken,
        "breaches": [
            {"kind": one.kind.value, "number": one.number, "found": one.found}
            | {"seal": _line(one.seal)}
            for one in outcome.breaches
        ],
    }
