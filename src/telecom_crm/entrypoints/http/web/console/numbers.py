"""Phone numbers: the pool, one number with its life, and what is done to it outside a contract."""

from __future__ import annotations

from collections import Counter
from functools import partial
from operator import attrgetter
from typing import Any

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.inventory.receiving import NumberData
from telecom_crm.application.inventory.service import Inventory
from telecom_crm.application.ports import Page, Query
from telecom_crm.domain.errors import InvalidValue, NotFound
from telecom_crm.domain.identifiers import MSISDN
from telecom_crm.domain.number import (
    NUMBER_LIFECYCLE,
    Number,
    NumberCategory,
    NumberCommand,
    NumberStatus,
)
from telecom_crm.domain.ranges import LONGEST_RANGE, numbers_between
from telecom_crm.domain.report import PoolFigures
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.beside import beside
from telecom_crm.entrypoints.http.web.console.commands import (
    REASON,
    Command,
    Commands,
    Question,
    menu_of,
    routes_of,
)
from telecom_crm.entrypoints.http.web.console.lists import Listing, tally, tolerant
from telecom_crm.entrypoints.http.web.console.stock import (
    ASK,
    RESERVATION,
    Holder,
    Range,
    chips,
    holder_of,
    holders,
    kept_for,
    life,
    read_range,
)
from telecom_crm.entrypoints.http.web.forms import Form, written
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import pgettext, phone
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/numbers"

FILTERS = ("status", "category")
"""What the list is filtered by."""
KEY = attrgetter("key")

ENTRY = Entry(
    path=PATH,
    text=N_("Numbers"),
    icon="hash",
    section=N_("Products"),
    order=40,
    area=Area.INVENTORY,
    key="N",
    new=N_("Add a range"),
)

PRICED = (NumberStatus.AVAILABLE, NumberStatus.RESERVED, NumberStatus.QUARANTINED)
"""The states in which a class and a price still count: it has to be sold yet."""


def _msisdn(raw: str) -> MSISDN:
    """Read a number out of an address: what cannot be one names nothing."""
    try:
        return MSISDN(raw)
    except InvalidValue:
        raise NotFound("number", raw[:40]) from None


def _contract(form: Form, crm: Crm, _: Number) -> dict[str, Any]:
    """Read the contract whose number it was, by the contract's own number."""
    text = form.text("contract").upper()
    contract = next(crm.contracts.each(number=text), None) if text else None
    if contract is None:
        if form.ok:
            form.fault("contract", "contract_unknown")
        return {}
    return {"contract_id": contract.id}


def _class_and_price(form: Form, crm: Crm, _: object = None) -> dict[str, Any]:
    category = form.choice("category", NumberCategory)
    return {"category": category, "price": form.money("price", crm.currency, required=False)}


CONTRACT = Question(name="contract", read=_contract)
CLASS = Question(
    name="class",
    fields=("category", "price"),
    read=_class_and_price,
    begins=lambda _, number: {"category": number.category, "price": written(number.price)},
    offers=lambda *_: {"categories": [(one.value, label(one)) for one in NumberCategory]},
)
COMMANDS = Commands(
    area=Area.INVENTORY,
    service=lambda crm: crm.inventory,
    find=lambda crm, raw: crm.inventory.number(_msisdn(raw)),
    title=lambda number: phone(number.msisdn),
    key=lambda number: number.msisdn,
    template=ASK,
    allowed=lambda request, crm, number: _allowed(crm, number, holder_of(request, crm, number)),
    table=(
        Command(
            "reserve",
            N_("Reserve"),
            "clock",
            N_("The number is reserved"),
            Inventory.reserve_number,
            RESERVATION,
            undo="cancel",
        ),
        Command(
            "cancel",
            N_("Cancel the reservation"),
            "rotate-ccw",
            N_("The number is free again"),
            Inventory.cancel_number_reservation,
        ),
        Command(
            "recycle",
            N_("Offer again"),
            "refresh-cw",
            N_("The number is free again"),
            Inventory.recycle,
        ),
        Command(
            "restore",
            N_("Give back to its customer"),
            "rotate-ccw",
            N_("The number waits for its contract: change the contract's number to it"),
            Inventory.restore,
            CONTRACT,
            needs=Area.CONTRACTS,
        ),
        Command(
            "release", N_("Release"), "archive", N_("The number is released"), Inventory.release
        ),
        Command(
            "port_out",
            N_("Give to another operator"),
            "arrow-left-right",
            N_("The number is given away"),
            Inventory.port_out,
            hurts=True,
        ),
        Command(
            "return_from_port",
            N_("Take back from the other operator"),
            "rotate-ccw",
            N_("The number is back and rests"),
            Inventory.return_from_port,
        ),
        Command(
            "reclassify",
            N_("Change the class"),
            "tags",
            N_("The class is changed"),
            Inventory.reclassify,
            CLASS,
            undo="reclassify",
            undo_with=lambda number, _: {
                "category": number.category,
                "price": written(number.price),
            },
        ),
        Command(
            "withdraw",
            N_("Take out of the pool"),
            "ban",
            N_("The number is withdrawn"),
            Inventory.withdraw,
            REASON,
            hurts=True,
        ),
    ),
)
"""What is done to a number; the rest of its life is its contract's doing."""


class NumberPages(Controller):
    """Phone numbers in the console."""

    path = PATH

    @shows("/", Area.INVENTORY)
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """List numbers, or find those of a phone or with some digits in a row."""
        listing = Listing.of(request, *FILTERS)
        found, pool = listed(listing, crm), crm.reports.pool()
        return page(
            request,
            "console/numbers/index.html",
            fragment="console/numbers/_table.html",
            listing=listing,
            found=found,
            pool=pool,
            holders=holders(request, crm, found.items),
            kept_for=kept_for,
            chips=chips(
                listing,
                pgettext("numbers", "All"),
                NumberStatus,
                None if listing.q else _counts(listing, pool),
            ),
            classes=_classes(listing, pool),
        )

    @shows("/new", Area.INVENTORY, Action.WRITE)
    def new(self, request: Visit) -> Response[bytes]:
        """Ask for a range of numbers."""
        return _new(request, Form.filled(category=NumberCategory.STANDARD))

    @acts("/new", Area.INVENTORY)
    def receive(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Tell how many numbers a range has and which are there; the second time, add them."""
        terms = _class_and_price(form, crm)
        found = read_range(form, crm.read_phone, numbers_between, crm.inventory.known_numbers)
        if found is None or not found.seen or not form.ok:
            return _new(request, form, found)
        numbers = [NumberData(msisdn=msisdn, **terms) for msisdn in found.keys]
        receive = crm.inventory.receive_numbers
        if form.submit(receive, numbers, only_new=True, by=request.by) is None:
            return _new(request, form, found)
        return redirect(request, PATH, toast=_("The numbers are in the pool"))

    @shows("/{msisdn:str}", Area.INVENTORY)
    def show(
        self, request: Visit, msisdn: FromPath[str], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show a number and its life."""
        number = crm.inventory.number(_msisdn(msisdn))
        holder = holder_of(request, crm, number)
        rests_for = None
        if number.kept_for and request.may(Area.CUSTOMERS):
            rests_for = crm.customers.get(number.kept_for)
        return page(
            request,
            "console/numbers/show.html",
            number=number,
            base=f"{PATH}/{number.key}",
            beside=beside(request, PATH, number.key, FILTERS, partial(listed, crm=crm), KEY),
            holder=holder,
            kept_for=kept_for(number),
            rests_for=rests_for,
            events=life(crm.inventory.number_history(number.msisdn)),
            commands=COMMANDS.offered(request, _allowed(crm, number, holder)),
        )

    menu = menu_of("/{msisdn:str}", COMMANDS)
    ask, command = routes_of("/{msisdn:str}/{command:str}", COMMANDS)


def listed(listing: Listing, crm: Crm) -> Page[Number]:
    """Return what the list shows: what a search found, or a page of all."""
    page_of: Page[Number]
    where = listing.where()
    if not listing.q:
        page_of = tolerant(listing, crm.inventory.numbers)
        return page_of
    try:
        number = crm.inventory.number(crm.read_phone(listing.q))
    except (InvalidValue, NotFound):
        return _on_offer(listing, crm)
    shown = (where.get("status", number.status), where.get("category", number.category))
    fits = shown == (number.status, number.category)
    return Page(items=(number,) if fits else ())


def _on_offer(listing: Listing, crm: Crm) -> Page[Number]:
    """Return the free numbers with the digits that are searched for."""
    wanted, where = "".join(filter(str.isdecimal, listing.q)), listing.where()
    if not wanted or where.get("status", NumberStatus.AVAILABLE) != NumberStatus.AVAILABLE:
        return Page(items=())
    category = where.get("category")
    chosen = NumberCategory(category) if category in list(NumberCategory) else None

    def fetch(query: Query) -> Page[Number]:
        return crm.inventory.on_offer(
            containing=wanted, category=chosen, limit=query.limit, cursor=query.cursor
        )

    found: Page[Number] = tolerant(listing, fetch)
    return found


def _counts(listing: Listing, pool: PoolFigures) -> Counter[NumberStatus]:
    """Count the numbers of the category that the list shows, or of all, by state."""
    category = listing.where().get("category")
    counts = Counter[NumberStatus]()
    for kind, by_state in pool.numbers_by_state.items():
        if category == kind or category not in list(NumberCategory):
            counts.update(by_state)
    return counts


def _classes(listing: Listing, pool: PoolFigures) -> list[dict[str, Any]]:
    """Return a chip for each class, with how many numbers it has in the state that is shown."""
    where = listing.where()
    now, state = where.get("category"), where.get("status")
    counts = {
        kind: sum(count for one, count in of.items() if state in (one, None))
        for kind, of in pool.numbers_by_state.items()
    }
    words: list[tuple[str | None, str, int]] = [
        (None, pgettext("classes", "All"), sum(counts.values())),
        *((one.value, label(one), counts[one]) for one in NumberCategory),
    ]
    return [
        {
            "href": listing.url(category=value),
            "text": text,
            "count": None if listing.q else tally(count),
            "current": now == value,
        }
        for value, text, count in words
    ]


def _new(request: Visit, form: Form, found: Range | None = None) -> Response[bytes]:
    return page(
        request,
        "console/numbers/new.html",
        status=200 if form.ok else form.status,
        form=form,
        found=found,
        longest=LONGEST_RANGE,
        categories=[(one.value, label(one)) for one in NumberCategory],
    )


def _allowed(crm: Crm, number: Number, holder: Holder | None) -> set[str]:
    """Return what may be done to a number: not what a live contract or its rest forbids."""
    allowed: set[str] = set(NUMBER_LIFECYCLE.allowed(number.status))
    if holder and holder.needs(number):
        allowed -= {NumberCommand.RELEASE, NumberCommand.PORT_OUT}
    if number.quarantined_until and number.quarantined_until > crm.clock():
        allowed.discard(NumberCommand.RECYCLE)
    if number.status in PRICED:
        allowed.add("reclassify")
    return allowed
