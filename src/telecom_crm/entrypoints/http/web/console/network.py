"""The network's tasks: what it has still to do for contracts, and what to do with what failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.provisioning import Provisioning
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.identifiers import TaskId
from telecom_crm.domain.provisioning import (
    PROVISIONING_LIFECYCLE,
    ProvisioningCommand,
    ProvisioningStatus,
    ProvisioningTask,
)
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.lists import Listing, status_chips, tolerant
from telecom_crm.entrypoints.http.web.events import event_shown
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import pgettext
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/network"

ENTRY = Entry(
    path=PATH,
    text=N_("Network"),
    icon="radio",
    section=N_("System"),
    order=20,
    area=Area.NETWORK,
    key="W",
)


@attrs.frozen
class Command:
    """What a person does about a task: its words, icon, what is said after, whether it asks why."""

    text: str
    icon: str
    done: str
    do: Callable[..., ProvisioningTask]
    asks: bool = True


COMMANDS: Mapping[str, Command] = {
    ProvisioningCommand.RETRY: Command(
        N_("Try again"),
        "refresh-cw",
        N_("The network is asked again"),
        Provisioning.retry,
        asks=False,
    ),
    ProvisioningCommand.SKIP: Command(
        N_("Done by hand"), "check", N_("The task counts as done"), Provisioning.skip
    ),
    ProvisioningCommand.UNDO: Command(
        N_("Give up"), "rotate-ccw", N_("The task is given up"), Provisioning.undo
    ),
}


class NetworkPages(Controller):
    """The network's tasks in the console."""

    path = PATH

    @shows("/", Area.NETWORK)
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """List tasks, the newest first."""
        listing = Listing.of(request, "status")
        return page(
            request,
            "console/network/index.html",
            fragment="console/network/_table.html",
            listing=listing,
            found=tolerant(listing, crm.provisioning.page),
            chips=status_chips(
                listing, pgettext("tasks", "All"), ProvisioningStatus, crm.provisioning.counts
            ),
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
            task=task,
            base=f"{PATH}/{task.id}",
            contract=contract,
            events=[(event, *event_shown(event.name)) for event in events],
            commands=[
                (one, COMMANDS[one], _(COMMANDS[one].text)) for one in _offered(request, task)
            ],
        )

    @shows("/{task_id:uuid}/{command:str}", Area.NETWORK, Action.WRITE)
    def ask(
        self,
        request: Visit,
        task_id: FromPath[UUID],
        command: FromPath[str],
        provisioning: NamedDependency[Provisioning],
    ) -> Response[bytes]:
        """Ask why."""
        return _asked(request, provisioning.get(TaskId(task_id)), command, Form())

    @acts("/{task_id:uuid}/{command:str}", Area.NETWORK)
    def command(
        self,
        request: Visit,
        task_id: FromPath[UUID],
        command: FromPath[str],
        form: NamedDependency[Form],
        provisioning: NamedDependency[Provisioning],
    ) -> Response[bytes]:
        """Try a task again, go on as if it were done, or give it up."""
        known, step = TaskId(task_id), _command(command)
        why = {"reason": form.text("reason", limit=500)} if step.asks else {}
        seen, by = form.version, request.by
        if form.submit(step.do, provisioning, known, **why, expected_version=seen, by=by) is None:
            return _asked(request, provisioning.get(known), command, form)
        return redirect(request, f"{PATH}/{known}", toast=_(step.done))


def _offered(request: Visit, task: ProvisioningTask) -> list[str]:
    """Return what can be done: with a task that failed, or that the network left unanswered."""
    if not request.may(Area.NETWORK, Action.WRITE):
        return []
    rests = task.silent or task.status is ProvisioningStatus.FAILED
    state = ProvisioningStatus.FAILED if rests else task.status
    allowed = PROVISIONING_LIFECYCLE.allowed(state)
    return [command for command in COMMANDS if command in allowed]


def _command(name: str) -> Command:
    if name not in COMMANDS:
        raise NotFound("command", name)
    return COMMANDS[name]


def _asked(request: Visit, task: ProvisioningTask, command: str, form: Form) -> Response[bytes]:
    step = _command(command)
    return page(
        request,
        "console/confirm.html",
        status=200 if form.ok else form.status,
        heading=_(step.text),
        object=label(task.kind),
        action=f"{PATH}/{task.id}/{command}",
        back=f"{PATH}/{task.id}",
        form=form,
        version=task.version,
        reason=step.asks,
    )
