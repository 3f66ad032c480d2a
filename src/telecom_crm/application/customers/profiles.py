"""Who customers are: taken up, corrected, and what was known before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

import attrs

from telecom_crm.application.customers.desk import CustomerDesk, former, held
from telecom_crm.application.duplicates import rules_in, survivor_in, suspects_in
from telecom_crm.application.erasing import scans_of
from telecom_crm.application.idempotency import request_key
from telecom_crm.application.inheriting import inherited
from telecom_crm.application.paging import refuse_stale
from telecom_crm.application.ports import (
    AuditRecord,
    Contended,
    FormerValue,
    IdentityTaken,
    Transaction,
)
from telecom_crm.application.retry import retried
from telecom_crm.domain.customer import CUSTOMER_LIFECYCLE, Customer, CustomerCommand
from telecom_crm.domain.deduplication import DeduplicationRules, Suspicion
from telecom_crm.domain.identifiers import MSISDN, CustomerId, NoteId
from telecom_crm.domain.identity_document import IdentityDocument
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.profile import Address, Consent, CustomerKind


@attrs.frozen
class Profiles(CustomerDesk):
    """Customers, as far as it is about what is known of them."""

    def register(
        self,
        *,
        name: str,
        kind: CustomerKind = CustomerKind.PERSON,
        phone: MSISDN | str | None = None,
        email: str | None = None,
        language: str | None = None,
        national_id: str | None = None,
        documents: Iterable[IdentityDocument] = (),
        birth_date: date | str | None = None,
        registration_number: str | None = None,
        addresses: Iterable[Address] = (),
        consents: Iterable[Consent] = (),
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """
        Take up a new customer, or return the one with the same identity document or national id,
        who is then `known`.

        A closed one is reopened. Customers who are merely alike are told by `duplicates`. Raise
        `InvalidValue` with every fault, `KeyReused`.
        """
        given: dict[str, Any] = {
            "name": name,
            "kind": kind,
            "phone": phone,
            "email": email,
            "language": language,
            "national_id": national_id,
            "documents": tuple(documents),
            "birth_date": birth_date,
            "registration_number": registration_number,
            "addresses": tuple(addresses),
            "consents": tuple(consents),
        }
        return self._enrol(given, idempotency_key, by)

    @retried
    def update(
        self,
        customer_id: CustomerId,
        *,
        changes: Mapping[str, Any],
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """
        Change what is known about a customer; what a personal field was before is remembered apart.

        `reason` goes into the event, which stays: it says what was done, not who somebody is.

        A document that is told again keeps its scan; one that is told no more loses it. A paper or
        national id of somebody who was merged into this customer passes to them. Raise
        `InvalidValue` with every fault, `IdentityTaken` where anybody else has one of them.
        """
        at = self.clock()
        with self.uow() as tx:
            before = tx.customers.get(customer_id)
            refuse_stale(before, expected_version, name="customer")
            after = before.update(
                changes=changes,
                phones=self.read_phone,
                today=self._day(at),
                reason=reason,
                by=by,
                at=at,
            )
            if after is before:
                return before
            self._check(tx, after, at, on_file=(before,))
            after = inherited(tx, after, by=by, at=at)
            tx.customers.remember(former(before, after, by=by, at=at))
            tx.discarded_files.add(scans_of((before,)) - scans_of((after,)))
            return tx.customers.save(after)

    @retried
    def add_note(
        self,
        customer_id: CustomerId,
        *,
        text: str,
        pinned: bool = False,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """
        Write something down about a customer, to be read before all else where it is `pinned`.

        Raise `InvalidValue` without a text, `RuleViolated` for one pinned note too many.
        """
        with self.uow() as tx:
            customer = held(tx, customer_id, expected_version)
            id, at = NoteId(self.new_id()), self.clock()
            return tx.customers.save(
                customer.add_note(id=id, text=text, pinned=pinned, by=by, at=at)
            )

    @retried
    def pin_note(
        self,
        customer_id: CustomerId,
        *,
        note_id: NoteId,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """Have a note read before all else; raise `NotFound`, `RuleViolated` for one too many."""
        return self._with_note(
            customer_id, expected_version, lambda one, at: one.pin_note(note_id, by=by, at=at)
        )

    @retried
    def unpin_note(
        self,
        customer_id: CustomerId,
        *,
        note_id: NoteId,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """Put a note back among the others; raise `NotFound`."""
        return self._with_note(
            customer_id, expected_version, lambda one, at: one.unpin_note(note_id, by=by, at=at)
        )

    @retried
    def look_at(self, customer_id: CustomerId, *, by: Actor = SYSTEM) -> Customer:
        """Return a customer to somebody who sees their secret numbers, which is written down."""
        with self.uow() as tx:
            customer = tx.customers.get(customer_id)
            tx.audit.record(self._look("customer.identity", customer_id, by))
            return customer

    @retried
    def former_values(self, customer_id: CustomerId, *, by: Actor = SYSTEM) -> list[FormerValue]:
        """
        Return what a customer's personal fields were before, oldest first.

        That somebody looked is written down.
        """
        with self.uow() as tx:
            tx.customers.get(customer_id)
            tx.audit.record(self._look("customer.former_values", customer_id, by))
            return tx.customers.former_values(customer_id)

    def _look(self, action: str, customer_id: CustomerId, by: Actor) -> AuditRecord:
        return AuditRecord(
            action=action, thing="customer", thing_id=str(customer_id), by=by, at=self.clock()
        )

    @retried
    def _enrol(self, given: Mapping[str, Any], idempotency_key: str | None, by: Actor) -> Customer:
        at = self.clock()
        newcomer = Customer.register(
            id=CustomerId(self.new_id()),
            phones=self.read_phone,
            today=self._day(at),
            by=by,
            at=at,
            **given,
        )
        with self.uow() as tx:
            known = exact_in(tx, newcomer, rules_in(tx, self.deduplication))
            key = request_key(idempotency_key, "customers.register", by=by, **given)
            if key is not None:
                named = (known or newcomer).id
                if bound := tx.keys.claim(key, named, found=known is not None):
                    earlier = tx.customers.get(CustomerId(bound.resource))
                    return attrs.evolve(earlier, known=bound.found, replayed=True)
            # After the key: what was taken is answered again, whatever is required by now.
            self._check(tx, newcomer, at, on_file=(known,) if known else ())
            if known is not None:
                return attrs.evolve(welcome_back(tx, known, by=by, at=at), known=True)
            return save_new(tx, newcomer)

    def _with_note(
        self,
        customer_id: CustomerId,
        expected_version: int | None,
        change: Callable[[Customer, datetime], Customer],
    ) -> Customer:
        with self.uow() as tx:
            before = held(tx, customer_id, expected_version)
            after = change(before, self.clock())
            return before if after is before else tx.customers.save(after)


def exact_in(tx: Transaction, customer: Customer, rules: DeduplicationRules) -> Customer | None:
    """Return, held, the customer who is surely the same, if any; the survivor of merges."""
    return exact_of(tx, suspects_in(tx, customer, rules))


def exact_of(tx: Transaction, suspects: Iterable[Suspicion]) -> Customer | None:
    """Return, held, the one of some suspects who is surely the same; the survivor of merges."""
    exact = next((one for one in suspects if one.exact), None)
    return survivor_in(tx, exact.customer_id) if exact else None


def welcome_back(tx: Transaction, known: Customer, *, by: Actor, at: datetime) -> Customer:
    """Return a customer who came again, reopened where the relation had ended."""
    if CUSTOMER_LIFECYCLE.can(known, CustomerCommand.REOPEN):
        return tx.customers.save(known.reopen(by=by, at=at))
    return known


def save_new(tx: Transaction, newcomer: Customer) -> Customer:
    """Store a customer that nobody was found to be; whoever was faster makes this run again."""
    try:
        return tx.customers.save(newcomer)
    except IdentityTaken as taken:
        raise Contended(f"customer {taken.customer_id}") from taken
