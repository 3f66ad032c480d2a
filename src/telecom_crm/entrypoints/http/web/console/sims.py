"""SIM cards: the stock, one card with its life, and its codes for who may see them."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from urllib.parse import urlencode

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.inventory.receiving import SimData
from telecom_crm.application.inventory.service import Inventory, SimSecrets
from telecom_crm.application.ports import Page, Query
from telecom_crm.domain.errors import InvalidValue, NotFound
from telecom_crm.domain.identifiers import ICCID
from telecom_crm.domain.ranges import LONGEST_RANGE, cards_between
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.sim import SIM_LIFECYCLE, RetireReason, Sim, SimCommand, SimStatus
from telecom_crm.domain.text import masked
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.beside import beside
from telecom_crm.entrypoints.http.web.console.commands import (
    Command,
    Commands,
    Question,
    menu_of,
    routes_of,
)
from telecom_crm.entrypoints.http.web.console.lists import Listing, tolerant
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
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import pgettext
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/sims"

FILTERS = ("status", "batch")
"""What the list is filtered by."""
KEY = attrgetter("key")

ENTRY = Entry(
    path=PATH,
    text=N_("SIM cards"),
    icon="card-sim",
    section=N_("Products"),
    order=30,
    area=Area.INVENTORY,
    key="S",
    new=N_("Receive cards"),
)


def _iccid(raw: str) -> ICCID:
    """Read a card's number out of an address: what cannot be one names nothing."""
    try:
        return ICCID(raw)
    except InvalidValue:
        raise NotFound("sim", raw[:40]) from None


RETIREMENT = Question(
    name="retirement",
    read=lambda form, *_: {"reason": form.choice("retirement", RetireReason)},
    offers=lambda *_: {"reasons": [(one.value, label(one)) for one in RetireReason]},
)
COMMANDS = Commands(
    area=Area.INVENTORY,
    service=lambda crm: crm.inventory,
    find=lambda crm, raw: crm.inventory.sim(_iccid(raw)),
    title=lambda sim: masked(sim.key, first=6),
    key=lambda sim: sim.iccid,
    template=ASK,
    allowed=lambda request, crm, sim: _allowed(sim, holder_of(request, crm, sim)),
    table=(
        Command(
            "reserve",
            N_("Reserve"),
            "clock",
            N_("The card is reserved"),
            Inventory.reserve_sim,
            RESERVATION,
            undo="cancel",
        ),
        Command(
            "cancel",
            N_("Cancel the reservation"),
            "rotate-ccw",
            N_("The card is free again"),
            Inventory.cancel_sim_reservation,
        ),
        Command(
            "retire",
            N_("Retire"),
            "archive",
            N_("The card is retired"),
            Inventory.retire,
            RETIREMENT,
            hurts=True,
        ),
    ),
)
"""What is done to a card; the rest of its life is its contract's doing."""


class SimPages(Controller):
    """SIM cards in the console."""

    path = PATH

    @shows("/", Area.INVENTORY)
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """List cards, or find those of an ICCID, a phone or a batch."""
        listing = Listing.of(request, *FILTERS)
        found, pool = listed(listing, crm), crm.reports.pool()
        return page(
            request,
            "console/sims/index.html",
            fragment="console/sims/_table.html",
            listing=listing,
            found=found,
            pool=pool,
            holders=holders(request, crm, found.items),
            kept_for=kept_for,
            chips=chips(
                listing,
                pgettext("sims", "All"),
                SimStatus,
                None if listing.q or "batch" in listing.where() else pool.sims_by_state,
            ),
        )

    @shows("/new", Area.INVENTORY, Action.WRITE)
    def new(self, request: Visit) -> Response[bytes]:
        """Ask for a range of cards."""
        return _new(request, Form())

    @acts("/new", Area.INVENTORY)
    def receive(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Tell how many cards a range has and which are there; the second time, take them in."""
        batch = form.text("batch", required=False, limit=100)
        found = read_range(form, _typed, cards_between, crm.inventory.known_sims)
        if found is None or not found.seen or not form.ok:
            return _new(request, form, found)
        cards = [SimData(iccid=iccid, batch=batch) for iccid in found.keys]
        if form.submit(crm.inventory.receive_sims, cards, only_new=True, by=request.by) is None:
            return _new(request, form, found)
        shown = urlencode({"batch": batch}) if batch else ""
        return redirect(request, f"{PATH}?{shown}", toast=_("The cards are in stock"))

    @shows("/{iccid:str}", Area.INVENTORY)
    def show(
        self, request: Visit, iccid: FromPath[str], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show a card and its life; what identifies it, by its ends alone."""
        return _shown(request, crm, crm.inventory.sim(_iccid(iccid)))

    @acts("/{iccid:str}", Area.INVENTORY, Action.REVEAL)
    def reveal(
        self, request: Visit, iccid: FromPath[str], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show a card with its numbers and codes, which is written down."""
        sim = crm.inventory.sim(_iccid(iccid))
        return _shown(request, crm, sim, crm.inventory.secrets(sim.iccid, by=request.by))

    menu = menu_of("/{iccid:str}", COMMANDS)
    ask, command = routes_of("/{iccid:str}/{command:str}", COMMANDS)


def listed(listing: Listing, crm: Crm) -> Page[Sim]:
    """Return what the list shows: what a search found, or a page of all."""
    page_of: Page[Sim]
    if not listing.q:
        page_of = tolerant(listing, crm.inventory.sims)
        return page_of
    if (sim := _searched(listing.q, crm)) is not None:
        fits = listing.where().get("status") in (None, sim.status)
        return Page(items=(sim,) if fits else ())
    page_of = tolerant(listing, lambda query: crm.inventory.sims(_of_batch(query, listing.q)))
    return page_of


def _of_batch(query: Query, batch: str) -> Query:
    return attrs.evolve(query, where={**query.where, "batch": batch})


def _searched(text: str, crm: Crm) -> Sim | None:
    """Return the card that an ICCID or a subscriber's phone leads to."""
    try:
        return crm.inventory.sim(_typed(text))
    except (InvalidValue, NotFound):
        pass  # it may be a phone, then
    try:
        holder = crm.inventory.number(crm.read_phone(text)).contract_id
        return crm.inventory.sim(crm.contracts.get(holder).iccid) if holder else None
    except (InvalidValue, NotFound):
        return None


def _new(request: Visit, form: Form, found: Range | None = None) -> Response[bytes]:
    return page(
        request,
        "console/sims/new.html",
        status=200 if form.ok else form.status,
        form=form,
        found=found,
        longest=LONGEST_RANGE,
    )


def _allowed(sim: Sim, holder: Holder | None) -> list[str]:
    """Return what may be done to a card; one that a live contract needs is not retired."""
    needed = holder is not None and holder.needs(sim)
    return [
        one
        for one in SIM_LIFECYCLE.allowed(sim.status)
        if not (needed and one is SimCommand.RETIRE)
    ]


def _shown(
    request: Visit, crm: Crm, sim: Sim, secrets: SimSecrets | None = None
) -> Response[bytes]:
    holder = holder_of(request, crm, sim)
    return page(
        request,
        "console/sims/show.html",
        sim=sim,
        commands=COMMANDS.offered(request, _allowed(sim, holder)),
        base=f"{PATH}/{sim.key}",
        beside=beside(request, PATH, sim.key, FILTERS, partial(listed, crm=crm), KEY),
        secrets=secrets,
        can_sell=sim.is_free(crm.clock()) and request.may(Area.CONTRACTS, Action.WRITE),
        holder=holder,
        kept_for=kept_for(sim),
        events=life(crm.inventory.sim_history(sim.iccid)),
    )


def _typed(raw: str) -> ICCID:
    return ICCID("".join(raw.split()))
