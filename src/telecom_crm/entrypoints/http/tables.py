"""The media types of files of rows."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from telecom_crm.application.ports import TableFormat

CSV = "text/csv; charset=utf-8"
MEDIA_TYPES: Mapping[TableFormat, str] = MappingProxyType(
    {
        TableFormat.CSV: CSV,
        TableFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        TableFormat.PARQUET: "application/vnd.apache.parquet",
    }
)
