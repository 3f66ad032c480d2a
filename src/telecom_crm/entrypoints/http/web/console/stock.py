"""What SIM cards and numbers have in common in the console: who has them, their life, commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

import attrs

from telecom_crm.domain.contract import Contract
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.identifiers import ContractId
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.number import Number, NumberCategory
from telecom_crm.domain.provisioning import ProvisioningTask
from telecom_crm.domain.reservation import clerk_of, is_of_a_contract
from telecom_crm.domain.role import Area
from telecom_crm.domain.sim import Sim
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.commands import Question
from telecom_crm.entrypoints.http.web.console.lists import Listing, tally
from telecom_crm.entrypoints.http.web.events import event_shown, event_told
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import spoken
from telecom_crm.entrypoints.http.web.labels import label

S = TypeVar("S", bound=StrEnum)


def _reservation(form: Form, crm: Crm, _: object) -> dict[str, Any]:
    """Read for whom and until when something is to be kept; the day is included."""
    name = form.text("reserved_for", required=False, limit=100)
    _start, until = form.day_span("", "until", crm.zone)
    return {"for_": name or None, "until": until}


RESERVATION = Question(name="reservation", fields=("reserved_for", "until"), read=_reservation)
ASK = "console/stock/ask.html"
"""The page that asks about a command."""


def kept_for(thing: Sim | Number) -> str:
    """Return the name that something is kept under; what wizards and drafts have says nothing."""
    if thing.reserved_for and is_of_a_contract(thing.reserved_for):
        return _("A contract being made")
    if thing.reserved_for and (clerk := clerk_of(thing.reserved_for)):
        what = _("A sale")
        return f"{what} · {clerk}"
    return thing.reserved_for or ""


@attrs.frozen
class Holder:
    """The contract that has a card or a number, and whose it is, as far as the visitor may see."""

    contract: Contract
    customer: Customer | None
    tariff: str = ""
    """What its tariff is called, where one is looked at alone."""

    def needs(self, thing: Sim | Number) -> bool:
        """Tell whether the contract is live and the thing is the one that it works with."""
        return self.contract.is_live and thing.key in (
            self.contract.iccid.digits,
            self.contract.msisdn.digits,
        )


def holders(
    request: Visit, crm: Crm, things: Iterable[Sim | Number | ProvisioningTask]
) -> dict[ContractId, Holder]:
    """Return the contracts that have some cards or numbers, or that tasks are for."""
    ids = {one.contract_id for one in things if one.contract_id}
    if not ids or not request.may(Area.CONTRACTS):
        return {}
    contracts = crm.contracts.get_many(ids)
    people: dict[Any, Customer] = {}
    if request.may(Area.CUSTOMERS):
        people = crm.customers.get_many({one.customer_id for one in contracts.values()})
    return {id: Holder(one, people.get(one.customer_id)) for id, one in contracts.items()}


def holder_of(request: Visit, crm: Crm, thing: Sim | Number) -> Holder | None:
    """Return the contract that has a card or a number; None where none has."""
    found = next(iter(holders(request, crm, [thing]).values()), None)
    if found is None:
        return None
    return attrs.evolve(found, tariff=spoken(crm.catalog.tariff(found.contract.tariff_code).name))


def chips(
    listing: Listing, every: str, statuses: type[S], counts: Mapping[S, int] | None
) -> list[dict[str, Any]]:
    """Return a chip for all and for each status, with how many there are where it is known."""
    now = listing.where().get("status")
    words: list[tuple[str | None, str, int | None]] = [
        (None, every, None if counts is None else sum(counts.values())),
        *((one.value, label(one), None if counts is None else counts[one]) for one in statuses),
    ]
    return [
        {
            "href": listing.url(status=status),
            "text": text,
            "count": None if count is None else tally(count),
            "current": now == status,
        }
        for status, text, count in words
    ]


def life(events: Sequence[Event]) -> list[tuple[Event, str, str, str, str]]:
    """Return what happened, newest first: each event, its words, icon, tone and reason."""
    return [(one, *event_shown(one.name), _why(one)) for one in reversed(events)]


def _why(event: Event) -> str:
    if event.name == "NumberReclassified":
        return label(NumberCategory(event.payload["category"]))
    return event_told(event)[-1]


@attrs.frozen(kw_only=True)
class Range:
    """What a form of a first and a last one comes to: its keys, and which of them are there."""

    keys: Sequence[Any]
    there: Sequence[Any]
    seen: bool
    """Whether the form was sent from a page that showed how many they are."""

    @property
    def name(self) -> str:
        """What the form carries, to be known as seen; "" where there is nothing to take in."""
        return (
            f"{self.keys[0].digits}-{self.keys[-1].digits}" if self.keys and not self.there else ""
        )


def read_range(
    form: Form,
    read: Callable[[str], Any],
    between: Callable[[Any, Any], Sequence[Any]],
    known: Callable[[Sequence[Any]], Sequence[Any]],
) -> Range | None:
    """Read a range out of a form; None where there is something wrong with it."""
    first, last = form.read("first", read), form.read("last", read)
    keys = form.submit(between, first, last) if form.ok else None
    if keys is None:
        return None
    found = Range(keys=keys, there=known(keys), seen=False)
    return attrs.evolve(found, seen=bool(found.name) and form.raw("seen") == found.name)
