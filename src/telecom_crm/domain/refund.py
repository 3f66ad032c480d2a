"""
Refunds: money of a payment on its way back, and what each step of it posts.

What is asked for is promised at once, so that it cannot be spent; a refusal takes the promise back.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import attrs

from telecom_crm.domain import posting
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.cards import without_cards
from telecom_crm.domain.identifiers import AccountId, EntryId, PaymentId, RefundId
from telecom_crm.domain.ledger import JournalEntry, LedgerCode, Posting, PostingKind
from telecom_crm.domain.lifecycle import Actor, Event, Lifecycle, Row
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment


class RefundStatus(StrEnum):
    """Where a refund stands."""

    REQUESTED = "requested"
    PENDING = "pending"
    UNKNOWN = "unknown"
    PAID = "paid"
    FAILED = "failed"


class RefundCommand(StrEnum):
    """What can be said to a refund."""

    REQUEST = "request"
    SEND = "send"
    PAY = "pay"
    FAIL = "fail"
    TIME_OUT = "time_out"


_S, _C = RefundStatus, RefundCommand

# fmt: off
REFUND_LIFECYCLE = Lifecycle("refund", RefundStatus, RefundCommand, (
    Row(source=None, command=_C.REQUEST, target=_S.REQUESTED, event="RefundRequested",
        posting=PostingKind.REFUND_REQUESTED),
    Row(source=_S.REQUESTED, command=_C.SEND, target=_S.PENDING, event="RefundSent"),
    Row(source=(_S.PENDING, _S.UNKNOWN), command=_C.PAY, target=_S.PAID, event="RefundPaid",
        posting=PostingKind.REFUND_PAID),
    Row(source=(_S.PENDING, _S.UNKNOWN), command=_C.FAIL, target=_S.FAILED,
        event="RefundFailed", posting=PostingKind.REFUND_FAILED),
    Row(source=_S.PENDING, command=_C.TIME_OUT, target=_S.UNKNOWN, event="RefundTimedOut"),
))
# fmt: on

REFUND_IN_FLIGHT = frozenset({_S.REQUESTED, _S.PENDING, _S.UNKNOWN})


@attrs.frozen(kw_only=True, slots=False)
class Refund:
    """Money of a confirmed payment on its way back to the subscriber."""

    id: RefundId
    payment_id: PaymentId
    account_id: AccountId
    amount: Money
    gateway: str
    reason: str = attrs.field(converter=without_cards)
    requested_entry_id: EntryId
    gateway_reference: str | None = None
    status: RefundStatus = RefundStatus.REQUESTED
    version: int = 0
    events: tuple[Event, ...] = attrs.field(default=(), eq=False, repr=False)
    replayed: bool = attrs.field(default=False, eq=False, repr=False)

    @classmethod
    def request(
        cls,
        payment: Payment,
        amount: Money,
        *,
        id: RefundId,
        entry_id: EntryId,
        state: AccountState,
        reason: str,
        by: Actor,
        at: datetime,
    ) -> tuple[Refund, Posting]:
        """
        Promise part of a payment back; raise `InsufficientFunds` past the subscriber's own money.
        """
        kept = payment.meant_for is not None
        if not kept:
            state.refuse_past_own_money(amount)
        payload = {
            "payment_id": str(payment.id),
            "amount": amount.amount,
            "currency": amount.currency,
        }
        born = REFUND_LIFECYCLE.begin(
            _C.REQUEST, key=id, by=by, at=at, reason=reason, payload=payload
        )
        refund = cls(
            id=id,
            payment_id=payment.id,
            account_id=payment.account_id,
            amount=amount,
            gateway=payment.gateway,
            reason=reason,
            requested_entry_id=entry_id,
            **born,
        )
        legs = (
            posting.unallocated_refund(amount, gateway=payment.gateway)
            if kept
            else posting.refund_requested(amount, balance=state.balance)
        )
        entry = refund._entry(entry_id, PostingKind.REFUND_REQUESTED, legs, at)
        return refund, Posting.of(entry)

    @property
    def key(self) -> str:
        """The id as text."""
        return str(self.id)

    def send(self, *, by: Actor, at: datetime) -> Refund:
        """Hand it to the gateway; saved before the gateway is called."""
        return REFUND_LIFECYCLE.move(self, _C.SEND, by=by, at=at)

    def time_out(self, *, by: Actor, at: datetime) -> Refund:
        """The gateway did not answer: nobody knows."""
        return REFUND_LIFECYCLE.move(self, _C.TIME_OUT, by=by, at=at)

    def pay(
        self,
        *,
        source: LedgerCode,
        reference: str | None,
        entry_id: EntryId,
        by: Actor,
        at: datetime,
    ) -> tuple[Refund, Posting]:
        """The gateway gave the money back."""
        paid = REFUND_LIFECYCLE.move(
            self,
            _C.PAY,
            by=by,
            at=at,
            payload={"entry_id": str(entry_id)},
            gateway_reference=reference,
        )
        legs = posting.refund_paid(self.amount, source=source, counterparty=self.gateway)
        return paid, Posting.of(self._entry(entry_id, PostingKind.REFUND_PAID, legs, at))

    def fail(
        self, *, requested: JournalEntry, entry_id: EntryId, reason: str, by: Actor, at: datetime
    ) -> tuple[Refund, Posting]:
        """The gateway refused: the promise is taken back."""
        failed = REFUND_LIFECYCLE.move(
            self, _C.FAIL, by=by, at=at, reason=reason, payload={"entry_id": str(entry_id)}
        )
        undone = requested.reversed(
            id=entry_id, kind=PostingKind.REFUND_FAILED, at=at, caused_by=f"refund:{self.id}"
        )
        return failed, Posting.of(undone)

    def _entry(
        self, id: EntryId, kind: PostingKind, legs: posting.Legs, at: datetime
    ) -> JournalEntry:
        return JournalEntry(
            id=id,
            account_id=self.account_id,
            kind=kind,
            transfers=legs,
            booked_at=at,
            caused_by=f"refund:{self.id}",
        )
