"""A subscriber's SIM card: blocking one that was lost, and its codes."""

from __future__ import annotations

from litestar import Controller, Response
from litestar.di import NamedDependency

from telecom_crm.application.inventory.service import SimSecrets
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.provisioning import ProvisioningStatus
from telecom_crm.domain.tariff import TariffVersion
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.my.contracts import chosen, own
from telecom_crm.entrypoints.http.web.my.money import OWN
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/my/sim"

UNDER_WAY = (ProvisioningStatus.PENDING, ProvisioningStatus.RUNNING)
GIVEN_UP = (ProvisioningStatus.FAILED, ProvisioningStatus.UNDONE)


class MySim(Controller):
    """The card that a contract is used with."""

    path = PATH

    @shows("/", OWN)
    def show(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Show the number and the card, and whether it is blocked."""
        return _shown(request, crm, "my/sim.html", Form())

    @acts("/", OWN)
    def reveal(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show PIN and PUK of a card in use; that somebody looked is written down."""
        contract = own(request, crm, form.raw("contract"))
        if not contract.is_live:
            raise NotFound("sim", contract.iccid.digits)
        codes = crm.inventory.secrets(contract.iccid, by=request.by)
        return _shown(request, crm, "my/sim.html", form, codes=codes)

    @shows("/block", OWN)
    def ask(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask whether a card is to be blocked."""
        return _shown(request, crm, "my/sim_block.html", Form())

    @acts("/block", OWN)
    def block(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Block a card that was lost or stolen; one that is blocked already stays so."""
        contract = own(request, crm, form.raw("contract"))
        lost = HoldKind.LOST_STOLEN
        if not contract.has_hold(lost):
            done = form.submit(crm.contracts.suspend, contract.id, hold=lost, by=request.by)
            if done is None:
                return _shown(request, crm, "my/sim_block.html", form)
        return redirect(request, f"{PATH}?contract={contract.id}")


def _shown(
    request: Visit, crm: Crm, template: str, form: Form, *, codes: SimSecrets | None = None
) -> Response[bytes]:
    asked = form.raw("contract") or request.query_params.get("contract", "")
    mine = chosen(request, crm, asked)
    return page(
        request,
        template,
        fragment=None if codes else "my/_card.html",
        status=200 if form.ok else form.status,
        mine=mine,
        form=form,
        codes=codes,
        block=_block(crm, mine.contract) if mine.contract and mine.is_lost else "",
        terms=_terms(crm, mine.contract) if mine.contract else None,
        sim=crm.inventory.sim(mine.contract.iccid) if mine.contract else None,
    )


def _block(crm: Crm, contract: Contract) -> str:
    """Return how the network has the block of a lost card: done, under way, or failed."""
    task = crm.provisioning.latest_of(contract.id)
    if task is None or task.status not in UNDER_WAY + GIVEN_UP:
        return "done"
    return "under_way" if task.status in UNDER_WAY else "failed"


def _terms(crm: Crm, contract: Contract) -> TariffVersion:
    """Return the terms that a contract has of its tariff."""
    return crm.catalog.tariff(contract.tariff_code).version_numbered(contract.tariff_version)
