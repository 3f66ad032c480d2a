"""
A network that does what tasks say, or fails as it is told, and remembers what it knows.

It remembers no longer than its process runs, and cards that were imported were never told to it.
So a task about a card that it does not know is done all the same: each says the whole of what is
wanted, the number and the bars.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType

import attrs

from telecom_crm.application.ports import NetworkFailed, NetworkSilent
from telecom_crm.domain.hold import Bar
from telecom_crm.domain.identifiers import ICCID, MSISDN
from telecom_crm.domain.provisioning import ProvisioningKind, ProvisioningTask


class NetworkStep(StrEnum):
    """What is said to one part of the network."""

    REGISTER = "register"
    """Know a new SIM under a number (HLR/HSS); barred, until it is allowed."""
    REPLACE = "replace"
    """Know another SIM in a SIM's place, or another number under the same SIM (HLR/HSS)."""
    DEREGISTER = "deregister"
    """Forget a SIM (HLR/HSS)."""
    ALLOW = "allow"
    """Let it be used (PCRF)."""
    BAR = "bar"
    """Let it be used no more for what the task bars, and for everything else (PCRF)."""


class Trouble(StrEnum):
    """What goes wrong with a step."""

    FAILS = "fails"
    SILENT = "silent"
    """Nothing was done, and nobody answers."""
    SILENT_DONE = "silent_done"
    """It was done, and nobody answers."""


_K, _S = ProvisioningKind, NetworkStep

STEPS: Mapping[ProvisioningKind, tuple[NetworkStep, ...]] = MappingProxyType(
    {
        _K.ACTIVATE: (_S.REGISTER, _S.ALLOW),
        _K.BAR: (_S.BAR,),
        _K.UNBAR: (_S.ALLOW,),
        _K.SWAP_SIM: (_S.REPLACE,),
        _K.CHANGE_NUMBER: (_S.REPLACE,),
        _K.TERMINATE: (_S.DEREGISTER,),
    }
)
"""The steps of each kind of task, in order; each is harmless when repeated."""


@attrs.frozen
class Subscriber:
    """What the network knows of one SIM."""

    msisdn: MSISDN
    bars: frozenset[Bar] = frozenset()


def _nothing() -> None:
    """A network that is not slow."""


class SimulatorNetwork:
    """
    Carries out tasks at once, unless told otherwise for a step, or for a step and a number.

    `wait` is called before each step: that is where a slow network sleeps. `known` is an oracle for
    tests: what the network really has. Serves all threads.
    """

    def __init__(self, *, wait: Callable[[], None] = _nothing) -> None:
        self._wait = wait
        self._known: dict[ICCID, Subscriber] = {}
        self._troubles: dict[tuple[NetworkStep, MSISDN | None], tuple[Trouble, int | None]] = {}
        self._lock = threading.Lock()

    @property
    def known(self) -> Mapping[ICCID, Subscriber]:
        """What the network knows now, by SIM."""
        with self._lock:
            return dict(self._known)

    def disturb(
        self,
        step: NetworkStep,
        trouble: Trouble,
        *,
        msisdn: MSISDN | None = None,
        times: int | None = None,
    ) -> None:
        """Let a step go wrong so many times, or until `heal`; for one number, or for all."""
        with self._lock:
            self._troubles[step, msisdn] = (trouble, times)

    def heal(self) -> None:
        """Let everything go well again."""
        with self._lock:
            self._troubles.clear()

    def carry_out(self, task: ProvisioningTask) -> None:
        """Do the task's steps in order; raise `NetworkFailed` or `NetworkSilent` at a bad one."""
        for step in STEPS[task.kind]:
            self._wait()
            with self._lock:
                self._do(step, task)

    def _do(self, step: NetworkStep, task: ProvisioningTask) -> None:
        trouble = self._trouble(step, task.msisdn)
        if trouble is Trouble.FAILS:
            raise NetworkFailed(step, "the simulator was told to refuse")
        if trouble is not Trouble.SILENT:
            self._change(step, task)
        if trouble is not None:
            raise NetworkSilent(step)

    def _change(self, step: NetworkStep, task: ProvisioningTask) -> None:
        known = self._known
        match step:
            case NetworkStep.REGISTER:
                known.setdefault(task.iccid, Subscriber(task.msisdn, frozenset(Bar)))
            case NetworkStep.REPLACE:
                known.pop(task.previous_iccid or task.iccid, None)
                known[task.iccid] = Subscriber(task.msisdn, task.bars)
            case NetworkStep.DEREGISTER:
                known.pop(task.iccid, None)
            case NetworkStep.ALLOW | NetworkStep.BAR:
                known[task.iccid] = Subscriber(task.msisdn, task.bars)

    def _trouble(self, step: NetworkStep, msisdn: MSISDN) -> Trouble | None:
        for name in ((step, msisdn), (step, None)):
            if name not in self._troubles:
                continue
            trouble, times = self._troubles[name]
            if times == 1:
                del self._troubles[name]
            elif times is not None:
                self._troubles[name] = (trouble, times - 1)
            return trouble
        return None
