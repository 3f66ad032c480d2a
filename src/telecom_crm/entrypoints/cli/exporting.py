"""`telecom-crm export`."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from telecom_crm.application.ports import TableFormat
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.entrypoints.cli.database import HERE, Database
from telecom_crm.entrypoints.cli.telling import Json, progress, replaced

BY = Actor("command line")


def export_customers(
    file: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    format: TableFormat | None = None,
    as_json: Json = False,
    database: Database = HERE,
) -> int:
    """
    Write all customers to a file.

    CSV is UTF-8, for other programs and for spreadsheets.

    Parameters
    ----------
    file
        Where to; - is standard output. An existing file is replaced.
    format
        csv, xlsx or parquet; by the end of the file's name, where it is not told.
    as_json
        Answer with JSON.
    database
        Where the data is.
    """
    kind = format or _format_of(file)
    printed = str(file) == "-"
    output = nullcontext(sys.stdout.buffer) if printed else replaced("file", file)
    with output as stream, database.open() as crm, progress("bytes") as tell:
        written = 0
        for piece in crm.exports.customer_file(kind, by=BY):
            written += stream.write(piece)
            tell(written)
    if as_json and not printed:
        print(json.dumps({"file": str(file), "format": kind.value, "bytes": written}))
    elif not printed:
        print(f"all customers written to {file}")
    return 0


def _format_of(file: Path) -> TableFormat:
    name = file.suffix.removeprefix(".").lower()
    if name and name not in list(TableFormat):
        known = ", ".join(f".{kind}" for kind in TableFormat)
        message = f"a name that ends in one of {known}, or say the --format"
        raise InvalidValue.of("file", "format", message, file.name)
    return TableFormat(name) if name else TableFormat.CSV
