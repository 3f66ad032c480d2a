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
from telecom_crm.domain.change import CHANGES
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
KIND_FIELDS: Mapping[str, str] = MappingProxyType({"contract": "tariff", "number": "category"})
"""By the thing, the field that is its kind: events of its states tell it, others its change."""
WAITS = "effective_on"
"""What a contract's event says whose change waits for a date: nothing has changed yet."""
TAKING_OVER = frozenset({"follows", "successor"})
"""What the events of two contracts say of which one takes over SIM and number from the other."""
RECEIPTS = frozenset({PostingKind.PAYMENT, PostingKind.UNALLOCATED_PAYMENT})
"""The entries with which payments come in, known whose they are or not."""
NOTABLE: Mapping[Area, tuple[str, ...]] = MappingProxyType(
    {
        Area.APPLICATIONS: ("ApplicationCaptured", "ApplicationRejected"),
        Area.CUSTOMERS: ("CustomerRegistered", "CustomerBlocked", "CustomerClosed"),
        Area.CONTRACTS: (
            "ContractActivated",
            "ContractActivationFailed",
            "ContractSuspended",
            "ContractClosed",
        ),
        Area.PAYMENTS: ("PaymentConfirmed", "PaymentKept", "PaymentReversed", "PaymentDisputed"),
        Area.TICKETS: ("TicketCreated", "TicketClosed"),
        Area.IMPORTS: ("ImportCompleted", "ImportRefused", "ImportAborted"),
    }
)
"""The events that tell how the work goes, by the area that one reads them with."""
MOST_DAYS = 366


@attrs.frozen(kw_only=True)
class Move:
    """
    A thing's way from one state to another; "" is no state: it begins, or goes on as something
    else.

    That is a number of another category, a contract on another tariff, and a contract that another
    payer's takes over from. `kind` is the category or the tariff, and "" for other things.
    """

    thing: str
    kind: str = ""
    before: str
    after: str


@attrs.frozen(kw_only=True)
class Moves:
    """
    How many things went this way on a local date, whatever their kind, or ever, for no date.

    Of a date, kinds are one, so that what is kept by days does not grow with the tariffs.
    """

    day: date | None
    move: Move
    number: int


@attrs.frozen(kw_only=True)
class Bookings:
    """
    How many entries of a kind were booked at a place on a local date, or ever, for no date.

    `effect` is what they did to the balances of all accounts, `debt` to what those owe together
    whose balance is below zero. `place` is the gateway or cash desk where money came in or left,
    `received` how much came in.
    """

    day: date | None
    kind: PostingKind
    place: str = ""
    number: int
    effect: Money
    debt: Money
    received: Money


def moves_of(event: Event) -> tuple[Move, ...]:
    """Return what an event moved, of what is counted."""
    thing, before, after = event.thing, event.before or "", event.after
    if thing not in COUNTED:
        return ()
    field = KIND_FIELDS.get(thing, "")
    kind = event.payload.get(field, "")
    changed = {} if event.payload.get(WAITS) else event.payload.get(CHANGES, {})
    was, kind = changed.get(field, (kind, kind))
    taken_over = thing == "contract" and event.payload.keys() & TAKING_OVER
    if was != kind or taken_over:
        return (
            Move(thing=thing, kind=was, before=before, after=""),
            Move(thing=thing, kind=kind, before="", after=after),
        )
    return () if before == after else (Move(thing=thing, kind=kind, before=before, after=after),)


def debt_of(balance: int) -> int:
    """Return what an account owes whose balance is so many minor units."""
    return max(-balance, 0)


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
    """
    What was paid on a date, and what all accounts together had at its end; `debt` is what those
    owed whose balance was below zero.
    """

    day: date
    payments: int
    paid: Money
    balance: Money
    debt: Money


@attrs.frozen(kw_only=True)
class PlaceFigures:
    """
    What was paid at a gateway or a cash desk today, and how many payments there, of whatever day,
    are for nobody we know, counted to a hundred.
    """

    place: str
    payments: int
    paid: Money
    unallocated: int = 0


@attrs.frozen(kw_only=True)
class TariffFigures:
    """How many active contracts are on a tariff."""

    code: str
    active: int


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
    """
    What somebody is told wherever they are: what waits for them, and what came of late.

    `unread` is how much of it came since they last marked it as read, counted up to `at`.
    """

    at: datetime
    unread: int
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
    places: tuple[PlaceFigures, ...] | None = None
    """Where something was paid today or is for nobody, by name."""
    tariffs: tuple[TariffFigures, ...] | None = None
    """On what contracts are active now, the most first."""
    tickets: TicketFigures | None = None
    pool: PoolFigures | None = None
    attention: tuple[Attention, ...] = ()
    latest: tuple[Event, ...] = ()
    """What happened last of what is `NOTABLE`, the latest first."""

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
    def debt(self) -> Trend[Money] | None:
        """What was owed in the end by accounts whose balance was below zero."""
        if self.money is None:
            return None
        before, now = halves(self.money)
        return Trend(now[-1].debt, before[-1].debt)


def contract_days(moves: Iterable[Moves], days: Period) -> tuple[ContractDay, ...]:
    """Return what became of contracts on each date of a period that ends now."""
    of_contracts = [one for one in moves if one.move.thing == "contract"]
    active = sum(one.active for one in tariff_figures(of_contracts))
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
    if (move.before, move.after) == (ContractStatus.ACTIVATING, active):
        counts["connected"] += one.number
    elif move.before and move.after == ContractStatus.CLOSED:
        counts["left"] += one.number
    counts["net"] += one.number * ((move.after == active) - (move.before == active))


def tariff_figures(moves: Iterable[Moves]) -> tuple[TariffFigures, ...]:
    """Return how many active contracts are on each tariff that has any, the most first."""
    standing = _standing(one for one in moves if one.move.thing == "contract")
    found = [
        TariffFigures(code=code, active=number)
        for (code, state), number in standing.items()
        if state == ContractStatus.ACTIVE and number
    ]
    return tuple(sorted(found, key=lambda one: (-one.active, one.code)))


def money_days(
    bookings: Iterable[Bookings], days: Period, *, currency: str
) -> tuple[MoneyDay, ...]:
    """Return what was paid, had and owed on each date of a period that ends now."""
    known = [one for one in bookings if one.effect.currency == currency]
    ever = [one for one in known if one.day is None]
    balance, debt = sum(one.effect.minor for one in ever), sum(one.debt.minor for one in ever)
    payments, paid = Counter[date](), Counter[date]()
    had, owed = Counter[date](), Counter[date]()
    for one in known:
        if one.day is None:
            continue
        had[one.day] += one.effect.minor
        owed[one.day] += one.debt.minor
        if one.kind in RECEIPTS:
            payments[one.day] += one.number
            paid[one.day] += one.received.minor
    found = []
    for day in reversed(list(_each(days))):
        found.append(
            MoneyDay(
                day=day,
                payments=payments[day],
                paid=Money(paid[day], currency),
                balance=Money(balance, currency),
                debt=Money(debt, currency),
            )
        )
        balance -= had[day]
        debt -= owed[day]
    return tuple(reversed(found))


def place_figures(
    bookings: Iterable[Bookings], day: date, *, currency: str
) -> tuple[PlaceFigures, ...]:
    """Return what was paid on a date, by where, and where ever something came for nobody."""
    payments, paid = Counter[str](), Counter[str]()
    for one in bookings:
        if one.received.currency != currency:
            continue
        if one.day == day and one.kind in RECEIPTS:
            payments[one.place] += one.number
            paid[one.place] += one.received.minor
        elif one.kind is PostingKind.UNALLOCATED_PAYMENT:
            payments[one.place] += 0
    return tuple(
        PlaceFigures(place=place, payments=payments[place], paid=Money(paid[place], currency))
        for place in sorted(payments)
    )


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
    """Return how many of some things are of each kind and in each state."""
    standing = Counter[tuple[str, str]]()
    for one in moves:
        if one.day is None:
            standing[one.move.kind, one.move.after] += one.number
            standing[one.move.kind, one.move.before] -= one.number
    return standing


def _each(days: Period) -> Iterator[date]:
    return (days.start + timedelta(days=place) for place in range(days.days))
