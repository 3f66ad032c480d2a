"""What is done to an application: asked about on a page of its own where it has to know more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import attrs
from litestar import Controller

from telecom_crm.application.intake.service import Intake
from telecom_crm.application.ports import Query
from telecom_crm.domain.application import (
    APPLICATION_LIFECYCLE,
    CLAIMANT_ONLY,
    Application,
    ApplicationKind,
)
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.identifiers import ApplicationId, ContractId
from telecom_crm.domain.language import LANGUAGES
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.role import Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web import kyc
from telecom_crm.entrypoints.http.web.console.commands import (
    REASON,
    Command,
    Commands,
    Question,
    menu_of,
    routes_of,
)
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import gettext, here, tongue
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word

PATH = "/console/applications"

SOLD = frozenset({ApplicationKind.NEW_CONNECTION, ApplicationKind.PORT_IN})
"""What ends in a new contract."""

REFUSALS: Mapping[str, str] = {
    "unlike": N_("What was written does not agree with the document"),
    "invalid": N_("The document is not valid"),
    "unreadable": N_("The scans cannot be read"),
    "known": N_("There is another application for the same"),
    "impossible": N_("We cannot give what was asked for"),
    "distrusted": N_("The check was not passed"),
}
"""Why applications are turned down; the applicant reads it in their own language."""


def _refusal(form: Form, _: Crm, application: Application) -> dict[str, Any]:
    """Read why it is turned down, in the applicant's language as far as it is known."""
    why, note = form.raw("why"), form.text("reason", required=False, limit=400)
    if why not in REFUSALS:
        form.fault("why", "choice")
        return {}
    spoken = application.said("language")
    words = tongue(spoken if spoken in LANGUAGES.codes else here().code).words
    return {"reason": ": ".join(filter(None, (words.gettext(REFUSALS[why]), note)))}


def _fields(form: Form, *_: object) -> dict[str, Any]:
    fields = [one for one in form.all("fields") if one in kyc.CORRECTABLE]
    return {"reason": form.text("reason", limit=500), "fields": fields}


def _outcome(form: Form, *_: object) -> dict[str, Any]:
    contract = form.choice("contract", UUID, required=False)
    return {
        "contract_id": ContractId(contract) if contract else None,
        "outcome": form.text("outcome", required=False, limit=500),
    }


def _contracts(request: Visit, crm: Crm, application: Application, _: Form) -> dict[str, Any]:
    """Offer the customer's contracts, one of which may be what came of it."""
    found: Sequence[Contract] = ()
    if application.customer_id and request.may(Area.CONTRACTS):
        theirs = Query(where={"customer_id": str(application.customer_id)}, limit=100)
        found = crm.contracts.page(theirs).items
    offered = [(one.id, f"{one.number} · {one.msisdn}") for one in found]
    return {"contracts": offered, "lacks_contract": lacks_contract(application)}


def lacks_contract(application: Application) -> bool:
    """Tell whether a contract is to come of it, and none is named."""
    return application.kind in SOLD and application.contract_id is None


TOLD_REASON = attrs.evolve(REASON, offers=lambda *_: {"is_told": True})
"""A reason that the applicant reads."""
FIELDS = Question(
    name="fields",
    fields=("fields", "reason"),
    read=_fields,
    offers=lambda _, __, application, ___: {"correctable": kyc.correctable(application)},
)
REFUSAL = Question(
    name="refusal",
    fields=("why", "reason"),
    read=_refusal,
    offers=lambda *_: {"refusals": [(code, gettext(words)) for code, words in REFUSALS.items()]},
)
OUTCOME = Question(name="outcome", fields=("contract", "outcome"), read=_outcome, offers=_contracts)
COMMANDS = Commands(
    area=Area.APPLICATIONS,
    service=lambda crm: crm.intake,
    find=lambda crm, key: crm.intake.get(ApplicationId(key)),
    title=lambda application: application.said("full_name", "name") or application.number,
    template="console/applications/ask.html",
    told=lambda _, __, application: {"application": application},
    allowed=lambda request, _, application: allowed(application, request.by),
    table=(
        Command(
            "validate",
            N_("Approve"),
            "badge-check",
            N_("The application is approved"),
            Intake.validate,
        ),
        Command(
            "claim",
            N_("Take"),
            "user",
            N_("The application is yours"),
            Intake.claim,
            undo="unclaim",
        ),
        Command(
            "release",
            N_("Go on"),
            "play",
            N_("The application is in work"),
            Intake.release,
            undo="hold",
            undo_if=Application.is_with,  # another's would wait at whoever went on
        ),
        Command(
            "register",
            N_("Register the customer"),
            "user-plus",
            N_("The customer is registered and linked"),
            Intake.register,
        ),
        Command(
            "complete",
            N_("Complete"),
            "circle-check",
            N_("The application is completed"),
            Intake.complete,
            OUTCOME,
        ),
        Command(
            "ask",
            N_("Ask for correction"),
            "circle-help",
            N_("The applicant is asked for data"),
            Intake.ask,
            FIELDS,
        ),
        Command(
            "hold",
            N_("Put on hold"),
            "circle-pause",
            N_("The application waits"),
            Intake.hold,
            REASON,
            undo="release",
        ),
        Command(
            "unclaim",
            N_("Return to queue"),
            "rotate-ccw",
            N_("The application is in the queue again"),
            Intake.unclaim,
            undo="claim",
            undo_if=Application.is_with,  # another's would come to whoever gave it back
        ),
        Command(
            "fail",
            N_("Mark as failed"),
            "circle-x",
            N_("The application is given up"),
            Intake.fail,
            TOLD_REASON,
        ),
        Command(
            "reject", N_("Reject"), "ban", N_("The application is rejected"), Intake.reject, REFUSAL
        ),
        Command(
            "cancel", N_("Withdraw"), "x", N_("The application is withdrawn"), Intake.cancel, REASON
        ),
    ),
)
"""What is done to an application, the likeliest first."""


class ApplicationCommandPages(Controller):
    """Commands of applications in the console."""

    path = PATH

    menu = menu_of("/{application_id:uuid}", COMMANDS)
    ask, command = routes_of("/{application_id:uuid}/{command:str}", COMMANDS)


def allowed(application: Application, by: Actor) -> set[str]:
    """Return what somebody may do in its state, and the way to a customer where there is none."""
    names = {
        one.value
        for one in APPLICATION_LIFECYCLE.allowed(application.status)
        if one not in CLAIMANT_ONLY or application.is_with(by)
    }
    if "cancel" in names and application.customer_id is None and application.is_read:
        names.add("register")
    return names
