"""
Payments into accounts that another transaction holds, waiting apart from all the others.

Whatever holds an account for long, an import, a settlement or a host's own transaction, would keep
a whole gathered batch waiting and fail it in the end. So a gathered batch passes by what is held,
and only who pays into it waits: in one line for each account, whose batches are gathered again.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import attrs

from telecom_crm.adapters.gathering.batches import LARGEST_BATCH, GatheringTill
from telecom_crm.application.ports import Booking, Till
from telecom_crm.domain.errors import Busy, TelecomCrmError, apart
from telecom_crm.domain.payment import Payment


@attrs.frozen(eq=False)
class _Slots:
    """The till of all lines: as many wait in it at once as connections may be spent on that."""

    till: Till
    free: threading.Semaphore
    seconds: float

    def book(
        self, bookings: Sequence[Booking], *, wait: bool = True
    ) -> list[Payment | TelecomCrmError]:
        if not self.free.acquire(timeout=self.seconds):
            raise Busy("the accounts")
        try:
            return self.till.book(bookings, wait=wait)
        finally:
            self.free.release()


@attrs.define(eq=False)
class WaitingApartTill:
    """A till that gathers payments, and has those that must wait for an account wait by itself."""

    till: Till
    lines: int = 4
    """Lines that wait in the store at once: each keeps a connection, and the others need some."""
    seconds: float = 5.0
    """How long a line may wait for its turn, before it waits for its account."""
    gathered: GatheringTill = attrs.field(init=False)
    _slots: _Slots = attrs.field(init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _lines: dict[str, GatheringTill] = attrs.field(factory=dict, init=False)
    _waiting: Counter[str] = attrs.field(factory=Counter, init=False)

    def __attrs_post_init__(self) -> None:
        self.gathered = GatheringTill(self.till, waits=False)
        self._slots = _Slots(self.till, threading.Semaphore(self.lines), self.seconds)

    def book(
        self, bookings: Sequence[Booking], *, wait: bool = True
    ) -> list[Payment | TelecomCrmError]:
        """Write the bookings; where one is held for too long, only it is `Busy`."""
        if len(bookings) >= LARGEST_BATCH:
            return self._whole(bookings) if wait else self.till.book(bookings, wait=False)
        outcomes = self.gathered.book(bookings)
        held = {at: one.thing for at, one in enumerate(outcomes) if isinstance(one, Busy)}
        if held and wait:
            mine = [bookings[at] for at in held]
            again = self._in_line(mine, *set(held.values()))
            for at, outcome in zip(held, again, strict=True):
                outcomes[at] = outcome
        return outcomes

    def _in_line(self, bookings: Sequence[Booking], *held: str) -> list[Payment | TelecomCrmError]:
        if len(held) > 1:
            return self._whole(bookings)
        with self._line(*held) as line:
            try:
                return line.book(bookings)
            except Busy as busy:
                return [apart(busy) for _ in bookings]

    def _whole(self, bookings: Sequence[Booking]) -> list[Payment | TelecomCrmError]:
        """Wait for all that is held, and where that takes too long, go without it."""
        try:
            return self._slots.book(bookings)
        except Busy:
            return self.till.book(bookings, wait=False)

    @contextmanager
    def _line(self, held: str) -> Iterator[GatheringTill]:
        """Stand in the line of one account; the last to leave takes it down."""
        with self._lock:
            line = self._lines.get(held)
            if line is None:
                line = self._lines[held] = GatheringTill(self._slots, leaders=1)
            self._waiting[held] += 1
        try:
            yield line
        finally:
            with self._lock:
                self._waiting[held] -= 1
                if not self._waiting[held]:
                    del self._waiting[held], self._lines[held]
