"""
What every machine over a store shares: a plain model beside it, and the mishaps of real systems.

The model is dictionaries: what was saved last, and every event there ever was. After each step the
store has to agree with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from telecom_crm.application.paging import each_on
from telecom_crm.application.ports import (
    Bound,
    Contended,
    IdempotencyKey,
    Page,
    Query,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.stream import EventStream
from telecom_crm.domain.calendar import BISHKEK
from telecom_crm.domain.errors import KeyReused, NotFound, StaleVersion
from telecom_crm.domain.identifiers import ContractId
from telecom_crm.domain.lifecycle import Event
from telecom_crm.entrypoints.conformance.samples import Samples

E = TypeVar("E", bound=Exception)
M = TypeVar("M", bound="StoredMachine")
T = TypeVar("T")
Place = tuple[str, Any]
"""Where a thing is: the transaction's collection, and the key in it."""

CONSUMER = "conformance"
PATIENCE_SECONDS = 30.0
"""How long an event feed is read before an event counts as lost: others' commits may delay it."""
_KEYS = st.sampled_from(("k1", "k2", "k3"))


def patiently() -> Iterator[None]:
    """Try again and again, until an event that did not come counts as lost."""
    over = time.monotonic() + PATIENCE_SECONDS
    yield
    while time.monotonic() < over:
        yield


class Abandoned(Exception):
    """Raised by a machine inside a transaction, to see that all of it is forgotten."""


class PowerCut(Exception):
    """Raised by a machine where a process would die."""


class StoredMachine(RuleBasedStateMachine):
    """A machine that gets a fresh store for each example."""

    make_store: ClassVar[Callable[[], Any]]
    interleaves: ClassVar[bool] = False
    """True where two transactions of one thread may be open on one thing: stores without locks."""

    @classmethod
    def on(cls: type[M], make: Callable[[], Any], *, interleaves: bool = False) -> type[M]:
        """
        Return this machine over the stores that `make` makes: an empty one on each call.

        With `interleaves`, transactions are also opened inside one another in one thread; a store
        that locks would wait for itself.
        """
        made = {"make_store": staticmethod(make), "interleaves": interleaves}
        return type(cls.__name__, (cls,), {**made, "__module__": cls.__module__})


class StoreMachine(StoredMachine):
    """
    Keeps the model of a store, and does to it what broke real systems.

    Make one for a store with `on`; a subclass says what its things are and how they change.
    """

    things = Bundle("things")

    def __init__(self) -> None:
        super().__init__()
        self.samples = Samples()
        self.uow: UnitOfWork = self.open_store()
        self.kept: dict[Place, Any] = {}
        self.earlier: dict[Place, Any] = {}
        self.history: dict[tuple[str, str], list[Event]] = {}
        self.keys: dict[str, tuple[str, UUID]] = {}
        self.fed: list[Event] = []
        self.delivered: list[Event] = []
        self.cursor = ""

    def open_store(self) -> UnitOfWork:
        """Return the transactions of a fresh store."""
        made: UnitOfWork = type(self).make_store()
        return made

    def touched(self, thing: Any) -> Any | None:
        """Return the thing after some harmless command, or None where it takes none any more."""
        raise NotImplementedError

    def born_again(self, thing: Any) -> Any | None:
        """Return a new thing that claims to be this one: same key, version 1."""
        return attrs.evolve(thing, version=1, events=self.first_event(thing))

    # What is done to the store

    def save(self, name: str, *things: Any) -> Place:
        """Save things in one transaction and remember them; return where the last one is."""
        with self.uow() as tx:
            for thing in things:
                stored = _collection(tx, name).save(thing)
                assert stored == thing, "a store gives back what it was given"
                assert stored.events == (), "what is stored has no new events"
        return [self.remember(name, thing) for thing in things][-1]

    def change(self, place: Place, command: Callable[[Any], Any]) -> Any:
        """Get a thing, give it a command, save it; what the command raises goes on."""
        name, key = place
        with self.uow() as tx:
            found = _collection(tx, name).get(key)
            assert found == self.kept[place], "a store gives back what was saved last"
            changed = command(found)
            stored = _collection(tx, name).save(changed)
            assert stored == changed, "a store gives back what it was given"
            assert _collection(tx, name).get(key) == changed, "a transaction sees its own writes"
        self.remember(name, changed)
        return stored

    def remember(self, name: str, thing: Any) -> Place:
        """Write into the model what the store was given."""
        place = (name, key_of(thing))
        if place in self.kept:
            self.earlier[place] = self.kept[place]
        self.kept[place] = attrs.evolve(thing, events=())
        for event in thing.events:
            self.history.setdefault((event.thing, event.thing_id), []).append(event)
        return place

    def all_of(self, name: str) -> dict[Any, Any]:
        """Return the model's things of a collection by key, in order of their keys."""
        found = {key: thing for (of, key), thing in self.kept.items() if of == name}
        return dict(sorted(found.items(), key=lambda pair: str(pair[1].key)))

    def first_event(self, thing: Any) -> tuple[Event, ...]:
        """Return the event that began a thing."""
        return tuple(
            attrs.evolve(events[0], at=self.samples.tick())
            for (_, key), events in self.history.items()
            if key == thing.key
        )[:1]

    # Mishaps

    @rule(place=things)
    def save_a_stale_copy(self, place: Place) -> None:
        """Somebody decides on an old copy: refused, and nothing happens."""
        old = self.earlier.get(place)
        changed = None if old is None else self.touched(old)
        if changed is None:
            return
        with refused(StaleVersion), self.uow() as tx:
            _collection(tx, place[0]).save(changed)

    @rule(place=things)
    def make_one_that_is_there(self, place: Place) -> None:
        """Somebody makes a thing whose key is taken: refused, the first one stays."""
        again = self.born_again(self.kept[place])
        if again is None:
            return
        with refused(StaleVersion), self.uow() as tx:
            _collection(tx, place[0]).save(again)

    @rule(place=things)
    def save_it_twice(self, place: Place) -> None:
        """The same change is saved twice in a transaction: all of it is refused."""
        changed = self.touched(self.kept[place])
        if changed is None:
            return
        with refused(StaleVersion), self.uow() as tx:
            _collection(tx, place[0]).save(changed)
            _collection(tx, place[0]).save(changed)

    @rule(place=things, other=things)
    def save_one_good_and_one_stale(self, place: Place, other: Place) -> None:
        """One of many is stale: none is saved."""
        old = self.earlier.get(other)
        if place == other or place[0] != other[0] or old is None:
            return
        pair = [self.touched(self.kept[place]), self.touched(old)]
        if None in pair:
            return
        with refused(StaleVersion), self.uow() as tx:
            _collection(tx, place[0]).save_all(pair)

    @rule(place=things, key=_KEYS)
    def abandon_half_way(self, place: Place, key: str) -> None:
        """The process fails inside a transaction: nothing of it is left, its key included."""
        changed = self.touched(self.kept[place])
        with refused(Abandoned), self.uow() as tx:
            if changed is not None:
                _collection(tx, place[0]).save(changed)
            if key not in self.keys:
                tx.keys.claim(IdempotencyKey("ann", key, "abandoned"), self.samples.new_id())
            tx.events.advance(CONSUMER, tx.events.position(CONSUMER))
            raise Abandoned

    @rule(key=_KEYS, content=st.sampled_from(("one", "other")))
    def send_a_key(self, key: str, content: str) -> None:
        """A request comes with a key: first, again, or with other content."""
        bound, resource = self.keys.get(key), self.samples.new_id()
        claimed = IdempotencyKey("ann", key, content)
        if bound is not None and bound[0] != content:
            with refused(KeyReused), self.uow() as tx:
                tx.keys.claim(claimed, resource)
            return
        with self.uow() as tx:
            answer = tx.keys.claim(claimed, resource)
        assert answer == (Bound(bound[1]) if bound else None)
        self.keys.setdefault(key, (content, resource))

    @precondition(lambda self: self.interleaves)
    @rule(place=things)
    def change_it_while_another_does(self, place: Place) -> None:
        """Two hold the same thing: the later commit is refused, the earlier one stays."""
        if self.touched(self.kept[place]) is None:
            return
        with refused(Contended, StaleVersion), self.uow() as tx:
            mine = _collection(tx, place[0]).get(place[1])
            self.change(place, self.touched)
            _collection(tx, place[0]).save(self.touched(mine))

    @precondition(lambda self: self.interleaves)
    @rule(place=things, other=things)
    def rely_on_what_another_changes(self, place: Place, other: Place) -> None:
        """One decides on a thing that changes before the commit (write skew): refused."""
        if place == other or None in (self.touched(self.kept[p]) for p in (place, other)):
            return
        with refused(Contended), self.uow() as tx:
            _collection(tx, place[0]).get(place[1])
            mine = _collection(tx, other[0]).get(other[1])
            _collection(tx, other[0]).save(self.touched(mine))
            self.change(place, self.touched)

    @rule(limit=st.integers(1, 5), crash=st.booleans())
    def deliver_events(self, limit: int, crash: bool) -> None:
        """A consumer takes a batch, or dies after taking it: then it comes again."""
        sink = _Sink(self.delivered, crash)
        if crash:
            before = len(self.delivered)
            try:
                EventStream(self.uow).deliver(sink, consumer=CONSUMER, limit=limit)
            except PowerCut:
                del self.delivered[before:]  # what was taken and not marked comes again
            return
        EventStream(self.uow).deliver(sink, consumer=CONSUMER, limit=limit)

    @rule(place=things, limit=st.integers(1, 3), descending=st.booleans(), by_state=st.booleans())
    def page_through(self, place: Place, limit: int, descending: bool, by_state: bool) -> None:
        """A list shows everything once, in order, however it is cut."""
        name, state = place[0], self.kept[place].status
        by_state = by_state and name != "accounts"  # they have one state, and no filter by it
        expected = [
            thing for thing in self.all_of(name).values() if not by_state or thing.status == state
        ]
        where = {"status": str(state.value)} if by_state else {}
        found = self.listed(name, where, limit=limit, descending=descending)
        assert found == (expected[::-1] if descending else expected)

    def listed(
        self, name: str, where: Mapping[str, str], *, limit: int = 3, descending: bool = False
    ) -> list[Any]:
        """Read a list to its end, page by page."""
        found: list[Any] = []
        cursor: str | None = None
        with self.uow(read_only=True) as tx:
            while True:
                query = Query(where=where, limit=limit, cursor=cursor, descending=descending)
                page = _collection(tx, name).page(query)
                assert len(page.items) <= limit
                found += page.items
                if page.next is None:
                    return found
                cursor = page.next

    # What always holds

    @rule(anew=st.booleans())
    def sum_up(self, anew: bool) -> None:
        """Keep the sums of what came since the last time, or of everything: nothing shows it."""
        with self.uow() as tx:
            if anew:
                tx.figures.forget(zone=BISHKEK)
            tx.figures.keep(zone=BISHKEK, limit=9)

    @invariant()
    def the_store_agrees_with_the_model(self) -> None:
        """Every thing is as it was left; what nobody made is not there."""
        with self.uow(read_only=True) as tx:
            for name in {name for name, _ in self.kept}:
                expected = self.all_of(name)
                assert _collection(tx, name).get_many(expected) == expected

    @invariant()
    def every_change_is_one_event(self) -> None:
        """A thing's version is the number of its events, and its state the last one's."""
        by_key = {key: events for (_, key), events in self.history.items()}
        for thing in self.kept.values():
            last = by_key[thing.key][-1]
            assert thing.version == len(by_key[thing.key]) == last.sequence
            assert thing.status == last.after

    @invariant()
    def the_feed_is_true(self) -> None:
        """What the feed gives is what happened, each once, each thing's in order, without a gap."""
        self._read_feed()
        self._follow(self.fed, complete=False)

    def teardown(self) -> None:
        """Read everything to the end: histories, the feed, and what the consumer got."""
        if not self.history:
            return
        with self.uow(read_only=True) as tx:
            for (thing, key), events in self.history.items():
                assert tx.events.of(thing, key) == events
            told = tx.events.timeline(list(self.history))
            assert told == sorted(
                (event for events in self.history.values() for event in events),
                key=lambda event: (event.at, event.thing_id, event.sequence),
            )
            with pytest.raises(NotFound):
                tx.contracts.get(ContractId(self.samples.new_id()))
        wanted = sum(map(len, self.history.values()))
        for _ in patiently():
            if len(self.fed) >= wanted:
                break
            self._read_feed()
        self._follow(self.fed, complete=True)
        for _ in patiently():
            if len(self.delivered) >= wanted:
                break
            EventStream(self.uow).deliver(_Sink(self.delivered, False), consumer=CONSUMER)
        self._follow(self.delivered, complete=True)

    def _read_feed(self) -> None:
        with self.uow(read_only=True) as tx:
            while batch := tx.events.since(self.cursor, limit=100):
                self.fed += [event for _, event in batch]
                self.cursor = batch[-1][0]

    def _follow(self, events: list[Event], *, complete: bool) -> None:
        by_thing: dict[tuple[str, str], list[Event]] = {}
        for event in events:
            by_thing.setdefault((event.thing, event.thing_id), []).append(event)
        for place, found in by_thing.items():
            assert found == self.history.get(place, [])[: len(found)], "an event that never was"
        if complete:
            assert by_thing == self.history, "an event was lost"


@attrs.define
class _Sink:
    taken: list[Event]
    crashes: bool

    def deliver(self, events: Any) -> None:
        self.taken += events
        if self.crashes:
            raise PowerCut


def refused(*errors: type[E]) -> pytest.RaisesExc[E]:
    """Expect one of these errors."""
    return pytest.raises(errors)


def all_on(fetch: Callable[[str | None], Page[T]]) -> list[T]:
    """Return what is on all pages; one that gives again what was on another leads nowhere."""
    found: list[T] = []
    for one in each_on(fetch):
        assert one not in found, "a page begins anew instead of going on behind its cursor"
        found.append(one)
    return found


def key_of(thing: Any) -> Any:
    """Return what a thing is got by: its id, or a SIM's or number's own number."""
    for name in ("id", "iccid", "msisdn", "code"):
        if hasattr(thing, name):
            return getattr(thing, name)
    raise TypeError(f"a {type(thing).__name__} has no key")


def _collection(tx: Transaction, name: str) -> Any:
    return getattr(tx.catalog, name) if name in ("tariffs", "options") else getattr(tx, name)
