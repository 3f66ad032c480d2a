"""Approvals: what a second person has to agree to, and carrying it out once they did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from uuid import UUID

import attrs

from telecom_crm.application.accounts import Accounts
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.idempotency import done_before, request_key
from telecom_crm.application.paging import counts_of, each_of, each_swept, refuse_stale, search_of
from telecom_crm.application.payments.service import Payments
from telecom_crm.application.ports import (
    NO_FILTERS,
    Clock,
    NewId,
    Page,
    Query,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.retry import each_alone, retried
from telecom_crm.domain.approval import (
    APPROVAL_LIFECYCLE,
    Approval,
    ApprovalCommand,
    ApprovalKind,
    ApprovalStatus,
)
from telecom_crm.domain.errors import TelecomCrmError
from telecom_crm.domain.identifiers import AccountId, ApprovalId, CustomerId, PaymentId
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event
from telecom_crm.domain.money import Money


@attrs.frozen
class Approvals:
    """What waits for a second person. Who may ask, and who may agree, is the caller's to know."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    payments: Payments
    accounts: Accounts
    customers: Customers

    @retried
    def ask(
        self,
        kind: ApprovalKind,
        thing_id: UUID,
        *,
        amount: Money | None = None,
        reason: str,
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> Approval:
        """
        Ask for something that a second person has to agree to; nothing is done yet.

        `thing_id` is the payment, the account or the customer that it is about. Raise `NotFound`
        where there is none.
        """
        asked = Approval.ask(
            id=ApprovalId(self.new_id()),
            kind=kind,
            thing_id=str(thing_id),
            amount=amount,
            reason=reason,
            by=by,
            at=self.clock(),
        )
        key = request_key(
            idempotency_key,
            "approvals.ask",
            by=by,
            kind=kind,
            thing_id=thing_id,
            amount=amount,
            reason=reason,
        )
        with self.uow() as tx:
            if earlier := done_before(tx, tx.approvals, key, asked.id):
                return earlier
            _FIND[kind](tx, thing_id)
            return tx.approvals.save(asked)

    def approve(
        self,
        approval_id: ApprovalId,
        *,
        comment: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Approval:
        """
        Agree, and have it done.

        Return the request as it stands: done, or failed with the reason where it has become
        impossible, or still approved where a part is away, and then it is done later by itself.
        Raise `RuleViolated` for whoever asked.
        """
        approval = self._approved(approval_id, comment, expected_version, by)
        try:
            return self._carried_out(approval)
        except TelecomCrmError as error:
            if not error.retryable:
                raise
            return approval

    @retried
    def send_back(
        self,
        approval_id: ApprovalId,
        *,
        comment: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Approval:
        """Do not agree, and say why; raise `RuleViolated` for whoever asked."""
        with self.uow() as tx:
            approval = _seen(tx, approval_id, expected_version)
            return tx.approvals.save(approval.send_back(comment=comment, by=by, at=self.clock()))

    @retried
    def withdraw(
        self,
        approval_id: ApprovalId,
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Approval:
        """Take one's own request back; raise `RuleViolated` for anybody else's."""
        with self.uow() as tx:
            approval = _seen(tx, approval_id, expected_version)
            return tx.approvals.save(approval.withdraw(by=by, at=self.clock()))

    def carry_out(self, *, limit: int = 100) -> int:
        """Do what was agreed to and could not be done at once; return how much it was."""
        where = {"status": ApprovalStatus.APPROVED.value}
        waiting = each_swept(
            self.uow,
            lambda tx, cursor: tx.approvals.page(Query(where=where, limit=limit, cursor=cursor)),
        )
        return each_alone(partial(self._count, one) for one in waiting)

    # Reading

    def get(self, approval_id: ApprovalId) -> Approval:
        """Return a request; raise `NotFound`."""
        with self.uow(read_only=True) as tx:
            return tx.approvals.get(approval_id)

    def page(self, query: Query) -> Page[Approval]:
        """Return a page of the requests."""
        with self.uow(read_only=True) as tx:
            return tx.approvals.page(query)

    def counts(self, *wheres: Mapping[str, str], most: int) -> list[int]:
        """Count the requests that each filter leaves, up to `most`."""
        return counts_of(self.uow, lambda tx: tx.approvals, wheres, most=most)

    def search(
        self,
        text: str,
        *,
        where: Mapping[str, str] = NO_FILTERS,
        limit: int = 20,
        called: Callable[[Approval], Iterable[str]] = lambda _: (),
    ) -> list[Approval]:
        """
        Find requests by a part of why, by whom, or for what they were made.

        `called` are what else one is found by, such as what a page calls it.
        """
        return search_of(
            self.uow,
            lambda tx: tx.approvals,
            lambda asked: (asked.reason, asked.asked_by.name, asked.thing_id, *called(asked)),
            text,
            where,
            limit=limit,
        )

    def each(self, **where: str) -> Iterator[Approval]:
        """Go through the requests, filtered by fields as in `page`."""
        return each_of(self.uow, lambda tx: tx.approvals, where)

    def timeline(self, approval_id: ApprovalId) -> list[Event]:
        """Return what happened to a request, oldest first."""
        with self.uow(read_only=True) as tx:
            tx.approvals.get(approval_id)
            return tx.events.of(APPROVAL_LIFECYCLE.machine, str(approval_id))

    @retried
    def _approved(
        self, approval_id: ApprovalId, comment: str, expected_version: int | None, by: Actor
    ) -> Approval:
        with self.uow() as tx:
            approval = _seen(tx, approval_id, expected_version)
            return tx.approvals.save(approval.approve(comment=comment, by=by, at=self.clock()))

    def _count(self, approval: Approval) -> int:
        self._carried_out(approval)
        return 1

    def _carried_out(self, approval: Approval) -> Approval:
        """Do what was agreed to; under its own key, so that doing it again does nothing more."""
        try:
            outcome = _DO[approval.kind](self, approval, approval.decided_by or SYSTEM)
        except TelecomCrmError as error:
            if error.retryable:
                raise
            return self._ended(approval.id, ApprovalCommand.FAIL, str(error))
        return self._ended(approval.id, ApprovalCommand.CARRY_OUT, outcome)

    @retried
    def _ended(self, approval_id: ApprovalId, command: ApprovalCommand, outcome: str) -> Approval:
        at = self.clock()
        with self.uow() as tx:
            approval = tx.approvals.get(approval_id)
            if not APPROVAL_LIFECYCLE.can(approval, command):
                return approval  # the worker was quicker
            by = approval.decided_by or SYSTEM
            end = approval.carry_out if command is ApprovalCommand.CARRY_OUT else approval.fail
            return tx.approvals.save(end(outcome=outcome[:OUTCOME_LIMIT], by=by, at=at))

    def _refund(self, approval: Approval, by: Actor) -> str:
        refund = self.payments.refund(
            PaymentId(UUID(approval.thing_id)),
            amount=_money(approval),
            reason=approval.reason,
            idempotency_key=_key(approval),
            by=by,
        )
        return str(refund.id)

    def _book(self, approval: Approval, by: Actor) -> str:
        book = {
            ApprovalKind.GOODWILL: self.accounts.credit,
            ApprovalKind.WRITE_OFF: self.accounts.write_off,
            ApprovalKind.CHARGEBACK_WRITE_OFF: self.accounts.write_off_chargeback,
        }[approval.kind]
        entry = book(
            AccountId(UUID(approval.thing_id)),
            amount=_money(approval),
            reason=approval.reason,
            idempotency_key=_key(approval),
            by=by,
        )
        return str(entry.id)

    def _erase(self, approval: Approval, by: Actor) -> str:
        # Twice is no harm: what is erased is erased again.
        return self.customers.erase(CustomerId(UUID(approval.thing_id)), by=by).key


OUTCOME_LIMIT = 1000
"""How many characters of a failure are kept."""

_FIND: Mapping[ApprovalKind, Callable[[Transaction, UUID], object]] = MappingProxyType(
    {
        ApprovalKind.REFUND: lambda tx, id: tx.payments.get(PaymentId(id)),
        ApprovalKind.GOODWILL: lambda tx, id: tx.accounts.get(AccountId(id)),
        ApprovalKind.WRITE_OFF: lambda tx, id: tx.accounts.get(AccountId(id)),
        ApprovalKind.CHARGEBACK_WRITE_OFF: lambda tx, id: tx.accounts.get(AccountId(id)),
        ApprovalKind.ERASURE: lambda tx, id: tx.customers.get(CustomerId(id)),
    }
)

_DO: Mapping[ApprovalKind, Callable[[Approvals, Approval, Actor], str]] = MappingProxyType(
    {
        ApprovalKind.REFUND: Approvals._refund,
        ApprovalKind.GOODWILL: Approvals._book,
        ApprovalKind.WRITE_OFF: Approvals._book,
        ApprovalKind.CHARGEBACK_WRITE_OFF: Approvals._book,
        ApprovalKind.ERASURE: Approvals._erase,
    }
)


def _seen(tx: Transaction, approval_id: ApprovalId, expected_version: int | None) -> Approval:
    approval = tx.approvals.get(approval_id)
    refuse_stale(approval, expected_version, name=APPROVAL_LIFECYCLE.machine)
    return approval


def _money(approval: Approval) -> Money:
    if approval.amount is None:
        raise RuntimeError(f"approval {approval.key} is about money and has no amount")
    return approval.amount


def _key(approval: Approval) -> str:
    return f"approval:{approval.id}"
