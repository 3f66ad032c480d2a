"""A subscriber's tariff and options: what they have, and what it takes to change it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from litestar import Controller, Response
from litestar.di import NamedDependency

from telecom_crm.application.contracts.amending import When
from telecom_crm.application.contracts.previewing import Plan
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.ledger import InsufficientFunds
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Toast, Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.messages import sentence
from telecom_crm.entrypoints.http.web.my.contracts import Mine, chosen, own
from telecom_crm.entrypoints.http.web.my.money import OWN
from telecom_crm.entrypoints.http.web.prices import price_told
from telecom_crm.entrypoints.http.web.routes import acts, shows

ENTRY = Entry(
    path="/my/tariff",
    text=N_("Tariff"),
    icon="tags",
    order=25,
    beside=("/my/options", "/my/change", "/my/sim"),
)

OPTIONS = "/my/options"


class MyPlan(Controller):
    """What a subscriber's contract includes."""

    @shows("/my/tariff", OWN)
    def tariff(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Show the tariff with all its terms, and those that one may change to."""
        return _shown(request, crm, "my/tariff.html")

    @shows(OPTIONS, OWN)
    def options(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Show what is switched on, and what may be."""
        return _shown(request, crm, "my/options.html")

    @shows("/my/change", OWN)
    def ask(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Tell what a change comes to, before it is made."""
        asked = request.query_params
        if not asked.get("contract"):
            return redirect(request, _home(request))
        contract = own(request, crm, asked["contract"])
        if not Mine(contract, ()).may("amend"):  # its own page says why
            return redirect(request, f"{_home(request)}?contract={contract.id}")
        had = [one.code for one in contract.options]
        on, off, tariff = (asked.get(name, "") for name in ("on", "off", "tariff"))
        wish: dict[str, Any] = {}
        if on and on not in had:
            wish = {"options": [*had, on]}
        elif off in had:
            wish = {"options": [code for code in had if code != off]}
        elif tariff and tariff != contract.tariff_code:
            wish = {"tariff": tariff}
        if not wish:  # it is so already, or was never asked for: one went back, or came by a link
            return redirect(request, f"{_home(request)}?contract={contract.id}")
        _require_open(request, contract, wish)
        return _asked(request, crm, contract, wish, begins=When.NOW if on else When.NEXT_PERIOD)

    @acts("/my/change", OWN)
    def change(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Change tariff and options as was shown; sent twice, it is one change."""
        contract = own(request, crm, form.raw("contract"))
        wish: dict[str, Any] = {
            "tariff": form.raw("tariff") or None,
            "options": form.all("option"),
        }
        _require_open(request, contract, wish)
        done = form.submit(
            crm.contracts.amend,
            contract.id,
            **wish,
            when=form.choice("when", When) or When.NOW,
            idempotency_key=form.key,
            expected_version=form.version,
            by=request.by,
        )
        if done is None:
            return _asked(request, crm, contract, wish, form=form)
        where = ENTRY.path if wish["tariff"] else OPTIONS
        said = _("The change is made") if done.pending is None else _("The change is planned")
        return redirect(request, f"{where}?contract={contract.id}", toast=said)

    @acts("/my/change/undo", OWN)
    def undo(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Give a planned change up, and stay as one is."""
        contract = own(request, crm, form.raw("contract"))
        toast = Toast(_("Everything stays as it is"))
        stay = partial(crm.contracts.amend, contract.id, expected_version=form.version)
        if contract.pending is not None and form.submit(stay, by=request.by) is None:
            toast = Toast(sentence(form.errors[0]), "bad")
        return redirect(request, f"{_home(request)}?contract={contract.id}", toast=toast)


def _home(request: Visit) -> str:
    """Return the page that a contract's terms are on, of those that there are."""
    paths = (ENTRY.path, OPTIONS)
    return next((path for path in paths if request.pages.is_open(path)), "/my")


def _require_open(request: Visit, contract: Contract, wish: Mapping[str, Any]) -> None:
    """Raise `NotFound` for a change of what is switched off: each has its own pages."""
    had = {one.code for one in contract.options}
    is_of_tariff = wish.get("tariff") not in (None, contract.tariff_code)
    adds = set(wish.get("options") or ()) - had
    needed = [ENTRY.path] * is_of_tariff + [OPTIONS] * bool(adds or not is_of_tariff)
    for path in needed:
        if not request.pages.is_open(path):
            raise NotFound("page", path)


def _shown(request: Visit, crm: Crm, template: str) -> Response[bytes]:
    mine = chosen(request, crm, request.query_params.get("contract", ""))
    contract = mine.contract
    choices = crm.contracts.choices(contract.id) if contract else None
    return page(
        request,
        template,
        mine=mine,
        choices=choices,
        rates=_rates(choices.plan) if choices else [],
        why=partial(sentence, names=choices.names if choices else {}),
    )


def _asked(
    request: Visit,
    crm: Crm,
    contract: Contract,
    wish: Mapping[str, Any],
    *,
    form: Form | None = None,
    begins: When = When.NOW,
) -> Response[bytes]:
    """Show what a change comes to, at once and from the next period on."""
    now, later = (crm.contracts.preview(contract.id, when=when, **wish) for when in When)
    choices = crm.contracts.choices(contract.id)
    if form is None:
        form = Form.filled(when=When.NEXT_PERIOD if now.refused else begins)
    return page(
        request,
        "my/change.html",
        status=200 if form.ok else form.status,
        form=form,
        mine=Mine(contract, ()),
        choices=choices,
        now=now,
        later=later,
        is_short=isinstance(now.refused, InsufficientFunds),
        of_options=now.plan.tariff.code == contract.tariff_code,
        why=partial(sentence, names=choices.names),
    )


def _rates(plan: Plan) -> list[tuple[str, str, str]]:
    """Return what usage beyond the allowances costs: for what, with which prefix, the price."""
    return [
        (label(one.service), one.destination_prefix, price_told(one, plan.terms.currency))
        for one in plan.terms.usage_rates
    ]
