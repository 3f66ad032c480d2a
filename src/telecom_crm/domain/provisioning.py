"""Changes in the network: written with the change they follow from, carried out afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import attrs

from telecom_crm.domain.errors import RuleViolated
from telecom_crm.domain.hold import Bar
from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN, ContractId, TaskId, TicketId
from telecom_crm.domain.lifecycle import Actor, Event, Lifecycle, Row

NO_ANSWER = "the network gave no answer"
"""Why a task that had begun failed, where nobody knows more."""


class ProvisioningStatus(StrEnum):
    """How far a task is."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNDONE = "undone"


class ProvisioningCommand(StrEnum):
    """What can be done with a task."""

    CREATE = "create"
    START = "start"
    SUCCEED = "succeed"
    FAIL = "fail"
    LEASE_LOST = "lease_lost"
    RETRY = "retry"
    SKIP = "skip"
    UNDO = "undo"


class ProvisioningKind(StrEnum):
    """What the network is asked to do."""

    ACTIVATE = "activate"
    BAR = "bar"
    UNBAR = "unbar"
    SWAP_SIM = "swap_sim"
    CHANGE_NUMBER = "change_number"
    TERMINATE = "terminate"


_S, _C = ProvisioningStatus, ProvisioningCommand

PROVISIONING_LIFECYCLE = Lifecycle(
    "provisioning_task",
    ProvisioningStatus,
    ProvisioningCommand,
    [
        Row(source=None, command=_C.CREATE, target=_S.PENDING, event="ProvisioningRequested"),
        Row(source=_S.PENDING, command=_C.START, target=_S.RUNNING, event="ProvisioningStarted"),
        Row(source=_S.RUNNING, command=_C.SUCCEED, target=_S.DONE, event="ProvisioningDone"),
        Row(source=_S.RUNNING, command=_C.FAIL, target=_S.FAILED, event="ProvisioningFailed"),
        Row(
            source=_S.RUNNING,
            command=_C.LEASE_LOST,
            target=_S.PENDING,
            event="ProvisioningLeaseLost",
            needs="the lease is over",
        ),
        Row(source=_S.FAILED, command=_C.RETRY, target=_S.PENDING, event="ProvisioningRetried"),
        Row(source=_S.FAILED, command=_C.SKIP, target=_S.SKIPPED, event="ProvisioningSkipped"),
        Row(source=_S.FAILED, command=_C.UNDO, target=_S.UNDONE, event="ProvisioningUndone"),
    ],
)

UNFINISHED = tuple(
    state for state in ProvisioningStatus if not PROVISIONING_LIFECYCLE.is_final(state)
)
"""The states of a task that the network, or a person, has still to see to."""


TRIES = 3
"""So often an activation is tried in vain before somebody is asked to see to it."""


@attrs.frozen(kw_only=True)
class StepFact:
    """One step the network answered, so that a second attempt need not ask again."""

    name: str
    at: datetime
    reference: str = ""


def _bars(bars: Iterable[Bar]) -> frozenset[Bar]:
    return frozenset(bars)


@attrs.frozen(kw_only=True, slots=False)
class ProvisioningTask:
    """
    One change the network has to make for a contract.

    `iccid`, `imsi`, `msisdn` and `bars` are what holds afterwards, whatever was before and whatever
    the kind is; a swap or a new number also names what was before. `attempts` counts starts.
    Whoever runs it holds it until `lease_until`; `silent` says that the network gave them no
    answer, so that nobody is at work on it any more. `error` is the last failure, and `ticket_id`
    the ticket that was opened when there were many.
    """

    id: TaskId
    kind: ProvisioningKind
    contract_id: ContractId
    iccid: ICCID
    imsi: IMSI | None = None
    msisdn: MSISDN
    bars: frozenset[Bar] = attrs.field(default=frozenset(), converter=_bars)
    previous_iccid: ICCID | None = None
    previous_msisdn: MSISDN | None = None
    asked_at: datetime
    steps: tuple[StepFact, ...] = ()
    attempts: int = 0
    lease_until: datetime | None = None
    silent: bool = False
    error: str = ""
    ticket_id: TicketId | None = None
    status: ProvisioningStatus
    version: int = 0
    events: tuple[Event, ...] = attrs.field(default=(), eq=False, repr=False)

    @classmethod
    def create(
        cls,
        *,
        id: TaskId,
        kind: ProvisioningKind,
        contract_id: ContractId,
        iccid: ICCID,
        imsi: IMSI | None = None,
        msisdn: MSISDN,
        bars: Iterable[Bar] = (),
        previous_iccid: ICCID | None = None,
        previous_msisdn: MSISDN | None = None,
        by: Actor,
        at: datetime,
    ) -> ProvisioningTask:
        """Ask for a change in the network."""
        payload = {"kind": kind.value, "contract": str(contract_id), "bars": sorted(bars)}
        begun = PROVISIONING_LIFECYCLE.begin(_C.CREATE, key=id, by=by, at=at, payload=payload)
        return cls(
            id=id,
            kind=kind,
            contract_id=contract_id,
            iccid=iccid,
            imsi=imsi,
            msisdn=msisdn,
            bars=frozenset(bars),
            previous_iccid=previous_iccid,
            previous_msisdn=previous_msisdn,
            asked_at=at,
            **begun,
        )

    @property
    def key(self) -> str:
        """The id as text."""
        return str(self.id)

    @property
    def needs_ticket(self) -> bool:
        """Whether somebody is to be asked to see to it, once this attempt is in vain too."""
        in_vain = self.kind is ProvisioningKind.ACTIVATE and self.attempts >= TRIES
        return in_vain and self.ticket_id is None

    def start(self, *, lease_until: datetime, by: Actor, at: datetime) -> ProvisioningTask:
        """Take the task, alone, until an instant."""
        attempts = self.attempts + 1
        return PROVISIONING_LIFECYCLE.move(
            self,
            _C.START,
            by=by,
            at=at,
            payload={"attempt": attempts},
            attempts=attempts,
            lease_until=lease_until,
            silent=False,
        )

    def record_step(
        self, *, name: str, reference: str = "", by: Actor, at: datetime
    ) -> ProvisioningTask:
        """Keep that the network has done one step of the running task."""
        # A step is a fact of a run: the rows that end a run say when there is one.
        PROVISIONING_LIFECYCLE.row(self.status, _C.SUCCEED)
        step = StepFact(name=name, at=at, reference=reference)
        return PROVISIONING_LIFECYCLE.note(
            self,
            "ProvisioningStepDone",
            "record_step",
            by=by,
            at=at,
            payload={"step": name},
            steps=(*self.steps, step),
        )

    def done(self, step: str) -> bool:
        """Tell whether an earlier attempt already did a step."""
        return any(fact.name == step for fact in self.steps)

    def succeed(self, *, by: Actor, at: datetime) -> ProvisioningTask:
        """Record that the network did it all."""
        return PROVISIONING_LIFECYCLE.move(
            self, _C.SUCCEED, by=by, at=at, lease_until=None, error=""
        )

    def fail(self, *, error: str, by: Actor, at: datetime) -> ProvisioningTask:
        """Record that the network said no, and what it said."""
        return PROVISIONING_LIFECYCLE.move(
            self, _C.FAIL, by=by, at=at, reason=error, lease_until=None, silent=False, error=error
        )

    def unanswered(self, *, error: str, by: Actor, at: datetime) -> ProvisioningTask:
        """Keep that the network gave no answer: done or not, it comes again after the lease."""
        PROVISIONING_LIFECYCLE.row(self.status, _C.LEASE_LOST)
        return PROVISIONING_LIFECYCLE.note(
            self,
            "ProvisioningUnanswered",
            "unanswered",
            by=by,
            at=at,
            reason=error,
            silent=True,
            error=error,
        )

    def open_ticket(self, ticket_id: TicketId, *, by: Actor, at: datetime) -> ProvisioningTask:
        """Keep which ticket was opened about its failures."""
        return PROVISIONING_LIFECYCLE.note(
            self,
            "ProvisioningTicketOpened",
            "open_ticket",
            by=by,
            at=at,
            payload={"ticket": str(ticket_id)},
            ticket_id=ticket_id,
        )

    def at_rest(self, *, by: Actor, at: datetime) -> ProvisioningTask:
        """
        Return it as it stands where nobody is at work on it: failed, if it has begun without end.

        Raise `RuleViolated` while somebody waits for the network's answer.
        """
        if not PROVISIONING_LIFECYCLE.can(self, _C.SUCCEED):
            return self
        if self.silent or self.lease_until is None or self.lease_until <= at:
            return self.fail(error=self.error or NO_ANSWER, by=by, at=at)
        why = f"the network is at work on {self.kind} of this contract; wait for its answer"
        raise RuleViolated("task_at_rest", (why,))

    def lease_lost(self, *, by: Actor, at: datetime) -> ProvisioningTask:
        """Offer a task again whose runner has not come back in time."""
        PROVISIONING_LIFECYCLE.row(self.status, _C.LEASE_LOST)
        if self.lease_until is not None and at < self.lease_until:
            reason = f"task {self.key} is being run until {self.lease_until.isoformat()}"
            raise RuleViolated("lease_over", (reason,))
        return PROVISIONING_LIFECYCLE.move(self, _C.LEASE_LOST, by=by, at=at, lease_until=None)

    def retry(self, *, by: Actor, at: datetime) -> ProvisioningTask:
        """Let it be tried again."""
        return PROVISIONING_LIFECYCLE.move(self, _C.RETRY, by=by, at=at)

    def skip(self, *, reason: str, by: Actor, at: datetime) -> ProvisioningTask:
        """Go on without it: somebody did it by hand, or it is not needed."""
        return PROVISIONING_LIFECYCLE.move(self, _C.SKIP, by=by, at=at, reason=reason)

    def undo(self, *, reason: str, by: Actor, at: datetime) -> ProvisioningTask:
        """Record that what it did is taken back in the network."""
        return PROVISIONING_LIFECYCLE.move(self, _C.UNDO, by=by, at=at, reason=reason)
