"""Settings in the console: the operator's own look, the rules kept as data, and what is fixed."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.rule_readers import read_deduplication
from telecom_crm.application.rules import BRAND, TEMPLATES
from telecom_crm.domain.brand import Brand
from telecom_crm.domain.deduplication import Candidate, Suspicion, find_duplicates
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.identifiers import CustomerId
from telecom_crm.domain.notification import Message
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.called import called_as
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console import installation
from telecom_crm.entrypoints.http.web.console.ruled import sheets_of
from telecom_crm.entrypoints.http.web.console.sheets import Sheet, typed
from telecom_crm.entrypoints.http.web.console.worded import event_of, previews, templates_typed
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Toast, Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import NAMES
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/settings"
HUES = tuple(range(28, 360, 30))
"""Hues to choose from at a click."""
SAMPLES = ("a", "b")

ENTRY = Entry(
    path=PATH,
    text=N_("Settings"),
    icon="settings",
    section=N_("System"),
    order=60,
    area=Area.RULES,
)


class SettingsPages(Controller):
    """What an operator decides for all."""

    path = PATH

    @shows("/", Area.RULES)
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Show what can be set, and what is fixed where."""
        sheets = sheets_of(crm).values()
        versions = {sheet.slug: crm.rules.version(sheet.kind) for sheet in sheets}
        return page(
            request,
            "console/settings/index.html",
            sheets=[one for one in sheets if one.kind != TEMPLATES],
            messages=[one for one in sheets if one.kind == TEMPLATES],
            versions=versions,
            brand=crm.rules.brand(),
            demo=crm.rules.demo(),
            called_as=called_as(),
            fixed=installation.fixed(request, crm),
            told=installation.told(crm),
            system=installation.system(crm) if request.may(Area.OPERATIONS) else (),
        )

    @shows("/operator", Area.RULES, Action.WRITE)
    def ask_operator(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask for the operator's name and hue; a hue in the address is shown before it is kept."""
        version, brand = crm.rules.version(BRAND), crm.rules.brand()
        wished = request.query_params.get("hue", "")
        hue = int(wished) if wished.isdecimal() and wished.isascii() and len(wished) < 4 else None
        shown = brand.hue if hue is None or hue > 359 else hue
        form = Form.filled(name=brand.name, hue=shown)
        return _operator_asked(request, form, shown, version)

    @acts("/operator", Area.RULES)
    def put_operator(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Keep the operator's name and hue."""
        name, hue = form.text("name", required=False, limit=100), form.whole("hue")
        brand = form.submit(Brand, name=name, hue=hue or 0)
        seen = form.version
        if brand:
            form.submit(crm.rules.put_brand, brand, expected_version=seen, by=request.by)
        if not form.ok:
            return _operator_asked(request, form, crm.rules.brand().hue, crm.rules.version(BRAND))
        return redirect(request, PATH, toast=_("Saved"))

    @shows("/{kind:str}", Area.RULES)
    def show(
        self, request: Visit, kind: FromPath[str], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show rules of a kind, to be changed by whoever may."""
        version = crm.rules.version(_sheet(crm, kind).kind)
        sheet = _sheet(crm, kind)  # read after its version, so that no change in between is lost
        return _shown(request, sheet, sheet.filled(crm), version, crm=crm)

    @acts("/{kind:str}", Area.RULES)
    def put(
        self,
        request: Visit,
        kind: FromPath[str],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Put rules of a kind."""
        sheet = _sheet(crm, kind)
        if not sheet.put(crm, form, request.by):
            return _shown(request, sheet, form, crm.rules.version(sheet.kind), crm=crm)
        return redirect(request, f"{PATH}/{kind}", toast=_("Saved"))

    @acts("/{kind:str}/preview", Area.RULES, Action.READ)
    def preview(
        self,
        request: Visit,
        kind: FromPath[str],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Show messages by the words that were typed, and keep nothing."""
        sheet = _message_sheet(crm, kind)
        return _shown(request, sheet, form, form.version or 0, fragment=_PREVIEW, crm=crm)

    @acts("/{kind:str}/send", Area.RULES)
    def send_sample(
        self,
        request: Visit,
        kind: FromPath[str],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Send a message by the words that were typed, to see what customers will."""
        sheet = _message_sheet(crm, kind)
        typed_words = form.submit(templates_typed, event_of(sheet), typed(sheet.boxes, form)) or []
        to, language = form.text("to", limit=100), form.choice("language", _language)
        chosen = next((one for one in typed_words if one.language == language), None)
        if chosen is not None:
            send = crm.notifications.send_sample
            form.submit(send, chosen, to=to, messenger=crm.messenger, by=request.by)
        toasts = [Toast(_("Sent"))] if form.ok else []
        version = form.version or 0
        return _shown(request, sheet, form, version, crm=crm, toasts=toasts)

    @acts("/deduplication/try", Area.RULES, Action.READ)
    def attempt(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Compare two made-up people by the rules that were typed, and keep nothing."""
        sheet = _sheet(crm, "deduplication")
        found = _compared(form, sheet, crm)
        version = form.version or 0
        return _shown(request, sheet, form, version, fragment=_TRIED, tried=form.ok, found=found)


_TRIED = "console/settings/_tried.html"
_PREVIEW = "console/settings/_preview.html"


def _language(code: str) -> str:
    if code not in NAMES:
        raise ValueError(code)
    return code


def _sheet(crm: Crm, kind: str) -> Sheet:
    sheets = sheets_of(crm)
    if kind not in sheets:
        raise NotFound("rules", kind[:60])
    return sheets[kind]


def _message_sheet(crm: Crm, kind: str) -> Sheet:
    sheet = _sheet(crm, kind)
    if not event_of(sheet):
        raise NotFound("message", kind[:60])
    return sheet


def _compared(form: Form, sheet: Sheet, crm: Crm) -> Suspicion | None:
    """Return whether the two people of a form may be the same one."""
    raw = typed(sheet.boxes, form)
    one, other = (
        Candidate(
            customer_id=CustomerId(UUID(int=number)),
            name=form.text(f"{who}_name", required=False),
            phone=form.read(f"{who}_phone", crm.read_phone, False),
            email=form.text(f"{who}_email", required=False) or None,
            birth_date=form.date(f"{who}_birth_date", required=False),
            national_id=form.text(f"{who}_national_id", required=False) or None,
        )
        for number, who in enumerate(SAMPLES, 1)
    )
    rules = form.submit(read_deduplication, raw)
    if rules is None:
        return None
    return next(iter(find_duplicates(one, [other], rules)), None)


def _shown(
    request: Visit,
    sheet: Sheet,
    form: Form,
    version: int,
    *,
    fragment: str | None = None,
    tried: bool = False,
    found: Suspicion | None = None,
    crm: Crm | None = None,
    toasts: Sequence[Toast] = (),
) -> Response[bytes]:
    event, shown = event_of(sheet), list[tuple[str, Message]]()
    if event and crm is not None:
        words = form.submit(templates_typed, event, typed(sheet.boxes, form)) or ()
        shown = previews(words, crm.currency)
    return page(
        request,
        "console/settings/sheet.html",
        fragment=fragment,
        status=200 if form.ok else form.status,
        sheet=sheet,
        groups=sheet.groups(),
        names=[box.name for box in sheet.boxes],
        form=form,
        version=version,
        samples=SAMPLES,
        tried=tried,
        found=found,
        event=event,
        previews=shown,
        languages_offered=list(NAMES.items()),
        toasts=toasts,
    )


def _operator_asked(request: Visit, form: Form, hue: int, version: int) -> Response[bytes]:
    return page(
        request,
        "console/settings/operator.html",
        fragment="console/settings/_look.html",
        status=200 if form.ok else form.status,
        form=form,
        hue=hue,
        hues=HUES,
        version=version,
    )
