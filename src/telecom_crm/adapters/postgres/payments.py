"""Payments and refunds, for reading and for steps one at a time; the till writes many at once."""

from __future__ import annotations

from collections.abc import Iterable, Set
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import attrs

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.collections import (
    Filter,
    PostgresCollection,
    Shape,
    by_choice,
    by_id,
    by_text,
    conditions_of,
    page_from,
    read_cursor,
)
from telecom_crm.adapters.postgres.rows.payments import (
    payment_from_row,
    payment_to_row,
    refund_from_row,
    refund_to_row,
)
from telecom_crm.adapters.postgres.sheet import array_of, rows_of
from telecom_crm.application.ports import Page, Query
from telecom_crm.domain.identifiers import AccountId, PaymentId, RefundId
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import (
    IN_FLIGHT,
    UNBOOKED,
    Payment,
    PaymentMethod,
    PaymentStatus,
    ReceiptNumber,
    Takings,
)
from telecom_crm.domain.refund import Refund, RefundStatus

# The account is found first: its payments are next to each other, and nothing more is indexed.
_BY_CONTRACT = Filter(
    "t.account_id = (SELECT account_id FROM directory WHERE id = {}) AND t.contract_id = {}",
    by_id("contract_id").read,
)
_BY_RECEIPT = Filter(
    "t.account_id = ANY(ARRAY(SELECT id FROM accounts WHERE number = left({}::text, -9)))"
    " AND upper(right(t.id::text, 8)) = right({}::text, 8) AND t.entry_id IS NOT NULL",
    lambda value: str(ReceiptNumber.parse(value)),
)


# What somebody began is looked for first, from their last event back to one of well before: of a
# cashier's payments those of a day, and nobody else's. Transactions rise with time.
_TAKEN = """
WITH begun AS MATERIALIZED (
  SELECT thing_id::uuid AS id FROM events
  WHERE by_name = %(by)s AND thing = 'payment' AND sequence = 1 AND xact >= coalesce((
    SELECT xact FROM events WHERE by_name = %(by)s AND at < %(since)s - interval '1 hour'
    ORDER BY xact DESC LIMIT 1
  ), '0'::xid8)
)
SELECT method, count(*) AS payments, sum(amount_minor)::bigint AS paid
FROM begun JOIN payments USING (id)
WHERE gateway = ANY(%(gateways)s::text[]) AND at >= %(since)s AND currency = %(currency)s
  AND entry_id IS NOT NULL AND status <> 'reversed'
GROUP BY method ORDER BY method
"""


@attrs.define
class PostgresPayments(PostgresCollection[PaymentId, Payment]):
    """Payments, kept with their account."""

    shape: ClassVar[Shape[Any]] = Shape(
        "payment",
        tables.payments,
        key="id",
        to_row=payment_to_row,
        from_row=payment_from_row,
        filters={
            "status": by_choice("status", PaymentStatus),
            "account_id": by_id("t.account_id"),
            "contract_id": _BY_CONTRACT,
            "gateway": by_text("gateway"),
            "gateway_reference": by_text("gateway_reference"),
            "method": by_choice("method", PaymentMethod),
            "receipt": _BY_RECEIPT,
        },
        listed=True,
    )

    def of_accounts(self, account_ids: Iterable[AccountId], query: Query) -> Page[Payment]:
        """Return a page of the payments to some accounts together."""
        conditions, parameters = conditions_of(query, self.shape.filters)
        conditions.append("t.account_id = mine.account_id")
        if query.cursor is not None:
            conditions.append(f"t.id {'<' if query.descending else '>'} %(after)s")
            parameters["after"] = read_cursor(query.cursor, UUID)
        order = "t.id DESC" if query.descending else "t.id"
        # Of each account no more than the page holds: its payments are next to each other.
        source = (
            "unnest(%(mine)s::uuid[]) AS mine(account_id) CROSS JOIN LATERAL ("
            f"SELECT * FROM payments t WHERE {' AND '.join(conditions)}"
            f" ORDER BY {order} LIMIT %(limit)s) t"
        )
        parameters["mine"] = array_of(sorted(set(account_ids)))
        found = self.find("true", parameters, source=source, order=order, limit=query.limit + 1)
        return page_from(found, query.limit)

    def unbooked(
        self, account_ids: Iterable[AccountId], *, start: datetime, end: datetime, limit: int
    ) -> list[Payment]:
        """Return the latest payments asked for in [start, end) that moved no money."""
        return self.find(
            "t.account_id = ANY(%(mine)s::uuid[]) AND t.status = ANY(%(states)s::text[])"
            " AND t.at >= %(start)s AND t.at < %(end)s",
            {
                "mine": array_of(sorted(set(account_ids))),
                "states": array_of(sorted(UNBOOKED)),
                "start": start,
                "end": end,
            },
            source=self.shape.alone,
            order="t.at DESC, t.id DESC",
            limit=limit,
        )

    def taken(
        self, by: str, *, since: datetime, gateways: Iterable[str], currency: str
    ) -> list[Takings]:
        """Sum up by method what a user took in since an instant."""
        facts = {
            "by": by,
            "since": since,
            "gateways": array_of(sorted(set(gateways)), quoted=True),
            "currency": currency,
        }
        return [
            Takings(
                method=PaymentMethod(row["method"]),
                payments=row["payments"],
                paid=Money(row["paid"], currency),
            )
            for row in rows_of(self.connection, _TAKEN, facts)
        ]

    def uncertain(
        self,
        before: datetime,
        *,
        states: Set[PaymentStatus] = IN_FLIGHT,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Payment]:
        """Return a page of the payments in flight that were asked for before an instant."""
        # The states are written out, as in the index that finds them.
        return self.page_of(
            "t.status IN ('initiated', 'pending', 'unknown')"
            " AND t.status = ANY(%(states)s::text[]) AND t.at < %(before)s",
            {"before": before, "states": array_of(sorted(states))},
            limit=limit,
            cursor=cursor,
        )


@attrs.define
class PostgresRefunds(PostgresCollection[RefundId, Refund]):
    """Refunds, kept with their account."""

    shape: ClassVar[Shape[Any]] = Shape(
        "refund",
        tables.refunds,
        key="id",
        to_row=refund_to_row,
        from_row=refund_from_row,
        filters={
            "status": by_choice("status", RefundStatus),
            "payment_id": by_id("payment_id"),
            "account_id": by_id("t.account_id"),
        },
        listed=True,
    )

    def uncertain(self, *, limit: int, cursor: str | None = None) -> Page[Refund]:
        """Return a page of the refunds whose end is not known."""
        return self.page_of(
            "t.status IN ('requested', 'pending', 'unknown')",
            {},
            limit=limit,
            cursor=cursor,
        )
