"""
Payments of many threads, gathered into one commit.

Whoever comes while a batch is being written waits, and goes along in the next one: no timer, so
that a single payment is as quick as without this, and the batches grow by themselves as the load
does. A waiting payment holds no connection. Each is answered after the commit that holds it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

import attrs

from telecom_crm.application.ports import Booking, Till
from telecom_crm.domain.errors import TelecomCrmError, Unavailable, apart
from telecom_crm.domain.payment import Payment

LARGEST_BATCH = 256
"""Bookings in one commit: past this, waiting longer gains nothing more."""

CROWD = 16
"""
Callers waiting that are worth a batch beside the one that is being written. Fewer go along in the
next: two small batches cost more than one, and wait for each other where they share an account.
"""


TURN_SECONDS = 50e-6
"""
How long a leader behind a batch of several lets others come, over and over while more of them do:
they were answered a moment ago, and are on their way back. Who comes alone never waits.
"""


@attrs.define(eq=False)
class _Waiting:
    """One caller's bookings, and the word it waits for: its outcomes, or that it is to lead."""

    bookings: Sequence[Booking]
    called: threading.Lock = attrs.field(factory=threading.Lock)
    leads: bool = False
    outcomes: list[Payment | TelecomCrmError] | None = None
    error: BaseException | None = None

    def __attrs_post_init__(self) -> None:
        self.called.acquire()

    @property
    def answered(self) -> bool:
        return self.outcomes is not None or self.error is not None


@attrs.define(eq=False)
class GatheringTill:
    """
    A till before another: gathers what comes at the same time, at most `leaders` batches at once.
    """

    till: Till
    leaders: int = 2
    waits: bool = True
    """Whether a batch waits for what other transactions hold; else who pays into it is `Busy`."""
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _queue: deque[_Waiting] = attrs.field(factory=deque, init=False)
    _leading: int = attrs.field(default=0, init=False)
    _alone: bool = attrs.field(default=True, init=False)
    """Whether the last batch was one caller's."""

    def book(
        self, bookings: Sequence[Booking], *, wait: bool = True
    ) -> list[Payment | TelecomCrmError]:
        """
        Write the bookings, along with others'; see `ports.Till`.

        Without `wait` they go by themselves, unless all here go so.
        """
        if len(bookings) >= LARGEST_BATCH or wait < self.waits:
            return self.till.book(bookings, wait=wait and self.waits)
        mine = _Waiting(bookings)
        with self._lock:
            mine.leads = self._may_lead()
            if mine.leads:
                self._leading += 1
            else:
                self._queue.append(mine)
        if not mine.leads:
            self._wait(mine)
        if mine.leads:
            self._lead(mine)
        if mine.error is not None:
            raise mine.error
        if mine.outcomes is None:
            raise RuntimeError("a gathered booking was left without an outcome")
        return mine.outcomes

    def _wait(self, mine: _Waiting) -> None:
        """Wait until a batch took mine along, or I am to lead the next."""
        try:
            mine.called.acquire()
        except BaseException:
            # Somebody stopped waiting, as by Ctrl-C: nobody else waits for them.
            with self._lock:
                if mine in self._queue:
                    self._queue.remove(mine)
            if mine.leads:
                self._hand_on()
            raise

    def _let_others_come(self) -> None:
        there = -1
        while there < len(self._queue) < LARGEST_BATCH:
            there = len(self._queue)
            time.sleep(TURN_SECONDS)

    def _lead(self, mine: _Waiting) -> None:
        """Write one batch, my own bookings first, and hand the lead on."""
        batch = [mine]
        try:
            if not self._alone:
                self._let_others_come()
            batch = self._batch_with(mine)
            self._write(batch)
        except Exception as error:  # noqa: BLE001  # raised where each of them waits
            for waiting in batch:
                waiting.error = apart(error)
        except BaseException:
            # Mine to bear; the others learn that nobody knows what became of theirs.
            for waiting in batch[1:]:
                if not waiting.answered:
                    waiting.error = Unavailable("payments")
            raise
        finally:
            self._hand_on()
            for waiting in batch[1:]:
                waiting.called.release()

    def _write(self, batch: Sequence[_Waiting]) -> None:
        try:
            everything = [one for waiting in batch for one in waiting.bookings]
            outcomes = self.till.book(everything, wait=self.waits)
        except TelecomCrmError:
            raise
        except Exception:
            if len(batch) == 1:
                raise
            # A defect, perhaps of one booking: each caller's alone, so that only that one bears it.
            for waiting in batch:
                self._write_alone(waiting)
            return
        start = 0
        for waiting in batch:
            end = start + len(waiting.bookings)
            waiting.outcomes = outcomes[start:end]
            start = end

    def _write_alone(self, waiting: _Waiting) -> None:
        try:
            waiting.outcomes = self.till.book(waiting.bookings, wait=self.waits)
        except Exception as error:  # noqa: BLE001  # raised where it waits
            waiting.error = error

    def _batch_with(self, mine: _Waiting) -> list[_Waiting]:
        batch, size = [mine], len(mine.bookings)
        with self._lock:
            while self._queue and size + len(self._queue[0].bookings) <= LARGEST_BATCH:
                batch.append(self._queue.popleft())
                size += len(batch[-1].bookings)
            self._alone = len(batch) == 1
        return batch

    def _hand_on(self) -> None:
        with self._lock:
            self._leading -= 1
            if self._queue and self._may_lead():
                self._leading += 1
                following = self._queue.popleft()
                following.leads = True
                following.called.release()

    def _may_lead(self) -> bool:
        crowded = len(self._queue) >= CROWD and self._leading < self.leaders
        return crowded or not self._leading
