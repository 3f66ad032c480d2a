"""A customer's history as their profile shows it: of everything, or of what is about one thing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import attrs

from telecom_crm.application.ports import Page, Query
from telecom_crm.domain.customer import Customer, Note
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import AccountId, CustomerId
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.role import Area
from telecom_crm.domain.text import is_digits
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.lists import Listing
from telecom_crm.entrypoints.http.web.events import event_shown, event_told
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here, pgettext
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import label, tone

SHOWN = 30
"""So many lines are on a page."""
NOTED, ABSORBED = "CustomerNoted", "CustomerAbsorbed"
BEGINNING, END, BETWEEN = "", "-", "."
"""What a place says of a list that is not begun, and of one that is told; and what parts places."""
NOTE = "note"
"""A list of its own where notes are not told among all that happened."""
KINDS: Mapping[str, tuple[str, frozenset[str]]] = {
    "money": (N_("Money"), frozenset({"account", "payment"})),
    "service": (N_("Services"), frozenset({"contract"})),
    "contacts": (N_("Contacts"), frozenset({"ticket", "application", NOTE})),
}
"""What a history is narrowed to: words, and the things whose lines are shown."""
AREA_OF: Mapping[str, Area] = {
    "account": Area.ACCOUNTS,
    "application": Area.APPLICATIONS,
    "contract": Area.CONTRACTS,
    "customer": Area.CUSTOMERS,
    "payment": Area.PAYMENTS,
    "ticket": Area.TICKETS,
}
"""Whose right one needs to read of each thing."""


@attrs.frozen(kw_only=True)
class Told:
    """A line of the history."""

    thing: str
    at: datetime
    words: str
    sub: str
    icon: str
    tone: str
    notes: Sequence[Note] = ()
    """What was written down, or came with a merge, unless it was erased since."""


def history(request: Visit, crm: Crm, customer: Customer, listing: Listing) -> Page[Told]:
    """
    Return a page of what happened to a customer, the latest first.

    What happened, what was paid and what was noted are lists with a place each, which go on
    together.
    """
    kind = listing.where().get("history", "")
    wanted = [
        thing
        for thing, area in AREA_OF.items()
        if (kind not in KINDS or thing in KINDS[kind][1]) and request.may(area)
    ]
    streams = [partial(_events, request, crm, customer, wanted)]
    if "payment" in wanted:
        ids = [account.id for account in crm.accounts.of_customer(customer.id)]
        streams.append(partial(_payments, crm, ids))
    if kind in KINDS and NOTE in KINDS[kind][1]:
        streams.append(partial(_notes, request, customer))
    try:
        return _together(streams, listing.asked.get("cursor"))
    except InvalidValue:  # a place that somebody made up
        return _together(streams, None)


def latest(request: Visit, crm: Crm, customer: Customer, *, things: Collection[str]) -> list[Told]:
    """Return the last three lines about some kinds of things, as far as one may see them."""
    wanted = [one for one in things if request.may(AREA_OF[one])]
    query = Query(limit=3, descending=True)
    lines = list(_events(request, crm, customer, wanted, query).items)
    if "payment" in wanted:
        ids = [account.id for account in crm.accounts.of_customer(customer.id)]
        lines += _payments(crm, ids, query).items
    return sorted(lines, key=lambda one: one.at, reverse=True)[:3]


def kinds(listing: Listing) -> list[dict[str, Any]]:
    """Return what narrows the history, as links."""
    now = listing.where().get("history")
    every = {
        "href": listing.url(history=None),
        "text": pgettext("history", "All"),
        "current": now not in KINDS,
    }
    return [
        every,
        *(
            {"href": listing.url(history=name), "text": _(words), "current": name == now}
            for name, (words, _things) in KINDS.items()
        ),
    ]


Stream = Callable[[Query], Page[Told]]


def _together(streams: Sequence[Stream], cursor: str | None) -> Page[Told]:
    """Return a page of lists that each begin with the latest, as one list that does."""
    places = [BEGINNING] * len(streams) if cursor is None else cursor.split(BETWEEN)
    if len(places) != len(streams):
        raise InvalidValue.of("cursor", "cursor", "one that a page of this list gave", cursor)
    pages = [
        Page(items=()) if place == END else stream(_query(place, SHOWN))
        for stream, place in zip(streams, places, strict=True)
    ]
    lines, taken = list[Told](), [0] * len(pages)
    while len(lines) < SHOWN:
        heads = [
            (page.items[count].at, number)
            for number, (page, count) in enumerate(zip(pages, taken, strict=True))
            if count < len(page.items)
        ]
        if not heads:
            break
        number = max(heads)[1]
        lines.append(pages[number].items[taken[number]])
        taken[number] += 1
    onward = list(map(_behind, streams, places, pages, taken))
    is_over = all(place == END for place in onward)
    return Page(items=tuple(lines), next=None if is_over else BETWEEN.join(onward))


def _behind(stream: Stream, place: str, page: Page[Told], count: int) -> str:
    """Return the place behind so many lines of a list's page."""
    if count == len(page.items):
        return page.next or END
    return stream(_query(place, count)).next or END if count else place


def _query(place: str, limit: int) -> Query:
    return Query(limit=limit, cursor=None if place == BEGINNING else place, descending=True)


def _events(
    request: Visit, crm: Crm, customer: Customer, things: Sequence[str], query: Query
) -> Page[Told]:
    """Return a line for each thing that happened."""
    page = crm.customers.timeline(customer.id, query, things=things)
    noted = _noted(crm, page.items)
    lines = [
        Told(
            thing=one.thing,
            at=one.at,
            words=words,
            sub=sub,
            icon=icon,
            tone=tone,
            notes=[note for note in customer.notes if str(note.id) in noted(one)],
        )
        for one in page.items
        for words, icon, tone, why in (event_told(one),)
        for sub in (" · ".join(filter(None, (request.called(one.by), why))),)
    ]
    return Page(items=tuple(lines), next=page.next)


def _noted(crm: Crm, events: Sequence[Event]) -> Callable[[Event], Collection[str]]:
    """Return what tells of an event the ids of the notes that it made, or brought by a merge."""
    absorbed = {one.payload["customer"] for one in events if one.name == ABSORBED}
    losers = crm.customers.get_many(CustomerId(UUID(one)) for one in absorbed)
    brought = {one.key: {str(note.id) for note in one.notes} for one in losers.values()}

    def ids(event: Event) -> Collection[str]:
        if event.name == ABSORBED:
            return brought.get(event.payload["customer"], ())
        return (event.payload["note"],) if event.name == NOTED else ()

    return ids


def _notes(request: Visit, customer: Customer, query: Query) -> Page[Told]:
    """Return a line for each note; its cursor says how many were told."""
    told = query.cursor or "0"
    if not is_digits(told):
        raise InvalidValue.of("cursor", "cursor", "one that a page of this list gave", told)
    words, icon, tone = event_shown(NOTED)
    end = int(told) + query.limit
    lines = [
        Told(
            thing=NOTE,
            at=note.at,
            words=words,
            sub=request.called(note.by),
            icon=icon,
            tone=tone,
            notes=[note],
        )
        for note in customer.notes[::-1][int(told) : end]
    ]
    return Page(items=tuple(lines), next=str(end) if end < len(customer.notes) else None)


def _payments(crm: Crm, accounts: Sequence[AccountId], query: Query) -> Page[Told]:
    """Return a line for each payment, as it stands."""
    page = crm.payments.of_accounts(accounts, query)
    lines = [
        Told(
            thing="payment",
            at=one.at,
            words=f"{label(one.method)}: {here().money(one.amount)}",
            sub=label(one.status),
            icon="wallet",
            tone=tone(one.status),
        )
        for one in page.items
    ]
    return Page(items=tuple(lines), next=page.next)
