"""What a contract can be sold with: free numbers and cards, tariffs and options, as pages offer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from telecom_crm.application.ports import Query
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import ICCID, MSISDN, AccountId, CustomerId
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import NumberCategory
from telecom_crm.domain.policy import PaymentMode
from telecom_crm.domain.role import Area
from telecom_crm.domain.sim import Sim
from telecom_crm.domain.tariff import Allowances
from telecom_crm.domain.text import masked
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.lists import Listing
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here, pgettext, phone, spoken
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.messages import capital, worded

EVERY = Query(limit=500)
CARDS = 6
WHOLE_ICCID = 18
"""From so many digits on, what is typed is meant as a whole ICCID, and not as its end."""


def numbers_offered(
    request: Visit, crm: Crm, *kept: str, has: MSISDN | None = None
) -> dict[str, Any]:
    """
    Return free numbers, narrowed as the address says, after the one it `has`.

    `kept` is what else the address says, which a search leaves there.
    """
    listing = Listing.of(request, "category", *kept)
    category = listing.where().get("category")
    chosen = NumberCategory(category) if category in list(NumberCategory) else None
    cursor = listing.asked.get("cursor")
    try:
        found = crm.inventory.on_offer(containing=listing.q, category=chosen, cursor=cursor)
    except InvalidValue:  # a place in the list that is none
        found = crm.inventory.on_offer(containing=listing.q, category=chosen)
    own = crm.inventory.known_numbers([has] if has else [])
    others = [one for one in found.items if one.msisdn != has]
    texts = [
        (None, pgettext("numbers", "All")),
        *((one.value, label(one)) for one in NumberCategory),
    ]
    return {
        "listing": listing,
        "kept": {name: listing.asked.get(name, "") for name in kept},
        "numbers": [
            {
                "value": one.msisdn.digits,
                "title": phone(one.msisdn),
                "note": _priced(label(one.category), one.price),
            }
            for one in (*own, *others)
        ],
        "more": listing.onward(found.next),
        "categories": [
            {"href": listing.url(category=value), "text": text, "current": category == value}
            for value, text in texts
        ],
    }


def accounts_offered(
    request: Visit, crm: Crm, customer_id: CustomerId
) -> list[tuple[AccountId, str]]:
    """Return a customer's accounts to choose from, with their balance; none without the right."""
    if not request.may(Area.ACCOUNTS):
        return []
    return [
        (state.account.id, f"{state.account.number} · {here().money(state.available)}")
        for state in crm.accounts.states_of([customer_id])[customer_id]
    ]


def card_chosen(form: Form, crm: Crm) -> ICCID | None:
    """Read the card: the one whose whole ICCID is typed or scanned, else the one picked."""
    typed = _plain(form.raw("iccid"))
    picks = len(typed) < WHOLE_ICCID and (form.raw("card") or not typed)
    iccid = form.read("card" if picks else "iccid", lambda raw: ICCID(_plain(raw)))
    if iccid is not None and not crm.inventory.known_sims([iccid]):
        form.fault("iccid", "iccid_unknown")
        return None
    return iccid


def cards_offered(crm: Crm, form: Form, *, for_: str | None = None) -> dict[str, Any]:
    """
    Return some free cards to pick from, and what of them is chosen already.

    They are those that the typed text narrows them to. A whole ICCID that is one of ours is picked,
    and typed no more; so is what is kept under the name `for_`.
    """
    typed, picked = form.raw("iccid").strip(), form.raw("card")
    own = _card_known(typed, crm) or _card_known(picked, crm)
    if own is not None and _plain(typed) == own.key:
        typed = ""
    if own is not None and not own.is_free(crm.clock(), reservation=for_):
        own = None
    free = crm.inventory.cards_on_offer(matching=typed, limit=CARDS)
    every = [*([own] if own else []), *(one for one in free if one != own)]
    return {
        "cards": [
            {"value": one.key, "title": masked(one.key, first=6), "note": one.batch}
            for one in every
        ],
        "typed": typed,
        "picked": own.key if own else "",
    }


def whole_iccid(typed: str) -> ICCID | None:
    """Read what is typed as an ICCID; None for a part of one, or nothing."""
    try:
        return ICCID(_plain(typed))
    except InvalidValue:
        return None


def _card_known(typed: str, crm: Crm) -> Sim | None:
    iccid = whole_iccid(typed)
    return next(iter(crm.inventory.known_sims([iccid] if iccid else [])), None)


def _plain(typed: str) -> str:
    return "".join(typed.split())


def _priced(words: str, amount: Money | None) -> str:
    return f"{words} · {here().money(amount)}" if amount else words


def tariffs_offered(
    crm: Crm, modes: Iterable[PaymentMode], *, has: str = ""
) -> list[dict[str, Any]]:
    """
    Return the tariffs that are sold now to who pays in one of these ways, and the one it has.

    The one with the least to pay each month is the first.
    """
    now, wanted = crm.clock(), tuple(modes)
    sold = [
        (tariff, version)
        for tariff in crm.catalog.tariffs(EVERY).items
        if tariff.code == has or any(tariff.on_sale(at=now, mode=mode) for mode in wanted)
        if (version := tariff.version_at(now)) is not None
    ]
    return [
        {
            "value": tariff.code,
            "title": spoken(tariff.name),
            "big": price(version.monthly_fee, recurring=True),
            "includes": version.allowances,
            "note": spoken(tariff.description),
        }
        for tariff, version in sorted(sold, key=lambda one: one[1].monthly_fee.minor)
    ]


def options_offered(crm: Crm, *, has: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Return the options that are sold now, and those it has."""
    now, had = crm.clock(), set(has)
    found = [
        (option, option.version_at(now))
        for option in crm.catalog.options(EVERY).items
        if option.code in had or option.on_sale(at=now)
    ]
    return [
        {
            "value": option.code,
            "title": spoken(option.name),
            "price": price(version.fee, recurring=version.recurring),
            "includes": None if version.allowances == Allowances() else version.allowances,
            "note": spoken(option.description),
        }
        for option, version in found
        if version is not None
    ]


def options_refused(crm: Crm, tariff: str, options: Sequence[str]) -> dict[str, str]:
    """Return what forbids each further option, in words; nothing while there is no tariff."""
    if not tariff:
        return {}
    names = crm.catalog.names()
    return {
        code: "; ".join(capital(worded(reason, names)) for reason in reasons)
        for code, reasons in crm.catalog.refusals(tariff=tariff, options=options).items()
    }


def price(fee: Money, *, recurring: bool) -> str:
    """Write what something costs, once or every month."""
    amount = here().money(fee)
    return _("%(amount)s / month", amount=amount) if recurring else amount
