"""A customer's history as their profile shows it: all of it, or what is about one thing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from telecom_crm.application.ports import Query
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.role import Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.events import event_shown
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here, pgettext
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import label, tone

SHOWN = 30
"""So many lines are shown, the latest."""
KINDS: Mapping[str, tuple[str, frozenset[str]]] = {
    "money": (N_("Money"), frozenset({"account", "payment"})),
    "service": (N_("Service"), frozenset({"contract"})),
    "contacts": (N_("Contacts"), frozenset({"ticket", "application"})),
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


def history(request: Visit, crm: Crm, customer: Customer, kind: str) -> list[Told]:
    """Return the latest of what happened to a customer, the last first."""
    lines = [
        Told(thing=one.thing, at=one.at, words=words, sub=sub, icon=icon, tone=tone)
        for one in crm.customers.timeline(customer.id)
        for words, icon, tone in (event_shown(one.name),)
        for sub in (f"{one.by} · {one.reason}" if one.reason else f"{one.by}",)
    ]
    lines += _payments(request, crm, customer)
    things = KINDS[kind][1] if kind in KINDS else None
    wanted = [
        one
        for one in lines
        if (things is None or one.thing in things) and request.may(AREA_OF[one.thing])
    ]
    return sorted(wanted, key=lambda one: one.at)[-SHOWN:][::-1]


def kinds(base: str, now: str) -> list[dict[str, Any]]:
    """Return what narrows the history, as links."""
    known = now if now in KINDS else ""
    every = {"href": base, "text": pgettext("history", "All"), "current": not known}
    return [
        every,
        *(
            {"href": f"{base}?history={name}", "text": _(words), "current": name == known}
            for name, (words, _things) in KINDS.items()
        ),
    ]


def _payments(request: Visit, crm: Crm, customer: Customer) -> list[Told]:
    """Return a line for each of the latest payments, as it stands."""
    if not request.may(Area.PAYMENTS):
        return []
    ids = [account.id for account in crm.accounts.of_customer(customer.id)]
    latest = crm.payments.of_accounts(ids, Query(limit=SHOWN, descending=True)).items
    return [
        Told(
            thing="payment",
            at=one.at,
            words=f"{label(one.method)}: {here().money(one.amount)}",
            sub=label(one.status),
            icon="wallet",
            tone=tone(one.status),
        )
        for one in latest
    ]
