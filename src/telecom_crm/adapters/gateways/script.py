"""What the simulated gateway is told to do: call by call, by a function, or by the amount."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from enum import StrEnum
from types import MappingProxyType

import attrs

from telecom_crm.application.ports import Outcome
from telecom_crm.domain.money import Money


class Behaviour(StrEnum):
    """How one call goes."""

    CONFIRM = "confirm"
    LATER = "later"
    """Pending now; confirmed once it is settled (by callback), or the second time it is asked."""
    EARLY = "early"
    """The callback comes before the call returns."""
    TWICE = "twice"
    """Confirmed at once, and by two callbacks as well."""
    DECLINE = "decline"
    SILENT_TAKEN = "silent_taken"
    """No answer, but the money moved."""
    SILENT_NOT_TAKEN = "silent_not_taken"
    """No answer, and nothing moved."""
    UNAVAILABLE = "unavailable"
    LIE = "lie"
    """Tells of one minor unit more than it took, and of the truth when asked."""
    INSIST = "insist"
    """Took one minor unit more, and says so however often it is asked."""


NOT_REACHED = frozenset({Behaviour.SILENT_NOT_TAKEN, Behaviour.UNAVAILABLE})
"""The gateway does not learn of such a call."""

MAGIC = MappingProxyType(
    {
        1: Behaviour.DECLINE,
        2: Behaviour.SILENT_TAKEN,
        3: Behaviour.SILENT_NOT_TAKEN,
        4: Behaviour.LATER,
        5: Behaviour.LIE,
        6: Behaviour.INSIST,
        7: Behaviour.UNAVAILABLE,
        8: Behaviour.TWICE,
        9: Behaviour.EARLY,
    }
)
"""What an amount does, by minor units modulo 100: 150.01 is declined, 150.04 confirmed later."""

_FAIL = {Behaviour.DECLINE}
_WAIT = {Behaviour.LATER, Behaviour.SILENT_TAKEN, Behaviour.SILENT_NOT_TAKEN}


def endings() -> dict[Outcome, tuple[int, ...]]:
    """Return by which minor units modulo 100 an amount is declined, and by which it waits."""
    told = {Outcome.DECLINED: _FAIL, Outcome.PENDING: _WAIT}
    return {
        outcome: tuple(minor for minor, one in MAGIC.items() if one in behaviours)
        for outcome, behaviours in told.items()
    }


@attrs.frozen(kw_only=True)
class Call:
    """One call: `operation` is charge, ask or refund; `attempt` counts from 1 for each id."""

    operation: str
    id: str
    amount: Money
    attempt: int


Script = Callable[[Call], Behaviour | None]
"""Says how a call goes; None leaves it to the amount."""


def by_amount(call: Call) -> Behaviour:
    """Return what the amount asks for; a call that did not get through does so the second time."""
    behaviour = MAGIC.get(call.amount.minor % 100, Behaviour.CONFIRM)
    if call.operation == "ask" or (behaviour in NOT_REACHED and call.attempt > 1):
        return Behaviour.CONFIRM
    return behaviour


def in_turn(behaviours: Iterable[Behaviour]) -> Script:
    """Return a script for the first attempts of charges and refunds, one after another."""
    rest, lock = iter(behaviours), threading.Lock()

    def script(call: Call) -> Behaviour | None:
        if call.operation == "ask" or call.attempt > 1:
            return Behaviour.CONFIRM
        with lock:
            return next(rest, None)

    return script
