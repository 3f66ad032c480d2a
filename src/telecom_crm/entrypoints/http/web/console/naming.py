"""Things as people know them: what they are called, whose they are, and where they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from telecom_crm.application.audit import IS_ID, Key
from telecom_crm.domain.role import Area
from telecom_crm.domain.text import masked
from telecom_crm.entrypoints.http.web.audit_labels import RULES_OF
from telecom_crm.entrypoints.http.web.events import EVENTS, event_shown
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import gettext, here, phone, spoken
from telecom_crm.entrypoints.http.web.labels import gateway, label, role_title

Told = Callable[[Any], Iterable[str | None]]
"""Says what a thing is called, part by part."""
Whose = Callable[[Any], Key]
"""Says what leads from a thing on to the customer whose it is."""


def _by_key(_thing: Any) -> Iterable[str | None]:
    return ()


def _nobody(_thing: Any) -> Key:
    return "", ""


def _customer(thing: Any) -> Key:
    return "customer", str(thing.customer_id or "")


def _account(thing: Any) -> Key:
    return "account", str(thing.account_id or "")


def _contract(thing: Any) -> Key:
    return "contract", str(thing.contract_id)


@attrs.frozen
class Kind:
    """A kind of thing: who may see one, where, and what it is called."""

    area: Area
    path: str = ""
    """Where one has its page, by its key; "" for what has none."""
    told: Told = _by_key
    whose: Whose = _nobody


KINDS: Mapping[str, Kind] = {
    "account": Kind(
        Area.ACCOUNTS,
        "/console/accounts",
        lambda one: [gateway(one.place) if one.house else one.number],
        _customer,
    ),
    "application": Kind(
        Area.APPLICATIONS,
        "/console/applications",
        lambda one: [one.number, one.said("full_name")],
    ),
    "approval": Kind(
        Area.APPROVALS,
        "/console/approvals",
        lambda one: [label(one.kind), here().money(one.amount) if one.amount else None],
    ),
    "contract": Kind(Area.CONTRACTS, "/console/contracts", lambda one: [one.number], _customer),
    "customer": Kind(Area.CUSTOMERS, "/console/customers", lambda one: [one.name]),
    "import_job": Kind(Area.IMPORTS, "/console/imports", lambda one: [one.file_name]),
    "notification": Kind(
        Area.NOTIFICATIONS, "", lambda one: [_message(one.event), label(one.channel)], _customer
    ),
    "number": Kind(Area.INVENTORY, "/console/numbers"),
    "option": Kind(Area.CATALOG, "/console/tariffs/options", lambda one: [spoken(one.name)]),
    "payment": Kind(
        Area.PAYMENTS, "/console/payments", lambda one: [here().money(one.amount)], _account
    ),
    "provisioning_task": Kind(
        Area.NETWORK,
        "/console/network",
        lambda one: [label(one.kind), phone(one.msisdn)],
        _contract,
    ),
    "refund": Kind(Area.PAYMENTS, "", lambda one: [here().money(one.amount)], _account),
    "sim": Kind(Area.INVENTORY, "/console/sims"),
    "tariff": Kind(Area.CATALOG, "/console/tariffs", lambda one: [spoken(one.name)]),
    "ticket": Kind(Area.TICKETS, "/console/tickets", lambda one: [one.number, one.subject]),
    "token": Kind(Area.TOKENS, "/console/tokens", lambda one: [one.name]),
    "user": Kind(Area.USERS, "/console/users", lambda one: [one.login]),
    "webhook": Kind(Area.OPERATIONS, "", lambda one: [one.url]),
}
"""What the trail is about, where that is more than its key says."""


_BETWEEN, _LAST = {"account", "contract"}, {"customer"}
STAGES = (KINDS.keys() - _BETWEEN - _LAST, _BETWEEN, _LAST)
"""In what order they are read: those that others lead to behind these."""


def _message(event: str) -> str:
    return event_shown(event)[0] if event in EVENTS else event


SAID_BY_KEYS: Mapping[str, Callable[[str], str]] = {
    "notification": _message,
    "number": lambda key: phone(f"+{key}"),
    "role": lambda key: role_title(key, key),
    "rules": lambda key: gettext(RULES_OF[key]) if key in RULES_OF else key,
    "sim": lambda key: masked(key, first=6),
}
"""What a key says by itself; of a message, what it is about."""


def named(request: Visit, keys: Iterable[Key]) -> dict[Key, str]:
    """
    Return what things are called, as far as the visitor may see them and they are still there.

    Many are read with as many statements as one: one for each kind. Behind what a thing is called
    stands whose it is, for who may see customers.
    """
    wanted = {key for key in keys if key[0] in KINDS and request.may(KINDS[key[0]].area)}
    known, ahead = dict[Key, Any](), set[Key]()
    for stage in STAGES:
        known |= request.pages.things(key for key in wanted | ahead if key[0] in stage)
        if request.may(Area.CUSTOMERS):
            ahead |= {_ahead(key, thing) for key, thing in known.items()}
    told = {
        key: " · ".join(filter(None, (*KINDS[key[0]].told(known[key]), _owner(key, known))))
        for key in wanted & known.keys()
    }
    return {key: words for key, words in told.items() if words}


def called(key: Key, names: Mapping[Key, str]) -> str:
    """Return what a thing is called; without a name what its key says, and of an id its end."""
    thing, text = key
    if key in names:
        return names[key]
    if IS_ID.fullmatch(text):
        return f"…{text[-8:]}"
    return SAID_BY_KEYS[thing](text) if thing in SAID_BY_KEYS else text


def place_of(key: Key, request: Visit) -> str | None:
    """Return the address of a thing's page, where it has one that the visitor may open."""
    thing, text = key
    kind = KINDS.get(thing)
    shown = kind is not None and kind.path and text and request.may(kind.area)
    return f"{kind.path}/{text}" if kind is not None and shown else None


def _ahead(key: Key, thing: Any) -> Key:
    return KINDS[key[0]].whose(thing)


def _owner(key: Key, known: Mapping[Key, Any]) -> str:
    """Return the name of the customer whose a thing is; "" for a customer, and where none is."""
    end = key
    while end in known and end[0] != "customer":
        end = _ahead(end, known[end])
    return known[end].name if end in known and end != key else ""
