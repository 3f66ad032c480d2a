"""
Every port, on one page: what the application asks of the world, in its own words.

An adapter need not import anything from here but the values; fitting the shape is enough, and
`telecom_crm.entrypoints.conformance` tells whether it also behaves.

Reading and locking: inside a writing transaction `get` and `get_many` hold what they return until
the end, so that two commands on one thing take turns (a store without locks lets the later commit
fail with `Contended`, and the application runs that command again). Inside a reading transaction
nothing is held. `get_many` and `save_all` take their things in the order of their keys, whatever
order they are given in.

What sweeps ask for comes in pages too, in order of keys: whatever cannot get on stays in the list,
and the pages behind it are reached all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, BinaryIO, ClassVar, Generic, Protocol, TypeVar, runtime_checkable
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.domain.account import AccountState, BillingAccount
from telecom_crm.domain.application import Application
from telecom_crm.domain.approval import Approval
from telecom_crm.domain.contract import Contract, ContractStatus
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.deduplication import Candidate
from telecom_crm.domain.errors import Conflict, GatewayError, InvalidValue, TelecomCrmError
from telecom_crm.domain.identifiers import (
    ICCID,
    MSISDN,
    AccountId,
    ApplicationId,
    ApprovalId,
    ContractId,
    CustomerId,
    EntryId,
    ImportId,
    NotificationId,
    PaymentId,
    RefundId,
    SessionId,
    TaskId,
    TicketId,
    TokenId,
    UserId,
    WebhookId,
)
from telecom_crm.domain.importing import ImportJob, RowOutcome
from telecom_crm.domain.language import Wording
from telecom_crm.domain.ledger import JournalEntry, LedgerCode, Posting, TrialBalanceLine
from telecom_crm.domain.lifecycle import Actor, Event
from telecom_crm.domain.money import Money
from telecom_crm.domain.notification import Notification
from telecom_crm.domain.number import Number, NumberCategory
from telecom_crm.domain.paper import Edition, PaperKind
from telecom_crm.domain.payment import IN_FLIGHT, Payment, PaymentMethod, PaymentStatus, Takings
from telecom_crm.domain.provisioning import ProvisioningStatus, ProvisioningTask
from telecom_crm.domain.refund import Refund
from telecom_crm.domain.report import Bookings, Moves
from telecom_crm.domain.seal import Seal
from telecom_crm.domain.session import CustomerPassword, Session
from telecom_crm.domain.sim import Sim
from telecom_crm.domain.tariff import Option, Tariff
from telecom_crm.domain.ticket import Ticket
from telecom_crm.domain.token import Token
from telecom_crm.domain.user import User
from telecom_crm.domain.webhook import Webhook

K = TypeVar("K")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Clock = Callable[[], datetime]
"""Returns the present instant, aware, in UTC."""

NewId = Callable[[], UUID]
"""Returns a new UUIDv7; later ones sort after earlier ones."""

ReadPhone = Callable[[str], MSISDN]
"""Reads a phone number as people of the operator's country write it; raises `InvalidValue`."""


# What the ports take and give


@attrs.define
class Contended(Conflict):
    """Another transaction changed something this one relied on; run the whole command again."""

    code: ClassVar[str] = "contended"
    retryable: ClassVar[bool] = True

    thing: str

    def __str__(self) -> str:
        return f"another request changed {self.thing} at the same moment; try again"


@attrs.define
class IdentityTaken(Conflict):
    """Another customer already has this national id or identity document."""

    code: ClassVar[str] = "identity_taken"

    customer_id: CustomerId

    def __str__(self) -> str:
        return f"customer {self.customer_id} already has this national id or identity document"


@attrs.frozen(kw_only=True)
class Query:
    """
    A page of a list: equality filters by field name, in order of the key (for most things, of their
    making).

    `where` holds text, as it comes from a query string; a field that the list cannot filter by, or
    a value that is none of the field's, is `InvalidValue`. `cursor` is a page's `next`, opaque,
    stable under inserts.
    """

    where: Mapping[str, str] = attrs.field(factory=dict)
    limit: int = attrs.field(default=50)
    cursor: str | None = None
    descending: bool = False

    @limit.validator
    def _some(self, _: object, value: int) -> None:
        if not 1 <= value <= 500:
            raise InvalidValue.of("limit", "limit", "from 1 to 500", value)


@attrs.frozen(kw_only=True)
class Page(Generic[T]):
    """Some things in order, and the cursor of the next page where there is one."""

    items: tuple[T, ...]
    next: str | None = None


FILTERS: Mapping[str, tuple[str, ...]] = {
    "customer": ("status", "kind", "email", "phone", "national_id", "city"),
    "application": ("status", "kind", "channel", "claimed_by", "customer_id"),
    "sim": ("status", "batch", "contract_id", "reserved_for"),
    "number": ("status", "category", "contract_id", "reserved_for"),
    "tariff": ("status",),
    "option": ("status",),
    "contract": ("status", "customer_id", "account_id", "iccid", "msisdn", "tariff", "number"),
    "account": ("customer_id", "number", "holder"),
    "payment": (
        "status",
        "account_id",
        "contract_id",
        "gateway",
        "gateway_reference",
        "method",
        "receipt",
    ),
    "refund": ("status", "payment_id", "account_id"),
    "provisioning_task": ("status", "contract_id", "kind"),
    "ticket": ("status", "customer_id", "contract_id", "assignee", "held_by", "priority", "number"),
    "import_job": ("status", "kind", "result"),
    "notification": ("status", "customer_id"),
    "token": ("role", "status"),
    "webhook": ("status",),
    "approval": ("status", "kind", "thing_id"),
    "user": ("status", "role", "login"),
    "session": ("user_id", "customer_id"),
    "customer_password": (),
}
"""
The fields that each list can be filtered by. All are fields of the thing itself but a payment's
`receipt`, the number on what its payer was given, a customer's `city`, in any case of letters, and
a ticket's `held_by`, whom it was given to, unless it has ended.
"""


NO_FILTERS: Mapping[str, str] = MappingProxyType({})
"""Filters that leave everything."""

AUDIT_FILTERS = ("action", "by", "address", "thing", "thing_id")
"""What lines of the audit are filtered by: `by` is who it was, `address` where they were."""

TRAIL_FILTERS = (*AUDIT_FILTERS, "kind")
"""The same of the whole trail; an event's `action` is its name, `kind` one of `TrailKind`."""


class TrailKind(StrEnum):
    """What a line of the trail is: something that changed, or an access worth knowing."""

    CHANGE = "change"
    ACCESS = "access"


KEY_LIMIT = 255
"""So many characters an idempotency key has at most."""


@attrs.frozen
class IdempotencyKey:
    """A caller's own name for one request, and a digest of what it asks: same key, same content."""

    caller: str
    key: str = attrs.field()
    digest: str

    @key.validator
    def _short(self, _: object, value: str) -> None:
        if not 1 <= len(value) <= KEY_LIMIT:
            message = f"a text of 1 to {KEY_LIMIT} characters"
            raise InvalidValue.of("idempotency_key", "idempotency_key", message, value[:40])


@attrs.frozen
class Bound:
    """What a key stands for: a thing, which its request made, or `found` there already."""

    resource: UUID
    found: bool = False


@attrs.frozen(kw_only=True)
class AuditRecord:
    """Something that changed nothing and is worth knowing: a refusal, a look at a secret."""

    action: str
    thing: str
    thing_id: str
    by: Actor
    at: datetime
    detail: str = ""


TrailLine = Event | AuditRecord
"""A line of the trail."""


@attrs.frozen(kw_only=True)
class FormerValue:
    """An earlier value of a customer's personal field: kept apart, so that erasure can clear it."""

    customer_id: CustomerId
    field: str
    value: str
    at: datetime
    by: Actor


# The store


class Collection(Protocol[K, T]):
    """Things of one kind, each with a version; their new events are stored with them."""

    def get(self, key: K) -> T:
        """Return one thing; raise `NotFound`."""
        ...

    def get_many(self, keys: Iterable[K]) -> dict[K, T]:
        """Return those that exist, locked in the order of their keys."""
        ...

    def save(self, thing: T) -> T:
        """
        Store a new or changed thing with its events, and return it as stored (`events` empty).

        Raise `StaleVersion` where the stored version is not the one the events follow.
        """
        ...

    def save_all(self, things: Sequence[T]) -> None:
        """Store many; all or none."""
        ...

    def page(self, query: Query) -> Page[T]:
        """Return a page of the list; see `FILTERS`."""
        ...

    def counts(self, wheres: Sequence[Mapping[str, str]], *, most: int) -> list[int]:
        """Count what each of some filters leaves, up to `most`: further, it would cost."""
        ...

    def keys(self, where: Mapping[str, str]) -> list[str]:
        """Return the keys, as text and in order, of all that filters leave; nothing is held."""
        ...


class Customers(Collection[CustomerId, Customer], Protocol):
    """
    Customers; a national id or identity document belongs to one: `save` raises `IdentityTaken`.
    """

    def by_identities(self, keys: Iterable[str]) -> dict[str, CustomerId]:
        """Return who has which of these national ids and papers (see `Customer.identities`)."""
        ...

    def lookalikes(
        self, customers: Sequence[Customer], *, limit: int
    ) -> dict[CustomerId, list[Candidate]]:
        """
        Return, for each of some customers, stored or not, up to `limit` others that share a
        document, national id, phone, e-mail or birth date, merged ones left out.
        """
        ...

    def sharing(
        self, *, phones: Iterable[str], emails: Iterable[str]
    ) -> list[tuple[CustomerId, str, str]]:
        """
        Return customers who have one of these phones (digits) or e-mails (case does not matter),
        each with their phone and e-mail, "" for none; merged ones left out, in order of ids.
        """
        ...

    def search(
        self,
        text: str,
        *,
        phone: MSISDN | None = None,
        where: Mapping[str, str] = NO_FILTERS,
        limit: int,
    ) -> list[Customer]:
        """
        Find, of those that filters leave (see `FILTERS`), by beginnings of the name's words in any
        order and alphabet, e-mail, document, ICCID, or a phone, MSISDN or contract number, or its
        end; in order of ids.

        `phone` is the number in E.164 that the text is, where it may be one: it is looked for too.
        """
        ...

    def remember(self, values: Sequence[FormerValue]) -> None:
        """Keep values that a change replaced."""
        ...

    def former_values(self, customer_id: CustomerId) -> list[FormerValue]:
        """Return them, oldest first."""
        ...

    def forget(self, customer_id: CustomerId) -> None:
        """Clear a customer's former values, for good."""
        ...


class Applications(Collection[ApplicationId, Application], Protocol):
    """Applications, and the queue of those that wait for an operator."""

    def by_reference(self, channel: str, reference: str) -> Application | None:
        """Return the application a channel captured under its own reference."""
        ...

    def search(
        self, text: str, *, where: Mapping[str, str] = NO_FILTERS, limit: int
    ) -> list[Application]:
        """
        Find, of those that filters leave, by number, words of the name, or the phone or its end;
        the latest first.
        """
        ...

    def next_waiting(self) -> Application | None:
        """
        Return, held, the validated application of highest priority, of those the oldest.

        One that another transaction holds is passed over, so that two operators never get the same.
        """
        ...

    def leases_over(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[Application]:
        """Return a page of the claimed applications whose lease ended."""
        ...

    def answers_over(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[Application]:
        """Return a page of the applications whose applicant was to answer before an instant."""
        ...

    def ended_for_nobody(
        self, before: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[Application]:
        """Return a page of what ended before an instant, is no customer's, and is not erased."""
        ...


class Sims(Collection[ICCID, Sim], Protocol):
    """The pool of SIM cards."""

    def reservations_over(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[Sim]:
        """Return a page of the reserved SIMs whose reservation ended."""
        ...

    def on_offer(self, *, matching: str = "", limit: int, cursor: str | None = None) -> Page[Sim]:
        """Return a page of the free cards whose ICCID ends with a text, or whose batch has it."""
        ...


class Numbers(Collection[MSISDN, Number], Protocol):
    """The pool of numbers."""

    def reservations_over(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[Number]:
        """Return a page of the reserved numbers whose reservation ended."""
        ...

    def quarantine_over(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[Number]:
        """Return a page of the quarantined numbers that may be given out again."""
        ...

    def on_offer(
        self,
        *,
        containing: str = "",
        category: NumberCategory | None = None,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Number]:
        """Return a page of the free numbers with some digits in a row, of one category or any."""
        ...


class Catalog(Protocol):
    """Tariffs and options: small, read often, changed by an admin."""

    @property
    def tariffs(self) -> Collection[str, Tariff]: ...
    @property
    def options(self) -> Collection[str, Option]: ...

    def names(self) -> dict[str, Wording]:
        """Return what every tariff and option is called, by its code."""
        ...


class Contracts(Collection[ContractId, Contract], Protocol):
    """Contracts; a SIM and a number are each on one live contract: their own rows say which."""

    def by_msisdns(self, numbers: Iterable[MSISDN]) -> dict[MSISDN, Contract]:
        """Return the contract that holds each of these numbers now."""
        ...

    def count_live(self, customer_ids: Iterable[CustomerId]) -> dict[CustomerId, int]:
        """Count each customer's contracts that are live: that hold a SIM."""
        ...

    def latest_of(self, customer_ids: Iterable[CustomerId]) -> dict[CustomerId, Contract]:
        """Return the newest contract of each customer who has one."""
        ...

    def of_account(self, account_id: AccountId) -> list[Contract]:
        """Return an account's contracts, oldest first."""
        ...

    def activation_due(
        self, today: date, *, limit: int, cursor: str | None = None
    ) -> Page[Contract]:
        """Return a page of the accepted contracts whose requested activation date has come."""
        ...

    def amendments_due(
        self, today: date, *, limit: int, cursor: str | None = None
    ) -> Page[Contract]:
        """Return a page of the contracts with other terms that have begun, or begin today."""
        ...


class Accounts(Collection[AccountId, BillingAccount], Protocol):
    """Billing accounts; their counters are the ledger's."""

    def of_customer(self, customer_id: CustomerId) -> list[BillingAccount]:
        """Return a customer's accounts, oldest first."""
        ...

    def of_customers(self, customer_ids: Sequence[CustomerId]) -> list[BillingAccount]:
        """Return the accounts of some customers, oldest first."""
        ...

    def held_for_money(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[BillingAccount]:
        """
        Return a page of the accounts with a contract suspended for what `settled` says is settled.

        That is low_balance where zero or more is available, non_payment where nothing is overdue.
        """
        ...

    def overdrawn(self, *, limit: int, cursor: str | None = None) -> Page[BillingAccount]:
        """Return a page of the accounts that are marked as overdrawn."""
        ...

    def promises_over(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[BillingAccount]:
        """Return a page of the accounts with a promised payment whose time is over."""
        ...


@attrs.frozen(kw_only=True)
class LedgerDifference:
    """A counter that is not what the journal says: always a defect."""

    account_id: AccountId
    counter: str
    stored: int
    computed: int


class Ledger(Protocol):
    """The journal and the counters over it. Entries are only ever added."""

    def post(self, postings: Sequence[Posting], *, at: datetime) -> None:
        """
        Book many entries at once and move their accounts' counters; one is the special case.

        Accounts are held in the order of their ids. Raise `InsufficientFunds` where a limited
        posting finds too little, `AlreadyReversed` for a second reversal; nothing is booked then.
        """
        ...

    def states(
        self, account_ids: Iterable[AccountId], *, at: datetime
    ) -> dict[AccountId, AccountState]:
        """Return accounts with their counters; held in a writing transaction."""
        ...

    def entry(self, entry_id: EntryId, *, account_id: AccountId) -> JournalEntry:
        """Return one entry of an account; raise `NotFound`."""
        ...

    def entries(
        self,
        account_id: AccountId,
        *,
        start: datetime | None,
        end: datetime | None,
        limit: int,
        cursor: str | None,
        descending: bool = False,
        charging: ContractId | None = None,
    ) -> Page[JournalEntry]:
        """
        Return an account's entries booked in [start, end), oldest first, or newest first; or those
        alone that charge one contract.
        """
        ...

    def moved(
        self, account_id: AccountId, *, start: datetime | None, end: datetime | None
    ) -> Money:
        """
        Return what the entries booked in [start, end) add to an account's balance: with no start
        the balance just before `end`.
        """
        ...

    def trial_balance(self, *, account_id: AccountId | None = None) -> tuple[TrialBalanceLine, ...]:
        """Sum the whole journal, or one account's entries, by ledger account and currency."""
        ...

    def differences(self) -> Iterator[LedgerDifference]:
        """Recompute every counter from the journal and tell those that differ."""
        ...


class Payments(Collection[PaymentId, Payment], Protocol):
    """Payments."""

    def of_accounts(self, account_ids: Iterable[AccountId], query: Query) -> Page[Payment]:
        """Return a page of the payments to some accounts together."""
        ...

    def unbooked(
        self, account_ids: Iterable[AccountId], *, start: datetime, end: datetime, limit: int
    ) -> list[Payment]:
        """
        Return the payments asked for in [start, end) that are `UNBOOKED`: the latest `limit` of
        those to some accounts together, newest first.
        """
        ...

    def taken(
        self, by: str, *, since: datetime, gateways: Iterable[str], currency: str
    ) -> list[Takings]:
        """
        Sum up by method what a user took in since an instant, at some gateways and in a currency:
        what was booked and not reversed, the methods in order of their names.
        """
        ...

    def uncertain(
        self,
        before: datetime,
        *,
        states: Set[PaymentStatus] = IN_FLIGHT,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Payment]:
        """
        Return a page of the payments in flight (initiated, pending, unknown) that were asked for
        before an instant; of those in some `states` alone, where asked.
        """
        ...


class Refunds(Collection[RefundId, Refund], Protocol):
    """Refunds."""

    def uncertain(self, *, limit: int, cursor: str | None = None) -> Page[Refund]:
        """Return a page of the refunds whose end is not known."""
        ...


class ProvisioningTasks(Collection[TaskId, ProvisioningTask], Protocol):
    """What the network has to be told."""

    def due(self, at: datetime, *, limit: int) -> list[ProvisioningTask]:
        """
        Return, held, pending tasks and running ones whose lease ended, oldest first.

        Those that another transaction holds are passed over. Of one contract's tasks only the
        oldest unfinished is due.
        """
        ...

    def of_contract(self, contract_id: ContractId) -> list[ProvisioningTask]:
        """Return a contract's tasks, oldest first."""
        ...

    def of_contracts(self, contract_ids: Iterable[ContractId]) -> list[ProvisioningTask]:
        """Return the tasks of some contracts together, oldest first."""
        ...

    def backlog(self) -> Mapping[ProvisioningStatus, int]:
        """Count what is not at an end, by status: pending, running and failed, none left out."""
        ...


class Tickets(Collection[TicketId, Ticket], Protocol):
    """Trouble tickets."""

    def next_free(self) -> Ticket | None:
        """
        Return, held, the free ticket of highest priority without an assignee, of those the oldest;
        others' are passed over.
        """
        ...

    def search(self, text: str, *, owners: Iterable[CustomerId], limit: int) -> list[Ticket]:
        """
        Find by number, by beginnings of the subject's words, or as one of the `owners`'; the latest
        first.
        """
        ...

    def promise(self, late: Mapping[TicketId, datetime | None], *, version: int) -> None:
        """
        Keep after which instant each of some stored tickets is late, by a version of the service
        levels; None for one that no time makes late.
        """
        ...

    def promised_before(self, version: int, *, limit: int) -> list[Ticket]:
        """
        Return, held, tickets that wait for an answer and were promised it by an older version of
        the service levels, or by none; others' are passed over.
        """
        ...

    def late(self, at: datetime, *, limit: int, cursor: str | None = None) -> Page[Ticket]:
        """Return a page of the tickets that are late at an instant, in order of their opening."""
        ...

    def count_late(self, at: datetime, *, most: int) -> int:
        """Count the tickets that are late at an instant, up to `most`."""
        ...


class Imports(Collection[ImportId, ImportJob], Protocol):
    """
    Import jobs, the outcomes of their rows, and what a dry run's earlier rows would have taken.
    """

    def record(self, job_id: ImportId, rows: Sequence[RowOutcome]) -> None:
        """Keep outcomes of rows; a row is recorded once, again is no change."""
        ...

    def outcomes(
        self,
        job_id: ImportId,
        *,
        after_line: int,
        limit: int,
        failed: bool | None = None,
        code: str | None = None,
    ) -> list[RowOutcome]:
        """
        Return recorded outcomes behind a line, in order of lines: of the rows that failed alone, or
        of those that did not; with a `code`, of those that have an error of this code.
        """
        ...

    def reasons(self, job_id: ImportId) -> dict[str, int]:
        """Return how many rows have an error of each code, of the codes that there are."""
        ...

    def claim(self, job_id: ImportId, keys: Mapping[str, str]) -> None:
        """
        Remember, for a dry run, what its rows would have taken: key to whatever the claimant wants
        to know.
        """
        ...

    def claimed(self, job_id: ImportId, keys: Iterable[str]) -> dict[str, str]:
        """Return those of the keys that are claimed."""
        ...

    def alike(self, sha256: str, *, limit: int) -> list[ImportJob]:
        """Return the jobs on a file of this content, the latest first."""
        ...

    def over_before(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[ImportJob]:
        """Return a page of the jobs that were over before an instant and still have their file."""
        ...

    def over_since(self, at: datetime, *, limit: int) -> list[ImportJob]:
        """Return the jobs that were over at an instant or later, the last one first."""
        ...

    def count_failed(self, since: datetime, *, most: int) -> int:
        """Count the jobs uploaded since an instant that `has_failed`, up to `most`."""
        ...

    def forget_rows(self, job_id: ImportId) -> None:
        """Clear the outcomes and the claims of a job's rows, for good."""
        ...


class Notifications(Collection[NotificationId, Notification], Protocol):
    """Messages to customers, written with the change they tell of."""

    def waiting(self, *, limit: int) -> list[Notification]:
        """
        Return, held, queued messages, oldest first; those another transaction holds are passed
        over.
        """
        ...


class Rules(Protocol):
    """
    Rules as data: billing policies, validation, de-duplication, SLA, message templates, each kind
    as plain JSON.
    """

    def get(self, kind: str) -> Any | None:
        """Return the rules of a kind as they were put, or None."""
        ...

    def version(self, kind: str) -> int:
        """Return how often the rules of a kind were put; 0 for never."""
        ...

    def hold(self, kind: str) -> None:
        """
        Keep the rules of a kind from being put by others until this transaction ends, and see what
        they are now: who decides on what there is holds it first. One that comes too late waits, or
        raises `Contended`.
        """
        ...

    def put(
        self,
        kind: str,
        value: Any,
        *,
        expected_version: int | None = None,
        by: Actor,
        at: datetime,
    ) -> None:
        """
        Put the rules of a kind; the change is an event.

        Raise `VersionSeen`, with the version before, where another is expected.
        """
        ...


class Tokens(Collection[TokenId, Token], Protocol):
    """Access tokens, by the digest of their secret."""

    def opening(self, digest: str) -> Token | None:
        """
        Return the token with this SHA-256 digest; it is not held.

        None where `Token.maker` is a user who may not sign in.
        """
        ...


class Users(Collection[UserId, User], Protocol):
    """The operator's own people."""

    def by_login(self, login: str) -> User | None:
        """Return the user with this login, in small letters; it is not held."""
        ...

    def names(self) -> dict[str, str]:
        """Return what each is called, by login: they are an operator's staff, and never many."""
        ...

    def by_invitation(self, digest: str) -> User | None:
        """Return the user whose invitation's secret has this SHA-256 digest; it is not held."""
        ...


class Sessions(Collection[SessionId, Session], Protocol):
    """Who signed in, by the digest of their secret; a session has neither version nor events."""

    def by_digest(self, digest: str) -> Session | None:
        """Return the session with this SHA-256 digest; it is not held."""
        ...

    def of_user(self, user_id: UserId) -> list[Session]:
        """Return a user's sessions that nobody ended, in the order they began."""
        ...

    def last_seen(self, user_ids: Iterable[UserId]) -> dict[UserId, datetime]:
        """Return when each of some users was last seen, for those who have a session, if over."""
        ...

    def forget_before(self, at: datetime, *, limit: int) -> int:
        """Forget sessions that were over by then, so many at most; return how many."""
        ...


@attrs.frozen
class Attempted:
    """How often something was tried since an instant."""

    number: int
    since: datetime


class Attempts(Protocol):
    """How often something was tried, counted for all processes together."""

    def count(
        self, keys: Iterable[str], *, at: datetime, window: timedelta
    ) -> dict[str, Attempted]:
        """
        Count one more for each key, and return the counts with it.

        A count begins anew once `window` has passed since it began. The keys are held in order.
        """
        ...

    def forget_before(self, at: datetime, *, limit: int) -> int:
        """Forget counts that began before this, so many at most; return how many."""
        ...

    def forgive(self, wholly: Iterable[str], once: Iterable[str] = ()) -> None:
        """Forget all attempts of some keys, and one of others."""
        ...


class Keys(Protocol):
    """Idempotency keys, stored with the effect they name."""

    def claim(self, key: IdempotencyKey, resource: UUID, *, found: bool = False) -> Bound | None:
        """
        Bind the key to the resource that this transaction makes, or `found`, and return None.

        Return what it is bound to already, where the content is the same; raise `KeyReused`
        where it is not, and `Busy` where another transaction has been working under it for five
        seconds.
        """
        ...


class Events(Protocol):
    """The stream of every change."""

    def since(self, cursor: str, *, limit: int) -> list[tuple[str, Event]]:
        """
        Return events behind a cursor ("" is the beginning), each with its own cursor, in an order
        that never changes.

        None is ever added before a cursor that was given out.
        """
        ...

    def of(self, thing: str, key: str) -> list[Event]:
        """Return the history of one thing, oldest first."""
        ...

    def timeline(self, things: Sequence[tuple[str, str]]) -> list[Event]:
        """
        Return the histories of several things, by name and key, as one: in order of time, and at
        the same instant by key and sequence.
        """
        ...

    def timeline_page(
        self,
        things: Sequence[tuple[str, str]],
        *,
        limit: int,
        cursor: str | None = None,
        descending: bool = False,
    ) -> Page[Event]:
        """Return a page of such a timeline, of things that may have a long one; or backwards."""
        ...

    def latest_of(self, names: Iterable[str], *, limit: int) -> list[Event]:
        """Return the latest of all events of some names, the last one first."""
        ...

    def latest(self) -> str:
        """Return the cursor of the last event that `since` would tell now, "" before the first."""
        ...

    def position(self, consumer: str) -> str:
        """Return, held, the cursor a consumer has reached."""
        ...

    def advance(self, consumer: str, cursor: str) -> None:
        """Remember how far a consumer got."""
        ...


class Figures(Protocol):
    """
    What is counted and summed by day: always what the events and the journal say, to the last one
    committed, however much of it is kept summed up. Read it in a reading transaction.

    Days are the zone's. Each method tells the days from `since` on, and, with no day, all of time.
    """

    def moves(self, *, since: date, zone: ZoneInfo) -> list[Moves]:
        """
        Return how many of the things that are `COUNTED` went from which state to which: of all
        time by their kinds.
        """
        ...

    def bookings(self, *, since: date, zone: ZoneInfo) -> list[Bookings]:
        """Return how many entries of each kind, place and currency there are, and what they did."""
        ...

    def keep(self, *, zone: ZoneInfo, limit: int) -> int:
        """
        Sum up what came since the last time and keep the sums; return how many events it was.

        It stops soon behind `limit` of them. A store that keeps nothing returns 0.
        """
        ...

    def forget(self, *, zone: ZoneInfo) -> None:
        """Forget the sums, so that the next `keep` begins at the beginning."""
        ...


class Audit(Protocol):
    """Refusals and reads that matter; changes are events."""

    def record(self, record: AuditRecord) -> None:
        """Write one line."""
        ...

    def page(
        self, query: Query, *, since: datetime | None = None, until: datetime | None = None
    ) -> Page[AuditRecord]:
        """
        Return lines from `since` to before `until`, as `trail` has them; see `AUDIT_FILTERS`.
        """
        ...

    def trail(
        self, query: Query, *, since: datetime | None = None, until: datetime | None = None
    ) -> Page[TrailLine]:
        """
        Return lines and events together, in order of their transactions; see `TRAIL_FILTERS`.

        Only what is committed is told, and nothing that a transaction under way might still write
        before it: whoever goes on behind a cursor misses nothing.
        """
        ...


class Seals(Protocol):
    """
    The audit trail, which is all events and all lines of the audit, and the seals over it.

    A place in the trail is a whole number that rises with the commits: what is below a place that
    `end_of` gave out is complete for ever.
    """

    def last(self) -> Seal | None:
        """Return the latest seal."""
        ...

    def behind(self, number: int, *, limit: int) -> list[Seal]:
        """Return the seals behind a number, in order."""
        ...

    def end_of(self, start: int, *, limit: int) -> int:
        """
        Return the place behind about `limit` complete lines from `start` on, or behind all of them.
        """
        ...

    def lines(self, start: int, end: int) -> Iterator[bytes]:
        """
        Go through what is from one place to another, each line as bytes that say all of it.

        The same lines come in the same order and as the same bytes, in bounded memory.
        """
        ...

    def add(self, seal: Seal) -> None:
        """Keep a seal; raise `Contended` where there is one of its number, now or at the commit."""
        ...


class Papers(Protocol):
    """What was printed, and the texts of the templates it was set from; both stay as they are."""

    def keep(self, edition: Edition, *, source: str) -> Edition:
        """
        Keep an edition with its template's text, each once.

        Return it, or the one of the same digest that was kept before.
        """
        ...

    def of(self, thing_id: UUID) -> list[Edition]:
        """Return the editions of a thing's papers, the latest first."""
        ...

    def put_source(self, source: str) -> str:
        """Keep the text of a template, once; return its digest."""
        ...

    def source(self, digest: str) -> str:
        """Return the text of a template, or raise `NotFound`."""
        ...

    def forget(self, thing_ids: Iterable[UUID]) -> None:
        """Forget the editions of things for good."""
        ...


class DiscardedFiles(Protocol):
    """
    Files that nothing names any more: written down with the change that let go of them, so that
    they are deleted once it is committed, whatever happens to who made it.
    """

    def add(self, file_ids: Iterable[UUID]) -> None:
        """Write down files to be deleted; again is no change."""
        ...

    def page(self, *, limit: int, cursor: str | None = None) -> Page[UUID]:
        """Return a page of those that were written down."""
        ...

    def forget(self, file_id: UUID) -> None:
        """Forget a file that is deleted; again is no change."""
        ...


@attrs.frozen(kw_only=True)
class StoreState:
    """
    What a store tells of itself: its name ("" in memory), the revision of its schema, when a worker
    was last seen there, and how many of its duties are due (1,001 are more than a thousand).
    """

    name: str = ""
    revision: str = ""
    worker_seen: datetime | None = None
    duties_due: int | None = None


class Transaction(Protocol):
    """All collections, in one transaction."""

    @property
    def customers(self) -> Customers: ...
    @property
    def applications(self) -> Applications: ...
    @property
    def sims(self) -> Sims: ...
    @property
    def numbers(self) -> Numbers: ...
    @property
    def catalog(self) -> Catalog: ...
    @property
    def contracts(self) -> Contracts: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def payments(self) -> Payments: ...
    @property
    def refunds(self) -> Refunds: ...
    @property
    def tasks(self) -> ProvisioningTasks: ...
    @property
    def tickets(self) -> Tickets: ...
    @property
    def imports(self) -> Imports: ...
    @property
    def notifications(self) -> Notifications: ...
    @property
    def rules(self) -> Rules: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def users(self) -> Users: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def customer_passwords(self) -> Collection[CustomerId, CustomerPassword]: ...
    @property
    def attempts(self) -> Attempts: ...
    @property
    def webhooks(self) -> Collection[WebhookId, Webhook]: ...
    @property
    def approvals(self) -> Collection[ApprovalId, Approval]: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def events(self) -> Events: ...
    @property
    def figures(self) -> Figures: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def seals(self) -> Seals: ...
    @property
    def papers(self) -> Papers: ...
    @property
    def discarded_files(self) -> DiscardedFiles: ...


class UnitOfWork(Protocol):
    """Opens transactions; holds no state of its own, so one serves all threads."""

    def __call__(self, *, read_only: bool = False) -> AbstractContextManager[Transaction]:
        """
        Open a transaction that commits on a clean exit and is forgotten on an exception.

        Raise `Contended` where it could not commit because of another, `Unavailable` where the
        store is away.
        """
        ...


class Series(Protocol):
    """
    Human numbers of contracts, accounts, applications and tickets: unique, rising, gaps allowed.
    """

    def take(self, name: str, count: int = 1) -> range:
        """Return the next numbers of a series, in a transaction of its own."""
        ...


# Money coming in


@attrs.frozen(kw_only=True)
class Payer:
    """Where a payment goes: exactly one of the three."""

    account_id: AccountId | None = None
    contract_id: ContractId | None = None
    msisdn: MSISDN | None = None

    def __attrs_post_init__(self) -> None:
        if (
            sum(field is not None for field in (self.account_id, self.contract_id, self.msisdn))
            != 1
        ):
            raise InvalidValue.of("payer", "payer", "one of account_id, contract_id and msisdn")


@attrs.frozen(kw_only=True)
class Found:
    """What a booking is decided on, held until it is written."""

    state: AccountState
    contract_id: ContractId | None = None
    contract_status: ContractStatus | None = None
    payment: Payment | None = None


@attrs.frozen(kw_only=True)
class Booked:
    """What a booking writes: the payment with its new events, and the entry where money moved."""

    payment: Payment
    entry: JournalEntry | None = None


@attrs.frozen(kw_only=True)
class Booking:
    """
    One payment to write: a new one for a payer, or the next step of an existing one.

    `decide` is pure and quick: it is called with what was found, under lock, and may be called
    again after a conflict. What it raises is the outcome of this booking alone.
    """

    decide: Callable[[Found], Booked]
    at: datetime
    payer: Payer | None = None
    payment_id: PaymentId | None = None
    key: IdempotencyKey | None = None


class Till(Protocol):
    """Where payments are written, many at once; one is the special case."""

    def book(
        self, bookings: Sequence[Booking], *, wait: bool = True
    ) -> list[Payment | TelecomCrmError]:
        """
        Write every booking that can be, durably, and return the outcome of each in its place.

        What another transaction holds is waited for, and `Busy` is raised for all where that takes
        too long. Without `wait`, a booking on it is `Busy`, naming what is held, and the others go.

        A booking whose key was used before with the same content returns that payment, `replayed`;
        with other content, `KeyReused`. A payer or payment that is not there is `NotFound`. One
        that fails, fails alone. Raise `Unavailable` where the store is away: then the outcome is
        not known, and sending again is safe with a key.
        """
        ...


class Outcome(StrEnum):
    """What a gateway says of a payment or refund."""

    CONFIRMED = "confirmed"
    PENDING = "pending"
    DECLINED = "declined"
    NOT_KNOWN = "not_known"
    """The gateway never heard of it."""


@attrs.frozen(kw_only=True)
class GatewayAnswer:
    """A gateway's word on one payment or refund; `amount` is what it says it took."""

    outcome: Outcome
    reference: str | None = None
    amount: Money | None = None
    reason: str = ""
    continue_at: str | None = None
    """Where the subscriber goes on, for a gateway with a page of its own."""


@attrs.frozen(kw_only=True)
class GatewayNotice:
    """A callback, checked to be the gateway's own: which payment, and what became of it."""

    payment_id: PaymentId
    answer: GatewayAnswer


@attrs.frozen(kw_only=True)
class GatewayReceipt:
    """
    A callback about money that a gateway took by itself, at a terminal or in its own app.

    `told` is what the subscriber typed; `payer` whom that may name, None where it names nobody at
    all. `reference` is the gateway's own id: the same one again is the same money.
    """

    told: str
    payer: Payer | None
    amount: Money
    method: PaymentMethod
    reference: str


@attrs.define
class GatewayUncertain(GatewayError):
    """No answer, or one that cannot be understood: the money may have moved."""

    code: ClassVar[str] = "gateway_uncertain"


@attrs.define
class GatewayUnavailable(GatewayError):
    """The gateway could not be reached at all: surely no money moved."""

    code: ClassVar[str] = "gateway_unavailable"
    retryable: ClassVar[bool] = True


class PaymentGateway(Protocol):
    """
    Takes money from subscribers. Our payment id is its reference: asking twice never charges twice.
    """

    @property
    def name(self) -> str:
        """The name it has in payments, routes and the ledger."""
        ...

    @property
    def ledger_code(self) -> LedgerCode:
        """Where its money is booked: 1030 for a gateway, 1020 for a cash desk."""
        ...

    @property
    def takes_at_once(self) -> bool:
        """
        True where the money is in hand before the payment is written (a cash desk): nothing outside
        is asked.
        """
        ...

    def charge(self, payment: Payment) -> GatewayAnswer:
        """Take the money. Raise `GatewayUncertain` or `GatewayUnavailable`."""
        ...

    def ask(self, payment: Payment) -> GatewayAnswer:
        """Tell what became of a payment. Raises as `charge` does."""
        ...

    def refund(self, refund: Refund, payment: Payment) -> GatewayAnswer:
        """
        Give money back; idempotent by the refund's id, so it also serves to ask. Raises as `charge`
        does.
        """
        ...

    def read_callback(
        self, *, body: bytes, headers: Mapping[str, str]
    ) -> GatewayNotice | GatewayReceipt:
        """
        Read a callback; raise `NotPermitted` where it is forged, `InvalidValue` where it makes no
        sense.
        """
        ...


@runtime_checkable
class TrialGateway(Protocol):
    """A gateway that takes no real money, for pages to say so."""

    @property
    def trial_endings(self) -> Mapping[Outcome, tuple[int, ...]]:
        """By which minor units modulo 100 an amount has another outcome than to succeed."""
        ...


# Who comes in


class Passwords(Protocol):
    """Digests of passwords, slow on purpose."""

    def hash(self, password: str) -> str:
        """Return a digest with its salt and its parameters, as a text."""
        ...

    def verify(self, hashed: str | None, password: str) -> bool:
        """Tell whether it is the password; for no digest, False in the same time."""
        ...

    def is_outdated(self, hashed: str | None) -> bool:
        """Tell whether a digest was made with weaker parameters than today's."""
        ...


class OneTimeCodes(Protocol):
    """Codes by the time (RFC 6238), as authenticator apps make them."""

    def new_secret(self) -> str:
        """Return a secret in base32."""
        ...

    def step_of(self, secret: str, code: str, *, at: datetime) -> int | None:
        """Return the step whose code this is, now or one before or after; None for no code."""
        ...

    def link(self, secret: str, *, login: str, issuer: str) -> str:
        """Return the `otpauth://` link that apps read from a QR code."""
        ...


# Other worlds


@attrs.define
class NetworkFailed(TelecomCrmError):
    """The network refused a step; somebody has to look."""

    code: ClassVar[str] = "network_failed"

    step: str
    detail: str

    def __str__(self) -> str:
        return f"the network failed at {self.step}: {self.detail}"


@attrs.define
class NetworkSilent(TelecomCrmError):
    """The network did not answer; the task stays leased and is tried again."""

    code: ClassVar[str] = "network_silent"
    retryable: ClassVar[bool] = True

    step: str


class Network(Protocol):
    """The operator's network (HLR/HSS, PCRF …), which has to know what a contract may do."""

    def carry_out(self, task: ProvisioningTask) -> None:
        """
        Make the network as the task says; doing it again is harmless.

        Afterwards exactly `task.bars` are barred, more or fewer than before. Raise `NetworkFailed`
        or `NetworkSilent`.
        """
        ...


@attrs.frozen(kw_only=True)
class StoredFile:
    """
    A file as kept: its id, size in bytes, SHA-256 in hex and the media type found in its content.
    """

    id: UUID
    size: int
    sha256: str
    media_type: str


class Files(Protocol):
    """Uploaded files: scans of documents, files to import."""

    def put(self, content: Iterable[bytes], *, limit: int) -> StoredFile:
        """Store a stream of bytes; raise `InvalidValue` past `limit` bytes. Durable on return."""
        ...

    def open(self, file_id: UUID) -> BinaryIO:
        """Open for reading; raise `NotFound`."""
        ...

    def delete(self, file_id: UUID) -> None:
        """Remove; again is no error."""
        ...


@attrs.frozen(kw_only=True)
class Message:
    """A text ready for one address."""

    notification_id: NotificationId
    address: str
    subject: str
    body: str


class Messenger(Protocol):
    """A channel that carries messages to people."""

    def send(self, message: Message) -> None:
        """Hand it over; raise `Unavailable` to have it tried again."""
        ...


@attrs.define
class Undelivered(TelecomCrmError):
    """A delivery did not arrive, or nobody knows; it is to be tried again."""

    code: ClassVar[str] = "undelivered"
    retryable: ClassVar[bool] = True

    reason: str

    def __str__(self) -> str:
        return self.reason


class HookSender(Protocol):
    """How events get to whoever registered a URL."""

    def check(self, url: str) -> None:
        """Raise `InvalidValue` for a URL that nothing is ever sent to."""
        ...

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> None:
        """Deliver and return, or raise `Undelivered`, within a time that is bounded."""
        ...


@attrs.define
class NotInstalled(TelecomCrmError):
    """A part that the command needs was left out of this installation."""

    code: ClassVar[str] = "not_installed"

    what: str
    extra: str

    def __str__(self) -> str:
        return f"{self.what} need the extra: pip install 'telecom-crm[{self.extra}]'"


class Documents(Protocol):
    """Papers that people are given, set from templates in the language of Typst."""

    def built_in(self, kind: PaperKind) -> str:
        """Return the text of the template that a kind of paper has from the beginning."""
        ...

    def render(self, source: str, data: str) -> bytes:
        """
        Return a document as PDF; the same template and data are the same bytes for ever.

        `source` is the template's text, `data` the JSON that it reads. A template that is not
        built in may be anything: it reads no file, reaches nobody, and its time and memory end.
        Raise `InvalidValue` with the line and column of what is wrong with it, `NotInstalled`,
        `Unavailable` where there is too much to do at once.
        """
        ...


class TableFormat(StrEnum):
    """A kind of file for rows."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


class Tables(Protocol):
    """Rows as a file, for spreadsheets and for analysis."""

    def write(
        self,
        rows: Iterable[Mapping[str, Any]],
        *,
        columns: Mapping[str, type],
        format: TableFormat,
    ) -> Iterator[bytes]:
        """
        Return the file piece by piece, in bounded memory; no cell is ever a formula.

        `columns` are the names in order, each with its type: text, whole number or date. Raise
        `NotInstalled`, before the first piece.
        """
        ...


class EventSink(Protocol):
    """Where an embedder wants the events; delivery is at least once and in order."""

    def deliver(self, events: Sequence[Event]) -> None:
        """Take a batch; an exception has the batch delivered again later."""
        ...
