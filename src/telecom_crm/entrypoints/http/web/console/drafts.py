"""A draft on its way to be a contract that is served: papers, the signature, the activation."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.attaching import ATTACHMENT_LIMIT
from telecom_crm.application.contracts.previewing import Plan
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.identifiers import ContractId
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.contract_facts import (
    PATH,
    UNSIGNED,
    keep_document,
    told,
)
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Toast, Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.routes import acts, shows

STEPS = (
    ("customer", N_("Customer")),
    ("number", N_("SIM and number")),
    ("tariff", N_("Tariff")),
    ("billing", N_("Billing")),
    ("papers", N_("Documents")),
    ("activate", N_("Activation")),
)
PAPERS = ("identity", "documents")
"""The lines of an activation's checklist that are about papers."""


class DraftPages(Controller):
    """The wizard, from the draft on."""

    path = PATH

    @shows("/{contract_id:uuid}/papers", Area.CONTRACTS, Action.WRITE)
    def papers(
        self, request: Visit, contract_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show what is to be signed, and take the signed papers in."""
        return _drafted(request, crm, crm.contracts.get(ContractId(contract_id)), "papers", Form())

    @acts("/{contract_id:uuid}/papers", Area.CONTRACTS, request_max_body_size=ATTACHMENT_LIMIT)
    def add_paper(
        self,
        request: Visit,
        contract_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Keep a signed paper."""
        known = ContractId(contract_id)
        if keep_document(request, crm, known, form) is None:
            return _drafted(request, crm, crm.contracts.get(known), "papers", form)
        return redirect(request, f"{PATH}/{known}/papers", toast=_("The document is kept"))

    @acts("/{contract_id:uuid}/sign", Area.CONTRACTS)
    def sign(
        self,
        request: Visit,
        contract_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Sign the draft."""
        known = ContractId(contract_id)
        accept, seen = crm.contracts.accept, form.version
        if form.submit(accept, known, expected_version=seen, by=request.by) is None:
            return _drafted(request, crm, crm.contracts.get(known), "papers", form)
        lacks = {line.code for line in crm.contracts.activation_summary(known).failed} & set(PAPERS)
        signed = Toast(_("Signed; papers are still missing for the activation"), "warn")
        toast = signed if lacks else Toast(_("The contract is signed"))
        return redirect(request, f"{PATH}/{known}/activate", toast=toast)

    @shows("/{contract_id:uuid}/activate", Area.CONTRACTS, Action.WRITE)
    def ask_activation(
        self, request: Visit, contract_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show everything once more, and what the activation still needs."""
        contract = crm.contracts.get(ContractId(contract_id))
        return _drafted(request, crm, contract, "activate", Form())

    @acts("/{contract_id:uuid}/activate", Area.CONTRACTS)
    def activate(
        self,
        request: Visit,
        contract_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Ask the network to serve it."""
        known = ContractId(contract_id)
        request_activation, seen = crm.contracts.request_activation, form.version
        if form.submit(request_activation, known, expected_version=seen, by=request.by) is None:
            return _drafted(request, crm, crm.contracts.get(known), "activate", form)
        return redirect(request, f"{PATH}/{known}?sold=1", toast=_("The network is asked"))


def _drafted(
    request: Visit, crm: Crm, contract: Contract, step: str, form: Form
) -> Response[bytes]:
    """Show a step of a draft; of a contract that is past it, the contract says it all."""
    if contract.status not in UNSIGNED:
        return redirect(request, f"{PATH}/{contract.id}")
    base = f"{PATH}/{contract.id}"
    account = crm.accounts.get(contract.account_id)
    return page(
        request,
        f"console/contracts/new_{step}.html",
        status=200 if form.ok else form.status,
        form=form,
        state=account if request.may(Area.ACCOUNTS) else None,
        papers=PAPERS,
        plan=_plan(crm, contract),
        signed=contract.awaits_activation,
        can_pay=request.may(Area.PAYMENTS, Action.WRITE),
        steps=steps_shown(step, {"papers": f"{base}/papers", "activate": f"{base}/activate"}),
        **told(request, crm, contract),
    )


def _plan(crm: Crm, contract: Contract) -> Plan:
    """Return what a contract has, with its prices."""
    tariff = crm.catalog.tariff(contract.tariff_code)
    options = [(crm.catalog.option(one.code), one.version) for one in contract.options]
    return Plan(
        tariff=tariff,
        terms=tariff.version_numbered(contract.tariff_version),
        options=tuple((option, option.version_numbered(number)) for option, number in options),
    )


def steps_shown(now: str, urls: dict[str, str]) -> list[dict[str, str]]:
    """Return the steps as the kit shows them; those done lead back, where there is a way back."""
    names = [name for name, __ in STEPS]
    at = names.index(now)
    return [
        {
            "text": _(words),
            "state": "done" if place < at else "now" if place == at else "later",
            "href": urls.get(name, ""),
        }
        for place, (name, words) in enumerate(STEPS)
    ]
