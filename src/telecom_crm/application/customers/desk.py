"""What every command about customers stands on: its ports, and what several do."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.paging import refuse_stale
from telecom_crm.application.ports import (
    Clock,
    Collection,
    NewId,
    ReadPhone,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.rules import validation_in
from telecom_crm.domain.calendar import BISHKEK
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.deduplication import DeduplicationRules
from telecom_crm.domain.errors import Fault
from telecom_crm.domain.identifiers import MSISDN, CustomerId
from telecom_crm.domain.validation import ValidationRules

CustomerCheck = Callable[[Customer], Iterable[Fault]]
"""An operator's own check of what is known about a customer; what it yields refuses it."""
ASKS_NOTHING = ValidationRules()
BELONGINGS = ("account", "contract", "ticket", "application")
"""What a merge moves from one customer to the other."""


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

    def get(self, customer_id: CustomerId) -> Customer:
        """Return a customer; raise `NotFound`."""
        with self.uow(read_only=True) as tx:
            return tx.customers.get(customer_id)


def checks_in(
    tx: Transaction, own: tuple[CustomerCheck, ...], *, today: date
) -> tuple[CustomerCheck, ...]:
    """Return an operator's own checks and, where they ask anything, the validation rules."""
    rules = validation_in(tx)
    return own if rules == ASKS_NOTHING else (*own, partial(rules.faults, today=today))


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
