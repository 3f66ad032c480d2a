"""What a sale is asked for: its form, and the new customer that comes with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import attrs

from telecom_crm.application.ports import ReadPhone
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import Fault, Faults, InvalidValue
from telecom_crm.domain.identifiers import ICCID, MSISDN, AccountId, ApplicationId, CustomerId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.reservation import read_reservation


@attrs.frozen(kw_only=True)
class Order:
    """What a caller of `create` asks for: what a repeated key has to ask for again."""

    customer_id: CustomerId | None
    new_customer: Mapping[str, Any] | None
    iccid: ICCID
    msisdn: MSISDN
    tariff: str
    options: tuple[str, ...]
    account_id: AccountId | None
    policy: str | None
    application_id: ApplicationId | None
    requested_activation: date | None
    minimum_term_months: int
    reservation: str | None
    accept: bool
    activate: bool

    def __attrs_post_init__(self) -> None:
        faults = Faults()
        if (self.customer_id is None) == (self.new_customer is None):
            faults.add("customer", "customer", "a customer's id, or a new customer, and not both")
        if self.activate and not self.accept:
            faults.add("activate", "activate", "only a contract that is accepted can be activated")
        if self.minimum_term_months < 0:
            faults.add("minimum_term_months", "negative", "zero or more", self.minimum_term_months)
        if self.reservation is not None:
            faults.check("reservation", read_reservation, self.reservation)
        faults.raise_any()


def read_newcomer(
    given: Mapping[str, Any],
    *,
    id: CustomerId,
    today: date,
    read_phone: ReadPhone,
    by: Actor,
    at: datetime,
) -> Customer:
    """Register a customer from the fields of `Customer.register`, not yet saved."""
    known = {field.name for field in attrs.fields(Customer)}
    known -= {"id", "merged_into", "status", "version", "events", "notes"}
    if strange := sorted(set(given) - known):
        raise InvalidValue(tuple(Fault.unknown(name[:60], sorted(known)) for name in strange))
    if "name" not in given:
        raise InvalidValue.of("name", "name_missing", "a name is required")
    return Customer.register(id=id, phones=read_phone, today=today, by=by, at=at, **given)
