"""Taking a person out of everything that is theirs, while the books stay."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import attrs

from telecom_crm.application.paging import each_in
from telecom_crm.application.ports import Transaction
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.identifiers import CustomerId
from telecom_crm.domain.lifecycle import Actor


def erase_in(
    tx: Transaction,
    customer: Customer,
    *,
    merged: Iterable[Customer],
    open_contracts: int,
    by: Actor,
    at: datetime,
) -> Customer:
    """Erase a customer, and those who were merged into them; both are held."""
    records = (customer, *merged)
    owners = [record.id for record in records]
    erased = tx.customers.save(customer.erase(open_contracts=open_contracts, by=by, at=at))
    for one in records[1:]:
        # A merged customer refuses commands, but the person in it is the one who is erased.
        blank = attrs.evolve(one, merged_into=None).erase(open_contracts=0, by=by, at=at)
        tx.customers.save(attrs.evolve(blank, merged_into=one.merged_into))
    for owner in owners:
        tx.customers.forget(owner)
    _erase_contracts(tx, owners, by=by, at=at)
    files = _erase_tickets(tx, owners, by=by, at=at)
    files += _erase_applications(tx, owners, by=by, at=at)
    _erase_sessions(tx, owners, at=at)
    tx.discarded_files.add({*scans_of(records), *files})
    return erased


def scans_of(customers: Iterable[Customer]) -> set[UUID]:
    """Return the files of the scans of customers' documents."""
    papers = [paper for one in customers for paper in one.documents]
    return {UUID(paper.scan.file_id) for paper in papers if paper.scan}


def _erase_contracts(
    tx: Transaction, owners: Iterable[CustomerId], *, by: Actor, at: datetime
) -> None:
    ids = [one.id for owner in owners for one in each_in(tx.contracts, customer_id=str(owner))]
    contracts = tx.contracts.get_many(ids).values()
    tx.contracts.save_all([one.erase_names(by=by, at=at) for one in contracts if one.documents])
    tx.papers.forget(ids)


def _erase_tickets(
    tx: Transaction, owners: Iterable[CustomerId], *, by: Actor, at: datetime
) -> list[UUID]:
    ids = [one.id for owner in owners for one in each_in(tx.tickets, customer_id=str(owner))]
    tickets = tx.tickets.get_many(ids).values()
    tx.tickets.save_all([one.erase(by=by, at=at) for one in tickets])
    return [UUID(file.file_id) for one in tickets for file in one.attachments]


def _erase_applications(
    tx: Transaction, owners: Iterable[CustomerId], *, by: Actor, at: datetime
) -> list[UUID]:
    ids = [one.id for owner in owners for one in each_in(tx.applications, customer_id=str(owner))]
    applications = tx.applications.get_many(ids).values()
    tx.applications.save_all([one.erase(by=by, at=at) for one in applications])
    return [UUID(scan.file_id) for one in applications for scan in one.scans]


def _erase_sessions(tx: Transaction, owners: Iterable[CustomerId], *, at: datetime) -> None:
    ids = [one.id for owner in owners for one in each_in(tx.sessions, customer_id=str(owner))]
    sessions = tx.sessions.get_many(ids).values()
    tx.sessions.save_all([one.erase(at=at) for one in sessions])
    passwords = tx.customer_passwords.get_many(owners).values()
    tx.customer_passwords.save_all(
        [attrs.evolve(one, password_hash=None, set_at=at) for one in passwords]
    )
