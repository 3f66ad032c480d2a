"""
What is counted and summed by day: sums that are kept, and with them whatever came since.

The sums cover every transaction below a number, which is kept as the cursor of a consumer of events
(`event_cursors`). A reader adds what later transactions wrote, so that it never matters how far the
sums are kept. A day of -infinity is all of time. Without a cursor, what is kept counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from zoneinfo import ZoneInfo

import attrs
from sqlalchemy import Connection

from telecom_crm.adapters.postgres.sheet import Row, rows_of
from telecom_crm.adapters.postgres.stream import PostgresEvents
from telecom_crm.adapters.postgres.trail import HORIZON
from telecom_crm.domain.ledger import OF_BALANCES, OF_RECEIPTS, PostingKind
from telecom_crm.domain.money import Money
from telecom_crm.domain.report import COUNTED, KIND_FIELDS, WAITS, Bookings, Move, Moves

_BEGINNING = "0"

_END = f"""
SELECT least({HORIZON}::text::bigint, pg_current_xact_id()::text::bigint,
  (SELECT xact::text::bigint + 1 FROM events WHERE xact >= %(start)s::text::xid8
   ORDER BY xact OFFSET %(limit)s LIMIT 1))
"""
"""Up to where there is no transaction under way, and about `limit` events at most."""

_NUMBER = """
SELECT count(*) FROM events
WHERE xact >= %(start)s::text::xid8 AND xact < %(end)s::text::xid8
"""


@attrs.frozen(init=False)
class _Sums:
    """
    Sums of new rows, `number` and others, by day and some columns; and the table that keeps.

    Of all time they are summed by some columns more (`ever`), which are "" of a day. The rows are
    those of transactions that `{since}` leaves, and of these, where they are kept, `{until}`.
    """

    table: str
    read: str
    keep: str

    def __init__(
        self,
        table: str,
        new: str,
        *,
        xact: str,
        by: Sequence[str],
        ever: Sequence[str] = (),
        sums: Sequence[str],
    ) -> None:
        grouped, listed = ", ".join((*by, *ever)), ", ".join((*by, *ever, *sums))
        of_day = ", ".join(("day", *by))
        named = ", ".join((*by, *(f"coalesce({name}, '') AS {name}" for name in ever)))
        summed = ", ".join(f"sum({name})::bigint AS {name}" for name in sums)
        late = (
            f"SELECT coalesce(day, '-infinity') AS day, {named}, {summed}"
            f" FROM (SELECT day, {grouped}, {summed}"
            f" FROM ({new}) AS new GROUP BY day, {grouped}"
            f") AS by_day GROUP BY GROUPING SETS (({grouped}), ({of_day}))"
        )
        since = f"xact >= %(start)s::text::{xact}"
        all_late = late.format(since=since, until="true")
        fresh = late.format(since=since, until=f"xact < %(end)s::text::{xact}")
        wanted = "(day = '-infinity' OR day >= %(since)s::date)"
        places = ", ".join(str(place) for place in range(1, len(by) + len(ever) + 2))
        read = (
            f"SELECT nullif(day, '-infinity') AS day, {grouped}, {summed} FROM ("
            f" SELECT day, {listed} FROM {table}"
            f" WHERE zone = %(zone)s::text AND %(start)s::text <> '{_BEGINNING}' AND {wanted}"
            f" UNION ALL SELECT day, {listed} FROM ({all_late}) AS late"
            f" WHERE {wanted}) AS told GROUP BY {places}"
        )
        more = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
        keep = (
            f"INSERT INTO {table} (zone, day, {listed})"
            f" SELECT %(zone)s::text, day, {listed} FROM ({fresh}) AS fresh"
            f" ON CONFLICT (zone, day, {grouped}) DO UPDATE SET {more}"
        )
        self.__attrs_init__(table, read, keep)


def _one_of(values: Iterable[str]) -> str:
    quoted = (f"'{value}'" for value in sorted(values))
    return f"({', '.join(quoted)})"


_THINGS = _one_of(COUNTED)
_FIELDS = " ".join(f"WHEN '{thing}' THEN '{field}'" for thing, field in KIND_FIELDS.items())
_FIELD = f"CASE thing {_FIELDS} END"
_KIND = f"coalesce(payload->>({_FIELD}), '')"
_WAS, _IS = (f"coalesce(payload->'changes'->({_FIELD})->>{n}, {_KIND})" for n in (0, 1))
_BREAKS = f"""(
  thing = 'contract' AND payload ?| ARRAY['follows', 'successor']
  OR coalesce(payload->'changes' ? ({_FIELD}), false) AND payload->>'{WAITS}' IS NULL
)"""

_MOVES = _Sums(
    "daily_moves",
    f"""
    SELECT (at AT TIME ZONE %(zone)s::text)::date AS day, thing, {_KIND} AS kind,
      coalesce(before, '') AS before, after, 1 AS number
    FROM events
    WHERE {{since}} AND {{until}} AND thing IN {_THINGS}
      AND before IS DISTINCT FROM after AND NOT {_BREAKS}
    UNION ALL
    SELECT (at AT TIME ZONE %(zone)s::text)::date, thing, move.kind, move.before, move.after, 1
    FROM events CROSS JOIN LATERAL (
      VALUES ({_WAS}, events.before, ''), ({_IS}, '', events.after)
    ) AS move (kind, before, after)
    WHERE {{since}} AND {{until}} AND thing IN {_one_of(KIND_FIELDS)} AND {_BREAKS}
    """,
    xact="xid8",
    by=("thing", "before", "after"),
    ever=("kind",),
    sums=("number",),
)
"""As `report.moves_of` says."""

_OF_BALANCES, _OF_RECEIPTS = _one_of(OF_BALANCES), _one_of(OF_RECEIPTS)

_BOOKINGS = _Sums(
    "daily_bookings",
    f"""
    SELECT day, kind, place, currency, 1 AS number, effect_minor, received_minor,
      greatest(-balance, 0) - greatest(effect_minor - balance, 0) AS debt_minor
    FROM (
      SELECT (booked_at AT TIME ZONE %(zone)s::text)::date AS day, xact, kind, currency, legs.*,
        (SELECT subscriber - receivable - unbilled FROM accounts WHERE id = entries.account_id)
          - coalesce(sum(effect_minor) OVER later, 0) AS balance
      FROM entries CROSS JOIN LATERAL (
        SELECT sum(amount_minor * ((credit IN {_OF_BALANCES})::integer
            - (debit IN {_OF_BALANCES})::integer)) AS effect_minor,
          sum(amount_minor * ((debit IN {_OF_RECEIPTS})::integer
            - (credit IN {_OF_RECEIPTS})::integer)) AS received_minor,
          coalesce(max(counterparty) FILTER (
            WHERE debit IN {_OF_RECEIPTS} OR credit IN {_OF_RECEIPTS}), '') AS place
        FROM transfers WHERE transfers.account_id = entries.account_id AND entry_id = entries.id
      ) AS legs
      WHERE {{since}}
      WINDOW later AS (PARTITION BY entries.account_id ORDER BY xact DESC, entries.id DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ) AS booked
    WHERE {{until}}
    """,
    xact="bigint",
    by=("kind", "place", "currency"),
    sums=("number", "effect_minor", "debt_minor", "received_minor"),
)
"""
As `JournalEntry` and `report.debt_of` say.

What an account had after an entry is what it has now, less what all entries behind it did: so
nothing has to be known of those before.
"""


@attrs.define
class PostgresFigures:
    """Figures as one transaction sees them."""

    connection: Connection
    _events: PostgresEvents

    def moves(self, *, since: date, zone: ZoneInfo) -> list[Moves]:
        """Return how many things went from which state to which."""
        found = []
        for row in self._read(_MOVES, since, zone):
            day, number = row.pop("day"), row.pop("number")
            found.append(Moves(day=day, move=Move(**row), number=number))
        return found

    def bookings(self, *, since: date, zone: ZoneInfo) -> list[Bookings]:
        """Return how many entries there are of each kind and place, and what they did."""
        return [
            Bookings(
                day=row["day"],
                kind=PostingKind(row["kind"]),
                place=row["place"],
                number=row["number"],
                effect=Money(row["effect_minor"], row["currency"]),
                debt=Money(row["debt_minor"], row["currency"]),
                received=Money(row["received_minor"], row["currency"]),
            )
            for row in self._read(_BOOKINGS, since, zone)
        ]

    def keep(self, *, zone: ZoneInfo, limit: int) -> int:
        """Sum up what came since the last time, and return how many events that was."""
        start = self._start(zone)  # held: two workers take turns
        if start == _BEGINNING:
            self._clear(zone)
        span = {"start": start, "limit": limit}
        span["end"] = self.connection.exec_driver_sql(_END, span).scalar_one()
        for sums in (_MOVES, _BOOKINGS):
            self.connection.exec_driver_sql(sums.keep, {**span, "zone": zone.key})
        self._go_on(zone, str(span["end"]))
        return int(self.connection.exec_driver_sql(_NUMBER, span).scalar_one())

    def forget(self, *, zone: ZoneInfo) -> None:
        """Forget the sums."""
        self._start(zone)
        self._clear(zone)
        self._go_on(zone, "")

    def _read(self, sums: _Sums, since: date, zone: ZoneInfo) -> list[Row]:
        facts = {"zone": zone.key, "start": self._start(zone), "since": since}
        return rows_of(self.connection, sums.read, facts)

    def _start(self, zone: ZoneInfo) -> str:
        """Return the first transaction that is not summed up."""
        return self._events.position(_consumer(zone)) or _BEGINNING

    def _go_on(self, zone: ZoneInfo, cursor: str) -> None:
        self.connection.exec_driver_sql(
            "UPDATE event_cursors SET cursor = %(cursor)s WHERE consumer = %(consumer)s",
            {"consumer": _consumer(zone), "cursor": cursor},
        )

    def _clear(self, zone: ZoneInfo) -> None:
        for sums in (_MOVES, _BOOKINGS):
            self.connection.exec_driver_sql(
                f"DELETE FROM {sums.table} WHERE zone = %(zone)s", {"zone": zone.key}
            )


def _consumer(zone: ZoneInfo) -> str:
    return f"figures {zone.key}"
