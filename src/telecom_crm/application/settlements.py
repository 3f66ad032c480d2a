"""Settlements: money between gateways, cash desks and the bank, and out of closed accounts."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from telecom_crm.application.adjusting import Adjusting, Adjustment, Legs, booked_on, refuse_more
from telecom_crm.application.house import house_account
from telecom_crm.application.paging import each_in
from telecom_crm.application.payments.desk import gateway_named
from telecom_crm.application.ports import Clock, NewId, PaymentGateway, Transaction, UnitOfWork
from telecom_crm.application.retry import retried
from telecom_crm.domain import posting
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.errors import Faults, InvalidValue
from telecom_crm.domain.identifiers import AccountId
from telecom_crm.domain.ledger import JournalEntry, LedgerCode, PostingKind
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.refund import REFUND_IN_FLIGHT


@attrs.frozen
class Settlements:
    """
    What the operator itself does with money: entries on the house account of a gateway or a desk.

    The house account is opened with its first entry.
    """

    uow: UnitOfWork
    gateways: Mapping[str, PaymentGateway]
    clock: Clock
    new_id: NewId

    def settle(
        self,
        gateway: str,
        *,
        gross: Money,
        fee: Money | None = None,
        note: str = "",
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> JournalEntry:
        """
        Book that a gateway paid to the bank what it held for us: `gross`, of which it kept a fee.

        Raise `InvalidValue` for a fee past the amount, and for what is no gateway.
        """
        place = self._place("gateway", gateway, LedgerCode.GATEWAY_CLEARING)
        kept = fee or Money(0, gross.currency)
        faults = Faults()
        if kept.currency != gross.currency:
            faults.add("fee", "currency", f"in {gross.currency}, as the amount", str(kept))
        elif not 0 <= kept.minor <= gross.minor:
            faults.add("fee", "amount", "from zero up to the amount", str(kept))
        faults.raise_any()

        def legs(*_: object) -> posting.Legs:
            return posting.settlement(gross, fee=kept, gateway=place)

        kind, what = PostingKind.SETTLEMENT, f"settlement, fee {kept}"
        return self._book(place, kind, legs, gross, note, idempotency_key, by, what)

    def bank_cash(
        self,
        desk: str,
        *,
        amount: Money,
        note: str = "",
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> JournalEntry:
        """Book that a desk's cash was brought to the bank."""
        place = self._place("desk", desk, LedgerCode.CASH_DESK)

        def legs(*_: object) -> posting.Legs:
            return posting.cash_banked(amount, desk=place)

        return self._book(place, PostingKind.CASH_BANKED, legs, amount, note, idempotency_key, by)

    def correct_till(
        self,
        desk: str,
        *,
        amount: Money,
        note: str = "",
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> JournalEntry:
        """Book what a count found in a till beside the books: too much or, negative, too little."""
        place = self._place("desk", desk, LedgerCode.CASH_DESK)

        def legs(*_: object) -> posting.Legs:
            return posting.till_difference(amount, desk=place)

        kind = PostingKind.TILL_DIFFERENCE
        return self._book(place, kind, legs, amount, note, idempotency_key, by, signed=True)

    def pay_out(
        self,
        account_id: AccountId,
        *,
        amount: Money,
        reason: str,
        desk: str | None = None,
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> JournalEntry:
        """
        Hand over money that a customer is owed since the account's last contract was closed: in
        cash at a desk, else from the bank.

        Raise `RuleViolated` past what is owed. A payment's refund goes through its gateway instead.
        """
        source, place = LedgerCode.BANK, ""
        if desk is not None:
            source, place = LedgerCode.CASH_DESK, self._place("desk", desk, LedgerCode.CASH_DESK)

        def legs(tx: Transaction, _: AccountState) -> posting.Legs:
            left = Money(_owed_back(tx, account_id), amount.currency)
            refuse_more("pay_out", amount, left, "is owed to the customer")
            return posting.refund_paid(amount, source=source, counterparty=place)

        return self._adjusting.book(
            Adjustment(
                kind=PostingKind.PAY_OUT,
                account_id=account_id,
                amount=amount,
                reason=reason,
                key=idempotency_key,
                by=by,
                legs=legs,
                what=f"pay out, {place or 'bank'}",
            )
        )

    @property
    def _adjusting(self) -> Adjusting:
        return Adjusting(self.uow, self.clock, self.new_id)

    @retried
    def _book(
        self,
        place: str,
        kind: PostingKind,
        legs: Legs,
        amount: Money,
        note: str,
        key: str | None,
        by: Actor,
        what: str = "",
        *,
        signed: bool = False,
    ) -> JournalEntry:
        with self.uow() as tx:
            account_id = house_account(tx, place, currency=amount.currency, by=by, at=self.clock())
            wanted = Adjustment(
                kind=kind,
                account_id=account_id,
                amount=amount,
                reason=note,
                key=key,
                by=by,
                legs=legs,
                what=what,
                signed=signed,
            )
            return self._adjusting.book_in(tx, wanted, house=True)

    def _place(self, field: str, name: str, code: LedgerCode) -> str:
        """Return the name of a gateway or a desk, once it is known to be one."""
        if gateway_named(self.gateways, name, field=field).ledger_code is not code:
            kind = "a cash desk" if code is LedgerCode.CASH_DESK else "a gateway, and no cash desk"
            raise InvalidValue.of(field, "gateway_unknown", kind, name)
        return name


def _owed_back(tx: Transaction, account_id: AccountId) -> int:
    """Return what the customer may still be handed: not what refunds under way will pay."""
    promised = sum(
        refund.amount.minor
        for status in REFUND_IN_FLIGHT
        for refund in each_in(tx.refunds, account_id=str(account_id), status=status.value)
    )
    return -booked_on(tx, account_id, LedgerCode.REFUNDS_PAYABLE) - promised
