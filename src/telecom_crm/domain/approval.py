"""
Approvals: what somebody asked for and a second person has to agree to (four eyes).

Nothing is done while it is asked for. Once agreed to it is carried out, and what came of it is kept
here: it may have become impossible meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

import attrs

from telecom_crm.domain.cards import without_cards
from telecom_crm.domain.errors import Faults, RuleViolated
from telecom_crm.domain.identifiers import ApprovalId
from telecom_crm.domain.lifecycle import Actor, Event, Lifecycle, Row
from telecom_crm.domain.money import Money
from telecom_crm.domain.text import read_text

FOUR_EYES = "four_eyes"
"""The rule that is violated where one person decides what takes two."""


class ApprovalKind(StrEnum):
    """What is asked for."""

    REFUND = "refund"
    GOODWILL = "goodwill"
    WRITE_OFF = "write_off"
    CHARGEBACK_WRITE_OFF = "chargeback_write_off"
    ERASURE = "erasure"


THING_OF: Mapping[ApprovalKind, str] = MappingProxyType(
    {
        ApprovalKind.REFUND: "payment",
        ApprovalKind.GOODWILL: "account",
        ApprovalKind.WRITE_OFF: "account",
        ApprovalKind.CHARGEBACK_WRITE_OFF: "account",
        ApprovalKind.ERASURE: "customer",
    }
)
"""What each kind is done to."""


class ApprovalStatus(StrEnum):
    """Where a request stands."""

    PENDING = "pending"
    APPROVED = "approved"
    DONE = "done"
    FAILED = "failed"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


class ApprovalCommand(StrEnum):
    """What can be said to a request."""

    ASK = "ask"
    APPROVE = "approve"
    SEND_BACK = "send_back"
    WITHDRAW = "withdraw"
    CARRY_OUT = "carry_out"
    FAIL = "fail"


_S, _C = ApprovalStatus, ApprovalCommand
_OTHER = "another person than the one who asked"

# fmt: off
APPROVAL_LIFECYCLE = Lifecycle("approval", ApprovalStatus, ApprovalCommand, (
    Row(source=None, command=_C.ASK, target=_S.PENDING, event="ApprovalAsked"),
    Row(source=_S.PENDING, command=_C.APPROVE, target=_S.APPROVED, event="ApprovalGiven",
        needs=_OTHER),
    Row(source=_S.PENDING, command=_C.SEND_BACK, target=_S.RETURNED, event="ApprovalReturned",
        needs=_OTHER),
    Row(source=_S.PENDING, command=_C.WITHDRAW, target=_S.WITHDRAWN, event="ApprovalWithdrawn",
        needs="the person who asked"),
    Row(source=_S.APPROVED, command=_C.CARRY_OUT, target=_S.DONE, event="ApprovalCarriedOut"),
    Row(source=_S.APPROVED, command=_C.FAIL, target=_S.FAILED, event="ApprovalFailed"),
))
# fmt: on


@attrs.frozen(kw_only=True, slots=False)
class Approval:
    """
    A request that waits for a second person.

    `thing_id` is what it is done to: a payment, an account or a customer, as `THING_OF` says.
    `amount` is there for money and not for an erasure. `outcome` is what came of it: the id of the
    refund or of the ledger's entry, or why it could not be done.
    """

    id: ApprovalId
    kind: ApprovalKind
    thing_id: str
    amount: Money | None
    reason: str = attrs.field(converter=without_cards)
    asked_by: Actor
    asked_at: datetime
    decided_by: Actor | None = None
    comment: str = attrs.field(default="", converter=without_cards)
    outcome: str = ""
    status: ApprovalStatus
    version: int = 0
    events: tuple[Event, ...] = attrs.field(default=(), eq=False, repr=False)
    replayed: bool = attrs.field(default=False, eq=False, repr=False)

    @classmethod
    def ask(
        cls,
        *,
        id: ApprovalId,
        kind: ApprovalKind,
        thing_id: str,
        amount: Money | None,
        reason: str,
        by: Actor,
        at: datetime,
    ) -> Approval:
        """Return a new request; raise `InvalidValue` without a reason, or with a wrong amount."""
        faults = Faults()
        why = faults.check("reason", _read_reason, reason)
        if (amount is None) is not (kind is ApprovalKind.ERASURE):
            faults.add("amount", "amount", "money for everything but an erasure, which has none")
        if amount is not None and amount.minor <= 0:
            faults.add("amount", "not_positive", "more than zero", amount)
        faults.raise_any()
        payload = {"kind": kind.value, THING_OF[kind]: thing_id}
        if amount is not None:
            payload |= {"amount": amount.amount, "currency": amount.currency}
        born = APPROVAL_LIFECYCLE.begin(_C.ASK, key=id, by=by, at=at, payload=payload)
        return cls(
            id=id,
            kind=kind,
            thing_id=thing_id,
            amount=amount,
            reason=why or "",
            asked_by=by,
            asked_at=at,
            **born,
        )

    @property
    def key(self) -> str:
        """The id as text."""
        return str(self.id)

    def approve(self, *, comment: str = "", by: Actor, at: datetime) -> Approval:
        """Agree; raise `RuleViolated` for whoever asked."""
        self._refuse(by, asker=False)
        return APPROVAL_LIFECYCLE.move(
            self, _C.APPROVE, by=by, at=at, decided_by=by, comment=_read_comment(comment)
        )

    def send_back(self, *, comment: str, by: Actor, at: datetime) -> Approval:
        """Do not agree, and say why; raise `RuleViolated` for whoever asked."""
        self._refuse(by, asker=False)
        said = read_text(comment, field="comment", required=True)
        return APPROVAL_LIFECYCLE.move(
            self, _C.SEND_BACK, by=by, at=at, decided_by=by, comment=said
        )

    def withdraw(self, *, by: Actor, at: datetime) -> Approval:
        """Ask for it no more; raise `RuleViolated` for anybody but whoever asked."""
        self._refuse(by, asker=True)
        return APPROVAL_LIFECYCLE.move(self, _C.WITHDRAW, by=by, at=at)

    def carry_out(self, *, outcome: str, by: Actor, at: datetime) -> Approval:
        """Note that it was done."""
        return APPROVAL_LIFECYCLE.move(self, _C.CARRY_OUT, by=by, at=at, outcome=outcome)

    def fail(self, *, outcome: str, by: Actor, at: datetime) -> Approval:
        """Note that it cannot be done any more, and why."""
        return APPROVAL_LIFECYCLE.move(self, _C.FAIL, by=by, at=at, outcome=outcome)

    def _refuse(self, by: Actor, *, asker: bool) -> None:
        """Refuse whoever is not, or is, the one who asked; an illegal command is told first."""
        if APPROVAL_LIFECYCLE.can(self, _C.WITHDRAW) and asker is not self.is_from(by):
            who = "only who asked may take it back" if asker else "who asked may not decide it"
            raise RuleViolated(FOUR_EYES, (f"{who}; that is {self.asked_by.name}",))

    def is_from(self, actor: Actor) -> bool:
        """Tell whether somebody is the one who asked, by a token that they made as well."""
        return self.asked_by.is_same_as(actor)


def _read_reason(raw: str) -> str:
    return read_text(raw, field="reason", required=True)


def _read_comment(raw: str) -> str:
    return read_text(raw, field="comment")
