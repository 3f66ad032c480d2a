"""Another payer for a number: who, on which account; the old contract ends, a new one begins."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.domain.contract import Contract
from telecom_crm.domain.identifiers import AccountId, ContractId, CustomerId
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.contract_facts import PATH, told
from telecom_crm.entrypoints.http.web.console.finding import found_customers
from telecom_crm.entrypoints.http.web.console.offers import accounts_offered
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.routes import acts, shows


class ChangingPayerPages(Controller):
    """Changes of payer in the console."""

    path = PATH

    @shows("/{contract_id:uuid}/change_payer", Area.CONTRACTS, Action.WRITE)
    def ask(
        self, request: Visit, contract_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Ask who pays from now on, and then on which account."""
        form = Form.filled(payer=request.query_params.get("payer", "")[:100])
        return _asked(request, crm, crm.contracts.get(ContractId(contract_id)), form)

    @acts("/{contract_id:uuid}/change_payer", Area.CONTRACTS)
    def change(
        self,
        request: Visit,
        contract_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Close the contract and sign the new one; sent again, it is done once."""
        known, payer = ContractId(contract_id), form.choice("payer", UUID)
        account = form.choice("account", UUID, required=False)
        made = None
        if payer is not None:
            made = form.submit(
                crm.contracts.change_payer,
                known,
                customer_id=CustomerId(payer),
                account_id=AccountId(account) if account else None,
                idempotency_key=form.key,
                expected_version=form.version,
                by=request.by,
            )
        if made is None:
            return _asked(request, crm, crm.contracts.get(known), form)
        return redirect(
            request, f"{PATH}/{made.id}/activate", toast=_("The new contract is signed")
        )


def _asked(request: Visit, crm: Crm, contract: Contract, form: Form) -> Response[bytes]:
    q, chosen = (
        request.query_params.get("q", "").strip()[:200],
        form.choice("payer", UUID, required=False),
    )
    payer = None
    if chosen is not None and request.may(Area.CUSTOMERS):
        payer = crm.customers.get(CustomerId(chosen))
    return page(
        request,
        "console/contracts/change_payer.html",
        status=200 if form.ok else form.status,
        form=form,
        payer=payer,
        q=q,
        hits=[one for one in found_customers(request, crm, q) if one.id != contract.customer_id],
        accounts=accounts_offered(request, crm, payer.id) if payer else [],
        **told(request, crm, contract),
    )
