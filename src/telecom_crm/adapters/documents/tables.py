"""
Rows as a file: CSV, a workbook, or Parquet.

Whatever their number, rows pass through one at a time; a workbook and a Parquet file, which are not
whole before their end, wait in a file that goes away with the download.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from importlib import import_module
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from telecom_crm.application.bulk.table import neutral
from telecom_crm.application.ports import NotInstalled, TableFormat

Columns = Mapping[str, type]
Rows = Iterable[Mapping[str, Any]]

ROWS_AT_ONCE = 500
SHEET_ROWS = 1_048_575
"""The rows of a worksheet below its header; what is more goes on in the next."""
CHUNK_BYTES = 64 * 1024
PARQUET_TYPES: Mapping[type, str] = {str: "VARCHAR", int: "BIGINT", date: "DATE"}
PARQUET_MEMORY = "128MB"


class FileTables:
    """Writes rows in any of the formats."""

    def write(self, rows: Rows, *, columns: Columns, format: TableFormat) -> Iterator[bytes]:
        """Return the file piece by piece; raise `NotInstalled` without the extra `reports`."""
        if format is TableFormat.CSV:
            return _csv(columns, rows)
        library = {TableFormat.XLSX: "xlsxwriter", TableFormat.PARQUET: "duckdb"}[format]
        try:
            import_module(library)
        except ImportError:
            raise NotInstalled(f"{format} files", "reports") from None
        write = {TableFormat.XLSX: _workbook, TableFormat.PARQUET: _parquet}[format]
        return _aside(write, columns, rows)


def _csv(columns: Columns, rows: Rows) -> Iterator[bytes]:
    """RFC 4180, in UTF-8; a cell that a spreadsheet would run begins with an apostrophe."""
    source = iter(rows)
    yield _lines([list(columns)])
    while batch := list(islice(source, ROWS_AT_ONCE)):
        yield _lines([[_cell(row.get(name)) for name in columns] for row in batch])


def _lines(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode("utf-8")


def _cell(value: object) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, Decimal) else neutral(str(value))  # -5 is no formula


def _aside(
    write: Callable[[Path, Columns, Rows], None], columns: Columns, rows: Rows
) -> Iterator[bytes]:
    with TemporaryDirectory(prefix="telecom-crm-") as folder:
        path = Path(folder) / "table"
        write(path, columns, rows)
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


def _workbook(path: Path, columns: Columns, rows: Rows) -> None:
    """Texts are written as texts, which no spreadsheet runs: they need no apostrophe."""
    from xlsxwriter import Workbook

    options = {"constant_memory": True, "tmpdir": str(path.parent)}
    with Workbook(str(path), options) as book:
        bold = book.add_format({"bold": True})
        formats = {date: book.add_format({"num_format": "yyyy-mm-dd"})}
        source, more = iter(rows), True
        while more:
            sheet = book.add_worksheet()
            sheet.freeze_panes(1, 0)
            for place, name in enumerate(columns):
                sheet.write_string(0, place, name, bold)
            last = 0
            for last, row in enumerate(islice(source, SHEET_ROWS), 1):
                for place, (name, kind) in enumerate(columns.items()):
                    value = row.get(name)
                    if value is None:
                        continue
                    if kind is int:
                        sheet.write_number(last, place, value)
                    elif kind is date:
                        sheet.write_datetime(last, place, value, formats[date])
                    else:
                        sheet.write_string(last, place, str(value))
            more = last == SHEET_ROWS


def _parquet(path: Path, columns: Columns, rows: Rows) -> None:
    """Through a CSV of its own, which DuckDB reads without holding it."""
    import duckdb

    between = path.with_suffix(".csv")
    with between.open("w", encoding="utf-8", newline="") as file:
        for row in rows:
            file.write(",".join(_quoted(row.get(name)) for name in columns) + "\n")
    kinds = ", ".join(f"'{name}': '{PARQUET_TYPES[kind]}'" for name, kind in columns.items())
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "memory_limit": PARQUET_MEMORY,
        "temp_directory": str(path.parent),
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(config=settings) as connection:
        connection.execute(
            "COPY (SELECT * FROM read_csv($between, auto_detect = false, header = false,"
            f" columns = {{{kinds}}}, delim = ',', quote = '\"', escape = '\"', nullstr = '',"
            " allow_quoted_nulls = false, parallel = false))"
            " TO $path (FORMAT parquet, COMPRESSION zstd)",
            {"between": str(between), "path": str(path)},
        )


def _quoted(value: object) -> str:
    """Return a cell of DuckDB's CSV: what is not quoted is null."""
    return "" if value is None else '"{}"'.format(str(value).replace('"', '""'))
