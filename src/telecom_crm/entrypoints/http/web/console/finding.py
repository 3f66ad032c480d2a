"""What the palette finds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

import attrs

from telecom_crm.application.ports import Query
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import InvalidValue, NotFound
from telecom_crm.domain.identifiers import ICCID, CustomerId
from telecom_crm.domain.number import Number
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.text import masked
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.contract_facts import PATH, searched
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here, phone
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.menu import Hit, May

MOST = 8
LONGEST = 200
HITS = 20
CHOOSE = "console/customers/_choose.html"
"""What shows whom one chooses from: see `choosing`."""
FREE = 4
"""So many free numbers with some digits are among what is found; the list of numbers has all."""
FEWEST_DIGITS, MOST_DIGITS = 3, 4
"""Of a free number: so few are in so many of them that the first ones are found at once."""
NUMBERED = re.compile(r"[A-Z]+-\d+")
"""What numbers of contracts and tickets look like."""


@attrs.frozen
class Kind:
    """A kind of thing that has an id: who may see it, its page, and what is told of one."""

    area: Area
    path: str
    icon: str
    get: Callable[[Crm, Any], Any]
    """Raises `NotFound` for an id that none of them has."""
    told: Callable[[Any], tuple[str, str, Any]]
    """Its name, a note and its state."""

    def hit(self, thing: Any, key: object) -> Hit:
        """Return one as something found."""
        text, note, state = self.told(thing)
        return Hit(path=f"{self.path}/{key}", text=text, note=note, icon=self.icon, state=state)


CUSTOMER = Kind(
    Area.CUSTOMERS,
    "/console/customers",
    "user",
    lambda crm, key: crm.customers.get(key),
    lambda one: (one.name, _("Merged") if one.merged_into else phone(one.phone), one.status),
)
CONTRACT = Kind(
    Area.CONTRACTS,
    PATH,
    "file-text",
    lambda crm, key: crm.contracts.get(key),
    lambda one: (one.number, phone(one.msisdn), one.status),
)
TICKET = Kind(
    Area.TICKETS,
    "/console/tickets",
    "message-square",
    lambda crm, key: crm.tickets.get(key),
    lambda one: (one.number, one.subject, one.status),
)
PAYMENT = Kind(
    Area.PAYMENTS,
    "/console/payments",
    "wallet",
    lambda crm, key: crm.payments.get(key),
    lambda one: (here().money(one.amount), label(one.method), one.status),
)
APPLICATION = Kind(
    Area.APPLICATIONS,
    "/console/applications",
    "file-plus",
    lambda crm, key: crm.intake.get(key),
    lambda one: (one.number, label(one.kind), one.status),
)
ACCOUNT = Kind(
    Area.ACCOUNTS,
    "/console/accounts",
    "scale",
    lambda crm, key: crm.accounts.get(key).account,
    lambda one: (one.number, "", one.status),
)
CARD = Kind(
    Area.INVENTORY,
    "/console/sims",
    "card-sim",
    lambda crm, key: crm.inventory.sim(key),
    lambda one: (masked(one.key, first=6), one.batch, one.status),
)
NUMBER = Kind(
    Area.INVENTORY,
    "/console/numbers",
    "hash",
    lambda crm, key: crm.inventory.number(key),
    lambda one: (phone(one.msisdn), label(one.category), one.status),
)
WITH_UUID = (CUSTOMER, CONTRACT, PAYMENT, TICKET, APPLICATION, ACCOUNT)


def found(crm: Crm, typed: str, may: May, commands: Iterable[Hit]) -> list[Hit]:
    """Return pages whose name has the text in it, then the things that it finds."""
    text = typed.strip()[:LONGEST]
    if not text:
        return list(commands)
    if key := _uuid(text):
        return list(_known_by(crm, key, may))
    named = [one for one in commands if text.casefold() in one.text.casefold()]
    return [
        *named,
        *_contracts(crm, text, may),
        *_tickets(crm, text, may),
        *_customers(crm, text, may),
        *_stock(crm, text, may),
    ]


def the_only(hits: list[Hit], typed: str) -> Hit | None:
    """Return what a whole id, or the whole number of a contract or a ticket, leads to at once."""
    text = typed.strip()
    if _uuid(text):
        return next(iter(hits), None)
    number = NUMBERED.fullmatch(text.upper())
    return next((one for one in hits if number and one.text == number[0]), None)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if "-" in text else None  # else it is digits, of a card for one
    except ValueError:
        return None


def _known_by(crm: Crm, key: UUID, may: May) -> Iterator[Hit]:
    """Find what has an id."""
    for kind in WITH_UUID:
        if may(kind.area, Action.READ):
            try:
                yield kind.hit(kind.get(crm, key), key)
            except NotFound:
                continue


def _stock(crm: Crm, text: str, may: May) -> Iterator[Hit]:
    """Find the card of an ICCID, the number of a phone, and free numbers with some digits."""
    if not may(Area.INVENTORY, Action.READ):
        return
    digits = "".join(text.split())
    try:
        card = crm.inventory.sim(ICCID(digits))
        yield CARD.hit(card, card.key)
    except (InvalidValue, NotFound):
        for number in _numbers(crm, text):
            yield NUMBER.hit(number, number.key)


def _numbers(crm: Crm, text: str) -> Iterable[Number]:
    try:
        return [crm.inventory.number(crm.read_phone(text))]
    except (InvalidValue, NotFound):
        pass  # a part of one, then
    digits = "".join(text.split())
    if not (digits.isdecimal() and FEWEST_DIGITS <= len(digits) <= MOST_DIGITS):
        return []
    return crm.inventory.on_offer(containing=digits, limit=FREE).items


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
        yield CONTRACT.hit(one, one.id)


def _tickets(crm: Crm, text: str, may: May) -> Iterator[Hit]:
    """Find a ticket by its whole number."""
    if not may(Area.TICKETS, Action.READ):
        return
    for one in crm.tickets.page(Query(where={"number": text.upper()}, limit=1)).items:
        yield TICKET.hit(one, one.id)


def _customers(crm: Crm, text: str, may: May) -> Iterator[Hit]:
    if not may(Area.CUSTOMERS, Action.READ):
        return
    try:
        people = crm.customers.search(text, limit=MOST)
    except InvalidValue:  # not a text that anything could be called
        return
    for one in people:
        yield CUSTOMER.hit(one, one.id)


def choosing(
    request: Visit,
    crm: Crm,
    *,
    at: str,
    leads: Callable[[CustomerId], str],
    kept: Iterable[tuple[str, str]] = (),
    but: CustomerId | None = None,
) -> dict[str, Any]:
    """
    Return what `CHOOSE` shows: whom a search finds, to choose one.

    The page is `at` an address, a search keeps there what is `kept`; a row `leads` to what comes
    of the choice. Who is to be none of them is named in `but`.
    """
    q = request.query_params.get("q", "").strip()[:200]
    hits = [one for one in found_customers(request, crm, q) if one.id != but]
    told = {"q": q, "hits": hits, "at": at, "leads": leads, "kept": tuple(kept)}
    return {**told, "sells": False, "owing": {}}


def found_customers(request: Visit, crm: Crm, q: str) -> list[Customer]:
    """
    Return whom a search finds, to pick one; nobody for who may not see customers.

    In the place of who was merged stands the survivor: what is done is done for them.
    """
    if not q or not request.may(Area.CUSTOMERS):
        return []
    try:
        return crm.customers.living(crm.customers.search(q, limit=HITS))
    except InvalidValue:  # no text that anybody could be called
        return []
