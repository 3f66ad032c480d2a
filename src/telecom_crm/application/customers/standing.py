"""What customers may: blocked, closed, taken back, and erased."""

from __future__ import annotations

from uuid import UUID

import attrs

from telecom_crm.application.customers.desk import CustomerDesk, held
from telecom_crm.application.erasing import erase_in
from telecom_crm.application.paging import each_in
from telecom_crm.application.ports import Transaction
from telecom_crm.application.retry import retried
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.identifiers import CustomerId
from telecom_crm.domain.lifecycle import SYSTEM, Actor


@attrs.frozen
class Standing(CustomerDesk):
    """Customers, from their first block to the end of what is known of them."""

    @retried
    def block(
        self,
        customer_id: CustomerId,
        *,
        reason: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """Refuse a customer new contracts."""
        with self.uow() as tx:
            customer = held(tx, customer_id, expected_version)
            return tx.customers.save(customer.block(reason=reason, by=by, at=self.clock()))

    @retried
    def unblock(
        self,
        customer_id: CustomerId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """Lift a customer's block."""
        with self.uow() as tx:
            customer = held(tx, customer_id, expected_version)
            live, at = tx.contracts.count_live([customer_id])[customer_id], self.clock()
            return tx.customers.save(
                customer.unblock(live_contracts=live, reason=reason, by=by, at=at)
            )

    @retried
    def close(
        self,
        customer_id: CustomerId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """End the relation with a customer who has no open contract."""
        with self.uow() as tx:
            customer = held(tx, customer_id, expected_version)
            count, at = _count_open(tx, customer_id), self.clock()
            return tx.customers.save(
                customer.close(open_contracts=count, reason=reason, by=by, at=at)
            )

    @retried
    def reopen(
        self,
        customer_id: CustomerId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """Take a closed customer back."""
        with self.uow() as tx:
            customer = held(tx, customer_id, expected_version)
            return tx.customers.save(customer.reopen(reason=reason, by=by, at=self.clock()))

    @retried
    def erase(
        self,
        customer_id: CustomerId,
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Customer:
        """
        Replace a customer's personal data for good, wherever it is.

        That is in merged records, applications, tickets and the names of files, too. Scans and
        files of tickets are deleted by the worker's next turn; ids, events, the ledger and the
        papers of contracts stay. Raise `RuleViolated` while a contract is open.
        """
        with self.uow() as tx:
            customer = held(tx, customer_id, expected_version)
            customer.refuse_merged()
            return erase_in(
                tx,
                customer,
                merged=_merged_into(tx, customer_id),
                open_contracts=_count_open(tx, customer_id),
                by=by,
                at=self.clock(),
            )


def _count_open(tx: Transaction, customer_id: CustomerId) -> int:
    """Count contracts that are not over, drafts included."""
    contracts = each_in(tx.contracts, customer_id=str(customer_id))
    return sum(contract.is_open for contract in contracts)


def _merged_into(tx: Transaction, customer_id: CustomerId) -> list[Customer]:
    """Return, held, everyone who was merged into a customer, directly or not."""
    found: dict[CustomerId, Customer] = {}
    waiting = [customer_id]
    while waiting:
        survivor = waiting.pop()
        events = tx.events.of("customer", str(survivor))
        names = {e.payload["customer"] for e in events if e.name == "CustomerAbsorbed"}
        for id, one in tx.customers.get_many(CustomerId(UUID(name)) for name in names).items():
            if one.merged_into == survivor and id not in found:
                found[id] = one
                waiting.append(id)
    return list(found.values())
