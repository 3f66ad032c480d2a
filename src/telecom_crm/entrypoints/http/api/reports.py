"""What the operator sees of all its work together."""

from __future__ import annotations

from datetime import date, datetime

from litestar import Controller, Response
from litestar.di import NamedDependency

from telecom_crm.application.reports import Reports
from telecom_crm.domain.number import NumberCategory
from telecom_crm.domain.report import (
    MOST_DAYS,
    Attention,
    Concern,
    ContractDay,
    Dashboard,
    MoneyDay,
    PlaceFigures,
    PoolFigures,
    TariffFigures,
    TicketFigures,
)
from telecom_crm.domain.role import Area
from telecom_crm.domain.ticket import TicketStatus
from telecom_crm.entrypoints.http.calls import Call, Parameter, read_whole
from telecom_crm.entrypoints.http.routes import reads
from telecom_crm.entrypoints.http.values import MoneyView, View, shown

DAYS = Parameter(
    name="days",
    schema={"type": "integer", "minimum": 1, "maximum": MOST_DAYS, "default": 30},
    read=read_whole(1, MOST_DAYS),
    description="How many days the period has; today is its last.",
)


class ContractDayView(View):
    """How many contracts were connected and left on a date, and how many were active then."""

    day: date
    connected: int
    left: int
    active: int

    @classmethod
    def of(cls, one: ContractDay) -> ContractDayView:
        """Show a day."""
        return cls(day=one.day, connected=one.connected, left=one.left, active=one.active)


class MoneyDayView(View):
    """
    How many payments there were on a date, their sum, what all accounts had at its end, and what
    those owed whose balance was below zero.
    """

    day: date
    payments: int
    paid: MoneyView
    balance: MoneyView
    debt: MoneyView

    @classmethod
    def of(cls, one: MoneyDay) -> MoneyDayView:
        """Show a day."""
        return cls(
            day=one.day,
            payments=one.payments,
            paid=MoneyView.of(one.paid),
            balance=MoneyView.of(one.balance),
            debt=MoneyView.of(one.debt),
        )


class PlaceFiguresView(View):
    """
    What was paid at a gateway or a cash desk today, and how many payments there, of whatever day,
    are for nobody we know, counted to a hundred.
    """

    place: str
    payments: int
    paid: MoneyView
    unallocated: int

    @classmethod
    def of(cls, one: PlaceFigures) -> PlaceFiguresView:
        """Show a place."""
        return cls(
            place=one.place,
            payments=one.payments,
            paid=MoneyView.of(one.paid),
            unallocated=one.unallocated,
        )


class TariffFiguresView(View):
    """How many active contracts are on a tariff."""

    code: str
    active: int

    @classmethod
    def of(cls, one: TariffFigures) -> TariffFiguresView:
        """Show a tariff."""
        return cls(code=one.code, active=one.active)


class TicketFiguresView(View):
    """Tickets that are not closed, and how many are late, counted to a hundred."""

    open: int
    overdue: int
    by_state: dict[TicketStatus, int]

    @classmethod
    def of(cls, figures: TicketFigures) -> TicketFiguresView:
        """Show figures of tickets."""
        return cls(open=figures.open, overdue=figures.overdue, by_state=dict(figures.by_state))


class PoolFiguresView(View):
    """Free SIM cards and numbers; fewer cards or standard numbers than `low` are too few."""

    sims: int
    numbers: dict[NumberCategory, int]
    low: int

    @classmethod
    def of(cls, figures: PoolFigures) -> PoolFiguresView:
        """Show figures of the pool."""
        return cls(sims=figures.sims, numbers=dict(figures.numbers), low=figures.low)


class AttentionView(View):
    """
    Something to look at, how much of it there is, and since when the oldest waits.

    There may be more where `at_least` is true. Of a pool, `number` is what is left.
    """

    concern: Concern
    number: int
    at_least: bool
    since: datetime | None

    @classmethod
    def of(cls, one: Attention) -> AttentionView:
        """Show what to look at."""
        return cls(concern=one.concern, number=one.number, at_least=one.at_least, since=one.since)


class DashboardView(View):
    """
    Figures as of an instant; those of areas that the token may not read are null.

    Days are the operator's, and the lists have two periods of the same length, oldest first: from
    `first_day` to `last_day`, and the one before. Money is in the operator's own currency.
    """

    at: datetime
    first_day: date
    last_day: date
    contracts: list[ContractDayView] | None
    money: list[MoneyDayView] | None
    places: list[PlaceFiguresView] | None
    tariffs: list[TariffFiguresView] | None
    tickets: TicketFiguresView | None
    pool: PoolFiguresView | None
    attention: list[AttentionView]

    @classmethod
    def of(cls, found: Dashboard) -> DashboardView:
        """Show a dashboard."""
        contracts, money = found.contracts, found.money
        return cls(
            at=found.at,
            first_day=found.period.start,
            last_day=found.period.last_day,
            contracts=None if contracts is None else [ContractDayView.of(day) for day in contracts],
            money=None if money is None else [MoneyDayView.of(day) for day in money],
            places=None if found.places is None else [PlaceFiguresView.of(p) for p in found.places],
            tariffs=(
                None if found.tariffs is None else [TariffFiguresView.of(t) for t in found.tariffs]
            ),
            tickets=TicketFiguresView.of(found.tickets) if found.tickets else None,
            pool=PoolFiguresView.of(found.pool) if found.pool else None,
            attention=[AttentionView.of(one) for one in found.attention],
        )


class ReportController(Controller):
    """Figures of all the operator's work."""

    path = "/reports"
    tags = ("reports",)

    @reads("/dashboard", Area.REPORTS, query=(DAYS,))
    def dashboard(
        self, request: Call, reports: NamedDependency[Reports]
    ) -> Response[DashboardView]:
        """Show figures of now and by day, and what somebody should look at."""
        days = request.given().get("days") or 30
        found = reports.dashboard(days=days, rights=request.user.rights, by=request.by)
        return shown(DashboardView.of(found))
