"""A collection inside one transaction: what it holds, what it wrote, and if that still fits."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

import attrs

from telecom_crm.adapters.memory.pages import (
    Term,
    from_cursor,
    read_where,
    terms_of,
    text_of,
    to_cursor,
)
from telecom_crm.adapters.memory.store import MemoryStore, Table
from telecom_crm.application.ports import Contended, Page, Query
from telecom_crm.domain.errors import NotFound, StaleVersion
from telecom_crm.domain.lifecycle import Event

K = TypeVar("K")
T = TypeVar("T")


class Part(Protocol):
    """A part of a transaction; both are called at the commit, under the store's lock."""

    def check(self) -> None:
        """Raise where what the part relied on is no longer so; change nothing."""
        ...

    def apply(self) -> None:
        """Write; nothing can fail any more."""
        ...


class Scope(Protocol):
    """What a part needs of its transaction."""

    @property
    def store(self) -> MemoryStore: ...
    @property
    def read_only(self) -> bool: ...

    def require_writing(self) -> None:
        """Raise where nothing may be written."""
        ...

    def emit(self, events: Iterable[Event]) -> None:
        """Add events to what the commit writes."""
        ...

    def hold(self, name: str, key: str) -> None:
        """Let other transactions' queues pass over a thing."""
        ...

    def holds_other(self, name: str, key: str) -> bool:
        """Tell whether another open transaction holds a thing."""
        ...


class MemoryCollection(Generic[K, T]):
    """
    Things of one kind as one transaction sees them: its writes, what it holds, what is committed.

    Holding is optimistic: the commit raises `Contended` where a thing that was held is not the same
    any more.
    """

    _not_stored: Mapping[str, Any] = {"events": ()}

    def __init__(self, scope: Scope, table: Table[T]) -> None:
        self._scope = scope
        self._table = table
        self._held: dict[str, T | None] = {}
        self._written: dict[str, T] = {}

    def get(self, key: K) -> T:
        thing = self._hold(text_of(key))
        if thing is None:
            raise NotFound(self._table.name, text_of(key))
        return thing

    def get_many(self, keys: Iterable[K]) -> dict[K, T]:
        by_text = {text_of(key): key for key in keys}
        found = ((by_text[text], self._hold(text)) for text in sorted(by_text))
        return {key: thing for key, thing in found if thing is not None}

    def save(self, thing: T) -> T:
        stored = self._put(thing)
        self._scope.emit(_events_of(thing))
        return stored

    def save_all(self, things: Sequence[T]) -> None:
        held, written = dict(self._held), dict(self._written)
        ordered = sorted(things, key=_key_of)
        try:
            for thing in ordered:
                self._put(thing)
        except Exception:
            self._held, self._written = held, written
            raise
        for thing in ordered:
            self._scope.emit(_events_of(thing))

    def page(self, query: Query) -> Page[T]:
        terms = self.terms_where(query.where)
        after = None if query.cursor is None else from_cursor(query.cursor)
        return _first(self._in_order(terms, after, query), query.limit)

    def counts(self, wheres: Sequence[Mapping[str, str]], *, most: int) -> list[int]:
        every = [self.terms_where(where) for where in wheres]
        return [
            sum(1 for _ in islice(self._in_order(terms, None, Query()), most)) for terms in every
        ]

    def keys(self, where: Mapping[str, str]) -> list[str]:
        terms = self.terms_where(where)
        return [_key_of(thing) for thing in self._in_order(terms, None, Query())]

    def terms_where(self, where: Mapping[str, str]) -> list[Term]:
        """Return filters as terms; raise `InvalidValue`."""
        return read_where(self._table.name, self._table.kind, where)

    def fits(self, thing: T, terms: Sequence[Term]) -> bool:
        """Tell whether filters leave a thing."""
        return set(terms) <= set(terms_of(self._table.name, thing))

    def look(self, key: str) -> T | None:
        """Return a thing as this transaction sees it, without holding it."""
        if key in self._written:
            return self._written[key]
        held = self._held.get(key)
        return held if held is not None else self.committed(key)

    def committed(self, key: str) -> T | None:
        """Return a thing as it is committed now; it waits for a commit that is being applied."""
        with self._scope.store.lock:
            return self._table.rows.get(key)

    def having(self, term: Term) -> list[T]:
        """Return what this transaction sees with a term, in order of keys, without holding it."""
        with self._scope.store.lock:  # so that what is seen is what the keys were found by
            keys = {*self._table.keys_with(term), *self._written}
            seen = [(key, self.look(key)) for key in sorted(keys)]
        changed = self._written.keys() | self._held.keys()
        return [
            thing
            for key, thing in seen
            if thing is not None and (key not in changed or term in self._table.terms(thing))
        ]

    def page_having(
        self,
        terms: Sequence[Term],
        fits: Callable[[T], bool] = lambda _: True,
        *,
        limit: int,
        cursor: str | None,
    ) -> Page[T]:
        """Return a page, in order of keys, of what has one of the terms and fits."""
        after = "" if cursor is None else from_cursor(cursor)
        having = {_key_of(thing): thing for term in terms for thing in self.having(term)}
        behind = (having[key] for key in sorted(having) if key > after)
        return _first(filter(fits, behind), limit)

    def take_first(
        self, things: Iterable[T], order: Callable[[T], Any], *, limit: int | None = None
    ) -> list[T]:
        """Return, held, the first in an order, without those another transaction holds."""
        taken: list[T] = []
        ordered = sorted(things, key=order)
        with self._scope.store.lock:  # so that of two at the same moment only one takes a thing
            for thing in ordered:
                if len(taken) == limit:
                    break
                key = _key_of(thing)
                if self._scope.holds_other(self._table.name, key):
                    continue
                if self._hold(key) is thing:  # else somebody changed it since it was looked up
                    taken.append(thing)
        return taken

    def check(self) -> None:
        for key, base in self._held.items():
            if self._table.rows.get(key) is not base:
                raise Contended(f"{self._table.name} {key}")
        for key, thing in self._written.items():
            for term in self._table.unique(thing):
                others = set(self._table.keys_with(term)) - self._written.keys()
                if others:
                    raise Contended(f"{self._table.name} {key}")

    def apply(self) -> None:
        for key, thing in self._written.items():
            self._table.put(key, thing)

    def _refuse_taken(self, key: str, thing: T) -> None:
        """Raise where another thing has what only one may have."""

    def _hold(self, key: str) -> T | None:
        if self._scope.read_only:
            return self.committed(key)
        thing = self.look(key)
        if thing is not None and key not in self._held:
            self._held[key] = thing
            self._scope.hold(self._table.name, key)
        return thing

    def _put(self, thing: T) -> T:
        self._scope.require_writing()
        key, events = _key_of(thing), _events_of(thing)
        seen = self.look(key)
        if _version_of(thing) - len(events) != _version_of(seen):
            raise StaleVersion(self._table.name, key)
        self._refuse_taken(key, thing)
        stored = _without(thing, self._not_stored) if events else thing
        self._held.setdefault(key, seen)
        self._written[key] = stored
        self._scope.hold(self._table.name, key)
        return stored

    def _in_order(self, terms: Sequence[Term], after: str | None, query: Query) -> Iterator[T]:
        for key in self._keys_in_order(terms, after, descending=query.descending):
            thing = self.look(key)
            if thing is not None and self.fits(thing, terms):
                yield thing

    def _keys_in_order(
        self, terms: Sequence[Term], after: str | None, *, descending: bool
    ) -> Iterator[str]:
        with self._scope.store.lock:
            if terms:
                fewest = min((self._table.keys_with(term) for term in terms), key=len)
                keys = sorted({*fewest, *self._written})
            else:
                keys = self._table.ordered_keys()
        if not terms and self._written:
            keys = sorted({*keys, *self._written})
        if descending:
            end = len(keys) if after is None else bisect_left(keys, after)
            return (keys[place] for place in range(end - 1, -1, -1))
        start = 0 if after is None else bisect_right(keys, after)
        return (keys[place] for place in range(start, len(keys)))


def _first(things: Iterable[T], limit: int) -> Page[T]:
    """Return a page of things that come in order of their keys."""
    taken = list(islice(things, limit + 1))
    more = len(taken) > limit
    return Page(
        items=tuple(taken[:limit]), next=to_cursor(_key_of(taken[limit - 1])) if more else None
    )


def _without(thing: Any, changes: Mapping[str, Any]) -> Any:
    return attrs.evolve(thing, **changes)


def _key_of(thing: Any) -> str:
    key = getattr(thing, "key", None)  # a token has an id alone
    return key if isinstance(key, str) else str(thing.id)


def _version_of(thing: Any) -> int:
    return getattr(thing, "version", 0)  # tokens have none: the last writer wins


def _events_of(thing: Any) -> tuple[Event, ...]:
    return getattr(thing, "events", ())
