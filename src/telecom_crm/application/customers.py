"""Customers: who they are, who may be the same, and how they come and go."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.duplicates import (
    SuspectedPair,
    judged_in,
    pairs_in,
    rules_in,
    survivor_in,
    suspects_in,
)
from telecom_crm.application.erasing import erase_in, scans_of
from telecom_crm.application.idempotency import request_key
from telecom_crm.application.inheriting import inherited
from telecom_crm.application.paging import counts_of, each_in, each_of, refuse_stale
from telecom_crm.application.ports import (
    NO_FILTERS,
    AuditRecord,
    Clock,
    Contended,
    FormerValue,
    IdentityTaken,
    NewId,
    Page,
    Query,
    ReadPhone,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.retry import retried
from telecom_crm.application.rules import validation_in
from telecom_crm.domain.account import BillingAccount
from telecom_crm.domain.application import Application
from telecom_crm.domain.calendar import BISHKEK, local_date
from telecom_crm.domain.contract import CONTRACT_LIFECYCLE, LIVE, OPEN, Contract
from telecom_crm.domain.customer import (
    CUSTOMER_LIFECYCLE,
    Address,
    Consent,
    Customer,
    CustomerCommand,
    CustomerKind,
    IdentityDocument,
    Note,
)
from telecom_crm.domain.deduplication import DeduplicationRules, Suspicion
from telecom_crm.domain.errors import Fault, InvalidValue, NotFound, RuleViolated
from telecom_crm.domain.identifiers import (
    MSISDN,
    AccountId,
    ApplicationId,
    ContractId,
    CustomerId,
    TicketId,
)
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event
from telecom_crm.domain.payment import IN_FLIGHT
from telecom_crm.domain.text import read_text
from telecom_crm.domain.ticket import Ticket
from telecom_crm.domain.validation import DEFAULT_VALIDATION

CustomerCheck = Callable[[Customer], Iterable[Fault]]
"""An operator's own check of what is known about a customer; what it yields refuses it."""

PERSONAL = (
    "name",
    "phone",
    "email",
    "language",
    "national_id",
    "birth_date",
    "registration_number",
)
"""The fields whose former values are remembered, apart from the events, until erasure."""

BELONGINGS = ("account", "contract", "ticket", "application")
"""What a merge moves from one customer to the other."""
TIMELINE = ("customer", *BELONGINGS)
"""What a customer's timeline tells of."""


@attrs.frozen
class Customers:
    """People and organisations that have, had or want contracts."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    checks: tuple[CustomerCheck, ...] = ()
    """An operator's own checks, beside the validation rules that the store holds."""
    deduplication: DeduplicationRules | None = None
    """Rules in place of those that the store holds."""
    read_phone: ReadPhone = MSISDN
    """Reads numbers of people as they are dialled, also those that are searched for."""
    zone: ZoneInfo = BISHKEK
    """Where the operator's days begin."""

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
        Take up a new customer, or return the one with the same identity document or national id.

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
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """
        Change what is known about a customer; what a personal field was before is remembered apart.

        A document that is told again keeps its scan; one that is told no more loses it. A paper or
        national id of somebody who was merged into this customer passes to them. Raise
        `InvalidValue` with every fault, `IdentityTaken` where anybody else has one of them.
        """
        at = self.clock()
        with self.uow() as tx:
            before = tx.customers.get(customer_id)
            refuse_stale(before, expected_version, name="customer")
            after = before.update(changes=changes, phones=self.read_phone, by=by, at=at)
            if after is before:
                return before
            self._check(tx, after, at)
            after = inherited(tx, after, by=by, at=at)
            tx.customers.remember(_former(before, after, by=by, at=at))
            tx.discarded_files.add(scans_of((before,)) - scans_of((after,)))
            return tx.customers.save(after)

    @retried
    def add_note(
        self,
        customer_id: CustomerId,
        *,
        text: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """Write something down about a customer."""
        at = self.clock()
        with self.uow() as tx:
            customer = _held(tx, customer_id, expected_version)
            notes = (*customer.notes, Note(text=text, by=by.name, at=at))
            return tx.customers.save(customer.update(changes={"notes": notes}, by=by, at=at))

    def get(self, customer_id: CustomerId) -> Customer:
        """Return a customer; raise `NotFound`."""
        with self.uow(read_only=True) as tx:
            return tx.customers.get(customer_id)

    def get_many(self, customer_ids: Iterable[CustomerId]) -> dict[CustomerId, Customer]:
        """Show those of some customers that there are."""
        with self.uow(read_only=True) as tx:
            return tx.customers.get_many(customer_ids)

    def page(self, query: Query) -> Page[Customer]:
        """Return a page of the customers."""
        with self.uow(read_only=True) as tx:
            return tx.customers.page(query)

    def counts(self, *wheres: Mapping[str, str], most: int) -> list[int]:
        """Count the customers that each filter leaves, up to `most`."""
        return counts_of(self.uow, lambda tx: tx.customers, wheres, most=most)

    def each(self, **where: str) -> Iterator[Customer]:
        """Go through the customers, filtered by fields as in `page`."""
        return each_of(self.uow, lambda tx: tx.customers, where)

    def search(
        self, text: str, *, where: Mapping[str, str] = NO_FILTERS, limit: int = 20
    ) -> list[Customer]:
        """
        Find customers by part of a name, phone, e-mail, document, number, SIM or contract.

        `where` are filters as in `page`: what they leave out takes nobody's place.
        """
        words = read_text(text, field="text", limit=200)
        if not words:
            return []
        with self.uow(read_only=True) as tx:
            return tx.customers.search(words, phone=self._phone(words), where=where, limit=limit)

    @retried
    def former_values(self, customer_id: CustomerId, *, by: Actor = SYSTEM) -> list[FormerValue]:
        """
        Return what a customer's personal fields were before, oldest first.

        That somebody looked is written down.
        """
        with self.uow() as tx:
            tx.customers.get(customer_id)
            look = AuditRecord(
                action="customer.former_values",
                thing="customer",
                thing_id=str(customer_id),
                by=by,
                at=self.clock(),
            )
            tx.audit.record(look)
            return tx.customers.former_values(customer_id)

    def timeline(
        self,
        customer_id: CustomerId,
        query: Query,
        *,
        things: Collection[str] = TIMELINE,
    ) -> Page[Event]:
        """
        Return a page of what happened to a customer and to all that is theirs, payments aside.

        It is in order of time. `things` are the kinds that are told of; it has no other filters.
        """
        with self.uow(read_only=True) as tx:
            tx.customers.get(customer_id)
            found = _belongings(tx, customer_id, kinds=things)
            return tx.events.timeline_page(
                [(thing, str(id)) for thing, ids in found.items() for id in ids],
                limit=query.limit,
                cursor=query.cursor,
                descending=query.descending,
            )

    def duplicates(self, customer_id: CustomerId) -> tuple[Suspicion, ...]:
        """
        Return customers who may be the same person, the surest first, with the reasons.

        Those are marked whom somebody told apart.
        """
        with self.uow(read_only=True) as tx:
            customer = tx.customers.get(customer_id)
            return judged_in(tx, customer, rules_in(tx, self.deduplication))

    def suspected_pairs(
        self, *, limit: int = 100, cursor: str | None = None
    ) -> Page[SuspectedPair]:
        """
        Return who may be one person among the next `limit` customers, the latest first.

        A page may be empty and still have a `next`. Raise `InvalidValue` for a strange cursor.
        """
        with self.uow(read_only=True) as tx:
            rules = rules_in(tx, self.deduplication)
            return pairs_in(tx, rules, limit=limit, cursor=cursor)

    @retried
    def dismiss_duplicate(
        self, customer_id: CustomerId, *, other_id: CustomerId, by: Actor = SYSTEM
    ) -> Customer:
        """
        Say that two customers who are alike are two people; they are not suspected any more.

        Raise `NotFound` where they are not alike, `RuleViolated` where they share what only one
        person has.
        """
        at = self.clock()
        with self.uow() as tx:
            customer, other = _two(tx, customer_id, other_id)
            suspects = suspects_in(tx, customer, rules_in(tx, self.deduplication))
            found = next((one for one in suspects if one.customer_id == other_id), None)
            if found is None:
                raise NotFound("duplicate", str(other_id))
            if found.exact:
                raise RuleViolated("exact_duplicate", (f"{found.words} is the same customer",))
            tx.customers.save(other.dismiss_duplicate(customer_id=customer_id, by=by, at=at))
            return tx.customers.save(customer.dismiss_duplicate(customer_id=other_id, by=by, at=at))

    @retried
    def merge(
        self,
        loser_id: CustomerId,
        *,
        survivor_id: CustomerId,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """
        Say that one customer is another, who takes over everything but the name.

        That is accounts, contracts, tickets and applications. Whoever gets an open contract is no
        closed customer any more, and with a signed one no prospect. Return the loser. Raise
        `PaymentsInFlight` while a payment of the loser has no outcome, `CustomerMerged`.
        """
        at = self.clock()
        with self.uow() as tx:
            loser, survivor = _two(tx, loser_id, survivor_id)
            refuse_stale(loser, expected_version, name="customer")
            found = _belongings(tx, loser_id)
            held = _Belongings.held(tx, found, owner=loser_id)
            merged = loser.merge_into(
                survivor=survivor,
                payments_in_flight=_payments_in_flight(tx, held.accounts),
                moved={thing: [str(id) for id in ids] for thing, ids in found.items()},
                by=by,
                at=at,
            )
            held.give_to(tx, survivor_id, by=by, at=at)
            survivor = _with_contracts(survivor, held.contracts, by=by, at=at)
            _note_other(tx, survivor, "CustomerAbsorbed", "absorb", merged, by=by, at=at)
            return tx.customers.save(merged)

    @retried
    def unmerge(
        self, loser_id: CustomerId, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Customer:
        """
        Undo a merge: what came from the loser and is still the survivor's goes back.

        Where the survivor was merged on, it is whoever has its place now that gives it.
        """
        at = self.clock()
        with self.uow() as tx:
            merged = _held(tx, loser_id, expected_version)
            loser = merged.unmerge(by=by, at=at)
            survivor = tx.customers.get(CustomerId(UUID(loser.events[-1].payload["survivor"])))
            found = _moved_by_merge(tx.events.of("customer", loser.key))
            owner = survivor_in(tx, survivor.id).id
            _Belongings.held(tx, found, owner=owner).give_to(tx, loser_id, by=by, at=at)
            _note_other(tx, survivor, "CustomerDetached", "detach", loser, by=by, at=at)
            return tx.customers.save(loser)

    @retried
    def block(
        self,
        customer_id: CustomerId,
        *,
        reason: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """Refuse a customer new contracts."""
        with self.uow() as tx:
            customer = _held(tx, customer_id, expected_version)
            return tx.customers.save(customer.block(reason=reason, by=by, at=self.clock()))

    @retried
    def unblock(
        self,
        customer_id: CustomerId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """Lift a customer's block."""
        with self.uow() as tx:
            customer = _held(tx, customer_id, expected_version)
            live = tx.contracts.open_of([customer_id]).get(customer_id, 0)
            at = self.clock()
            return tx.customers.save(
                customer.unblock(open_contracts=live, reason=reason, by=by, at=at)
            )

    @retried
    def close(
        self,
        customer_id: CustomerId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """End the relation with a customer who has no open contract."""
        with self.uow() as tx:
            customer = _held(tx, customer_id, expected_version)
            count, at = _open_contracts(tx, customer_id), self.clock()
            return tx.customers.save(
                customer.close(open_contracts=count, reason=reason, by=by, at=at)
            )

    @retried
    def reopen(
        self,
        customer_id: CustomerId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """Take a closed customer back."""
        with self.uow() as tx:
            customer = _held(tx, customer_id, expected_version)
            return tx.customers.save(customer.reopen(reason=reason, by=by, at=self.clock()))

    @retried
    def erase(
        self,
        customer_id: CustomerId,
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """
        Replace a customer's personal data for good, wherever it is.

        That is in merged records, applications, tickets and the names of files, too. Scans and
        files of tickets are deleted by the worker's next turn; ids, events, the ledger and the
        papers of contracts stay. Raise `RuleViolated` while a contract is open.
        """
        with self.uow() as tx:
            customer = _held(tx, customer_id, expected_version)
            customer.refuse_merged()
            return erase_in(
                tx,
                customer,
                merged=_merged_into(tx, customer_id),
                open_contracts=_open_contracts(tx, customer_id),
                by=by,
                at=self.clock(),
            )

    def export(self, **where: str) -> Iterator[dict[str, Any]]:
        """Go through the customers as rows of plain values, for a file; merged ones too."""
        return (_row(customer) for customer in self.each(**where))

    def _phone(self, text: str) -> MSISDN | None:
        """Return the number that a text is, or None where it is something else."""
        try:
            return self.read_phone(text)
        except InvalidValue:
            return None

    @retried
    def _enrol(self, given: Mapping[str, Any], idempotency_key: str | None, by: Actor) -> Customer:
        at = self.clock()
        newcomer = Customer.register(
            id=CustomerId(self.new_id()), phones=self.read_phone, by=by, at=at, **given
        )
        with self.uow() as tx:
            self._check(tx, newcomer, at)
            known = exact_in(tx, newcomer, rules_in(tx, self.deduplication))
            if idempotency_key is not None:
                key = request_key(idempotency_key, "customers.register", by=by, **given)
                if bound := tx.keys.claim(key, (known or newcomer).id):
                    return attrs.evolve(tx.customers.get(CustomerId(bound)), replayed=True)
            if known is not None:
                return welcome_back(tx, known, by=by, at=at)
            return save_new(tx, newcomer)

    def _check(self, tx: Transaction, customer: Customer, at: datetime) -> None:
        checks = checks_in(tx, self.checks, today=local_date(at, self.zone))
        if faults := tuple(fault for check in checks for fault in check(customer)):
            raise InvalidValue(faults)


def checks_in(
    tx: Transaction, own: tuple[CustomerCheck, ...], *, today: date
) -> tuple[CustomerCheck, ...]:
    """Return an operator's own checks and, where they ask anything, the validation rules."""
    rules = validation_in(tx)
    return own if rules == DEFAULT_VALIDATION else (*own, partial(rules.faults, today=today))


def exact_in(tx: Transaction, customer: Customer, rules: DeduplicationRules) -> Customer | None:
    """Return, held, the customer who is surely the same, if any; the survivor of merges."""
    exact = next((one for one in suspects_in(tx, customer, rules) if one.exact), None)
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


@attrs.frozen
class _Belongings:
    """What a merge moves, held."""

    accounts: tuple[BillingAccount, ...]
    contracts: tuple[Contract, ...]
    tickets: tuple[Ticket, ...]
    applications: tuple[Application, ...]

    @classmethod
    def held(
        cls, tx: Transaction, found: Mapping[str, Iterable[UUID]], *, owner: CustomerId
    ) -> _Belongings:
        """Hold those that the owner still has."""
        accounts = tx.accounts.get_many(AccountId(id) for id in found["account"])
        contracts = tx.contracts.get_many(ContractId(id) for id in found["contract"])
        tickets = tx.tickets.get_many(TicketId(id) for id in found["ticket"])
        applications = tx.applications.get_many(ApplicationId(id) for id in found["application"])
        return cls(
            tuple(one for one in accounts.values() if one.customer_id == owner),
            tuple(one for one in contracts.values() if one.customer_id == owner),
            tuple(one for one in tickets.values() if one.customer_id == owner),
            tuple(one for one in applications.values() if one.customer_id == owner),
        )

    def give_to(self, tx: Transaction, customer_id: CustomerId, *, by: Actor, at: datetime) -> None:
        """Move all of them."""
        payload = {"customer": str(customer_id)}
        tx.accounts.save_all([one.give_to(customer_id, by=by, at=at) for one in self.accounts])
        tx.contracts.save_all(
            [
                CONTRACT_LIFECYCLE.note(
                    one,
                    "ContractRepointed",
                    "repoint",
                    by=by,
                    at=at,
                    payload=payload,
                    customer_id=customer_id,
                )
                for one in self.contracts
            ]
        )
        tx.tickets.save_all(
            [one.repoint(customer_id=customer_id, by=by, at=at) for one in self.tickets]
        )
        tx.applications.save_all(
            [one.repoint(customer_id=customer_id, by=by, at=at) for one in self.applications]
        )


def _belongings(
    tx: Transaction, customer_id: CustomerId, *, kinds: Collection[str] = BELONGINGS
) -> dict[str, list[UUID]]:
    """Return the ids of what a customer has, by kind of thing; of themselves, where asked."""
    owner = str(customer_id)
    found: Mapping[str, Callable[[], list[UUID]]] = {
        "customer": lambda: [customer_id],
        "account": lambda: [one.id for one in tx.accounts.of_customer(customer_id)],
        "contract": lambda: [one.id for one in each_in(tx.contracts, customer_id=owner)],
        "ticket": lambda: [one.id for one in each_in(tx.tickets, customer_id=owner)],
        "application": lambda: [one.id for one in each_in(tx.applications, customer_id=owner)],
    }
    return {kind: ids() for kind, ids in found.items() if kind in kinds}


def _moved_by_merge(events: Iterable[Event]) -> dict[str, list[UUID]]:
    moved = [event.payload["moved"] for event in events if event.name == "CustomersMerged"][-1]
    return {thing: [UUID(id) for id in ids] for thing, ids in moved.items()}


def _two(
    tx: Transaction, loser_id: CustomerId, survivor_id: CustomerId
) -> tuple[Customer, Customer]:
    """Hold both, in the order of their keys; raise `NotFound` for the one that is not there."""
    if loser_id == survivor_id:
        raise RuleViolated("merge", ("a customer cannot be merged into itself",))
    both = tx.customers.get_many([loser_id, survivor_id])
    return (
        both.get(loser_id) or tx.customers.get(loser_id),
        both.get(survivor_id) or tx.customers.get(survivor_id),
    )


def _with_contracts(
    survivor: Customer, contracts: Iterable[Contract], *, by: Actor, at: datetime
) -> Customer:
    """Return a customer as they stand once they have these contracts too."""
    states = {contract.status for contract in contracts}
    if states & OPEN and CUSTOMER_LIFECYCLE.can(survivor, CustomerCommand.REOPEN):
        survivor = survivor.reopen(by=by, at=at)
    if states & LIVE and CUSTOMER_LIFECYCLE.can(survivor, CustomerCommand.ACTIVATE):
        survivor = survivor.activate(by=by, at=at)
    return survivor


def _note_other(
    tx: Transaction,
    survivor: Customer,
    name: str,
    command: str,
    loser: Customer,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """Tell of a merge in the survivor's own history."""
    payload = {"customer": loser.key}
    tx.customers.save(
        CUSTOMER_LIFECYCLE.note(survivor, name, command, by=by, at=at, payload=payload)
    )


def _payments_in_flight(tx: Transaction, accounts: Iterable[BillingAccount]) -> int:
    return sum(
        1
        for account in accounts
        for status in sorted(IN_FLIGHT)
        for _ in each_in(tx.payments, account_id=account.key, status=status.value)
    )


def _open_contracts(tx: Transaction, customer_id: CustomerId) -> int:
    """Count contracts that are not over, drafts included."""
    contracts = each_in(tx.contracts, customer_id=str(customer_id))
    return sum(contract.status in OPEN for contract in contracts)


def _held(tx: Transaction, customer_id: CustomerId, expected_version: int | None) -> Customer:
    customer = tx.customers.get(customer_id)
    refuse_stale(customer, expected_version, name="customer")
    return customer


def _merged_into(tx: Transaction, customer_id: CustomerId) -> list[Customer]:
    """Return, held, everyone who was merged into a customer, directly or not."""
    found: dict[CustomerId, Customer] = {}
    waiting = [customer_id]
    while waiting:
        survivor = waiting.pop()
        events = tx.events.of("customer", str(survivor))
        names = {e.payload["customer"] for e in events if e.name == "CustomerAbsorbed"}
        for id, one in tx.customers.get_many(CustomerId(UUID(name)) for name in names).items():
            if one.merged_into == survivor and id not in found:
                found[id] = one
                waiting.append(id)
    return list(found.values())


def _former(
    before: Customer, after: Customer, *, by: Actor, at: datetime
) -> tuple[FormerValue, ...]:
    """Return what the change replaced; a document counts as the fields it has on paper."""
    values = [
        (field, str(old))
        for field in PERSONAL
        if (old := getattr(before, field)) is not None and old != getattr(after, field)
    ]
    kept = [attrs.evolve(paper, scan=None) for paper in after.documents]
    values += [
        ("document", f"{paper.type} {paper.number}")
        for paper in before.documents
        if attrs.evolve(paper, scan=None) not in kept
    ]
    values += [
        ("address", ", ".join(part for part in attrs.astuple(address) if part))
        for address in before.addresses
        if address not in after.addresses
    ]
    return tuple(
        FormerValue(customer_id=before.id, field=field, value=value, at=at, by=by)
        for field, value in values
    )


def _row(customer: Customer) -> dict[str, Any]:
    paper = customer.documents[0] if customer.documents else None
    return {
        "id": str(customer.id),
        "kind": customer.kind.value,
        "status": customer.status.value,
        "name": customer.name,
        "phone": str(customer.phone) if customer.phone else None,
        "email": customer.email,
        "language": customer.language,
        "national_id": customer.national_id,
        "birth_date": customer.birth_date,
        "registration_number": customer.registration_number,
        "document_type": paper.type.value if paper else None,
        "document_number": paper.number if paper else None,
        "merged_into": str(customer.merged_into) if customer.merged_into else None,
        "version": customer.version,
    }
