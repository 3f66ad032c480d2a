"""Fewer runs of the garbage collector while many values are made that nothing refers back to."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 200_000
"""How many more things may be made than freed before the collector looks: about a chunk's."""


class _Rarer:
    """Counts who wants it rarer, since the collector is the whole process's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted = 0
        self._usual = gc.get_threshold()

    def begin(self) -> None:
        with self._lock:
            if not self._wanted:
                self._usual = gc.get_threshold()
                young, *older = self._usual
                if young:  # 0 is off, and whoever turned it off is left alone
                    gc.set_threshold(max(young, _YOUNG), *older)
            self._wanted += 1

    def end(self) -> None:
        with self._lock:
            self._wanted -= 1
            if not self._wanted:
                gc.set_threshold(*self._usual)


_RARER = _Rarer()


@contextmanager
def rare_collections() -> Iterator[None]:
    """
    Let the collector run once for a chunk of rows, not hundreds of times.

    Rows make values without cycles, which are freed without it; looking through them all, again and
    again, takes a quarter of an import's time. Nests, and serves all threads.
    """
    _RARER.begin()
    try:
        yield
    finally:
        _RARER.end()
