"""Who among the stored customers may be the same person."""

from __future__ import annotations

from uuid import UUID

import attrs

from telecom_crm.application.ports import Page, Query, Transaction
from telecom_crm.application.rules import deduplication_in
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.deduplication import (
    IDENTITIES,
    Candidate,
    DeduplicationRules,
    Suspicion,
    find_duplicates,
)
from telecom_crm.domain.identifiers import CustomerId
from telecom_crm.domain.number import Number

LOOKALIKES = 200
"""How many lookalikes are compared; a phone that more people share says nothing of any of them."""


@attrs.frozen(kw_only=True)
class SuspectedPair:
    """Two customers who may be one person: the later one, and whom they are alike."""

    customer: Customer
    other: Customer
    suspicion: Suspicion
    """How sure, and why; its customer is `other`."""


def rules_in(tx: Transaction, own: DeduplicationRules | None) -> DeduplicationRules:
    """
    Return the caller's own rules, or else those the store holds.

    What the store gives to one customer only, a national id or a paper, is exact under any rules.
    """
    rules = own or deduplication_in(tx)
    weights = {**dict.fromkeys(IDENTITIES, 100), **rules.weights}
    return attrs.evolve(rules, weights=weights, exact=rules.exact | IDENTITIES)


def suspects_in(
    tx: Transaction, customer: Customer, rules: DeduplicationRules
) -> tuple[Suspicion, ...]:
    """
    Return stored customers who may be this one, stored or not, the surest first.

    Whoever was merged stands for the survivor: papers of the loser are the survivor's too.
    """
    owners = set(tx.customers.by_identities(customer.identities).values())
    others = {one.id: one for one in tx.customers.lookalikes(customer, limit=LOOKALIKES)}
    candidates = [Candidate.of_customer(one) for one in others.values()]
    for owner in sorted(owners - set(others)):
        stored = tx.customers.get(owner)
        survivor = survivor_in(tx, owner)
        candidates.append(attrs.evolve(Candidate.of_customer(stored), customer_id=survivor.id))
    found: dict[CustomerId, Suspicion] = {}
    for suspicion in find_duplicates(Candidate.of_customer(customer), candidates, rules):
        found.setdefault(suspicion.customer_id, suspicion)
    return tuple(found.values())


def judged_in(
    tx: Transaction, customer: Customer, rules: DeduplicationRules
) -> tuple[Suspicion, ...]:
    """Return whom a stored customer is alike, those marked whom somebody told apart."""
    suspects = suspects_in(tx, customer, rules)
    if not suspects:
        return ()
    apart = {
        CustomerId(UUID(event.payload["customer"]))
        for event in tx.events.of("customer", customer.key)
        if event.name == "CustomerDuplicateDismissed"
    }
    return tuple(
        attrs.evolve(one, dismissed=one.customer_id in apart and not one.exact) for one in suspects
    )


def pairs_in(
    tx: Transaction, rules: DeduplicationRules, *, limit: int, cursor: str | None
) -> Page[SuspectedPair]:
    """
    Return the pairs among the next `limit` customers and those before them, the latest first.

    A pair is told at the later of the two. Where nobody is alike a page is empty, and its `next`
    goes on all the same: so a page costs the same however rare pairs are.
    """
    looked = tx.customers.page(Query(limit=limit, cursor=cursor, descending=True))
    found = [
        (one, suspicion)
        for one in looked.items
        if one.merged_into is None
        for suspicion in judged_in(tx, one, rules)
        if suspicion.customer_id < one.id and not suspicion.dismissed
    ]
    others = tx.customers.get_many({suspicion.customer_id for _, suspicion in found})
    pairs = [
        SuspectedPair(customer=one, other=others[suspicion.customer_id], suspicion=suspicion)
        for one, suspicion in found
    ]
    return Page(items=tuple(pairs), next=looked.next)


def survivor_in(tx: Transaction, customer_id: CustomerId) -> Customer:
    """Return the customer, or whoever took their place by merges."""
    customer = tx.customers.get(customer_id)
    while customer.merged_into is not None:
        customer = tx.customers.get(customer.merged_into)
    return customer


def for_survivor(tx: Transaction, number: Number) -> Number:
    """Return a number that rests for a customer as one that rests for whoever took their place."""
    if number.kept_for is None:
        return number
    return attrs.evolve(number, kept_for=survivor_in(tx, number.kept_for).id)
