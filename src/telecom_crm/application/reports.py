"""Reports: figures of now and by day, and what somebody should look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.access.signing_in import FORGOTTEN, UNKNOWN
from telecom_crm.application.paging import each_in
from telecom_crm.application.ports import Clock, Collection, Page, Query, Transaction, UnitOfWork
from telecom_crm.application.retry import retried
from telecom_crm.application.rules import brand_in
from telecom_crm.domain.application import ApplicationStatus
from telecom_crm.domain.approval import Approval, ApprovalStatus
from telecom_crm.domain.calendar import Period, local_date
from telecom_crm.domain.identifiers import UserId
from telecom_crm.domain.importing import ImportJob
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event
from telecom_crm.domain.payment import IN_FLIGHT, Payment, PaymentStatus
from telecom_crm.domain.provisioning import ProvisioningStatus
from telecom_crm.domain.report import (
    NOTABLE,
    Attention,
    Concern,
    Dashboard,
    FirstStep,
    News,
    PlaceFigures,
    PoolFigures,
    contract_days,
    days_up_to,
    money_days,
    place_figures,
    pool_figures,
    running_short,
    tariff_figures,
    ticket_figures,
)
from telecom_crm.domain.role import ALL_RIGHTS, AREA_OF, Action, Area, Rights
from telecom_crm.domain.tariff import CatalogueStatus
from telecom_crm.domain.ticket import TicketStatus
from telecom_crm.domain.user import User

T = TypeVar("T")

LOOKED_AT = 100
"""So many of each concern are looked at; beyond, there are at least so many."""
KEPT_AT_ONCE = 200_000
"""So many events are summed up in one transaction: seconds."""
NEWS = timedelta(hours=24)
"""For so long something that came is news."""
LATEST = 8
"""So many events are told as the latest."""
FAILED_LATELY = timedelta(days=7)
"""For so long an import that failed is something to look at."""


@attrs.frozen
class Reports:
    """What the operator sees of all its work together."""

    uow: UnitOfWork
    clock: Clock
    zone: ZoneInfo
    currency: str
    pool_low: int = 100
    """Fewer free SIM cards or standard numbers than so many are too few."""
    patience: timedelta = timedelta(minutes=5)
    """How long a payment may wait for its gateway before somebody should look."""

    def dashboard(
        self, *, days: int = 30, rights: Rights = ALL_RIGHTS, by: Actor = SYSTEM
    ) -> Dashboard:
        """
        Return what somebody may see of the last `days` (1 to 366, today the last), and of now.

        Figures over time take a right to reports, and all take one to their area. Raise
        `InvalidValue` for other `days`.
        """
        at = self.clock()
        period = days_up_to(local_date(at, self.zone), days)
        both = Period(period.start - timedelta(days=days), period.end)
        reads = _Reader(rights, by)
        with self.uow(read_only=True) as tx:
            late = tx.tickets.count_late(at, most=LOOKED_AT + 1) if reads(Area.TICKETS) else 0
            moves = tx.figures.moves(since=both.start, zone=self.zone)
            found = Dashboard(
                at=at,
                period=period,
                attention=self._concerns(tx, reads, at),
                latest=_latest(tx, reads),
            )
            if reads(Area.REPORTS, Area.CONTRACTS):
                days_of = contract_days(moves, both)
                found = attrs.evolve(found, contracts=days_of, tariffs=tariff_figures(moves))
            if reads(Area.REPORTS, Area.PAYMENTS, Area.ACCOUNTS):
                bookings = tx.figures.bookings(since=both.start, zone=self.zone)
                money = money_days(bookings, both, currency=self.currency)
                places = place_figures(bookings, period.last_day, currency=self.currency)
                found = attrs.evolve(found, money=money, places=_unallocated(tx, places))
        if reads(Area.TICKETS):
            found = attrs.evolve(found, tickets=ticket_figures(moves, overdue=min(late, LOOKED_AT)))
        if reads(Area.INVENTORY):
            found = attrs.evolve(found, pool=pool_figures(moves, low=self.pool_low))
        waiting = (*found.attention, *_overdue(late), *running_short(found))
        return attrs.evolve(found, attention=waiting)

    def first_steps(self) -> dict[FirstStep, bool]:
        """Tell, of what a new operator has to set up, what is there."""
        with self.uow(read_only=True) as tx:
            on_sale = {"status": CatalogueStatus.ACTIVE.value}
            return {
                FirstStep.NAME: brand_in(tx).name != "",
                FirstStep.TARIFF: tx.catalog.tariffs.counts([on_sale], most=1) != [0],
                FirstStep.SIMS: tx.sims.counts([{}], most=1) != [0],
                FirstStep.NUMBERS: tx.numbers.counts([{}], most=1) != [0],
                FirstStep.CUSTOMER: tx.customers.counts([{}], most=1) != [0],
            }

    def news(
        self,
        *,
        rights: Rights = ALL_RIGHTS,
        by: Actor = SYSTEM,
        read_at: datetime | None = None,
    ) -> News:
        """
        Return what waits for somebody to decide, and what came of late that they may see; what came
        until `read_at` they have seen.
        """
        at = self.clock()
        lately, reads = at - NEWS, _Reader(rights, by)
        with self.uow(read_only=True) as tx:
            mine = _to_decide(tx, reads) if reads(Area.APPROVALS) else []
            ended = _ended(tx, lately) if reads(Area.IMPORTS) else []
            asked = _shut_out(tx, lately) if rights.may(Area.USERS, Action.WRITE) else []
            untaken = _untaken(tx, reads)
        came = (
            *(one.asked_at for one in mine[:LOOKED_AT]),
            *(job.over_at for job in ended if job.over_at),
            *(when for _, when in asked),
        )
        return News(
            at=at,
            unread=sum(read_at is None or when > read_at for when in came),
            approvals=_approvals(mine),
            imports=tuple(ended),
            shut_out=tuple(user for user, _ in asked),
            untaken=untaken,
        )

    def pool(self) -> PoolFigures:
        """Return how many SIM cards and numbers are in each state."""
        tomorrow = local_date(self.clock(), self.zone) + timedelta(days=1)
        with self.uow(read_only=True) as tx:
            moves = tx.figures.moves(since=tomorrow, zone=self.zone)
        return pool_figures(moves, low=self.pool_low)

    def keep(self) -> int:
        """
        Sum up what came since the last time, so that nobody has to again; return how many events.
        """
        total = found = self._keep()
        while found >= KEPT_AT_ONCE:
            found = self._keep()
            total += found
        return total

    def rebuild(self) -> int:
        """Forget what is summed up and sum up everything anew; return how many events it was."""
        self._forget()
        return self.keep()

    @retried
    def _keep(self) -> int:
        with self.uow() as tx:
            return tx.figures.keep(zone=self.zone, limit=KEPT_AT_ONCE)

    @retried
    def _forget(self) -> None:
        with self.uow() as tx:
            tx.figures.forget(zone=self.zone)

    def _concerns(self, tx: Transaction, reads: _Reader, at: datetime) -> tuple[Attention, ...]:
        """Return what waits for somebody, of what the reader may see."""
        found: list[Attention | None] = []
        if reads(Area.APPROVALS):
            found.append(_approvals(_to_decide(tx, reads)))
        if reads(Area.APPLICATIONS):
            found.append(_applications(tx))
        if reads(Area.PAYMENTS):
            found += _payments(tx, at - self.patience)
        if reads(Area.IMPORTS):
            found.append(_imports(tx, at))
        if reads(Area.NETWORK):
            failed = tx.tasks.backlog()[ProvisioningStatus.FAILED]
            found.append(_attention(Concern.FAILED_PROVISIONING, failed))
        return tuple(one for one in found if one is not None)


@attrs.frozen
class _Reader:
    """Who reads: called with areas, it tells whether they may read all of them."""

    rights: Rights
    by: Actor

    def __call__(self, *areas: Area) -> bool:
        return all(self.rights.may(area, Action.READ) for area in areas)

    def decides(self, approval: Approval) -> bool:
        """Tell whether a request waits for them."""
        approves = (Area.APPROVALS, AREA_OF[approval.kind])
        allowed = all(self.rights.may(area, Action.APPROVE) for area in approves)
        return allowed and not approval.is_from(self.by)


def _attention(
    concern: Concern, number: int, *, since: datetime | None = None, at_least: bool = False
) -> Attention | None:
    if not number:
        return None
    return Attention(concern=concern, number=number, since=since, at_least=at_least)


def _queued(
    concern: Concern,
    listed: Collection[Any, T],
    where: Mapping[str, str],
    *,
    since: Callable[[T], datetime],
) -> Attention | None:
    """Return how many things of a list wait, and since when the first of them, the oldest."""
    [number] = listed.counts([where], most=LOOKED_AT + 1)
    if not number:
        return None
    [oldest] = listed.page(Query(where=where, limit=1)).items
    return _counted(concern, number, since=since(oldest))


def _stuck(concern: Concern, page: Page[Payment]) -> Attention | None:
    """Return payments that wait too long, the first of a page the longest."""
    if not page.items:
        return None
    more, oldest = page.next is not None, page.items[0].at
    return _attention(concern, len(page.items), since=oldest, at_least=more)


def _to_decide(tx: Transaction, reads: _Reader) -> list[Approval]:
    """Return the requests that wait for somebody, the oldest first, and one more than are told."""
    pending = each_in(tx.approvals, status=ApprovalStatus.PENDING.value)
    return list(islice(filter(reads.decides, pending), LOOKED_AT + 1))


def _approvals(mine: Sequence[Approval]) -> Attention | None:
    if not mine:
        return None
    shown, since = min(len(mine), LOOKED_AT), mine[0].asked_at
    return _attention(Concern.APPROVALS, shown, since=since, at_least=len(mine) > LOOKED_AT)


def _applications(tx: Transaction) -> Attention | None:
    validated = {"status": ApplicationStatus.VALIDATED.value}
    return _queued(
        Concern.APPLICATIONS, tx.applications, validated, since=lambda one: one.captured_at
    )


def _latest(tx: Transaction, reads: _Reader) -> tuple[Event, ...]:
    """Return what happened last of what tells how the work goes, of what the reader may see."""
    names = [name for area, told in NOTABLE.items() if reads(area) for name in told]
    return tuple(tx.events.latest_of(names, limit=LATEST)) if names else ()


def _overdue(late: int) -> list[Attention]:
    found = _counted(Concern.OVERDUE_TICKETS, late)
    return [] if found is None else [found]


def _counted(concern: Concern, number: int, *, since: datetime | None = None) -> Attention | None:
    """Return so many things, counted to one more than are told."""
    return _attention(concern, min(number, LOOKED_AT), since=since, at_least=number > LOOKED_AT)


def _payments(tx: Transaction, before: datetime) -> list[Attention | None]:
    """Return payments whose end is not known for too long, and those that are for nobody."""
    found = [
        _stuck(concern, tx.payments.uncertain(before, states=states, limit=LOOKED_AT))
        for concern, states in (
            (Concern.UNKNOWN_PAYMENTS, {PaymentStatus.UNKNOWN}),
            (Concern.WAITING_PAYMENTS, IN_FLIGHT - {PaymentStatus.UNKNOWN}),
        )
    ]
    for_nobody = {"status": PaymentStatus.UNALLOCATED.value}
    queued = _queued(
        Concern.UNALLOCATED_PAYMENTS, tx.payments, for_nobody, since=lambda one: one.at
    )
    return [*found, queued]


def _unallocated(tx: Transaction, places: tuple[PlaceFigures, ...]) -> tuple[PlaceFigures, ...]:
    """Return places with how many payments there are for nobody; without either, none."""
    wheres = [{"status": PaymentStatus.UNALLOCATED.value, "gateway": one.place} for one in places]
    counted = zip(places, tx.payments.counts(wheres, most=LOOKED_AT), strict=True)
    found = [attrs.evolve(one, unallocated=number) for one, number in counted]
    return tuple(one for one in found if one.payments or one.unallocated)


def _imports(tx: Transaction, at: datetime) -> Attention | None:
    """Return the imports of late that brought errors; those that only tried count for nothing."""
    failed = tx.imports.count_failed(at - FAILED_LATELY, most=LOOKED_AT + 1)
    return _counted(Concern.FAILED_IMPORTS, failed)


def _ended(tx: Transaction, since: datetime) -> list[ImportJob]:
    """Return the imports that were over since an instant, the last one first."""
    return tx.imports.over_since(since, limit=LOOKED_AT)


def _untaken(tx: Transaction, reads: _Reader) -> dict[Area, int]:
    """Return how many applications and tickets nobody has taken, counted to `LOOKED_AT` at most."""
    found = {}
    if reads(Area.APPLICATIONS):
        waiting = {"status": ApplicationStatus.VALIDATED.value}
        [found[Area.APPLICATIONS]] = tx.applications.counts([waiting], most=LOOKED_AT)
    if reads(Area.TICKETS):
        free = {"status": TicketStatus.FREE.value}
        [found[Area.TICKETS]] = tx.tickets.counts([free], most=LOOKED_AT)
    return found


def _shut_out(tx: Transaction, since: datetime) -> list[tuple[User, datetime]]:
    """Return who asked for a new password since an instant, and has none yet; and when last."""
    query = Query(where={"action": FORGOTTEN}, limit=LOOKED_AT, descending=True)
    asked = tx.audit.page(query, since=since).items
    known = (line for line in reversed(asked) if line.thing_id != UNKNOWN)
    last = {UserId(UUID(line.thing_id)): line.at for line in known}
    users = tx.users.get_many(last)
    return [(user, last[user.id]) for user in users.values() if user.may_sign_in]
