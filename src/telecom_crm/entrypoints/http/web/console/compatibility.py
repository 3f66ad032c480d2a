"""What goes together: the compatibility rules of the catalog, added and taken out one by one."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.catalog import TariffCatalog
from telecom_crm.application.ports import Query
from telecom_crm.domain.compatibility import CompatibilityRule, RuleKind
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.tariff import Option, Tariff
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import spoken
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/tariffs/rules"

WORDS: Mapping[RuleKind, str] = {
    RuleKind.REQUIRES: N_("needs one of"),
    RuleKind.EXCLUDES: N_("does not go with"),
    RuleKind.INCLUDED_IN: N_("is part of"),
    RuleKind.MAX_ONE_OF: N_("one of the group at most"),
    RuleKind.MIGRATES_TO: N_("changes only to"),
}
"""What stands between the subject of a rule and the others."""

Shown = tuple[str, str, str]
EVERY = Query(limit=500)


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

    @shows("/{place:int}/delete", Area.CATALOG, Action.WRITE)
    def ask_delete(
        self, request: Visit, place: FromPath[int], catalog: NamedDependency[TariffCatalog]
    ) -> Response[bytes]:
        """Ask whether, before a rule is taken out."""
        return _asked(request, catalog, place, Form())

    @acts("/{place:int}/delete", Area.CATALOG)
    def delete(
        self,
        request: Visit,
        place: FromPath[int],
        form: NamedDependency[Form],
        catalog: NamedDependency[TariffCatalog],
    ) -> Response[bytes]:
        """Take a rule out."""
        rest = [rule for number, rule in enumerate(catalog.rules(), 1) if number != place]
        if not _put(request, form, catalog, rest):
            return _asked(request, catalog, place, form)
        return redirect(request, PATH, toast=_("The rule holds no more"))


def rules_naming(catalog: TariffCatalog, code: str) -> list[Shown]:
    """Return the rules that name something, in words."""
    names = names_in(catalog)
    return [_shown(rule, names) for rule in catalog.rules() if code in (rule.subject, *rule.others)]


def names_in(catalog: TariffCatalog) -> dict[str, str]:
    """Return what tariffs and options are called, by their code, in the visitor's language."""
    found: list[Tariff | Option] = [*catalog.tariffs(EVERY).items, *catalog.options(EVERY).items]
    return {one.code: spoken(one.name) for one in found}


def _shown(rule: CompatibilityRule, names: Mapping[str, str]) -> Shown:
    others = ", ".join(names.get(code, code) for code in rule.others)
    return names.get(rule.subject, rule.subject), _(WORDS[rule.kind]), others


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
        kinds=[(kind.value, _(words)) for kind, words in WORDS.items()],
        things=things,
        subjects=[*things, *((one, _("Group %(name)s", name=one)) for one in groups)],
        base=PATH,
    )


def _asked(request: Visit, catalog: TariffCatalog, place: int, form: Form) -> Response[bytes]:
    version, rules = catalog.rules_version(), catalog.rules()
    if not 1 <= place <= len(rules):
        raise NotFound("rule", str(place))
    return page(
        request,
        "console/confirm.html",
        status=200 if form.ok else form.status,
        heading=_("Take the rule out"),
        object=" ".join(_shown(rules[place - 1], names_in(catalog))),
        action=f"{PATH}/{place}/delete",
        back=PATH,
        form=form,
        version=version,
        reason=False,
    )
