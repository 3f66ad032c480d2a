"""The documents of contracts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

import attrs

from telecom_crm.application.attaching import attached, opened
from telecom_crm.application.contracts.desk import ContractDesk, held
from telecom_crm.application.retry import retried
from telecom_crm.domain.attachment import Attachment
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.identifiers import ContractId, DocumentId
from telecom_crm.domain.lifecycle import SYSTEM, Actor


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
        self.get(contract_id)

        def bind(document: Attachment) -> tuple[Contract, bool]:
            return self._add_document(contract_id, document, expected_version, by)

        return attached(self.files, self.new_id, name=name, content=content, bind=bind)

    def documents(self, contract_id: ContractId) -> tuple[Attachment, ...]:
        """List the files of a contract."""
        return self.get(contract_id).documents

    def open_document(
        self, contract_id: ContractId, document_id: DocumentId, *, by: Actor = SYSTEM
    ) -> tuple[Attachment, BinaryIO]:
        """Open one of a contract's files for reading, and write down who did; raise `NotFound`."""
        return opened(
            self.files,
            self.uow,
            self.documents(contract_id),
            document_id,
            action="contract.document",
            thing_id=contract_id,
            by=by,
            at=self.clock(),
        )

    @retried
    def _add_document(
        self,
        contract_id: ContractId,
        document: Attachment,
        expected_version: int | None,
        by: Actor,
    ) -> tuple[Contract, bool]:
        with self.uow() as tx:
            contract = held(tx, contract_id, expected_version)
            if any(known.sha256 == document.sha256 for known in contract.documents):
                return contract, False
            return tx.contracts.save(
                contract.add_document(document=document, by=by, at=self.clock())
            ), True
