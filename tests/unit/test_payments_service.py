"""Taking money through desks and gateways, and giving it back, over the memory store."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import attrs
import pytest

from telecom_crm.adapters.gateways.cash_desk import CashDesk
from telecom_crm.adapters.gateways.script import Behaviour, Call, Script
from telecom_crm.adapters.gateways.simulator import SimulatorGateway
from telecom_crm.application.payments.request import PaymentRequest
from telecom_crm.application.payments.service import Payments
from telecom_crm.application.ports import Payer, PaymentGateway
from telecom_crm.domain import posting
from telecom_crm.domain.account import AccountState, BillingAccount
from telecom_crm.domain.approval import FOUR_EYES
from telecom_crm.domain.charging import ChargeKind, charge
from telecom_crm.domain.errors import (
    IllegalTransition,
    InvalidValue,
    KeyReused,
    NotFound,
    NotPermitted,
    RuleViolated,
)
from telecom_crm.domain.identifiers import AccountId, CustomerId, EntryId, PaymentId
from telecom_crm.domain.ledger import (
    InsufficientFunds,
    JournalEntry,
    LedgerCode,
    Posting,
    PostingKind,
)
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import PaymentMethod, PaymentStatus, Reconciliation, RefundTooLarge
from telecom_crm.domain.policy import POSTPAID, PREPAID
from telecom_crm.domain.refund import RefundStatus
from telecom_crm.domain.regulation import PaymentLimits, Regulations
from telecom_crm.domain.role import ALL_RIGHTS, PAST_LIMIT, Limit, Rights
from telecom_crm.entrypoints.http.web.messages import known_failure

CLERK = Actor("clerk", "token-7")
ACCOUNT = AccountId(UUID(int=1 << 96))
S = PaymentStatus


def som(amount: str) -> Money:
    return Money.parse(amount, "KGS")


@attrs.define
class Desk:
    """An account, a cash desk and a gateway that does as it is told."""

    payments: Payments
    gateway: SimulatorGateway
    resumed: list[AccountId]

    def take(self, amount: str = "150.00", gateway: str = "simulator", **more):
        more.setdefault("payer", Payer(account_id=ACCOUNT))
        return self.payments.take(
            amount=som(amount), method=PaymentMethod.CARD, gateway=gateway, by=CLERK, **more
        )

    def hear(self, callback):
        return self.payments.hear(gateway="simulator", body=callback.body, headers=callback.headers)

    def state(self) -> AccountState:
        with self.payments.uow(read_only=True) as tx:
            clock = self.payments.clock
            return tx.ledger.states([ACCOUNT], at=clock())[ACCOUNT]

    def change(self, step: Callable[[BillingAccount], BillingAccount]) -> None:
        with self.payments.uow() as tx:
            tx.accounts.save(step(tx.accounts.get(ACCOUNT)))

    def spend(self, amount: str) -> None:
        state = self.state()
        fee = charge(kind=ChargeKind.SERVICE, gross=som(amount), tax=PREPAID.tax)
        legs = posting.fee_charged(fee, contract_id=None, postpaid=state.account.postpaid)
        entry = JournalEntry(
            id=EntryId(self.payments.new_id()),
            account_id=ACCOUNT,
            kind=PostingKind.ONE_TIME_FEE,
            transfers=legs,
            booked_at=state.at,
            caused_by="test:1",
        )
        with self.payments.uow() as tx:
            tx.ledger.post([Posting.of(entry, limited=True)], at=state.at)

    def balance(self) -> str:
        return self.state().balance.balance.amount

    def entries(self):
        with self.payments.uow(read_only=True) as tx:
            return tx.ledger.entries(ACCOUNT, start=None, end=None, limit=100, cursor=None).items


@pytest.fixture
def desk(uow, till, clock, ids):
    with uow() as tx:
        tx.accounts.save(
            BillingAccount.open(
                id=ACCOUNT,
                number="B-1",
                customer_id=CustomerId(UUID(int=2 << 96)),
                currency="KGS",
                by=CLERK,
                at=clock(),
            )
        )

    def make(*behaviours: Behaviour, script: Script | None = None) -> Desk:
        gateway = SimulatorGateway(secret="s3cret", script=script or behaviours or None)
        resumed: list[AccountId] = []
        gateways: dict[str, PaymentGateway] = {"cash_desk": CashDesk(), "simulator": gateway}
        payments = Payments(uow, till, gateways, clock, ids, resumed.append)
        made = Desk(payments, gateway, resumed)
        gateway.listener = made.hear
        return made

    return make


def test_cash_is_booked_at_once_in_double_entry(desk):
    here = desk()
    payment = here.take(gateway="cash_desk")
    assert payment.status is S.CONFIRMED
    assert here.balance() == "150.00"
    (entry,) = here.entries()
    (leg,) = entry.transfers
    assert (leg.debit, leg.credit) == (LedgerCode.CASH_DESK, LedgerCode.SUBSCRIBER_BALANCE)
    assert leg.counterparty == "cash_desk"
    receipt = here.payments.receipt(payment.id)
    assert (receipt.account_number, receipt.amount) == ("B-1", som("150.00"))
    assert receipt.number == f"B-1-{payment.key[-8:].upper()}"


def test_a_gateway_that_confirms(desk):
    here = desk(Behaviour.CONFIRM)
    assert here.take().status is S.CONFIRMED
    assert here.balance() == "150.00"


def test_whoever_began_a_payment_took_it(desk):
    here = desk(Behaviour.LATER)
    first, second = here.take(), here.take(gateway="cash_desk")
    here.gateway.deliver(here.hear)
    assert here.payments.takers([first.id, second.id]) == {first.id: CLERK, second.id: CLERK}
    assert here.payments.takers([]) == {}


def test_a_decline_posts_nothing(desk):
    here = desk(Behaviour.DECLINE)
    payment = here.take()
    assert payment.status is S.FAILED
    assert known_failure(payment.failure) == "The simulator refused it, as the amount told it to"
    assert here.entries() == ()


def test_confirmed_later_by_callback_and_doubled(desk):
    here = desk(Behaviour.LATER)
    assert here.take().status is S.PENDING
    here.gateway.settle()
    (callback,) = here.gateway.pending_callbacks()
    assert here.hear(callback).status is S.CONFIRMED
    again = here.hear(callback)
    assert again.status is S.CONFIRMED
    assert here.balance() == "150.00"
    assert len(here.entries()) == 1


@pytest.mark.parametrize("behaviour", [Behaviour.EARLY, Behaviour.TWICE])
def test_callbacks_before_and_beside_the_answer_book_once(desk, behaviour):
    here = desk(behaviour)
    payment = here.take()
    here.gateway.deliver(here.hear)
    assert here.payments.get(payment.id).status is S.CONFIRMED
    assert len(here.entries()) == 1


@pytest.mark.parametrize(
    ("behaviour", "status", "balance"),
    [
        (Behaviour.SILENT_TAKEN, S.CONFIRMED, "150.00"),
        (Behaviour.SILENT_NOT_TAKEN, S.FAILED, "0.00"),
    ],
)
def test_a_time_out_is_unknown_until_it_is_asked_about(desk, clock, behaviour, status, balance):
    here = desk(behaviour)
    payment = here.take()
    assert payment.status is S.UNKNOWN
    assert here.balance() == "0.00"
    assert here.payments.repair() == 0, "too early to ask"
    clock.pass_(minutes=6)
    assert here.payments.repair() == 1
    assert here.payments.get(payment.id).status is status
    assert here.balance() == balance


def test_a_lie_about_the_amount_posts_the_truth(desk):
    here = desk(Behaviour.LIE)
    payment = here.take()
    assert (payment.status, payment.amount) == (S.CONFIRMED, som("150.00"))
    assert here.balance() == "150.00"


def test_what_the_gateway_insists_on_is_posted_and_marked(desk):
    here = desk(Behaviour.INSIST)
    payment = here.take()
    assert payment.reconciliation is Reconciliation.MISMATCHED
    assert here.balance() == payment.amount.amount == "150.01"


def test_what_a_gateway_is_off_within_the_tolerance_is_booked_unmarked(desk):
    here = desk(Behaviour.INSIST)
    regulations = Regulations(tolerances=[som("0.01")])
    here.payments = attrs.evolve(here.payments, regulations=lambda: regulations)
    payment = here.take()
    assert payment.reconciliation is Reconciliation.UNRECONCILED
    assert here.balance() == payment.amount.amount == "150.01"


@pytest.mark.parametrize("gateway", ["simulator", "cash_desk"])
def test_a_payment_is_within_the_limits_that_hold(desk, gateway):
    here = desk()
    limits = PaymentLimits(smallest=som("20.00"), largest=som("500.00"))
    regulations = Regulations(payment_limits=[limits])
    here.payments = attrs.evolve(here.payments, regulations=lambda: regulations)
    for amount in ("19.99", "500.01"):
        with pytest.raises(RuleViolated, match="a payment is at"):
            here.take(amount, gateway)
    assert here.entries() == ()
    for amount in ("20.00", "500.00"):
        here.take(amount, gateway)
    assert here.balance() == "520.00"


def test_a_gateways_own_money_past_the_limits_is_kept_for_a_person(desk):
    here = desk()
    limits = PaymentLimits(smallest=som("20.00"))
    here.payments = attrs.evolve(
        here.payments, regulations=lambda: Regulations(payment_limits=[limits])
    )
    line = PaymentRequest(
        payer=Payer(account_id=ACCOUNT),
        amount=som("5.00"),
        method=PaymentMethod.TERMINAL,
        reference="line 1",
    )
    kept = here.payments.record_many([line], gateway="simulator", keep_unallocated=True)
    assert [one.status for one in kept] == [S.UNALLOCATED]


def test_a_gateway_that_is_away_fails_the_payment(desk):
    here = desk(Behaviour.UNAVAILABLE)
    payment = here.take()
    assert (payment.status, payment.failure) == (S.FAILED, "gateway_unavailable")
    assert known_failure(payment.failure) == "The payment service could not be reached"


def test_late_money_is_real(desk):
    here = desk(Behaviour.LATER)
    payment = here.take()
    assert here.payments.cancel(payment.id, reason="changed my mind").status is S.CANCELLED
    assert here.gateway.deliver(here.hear) == 1
    assert here.payments.get(payment.id).status is S.CONFIRMED
    assert here.balance() == "150.00"


def test_forged_and_senseless_callbacks_change_nothing(desk):
    here = desk(Behaviour.LATER)
    here.take()
    with pytest.raises(NotPermitted):
        here.payments.hear(gateway="simulator", body=b"{}", headers={"X-Simulator-Signature": "no"})
    signed = here.gateway.sign(b"[]")
    with pytest.raises(InvalidValue):
        here.hear(signed)
    assert here.entries() == ()


@pytest.mark.parametrize("gateway", ["cash_desk", "simulator"])
def test_the_same_key_is_the_same_payment(desk, gateway):
    here = desk()
    first = here.take(gateway=gateway, idempotency_key="k")
    again = here.take(gateway=gateway, idempotency_key="k")
    assert (again, again.replayed, first.replayed) == (first, True, False)
    assert here.balance() == "150.00"
    with pytest.raises(KeyReused):
        here.take("151.00", gateway=gateway, idempotency_key="k")


def test_one_bad_payment_of_a_file_fails_alone(desk):
    here = desk()
    good = PaymentRequest(
        payer=Payer(account_id=ACCOUNT),
        amount=som("10.00"),
        method=PaymentMethod.TERMINAL,
        reference="r-1",
    )
    outcomes = here.payments.record_many(
        [
            good,
            attrs.evolve(good, payer=Payer(account_id=AccountId(UUID(int=9))), reference="r-2"),
            attrs.evolve(good, amount=som("-1.00"), reference="r-3"),
            attrs.evolve(good, amount=Money(1, "USD"), reference="r-4"),
            *(attrs.evolve(good, reference=unfit) for unfit in (" ", "r\x00", "r" * 10_001)),
            *(attrs.evolve(good, idempotency_key=unfit) for unfit in ("", " ", "k\x00", "k" * 256)),
            attrs.evolve(good, reference="r-5"),
        ],
        gateway="simulator",
    )
    assert [type(outcome).__name__ for outcome in outcomes] == [
        "Payment",
        "NotFound",
        *["InvalidValue"] * 9,
        "Payment",
    ]
    assert here.balance() == "20.00"


def test_keys_and_references_are_read_without_spaces_around(desk):
    here = desk()
    first = here.take(idempotency_key="k")
    assert here.take(idempotency_key=" k ").id == first.id
    line = PaymentRequest(
        payer=Payer(account_id=ACCOUNT),
        amount=som("10.00"),
        method=PaymentMethod.TERMINAL,
        reference="r-1",
    )
    lines = [line, attrs.evolve(line, reference=" r-1 ")]
    booked, again = here.payments.record_many(lines, gateway="simulator")
    assert (again.id, again.gateway_reference) == (booked.id, "r-1")
    assert here.balance() == "160.00"


def test_money_is_kept_however_long_its_reference_is(desk):
    here = desk()
    told = PaymentRequest(
        payer=None,
        told="0700 1",
        amount=som("10.00"),
        method=PaymentMethod.TERMINAL,
        reference="r" * 256,
    )
    lines = [told, told, attrs.evolve(told, reference="r" * 257)]
    kept, again, other = here.payments.record_many(
        lines, gateway="simulator", keep_unallocated=True
    )
    assert [kept.status, other.status] == [S.UNALLOCATED] * 2
    assert again.id == kept.id != other.id
    assert len(kept.gateway_reference) == 255
    assert kept.gateway_reference.startswith("rrr")


def test_a_callback_confirms_however_long_its_reference_is(desk):
    here = desk(Behaviour.LATER)
    payment = here.take()
    told = json.loads(here.gateway.callback_for(payment).body)
    told |= {"outcome": "confirmed", "reference": f" {'r' * 300} "}
    for _ in range(2):
        heard = here.hear(here.gateway.sign(json.dumps(told).encode()))
        assert (heard.status, len(heard.gateway_reference)) == (S.CONFIRMED, 255)
    assert here.balance() == "150.00"


def test_a_gateways_own_reference_is_booked_once(desk):
    here = desk()
    line = PaymentRequest(
        payer=Payer(account_id=ACCOUNT),
        amount=som("10.00"),
        method=PaymentMethod.TERMINAL,
        reference="r-1",
    )
    first, again = here.payments.record_many([line, line], gateway="simulator")
    assert (again.id, again.replayed) == (first.id, True)
    (other,) = here.payments.record_many(
        [attrs.evolve(line, amount=som("11.00"))], gateway="simulator"
    )
    assert isinstance(other, KeyReused)
    assert here.balance() == "10.00"


def test_a_reference_that_confirmed_a_payment_is_no_second_one_in_a_file(desk):
    here = desk(Behaviour.CONFIRM, Behaviour.LATER)
    payment = here.take("10.00")
    line = PaymentRequest(
        payer=Payer(account_id=ACCOUNT),
        amount=som("10.00"),
        method=PaymentMethod.CARD,
        reference=payment.gateway_reference,
    )
    (again,) = here.payments.record_many([line], gateway="simulator")
    assert isinstance(again, KeyReused)
    pending = here.take("10.00")
    here.gateway.settle()
    told = here.gateway.callback_for(pending)
    here.hear(told)
    assert here.hear(told).status is S.CONFIRMED
    (again,) = here.payments.record_many(
        [attrs.evolve(line, reference=here.payments.get(pending.id).gateway_reference)],
        gateway="simulator",
    )
    assert isinstance(again, KeyReused)
    assert here.balance() == "20.00"


def test_a_confirmation_of_nothing_books_nothing(desk):
    here = desk(Behaviour.LATER)
    payment = here.take()
    told = {"payment_id": payment.key, "outcome": "confirmed", "reference": "r-1"}
    body = json.dumps({**told, "amount": "0.00", "currency": "KGS"}).encode()
    with pytest.raises(InvalidValue, match="more than zero") as refused:
        here.hear(here.gateway.sign(body))
    assert [fault.code for fault in refused.value.faults] == ["not_positive"]
    assert here.payments.get(payment.id).status is S.PENDING
    assert here.entries() == ()


def test_a_gateway_has_no_word_on_anothers_payments(desk):
    here = desk(Behaviour.LATER)
    payment = here.take()
    stranger = SimulatorGateway(secret="other", name="kiosk")
    here.payments.gateways["kiosk"] = stranger
    told = stranger.callback_for(payment)
    with pytest.raises(NotFound):
        here.payments.hear(gateway="kiosk", body=told.body, headers=told.headers)
    assert here.payments.get(payment.id).status is S.PENDING
    assert here.entries() == ()


def test_one_payment_that_cannot_be_asked_about_stops_no_other(desk, clock):
    here = desk(Behaviour.SILENT_TAKEN, Behaviour.SILENT_TAKEN)
    lost, found = here.take(), here.take("20.00")
    gone = here.payments.gateways.pop("simulator")
    clock.pass_(minutes=6)
    with pytest.raises(ExceptionGroup, match="2 of a sweep"):
        here.payments.repair()
    here.payments.gateways["simulator"] = gone
    assert here.payments.repair() == 2
    assert here.payments.get(lost.id).status is here.payments.get(found.id).status is S.CONFIRMED


def never_heard_of_again(call: Call) -> Behaviour:
    """Whatever is for 1.00 gets no answer, however often it is asked about."""
    if call.attempt == 1 and call.operation != "ask":
        return Behaviour.SILENT_TAKEN
    return Behaviour.UNAVAILABLE if call.amount == som("1.00") else Behaviour.CONFIRM


def test_payments_that_stay_unknown_keep_none_behind_them_from_being_asked_about(desk, clock):
    here = desk(script=never_heard_of_again)
    stuck = [here.take("1.00") for _ in range(3)]
    found = here.take("20.00")
    clock.pass_(minutes=6)
    assert here.payments.repair(limit=1) == 1
    assert here.payments.get(found.id).status is S.CONFIRMED
    assert {here.payments.get(one.id).status for one in stuck} == {S.UNKNOWN}


def test_refunds_that_stay_unknown_keep_none_behind_them_from_being_asked_about(desk, clock):
    here = desk(script=never_heard_of_again)
    payment = here.take()
    clock.pass_(minutes=6)
    assert here.payments.repair() == 1
    asked = [here.payments.refund(payment.id, amount=som(a)) for a in ("1.00", "1.00", "2.00")]
    clock.pass_(minutes=6)
    assert here.payments.repair(limit=1) == 1
    ends = [refund.status for refund in here.payments.refunds_of(payment.id)]
    assert ends == [RefundStatus.UNKNOWN, RefundStatus.UNKNOWN, RefundStatus.PAID]
    assert len(asked) == len(ends)


def test_unknown_gateways_and_payers_are_named(desk):
    here = desk()
    with pytest.raises(InvalidValue, match="cash_desk, simulator"):
        here.take(gateway="paypal")
    with pytest.raises(NotFound):
        here.payments.get(PaymentId(UUID(int=5)))
    with pytest.raises(InvalidValue, match="one of"):
        Payer()


def test_an_unknown_payment_is_given_up_with_a_reason(desk):
    here = desk(Behaviour.SILENT_NOT_TAKEN)
    payment = here.take()
    with pytest.raises(RuleViolated):
        here.payments.give_up(payment.id, reason=" ")
    assert here.payments.give_up(payment.id, reason="gateway closed down").status is S.FAILED


def test_a_refund_goes_back_through_the_gateway(desk):
    here = desk()
    payment = here.take()
    refund = here.payments.refund(payment.id, amount=som("50.00"), idempotency_key="r")
    assert refund.status is RefundStatus.PAID
    assert here.payments.refund(payment.id, amount=som("50.00"), idempotency_key="r").replayed
    assert here.balance() == "100.00"
    assert here.payments.get(payment.id).refundable == som("100.00")
    with pytest.raises(RefundTooLarge):
        here.payments.refund(payment.id, amount=som("100.01"))
    kinds = [entry.kind for entry in here.entries()]
    assert kinds == ["payment", "refund_requested", "refund_paid"]


def test_a_payment_past_the_limit_of_who_takes_it_is_refused_and_a_replay_is_not(desk):
    here = desk()
    small = Rights(limits={Limit.PAYMENT: Decimal(100)})
    here.take("100.00", rights=small)
    with pytest.raises(RuleViolated, match=r"100\.01 KGS is more than your role allows") as caught:
        here.take("100.01", rights=small)
    assert caught.value.rule == PAST_LIMIT
    assert here.balance() == "100.00"
    taken = here.take("500.00", idempotency_key="k")
    again = here.take("500.00", idempotency_key="k", rights=small)
    assert (again, again.replayed) == (taken, True)


def test_parts_of_a_payment_are_together_no_more_than_one_decides_alone(desk):
    here = desk()
    payment = here.take()
    rights = attrs.evolve(ALL_RIGHTS, limits={Limit.REFUND: Decimal(100)})
    part = {"amount": som("60.00"), "rights": rights}
    first = here.payments.refund(payment.id, **part, idempotency_key="1")
    for key in (None, "2"):
        with pytest.raises(RuleViolated, match="of the payment is more") as caught:
            here.payments.refund(payment.id, **part, idempotency_key=key)
        assert caught.value.rule == FOUR_EYES
    assert here.payments.get(payment.id).refunded == som("60.00")
    for asked in (rights, attrs.evolve(rights, limits={Limit.REFUND: Decimal(1)})):
        again = here.payments.refund(payment.id, **part | {"rights": asked}, idempotency_key="1")
        assert (again, again.replayed) == (first, True)
    here.payments.refund(payment.id, amount=som("40.00"), rights=rights)
    with pytest.raises(RuleViolated):
        here.payments.refund(payment.id, amount=som("0.01"), rights=rights)
    assert here.payments.refund(payment.id, amount=som("50.00")).status is RefundStatus.PAID


def test_a_refund_that_failed_counts_for_nothing(desk):
    here = desk(Behaviour.CONFIRM, Behaviour.DECLINE, Behaviour.CONFIRM)
    payment = here.take()
    rights = attrs.evolve(ALL_RIGHTS, limits={Limit.REFUND: Decimal(100)})
    for end in (RefundStatus.FAILED, RefundStatus.PAID):
        refund = here.payments.refund(payment.id, amount=som("60.00"), rights=rights)
        assert refund.status is end


def test_a_refused_refund_is_taken_back(desk):
    here = desk(Behaviour.CONFIRM, Behaviour.DECLINE)
    payment = here.take()
    assert here.payments.refund(payment.id, amount=som("50.00")).status is RefundStatus.FAILED
    assert here.balance() == "150.00"
    assert here.payments.get(payment.id).refundable == som("150.00")


def test_a_silent_refund_is_asked_about(desk, clock):
    here = desk(Behaviour.CONFIRM, Behaviour.SILENT_TAKEN)
    payment = here.take()
    refund = here.payments.refund(payment.id, amount=som("50.00"))
    assert refund.status is RefundStatus.UNKNOWN
    assert here.payments.repair() == 0, "too early to ask"
    clock.pass_(minutes=6)
    assert here.payments.repair() == 1
    (refund,) = here.payments.refunds_of(payment.id)
    assert refund.status is RefundStatus.PAID
    assert here.balance() == "100.00"


def test_a_gateway_that_is_away_does_not_undo_a_refund_it_may_have_paid(desk, clock):
    told = iter([Behaviour.CONFIRM, Behaviour.SILENT_TAKEN, Behaviour.UNAVAILABLE])
    here = desk(script=lambda _: next(told, Behaviour.CONFIRM))
    payment = here.take()
    here.payments.refund(payment.id, amount=som("50.00"))
    clock.pass_(minutes=6)
    assert here.payments.repair() == 0
    assert here.payments.refunds_of(payment.id)[0].status is RefundStatus.UNKNOWN
    assert here.payments.repair() == 1
    assert here.payments.refunds_of(payment.id)[0].status is RefundStatus.PAID


def test_money_that_is_spent_cannot_be_refunded(desk):
    here = desk()
    payment = here.take()
    other = here.take("1.00")
    here.payments.reverse(other.id, reason="by mistake")
    here.payments.refund(payment.id, amount=som("100.00"))
    with pytest.raises(RefundTooLarge):
        here.payments.refund(payment.id, amount=som("60.00"))
    disputed = here.take("10.00")
    here.payments.dispute(disputed.id)
    here.payments.lose_dispute(disputed.id)
    here.payments.refund(payment.id, amount=som("50.00"))
    last = here.take("5.00")
    lost = here.take("5.00")
    here.payments.dispute(lost.id)
    here.payments.lose_dispute(lost.id)
    assert here.balance() == "5.00"
    assert here.payments.refund(last.id, amount=som("5.00")).status is RefundStatus.PAID
    with pytest.raises(IllegalTransition):
        here.payments.refund(lost.id, amount=som("1.00"))


def test_what_is_held_back_is_not_refunded(desk):
    here = desk()
    payment = here.take()
    reserve_all(here)
    with pytest.raises(InsufficientFunds):
        here.payments.refund(payment.id, amount=som("0.01"))


@pytest.mark.parametrize("policy", [PREPAID, POSTPAID])
def test_credit_is_never_refunded(desk, policy):
    here = desk()
    payment = here.take()
    here.change(lambda one: one.choose_policy(policy, by=CLERK, at=here.payments.clock()))
    until = here.payments.clock() + timedelta(days=1)
    here.change(
        lambda one: one.promise_payment(
            som("500.00"), until=until, by=CLERK, at=here.payments.clock()
        )
    )
    here.spend("100.00")
    with pytest.raises(InsufficientFunds, match=r"50\.00 KGS of the subscriber's own money"):
        here.payments.refund(payment.id, amount=som("50.01"))
    assert here.payments.refund(payment.id, amount=som("50.00")).status is RefundStatus.PAID
    assert here.state().own_money == som("0.00")
    assert here.state().available >= som("500.00")


def reserve_all(here):
    with here.payments.uow() as tx:
        minor = here.state().balance.balance.minor
        tx.ledger.post([Posting(account_id=ACCOUNT, reserve=minor)], at=here.payments.clock())


def test_disputes_won_and_lost(desk):
    here = desk()
    won, lost = here.take(), here.take("20.00")
    here.payments.dispute(won.id)
    assert here.balance() == "170.00", "a dispute does not touch the subscriber before it is lost"
    assert here.payments.win_dispute(won.id).status is S.CONFIRMED
    here.payments.dispute(lost.id)
    assert here.payments.lose_dispute(lost.id).status is S.CHARGED_BACK
    assert here.balance() == "150.00"
    with here.payments.uow(read_only=True) as tx:
        assert list(tx.ledger.differences()) == []


def test_a_dispute_is_over_what_was_disputed_whatever_is_refunded_meanwhile(desk, clock):
    here = desk(Behaviour.CONFIRM, Behaviour.SILENT_NOT_TAKEN, Behaviour.CONFIRM)
    payment = here.take()
    here.payments.refund(payment.id, amount=som("50.00"))
    here.payments.dispute(payment.id)
    clock.pass_(minutes=6)
    assert here.payments.repair() == 1, "the refund is paid while the dispute is open"
    here.payments.lose_dispute(payment.id)
    with here.payments.uow(read_only=True) as tx:
        lines = {line.code.value: line for line in tx.ledger.trial_balance()}
    assert lines["1150"].debit == lines["1150"].credit == som("100.00")
    whole = here.take("10.00")
    here.payments.refund(whole.id, amount=som("10.00"))
    with pytest.raises(RuleViolated, match="refunded already"):
        here.payments.dispute(whole.id)


def test_a_payment_is_reversed_whole_and_once(desk):
    here = desk()
    payment = here.take()
    assert here.payments.reverse(payment.id, reason="wrong number").status is S.REVERSED
    assert here.balance() == "0.00"
    with pytest.raises(IllegalTransition):
        here.payments.reverse(payment.id, reason="again")


def test_money_resumes_what_was_suspended_for_money(desk, uow, clock):
    here = desk()
    with uow() as tx:
        account = tx.accounts.get(ACCOUNT)
        contract = UUID(int=3)
        tx.accounts.save(account.hold_for_money(1, contract, by=CLERK, at=clock()))
    here.take(gateway="cash_desk")
    here.take()
    assert here.resumed == [ACCOUNT, ACCOUNT]


def test_every_change_names_who_and_from_which_token(desk):
    here = desk()
    payment = here.take()
    with here.payments.uow(read_only=True) as tx:
        history = tx.events.of("payment", str(payment.id))
    assert [event.name for event in history] == [
        "PaymentInitiated",
        "PaymentSent",
        "PaymentConfirmed",
    ]
    assert {event.by for event in history} == {CLERK}
    assert [event.sequence for event in history] == [1, 2, 3]
