"""A payment gateway that behaves, and misbehaves, as it is told: for tests and demos."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import attrs

from telecom_crm.adapters.gateways.books import Books, Deal, DealState
from telecom_crm.adapters.gateways.notices import read_notice
from telecom_crm.adapters.gateways.script import (
    NOT_REACHED,
    Behaviour,
    Call,
    Script,
    by_amount,
    endings,
    in_turn,
)
from telecom_crm.application.ports import (
    GatewayAnswer,
    GatewayNotice,
    GatewayReceipt,
    GatewayUnavailable,
    GatewayUncertain,
    Outcome,
    ReadPhone,
)
from telecom_crm.domain.errors import InvalidValue, NotPermitted
from telecom_crm.domain.identifiers import MSISDN
from telecom_crm.domain.ledger import LedgerCode
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment
from telecom_crm.domain.refund import Refund

SIGNATURE_HEADER = "X-Simulator-Signature"
"""HMAC-SHA256 of the body under the shared secret, in hex."""

_OUTCOMES = {
    DealState.PENDING: Outcome.PENDING,
    DealState.DONE: Outcome.CONFIRMED,
    DealState.DECLINED: Outcome.DECLINED,
}
_STATES = {Behaviour.DECLINE: DealState.DECLINED, Behaviour.LATER: DealState.PENDING}


@attrs.frozen(kw_only=True)
class Callback:
    """What the gateway sends us over HTTP."""

    body: bytes
    headers: Mapping[str, str]


Receive = Callable[[Callback], object]


class SimulatorGateway:
    """
    Takes no real money, and keeps true books of what it would have taken.

    `script` says how calls go: a function, behaviours in turn, or nothing for the magic amounts of
    `script.MAGIC`. With a `state_file` the books outlive the process, and processes share them.
    `listener` gets the callbacks that come before a call returns; without one they wait for
    `deliver`.
    """

    def __init__(
        self,
        *,
        secret: str,
        name: str = "simulator",
        script: Script | Iterable[Behaviour] | None = None,
        state_file: Path | None = None,
        listener: Receive | None = None,
        read_phone: ReadPhone = MSISDN,
    ) -> None:
        if not secret:
            raise InvalidValue.of("secret", "secret", "a secret to sign callbacks with")
        self._secret = secret.encode()
        self._name = name
        if script is None or callable(script):
            self._script: Script = script or by_amount
        else:
            self._script = in_turn(script)
        self._books = Books(state_file)
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self.listener = listener
        self._read_phone = read_phone

    @property
    def name(self) -> str:
        return self._name

    @property
    def ledger_code(self) -> LedgerCode:
        return LedgerCode.GATEWAY_CLEARING

    @property
    def takes_at_once(self) -> bool:
        return False

    @property
    def trial_endings(self) -> Mapping[Outcome, tuple[int, ...]]:
        """By which minor units modulo 100 an amount does not just succeed; none with a script."""
        return endings() if self._script is by_amount else {}

    def charge(self, payment: Payment) -> GatewayAnswer:
        """Take the money, as the script says; again, it is answered from its books."""
        return self._move("charge", payment.key, payment.key, payment.amount)

    def ask(self, payment: Payment) -> GatewayAnswer:
        """Tell what became of a payment: from its books, unless the script has the call fail."""
        self._fail_if_told(self._behaviour("ask", payment.key, payment.amount))
        with self._books.opened() as books:
            deal = books.get("charge", payment.key)
            if deal is None:
                return GatewayAnswer(outcome=Outcome.NOT_KNOWN)
            return _truth(books.put(_asked(deal)))

    def refund(self, refund: Refund, payment: Payment) -> GatewayAnswer:
        """Give money back, as the script says; again, it is answered from its books."""
        return self._move("refund", refund.key, payment.key, refund.amount)

    def read_callback(
        self, *, body: bytes, headers: Mapping[str, str]
    ) -> GatewayNotice | GatewayReceipt:
        """Read a callback; raise `NotPermitted` where it is forged, `InvalidValue` for nonsense."""
        given = {name.lower(): value for name, value in headers.items()}
        signature = given.get(SIGNATURE_HEADER.lower(), "")
        # As bytes, since compare_digest refuses text that is not ASCII.
        if not hmac.compare_digest(self._signature(body).encode(), signature.encode()):
            raise NotPermitted(f"send callbacks for {self._name}")
        return read_notice(body, self._read_phone)

    def sign(self, body: bytes) -> Callback:
        """Return any body as a callback with our signature."""
        return Callback(body=body, headers={SIGNATURE_HEADER: self._signature(body)})

    def callback_for(self, payment: Payment, *, amount: Money | None = None) -> Callback:
        """Take a payment without being asked to, and return the callback that tells of it."""
        took = amount or payment.amount
        with self._books.opened() as books:
            deal = books.get("charge", payment.key) or books.put(
                _new_deal("charge", payment.key, payment.key, took, Behaviour.CONFIRM)
            )
        return self._callback(deal)

    def take_by_itself(self, payer: str, amount: Money) -> Callback:
        """
        Take money at the gateway's own terminal, for whatever was typed there; return the callback
        that tells of it, which waits for `deliver` as well.
        """
        with self._books.opened() as books:
            id = f"terminal-{1 + sum(bool(deal.payer) for deal in books.all())}"
            deal = _new_deal("charge", id, "", amount, Behaviour.CONFIRM)
            books.put(attrs.evolve(deal, payer=payer, notices=1))
        return self._callback(attrs.evolve(deal, payer=payer))

    def settle(self) -> int:
        """Finish what is pending, as if the subscribers now paid; return how many there were."""
        with self._books.opened() as books:
            pending = [deal for deal in books.all() if deal.state is DealState.PENDING]
            for deal in pending:
                books.put(_settled(deal))
        return len(pending)

    def pending_callbacks(self) -> list[Callback]:
        """Return the callbacks that were not delivered yet, each as often as it will come."""
        with self._books.opened() as books:
            return [self._callback(deal) for deal in books.all() for _ in range(deal.notices)]

    def deliver(self, receive: Receive) -> int:
        """
        Settle what is pending and hand over every waiting callback; return how many.

        One whose receiver raises stays waiting, to be sent again, and the exception goes on.
        """
        self.settle()
        delivered = 0
        while (deal := self._next_notice()) is not None:
            receive(self._callback(deal))
            self._count_notice(deal)
            delivered += 1
        return delivered

    def report(self) -> tuple[Deal, ...]:
        """Return the gateway's own account of everything that moved, as it is settled with us."""
        with self._books.opened() as books:
            return tuple(deal for deal in books.all() if deal.state is DealState.DONE)

    def total(self, currency: str) -> Money:
        """Return what it truly took less what it gave back: what our clearing account must show."""
        signs = {"charge": 1, "refund": -1}
        moved = [deal for deal in self.report() if deal.moved.currency == currency]
        return Money(sum(signs[deal.kind] * deal.moved.minor for deal in moved), currency)

    def _move(self, kind: str, id: str, payment_id: str, amount: Money) -> GatewayAnswer:
        behaviour = self._behaviour(kind, id, amount)
        self._fail_if_told(behaviour)
        with self._books.opened() as books:
            deal = books.get(kind, id)
            if deal is not None:
                deal, behaviour = books.put(_asked(deal)), Behaviour.CONFIRM
            else:
                deal = books.put(_new_deal(kind, id, payment_id, amount, behaviour))
        if behaviour is Behaviour.EARLY and self.listener is not None and kind == "charge":
            self.listener(self._callback(deal))
            self._count_notice(deal)
        if behaviour is Behaviour.SILENT_TAKEN:
            raise GatewayUncertain(self._name, "no answer in time")
        answer = _truth(deal)
        return attrs.evolve(answer, amount=deal.told) if behaviour is Behaviour.LIE else answer

    def _behaviour(self, operation: str, id: str, amount: Money) -> Behaviour:
        with self._lock:
            self._attempts[operation, id] += 1
            attempt = self._attempts[operation, id]
        call = Call(operation=operation, id=id, amount=amount, attempt=attempt)
        return self._script(call) or by_amount(call)

    def _fail_if_told(self, behaviour: Behaviour) -> None:
        if behaviour is Behaviour.UNAVAILABLE:
            raise GatewayUnavailable(self._name, "not reached")
        if behaviour in NOT_REACHED:
            raise GatewayUncertain(self._name, "no answer in time")

    def _next_notice(self) -> Deal | None:
        with self._books.opened() as books:
            return next((deal for deal in books.all() if deal.notices), None)

    def _count_notice(self, deal: Deal) -> None:
        with self._books.opened() as books:
            now = books.get(deal.kind, deal.id) or deal
            books.put(attrs.evolve(now, notices=max(0, now.notices - 1)))

    def _callback(self, deal: Deal) -> Callback:
        told = {
            "payment_id": deal.payment_id,
            "payer": deal.payer,
            "outcome": _OUTCOMES[deal.state].value,
            "reference": deal.reference,
            "amount": deal.told.amount,
            "currency": deal.told.currency,
            "reason": deal.reason,
        }
        return self.sign(json.dumps(told).encode())

    def _signature(self, body: bytes) -> str:
        return hmac.new(self._secret, body, hashlib.sha256).hexdigest()


def _new_deal(kind: str, id: str, payment_id: str, amount: Money, behaviour: Behaviour) -> Deal:
    more = Money(amount.minor + 1, amount.currency)
    insists = behaviour is Behaviour.INSIST
    notices = {Behaviour.TWICE: 2, Behaviour.EARLY: 1}.get(behaviour, 0)
    return Deal(
        kind=kind,
        id=id,
        payment_id=payment_id,
        moved=more if insists else amount,
        told=more if insists or behaviour is Behaviour.LIE else amount,
        reference=f"sim-{hashlib.sha256(f'{kind}:{id}'.encode()).hexdigest()[:20]}",
        state=_STATES.get(behaviour, DealState.DONE),
        reason="declined by the simulator" if behaviour is Behaviour.DECLINE else "",
        # Only a charge has callbacks: a notice names a payment and says nothing of refunds.
        notices=notices if kind == "charge" else 0,
    )


def _asked(deal: Deal) -> Deal:
    """Return the deal once more asked about: the second time, what was pending is settled."""
    asked = attrs.evolve(deal, asked=deal.asked + 1)
    return _settled(asked) if asked.asked > 1 and asked.state is DealState.PENDING else asked


def _settled(deal: Deal) -> Deal:
    return attrs.evolve(deal, state=DealState.DONE, notices=1 if deal.kind == "charge" else 0)


def _truth(deal: Deal) -> GatewayAnswer:
    return GatewayAnswer(
        outcome=_OUTCOMES[deal.state],
        reference=deal.reference,
        amount=deal.moved,
        reason=deal.reason,
    )
