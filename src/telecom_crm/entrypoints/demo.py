"""Demo subscribers: made-up people, cards and numbers, the same on every machine."""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import cycle
from typing import Any

import attrs

from telecom_crm.application.catalog_file import demo_catalog
from telecom_crm.application.inventory.receiving import NumberData, SimData
from telecom_crm.application.ports import Message, Query
from telecom_crm.application.users import LoginTaken
from telecom_crm.domain.application import ApplicationKind, Channel
from telecom_crm.domain.demo import Demo
from telecom_crm.domain.errors import RuleViolated
from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN, luhn_digit
from telecom_crm.domain.identity_document import DocumentType, IdentityDocument
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import NumberCategory
from telecom_crm.domain.profile import Address
from telecom_crm.domain.regulation import PaymentLimits, Regulations
from telecom_crm.domain.role import RoleName
from telecom_crm.domain.session import SELF_CARE
from telecom_crm.domain.ticket import TicketPriority
from telecom_crm.entrypoints.crm import Crm

BY = Actor("demo")
OPERATOR, SUBSCRIBER = Actor("operator"), Actor(SELF_CARE)
GATEWAYS = ("cash_desk", "card_terminal", "simulator")
"""What a demo takes money with."""

ACCOUNTS = (
    ("admin", "Айжан Сыдыкова", RoleName.ADMIN),
    ("operator", "Азамат Осмонов", RoleName.OPERATOR),
    ("senior", "Мария Волкова", RoleName.SENIOR_OPERATOR),
    ("cashier", "Нурия Абдиева", RoleName.CASHIER),
    ("support", "Руслан Ким", RoleName.SUPPORT),
    ("auditor", "Elena Weber", RoleName.AUDITOR),
)
"""Who works there, one of each built-in role: login, name and role."""

CUSTOMERS = 48
"""How many customers a demo with a past has, where nobody says how many."""
COUNT = 24
"""How many subscribers one without a past has."""
APPLIED_FROM = 900
"""The index of the first who only applied; all customers come before."""

APPLICATIONS = 6
"""How many applications there are."""

STOCK, STOCK_FROM = 48, 777_000
"""How many cards and numbers are free, and the index of the first."""
_CLASSES = (
    (NumberCategory.STANDARD, None),
    (NumberCategory.STANDARD, None),
    (NumberCategory.SILVER, Money.parse("300.00", "KGS")),
    (NumberCategory.STANDARD, None),
    (NumberCategory.GOLD, Money.parse("1500.00", "KGS")),
    (NumberCategory.STANDARD, None),
)
LIMITS = PaymentLimits(smallest=Money.parse("20.00", "KGS"), largest=Money.parse("30000.00", "KGS"))
"""What a payment may be."""
_FIRST = (
    *("Айгүл", "Бакыт", "Чолпон", "Данияр", "Элина", "Нурлан", "Гүлнара", "Тимур"),
    *("Назгүл", "Азамат", "Анна", "Дмитрий", "Жылдыз", "Өмүрбек", "Мээрим", "Сергей"),
    *("Бегимай", "Эркин", "Ольга", "Улан", "Асель", "Алексей", "Зарина", "Кубанычбек"),
)
"""Women and men in turn."""
_LAST = (
    *(("Асанова", "Асанов"), ("Токтогулова", "Токтогулов"), ("Ибраимова", "Ибраимов")),
    *(("Рахимова", "Рахимов"), ("Ким", "Ким"), ("Соколова", "Соколов"), ("Öztürk", "Öztürk")),
    *(("Маматова", "Маматов"), ("Жумабаева", "Жумабаев"), ("Өмүралиева", "Өмүралиев")),
    *(("Кузнецова", "Кузнецов"), ("Сыдыкова", "Сыдыков"), ("Эсенгулова", "Эсенгулов")),
    *(
        ("Ли", "Ли"),
        ("Осмонова", "Осмонов"),
        ("Волкова", "Волков"),
        ("Бейшеналиева", "Бейшеналиев"),
    ),
    *(("Юсупова", "Юсупов"), ("Шевченко", "Шевченко"), ("Турдубаева", "Турдубаев")),
    *(("Калыкова", "Калыков"), ("Морозова", "Морозов"), ("Дүйшөева", "Дүйшөев")),
    *(("Абдыкеримова", "Абдыкеримов"), ("Петрова", "Петров")),
)
"""As many as have no divisor in common with the first names, so 600 people in a row differ."""
_CITIES = ("Бишкек", "Ош", "Бишкек", "Жалал-Абад", "Каракол", "Нарын", "Талас")
_TARIFFS = ("START", "COMFORT", "MAX", "COMFORT")
_LANGUAGES = ("ky", "ru", "en")
_TROUBLES = (
    ("Эртең мененден бери мобилдик интернет жок", TicketPriority.HIGH),
    ("Пришлите, пожалуйста, договор ещё раз", TicketPriority.LOW),
    ("За одну опцию списали дважды", TicketPriority.NORMAL),
)


@attrs.frozen(kw_only=True)
class DemoSubscriber:
    """One made-up person with a card and a number."""

    name: str
    email: str
    city: str
    birth_date: date
    document_number: str
    iccid: ICCID
    imsi: IMSI
    msisdn: MSISDN
    tariff: str
    language: str

    def person(self) -> dict[str, Any]:
        """Return what is told of them where they are registered."""
        return {
            "name": self.name,
            "phone": self.msisdn,
            "email": self.email,
            "birth_date": self.birth_date,
            "language": self.language,
            "documents": [IdentityDocument(type=DocumentType.ID_CARD, number=self.document_number)],
            "addresses": [Address(country="KG", city=self.city)],
        }


def subscriber(index: int, seed: int = 0) -> DemoSubscriber:
    """
    Return a made-up person by number, from 0 on; numbers far apart share nothing.

    With another `seed` it is somebody else, who has the same card and phone number.
    """
    who = index + seed
    return DemoSubscriber(
        name=f"{_LAST[7 * who % len(_LAST)][who % 2]} {_FIRST[who % len(_FIRST)]}",
        email=f"demo{index}@example.org",
        city=_CITIES[who % len(_CITIES)],
        birth_date=date(1960, 1, 1) + timedelta(days=who * 397 % 15000),
        document_number=f"DM{index:08d}",
        iccid=_iccid(index),
        imsi=IMSI(f"43705{index:010d}"),
        msisdn=MSISDN(f"996799{index:06d}"),
        tariff=_TARIFFS[who % 4],
        language=_LANGUAGES[who % 3],
    )


def begun(crm: Crm, *, customers: int = CUSTOMERS, seed: int = 0, lived: bool = True) -> Demo:
    """
    Return what the demo here is made from; an empty database becomes one, of so many customers.

    It begins now, and is `lived` where no past of it is to be made; no worker touches one before.
    Raise `RuleViolated` where the database has things of its own.
    """
    refuse_strangers(crm)
    fresh = Demo(seed=seed, customers=customers, began=crm.clock(), lived=lived)
    return crm.rules.demo() or crm.rules.put_demo(fresh, by=BY)


def may_be_in(crm: Crm) -> bool:
    """Tell whether made-up things may be in this database: it is empty, or began with them."""
    one = Query(limit=1)
    pages = (
        crm.customers.page(one),
        crm.inventory.sims(one),
        crm.inventory.numbers(one),
        crm.catalog.tariffs(one),
        crm.catalog.options(one),
    )
    if not any(page.items for page in pages):
        return True
    # asked last: another process may be loading the demo, and that it is one comes first
    return crm.rules.demo() is not None


def refuse_strangers(crm: Crm) -> None:
    """Raise `RuleViolated` where a demo would come among somebody's own things."""
    if not may_be_in(crm):
        reason = "this database has things of its own in it; a demo is only put into an empty one"
        raise RuleViolated("demo_in_empty_database", (reason,))


def load(crm: Crm, *, count: int = COUNT, troubles: bool = True) -> None:
    """
    Put the demo catalog and its first `count` subscribers into an empty database.

    Again is no change, and a load that was killed goes on. Raise `RuleViolated` where the database
    has things of its own.
    """
    seed = begun(crm).seed
    if next(crm.contracts.each(msisdn=subscriber(count - 1).msisdn.digits), None) is None:
        crm.catalog.apply(demo_catalog(), by=BY)
        crm.rules.put_regulations(Regulations(payment_limits=[LIMITS]), by=BY)
        load_stock(crm)
    load_subscribers(crm, count=count, seed=seed, troubles=troubles)


def new_password() -> str:
    """Return a password that nobody can guess and everybody can type."""
    letters = (secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(16))
    return "-".join("".join(group) for group in zip(*[letters] * 4, strict=True))


def load_applications(crm: Crm) -> None:
    """Let a few people ask for something: new, waiting, in need of data. Again is no change."""
    for index in range(APPLICATIONS):
        apply(crm, index)


def apply(crm: Crm, index: int) -> None:
    """Let one person ask for something, from 0 on; again is no change."""
    one = subscriber(APPLIED_FROM + index, begun(crm).seed)
    made = crm.intake.capture(
        kind=ApplicationKind.NEW_CONNECTION,
        channel=Channel.SELF_CARE,
        external_reference=f"demo-application-{index}",
        raw={
            "full_name": one.name,
            "phone": str(one.msisdn),
            "birth_date": one.birth_date.isoformat(),
            "document_type": DocumentType.ID_CARD.value,
            "document_number": one.document_number,
            "city": one.city,
            "language": one.language,
            "tariff": one.tariff,
            "consents": ["personal_data"],
        },
        by=SUBSCRIBER,
    )
    if made.replayed:
        return
    if index % 3 == 1:
        crm.intake.validate(made.id, by=OPERATOR)
    elif index % 3 == 2:
        crm.intake.ask(made.id, reason="Номер документа не читается", by=OPERATOR)


def load_accounts(crm: Crm, password: str) -> None:
    """Let everybody of `ACCOUNTS` sign in with this password; again is no change."""
    for login, name, role in ACCOUNTS:
        try:
            crm.users.begin(login=login, name=name, role=role, password=password, by=BY)
        except LoginTaken:
            hashed = crm.users.known_as(login).password_hash
            if not crm.users.passwords.verify(hashed, password):
                crm.users.give_password(login, password=password, by=BY)


def load_stock(crm: Crm) -> None:
    """Put cards and numbers in stock that contracts can be sold with; again is no change."""
    made = [subscriber(STOCK_FROM + index) for index in range(STOCK)]
    cards = [_card(one, "DEMO-STOCK") for one in made]
    numbers = [
        NumberData(msisdn=one.msisdn, category=category, price=price)
        for one, (category, price) in zip(made, cycle(_CLASSES), strict=False)
    ]
    crm.inventory.receive_sims(cards, by=BY)
    crm.inventory.receive_numbers(numbers, by=BY)


def load_subscribers(crm: Crm, *, count: int = COUNT, seed: int = 0, troubles: bool = True) -> None:
    """
    Make subscribers who came from another system: active, with some money, some with a ticket
    where they have `troubles`.

    Again is no change. The demo catalog has to be there.
    """
    people = [subscriber(index, seed) for index in range(count)]
    receive(crm, people)
    for index, one in enumerate(people):
        _subscribe(crm, index, one)
        if troubles and index % 8 == 0:
            tell_trouble(crm, index // 8)
    crm.provisioning.work(network=crm.network, limit=count, by=BY)
    send_to_nobody(crm)


def receive(crm: Crm, people: Sequence[DemoSubscriber]) -> None:
    """Put the cards and numbers of these people in stock; again is no change."""
    crm.inventory.receive_sims([_card(one, "DEMO") for one in people], by=BY)
    crm.inventory.receive_numbers([NumberData(msisdn=one.msisdn) for one in people], by=BY)


def send_to_nobody(crm: Crm) -> None:
    """Count all messages that wait as sent: their people are made up."""
    while crm.notifications.queue_new(by=BY):
        pass
    while crm.notifications.deliver(_Nobody(), by=BY):
        pass


class _Nobody:
    """Takes the messages to people who are made up."""

    def send(self, message: Message) -> None:
        """Tell nobody."""


def files(people: Sequence[DemoSubscriber]) -> dict[str, bytes]:
    """Return the three files that would register these people, by kind."""
    return {
        "sims": _table(
            ("iccid", "imsi", "pin1", "puk1", "batch"),
            ((p.iccid, p.imsi.digits, "0000", "00000000", "DEMO") for p in people),
        ),
        "numbers": _table(("msisdn", "category"), ((p.msisdn.digits, "standard") for p in people)),
        "subscribers": _table(
            (
                *("full_name", "phone", "email", "birth_date", "document_type"),
                *("document_number", "iccid", "msisdn", "tariff", "language"),
            ),
            (
                (
                    *(p.name, p.msisdn, p.email, p.birth_date, "id_card"),
                    *(p.document_number, p.iccid, p.msisdn, p.tariff, p.language),
                )
                for p in people
            ),
        ),
    }


def _subscribe(crm: Crm, index: int, one: DemoSubscriber) -> None:
    customer = crm.customers.register(**one.person(), by=BY)
    contract = crm.contracts.create(
        customer_id=customer.id,
        iccid=one.iccid,
        msisdn=one.msisdn,
        tariff=one.tariff,
        policy="migration",
        activate=True,
        idempotency_key=f"demo-contract-{index}",
        by=BY,
    )
    crm.accounts.take_over_balance(
        contract.account_id,
        amount=Money.parse(f"{100 + index * 37 % 900}.00", "KGS"),
        idempotency_key=f"demo-balance-{index}",
        by=BY,
    )


def tell_trouble(crm: Crm, number: int) -> None:
    """Open the ticket of one of every eight subscribers, from 0 on; again is no change."""
    contract = next(crm.contracts.each(msisdn=subscriber(8 * number).msisdn.digits))
    subject, priority = _TROUBLES[number % len(_TROUBLES)]
    crm.tickets.create(
        customer_id=contract.customer_id,
        contract_id=contract.id,
        subject=subject,
        priority=priority,
        idempotency_key=f"demo-ticket-{8 * number}",
        by=SUBSCRIBER,
    )


def _card(one: DemoSubscriber, batch: str) -> SimData:
    digits = one.imsi.digits
    return SimData(iccid=one.iccid, imsi=one.imsi, pin1=digits[-4:], puk1=digits[-8:], batch=batch)


def _iccid(index: int) -> ICCID:
    body = f"899650{index:012d}"
    return ICCID(body + luhn_digit(body))


def _table(header: Iterable[object], rows: Iterable[Iterable[object]]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue().encode()
