"""
Reports: what is counted over the events, what is summed over the journal, and figures made of both.

How many things are in a state is how many came into it less how many left it; what all accounts
have is what all entries did to them. So every figure of now, and of each day, is a sum over what is
only ever added, and what is summed up already never has to be looked at again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, TypeVar

import attrs

from telecom_crm.domain.calendar import Period
from telecom_crm.domain.contract import ContractStatus
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.importing import ImportJob
from telecom_crm.domain.ledger import PostingKind
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import NumberCategory, NumberStatus
from telecom_crm.domain.role import Area
from telecom_crm.domain.sim import SimStatus
from telecom_crm.domain.ticket import TICKET_LIFECYCLE, TicketStatus
from telecom_crm.domain.user import User

D = TypeVar("D")
N = TypeVar("N", bound=int | Money)

COUNTED = ("contract", "number", "sim", "ticket")
"""The things that are counted by their states."""
TAKEN_OVER = "taken_over"
"""The kind of a contract's move where SIM and number go from one payer's contract to another's."""
MOST_DAYS = 366


@attrs.frozen(kw_only=True)
class Move:
    """
    A thing's way from one state to another; "" is no state: it begins, or changes its kind.

    `kind` is a number's category, `taken_over` for a contract that is activated or closed because
    another payer takes over, and "" otherwise.
    """

    thing: str
    kind: str = ""
    before: str
    after: str


@attrs.frozen(kw_only=True)
class Moves:
    """How many things went this way on a local date, or ever, for no date."""

    day: date | None
    move: Move
    number: int


@attrs.frozen(kw_only=True)
class Bookings:
    """
    How many entries of a kind were booked on a local date, or ever, for no date, and what they did
    to the balances of all accounts.
    """

    day: date | None
    kind: PostingKind
    number: int
    effect: Money


def moves_of(event: Event) -> tuple[Move, ...]:
    """Return what an event moved, of what is counted."""
    thing, before, after = event.thing, event.before or "", event.after
    if thing not in COUNTED:
        return ()
    kind = event.payload.get("category", "") if thing == "number" else ""
    if event.name == "NumberReclassified":
        return (
            Move(thing=thing, kind=event.payload["was"], before=before, after=""),
            Move(thing=thing, kind=kind, before="", after=after),
        )
    if thing == "contract" and event.payload.keys() & {"follows", "successor"}:
        kind = TAKEN_OVER
    return () if before == after else (Move(thing=thing, kind=kind, before=before, after=after),)


def days_up_to(today: date, days: int) -> Period:
    """Return the local dates up to today; raise `InvalidValue` for none, or more than a year."""
    if not 1 <= days <= MOST_DAYS:
        raise InvalidValue.of("days", "days", f"from 1 to {MOST_DAYS}", days)
    tomorrow = today + timedelta(days=1)
    return Period(tomorrow - timedelta(days=days), tomorrow)


# What a dashboard shows


@attrs.frozen(kw_only=True)
class ContractDay:
    """How many contracts were connected and left on a date, and were active at its end."""

    day: date
    connected: int
    left: int
    active: int


@attrs.frozen(kw_only=True)
class MoneyDay:
    """What was paid on a date, and what all accounts together had at its end."""

    day: date
    payments: int
    paid: Money
    balance: Money


@attrs.frozen(kw_only=True)
class TicketFigures:
    """Tickets that are not closed, by state, and how many are late, counted to a hundred."""

    by_state: Mapping[TicketStatus, int]
    overdue: int

    @property
    def open(self) -> int:
        """How many are not closed."""
        return sum(self.by_state.values())


@attrs.frozen(kw_only=True)
class PoolFigures:
    """
    SIM cards by state, and numbers by category and state; with fewer free ones than `low` it is
    time to order more.
    """

    sims_by_state: Mapping[SimStatus, int]
    numbers_by_state: Mapping[NumberCategory, Mapping[NumberStatus, int]]
    low: int

    @property
    def sims(self) -> int:
        """How many SIM cards are free."""
        return self.sims_by_state[SimStatus.AVAILABLE]

    @property
    def numbers(self) -> Mapping[NumberCategory, int]:
        """How many numbers are free, by category."""
        return {kind: of[NumberStatus.AVAILABLE] for kind, of in self.numbers_by_state.items()}

    @property
    def sims_are_low(self) -> bool:
        """Whether SIM cards run out."""
        return self.sims < self.low

    @property
    def numbers_are_low(self) -> bool:
        """Whether numbers run out: the standard ones, for the others are few on purpose."""
        return self.numbers[NumberCategory.STANDARD] < self.low


class Concern(StrEnum):
    """What somebody should look at."""

    APPROVALS = "approvals"
    APPLICATIONS = "applications"
    OVERDUE_TICKETS = "overdue_tickets"
    UNKNOWN_PAYMENTS = "unknown_payments"
    WAITING_PAYMENTS = "waiting_payments"
    UNALLOCATED_PAYMENTS = "unallocated_payments"
    FAILED_IMPORTS = "failed_imports"
    FAILED_PROVISIONING = "failed_provisioning"
    FEW_SIMS = "few_sims"
    FEW_NUMBERS = "few_numbers"


class FirstStep(StrEnum):
    """What there has to be before an operator can work, in order."""

    NAME = "name"
    TARIFF = "tariff"
    SIMS = "sims"
    NUMBERS = "numbers"
    CUSTOMER = "customer"


@attrs.frozen(kw_only=True)
class Attention:
    """
    Something to look at: how many of it there are, and since when the oldest waits, where it waits.

    `at_least` says that there are more than were counted. For a pool, `number` is what is left.
    """

    concern: Concern
    number: int
    at_least: bool = False
    since: datetime | None = None


NOTHING_UNTAKEN: Mapping[Area, int] = MappingProxyType({})


@attrs.frozen(kw_only=True)
class News:
    """What somebody is told wherever they are: what waits for them, and what came of late."""

    approvals: Attention | None = None
    imports: tuple[ImportJob, ...] = ()
    """Those that are over, the latest first."""
    shut_out: tuple[User, ...] = ()
    """Who asked for a new password."""
    untaken: Mapping[Area, int] = NOTHING_UNTAKEN
    """How many applications and tickets nobody has taken, of the areas that one may see."""

    @property
    def number(self) -> int:
        """How much it is."""
        waiting = 0 if self.approvals is None else self.approvals.number
        return waiting + len(self.imports) + len(self.shut_out)


@attrs.frozen
class Trend(Generic[N]):
    """A figure of a period, and of the period before."""

    now: N
    before: N

    @property
    def growth(self) -> float | None:
        """How much more it is than before, as a share of that; None where that says nothing."""
        now, before = _size(self.now), _size(self.before)
        return (now - before) / before if before > 0 else None


def _size(figure: int | Money) -> int:
    return figure.minor if isinstance(figure, Money) else figure


def halves(days: Sequence[D]) -> tuple[Sequence[D], Sequence[D]]:
    """Return the days of the period before, and those of the period."""
    half = len(days) // 2
    return days[:half], days[half:]


@attrs.frozen(kw_only=True)
class Dashboard:
    """
    Figures as of an instant; what the reader may not see is None.

    The days are two periods of the same length, oldest first: `period`, and the one before it.
    Money is in the operator's own currency.
    """

    at: datetime
    period: Period
    contracts: tuple[ContractDay, ...] | None = None
    money: tuple[MoneyDay, ...] | None = None
    tickets: TicketFigures | None = None
    pool: PoolFigures | None = None
    attention: tuple[Attention, ...] = ()

    @property
    def connected(self) -> Trend[int] | None:
        """How many contracts were connected."""
        if self.contracts is None:
            return None
        before, now = halves(self.contracts)
        return Trend(sum(one.connected for one in now), sum(one.connected for one in before))

    @property
    def active(self) -> Trend[int] | None:
        """How many contracts were active in the end."""
        if self.contracts is None:
            return None
        before, now = halves(self.contracts)
        return Trend(now[-1].active, before[-1].active)

    @property
    def paid(self) -> Trend[Money] | None:
        """What was paid."""
        if self.money is None:
            return None
        before, now = halves(self.money)
        nothing = Money(0, now[0].paid.currency)
        return Trend(
            sum((one.paid for one in now), nothing), sum((one.paid for one in before), nothing)
        )

    @property
    def balance(self) -> Trend[Money] | None:
        """What all accounts together had in the end."""
        if self.money is None:
            return None
        before, now = halves(self.money)
        return Trend(now[-1].balance, before[-1].balance)


def contract_days(moves: Iterable[Moves], days: Period) -> tuple[ContractDay, ...]:
    """Return what became of contracts on each date of a period that ends now."""
    of_contracts = [one for one in moves if one.move.thing == "contract"]
    active = _standing(of_contracts)["", ContractStatus.ACTIVE]
    by_day: dict[date, Counter[str]] = {day: Counter() for day in _each(days)}
    for one in of_contracts:
        if one.day in by_day:
            _count_contract(by_day[one.day], one)
    found = []
    for day in reversed(by_day):
        counts = by_day[day]
        found.append(
            ContractDay(day=day, connected=counts["connected"], left=counts["left"], active=active)
        )
        active -= counts["net"]
    return tuple(reversed(found))


def _count_contract(counts: Counter[str], one: Moves) -> None:
    active, move = ContractStatus.ACTIVE, one.move
    if move.kind != TAKEN_OVER:
        if (move.before, move.after) == (ContractStatus.ACTIVATING, active):
            counts["connected"] += one.number
        elif move.after == ContractStatus.CLOSED:
            counts["left"] += one.number
    counts["net"] += one.number * ((move.after == active) - (move.before == active))


def money_days(
    bookings: Iterable[Bookings], days: Period, *, currency: str
) -> tuple[MoneyDay, ...]:
    """Return what was paid, and what accounts had, on each date of a period that ends now."""
    known = [one for one in bookings if one.effect.currency == currency]
    balance = sum(one.effect.minor for one in known if one.day is None)
    payments, paid, net = Counter[date](), Counter[date](), Counter[date]()
    for one in known:
        if one.day is None:
            continue
        net[one.day] += one.effect.minor
        if one.kind is PostingKind.PAYMENT:
            payments[one.day] += one.number
            paid[one.day] += one.effect.minor
    found = []
    for day in reversed(list(_each(days))):
        found.append(
            MoneyDay(
                day=day,
                payments=payments[day],
                paid=Money(paid[day], currency),
                balance=Money(balance, currency),
            )
        )
        balance -= net[day]
    return tuple(reversed(found))


def ticket_figures(moves: Iterable[Moves], *, overdue: int) -> TicketFigures:
    """Return how many tickets are in each state but the last."""
    standing = _standing(one for one in moves if one.move.thing == "ticket")
    open_states = [state for state in TicketStatus if not TICKET_LIFECYCLE.is_final(state)]
    states = {state: standing["", state] for state in open_states}
    return TicketFigures(by_state=states, overdue=overdue)


def pool_figures(moves: Iterable[Moves], *, low: int) -> PoolFigures:
    """Return what is in the pool."""
    known = list(moves)
    sims = _standing(one for one in known if one.move.thing == "sim")
    numbers = _standing(one for one in known if one.move.thing == "number")
    return PoolFigures(
        sims_by_state={state: sims["", state] for state in SimStatus},
        numbers_by_state={
            kind: {state: numbers[kind, state] for state in NumberStatus} for kind in NumberCategory
        },
        low=low,
    )


def running_short(shown: Dashboard) -> tuple[Attention, ...]:
    """Return what there is too little of, of the figures that are shown."""
    found = []
    if shown.pool and shown.pool.sims_are_low:
        found.append(Attention(concern=Concern.FEW_SIMS, number=shown.pool.sims))
    if shown.pool and shown.pool.numbers_are_low:
        left = shown.pool.numbers[NumberCategory.STANDARD]
        found.append(Attention(concern=Concern.FEW_NUMBERS, number=left))
    return tuple(found)


def _standing(moves: Iterable[Moves]) -> Counter[tuple[str, str]]:
    """Return how many things of each kind are in each state; kinds of contracts are one."""
    standing = Counter[tuple[str, str]]()
    for one in moves:
        if one.day is not None:
            continue
        kind = one.move.kind if one.move.thing == "number" else ""
        standing[kind, one.move.after] += one.number
        standing[kind, one.move.before] -= one.number
    return standing


def _each(days: Period) -> Iterator[date]:
    return (days.start + timedelta(days=place) for place in range(days.days))
