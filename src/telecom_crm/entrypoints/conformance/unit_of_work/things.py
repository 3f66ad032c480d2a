"""What is saved to try a store: one of each kind of thing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import attrs

from telecom_crm.application.ports import (
    Transaction,
)
from telecom_crm.domain.account import AccountState, BillingAccount
from telecom_crm.domain.application import Application, ApplicationKind, Channel, Priority
from telecom_crm.domain.approval import Approval, ApprovalKind
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.identifiers import (
    ApplicationId,
    ApprovalId,
    CustomerId,
    DocumentId,
    EntryId,
    ImportId,
    NotificationId,
    SessionId,
    TaskId,
    TokenId,
    UserId,
)
from telecom_crm.domain.importing import (
    ImportJob,
    ImportKind,
    ImportRequest,
)
from telecom_crm.domain.ledger import Balance, LedgerCode
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.notification import PAYMENT_CONFIRMED, Notification, NotificationChannel
from telecom_crm.domain.number import Number
from telecom_crm.domain.payment import Payment
from telecom_crm.domain.provisioning import (
    ProvisioningKind,
    ProvisioningTask,
)
from telecom_crm.domain.role import RoleName, Scope
from telecom_crm.domain.session import Session
from telecom_crm.domain.sim import Sim
from telecom_crm.domain.ticket import TicketPriority
from telecom_crm.domain.token import Token
from telecom_crm.domain.user import User
from telecom_crm.entrypoints.conformance.samples import (
    PAY_FIRST,
    Samples,
)


@attrs.frozen
class Sale:
    """A signed contract and everything it stands on, ready to be saved."""

    customer: Customer
    account: Any
    sim: Sim
    number: Number
    contract: Contract


def collection_of(tx: Transaction, name: str) -> Any:
    """Return the collection of a transaction that has a name."""
    return getattr(tx.catalog, name) if name in ("tariffs", "options") else getattr(tx, name)


def a_sale(samples: Samples, *, document: str = "AN100", begins: date | None = None) -> Sale:
    """Return a sale whose customer has everything that finds people."""
    customer = samples.customer(
        document=document,
        phone="+996555123456",
        email="aigul@example.org",
        national_id=f"21503199{samples.serial():06d}",
        birth_date="1990-03-15",
    )
    account = samples.account(customer.id)
    sim, number = samples.sim(), samples.number()
    contract = samples.contract(
        customer_id=customer.id,
        account_id=account.id,
        sim=sim,
        number=number,
        requested_activation=begins,
    ).accept(tariff=samples.tariff(), policy=PAY_FIRST, live_contracts=0, **samples.said())
    contract = contract.add_document(document=samples.attachment(), **samples.said())
    held: dict[str, Any] = {"contract_id": contract.id, **samples.said()}
    return Sale(
        customer,
        account,
        sim.bind(msisdn=number.msisdn, **held),
        number.assign(**held),
        contract,
    )


def a_confirmed_payment(
    samples: Samples, account: BillingAccount, *, minor: int = 15_000
) -> tuple[Payment, AccountState]:
    """Return a payment that arrived, and the account before it."""
    balance = Balance(currency=account.currency, subscriber=minor)
    state = AccountState(account=account, balance=balance, at=samples.tick())
    paid, _ = samples.payment(account.id, minor=minor).confirm(
        state=state,
        entry_id=EntryId(samples.id()),
        reference=None,
        took=Money(minor, account.currency),
        into=LedgerCode.GATEWAY_CLEARING,
        **samples.said(),
    )
    return paid, state


def save_sale(tx: Transaction, sale: Sale) -> None:
    """Save a sale, what others refer to first."""
    tx.customers.save(sale.customer)
    tx.accounts.save(sale.account)
    tx.sims.save(sale.sim)
    tx.numbers.save(sale.number)
    tx.contracts.save(sale.contract)


def a_ticket(samples: Samples, priority: TicketPriority = TicketPriority.NORMAL) -> Any:
    """Return a ticket that nobody has taken."""
    customer = CustomerId(samples.id())
    return samples.ticket(customer, priority=priority, subject="no signal", queue="noc")


def an_application(
    samples: Samples,
    priority: Priority,
    *,
    reference: str | None = None,
    name: str = "Айгүл",
    phone: str = "",
) -> Application:
    """Return an application that waits for somebody to take it."""
    captured = a_captured_application(
        samples, priority, reference=reference, name=name, phone=phone
    )
    return captured.validate(data={"full_name": name}, **samples.said())


def a_captured_application(
    samples: Samples,
    priority: Priority,
    *,
    reference: str | None = None,
    name: str = "Айгүл",
    phone: str = "",
) -> Application:
    """Return an application as it came in."""
    return Application.capture(
        id=ApplicationId(samples.id()),
        number=f"R-{samples.serial():07d}",
        kind=ApplicationKind.NEW_CONNECTION,
        channel=Channel.API,
        raw={"name": name, "phone": phone, "extra": {"list": [1, None]}},
        external_reference=reference,
        priority=priority,
        scans=[samples.attachment("front")],
        **samples.said(),
    )


def a_task(samples: Samples, contract: Contract) -> ProvisioningTask:
    """Return what the network is asked for about a contract."""
    return ProvisioningTask.create(
        id=TaskId(samples.id()),
        kind=ProvisioningKind.ACTIVATE,
        contract_id=contract.id,
        iccid=contract.iccid,
        msisdn=contract.msisdn,
        **samples.said(),
    )


def a_notification(samples: Samples, customer: Customer) -> Notification:
    """Return a message about money that came in."""
    return Notification.queue(
        id=NotificationId(samples.id()),
        customer_id=customer.id,
        event=PAYMENT_CONFIRMED,
        channel=NotificationChannel.CONSOLE,
        language="ky",
        facts={"amount": "150.00", "currency": "KGS"},
        **samples.said(),
    )


def an_approval(samples: Samples) -> Approval:
    """Return a request that a second person agreed to."""
    return Approval.ask(
        id=ApprovalId(samples.id()),
        kind=ApprovalKind.REFUND,
        thing_id=str(samples.id()),
        amount=Money(15_000, "KGS"),
        reason="paid twice",
        **samples.said(),
    ).approve(by=Actor("second", "t-2"), at=samples.tick())


def a_user(samples: Samples) -> User:
    """Return a cashier who may sign in."""
    return User.invite(
        id=UserId(samples.id()),
        login=f"user-{samples.serial()}",
        name="Айгүл",
        role=RoleName.CASHIER.value,
        invitation=f"{samples.serial():064x}",
        **samples.said(),
    ).accept(password_hash="$argon2id$…", at=samples.tick())


def a_session(samples: Samples) -> Session:
    """Return a session that began now."""
    at = samples.tick()
    return Session(
        id=SessionId(samples.id()),
        digest=f"{samples.serial():064x}",
        csrf="c" * 32,
        user_id=UserId(samples.id()),
        address="192.0.2.7",
        agent="a browser",
        started_at=at,
        seen_at=at,
        ends_at=at + timedelta(hours=12),
    )


def an_import(samples: Samples) -> ImportJob:
    """Return a job of an uploaded file."""
    return ImportJob.upload(
        id=ImportId(samples.id()),
        request=ImportRequest(kind=ImportKind.SIMS, file_name="карты.csv", separator=";"),
        file_id=DocumentId(samples.id()),
        sha256=f"{samples.serial():064x}",
        **samples.said(),
    )


def a_token(samples: Samples) -> Token:
    """Return a till's token."""
    return Token.create(
        id=TokenId(samples.id()),
        name="till 1",
        role=RoleName.CASHIER,
        scopes=[Scope.parse("payments:write")],
        secret="s" * 60,
        **samples.said(),
    )
