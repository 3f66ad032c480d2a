"""Rows as CSV (RFC 4180), harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

CSV = "text/csv; charset=utf-8"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would run."""
ROWS_AT_ONCE = 500


def as_csv(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """
    Write rows, some hundreds at a time; the first line names the columns.

    A cell that a spreadsheet would take for a formula begins with an apostrophe; +996… stays what
    it is, a number.
    """
    names, source = list(columns), iter(rows)
    yield _lines([names])
    while batch := list(islice(source, ROWS_AT_ONCE)):
        yield _lines([[_cell(row.get(name)) for name in names] for row in batch])


def _lines(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode("utf-8")


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    if not text.startswith(FORMULA) or (text[0] == "+" and text[1:].isdigit()):
        return text
    return f"'{text}"
