"""The catalog: tariffs and options with their versions, and what goes together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.catalog import TariffCatalog
from telecom_crm.application.ports import Query
from telecom_crm.domain.compatibility import CompatibilityRule, RuleKind
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.money import Money
from telecom_crm.domain.policy import PaymentMode
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.tariff import (
    OPTION_LIFECYCLE,
    TARIFF_LIFECYCLE,
    Allowances,
    CatalogueStatus,
    Option,
    Tariff,
    TariffTerms,
)
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.lists import Listing, tolerant
from telecom_crm.entrypoints.http.web.events import event_shown
from telecom_crm.entrypoints.http.web.forms import Form, written
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import pgettext
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/tariffs"

ENTRY = Entry(
    path=PATH,
    text=N_("Tariffs"),
    icon="tags",
    section=N_("Products"),
    order=20,
    area=Area.CATALOG,
    key="T",
)

TABS = (("", N_("Tariffs")), ("/options", N_("Options")), ("/rules", N_("Compatibility")))
"""The parts of the catalog: the end of their address, and their name."""

COMMANDS = {
    "publish": (N_("Put on sale"), "play", False, N_("It is on sale now")),
    "retire": (N_("Sell no more"), "archive", True, N_("It is sold no more")),
    "obsolete": (N_("Put away"), "trash-2", True, N_("It is put away")),
}
"""What is asked about: the words, the icon, whether it hurts, and what is said after."""

RULES: Mapping[RuleKind, str] = {
    RuleKind.REQUIRES: N_("needs one of"),
    RuleKind.EXCLUDES: N_("does not go with"),
    RuleKind.INCLUDED_IN: N_("is part of"),
    RuleKind.MAX_ONE_OF: N_("one of the group at most"),
    RuleKind.MIGRATES_TO: N_("changes only to"),
}
"""What stands between the subject of a rule and the others."""


@attrs.frozen
class Part:
    """Tariffs or options: what the service has for them."""

    path: str
    lifecycle: Any
    get: Callable[[TariffCatalog, str], Any]
    history: Callable[[TariffCatalog, str], Any]
    commands: Mapping[str, Callable[..., Any]]


TARIFFS = Part(
    PATH,
    TARIFF_LIFECYCLE,
    TariffCatalog.tariff,
    TariffCatalog.tariff_history,
    {
        "publish": TariffCatalog.publish_tariff,
        "retire": TariffCatalog.retire_tariff,
        "obsolete": TariffCatalog.make_tariff_obsolete,
    },
)
OPTIONS = Part(
    f"{PATH}/options",
    OPTION_LIFECYCLE,
    TariffCatalog.option,
    TariffCatalog.option_history,
    {
        "publish": TariffCatalog.publish_option,
        "retire": TariffCatalog.retire_option,
        "obsolete": TariffCatalog.make_option_obsolete,
    },
)


class TariffPages(Controller):
    """The catalog in the console."""

    path = PATH

    @shows("/", Area.CATALOG)
    def index(self, request: Visit, catalog: NamedDependency[TariffCatalog]) -> Response[bytes]:
        """List tariffs."""
        return _listed(request, catalog.tariffs, "")

    @shows("/options", Area.CATALOG)
    def options(self, request: Visit, catalog: NamedDependency[TariffCatalog]) -> Response[bytes]:
        """List options."""
        return _listed(request, catalog.options, "/options")

    @shows("/rules", Area.CATALOG)
    def rules(self, request: Visit, catalog: NamedDependency[TariffCatalog]) -> Response[bytes]:
        """Show what goes together."""
        names = _names(catalog)
        rules = [_rule_shown(rule, names) for rule in catalog.rules()]
        template = "console/tariffs/rules.html"
        return page(request, template, tabs=_tabs("/rules"), rules=rules)

    @shows("/new", Area.CATALOG, Action.WRITE)
    def new(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask for a tariff."""
        return _new(request, crm, Form())

    @acts("/new", Area.CATALOG)
    def create(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Prepare a tariff with its first version; it is not on sale yet."""
        code, name = form.text("code", limit=40).upper(), form.text("name")
        description = form.text("description", required=False, limit=1000)
        terms = _terms(form, crm.currency)
        if terms is None:
            return _new(request, crm, form)
        made = form.submit(
            crm.catalog.create_tariff,
            code=code,
            name=name,
            description=description,
            terms=terms,
            by=request.by,
        )
        if made is None:
            return _new(request, crm, form)
        return redirect(request, f"{PATH}/{made.code}", toast=_("The tariff is prepared"))

    @shows("/options/{code:str}", Area.CATALOG)
    def option(
        self, request: Visit, code: FromPath[str], catalog: NamedDependency[TariffCatalog]
    ) -> Response[bytes]:
        """Show an option."""
        return _shown(request, OPTIONS, catalog, code)

    @shows("/options/{code:str}/{command:str}", Area.CATALOG, Action.WRITE)
    def ask_option(
        self,
        request: Visit,
        code: FromPath[str],
        command: FromPath[str],
        catalog: NamedDependency[TariffCatalog],
    ) -> Response[bytes]:
        """Ask whether, before a command on an option."""
        return _asked(request, OPTIONS, catalog, code, command, Form())

    @acts("/options/{code:str}/{command:str}", Area.CATALOG)
    def command_option(
        self,
        request: Visit,
        code: FromPath[str],
        command: FromPath[str],
        form: NamedDependency[Form],
        catalog: NamedDependency[TariffCatalog],
    ) -> Response[bytes]:
        """Put an option on sale, sell it no more, or put it away."""
        return _commanded(request, OPTIONS, catalog, code, command, form)

    @shows("/{code:str}", Area.CATALOG)
    def show(
        self, request: Visit, code: FromPath[str], catalog: NamedDependency[TariffCatalog]
    ) -> Response[bytes]:
        """Show a tariff."""
        return _shown(request, TARIFFS, catalog, code)

    @shows("/{code:str}/versions/new", Area.CATALOG, Action.WRITE)
    def new_version(
        self, request: Visit, code: FromPath[str], catalog: NamedDependency[TariffCatalog]
    ) -> Response[bytes]:
        """Ask for the terms of the next version, beginning with those of the last."""
        tariff = catalog.tariff(code)
        return _versioned(request, tariff, _filled(tariff.latest))

    @acts("/{code:str}/versions/new", Area.CATALOG)
    def add_version(
        self,
        request: Visit,
        code: FromPath[str],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Give new contracts new terms from a day on; live contracts keep theirs."""
        tariff = crm.catalog.tariff(code)
        terms = _terms(form, tariff.latest.currency, tariff.latest)
        begins, _end = form.day_span("valid_from", "none", crm.zone)
        if terms is None:
            return _versioned(request, tariff, form)
        changed = form.submit(
            crm.catalog.new_tariff_version,
            code,
            terms=terms,
            valid_from=begins,
            expected_version=form.version,
            by=request.by,
        )
        if changed is None:
            return _versioned(request, tariff, form)
        return redirect(request, f"{PATH}/{code}", toast=_("The new version is kept"))

    @shows("/{code:str}/{command:str}", Area.CATALOG, Action.WRITE)
    def ask(
        self,
        request: Visit,
        code: FromPath[str],
        command: FromPath[str],
        catalog: NamedDependency[TariffCatalog],
    ) -> Response[bytes]:
        """Ask whether, before a command on a tariff."""
        return _asked(request, TARIFFS, catalog, code, command, Form())

    @acts("/{code:str}/{command:str}", Area.CATALOG)
    def command(
        self,
        request: Visit,
        code: FromPath[str],
        command: FromPath[str],
        form: NamedDependency[Form],
        catalog: NamedDependency[TariffCatalog],
    ) -> Response[bytes]:
        """Put a tariff on sale, sell it no more, or put it away."""
        return _commanded(request, TARIFFS, catalog, code, command, form)


def _tabs(now: str) -> list[dict[str, Any]]:
    return [
        {"href": f"{PATH}{end}", "text": _(text), "current": end == now, "kind": "page"}
        for end, text in TABS
    ]


def _listed(request: Visit, fetch: Any, tab: str) -> Response[bytes]:
    listing = Listing.of(request, "status")
    now = listing.where().get("status")
    chips = [
        {"href": listing.url(status=None), "text": pgettext("tariffs", "All"), "current": not now}
    ]
    for status in CatalogueStatus:
        href = listing.url(status=status.value)
        chips.append({"href": href, "text": label(status), "current": now == status})
    return page(
        request,
        "console/tariffs/index.html",
        fragment="console/tariffs/_table.html",
        listing=listing,
        found=tolerant(listing, fetch),
        chips=chips,
        tabs=_tabs(tab),
        base=f"{PATH}{tab}",
    )


def _shown(request: Visit, part: Part, catalog: TariffCatalog, code: str) -> Response[bytes]:
    thing: Tariff | Option = part.get(catalog, code)
    commands = [
        (command, _(COMMANDS[command][0]), *COMMANDS[command][1:3])
        for command in part.lifecycle.allowed(thing.status)
        if command in COMMANDS and request.may(Area.CATALOG, Action.WRITE)
    ]
    names = _names(catalog)
    rules = [_rule_shown(r, names) for r in catalog.rules() if code in (r.subject, *r.others)]
    history = part.history(catalog, code)[::-1]
    return page(
        request,
        "console/tariffs/show.html",
        thing=thing,
        base=f"{part.path}/{code}",
        back=part.path,
        is_tariff=isinstance(thing, Tariff),
        commands=commands,
        rules=rules,
        form=Form(),
        events=[(event, *event_shown(event.name)) for event in history],
    )


def _asked(
    request: Visit, part: Part, catalog: TariffCatalog, code: str, command: str, form: Form
) -> Response[bytes]:
    if command not in COMMANDS:
        raise NotFound("command", command)
    thing = part.get(catalog, code)
    return page(
        request,
        "console/confirm.html",
        status=200 if form.ok else form.status,
        heading=_(COMMANDS[command][0]),
        object=thing.name,
        action=f"{part.path}/{code}/{command}",
        back=f"{part.path}/{code}",
        form=form,
        version=thing.version,
        reason=False,
    )


def _commanded(
    request: Visit, part: Part, catalog: TariffCatalog, code: str, command: str, form: Form
) -> Response[bytes]:
    if command not in COMMANDS:
        raise NotFound("command", command)
    do = part.commands[command]
    if form.submit(do, catalog, code, expected_version=form.version, by=request.by) is None:
        return _asked(request, part, catalog, code, command, form)
    return redirect(request, f"{part.path}/{code}", toast=_(COMMANDS[command][3]))


def _new(request: Visit, crm: Crm, form: Form) -> Response[bytes]:
    return page(
        request,
        "console/tariffs/new.html",
        status=200 if form.ok else form.status,
        form=form,
        currency=crm.currency,
        modes=_modes(),
    )


def _versioned(request: Visit, tariff: Tariff, form: Form) -> Response[bytes]:
    return page(
        request,
        "console/tariffs/version.html",
        status=200 if form.ok else form.status,
        form=form,
        tariff=tariff,
        currency=tariff.latest.currency,
        modes=_modes(),
    )


def _modes() -> list[tuple[str, str]]:
    return [(mode.value, label(mode)) for mode in PaymentMode]


def _terms(form: Form, currency: str, before: TariffTerms | None = None) -> TariffTerms | None:
    """Read the terms of a version; rates of usage, which no field shows, stay as they were."""
    monthly, activation = (
        form.money("monthly_fee", currency),
        form.money("activation_fee", currency),
    )
    swap = form.money("sim_swap_fee", currency, required=False)
    counts = {name: _count(form, name) for name in ALLOWANCES}
    modes = frozenset(mode for mode in PaymentMode if mode.value in form.all("payment_modes"))
    if not modes:
        form.fault("payment_modes", "missing")
    if not form.ok or monthly is None or activation is None:
        return None
    return form.submit(
        TariffTerms,
        monthly_fee=monthly,
        activation_fee=activation,
        sim_swap_fee=swap,
        allowances=Allowances(**counts),
        usage_rates=before.usage_rates if before else (),
        payment_modes=modes,
    )


def _count(form: Form, name: str) -> int:
    """Read how much is included; nothing typed is none."""
    found = form.whole(name, required=False) or 0
    if found < 0:
        form.fault(name, "number")
    return found


ALLOWANCES = ("megabytes", "minutes", "messages")


def _filled(terms: TariffTerms) -> Form:
    def shown(amount: Money | None) -> str | None:
        return None if amount is None else written(amount)

    return Form.filled(
        monthly_fee=shown(terms.monthly_fee),
        activation_fee=shown(terms.activation_fee),
        sim_swap_fee=shown(terms.sim_swap_fee),
        payment_modes=[mode.value for mode in terms.payment_modes],
        **{name: getattr(terms.allowances, name) for name in ALLOWANCES},
    )


def _names(catalog: TariffCatalog) -> dict[str, str]:
    """Return what tariffs and options are called, by their code."""
    every = Query(limit=500)
    found: list[Tariff | Option] = [*catalog.tariffs(every).items, *catalog.options(every).items]
    return {one.code: one.name for one in found}


def _rule_shown(rule: CompatibilityRule, names: Mapping[str, str]) -> tuple[str, str, str]:
    others = ", ".join(names.get(code, code) for code in rule.others)
    return names.get(rule.subject, rule.subject), _(RULES[rule.kind]), others
