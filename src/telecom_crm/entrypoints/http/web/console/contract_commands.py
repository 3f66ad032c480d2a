"""What is done to a contract that is there: asked about on a page of its own, and then done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.contracts.amending import When
from telecom_crm.application.contracts.service import Contracts
from telecom_crm.domain.contract import CloseReason, Contract
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.hold import HOLD_TERMS, LIFTED_BY_MONEY, HoldKind
from telecom_crm.domain.identifiers import MSISDN, ContractId
from telecom_crm.domain.policy import PaymentMode
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.sim import RetireReason
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.contract_facts import PATH, told
from telecom_crm.entrypoints.http.web.console.offers import (
    card_chosen,
    cards_offered,
    numbers_offered,
    options_offered,
    tariffs_offered,
)
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.messages import sentence
from telecom_crm.entrypoints.http.web.routes import acts, shows

SWAP_REASONS = (
    RetireReason.SWAPPED,
    RetireReason.DEFECTIVE,
    RetireReason.LOST,
    RetireReason.STOLEN,
)
"""Why somebody gets another card while the contract goes on."""


def _with_reason(form: Form, _crm: Crm) -> dict[str, Any]:
    return {"reason": form.text("reason", limit=500)}


def _hold(form: Form, _crm: Crm) -> dict[str, Any]:
    reason = form.text("reason", limit=500, required=False)
    return {"hold": form.choice("hold", HoldKind), "reason": reason}


def _ending(form: Form, _crm: Crm) -> dict[str, Any]:
    return {"reason": form.choice("reason", CloseReason), "idempotency_key": form.key}


def _card(form: Form, crm: Crm) -> dict[str, Any]:
    return {
        "iccid": card_chosen(form, crm),
        "reason": form.choice("reason", RetireReason),
        "lift_lost_stolen": form.flag("lift"),
        "idempotency_key": form.key,
    }


def _number(form: Form, _crm: Crm) -> dict[str, Any]:
    return {"msisdn": form.read("msisdn", MSISDN), "idempotency_key": form.key}


def _terms(form: Form, _crm: Crm) -> dict[str, Any]:
    return {
        "tariff": form.text("tariff"),
        "options": form.all("options"),
        "when": form.choice("when", When),
        "idempotency_key": form.key,
    }


@attrs.frozen
class Command:
    """A command of a contract: its words, how its form is read, and what it asks with."""

    text: str
    icon: str
    done: str
    do: Callable[..., Any]
    read: Callable[[Form, Crm], dict[str, Any]]
    hurts: bool = False
    template: str = "console/contracts/ask.html"


COMMANDS: Mapping[str, Command] = {
    "amend": Command(
        N_("Change tariff or options"),
        "tags",
        N_("The terms are changed"),
        Contracts.amend,
        _terms,
        template="console/contracts/amend.html",
    ),
    "swap_sim": Command(
        N_("Replace the SIM card"),
        "card-sim",
        N_("The SIM card is replaced"),
        Contracts.swap_sim,
        _card,
    ),
    "change_number": Command(
        N_("Change the number"),
        "hash",
        N_("The number is changed"),
        Contracts.change_number,
        _number,
        template="console/contracts/change_number.html",
    ),
    "suspend": Command(
        N_("Suspend"),
        "circle-pause",
        N_("The contract is suspended"),
        Contracts.suspend,
        _hold,
        hurts=True,
    ),
    "resume": Command(N_("Resume"), "play", N_("The hold is lifted"), Contracts.resume, _hold),
    "fail_activation": Command(
        N_("Give the activation up"),
        "x",
        N_("The activation is given up"),
        Contracts.fail_activation,
        _with_reason,
        hurts=True,
    ),
    "cancel": Command(
        N_("Cancel the contract"),
        "x",
        N_("The contract is cancelled"),
        Contracts.cancel,
        _with_reason,
        hurts=True,
    ),
    "close": Command(
        N_("End the contract"),
        "archive",
        N_("The contract is ended"),
        Contracts.close,
        _ending,
        hurts=True,
    ),
}
"""In the order in which they are offered."""


class ContractCommandPages(Controller):
    """Commands of contracts in the console."""

    path = PATH

    @shows("/{contract_id:uuid}/{command:str}", Area.CONTRACTS, Action.WRITE)
    def ask(
        self,
        request: Visit,
        contract_id: FromPath[UUID],
        command: FromPath[str],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Ask what a command needs to know."""
        contract = crm.contracts.get(ContractId(contract_id))
        chosen = [one.code for one in contract.options]
        form = Form.filled(tariff=contract.tariff_code, options=chosen, when=When.NOW, lift="true")
        return _asked(request, crm, contract, command, form)

    @acts("/{contract_id:uuid}/{command:str}", Area.CONTRACTS)
    def command(
        self,
        request: Visit,
        contract_id: FromPath[UUID],
        command: FromPath[str],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Do it; sent again, it is done once."""
        known, step = ContractId(contract_id), _command(command)
        if form.flag("look"):
            return _asked(request, crm, crm.contracts.get(known), command, form)
        asked = {**step.read(form, crm), "expected_version": form.version, "by": request.by}
        if form.submit(step.do, crm.contracts, known, **asked) is None:
            return _asked(request, crm, crm.contracts.get(known), command, form)
        return redirect(request, f"{PATH}/{known}", toast=_(step.done))


def _command(name: str) -> Command:
    if name not in COMMANDS:
        raise NotFound("command", name)
    return COMMANDS[name]


def _asked(
    request: Visit, crm: Crm, contract: Contract, command: str, form: Form
) -> Response[bytes]:
    step = _command(command)
    more = _looked(crm, contract, form) if command == "amend" else {}
    if command == "swap_sim":
        more = cards_offered(crm, form)
    return page(
        request,
        step.template,
        fragment="console/contracts/_numbers.html" if command == "change_number" else None,
        status=200 if form.ok else form.status,
        form=form,
        command=command,
        step=step,
        heading=_(step.text),
        **told(request, crm, contract),
        **ASKED.get(command, _nothing)(request, crm, contract),
        **more,
    )


def _looked(crm: Crm, contract: Contract, form: Form) -> dict[str, Any]:
    """Return what the new terms come to, where somebody asks before they decide."""
    if not form.flag("look"):
        return {"preview": None}
    wish = _terms(form, crm)
    if not form.ok:
        return {"preview": None}
    del wish["idempotency_key"]
    choices = crm.contracts.choices(contract.id)
    return {
        "preview": crm.contracts.preview(contract.id, **wish),
        "plan": choices.plan,
        "why": partial(sentence, names=choices.names),
    }


def _nothing(*_: object) -> dict[str, Any]:
    return {}


def _holds_to_place(_: Visit, __: Crm, contract: Contract) -> dict[str, Any]:
    kinds = [
        kind for kind in HoldKind if kind not in LIFTED_BY_MONEY and not contract.has_hold(kind)
    ]
    bars = {kind: ", ".join(map(label, sorted(HOLD_TERMS[kind].bars))) for kind in kinds}
    return {
        "holds": [(kind.value, label(kind)) for kind in kinds],
        "bars": [(label(kind), words) for kind, words in bars.items()],
    }


def _holds_to_lift(_: Visit, __: Crm, contract: Contract) -> dict[str, Any]:
    return {"holds": [(hold.kind.value, label(hold.kind)) for hold in contract.holds]}


def _endings(*_: object) -> dict[str, Any]:
    kinds = (reason for reason in CloseReason if reason is not CloseReason.NEW_PAYER)
    return {"reasons": [(reason.value, label(reason)) for reason in kinds]}


def _swaps(_: Visit, crm: Crm, contract: Contract) -> dict[str, Any]:
    tariff = crm.catalog.tariff(contract.tariff_code)
    return {
        "reasons": [(reason.value, label(reason)) for reason in SWAP_REASONS],
        "fee": tariff.version_numbered(contract.tariff_version).sim_swap_fee,
        "is_lost": contract.has_hold(HoldKind.LOST_STOLEN),
    }


def _numbers(request: Visit, crm: Crm, _: Contract) -> dict[str, Any]:
    return numbers_offered(request, crm)


def _new_terms(_: Visit, crm: Crm, contract: Contract) -> dict[str, Any]:
    account = crm.accounts.get(contract.account_id).account
    mode = PaymentMode.POSTPAID if account.postpaid else PaymentMode.PREPAID
    return {
        "offered": tariffs_offered(crm, [mode], has=contract.tariff_code),
        "options": options_offered(crm, has=[chosen.code for chosen in contract.options]),
        "whens": [(when.value, label(when)) for when in When],
    }


ASKED: Mapping[str, Callable[[Visit, Crm, Contract], dict[str, Any]]] = {
    "suspend": _holds_to_place,
    "resume": _holds_to_lift,
    "close": _endings,
    "swap_sim": _swaps,
    "change_number": _numbers,
    "amend": _new_terms,
}
"""What a command's page offers to choose from."""
