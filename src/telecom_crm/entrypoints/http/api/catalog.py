"""Tariffs, options, and what goes together."""

from __future__ import annotations

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from telecom_crm.application.catalog import TariffCatalog
from telecom_crm.application.declared import at
from telecom_crm.domain.errors import InvalidValue, NotFound
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.tariff import Option, Tariff, catalogue_code
from telecom_crm.entrypoints.http.api.catalog_terms import (
    AnswerView,
    NewOption,
    NewTariff,
    OptionTermsBody,
    OptionView,
    Question,
    RulesBody,
    TariffTermsBody,
    TariffView,
    compatibility_rules,
    option_terms,
    tariff_terms,
    wording,
)
from telecom_crm.entrypoints.http.calls import Call, listing
from telecom_crm.entrypoints.http.routes import does, makes, reads, replaces
from telecom_crm.entrypoints.http.values import (
    EventView,
    PageView,
    listed,
    made,
    shown,
    whole,
)


class TariffController(Controller):
    """Tariffs."""

    path = "/tariffs"
    tags = ("catalog",)

    @reads("/", Area.CATALOG, query=listing("tariff", key="code"))
    def page(
        self, request: Call, catalog: NamedDependency[TariffCatalog]
    ) -> Response[PageView[TariffView]]:
        """List tariffs."""
        return listed(request, catalog.tariffs(request.query()), TariffView.of)

    @makes("/", Area.CATALOG)
    def create(
        self, request: Call, data: JSONBody[NewTariff], catalog: NamedDependency[TariffCatalog]
    ) -> Response[TariffView]:
        """Prepare a tariff with its first version."""
        tariff = catalog.create_tariff(
            code=data.code,
            name=wording(data.name),
            description=wording(data.description),
            terms=tariff_terms(data),
            valid_from=data.valid_from.value if data.valid_from else None,
            by=request.by,
        )
        at = f"/tariffs/{tariff.code}"
        return made(TariffView.of(tariff), at=at, version=tariff.version)

    @reads("/{code:str}", Area.CATALOG)
    def get(
        self, code: FromPath[str], catalog: NamedDependency[TariffCatalog]
    ) -> Response[TariffView]:
        """Show a tariff with its versions."""
        return _shown_tariff(catalog.tariff(_code(code, "tariff")))

    @reads("/{code:str}/history", Area.CATALOG)
    def history(
        self, code: FromPath[str], catalog: NamedDependency[TariffCatalog]
    ) -> PageView[EventView]:
        """Tell what happened to a tariff, oldest first."""
        return whole(catalog.tariff_history(_code(code, "tariff")), EventView.of)

    @makes("/{code:str}/versions", Area.CATALOG, versioned=True)
    def add_version(
        self,
        request: Call,
        code: FromPath[str],
        data: JSONBody[TariffTermsBody],
        catalog: NamedDependency[TariffCatalog],
    ) -> Response[TariffView]:
        """Give new contracts new terms from an instant on; live contracts keep theirs."""
        tariff = catalog.new_tariff_version(
            _code(code, "tariff"),
            terms=tariff_terms(data),
            valid_from=data.valid_from.value if data.valid_from else None,
            expected_version=request.seen,
            by=request.by,
        )
        return made(TariffView.of(tariff), at=f"/tariffs/{tariff.code}", version=tariff.version)

    @does("/{code:str}/publish", Area.CATALOG, versioned=True)
    def publish(
        self, request: Call, code: FromPath[str], catalog: NamedDependency[TariffCatalog]
    ) -> Response[TariffView]:
        """Put a tariff on sale."""
        name = _code(code, "tariff")
        return _shown_tariff(
            catalog.publish_tariff(name, expected_version=request.seen, by=request.by)
        )

    @does("/{code:str}/retire", Area.CATALOG, versioned=True)
    def retire(
        self, request: Call, code: FromPath[str], catalog: NamedDependency[TariffCatalog]
    ) -> Response[TariffView]:
        """Sell a tariff no more; contracts that have it keep it."""
        name = _code(code, "tariff")
        return _shown_tariff(
            catalog.retire_tariff(name, expected_version=request.seen, by=request.by)
        )

    @does("/{code:str}/obsolete", Area.CATALOG, versioned=True)
    def obsolete(
        self, request: Call, code: FromPath[str], catalog: NamedDependency[TariffCatalog]
    ) -> Response[TariffView]:
        """Put away a retired tariff that no contract has any more."""
        name = _code(code, "tariff")
        return _shown_tariff(
            catalog.make_tariff_obsolete(name, expected_version=request.seen, by=request.by)
        )


class OptionController(Controller):
    """Options."""

    path = "/options"
    tags = ("catalog",)

    @reads("/", Area.CATALOG, query=listing("option", key="code"))
    def page(
        self, request: Call, catalog: NamedDependency[TariffCatalog]
    ) -> Response[PageView[OptionView]]:
        """List options."""
        return listed(request, catalog.options(request.query()), OptionView.of)

    @makes("/", Area.CATALOG)
    def create(
        self, request: Call, data: JSONBody[NewOption], catalog: NamedDependency[TariffCatalog]
    ) -> Response[OptionView]:
        """Prepare an option with its first version."""
        option = catalog.create_option(
            code=data.code,
            name=wording(data.name),
            description=wording(data.description),
            group=data.group,
            terms=option_terms(data),
            valid_from=data.valid_from.value if data.valid_from else None,
            by=request.by,
        )
        at = f"/options/{option.code}"
        return made(OptionView.of(option), at=at, version=option.version)

    @reads("/{code:str}", Area.CATALOG)
    def get(
        self, code: FromPath[str], catalog: NamedDependency[TariffCatalog]
    ) -> Response[OptionView]:
        """Show an option with its versions."""
        return _shown_option(catalog.option(_code(code, "option")))

    @reads("/{code:str}/history", Area.CATALOG)
    def history(
        self, code: FromPath[str], catalog: NamedDependency[TariffCatalog]
    ) -> PageView[EventView]:
        """Tell what happened to an option, oldest first."""
        return whole(catalog.option_history(_code(code, "option")), EventView.of)

    @makes("/{code:str}/versions", Area.CATALOG, versioned=True)
    def add_version(
        self,
        request: Call,
        code: FromPath[str],
        data: JSONBody[OptionTermsBody],
        catalog: NamedDependency[TariffCatalog],
    ) -> Response[OptionView]:
        """Give new contracts new terms from an instant on; live contracts keep theirs."""
        option = catalog.new_option_version(
            _code(code, "option"),
            terms=option_terms(data),
            valid_from=data.valid_from.value if data.valid_from else None,
            expected_version=request.seen,
            by=request.by,
        )
        return made(OptionView.of(option), at=f"/options/{option.code}", version=option.version)

    @does("/{code:str}/publish", Area.CATALOG, versioned=True)
    def publish(
        self, request: Call, code: FromPath[str], catalog: NamedDependency[TariffCatalog]
    ) -> Response[OptionView]:
        """Put an option on sale."""
        name = _code(code, "option")
        return _shown_option(
            catalog.publish_option(name, expected_version=request.seen, by=request.by)
        )

    @does("/{code:str}/retire", Area.CATALOG, versioned=True)
    def retire(
        self, request: Call, code: FromPath[str], catalog: NamedDependency[TariffCatalog]
    ) -> Response[OptionView]:
        """Sell an option no more; contracts that have it keep it."""
        name = _code(code, "option")
        return _shown_option(
            catalog.retire_option(name, expected_version=request.seen, by=request.by)
        )

    @does("/{code:str}/obsolete", Area.CATALOG, versioned=True)
    def obsolete(
        self, request: Call, code: FromPath[str], catalog: NamedDependency[TariffCatalog]
    ) -> Response[OptionView]:
        """Put away a retired option; contracts that still have it keep its terms."""
        name = _code(code, "option")
        return _shown_option(
            catalog.make_option_obsolete(name, expected_version=request.seen, by=request.by)
        )


class CompatibilityController(Controller):
    """What goes together."""

    path = "/"
    tags = ("catalog",)

    @reads("/compatibility-rules", Area.CATALOG)
    def rules(self, catalog: NamedDependency[TariffCatalog]) -> Response[RulesBody]:
        """List the compatibility rules."""
        return _shown_rules(catalog)

    @replaces("/compatibility-rules", Area.CATALOG, versioned=True)
    def replace_rules(
        self, request: Call, data: JSONBody[RulesBody], catalog: NamedDependency[TariffCatalog]
    ) -> Response[RulesBody]:
        """Put these compatibility rules in the place of all."""
        wanted = compatibility_rules(data)
        try:
            catalog.replace_rules(wanted, expected_version=request.seen, by=request.by)
        except InvalidValue as error:
            raise InvalidValue(at("items", error)) from None
        return _shown_rules(catalog)

    @does("/compatibility-check", Area.CATALOG, Action.READ)
    def check(
        self, data: JSONBody[Question], catalog: NamedDependency[TariffCatalog]
    ) -> AnswerView:
        """Tell everything that forbids these options with this tariff."""
        reasons = catalog.check(tariff=data.tariff, options=data.options)
        return AnswerView(compatible=not reasons, reasons=list(map(str, reasons)))


def _shown_rules(catalog: TariffCatalog) -> Response[RulesBody]:
    # The version is read first: what changes in between is then refused, and not overwritten.
    version = catalog.rules_version()
    return shown(RulesBody.of(catalog.rules()), version=version)


def _code(raw: str, thing: str) -> str:
    """Read a code out of a path: what cannot be one names nothing."""
    try:
        catalogue_code(None, attrs.fields(Tariff).code, raw)
    except InvalidValue:
        shown = "".join(char if char.isprintable() else "\ufffd" for char in raw[:40])
        raise NotFound(thing, shown) from None
    return raw


def _shown_tariff(tariff: Tariff) -> Response[TariffView]:
    return shown(TariffView.of(tariff), version=tariff.version)


def _shown_option(option: Option) -> Response[OptionView]:
    return shown(OptionView.of(option), version=option.version)
