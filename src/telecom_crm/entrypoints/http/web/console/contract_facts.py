"""What all pages about one contract show of it, and the papers that they take in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from telecom_crm.domain.activation import ActivationSummary, SummaryLine
from telecom_crm.domain.charging import Charge, gross_total
from telecom_crm.domain.contract import (
    CONTRACT_LIFECYCLE,
    ChosenOption,
    Contract,
    ContractStatus,
)
from telecom_crm.domain.identifiers import ContractId
from telecom_crm.domain.language import Wording
from telecom_crm.domain.money import Money
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.uploads import chunks
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import spoken
from telecom_crm.entrypoints.http.web.labels import entry_note
from telecom_crm.entrypoints.http.web.messages import capital, worded

PATH = "/console/contracts"
UNSIGNED = (ContractStatus.DRAFT, ContractStatus.ACCEPTED)
"""The states in which there is a checklist to be worked off."""

CHECKS = {
    "customer": N_("Customer"),
    "identity": N_("Identity document"),
    "documents": N_("Signed contract"),
    "sim": N_("SIM card"),
    "number": N_("Number"),
    "tariff": N_("Tariff"),
    "policy": N_("Billing policy"),
    "first_fee": N_("First payment"),
    "activation_date": N_("Date of activation"),
}
"""What the lines of an activation's checklist are about."""


def told(request: Visit, crm: Crm, contract: Contract) -> dict[str, Any]:
    """Return what every page about one contract shows of it."""
    waits, known = contract.status in UNSIGNED, crm.catalog.names()
    names = {code: spoken(name) for code, name in known.items()}
    pending = contract.pending.options if contract.pending else ()
    return {
        "contract": contract,
        "base": f"{PATH}/{contract.id}",
        "customer": (
            crm.customers.get(contract.customer_id) if request.may(Area.CUSTOMERS) else None
        ),
        "tariff": crm.catalog.tariff(contract.tariff_code),
        "tariffs": names,
        "noted": partial(entry_note, names=known),
        "options_now": _words(contract.options, names),
        "options_then": _words(pending, names),
        **_checklist(crm.contracts.activation_summary(contract.id) if waits else None, known),
        "tasks": crm.provisioning.of_contract(contract.id) if not waits else [],
        "is_open": contract.is_open,
        "allowed": allowed(request, contract),
    }


def _checklist(summary: ActivationSummary | None, names: Mapping[str, Wording]) -> dict[str, Any]:
    """Return what an activation asks for and charges, of a contract that waits for one."""
    return {
        "summary": summary,
        "due": total_due(summary.first_fees) if summary else None,
        "once": once_due(summary.first_fees) if summary else None,
        "checks": [_check(line, names) for line in summary.lines] if summary else [],
    }


def _check(line: SummaryLine, names: Mapping[str, Wording]) -> dict[str, Any]:
    """Return a line of the checklist in words: what it is about, and what to do if it fails."""
    lacks = "" if line.passed else capital(worded(line.reason, names))
    return {"code": line.code, "passed": line.passed, "title": _(CHECKS[line.code]), "lacks": lacks}


def total_due(fees: Sequence[Charge]) -> Money | None:
    """Return what an activation charges in all; None for nothing, or for two currencies."""
    currencies = {fee.gross.currency for fee in fees}
    return gross_total(fees, currency=currencies.pop()) if len(currencies) == 1 else None


def once_due(fees: Sequence[Charge]) -> Money | None:
    """Return what of it is charged once, as the activation and the number, and not each month."""
    return total_due([fee for fee in fees if fee.period is None])


def allowed(request: Visit, contract: Contract) -> list[str]:
    """Return the commands that the contract's state and the visitor's rights let through."""
    if not request.may(Area.CONTRACTS, Action.WRITE):
        return []
    return [command.value for command in CONTRACT_LIFECYCLE.allowed(contract.status)]


def can_change_payer(allowed: Collection[str], contract: Contract) -> bool:
    """Tell whether a contract that allows these commands may be given to another payer."""
    return "close" in allowed and not contract.holds


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
