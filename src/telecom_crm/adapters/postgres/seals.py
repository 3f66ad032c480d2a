"""
Seals over the audit trail: all events and all lines of the audit, in order of their transactions.

A place in the trail is the number of a transaction. What is sealed is below every transaction that
could still write, so that nothing is ever added to it.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from sqlalchemy import Connection

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.sheet import Row, driver_of, rows_of
from telecom_crm.adapters.postgres.trail import HORIZON
from telecom_crm.application.ports import Contended
from telecom_crm.domain.seal import Seal

_COLUMNS = ", ".join(column.name for column in tables.seals.columns)
_AT = "(extract(epoch FROM {}) * 1000000)::bigint"
_SPAN = "xact >= %(start)s::text::xid8 AND xact < %(end)s::text::xid8"
_LINES = (
    "SELECT json_build_array('event', xact::text, thing, thing_id, sequence, name,"
    f" {_AT.format('at')}, by_name, by_token, by_address, command, before, after, reason,"
    " payload)::text"
    f" FROM events WHERE {_SPAN} ORDER BY xact, thing_id, sequence, thing",
    "SELECT json_build_array('audit', xact::text, id,"
    f" {_AT.format('written_at')}, {_AT.format('at')}, action, thing, thing_id, by_name,"
    f" by_token, by_address, detail)::text FROM audit WHERE {_SPAN} ORDER BY xact, written_at, id",
)
"""Each line as a text that says all of it, and does not hang on settings of the session."""

_END = f"""
SELECT least({HORIZON}::text::bigint, pg_current_xact_id_if_assigned()::text::bigint,
  (SELECT xact::text::bigint + 1 FROM (
     SELECT xact FROM events WHERE xact >= %(start)s::text::xid8
     UNION ALL SELECT xact FROM audit WHERE xact >= %(start)s::text::xid8) AS trail
   ORDER BY trail.xact OFFSET %(limit)s - 1 LIMIT 1))
"""
AT_ONCE = 2_000
"""So many lines are in memory at once."""


@attrs.define
class PostgresSeals:
    """The trail as one transaction sees it."""

    connection: Connection

    def last(self) -> Seal | None:
        """Return the latest seal."""
        sql = f"SELECT {_COLUMNS} FROM seals ORDER BY number DESC LIMIT 1"
        found = rows_of(self.connection, sql, {})
        return _seal_of(found[0]) if found else None

    def behind(self, number: int, *, limit: int) -> list[Seal]:
        """Return the seals behind a number."""
        rows = rows_of(
            self.connection,
            f"SELECT {_COLUMNS} FROM seals WHERE number > %(number)s"
            " ORDER BY number LIMIT %(limit)s",
            {"number": number, "limit": limit},
        )
        return [_seal_of(row) for row in rows]

    def end_of(self, start: int, *, limit: int) -> int:
        """Return the number behind the transactions that are to be sealed next."""
        facts = {"start": start, "limit": limit}
        return int(self.connection.exec_driver_sql(_END, facts).scalar_one())

    def lines(self, start: int, end: int) -> Iterator[bytes]:
        """Go through what transactions wrote, by a cursor of the server."""
        span = {"start": start, "end": end}
        for sql in _LINES:
            with driver_of(self.connection).cursor("trail") as cursor:
                cursor.itersize = AT_ONCE
                for (line,) in cursor.execute(sql, span):
                    yield line.encode("utf-8")

    def add(self, seal: Seal) -> None:
        """Keep a seal."""
        values = ", ".join(f"%({column.name})s" for column in tables.seals.columns)
        added = self.connection.exec_driver_sql(
            f"INSERT INTO seals ({_COLUMNS}) VALUES ({values}) ON CONFLICT DO NOTHING",
            {
                "number": seal.number,
                "start_xact": seal.start,
                "end_xact": seal.end,
                "lines": seal.lines,
                "at": seal.at,
                "digest": seal.digest,
            },
        )
        if not added.rowcount:
            raise Contended(f"seal {seal.number}")


def _seal_of(row: Row) -> Seal:
    return Seal(
        number=row["number"],
        start=row["start_xact"],
        end=row["end_xact"],
        lines=row["lines"],
        at=row["at"],
        digest=row["digest"],
    )
