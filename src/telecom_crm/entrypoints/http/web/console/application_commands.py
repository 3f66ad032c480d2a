"""What is done to an application: asked about on a page of its own where it has to know more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.intake import Intake
from telecom_crm.application.ports import Query
from telecom_crm.domain.application import APPLICATION_LIFECYCLE, Application
from telecom_crm.domain.identifiers import ApplicationId, ContractId
from telecom_crm.domain.language import LANGUAGES
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web import kyc
from telecom_crm.entrypoints.http.web.console.steps import Step, step_named
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here, tongue
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/applications"

STEPS: Mapping[str, Step] = {
    "validate": Step(N_("Approve"), "badge-check", N_("The application is approved")),
    "claim": Step(N_("Take"), "user", N_("The application is yours")),
    "release": Step(N_("Go on"), "play", N_("The application is in work")),
    "register": Step(
        N_("Register the customer"), "user-plus", N_("The customer is registered and linked")
    ),
    "complete": Step(N_("Complete"), "circle-check", N_("The application is completed"), "outcome"),
    "ask": Step(
        N_("Ask for correction"), "circle-help", N_("The applicant is asked for data"), "fields"
    ),
    "hold": Step(N_("Put on hold"), "circle-pause", N_("The application waits"), "reason"),
    "unclaim": Step(N_("Give back"), "rotate-ccw", N_("The application is in the queue again")),
    "fail": Step(N_("Give up"), "circle-x", N_("The application is given up"), "reason"),
    "reject": Step(N_("Reject"), "ban", N_("The application is rejected"), "refusal"),
    "cancel": Step(N_("Withdraw"), "x", N_("The application is withdrawn"), "reason"),
}
"""What is done to an application, the likeliest first."""
TOLD = frozenset({"ask", "reject", "fail"})
"""The commands whose reason the applicant reads."""
COMMANDS: Mapping[str, Callable[..., Application]] = {name: getattr(Intake, name) for name in STEPS}
REFUSALS: Mapping[str, str] = {
    "unlike": N_("What was written does not agree with the document"),
    "invalid": N_("The document is not valid"),
    "unreadable": N_("The scans cannot be read"),
    "known": N_("There is another application for the same"),
    "impossible": N_("We cannot give what was asked for"),
    "distrusted": N_("The check was not passed"),
}
"""Why applications are turned down; the applicant reads it in their own language."""


class ApplicationCommandPages(Controller):
    """Commands of applications in the console."""

    path = PATH

    @shows("/{application_id:uuid}/{command:str}", Area.APPLICATIONS, Action.WRITE)
    def ask(
        self,
        request: Visit,
        application_id: FromPath[UUID],
        command: FromPath[str],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Ask what a command has to know."""
        application = crm.intake.get(ApplicationId(application_id))
        return _asked(request, crm, application, command, Form())

    @acts("/{application_id:uuid}/{command:str}", Area.APPLICATIONS)
    def command(
        self,
        request: Visit,
        application_id: FromPath[UUID],
        command: FromPath[str],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Carry out a command."""
        step, application = (
            step_named(STEPS, command),
            crm.intake.get(ApplicationId(application_id)),
        )
        given = _given(form, step, application)
        do, seen, by = COMMANDS[command], form.version, request.by
        done = form.submit(do, crm.intake, application.id, **given, expected_version=seen, by=by)
        if done is None:
            return _asked(request, crm, application, command, form)
        return redirect(request, f"{PATH}/{application.id}", toast=_(step.done))


def offered(application: Application) -> list[tuple[str, Step, str]]:
    """Return what a state allows, and the way to a customer where there is none, in words."""
    allowed = {one.value for one in APPLICATION_LIFECYCLE.allowed(application.status)}
    if "cancel" in allowed and application.customer_id is None and application.is_read:
        allowed.add("register")
    return [(name, step, _(step.text)) for name, step in STEPS.items() if name in allowed]


def _given(form: Form, step: Step, application: Application) -> dict[str, Any]:
    """Read what a command asks for."""
    if step.asks == "fields":
        fields = [one for one in form.all("fields") if one in kyc.CORRECTABLE]
        return {"reason": form.text("reason", limit=500), "fields": fields}
    if step.asks == "refusal":
        return {"reason": _refusal(form, application)}
    if step.asks == "reason":
        return {"reason": form.text("reason", limit=500)}
    if step.asks == "outcome":
        contract = form.choice("contract", UUID, required=False)
        return {
            "contract_id": ContractId(contract) if contract else None,
            "outcome": form.text("outcome", required=False, limit=500),
        }
    return {}


def _refusal(form: Form, application: Application) -> str:
    """Return why it is turned down, in the applicant's language as far as it is known."""
    why, note = form.raw("why"), form.text("reason", required=False, limit=400)
    if why not in REFUSALS:
        form.fault("why", "choice")
        return ""
    spoken = application.said("language")
    words = tongue(spoken if spoken in LANGUAGES.codes else here().code).words
    return ": ".join(filter(None, (words.gettext(REFUSALS[why]), note)))


def _asked(
    request: Visit, crm: Crm, application: Application, command: str, form: Form
) -> Response[bytes]:
    step, contracts = step_named(STEPS, command), list[tuple[ContractId, str]]()
    if step.asks == "outcome" and application.customer_id and request.may(Area.CONTRACTS):
        theirs = Query(where={"customer_id": str(application.customer_id)}, limit=100)
        found = crm.contracts.page(theirs).items
        contracts = [(one.id, f"{one.number} · {one.msisdn}") for one in found]
    return page(
        request,
        "console/applications/ask.html",
        status=200 if form.ok else form.status,
        heading=_(step.text),
        step=step,
        is_told=command in TOLD,
        application=application,
        contracts=contracts,
        refusals=[(code, _(words)) for code, words in REFUSALS.items()],
        correctable=kyc.correctable(application),
        action=f"{PATH}/{application.id}/{command}",
        back=f"{PATH}/{application.id}",
        form=form,
    )
