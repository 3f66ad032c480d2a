"""Scans of identity documents: kept with the document, shown to few, and each look written down."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.attaching import attached, opened
from telecom_crm.application.paging import refuse_stale
from telecom_crm.application.ports import Clock, Files, NewId, UnitOfWork
from telecom_crm.application.retry import retried
from telecom_crm.domain.attachment import Attachment
from telecom_crm.domain.calendar import BISHKEK, local_date
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.identifiers import CustomerId
from telecom_crm.domain.identity_document import IdentityDocument
from telecom_crm.domain.lifecycle import SYSTEM, Actor


@attrs.frozen
class Scans:
    """What identity documents look like. `document` is an `IdentityDocument.key`."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    files: Files
    zone: ZoneInfo = BISHKEK
    """Where the operator's days begin."""

    def add(
        self,
        customer_id: CustomerId,
        *,
        document: str,
        name: str = "scan",
        content: Iterable[bytes],
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """
        Keep a scan with one of a customer's documents, in the place of the one before.

        PDF, PNG, JPEG, WEBP or TIFF by its content, to 20 MB; the same content again is no change.
        Raise `NotFound` for a document that the customer does not have, `InvalidValue` for another
        kind of file.
        """
        with self.uow(read_only=True) as tx:
            _document(tx.customers.get(customer_id), document)

        def bind(scan: Attachment) -> tuple[Customer, bool]:
            return self._bind(customer_id, document, scan, expected_version, by)

        return attached(self.files, self.new_id, name=name, content=content, bind=bind)

    def open(
        self, customer_id: CustomerId, *, document: str, by: Actor
    ) -> tuple[Attachment, BinaryIO]:
        """Open a document's scan for reading, and write down who looked; raise `NotFound`."""
        with self.uow(read_only=True) as tx:
            scan = _document(tx.customers.get(customer_id), document).scan
        if scan is None:
            raise NotFound("scan", f"of a document of customer {customer_id}")
        return opened(
            self.files,
            self.uow,
            [scan],
            scan.id,
            action="customer.scan",
            thing_id=customer_id,
            by=by,
            at=self.clock(),
        )

    @retried
    def _bind(
        self,
        customer_id: CustomerId,
        document: str,
        scan: Attachment,
        expected_version: int | None,
        by: Actor,
    ) -> tuple[Customer, bool]:
        """Put a scan in its place, and tell whether it is another than before."""
        with self.uow() as tx:
            customer = tx.customers.get(customer_id)
            refuse_stale(customer, expected_version, name="customer")
            paper = _document(customer, document)
            if paper.scan is not None and paper.scan.sha256 == scan.sha256:
                return customer, False
            scanned = attrs.evolve(paper, scan=scan)
            documents = tuple(scanned if one is paper else one for one in customer.documents)
            at = self.clock()
            changed = customer.update(
                changes={"documents": documents}, today=local_date(at, self.zone), by=by, at=at
            )
            if paper.scan is not None:
                tx.discarded_files.add([UUID(paper.scan.file_id)])
            return tx.customers.save(changed), True


def _document(customer: Customer, document: str) -> IdentityDocument:
    for paper in customer.documents:
        if paper.key == document:
            return paper
    raise NotFound("document", f"of that number of customer {customer.id}")
