"""Customers: who they are, what may be done with them, and when two of them are one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import attrs

from telecom_crm.application.customers.desk import BELONGINGS, belongings_of
from telecom_crm.application.customers.merging import Merging
from telecom_crm.application.customers.profiles import Profiles
from telecom_crm.application.customers.standing import Standing
from telecom_crm.application.paging import counts_of, each_of
from telecom_crm.application.ports import NO_FILTERS, Page, Query
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import MSISDN, CustomerId
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.text import read_text

TIMELINE = ("customer", *BELONGINGS)
"""What a customer's timeline tells of."""


@attrs.frozen
class Customers(Profiles, Merging, Standing):
    """People and organisations that have, had or want contracts."""

    def get_many(self, customer_ids: Iterable[CustomerId]) -> dict[CustomerId, Customer]:
        """Show those of some customers that there are."""
        with self.uow(read_only=True) as tx:
            return tx.customers.get_many(customer_ids)

    def page(self, query: Query) -> Page[Customer]:
        """Return a page of the customers."""
        with self.uow(read_only=True) as tx:
            return tx.customers.page(query)

    def counts(self, *wheres: Mapping[str, str], most: int) -> list[int]:
        """Count the customers that each filter leaves, up to `most`."""
        return counts_of(self.uow, lambda tx: tx.customers, wheres, most=most)

    def each(self, **where: str) -> Iterator[Customer]:
        """Go through the customers, filtered by fields as in `page`."""
        return each_of(self.uow, lambda tx: tx.customers, where)

    def search(
        self, text: str, *, where: Mapping[str, str] = NO_FILTERS, limit: int = 20
    ) -> list[Customer]:
        """
        Find customers by part of a name, phone, e-mail, document, number, SIM or contract.

        `where` are filters as in `page`: what they leave out takes nobody's place.
        """
        words = read_text(text, field="text", limit=200)
        if not words:
            return []
        with self.uow(read_only=True) as tx:
            return tx.customers.search(words, phone=self._phone(words), where=where, limit=limit)

    def timeline(
        self,
        customer_id: CustomerId,
        query: Query,
        *,
        things: Collection[str] = TIMELINE,
    ) -> Page[Event]:
        """
        Return a page of what happened to a customer and to all that is theirs, payments aside.

        It is in order of time. `things` are the kinds that are told of; it has no other filters.
        """
        with self.uow(read_only=True) as tx:
            tx.customers.get(customer_id)
            found = belongings_of(tx, customer_id, kinds=things)
            return tx.events.timeline_page(
                [(thing, str(id)) for thing, ids in found.items() for id in ids],
                limit=query.limit,
                cursor=query.cursor,
                descending=query.descending,
            )

    def export(self, **where: str) -> Iterator[dict[str, Any]]:
        """Go through the customers as rows of plain values, for a file; merged ones too."""
        return (_row(customer) for customer in self.each(**where))

    def _phone(self, text: str) -> MSISDN | None:
        """Return the number that a text is, or None where it is something else."""
        try:
            return self.read_phone(text)
        except InvalidValue:
            return None


def _row(customer: Customer) -> dict[str, Any]:
    paper = customer.documents[0] if customer.documents else None
    return {
        "id": str(customer.id),
        "kind": customer.kind.value,
        "status": customer.status.value,
        "name": customer.name,
        "phone": str(customer.phone) if customer.phone else None,
        "email": customer.email,
        "language": customer.language,
        "national_id": customer.national_id,
        "birth_date": customer.birth_date,
        "registration_number": customer.registration_number,
        "document_type": paper.type.value if paper else None,
        "document_number": paper.number if paper else None,
        "merged_into": str(customer.merged_into) if customer.merged_into else None,
        "version": customer.version,
    }
