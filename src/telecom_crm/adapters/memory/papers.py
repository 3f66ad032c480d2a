"""What was printed, and the texts of templates, in memory."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from telecom_crm.adapters.memory.collection import Scope
from telecom_crm.application.ports import Contended
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.paper import Edition, text_digest


class MemoryPapers:
    """Editions by thing. Of two that keep the same at the same moment the later is `Contended`."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._new: dict[str, Edition] = {}
        self._sources: dict[str, str] = {}
        self._forgotten: set[UUID] = set()

    def keep(self, edition: Edition, *, source: str) -> Edition:
        self.put_source(source)
        kept = {one.digest: one for one in self.of(edition.thing_id)}
        return kept.get(edition.digest) or self._new.setdefault(edition.digest, edition)

    def of(self, thing_id: UUID) -> list[Edition]:
        with self._scope.store.lock:
            kept = {} if thing_id in self._forgotten else self._scope.store.editions.get(thing_id)
            found = [*(kept or {}).values()]
        found += [edition for edition in self._new.values() if edition.thing_id == thing_id]
        return sorted(found, key=lambda one: (one.at, str(one.id)), reverse=True)

    def put_source(self, source: str) -> str:
        self._scope.require_writing()
        digest = text_digest(source)
        self._sources[digest] = source
        return digest

    def source(self, digest: str) -> str:
        found = self._sources.get(digest) or self._scope.store.sources.get(digest)
        if found is None:
            raise NotFound("template", digest)
        return found

    def forget(self, thing_ids: Iterable[UUID]) -> None:
        self._scope.require_writing()
        self._forgotten.update(thing_ids)
        self._new = {k: v for k, v in self._new.items() if v.thing_id not in self._forgotten}

    def check(self) -> None:
        for digest, edition in self._new.items():
            if edition.thing_id in self._forgotten:
                continue
            if digest in self._scope.store.editions.get(edition.thing_id, {}):
                raise Contended(f"an edition of {edition.thing_id}")

    def apply(self) -> None:
        store = self._scope.store
        for thing_id in self._forgotten:
            store.editions.pop(thing_id, None)
        for digest, edition in self._new.items():
            store.editions.setdefault(edition.thing_id, {})[digest] = edition
        store.sources.update(self._sources)
