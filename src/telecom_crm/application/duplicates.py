"""Who among the stored customers may be the same person."""

from __future__ import annotations

import attrs

from telecom_crm.application.ports import Transaction
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

LOOKALIKES = 200
"""How many lookalikes are compared; a phone that more people share says nothing of any of them."""


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


def survivor_in(tx: Transaction, customer_id: CustomerId) -> Customer:
    """Return the customer, or whoever took their place by merges."""
    customer = tx.customers.get(customer_id)
    while customer.merged_into is not None:
        customer = tx.customers.get(customer.merged_into)
    return customer
