"""Unallocated receipts: money that a gateway took for nobody we know, until somebody sees to it."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from telecom_crm.application.idempotency import done_before, request_key
from telecom_crm.application.paging import each_of
from telecom_crm.application.payments.request import refuse_unpayable
from telecom_crm.application.payments.service import Payments
from telecom_crm.application.ports import (
    Clock,
    NewId,
    Page,
    Payer,
    Query,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.retry import retried
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.errors import InvalidValue, NotFound
from telecom_crm.domain.identifiers import AccountId, EntryId, PaymentId
from telecom_crm.domain.ledger import LedgerCode, Posting
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.payment import Payment, PaymentStatus, check_amount
from telecom_crm.domain.refund import Refund
from telecom_crm.domain.role import ALL_RIGHTS, Rights

WAITING = PaymentStatus.UNALLOCATED.value


@attrs.frozen
class Receipts:
    """
    Payments whose money is here and whose account is not known.

    They are on the gateway's house account, and each ends in one of three ways: allocated to the
    account it was meant for, given back, or reversed because the gateway took it back.
    """

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    payments: Payments

    def get(self, receipt_id: PaymentId) -> Payment:
        """Return one, also when it was seen to; raise `NotFound`."""
        with self.uow(read_only=True) as tx:
            return _receipt(tx, receipt_id)

    def page(self, query: Query) -> Page[Payment]:
        """Return a page of those that wait."""
        with self.uow(read_only=True) as tx:
            return tx.payments.page(attrs.evolve(query, where={**query.where, "status": WAITING}))

    def each(self, **where: str) -> Iterator[Payment]:
        """Go through all that wait."""
        return each_of(self.uow, lambda tx: tx.payments, {**where, "status": WAITING})

    def allocate(
        self,
        receipt_id: PaymentId,
        *,
        to: Payer,
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> Payment:
        """
        Give the money to the account it was meant for, and return the confirmed payment there.

        Raise `NotFound`, `InvalidValue` for an account in another currency, `RuleViolated` where
        part was refunded or the contract takes no payments. To undo it, reverse the payment.
        """
        payment, held = self._allocate(receipt_id, to, idempotency_key, by)
        if held:
            self.payments.resume_paid(payment.account_id)
        return payment

    def refund(
        self,
        receipt_id: PaymentId,
        *,
        reason: str = "",
        idempotency_key: str | None = None,
        rights: Rights = ALL_RIGHTS,
        by: Actor = SYSTEM,
    ) -> Refund:
        """
        Give all of it back, through the gateway it came by; return the refund as it stands.

        Raise `RuleViolated` where it is more than `rights` decide alone.
        """
        return self.payments.refund(
            receipt_id,
            amount=self.get(receipt_id).amount,
            reason=reason,
            idempotency_key=idempotency_key,
            rights=rights,
            by=by,
        )

    @retried
    def _allocate(
        self, receipt_id: PaymentId, to: Payer, key: str | None, by: Actor
    ) -> tuple[Payment, bool]:
        house_id = self.get(receipt_id).account_id
        at, payment_id = self.clock(), PaymentId(self.new_id())
        with self.uow() as tx:
            asked = request_key(key, "receipts.allocate", by=by, receipt_id=receipt_id, to=to)
            if earlier := done_before(tx, tx.payments, asked, payment_id):
                return earlier, False
            account_id, contract = _payee(tx, to)
            states = tx.ledger.states([house_id, account_id], at=at)
            if account_id not in states:
                raise NotFound("account", str(account_id))
            state, receipt = states[account_id], tx.payments.get(receipt_id)
            tx.payments.save(receipt.allocate(payment_id, by=by, at=at))
            payment, posting = self._becoming(payment_id, receipt, state, contract, by=by)
            tx.ledger.post([posting], at=at)
            return tx.payments.save(payment), bool(state.account.money_holds)

    def _becoming(
        self,
        payment_id: PaymentId,
        receipt: Payment,
        state: AccountState,
        contract: Contract | None,
        *,
        by: Actor,
    ) -> tuple[Payment, Posting]:
        """Return the payment that a receipt becomes on an account, and what books it."""
        state.account.refuse_house()
        if faults := check_amount(receipt.amount, currency=state.balance.currency):
            raise InvalidValue(faults)
        payment, entry = Payment.initiate(
            id=payment_id,
            account_id=state.account.id,
            contract_id=contract.id if contract else None,
            amount=receipt.amount,
            method=receipt.method,
            gateway=receipt.gateway,
            allocates=receipt.id,
            by=by,
            at=state.at,
        ).confirm(
            state=state,
            entry_id=EntryId(self.new_id()),
            reference=receipt.gateway_reference,
            took=receipt.amount,
            into=LedgerCode.UNALLOCATED_RECEIPTS,
            by=by,
            at=state.at,
        )
        if entry is None:
            raise AssertionError("a payment that begins here was not confirmed before")
        return payment, Posting.of(entry)


def _receipt(tx: Transaction, receipt_id: PaymentId) -> Payment:
    payment = tx.payments.get(receipt_id)
    if payment.meant_for is None:
        raise NotFound("unallocated receipt", str(receipt_id))
    return payment


def _payee(tx: Transaction, payer: Payer) -> tuple[AccountId, Contract | None]:
    """Return the account that a payer's money goes to, and the contract that says so."""
    if payer.account_id is not None:
        return payer.account_id, None
    if payer.contract_id is not None:
        contract = tx.contracts.get(payer.contract_id)
    else:
        found = tx.contracts.by_msisdns([payer.msisdn] if payer.msisdn else [])
        if not found:
            raise NotFound("contract with number", str(payer.msisdn))
        [contract] = found.values()
    refuse_unpayable(contract.id, contract.status)
    return contract.account_id, contract
