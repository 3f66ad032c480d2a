"""Customers, what they ask for, what they are told, and who serves them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice

from telecom_crm.adapters.memory.collection import MemoryCollection, Scope
from telecom_crm.adapters.memory.pages import Term
from telecom_crm.adapters.memory.store import identity_term, likeness_terms
from telecom_crm.application.ports import NO_FILTERS, FormerValue, IdentityTaken, Page
from telecom_crm.domain.application import (
    ENDED,
    Application,
    ApplicationStatus,
    Priority,
    search_words,
)
from telecom_crm.domain.approval import Approval
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.deduplication import Candidate
from telecom_crm.domain.identifiers import (
    MSISDN,
    ApplicationId,
    ApprovalId,
    CustomerId,
    NotificationId,
    TicketId,
    TokenId,
    WebhookId,
)
from telecom_crm.domain.identity_document import without_marks
from telecom_crm.domain.notification import Notification, NotificationStatus
from telecom_crm.domain.search import SHORTEST_END, Readings, words_fit, words_of
from telecom_crm.domain.text import digits_of
from telecom_crm.domain.ticket import WORKED_ON, Ticket, TicketPriority, TicketStatus
from telecom_crm.domain.token import PERSON, Token
from telecom_crm.domain.webhook import Webhook

_RANK = {priority.value: rank for rank, priority in enumerate(Priority)}
_OWED: list[Term] = [("status", state.value) for state in WORKED_ON]
_TICKET_RANK = {priority.value: rank for rank, priority in enumerate(TicketPriority)}


class MemoryCustomers(MemoryCollection[CustomerId, Customer]):
    """Customers, each identity with one of them, and the values that changes replaced."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, scope.store.customers)
        self._former: list[FormerValue] = []
        self._forgotten: set[CustomerId] = set()
        self._owner_here: dict[Term, str] = {}
        """Who has an identity by this transaction's own writes; looking through all costs n²."""

    def by_identities(self, keys: Iterable[str]) -> dict[str, CustomerId]:
        return {key: customer.id for key in keys for customer in self.having(identity_term(key))}

    def lookalikes(
        self, customers: Sequence[Customer], *, limit: int
    ) -> dict[CustomerId, list[Candidate]]:
        return {one.id: self._alike(one, limit) for one in customers}

    def sharing(
        self, *, phones: Iterable[str], emails: Iterable[str]
    ) -> list[tuple[CustomerId, str, str]]:
        terms = [("phone", phone) for phone in phones]
        terms += [("folded_email", email.casefold()) for email in emails]
        found = {customer.id: customer for term in terms for customer in self.having(term)}
        return [
            (customer.id, customer.phone.digits if customer.phone else "", customer.email or "")
            for customer in sorted(found.values(), key=lambda one: one.key)
            if customer.merged_into is None
        ]

    def search(
        self,
        text: str,
        *,
        phone: MSISDN | None = None,
        where: Mapping[str, str] = NO_FILTERS,
        limit: int,
    ) -> list[Customer]:
        terms = self.terms_where(where)
        text = text.strip()
        if not text:
            return []
        owners = self._owners_by_contract(text, phone)
        asked = tuple((word,) for word in words_of(text))
        with self._scope.store.lock:
            keys = [*self._table.ordered_keys()]
        keys = sorted({*keys, *self._written}) if self._written else keys
        found: list[Customer] = []
        for key in keys:
            customer = self.look(key)
            if customer is None or not self.fits(customer, terms):
                continue
            if customer.id in owners or _is_about(customer, text, asked, phone):
                found.append(customer)
                if len(found) == limit:
                    break
        return found

    def remember(self, values: Sequence[FormerValue]) -> None:
        self._scope.require_writing()
        self._former += values

    def former_values(self, customer_id: CustomerId) -> list[FormerValue]:
        with self._scope.store.lock:
            committed = list(self._scope.store.former.get(customer_id, ()))
        committed = [] if customer_id in self._forgotten else committed
        return committed + [value for value in self._former if value.customer_id == customer_id]

    def forget(self, customer_id: CustomerId) -> None:
        self._scope.require_writing()
        self._former = [value for value in self._former if value.customer_id != customer_id]
        self._forgotten.add(customer_id)

    def apply(self) -> None:
        super().apply()
        for customer_id in self._forgotten:
            self._scope.store.former.pop(customer_id, None)
        for value in self._former:
            self._scope.store.former.setdefault(value.customer_id, []).append(value)

    def _alike(self, customer: Customer, limit: int) -> list[Candidate]:
        alike: dict[CustomerId, Customer] = {}
        for term in likeness_terms(customer):
            alike |= {other.id: other for other in self.having(term)}
        alike.pop(customer.id, None)
        others = sorted(alike.values(), key=lambda other: other.key)
        living = (other for other in others if other.merged_into is None)
        return [Candidate.of_customer(other) for other in islice(living, limit)]

    def _refuse_taken(self, key: str, thing: Customer) -> None:
        for term in self._table.unique(thing):
            with self._scope.store.lock:
                keys = self._table.keys_with(term)
            owner = self._owner_here.setdefault(term, key)
            for other_key in (owner, *keys):
                other = None if other_key == key else self.look(other_key)
                if other is not None and term in self._table.terms(other):
                    raise IdentityTaken(other.id)
            self._owner_here[term] = key

    def _owners_by_contract(self, text: str, phone: MSISDN | None) -> set[CustomerId]:
        digits = digits_of(text)

        def is_meant(contract: Contract) -> bool:
            number, msisdn = contract.number, contract.msisdn.digits
            if number == text.upper() or contract.msisdn == phone:
                return True
            return len(digits) >= SHORTEST_END and (
                number.endswith(digits)
                or msisdn.endswith(digits)
                or contract.iccid.digits == digits
            )

        with self._scope.store.lock:
            contracts = list(self._scope.store.contracts.rows.values())
        return {one.customer_id for one in contracts if is_meant(one)}


class MemoryApplications(MemoryCollection[ApplicationId, Application]):
    """Applications and their queue."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, scope.store.applications)

    def by_reference(self, channel: str, reference: str) -> Application | None:
        found = self.having(("reference", channel, reference))
        return found[0] if found else None

    def search(
        self, text: str, *, where: Mapping[str, str] = NO_FILTERS, limit: int
    ) -> list[Application]:
        terms = self.terms_where(where)
        asked, found = search_words(text), list[Application]()
        with self._scope.store.lock:
            keys = {*self._table.ordered_keys(), *self._written}
        for key in sorted(keys, reverse=True) if asked else ():
            one = self.look(key)
            if one is None or not self.fits(one, terms):
                continue
            if words_fit(one.words.split(), asked):
                found.append(one)
                if len(found) == limit:
                    break
        return found

    def next_waiting(self) -> Application | None:
        waiting = self.having(("status", ApplicationStatus.VALIDATED.value))
        taken = self.take_first(
            waiting, lambda one: (-_RANK[one.priority], one.captured_at, one.key), limit=1
        )
        return taken[0] if taken else None

    def leases_over(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[Application]:
        def is_over(one: Application) -> bool:
            return one.claimed_until is not None and one.claimed_until <= at

        claimed = [("status", ApplicationStatus.IN_PROGRESS.value)]
        return self.page_having(claimed, is_over, limit=limit, cursor=cursor)

    def answers_over(
        self, at: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[Application]:
        def is_over(one: Application) -> bool:
            return one.answer_by is not None and one.answer_by <= at

        asked = [("status", ApplicationStatus.NEEDS_INFO.value)]
        return self.page_having(asked, is_over, limit=limit, cursor=cursor)

    def ended_for_nobody(
        self, before: datetime, *, limit: int, cursor: str | None = None
    ) -> Page[Application]:
        def is_due(one: Application) -> bool:
            ended = one.ended_at is not None and one.ended_at < before
            return ended and one.customer_id is None and one.erased_at is None

        states: list[Term] = [("status", state.value) for state in ENDED]
        return self.page_having(states, is_due, limit=limit, cursor=cursor)


class MemoryTickets(MemoryCollection[TicketId, Ticket]):
    """Tickets and their queue."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, scope.store.tickets)
        self._promised: dict[str, tuple[datetime | None, int]] = {}

    def next_free(self) -> Ticket | None:
        free = self.having(("status", TicketStatus.FREE.value))
        taken = self.take_first(
            (one for one in free if one.assignee is None),
            lambda one: (-_TICKET_RANK[one.priority], one.created_at, one.key),
            limit=1,
        )
        return taken[0] if taken else None

    def search(self, text: str, *, owners: Iterable[CustomerId], limit: int) -> list[Ticket]:
        asked, whose = tuple((word,) for word in words_of(text)), set(owners)
        with self._scope.store.lock:
            keys = {*self._table.ordered_keys(), *self._written}
        found = (one for key in sorted(keys, reverse=True) if (one := self.look(key)) is not None)
        fit = (
            one
            for one in found
            if one.customer_id in whose or (asked and words_fit(one.words, asked))
        )
        return list(islice(fit, limit))

    def promise(self, late: Mapping[TicketId, datetime | None], *, version: int) -> None:
        self._scope.require_writing()
        self._promised.update((str(key), (since, version)) for key, since in late.items())

    def promised_before(self, version: int, *, limit: int) -> list[Ticket]:
        owed = (one for term in _OWED for one in self.having(term))
        older = [one for one in owed if self._promise_of(one)[1] < version]
        return self.take_first(older, lambda one: one.key, limit=limit)

    def late(self, at: datetime, *, limit: int, cursor: str | None = None) -> Page[Ticket]:
        fits = partial(self._is_late, at=at)
        return self.page_having(_OWED, fits, limit=limit, cursor=cursor)

    def count_late(self, at: datetime, *, most: int) -> int:
        return len(self.late(at, limit=most).items)

    def apply(self) -> None:
        super().apply()
        self._scope.store.promised.update(self._promised)

    def _is_late(self, ticket: Ticket, *, at: datetime) -> bool:
        since, _ = self._promise_of(ticket)
        return since is not None and since < at

    def _promise_of(self, ticket: Ticket) -> tuple[datetime | None, int]:
        with self._scope.store.lock:
            committed = self._scope.store.promised.get(ticket.key, (None, 0))
        return self._promised.get(ticket.key, committed)


class MemoryNotifications(MemoryCollection[NotificationId, Notification]):
    """Messages to customers."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, scope.store.notifications)

    def waiting(self, *, limit: int) -> list[Notification]:
        queued = self.having(("status", NotificationStatus.QUEUED.value))
        return self.take_first(queued, lambda one: (one.queued_at, one.key), limit=limit)


class MemoryWebhooks(MemoryCollection[WebhookId, Webhook]):
    """URLs that events are sent to."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, scope.store.webhooks)


class MemoryApprovals(MemoryCollection[ApprovalId, Approval]):
    """What waits for a second person."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, scope.store.approvals)


class MemoryTokens(MemoryCollection[TokenId, Token]):
    """Access tokens."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, scope.store.tokens)

    def opening(self, digest: str) -> Token | None:
        found = self.having(("digest", digest))
        return found[0] if found and self._may_come_in(found[0].maker) else None

    def _may_come_in(self, maker: str | None) -> bool:
        if maker is None or not maker.startswith(PERSON):
            return True
        with self._scope.store.lock:
            user = self._scope.store.users.rows.get(maker.removeprefix(PERSON))
        return user is not None and user.may_sign_in


def _is_about(customer: Customer, text: str, asked: Readings, phone: MSISDN | None) -> bool:
    if asked and words_fit(words_of(customer.name), asked):
        return True
    if customer.email is not None and customer.email.lower() == text.lower():
        return True
    if customer.phone is not None:
        digits = digits_of(text)
        if customer.phone == phone:
            return True
        if len(digits) >= SHORTEST_END and customer.phone.digits.endswith(digits):
            return True
    identity = without_marks(text)
    return any(key.partition(":")[2] == identity for key in customer.identities)
