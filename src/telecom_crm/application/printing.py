"""Papers that people are given: printed as things are now, and again as they were."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.papers import SAMPLES, checks_of, contract_facts
from telecom_crm.application.payments.service import Payments
from telecom_crm.application.ports import (
    AuditRecord,
    Clock,
    Contended,
    Documents,
    NewId,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.retry import retried
from telecom_crm.application.rules import brand_in
from telecom_crm.domain.calendar import local_date
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import InvalidValue, NotFound, RuleViolated
from telecom_crm.domain.identifiers import ContractId, EditionId, PaymentId
from telecom_crm.domain.language import LANGUAGES
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.paper import (
    PAPERS_OF_CONTRACTS,
    Edition,
    PaperKind,
    TemplateVersion,
    text_digest,
    written_data,
)

PAPERS = "papers"
"""The kind of rules that the versions of templates are."""

LONGEST = 100_000
"""So many letters a template may have."""


@attrs.frozen
class Papers:
    """
    Contracts, acts of acceptance and receipts, each kept as an edition when it is first printed.

    Whoever prints what shows a customer, now or again, is a line of the audit.
    """

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    payments: Payments
    documents: Documents
    zone: ZoneInfo
    operator: str = ""
    """What the operator is called on paper."""

    @retried
    def receipt(self, payment_id: PaymentId, *, language: str = LANGUAGES.default) -> bytes:
        """
        Print the receipt of a confirmed payment, as PDF.

        Raise `NotFound`, `RuleViolated` for a payment that is not confirmed, `InvalidValue` for a
        language that receipts are not in, `NotInstalled`.
        """
        _check_language(language)
        receipt = self.payments.receipt(payment_id)
        booked = receipt.booked_at.astimezone(self.zone)
        facts = {
            "payment": receipt.number,
            "account": receipt.account_number,
            "amount": str(receipt.amount),
            "method": receipt.method.value,
            "gateway": receipt.gateway,
            "reference": receipt.gateway_reference or "",
            "booked_on": booked.date().isoformat(),
            "booked_at": f"{booked:%d.%m.%Y %H:%M:%S}",
        }
        return self._print(PaperKind.RECEIPT, payment_id, facts, language, SYSTEM)

    def contract(
        self, contract_id: ContractId, *, language: str | None = None, by: Actor = SYSTEM
    ) -> bytes:
        """
        Print a contract as it is now, as PDF, in the customer's language unless told another.

        Raise `NotFound`, `InvalidValue` for a language that papers are not in, `NotInstalled`.
        """
        return self._of_contract(PaperKind.CONTRACT, contract_id, language, by)

    def acceptance(
        self, contract_id: ContractId, *, language: str | None = None, by: Actor = SYSTEM
    ) -> bytes:
        """
        Print the act by which a subscriber takes over what a contract gives; as `contract` does.

        Raise `RuleViolated` for a contract that was not activated.
        """
        return self._of_contract(PaperKind.ACCEPTANCE, contract_id, language, by)

    def editions(self, thing_id: UUID) -> list[Edition]:
        """List what was printed of a contract or a payment, the latest first."""
        with self.uow(read_only=True) as tx:
            return tx.papers.of(thing_id)

    def reprint(self, thing_id: UUID, edition_id: EditionId, *, by: Actor = SYSTEM) -> bytes:
        """
        Print an edition of a contract's or a payment's papers again: the same bytes as then.

        Raise `NotFound`, also for another thing's edition and after an erasure, `NotInstalled`.
        """
        with self.uow(read_only=True) as tx:
            found = [one for one in tx.papers.of(thing_id) if one.id == edition_id]
            if not found:
                raise NotFound("edition", str(edition_id))
            [edition] = found
            source = tx.papers.source(edition.template)
        made = self.documents.render(source, edition.data)
        with self.uow() as tx:
            self._write_down(tx, edition, by)
        return made

    def templates_version(self) -> int:
        """Return how often templates were put: what `expected_version` is compared with."""
        with self.uow(read_only=True) as tx:
            return tx.rules.version(PAPERS)

    def templates(self, kind: PaperKind) -> list[TemplateVersion]:
        """List the versions of a kind's template, the one in force first, the built-in one last."""
        with self.uow(read_only=True) as tx:
            return self._versions(tx, kind)

    def template(self, kind: PaperKind, number: int | None = None) -> str:
        """Return the text of a version, of the one in force unless told; raise `NotFound`."""
        with self.uow(read_only=True) as tx:
            versions = self._versions(tx, kind)
            found = [one for one in versions if number in (None, one.number)]
            if not found:
                raise NotFound("template", f"{kind.value}.{number}")
            return self._source(tx, found[0])

    def put_template(
        self,
        kind: PaperKind,
        source: str,
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> TemplateVersion:
        """
        Have a kind of paper printed from another text from now on, as its next version.

        Put the text of an earlier version to restore it. It is tried in every language first: raise
        `InvalidValue` with the place of what is wrong, `NotInstalled`.
        """
        for language in LANGUAGES.codes:
            self.preview(kind, source, language=language)
        return self._put_template(kind, source, expected_version, by)

    @retried
    def _put_template(
        self, kind: PaperKind, source: str, expected_version: int | None, by: Actor
    ) -> TemplateVersion:
        at = self.clock()
        with self.uow() as tx:
            tx.rules.hold(PAPERS)
            versions = self._versions(tx, kind)
            made = TemplateVersion(
                kind=kind,
                number=versions[0].number + 1,
                digest=tx.papers.put_source(source),
                by=by.name,
                at=at,
            )
            put = {**(tx.rules.get(PAPERS) or {})}
            put[kind.value] = [*put.get(kind.value, ()), _version_json(made)]
            tx.rules.put(PAPERS, put, expected_version=expected_version, by=by, at=at)
            return made

    def preview(self, kind: PaperKind, source: str, *, language: str = LANGUAGES.default) -> bytes:
        """Print made-up data by a text, and keep nothing; raise as `put_template` does."""
        _check_language(language)
        if len(source) > LONGEST:
            message = f"a template of at most {LONGEST} letters"
            raise InvalidValue.of("source", "template_long", message)
        facts = {**SAMPLES[kind], "language": language, "operator": self.operator or "Telecom"}
        return self.documents.render(source, written_data(facts))

    def _versions(self, tx: Transaction, kind: PaperKind) -> list[TemplateVersion]:
        built_in = TemplateVersion(
            kind=kind, number=1, digest=text_digest(self.documents.built_in(kind))
        )
        put = (tx.rules.get(PAPERS) or {}).get(kind.value, ())
        return [*(_version_of(kind, one) for one in reversed(put)), built_in]

    def _source(self, tx: Transaction, version: TemplateVersion) -> str:
        built_in = self.documents.built_in(version.kind)
        if version.digest == text_digest(built_in):
            return built_in
        return tx.papers.source(version.digest)

    @retried
    def _of_contract(
        self, kind: PaperKind, contract_id: ContractId, language: str | None, by: Actor
    ) -> bytes:
        if language is not None:
            _check_language(language)
        with self.uow(read_only=True) as tx:
            contract = tx.contracts.get(contract_id)
            shown = tx.customers.get(contract.customer_id)
            said = language or shown.language
            facts = contract_facts(tx, contract, language=said, zone=self.zone, now=self.clock())
            if kind is PaperKind.ACCEPTANCE:
                facts |= self._activated(contract)
        return self._print(kind, contract_id, facts, said, by, shown=shown)

    def _activated(self, contract: Contract) -> dict[str, Any]:
        """Return what an act of acceptance says beside the contract's own facts."""
        if contract.activated_at is None:
            reason = "an act of acceptance is for a contract that was activated"
            raise RuleViolated("acceptance", (reason,))
        on = local_date(contract.activated_at, self.zone).isoformat()
        return {"date": on, "activated_on": on, "checks": checks_of(contract)}

    def _print(
        self,
        kind: PaperKind,
        thing_id: UUID,
        facts: Mapping[str, Any],
        language: str,
        by: Actor,
        *,
        shown: Customer | None = None,
    ) -> bytes:
        """Print facts, and keep that they were printed so; `shown` is whom they show."""
        with self.uow(read_only=True) as tx:
            operator = self.operator or brand_in(tx).name
            data = written_data({**facts, "language": language, "operator": operator})
            version = self._versions(tx, kind)[0]
            source = self._source(tx, version)
        made = self.documents.render(source, data)
        edition = Edition(
            id=EditionId(self.new_id()),
            kind=kind,
            thing_id=thing_id,
            language=language,
            template=version.digest,
            template_version=version.number,
            data=data,
            at=self.clock(),
        )
        with self.uow() as tx:
            if shown is not None and tx.customers.get(shown.id).version != shown.version:
                # Printing takes its time, and an erasure in between has nothing to find later.
                raise Contended(f"customer {shown.key}")
            tx.papers.keep(edition, source=source)
            self._write_down(tx, edition, by)
        return made

    def _write_down(self, tx: Transaction, edition: Edition, by: Actor) -> None:
        if edition.kind not in PAPERS_OF_CONTRACTS:  # it names nobody
            return
        line = AuditRecord(
            action="contract.print",
            thing="contract",
            thing_id=str(edition.thing_id),
            by=by,
            at=self.clock(),
            detail=f"{edition.kind.value}.{edition.template_version}",
        )
        tx.audit.record(line)


def _version_json(version: TemplateVersion) -> dict[str, Any]:
    at = version.at.isoformat() if version.at else None
    return {"number": version.number, "digest": version.digest, "by": version.by, "at": at}


def _version_of(kind: PaperKind, raw: Mapping[str, Any]) -> TemplateVersion:
    at = datetime.fromisoformat(raw["at"])
    return TemplateVersion(
        kind=kind, number=raw["number"], digest=raw["digest"], by=raw["by"], at=at
    )


def _check_language(language: str) -> None:
    if language not in LANGUAGES.codes:
        message = f"one of {', '.join(LANGUAGES.codes)}"
        raise InvalidValue.of("language", "language", message, language[:40])
