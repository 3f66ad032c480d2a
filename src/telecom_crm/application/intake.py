"""Applications: taking requests in, checking them, and the queue of those who work on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, BinaryIO
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.applicants import Applicants, Findings, plain
from telecom_crm.application.attaching import attached, opened, stored
from telecom_crm.application.customers import CustomerCheck, exact_in, save_new, welcome_back
from telecom_crm.application.duplicates import rules_in, survivor_in, suspects_in
from telecom_crm.application.idempotency import digest_of, request_key
from telecom_crm.application.paging import counts_of, each_of, each_swept, refuse_stale
from telecom_crm.application.ports import (
    NO_FILTERS,
    AuditRecord,
    Clock,
    Files,
    IdempotencyKey,
    NewId,
    Page,
    Query,
    ReadPhone,
    Series,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.retry import each_alone, retried
from telecom_crm.domain.application import (
    APPLICATION_LIFECYCLE,
    REFERENCE_LIMIT,
    Application,
    ApplicationCommand,
    ApplicationKind,
    Channel,
    Priority,
)
from telecom_crm.domain.attachment import Attachment
from telecom_crm.domain.calendar import BISHKEK
from telecom_crm.domain.contract import CONTRACT_LIFECYCLE, ContractCommand
from telecom_crm.domain.deduplication import DeduplicationRules, Suspicion
from telecom_crm.domain.errors import (
    Faults,
    InvalidValue,
    RuleViolated,
    TelecomCrmError,
    Unavailable,
)
from telecom_crm.domain.identifiers import (
    MSISDN,
    ApplicationId,
    ContractId,
    CustomerId,
    DocumentId,
)
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event
from telecom_crm.domain.text import read_text

UNANSWERED = "no answer in time"
"""Why an application is cancelled whose applicant was asked and said nothing."""


@attrs.frozen
class Question:
    """What an applicant was asked for: in words, and the fields to be put right."""

    reason: str = ""
    fields: tuple[str, ...] = ()

    @classmethod
    def of(cls, event: Event) -> Question:
        """Read the event of asking."""
        return cls(event.reason, tuple(event.payload.get("fields", ())))


@attrs.frozen
class Intake:
    """What people ask for, from capture to an outcome."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    series: Series
    files: Files
    """Where scans are."""
    lease: timedelta = timedelta(minutes=15)
    """How long an operator has a claimed application before it goes back into the queue."""
    answer_within: timedelta = timedelta(days=30)
    """How long an applicant has to answer what was asked."""
    kept_for: timedelta = timedelta(days=90)
    """How long one that ended without a customer keeps who asked and what for."""
    checks: tuple[CustomerCheck, ...] = ()
    """An operator's own checks of the person who asks, beside the store's validation rules."""
    deduplication: DeduplicationRules | None = None
    """Rules in place of those that the store holds."""
    read_phone: ReadPhone = MSISDN
    zone: ZoneInfo = BISHKEK
    """Where the operator's days begin."""

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

    @retried
    def validate(
        self,
        application_id: ApplicationId,
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """
        Read who asks and look for duplicates; a customer who is surely the same is linked.

        A closed one is reopened. Raise `InvalidValue` with every fault: the application stays
        captured, to be asked about or rejected.
        """
        at = self.clock()
        with self.uow() as tx:
            application = _held(tx, application_id, expected_version)
            # Refuse before reading: what is wrong with the state is not the input's fault.
            APPLICATION_LIFECYCLE.row(application.status, ApplicationCommand.VALIDATE)
            if application.customer_id is not None:
                known = application.validate(data=application.raw, by=by, at=at)
                return tx.applications.save(known)
            person = self._applicants.read(tx, application.raw, by=by, at=at)
            suspects = suspects_in(tx, person, rules_in(tx, self.deduplication))
            if exact := next((one for one in suspects if one.exact), None):
                welcome_back(tx, survivor_in(tx, exact.customer_id), by=by, at=at)
            data = {**application.raw, **plain(person)}
            if "full_name" in data:
                data.pop("name", None)
            return tx.applications.save(
                application.validate(data=data, duplicates=suspects, by=by, at=at)
            )

    def check(self, raw: Mapping[str, Any]) -> Findings:
        """Tell what validation would find in a request as it came; nothing is changed."""
        at = self.clock()
        with self.uow(read_only=True) as tx:
            try:
                person = self._applicants.read(tx, raw, by=SYSTEM, at=at)
            except InvalidValue as error:
                return Findings(faults=error.faults)
            suspects = suspects_in(tx, person, rules_in(tx, self.deduplication))
        paper = person.documents[0] if person.documents else None
        return Findings(suspects=suspects, document_until=paper.valid_until if paper else None)

    @retried
    def register(
        self,
        application_id: ApplicationId,
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """
        Take up who asks as a customer, or find who they surely are, and link the two.

        With a customer it is no change. Raise `RuleViolated` until it is validated.
        """
        at = self.clock()
        with self.uow() as tx:
            application = _held(tx, application_id, expected_version)
            application.refuse_unread()
            if application.customer_id is not None:
                return application
            person = self._applicants.read(tx, application.data, by=by, at=at)
            known = exact_in(tx, person, rules_in(tx, self.deduplication))
            if known is None:
                customer = save_new(tx, person)
            else:
                customer = welcome_back(tx, known, by=by, at=at)
            return tx.applications.save(application.link(customer_id=customer.id, by=by, at=at))

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

    @retried
    def look_at(self, application_id: ApplicationId, *, by: Actor = SYSTEM) -> Application:
        """Return an application to somebody who sees its secret numbers, which is written down."""
        look = AuditRecord(
            action="application.identity",
            thing="application",
            thing_id=str(application_id),
            by=by,
            at=self.clock(),
        )
        with self.uow() as tx:
            application = tx.applications.get(application_id)
            tx.audit.record(look)
            return application

    @retried
    def ask(
        self,
        application_id: ApplicationId,
        *,
        reason: str,
        fields: Sequence[str] = (),
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """
        Ask the applicant for what is missing; unanswered for long, the application ends.

        `fields` are what is to be put right: see `CORRECTABLE_FIELDS`.
        """

        def step(one: Application, at: datetime) -> Application:
            until = at + self.answer_within
            return one.ask(reason=reason, fields=fields, until=until, by=by, at=at)

        return self._change(application_id, expected_version, step)

    def question(self, application_id: ApplicationId) -> Question:
        """Return what the applicant was asked for last."""
        events = reversed(self.timeline(application_id))
        asked = next((one for one in events if one.command == ApplicationCommand.ASK), None)
        return Question() if asked is None else Question.of(asked)

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

    @retried
    def reject(
        self,
        application_id: ApplicationId,
        *,
        reason: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Turn a request down."""
        return self._change(
            application_id,
            expected_version,
            lambda one, at: one.reject(reason=reason, by=by, at=at),
        )

    @retried
    def claim_next(
        self, *, lease: timedelta | None = None, by: Actor = SYSTEM
    ) -> Application | None:
        """Give an operator the most urgent application that waits, of those the oldest, if any."""
        at = self.clock()
        with self.uow() as tx:
            waiting = tx.applications.next_waiting()
            if waiting is None:
                return None
            until = at + (lease or self.lease)
            return tx.applications.save(waiting.claim(until=until, by=by, at=at))

    @retried
    def claim(
        self,
        application_id: ApplicationId,
        *,
        lease: timedelta | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Give an operator one application that waits."""
        return self._change(
            application_id,
            expected_version,
            lambda one, at: one.claim(until=at + (lease or self.lease), by=by, at=at),
        )

    @retried
    def unclaim(
        self,
        application_id: ApplicationId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Put a claimed application back into the queue."""
        return self._change(
            application_id,
            expected_version,
            lambda one, at: one.unclaim(reason=reason, by=by, at=at),
        )

    @retried
    def hold(
        self,
        application_id: ApplicationId,
        *,
        reason: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Wait for something outside; no lease runs."""
        return self._change(
            application_id, expected_version, lambda one, at: one.hold(reason=reason, by=by, at=at)
        )

    @retried
    def release(
        self,
        application_id: ApplicationId,
        *,
        lease: timedelta | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Go on with an application that was on hold, with a new lease."""
        return self._change(
            application_id,
            expected_version,
            lambda one, at: one.release(until=at + (lease or self.lease), by=by, at=at),
        )

    @retried
    def complete(
        self,
        application_id: ApplicationId,
        *,
        contract_id: ContractId | None = None,
        outcome: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """
        Say that what was asked for is done.

        With a contract, the application becomes its customer's; raise `RuleViolated` where it is
        another customer's already.
        """
        at = self.clock()
        with self.uow() as tx:
            application = _held(tx, application_id, expected_version)
            if contract_id is not None:
                owner = tx.contracts.get(contract_id).customer_id
                application = _of_customer(application, owner, by=by, at=at)
            return tx.applications.save(
                application.complete(contract_id=contract_id, outcome=outcome, by=by, at=at)
            )

    @retried
    def fail(
        self,
        application_id: ApplicationId,
        *,
        reason: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Give up: it could not be done."""
        return self._change(
            application_id, expected_version, lambda one, at: one.fail(reason=reason, by=by, at=at)
        )

    @retried
    def cancel(
        self,
        application_id: ApplicationId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Withdraw a request whose contract is not active."""
        at = self.clock()
        with self.uow() as tx:
            application = _held(tx, application_id, expected_version)
            active = _has_active_contract(tx, application)
            return tx.applications.save(
                application.cancel(contract_active=active, reason=reason, by=by, at=at)
            )

    @retried
    def link(
        self,
        application_id: ApplicationId,
        *,
        customer_id: CustomerId,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Say which customer's request this is."""
        at = self.clock()
        with self.uow() as tx:
            application = _held(tx, application_id, expected_version)
            tx.customers.get(customer_id).refuse_merged()
            return tx.applications.save(application.link(customer_id=customer_id, by=by, at=at))

    @retried
    def dismiss_duplicate(
        self,
        application_id: ApplicationId,
        *,
        customer_id: CustomerId,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Say that a suspected customer is somebody else."""
        return self._change(
            application_id,
            expected_version,
            lambda one, at: one.dismiss_duplicate(customer_id=customer_id, by=by, at=at),
        )

    def expire_leases(self, *, limit: int = 100, by: Actor = SYSTEM) -> int:
        """
        Put applications whose lease is over back into the queue, in batches of `limit`; return
        how many.
        """
        now = self.clock()
        over = each_swept(
            self.uow, lambda tx, at: tx.applications.leases_over(now, limit=limit, cursor=at)
        )
        return each_alone(partial(self._expire, one.id, by) for one in over)

    def end_unanswered(self, *, limit: int = 100, by: Actor = SYSTEM) -> int:
        """
        Cancel applications whose applicant did not answer in time, in batches of `limit`; return
        how many.
        """
        now = self.clock()
        over = each_swept(
            self.uow, lambda tx, at: tx.applications.answers_over(now, limit=limit, cursor=at)
        )
        return each_alone(partial(self._end_unanswered, one.id, by) for one in over)

    def erase_ended(self, *, limit: int = 100, by: Actor = SYSTEM) -> int:
        """
        Erase who asked and what for in applications that ended long ago and are no customer's, in
        batches of `limit`; return how many. With a customer, they are erased when the customer is.
        """
        before = self.clock() - self.kept_for
        over = each_swept(
            self.uow,
            lambda tx, at: tx.applications.ended_for_nobody(before, limit=limit, cursor=at),
        )
        return each_alone(partial(self._erase_one, one.id, by) for one in over)

    def duplicates(self, application_id: ApplicationId) -> tuple[Suspicion, ...]:
        """Return customers suspected at validation, and neither linked nor dismissed since."""
        return self.get(application_id).suspicions

    def get(self, application_id: ApplicationId) -> Application:
        """Return an application; raise `NotFound`."""
        with self.uow(read_only=True) as tx:
            return tx.applications.get(application_id)

    def by_reference(self, channel: Channel, reference: str) -> Application | None:
        """Return the application that a channel captured under its own reference, if any."""
        with self.uow(read_only=True) as tx:
            return tx.applications.by_reference(channel.value, reference)

    def page(self, query: Query) -> Page[Application]:
        """Return a page of the applications."""
        with self.uow(read_only=True) as tx:
            return tx.applications.page(query)

    def counts(self, *wheres: Mapping[str, str], most: int) -> list[int]:
        """Count the applications that each filter leaves, up to `most`."""
        return counts_of(self.uow, lambda tx: tx.applications, wheres, most=most)

    def search(
        self, text: str, *, where: Mapping[str, str] = NO_FILTERS, limit: int = 20
    ) -> list[Application]:
        """
        Find by number, words of the name, or the phone or its end, the latest first.

        `where` are filters as in `page`: what they leave out takes no other's place.
        """
        words = read_text(text, field="text", limit=200)
        with self.uow(read_only=True) as tx:
            return tx.applications.search(words, where=where, limit=limit)

    def each(self, **where: str) -> Iterator[Application]:
        """Go through the applications, filtered by fields as in `page`."""
        return each_of(self.uow, lambda tx: tx.applications, where)

    def timeline(self, application_id: ApplicationId) -> list[Event]:
        """Return what happened to an application, oldest first."""
        with self.uow(read_only=True) as tx:
            tx.applications.get(application_id)
            return tx.events.of("application", str(application_id))

    @property
    def _applicants(self) -> Applicants:
        return Applicants(
            new_id=self.new_id, read_phone=self.read_phone, zone=self.zone, checks=self.checks
        )

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
            application = _held(tx, application_id, expected_version)
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
            number=f"R-{self.series.take('application')[0]:07d}",
            scans=scans,
            by=by,
            at=self.clock(),
            **asked,
        )
        keys = []
        if idempotency_key is not None:
            keys.append(request_key(idempotency_key, "intake.capture", by=by, **asked))
        if reference := asked["external_reference"]:
            # The reference alone decides, so that two deliveries at once make one application.
            # Keys are never removed, and the reference is somebody's own text: it is digested.
            named = digest_of("intake.reference", reference=reference)
            keys.append(IdempotencyKey(f"channel {asked['channel']}", named, ""))
        with self.uow() as tx:
            for key in keys:
                if bound := tx.keys.claim(key, application.id):
                    earlier = tx.applications.get(ApplicationId(bound))
                    return attrs.evolve(earlier, replayed=True)
            if application.customer_id is not None:
                tx.customers.get(application.customer_id).refuse_merged()
            return tx.applications.save(application)

    @retried
    def _expire(self, application_id: ApplicationId, by: Actor) -> bool:
        at = self.clock()
        with self.uow() as tx:
            one = tx.applications.get(application_id)
            # Between the list and here, somebody may have finished or renewed it.
            if not APPLICATION_LIFECYCLE.can(one, ApplicationCommand.LEASE_EXPIRE):
                return False
            if one.claimed_until is not None and at < one.claimed_until:
                return False
            tx.applications.save(one.lease_expire(by=by, at=at))
            return True

    @retried
    def _end_unanswered(self, application_id: ApplicationId, by: Actor) -> bool:
        at = self.clock()
        with self.uow() as tx:
            one = tx.applications.get(application_id)
            if one.answer_by is None or at < one.answer_by:  # answered since it was listed
                return False
            active = _has_active_contract(tx, one)
            ended = one.cancel(contract_active=active, reason=UNANSWERED, by=by, at=at)
            tx.applications.save(ended)
            return True

    @retried
    def _erase_one(self, application_id: ApplicationId, by: Actor) -> bool:
        """Tell whether it was erased here, and not by another worker before."""
        with self.uow() as tx:
            one = tx.applications.get(application_id)
            if one.erased_at is not None:
                return False
            tx.discarded_files.add(UUID(scan.file_id) for scan in one.scans)
            tx.applications.save(one.erase(by=by, at=self.clock()))
            return True

    def _change(
        self,
        application_id: ApplicationId,
        expected_version: int | None,
        change: Callable[[Application, datetime], Application],
    ) -> Application:
        at = self.clock()
        with self.uow() as tx:
            application = _held(tx, application_id, expected_version)
            return tx.applications.save(change(application, at))


def _held(
    tx: Transaction, application_id: ApplicationId, expected_version: int | None
) -> Application:
    application = tx.applications.get(application_id)
    refuse_stale(application, expected_version, name="application")
    return application


def _of_customer(
    application: Application, owner: CustomerId, *, by: Actor, at: datetime
) -> Application:
    """Return the application as that customer's; raise `RuleViolated` if it is another's."""
    if application.customer_id is None:
        return application.link(customer_id=owner, by=by, at=at)
    if application.customer_id != owner:
        raise RuleViolated("application_customer", ("the contract is another customer's",))
    return application


def _has_active_contract(tx: Transaction, application: Application) -> bool:
    if application.contract_id is None:
        return False
    contract = tx.contracts.get(application.contract_id)
    # What the network serves can be suspended, for whatever reason; what it does not, cannot.
    return CONTRACT_LIFECYCLE.can(contract, ContractCommand.SUSPEND)
