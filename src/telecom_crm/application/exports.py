"""Files of many things, that leave the CRM whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

import attrs

from telecom_crm.application.customers.service import Customers
from telecom_crm.application.ports import (
    AuditRecord,
    Clock,
    Query,
    TableFormat,
    Tables,
    UnitOfWork,
)
from telecom_crm.domain.lifecycle import SYSTEM, Actor

CUSTOMER_COLUMNS: Mapping[str, type] = MappingProxyType(
    {
        "id": str,
        "kind": str,
        "status": str,
        "name": str,
        "phone": str,
        "email": str,
        "language": str,
        "national_id": str,
        "birth_date": date,
        "registration_number": str,
        "document_type": str,
        "document_number": str,
        "merged_into": str,
        "version": int,
    }
)


@attrs.frozen
class Exports:
    """Files of rows."""

    uow: UnitOfWork
    clock: Clock
    customers: Customers
    tables: Tables

    def customer_file(
        self, format: TableFormat = TableFormat.CSV, *, by: Actor = SYSTEM, **where: str
    ) -> Iterator[bytes]:
        """
        Write all customers to a file, merged ones too, or those that a filter lets through.

        That somebody did is written down, without the values of the filters. Raise `InvalidValue`
        for a filter, `NotInstalled`; both before the first piece.
        """
        self.customers.page(Query(where=where, limit=1))
        pieces = self.tables.write(
            self.customers.export(**where), columns=CUSTOMER_COLUMNS, format=format
        )
        line = AuditRecord(
            action="customers.export",
            thing="customer",
            thing_id="",
            by=by,
            at=self.clock(),
            detail=f"{format}{_filtered(where)}",
        )
        with self.uow() as tx:
            tx.audit.record(line)
        return pieces

    def list_file(
        self,
        thing: str,
        rows: Iterable[Mapping[str, Any]],
        *,
        thing_id: str = "",
        columns: Iterable[str],
        filters: Iterable[str] = (),
        by: Actor = SYSTEM,
    ) -> Iterator[bytes]:
        """
        Write a list of things, as somebody has it before them, to a CSV file.

        Which list, of whose things where it is one's, and by what it is filtered, is written down,
        without the values of the filters.
        `rows` are fetched while the file is read, and never held all at once.
        """
        pieces = self.tables.write(
            rows, columns=dict.fromkeys(columns, str), format=TableFormat.CSV
        )
        line = AuditRecord(
            action="list.export",
            thing=thing,
            thing_id=thing_id,
            by=by,
            at=self.clock(),
            detail=f"{TableFormat.CSV}{_filtered(filters)}",
        )
        with self.uow() as tx:
            tx.audit.record(line)
        return pieces


def _filtered(filters: Iterable[str]) -> str:
    names = ", ".join(sorted(filters))
    return f", filtered by {names}" if names else ""
