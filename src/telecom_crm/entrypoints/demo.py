"""Demo subscribers: made-up people, cards and numbers, the same on every machine."""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import attrs

from telecom_crm.application.catalog import demo_catalog
from telecom_crm.application.inventory import NumberData, SimData
from telecom_crm.application.ports import Message, Query
from telecom_crm.application.users import LoginTaken
from telecom_crm.domain.customer import DocumentType, IdentityDocument
from telecom_crm.domain.errors import NotFound, RuleViolated
from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN, luhn_is_right
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.role import RoleName
from telecom_crm.domain.ticket import TicketPriority
from telecom_crm.entrypoints.crm import Crm

BY = Actor("demo")
GATEWAYS = ("cash_desk", "simulator")
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

COUNT = 24
"""How many subscribers it has."""

_FIRST = ("Айгүл", "Бакыт", "Чолпон", "Данияр", "Элина", "Нурлан", "Гүлнара", "Тимур")
_LAST = ("Асанова", "Токтогулов", "Ибраимова", "Рахимов", "Ким", "Соколова", "Öztürk", "Маматов")
_TARIFFS = ("START", "COMFORT", "MAX", "COMFORT")
_LANGUAGES = ("ky", "ru", "en")
_TROUBLES = (
    ("No mobile data since this morning", TicketPriority.HIGH),
    ("Please send the contract again", TicketPriority.LOW),
    ("Charged twice for one option", TicketPriority.NORMAL),
)


@attrs.frozen(kw_only=True)
class DemoSubscriber:
    """One made-up person with a card and a number."""

    name: str
    email: str
    birth_date: date
    document_number: str
    iccid: ICCID
    imsi: IMSI
    msisdn: MSISDN
    tariff: str
    language: str


def subscriber(index: int) -> DemoSubscriber:
    """Return a made-up person by number, from 0 on; numbers far apart share nothing."""
    return DemoSubscriber(
        name=f"{_LAST[index // 8 % 8]} {_FIRST[index % 8]}",
        email=f"demo{index}@example.org",
        birth_date=date(1960, 1, 1) + timedelta(days=index * 397 % 15000),
        document_number=f"DM{index:08d}",
        iccid=_iccid(index),
        imsi=IMSI(f"43705{index:010d}"),
        msisdn=MSISDN(f"996799{index:06d}"),
        tariff=_TARIFFS[index % 4],
        language=_LANGUAGES[index % 3],
    )


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
    try:  # asked last: another process may be loading the demo, and its catalog comes first
        return crm.catalog.tariff_history(_TARIFFS[0])[0].by == BY
    except NotFound:
        return False


def refuse_strangers(crm: Crm) -> None:
    """Raise `RuleViolated` where a demo would come among somebody's own things."""
    if not may_be_in(crm):
        reason = "this database has things of its own in it; a demo is only put into an empty one"
        raise RuleViolated("demo_in_empty_database", (reason,))


def load(crm: Crm) -> None:
    """
    Put the demo catalog and its subscribers into an empty database.

    Again is no change, and a load that was killed goes on. Raise `RuleViolated` where the database
    has things of its own.
    """
    refuse_strangers(crm)
    if next(crm.contracts.each(msisdn=subscriber(COUNT - 1).msisdn.digits), None) is None:
        crm.catalog.apply(demo_catalog(), by=BY)
    load_subscribers(crm)


def new_password() -> str:
    """Return a password that nobody can guess and everybody can type."""
    letters = (secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(16))
    return "-".join("".join(group) for group in zip(*[letters] * 4, strict=True))


def load_accounts(crm: Crm, password: str) -> None:
    """Let everybody of `ACCOUNTS` sign in with this password; again is no change."""
    for login, name, role in ACCOUNTS:
        try:
            crm.users.begin(login=login, name=name, role=role, password=password, by=BY)
        except LoginTaken:
            hashed = crm.users.known_as(login).password_hash
            if not crm.users.passwords.verify(hashed, password):
                crm.users.give_password(login, password=password, by=BY)


def load_subscribers(crm: Crm, *, count: int = COUNT) -> None:
    """
    Make subscribers who came from another system: active, with some money, some with a ticket.

    Again is no change. The demo catalog has to be there.
    """
    people = [subscriber(index) for index in range(count)]
    crm.inventory.receive_sims(
        [SimData(iccid=one.iccid, imsi=one.imsi, batch="DEMO") for one in people], by=BY
    )
    crm.inventory.receive_numbers([NumberData(msisdn=one.msisdn) for one in people], by=BY)
    for index, one in enumerate(people):
        _subscribe(crm, index, one)
    crm.provisioning.work(network=crm.network, limit=count, by=BY)
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
    document = IdentityDocument(type=DocumentType.ID_CARD, number=one.document_number)
    customer = crm.customers.register(
        name=one.name,
        phone=one.msisdn,
        email=one.email,
        birth_date=one.birth_date,
        language=one.language,
        documents=[document],
        by=BY,
    )
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
    if index % 8 == 0:
        subject, priority = _TROUBLES[index // 8 % len(_TROUBLES)]
        crm.tickets.create(
            customer_id=customer.id,
            contract_id=contract.id,
            subject=subject,
            priority=priority,
            idempotency_key=f"demo-ticket-{index}",
            by=BY,
        )


def _iccid(index: int) -> ICCID:
    body = f"899650{index:012d}"
    digit = next(digit for digit in "0123456789" if luhn_is_right(body + digit))
    return ICCID(body + digit)


def _table(header: Iterable[object], rows: Iterable[Iterable[object]]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue().encode()
