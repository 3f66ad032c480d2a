"""Valid things of every kind, made the way the application makes them; the same each time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs

from telecom_crm.adapters.clock import ManualClock, SequentialIds
from telecom_crm.domain.account import BillingAccount
from telecom_crm.domain.activation import ActivationSummary, CustomerFacts, SummaryLine
from telecom_crm.domain.attachment import Attachment
from telecom_crm.domain.charging import Charge, ChargeKind, charge
from telecom_crm.domain.contract import ChosenOption, Contract
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.identifiers import (
    AccountId,
    ContractId,
    CustomerId,
    DocumentId,
    EntryId,
    PaymentId,
    TicketId,
)
from telecom_crm.domain.identity_document import DocumentType, IdentityDocument
from telecom_crm.domain.ledger import JournalEntry, LedgerCode, PostingKind, Transfer
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import Number
from telecom_crm.domain.payment import Payment, PaymentMethod
from telecom_crm.domain.policy import PREPAID, BillingPolicy, FirstFee, PaymentMode, Proration
from telecom_crm.domain.sim import Sim
from telecom_crm.domain.tariff import Tariff, TariffTerms
from telecom_crm.domain.ticket import Ticket, TicketPriority
from telecom_crm.entrypoints.conformance.strategies import iccid_of, msisdn_of

CURRENCY = "KGS"
OPERATOR = Actor("operator", token="token-1")
BEGINNING = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
"""Noon in Bishkek: the same date there and in UTC for some hours to come."""
TODAY = BEGINNING.date()
CREDIT = 5_000
"""The credit limit of the postpaid sample policy, in minor units."""

PAY_FIRST = attrs.evolve(
    PREPAID, proration=Proration.NONE, required_for_activation=frozenset(), sims_per_person=None
)
PAY_LATER = attrs.evolve(
    PAY_FIRST,
    id="postpaid",
    name="Postpaid",
    payment_mode=PaymentMode.POSTPAID,
    first_fee=FirstFee.ON_CREDIT,
    credit_limit=Money(CREDIT, CURRENCY),
)
POLICIES = {policy.id: policy for policy in (PAY_FIRST, PAY_LATER)}
"""Two policies under which fees are whole, so that a model of them is an addition."""


class Samples:
    """Makes things, one after another: own clock, own ids, own serial numbers."""

    def __init__(self) -> None:
        self.clock = ManualClock(BEGINNING)
        self.new_id = SequentialIds()
        self._serial = 0

    def tick(self, *, seconds: int = 1) -> datetime:
        """Let some time pass, and return the instant."""
        return self.clock.advance(timedelta(seconds=seconds))

    def serial(self) -> int:
        """Return the next whole number from 1 on."""
        self._serial += 1
        return self._serial

    def said(self) -> dict[str, Any]:
        """Return who gives a command and when: the clock moves on."""
        return {"by": OPERATOR, "at": self.tick()}

    def customer(self, *, document: str | None = None, **facts: Any) -> Customer:
        """Return a new customer; with a document of this number."""
        papers = (identity_document(document),) if document else ()
        return Customer.register(
            id=CustomerId(self.new_id()),
            name="Айгүл O'Нил",
            documents=papers,
            today=TODAY,
            **facts,
            **self.said(),
        )

    def account(
        self, customer_id: CustomerId | None, *, policy: BillingPolicy = PAY_FIRST
    ) -> BillingAccount:
        """Return a new account under a policy."""
        opened = BillingAccount.open(
            id=AccountId(self.new_id()),
            number=f"B-{self.serial():08d}",
            customer_id=customer_id,
            currency=CURRENCY,
            **self.said(),
        )
        return opened.choose_policy(policy, **self.said())

    def tariff(self, code: str = "PLAIN") -> Tariff:
        """Return a tariff on sale for everybody: 100.00 a month, 10.00 to begin."""
        made = Tariff.create(code=code, name="Plain", terms=tariff_terms(), **self.said())
        return made.publish(**self.said())

    def sim(self, serial: int | None = None) -> Sim:
        """Return a card in stock, its codes and batch filled in."""
        number = self.serial() if serial is None else serial
        return Sim.receive(
            iccid=iccid_of(number), pin1="0042", puk1="00424242", batch="B-1", **self.said()
        )

    def number(self, serial: int | None = None, *, price: Money | None = None) -> Number:
        """Return a number in the pool."""
        place = self.serial() if serial is None else serial
        return Number.receive(
            msisdn=msisdn_of(place), category="silver", price=price, **self.said()
        )

    def contract(
        self,
        *,
        customer_id: CustomerId,
        account_id: AccountId,
        sim: Sim,
        number: Number,
        requested_activation: date | None = None,
    ) -> Contract:
        """Return a draft on the sample tariff, with an option."""
        return Contract.draft(
            id=ContractId(self.new_id()),
            number=f"C-{self.serial():08d}",
            customer=CustomerFacts(id=customer_id, has_identity=True),
            account_id=account_id,
            iccid=sim.iccid,
            msisdn=number.msisdn,
            tariff_code="PLAIN",
            tariff_version=1,
            requested_activation=requested_activation,
            minimum_term_months=3,
            **self.said(),
        )

    def attachment(self, name: str = "договор.pdf") -> Attachment:
        """Return a file of a contract or of a ticket."""
        return Attachment(
            id=DocumentId(self.new_id()),
            file_id=str(self.new_id()),
            name=name,
            media_type="application/pdf",
            sha256=f"{self.serial():064x}",
            size=42,
        )

    def summary(self, contract: Contract) -> ActivationSummary:
        """Return an all green activation summary, with fees."""
        return ActivationSummary(
            contract_id=contract.id,
            lines=(SummaryLine("customer", True, "in good standing"),),
            receipt=PAY_FIRST.receipt(at=self.tick()),
            first_fees=(activation_fee(),),
        )

    def ticket(
        self, customer_id: CustomerId, *, priority: TicketPriority, subject: str, queue: str | None
    ) -> Ticket:
        """Return a new ticket."""
        return Ticket.create(
            id=TicketId(self.new_id()),
            number=f"T-{self.serial():07d}",
            customer_id=customer_id,
            subject=subject,
            priority=priority,
            queue=queue,
            **self.said(),
        )

    def payment(
        self, account_id: AccountId, *, minor: int = 15_000, gateway: str = "gateway"
    ) -> Payment:
        """Return a payment that was handed to a gateway."""
        asked = Payment.initiate(
            id=PaymentId(self.new_id()),
            account_id=account_id,
            contract_id=None,
            amount=Money(minor, CURRENCY),
            method=PaymentMethod.CARD,
            gateway=gateway,
            **self.said(),
        )
        return asked.send(**self.said())

    def entry(
        self, account_id: AccountId, *legs: tuple[LedgerCode, LedgerCode, int]
    ) -> JournalEntry:
        """Return an entry of these legs: debit, credit, minor units."""
        return JournalEntry(
            id=EntryId(self.new_id()),
            account_id=account_id,
            kind=PostingKind.GOODWILL,
            transfers=tuple(
                Transfer(debit=debit, credit=credit, amount=Money(minor, CURRENCY))
                for debit, credit, minor in legs
            ),
            booked_at=self.tick(),
            caused_by=f"sample:{self.serial()}",
            note="проба",
        )

    def id(self) -> UUID:
        """Return an id that nothing has."""
        return self.new_id()


def identity_document(number: str) -> IdentityDocument:
    """Return a passport of this number."""
    return IdentityDocument(
        type=DocumentType.PASSPORT,
        number=number,
        issuer="МКК 211011",
        issued_on=date(2020, 1, 31),
        valid_until=date(2030, 1, 31),
    )


def tariff_terms(*, monthly: int = 10_000, activation: int = 1_000) -> TariffTerms:
    """Return the terms of a tariff of two fees, in minor units."""
    return TariffTerms(
        monthly_fee=Money(monthly, CURRENCY), activation_fee=Money(activation, CURRENCY)
    )


def activation_fee(minor: int = 1_000) -> Charge:
    """Return the charge of an activation."""
    return charge(
        kind=ChargeKind.ACTIVATION,
        gross=Money(minor, CURRENCY),
        tax=attrs.evolve(PAY_FIRST.tax, percent=Decimal(12)),
        code="PLAIN",
        code_version=1,
        tariff_version=1,
    )


def chosen(code: str) -> ChosenOption:
    """Return an option in its first version."""
    return ChosenOption(code, 1)
