"""
What is committed: tables of things, the journal with its counters, and the stream of events.

Everything kept is a frozen value, so nothing is copied. It changes under `lock`, by commits alone.
"""

from __future__ import annotations

import bisect
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

import attrs

from telecom_crm.adapters.memory.pages import Term, terms_of
from telecom_crm.application.ports import Attempted, AuditRecord, Bound, FormerValue, IdempotencyKey
from telecom_crm.domain.account import BillingAccount
from telecom_crm.domain.application import Application
from telecom_crm.domain.approval import Approval
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.identifiers import AccountId, CustomerId, EntryId, ImportId
from telecom_crm.domain.importing import ImportJob, RowOutcome
from telecom_crm.domain.ledger import Balance, JournalEntry
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.notification import Notification
from telecom_crm.domain.number import Number
from telecom_crm.domain.paper import Edition
from telecom_crm.domain.payment import Payment
from telecom_crm.domain.provisioning import ProvisioningTask
from telecom_crm.domain.refund import Refund
from telecom_crm.domain.seal import Seal
from telecom_crm.domain.session import CustomerPassword, Session
from telecom_crm.domain.sim import Sim
from telecom_crm.domain.tariff import Option, Tariff
from telecom_crm.domain.ticket import Ticket
from telecom_crm.domain.token import Token
from telecom_crm.domain.user import User
from telecom_crm.domain.webhook import Webhook

T = TypeVar("T")


def _nothing(_: Any) -> Iterable[Term]:
    return ()


class Table(Generic[T]):
    """
    Things of one kind by the text of their key, and an index from terms to keys.

    `unique` are terms that one thing alone may have; `also` are further ones to find things by.
    """

    def __init__(
        self,
        name: str,
        kind: type[T],
        *,
        unique: Callable[[T], Iterable[Term]] = _nothing,
        also: Callable[[T], Iterable[Term]] = _nothing,
    ) -> None:
        self.name = name
        self.kind = kind
        self.unique = unique
        self.rows: dict[str, T] = {}
        self._also = also
        self._keys_by_term: defaultdict[Term, dict[str, None]] = defaultdict(dict)
        self._order: list[str] = []

    def terms(self, thing: T) -> set[Term]:
        """Return everything a thing is found by."""
        return {*terms_of(self.name, thing), *self.unique(thing), *self._also(thing)}

    def keys_with(self, term: Term) -> list[str]:
        """Return the keys of the things that have a term. Call it under the lock."""
        return list(self._keys_by_term.get(term, ()))

    def ordered_keys(self) -> list[str]:
        """Return all keys in order, in a list that never changes. Call it under the lock."""
        if len(self._order) != len(self.rows):  # what leaves a table takes the order with it
            self._order = sorted(self.rows)
        return self._order

    def put(self, key: str, thing: T) -> None:
        """Replace or add a thing. Call it under the lock."""
        before = self.rows.get(key)
        old = self.terms(before) if before is not None else set()
        new = self.terms(thing)
        for term in old - new:
            del self._keys_by_term[term][key]
            if not self._keys_by_term[term]:
                del self._keys_by_term[term]
        for term in new - old:
            self._keys_by_term[term][key] = None
        self.rows[key] = thing

    def drop(self, key: str) -> None:
        """Forget a thing. Call it under the lock."""
        for term in self.terms(self.rows.pop(key)):
            del self._keys_by_term[term][key]
            if not self._keys_by_term[term]:
                del self._keys_by_term[term]
        self._order = []


@attrs.define(eq=False)
class Journal:
    """Entries, only ever added; each account's in order of booking; and the counters over them."""

    entries: list[JournalEntry] = attrs.field(factory=list)
    by_id: dict[EntryId, JournalEntry] = attrs.field(factory=dict)
    balances: dict[AccountId, Balance] = attrs.field(factory=dict)
    reversed: dict[EntryId, EntryId] = attrs.field(factory=dict)
    _by_account: dict[AccountId, list[JournalEntry]] = attrs.field(factory=dict)

    def add(self, entry: JournalEntry) -> None:
        """Append an entry; the counters are the caller's."""
        self.entries.append(entry)
        self.by_id[entry.id] = entry
        if entry.reverses is not None:
            self.reversed[entry.reverses] = entry.id
        # Nearly always the last place, so this costs the same however long the list is.
        bisect.insort(self._by_account.setdefault(entry.account_id, []), entry, key=booking_order)

    def of(self, account_id: AccountId) -> list[JournalEntry]:
        """Return a copy of an account's entries, oldest first."""
        return list(self._by_account.get(account_id, ()))


def booking_order(entry: JournalEntry) -> tuple[datetime, str]:
    """Return what an account's entries are sorted by."""
    return entry.booked_at, str(entry.id)


@attrs.define(eq=False)
class EventLog:
    """Every event in the order of commits; an event's cursor is how many there were with it."""

    all: list[Event] = attrs.field(factory=list)
    trail: list[Event | AuditRecord] = attrs.field(factory=list)
    """The same with the lines of the audit in between."""
    _by_thing: dict[tuple[str, str], list[Event]] = attrs.field(factory=dict)

    def add(self, event: Event) -> None:
        """Append an event."""
        self.all.append(event)
        self.trail.append(event)
        self._by_thing.setdefault((event.thing, event.thing_id), []).append(event)

    def of(self, thing: str, key: str) -> list[Event]:
        """Return a copy of one thing's history."""
        return list(self._by_thing.get((thing, key), ()))


@attrs.define(eq=False)
class ImportRows:
    """What one import job keeps beside itself: outcomes by line, and what its dry run took."""

    outcomes: dict[int, RowOutcome] = attrs.field(factory=dict)
    claims: dict[str, str] = attrs.field(factory=dict)


class MemoryStore:
    """Everything a process keeps in memory; gone when the process ends. Serves all threads."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.customers = Table("customer", Customer, unique=_identities, also=likeness_terms)
        self.applications = Table("application", Application, unique=_reference)
        self.sims = Table("sim", Sim)
        self.numbers = Table("number", Number)
        self.tariffs = Table("tariff", Tariff)
        self.options = Table("option", Option)
        self.contracts = Table("contract", Contract, also=_pending)
        self.accounts = Table("account", BillingAccount, also=_swept_for)
        self.payments = Table("payment", Payment)
        self.refunds = Table("refund", Refund)
        self.tasks = Table("provisioning_task", ProvisioningTask)
        self.tickets = Table("ticket", Ticket)
        self.promised: dict[str, tuple[datetime | None, int]] = {}
        self.imports = Table("import_job", ImportJob)
        self.notifications = Table("notification", Notification)
        self.tokens = Table("token", Token, unique=_digest)
        self.webhooks = Table("webhook", Webhook)
        self.approvals = Table("approval", Approval)
        self.users = Table("user", User, unique=_login, also=_invitation)
        self.sessions = Table("session", Session, unique=_digest, also=_open_session)
        self.customer_passwords = Table("customer_password", CustomerPassword)
        self.attempts: dict[str, Attempted] = {}
        self.journal = Journal()
        self.events = EventLog()
        self.positions: dict[str, str] = {}
        self.keys: dict[tuple[str, str], tuple[IdempotencyKey, Bound]] = {}
        self.audit: list[AuditRecord] = []
        self.seals: list[Seal] = []
        self.rules: dict[str, tuple[int, str]] = {}
        self.editions: dict[UUID, dict[str, Edition]] = {}
        self.sources: dict[str, str] = {}
        self.discarded_files: set[UUID] = set()
        self.former: dict[CustomerId, list[FormerValue]] = {}
        self.import_rows: defaultdict[ImportId, ImportRows] = defaultdict(ImportRows)
        self.series: defaultdict[str, int] = defaultdict(int)
        self.holders: WeakValueDictionary[tuple[str, str], Any] = WeakValueDictionary()
        """Which open transaction holds a thing: for queues, which pass over it; no commit asks."""


def identity_term(key: str) -> Term:
    """Return the term of a national id or an identity document, by its key."""
    return ("identity", key)


def likeness_terms(customer: Customer) -> list[Term]:
    """Return what two records of one person may share."""
    facts: Mapping[str, str | None] = {
        "phone": customer.phone.digits if customer.phone else None,
        "folded_email": customer.email.casefold() if customer.email else None,
        "birth_date": customer.birth_date.isoformat() if customer.birth_date else None,
    }
    return [*_identities(customer), *((name, fact) for name, fact in facts.items() if fact)]


def _identities(customer: Customer) -> list[Term]:
    return [identity_term(key) for key in customer.identities]


def _reference(application: Application) -> list[Term]:
    if application.external_reference is None:
        return []
    return [("reference", application.channel.value, application.external_reference)]


def _swept_for(account: BillingAccount) -> list[Term]:
    """Return what sweeps over accounts look for."""
    found = {
        "held_for_money": account.money_holds > 0,
        "overdrawn": account.overdrawn,
        "promised": account.promise is not None,
    }
    return [(name,) for name, there in found.items() if there]


def _pending(contract: Contract) -> list[Term]:
    return [("pending",)] if contract.pending else []


def _digest(secret: Token | Session) -> list[Term]:
    return [("digest", secret.digest)]


def _open_session(session: Session) -> list[Term]:
    return [("open", str(session.user_id))] if session.ended_at is None else []


def _login(user: User) -> list[Term]:
    return [("login", user.login)]


def _invitation(user: User) -> list[Term]:
    return [] if user.invitation is None else [("invitation", user.invitation)]
