"""
What a change changed: which fields, and their values before and after where those are nobody's.

An event tells it in its payload: `changes` has, by the field, the values before and after; `fields`
names those whose values are personal or secret, and so are in no event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import attrs

from telecom_crm.domain.lifecycle import Actor, Event

CHANGES, FIELDS = "changes", "fields"


@attrs.frozen
class Change:
    """A field that changed; what it was and is, unless it is `hidden`."""

    field: str
    before: Any = None
    after: Any = None
    hidden: bool = False


def differences(before: Any, after: Any) -> dict[str, list[Any]]:
    """
    Return what differs between two values of JSON, by its place: `[before, after]` for each.

    Parts of a list are told apart by their `id` or `name` where they have one, so that one more is
    one difference.
    """
    old, new = dict(_leaves("", before)), dict(_leaves("", after))
    return {
        place: [old.get(place), new.get(place)]
        for place in {**old, **new}
        if old.get(place) != new.get(place)
    }


def changes_in(event: Event) -> list[Change]:
    """Return what an event changed, its state among it, and what else it tells."""
    told = dict(event.payload)
    found = [Change(name, *both) for name, both in told.pop(CHANGES, {}).items()]
    found += [Change(name, hidden=True) for name in told.pop(FIELDS, ())]
    if event.before != event.after:
        found.insert(0, Change("status", event.before, event.after))
    known = {one.field for one in found}
    return found + [Change(name, None, value) for name, value in told.items() if name not in known]


def rules_changed(
    kind: str, sequence: int, *, before: Any, after: Any, state: str, by: Actor, at: datetime
) -> Event:
    """Return the event of rules that were put; `before` is None for the first."""
    return Event(
        thing="rules",
        thing_id=kind,
        sequence=sequence,
        name="RulesChanged",
        at=at,
        by=by,
        command="put",
        before=None if sequence == 1 else state,
        after=state,
        payload={CHANGES: differences(before, after)},
    )


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        parts: Iterable[tuple[str, Any]] = value.items()
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        parts = ((_name(one, number), one) for number, one in enumerate(value, 1))
    else:
        yield place, value
        return
    for name, inner in parts:
        yield from _leaves(f"{place}.{name}" if place else str(name), inner)


def _name(part: Any, number: int) -> str:
    named = isinstance(part, Mapping) and (part.get("id") or part.get("name"))
    return str(named or number)
