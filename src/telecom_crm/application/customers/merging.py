"""Customers who may be one person: told apart, made one, and parted again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from uuid import UUID

import attrs

from telecom_crm.application.customers.desk import CustomerDesk, belongings_of, former, held
from telecom_crm.application.duplicates import (
    SuspectedPair,
    judged_in,
    pairs_in,
    rules_in,
    survivor_among,
    survivor_in,
    suspects_in,
    with_survivors,
)
from telecom_crm.application.inheriting import given_back, inherited
from telecom_crm.application.paging import each_in, refuse_stale
from telecom_crm.application.ports import Page, Transaction
from telecom_crm.application.retry import retried
from telecom_crm.domain.account import BillingAccount
from telecom_crm.domain.application import Application
from telecom_crm.domain.contract import CONTRACT_LIFECYCLE, LIVE, OPEN, Contract
from telecom_crm.domain.customer import CUSTOMER_LIFECYCLE, Customer, CustomerCommand, MergeField
from telecom_crm.domain.deduplication import Suspicion
from telecom_crm.domain.errors import NotFound, RuleViolated
from telecom_crm.domain.identifiers import (
    AccountId,
    ApplicationId,
    ContractId,
    CustomerId,
    TicketId,
)
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event
from telecom_crm.domain.payment import IN_FLIGHT
from telecom_crm.domain.ticket import Ticket


@attrs.frozen
class Merging(CustomerDesk):
    """Customers, as far as two of them may be one."""

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
        Return who may be one person among the next customers, the latest first.

        `limit` of them are looked at, or up to ten times as many until there is a pair. A page
        may be empty and still have a `next`. Raise `InvalidValue` for a strange cursor.
        """
        with self.uow(read_only=True) as tx:
            rules = rules_in(tx, self.deduplication)
            return pairs_in(tx, rules, limit=limit, cursor=cursor)

    def living(self, customers: Iterable[Customer]) -> list[Customer]:
        """Return each of some customers, or whoever took their place by merges, each once."""
        asked = list(customers)
        if all(one.merged_into is None for one in asked):
            return asked
        with self.uow(read_only=True) as tx:
            known = with_survivors(tx, {one.id for one in asked})
        found = (survivor_among(known, one.id) for one in asked if one.id in known)
        return list({one.id: one for one in found}.values())

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
        take: Collection[MergeField] = (),
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """
        Say that one customer is another, who takes over all that is the customer's.

        That is accounts, contracts, tickets, applications and notes.

        What is known of the survivor stays, but for the fields to `take` from the loser; what they
        were is remembered, and of documents and addresses none is lost. Whoever gets an open
        contract is no closed customer any more, and with a signed one no prospect. Return the
        loser. Raise `PaymentsInFlight` while a payment of the loser has no outcome,
        `CustomerMerged`, `InvalidValue` with every fault of what is taken, and `RuleViolated` where
        both have live contracts and different national ids.
        """
        at = self.clock()
        with self.uow() as tx:
            loser, survivor = _two(tx, loser_id, survivor_id)
            refuse_stale(loser, expected_version, name="customer")
            found = belongings_of(tx, loser_id)
            theirs = _Belongings.held(tx, found, owner=loser_id)
            merged = loser.merge_into(
                survivor=survivor,
                payments_in_flight=_payments_in_flight(tx, theirs.accounts),
                both_live=any(one.is_live for one in theirs.contracts)
                and tx.contracts.count_live([survivor_id])[survivor_id] > 0,
                moved={thing: [str(id) for id in ids] for thing, ids in found.items()},
                take=take,
                by=by,
                at=at,
            )
            tx.customers.save(merged)  # before the survivor, who may have taken a paper of theirs
            theirs.give_to(tx, survivor_id, by=by, at=at)
            standing = _with_contracts(survivor, theirs.contracts, by=by, at=at)
            self._absorb(tx, standing, loser, take=take, by=by, at=at)
            return tx.customers.get(loser_id)

    @retried
    def unmerge(
        self, loser_id: CustomerId, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Customer:
        """
        Undo a merge: what came from the loser and is still the survivor's goes back.

        Where the survivor was merged on, it is whoever has its place now that gives things. Of what
        is known, the survivor has again what they had before, wherever they still have what was
        taken.
        """
        at = self.clock()
        with self.uow() as tx:
            merged = held(tx, loser_id, expected_version)
            merged.unmerge(by=by, at=at)
            event = _merge_of(tx.events.of("customer", merged.key))
            survivor = tx.customers.get(CustomerId(UUID(event.payload["survivor"])))
            found = {
                thing: [UUID(id) for id in ids] for thing, ids in event.payload["moved"].items()
            }
            owner = survivor_in(tx, survivor.id).id
            _Belongings.held(tx, found, owner=owner).give_to(tx, loser_id, by=by, at=at)
            put, own = given_back(tx, merged, survivor, event)
            tx.customers.remember(former(survivor, attrs.evolve(survivor, **put), by=by, at=at))
            parted = survivor.detach(merged, put=put, by=by, at=at)
            tx.customers.save(parted)  # first: a paper has one owner at a time
            for one in _in_their_place(tx, survivor):  # notes went on with every later merge
                tx.customers.save(one.detach(merged, put={}, by=by, at=at))
            return tx.customers.save(merged.unmerge(own=own, by=by, at=at))

    def _absorb(
        self,
        tx: Transaction,
        survivor: Customer,
        loser: Customer,
        *,
        take: Collection[MergeField],
        by: Actor,
        at: datetime,
    ) -> None:
        """Save the survivor with what is taken; what that replaces is remembered."""
        whole = survivor.absorb(loser, take=take, by=by, at=at)
        if take:
            self._check(tx, whole, at, on_file=(survivor, loser))
            whole = inherited(tx, whole, by=by, at=at)
            tx.customers.remember(former(survivor, whole, by=by, at=at))
        tx.customers.save(whole)


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


def _merge_of(events: Iterable[Event]) -> Event:
    """Return the event of the last merge of a customer into another."""
    return [event for event in events if event.name == "CustomersMerged"][-1]


def _in_their_place(tx: Transaction, customer: Customer) -> Iterator[Customer]:
    """Yield, held, who took a customer's place, and who took theirs."""
    while customer.merged_into is not None:
        customer = tx.customers.get(customer.merged_into)
        yield customer


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


def _payments_in_flight(tx: Transaction, accounts: Iterable[BillingAccount]) -> int:
    return sum(
        1
        for account in accounts
        for status in sorted(IN_FLIGHT)
        for _ in each_in(tx.payments, account_id=account.key, status=status.value)
    )
