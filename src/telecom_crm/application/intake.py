"""Applications: taking requests in, checking them, and the queue of those who work on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.customers import CustomerCheck, checks_in, welcome_back
from telecom_crm.application.duplicates import rules_in, survivor_in, suspects_in
from telecom_crm.application.idempotency import digest_of, request_key
from telecom_crm.application.paging import each_of, each_swept, refuse_stale
from telecom_crm.application.ports import (
    Clock,
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
from telecom_crm.domain.calendar import BISHKEK, local_date
from telecom_crm.domain.contract import CONTRACT_LIFECYCLE, ContractCommand
from telecom_crm.domain.customer import (
    PERSON_FIELDS,
    Customer,
    read_national_id,
    read_profile,
)
from telecom_crm.domain.deduplication import DeduplicationRules, Suspicion
from telecom_crm.domain.errors import Faults, InvalidValue
from telecom_crm.domain.identifiers import MSISDN, ApplicationId, ContractId, CustomerId
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event
from telecom_crm.domain.text import read_text


@attrs.frozen
class Intake:
    """What people ask for, from capture to an outcome."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    series: Series
    lease: timedelta = timedelta(minutes=15)
    """How long an operator has a claimed application before it goes back into the queue."""
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
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """
        Take in a request as it came, or return it where the channel sent its reference before.

        Raise `InvalidValue` for what cannot be stored, `NotFound` without the customer,
        `KeyReused`.
        """
        reference = read_text(
            external_reference or "", field="external_reference", limit=REFERENCE_LIMIT
        )
        if reference and (known := self._known(channel, reference)):
            return attrs.evolve(known, replayed=True)
        asked: dict[str, Any] = {
            "kind": kind,
            "channel": channel,
            "raw": raw,
            "external_reference": reference,
            "priority": priority,
            "customer_id": customer_id,
        }
        return self._take_in(asked, idempotency_key, by)

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
            person = self._person(tx, application.raw, by=by, at=at)
            suspects = suspects_in(tx, person, rules_in(tx, self.deduplication))
            if exact := next((one for one in suspects if one.exact), None):
                welcome_back(tx, survivor_in(tx, exact.customer_id), by=by, at=at)
            data = {**application.raw, **_structured(person)}
            if "full_name" in data:
                data.pop("name", None)
            return tx.applications.save(
                application.validate(data=data, duplicates=suspects, by=by, at=at)
            )

    @retried
    def ask(
        self,
        application_id: ApplicationId,
        *,
        reason: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Ask the applicant for what is missing."""
        return self._change(
            application_id, expected_version, lambda one, at: one.ask(reason=reason, by=by, at=at)
        )

    @retried
    def supply(
        self,
        application_id: ApplicationId,
        *,
        raw: Mapping[str, Any],
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Add what was asked for."""
        return self._change(
            application_id, expected_version, lambda one, at: one.supply(raw=raw, by=by, at=at)
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
        """Say that what was asked for is done."""
        at = self.clock()
        with self.uow() as tx:
            application = _held(tx, application_id, expected_version)
            if contract_id is not None:
                tx.contracts.get(contract_id)
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
        return each_alone(partial(self._erase, one.id, by) for one in over)

    def duplicates(self, application_id: ApplicationId) -> tuple[Suspicion, ...]:
        """Return customers suspected at validation, and neither linked nor dismissed since."""
        return self.get(application_id).suspicions

    def get(self, application_id: ApplicationId) -> Application:
        """Return an application; raise `NotFound`."""
        with self.uow(read_only=True) as tx:
            return tx.applications.get(application_id)

    def page(self, query: Query) -> Page[Application]:
        """Return a page of the applications."""
        with self.uow(read_only=True) as tx:
            return tx.applications.page(query)

    def each(self, **where: str) -> Iterator[Application]:
        """Go through the applications, filtered by fields as in `page`."""
        return each_of(self.uow, lambda tx: tx.applications, where)

    def timeline(self, application_id: ApplicationId) -> list[Event]:
        """Return what happened to an application, oldest first."""
        with self.uow(read_only=True) as tx:
            tx.applications.get(application_id)
            return tx.events.of("application", str(application_id))

    @retried
    def _take_in(
        self, asked: Mapping[str, Any], idempotency_key: str | None, by: Actor
    ) -> Application:
        application = Application.capture(
            id=ApplicationId(self.new_id()),
            number=f"R-{self.series.take('application')[0]:07d}",
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
    def _erase(self, application_id: ApplicationId, by: Actor) -> bool:
        with self.uow() as tx:
            one = tx.applications.get(application_id)
            # Nothing links what ended; but another worker may have been here.
            if one.erased_at is not None:
                return False
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

    def _known(self, channel: Channel, reference: str) -> Application | None:
        with self.uow(read_only=True) as tx:
            return tx.applications.by_reference(channel.value, reference)

    def _person(
        self, tx: Transaction, raw: Mapping[str, Any], *, by: Actor, at: datetime
    ) -> Customer:
        """Read who asks; the customer that comes out is only compared, never stored."""
        faults, texts, today = Faults(), _texts(raw), local_date(at, self.zone)
        national_id = faults.check("national_id", _national_id, texts.get("national_id") or "")
        try:
            profile = read_profile(texts, today=today, phones=self.read_phone)
        except InvalidValue as error:
            raise InvalidValue((*error.faults, *faults.found)) from None
        faults.raise_any()
        person = Customer.from_profile(id=CustomerId(self.new_id()), profile=profile, by=by, at=at)
        person = attrs.evolve(person, national_id=national_id or None)
        checks = checks_in(tx, self.checks, today=today)
        faults.extend(fault for check in checks for fault in check(person))
        faults.raise_any()
        return person


def _held(
    tx: Transaction, application_id: ApplicationId, expected_version: int | None
) -> Application:
    application = tx.applications.get(application_id)
    refuse_stale(application, expected_version, name="application")
    return application


def _national_id(raw: str) -> str:
    return read_national_id(raw) or ""


def _texts(raw: Mapping[str, Any]) -> dict[str, str | None]:
    """Return what is said of the person; raise `InvalidValue` for what is no text."""
    faults = Faults()
    texts: dict[str, str | None] = {}
    for field in PERSON_FIELDS:
        value = raw.get(field)
        if value is None or isinstance(value, str):
            texts[field] = value
        else:
            faults.add(field, "text", "a text", type(value).__name__)
    if "full_name" not in raw:
        texts.pop("full_name", None)
    faults.raise_any()
    return texts


def _structured(person: Customer) -> dict[str, Any]:
    """Return a person as plain fields that `read_profile` reads again."""
    paper = person.documents[0] if person.documents else None
    return {
        "full_name": person.name,
        "phone": str(person.phone) if person.phone else None,
        "email": person.email,
        "birth_date": person.birth_date.isoformat() if person.birth_date else None,
        "document_type": paper.type.value if paper else None,
        "document_number": paper.number if paper else None,
        "language": person.language,
        "national_id": person.national_id,
    }


def _has_active_contract(tx: Transaction, application: Application) -> bool:
    if application.contract_id is None:
        return False
    contract = tx.contracts.get(application.contract_id)
    # What the network serves can be suspended, for whatever reason; what it does not, cannot.
    return CONTRACT_LIFECYCLE.can(contract, ContractCommand.SUSPEND)
