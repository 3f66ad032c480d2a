"""Since when tickets are late: kept beside each, for the late ones to be found by an index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from telecom_crm.application.ports import Transaction
from telecom_crm.application.rules import SLA, service_levels_in
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.ticket import Ticket, late_from


def promise_in(tx: Transaction, tickets: Sequence[Ticket], *, zone: ZoneInfo) -> None:
    """
    Keep since when some stored tickets are late, by their events and what is promised.

    Nobody is kept from changing what is promised meanwhile: by which version it was reckoned is
    kept beside it, and `promise_anew` finds what is older.
    """
    version = tx.rules.version(SLA)  # read first: the levels are of this version, or later
    levels = service_levels_in(tx, zone=zone)
    of = defaultdict[str, list[Event]](list)
    for event in tx.events.timeline([("ticket", one.key) for one in tickets]):
        of[event.thing_id].append(event)
    late = {
        one.id: late_from(of[one.key], levels.policy, levels.calendar, of[one.key][-1].at)
        for one in tickets
    }
    tx.tickets.promise(late, version=version)


def promise_anew(tx: Transaction, *, zone: ZoneInfo, limit: int) -> int:
    """Reckon some of the tickets anew since whose reckoning something else is promised."""
    found = tx.tickets.promised_before(tx.rules.version(SLA), limit=limit)
    promise_in(tx, found, zone=zone)
    return len(found)
