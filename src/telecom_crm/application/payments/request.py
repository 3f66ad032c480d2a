"""What is asked for: a payment to take, and what is decided about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import attrs

from telecom_crm.application.idempotency import digest_of
from telecom_crm.application.ports import (
    KEY_LIMIT,
    Booked,
    Booking,
    Found,
    IdempotencyKey,
    NewId,
    Payer,
    PaymentGateway,
)
from telecom_crm.domain.contract import PAYABLE, ContractStatus
from telecom_crm.domain.errors import InvalidValue, RuleViolated
from telecom_crm.domain.identifiers import AccountId, ContractId, EntryId, PaymentId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import (
    Payment,
    PaymentMethod,
    check_amount,
)
from telecom_crm.domain.regulation import Regulations
from telecom_crm.domain.role import ALL_RIGHTS, Limit, Rights
from telecom_crm.domain.text import RAW_LIMIT, read_text


@attrs.frozen(kw_only=True)
class PaymentRequest:
    """
    A payment to take: who for, how much, and how.

    `reference` is the gateway's own id where it has taken the money already, as in its daily file;
    see `read_reference`.
    `payer` None is somebody whom the gateway names in no way that we could look for; `told` is then
    what it says. `by` is who takes it, where that is not who asks for all of a batch, and `rights`
    are theirs.
    """

    payer: Payer | None
    amount: Money
    method: PaymentMethod
    idempotency_key: str | None = None
    reference: str | None = None
    told: str = ""
    note: str = ""
    by: Actor | None = None
    rights: Rights = ALL_RIGHTS

    @property
    def meant_for(self) -> str:
        """Whom it is for, in words for a person to make something of."""
        payer = self.payer
        found = payer and (payer.msisdn or payer.contract_id or payer.account_id)
        words = self.told or str(found or "")
        return "".join(char if char.isprintable() else "\ufffd" for char in words[:200])


@attrs.frozen
class Deposit:
    """One new payment: what is decided about it once its account is held."""

    request: PaymentRequest
    gateway: PaymentGateway
    key: IdempotencyKey | None
    at: datetime
    new_id: NewId
    regulations: Regulations
    by: Actor
    paid_into: list[AccountId] = attrs.field(factory=list)

    @property
    def resumable(self) -> AccountId | None:
        """The account, where the payment was booked on one with contracts suspended for money."""
        return self.paid_into[0] if self.paid_into else None

    def booking(self, decide: Callable[[Found], Booked], *, on: AccountId | None = None) -> Booking:
        """Return the booking, for the payer or on an account of the house."""
        payer = Payer(account_id=on) if on else self.request.payer
        return Booking(decide=decide, at=self.at, payer=payer, key=self.key)

    def send(self, found: Found) -> Booked:
        """Write the payment down as sent: the gateway is called after this is stored."""
        return Booked(payment=self._initiate(found).send(by=self.by, at=self.at))

    def record(self, found: Found) -> Booked:
        """Book a payment whose money is in hand."""
        payment, entry = self._initiate(found).confirm(
            state=found.state,
            entry_id=EntryId(self.new_id()),
            reference=self.request.reference,
            took=self.request.amount,
            into=self.gateway.ledger_code,
            by=self.by,
            at=self.at,
        )
        if found.state.account.money_holds:
            self.paid_into[:] = [found.state.account.id]
        return Booked(payment=payment, entry=entry)

    def keep(self, found: Found) -> Booked:
        """Keep the money of somebody who is not known."""
        asked = Payment.initiate(
            id=PaymentId(self.new_id()),
            account_id=found.state.account.id,
            contract_id=None,
            amount=self.request.amount,
            method=self.request.method,
            gateway=self.gateway.name,
            meant_for=self.request.meant_for,
            by=self.by,
            at=self.at,
        )
        entry_id = EntryId(self.new_id())
        payment, entry = asked.keep(
            entry_id=entry_id, reference=self.request.reference, by=self.by, at=self.at
        )
        return Booked(payment=payment, entry=entry)

    def _initiate(self, found: Found) -> Payment:
        found.state.account.refuse_house()
        if faults := check_amount(self.request.amount, currency=found.state.balance.currency):
            raise InvalidValue(faults)
        self.regulations.refuse_payment(self.request.amount)
        self.request.rights.refuse_past(Limit.PAYMENT, self.request.amount)
        refuse_unpayable(found.contract_id, found.contract_status)
        return Payment.initiate(
            id=PaymentId(self.new_id()),
            account_id=found.state.account.id,
            contract_id=found.contract_id,
            amount=self.request.amount,
            method=self.request.method,
            gateway=self.gateway.name,
            note=self.request.note,
            by=self.by,
            at=self.at,
        )


def read_reference(raw: str) -> str:
    """
    Return a gateway's own id for money as it is kept and as it is a key: without spaces around.

    One longer than a key is its beginning and its digest. Raise `InvalidValue` for one that is
    blank, has control characters, or is longer than any id.
    """
    reference = read_text(raw, field="reference", limit=RAW_LIMIT, required=True)
    if len(reference) <= KEY_LIMIT:
        return reference
    digest = digest_of("payments.reference", reference=reference)
    return f"{reference[: KEY_LIMIT - len(digest) - 1]} {digest}"


def refuse_unpayable(contract_id: ContractId | None, status: ContractStatus | None) -> None:
    """Raise `RuleViolated` for a contract that takes no payments (yet, or any more)."""
    if status is not None and status not in PAYABLE:
        why = f"contract {contract_id} is {status} and takes no payments"
        raise RuleViolated("contract_takes_no_payments", (why,))
