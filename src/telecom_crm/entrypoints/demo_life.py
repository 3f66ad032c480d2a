"""The thirteen months that a demo has behind it: what its people bought, paid, lost and asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from functools import partial
from itertools import count
from math import isqrt

import attrs

from telecom_crm.adapters.clock import ManualClock
from telecom_crm.application.notifications import CONSUMER
from telecom_crm.application.payments.request import PaymentRequest
from telecom_crm.application.ports import Payer, Query
from telecom_crm.domain.approval import ApprovalKind
from telecom_crm.domain.calendar import anniversary, local_date, next_period, period_of
from telecom_crm.domain.charging import ChargeKind
from telecom_crm.domain.contract import CloseReason, Contract, ContractStatus
from telecom_crm.domain.demo import Demo
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.identifiers import AccountId
from telecom_crm.domain.importing import ImportKind
from telecom_crm.domain.lifecycle import Actor, Event
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import PaymentMethod
from telecom_crm.domain.profile import Consent
from telecom_crm.domain.ticket import TicketPriority, TicketStatus
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.demo import (
    APPLICATIONS,
    APPLIED_FROM,
    BY,
    CUSTOMERS,
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

OPERATOR, CASHIER, SUPPORT = Actor("operator"), Actor("cashier"), Actor("support")
_AHEAD = 25
"""Within how many days before a fee somebody pays."""
_FEES = {"START": 250, "COMFORT": 450, "MAX": 790}
_FIRST_PAID = {"START": 300, "COMFORT": 500, "MAX": 900}
_BESIDE_FEE = (0, 50, -50)
"""How much more or less than the fee somebody pays, month by month: it comes to nothing."""
_WAYS = (
    (PaymentMethod.CASH, "cash_desk"),
    (PaymentMethod.CARD, "simulator"),
    (PaymentMethod.CARD, "card_terminal"),
    (PaymentMethod.CARD, "simulator"),
)
_HOURS = {"cash_desk": 11, "card_terminal": 14, "simulator": 19}
"""When on a day each takes what it takes."""
_LOST = (
    (12, "simulator", "300.00", "0799 12 34 5"),
    (4, "card_terminal", "450.00", "Маматова, Comfort"),
    (1, "simulator", "500.00", "996 700 000 00"),
)
"""Money for nobody we know: so many days ago, taken by whom, how much, and what was typed."""
_SIGNED = b"%PDF-1.4\n% the signed contract, scanned\n%%EOF\n"
_QUESTIONS = (
    ("Мобильный интернет работает медленно", "Мы усилили сеть в вашем районе.", "normal"),
    ("Роуминг үчүн эмне кылуу керек?", "Роуминг күйгүзүлдү, жакшы барыңыз!", "low"),
    ("Money came twice from my card", "The second payment was given back.", "high"),
    ("Не приходят SMS от банка", "Проверили: теперь приходят.", "high"),
)
_FILE = (
    "msisdn,category\n996799200001,standard\n996799200002,standard\n"
    "996799200001,standard\n99679920000x,standard\n996799200003,diamond\n"
)
_TROUBLED_FOR = (2, 26, 5)
"""For how many hours each of the tickets that nobody has taken waits."""
_Deed = tuple[datetime, Callable[[], object]]


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
    payments: Mapping[int, int] = attrs.field(init=False)
    """How much they pay, by day: each month some days early, a little more or less than the fee."""

    @payments.default
    def _paid(self) -> Mapping[int, int]:
        fee = _FEES[self.who.tariff]
        return {
            day - (self.index * 11 + month * 7) % _AHEAD: fee + _BESIDE_FEE[month % 3]
            for month, day in enumerate(self.fees, 1)
        }

    @property
    def way(self) -> tuple[PaymentMethod, str]:
        """How they pay, and where."""
        return _WAYS[self.index % len(_WAYS)]


@attrs.frozen
class _Life:
    """What happened to the people of a demo."""

    crm: Crm
    demo: Demo
    people: tuple[_Person, ...] = attrs.field(init=False)
    _accounts: dict[int, AccountId] = attrs.field(factory=dict, init=False)

    @people.default
    def _born(self) -> tuple[_Person, ...]:
        return tuple(self._person(index) for index in range(self.demo.customers))

    @property
    def taken_over(self) -> int:
        """How many customers it began with; the others bought their cards since."""
        return self.demo.customers // 3

    def _person(self, index: int) -> _Person:
        who, sold = subscriber(index, self.demo.seed), index - self.taken_over
        since, until = 0, DAYS
        if sold >= 0:
            # More and more are sold: by half of the time a quarter of them.
            whole = DAYS - 2
            since = isqrt(whole * whole * (sold + 1) // (self.demo.customers - self.taken_over))
        if sold % 12 == 5:
            until = min(since + 90, DAYS)
        # Who stays pays for a month that is still to come, too.
        known = until if until < DAYS else DAYS + _AHEAD
        return _Person(index, who, since, until, fees=tuple(self._months(since, known)))

    def _months(self, since: int, until: int) -> Iterator[int]:
        """Give the days on which a month is over, each begun on the day of the first."""
        first = local_date(self.demo.began, self.crm.zone)
        cycle = anniversary(first + timedelta(days=since))
        period = period_of(first + timedelta(days=since), cycle)
        while (day := (period.end - first).days) < until:
            yield day
            period = next_period(period, cycle)

    def deeds(self) -> Iterator[_Deed]:
        """Give all that happened, each with its instant."""
        end, asked = self.demo.began + timedelta(days=DAYS), count()
        for number, hours in enumerate(_TROUBLED_FOR):
            yield end - timedelta(hours=hours), partial(tell_trouble, self.crm, number)
        for number in range(APPLICATIONS):
            yield end - timedelta(hours=1 + 3 * number), partial(apply, self.crm, number)
        for ago, *lost in _LOST:
            yield self._at(DAYS - ago, 13), partial(self._keep_lost, *lost)
        yield self._at(DAYS - 31, 12), self._tell_nobody
        yield self._at(DAYS - 6, 16), partial(self._lose, self.people[2])
        yield self._at(DAYS - 5, 15), self._import
        yield self._at(DAYS - 3, 17), partial(self._ask_for_refund, self.people[5])
        for one in self.people[self.taken_over :]:
            yield self._at(one.since, 10 + one.index % 7), partial(self._sell, one)
            if one.until < DAYS:
                yield self._at(one.until, 16), partial(self._leave, one)
        for day in range(1, DAYS):
            yield from self._due(day)
            if day % (9 if day > DAYS - 90 else 18) == 4:
                whose = self.people[day % self.taken_over]
                is_open = day >= DAYS - 9
                yield self._at(day, 11, 20), partial(self._ask, next(asked), whose, is_open)
            if day > DAYS - 30 and day % 7 == 0:
                yield self._at(day, 23, 50), partial(send_to_nobody, self.crm)

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
            idempotency_key=f"demo-sale-{one.index}",
            by=OPERATOR,
        )
        if crm.contracts.get(contract.id).status is not ContractStatus.ACCEPTED:
            return
        crm.contracts.add_document(contract.id, name="contract.pdf", content=[_SIGNED], by=OPERATOR)
        paid = _request(one, _FIRST_PAID[one.who.tariff], PaymentMethod.CASH, "sale")
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
        requests = [_request(one, one.payments[day], one.way[0], str(day)) for one in payers]
        by = Actor("self-care") if gateway == "simulator" else CASHIER
        self.crm.payments.record_many(requests, gateway=gateway, by=by)

    def _charge(self, one: _Person, day: int) -> None:
        if one.index not in self._accounts:
            self._accounts[one.index] = self._contract(one).account_id
        self.crm.accounts.charge(
            self._accounts[one.index],
            amount=Money.parse(str(_FEES[one.who.tariff]), self.crm.currency),
            kind=ChargeKind.RECURRING,
            reason=f"{self._at(day, 0):%Y-%m}",
            idempotency_key=f"demo-fee-{one.index}-{day}",
        )

    def _keep_lost(self, gateway: str, amount: str, told: str) -> None:
        request = PaymentRequest(
            payer=None,
            amount=Money.parse(amount, self.crm.currency),
            method=PaymentMethod.CARD,
            told=told,
            idempotency_key=f"demo-lost-{told}",
        )
        self.crm.payments.record_many([request], gateway=gateway, keep_unallocated=True)

    def _ask(self, index: int, one: _Person, is_open: bool) -> None:
        subject, answer, priority = _QUESTIONS[index % len(_QUESTIONS)]
        contract, tickets = self._contract(one), self.crm.tickets
        ticket = tickets.create(
            customer_id=contract.customer_id,
            contract_id=contract.id,
            subject=subject,
            priority=TicketPriority(priority),
            idempotency_key=f"demo-question-{index}",
            by=SUPPORT,
        )
        if tickets.get(ticket.id).status is not TicketStatus.FREE:
            return
        tickets.activate(ticket.id, by=SUPPORT)
        if not is_open:
            tickets.resolve(ticket.id, answer=answer, by=SUPPORT)

    def _import(self) -> None:
        if not self.crm.imports.page(Query(limit=1)).items:
            self.crm.imports.run_file(
                kind=ImportKind.NUMBERS, content=_FILE.encode(), file_name="osh.csv", by=OPERATOR
            )

    def _lose(self, one: _Person) -> None:
        contract = self._contract(one)
        if contract.status is ContractStatus.ACTIVE:
            self.crm.contracts.suspend(
                contract.id, hold=HoldKind.LOST_STOLEN, reason="Phone left in a taxi", by=SUPPORT
            )

    def _ask_for_refund(self, one: _Person) -> None:
        of_account = {"account_id": str(self._contract(one).account_id)}
        paid = self.crm.payments.page(Query(where=of_account, descending=True, limit=1)).items
        if paid and not self.crm.approvals.page(Query(limit=1)).items:
            self.crm.approvals.ask(
                ApprovalKind.REFUND,
                paid[0].id,
                amount=paid[0].amount,
                reason="Paid to a wrong number",
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


def _request(one: _Person, amount: int, method: PaymentMethod, key: str) -> PaymentRequest:
    return PaymentRequest(
        payer=Payer(msisdn=one.who.msisdn),
        amount=Money.parse(str(amount), "KGS"),
        method=method,
        idempotency_key=f"demo-payment-{one.index}-{key}",
    )
