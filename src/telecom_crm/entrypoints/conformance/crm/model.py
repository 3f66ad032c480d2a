"""What the whole-CRM machine expects: integers, words and dictionaries, and nothing of the code."""

from __future__ import annotations

from typing import Any

import attrs

from telecom_crm.entrypoints.conformance.samples import CREDIT

FIRST_FEES = 11_000
"""What an activation costs on the sample tariff: 10.00 to begin and 100.00 for the month."""
LOW_BALANCE = 2_000
"""Below what is available somebody who pays first is told."""
MONEY_HOLDS = {"low_balance", "non_payment"}
LIVE = {"accepted", "activating", "active", "suspended"}
SERVED = {"active", "suspended"}
OPEN = {"draft", *LIVE}


@attrs.define
class Account:
    """One account's counters, in minor units."""

    customer: Any
    postpaid: bool
    subscriber: int = 0
    receivable: int = 0
    unbilled: int = 0
    reserved: int = 0
    written_off: int = 0
    lost_in_disputes: int = 0
    """How much of what disputes took was given up."""
    owed_back: int = 0
    """What a closed account's customer is still to be paid."""
    used: bool = False
    """Whether an activation has been asked for."""
    seen: int = 0
    """What was available when it was last looked at."""
    warned: int = 0
    """How often it was told that little is left."""
    overdrawn: bool = False
    """Whether it fell below zero and nothing was done about it yet."""

    def look(self) -> None:
        """Notice a fall below a line, of an account that pays first."""
        if self.used and not self.postpaid:
            self.warned += self.seen >= LOW_BALANCE > self.available
            self.overdrawn = self.overdrawn or self.seen >= 0 > self.available
        self.seen = self.available

    @property
    def owed(self) -> int:
        return max(self.receivable, 0) + max(-self.subscriber, 0)

    def owe(self, minor: int) -> None:
        """Owe more: on bills, or by a balance below zero."""
        if self.postpaid:
            self.receivable += minor
        else:
            self.subscriber -= minor

    @property
    def balance(self) -> int:
        return self.subscriber - self.receivable - self.unbilled

    @property
    def available(self) -> int:
        return self.balance + (CREDIT if self.postpaid else 0) - self.reserved

    @property
    def own(self) -> int:
        return self.balance - self.reserved

    def receive(self, minor: int) -> tuple[int, int]:
        """Take money in, bills first; return what went to bills and what to the balance."""
        owed = min(max(self.receivable, 0), minor)
        self.receivable -= owed
        self.subscriber += minor - owed
        return owed, minor - owed

    def spend(self, minor: int) -> None:
        """Be charged a fee."""
        if self.postpaid:
            self.unbilled += minor
        else:
            self.subscriber -= minor

    def promise_back(self, minor: int) -> tuple[int, int]:
        """Owe money back; return what came off bills' side and what off the balance."""
        has = min(max(self.subscriber, 0), minor)
        if self.receivable <= 0 and self.unbilled <= 0:
            has = minor
        self.subscriber -= has
        self.receivable += minor - has
        return minor - has, has

    def settle(self) -> None:
        """Pay bills from what there is, keep what is to be billed, and owe back the rest."""
        has = max(self.subscriber, 0)
        on_bills = min(has, max(self.receivable, 0))
        left = max(has - on_bills - max(self.unbilled, 0), 0)
        self.receivable -= on_bills
        self.subscriber -= on_bills + left
        self.owed_back += left

    def shift(self, parts: tuple[int, int], *, sign: int) -> None:
        """Move (bills, balance) once more, or back."""
        self.receivable -= sign * parts[0]
        self.subscriber += sign * parts[1]


@attrs.define
class Contract:
    """One contract."""

    customer: Any
    account: Any
    sim: Any
    number: Any
    status: str = "accepted"
    holds: set[str] = attrs.field(factory=set)
    task: str = ""
    """How the network's task of an activation stands: pending, running or failed."""
    letting_go: bool = False
    """Whether the network is still to let go of an activation given up, or of who paid before."""
    taken_over: bool = False
    """Whether it has the SIM and the number of a contract that somebody else paid."""

    @property
    def bars(self) -> set[str]:
        """What all its holds bar together."""
        own = {"outgoing", "data"} if self.holds else set()
        return own | ({"incoming"} if self.holds - MONEY_HOLDS else set())


@attrs.define
class Deal:
    """What a gateway has truly done with a charge or a refund, under one id."""

    state: str = "unheard"
    moved: int = 0
    asked: int = 0
    notices: int = 0

    def ask(self) -> None:
        """Be asked once more: the second time, what was pending is done."""
        self.asked += 1
        if self.state == "pending" and self.asked > 1:
            self.settle()

    def settle(self) -> None:
        """Be finished, and say so by a callback."""
        self.state, self.notices = "done", 1


@attrs.define
class Payment:
    """
    One payment, and the parts of it that came to bills and to the balance.

    `account` None is money for nobody we know; `receipt` the payment of that kind that this was.
    """

    account: Any
    gateway: str
    minor: int
    status: str = "pending"
    deal: Deal = attrs.field(factory=Deal)
    parts: tuple[int, int] = (0, 0)
    refunded: int = 0
    posted: bool = False
    receipt: Any = None

    @property
    def left(self) -> int:
        return self.minor - self.refunded


@attrs.define
class Refund:
    """One refund, and the parts of it that came off bills and off the balance."""

    payment: Any
    minor: int
    parts: tuple[int, int]
    status: str = "pending"
    deal: Deal = attrs.field(factory=Deal)


@attrs.define
class Model:
    """Everything that the CRM should hold."""

    customers: dict[str, Any] = attrs.field(factory=dict)
    """By document number."""
    accounts: dict[Any, Account] = attrs.field(factory=dict)
    contracts: dict[Any, Contract] = attrs.field(factory=dict)
    payments: dict[Any, Payment] = attrs.field(factory=dict)
    refunds: dict[Any, Refund] = attrs.field(factory=dict)
    sims: dict[Any, Any] = attrs.field(factory=dict)
    """None in stock, "retired", or the contract that holds it."""
    numbers: dict[Any, Any] = attrs.field(factory=dict)
    """None in the pool, ("resting", customer), or the contract that holds it."""
    keys: dict[str, tuple[Any, Any]] = attrs.field(factory=dict)
    lines: dict[str, tuple[Any, Any]] = attrs.field(factory=dict)
    """Lines of the gateway's files by its references: what each said, and its payment."""
    settled: int = 0
    fees: int = 0
    banked: int = 0
    """What came to the bank from desks, less what the bank paid out."""

    def lift(self, account_id: Any) -> None:
        """End the holds that the account's money no longer justifies."""
        account = self.accounts[account_id]
        lifted = {"low_balance"} if account.available >= 0 else set()
        lifted |= {"non_payment"} if account.receivable <= 0 else set()
        for contract in self.contracts.values():
            if contract.account == account_id and contract.status == "suspended":
                contract.holds -= lifted
                contract.status = "suspended" if contract.holds else "active"

    def hold(self, account_id: Any) -> None:
        """Suspend what an account that fell below zero cannot pay for."""
        account = self.accounts[account_id]
        short, account.overdrawn = account.overdrawn and account.available < 0, False
        for contract in self.contracts.values():
            if short and contract.account == account_id and contract.status in SERVED:
                contract.status = "suspended"
                contract.holds.add("low_balance")

    def held_for_money(self, account_id: Any) -> bool:
        """Tell whether a contract of the account is suspended for money."""
        return any(
            contract.account == account_id
            and contract.status == "suspended"
            and contract.holds & MONEY_HOLDS
            for contract in self.contracts.values()
        )

    def confirm(self, payment: Payment) -> None:
        """Post what the gateway took; once."""
        if payment.posted:
            return
        held = self.held_for_money(payment.account)
        payment.minor = payment.deal.moved
        payment.parts = self.accounts[payment.account].receive(payment.minor)
        payment.status, payment.posted = "confirmed", True
        if held:
            self.lift(payment.account)

    def end_refund(self, refund: Refund, *, paid: bool) -> None:
        """Pay a refund, or take the promise back."""
        refund.status = "paid" if paid else "failed"
        payment = self.payments[refund.payment]
        if not paid:
            payment.refunded -= refund.minor
            if payment.account is not None:
                self.accounts[payment.account].shift(refund.parts, sign=1)
        elif payment.account is None:
            payment.status = "returned"

    def free(self, contract: Contract) -> None:
        """Give SIM and number of a contract that was never active back; what was in use rests."""
        in_use = contract.taken_over
        self.sims[contract.sim] = "retired" if in_use else None
        self.numbers[contract.number] = ("resting", contract.customer) if in_use else None

    def hand_over(self, contract_id: Any, successor_id: Any, successor: Contract) -> None:
        """End a contract, whose SIM and number go on under another."""
        self.close(contract_id)
        self.contracts[successor_id] = successor
        self.sims[successor.sim] = self.numbers[successor.number] = successor_id

    def close(self, contract_id: Any) -> None:
        """End a contract: the card is gone, the number rests, what is left is owed back."""
        contract = self.contracts[contract_id]
        contract.status = "closed"
        self.sims[contract.sim] = "retired"
        self.numbers[contract.number] = ("resting", contract.customer)
        account = self.accounts[contract.account]
        others = any(
            other.account == contract.account and other.status in OPEN
            for other in self.contracts.values()
        )
        if not others:
            account.settle()
            account.seen = account.available

    @property
    def in_clearing(self) -> int:
        """What our clearing account of the gateway has to show."""
        taken = sum(
            payment.minor
            for payment in self.payments.values()
            if payment.gateway == "simulator"
            and payment.status in ("confirmed", "unallocated", "returned")
        )
        given = sum(
            refund.minor
            for refund in self.refunds.values()
            if refund.status == "paid" and self.payments[refund.payment].gateway == "simulator"
        )
        # Of a disputed payment the gateway took back what was left of it.
        disputed = sum(
            payment.refunded
            for payment in self.payments.values()
            if payment.status in ("disputed", "charged_back")
        )
        return taken + disputed - given - self.settled

    @property
    def unallocated(self) -> int:
        """What our account of receipts for nobody we know has to show."""
        waiting = (one for one in self.payments.values() if one.status == "unallocated")
        return sum(payment.left for payment in waiting)

    def charged_back(self, account_id: Any) -> int:
        """What lost disputes took from an account."""
        return sum(
            payment.left
            for payment in self.payments.values()
            if payment.account == account_id and payment.status == "charged_back"
        )
