"""Another payer for a number: who, on which account; the old contract ends, a new one begins."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Controller

from telecom_crm.application.contracts.service import Contracts
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.identifiers import AccountId, ContractId, CustomerId
from telecom_crm.domain.role import Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.commands import (
    Command,
    Commands,
    Question,
    routes_of,
)
from telecom_crm.entrypoints.http.web.console.contract_facts import PATH, told
from telecom_crm.entrypoints.http.web.console.finding import CHOOSE, choosing
from telecom_crm.entrypoints.http.web.console.offers import accounts_offered
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word


def _read(form: Form, *_: object) -> dict[str, Any]:
    payer = form.choice("payer", UUID)
    account = form.choice("account", UUID, required=False)
    return {
        "customer_id": CustomerId(payer) if payer else None,
        "account_id": AccountId(account) if account else None,
        "idempotency_key": form.key,
    }


def _offers(request: Visit, crm: Crm, contract: Contract, form: Form) -> dict[str, Any]:
    """Return the payer who was chosen, with their accounts; before that, whom a search finds."""
    chosen = form.choice("payer", UUID, required=False)
    payer, action = None, f"{PATH}/{contract.id}/change_payer"
    if chosen is not None and request.may(Area.CUSTOMERS):
        payer = crm.customers.get(CustomerId(chosen))
    return {
        "payer": payer,
        **choosing(
            request,
            crm,
            at=action,
            leads=lambda customer: f"{action}?payer={customer}",
            but=contract.customer_id,
        ),
        "accounts": accounts_offered(request, crm, payer.id) if payer else [],
    }


PAYER = Question(
    name="payer",
    fields=("account",),
    read=_read,
    begins=lambda request, _: {"payer": request.query_params.get("payer", "")[:100]},
    offers=_offers,
    template="console/contracts/change_payer.html",
    fragment=CHOOSE,
)
CHANGE_PAYER = Commands(
    area=Area.CONTRACTS,
    service=lambda crm: crm.contracts,
    find=lambda crm, key: crm.contracts.get(ContractId(key)),
    title=lambda contract: contract.number,
    told=told,
    after=lambda _, __, made: f"{PATH}/{made.id}/activate",
    table=(
        Command(
            "change_payer",
            N_("Give to another payer"),
            "arrow-left-right",
            N_("The new contract is signed"),
            Contracts.change_payer,
            PAYER,
            hurts=True,
        ),
    ),
)


class ChangingPayerPages(Controller):
    """Changes of payer in the console."""

    path = PATH

    ask, change = routes_of("/{contract_id:uuid}/change_payer", CHANGE_PAYER)
