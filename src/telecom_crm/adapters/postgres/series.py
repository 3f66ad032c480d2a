"""Human numbers."""

from __future__ import annotations

from threading import Lock

import attrs
from sqlalchemy import Engine

from telecom_crm.adapters.postgres.engine import translated

BLOCK = 50
"""How many numbers a process takes at a time; those it does not use are left out for good."""


@attrs.define
class PostgresSeries:
    """
    Number series, each a row of a table, advanced in a transaction of its own.

    Give it an engine of its own with one connection: a command that takes a number while it is in
    a transaction must not wait for a connection that others like it hold.
    """

    engine: Engine
    _left: dict[str, range] = attrs.field(factory=dict, init=False, repr=False)
    _lock: Lock = attrs.field(factory=Lock, init=False, repr=False)

    def take(self, name: str, count: int = 1) -> range:
        """Return the next numbers of a series: rising in this process, unique over all."""
        with self._lock:
            left = self._left.get(name, range(0))
            if len(left) < count:
                left = self._advance(name, max(count, BLOCK))
            self._left[name] = left[count:]
            return left[:count]

    def _advance(self, name: str, count: int) -> range:
        with translated(f"number series {name}"), self.engine.begin() as connection:
            end: int = connection.exec_driver_sql(
                "INSERT INTO number_series (name, next) VALUES (%(name)s, 1 + %(count)s)"
                " ON CONFLICT (name) DO UPDATE SET next = number_series.next + %(count)s"
                " RETURNING next",
                {"name": name, "count": count},
            ).scalar_one()
        return range(end - count, end)
