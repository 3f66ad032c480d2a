"""Human numbers, counted in memory."""

from __future__ import annotations

from telecom_crm.adapters.memory.store import MemoryStore


class MemorySeries:
    """Series over a store; what was taken is gone, whatever becomes of its transaction."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def take(self, name: str, count: int = 1) -> range:
        if count < 1:
            raise ValueError("take at least one number")
        with self._store.lock:
            first = self._store.series[name] + 1
            self._store.series[name] += count
        return range(first, first + count)
