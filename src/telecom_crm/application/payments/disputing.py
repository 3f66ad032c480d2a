"""Payments that are taken back: by the subscriber's bank, or since they should never have been."""

from __future__ import annotations

from uuid import UUID

import attrs

from telecom_crm.application.payments.desk import PaymentDesk
from telecom_crm.application.ports import (
    Transaction,
)
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.errors import NotFound, RuleViolated
from telecom_crm.domain.identifiers import EntryId, PaymentId
from telecom_crm.domain.ledger import JournalEntry, LedgerCode, Posting, PostingKind
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.payment import (
    PAYMENT_LIFECYCLE,
    Payment,
    PaymentCommand,
)


@attrs.frozen
class Disputing(PaymentDesk):
    """Disputes and reversals."""

    def dispute(
        self,
        payment_id: PaymentId,
        *,
        reason: str = "",
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> Payment:
        """The subscriber's bank took a payment back for now; cash has no bank that could."""

        def decide(_: Transaction, __: AccountState, payment: Payment) -> tuple[Payment, Posting]:
            if self.gateway(payment.gateway).ledger_code is not LedgerCode.GATEWAY_CLEARING:
                raise RuleViolated("dispute_cash", ("no bank takes cash back",))
            return payment.dispute(entry_id=self._entry_id(), reason=reason, by=by, at=self.clock())

        return self._book(
            payment_id, PaymentCommand.DISPUTE, decide, key=idempotency_key, by=by, reason=reason
        )

    def win_dispute(
        self,
        payment_id: PaymentId,
        *,
        reason: str = "",
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> Payment:
        """The disputed money came back."""

        def decide(tx: Transaction, _: AccountState, payment: Payment) -> tuple[Payment, Posting]:
            opened = _dispute_entry(tx, payment)
            return payment.win(
                opened=opened,
                entry_id=self._entry_id(),
                reason=reason,
                by=by,
                at=self.clock(),
            )

        return self._book(
            payment_id, PaymentCommand.WIN, decide, key=idempotency_key, by=by, reason=reason
        )

    def lose_dispute(
        self,
        payment_id: PaymentId,
        *,
        reason: str = "",
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> Payment:
        """The disputed money is gone, and the account pays for it."""

        def decide(
            tx: Transaction, state: AccountState, payment: Payment
        ) -> tuple[Payment, Posting]:
            return payment.lose(
                opened=_dispute_entry(tx, payment),
                state=state,
                entry_id=self._entry_id(),
                reason=reason,
                by=by,
                at=self.clock(),
            )

        return self._book(
            payment_id, PaymentCommand.LOSE, decide, key=idempotency_key, by=by, reason=reason
        )

    def reverse(
        self,
        payment_id: PaymentId,
        *,
        reason: str,
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> Payment:
        """
        Undo a payment that should never have been booked; one that was allocated waits for its
        account again.
        """

        def decide(tx: Transaction, _: AccountState, payment: Payment) -> tuple[Payment, Posting]:
            if payment.entry_id is None:
                raise NotFound("journal entry", f"of payment {payment_id}")
            at, booked = self.clock(), payment.entry_id
            entry = tx.ledger.entry(booked, account_id=payment.account_id)
            moved = payment.reverse(
                booked=entry, entry_id=self._entry_id(), reason=reason, by=by, at=at
            )
            if entry.kind is PostingKind.ALLOCATION:
                kept = tx.payments.get(_allocated(tx, payment))
                tx.payments.save(kept.take_back(reason=reason, by=by, at=at))
            return moved

        return self._book(
            payment_id,
            PaymentCommand.REVERSE,
            decide,
            key=idempotency_key,
            by=by,
            reason=reason,
        )


def _dispute_entry(tx: Transaction, payment: Payment) -> JournalEntry:
    """Return the entry that opened the dispute; its id is in the event that did."""
    opened = [
        event
        for event in tx.events.of(PAYMENT_LIFECYCLE.machine, payment.key)
        if event.command == PaymentCommand.DISPUTE
    ]
    if not opened:
        raise NotFound("dispute", f"of payment {payment.id}")
    entry_id = EntryId(UUID(opened[-1].payload["entry_id"]))
    return tx.ledger.entry(entry_id, account_id=payment.account_id)


def _allocated(tx: Transaction, payment: Payment) -> PaymentId:
    """Return the unallocated payment that this one came from; the event that began it says so."""
    began = tx.events.of(PAYMENT_LIFECYCLE.machine, payment.key)[0]
    return PaymentId(UUID(began.payload["allocates"]))
