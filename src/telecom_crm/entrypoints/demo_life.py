"""The thirteen months that a demo has behind it: what its people bought, paid, lost and asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from enum import Enum, auto
from functools import partial
from itertools import count, cycle
from math import isqrt

import attrs

from telecom_crm.adapters.clock import ManualClock
from telecom_crm.application.notifications import CONSUMER
from telecom_crm.application.payments.request import PaymentRequest
from telecom_crm.application.ports import Payer, Query
from telecom_crm.domain.approval import ApprovalKind
from telecom_crm.domain.calendar import (
    CycleDay,
    anniversary,
    local_date,
    next_period,
    period_of,
)
from telecom_crm.domain.charging import ChargeKind, gross_total
from telecom_crm.domain.contract import CloseReason, Contract, ContractStatus
from telecom_crm.domain.demo import Demo
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.identifiers import TicketId
from telecom_crm.domain.importing import ImportKind
from telecom_crm.domain.lifecycle import Actor, Event
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment, PaymentMethod
from telecom_crm.domain.policy import POSTPAID, PREPAID
from telecom_crm.domain.profile import Consent
from telecom_crm.domain.ticket import TicketPriority, TicketStatus
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.demo import (
    APPLICATIONS,
    APPLIED_FROM,
    BY,
    CUSTOMERS,
    OPERATOR,
    SUBSCRIBER,
    DemoSubscriber,
    apply,
    begun,
    load,
    receive,
    send_to_nobody,
    subscriber,
    tell_trouble,
)

DAYS = 400
"""How long the demo's operator is at work already: thirteen months."""
FEWEST, MOST = 24, APPLIED_FROM
"""How many customers a demo may have."""

CASHIER, SUPPORT = Actor("cashier"), Actor("support")
_AHEAD = 25
"""Within how many days before a fee somebody pays who pays first."""
_SOONEST, _LATEST = 3, 14
"""So many days after a fee somebody pays who pays by bill."""
_FEES = {"START": 250, "COMFORT": 450, "MAX": 790}
_BESIDE_FEE = (0, 50, -50)
"""How much more or less than the fee somebody pays, month by month: it comes to nothing."""
_PROMISED = {"START": 300, "COMFORT": 500}
"""What somebody promises to pay who has no money for the fee; for that of MAX it is not enough."""
_PROMISE_DAYS = 5
_DISPUTED, _DISPUTE_LOST, _STOPPED = 14, 9, 7
"""So many days ago a bank took money back, kept it, and the service was stopped for that."""
_WAYS = (
    (PaymentMethod.CASH, "cash_desk"),
    (PaymentMethod.CARD, "simulator"),
    (PaymentMethod.CARD, "card_terminal"),
    (PaymentMethod.CARD, "simulator"),
)
_HOURS = {"cash_desk": 11, "card_terminal": 14, "simulator": 19}
"""When on a day each takes what it takes."""
_LOST = (
    (12, "simulator", 300, "0799 12 34 5"),
    (4, "card_terminal", 450, "Маматова, Comfort"),
    (1, "simulator", 500, "996 700 000 00"),
)
"""Money for nobody we know: so many days ago, taken by whom, how much, and what was typed."""
_SIGNED = b"%PDF-1.4\n% the signed contract, scanned\n%%EOF\n"
_QUESTIONS = (
    ("Мобильный интернет работает медленно", "Мы усилили сеть в вашем районе.", "normal"),
    ("Роуминг үчүн эмне кылуу керек?", "Роуминг күйгүзүлдү, жакшы барыңыз!", "low"),
    ("Деньги с карты списались дважды", "Второй платёж вернули вам на карту.", "high"),
    ("Не приходят SMS от банка", "Проверили: теперь приходят.", "high"),
)
_FILE = (
    "msisdn,category\n996799200001,standard\n996799200002,standard\n"
    "996799200001,standard\n99679920000x,standard\n996799200003,diamond\n"
)
_TROUBLED_FOR = (
    timedelta(minutes=31),
    timedelta(hours=26),
    timedelta(hours=5),
)
"""How long each of the tickets that nobody has taken waits."""
_APPLIED, _APPLIED_EVERY = timedelta(minutes=17), timedelta(hours=3)
_SOLD = timedelta(minutes=48)
_TODAY = (
    (timedelta(minutes=6), 7, "simulator", 200),
    (timedelta(minutes=70), 9, "card_terminal", 100),
)
"""What was paid of late: how long ago, by whom, where, and how much."""
_ASKED, _ANSWERED = timedelta(hours=20), timedelta(minutes=95)
"""How long ago the last question came that has an answer, and the answer."""
_Deed = tuple[datetime, Callable[[], object]]


class _Habit(Enum):
    """How somebody pays."""

    EARLY = auto()
    """Before the fee is due."""
    PROMISING = auto()
    """The same, but for the last fee, for which a payment was promised that never came."""
    BY_BILL = auto()
    """After the fee."""
    OWING = auto()
    """The same, but for the last fees: as many as may be owed."""
    CHARGED_BACK = auto()
    """The same, until the bank took a payment back."""


_ON_BILLS = {_Habit.BY_BILL, _Habit.OWING, _Habit.CHARGED_BACK}


def live(crm: Crm, clock: ManualClock, *, customers: int = CUSTOMERS, seed: int = 0) -> Demo:
    """
    Load the demo as of `DAYS` ago, and everything that happened since; the clock comes back to now.

    One that was lived is left as it is, and one that was killed goes on, as it was begun: on the
    days of the first time, with as many customers. Raise `RuleViolated` where the database has
    things of its own.
    """
    now = clock()
    clock.set(now - timedelta(days=DAYS))
    try:
        demo = begun(crm, customers=customers, seed=seed, lived=False)
        if demo.lived:
            clock.set(now)
            if not demo.customers:  # somebody was told a story, and its catalog is too young
                load(crm)
            return demo
        clock.set(demo.began)
        life = _Life(crm, demo)
        load(crm, count=life.taken_over, troubles=False)
        receive(crm, [one.who for one in life.people])
        for at, deed in sorted(life.deeds(), key=lambda one: one[0]):
            clock.set(at)
            deed()
    finally:
        clock.set(now)
    crm.provisioning.work(network=crm.network)
    send_to_nobody(crm)
    return crm.rules.put_demo(attrs.evolve(demo, lived=True), by=BY)


@attrs.frozen
class _Person:
    """A customer of the demo: from which day on, and until when, if they left."""

    index: int
    who: DemoSubscriber
    since: int
    until: int
    fees: tuple[int, ...]
    """The days on which a month's fee is due."""
    habit: _Habit
    payments: Mapping[int, int] = attrs.field(init=False)
    """How much they pay, by day."""

    @payments.default
    def _paid(self) -> Mapping[int, int]:
        paid = self._on_bills() if self.on_bills else self._ahead()
        if self.habit is _Habit.PROMISING:
            return {day: paid[day] for day in list(paid)[: self.fees.index(self.last_fee)]}
        if self.habit is _Habit.OWING:
            unpaid = POSTPAID.credit_limit.minor // 100 // _FEES[self.who.tariff]
            return {day: paid[day] for day in list(paid)[:-unpaid]}
        if self.habit is _Habit.CHARGED_BACK:
            return {day: amount for day, amount in paid.items() if day < DAYS - _DISPUTED}
        return paid

    @property
    def on_bills(self) -> bool:
        """Whether they use first and pay then."""
        return self.habit in _ON_BILLS

    @property
    def last_fee(self) -> int:
        """The day of the last fee that is due already."""
        return max(day for day in self.fees if day < DAYS)

    @property
    def way(self) -> tuple[PaymentMethod, str]:
        """How they pay, and where; by bill from their card."""
        return _WAYS[1 if self.on_bills else self.index % len(_WAYS)]

    def _ahead(self) -> Mapping[int, int]:
        """Pay each month some days early, a little more or less than the fee."""
        fee = _FEES[self.who.tariff]
        return {
            day - (self.index * 11 + month * 7) % _AHEAD: fee + _BESIDE_FEE[month % 3]
            for month, day in enumerate(self.fees, 1)
        }

    def _on_bills(self) -> Mapping[int, int]:
        """Pay each month some days late what is owed."""
        span = _LATEST - _SOONEST + 1
        return {
            day + _SOONEST + (self.index * 11 + month * 7) % span: _FEES[self.who.tariff]
            for month, day in enumerate(self.fees, 1)
        }


@attrs.frozen
class _Life:
    """What happened to the people of a demo."""

    crm: Crm
    demo: Demo
    people: tuple[_Person, ...] = attrs.field(init=False)
    _sales: dict[int, Contract] = attrs.field(factory=dict, init=False)
    """The contracts as they were signed, by who it was."""
    _tickets: dict[int, TicketId] = attrs.field(factory=dict, init=False)

    @people.default
    def _born(self) -> tuple[_Person, ...]:
        owing = cycle((_Habit.BY_BILL, _Habit.OWING, _Habit.CHARGED_BACK, _Habit.BY_BILL))
        return tuple(self._person(index, owing) for index in range(self.demo.customers))

    @property
    def taken_over(self) -> int:
        """How many customers it began with; the others bought their cards since."""
        return self.demo.customers // 3

    def _person(self, index: int, owing: Iterator[_Habit]) -> _Person:
        who, sold = subscriber(index, self.demo.seed), index - self.taken_over
        if sold < 0:
            return _Person(index, who, 0, DAYS, self._months(0, DAYS + _AHEAD), _Habit.EARLY)
        # More and more are sold: by half of the time a quarter of them, and the last today.
        since = isqrt(DAYS * DAYS * (sold + 1) // (self.demo.customers - self.taken_over))
        until = min(since + 90, DAYS) if sold % 12 == 5 else DAYS
        if sold % 3 == 0 and who.tariff != "START":
            fees = self._months(since, until, POSTPAID.cycle_day)
            habit = next(owing) if len(fees) > 2 else _Habit.BY_BILL
            return _Person(index, who, since, until, fees, habit)
        # Who stays pays for a month that is still to come, too.
        fees = self._months(since, until if until < DAYS else DAYS + _AHEAD)
        promises = sold % 9 == 4 and who.tariff in _PROMISED and any(day < DAYS for day in fees)
        habit = _Habit.PROMISING if promises else _Habit.EARLY
        return _Person(index, who, since, until, fees, habit)

    def _months(self, since: int, until: int, day: CycleDay | None = None) -> tuple[int, ...]:
        """Return the days on which a month is over, begun on a day or on that of the first."""
        first = local_date(self.demo.began, self.crm.zone)
        begins = day or anniversary(first + timedelta(days=since))
        period, over = period_of(first + timedelta(days=since), begins), list[int]()
        while (end := (period.end - first).days) < until:
            over.append(end)
            period = next_period(period, begins)
        return tuple(over)

    def deeds(self) -> Iterator[_Deed]:
        """Give all that happened, each with its instant."""
        end, asked = self.demo.began + timedelta(days=DAYS), count()
        yield from self._today(end)
        for ago, gateway, amount, told in _LOST:
            yield self._at(DAYS - ago, 13), partial(self._keep_lost, gateway, amount, told)
        yield self._at(DAYS - 31, 12), self._tell_nobody
        yield self._at(DAYS - 6, 16), partial(self._lose, self.people[2])
        yield self._at(DAYS - 5, 15), self._import
        yield self._at(DAYS - 3, 17), partial(self._ask_for_refund, self.people[5])
        for one in self.people[self.taken_over :]:
            when = self._at(one.since, 10 + one.index % 7) if one.since < DAYS else end - _SOLD
            yield when, partial(self._sell, one)
            if one.until < DAYS:
                yield self._at(one.until, 16), partial(self._leave, one)
            yield from self._owing(one)
        for day in range(1, DAYS):
            yield from self._due(day)
            if day % (9 if day > DAYS - 90 else 18) == 4:
                number, whose = next(asked), self.people[day % self.taken_over]
                yield self._at(day, 11, 20), partial(self._ask, number, whose)
                if day < DAYS - 9:
                    yield self._at(day, 16, 40), partial(self._answer, number, whose)
            if day > DAYS - 30 and day % 7 == 0:
                yield self._at(day, 23, 50), partial(send_to_nobody, self.crm)

    def _today(self, end: datetime) -> Iterator[_Deed]:
        """Give what happened last: what a day brings, of every kind."""
        for number, ago in enumerate(_TROUBLED_FOR):
            yield end - ago, partial(tell_trouble, self.crm, number)
        for number in range(APPLICATIONS):
            yield end - _APPLIED - number * _APPLIED_EVERY, partial(apply, self.crm, number)
        for ago, index, gateway, amount in _TODAY:
            paid = _request(self.people[index], _som(amount), PaymentMethod.CARD, "today")
            yield end - ago, partial(self._record, gateway, [paid])
        yield end - _ASKED, partial(self._ask, -1, self.people[3])
        yield end - _ANSWERED, partial(self._answer, -1, self.people[3])

    def _owing(self, one: _Person) -> Iterator[_Deed]:
        """Give what comes of a debt."""
        if one.habit is _Habit.PROMISING:
            day = one.last_fee
            yield self._at(day, 12), partial(self._promise, one)
            if (over := day + _PROMISE_DAYS) < DAYS:
                yield self._at(over, 12, 30), self._stop_overdrawn
        elif one.habit is _Habit.CHARGED_BACK:
            yield self._at(DAYS - _DISPUTED, 10), partial(self._dispute, one)
            yield self._at(DAYS - _DISPUTE_LOST, 10), partial(self._lose_dispute, one)
            yield self._at(DAYS - _STOPPED, 10), partial(self._stop, one)

    def _due(self, day: int) -> Iterator[_Deed]:
        """Give the payments and the fees of a day."""
        by_gateway: dict[str, list[_Person]] = defaultdict(list)
        for one in self.people:
            if day in one.payments:
                by_gateway[one.way[1]].append(one)
            if day in one.fees:
                yield self._at(day, 23, 30), partial(self._charge, one, day)
        for gateway, payers in by_gateway.items():
            yield self._at(day, _HOURS[gateway]), partial(self._take, gateway, payers, day)

    def _at(self, day: int, hour: int, minute: int = 0) -> datetime:
        """Return the instant of a time of day, where the operator is."""
        date = local_date(self.demo.began, self.crm.zone) + timedelta(days=day)
        return datetime.combine(date, time(hour, minute), self.crm.zone)

    def _contract(self, one: _Person) -> Contract:
        return next(self.crm.contracts.each(msisdn=one.who.msisdn.digits))

    def _sell(self, one: _Person) -> None:
        crm = self.crm
        customer = crm.customers.register(
            **one.who.person(),
            consents=[Consent(purpose="personal_data", granted=True, at=crm.clock())],
            idempotency_key=f"demo-customer-{one.index}",
            by=OPERATOR,
        )
        contract = crm.contracts.create(
            customer_id=customer.id,
            iccid=one.who.iccid,
            msisdn=one.who.msisdn,
            tariff=one.who.tariff,
            policy=(POSTPAID if one.on_bills else PREPAID).id,
            idempotency_key=f"demo-sale-{one.index}",
            by=OPERATOR,
        )
        if crm.contracts.get(contract.id).status is not ContractStatus.ACCEPTED:
            return
        crm.contracts.add_document(contract.id, name="contract.pdf", content=[_SIGNED], by=OPERATOR)
        fees = crm.contracts.activation_summary(contract.id).first_fees
        first = gross_total(fees, currency=crm.currency)
        paid = _request(one, first, PaymentMethod.CASH, "sale")
        crm.payments.take_one(paid, gateway="cash_desk", by=CASHIER)
        crm.contracts.request_activation(contract.id, by=OPERATOR)
        crm.provisioning.work(network=crm.network)

    def _leave(self, one: _Person) -> None:
        contract = self._contract(one)
        if contract.status is ContractStatus.ACTIVE:
            reason = CloseReason.CUSTOMER_REQUEST
            self.crm.contracts.close(contract.id, reason=reason, by=OPERATOR)
            self.crm.provisioning.work(network=self.crm.network)

    def _take(self, gateway: str, payers: Sequence[_Person], day: int) -> None:
        paid = [_request(one, _som(one.payments[day]), one.way[0], str(day)) for one in payers]
        self._record(gateway, paid)

    def _record(self, gateway: str, requests: Sequence[PaymentRequest]) -> None:
        by = SUBSCRIBER if gateway == "simulator" else CASHIER
        self.crm.payments.record_many(requests, gateway=gateway, by=by)

    def _charge(self, one: _Person, day: int) -> None:
        self.crm.accounts.charge(
            self._sale(one).account_id,
            contract_id=self._sale(one).id,
            amount=_som(_FEES[one.who.tariff]),
            kind=ChargeKind.RECURRING,
            reason=f"{self._at(day, 0):%Y-%m}",
            idempotency_key=f"demo-fee-{one.index}-{day}",
        )

    def _sale(self, one: _Person) -> Contract:
        """Return somebody's contract as it was once: for its ids, which stay."""
        if one.index not in self._sales:
            self._sales[one.index] = self._contract(one)
        return self._sales[one.index]

    def _promise(self, one: _Person) -> None:
        account_id = self._sale(one).account_id
        if any(e.name == "PaymentPromised" for e in self.crm.events.of("account", str(account_id))):
            return
        until = self.crm.clock() + timedelta(days=_PROMISE_DAYS)
        self.crm.accounts.promise(
            account_id, amount=_som(_PROMISED[one.who.tariff]), until=until, by=SUBSCRIBER
        )

    def _stop_overdrawn(self) -> None:
        for step in ("end_promises", "suspend_overdrawn"):
            self.crm.step(step)

    def _dispute(self, one: _Person) -> None:
        self.crm.payments.dispute(
            self._last_payment(one).id,
            reason="Владелец карты не узнаёт этот платёж",
            idempotency_key=f"demo-dispute-{one.index}",
            by=CASHIER,
        )

    def _lose_dispute(self, one: _Person) -> None:
        self.crm.payments.lose_dispute(
            self._last_payment(one).id, idempotency_key=f"demo-dispute-lost-{one.index}", by=CASHIER
        )

    def _stop(self, one: _Person) -> None:
        contract = self._contract(one)
        if contract.status is ContractStatus.ACTIVE:
            hold, reason = HoldKind.NON_PAYMENT, "Банк забрал последний платёж"
            self.crm.contracts.suspend(contract.id, hold=hold, reason=reason, by=OPERATOR)

    def _last_payment(self, one: _Person) -> Payment:
        of_account = {"account_id": str(self._sale(one).account_id)}
        return self.crm.payments.page(Query(where=of_account, descending=True, limit=1)).items[0]

    def _keep_lost(self, gateway: str, amount: int, told: str) -> None:
        request = PaymentRequest(
            payer=None,
            amount=_som(amount),
            method=PaymentMethod.CARD,
            told=told,
            idempotency_key=f"demo-lost-{told}",
        )
        self.crm.payments.record_many([request], gateway=gateway, keep_unallocated=True)

    def _ask(self, number: int, one: _Person) -> None:
        ticket_id = self._question(number, one)
        if self.crm.tickets.get(ticket_id).status is TicketStatus.FREE:
            self.crm.tickets.begin(ticket_id, by=SUPPORT)

    def _answer(self, number: int, one: _Person) -> None:
        ticket_id = self._question(number, one)
        if self.crm.tickets.get(ticket_id).status is TicketStatus.ACTIVE:
            answer = _QUESTIONS[number % len(_QUESTIONS)][1]
            self.crm.tickets.resolve(ticket_id, answer=answer, by=SUPPORT)

    def _question(self, number: int, one: _Person) -> TicketId:
        """Open a ticket, or find it opened."""
        if number not in self._tickets:
            subject, _, priority = _QUESTIONS[number % len(_QUESTIONS)]
            contract = self._contract(one)
            self._tickets[number] = self.crm.tickets.create(
                customer_id=contract.customer_id,
                contract_id=contract.id,
                subject=subject,
                priority=TicketPriority(priority),
                idempotency_key=f"demo-question-{number}",
                by=SUPPORT,
            ).id
        return self._tickets[number]

    def _import(self) -> None:
        if not self.crm.imports.page(Query(limit=1)).items:
            self.crm.imports.run_file(
                kind=ImportKind.NUMBERS, content=_FILE.encode(), file_name="osh.csv", by=OPERATOR
            )

    def _lose(self, one: _Person) -> None:
        contract = self._contract(one)
        if contract.status is ContractStatus.ACTIVE:
            self.crm.contracts.suspend(
                contract.id, hold=HoldKind.LOST_STOLEN, reason="Телефон забыт в такси", by=SUPPORT
            )

    def _ask_for_refund(self, one: _Person) -> None:
        paid = self._last_payment(one)
        if not self.crm.approvals.page(Query(limit=1)).items:
            self.crm.approvals.ask(
                ApprovalKind.REFUND,
                paid.id,
                amount=paid.amount,
                reason="Оплата на чужой номер",
                by=CASHIER,
            )

    def _tell_nobody(self) -> None:
        """Have no messages written of all that was until now: they would take most of the time."""
        while self.crm.events.deliver(_Deaf(), consumer=CONSUMER):
            pass


class _Deaf:
    """Takes events, and does nothing about them."""

    def deliver(self, events: Sequence[Event]) -> None:
        """Let them pass."""


def _som(amount: int) -> Money:
    return Money.parse(str(amount), "KGS")


def _request(one: _Person, amount: Money, method: PaymentMethod, key: str) -> PaymentRequest:
    return PaymentRequest(
        payer=Payer(msisdn=one.who.msisdn),
        amount=amount,
        method=method,
        idempotency_key=f"demo-payment-{one.index}-{key}",
    )
