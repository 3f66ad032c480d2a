"""Papers of merged customers: they pass to the survivor once the survivor is said to have them."""

from __future__ import annotations

from datetime import datetime

import attrs

from telecom_crm.application.duplicates import survivor_in
from telecom_crm.application.ports import FormerValue, Transaction
from telecom_crm.domain.customer import NATIONAL_ID, Customer, IdentityDocument
from telecom_crm.domain.identifiers import CustomerId
from telecom_crm.domain.lifecycle import Actor


def inherited(tx: Transaction, survivor: Customer, *, by: Actor, at: datetime) -> Customer:
    """
    Let whoever was merged into a customer give up the papers that the customer has from now on.

    Return the customer, with the scans of those papers.
    """
    wanted: dict[CustomerId, set[str]] = {}
    for key, owner in tx.customers.by_identities(survivor.identities).items():
        if owner != survivor.id and survivor_in(tx, owner).id == survivor.id:
            wanted.setdefault(owner, set()).add(key)
    papers: dict[str, IdentityDocument] = {}
    for owner, keys in wanted.items():
        loser = tx.customers.get(owner)
        papers |= {paper.key: paper for paper in loser.documents if paper.key in keys}
        tx.customers.remember(_given_up(loser, keys, by=by, at=at))
        tx.customers.save(loser.hand_over(keys, to=survivor.id, by=by, at=at))
    documents = tuple(
        attrs.evolve(paper, scan=papers[paper.key].scan)
        if paper.scan is None and paper.key in papers
        else paper
        for paper in survivor.documents
    )
    return attrs.evolve(survivor, documents=documents)


def _given_up(
    loser: Customer, keys: set[str], *, by: Actor, at: datetime
) -> tuple[FormerValue, ...]:
    values = [
        ("document", f"{paper.type} {paper.number}")
        for paper in loser.documents
        if paper.key in keys
    ]
    if loser.national_id and f"{NATIONAL_ID}:{loser.national_id}" in keys:
        values.append(("national_id", loser.national_id))
    return tuple(
        FormerValue(customer_id=loser.id, field=field, value=value, at=at, by=by)
        for field, value in values
    )
