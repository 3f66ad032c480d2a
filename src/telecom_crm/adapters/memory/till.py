"""Payments, written many at once under the store's one lock."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from telecom_crm.adapters.memory.store import MemoryStore
from telecom_crm.adapters.memory.unit_of_work import MemoryTransaction
from telecom_crm.application.ports import Booking, Found, Payer
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.errors import KeyReused, NotFound, TelecomCrmError
from telecom_crm.domain.identifiers import AccountId, ContractId, PaymentId
from telecom_crm.domain.ledger import Posting
from telecom_crm.domain.payment import Payment


class MemoryTill:
    """A till over a store: a batch is one transaction; a booking that fails leaves nothing."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def book(
        self, bookings: Sequence[Booking], *, wait: bool = True
    ) -> list[Payment | TelecomCrmError]:
        """Write the bookings; nothing is held beyond the lock, so that `wait` is nothing here."""
        del wait
        with self._store.lock:
            transaction = MemoryTransaction(self._store)
            try:
                outcomes = [_outcome(transaction, booking) for booking in bookings]
                transaction.commit()
            finally:
                transaction.close()
        return outcomes


def _outcome(transaction: MemoryTransaction, booking: Booking) -> Payment | TelecomCrmError:
    try:
        return _book(transaction, booking)
    except TelecomCrmError as error:
        return error


def _book(transaction: MemoryTransaction, booking: Booking) -> Payment:
    if booking.key is not None and (bound := transaction.keys.bound(booking.key)) is not None:
        payment = transaction.payments.look(str(bound.resource))
        if payment is None:  # the caller used this key for something that is no payment
            raise KeyReused(booking.key.key)
        return attrs.evolve(payment, replayed=True)
    booked = booking.decide(_find(transaction, booking))
    # Refused before anything is written: once the payment is saved, nothing fails any more.
    entries = [Posting.of(booked.entry)] if booked.entry else []
    transaction.ledger.refuse(entries, at=booking.at)
    stored = transaction.payments.save(booked.payment)
    transaction.ledger.post(entries, at=booking.at)
    if booking.key is not None:
        transaction.keys.claim(booking.key, stored.id)
    return stored


def _find(transaction: MemoryTransaction, booking: Booking) -> Found:
    payment: Payment | None = None
    contract: Contract | None = None
    if booking.payment_id is not None:
        payment = transaction.payments.get(PaymentId(booking.payment_id))
        account_id = payment.account_id
        if payment.contract_id is not None:
            contract = transaction.contracts.look(str(payment.contract_id))
    elif booking.payer is not None:
        account_id, contract = _payer(transaction, booking.payer)
    else:
        raise ValueError("a booking has a payer or a payment")
    states = transaction.ledger.states((account_id,), at=booking.at)
    if account_id not in states:
        raise NotFound("account", str(account_id))
    return Found(
        state=states[account_id],
        contract_id=contract.id if contract else None,
        contract_status=contract.status if contract else None,
        payment=payment,
    )


def _payer(transaction: MemoryTransaction, payer: Payer) -> tuple[AccountId, Contract | None]:
    if payer.account_id is not None:
        return payer.account_id, None
    if payer.contract_id is not None:
        contract = transaction.contracts.look(str(ContractId(payer.contract_id)))
        if contract is None:
            raise NotFound("contract", str(payer.contract_id))
        return contract.account_id, contract
    if payer.msisdn is None:
        raise LookupError("a payer is an account, a contract or a number")
    found = transaction.contracts.by_msisdns((payer.msisdn,)).get(payer.msisdn)
    if found is None:
        raise NotFound("contract with number", str(payer.msisdn))
    return found.account_id, found
