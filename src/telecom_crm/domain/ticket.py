"""Trouble tickets: the machine, what is said on them, and how long the answer took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.domain.attachment import Attachment
from telecom_crm.domain.calendar import BISHKEK
from telecom_crm.domain.cards import without_cards
from telecom_crm.domain.change import CHANGES
from telecom_crm.domain.customer import ERASED
from telecom_crm.domain.errors import Conflict, Faults, InvalidValue, RuleViolated
from telecom_crm.domain.identifiers import ContractId, CustomerId, TicketId
from telecom_crm.domain.lifecycle import Actor, Event, Lifecycle, Row
from telecom_crm.domain.search import words_of
from telecom_crm.domain.session import SELF_CARE
from telecom_crm.domain.text import read_text

SUBJECT_LIMIT = 200
COMMENT_LIMIT = 10_000
FILES_LIMIT = 20
"""How many files a ticket takes from its subscriber, and how many from the staff."""
FILE_ATTACHED = "TicketFileAttached"


class TicketPriority(StrEnum):
    """How soon it hurts, least first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class BlockReason(StrEnum):
    """Why work on a ticket stopped."""

    EXTERNAL = "external"
    RESOLVED = "resolved"
    DUPLICATE = "duplicate"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class TicketStatus(StrEnum):
    """Where a ticket is."""

    FREE = "free"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    BLOCKED = "blocked"
    CLOSED = "closed"


class TicketCommand(StrEnum):
    """What moves a ticket on."""

    CREATE = "create"
    ACTIVATE = "activate"
    SUSPEND = "suspend"
    RESUME = "resume"
    BLOCK = "block"
    CLOSE = "close"


WORKED_ON = (TicketStatus.FREE, TicketStatus.ACTIVE, TicketStatus.SUSPENDED)
"""The states in which an answer is still owed."""

_S, _C = TicketStatus, TicketCommand

TICKET_LIFECYCLE = Lifecycle(
    "ticket",
    TicketStatus,
    TicketCommand,
    (
        Row(source=None, command=_C.CREATE, target=_S.FREE, event="TicketCreated"),
        Row(source=_S.FREE, command=_C.ACTIVATE, target=_S.ACTIVE, event="TicketActivated"),
        Row(source=_S.ACTIVE, command=_C.SUSPEND, target=_S.SUSPENDED, event="TicketSuspended"),
        Row(source=_S.SUSPENDED, command=_C.RESUME, target=_S.ACTIVE, event="TicketResumed"),
        Row(source=_S.ACTIVE, command=_C.BLOCK, target=_S.BLOCKED, event="TicketBlocked"),
        Row(source=_S.BLOCKED, command=_C.CLOSE, target=_S.CLOSED, event="TicketClosed"),
    ),
)


@attrs.define
class NewerReply(Conflict):
    """Somebody said something on the ticket that whoever speaks has not seen yet."""

    code: ClassVar[str] = "newer_reply"

    number: str

    def __str__(self) -> str:
        return f"there is a newer reply on ticket {self.number}; read it, then say yours"


@attrs.frozen(kw_only=True)
class Comment:
    """What somebody said on a ticket; an internal one is never shown to the customer."""

    id: UUID
    at: datetime
    by: str
    text: str = attrs.field(converter=without_cards, repr=False)
    internal: bool = False


@attrs.frozen
class TicketFile(Attachment):
    """A file of a ticket, and who sent it; an internal one is never shown to the customer."""

    internal: bool = False
    by: str = ""

    @property
    def from_subscriber(self) -> bool:
        """Whether the subscriber sent it, and not the staff."""
        return self.by == SELF_CARE


@attrs.frozen(kw_only=True)
class Said:
    """A text or a file in the conversation; an internal one is never shown to the customer."""

    at: datetime
    by: str
    internal: bool
    text: str = attrs.field(default="", repr=False)
    file: Attachment | None = None


@attrs.frozen(kw_only=True, slots=False)
class Ticket:
    """
    A customer's request for help.

    `replayed` marks an answer to an idempotency key that was used before; it is not stored.
    """

    id: TicketId
    number: str
    customer_id: CustomerId
    contract_id: ContractId | None = None
    subject: str = attrs.field(converter=without_cards)
    priority: TicketPriority = TicketPriority.NORMAL
    assignee: str | None = None
    queue: str | None = None
    comments: tuple[Comment, ...] = ()
    attachments: tuple[TicketFile, ...] = ()
    follow_up_of: TicketId | None = None
    blocked_for: BlockReason | None = None
    created_at: datetime
    status: TicketStatus
    version: int = 0
    events: tuple[Event, ...] = attrs.field(default=(), eq=False, repr=False)
    replayed: bool = attrs.field(default=False, eq=False, repr=False)

    @property
    def key(self) -> str:
        return str(self.id)

    @property
    def is_closed(self) -> bool:
        """Whether it has ended: nothing is said about it any more."""
        return TICKET_LIFECYCLE.is_final(self.status)

    @property
    def held_by(self) -> str | None:
        """Who has it in hand: whom it was given to, until it has ended."""
        return None if self.is_closed else self.assignee

    @property
    def said_count(self) -> int:
        """How many comments and files there are."""
        return len(self.comments) + len(self.attachments)

    @property
    def words(self) -> list[str]:
        """What it is searched by: its number, and the words of its subject."""
        return words_of(f"{self.number} {self.subject}")

    @classmethod
    def create(
        cls,
        *,
        id: TicketId,
        number: str,
        customer_id: CustomerId,
        subject: str,
        priority: TicketPriority = TicketPriority.NORMAL,
        contract_id: ContractId | None = None,
        queue: str | None = None,
        follow_up_of: TicketId | None = None,
        by: Actor,
        at: datetime,
    ) -> Ticket:
        """Open a ticket; what comes up again is a new one with `follow_up_of` the old one."""
        faults = Faults()
        about = faults.check("subject", _read_subject, subject)
        line = faults.check("queue", _read_name, queue or "")
        faults.raise_any()
        payload: dict[str, Any] = {"customer": str(customer_id), "priority": priority.value}
        if follow_up_of:
            payload["follow_up_of"] = str(follow_up_of)
        return cls(
            id=id,
            number=number,
            customer_id=customer_id,
            contract_id=contract_id,
            subject=about or "",
            priority=priority,
            queue=line or None,
            follow_up_of=follow_up_of,
            created_at=at,
            **TICKET_LIFECYCLE.begin(_C.CREATE, key=id, by=by, at=at, payload=payload),
        )

    def activate(self, *, by: Actor, at: datetime) -> Ticket:
        """Begin to work on it: the first response."""
        return self._move(_C.ACTIVATE, by=by, at=at)

    def suspend(self, *, reason: str = "", by: Actor, at: datetime) -> Ticket:
        """Wait, with the clock stopped."""
        return self._move(_C.SUSPEND, reason=reason, by=by, at=at)

    def resume(self, *, reason: str = "", by: Actor, at: datetime) -> Ticket:
        """Go on working."""
        return self._move(_C.RESUME, reason=reason, by=by, at=at)

    def block(self, *, reason: BlockReason, by: Actor, at: datetime) -> Ticket:
        """Stop work for good or until somebody outside acts; closing is all that is left."""
        return self._move(_C.BLOCK, reason=reason.value, by=by, at=at, blocked_for=reason)

    def close(self, *, by: Actor, at: datetime) -> Ticket:
        """End a blocked ticket, for good."""
        return self._move(_C.CLOSE, by=by, at=at)

    def resolve(self, *, by: Actor, at: datetime) -> Ticket:
        """Block as resolved and close: two events, one transaction."""
        return self.block(reason=BlockReason.RESOLVED, by=by, at=at).close(by=by, at=at)

    def assign(
        self, *, assignee: str | None = None, queue: str | None = None, by: Actor, at: datetime
    ) -> Ticket:
        """Give it to a person or to a queue: exactly one of them."""
        self._refuse_closed("assign")
        if bool(assignee) == bool(queue):
            raise InvalidValue.of("assignee", "assignee", "give either an assignee or a queue")
        who = _read_name(assignee or "") or None
        line = _read_name(queue or "") or None
        before, after = (self.assignee, self.queue), (who, line)
        named = zip(("assignee", "queue"), before, after, strict=True)
        payload = {CHANGES: {name: [was, now] for name, was, now in named if was != now}}
        return self._note(
            "TicketAssigned", "assign", payload, by=by, at=at, assignee=who, queue=line
        )

    def prioritise(self, *, priority: TicketPriority, by: Actor, at: datetime) -> Ticket:
        """Change how soon it has to be answered; the SLA counts anew with the same events."""
        self._refuse_closed("prioritise")
        both = [self.priority.value, priority.value]
        payload = {"priority": priority.value, CHANGES: {"priority": both}}
        return self._note(
            "TicketPrioritised", "prioritise", payload, by=by, at=at, priority=priority
        )

    def comment(
        self, *, id: UUID, text: str, internal: bool = False, by: Actor, at: datetime
    ) -> Ticket:
        """Say something; `RuleViolated` once the ticket is closed."""
        self._refuse_closed("comment")
        said = read_text(text, field="text", limit=COMMENT_LIMIT, required=True)
        comment = Comment(id=id, at=at, by=by.name, text=said, internal=internal)
        payload = {"comment": str(id), "internal": internal}
        comments = (*self.comments, comment)
        return self._note("TicketCommented", "comment", payload, by=by, at=at, comments=comments)

    def attach(
        self, *, attachment: Attachment, internal: bool = False, by: Actor, at: datetime
    ) -> Ticket:
        """
        Add a stored file; `RuleViolated` once the ticket is closed, or has `FILES_LIMIT` of them
        from that side: what the one sends leaves the other room.

        Content that is there already, for whoever it is now sent to, is no change.
        """
        self._refuse_closed("attach")
        # What only the staff has seen is new to the customer.
        seen = (one for one in self.attachments if internal or not one.internal)
        if any(one.sha256 == attachment.sha256 for one in seen):
            return self
        kept = TicketFile(**attrs.asdict(attachment), internal=internal, by=by.name)
        side = kept.from_subscriber
        if sum(one.from_subscriber is side for one in self.attachments) >= FILES_LIMIT:
            who = "the subscriber" if side else "the staff"
            reason = f"ticket {self.number} has {FILES_LIMIT} files of {who}"
            raise RuleViolated("ticket_files", (f"{reason}; open another one for more",))
        known = {"attachment": str(attachment.id), "sha256": attachment.sha256}
        payload = {**known, "internal": internal}
        files = (*self.attachments, kept)
        return self._note(FILE_ATTACHED, "attach", payload, by=by, at=at, attachments=files)

    def said(self, events: Iterable[Event]) -> list[Said]:
        """Return what was said and sent, oldest first; `events` are the ticket's."""
        files = {str(one.id): one for one in self.attachments}
        sent = [
            Said(
                at=event.at,
                by=event.by.name,
                internal=file.internal,
                file=file,
            )
            for event in events
            if event.name == FILE_ATTACHED and (file := files.get(event.payload["attachment"]))
        ]
        told = [
            Said(at=one.at, by=one.by, internal=one.internal, text=one.text)
            for one in self.comments
        ]
        return sorted(told + sent, key=lambda one: one.at)

    def repoint(self, *, customer_id: CustomerId, by: Actor, at: datetime) -> Ticket:
        """Follow a merge of customers, whatever the state."""
        payload = {CHANGES: {"customer": [str(self.customer_id), str(customer_id)]}}
        return self._note(
            "TicketRepointed", "repoint", payload, by=by, at=at, customer_id=customer_id
        )

    def erase(self, *, by: Actor, at: datetime) -> Ticket:
        """Take out what people wrote and sent, whatever the state: the customer is erased."""
        comments = tuple(attrs.evolve(one, text=ERASED) for one in self.comments)
        payload = {"fields": ["attachments", "comments", "subject"]}
        return self._note(
            "TicketErased",
            "erase",
            payload,
            by=by,
            at=at,
            subject=ERASED,
            comments=comments,
            attachments=(),
        )

    def _move(
        self,
        command: TicketCommand,
        *,
        by: Actor,
        at: datetime,
        reason: str = "",
        **changes: Any,
    ) -> Ticket:
        said = read_text(reason, field="reason")
        return TICKET_LIFECYCLE.move(self, command, by=by, at=at, reason=said, **changes)

    def _note(
        self,
        name: str,
        command: str,
        payload: Mapping[str, Any],
        *,
        by: Actor,
        at: datetime,
        **changes: Any,
    ) -> Ticket:
        return TICKET_LIFECYCLE.note(self, name, command, by=by, at=at, payload=payload, **changes)

    def _refuse_closed(self, command: str) -> None:
        if self.is_closed:
            reason = f"ticket {self.number} is {self.status}; open a new one that follows it up"
            raise RuleViolated(command, (reason,))


WorkingHours = tuple[tuple[time, time], ...]
NINE_TO_SIX: WorkingHours = ((time(9), time(18)),)
ALL_DAY: WorkingHours = ((time(0), time(0)),)


def _weekdays() -> Mapping[int, WorkingHours]:
    return MappingProxyType(dict.fromkeys(range(5), NINE_TO_SIX))


@attrs.frozen(kw_only=True)
class WorkingCalendar:
    """
    When people work: hours by weekday (0 is Monday) in a zone, and the dates on which nobody does.

    Hours are wall-clock, and what they hold is counted in real time, so a day on which the clocks
    change is as long as it really is. An end of 00:00 is the midnight after.
    """

    zone: ZoneInfo
    hours: Mapping[int, WorkingHours] = attrs.field(factory=_weekdays)
    holidays: frozenset[date] = frozenset()

    def __attrs_post_init__(self) -> None:
        spans = [span for day in self.hours.values() for span in day]
        if not spans or any(end != time(0) and end <= start for start, end in spans):
            raise InvalidValue.of(
                "hours", "hours", "at least one span, each ending after it starts"
            )
        for day in self.hours.values():
            if any(end == time(0) or end > start for (_, end), (start, _) in pairwise(day)):
                raise InvalidValue.of(
                    "hours", "hours", "the spans of a day in order, none overlaps"
                )
        if any(day not in range(7) for day in self.hours):
            raise InvalidValue.of("hours", "hours", "weekdays are 0 (Monday) to 6 (Sunday)")

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """Return the working time from `start` to `end`; zero when `end` is not later."""
        total = timedelta()
        for opens, closes in self._spans(start):
            if opens >= end:
                break
            total += max(min(closes, end) - max(opens, start), timedelta())
        return total

    def after(self, start: datetime, work: timedelta) -> datetime:
        """Return the instant (UTC) at which `work` of working time has passed since `start`."""
        if not work:
            return start
        left = work
        for opens, closes in self._spans(start):
            begins = max(opens, start)
            if begins + left <= closes:
                return begins + left
            left -= max(closes - begins, timedelta())
        raise AssertionError("a calendar with working hours never ends")

    def opening(self, at: datetime) -> datetime:
        """Return the first instant (UTC), from `at` on, from which working time passes."""
        return next(max(opens, at) for opens, closes in self._spans(at) if closes > at)

    def _spans(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the spans from the day of `start` on, as instants, in order and without end."""
        utc, one_day = ZoneInfo("UTC"), timedelta(days=1)
        # A span of the day before may reach past midnight only as 00:00, so this day is enough.
        day = start.astimezone(self.zone).date()
        while True:
            for opens, closes in () if day in self.holidays else self.hours.get(day.weekday(), ()):
                last = day if closes > time(0) else day + one_day
                yield (
                    datetime.combine(day, opens, self.zone).astimezone(utc),
                    datetime.combine(last, closes, self.zone).astimezone(utc),
                )
            day += one_day


@attrs.frozen(kw_only=True)
class SlaTarget:
    """What is promised, in working time."""

    first_response: timedelta
    resolution: timedelta


@attrs.frozen
class SlaPolicy:
    """What is promised for each priority."""

    targets: Mapping[TicketPriority, SlaTarget]

    def __attrs_post_init__(self) -> None:
        if missing := [one for one in TicketPriority if one not in self.targets]:
            raise InvalidValue.of("targets", "sla", f"no target for {', '.join(missing)}")


def _target(first_response_hours: int, resolution_hours: int) -> SlaTarget:
    return SlaTarget(
        first_response=timedelta(hours=first_response_hours),
        resolution=timedelta(hours=resolution_hours),
    )


DEFAULT_SLA = SlaPolicy(
    MappingProxyType(
        {
            TicketPriority.LOW: _target(16, 80),
            TicketPriority.NORMAL: _target(8, 40),
            TicketPriority.HIGH: _target(4, 16),
            TicketPriority.URGENT: _target(1, 8),
        }
    )
)
DEFAULT_CALENDAR = WorkingCalendar(zone=BISHKEK)


@attrs.frozen(kw_only=True)
class SlaClock:
    """
    One promise: how much of it is used, in working time.

    `due` is when it is or was used up; None while the clock stands still with time left.
    `remaining` is negative by what went over.
    """

    target: timedelta
    used: timedelta
    due: datetime | None
    met_at: datetime | None

    @property
    def breached(self) -> bool:
        return self.used > self.target

    @property
    def remaining(self) -> timedelta:
        return self.target - self.used


@attrs.frozen(kw_only=True)
class SlaState:
    """How a ticket stands with what was promised, at one instant."""

    priority: TicketPriority
    first_response: SlaClock
    resolution: SlaClock

    @property
    def now(self) -> SlaClock:
        """The promise that counts: the first response until it is given, then the resolution."""
        return self.first_response if self.first_response.met_at is None else self.resolution


def sla_of(
    events: Iterable[Event], policy: SlaPolicy, calendar: WorkingCalendar, now: datetime
) -> SlaState:
    """
    Return how a ticket stands at `now`, from its events in order.

    First response runs from create to activate. Resolution runs only while active and is met at
    block. The target is that of the last priority set.
    """
    priority = TicketPriority.NORMAL
    waiting, working = _Stretches(), _Stretches()
    for event in events:
        priority = TicketPriority(event.payload.get("priority", priority))
        match event.command:
            case _C.CREATE:
                waiting.start(event.at)
            case _C.ACTIVATE:
                waiting.finish(event.at)
                working.start(event.at)
            case _C.RESUME:
                working.start(event.at)
            case _C.SUSPEND:
                working.pause(event.at)
            case _C.BLOCK:
                working.finish(event.at)
    target = policy.targets[priority]
    return SlaState(
        priority=priority,
        first_response=waiting.clock(target.first_response, calendar, now),
        resolution=working.clock(target.resolution, calendar, now),
    )


def late_from(
    events: Iterable[Event], policy: SlaPolicy, calendar: WorkingCalendar, now: datetime
) -> datetime | None:
    """
    Return the instant after which a ticket is late, if nothing more happens to it.

    None where the clock stands still with time left, and where no answer is owed any more. It holds
    until the next event: that `now` is the last one's, or later, makes no difference.
    """
    clock = sla_of(events, policy, calendar, now).now
    if clock.met_at is not None or clock.due is None:
        return None
    return calendar.opening(clock.due)


@attrs.define
class _Stretches:
    """When a clock ran, gathered from events."""

    ran: list[tuple[datetime, datetime]] = attrs.field(factory=list)
    running_since: datetime | None = None
    met_at: datetime | None = None

    def start(self, at: datetime) -> None:
        self.running_since = at

    def pause(self, at: datetime) -> None:
        if self.running_since is not None:
            self.ran.append((self.running_since, at))
            self.running_since = None

    def finish(self, at: datetime) -> None:
        self.pause(at)
        self.met_at = at

    def clock(self, target: timedelta, calendar: WorkingCalendar, now: datetime) -> SlaClock:
        used, due = timedelta(), None
        running = [] if self.running_since is None else [(self.running_since, now)]
        for start, end in [*self.ran, *running]:
            worked = calendar.worked(start, end)
            if due is None and used + worked >= target:
                due = calendar.after(start, target - used)
            used += worked
        if due is None and self.running_since is not None:
            due = calendar.after(max(now, self.running_since), target - used)
        return SlaClock(target=target, used=used, due=due, met_at=self.met_at)


def _read_subject(raw: str) -> str:
    text = read_text(raw, field="subject", limit=SUBJECT_LIMIT, required=True)
    return " ".join(text.split())


def _read_name(raw: str) -> str:
    return " ".join(read_text(raw, field="name", limit=100).split())
