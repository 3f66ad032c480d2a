"""What is done to a contract that is there: asked about on a page of its own, and then done."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
from litestar import Controller

from telecom_crm.application.contracts.amending import When
from telecom_crm.application.contracts.service import Contracts
from telecom_crm.domain.contract import (
    CONTRACT_LIFECYCLE,
    CloseReason,
    Contract,
)
from telecom_crm.domain.hold import HOLD_TERMS, LIFTED_BY_MONEY, HoldKind
from telecom_crm.domain.identifiers import MSISDN, ContractId
from telecom_crm.domain.policy import PaymentMode
from telecom_crm.domain.role import Area
from telecom_crm.domain.sim import RetireReason
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.commands import (
    REASON,
    Command,
    Commands,
    Question,
    menu_of,
    routes_of,
)
from telecom_crm.entrypoints.http.web.console.contract_facts import PATH, allowed, told
from telecom_crm.entrypoints.http.web.console.offers import (
    card_chosen,
    cards_offered,
    numbers_offered,
    options_offered,
    options_refused,
    tariffs_offered,
)
from telecom_crm.entrypoints.http.web.console.selling import Choice
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import gettext
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.messages import sentence

SWAP_REASONS = (
    RetireReason.SWAPPED,
    RetireReason.DEFECTIVE,
    RetireReason.LOST,
    RetireReason.STOLEN,
)
"""Why somebody gets another card while the contract goes on."""


def _hold(form: Form, *_: object) -> dict[str, Any]:
    reason = form.text("reason", limit=500, required=False)
    return {"hold": form.choice("hold", HoldKind), "reason": reason}


def _ending(form: Form, *_: object) -> dict[str, Any]:
    return {"reason": form.choice("reason", CloseReason), "idempotency_key": form.key}


def _card(form: Form, crm: Crm, _: Contract) -> dict[str, Any]:
    return {
        "iccid": card_chosen(form, crm),
        "reason": form.choice("reason", RetireReason),
        "lift_lost_stolen": form.flag("lift"),
        "idempotency_key": form.key,
    }


def _number(form: Form, *_: object) -> dict[str, Any]:
    return {"msisdn": form.read("msisdn", MSISDN), "idempotency_key": form.key}


def _terms(form: Form, *_: object) -> dict[str, Any]:
    return {
        "tariff": form.text("tariff"),
        "options": form.all("options"),
        "when": form.choice("when", When),
        "idempotency_key": form.key,
    }


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


def _holds_to_place(_: Visit, __: Crm, contract: Contract, ___: Form) -> dict[str, Any]:
    kinds = [
        kind for kind in HoldKind if kind not in LIFTED_BY_MONEY and not contract.has_hold(kind)
    ]
    bars = {kind: ", ".join(map(label, sorted(HOLD_TERMS[kind].bars))) for kind in kinds}
    return {
        "holds": [(kind.value, label(kind)) for kind in kinds],
        "bars": [(label(kind), words) for kind, words in bars.items()],
    }


def _holds_to_lift(_: Visit, __: Crm, contract: Contract, ___: Form) -> dict[str, Any]:
    return {"holds": [(hold.kind.value, label(hold.kind)) for hold in contract.holds]}


def _endings(request: Visit, crm: Crm, contract: Contract, _: Form) -> dict[str, Any]:
    kinds = (reason for reason in CloseReason if reason is not CloseReason.NEW_PAYER)
    return {
        "reasons": [(reason.value, label(reason)) for reason in kinds],
        "closing": crm.contracts.preview_close(contract.id),
        "sees_money": request.may(Area.ACCOUNTS),
    }


def _cards(_: Visit, crm: Crm, contract: Contract, form: Form) -> dict[str, Any]:
    tariff = crm.catalog.tariff(contract.tariff_code)
    return {
        "reasons": [(reason.value, label(reason)) for reason in SWAP_REASONS],
        "fee": tariff.version_numbered(contract.tariff_version).sim_swap_fee,
        "is_lost": contract.has_hold(HoldKind.LOST_STOLEN),
        **cards_offered(crm, form),
    }


def _new_terms(_: Visit, crm: Crm, contract: Contract, form: Form) -> dict[str, Any]:
    account = crm.accounts.get(contract.account_id).account
    mode = PaymentMode.POSTPAID if account.postpaid else PaymentMode.PREPAID
    offered = tariffs_offered(crm, [mode], has=contract.tariff_code)
    options = options_offered(crm, has=[chosen.code for chosen in contract.options])
    tariff = form.raw("tariff") if form.raw("tariff") in _values(offered) else ""
    chosen = [code for code in form.all("options") if code in _values(options)]
    return {
        "offered": offered,
        "options": options,
        "refused": options_refused(crm, tariff, chosen),
        "whens": [(when.value, label(when)) for when in When],
        **_looked(crm, contract, form),
    }


def _values(offers: list[dict[str, Any]]) -> set[str]:
    return {one["value"] for one in offers}


def _onward(request: Visit, _: Crm, contract: Contract) -> str:
    """Return where to go on: to the contract, or to its sale again, with what was chosen."""
    if request.path_params["command"] != RENEW:
        return f"{PATH}/{contract.id}"
    return Choice(
        customer=str(contract.customer_id),
        application=str(contract.application_id or ""),
        iccid=contract.iccid.digits,
        msisdn=contract.msisdn.digits,
        tariff=contract.tariff_code,
        options=tuple(one.code for one in contract.options),
    ).url("number")


def _check(contract: Contract, command: str) -> None:
    if command == RENEW:
        contract.refuse_signed(command)
    else:
        CONTRACT_LIFECYCLE.require(contract, command)


RENEW = "renew"
"""The command that makes a sale of a draft again."""
RENEWAL = attrs.evolve(REASON, begins=lambda *_: {"reason": gettext("Chosen anew")})
HOLD_TO_PLACE = Question(name="hold", fields=("hold", "reason"), read=_hold, offers=_holds_to_place)
HOLD_TO_LIFT = Question(name="lift", fields=("hold", "reason"), read=_hold, offers=_holds_to_lift)
ENDING = Question(name="ending", fields=("reason",), read=_ending, offers=_endings)
CARD = Question(
    name="card",
    fields=("iccid", "card", "reason", "lift"),
    read=_card,
    begins=lambda *_: {"lift": "true"},
    offers=_cards,
)
NUMBER = Question(
    name="msisdn",
    read=_number,
    offers=lambda request, crm, *_: numbers_offered(request, crm),
    template="console/contracts/change_number.html",
    fragment="console/contracts/_numbers.html",
)
TERMS = Question(
    name="terms",
    fields=("tariff", "options", "when"),
    read=_terms,
    begins=lambda _, contract: {
        "tariff": contract.tariff_code,
        "options": [one.code for one in contract.options],
        "when": When.NOW,
    },
    offers=_new_terms,
    template="console/contracts/amend.html",
    fragment="console/contracts/_terms.html",
)
COMMANDS = Commands(
    area=Area.CONTRACTS,
    service=lambda crm: crm.contracts,
    find=lambda crm, key: crm.contracts.get(ContractId(key)),
    title=lambda contract: contract.number,
    check=_check,
    template="console/contracts/ask.html",
    told=told,
    after=_onward,
    allowed=lambda request, _, contract: allowed(request, contract),
    table=(
        Command(
            "amend",
            N_("Change tariff or options"),
            "tags",
            N_("The terms are changed"),
            Contracts.amend,
            TERMS,
        ),
        Command(
            "swap_sim",
            N_("Replace the SIM card"),
            "card-sim",
            N_("The SIM card is replaced"),
            Contracts.swap_sim,
            CARD,
        ),
        Command(
            "change_number",
            N_("Change the number"),
            "hash",
            N_("The number is changed"),
            Contracts.change_number,
            NUMBER,
        ),
        Command(
            "suspend",
            N_("Suspend"),
            "circle-pause",
            N_("The contract is suspended"),
            Contracts.suspend,
            HOLD_TO_PLACE,
            hurts=True,
            undo="resume",
            undo_with=lambda _, told: {"hold": told["hold"]},
        ),
        Command(
            "resume",
            N_("Resume"),
            "play",
            N_("The hold is lifted"),
            Contracts.resume,
            HOLD_TO_LIFT,  # not undone: placed anew, a hold has another beginning and reason
        ),
        Command(
            "fail_activation",
            N_("Give the activation up"),
            "x",
            N_("The activation is given up"),
            Contracts.fail_activation,
            REASON,
            hurts=True,
        ),
        Command(
            "cancel",
            N_("Cancel the contract"),
            "x",
            N_("The contract is cancelled"),
            Contracts.cancel,
            REASON,
            hurts=True,
        ),
        Command(
            RENEW,
            N_("Choose anew"),
            "pencil",
            N_("The draft is cancelled: choose anew"),
            Contracts.discard_draft,
            RENEWAL,
        ),
        Command(
            "close",
            N_("End the contract"),
            "archive",
            N_("The contract is ended"),
            Contracts.close,
            ENDING,
            hurts=True,
        ),
    ),
)
"""What is done to a contract, in the order in which it is offered."""


class ContractCommandPages(Controller):
    """Commands of contracts in the console."""

    path = PATH

    menu = menu_of("/{contract_id:uuid}", COMMANDS)
    ask, command = routes_of("/{contract_id:uuid}/{command:str}", COMMANDS)
