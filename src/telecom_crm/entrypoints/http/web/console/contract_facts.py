"""What all pages about one contract show of it, and the papers that they take in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from telecom_crm.domain.charging import Charge, gross_total
from telecom_crm.domain.contract import (
    CONTRACT_LIFECYCLE,
    OPEN,
    ChosenOption,
    Contract,
    ContractStatus,
)
from telecom_crm.domain.identifiers import ContractId
from telecom_crm.domain.money import Money
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.uploads import chunks
from telecom_crm.entrypoints.http.web.console.compatibility import names_in
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word

PATH = "/console/contracts"
UNSIGNED = (ContractStatus.DRAFT, ContractStatus.ACCEPTED)
"""The states in which there is a checklist to be worked off."""

CHECKS = {
    "customer": (N_("Customer"), N_("The customer is blocked or closed")),
    "identity": (N_("Identity document"), N_("Add a valid document of the customer")),
    "documents": (N_("Signed contract"), N_("Add the signed contract as a file")),
    "sim": (N_("SIM card"), N_("The contract does not hold its SIM card")),
    "number": (N_("Number"), N_("The contract does not hold its number")),
    "tariff": (N_("Tariff"), N_("The tariff is not for accounts that pay so")),
    "policy": (N_("Billing policy"), N_("Choose a billing policy")),
    "first_fee": (N_("First payment"), N_("There is not enough money for the first fees")),
    "activation_date": (N_("Date of activation"), N_("The day of activation has not come")),
}
"""The lines of an activation's checklist: their name, and what to do where one is not right."""


def told(request: Visit, crm: Crm, contract: Contract) -> dict[str, Any]:
    """Return what every page about one contract shows of it."""
    waits, names = contract.status in UNSIGNED, names_in(crm.catalog)
    pending = contract.pending.options if contract.pending else ()
    summary = crm.contracts.activation_summary(contract.id) if waits else None
    return {
        "contract": contract,
        "base": f"{PATH}/{contract.id}",
        "customer": (
            crm.customers.get(contract.customer_id) if request.may(Area.CUSTOMERS) else None
        ),
        "tariff": crm.catalog.tariff(contract.tariff_code),
        "tariffs": names,
        "options_now": _words(contract.options, names),
        "options_then": _words(pending, names),
        "summary": summary,
        "due": total_due(summary.first_fees) if summary else None,
        "checks": {code: tuple(map(_, words)) for code, words in CHECKS.items()},
        "tasks": crm.provisioning.of_contract(contract.id) if not waits else [],
        "is_open": contract.status in OPEN,
        "allowed": allowed(request, contract),
    }


def total_due(fees: Sequence[Charge]) -> Money | None:
    """Return what an activation charges in all; None for nothing, or for two currencies."""
    currencies = {fee.gross.currency for fee in fees}
    return gross_total(fees, currency=currencies.pop()) if len(currencies) == 1 else None


def allowed(request: Visit, contract: Contract) -> list[str]:
    """Return the commands that the contract's state and the visitor's rights let through."""
    if not request.may(Area.CONTRACTS, Action.WRITE):
        return []
    return [command.value for command in CONTRACT_LIFECYCLE.allowed(contract.status)]


def _words(options: Iterable[ChosenOption], names: Mapping[str, str]) -> str:
    return ", ".join(names.get(chosen.code, chosen.code) for chosen in options)


def keep_document(request: Visit, crm: Crm, contract_id: ContractId, form: Form) -> Contract | None:
    """Keep the file that a form brings; None where it cannot be kept, or there is none."""
    file = form.file("content", required=True)
    if file is None:
        return None
    file.file.seek(0)
    return form.submit(
        crm.contracts.add_document,
        contract_id,
        name=file.filename,
        content=chunks(file.file),
        expected_version=form.version,
        by=request.by,
    )


def searched(q: str, crm: Crm) -> dict[str, str]:
    """
    Return the filter that a search stands for: a contract's number, an ICCID or a phone.

    Raise `InvalidValue` for what is none of them.
    """
    plain = "".join(q.split())
    if not plain:
        return {}
    if plain[0].isalpha():
        return {"number": plain.upper()}
    if len(plain) >= 19 and plain.isdigit():
        return {"iccid": plain}
    return {"msisdn": str(crm.read_phone(plain).digits)}
