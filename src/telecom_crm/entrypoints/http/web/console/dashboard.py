"""The dashboard: figures of all work, and what somebody should look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency
from markupsafe import Markup

from telecom_crm.application.reports import Reports
from telecom_crm.domain.calendar import start_of
from telecom_crm.domain.importing import ImportResult
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import NumberCategory
from telecom_crm.domain.payment import Takings
from telecom_crm.domain.report import Concern, ContractDay, Dashboard, FirstStep, MoneyDay, halves
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.access import Own
from telecom_crm.entrypoints.http.web import charts
from telecom_crm.entrypoints.http.web.console.audit import rows_of
from telecom_crm.entrypoints.http.web.console.compatibility import names_in
from telecom_crm.entrypoints.http.web.events import event_shown
from telecom_crm.entrypoints.http.web.http import Visit, page
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here, ngettext, pgettext
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import shows

T = TypeVar("T")
PATH = "/console"
LATE = timedelta(hours=24)
"""What waits longer stands out."""
PERIODS = (7, 30, 90)
USUAL = 30

ENTRY = Entry(path=PATH, text=N_("Dashboard"), icon="layout-dashboard", key="D")

CONTRACTS = "/console/contracts"
NUMBERS, FREE = "/console/numbers", "?status=available&category="
LISTS: Mapping[Concern, tuple[str, str]] = {
    Concern.APPROVALS: ("/console/approvals", "?status=pending"),
    Concern.APPLICATIONS: ("/console/applications", "?status=validated"),
    Concern.OVERDUE_TICKETS: ("/console/tickets", "?view=overdue"),
    Concern.UNKNOWN_PAYMENTS: ("/console/payments", "?status=unknown"),
    Concern.WAITING_PAYMENTS: ("/console/payments", "?status=pending"),
    Concern.UNALLOCATED_PAYMENTS: ("/console/payments", "?status=unallocated"),
    Concern.FAILED_IMPORTS: ("/console/imports", f"?result={ImportResult.WITH_ERRORS}"),
    Concern.FAILED_PROVISIONING: ("/console/network", "?status=failed"),
    Concern.FEW_SIMS: ("/console/sims", "?status=available"),
    Concern.FEW_NUMBERS: (NUMBERS, f"{FREE}{NumberCategory.STANDARD}"),
}
"""Where the console shows what is to be looked at: a list, and how it is narrowed."""

STEPS: Mapping[FirstStep, str] = {
    FirstStep.NAME: "/console/settings/operator",
    FirstStep.TARIFF: "/console/tariffs/new",
    FirstStep.SIMS: "/console/sims/new",
    FirstStep.NUMBERS: "/console/numbers/new",
    FirstStep.CUSTOMER: "/console/customers/new",
}
"""Where the first steps of an operator are taken."""

ICONS: Mapping[Concern, str] = {
    Concern.APPROVALS: "badge-check",
    Concern.APPLICATIONS: "file-plus",
    Concern.OVERDUE_TICKETS: "clock",
    Concern.UNKNOWN_PAYMENTS: "circle-help",
    Concern.WAITING_PAYMENTS: "clock",
    Concern.UNALLOCATED_PAYMENTS: "wallet",
    Concern.FAILED_IMPORTS: "file-up",
    Concern.FAILED_PROVISIONING: "zap",
    Concern.FEW_SIMS: "card-sim",
    Concern.FEW_NUMBERS: "hash",
}


class DashboardPages(Controller):
    """Where one lands."""

    path = PATH

    @shows("/", Own("it shows what each may see, and nothing else"))
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Show figures of now and by day, and what waits for somebody."""
        assert request.visitor is not None, "guests have no console"
        asked = request.query_params.get("days", "")
        days = int(asked) if asked in map(str, PERIODS) else USUAL
        found = crm.reports.dashboard(days=days, rights=request.visitor.rights, by=request.by)
        return page(
            request,
            "console/dashboard/index.html",
            found=found,
            days=days,
            periods=[_period(one, days) for one in PERIODS],
            pictures=_pictures(found),
            steps=_steps(request, crm.reports),
            tariffs=_tariffs(found, crm),
            taken=_taken(request, crm, found),
            latest=rows_of(request, found.latest, with_changes=False),
            icon_of=lambda event: event_shown(event.name)[1],
            late=found.at - LATE,
            icons=ICONS,
            places={concern: _place(request, *LISTS[concern]) for concern in Concern},
            numbers_of={one: _place(request, NUMBERS, f"{FREE}{one}") for one in NumberCategory},
        )


def _steps(request: Visit, reports: Reports) -> list[tuple[FirstStep, str, bool]]:
    """Return the first steps for who may set things up, until all but the name are taken."""
    if not request.may(Area.RULES, Action.WRITE):
        return []
    done = reports.first_steps()
    if all(taken for step, taken in done.items() if step is not FirstStep.NAME):
        return []
    return [(step, STEPS[step], taken) for step, taken in done.items()]


def _tariffs(found: Dashboard, crm: Crm) -> list[tuple[str, str, int]]:
    """Return the tariffs that active contracts are on: the address of these, its name, how many."""
    names = names_in(crm.catalog) if found.tariffs else {}
    those = f"{CONTRACTS}?status=active&tariff="
    return [
        (those + quote(one.code), names.get(one.code, one.code), one.active)
        for one in found.tariffs or ()
    ]


def _taken(request: Visit, crm: Crm, found: Dashboard) -> list[Takings] | None:
    """
    Return what the visitor took in today, for who takes payments; where somebody sees what all
    did, only if they took any.
    """
    if not request.may(Area.PAYMENTS, Action.WRITE):
        return None
    midnight = start_of(found.period.last_day, crm.zone)
    mine = crm.payments.taken(since=midnight, currency=crm.currency, by=request.by)
    return mine if mine or found.money is None else None


def _period(days: int, now: int) -> dict[str, Any]:
    text = ngettext("%(count)s day", "%(count)s days", days)
    return {"href": f"{PATH}?days={days}", "text": text, "current": days == now, "kind": "page"}


def _place(request: Visit, path: str, query: str) -> str | None:
    """Return the address of a list, where the console has it and the visitor may see it."""
    entries = request.pages.entries(request.may)
    return path + query if any(one.path == path for one in entries) else None


# Charts


@attrs.frozen(kw_only=True)
class Picture:
    """A chart in its two widths, and the same figures as a table."""

    title: str
    wide: Markup
    narrow: Markup
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    dashed: bool = False
    """Whether the period before is drawn too."""
    empty: bool = False
    """Whether there is nothing to draw, which is said in words."""

    @classmethod
    def of(
        cls,
        draw: Callable[..., Markup],
        title: str,
        *,
        told: int = 1,
        dashed: bool = False,
        **more: Any,
    ) -> Picture:
        """Draw both; `told` is the column of the table that is drawn."""
        table = {"heads": more.pop("heads"), "rows": more.pop("rows")}
        more["tips"] = [f"{row[0]}: {row[told]}" for row in table["rows"]]
        wide, narrow = (partial(draw, title, size=size) for size in (charts.WIDE, charts.NARROW))
        empty = not any((*more["values"], *more.get("before", ())))
        drawn = {"wide": wide(**more), "narrow": narrow(**more)}
        return cls(title=title, dashed=dashed, empty=empty, **drawn, **table)


def _pictures(found: Dashboard) -> list[Picture]:
    """Return what is drawn by day, of what the visitor may see."""
    pictures = []
    if found.money is not None:
        before, now = halves(found.money)
        pictures += [_paid(now, before), _balance(now)]
    if found.contracts is not None:
        pictures.append(_connected(halves(found.contracts)[1]))
    return pictures


def _paid(now: Sequence[MoneyDay], before: Sequence[MoneyDay]) -> Picture:
    return Picture.of(
        charts.area,
        _("Payments by day"),
        labels=_names(now),
        values=[_major(one.paid) for one in now],
        before=[_major(one.paid) for one in before],
        told=2,
        dashed=True,
        write=here().short,
        heads=[_("Day"), _("Payments"), _("Paid"), _("Paid in the period before")],
        rows=[
            [_name(one), here().number(one.payments), _money(one.paid), _money(was.paid)]
            for one, was in zip(now, before, strict=True)
        ],
    )


def _balance(now: Sequence[MoneyDay]) -> Picture:
    return Picture.of(
        charts.area,
        _("Balance of all accounts by day"),
        labels=_names(now),
        values=[_major(one.balance) for one in now],
        write=here().short,
        heads=[_("Day"), _("Balance at the end of the day")],
        rows=[[_name(one), _money(one.balance)] for one in now],
    )


def _connected(now: Sequence[ContractDay]) -> Picture:
    number = here().number
    return Picture.of(
        charts.bars,
        _("New connections by day"),
        labels=_names(now),
        values=[one.connected for one in now],
        write=lambda count: here().short(count) if count == int(count) else "",
        heads=[
            _("Day"),
            pgettext("contracts", "Connected"),
            pgettext("contracts", "Left"),
            _("Active contracts"),
        ],
        rows=[
            [_name(one), number(one.connected), number(one.left), number(one.active)] for one in now
        ],
    )


def _names(days: Sequence[MoneyDay | ContractDay]) -> list[str]:
    return [here().date(one.day, "d MMM") for one in days]


def _name(one: MoneyDay | ContractDay) -> str:
    return here().date(one.day)


def _money(amount: Money) -> str:
    return here().money(amount)


def _major(amount: Money) -> float:
    return float(amount.amount)
