"""What every command about customers stands on: its ports, and what several do."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.paging import refuse_stale
from telecom_crm.application.ports import (
    Clock,
    Collection,
    FormerValue,
    NewId,
    ReadPhone,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.rules import validation_in
from telecom_crm.domain.calendar import BISHKEK, local_date
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.deduplication import DeduplicationRules
from telecom_crm.domain.errors import Fault, InvalidValue
from telecom_crm.domain.identifiers import MSISDN, CustomerId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.validation import ValidationRules

CustomerCheck = Callable[[Customer], Iterable[Fault]]
"""An operator's own check of what is known about a customer; what it yields refuses it."""
BELONGINGS = ("account", "contract", "ticket", "application")
"""What a merge moves from one customer to the other."""


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


@attrs.frozen
class CustomerDesk:
    """Where customers are: the ports, and the operator's own terms."""

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

    def _day(self, at: datetime) -> date:
        """Return the operator's own day at an instant."""
        return local_date(at, self.zone)

    def _check(
        self, tx: Transaction, customer: Customer, at: datetime, *, on_file: Sequence[Customer] = ()
    ) -> None:
        """Raise `InvalidValue` with all that checks and validation rules find wrong."""
        checks = checks_in(tx, self.checks, today=self._day(at))
        if faults := checks.faults(customer, on_file=on_file):
            raise InvalidValue(faults)

    def get(self, customer_id: CustomerId) -> Customer:
        """Return a customer; raise `NotFound`."""
        with self.uow(read_only=True) as tx:
            return tx.customers.get(customer_id)


@attrs.frozen(kw_only=True)
class Checks:
    """What is asked of customers on a day: an operator's own checks, and the rules of the store."""

    today: date
    own: tuple[CustomerCheck, ...] = ()
    rules: ValidationRules = attrs.field(factory=ValidationRules)

    def faults(self, customer: Customer, *, on_file: Sequence[Customer] = ()) -> tuple[Fault, ...]:
        """Return what is wrong with a customer; see `ValidationRules.faults`."""
        own = (fault for check in self.own for fault in check(customer))
        return (*own, *self.rules.faults(customer, today=self.today, on_file=on_file))


def checks_in(tx: Transaction, own: tuple[CustomerCheck, ...], *, today: date) -> Checks:
    """Return an operator's own checks beside the validation rules that the store holds."""
    return Checks(today=today, own=own, rules=validation_in(tx))


def belongings_of(
    tx: Transaction, customer_id: CustomerId, *, kinds: Container[str] = BELONGINGS
) -> dict[str, list[UUID]]:
    """Return the ids of what a customer has, by kind of thing; of themselves, where asked."""

    def ids_in(collection: Collection[Any, Any]) -> list[UUID]:
        return [UUID(key) for key in collection.keys({"customer_id": str(customer_id)})]

    found: Mapping[str, Callable[[], list[UUID]]] = {
        "customer": lambda: [customer_id],
        "account": lambda: [one.id for one in tx.accounts.of_customer(customer_id)],
        "contract": lambda: ids_in(tx.contracts),
        "ticket": lambda: ids_in(tx.tickets),
        "application": lambda: ids_in(tx.applications),
    }
    return {kind: ids() for kind, ids in found.items() if kind in kinds}


def held(tx: Transaction, customer_id: CustomerId, expected_version: int | None) -> Customer:
    """Read a customer to change it, held; raise `StaleVersion`."""
    customer = tx.customers.get(customer_id)
    refuse_stale(customer, expected_version, name="customer")
    return customer


def former(
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
