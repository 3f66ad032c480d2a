"""Files of rows: their media types, and how their lines are sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType

from telecom_crm.application.ports import TableFormat

CSV = "text/csv"
"""The framework says by itself that texts are UTF-8."""
MEDIA_TYPES: Mapping[TableFormat, str] = MappingProxyType(
    {
        TableFormat.CSV: CSV,
        TableFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        TableFormat.PARQUET: "application/vnd.apache.parquet",
    }
)
LINES_AT_ONCE = 500


def joined(lines: Iterable[str]) -> Iterator[bytes]:
    """Put lines together to pieces that are worth sending."""
    source = iter(lines)
    while batch := list(islice(source, LINES_AT_ONCE)):
        yield "".join(batch).encode("utf-8")
