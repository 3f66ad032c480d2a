"""
Payments: what the gateway was asked, what it said, and what each answer posts.

An uncertain payment posts nothing. A confirmation that comes late, after a failure or a
cancellation, still posts: the money is real. Posting is a column of the table, and `Payment` hands
back the entry with itself.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

import attrs

from telecom_crm.domain import posting
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.cards import without_cards
from telecom_crm.domain.errors import Conflict, Fault, InvalidValue, RuleViolated
from telecom_crm.domain.identifiers import AccountId, ContractId, EntryId, PaymentId, RefundId
from telecom_crm.domain.ledger import JournalEntry, LedgerCode, Posting, PostingKind
from telecom_crm.domain.lifecycle import Actor, Event, Lifecycle, Row
from telecom_crm.domain.money import Money


class PaymentStatus(StrEnum):
    """Where a payment stands."""

    INITIATED = "initiated"
    PENDING = "pending"
    UNKNOWN = "unknown"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    DISPUTED = "disputed"
    CHARGED_BACK = "charged_back"
    REVERSED = "reversed"
    UNALLOCATED = "unallocated"
    ALLOCATED = "allocated"
    RETURNED = "returned"


class PaymentCommand(StrEnum):
    """What can be said to a payment."""

    INITIATE = "initiate"
    SEND = "send"
    FAIL = "fail"
    TIME_OUT = "time_out"
    CANCEL = "cancel"
    EXPIRE = "expire"
    CONFIRM = "confirm"
    GIVE_UP = "give_up"
    DISPUTE = "dispute"
    WIN = "win"
    LOSE = "lose"
    REVERSE = "reverse"
    KEEP = "keep"
    ALLOCATE = "allocate"
    TAKE_BACK = "take_back"
    GIVE_BACK = "give_back"


class PaymentMethod(StrEnum):
    """How the subscriber pays."""

    CASH = "cash"
    CARD = "card"
    BANK_TRANSFER = "bank_transfer"
    WALLET = "wallet"
    TERMINAL = "terminal"


class Reconciliation(StrEnum):
    """What the gateway's own report said of a payment: an axis beside its status."""

    UNRECONCILED = "unreconciled"
    MATCHED = "matched"
    MISMATCHED = "mismatched"
    RESOLVED = "resolved"


_S, _C = PaymentStatus, PaymentCommand

# fmt: off
PAYMENT_LIFECYCLE = Lifecycle("payment", PaymentStatus, PaymentCommand, (
    Row(source=None, command=_C.INITIATE, target=_S.INITIATED, event="PaymentInitiated"),
    Row(source=_S.INITIATED, command=_C.SEND, target=_S.PENDING, event="PaymentSent"),
    Row(source=_S.PENDING, command=_C.FAIL, target=_S.FAILED, event="PaymentFailed"),
    Row(source=_S.PENDING, command=_C.TIME_OUT, target=_S.UNKNOWN, event="PaymentTimedOut"),
    Row(source=(_S.INITIATED, _S.PENDING), command=_C.CANCEL, target=_S.CANCELLED,
        event="PaymentCancelled"),
    Row(source=(_S.INITIATED, _S.PENDING), command=_C.EXPIRE, target=_S.EXPIRED,
        event="PaymentExpired"),
    Row(source=(_S.INITIATED, _S.PENDING, _S.UNKNOWN, _S.FAILED, _S.EXPIRED, _S.CANCELLED),
        command=_C.CONFIRM, target=_S.CONFIRMED, event="PaymentConfirmed",
        posting=PostingKind.PAYMENT),
    Row(source=_S.UNKNOWN, command=_C.FAIL, target=_S.FAILED, event="PaymentFailed"),
    Row(source=_S.UNKNOWN, command=_C.GIVE_UP, target=_S.FAILED, event="PaymentGivenUp",
        needs="a reason"),
    Row(source=_S.CONFIRMED, command=_C.DISPUTE, target=_S.DISPUTED, event="PaymentDisputed",
        posting=PostingKind.DISPUTE_OPENED),
    Row(source=_S.DISPUTED, command=_C.WIN, target=_S.CONFIRMED, event="DisputeWon",
        posting=PostingKind.DISPUTE_WON),
    Row(source=_S.DISPUTED, command=_C.LOSE, target=_S.CHARGED_BACK, event="DisputeLost",
        posting=PostingKind.DISPUTE_LOST),
    Row(source=_S.CONFIRMED, command=_C.REVERSE, target=_S.REVERSED, event="PaymentReversed",
        needs="nothing of it was refunded", posting=PostingKind.PAYMENT_REVERSAL),
    Row(source=_S.INITIATED, command=_C.KEEP, target=_S.UNALLOCATED, event="PaymentKept",
        needs="a gateway has the money", posting=PostingKind.UNALLOCATED_PAYMENT),
    Row(source=_S.UNALLOCATED, command=_C.ALLOCATE, target=_S.ALLOCATED, event="PaymentAllocated",
        needs="nothing of it was refunded", posting=PostingKind.ALLOCATION),
    Row(source=_S.ALLOCATED, command=_C.TAKE_BACK, target=_S.UNALLOCATED,
        event="AllocationTakenBack", needs="the payment that it became is reversed"),
    Row(source=_S.UNALLOCATED, command=_C.GIVE_BACK, target=_S.RETURNED, event="PaymentReturned",
        needs="all of it was refunded"),
    Row(source=_S.UNALLOCATED, command=_C.REVERSE, target=_S.REVERSED, event="PaymentReversed",
        needs="nothing of it was refunded", posting=PostingKind.PAYMENT_REVERSAL),
))
# fmt: on

IN_FLIGHT = frozenset({_S.INITIATED, _S.PENDING, _S.UNKNOWN})
"""A payment whose end is not known: the gateway may still take, or have taken, the money."""

UNBOOKED = IN_FLIGHT | {_S.FAILED, _S.CANCELLED, _S.EXPIRED}
"""A payment that has moved no money so far."""


@attrs.define
class RefundTooLarge(RuleViolated):
    """Refunds never exceed the payment."""

    code: ClassVar[str] = "refund_too_large"


@attrs.define
class AmountDiffers(Conflict):
    """
    The gateway confirmed another amount than the payment's; it has to be asked before anything is
    posted.
    """

    code: ClassVar[str] = "amount_differs"

    payment_id: PaymentId
    expected: Money
    told: Money

    def __str__(self) -> str:
        return f"payment {self.payment_id} is of {self.expected}, the gateway tells of {self.told}"


def _is_about(took: Money, asked: Money, tolerance: Money | None) -> bool:
    if took == asked or tolerance is None or took.currency != asked.currency:
        return took == asked
    return abs(took.minor - asked.minor) <= tolerance.minor


def check_amount(amount: Money, *, currency: str) -> tuple[Fault, ...]:
    """Return what is wrong with an amount to be paid into an account of a currency."""
    faults = []
    if amount.minor <= 0:
        faults.append(Fault("amount", "not_positive", "more than zero", str(amount)))
    if amount.currency != currency:
        message = f"the account is kept in {currency}"
        faults.append(Fault("currency", "currency", message, amount.currency))
    return tuple(faults)


@attrs.frozen(kw_only=True)
class Takings:
    """What somebody took in by one method: how many payments, and their sum."""

    method: PaymentMethod
    payments: int
    paid: Money


@attrs.frozen(kw_only=True, slots=False)
class Payment:
    """
    Money on its way from a subscriber to an account.

    `amount` is what was asked; once confirmed, what the gateway took. `gateway_reference` is the
    gateway's own id. `meant_for` is set where nobody was known by what the gateway said: such money
    is kept on the gateway's house account until a person allocates it or gives it back. `replayed`
    marks an answer to an idempotency key that was used before; it is not stored.
    """

    id: PaymentId
    account_id: AccountId
    contract_id: ContractId | None
    amount: Money
    method: PaymentMethod
    gateway: str
    at: datetime
    gateway_reference: str | None = None
    failure: str = attrs.field(default="", converter=without_cards)
    meant_for: str | None = None
    entry_id: EntryId | None = None
    refunded: Money = attrs.field()
    reconciliation: Reconciliation = Reconciliation.UNRECONCILED
    status: PaymentStatus = PaymentStatus.INITIATED
    version: int = 0
    events: tuple[Event, ...] = attrs.field(default=(), eq=False, repr=False)
    replayed: bool = attrs.field(default=False, eq=False, repr=False)

    @refunded.default
    def _nothing(self) -> Money:
        return Money(0, self.amount.currency)

    @classmethod
    def initiate(
        cls,
        *,
        id: PaymentId,
        account_id: AccountId,
        contract_id: ContractId | None,
        amount: Money,
        method: PaymentMethod,
        gateway: str,
        meant_for: str | None = None,
        allocates: PaymentId | None = None,
        note: str = "",
        by: Actor,
        at: datetime,
    ) -> Payment:
        """
        Write down that a payment is asked for; `allocates` is the unallocated one it comes from.
        The event says the `note` as its reason.
        """
        payload = {
            "account_id": str(account_id),
            "contract_id": str(contract_id) if contract_id else None,
            "amount": amount.amount,
            "currency": amount.currency,
            "gateway": gateway,
        }
        if allocates is not None:
            payload["allocates"] = str(allocates)
        born = PAYMENT_LIFECYCLE.begin(
            _C.INITIATE, key=id, by=by, at=at, reason=note, payload=payload
        )
        return cls(
            id=id,
            account_id=account_id,
            contract_id=contract_id,
            amount=amount,
            method=method,
            gateway=gateway,
            meant_for=meant_for,
            at=at,
            **born,
        )

    @property
    def key(self) -> str:
        """The id as text."""
        return str(self.id)

    @property
    def receipt_ending(self) -> str | None:
        """How the number of its receipt ends; None before there is one."""
        return None if self.entry_id is None else _ending(self.id)

    @property
    def has_receipt(self) -> bool:
        """Tell whether its receipt stands: its money came, and was not taken back."""
        return self.status is PaymentStatus.CONFIRMED

    @property
    def is_in_flight(self) -> bool:
        """Whether its end is not known: the gateway may still take, or have taken, the money."""
        return self.status in IN_FLIGHT

    @property
    def may_be_refunded(self) -> bool:
        """Whether its money is here, and something of it is left to give back."""
        # Given back is what could be reversed: the same states allow it.
        return PAYMENT_LIFECYCLE.can(self, _C.REVERSE) and bool(self.refundable)

    @property
    def may_be_allocated(self) -> bool:
        """Whether it waits for its account, and nothing of it was given back."""
        return PAYMENT_LIFECYCLE.can(self, _C.ALLOCATE) and not self.refunded

    @property
    def refundable(self) -> Money:
        """What of it was not given back, once its money is here: confirmed, or unallocated."""
        return self.amount - self.refunded

    def send(self, *, by: Actor, at: datetime) -> Payment:
        """Hand it to the gateway; saved before the gateway is called."""
        return PAYMENT_LIFECYCLE.move(self, _C.SEND, by=by, at=at)

    def fail(self, *, reason: str, by: Actor, at: datetime) -> Payment:
        """The gateway said no."""
        return PAYMENT_LIFECYCLE.move(self, _C.FAIL, by=by, at=at, reason=reason, failure=reason)

    def time_out(self, *, by: Actor, at: datetime) -> Payment:
        """The gateway did not answer: nobody knows; nothing is posted."""
        return PAYMENT_LIFECYCLE.move(self, _C.TIME_OUT, by=by, at=at)

    def cancel(self, *, reason: str, by: Actor, at: datetime) -> Payment:
        """Give the payment up before the gateway answered."""
        return PAYMENT_LIFECYCLE.move(self, _C.CANCEL, by=by, at=at, reason=reason, failure=reason)

    def expire(self, *, by: Actor, at: datetime) -> Payment:
        """The subscriber never finished paying."""
        return PAYMENT_LIFECYCLE.move(self, _C.EXPIRE, by=by, at=at, failure="expired")

    def give_up(self, *, reason: str, by: Actor, at: datetime) -> Payment:
        """A person closes an unknown payment, with a reason."""
        if not reason.strip():
            raise RuleViolated("give_up_reason", ("giving a payment up needs a reason",))
        return PAYMENT_LIFECYCLE.move(self, _C.GIVE_UP, by=by, at=at, reason=reason, failure=reason)

    def confirm(
        self,
        *,
        state: AccountState,
        entry_id: EntryId,
        reference: str | None,
        took: Money,
        into: LedgerCode,
        tolerance: Money | None = None,
        insisted: bool = False,
        by: Actor,
        at: datetime,
    ) -> tuple[Payment, JournalEntry | None]:
        """
        Say that the gateway `took` money; return what becomes of the payment, and its entry.

        The same confirmation again books nothing. An amount off by more than the `tolerance` raises
        `AmountDiffers`, or is booked as mismatched where the gateway, asked again, `insisted`.
        """
        differs = not _is_about(took, self.amount, tolerance)
        if self.entry_id is not None and reference == self.gateway_reference and not differs:
            return self, None
        if differs and not insisted:
            raise AmountDiffers(self.id, self.amount, took)
        if took != self.amount and (faults := check_amount(took, currency=state.balance.currency)):
            raise InvalidValue(faults)
        paid = PAYMENT_LIFECYCLE.move(
            self,
            _C.CONFIRM,
            by=by,
            at=at,
            payload=self._taken(took, entry_id),
            gateway_reference=reference,
            amount=took,
            failure="",
            entry_id=entry_id,
            reconciliation=Reconciliation.MISMATCHED if differs else self.reconciliation,
        )
        return paid, self._received(took, state, into, entry_id, at)

    def _taken(self, took: Money, entry_id: EntryId) -> dict[str, Any]:
        """Return what the event of a confirmation tells: both amounts where they differ."""
        odd = {"asked": self.amount.amount, "took": took.amount} if took != self.amount else {}
        return {**_names(entry_id), **_amount_of(took), **odd}

    def _received(
        self, took: Money, state: AccountState, into: LedgerCode, entry_id: EntryId, at: datetime
    ) -> JournalEntry:
        """
        Return the entry; `into` is a gateway's clearing account, a desk, or 2015 for kept money.
        """
        legs = posting.payment_received(
            took,
            into=into,
            counterparty=self.gateway,
            balance=state.balance,
            contract_id=self.contract_id,
        )
        kept = into is LedgerCode.UNALLOCATED_RECEIPTS
        kind = PostingKind.ALLOCATION if kept else PostingKind.PAYMENT
        return self._entry(entry_id, kind, legs, at)

    def keep(
        self, *, entry_id: EntryId, reference: str | None, by: Actor, at: datetime
    ) -> tuple[Payment, JournalEntry]:
        """The gateway has the money, and it is for nobody we know."""
        kept = PAYMENT_LIFECYCLE.move(
            self,
            _C.KEEP,
            by=by,
            at=at,
            payload={**_names(entry_id), **_amount_of(self.amount)},
            gateway_reference=reference,
            entry_id=entry_id,
        )
        legs = posting.unallocated_receipt(self.amount, gateway=self.gateway)
        return kept, self._entry(entry_id, PostingKind.UNALLOCATED_PAYMENT, legs, at)

    def allocate(self, became: PaymentId, *, by: Actor, at: datetime) -> Payment:
        """Say which payment it became, on whose account; that one books it."""
        PAYMENT_LIFECYCLE.row(self.status, _C.ALLOCATE)
        if self.refunded:
            raise RuleViolated("allocate_refunded", (f"{self.refunded} of it was refunded",))
        payload = {"became": str(became)}
        return PAYMENT_LIFECYCLE.move(self, _C.ALLOCATE, by=by, at=at, payload=payload)

    def take_back(self, *, reason: str, by: Actor, at: datetime) -> Payment:
        """The payment it became was reversed: it waits for its account again."""
        return PAYMENT_LIFECYCLE.move(self, _C.TAKE_BACK, by=by, at=at, reason=reason)

    def give_back(self, *, by: Actor, at: datetime) -> Payment:
        """All of it was paid back to whom it came from."""
        if self.refundable:
            raise RuleViolated("give_back", (f"{self.refundable} of it is still here",))
        return PAYMENT_LIFECYCLE.move(self, _C.GIVE_BACK, by=by, at=at)

    def dispute(
        self, *, entry_id: EntryId, reason: str = "", by: Actor, at: datetime
    ) -> tuple[Payment, Posting]:
        """The subscriber's bank took back for now what was not refunded."""
        if not self.refundable:
            raise RuleViolated("dispute_refunded", ("all of it was refunded already",))
        moved = PAYMENT_LIFECYCLE.move(
            self, _C.DISPUTE, by=by, at=at, reason=reason, payload=_names(entry_id)
        )
        legs = posting.dispute_opened(self.refundable, gateway=self.gateway)
        return moved, Posting.of(self._entry(entry_id, PostingKind.DISPUTE_OPENED, legs, at))

    def win(
        self,
        *,
        opened: JournalEntry,
        entry_id: EntryId,
        reason: str = "",
        by: Actor,
        at: datetime,
    ) -> tuple[Payment, Posting]:
        """The dispute went our way: the entry that opened it is reversed."""
        moved = PAYMENT_LIFECYCLE.move(
            self, _C.WIN, by=by, at=at, reason=reason, payload=_names(entry_id)
        )
        undone = opened.reversed(
            id=entry_id, kind=PostingKind.DISPUTE_WON, at=at, caused_by=f"payment:{self.id}"
        )
        return moved, Posting.of(undone)

    def lose(
        self,
        *,
        opened: JournalEntry,
        state: AccountState,
        entry_id: EntryId,
        reason: str = "",
        by: Actor,
        at: datetime,
    ) -> tuple[Payment, Posting]:
        """The disputed money is gone: the subscriber's account pays, past any limit."""
        moved = PAYMENT_LIFECYCLE.move(
            self, _C.LOSE, by=by, at=at, reason=reason, payload=_names(entry_id)
        )
        disputed = Money.total((leg.amount for leg in opened.transfers), opened.currency)
        legs = posting.dispute_lost(disputed, postpaid=state.account.postpaid)
        return moved, Posting.of(self._entry(entry_id, PostingKind.DISPUTE_LOST, legs, at))

    def reverse(
        self, *, booked: JournalEntry, entry_id: EntryId, reason: str, by: Actor, at: datetime
    ) -> tuple[Payment, Posting]:
        """Undo a payment that should not have been: the whole entry, past any limit."""
        if self.refunded:
            raise RuleViolated("reverse_refunded", (f"{self.refunded} of it was refunded already",))
        moved = PAYMENT_LIFECYCLE.move(
            self, _C.REVERSE, by=by, at=at, reason=reason, payload=_names(entry_id)
        )
        undone = booked.reversed(
            id=entry_id, kind=PostingKind.PAYMENT_REVERSAL, at=at, caused_by=f"payment:{self.id}"
        )
        return moved, Posting.of(undone)

    def refund(self, amount: Money, *, refund_id: RefundId, by: Actor, at: datetime) -> Payment:
        """Count a part as given back; refused past what is left of the payment."""
        # Given back is what could be reversed: the same states allow it.
        PAYMENT_LIFECYCLE.row(self.status, _C.REVERSE)
        if faults := check_amount(amount, currency=self.amount.currency):
            raise InvalidValue(faults)
        if amount > self.refundable:
            raise RefundTooLarge("refund", (f"{self.refundable} of the payment is left to refund",))
        refunded = self.refunded + amount
        payload = _refund_names(refund_id, amount)
        return self._note("PaymentRefundRequested", "refund", by, at, payload, refunded=refunded)

    def refund_failed(
        self, amount: Money, *, refund_id: RefundId, by: Actor, at: datetime
    ) -> Payment:
        """Count a part as not given back after all."""
        refunded = self.refunded - amount
        payload = _refund_names(refund_id, amount)
        return self._note(
            "PaymentRefundFailed", "refund_failed", by, at, payload, refunded=refunded
        )

    def _entry(
        self, id: EntryId, kind: PostingKind, legs: posting.Legs, at: datetime
    ) -> JournalEntry:
        return JournalEntry(
            id=id,
            account_id=self.account_id,
            kind=kind,
            transfers=legs,
            booked_at=at,
            caused_by=f"payment:{self.id}",
        )

    def _note(
        self,
        name: str,
        command: str,
        by: Actor,
        at: datetime,
        payload: dict[str, Any],
        **changes: Any,
    ) -> Payment:
        return PAYMENT_LIFECYCLE.note(self, name, command, by=by, at=at, payload=payload, **changes)


@attrs.frozen
class ReceiptNumber:
    """
    A receipt's number, short enough to read out: `B-00000042-7C9F3A2B`.

    It is the account's number and the end of the payment's id, by which it is found among the
    payments of that account.
    """

    account: str
    ending: str

    @classmethod
    def of(cls, account: str, payment_id: PaymentId) -> ReceiptNumber:
        """Return the number of a payment's receipt, by the account's number."""
        return cls(account, _ending(payment_id))

    @classmethod
    def parse(cls, text: str) -> ReceiptNumber:
        """Read a number as people copy it from paper; raise `InvalidValue`."""
        account, _, ending = text.strip().rpartition("-")
        ending = ending.upper()
        if "-" not in account or len(ending) != 8 or not set(ending) <= _HEXADECIMAL:
            message = "the number on a receipt, such as B-00000042-7C9F3A2B"
            raise InvalidValue.of("receipt", "receipt", message, text)
        return cls(account, ending)

    def __str__(self) -> str:
        return f"{self.account}-{self.ending}"


_HEXADECIMAL = frozenset("0123456789ABCDEF")


@attrs.frozen(kw_only=True)
class PaymentReceipt:
    """What the subscriber gets for a confirmed payment: a view of it and of its entry."""

    payment_id: PaymentId
    account_number: str
    amount: Money
    method: PaymentMethod
    gateway: str
    gateway_reference: str | None
    booked_at: datetime

    @property
    def number(self) -> str:
        """The number as people read it; see `ReceiptNumber`."""
        return str(ReceiptNumber.of(self.account_number, self.payment_id))


def _ending(payment_id: PaymentId) -> str:
    return payment_id.hex[-8:].upper()


def _names(entry_id: EntryId) -> dict[str, Any]:
    return {"entry_id": str(entry_id)}


def _refund_names(refund_id: RefundId, amount: Money) -> dict[str, Any]:
    return {"refund_id": str(refund_id), **_amount_of(amount)}


def _amount_of(amount: Money) -> dict[str, Any]:
    return {"amount": amount.amount, "currency": amount.currency}
