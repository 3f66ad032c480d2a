"""Money that gateways took for nobody we know: kept, listed, allocated, given back."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import attrs
import pytest

from telecom_crm.adapters.gateways.cash_desk import CashDesk
from telecom_crm.adapters.gateways.script import Behaviour
from telecom_crm.adapters.gateways.simulator import SimulatorGateway
from telecom_crm.application.payments.request import PaymentRequest
from telecom_crm.application.payments.service import Payments
from telecom_crm.application.ports import Payer, Query
from telecom_crm.application.receipts import Receipts
from telecom_crm.domain.account import house_account_id
from telecom_crm.domain.errors import (
    IllegalTransition,
    InvalidValue,
    KeyReused,
    NotFound,
    RuleViolated,
)
from telecom_crm.domain.identifiers import AccountId, ContractId, PaymentId
from telecom_crm.domain.ledger import LedgerCode
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment, PaymentMethod, PaymentStatus
from telecom_crm.domain.refund import RefundStatus
from tests.unit.shop import Shop, msisdn, som

CLERK = Actor("clerk", "token-7")
HOUSE = house_account_id("simulator", "KGS")
S = PaymentStatus
STRANGER = msisdn(8)


@attrs.define
class Office:
    """A shop with a gateway whose money may be for anybody."""

    shop: Shop
    payments: Payments
    receipts: Receipts
    gateway: SimulatorGateway
    resumed: list[AccountId]

    def lines(self, *lines: tuple[object, str, str], gateway: str = "simulator", **more):
        requests = [
            PaymentRequest(
                payer=payer if isinstance(payer, Payer) else None,
                told=payer if isinstance(payer, str) else "",
                amount=som(amount),
                method=PaymentMethod.TERMINAL,
                reference=reference,
            )
            for payer, amount, reference in lines
        ]
        more = {"keep_unallocated": True, "by": CLERK, **more}
        return self.payments.record_many(requests, gateway=gateway, **more)

    def keep(self, amount: str = "100.00", reference: str = "ref-1") -> Payment:
        [kept] = self.lines((Payer(msisdn=STRANGER), amount, reference))
        assert isinstance(kept, Payment)
        return kept

    def hear(self, callback):
        return self.payments.hear(gateway="simulator", body=callback.body, headers=callback.headers)

    def books(self) -> dict[str, int]:
        with self.shop.uow(read_only=True) as tx:
            assert list(tx.ledger.differences()) == []
            lines = tx.ledger.trial_balance()
        sums: Counter[str] = Counter()
        for line in lines:
            sums[line.code.value] += line.debit.minor - line.credit.minor
        return {code: minor for code, minor in sums.items() if minor}


@pytest.fixture
def make(uow, till, series, clock, ids):
    def opened(*behaviours: Behaviour) -> Office:
        shop = Shop.opened(uow, series, clock, ids)
        gateway = SimulatorGateway(secret="s3cret", script=behaviours or None)
        resumed: list[AccountId] = []
        payments = Payments(
            uow,
            till,
            {"cash_desk": CashDesk(), "simulator": gateway},
            clock,
            ids,
            resumed.append,
        )
        return Office(shop, payments, Receipts(uow, clock, ids, payments), gateway, resumed)

    return opened


@pytest.fixture
def office(make):
    return make()


def test_lines_for_nobody_we_know_are_kept_and_the_others_booked(office):
    contract = office.shop.sign(1)
    draft = office.shop.sign(2, accept=False)
    nobody = Payer(account_id=AccountId(UUID(int=5)))
    outcomes = office.lines(
        (Payer(msisdn=contract.msisdn), "10.00", "a"),
        (Payer(msisdn=STRANGER), "20.00", "b"),
        (nobody, "30.00", "c"),
        (Payer(contract_id=draft.id), "40.00", "d"),
        ("office 7, left\0", "50.00", "e"),
    )
    assert [outcome.status for outcome in outcomes] == [S.CONFIRMED, *[S.UNALLOCATED] * 4]
    assert [outcome.meant_for for outcome in outcomes] == [
        None, str(STRANGER), str(nobody.account_id), str(draft.id), "office 7, left\ufffd",
    ]  # fmt: skip
    assert {outcome.account_id for outcome in outcomes[1:]} == {HOUSE}
    assert office.books() == {"1030": 15_000, "2010": -1_000, "2015": -14_000}
    assert [one.id for one in office.receipts.each()] == [one.id for one in outcomes[1:]]
    page = office.receipts.page(Query(where={"gateway_reference": "c"}))
    assert [one.amount for one in page.items] == [som("30.00")]
    with office.shop.uow(read_only=True) as tx:
        told = tx.events.of("payment", outcomes[1].key)
    assert all(STRANGER.digits not in str(one.payload) for one in told), "no personal values"


def test_a_file_that_comes_twice_is_kept_once(office):
    lines = [(Payer(msisdn=STRANGER), "20.00", "b"), ("nobody", "5.00", "c")]
    first = office.lines(*lines)
    again = office.lines(*lines)
    assert [one.id for one in again] == [one.id for one in first]
    assert all(one.replayed for one in again)
    assert office.books() == {"1030": 2_500, "2015": -2_500}
    [odd] = office.lines((Payer(msisdn=STRANGER), "21.00", "b"))
    assert isinstance(odd, KeyReused)
    # Known by now: the money of the first time stays where it is, for a person to allocate.
    office.shop.sign(1, msisdn=STRANGER)
    [later] = office.lines((Payer(msisdn=STRANGER), "20.00", "b"))
    assert (later.id, later.status) == (first[0].id, S.UNALLOCATED)


def test_only_a_gateway_that_has_the_money_keeps_it(office):
    stranger = (Payer(msisdn=STRANGER), "20.00", "b")
    [refused] = office.lines(stranger, keep_unallocated=False)
    [at_desk] = office.lines(stranger, gateway="cash_desk")
    [nothing] = office.lines((Payer(msisdn=STRANGER), "0.00", "x"))
    [nameless] = office.lines(("nobody", "5.00", "c"), keep_unallocated=False)
    assert {type(one) for one in (refused, at_desk, nothing, nameless)} == {NotFound}
    assert office.books() == {}


def test_money_in_a_currency_the_account_does_not_have_is_kept(office):
    contract = office.shop.sign(1)
    request = PaymentRequest(
        payer=Payer(msisdn=contract.msisdn),
        amount=Money.parse("5.00", "USD"),
        method=PaymentMethod.TERMINAL,
        reference="usd",
    )
    [kept] = office.payments.record_many([request], gateway="simulator", keep_unallocated=True)
    assert (kept.status, kept.account_id) == (S.UNALLOCATED, house_account_id("simulator", "USD"))
    with pytest.raises(InvalidValue, match="kept in KGS"):
        office.receipts.allocate(kept.id, to=Payer(msisdn=contract.msisdn))


def test_a_gateway_tells_of_money_it_took_by_itself(office):
    contract = office.shop.sign(1)
    known = office.gateway.take_by_itself(str(contract.msisdn), som("10.00"))
    assert office.hear(known).status is S.CONFIRMED
    lost = office.gateway.take_by_itself("0555 12", som("7.00"))
    kept = office.hear(lost)
    assert (kept.status, kept.meant_for, kept.method) == (S.UNALLOCATED, "0555 12", "terminal")
    assert office.hear(lost).id == kept.id
    assert office.gateway.deliver(office.hear) == 2, "both come again, and change nothing"
    assert office.books() == {"1030": 1_700, "2010": -1_000, "2015": -700}
    assert office.gateway.total("KGS") == som("17.00")


@pytest.mark.parametrize("by", ["account", "contract", "number"])
def test_it_is_allocated_and_becomes_an_ordinary_payment(office, by):
    kept, contract = office.keep(), office.shop.sign(1)
    to = {
        "account": Payer(account_id=contract.account_id),
        "contract": Payer(contract_id=contract.id),
        "number": Payer(msisdn=contract.msisdn),
    }[by]
    payment = office.receipts.allocate(kept.id, to=to, idempotency_key="k", by=CLERK)
    assert (payment.status, payment.account_id) == (S.CONFIRMED, contract.account_id)
    assert (payment.gateway, payment.gateway_reference) == ("simulator", "ref-1")
    assert payment.contract_id == (None if by == "account" else contract.id)
    again = office.receipts.allocate(kept.id, to=to, idempotency_key="k", by=CLERK)
    assert (again.id, again.replayed) == (payment.id, True)
    with pytest.raises(KeyReused):
        office.receipts.allocate(kept.id, to=_another(to, contract), idempotency_key="k", by=CLERK)
    with pytest.raises(IllegalTransition):
        office.receipts.allocate(kept.id, to=to)
    [entry] = office.shop.entries(contract)
    [leg] = entry.transfers
    assert (leg.debit, leg.credit) == (
        LedgerCode.UNALLOCATED_RECEIPTS,
        LedgerCode.SUBSCRIBER_BALANCE,
    )
    assert leg.counterparty == "simulator"
    assert office.receipts.get(kept.id).status is S.ALLOCATED
    assert list(office.receipts.each()) == []
    assert office.payments.receipt(payment.id).amount == som("100.00")
    assert office.books() == {"1030": 10_000, "2010": -10_000}
    refund = office.payments.refund(payment.id, amount=som("40.00"))
    assert refund.status is RefundStatus.PAID
    assert office.books() == {"1030": 6_000, "2010": -6_000}


def _another(to: Payer, contract) -> Payer:
    if to.account_id:
        return Payer(contract_id=contract.id)
    return Payer(account_id=contract.account_id)


def test_a_wrong_allocation_is_reversed_and_allocated_anew(office):
    kept, wrong, right = office.keep(), office.shop.sign(1), office.shop.sign(2)
    first = office.receipts.allocate(kept.id, to=Payer(msisdn=wrong.msisdn))
    undone = office.payments.reverse(first.id, reason="another number", idempotency_key="u")
    assert undone.status is S.REVERSED
    assert office.payments.reverse(first.id, reason="another number", idempotency_key="u").replayed
    assert office.receipts.get(kept.id).status is S.UNALLOCATED
    assert office.books() == {"1030": 10_000, "2015": -10_000}
    office.receipts.allocate(kept.id, to=Payer(msisdn=right.msisdn))
    assert office.books() == {"1030": 10_000, "2010": -10_000}
    assert office.shop.state(right).available == som("100.00")


def test_what_is_given_back_leaves_the_list_once_it_is_paid(make, clock):
    office = make(Behaviour.SILENT_TAKEN)
    kept = office.keep()
    refund = office.receipts.refund(kept.id, reason="wrong number", idempotency_key="r", by=CLERK)
    assert refund.status is RefundStatus.UNKNOWN
    assert office.books() == {"1030": 10_000, "2060": -10_000}
    assert [one.id for one in office.receipts.each()] == [kept.id]
    with pytest.raises(RuleViolated, match="was refunded"):
        office.receipts.allocate(kept.id, to=Payer(msisdn=office.shop.sign(1).msisdn))
    clock.pass_(minutes=6)
    assert office.payments.repair() == 1
    assert office.receipts.get(kept.id).status is S.RETURNED
    assert list(office.receipts.each()) == []
    assert office.books() == {}
    assert office.receipts.refund(
        kept.id, reason="wrong number", idempotency_key="r", by=CLERK
    ).replayed


def test_a_refund_that_fails_leaves_it_to_be_allocated(make):
    office = make(Behaviour.DECLINE)
    kept = office.keep()
    assert office.receipts.refund(kept.id).status is RefundStatus.FAILED
    assert office.books() == {"1030": 10_000, "2015": -10_000}
    office.receipts.allocate(kept.id, to=Payer(msisdn=office.shop.sign(1).msisdn))
    assert office.books() == {"1030": 10_000, "2010": -10_000}


def test_parts_that_are_refunded_one_by_one_end_it_with_the_last(make, clock):
    office = make(Behaviour.SILENT_TAKEN, Behaviour.CONFIRM)
    kept = office.keep()
    office.payments.refund(kept.id, amount=som("60.00"))
    office.payments.refund(kept.id, amount=som("40.00"))
    assert office.receipts.get(kept.id).status is S.UNALLOCATED, "the first may still fail"
    clock.pass_(minutes=6)
    office.payments.repair()
    assert office.receipts.get(kept.id).status is S.RETURNED
    assert office.books() == {}


def test_money_that_the_gateway_took_back_is_reversed(office):
    kept = office.keep()
    assert office.payments.reverse(kept.id, reason="chargeback").status is S.REVERSED
    assert office.books() == {}
    with pytest.raises(IllegalTransition):
        office.payments.dispute(office.keep(reference="ref-2").id)


def test_allocating_lifts_what_was_suspended_for_money(office, uow, clock):
    kept, contract = office.keep(), office.shop.sign(1)
    with uow() as tx:
        account = tx.accounts.get(contract.account_id)
        tx.accounts.save(account.hold_for_money(1, contract.id, by=CLERK, at=clock()))
    office.receipts.allocate(kept.id, to=Payer(contract_id=contract.id))
    assert office.resumed == [contract.account_id]


def test_nobody_is_allocated_to_or_paid_for_in_vain(office):
    kept, contract = office.keep(), office.shop.sign(1)
    ordinary = office.payments.take(
        payer=Payer(msisdn=contract.msisdn),
        amount=som("1.00"),
        method=PaymentMethod.CASH,
        gateway="cash_desk",
    )
    draft = office.shop.sign(2, accept=False)
    for to, error in (
        (Payer(msisdn=STRANGER), NotFound),
        (Payer(contract_id=ContractId(UUID(int=5))), NotFound),
        (Payer(account_id=AccountId(UUID(int=5))), NotFound),
        (Payer(contract_id=draft.id), RuleViolated),
        (Payer(account_id=HOUSE), RuleViolated),
    ):
        with pytest.raises(error):
            office.receipts.allocate(kept.id, to=to)
    for unknown in (ordinary.id, PaymentId(UUID(int=5))):
        with pytest.raises(NotFound):
            office.receipts.allocate(unknown, to=Payer(msisdn=contract.msisdn))
        with pytest.raises(NotFound):
            office.receipts.refund(unknown)
    with pytest.raises(RuleViolated, match="operator's own"):
        office.payments.take(
            payer=Payer(account_id=HOUSE),
            amount=som("1.00"),
            method=PaymentMethod.CASH,
            gateway="cash_desk",
        )
    assert [one.id for one in office.receipts.each()] == [kept.id]
