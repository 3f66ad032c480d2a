"""
What each event posts: the table of events against prepaid and postpaid, as functions.

Each returns the transfers of one entry. A leg of zero is left out.
Prices include tax: gross = net + tax.
"""

from __future__ import annotations

from collections.abc import Mapping

from telecom_crm.domain.charging import Charge, ChargeKind, split_tax
from telecom_crm.domain.identifiers import ContractId
from telecom_crm.domain.ledger import Balance, LedgerCode, PostingKind, Transfer
from telecom_crm.domain.money import Money
from telecom_crm.domain.policy import TaxProfile

Legs = tuple[Transfer, ...]


_ONE_TIME = (LedgerCode.REVENUE_ONE_TIME, PostingKind.ONE_TIME_FEE)
_BOOKED_AS: Mapping[ChargeKind, tuple[LedgerCode, PostingKind]] = {
    ChargeKind.RECURRING: (LedgerCode.REVENUE_RECURRING, PostingKind.RECURRING_FEE),
    ChargeKind.OPTION: (LedgerCode.REVENUE_OPTIONS, PostingKind.OPTION_FEE),
    ChargeKind.PENALTY: (LedgerCode.REVENUE_PENALTIES, PostingKind.PENALTY),
    ChargeKind.ACTIVATION: _ONE_TIME,
    ChargeKind.NUMBER_PRICE: _ONE_TIME,
    ChargeKind.SIM_SWAP: _ONE_TIME,
    ChargeKind.NUMBER_CHANGE: _ONE_TIME,
    ChargeKind.SERVICE: _ONE_TIME,
}


def posting_kind(kind: ChargeKind) -> PostingKind:
    """Return what an entry for a charge of this kind is called."""
    return _BOOKED_AS[kind][1]


def payment_received(
    amount: Money,
    *,
    into: LedgerCode,
    counterparty: str,
    balance: Balance,
    contract_id: ContractId | None,
) -> Legs:
    """
    Book money that came in at a gateway (1030) or a cash desk (1020).

    What is owed on bills (1100) is paid first, the rest is the subscriber's (2010). A prepaid
    account owes no bills, so there all of it is.
    """
    return tuple(
        Transfer(
            debit=into,
            credit=code,
            amount=share,
            counterparty=counterparty,
            contract_id=contract_id,
        )
        for code, share in _owed_first(amount, balance)
        if share
    )


def unallocated_receipt(amount: Money, *, gateway: str) -> Legs:
    """Book a payment whose account is not known; it is allocated later."""
    return _one(LedgerCode.GATEWAY_CLEARING, LedgerCode.UNALLOCATED_RECEIPTS, amount, gateway)


def unallocated_refund(amount: Money, *, gateway: str) -> Legs:
    """Promise money back that was for nobody we know."""
    return _one(LedgerCode.UNALLOCATED_RECEIPTS, LedgerCode.REFUNDS_PAYABLE, amount, gateway)


def settlement(gross: Money, *, fee: Money, gateway: str) -> Legs:
    """Book that a gateway paid us what it holds, and kept its fee: `gross` leaves clearing."""
    net, clearing = gross - fee, LedgerCode.GATEWAY_CLEARING
    return (
        *_one(LedgerCode.BANK, clearing, net, gateway),
        *_one(LedgerCode.GATEWAY_FEES, clearing, fee, gateway),
    )


def cash_banked(amount: Money, *, desk: str) -> Legs:
    """Bring a desk's cash to the bank."""
    return _one(LedgerCode.BANK, LedgerCode.CASH_DESK, amount, desk)


def till_difference(amount: Money, *, desk: str) -> Legs:
    """Book what a count of the till found: more than the books say, or, negative, less."""
    if amount.minor < 0:
        return _one(LedgerCode.ROUNDING, LedgerCode.CASH_DESK, -amount, desk)
    return _one(LedgerCode.CASH_DESK, LedgerCode.ROUNDING, amount, desk)


def fee_charged(
    charge: Charge, *, contract_id: ContractId | None, tariff: str = "", postpaid: bool
) -> Legs:
    """
    Charge a fee: off a prepaid account's balance, onto a postpaid one's unbilled receivable.

    A fee for a period is earned as the period passes, so its net part is deferred (2020).
    """
    debit = LedgerCode.UNBILLED_RECEIVABLE if postpaid else LedgerCode.SUBSCRIBER_BALANCE
    tax = LedgerCode.TAX_NOT_YET_DUE if postpaid else LedgerCode.TAX_PAYABLE
    net = LedgerCode.DEFERRED_REVENUE if charge.period else _BOOKED_AS[charge.kind][0]
    shares = ((net, charge.net, ""), (tax, charge.tax, charge.tax_code))
    return tuple(
        Transfer(
            debit=debit,
            credit=code,
            amount=amount,
            counterparty=counterparty,
            contract_id=contract_id,
            tariff=tariff,
            tariff_version=charge.tariff_version,
            charge_kind=charge.kind,
            period_start=charge.period.start if charge.period else None,
            period_end=charge.period.end if charge.period else None,
        )
        for code, amount, counterparty in shares
        if amount
    )


def refund_requested(amount: Money, *, balance: Balance) -> Legs:
    """
    Promise money back: off what the account has (2010), and what it has not becomes owed (1100).

    On a prepaid account, and wherever nothing was billed, all of it comes off 2010.
    """
    return _from_subscriber(amount, LedgerCode.REFUNDS_PAYABLE, "", balance)


def refund_paid(amount: Money, *, source: LedgerCode, counterparty: str) -> Legs:
    """Pay a promised refund out of the gateway's clearing account or the desk."""
    return _one(LedgerCode.REFUNDS_PAYABLE, source, amount, counterparty)


def dispute_opened(amount: Money, *, gateway: str) -> Legs:
    """Book that the gateway took a disputed payment back for now."""
    return _one(LedgerCode.DISPUTED_PAYMENTS, LedgerCode.GATEWAY_CLEARING, amount, gateway)


def dispute_lost(amount: Money, *, postpaid: bool) -> Legs:
    """Take a disputed payment off the subscriber for good."""
    return _one(_owed_on(postpaid), LedgerCode.DISPUTED_PAYMENTS, amount, "")


def goodwill(amount: Money, *, balance: Balance, tax: TaxProfile) -> Legs:
    """
    Give the subscriber money of ours: against what is owed on bills first, then onto the balance.

    A bill that becomes smaller is owed less tax, too; a gift onto the balance has none.
    """
    nothing = Money(0, amount.currency)
    shares = dict(_owed_first(amount, balance))
    net, included = split_tax(shares.get(LedgerCode.RECEIVABLE, nothing), tax)
    on_balance = shares.get(LedgerCode.SUBSCRIBER_BALANCE, nothing)
    return (
        *_one(LedgerCode.DISCOUNTS, LedgerCode.RECEIVABLE, net, ""),
        *_one(LedgerCode.TAX_PAYABLE, LedgerCode.RECEIVABLE, included, tax.code),
        *_one(LedgerCode.DISCOUNTS, LedgerCode.SUBSCRIBER_BALANCE, on_balance, ""),
    )


def transfer_out(amount: Money) -> Legs:
    """Send money to another billing account: the first of two entries."""
    return _one(LedgerCode.SUBSCRIBER_BALANCE, LedgerCode.TRANSFERS_IN_TRANSIT, amount, "")


def transfer_in(amount: Money) -> Legs:
    """Receive money from another billing account: the second of two entries."""
    return _one(LedgerCode.TRANSFERS_IN_TRANSIT, LedgerCode.SUBSCRIBER_BALANCE, amount, "")


def opening_balance(amount: Money, *, postpaid: bool) -> Legs:
    """
    Take over a balance from the system before this one; negative is what the subscriber owes, on
    bills where the account is postpaid.
    """
    if amount.minor < 0:
        return _one(_owed_on(postpaid), LedgerCode.OPENING_BALANCES, -amount, "")
    return _one(LedgerCode.OPENING_BALANCES, LedgerCode.SUBSCRIBER_BALANCE, amount, "")


def write_off(amount: Money, *, balance: Balance, loss: LedgerCode) -> Legs:
    """
    Give up on what is owed, bills first; `loss` is 5020, or 5030 after a lost dispute.
    """
    return tuple(
        leg for code, share in _owed_first(amount, balance) for leg in _one(loss, code, share, "")
    )


def recovery(amount: Money, *, postpaid: bool) -> Legs:
    """Have a debt again that was written off, since it is being paid after all."""
    return _one(_owed_on(postpaid), LedgerCode.BAD_DEBT, amount, "")


def closing_refund(balance: Balance) -> Legs:
    """
    Owe a closed account's money back to its customer.

    Bills are paid from it first (1100), and what is still to be billed (1110) is kept for the last
    bill.
    """
    has, currency = max(balance.subscriber, 0), balance.currency
    on_bills = min(has, max(balance.receivable, 0))
    left = max(has - on_bills - max(balance.unbilled, 0), 0)
    source = LedgerCode.SUBSCRIBER_BALANCE
    return (
        *_one(source, LedgerCode.RECEIVABLE, Money(on_bills, currency), ""),
        *_one(source, LedgerCode.REFUNDS_PAYABLE, Money(left, currency), ""),
    )


def _owed_on(postpaid: bool) -> LedgerCode:
    return LedgerCode.RECEIVABLE if postpaid else LedgerCode.SUBSCRIBER_BALANCE


def _owed_first(amount: Money, balance: Balance) -> tuple[tuple[LedgerCode, Money], ...]:
    """Share out what comes in: to what is owed on bills, and the rest to the subscriber."""
    owed = min(max(balance.receivable, 0), amount.minor)
    if not owed:
        return ((LedgerCode.SUBSCRIBER_BALANCE, amount),)
    return (
        (LedgerCode.RECEIVABLE, Money(owed, amount.currency)),
        (LedgerCode.SUBSCRIBER_BALANCE, Money(amount.minor - owed, amount.currency)),
    )


def _from_subscriber(
    amount: Money, credit: LedgerCode, counterparty: str, balance: Balance
) -> Legs:
    has = min(max(balance.subscriber, 0), amount.minor)
    if balance.receivable <= 0 and balance.unbilled <= 0:
        has = amount.minor
    shares = ((LedgerCode.SUBSCRIBER_BALANCE, has), (LedgerCode.RECEIVABLE, amount.minor - has))
    return tuple(
        leg
        for code, minor in shares
        for leg in _one(code, credit, Money(minor, amount.currency), counterparty)
    )


def _one(debit: LedgerCode, credit: LedgerCode, amount: Money, counterparty: str) -> Legs:
    if not amount:
        return ()
    return (Transfer(debit=debit, credit=credit, amount=amount, counterparty=counterparty),)
