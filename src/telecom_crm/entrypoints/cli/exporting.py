"""`telecom-crm export`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TextIO

from cyclopts import Parameter

from telecom_crm.entrypoints.cli.database import HERE, Database
from telecom_crm.entrypoints.cli.telling import progress

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to a spreadsheet."""


def export_customers(
    file: Annotated[Path, Parameter(allow_leading_hyphen=True)], *, database: Database = HERE
) -> int:
    """
    Write all customers to a CSV file in UTF-8.

    Parameters
    ----------
    file
        Where to; - is standard output. An existing file is replaced.
    database
        Where the data is.
    """
    with database.open() as crm, progress("customers") as tell, _opened(file) as stream:
        writer: csv.DictWriter[str] | None = None
        written = 0
        for row in crm.customers.export():
            if writer is None:
                writer = csv.DictWriter(stream, list(row))
                writer.writeheader()
            writer.writerow({name: _cell(value) for name, value in row.items()})
            written += 1
            tell(written)
    if str(file) != "-":
        print(f"{written} customers written to {file}")
    return 0


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    """Write aside and rename, so that a file is whole or as it was."""
    if str(file) == "-":
        yield sys.stdout
        return
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _cell(value: Any) -> Any:
    """Return what a spreadsheet will show as it is and never run; +996… stays a number."""
    if not isinstance(value, str) or not value.startswith(FORMULA):
        return value
    return value if value[0] == "+" and value[1:].isdigit() else f"'{value}"
