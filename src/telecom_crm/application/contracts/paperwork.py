"""The documents of contracts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO
from uuid import UUID

import attrs

from telecom_crm.application.contracts.desk import ContractDesk, held
from telecom_crm.application.ports import StoredFile
from telecom_crm.application.retry import retried
from telecom_crm.domain.contract import Contract, ContractDocument
from telecom_crm.domain.customer import read_text
from telecom_crm.domain.errors import InvalidValue, NotFound, TelecomCrmError
from telecom_crm.domain.identifiers import ContractId, DocumentId
from telecom_crm.domain.lifecycle import SYSTEM, Actor

DOCUMENT_LIMIT = 20 * 1024 * 1024
"""A document's most bytes."""
DOCUMENT_TYPES = frozenset(
    {"application/pdf", "image/png", "image/jpeg", "image/webp", "image/tiff"}
)
"""What a document may be, by its content."""


@attrs.frozen
class Paperwork(ContractDesk):
    """The files that belong to contracts."""

    def add_document(
        self,
        contract_id: ContractId,
        *,
        name: str,
        content: Iterable[bytes],
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """
        Keep a file with a contract: PDF, PNG, JPEG, WEBP or TIFF by its content, to 20 MB.

        The same content again is no change. Raise `InvalidValue` for another kind of file.
        """
        title = read_text(name, field="name", limit=255, required=True)
        self.get(contract_id)
        stored = self.files.put(content, limit=DOCUMENT_LIMIT)
        try:
            if stored.media_type not in DOCUMENT_TYPES:
                message = "a PDF, PNG, JPEG, WEBP or TIFF file"
                raise InvalidValue.of("content", "media_type", message, stored.media_type)
            contract, kept = self._add_document(contract_id, title, stored, expected_version, by)
        except TelecomCrmError:
            self.files.delete(stored.id)
            raise
        if not kept:
            self.files.delete(stored.id)
        return contract

    def documents(self, contract_id: ContractId) -> tuple[ContractDocument, ...]:
        """List the files of a contract."""
        return self.get(contract_id).documents

    def open_document(
        self, contract_id: ContractId, document_id: DocumentId
    ) -> tuple[ContractDocument, BinaryIO]:
        """Open one of a contract's files for reading; raise `NotFound`."""
        for document in self.documents(contract_id):
            if document.id == document_id:
                return document, self.files.open(UUID(document.file_id))
        raise NotFound("document", str(document_id))

    @retried
    def _add_document(
        self,
        contract_id: ContractId,
        name: str,
        stored: StoredFile,
        expected_version: int | None,
        by: Actor,
    ) -> tuple[Contract, bool]:
        with self.uow() as tx:
            contract = held(tx, contract_id, expected_version)
            if any(document.sha256 == stored.sha256 for document in contract.documents):
                return contract, False
            document = ContractDocument(
                id=DocumentId(self.new_id()),
                file_id=str(stored.id),
                name=name,
                media_type=stored.media_type,
                sha256=stored.sha256,
                size=stored.size,
            )
            return tx.contracts.save(
                contract.add_document(document=document, by=by, at=self.clock())
            ), True
