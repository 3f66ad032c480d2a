"""Files that are to be deleted, in memory."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from telecom_crm.adapters.memory.collection import Scope
from telecom_crm.adapters.memory.pages import from_cursor, to_cursor
from telecom_crm.application.ports import Page


class MemoryDiscardedFiles:
    """Ids of files; adding and forgetting one again is no change, so no commit is refused."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._added: set[UUID] = set()
        self._forgotten: set[UUID] = set()

    def add(self, file_ids: Iterable[UUID]) -> None:
        self._scope.require_writing()
        added = set(file_ids)
        self._added |= added
        self._forgotten -= added

    def page(self, *, limit: int, cursor: str | None = None) -> Page[UUID]:
        after = UUID(int=0) if cursor is None else UUID(from_cursor(cursor))
        with self._scope.store.lock:
            known = self._scope.store.discarded_files | self._added
        found = sorted(one for one in known - self._forgotten if one > after)
        more = len(found) > limit
        return Page(
            items=tuple(found[:limit]), next=to_cursor(str(found[limit - 1])) if more else None
        )

    def forget(self, file_id: UUID) -> None:
        self._scope.require_writing()
        self._added.discard(file_id)
        self._forgotten.add(file_id)

    def check(self) -> None:
        """Nothing here is refused."""

    def apply(self) -> None:
        store = self._scope.store
        store.discarded_files = (store.discarded_files | self._added) - self._forgotten
