"""Holds: why a contract is suspended, what each one bars, and whether recurring fees go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

import attrs

from telecom_crm.domain.account import AccountState
from telecom_crm.domain.cards import without_cards
from telecom_crm.domain.policy import SuspensionFees


class HoldKind(StrEnum):
    """Why a contract is suspended."""

    NON_PAYMENT = "non_payment"
    LOW_BALANCE = "low_balance"
    VOLUNTARY = "voluntary"
    LOST_STOLEN = "lost_stolen"
    FRAUD = "fraud"
    KYC = "kyc"
    REGULATORY = "regulatory"
    ADMIN = "admin"


class Bar(StrEnum):
    """What the network refuses; emergency calls always go through."""

    OUTGOING = "outgoing"
    INCOMING = "incoming"
    DATA = "data"


@attrs.frozen
class HoldTerms:
    """What a kind of hold bars, and whether recurring fees go on under it."""

    bars: frozenset[Bar]
    fees_go_on: bool


_OWN_USE = frozenset({Bar.OUTGOING, Bar.DATA})
_ALL = frozenset(Bar)

HOLD_TERMS: Mapping[HoldKind, HoldTerms] = MappingProxyType(
    {
        HoldKind.NON_PAYMENT: HoldTerms(_OWN_USE, fees_go_on=True),
        HoldKind.LOW_BALANCE: HoldTerms(_OWN_USE, fees_go_on=False),
        HoldKind.VOLUNTARY: HoldTerms(_ALL, fees_go_on=False),
        HoldKind.LOST_STOLEN: HoldTerms(_ALL, fees_go_on=True),
        HoldKind.FRAUD: HoldTerms(_ALL, fees_go_on=True),
        HoldKind.KYC: HoldTerms(_OWN_USE, fees_go_on=True),
        HoldKind.REGULATORY: HoldTerms(_ALL, fees_go_on=False),
        HoldKind.ADMIN: HoldTerms(_ALL, fees_go_on=False),
    }
)

LIFTED_BY_MONEY = frozenset({HoldKind.LOW_BALANCE, HoldKind.NON_PAYMENT})
"""Holds that end by themselves when the money is there."""


def settled(state: AccountState) -> frozenset[HoldKind]:
    """
    Return the holds for money that an account no longer justifies, on every contract of it.

    low_balance is settled where zero or more is available, non_payment where nothing is overdue.
    """
    kinds = set()
    if state.available.minor >= 0:
        kinds.add(HoldKind.LOW_BALANCE)
    if state.balance.receivable <= 0:
        kinds.add(HoldKind.NON_PAYMENT)
    return frozenset(kinds)


@attrs.frozen(kw_only=True)
class Hold:
    """One reason, among others perhaps, why a contract is suspended."""

    kind: HoldKind
    since: datetime
    reason: str = attrs.field(default="", converter=without_cards)


def barred(holds: Iterable[Hold]) -> frozenset[Bar]:
    """Return everything that the holds bar together."""
    return frozenset(bar for hold in holds for bar in HOLD_TERMS[hold.kind].bars)


def fees_go_on(holds: Iterable[Hold], *, policy: SuspensionFees) -> bool:
    """
    Tell whether recurring fees go on; by hold, one that stops them is enough.

    What is foreseen goes by it; fees after the first are not charged so far.
    """
    kinds = {hold.kind for hold in holds}
    if not kinds or policy is SuspensionFees.GO_ON:
        return True
    return policy is SuspensionFees.BY_HOLD and all(HOLD_TERMS[kind].fees_go_on for kind in kinds)
