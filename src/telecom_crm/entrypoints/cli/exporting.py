"""`telecom-crm export`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

from cyclopts import Parameter

from telecom_crm.application.ports import TableFormat
from telecom_crm.entrypoints.cli.database import HERE, Database
from telecom_crm.entrypoints.cli.telling import progress


def export_customers(
    file: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    *,
    format: TableFormat | None = None,
    database: Database = HERE,
) -> int:
    """
    Write all customers to a file: CSV in UTF-8, an Excel workbook, or Parquet.

    Parameters
    ----------
    file
        Where to; - is standard output. An existing file is replaced.
    format
        csv, xlsx or parquet; by the file's name, where it is not told, and else csv.
    database
        Where the data is.
    """
    kind = format or _format_of(file)
    with database.open() as crm, progress("bytes") as tell, _opened(file) as stream:
        written = 0
        for piece in crm.exports.customer_file(kind):
            written += stream.write(piece)
            tell(written)
    if str(file) != "-":
        print(f"all customers written to {file}")
    return 0


def _format_of(file: Path) -> TableFormat:
    name = file.suffix.removeprefix(".").lower()
    return TableFormat(name) if name in list(TableFormat) else TableFormat.CSV


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    """Write aside and rename, so that a file is whole or as it was."""
    if str(file) == "-":
        yield sys.stdout.buffer
        return
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as stream:
            yield stream
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
