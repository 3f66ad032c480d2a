"""Instants and ids: the real ones, and those of tests and of runs that must be the same twice."""

from __future__ import annotations

import os
import random
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, SafeUUID

_START = datetime(2026, 1, 1, tzinfo=UTC)
_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62  # RFC 9562, 4.1


def utc_now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)


def new_uuid7() -> UUID:
    """
    Return a UUIDv7 (RFC 9562, 5.7); within a process, each is greater than all before it.

    The 12 bits behind the milliseconds are a fraction of one (6.2, method 3), which is counted
    on where the clock stands still or goes back. The last 62 bits are random and no secret.
    """
    return _IDS()


class ManualClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now: datetime = _START) -> None:
        self._now = now
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move on, and return the new instant."""
        with self._lock:
            self._now += by
            return self._now

    def set(self, now: datetime) -> None:
        """Move to an instant, back as well."""
        with self._lock:
            self._now = now


class SequentialIds:
    """UUIDv7s that are the same for the same seed, from 2026 on. Serves all threads."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._stamp = int(_START.timestamp() * 1000) << 12

    def __call__(self) -> UUID:
        with self._lock:
            self._stamp += 1
            return _uuid7(self._stamp, self._random.getrandbits(62))


class _Uuid7s:
    """Stamps of 48 bits of milliseconds and 12 of their fraction, each greater than the last."""

    def __init__(self) -> None:
        self._last = 0
        self.begin_anew()

    def begin_anew(self) -> None:
        """Take new randomness: a forked child must not give out its parent's ids."""
        self._lock = threading.Lock()
        self._random = random.Random(os.urandom(32)).getrandbits

    def __call__(self) -> UUID:
        stamp = (time.time_ns() << 12) // 1_000_000
        with self._lock:
            if stamp <= self._last:
                stamp = self._last + 1
            self._last = stamp
            tail = self._random(62)
        return _uuid7(stamp, tail)


def _uuid7(stamp: int, tail: int) -> UUID:
    # UUID(int=…) checks its argument for longer than all the rest takes; this one needs no check.
    made = object.__new__(UUID)
    object.__setattr__(
        made, "int", (stamp >> 12) << 80 | _VERSION_7 | (stamp & 0xFFF) << 64 | _VARIANT | tail
    )
    object.__setattr__(made, "is_safe", SafeUUID.unknown)
    return made


_IDS = _Uuid7s()
os.register_at_fork(after_in_child=_IDS.begin_anew)
