"""The month that a page is about, as its address says."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import attrs

from telecom_crm.entrypoints.crm import Crm, month_of
from telecom_crm.entrypoints.http.web.http import Visit


@attrs.frozen
class Month:
    """
    A month of the operator's, as [start, end), with those beside it.

    `named`, `before` and `after` are as an address has them, 2026-11; `after` is None where that
    month has not begun.
    """

    start: datetime
    end: datetime
    after: str | None

    @classmethod
    def asked(cls, request: Visit, crm: Crm) -> Month:
        """Return the month in the address; this one, where it names none."""
        now = crm.clock()
        start, end = month_of(crm, _instant(request.query_params.get("month", ""), now, crm))
        return cls(start, end, f"{end:%Y-%m}" if end <= now else None)

    @property
    def named(self) -> str:
        """The month itself."""
        return f"{self.start:%Y-%m}"

    @property
    def before(self) -> str:
        """The month before it."""
        return f"{self.start - timedelta(days=1):%Y-%m}"


def _instant(raw: str, now: datetime, crm: Crm) -> datetime:
    """Return an instant of a month; now, where it is no month or one to come."""
    try:
        day = date.fromisoformat(f"{raw}-01")
        asked = datetime(day.year, day.month, 2, tzinfo=crm.zone)
    except ValueError:
        return now
    return asked if day.year >= 2000 and asked <= now else now
