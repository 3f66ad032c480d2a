"""What is counted and summed by day, by going through all there is: a store in memory is small."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.adapters.memory.store import MemoryStore
from telecom_crm.domain.calendar import local_date
from telecom_crm.domain.identifiers import AccountId
from telecom_crm.domain.ledger import PostingKind
from telecom_crm.domain.money import Money
from telecom_crm.domain.report import Bookings, Move, Moves, debt_of, moves_of


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
                    counts[day, attrs.evolve(move, kind="")] += 1
        return [Moves(day=day, move=move, number=n) for (day, move), n in counts.items()]

    def bookings(self, *, since: date, zone: ZoneInfo) -> list[Bookings]:
        with self._store.lock:
            entries = list(self._store.journal.entries)
        sums = defaultdict[tuple[date | None, PostingKind, str, str], Counter[str]](Counter)
        balances = Counter[AccountId]()
        for entry in entries:
            day, effect = local_date(entry.booked_at, zone), entry.effect.minor
            before = balances[entry.account_id]
            balances[entry.account_id] += effect
            debt = debt_of(before + effect) - debt_of(before)
            told = {"number": 1, "effect": effect, "debt": debt, "received": entry.received.minor}
            for when in (None, day) if day >= since else (None,):
                sums[when, entry.kind, entry.currency, entry.place].update(told)
        return [
            Bookings(
                day=day,
                kind=kind,
                place=place,
                number=told["number"],
                effect=Money(told["effect"], currency),
                debt=Money(told["debt"], currency),
                received=Money(told["received"], currency),
            )
            for (day, kind, currency, place), told in sums.items()
        ]

    def keep(self, *, zone: ZoneInfo, limit: int) -> int:  # noqa: ARG002  # nothing to keep
        return 0

    def forget(self, *, zone: ZoneInfo) -> None:  # nothing is kept
        pass
