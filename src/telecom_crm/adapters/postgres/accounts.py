"""Billing accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

import attrs

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.collections import (
    Filter,
    PostgresCollection,
    Shape,
    by_choice,
    by_id,
    by_text,
)
from telecom_crm.adapters.postgres.rows.accounts import account_from_row, account_to_row
from telecom_crm.adapters.postgres.sheet import array_of
from telecom_crm.application.ports import Page
from telecom_crm.domain.account import AccountHolder, BillingAccount
from telecom_crm.domain.identifiers import AccountId, CustomerId


def _is_house(holder: str) -> bool:
    by_choice("holder", AccountHolder).read(holder)
    return holder == AccountHolder.HOUSE.value


_BY_HOLDER = Filter("(customer_id IS NULL) = {}", _is_house)
"""The operator's own are found by the index of customers, where they stand together."""


@attrs.define
class PostgresAccounts(PostgresCollection[AccountId, BillingAccount]):
    """Billing accounts; a save leaves the ledger's counters alone."""

    shape: ClassVar[Shape[Any]] = Shape(
        "account",
        tables.accounts,
        key="id",
        to_row=account_to_row,
        from_row=account_from_row,
        filters={
            "customer_id": by_id("customer_id"),
            "number": by_text("number"),
            "holder": _BY_HOLDER,
        },
        left_out=("subscriber", "receivable", "unbilled", "reserved"),
    )

    def of_customer(self, customer_id: CustomerId) -> list[BillingAccount]:
        """Return a customer's accounts, oldest first."""
        return self.find("t.customer_id = %(customer)s", {"customer": customer_id})

    def of_customers(self, customer_ids: Sequence[CustomerId]) -> list[BillingAccount]:
        """Return the accounts of some customers, oldest first."""
        owners = {"customers": array_of(customer_ids)}
        return self.find("t.customer_id = ANY(%(customers)s::uuid[])", owners)

    def held_for_money(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[BillingAccount]:
        """Return a page of the accounts with a contract suspended for what is settled."""
        return self.page_of(
            "t.money_holds > 0 AND EXISTS (SELECT FROM contracts c WHERE c.account_id = t.id"
            " AND c.status = 'suspended' AND (c.holds @> '[{\"kind\": \"low_balance\"}]'"
            f" AND {_AVAILABLE} >= 0"
            ' OR c.holds @> \'[{"kind": "non_payment"}]\' AND t.receivable <= 0))',
            {"at": at},
            limit=limit,
            cursor=cursor,
        )

    def overdrawn(self, *, limit: int, cursor: str | None = None) -> Page[BillingAccount]:
        """Return a page of the accounts that are marked as overdrawn."""
        return self.page_of("t.overdrawn", {}, limit=limit, cursor=cursor)

    def promises_over(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[BillingAccount]:
        """Return a page of the accounts with a promised payment whose time is over."""
        return self.page_of("t.promise_until <= %(at)s", {"at": at}, limit=limit, cursor=cursor)


_AVAILABLE = (
    "t.subscriber - t.receivable - t.unbilled - t.reserved + t.credit_limit_minor"
    " + CASE WHEN t.promise_until > %(at)s THEN t.promise_minor ELSE 0 END"
)
