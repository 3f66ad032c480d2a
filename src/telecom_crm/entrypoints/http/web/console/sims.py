"""SIM cards: the stock, one card with its life, and its codes for who may see them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.inventory import SimData, SimSecrets
from telecom_crm.application.ports import Page, Query
from telecom_crm.domain.errors import InvalidValue, NotFound
from telecom_crm.domain.identifiers import ICCID
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.ranges import LONGEST_RANGE, cards_between
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.sim import SIM_LIFECYCLE, RetireReason, Sim, SimCommand, SimStatus
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.lists import Listing, tolerant
from telecom_crm.entrypoints.http.web.console.steps import Step
from telecom_crm.entrypoints.http.web.console.stock import (
    Do,
    Holder,
    Range,
    asked,
    chips,
    holder_of,
    holders,
    kept_for,
    life,
    read_range,
    reservation,
    step_of,
)
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import pgettext
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows
from telecom_crm.entrypoints.http.web.templating import masked

PATH = "/console/sims"

FILTERS = ("status", "batch")
"""What the list is filtered by."""

ENTRY = Entry(
    path=PATH,
    text=N_("SIM cards"),
    icon="card-sim",
    section=N_("Products"),
    order=30,
    area=Area.INVENTORY,
    key="S",
)

STEPS: Mapping[str, Step] = {
    "reserve": Step(N_("Reserve"), "clock", N_("The card is reserved"), "reservation"),
    "cancel": Step(N_("Cancel the reservation"), "rotate-ccw", N_("The card is free again")),
    "retire": Step(N_("Retire"), "archive", N_("The card is retired"), "retirement"),
}
"""What is done to a card; the rest of its life is its contract's doing."""


def _reserve(crm: Crm, form: Form, sim: Sim, by: Actor) -> Sim | None:
    kept = reservation(form, crm)
    seen = form.version
    return form.submit(crm.inventory.reserve_sim, sim.iccid, **kept, expected_version=seen, by=by)


def _cancel(crm: Crm, form: Form, sim: Sim, by: Actor) -> Sim | None:
    cancel = crm.inventory.cancel_sim_reservation
    return form.submit(cancel, sim.iccid, expected_version=form.version, by=by)


def _retire(crm: Crm, form: Form, sim: Sim, by: Actor) -> Sim | None:
    reason = form.choice("retirement", RetireReason)
    if reason is None:
        return None
    return form.submit(
        crm.inventory.retire, sim.iccid, reason=reason, expected_version=form.version, by=by
    )


COMMANDS: Mapping[str, Do] = {"reserve": _reserve, "cancel": _cancel, "retire": _retire}


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
            chips=chips(
                listing,
                pgettext("sims", "All"),
                SimStatus,
                None if "batch" in listing.where() else pool.sims_by_state,
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

    @shows("/{iccid:str}/{command:str}", Area.INVENTORY, Action.WRITE)
    def ask(
        self,
        request: Visit,
        iccid: FromPath[str],
        command: FromPath[str],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Ask what a command needs to know, and whether."""
        return _asked(request, crm.inventory.sim(_iccid(iccid)), command, Form())

    @acts("/{iccid:str}/{command:str}", Area.INVENTORY)
    def command(
        self,
        request: Visit,
        iccid: FromPath[str],
        command: FromPath[str],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Reserve a card, give it back to stock, or retire it."""
        sim, step = crm.inventory.sim(_iccid(iccid)), step_of(STEPS, command)
        if COMMANDS[command](crm, form, sim, request.by) is None:
            return _asked(request, sim, command, form)
        return redirect(request, f"{PATH}/{sim.key}", toast=_(step.done))


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


def _asked(request: Visit, sim: Sim, command: str, form: Form) -> Response[bytes]:
    step = step_of(STEPS, command)
    title = masked(sim.key, first=6)
    action = f"{PATH}/{sim.key}/{command}"
    return asked(request, step, sim, title=title, action=action, form=form)


def _commands(request: Visit, sim: Sim, holder: Holder | None) -> list[tuple[str, Step]]:
    """Return what may be done to a card; one that a live contract needs is not retired."""
    if not request.may(Area.INVENTORY, Action.WRITE):
        return []
    allowed = set(SIM_LIFECYCLE.allowed(sim.status))
    if holder and holder.needs(sim):
        allowed.discard(SimCommand.RETIRE)
    return [(name, step) for name, step in STEPS.items() if name in allowed]


def _shown(
    request: Visit, crm: Crm, sim: Sim, secrets: SimSecrets | None = None
) -> Response[bytes]:
    holder = holder_of(request, crm, sim)
    return page(
        request,
        "console/sims/show.html",
        sim=sim,
        commands=_commands(request, sim, holder),
        base=f"{PATH}/{sim.key}",
        secrets=secrets,
        can_sell=sim.is_free(crm.clock()) and request.may(Area.CONTRACTS, Action.WRITE),
        holder=holder,
        kept_for=kept_for(sim),
        events=life(crm.inventory.sim_history(sim.iccid)),
    )


def _typed(raw: str) -> ICCID:
    return ICCID("".join(raw.split()))


def _iccid(raw: str) -> ICCID:
    """Read a card's number out of an address: what cannot be one names nothing."""
    try:
        return ICCID(raw)
    except InvalidValue:
        raise NotFound("sim", raw[:40]) from None
