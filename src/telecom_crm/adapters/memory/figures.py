"""What is counted and summed by day, by going through all there is: a store in memory is small."""

from __future__ import annotations

from collections import Counter
from datetime import date
from zoneinfo import ZoneInfo

from telecom_crm.adapters.memory.store import MemoryStore
from telecom_crm.domain.calendar import local_date
from telecom_crm.domain.ledger import PostingKind
from telecom_crm.domain.money import Money
from telecom_crm.domain.report import Bookings, Move, Moves, moves_of


class MemoryFigures:
    """Figures over what is committed; nothing has to be kept."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def moves(self, *, since: date, zone: ZoneInfo) -> list[Moves]:
        with self._store.lock:
            events = list(self._store.events.all)
        counts = Counter[tuple[date | None, Move]]()
        for event in events:
            day = local_date(event.at, zone)
            for move in moves_of(event):
                counts[None, move] += 1
                if day >= since:
                    counts[day, move] += 1
        return [Moves(day=day, move=move, number=n) for (day, move), n in counts.items()]

    def bookings(self, *, since: date, zone: ZoneInfo) -> list[Bookings]:
        with self._store.lock:
            entries = list(self._store.journal.entries)
        numbers = Counter[tuple[date | None, PostingKind, str]]()
        effects = Counter[tuple[date | None, PostingKind, str]]()
        for entry in entries:
            day = local_date(entry.booked_at, zone)
            for when in (None, day) if day >= since else (None,):
                numbers[when, entry.kind, entry.currency] += 1
                effects[when, entry.kind, entry.currency] += entry.effect.minor
        return [
            Bookings(day=key[0], kind=key[1], number=number, effect=Money(effects[key], key[2]))
            for key, number in numbers.items()
        ]

    def keep(self, *, zone: ZoneInfo, limit: int) -> int:  # noqa: ARG002  # nothing to keep
        return 0

    def forget(self, *, zone: ZoneInfo) -> None:  # nothing is kept
        pass
