"""Contracts, and what the network has to be told of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, ClassVar

import attrs

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.collections import (
    PostgresCollection,
    Shape,
    by_choice,
    by_iccid,
    by_id,
    by_msisdn,
    by_number,
    by_text,
)
from telecom_crm.adapters.postgres.rows.contracts import (
    contract_from_row,
    contract_to_row,
    task_from_row,
    task_to_row,
)
from telecom_crm.adapters.postgres.sheet import array_of
from telecom_crm.application.ports import Page
from telecom_crm.domain.contract import LIVE, Contract, ContractStatus
from telecom_crm.domain.identifiers import MSISDN, AccountId, ContractId, CustomerId, TaskId
from telecom_crm.domain.provisioning import (
    UNFINISHED,
    ProvisioningKind,
    ProvisioningStatus,
    ProvisioningTask,
)

_UNFINISHED = array_of([state.value for state in UNFINISHED])
_NAMED = ", ".join(f"'{state}'" for state in UNFINISHED)
"""The same, written out: as the condition of the index has them."""


@attrs.define
class PostgresContracts(PostgresCollection[ContractId, Contract]):
    """Contracts, kept with their account."""

    shape: ClassVar[Shape[Any]] = Shape(
        "contract",
        tables.contracts,
        key="id",
        to_row=contract_to_row,
        from_row=contract_from_row,
        filters={
            "status": by_choice("status", ContractStatus),
            "customer_id": by_id("customer_id"),
            "account_id": by_id("t.account_id"),
            "iccid": by_iccid("iccid"),
            "msisdn": by_msisdn("msisdn"),
            "tariff": by_text("tariff_code"),
            "number": by_number("number"),
        },
        listed=True,
    )

    def by_msisdns(self, numbers: Iterable[MSISDN]) -> dict[MSISDN, Contract]:
        """Return the contract that holds each of these numbers now."""
        wanted = array_of([number.digits for number in numbers], quoted=True)
        found = self.find(
            "n.msisdn = ANY(%(numbers)s::text[])",
            {"numbers": wanted},
            source=f"numbers n JOIN directory d ON d.id = n.contract_id JOIN {_OF_DIRECTORY}",
        )
        return {contract.msisdn: contract for contract in found}

    def count_live(self, customer_ids: Iterable[CustomerId]) -> dict[CustomerId, int]:
        """Count each customer's contracts that hold a SIM."""
        wanted = list(customer_ids)
        counted = self.connection.exec_driver_sql(
            "SELECT customer_id, count(*) FROM contracts WHERE customer_id = ANY(%(ids)s::uuid[])"
            " AND status = ANY(%(live)s::text[]) GROUP BY customer_id",
            {"ids": array_of(wanted), "live": array_of(sorted(status.value for status in LIVE))},
        )
        return dict.fromkeys(wanted, 0) | {row[0]: row[1] for row in counted}

    def latest_of(self, customer_ids: Iterable[CustomerId]) -> dict[CustomerId, Contract]:
        """Return the newest contract of each customer who has one."""
        newest = "SELECT * FROM contracts WHERE customer_id = g.id ORDER BY id DESC LIMIT 1"
        found = self.find(
            "true",
            {"ids": array_of(customer_ids)},
            source=f"unnest(%(ids)s::uuid[]) AS g(id) CROSS JOIN LATERAL ({newest}) AS t",
            order="t.id",
        )
        return {one.customer_id: one for one in found}

    def of_account(self, account_id: AccountId) -> list[Contract]:
        """Return an account's contracts, oldest first."""
        return self.find(
            "t.account_id = %(account)s",
            {"account": account_id},
            source="contracts t",
            order="t.id",
        )

    def amendments_due(
        self, today: date, *, limit: int, cursor: str | None = None
    ) -> Page[Contract]:
        """Return a page of the contracts with other terms that have begun, or begin today."""
        return self.page_of(
            "t.pending IS NOT NULL AND t.pending->>'effective_on' <= %(today)s",
            {"today": today.isoformat()},
            limit=limit,
            cursor=cursor,
        )

    def activation_due(
        self, today: date, *, limit: int, cursor: str | None = None
    ) -> Page[Contract]:
        """Return a page of the accepted contracts whose date has come."""
        return self.page_of(
            "t.status = 'accepted' AND t.requested_activation IS NOT NULL"
            " AND t.requested_activation <= %(today)s",
            {"today": today},
            limit=limit,
            cursor=cursor,
        )


@attrs.define
class PostgresTasks(PostgresCollection[TaskId, ProvisioningTask]):
    """What the network has to be told."""

    shape: ClassVar[Shape[Any]] = Shape(
        "provisioning_task",
        tables.provisioning_tasks,
        key="id",
        to_row=task_to_row,
        from_row=task_from_row,
        filters={
            "status": by_choice("status", ProvisioningStatus),
            "contract_id": by_id("contract_id"),
            "kind": by_choice("kind", ProvisioningKind),
        },
    )

    def due(self, at: datetime, *, limit: int) -> list[ProvisioningTask]:
        """Return, held, each contract's oldest unfinished task where it can be started now."""
        return self.find(
            "t.status IN ('pending', 'running')"
            " AND (t.status = 'pending' OR t.lease_until <= %(at)s)"
            " AND NOT EXISTS (SELECT FROM provisioning_tasks o WHERE o.contract_id = t.contract_id"
            " AND o.id < t.id AND o.status = ANY(%(unfinished)s::text[]))",
            {"at": at, "unfinished": _UNFINISHED},
            limit=limit,
            hold="FOR NO KEY UPDATE OF t SKIP LOCKED",
        )

    def backlog(self) -> dict[ProvisioningStatus, int]:
        """Count the tasks that are not at an end, by status."""
        counted = self.connection.exec_driver_sql(
            f"SELECT status, count(*) FROM provisioning_tasks WHERE status IN ({_NAMED})"
            " GROUP BY status"
        )
        return dict.fromkeys(UNFINISHED, 0) | {
            ProvisioningStatus(row[0]): row[1] for row in counted
        }

    def of_contract(self, contract_id: ContractId) -> list[ProvisioningTask]:
        """Return a contract's tasks, oldest first."""
        return self.find("t.contract_id = %(contract)s", {"contract": contract_id})

    def of_contracts(self, contract_ids: Iterable[ContractId]) -> list[ProvisioningTask]:
        """Return the tasks of some contracts together, oldest first."""
        wanted = array_of(sorted(set(contract_ids)))
        return self.find("t.contract_id = ANY(%(contracts)s::uuid[])", {"contracts": wanted})


_OF_DIRECTORY = "contracts t ON t.account_id = d.account_id AND t.id = d.id"
