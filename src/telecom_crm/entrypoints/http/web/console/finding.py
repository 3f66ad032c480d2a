"""What the palette finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from telecom_crm.application.ports import Query
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.contract_facts import PATH, searched
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import phone
from telecom_crm.entrypoints.http.web.menu import Hit, May

MOST = 8
LONGEST = 200
HITS = 20


def found(crm: Crm, typed: str, may: May, commands: Iterable[Hit]) -> list[Hit]:
    """Return pages whose name has the text in it, then the things that it finds."""
    text = typed.strip()[:LONGEST]
    if not text:
        return list(commands)
    named = [one for one in commands if text.casefold() in one.text.casefold()]
    return [
        *named,
        *_contracts(crm, text, may),
        *_tickets(crm, text, may),
        *_customers(crm, text, may),
    ]


def _contracts(crm: Crm, text: str, may: May) -> Iterator[Hit]:
    """Find contracts by their whole number, ICCID or phone."""
    if not may(Area.CONTRACTS, Action.READ):
        return
    try:
        where = searched(text, crm)
        contracts = crm.contracts.page(Query(where=where, limit=MOST, descending=True))
    except InvalidValue:  # no number that anything could have
        return
    for one in contracts.items:
        yield Hit(
            path=f"{PATH}/{one.id}",
            text=one.number,
            note=phone(one.msisdn),
            icon="file-text",
            state=one.status,
        )


def _tickets(crm: Crm, text: str, may: May) -> Iterator[Hit]:
    """Find a ticket by its whole number."""
    if not may(Area.TICKETS, Action.READ):
        return
    for one in crm.tickets.page(Query(where={"number": text.upper()}, limit=1)).items:
        yield Hit(
            path=f"/console/tickets/{one.id}",
            text=one.number,
            note=one.subject,
            icon="message-square",
            state=one.status,
        )


def _customers(crm: Crm, text: str, may: May) -> Iterator[Hit]:
    if not may(Area.CUSTOMERS, Action.READ):
        return
    try:
        people = crm.customers.search(text, limit=MOST)
    except InvalidValue:  # not a text that anything could be called
        return
    for one in people:
        yield Hit(
            path=f"/console/customers/{one.id}",
            text=one.name,
            note=phone(one.phone),
            icon="user",
            state=one.status,
        )


def found_customers(request: Visit, crm: Crm, q: str) -> list[Customer]:
    """Return whom a search finds; nobody for who may not see customers."""
    if not q or not request.may(Area.CUSTOMERS):
        return []
    try:
        return crm.customers.search(q, limit=HITS)
    except InvalidValue:  # no text that anybody could be called
        return []
