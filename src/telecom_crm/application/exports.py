"""What leaves the CRM whole: papers that people are given, and files of many things."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.customers import Customers
from telecom_crm.application.papers import checks_of, contract_facts
from telecom_crm.application.payments.service import Payments
from telecom_crm.application.ports import (
    AuditRecord,
    Clock,
    Documents,
    Query,
    TableFormat,
    Tables,
    UnitOfWork,
)
from telecom_crm.domain.calendar import local_date
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.customer import LANGUAGES
from telecom_crm.domain.errors import InvalidValue, RuleViolated
from telecom_crm.domain.identifiers import ContractId, PaymentId
from telecom_crm.domain.lifecycle import SYSTEM, Actor

RECEIPT, CONTRACT, ACCEPTANCE = "receipt.1", "contract.1", "acceptance.1"
"""
The templates of papers. A second version comes with the date from which it counts, so that what
was printed on the first is printed on the first again.
"""

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
    """Papers and files."""

    uow: UnitOfWork
    clock: Clock
    customers: Customers
    payments: Payments
    documents: Documents
    tables: Tables
    zone: ZoneInfo
    operator: str = ""
    """What the operator is called on paper."""

    def receipt(self, payment_id: PaymentId, *, language: str = LANGUAGES.default) -> bytes:
        """
        Print the receipt of a confirmed payment, as PDF; again gives the same bytes.

        Raise `NotFound`, `RuleViolated` for a payment that is not confirmed, `InvalidValue` for a
        language that receipts are not in, `NotInstalled`.
        """
        _check_language(language)
        receipt = self.payments.receipt(payment_id)
        booked = receipt.booked_at.astimezone(self.zone)
        return self.documents.render(
            RECEIPT,
            {
                "language": language,
                "operator": self.operator,
                "payment": receipt.number,
                "account": receipt.account_number,
                "amount": str(receipt.amount),
                "method": receipt.method.value,
                "gateway": receipt.gateway,
                "reference": receipt.gateway_reference or "",
                "booked_on": booked.date().isoformat(),
                "booked_at": f"{booked:%d.%m.%Y %H:%M:%S}",
            },
        )

    def contract(
        self, contract_id: ContractId, *, language: str | None = None, by: Actor = SYSTEM
    ) -> bytes:
        """
        Print a contract as it is now, as PDF, in the customer's language unless told another.

        That somebody did is written down, since it shows who the customer is. Raise `NotFound`,
        `InvalidValue` for a language that papers are not in, `NotInstalled`.
        """
        return self._paper(CONTRACT, contract_id, language, by)

    def acceptance(
        self, contract_id: ContractId, *, language: str | None = None, by: Actor = SYSTEM
    ) -> bytes:
        """
        Print the act by which a subscriber takes over what a contract gives; as `contract` does.

        Raise `RuleViolated` for a contract that was not activated.
        """
        return self._paper(ACCEPTANCE, contract_id, language, by)

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
        filtered = f", filtered by {', '.join(sorted(where))}" if where else ""
        line = AuditRecord(
            action="customers.export",
            thing="customers",
            thing_id=format.value,
            by=by,
            at=self.clock(),
            detail=f"{format}{filtered}",
        )
        with self.uow() as tx:
            tx.audit.record(line)
        return pieces

    def _paper(
        self, template: str, contract_id: ContractId, language: str | None, by: Actor
    ) -> bytes:
        if language is not None:
            _check_language(language)
        now = self.clock()
        with self.uow(read_only=True) as tx:
            contract = tx.contracts.get(contract_id)
            data = contract_facts(tx, contract, zone=self.zone, now=now)
            if template == ACCEPTANCE:
                data |= self._activated(contract)
            theirs = tx.customers.get(contract.customer_id).language
        data |= {"language": language or theirs, "operator": self.operator}
        made = self.documents.render(template, data)
        line = AuditRecord(
            action="contract.print",
            thing="contract",
            thing_id=str(contract_id),
            by=by,
            at=now,
            detail=template,
        )
        with self.uow() as tx:
            tx.audit.record(line)
        return made

    def _activated(self, contract: Contract) -> dict[str, Any]:
        """Return what an act of acceptance says beside the contract's own facts."""
        if contract.activated_at is None:
            reason = "an act of acceptance is for a contract that was activated"
            raise RuleViolated("acceptance", (reason,))
        on = local_date(contract.activated_at, self.zone).isoformat()
        return {"date": on, "activated_on": on, "checks": checks_of(contract)}


def _check_language(language: str) -> None:
    if language not in LANGUAGES.codes:
        message = f"one of {', '.join(LANGUAGES.codes)}"
        raise InvalidValue.of("language", "language", message, language[:40])
