"""What goes together: the compatibility rules of the catalog, added and taken out one by one."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency

from telecom_crm.application.catalog import TariffCatalog
from telecom_crm.application.ports import Query
from telecom_crm.domain.compatibility import CompatibilityRule, RuleKind
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.role import Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.commands import Command, Commands, routes_of
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import spoken
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/tariffs/rules"

Shown = tuple[str, str, str]
Placed = tuple[int, str]
"""A rule as an address names it, by its place among all, and in words."""
EVERY = Query(limit=500)


def _find(crm: Crm, place: int) -> Placed:
    rules = crm.catalog.rules()
    if not 1 <= place <= len(rules):
        raise NotFound("rule", str(place))
    return place, " ".join(_shown(rules[place - 1], names_in(crm.catalog)))


def _take_out(
    catalog: TariffCatalog, place: int, *, expected_version: int | None, by: Actor
) -> None:
    rest = [rule for number, rule in enumerate(catalog.rules(), 1) if number != place]
    catalog.replace_rules(rest, expected_version=expected_version, by=by)


DELETE = Commands(
    area=Area.CATALOG,
    service=lambda crm: crm.catalog,
    find=_find,
    key=lambda placed: placed[0],
    title=lambda placed: placed[1],
    version=lambda crm, _: crm.catalog.rules_version(),
    home=PATH,
    table=(
        Command(
            "delete",
            N_("Take the rule out"),
            "trash-2",
            N_("The rule no longer holds"),
            _take_out,
            hurts=True,
        ),
    ),
)


class CompatibilityPages(Controller):
    """What goes together, in the console."""

    path = PATH

    @shows("/", Area.CATALOG)
    def index(self, request: Visit, catalog: NamedDependency[TariffCatalog]) -> Response[bytes]:
        """Show the rules, and ask for another one."""
        return _listed(request, catalog, Form())

    @acts("/", Area.CATALOG)
    def add(
        self,
        request: Visit,
        form: NamedDependency[Form],
        catalog: NamedDependency[TariffCatalog],
    ) -> Response[bytes]:
        """Add a rule."""
        kind, subject = form.choice("kind", RuleKind), form.text("subject")
        others = () if kind is RuleKind.MAX_ONE_OF else tuple(form.all("others"))
        rule = form.submit(CompatibilityRule, kind or RuleKind.EXCLUDES, subject, others)
        if rule and rule in catalog.rules():
            form.fault("kind", "rule_known")
        if rule is None or not _put(request, form, catalog, [*catalog.rules(), rule]):
            form.faults = [attrs.evolve(one, field=_box(one.field)) for one in form.faults]
            return _listed(request, catalog, form)
        return redirect(request, PATH, toast=_("The rule holds from now on"))

    ask_delete, delete = routes_of("/{place:int}/delete", DELETE)


def rules_naming(catalog: TariffCatalog, code: str) -> list[Shown]:
    """Return the rules that name something, in words."""
    names = names_in(catalog)
    return [_shown(rule, names) for rule in catalog.rules() if code in (rule.subject, *rule.others)]


def names_in(catalog: TariffCatalog) -> dict[str, str]:
    """Return what tariffs and options are called, by their code, in the visitor's language."""
    return {code: spoken(name) for code, name in catalog.names().items()}


def _shown(rule: CompatibilityRule, names: Mapping[str, str]) -> Shown:
    others = ", ".join(names.get(code, code) for code in rule.others)
    return names.get(rule.subject, rule.subject), label(rule.kind), others


def _box(field: str) -> str:
    """Return where a fault of the last rule of all stands: `7.others.0` is about the others."""
    parts = [part for part in field.split(".") if not part.isdecimal()]
    return parts[0] if parts else field


def _put(
    request: Visit, form: Form, catalog: TariffCatalog, rules: list[CompatibilityRule]
) -> bool:
    """Put rules in the place of all; False where something is wrong."""
    seen = form.version
    form.submit(catalog.replace_rules, rules, expected_version=seen, by=request.by)
    return form.ok


def _listed(request: Visit, catalog: TariffCatalog, form: Form) -> Response[bytes]:
    version, names = catalog.rules_version(), names_in(catalog)
    things = sorted(names.items(), key=lambda pair: pair[1])
    groups = sorted({one.group for one in catalog.options(EVERY).items if one.group})
    return page(
        request,
        "console/tariffs/rules.html",
        status=200 if form.ok else form.status,
        form=form,
        version=version,
        rules=[_shown(rule, names) for rule in catalog.rules()],
        kinds=[(kind.value, label(kind)) for kind in RuleKind],
        things=things,
        subjects=[*things, *((one, _("Group %(name)s", name=one)) for one in groups)],
        base=PATH,
    )
