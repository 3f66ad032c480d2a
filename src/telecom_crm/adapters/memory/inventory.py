"""SIMs, numbers, the catalogue, contracts, and what the network has to be told of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from telecom_crm.adapters.memory.collection import MemoryCollection, Scope
from telecom_crm.application.paging import each_in
from telecom_crm.application.ports import Page
from telecom_crm.domain.contract import LIVE, Contract, ContractStatus
from telecom_crm.domain.identifiers import ICCID, MSISDN, AccountId, ContractId, CustomerId, TaskId
from telecom_crm.domain.language import Wording
from telecom_crm.domain.number import HELD_NUMBER, Number, NumberCategory, NumberStatus
from telecom_crm.domain.provisioning import UNFINISHED, ProvisioningStatus, ProvisioningTask
from telecom_crm.domain.sim import Sim, SimStatus
from telecom_crm.domain.tariff import Option, Tariff


class MemorySims(MemoryCollection[ICCID, Sim]):
    """The pool of SIM cards."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, scope.store.sims)

    def reservations_over(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[Sim]:
        def over(sim: Sim) -> bool:
            return _has_come(sim.reserved_until, at)

        reserved = ("status", SimStatus.RESERVED.value)
        return self.page_having([reserved], over, limit=limit, cursor=cursor)

    def on_offer(self, *, matching: str = "", limit: int, cursor: str | None = None) -> Page[Sim]:
        def fits(sim: Sim) -> bool:
            return sim.key.endswith(matching) or matching.lower() in sim.batch.lower()

        free = ("status", SimStatus.AVAILABLE.value)
        return self.page_having([free], fits, limit=limit, cursor=cursor)


class MemoryNumbers(MemoryCollection[MSISDN, Number]):
    """The pool of numbers."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, scope.store.numbers)

    def reservations_over(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[Number]:
        def over(number: Number) -> bool:
            return _has_come(number.reserved_until, at)

        reserved = ("status", NumberStatus.RESERVED.value)
        return self.page_having([reserved], over, limit=limit, cursor=cursor)

    def quarantine_over(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[Number]:
        def over(number: Number) -> bool:
            return _has_come(number.quarantined_until, at)

        resting = ("status", NumberStatus.QUARANTINED.value)
        return self.page_having([resting], over, limit=limit, cursor=cursor)

    def on_offer(
        self,
        *,
        containing: str = "",
        category: NumberCategory | None = None,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Number]:
        def fits(number: Number) -> bool:
            return containing in number.msisdn.digits and category in (None, number.category)

        free = ("status", NumberStatus.AVAILABLE.value)
        return self.page_having([free], fits, limit=limit, cursor=cursor)


class MemoryCatalog:
    """Tariffs and options."""

    def __init__(self, scope: Scope) -> None:
        self.tariffs: MemoryCollection[str, Tariff] = MemoryCollection(scope, scope.store.tariffs)
        self.options: MemoryCollection[str, Option] = MemoryCollection(scope, scope.store.options)

    def names(self) -> dict[str, Wording]:
        named: list[Tariff | Option] = [*each_in(self.tariffs), *each_in(self.options)]
        return {one.code: one.name for one in named}

    def check(self) -> None:
        self.tariffs.check()
        self.options.check()

    def apply(self) -> None:
        self.tariffs.apply()
        self.options.apply()


class MemoryContracts(MemoryCollection[ContractId, Contract]):
    """Contracts."""

    def __init__(self, scope: Scope, numbers: MemoryNumbers) -> None:
        super().__init__(scope, scope.store.contracts)
        self._numbers = numbers

    def by_msisdns(self, numbers: Iterable[MSISDN]) -> dict[MSISDN, Contract]:
        found: dict[MSISDN, Contract] = {}
        for msisdn in numbers:
            number = self._numbers.look(msisdn.digits)
            if number is None or number.status not in HELD_NUMBER or number.contract_id is None:
                continue
            if (contract := self.look(str(number.contract_id))) is not None:
                found[msisdn] = contract
        return found

    def count_live(self, customer_ids: Iterable[CustomerId]) -> dict[CustomerId, int]:
        return {
            customer_id: sum(
                contract.status in LIVE
                for contract in self.having(("customer_id", str(customer_id)))
            )
            for customer_id in customer_ids
        }

    def latest_of(self, customer_ids: Iterable[CustomerId]) -> dict[CustomerId, Contract]:
        having = ((one, self.having(("customer_id", str(one)))) for one in customer_ids)
        return {customer_id: found[-1] for customer_id, found in having if found}

    def of_account(self, account_id: AccountId) -> list[Contract]:
        return self.having(("account_id", str(account_id)))

    def amendments_due(
        self, today: date, *, limit: int, cursor: str | None = None
    ) -> Page[Contract]:
        def due(contract: Contract) -> bool:
            return contract.pending is not None and contract.pending.effective_on <= today

        return self.page_having([("pending",)], due, limit=limit, cursor=cursor)

    def activation_due(
        self, today: date, *, limit: int, cursor: str | None = None
    ) -> Page[Contract]:
        def due(contract: Contract) -> bool:
            day = contract.requested_activation
            return day is not None and day <= today

        accepted = ("status", ContractStatus.ACCEPTED.value)
        return self.page_having([accepted], due, limit=limit, cursor=cursor)


class MemoryTasks(MemoryCollection[TaskId, ProvisioningTask]):
    """What the network has to be told."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, scope.store.tasks)

    def due(self, at: datetime, *, limit: int) -> list[ProvisioningTask]:
        oldest: dict[ContractId, ProvisioningTask] = {}
        unfinished = (task for state in UNFINISHED for task in self.having(("status", state.value)))
        for task in sorted(unfinished, key=lambda task: task.key):
            oldest.setdefault(task.contract_id, task)
        due = [task for task in oldest.values() if _is_due(task, at)]
        return self.take_first(due, lambda task: task.key, limit=limit)

    def backlog(self) -> dict[ProvisioningStatus, int]:
        return {state: len(self.having(("status", state.value))) for state in UNFINISHED}

    def of_contract(self, contract_id: ContractId) -> list[ProvisioningTask]:
        return self.having(("contract_id", str(contract_id)))

    def of_contracts(self, contract_ids: Iterable[ContractId]) -> list[ProvisioningTask]:
        tasks = (task for one in set(contract_ids) for task in self.of_contract(one))
        return sorted(tasks, key=lambda task: task.key)


_WAITING = frozenset({ProvisioningStatus.PENDING})
_LEASED = frozenset({ProvisioningStatus.RUNNING})


def _is_due(task: ProvisioningTask, at: datetime) -> bool:
    return task.status in _WAITING or (
        task.status in _LEASED and (task.lease_until is None or task.lease_until <= at)
    )


def _has_come(until: datetime | None, at: datetime) -> bool:
    return until is not None and until <= at
