"""The months that a demo has behind it: what its people bought, paid, lost and asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from functools import partial
from itertools import count

from telecom_crm.adapters.clock import ManualClock
from telecom_crm.application.ports import Payer, Query
from telecom_crm.domain.approval import ApprovalKind
from telecom_crm.domain.calendar import local_date
from telecom_crm.domain.contract import ContractStatus
from telecom_crm.domain.customer import Consent
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.importing import ImportKind
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import PaymentMethod
from telecom_crm.domain.ticket import TicketPriority, TicketStatus
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.demo import (
    COUNT,
    DemoSubscriber,
    catalog_since,
    load,
    receive,
    send_to_nobody,
    subscriber,
    tell_trouble,
)

DAYS = 90
"""How long the demo's operator is at work already."""
SOLD_FROM = 100
"""The index of the first subscriber who bought a card since."""

OPERATOR, CASHIER, SUPPORT = Actor("operator"), Actor("cashier"), Actor("support")
_SOLD_ON = (1, 0, 0, 1, 0, 0, 0)
"""How many cards are sold on each of seven days, over and over."""
_PAID = {"START": "300.00", "COMFORT": "500.00", "MAX": "900.00"}
_WAYS = (
    (PaymentMethod.CASH, "cash_desk"),
    (PaymentMethod.CARD, "simulator"),
    (PaymentMethod.CARD, "card_terminal"),
    (PaymentMethod.CARD, "simulator"),
)
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


def live(crm: Crm, clock: ManualClock) -> None:
    """
    Load the demo as of `DAYS` ago, and everything that happened since; the clock comes back to now.

    Again is no change, and what was killed goes on: it all happens on the days of the first time.
    Raise `RuleViolated` where the database has things of its own.
    """
    now = clock()
    began = catalog_since(crm) or now - timedelta(days=DAYS)
    clock.set(began)
    try:
        load(crm, troubles=False)
        for at, deed in sorted(_deeds(crm, began, now), key=lambda one: one[0]):
            clock.set(at)
            deed()
    finally:
        clock.set(now)
    crm.provisioning.work(network=crm.network, limit=COUNT)
    send_to_nobody(crm)


def _deeds(crm: Crm, began: datetime, now: datetime) -> Iterator[_Deed]:
    """Give all that happened, each with its instant."""
    sold, asked = count(), count()
    for number, hours in enumerate(_TROUBLED_FOR):
        yield now - timedelta(hours=hours), partial(tell_trouble, crm, number)
    people = [subscriber(index) for index in range(COUNT)]
    for day in range(1, (now - began).days):
        at = _at(crm, began, day)
        for index, one in enumerate(people):
            if (day + index * 11) % 29 == 0:
                yield at(9 + index % 9, index), partial(_pay, crm, f"{index}-{day}", index, one)
        for place in range(_SOLD_ON[day % 7]):
            index = next(sold)
            people.append(one := subscriber(SOLD_FROM + index))
            yield at(10 + 3 * place), partial(_sell, crm, index, one)
        if day % 9 == 4:
            yield at(11, 20), partial(_ask, crm, next(asked), people[day % COUNT])
        if day % 7 == 0:
            yield at(23), partial(send_to_nobody, crm)
        if day == DAYS - 30:
            yield at(15), partial(_import, crm)
        if day == DAYS - 6:
            yield at(16), partial(_lose, crm, people[2])
        if day == DAYS - 3:
            yield at(17), partial(_ask_for_refund, crm, people[5])


def _at(crm: Crm, began: datetime, day: int) -> Callable[..., datetime]:
    """Return what tells the instant of an hour and a minute on a day, where the operator is."""
    date = local_date(began, crm.zone) + timedelta(days=day)

    def tell(hour: int, minute: int = 0) -> datetime:
        return datetime.combine(date, time(hour, minute % 60), crm.zone)

    return tell


def _sell(crm: Crm, index: int, one: DemoSubscriber) -> None:
    receive(crm, [one])
    customer = crm.customers.register(
        **one.person(),
        consents=[Consent(purpose="personal_data", granted=True, at=crm.clock())],
        idempotency_key=f"demo-customer-{index}",
        by=OPERATOR,
    )
    contract = crm.contracts.create(
        customer_id=customer.id,
        iccid=one.iccid,
        msisdn=one.msisdn,
        tariff=one.tariff,
        idempotency_key=f"demo-sale-{index}",
        by=OPERATOR,
    )
    if crm.contracts.get(contract.id).status is not ContractStatus.ACCEPTED:
        return
    crm.contracts.add_document(contract.id, name="contract.pdf", content=[_SIGNED], by=OPERATOR)
    _pay(crm, f"sale-{index}", 0, one)
    crm.contracts.request_activation(contract.id, by=OPERATOR)
    crm.provisioning.work(network=crm.network, limit=COUNT)


def _pay(crm: Crm, key: str, way: int, one: DemoSubscriber) -> None:
    method, gateway = _WAYS[way % len(_WAYS)]
    crm.payments.take(
        payer=Payer(msisdn=one.msisdn),
        amount=Money.parse(_PAID[one.tariff], crm.currency),
        method=method,
        gateway=gateway,
        idempotency_key=f"demo-payment-{key}",
        by=CASHIER if gateway != "simulator" else Actor("self-care"),
    )


def _ask(crm: Crm, index: int, one: DemoSubscriber) -> None:
    subject, answer, priority = _QUESTIONS[index % len(_QUESTIONS)]
    contract = next(crm.contracts.each(msisdn=one.msisdn.digits))
    ticket = crm.tickets.create(
        customer_id=contract.customer_id,
        contract_id=contract.id,
        subject=subject,
        priority=TicketPriority(priority),
        idempotency_key=f"demo-question-{index}",
        by=SUPPORT,
    )
    if crm.tickets.get(ticket.id).status is TicketStatus.FREE:
        crm.tickets.activate(ticket.id, by=SUPPORT)
        crm.tickets.resolve(ticket.id, answer=answer, by=SUPPORT)


def _import(crm: Crm) -> None:
    if not crm.imports.page(Query(limit=1)).items:
        crm.imports.run_file(
            kind=ImportKind.NUMBERS, content=_FILE.encode(), file_name="osh.csv", by=OPERATOR
        )


def _lose(crm: Crm, one: DemoSubscriber) -> None:
    contract = next(crm.contracts.each(msisdn=one.msisdn.digits))
    if contract.status is ContractStatus.ACTIVE:
        crm.contracts.suspend(
            contract.id, hold=HoldKind.LOST_STOLEN, reason="Phone left in a taxi", by=SUPPORT
        )


def _ask_for_refund(crm: Crm, one: DemoSubscriber) -> None:
    contract = next(crm.contracts.each(msisdn=one.msisdn.digits))
    of_account = Query(where={"account_id": str(contract.account_id)}, limit=1)
    paid = crm.payments.page(of_account).items
    if paid and not crm.approvals.page(Query(limit=1)).items:
        crm.approvals.ask(
            ApprovalKind.REFUND,
            paid[0].id,
            amount=paid[0].amount,
            reason="Paid to a wrong number",
            by=CASHIER,
        )
