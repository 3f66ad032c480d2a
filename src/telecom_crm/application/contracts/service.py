"""Contracts: selling, activating, suspending, changing and closing them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import attrs

from telecom_crm.application.contracts.activating import Activating
from telecom_crm.application.contracts.foreseeing import Foreseeing
from telecom_crm.application.contracts.paperwork import Paperwork
from telecom_crm.application.contracts.payer import ChangingPayer
from telecom_crm.application.contracts.replacing import Replacing
from telecom_crm.application.contracts.suspending import Suspending
from telecom_crm.application.paging import counts_of, each_of
from telecom_crm.application.ports import Page, Query
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.identifiers import ContractId, CustomerId
from telecom_crm.domain.ledger import JournalEntry
from telecom_crm.domain.lifecycle import Event


@attrs.frozen
class Contracts(ChangingPayer, Paperwork, Activating, Suspending, Foreseeing, Replacing):
    """Agreements with customers, each about one SIM, one number and one tariff."""

    def page(self, query: Query) -> Page[Contract]:
        """List contracts, a page at a time."""
        with self.uow(read_only=True) as tx:
            return tx.contracts.page(query)

    def latest_of(self, customer_ids: Iterable[CustomerId]) -> dict[CustomerId, Contract]:
        """Return the newest contract of each of some customers who has one."""
        with self.uow(read_only=True) as tx:
            return tx.contracts.latest_of(customer_ids)

    def counts(self, *wheres: Mapping[str, str], most: int) -> list[int]:
        """Count the contracts that each filter leaves, up to `most`."""
        return counts_of(self.uow, lambda tx: tx.contracts, wheres, most=most)

    def each(self, **where: str) -> Iterator[Contract]:
        """Go through all contracts that fit."""
        return each_of(self.uow, lambda tx: tx.contracts, where)

    def timeline(self, contract_id: ContractId) -> list[Event]:
        """Tell what happened to a contract and in the network for it, in order of time."""
        with self.uow(read_only=True) as tx:
            tasks = tx.tasks.of_contract(contract_id)
            things = [("contract", tx.contracts.get(contract_id).key)]
            things += [("provisioning_task", task.key) for task in tasks]
            return tx.events.timeline(things)

    def latest_charges(self, contract_id: ContractId, *, count: int) -> tuple[JournalEntry, ...]:
        """Return the last entries that charge a contract, the newest first."""
        with self.uow(read_only=True) as tx:
            contract = tx.contracts.get(contract_id)
            if contract.activated_at is None:
                return ()
            return tx.ledger.entries(
                contract.account_id,
                start=contract.activated_at,
                end=None,
                limit=count,
                cursor=None,
                descending=True,
                charging=contract.id,
            ).items

    def latest_events(
        self, contract_id: ContractId, *, count: int, cursor: str | None = None
    ) -> Page[Event]:
        """Return a page of such a timeline, the latest first; raise `InvalidValue`."""
        with self.uow(read_only=True) as tx:
            things = [("contract", tx.contracts.get(contract_id).key)]
            tasks = tx.tasks.keys({"contract_id": str(contract_id)})
            things += [("provisioning_task", task) for task in tasks]
            return tx.events.timeline_page(things, limit=count, cursor=cursor, descending=True)
