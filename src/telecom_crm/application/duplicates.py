"""Who among the stored customers may be the same person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
IN_A_ROW = 10
"""How many lots of customers without a pair a page of pairs goes through."""


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
    return _suspects_of(tx, [customer], rules)[customer.id]


def judged_in(
    tx: Transaction, customer: Customer, rules: DeduplicationRules
) -> tuple[Suspicion, ...]:
    """Return whom a stored customer is alike, those marked whom somebody told apart."""
    return _judged_of(tx, [customer], rules)[customer.id]


def _suspects_of(
    tx: Transaction, customers: Sequence[Customer], rules: DeduplicationRules
) -> dict[CustomerId, tuple[Suspicion, ...]]:
    """Return who may be each of some customers, in as many statements as for one."""
    keys = dict.fromkeys(key for one in customers for key in one.identities)
    owner_of = tx.customers.by_identities(keys)
    alike = tx.customers.lookalikes(customers, limit=LOOKALIKES)
    unseen = {
        one.id: {owner_of[key] for key in one.identities if key in owner_of}
        - {other.customer_id for other in alike[one.id]}
        for one in customers
    }
    known = with_survivors(tx, set().union(*unseen.values()))
    found = {}
    for one in customers:
        owners = [
            attrs.evolve(
                Candidate.of_customer(known[owner]), customer_id=survivor_among(known, owner).id
            )
            for owner in sorted(unseen[one.id])
        ]
        surest: dict[CustomerId, Suspicion] = {}
        others = [*alike[one.id], *owners]
        for suspicion in find_duplicates(Candidate.of_customer(one), others, rules):
            surest.setdefault(suspicion.customer_id, suspicion)
        found[one.id] = tuple(surest.values())
    return found


def _judged_of(
    tx: Transaction, customers: Sequence[Customer], rules: DeduplicationRules
) -> dict[CustomerId, tuple[Suspicion, ...]]:
    """Return the same, those marked whom somebody told apart."""
    suspects = _suspects_of(tx, customers, rules)
    doubtful = [("customer", str(one)) for one, found in suspects.items() if found]
    apart = {
        (event.thing_id, event.payload["customer"])
        for event in (tx.events.timeline(doubtful) if doubtful else ())
        if event.name == "CustomerDuplicateDismissed"
    }
    return {
        one: tuple(
            attrs.evolve(
                other,
                dismissed=(str(one), str(other.customer_id)) in apart and not other.exact,
            )
            for other in found
        )
        for one, found in suspects.items()
    }


def with_survivors(tx: Transaction, ids: set[CustomerId]) -> dict[CustomerId, Customer]:
    """Return customers and whoever took their places by merges."""
    known: dict[CustomerId, Customer] = {}
    while ids:
        read = tx.customers.get_many(ids)
        known |= read
        ids = {one.merged_into for one in read.values() if one.merged_into} - known.keys()
    return known


def survivor_among(known: Mapping[CustomerId, Customer], customer_id: CustomerId) -> Customer:
    """Return the one of `with_survivors` who has a customer's place."""
    customer = known[customer_id]
    while customer.merged_into is not None:
        customer = known[customer.merged_into]
    return customer


def pairs_in(
    tx: Transaction, rules: DeduplicationRules, *, limit: int, cursor: str | None
) -> Page[SuspectedPair]:
    """
    Return the pairs among the next customers and those before them, the latest first.

    A pair is told at the later of the two. `limit` customers are looked at, and as many again
    until there is a pair, up to `IN_A_ROW` times. After that a page is empty, and its `next` goes
    on all the same: so what a page costs at most is known, however rare pairs are.
    """
    found = _pairs_among(tx, rules, limit=limit, cursor=cursor)
    for _ in range(IN_A_ROW - 1):
        if found.items or found.next is None:
            break
        found = _pairs_among(tx, rules, limit=limit, cursor=found.next)
    return found


def _pairs_among(
    tx: Transaction, rules: DeduplicationRules, *, limit: int, cursor: str | None
) -> Page[SuspectedPair]:
    """Return the pairs among exactly the next `limit` customers and those before them."""
    looked = tx.customers.page(Query(limit=limit, cursor=cursor, descending=True))
    living = [one for one in looked.items if one.merged_into is None]
    judged = _judged_of(tx, living, rules)
    found = [
        (one, suspicion)
        for one in living
        for suspicion in judged[one.id]
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
