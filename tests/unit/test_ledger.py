"""The ledger cannot be unbalanced, and its counters are projections of the journal."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecom_crm.domain import posting
from telecom_crm.domain.calendar import Period
from telecom_crm.domain.charging import ChargeKind, charge
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import AccountId, EntryId
from telecom_crm.domain.ledger import (
    Balance,
    InsufficientFunds,
    JournalEntry,
    LedgerClass,
    LedgerCode,
    Posting,
    PostingKind,
    Transfer,
    trial_balance,
)
from telecom_crm.domain.money import CurrencyMismatch, Money
from telecom_crm.domain.policy import VAT

AT = datetime(2026, 3, 1, tzinfo=UTC)
ACCOUNT = AccountId(UUID(int=1))
C = LedgerCode


def som(minor: int) -> Money:
    return Money(minor, "KGS")


def entry(*legs: Transfer, n: int = 1, kind: PostingKind = PostingKind.PAYMENT) -> JournalEntry:
    return JournalEntry(
        id=EntryId(UUID(int=n)),
        account_id=ACCOUNT,
        kind=kind,
        transfers=legs,
        booked_at=AT,
        caused_by="test",
    )


def legs_of(transfers: tuple[Transfer, ...]) -> set[tuple[str, str, int]]:
    return {(leg.debit.value, leg.credit.value, leg.amount.minor) for leg in transfers}


def test_a_transfer_has_one_positive_amount_and_two_accounts():
    for credit, amount, where in (
        (C.CASH_DESK, som(0), ("amount", "not_positive")),
        (C.BANK, som(1), ("credit", "same_account")),
    ):
        with pytest.raises(InvalidValue) as caught:
            Transfer(debit=C.BANK, credit=credit, amount=amount)
        assert [(fault.field, fault.code) for fault in caught.value.faults] == [where]


def test_an_entry_has_one_currency():
    legs = [
        Transfer(debit=C.BANK, credit=C.CASH_DESK, amount=Money(1, code)) for code in ("KGS", "USD")
    ]
    with pytest.raises(CurrencyMismatch):
        entry(*legs)


def test_every_code_of_the_chart_has_its_class():
    assert C.DISCOUNTS.ledger_class is LedgerClass.CONTRA_REVENUE
    assert {code.ledger_class for code in LedgerCode} == set(LedgerClass)


def test_a_prepaid_payment_is_the_subscribers():
    legs = posting.payment_received(
        som(500),
        into=C.GATEWAY_CLEARING,
        counterparty="stripe",
        balance=Balance(currency="KGS"),
        contract_id=None,
    )
    assert legs_of(legs) == {("1030", "2010", 500)}


def test_a_postpaid_payment_pays_what_is_owed_first():
    legs = posting.payment_received(
        som(500),
        into=C.CASH_DESK,
        counterparty="desk",
        balance=Balance(currency="KGS", receivable=300),
        contract_id=None,
    )
    assert legs_of(legs) == {("1020", "1100", 300), ("1020", "2010", 200)}


@pytest.mark.parametrize(
    ("postpaid", "period", "expected"),
    [
        (False, None, {("2010", "4020", 1000), ("2010", "2030", 120)}),
        (True, None, {("1110", "4020", 1000), ("1110", "2035", 120)}),
        (False, True, {("2010", "2020", 1000), ("2010", "2030", 120)}),
        (True, True, {("1110", "2020", 1000), ("1110", "2035", 120)}),
    ],
)
def test_a_fee_is_net_and_tax(postpaid, period, expected):
    fee = charge(kind=ChargeKind.ACTIVATION, gross=som(1120), tax=VAT)
    if period:
        month = Period(date(2026, 3, 1), date(2026, 4, 1))
        fee = attrs.evolve(fee, kind=ChargeKind.RECURRING, period=month)
    assert legs_of(posting.fee_charged(fee, contract_id=None, postpaid=postpaid)) == expected


def test_a_fee_without_tax_has_no_empty_leg():
    free = attrs.evolve(VAT, percent=Decimal(0))
    fee = charge(kind=ChargeKind.PENALTY, gross=som(100), tax=free)
    legs = posting.fee_charged(fee, contract_id=None, postpaid=False)
    assert legs_of(legs) == {("2010", "4050", 100)}


@pytest.mark.parametrize(
    ("legs", "expected"),
    [
        (posting.refund_requested(som(9), balance=Balance(currency="KGS")), ("2010", "2060", 9)),
        (posting.refund_paid(som(9), source=C.CASH_DESK, counterparty="d"), ("2060", "1020", 9)),
        (posting.dispute_opened(som(9), gateway="g"), ("1150", "1030", 9)),
        (posting.dispute_lost(som(9), postpaid=False), ("2010", "1150", 9)),
        (posting.dispute_lost(som(9), postpaid=True), ("1100", "1150", 9)),
        (posting.goodwill(som(9), balance=Balance(currency="KGS"), tax=VAT), ("4090", "2010", 9)),
        (posting.transfer_out(som(9)), ("2010", "2070", 9)),
        (posting.transfer_in(som(9)), ("2070", "2010", 9)),
        (posting.opening_balance(som(9), postpaid=True), ("3000", "2010", 9)),
        (posting.opening_balance(som(-9), postpaid=False), ("2010", "3000", 9)),
        (
            posting.write_off(
                som(9), balance=Balance(currency="KGS", subscriber=-900), loss=C.BAD_DEBT
            ),
            ("5020", "2010", 9),
        ),
        (
            posting.write_off(
                som(9), balance=Balance(currency="KGS", receivable=900), loss=C.CHARGEBACK_LOSS
            ),
            ("5030", "1100", 9),
        ),
        (posting.recovery(som(9), postpaid=False), ("2010", "5020", 9)),
        (posting.recovery(som(9), postpaid=True), ("1100", "5020", 9)),
        (posting.closing_refund(Balance(currency="KGS", subscriber=9)), ("2010", "2060", 9)),
        (posting.unallocated_receipt(som(9), gateway="g"), ("1030", "2015", 9)),
        (posting.unallocated_refund(som(9), gateway="g"), ("2015", "2060", 9)),
        (posting.settlement(som(9), fee=som(0), gateway="g"), ("1010", "1030", 9)),
        (posting.settlement(som(9), fee=som(9), gateway="g"), ("5010", "1030", 9)),
        (posting.cash_banked(som(9), desk="d"), ("1010", "1020", 9)),
        (posting.till_difference(som(9), desk="d"), ("1020", "5090", 9)),
        (posting.till_difference(som(-9), desk="d"), ("5090", "1020", 9)),
        (posting.opening_balance(som(-9), postpaid=True), ("1100", "3000", 9)),
    ],
)
def test_each_event_posts_what_the_chart_says(legs, expected):
    assert legs_of(legs) == {expected}


def test_goodwill_on_a_bill_takes_its_tax_back():
    legs = posting.goodwill(som(1500), balance=Balance(currency="KGS", receivable=1120), tax=VAT)
    assert legs_of(legs) == {("4090", "1100", 1000), ("2030", "1100", 120), ("4090", "2010", 380)}


def test_a_settlement_is_what_came_and_the_fee():
    legs = posting.settlement(som(1000), fee=som(25), gateway="g")
    assert legs_of(legs) == {("1010", "1030", 975), ("5010", "1030", 25)}
    assert {leg.counterparty for leg in legs} == {"g"}


@pytest.mark.parametrize(
    ("counters", "expected"),
    [
        ({"subscriber": 900, "receivable": 200}, {("2010", "1100", 200), ("2010", "2060", 700)}),
        ({"subscriber": 900, "receivable": 900}, {("2010", "1100", 900)}),
        (
            {"subscriber": 900, "receivable": 100, "unbilled": 500},
            {("2010", "1100", 100), ("2010", "2060", 300)},
        ),
        ({"subscriber": 900, "unbilled": 950}, set()),
        ({"subscriber": -1, "receivable": 5}, set()),
    ],
)
def test_what_a_closed_account_has_pays_its_bills_first(counters, expected):
    legs = posting.closing_refund(Balance(currency="KGS", **counters))
    assert legs_of(legs) == expected


transfers = st.builds(
    Transfer,
    debit=st.sampled_from([C.CASH_DESK, C.BANK, C.DISCOUNTS]),
    credit=st.sampled_from([C.SUBSCRIBER_BALANCE, C.RECEIVABLE, C.UNBILLED_RECEIVABLE]),
    amount=st.integers(1, 10**9).map(som),
)
turned = st.builds(
    lambda leg, turn: attrs.evolve(leg, debit=leg.credit, credit=leg.debit) if turn else leg,
    transfers,
    st.booleans(),
)
entries = st.lists(st.lists(turned, min_size=1, max_size=4), max_size=12)


@given(entries)
def test_the_counters_are_the_sums_of_the_journal(legs):
    booked = [entry(*some, n=n) for n, some in enumerate(legs, 1)]
    balance = Balance(currency="KGS")
    for one in booked:
        balance = balance.after(one)
    sums = {line.code: line.debit.minor - line.credit.minor for line in trial_balance(booked)}
    assert balance.subscriber == -sums.get(C.SUBSCRIBER_BALANCE, 0)
    assert balance.receivable == sums.get(C.RECEIVABLE, 0)
    assert balance.unbilled == sums.get(C.UNBILLED_RECEIVABLE, 0)
    assert balance.balance.minor == sum(one.effect.minor for one in booked)
    assert sum(sums.values()) == 0


@given(st.lists(turned, min_size=1, max_size=4))
def test_a_reversal_undoes_the_whole_entry(legs):
    booked = entry(*legs)
    undone = booked.reversed(
        id=EntryId(UUID(int=2)), kind=PostingKind.REVERSAL, at=AT, caused_by="test"
    )
    assert undone.reverses == booked.id
    start = Balance(currency="KGS", subscriber=7)
    assert start.after(booked).after(undone) == start


@given(st.integers(-1000, 1000), st.integers(0, 500), st.integers(1, 2000), st.booleans())
def test_only_a_limited_posting_is_refused_past_the_limit(has, credit, spends, limited):
    spend = Posting.of(
        entry(Transfer(debit=C.SUBSCRIBER_BALANCE, credit=C.REVENUE_USAGE, amount=som(spends))),
        limited=limited,
    )
    before = Balance(currency="KGS", subscriber=has)
    if limited and has + credit < spends:
        with pytest.raises(InsufficientFunds, match=f"{som(has + credit)} available"):
            spend.apply(before, som(credit))
    else:
        assert spend.apply(before, som(credit)).subscriber == has - spends


def test_a_reserve_holds_back_and_frees():
    held = Posting(account_id=ACCOUNT, reserve=300, limited=True)
    balance = held.apply(Balance(currency="KGS", subscriber=500), som(0))
    assert (balance.balance, balance.available(som(0))) == (som(500), som(200))
    with pytest.raises(InsufficientFunds):
        held.apply(balance, som(0))
    assert Posting(account_id=ACCOUNT, reserve=-300).apply(balance, som(0)).reserved == 0
