"""What of a merged customer passes to the survivor, and back where the merge is undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import attrs

from telecom_crm.application.duplicates import survivor_in
from telecom_crm.application.ports import FormerValue, Transaction
from telecom_crm.domain.customer import Customer, MergeField
from telecom_crm.domain.identifiers import MSISDN, CustomerId
from telecom_crm.domain.identity_document import NATIONAL_ID, IdentityDocument
from telecom_crm.domain.lifecycle import Actor, Event

ALWAYS = (MergeField.NAME, MergeField.LANGUAGE)
"""The fields that nobody is without; what they were before is known until erasure."""


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


def given_back(
    tx: Transaction, loser: Customer, survivor: Customer, merge: Event
) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    Return what fields of the survivor, and of the loser, are again once a merge is undone.

    That is what the merge took and the survivor still has. What was there before is among the
    former values of the survivor, and which papers the loser gave up among those of the loser.
    """
    before = _replaced(tx, survivor, merge.at)
    gave_up = [
        (one.field, one.value) for one in tx.customers.former_values(loser.id) if one.at == merge.at
    ]
    put: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for field in map(MergeField, merge.payload.get("taken", ())):
        has = getattr(survivor, field)
        if field is MergeField.DOCUMENTS:
            back = tuple(one for one in has if ("document", f"{one.type} {one.number}") in gave_up)
            put[field] = tuple(one for one in has if one not in back)
            own[field] = (*loser.documents, *back)
        elif field is MergeField.ADDRESSES:
            both = merge.payload["shared_addresses"]
            lost = [one for n, one in enumerate(loser.addresses, 1) if n not in both]
            put[field] = tuple(one for one in has if one not in lost)
        elif field is MergeField.NATIONAL_ID:
            if ("national_id", has) in gave_up:
                put[field], own[field] = before[field], has
        elif has == getattr(loser, field) and (field not in ALWAYS or before[field]):
            put[field] = before[field]
    return {str(name): value for name, value in put.items()}, {
        str(name): value for name, value in own.items()
    }


def _replaced(tx: Transaction, survivor: Customer, at: datetime) -> Mapping[str, Any]:
    """Return the fields of a survivor that a merge replaced; None where there was nothing."""
    texts = {
        one.field: one.value for one in tx.customers.former_values(survivor.id) if one.at == at
    }
    read: Mapping[str, Callable[[str], Any]] = {
        MergeField.PHONE: MSISDN,
        MergeField.BIRTH_DATE: date.fromisoformat,
    }
    return {
        field.value: read.get(field, str)(texts[field]) if field in texts else None
        for field in MergeField
    }


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
