"""Since when tickets are late: kept beside each, for the late ones to be found by an index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from telecom_crm.application.paging import each_in
from telecom_crm.application.ports import Transaction
from telecom_crm.application.rule_readers import ServiceLevels
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.ticket import WORKED_ON, Ticket, late_from

BATCH = 500
"""How many tickets are reckoned at once."""


def promise_in(tx: Transaction, tickets: Sequence[Ticket], levels: ServiceLevels) -> None:
    """Keep since when some stored tickets are late, by their events and what is promised."""
    of = defaultdict[str, list[Event]](list)
    for event in tx.events.timeline([("ticket", one.key) for one in tickets]):
        of[event.thing_id].append(event)
    tx.tickets.promise(
        {
            one.id: late_from(of[one.key], levels.policy, levels.calendar, of[one.key][-1].at)
            for one in tickets
        }
    )


def promise_anew(tx: Transaction, levels: ServiceLevels) -> None:
    """Reckon anew, where something else is promised, since when each open ticket is late."""
    for status in WORKED_ON:
        keys = [one.id for one in each_in(tx.tickets, status=status.value)]
        for start in range(0, len(keys), BATCH):
            held = tx.tickets.get_many(keys[start : start + BATCH])
            promise_in(tx, list(held.values()), levels)
