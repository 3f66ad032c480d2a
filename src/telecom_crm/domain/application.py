"""Applications: what somebody asked for, from capture through the queue to an outcome."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from math import isfinite
from typing import Any

import attrs

from telecom_crm.domain.attachment import Attachment
from telecom_crm.domain.change import CHANGES
from telecom_crm.domain.deduplication import Suspicion
from telecom_crm.domain.errors import InvalidValue, NotFound, RuleViolated
from telecom_crm.domain.identifiers import ApplicationId, ContractId, CustomerId
from telecom_crm.domain.lifecycle import Actor, Event, Lifecycle, Row
from telecom_crm.domain.profile import NAME_LIMIT, PERSON_FIELDS
from telecom_crm.domain.search import SHORTEST_END, Readings, words_of
from telecom_crm.domain.text import digits_of, read_text

REFERENCE_LIMIT = 255
SCANS_LIMIT = 10
"""How many scans an application may have."""
CORRECTABLE_FIELDS = (*PERSON_FIELDS, "scans")
"""What an applicant can be asked to put right."""
DEPTH_LIMIT = 20
NUMBER_BITS = 256


class ApplicationKind(StrEnum):
    """What is asked for."""

    NEW_CONNECTION = "new_connection"
    TARIFF_CHANGE = "tariff_change"
    SIM_SWAP = "sim_swap"
    NUMBER_CHANGE = "number_change"
    PORT_IN = "port_in"
    CLOSURE = "closure"
    OTHER = "other"


class Channel(StrEnum):
    """Where an application came in; an external reference is unique within its channel."""

    CONSOLE = "console"
    SELF_CARE = "self_care"
    IMPORT = "import"
    API = "api"


class Priority(StrEnum):
    """How soon somebody should look, least first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class ApplicationStatus(StrEnum):
    """Where an application is."""

    CAPTURED = "captured"
    NEEDS_INFO = "needs_info"
    VALIDATED = "validated"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    COMPLETED = "completed"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class ApplicationCommand(StrEnum):
    """What moves an application on."""

    CAPTURE = "capture"
    VALIDATE = "validate"
    ASK = "ask"
    REJECT = "reject"
    SUPPLY = "supply"
    CLAIM = "claim"
    UNCLAIM = "unclaim"
    LEASE_EXPIRE = "lease_expire"
    HOLD = "hold"
    RELEASE = "release"
    COMPLETE = "complete"
    FAIL = "fail"
    CANCEL = "cancel"


_S, _C = ApplicationStatus, ApplicationCommand
_READ = (_S.VALIDATED, _S.IN_PROGRESS, _S.ON_HOLD)
"""The states in which somebody has read it, and found that it can be done."""
_OPEN = (_S.CAPTURED, _S.NEEDS_INFO, *_READ)

_CLAIMANT = "whoever claimed it"
CLAIMANT_ONLY = frozenset({_C.HOLD, _C.COMPLETE, _C.FAIL})
"""The commands that only whoever has claimed it gives; another takes it over first."""

APPLICATION_LIFECYCLE = Lifecycle(
    "application",
    ApplicationStatus,
    ApplicationCommand,
    (
        Row(source=None, command=_C.CAPTURE, target=_S.CAPTURED, event="ApplicationCaptured"),
        Row(
            source=_S.CAPTURED,
            command=_C.VALIDATE,
            target=_S.VALIDATED,
            event="ApplicationValidated",
        ),
        Row(
            source=_S.CAPTURED,
            command=_C.ASK,
            target=_S.NEEDS_INFO,
            event="ApplicationInformationAsked",
        ),
        Row(
            source=_S.CAPTURED,
            command=_C.REJECT,
            target=_S.REJECTED,
            event="ApplicationRejected",
        ),
        Row(
            source=_S.NEEDS_INFO,
            command=_C.SUPPLY,
            target=_S.CAPTURED,
            event="ApplicationInformationSupplied",
        ),
        Row(
            source=_S.VALIDATED,
            command=_C.CLAIM,
            target=_S.IN_PROGRESS,
            event="ApplicationClaimed",
        ),
        Row(
            source=_S.IN_PROGRESS,
            command=_C.UNCLAIM,
            target=_S.VALIDATED,
            event="ApplicationUnclaimed",
        ),
        Row(
            source=_S.IN_PROGRESS,
            command=_C.LEASE_EXPIRE,
            target=_S.VALIDATED,
            event="ApplicationLeaseExpired",
            needs="the lease is over",
        ),
        Row(
            source=_S.IN_PROGRESS,
            command=_C.HOLD,
            target=_S.ON_HOLD,
            event="ApplicationHeld",
            needs=_CLAIMANT,
        ),
        Row(
            source=_S.ON_HOLD,
            command=_C.RELEASE,
            target=_S.IN_PROGRESS,
            event="ApplicationReleased",
        ),
        Row(
            source=_S.IN_PROGRESS,
            command=_C.COMPLETE,
            target=_S.COMPLETED,
            event="ApplicationCompleted",
            needs=_CLAIMANT,
        ),
        Row(
            source=_S.IN_PROGRESS,
            command=_C.FAIL,
            target=_S.FAILED,
            event="ApplicationFailed",
            needs=_CLAIMANT,
        ),
        Row(
            source=_OPEN,
            command=_C.CANCEL,
            target=_S.CANCELLED,
            event="ApplicationCancelled",
            needs="its contract is not active",
        ),
    ),
)

ENDED = frozenset(state for state in ApplicationStatus if APPLICATION_LIFECYCLE.is_final(state))
"""The states that nothing leaves."""


@attrs.frozen(kw_only=True, slots=False)
class Application:
    """
    A request, told by the diagrams as *Request*.

    `raw` is what was captured, `data` what validation made of it. While somebody works on it,
    `claimed_by` has it until `claimed_until`; on hold, no lease runs. What was asked of who applies
    is waited for until `answer_by`. `replayed` marks an answer to an idempotency key, or a
    channel's reference, that was used before; it is not stored. Since `erased_at` there is nothing
    left of who asked and what for.
    """

    id: ApplicationId
    number: str
    kind: ApplicationKind
    channel: Channel
    external_reference: str | None = None
    priority: Priority = Priority.NORMAL
    raw: Mapping[str, Any] = attrs.field(factory=dict, converter=dict, repr=False)
    data: Mapping[str, Any] = attrs.field(factory=dict, converter=dict, repr=False)
    scans: tuple[Attachment, ...] = attrs.field(default=(), repr=False)
    duplicates: tuple[Suspicion, ...] = ()
    customer_id: CustomerId | None = None
    contract_id: ContractId | None = None
    claimed_by: str | None = None
    claimed_until: datetime | None = None
    outcome: str = ""
    captured_at: datetime
    ended_at: datetime | None = None
    erased_at: datetime | None = None
    answer_by: datetime | None = None
    status: ApplicationStatus
    version: int = 0
    events: tuple[Event, ...] = attrs.field(default=(), eq=False, repr=False)
    replayed: bool = attrs.field(default=False, eq=False, repr=False)

    @property
    def key(self) -> str:
        return str(self.id)

    def said(self, *fields: str) -> str:
        """Return the first of some fields that says something, as read or as captured; or ""."""
        for said in (self.data, self.raw):
            for field in fields:
                if isinstance(found := said.get(field), str) and found.strip():
                    return found.strip()
        return ""

    @property
    def words(self) -> str:
        """
        What it is searched by, word by word: number, name, phone, and the phone from behind.

        The last two make an end of a phone the beginning of a word; see `search_words`.
        """
        digits = digits_of(self.said("phone"))[:_LONGEST_PHONE]
        phone = (digits, f"x{digits[::-1]}") if digits else ()
        name = self.said("full_name", "name")[:NAME_LIMIT]
        return " ".join(filter(None, (_bare(self.number), *words_of(name), *phone)))

    @property
    def suspicions(self) -> tuple[Suspicion, ...]:
        """Those who may be the same person and were neither linked nor dismissed."""
        return tuple(
            one
            for one in self.duplicates
            if not one.dismissed and one.customer_id != self.customer_id
        )

    @classmethod
    def capture(
        cls,
        *,
        id: ApplicationId,
        number: str,
        kind: ApplicationKind,
        channel: Channel,
        raw: Mapping[str, Any],
        external_reference: str | None = None,
        priority: Priority = Priority.NORMAL,
        customer_id: CustomerId | None = None,
        scans: Iterable[Attachment] = (),
        by: Actor,
        at: datetime,
    ) -> Application:
        """Take in a request as it came; `raw` is any JSON object that can be stored."""
        _refuse_unstorable(raw, field="raw")
        reference = read_text(
            external_reference or "", field="external_reference", limit=REFERENCE_LIMIT
        )
        payload = {"kind": kind.value, "channel": channel.value}
        begun = APPLICATION_LIFECYCLE.begin(_C.CAPTURE, key=id, by=by, at=at, payload=payload)
        return cls(
            id=id,
            number=number,
            kind=kind,
            channel=channel,
            external_reference=reference or None,
            priority=priority,
            raw=raw,
            scans=tuple(scans),
            customer_id=customer_id,
            captured_at=at,
            **begun,
        )

    def validate(
        self,
        *,
        data: Mapping[str, Any],
        duplicates: Iterable[Suspicion] = (),
        by: Actor,
        at: datetime,
    ) -> Application:
        """Accept what was captured as `data`; an exact duplicate links to its customer."""
        _refuse_unstorable(data, field="data")
        found = tuple(duplicates)
        exact = next((one.customer_id for one in found if one.exact), None)
        return self._move(
            _C.VALIDATE,
            by=by,
            at=at,
            payload={"duplicates": [str(one.customer_id) for one in found]},
            data=data,
            duplicates=found,
            customer_id=self.customer_id or exact,
        )

    def ask(
        self,
        *,
        reason: str,
        fields: Iterable[str] = (),
        until: datetime | None = None,
        by: Actor,
        at: datetime,
    ) -> Application:
        """
        Ask the applicant for what is missing; with `until`, it is waited for no longer.

        `fields` are those of `CORRECTABLE_FIELDS` that are to be put right.
        """
        wrong = set(fields)
        if strange := wrong - set(CORRECTABLE_FIELDS):
            message = f"one of {', '.join(CORRECTABLE_FIELDS)}"
            raise InvalidValue.of("fields", "choice", message, min(strange))
        payload = {"fields": sorted(wrong)} if wrong else None
        return self._move(_C.ASK, reason=reason, by=by, at=at, payload=payload, answer_by=until)

    def reject(self, *, reason: str, by: Actor, at: datetime) -> Application:
        """Turn the request down, for good."""
        return self._move(_C.REJECT, reason=reason, by=by, at=at, outcome=reason)

    def supply(
        self,
        *,
        raw: Mapping[str, Any],
        scans: Iterable[Attachment] = (),
        by: Actor,
        at: datetime,
    ) -> Application:
        """
        Add what was asked for to what was captured; the newer value of a field wins.

        Raise `RuleViolated` past `SCANS_LIMIT`.
        """
        _refuse_unstorable(raw, field="raw")
        merged, more = {**self.raw, **raw}, tuple(scans)
        # Names of fields that we do not know are the sender's, and may be anything.
        payload: dict[str, Any] = {"fields": sorted(raw.keys() & set(PERSON_FIELDS))}
        if more:
            payload["scans"] = [str(scan.id) for scan in more]
        moved = self._move(
            _C.SUPPLY,
            by=by,
            at=at,
            payload=payload,
            raw=merged,
            scans=(*self.scans, *more),
            answer_by=None,
        )
        self._refuse_too_many(len(moved.scans))
        return moved

    def claim(self, *, until: datetime, by: Actor, at: datetime) -> Application:
        """Take it from the queue to work on it until the lease is over."""
        _refuse_past(until, at=at)
        return self._move(_C.CLAIM, by=by, at=at, claimed_by=by.name, claimed_until=until)

    def take_over(self, *, until: datetime, by: Actor, at: datetime) -> Application:
        """Work on it in the place of whoever does: put it back into the queue, and claim it."""
        return self.unclaim(by=by, at=at).claim(until=until, by=by, at=at)

    def unclaim(self, *, reason: str = "", by: Actor, at: datetime) -> Application:
        """Put it back into the queue."""
        return self._move(_C.UNCLAIM, reason=reason, by=by, at=at, **_UNCLAIMED)

    def lease_expire(self, *, by: Actor, at: datetime) -> Application:
        """Put it back since nobody finished in time; `RuleViolated` while the lease runs."""
        moved = self._move(_C.LEASE_EXPIRE, by=by, at=at, **_UNCLAIMED)
        if self.claimed_until is not None and at < self.claimed_until:
            raise RuleViolated("lease", (f"the lease runs until {self.claimed_until.isoformat()}",))
        return moved

    def hold(self, *, reason: str, by: Actor, at: datetime) -> Application:
        """
        Wait for something outside; it stays with whoever claimed it and no lease runs.

        Raise `RuleViolated` for anybody else.
        """
        return self._move(_C.HOLD, reason=reason, by=by, at=at, claimed_until=None)

    def release(self, *, until: datetime, by: Actor, at: datetime) -> Application:
        """Go on working, with a new lease."""
        _refuse_past(until, at=at)
        return self._move(_C.RELEASE, by=by, at=at, claimed_by=by.name, claimed_until=until)

    def complete(
        self,
        *,
        contract_id: ContractId | None = None,
        outcome: str = "",
        by: Actor,
        at: datetime,
    ) -> Application:
        """Say that what was asked for is done; `RuleViolated` but for whoever claimed it."""
        contract = contract_id or self.contract_id
        payload = {"contract": str(contract)} if contract else {}
        return self._move(
            _C.COMPLETE,
            by=by,
            at=at,
            payload=payload,
            contract_id=contract,
            outcome=read_text(outcome, field="outcome"),
            claimed_until=None,
        )

    def fail(self, *, reason: str, by: Actor, at: datetime) -> Application:
        """Give up: it could not be done; `RuleViolated` but for whoever claimed it."""
        return self._move(_C.FAIL, reason=reason, by=by, at=at, outcome=reason, claimed_until=None)

    def cancel(
        self, *, contract_active: bool, reason: str = "", by: Actor, at: datetime
    ) -> Application:
        """Withdraw the request; `RuleViolated` when its contract is active."""
        moved = self._move(
            _C.CANCEL,
            reason=reason,
            by=by,
            at=at,
            outcome=reason,
            claimed_until=None,
            answer_by=None,
        )
        if contract_active:
            raise RuleViolated("contract_not_active", ("its contract is active; close that",))
        return moved

    def link(self, *, customer_id: CustomerId, by: Actor, at: datetime) -> Application:
        """Say whose request this is."""
        self._refuse_ended("link")
        return self._note(
            "ApplicationLinked", "link", customer=customer_id, by=by, at=at, customer_id=customer_id
        )

    def attach(self, *, scan: Attachment, by: Actor, at: datetime) -> Application:
        """Keep a scan with it; raise `RuleViolated` past `SCANS_LIMIT`, and once it ended."""
        self._refuse_ended("attach")
        self._refuse_too_many(len(self.scans) + 1)
        return APPLICATION_LIFECYCLE.note(
            self,
            "ApplicationScanAttached",
            "attach",
            by=by,
            at=at,
            payload={"scan": str(scan.id), "sha256": scan.sha256},
            scans=(*self.scans, scan),
        )

    def link_contract(self, *, contract_id: ContractId, by: Actor, at: datetime) -> Application:
        """Say which contract came of it; raise `RuleViolated` until validated, and once ended."""
        self._refuse_ended("link_contract")
        self.refuse_unread()
        return APPLICATION_LIFECYCLE.note(
            self,
            "ApplicationContractLinked",
            "link_contract",
            by=by,
            at=at,
            payload={"contract": str(contract_id)},
            contract_id=contract_id,
        )

    def dismiss_duplicate(self, *, customer_id: CustomerId, by: Actor, at: datetime) -> Application:
        """Say that a suspected customer is somebody else; an exact match cannot be dismissed."""
        self._refuse_ended("dismiss_duplicate")
        found = next((one for one in self.duplicates if one.customer_id == customer_id), None)
        if found is None:
            raise NotFound("duplicate", str(customer_id))
        if found.exact:
            reason = f"{found.words} is the same customer; link to it"
            raise RuleViolated("exact_duplicate", (reason,))
        judged = tuple(
            attrs.evolve(one, dismissed=True) if one is found else one for one in self.duplicates
        )
        return self._note(
            "ApplicationDuplicateDismissed",
            "dismiss_duplicate",
            customer=customer_id,
            by=by,
            at=at,
            duplicates=judged,
        )

    def repoint(self, *, customer_id: CustomerId, by: Actor, at: datetime) -> Application:
        """Follow a merge of customers, whatever the state."""
        return self._note(
            "ApplicationRepointed",
            "repoint",
            customer=customer_id,
            by=by,
            at=at,
            customer_id=customer_id,
        )

    def erase(self, *, by: Actor, at: datetime) -> Application:
        """
        Take out who asked and what for, whatever the state: the customer is erased, or there is
        none and the application ended long ago.
        """
        return APPLICATION_LIFECYCLE.note(
            self,
            "ApplicationErased",
            "erase",
            by=by,
            at=at,
            raw={},
            data={},
            scans=(),
            external_reference=None,
            duplicates=(),
            outcome="",
            erased_at=at,
        )

    def is_with(self, actor: Actor) -> bool:
        """Tell whether somebody has claimed it."""
        return self.claimed_by == actor.name

    @property
    def is_read(self) -> bool:
        """Whether somebody has found that it can be done, and it has not ended."""
        return self.status in _READ

    def refuse_unread(self) -> None:
        """Raise `RuleViolated` until somebody has found that it can be done, and once it ended."""
        if not self.is_read:
            reason = f"application {self.number} is {self.status}: validate it first"
            raise RuleViolated("application_validated", (reason,))

    def _move(
        self,
        command: ApplicationCommand,
        *,
        by: Actor,
        at: datetime,
        reason: str = "",
        payload: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> Application:
        said = read_text(reason, field="reason")
        if APPLICATION_LIFECYCLE.row(self.status, command).target in ENDED:
            changes["ended_at"] = at
        if command in CLAIMANT_ONLY and not self.is_with(by):
            reason = f"{self.claimed_by} works on application {self.number}; take it over first"
            raise RuleViolated("claimed", (reason,))
        return APPLICATION_LIFECYCLE.move(
            self, command, by=by, at=at, reason=said, payload=payload or {}, **changes
        )

    def _note(
        self,
        name: str,
        command: str,
        *,
        customer: CustomerId,
        by: Actor,
        at: datetime,
        **changes: Any,
    ) -> Application:
        payload: dict[str, Any] = {"customer": str(customer)}
        if "customer_id" in changes:
            before = self.customer_id and str(self.customer_id)
            payload = {CHANGES: {"customer": [before, str(customer)]}}
        return APPLICATION_LIFECYCLE.note(
            self, name, command, by=by, at=at, payload=payload, **changes
        )

    def _refuse_too_many(self, scans: int) -> None:
        if scans > SCANS_LIMIT:
            raise RuleViolated("scans_limit", (f"at most {SCANS_LIMIT} scans",))

    def _refuse_ended(self, command: str) -> None:
        if self.status in ENDED:
            raise RuleViolated(command, (f"application {self.number} is {self.status}",))


def search_words(text: str) -> Readings:
    """Return the words of a search for an application, by its `words`."""
    if len(digits := digits_of(text)) >= SHORTEST_END:
        return ((digits, f"x{digits[::-1]}"),)
    if _NUMBER.fullmatch(text.strip()):
        return ((_bare(text.strip()),),)
    return tuple((word,) for word in words_of(text))


_LONGEST_PHONE = 40
_NUMBER = re.compile(r"r-?[0-9]+", re.ASCII | re.IGNORECASE)


def _bare(number: str) -> str:
    return number.replace("-", "").casefold()


_UNCLAIMED: Mapping[str, Any] = {"claimed_by": None, "claimed_until": None}


def _refuse_past(until: datetime, *, at: datetime) -> None:
    if until <= at:
        raise InvalidValue.of("until", "lease", "a lease must end after it begins", until)


def _refuse_unstorable(given: Mapping[str, Any], *, field: str) -> None:
    """Refuse text and numbers that no database holds, and nesting that no reader follows."""
    waiting: list[tuple[object, int]] = [(given, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > DEPTH_LIMIT:
            raise InvalidValue.of(field, "too_deep", f"at most {DEPTH_LIMIT} levels")
        if isinstance(value, str):
            read_text(value, field=field, limit=100_000)
        elif isinstance(value, int) and value.bit_length() > NUMBER_BITS:
            raise InvalidValue.of(field, "number", f"at most {NUMBER_BITS} bits")
        elif isinstance(value, float) and not isfinite(value):
            raise InvalidValue.of(field, "number", "JSON has no infinity and no NaN")
        elif isinstance(value, Mapping):
            waiting += [(part, depth + 1) for pair in value.items() for part in pair]
        elif isinstance(value, list | tuple):
            waiting += [(part, depth + 1) for part in value]
