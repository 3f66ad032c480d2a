"""The network's tasks: what it has still to do for contracts, and what to do with what failed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.ports import Page, Query
from telecom_crm.application.provisioning import Provisioning
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import TaskId
from telecom_crm.domain.provisioning import (
    PROVISIONING_LIFECYCLE,
    ProvisioningCommand,
    ProvisioningKind,
    ProvisioningStatus,
    ProvisioningTask,
)
from telecom_crm.domain.role import Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.beside import beside
from telecom_crm.entrypoints.http.web.console.commands import (
    REASON,
    Command,
    Commands,
    menu_of,
    routes_of,
)
from telecom_crm.entrypoints.http.web.console.contract_facts import searched
from telecom_crm.entrypoints.http.web.console.lists import Listing, status_chips, tolerant
from telecom_crm.entrypoints.http.web.console.stock import holders
from telecom_crm.entrypoints.http.web.events import event_shown
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import pgettext
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import shows

PATH = "/console/network"

FILTERS = ("status", "kind")
"""What the list is filtered by."""

MOST_CONTRACTS = 20
"""Of so many contracts, the newest, a search shows the tasks; a phone has had as many at most."""

ENTRY = Entry(
    path=PATH,
    text=N_("Network"),
    icon="radio",
    section=N_("System"),
    order=20,
    area=Area.NETWORK,
    key="W",
)


def _skipping(*_asked: object) -> dict[str, Any]:
    return {
        "note": _(
            "For what was done in the network by hand, or is not needed: the network is not asked "
            "again, and the contract goes on as if the task were done."
        )
    }


def _dropping(_request: Visit, _crm: Crm, task: ProvisioningTask, _form: Form) -> dict[str, Any]:
    told = [_("The network is not asked again, and the task stays undone.")]
    if task.kind is ProvisioningKind.ACTIVATE:
        told.append(_("The contract is not activated; it can be activated again later."))
    if task.steps:
        told.append(_("A part is done in the network already: take it back there by hand."))
    return {"note": " ".join(told)}


COMMANDS = Commands(
    area=Area.NETWORK,
    service=lambda crm: crm.provisioning,
    find=lambda crm, key: crm.provisioning.get(TaskId(key)),
    title=lambda task: label(task.kind),
    allowed=lambda _request, _crm, task: _allowed(task),
    table=(
        Command(
            "retry",
            N_("Try again"),
            "refresh-cw",
            N_("The network is asked again"),
            Provisioning.retry,
        ),
        Command(
            "skip",
            N_("Done by hand"),
            "check",
            N_("The task counts as done"),
            Provisioning.skip,
            attrs.evolve(REASON, offers=_skipping),
        ),
        Command(
            "undo",
            N_("Drop the task"),
            "circle-x",
            N_("The task is dropped"),
            Provisioning.undo,
            attrs.evolve(REASON, offers=_dropping),
            hurts=True,
        ),
    ),
)


class NetworkPages(Controller):
    """The network's tasks in the console."""

    path = PATH

    @shows("/", Area.NETWORK)
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """List tasks, the newest first."""
        listing = Listing.of(request, *FILTERS)
        hits = _searched(listing, crm) if listing.q else None
        found = _page(listing, crm, hits)
        return page(
            request,
            "console/network/index.html",
            fragment="console/network/_table.html",
            allowed=_allowed,
            listing=listing,
            found=found,
            holders=holders(request, crm, found.items),
            chips=status_chips(
                listing,
                pgettext("tasks", "All"),
                ProvisioningStatus,
                crm.provisioning.counts,
                among=hits,
            ),
            kinds=[(one.value, label(one)) for one in ProvisioningKind],
        )

    @shows("/{task_id:uuid}", Area.NETWORK)
    def show(
        self, request: Visit, task_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show a task: what is asked for, the steps done, and what went wrong."""
        task = crm.provisioning.get(TaskId(task_id))
        contract = crm.contracts.get(task.contract_id) if request.may(Area.CONTRACTS) else None
        events = crm.events.of("provisioning_task", task.key)[::-1]
        return page(
            request,
            "console/network/show.html",
            beside=beside(request, PATH, task.id, FILTERS, partial(listed, crm=crm)),
            task=task,
            base=f"{PATH}/{task.id}",
            contract=contract,
            events=[(event, *event_shown(event.name)) for event in events],
            commands=COMMANDS.offered(request, _allowed(task)),
        )

    menu = menu_of("/{task_id:uuid}", COMMANDS)
    ask, command = routes_of("/{task_id:uuid}/{command:str}", COMMANDS)


def listed(listing: Listing, crm: Crm) -> Page[ProvisioningTask]:
    """Return a page of all tasks, or those of the contract that a search is about."""
    return _page(listing, crm, _searched(listing, crm) if listing.q else None)


def _page(
    listing: Listing, crm: Crm, hits: Sequence[ProvisioningTask] | None
) -> Page[ProvisioningTask]:
    if hits is None:
        page_of: Page[ProvisioningTask] = tolerant(listing, crm.provisioning.page)
        return page_of
    where = listing.where().items()
    found = [task for task in hits if all(getattr(task, field) == value for field, value in where)]
    return Page(items=tuple(found[: listing.size]))


def _searched(listing: Listing, crm: Crm) -> list[ProvisioningTask]:
    """Return the tasks of the contracts with a number, phone or ICCID, the newest first."""
    try:
        field = searched(listing.q, crm)
        of = crm.contracts.page(Query(where=field, limit=MOST_CONTRACTS, descending=True)).items
    except InvalidValue:  # no number that anything could have
        return []
    return crm.provisioning.of_contracts(one.id for one in of)[::-1]


def _allowed(task: ProvisioningTask) -> tuple[ProvisioningCommand, ...]:
    """Return what can be done: with a task that failed, or that the network left unanswered."""
    rests = task.silent or task.status is ProvisioningStatus.FAILED
    return PROVISIONING_LIFECYCLE.allowed(ProvisioningStatus.FAILED if rests else task.status)
