"""
What the simulated gateway truly did: its own books, which outlive the process if they have a file.

The file is JSON lines, only ever appended to, each the whole state of one deal. Processes share it
under a lock of the operating system, and read what the others wrote before they do anything.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import attrs

from telecom_crm.domain.money import Money


class DealState(StrEnum):
    """Where the gateway itself stands with a charge or refund."""

    PENDING = "pending"
    DONE = "done"
    DECLINED = "declined"


@attrs.frozen(kw_only=True)
class Deal:
    """
    One charge or refund as the gateway has it, under our id.

    One that it took by itself, at its own terminal, has an id of its own and no payment of ours;
    `payer` is what was typed there.

    `moved` is what truly moved, or will; `told` what its first word says. `notices` are callbacks
    still to be sent, `asked` how often we asked about it.
    """

    kind: str
    id: str
    payment_id: str
    moved: Money
    told: Money
    reference: str
    state: DealState
    reason: str = ""
    asked: int = 0
    notices: int = 0
    payer: str = ""

    def to_json(self) -> str:
        """Return the line of the file."""
        fields = attrs.asdict(self, recurse=False)
        fields |= {"moved": [self.moved.minor, self.moved.currency]}
        fields |= {"told": [self.told.minor, self.told.currency]}
        return json.dumps(fields)

    @classmethod
    def from_json(cls, line: bytes) -> Deal:
        """Read a line of the file."""
        fields: dict[str, Any] = json.loads(line)
        amounts = {name: Money(*fields.pop(name)) for name in ("moved", "told")}
        return cls(**fields | amounts | {"state": DealState(fields["state"])})


class Books:
    """Deals by kind and id. Read and write them inside `with books.opened()` alone."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._deals: dict[tuple[str, str], Deal] = {}
        self._read = 0
        self._descriptor: int | None = None

    @contextmanager
    def opened(self) -> Iterator[Books]:
        """Have the books alone, with what other processes wrote."""
        with self._lock:
            if self._path is None:
                yield self
                return
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)
                self._catch_up(self._descriptor)
                yield self
            finally:
                os.close(self._descriptor)  # which also ends the lock
                self._descriptor = None

    def get(self, kind: str, id: str) -> Deal | None:
        """Return a deal, or None where the gateway never heard of it."""
        return self._deals.get((kind, id))

    def put(self, deal: Deal) -> Deal:
        """Write a deal down, before anybody is answered."""
        if self._descriptor is not None:
            line = deal.to_json().encode() + b"\n"
            if os.write(self._descriptor, line) != len(line):
                raise OSError("the gateway's books could not be written")
            self._read += len(line)
        self._deals[deal.kind, deal.id] = deal
        return deal

    def all(self) -> list[Deal]:
        """Return every deal, in order of beginning."""
        return list(self._deals.values())

    def _catch_up(self, descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        new = os.pread(descriptor, size - self._read, self._read)
        whole = new[: new.rfind(b"\n") + 1]
        if len(whole) < len(new):  # whoever wrote it was killed half way, and nobody got an answer
            os.ftruncate(descriptor, self._read + len(whole))
        for line in whole.splitlines():
            deal = Deal.from_json(line)
            self._deals[deal.kind, deal.id] = deal
        self._read += len(whole)
