"""The catalog: tariffs and options with their versions, and whether they are sold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, ClassVar

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.catalog import TariffCatalog
from telecom_crm.domain.contract import LIVE
from telecom_crm.domain.language import LANGUAGES
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.tariff import (
    CHANGEABLE,
    DESCRIPTION_LIMIT,
    NAME_LIMIT,
    OPTION_LIFECYCLE,
    TARIFF_LIFECYCLE,
    UNITS,
    CatalogueStatus,
    Option,
    Tariff,
    TariffVersion,
)
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.beside import beside
from telecom_crm.entrypoints.http.web.console.catalog_terms import (
    TermsForm,
    form_of,
    offer_of,
    offer_typed,
    option_form,
    tariff_form,
    told,
    usage_typed,
    versions_told,
)
from telecom_crm.entrypoints.http.web.console.commands import (
    Command,
    Commands,
    Link,
    menu_of,
    routes_of,
)
from telecom_crm.entrypoints.http.web.console.compatibility import rules_naming
from telecom_crm.entrypoints.http.web.console.lists import (
    COUNTED,
    Found,
    Listing,
    found_by,
    status_chips,
    tally,
)
from telecom_crm.entrypoints.http.web.events import event_shown
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.i18n import pgettext, spoken
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/tariffs"

FILTERS = ("status",)
"""What the list is filtered by."""

ENTRY = Entry(
    path=PATH,
    text=N_("Tariffs"),
    icon="tags",
    section=N_("Products"),
    order=20,
    area=Area.CATALOG,
    key="T",
    new=N_("New tariff"),
)

SURE = "sure"
"""The field of a form that was asked about, and is meant."""

WORDINGS = ("name", "description")
"""What people read of it, in several languages."""

Do = Callable[..., Any]


def _links(path: str, request: Visit, _c: Crm, thing: Tariff | Option) -> list[Link]:
    """Return what else begins at something of the catalog, for whoever may change it."""
    if not request.may(Area.CATALOG, Action.WRITE):
        return []
    base = f"{path}/{thing.code}"
    anew = (f"{base}/versions/new", _("New version"), "layers")
    return [
        *([anew] if thing.status in CHANGEABLE else []),
        (f"{base}/words", _("Name and description"), "pencil"),
        (f"{path}/new?like={thing.code}", _("Make a copy"), "copy"),
    ]


def _commands(
    path: str, lifecycle: Any, get: Do, *, publish: Do, retire: Do, obsolete: Do
) -> Commands[Tariff | Option]:
    return Commands(
        area=Area.CATALOG,
        service=lambda crm: crm.catalog,
        find=lambda crm, code: get(crm.catalog, code),
        title=lambda thing: spoken(thing.name),
        key=lambda thing: thing.code,
        allowed=lambda _, __, thing: lifecycle.allowed(thing.status),
        links=partial(_links, path),
        table=(
            Command("publish", N_("Put on sale"), "play", N_("It is on sale now"), publish),
            Command(
                "retire",
                N_("Stop selling"),
                "archive",
                N_("It is no longer sold"),
                retire,
                hurts=True,
            ),
            Command(
                "obsolete",
                N_("Put away"),
                "trash-2",
                N_("It is put away"),
                obsolete,
                hurts=True,
            ),
        ),
    )


@attrs.frozen(kw_only=True)
class Part:
    """Tariffs or options: what the service has for them, and how pages speak of them."""

    path: str
    several: str
    lifecycle: Any
    page: Callable[..., Any]
    search: Callable[..., Any]
    counts: Callable[..., Any]
    get: Callable[..., Any]
    history: Callable[..., Any]
    create: Callable[..., Any]
    add_version: Callable[..., Any]
    preview_version: Callable[..., Any]
    describe: Callable[..., Any]
    commands: Commands[Tariff | Option]
    form: Callable[[str], TermsForm]
    new: str
    prepared: str
    is_grouped: bool = False
    """Whether rules may name several by a group."""

    def listed(self, listing: Listing, catalog: TariffCatalog) -> Found[Any]:
        """Return what the list shows: what a search found, or a page of all."""
        own = (partial(one, catalog) for one in (self.page, self.search, self.counts))
        fetch, search, counts = own
        return found_by(listing, fetch, search, counts=counts)

    @property
    def is_tariff(self) -> bool:
        """Whether it is tariffs."""
        return self.lifecycle is TARIFF_LIFECYCLE

    @property
    def boxes(self) -> list[str]:
        """The boxes for what people read, in their order."""
        tongues = sorted(LANGUAGES.codes, key=lambda code: code != LANGUAGES.default)
        names, descriptions = ([f"{one}.{code}" for code in tongues] for one in WORDINGS)
        return [*names, "code", *(["group"] if self.is_grouped else []), *descriptions]

    def asked_words(self, form: Form) -> dict[str, Any]:
        """Read what people are to read."""
        asked: dict[str, Any] = {
            "name": form.wording("name", limit=NAME_LIMIT),
            "description": form.wording("description", limit=DESCRIPTION_LIMIT, required=False),
        }
        if self.is_grouped:
            asked["group"] = form.text("group", required=False)
        return asked


TARIFFS = Part(
    path=PATH,
    several=N_("Tariffs"),
    lifecycle=TARIFF_LIFECYCLE,
    page=TariffCatalog.tariffs,
    search=TariffCatalog.search_tariffs,
    counts=TariffCatalog.count_tariffs,
    get=TariffCatalog.tariff,
    history=TariffCatalog.tariff_history,
    create=TariffCatalog.create_tariff,
    add_version=TariffCatalog.new_tariff_version,
    preview_version=TariffCatalog.preview_tariff_version,
    describe=TariffCatalog.describe_tariff,
    commands=_commands(
        PATH,
        TARIFF_LIFECYCLE,
        TariffCatalog.tariff,
        publish=TariffCatalog.publish_tariff,
        retire=TariffCatalog.retire_tariff,
        obsolete=TariffCatalog.make_tariff_obsolete,
    ),
    form=tariff_form,
    new=N_("New tariff"),
    prepared=N_("The tariff is prepared"),
)
OPTIONS = Part(
    path=f"{PATH}/options",
    several=N_("Options"),
    lifecycle=OPTION_LIFECYCLE,
    page=TariffCatalog.options,
    search=TariffCatalog.search_options,
    counts=TariffCatalog.count_options,
    get=TariffCatalog.option,
    history=TariffCatalog.option_history,
    create=TariffCatalog.create_option,
    add_version=TariffCatalog.new_option_version,
    preview_version=TariffCatalog.preview_option_version,
    describe=TariffCatalog.describe_option,
    commands=_commands(
        f"{PATH}/options",
        OPTION_LIFECYCLE,
        TariffCatalog.option,
        publish=TariffCatalog.publish_option,
        retire=TariffCatalog.retire_option,
        obsolete=TariffCatalog.make_option_obsolete,
    ),
    form=option_form,
    new=N_("New option"),
    prepared=N_("The option is prepared"),
    is_grouped=True,
)


class _CatalogPages(Controller):
    """A part of the catalog in the console: what there is, its versions, and whether it is sold."""

    part: ClassVar[Part]

    @shows("/", Area.CATALOG)
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """List what there is."""
        listing = Listing.of(request, *FILTERS)
        found = self.part.listed(listing, catalog=crm.catalog)
        return page(
            request,
            "console/tariffs/index.html",
            fragment="console/tariffs/_table.html",
            listing=listing,
            found=found,
            contracts=_tallies(request, self.part, crm, [one.code for one in found.items]),
            chips=status_chips(
                listing,
                pgettext("tariffs", "All"),
                CatalogueStatus,
                partial(self.part.counts, crm.catalog),
                among=found.among,
            ),
            part=self.part,
        )

    @shows("/new", Area.CATALOG, Action.WRITE)
    def new(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask for a new one; with `like` in the address, beginning as that one is."""
        like = request.query_params.get("like", "")[:60]
        if not like:
            return _new(request, self.part, crm, Form.filled(recurring="true"))
        model = self.part.get(crm.catalog, like)
        form = form_of(model).filled(model.latest, **_words(model))
        return _new(request, self.part, crm, form)

    @acts("/new", Area.CATALOG)
    def create(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Prepare one with its first version; it is not on sale yet."""
        part = self.part
        asked = {"code": form.text("code", limit=40).upper(), **part.asked_words(form)}
        terms = part.form(crm.currency).terms(form)
        made = form.submit(part.create, crm.catalog, **asked, terms=terms, by=request.by)
        if made is None:
            return _new(request, part, crm, form)
        return redirect(request, f"{part.path}/{made.code}", toast=_(part.prepared))

    @acts("/preview", Area.CATALOG)
    def preview(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show what is typed as subscribers would see it, and keep nothing."""
        code = request.query_params.get("of", "")[:60]
        thing = self.part.get(crm.catalog, code) if code else None
        asked = form_of(thing) if thing else self.part.form(crm.currency)
        offer = offer_typed(form, asked, crm.currency, thing)
        return page(request, "console/tariffs/_offer.html", offer=offer)

    @shows("/{code:str}", Area.CATALOG)
    def show(
        self, request: Visit, code: FromPath[str], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show one with its versions, and what each changed."""
        return _shown(request, self.part, crm, code)

    @shows("/{code:str}/versions/new", Area.CATALOG, Action.WRITE)
    def new_version(
        self, request: Visit, code: FromPath[str], catalog: NamedDependency[TariffCatalog]
    ) -> Response[bytes]:
        """Ask for the terms of the next version, beginning with those of the last."""
        thing = self.part.get(catalog, code)
        return _versioned(request, self.part, thing, form_of(thing).filled(thing.latest))

    @acts("/{code:str}/versions/new", Area.CATALOG)
    def add_version(
        self,
        request: Visit,
        code: FromPath[str],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Show what new contracts get from a day on, and once that was seen, publish it."""
        part, thing = self.part, self.part.get(crm.catalog, code)
        begins, _end = form.day_span("valid_from", "none", crm.zone)
        asked = {
            "terms": form_of(thing).terms(form),
            "valid_from": begins,
            "expected_version": form.version,
            "by": request.by,
        }
        if form.flag("edit"):
            return _versioned(request, part, thing, form)
        sure = form.flag(SURE)
        do = part.add_version if sure else part.preview_version
        changed = form.submit(do, crm.catalog, code, **asked)
        if changed is None:
            return _versioned(request, part, thing, form)
        if not sure:
            return _sure(request, part, crm, changed, form)
        return redirect(request, f"{part.path}/{code}", toast=_("The new version is published"))

    @shows("/{code:str}/words", Area.CATALOG, Action.WRITE)
    def ask_words(
        self, request: Visit, code: FromPath[str], catalog: NamedDependency[TariffCatalog]
    ) -> Response[bytes]:
        """Ask for what people read of it."""
        thing = self.part.get(catalog, code)
        return _worded(request, self.part, thing, Form.filled(**_words(thing)))

    @acts("/{code:str}/words", Area.CATALOG)
    def describe(
        self,
        request: Visit,
        code: FromPath[str],
        form: NamedDependency[Form],
        catalog: NamedDependency[TariffCatalog],
    ) -> Response[bytes]:
        """Change what people read of it; no price changes."""
        part, asked, seen = self.part, self.part.asked_words(form), form.version
        done = form.submit(
            part.describe, catalog, code, **asked, expected_version=seen, by=request.by
        )
        if done is None:
            return _worded(request, part, part.get(catalog, code), form)
        return redirect(request, f"{part.path}/{code}", toast=_("Saved"))


class TariffPages(_CatalogPages):
    """Tariffs in the console."""

    path = TARIFFS.path
    part = TARIFFS
    menu = menu_of("/{code:str}", TARIFFS.commands)
    ask, command = routes_of("/{code:str}/{command:str}", TARIFFS.commands)


class OptionPages(_CatalogPages):
    """Options in the console."""

    path = OPTIONS.path
    part = OPTIONS
    menu = menu_of("/{code:str}", OPTIONS.commands)
    ask, command = routes_of("/{code:str}/{command:str}", OPTIONS.commands)


def _words(thing: Tariff | Option) -> dict[str, str]:
    said = {
        f"{name}.{code}": text
        for name in WORDINGS
        for code, text in attrs.asdict(getattr(thing, name)).items()
    }
    return {**said, "group": getattr(thing, "group", "")}


def _shown(request: Visit, part: Part, crm: Crm, code: str) -> Response[bytes]:
    catalog = crm.catalog
    thing: Tariff | Option = part.get(catalog, code)
    return page(
        request,
        "console/tariffs/show.html",
        fragment="console/tariffs/_month.html",
        thing=thing,
        part=part,
        beside=beside(
            request,
            part.path,
            code,
            FILTERS,
            partial(part.listed, catalog=crm.catalog),
            attrgetter("code"),
        ),
        base=f"{part.path}/{code}",
        commands=part.commands.offered(request, part.lifecycle.allowed(thing.status)),
        changeable=thing.status in CHANGEABLE,
        versions=versions_told(thing.versions),
        facts=told(thing.latest),
        offer=offer_of(thing),
        contracts=_contracts(request, part, crm, code),
        rules=rules_naming(catalog, code),
        month=_month(request, thing),
        form=Form(),
        events=[(event, *event_shown(event.name)) for event in part.history(catalog, code)[::-1]],
    )


def _contracts(request: Visit, part: Part, crm: Crm, code: str) -> str | None:
    """Return how many contracts there are with a tariff, for who may see contracts."""
    return _tallies(request, part, crm, [code]).get(code)


def _tallies(request: Visit, part: Part, crm: Crm, codes: Sequence[str]) -> dict[str, str]:
    """Return how many contracts there are with each tariff; nothing of options, or unseen."""
    if not (part.is_tariff and request.may(Area.CONTRACTS, Action.READ)):
        return {}
    counts = crm.contracts.counts(*({"tariff": code} for code in codes), most=COUNTED + 1)
    return dict(zip(codes, map(tally, counts), strict=True))


def _month(request: Visit, thing: Tariff | Option) -> dict[str, Any] | None:
    """Return what a month with the usage that the address names costs on the latest terms."""
    last = thing.latest
    if not isinstance(last, TariffVersion):
        return None
    asked = {name: request.query_params.get(name, "")[:20] for name in UNITS.values()}
    form = Form.filled(**asked)
    usage = usage_typed(form)
    costs = form.submit(last.month_with, usage) if usage else None
    return {"form": form, "costs": costs, "asked": usage is not None}


def _new(request: Visit, part: Part, crm: Crm, form: Form) -> Response[bytes]:
    asked = part.form(crm.currency)
    return _form(request, part, form, asked=asked, heading=_(part.new), to="/new", coded=True)


def _versioned(request: Visit, part: Part, thing: Tariff | Option, form: Form) -> Response[bytes]:
    to, asked = f"/{thing.code}/versions/new", form_of(thing)
    return _form(request, part, form, asked=asked, heading=_("New version"), to=to, thing=thing)


def _sure(
    request: Visit, part: Part, crm: Crm, changed: Tariff | Option, form: Form
) -> Response[bytes]:
    """Ask whether to publish the last version of something: what it changes, and for whom."""
    new, changes = versions_told(changed.versions)[0]
    return page(
        request,
        "console/tariffs/publish.html",
        form=form,
        part=part,
        thing=changed,
        new=new,
        changes=changes,
        now=form.raw("valid_from") == "",
        staying=_staying(request, part, crm, changed.code),
        action=f"{part.path}/{changed.code}/versions/new",
    )


def _staying(request: Visit, part: Part, crm: Crm, code: str) -> str | None:
    """Return how many live contracts keep the terms of a tariff, for who may see contracts."""
    if not (part.is_tariff and request.may(Area.CONTRACTS)):
        return None
    live = [{"tariff": code, "status": one} for one in LIVE]
    return tally(sum(crm.contracts.counts(*live, most=COUNTED + 1)))


def _worded(request: Visit, part: Part, thing: Tariff | Option, form: Form) -> Response[bytes]:
    to, heading = f"/{thing.code}/words", _("Name and description")
    return _form(request, part, form, heading=heading, to=to, thing=thing)


def _form(
    request: Visit,
    part: Part,
    form: Form,
    *,
    heading: str,
    to: str,
    asked: TermsForm | None = None,
    thing: Tariff | Option | None = None,
    coded: bool = False,
) -> Response[bytes]:
    """Show a form: with a code and words, with terms, or both."""
    worded = asked is None or coded
    return page(
        request,
        "console/tariffs/form.html",
        status=200 if form.ok else form.status,
        form=form,
        part=part,
        heading=heading,
        action=f"{part.path}{to}",
        back=f"{part.path}/{thing.code}" if thing else part.path,
        thing=thing,
        worded=worded,
        coded=coded,
        asked=asked,
        offer=offer_typed(form, asked, request.pages.currency, thing) if asked else None,
        names=[*part.boxes, *(asked.names if asked else []), "valid_from"],
    )
