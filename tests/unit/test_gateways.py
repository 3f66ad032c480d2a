from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

import attrs
import pytest

from telecom_crm.adapters.gateways.cash_desk import CashDesk
from telecom_crm.adapters.gateways.script import MAGIC, Behaviour
from telecom_crm.adapters.gateways.simulator import (
    SIGNATURE_HEADER,
    Callback,
    SimulatorGateway,
)
from telecom_crm.adapters.phones import NationalPhones
from telecom_crm.application.ports import (
    GatewayNotice,
    GatewayReceipt,
    GatewayUnavailable,
    GatewayUncertain,
    Outcome,
    Payer,
    PaymentGateway,
    TrialGateway,
)
from telecom_crm.domain.errors import InvalidValue, NotPermitted
from telecom_crm.domain.identifiers import MSISDN, AccountId, EntryId, PaymentId, RefundId
from telecom_crm.domain.ledger import LedgerCode
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment, PaymentMethod
from telecom_crm.domain.refund import Refund, RefundStatus

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
B = Behaviour


def payment(minor=15000, number=1) -> Payment:
    return Payment.initiate(
        id=PaymentId(UUID(int=number)),
        account_id=AccountId(UUID(int=99)),
        contract_id=None,
        amount=Money(minor, "KGS"),
        method=PaymentMethod.CARD,
        gateway="simulator",
        by=Actor("aida"),
        at=AT,
    )


def refund(minor=5000, number=7) -> Refund:
    return Refund(
        id=RefundId(UUID(int=number)),
        payment_id=PaymentId(UUID(int=1)),
        account_id=AccountId(UUID(int=99)),
        amount=Money(minor, "KGS"),
        gateway="simulator",
        reason="",
        requested_entry_id=EntryId(UUID(int=5)),
        status=RefundStatus.PENDING,
    )


def simulator(*script, **given) -> SimulatorGateway:
    return SimulatorGateway(secret="s3cret", script=script or None, **given)


def test_fits_the_port():
    for gateway in (simulator(), CashDesk()):
        port: PaymentGateway = gateway
        assert port.name in ("simulator", "cash_desk")
    assert simulator().ledger_code is LedgerCode.GATEWAY_CLEARING
    assert not simulator().takes_at_once


def test_what_takes_no_real_money_tells_which_amounts_do_not_just_succeed():
    trial: TrialGateway = simulator()
    assert trial.trial_endings == {Outcome.DECLINED: (1,), Outcome.PENDING: (2, 3, 4)}
    assert simulator(Behaviour.DECLINE).trial_endings == {}
    assert not isinstance(CashDesk(), TrialGateway)


def test_a_cash_desk_has_the_money_at_once():
    desk = CashDesk()
    assert (desk.ledger_code, desk.takes_at_once) == (LedgerCode.CASH_DESK, True)
    answer = desk.charge(payment())
    assert (answer.outcome, answer.reference) == (Outcome.CONFIRMED, payment().key)
    assert answer.amount == payment().amount
    assert desk.refund(refund(), payment()).outcome is Outcome.CONFIRMED
    with pytest.raises(NotPermitted):
        desk.read_callback(body=b"{}", headers={})


def test_asking_twice_never_charges_twice():
    gateway = simulator()
    first = gateway.charge(payment())
    assert first.outcome is Outcome.CONFIRMED
    assert gateway.charge(payment()) == gateway.ask(payment()) == first
    assert gateway.total("KGS") == payment().amount
    assert gateway.ask(payment(number=2)).outcome is Outcome.NOT_KNOWN


@pytest.mark.parametrize(
    ("behaviour", "error", "told", "truth", "moved"),
    [
        (B.CONFIRM, None, Outcome.CONFIRMED, Outcome.CONFIRMED, 15000),
        (B.TWICE, None, Outcome.CONFIRMED, Outcome.CONFIRMED, 15000),
        (B.EARLY, None, Outcome.CONFIRMED, Outcome.CONFIRMED, 15000),
        (B.LATER, None, Outcome.PENDING, Outcome.PENDING, 0),
        (B.DECLINE, None, Outcome.DECLINED, Outcome.DECLINED, 0),
        (B.SILENT_TAKEN, GatewayUncertain, None, Outcome.CONFIRMED, 15000),
        (B.SILENT_NOT_TAKEN, GatewayUncertain, None, Outcome.NOT_KNOWN, 0),
        (B.UNAVAILABLE, GatewayUnavailable, None, Outcome.NOT_KNOWN, 0),
    ],
)
def test_behaves_as_it_is_told(behaviour, error, told, truth, moved):
    gateway = simulator(behaviour)
    if error:
        with pytest.raises(error):
            gateway.charge(payment())
    else:
        assert gateway.charge(payment()).outcome is told
    assert gateway.total("KGS").minor == moved
    assert gateway.ask(payment()).outcome is truth


def test_every_behaviour_but_the_plain_one_has_an_amount():
    assert set(MAGIC.values()) == set(Behaviour) - {B.CONFIRM}
    for digits, behaviour in MAGIC.items():
        by_amount, told = SimulatorGateway(secret="s"), simulator(behaviour)
        same: list[object] = []
        for gateway in (by_amount, told):
            try:
                same.append(gateway.charge(payment(15000 + digits)))
            except (GatewayUncertain, GatewayUnavailable) as error:
                same.append(repr(error))
        assert same[0] == same[1]


def test_lies_once_or_insists():
    liar = simulator(B.LIE)
    assert liar.charge(payment()).amount == Money(15001, "KGS")
    assert liar.ask(payment()).amount == liar.total("KGS") == payment().amount
    stubborn = simulator(B.INSIST)
    assert stubborn.charge(payment()).amount == Money(15001, "KGS")
    assert stubborn.ask(payment()).amount == stubborn.total("KGS") == Money(15001, "KGS")


def test_confirms_later_by_callback():
    got: list[Callback] = []
    gateway = simulator(B.LATER)
    gateway.charge(payment())
    assert gateway.deliver(got.append) == 1
    notice = gateway.read_callback(body=got[0].body, headers=got[0].headers)
    assert isinstance(notice, GatewayNotice)
    assert notice.payment_id == payment().id
    assert notice.answer == gateway.ask(payment())
    assert gateway.deliver(got.append) == 0


def test_what_nobody_settles_is_confirmed_when_asked_again():
    gateway = simulator(B.LATER)
    gateway.charge(payment())
    assert gateway.ask(payment()).outcome is Outcome.PENDING
    assert gateway.ask(payment()).outcome is Outcome.CONFIRMED


def test_a_callback_comes_before_the_call_returns():
    order = []
    gateway = simulator(B.EARLY, listener=lambda _: order.append("callback"))
    gateway.charge(payment())
    order.append("returned")
    assert order == ["callback", "returned"]
    assert gateway.pending_callbacks() == []


def test_tells_of_a_payment_it_was_never_asked_for():
    gateway = simulator()
    callback = gateway.callback_for(payment())
    notice = gateway.read_callback(body=callback.body, headers=callback.headers)
    assert isinstance(notice, GatewayNotice)
    assert notice.answer.amount == gateway.total("KGS") == payment().amount
    assert gateway.charge(payment()).outcome is Outcome.CONFIRMED
    assert gateway.total("KGS") == payment().amount


def test_takes_money_by_itself_for_whatever_was_typed():
    gateway = simulator()
    told = {typed: gateway.take_by_itself(typed, Money(700, "KGS")) for typed in PAYERS}
    read = (gateway.read_callback(body=one.body, headers=one.headers) for one in told.values())
    found = [one for one in read if isinstance(one, GatewayReceipt)]
    assert [(one.told, one.payer) for one in found] == list(PAYERS.items())
    assert len({one.reference for one in found}) == len(PAYERS)
    assert gateway.total("KGS") == Money(700 * len(PAYERS), "KGS")
    assert gateway.deliver(lambda _: None) == len(PAYERS)


def test_what_is_typed_at_a_terminal_is_read_as_it_is_dialled():
    gateway = simulator(read_phone=NationalPhones("KG"))
    one = gateway.take_by_itself("0700 123-456", Money(700, "KGS"))
    receipt = gateway.read_callback(body=one.body, headers=one.headers)
    assert isinstance(receipt, GatewayReceipt)
    assert (receipt.told, receipt.payer) == ("0700 123-456", PAYERS["+996700123456"])


PAYERS = {
    "+996700123456": Payer(msisdn=MSISDN("996700123456")),
    str(UUID(int=9)): Payer(account_id=AccountId(UUID(int=9))),
    "0555 12": None,
}


def test_a_callback_that_was_not_taken_comes_again():
    got: list[Callback] = []
    gateway = simulator(B.TWICE)
    gateway.charge(payment())

    def refuse(_):
        raise ConnectionError

    with pytest.raises(ConnectionError):
        gateway.deliver(refuse)
    assert gateway.deliver(got.append) == 2
    assert got[0] == got[1]


def test_forged_callbacks_are_refused():
    gateway = simulator()
    callback = gateway.callback_for(payment())
    right = callback.headers[SIGNATURE_HEADER]
    read = gateway.read_callback
    assert read(body=callback.body, headers={SIGNATURE_HEADER.lower(): right})
    for headers in ({}, {SIGNATURE_HEADER: ""}, {SIGNATURE_HEADER: "é"}, {"X-Other": right}):
        with pytest.raises(NotPermitted):
            read(body=callback.body, headers=headers)
    with pytest.raises(NotPermitted):
        read(body=callback.body + b" ", headers=callback.headers)
    other = SimulatorGateway(secret="other").sign(callback.body)
    with pytest.raises(NotPermitted):
        read(body=other.body, headers=other.headers)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"\xff", {"body"}),
        (b"[1]", {"body"}),
        (b"[" * 100_000, {"body"}),
        (b"{}", {"payment_id", "outcome"}),
        (b'{"payment_id": 5, "outcome": ["x"]}', {"payment_id", "outcome"}),
        (b'{"payment_id": "x", "outcome": "happy", "amount": "1e9", "currency": "KGS"}',
         {"payment_id", "outcome", "amount"}),
        (json.dumps({"payment_id": str(UUID(int=1)), "outcome": "confirmed"}).encode(), {"amount"}),
        (b'{"payer": "996700123456", "amount": "x", "currency": "KGS"}', {"amount", "reference"}),
        (b'{"payer": "me", "amount": "-1", "currency": "KGS", "reference": "r"}', {"amount"}),
    ],
)  # fmt: skip
def test_nonsense_with_the_right_signature_is_told(body, fields):
    gateway = simulator()
    callback = gateway.sign(body)
    with pytest.raises(InvalidValue) as caught:
        gateway.read_callback(body=callback.body, headers=callback.headers)
    assert {fault.field for fault in caught.value.faults} == fields


def test_refunds_go_the_same_ways():
    gateway = simulator(B.CONFIRM, B.SILENT_TAKEN, B.DECLINE, B.LATER, B.SILENT_NOT_TAKEN)
    gateway.charge(payment())
    with pytest.raises(GatewayUncertain):
        gateway.refund(refund(), payment())
    assert gateway.refund(refund(), payment()).outcome is Outcome.CONFIRMED
    assert gateway.refund(refund(number=8), payment()).outcome is Outcome.DECLINED
    later = refund(number=9)
    outcomes = [gateway.refund(later, payment()).outcome for _ in range(3)]
    assert outcomes == [Outcome.PENDING, Outcome.PENDING, Outcome.CONFIRMED]
    lost = refund(number=10)
    with pytest.raises(GatewayUncertain):
        gateway.refund(lost, payment())
    assert gateway.total("KGS").minor == 15000 - 5000 - 5000
    assert gateway.refund(lost, payment()).outcome is Outcome.CONFIRMED
    assert [(deal.kind, deal.moved.minor) for deal in gateway.report()].count(("refund", 5000)) == 3


def test_a_function_may_fail_any_call():
    def script(call):
        return B.UNAVAILABLE if (call.operation, call.attempt) == ("ask", 1) else None

    gateway = SimulatorGateway(secret="s", script=script)
    gateway.charge(payment())
    with pytest.raises(GatewayUnavailable):
        gateway.ask(payment())
    assert gateway.ask(payment()).outcome is Outcome.CONFIRMED


def test_books_outlive_the_process_and_are_shared(tmp_path):
    books = tmp_path / "gateway.jsonl"
    one, two = simulator(B.SILENT_TAKEN, B.LATER, state_file=books), simulator(state_file=books)
    with pytest.raises(GatewayUncertain):
        one.charge(payment())
    assert two.ask(payment()).outcome is Outcome.CONFIRMED  # what another process took
    one.charge(payment(number=2))
    got: list[Callback] = []
    again = simulator(state_file=books)
    assert again.charge(payment()).outcome is Outcome.CONFIRMED
    assert again.deliver(got.append) == 1
    assert simulator(state_file=books).report() == one.report()
    assert one.total("KGS").minor == 30000


def test_a_line_that_was_cut_off_is_forgotten(tmp_path):
    books = tmp_path / "gateway.jsonl"
    simulator(state_file=books).charge(payment())
    whole = books.read_bytes()
    books.write_bytes(whole + whole[: len(whole) // 2])
    gateway = simulator(state_file=books)
    assert gateway.ask(payment(number=2)).outcome is Outcome.NOT_KNOWN
    gateway.charge(payment(number=2))
    assert simulator(state_file=books).total("KGS").minor == 30000


def test_many_threads_charge_each_payment_once(tmp_path):
    gateway = simulator(state_file=tmp_path / "books")
    start = threading.Barrier(8)

    def charge(_):
        start.wait()
        return [gateway.charge(payment(number=number)).reference for number in range(1, 21)]

    with ThreadPoolExecutor(8) as pool:
        assert len(set(map(tuple, pool.map(charge, range(8))))) == 1
    assert gateway.total("KGS").minor == 20 * 15000


def test_needs_a_secret():
    with pytest.raises(InvalidValue):
        SimulatorGateway(secret="")
    assert "s3cret" not in repr(attrs.asdict(simulator().sign(b"x")))
