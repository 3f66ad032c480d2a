"""Transactions over a store in memory: a snapshot of what they hold, compared at the commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TypeVar

from telecom_crm.adapters.memory.collection import Part
from telecom_crm.adapters.memory.discards import MemoryDiscardedFiles
from telecom_crm.adapters.memory.figures import MemoryFigures
from telecom_crm.adapters.memory.inventory import (
    MemoryCatalog,
    MemoryContracts,
    MemoryNumbers,
    MemorySims,
    MemoryTasks,
)
from telecom_crm.adapters.memory.ledger import (
    MemoryAccounts,
    MemoryLedger,
    MemoryPayments,
    MemoryRefunds,
)
from telecom_crm.adapters.memory.papers import MemoryPapers
from telecom_crm.adapters.memory.people import (
    MemoryApplications,
    MemoryApprovals,
    MemoryCustomers,
    MemoryNotifications,
    MemoryTickets,
    MemoryTokens,
    MemoryWebhooks,
)
from telecom_crm.adapters.memory.records import (
    MemoryAudit,
    MemoryEvents,
    MemoryImports,
    MemoryKeys,
    MemoryRules,
    MemorySeals,
)
from telecom_crm.adapters.memory.store import MemoryStore
from telecom_crm.adapters.memory.visits import (
    MemoryAttempts,
    MemoryCustomerPasswords,
    MemorySessions,
    MemoryUsers,
)
from telecom_crm.domain.lifecycle import Event

P = TypeVar("P", bound=Part)


class MemoryTransaction:
    """
    One transaction: it reads what is committed and its own writes, and holds no lock.

    A commit takes the store's one lock, checks every part, then applies every part; it costs what
    it touched. Writing after its end, or where it only reads, is a defect: `RuntimeError`.
    """

    def __init__(self, store: MemoryStore, *, read_only: bool = False) -> None:
        self.store = store
        self.read_only = read_only
        self._parts: list[Part] = []
        self._over = False
        self._holding: list[tuple[str, str]] = []

    @cached_property
    def customers(self) -> MemoryCustomers:
        return self._part(MemoryCustomers(self))

    @cached_property
    def applications(self) -> MemoryApplications:
        return self._part(MemoryApplications(self))

    @cached_property
    def sims(self) -> MemorySims:
        return self._part(MemorySims(self))

    @cached_property
    def numbers(self) -> MemoryNumbers:
        return self._part(MemoryNumbers(self))

    @cached_property
    def catalog(self) -> MemoryCatalog:
        return self._part(MemoryCatalog(self))

    @cached_property
    def contracts(self) -> MemoryContracts:
        return self._part(MemoryContracts(self, self.numbers))

    @cached_property
    def accounts(self) -> MemoryAccounts:
        return self._part(MemoryAccounts(self, self.contracts))

    @cached_property
    def ledger(self) -> MemoryLedger:
        return self._part(MemoryLedger(self, self.accounts))

    @cached_property
    def payments(self) -> MemoryPayments:
        return self._part(MemoryPayments(self, self.accounts))

    @cached_property
    def refunds(self) -> MemoryRefunds:
        return self._part(MemoryRefunds(self))

    @cached_property
    def tasks(self) -> MemoryTasks:
        return self._part(MemoryTasks(self))

    @cached_property
    def tickets(self) -> MemoryTickets:
        return self._part(MemoryTickets(self))

    @cached_property
    def imports(self) -> MemoryImports:
        return self._part(MemoryImports(self))

    @cached_property
    def notifications(self) -> MemoryNotifications:
        return self._part(MemoryNotifications(self))

    @cached_property
    def rules(self) -> MemoryRules:
        return self._part(MemoryRules(self))

    @cached_property
    def tokens(self) -> MemoryTokens:
        return self._part(MemoryTokens(self))

    @cached_property
    def users(self) -> MemoryUsers:
        return self._part(MemoryUsers(self))

    @cached_property
    def sessions(self) -> MemorySessions:
        return self._part(MemorySessions(self))

    @cached_property
    def customer_passwords(self) -> MemoryCustomerPasswords:
        return self._part(MemoryCustomerPasswords(self))

    @cached_property
    def attempts(self) -> MemoryAttempts:
        return self._part(MemoryAttempts(self))

    @cached_property
    def approvals(self) -> MemoryApprovals:
        return self._part(MemoryApprovals(self))

    @cached_property
    def webhooks(self) -> MemoryWebhooks:
        return self._part(MemoryWebhooks(self))

    @cached_property
    def keys(self) -> MemoryKeys:
        return self._part(MemoryKeys(self))

    @cached_property
    def events(self) -> MemoryEvents:
        return self._part(MemoryEvents(self))

    @cached_property
    def figures(self) -> MemoryFigures:
        return MemoryFigures(self.store)

    @cached_property
    def audit(self) -> MemoryAudit:
        return self._part(MemoryAudit(self))

    @cached_property
    def seals(self) -> MemorySeals:
        return self._part(MemorySeals(self))

    @cached_property
    def papers(self) -> MemoryPapers:
        return self._part(MemoryPapers(self))

    @cached_property
    def discarded_files(self) -> MemoryDiscardedFiles:
        return self._part(MemoryDiscardedFiles(self))

    def commit(self) -> None:
        """Make the writes everybody's, all or none; raise `Contended` where another was faster."""
        self.require_writing()
        with self.store.lock:
            for part in self._parts:
                part.check()
            for part in self._parts:
                part.apply()
        self.close()

    def close(self) -> None:
        """End the transaction; what was not committed is forgotten. Again is no change."""
        self._over = True
        with self.store.lock:
            for name in self._holding:
                if self.store.holders.get(name) is self:
                    del self.store.holders[name]
        self._holding.clear()

    def require_writing(self) -> None:
        """Raise `RuntimeError` where nothing may be written any more, or at all."""
        if self._over:
            raise RuntimeError("the transaction is over")
        if self.read_only:
            raise RuntimeError("a reading transaction writes nothing")

    def emit(self, events: Iterable[Event]) -> None:
        """Add events to what the commit writes."""
        self.events.add(events)

    def hold(self, name: str, key: str) -> None:
        """Let other transactions' queues pass over a thing, while this one is open."""
        with self.store.lock:
            if self.store.holders.setdefault((name, key), self) is self:
                self._holding.append((name, key))

    def holds_other(self, name: str, key: str) -> bool:
        """Tell whether another open transaction holds a thing."""
        return self.store.holders.get((name, key), self) is not self

    def _part(self, part: P) -> P:
        self._parts.append(part)
        return part


class MemoryUnitOfWork:
    """Opens transactions over one store, its own unless one is given."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()

    @contextmanager
    def __call__(self, *, read_only: bool = False) -> Iterator[MemoryTransaction]:
        transaction = MemoryTransaction(self.store, read_only=read_only)
        try:
            yield transaction
            if not read_only:
                transaction.commit()
        finally:
            transaction.close()
