"""What the palette finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.i18n import phone
from telecom_crm.entrypoints.http.web.menu import Hit, May

MOST = 8
LONGEST = 200


def found(crm: Crm, typed: str, may: May, commands: Iterable[Hit]) -> list[Hit]:
    """Return pages whose name has the text in it, then the things that it finds."""
    text = typed.strip()[:LONGEST]
    if not text:
        return list(commands)
    named = [one for one in commands if text.casefold() in one.text.casefold()]
    return [*named, *_customers(crm, text, may)]


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
