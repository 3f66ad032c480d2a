"""What a second person agrees to is done once, also when it cannot be done at once."""

from __future__ import annotations

from uuid import UUID

import attrs
import pytest

from telecom_crm.adapters.gateways.cash_desk import CashDesk
from telecom_crm.application.accounts import Accounts
from telecom_crm.application.approvals import Approvals
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.payments.service import Payments
from telecom_crm.application.ports import Payer
from telecom_crm.domain.approval import Approval, ApprovalKind, ApprovalStatus
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.errors import (
    IllegalTransition,
    KeyReused,
    NotFound,
    RuleViolated,
    StaleVersion,
    Unavailable,
)
from telecom_crm.domain.identifiers import ApprovalId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.payment import Payment, PaymentMethod
from telecom_crm.domain.role import BUILT_IN_ROLES, Limit
from tests.unit.shop import Shop, som

ASKER, SECOND = Actor("asker", "t-1"), Actor("second", "t-2")
K, S = ApprovalKind, ApprovalStatus


@attrs.define
class Office:
    """A shop where money is given back only after a second look."""

    shop: Shop
    contract: Contract
    payments: Payments
    approvals: Approvals

    def pay(self, amount: str) -> Payment:
        return self.payments.take(
            payer=Payer(contract_id=self.contract.id),
            amount=som(amount),
            method=PaymentMethod.CASH,
            gateway="cash_desk",
            by=ASKER,
        )

    def ask(self, kind: ApprovalKind, thing: UUID, amount: str | None = None, **more) -> Approval:
        money = None if amount is None else som(amount)
        return self.approvals.ask(kind, thing, amount=money, reason="why", **{"by": ASKER} | more)

    @property
    def balance(self) -> str:
        with self.shop.uow(read_only=True) as tx:
            assert list(tx.ledger.differences()) == []
        return self.approvals.accounts.get(self.contract.account_id).available.amount


@pytest.fixture
def office(uow, till, series, clock, ids):
    shop = Shop.opened(uow, series, clock, ids)
    payments = Payments(uow, till, {"cash_desk": CashDesk()}, clock, ids, lambda _: None)
    approvals = Approvals(
        uow,
        clock,
        ids,
        payments,
        Accounts(uow, clock, ids, series),
        Customers(uow, clock, ids),
    )
    return Office(shop, shop.sign(1), payments, approvals)


def test_a_refund_waits_for_a_second_person(office):
    payment = office.pay("150.00")
    asked = office.ask(K.REFUND, payment.id, "50.00")
    assert (asked.status, office.balance) == (S.PENDING, "150.00")
    with pytest.raises(RuleViolated, match="who asked may not decide it"):
        office.approvals.approve(asked.id, by=ASKER)
    done = office.approvals.approve(asked.id, comment="seen", by=SECOND)
    assert (done.status, office.balance) == (S.DONE, "100.00")
    [refund] = office.payments.refunds_of(payment.id)
    assert done.outcome == str(refund.id)
    with pytest.raises(IllegalTransition):
        office.approvals.approve(asked.id, by=SECOND)
    told = [event.name for event in office.approvals.timeline(asked.id)]
    assert told == ["ApprovalAsked", "ApprovalGiven", "ApprovalCarriedOut"]
    assert office.approvals.carry_out() == 0


def test_two_people_decide_what_is_past_the_limit_of_any_one(office):
    alone = max(
        role.limits[one] or 0
        for role in BUILT_IN_ROLES.values()
        for one in (Limit.REFUND, Limit.ADJUSTMENT)
    )
    more = str(alone + 1)
    payment = office.pay(more)
    for kind, thing in ((K.REFUND, payment.id), (K.GOODWILL, office.contract.account_id)):
        asked = office.ask(kind, thing, more)
        assert office.approvals.approve(asked.id, by=SECOND).status is S.DONE, kind


def test_every_kind_is_carried_out(office):
    account = office.contract.account_id
    office.pay("10.00")
    goodwill = office.ask(K.GOODWILL, account, "5.00")
    assert office.approvals.approve(goodwill.id, by=SECOND).status is S.DONE
    assert office.balance == "15.00"
    for kind in (K.WRITE_OFF, K.CHARGEBACK_WRITE_OFF):
        asked = office.ask(kind, account, "5.00")
        failed = office.approvals.approve(asked.id, by=SECOND)
        assert failed.status is S.FAILED, "nothing is owed"
        assert "is owed on this account" in failed.outcome
    other = office.approvals.customers.register(name="Somebody Else")
    erasure = office.ask(K.ERASURE, other.id)
    assert office.approvals.approve(erasure.id, by=SECOND).outcome == other.key
    assert office.approvals.customers.get(other.id).name == "erased"
    in_use = office.ask(K.ERASURE, office.contract.customer_id)
    assert office.approvals.approve(in_use.id, by=SECOND).status is S.FAILED


def test_what_became_impossible_is_told(office):
    payment = office.pay("150.00")
    first, second = (office.ask(K.REFUND, payment.id, "100.00") for _ in range(2))
    assert office.approvals.approve(first.id, by=SECOND).status is S.DONE
    failed = office.approvals.approve(second.id, by=SECOND)
    assert (failed.status, office.balance) == (S.FAILED, "50.00")
    assert failed.outcome


def test_asking_again_with_the_same_key_is_one_request(office):
    payment = office.pay("150.00")
    first = office.ask(K.REFUND, payment.id, "50.00", idempotency_key="k")
    again = office.ask(K.REFUND, payment.id, "50.00", idempotency_key="k")
    assert (again.id, first.replayed, again.replayed) == (first.id, False, True)
    with pytest.raises(KeyReused):
        office.ask(K.REFUND, payment.id, "51.00", idempotency_key="k")
    assert [one.id for one in office.approvals.each(status="pending")] == [first.id]


def test_what_it_is_about_must_be_there(office):
    for kind, thing in ((K.REFUND, "payment"), (K.WRITE_OFF, "account"), (K.ERASURE, "customer")):
        amount = None if kind is K.ERASURE else "1.00"
        with pytest.raises(NotFound, match=f"no {thing} "):
            office.ask(kind, UUID(int=99), amount)
    with pytest.raises(NotFound):
        office.approvals.approve(ApprovalId(UUID(int=99)), by=SECOND)


def test_sent_back_and_withdrawn_are_over(office):
    payment = office.pay("150.00")
    asked = office.ask(K.REFUND, payment.id, "50.00")
    with pytest.raises(StaleVersion):
        office.approvals.send_back(asked.id, comment="no", expected_version=7, by=SECOND)
    assert office.approvals.send_back(asked.id, comment="no", by=SECOND).status is S.RETURNED
    mine = office.ask(K.REFUND, payment.id, "50.00")
    with pytest.raises(RuleViolated, match="only who asked"):
        office.approvals.withdraw(mine.id, by=SECOND)
    assert office.approvals.withdraw(mine.id, by=ASKER).status is S.WITHDRAWN
    assert office.balance == "150.00"


def test_what_cannot_be_done_at_once_is_done_later(office):
    """The part that is away is the store itself, between the agreement and the doing."""
    payment = office.pay("150.00")
    asked = office.ask(K.REFUND, payment.id, "50.00")

    def away():
        raise Unavailable("database")

    broken = attrs.evolve(office.payments, clock=away)
    waiting = attrs.evolve(office.approvals, payments=broken).approve(asked.id, by=SECOND)
    assert (waiting.status, office.balance) == (S.APPROVED, "150.00")
    assert office.approvals.carry_out() == 1
    assert (office.approvals.get(asked.id).status, office.balance) == (S.DONE, "100.00")


def test_a_crash_after_the_doing_does_it_once(office):
    payment = office.pay("150.00")
    asked = office.ask(K.REFUND, payment.id, "50.00")
    given = office.approvals._approved(asked.id, "", None, SECOND)
    office.approvals._refund(given, SECOND)  # and nobody is left to note it
    assert office.approvals.carry_out() == 1
    assert (office.approvals.get(asked.id).status, office.balance) == (S.DONE, "100.00")
    assert len(office.payments.refunds_of(payment.id)) == 1
