"""Requests taken in as they came, with their scans, and what is added to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, BinaryIO
from uuid import UUID

import attrs

from telecom_crm.application.attaching import attached, opened, stored
from telecom_crm.application.idempotency import digest_of, done_before, request_key
from telecom_crm.application.intake.desk import IntakeDesk, held
from telecom_crm.application.ports import IdempotencyKey
from telecom_crm.application.retry import retried
from telecom_crm.domain.application import (
    REFERENCE_LIMIT,
    Application,
    ApplicationKind,
    Channel,
    Priority,
)
from telecom_crm.domain.attachment import Attachment
from telecom_crm.domain.errors import Faults, InvalidValue, TelecomCrmError, Unavailable
from telecom_crm.domain.identifiers import ApplicationId, CustomerId, DocumentId
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.text import read_text


@attrs.frozen
class Capturing(IntakeDesk):
    """Applications, as the channels and the applicants send them."""

    def capture(
        self,
        *,
        kind: ApplicationKind,
        channel: Channel,
        raw: Mapping[str, Any],
        external_reference: str | None = None,
        priority: Priority = Priority.NORMAL,
        customer_id: CustomerId | None = None,
        scans: Mapping[str, Iterable[bytes]] = MappingProxyType({}),
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """
        Take in a request as it came, or return it where the channel sent its reference before.

        `scans` are files by their names. Raise `InvalidValue` for what cannot be stored, a file
        under its name, `NotFound` without the customer, `KeyReused`.
        """
        reference = read_text(
            external_reference or "", field="external_reference", limit=REFERENCE_LIMIT
        )
        if reference and (known := self.by_reference(channel, reference)):
            return attrs.evolve(known, replayed=True)
        asked: dict[str, Any] = {
            "kind": kind,
            "channel": channel,
            "raw": raw,
            "external_reference": reference,
            "priority": priority,
            "customer_id": customer_id,
        }
        return self._with(scans, lambda kept: self._take_in(asked, kept, idempotency_key, by))

    def refuse_scans(self, scans: Mapping[str, Iterable[bytes]]) -> None:
        """Raise as `capture` would for these files, `InvalidValue` with every one; keep none."""
        self._forget(self._stored(scans))

    def supply(
        self,
        application_id: ApplicationId,
        *,
        raw: Mapping[str, Any],
        scans: Mapping[str, Iterable[bytes]] = MappingProxyType({}),
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Add what was asked for; `scans` are files by their names, as in `capture`."""
        return self._with(
            scans, lambda kept: self._supply(application_id, raw, kept, expected_version, by)
        )

    def attach(
        self,
        application_id: ApplicationId,
        *,
        name: str,
        content: Iterable[bytes],
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """
        Keep a scan with an open application; the same content again is no change.

        PDF, PNG, JPEG, WEBP or TIFF by its content, to 20 MB. Raise `InvalidValue` for another kind
        of file, `RuleViolated` for too many.
        """

        def bind(scan: Attachment) -> tuple[Application, bool]:
            return self._attach(application_id, scan, expected_version, by)

        return attached(self.files, self.new_id, name=name, content=content, bind=bind)

    def open_scan(
        self, application_id: ApplicationId, scan_id: DocumentId, *, by: Actor = SYSTEM
    ) -> tuple[Attachment, BinaryIO]:
        """Open a scan for reading, and write down who looked; raise `NotFound`."""
        return opened(
            self.files,
            self.uow,
            self.get(application_id).scans,
            scan_id,
            action="application.scan",
            thing_id=application_id,
            by=by,
            at=self.clock(),
        )

    def by_reference(self, channel: Channel, reference: str) -> Application | None:
        """Return the application that a channel captured under its own reference, if any."""
        with self.uow(read_only=True) as tx:
            return tx.applications.by_reference(channel.value, reference)

    def _with(
        self,
        scans: Mapping[str, Iterable[bytes]],
        bind: Callable[[list[Attachment]], Application],
    ) -> Application:
        """Store scans and bind them to their application; they go again where that fails."""
        kept = self._stored(scans)
        try:
            bound = bind(kept)
        except Unavailable:
            raise  # nobody knows whether they were bound
        except TelecomCrmError:
            self._forget(kept)
            raise
        if bound.replayed:
            self._forget(kept)
        return bound

    @retried
    def _supply(
        self,
        application_id: ApplicationId,
        raw: Mapping[str, Any],
        scans: Iterable[Attachment],
        expected_version: int | None,
        by: Actor,
    ) -> Application:
        return self._change(
            application_id,
            expected_version,
            lambda one, at: one.supply(raw=raw, scans=scans, by=by, at=at),
        )

    def _stored(self, scans: Mapping[str, Iterable[bytes]]) -> list[Attachment]:
        """Store files, or none of them; raise `InvalidValue` with every one that cannot be."""
        faults, kept = Faults(), list[Attachment]()
        for name, content in scans.items():
            try:
                kept.append(stored(self.files, self.new_id, name=name, content=content))
            except InvalidValue as error:
                faults.extend(attrs.evolve(fault, field=name) for fault in error.faults)
            except TelecomCrmError:
                self._forget(kept)
                raise
        if faults.found:
            self._forget(kept)
        faults.raise_any()
        return kept

    def _forget(self, scans: Iterable[Attachment]) -> None:
        for scan in scans:
            self.files.delete(UUID(scan.file_id))

    @retried
    def _attach(
        self,
        application_id: ApplicationId,
        scan: Attachment,
        expected_version: int | None,
        by: Actor,
    ) -> tuple[Application, bool]:
        with self.uow() as tx:
            application = held(tx, application_id, expected_version)
            if any(known.sha256 == scan.sha256 for known in application.scans):
                return application, False
            attached = application.attach(scan=scan, by=by, at=self.clock())
            return tx.applications.save(attached), True

    @retried
    def _take_in(
        self,
        asked: Mapping[str, Any],
        scans: Iterable[Attachment],
        idempotency_key: str | None,
        by: Actor,
    ) -> Application:
        application = Application.capture(
            id=ApplicationId(self.new_id()),
            number=application_number(self.series.take("application")[0]),
            scans=scans,
            by=by,
            at=self.clock(),
            **asked,
        )
        keys = [request_key(idempotency_key, "intake.capture", by=by, **asked)]
        if reference := asked["external_reference"]:
            # The reference alone decides, so that two deliveries at once make one application.
            # Keys are never removed, and the reference is somebody's own text: it is digested.
            named = digest_of("intake.reference", reference=reference)
            keys.append(IdempotencyKey(f"channel {asked['channel']}", named, ""))
        with self.uow() as tx:
            for key in keys:
                if earlier := done_before(tx, tx.applications, key, application.id):
                    return earlier
            if application.customer_id is not None:
                tx.customers.get(application.customer_id).refuse_merged()
            return tx.applications.save(application)


def application_number(taken: int) -> str:
    """Return the number that an application is known by to people."""
    return f"R-{taken:07d}"
