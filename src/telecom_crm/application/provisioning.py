"""Provisioning: carrying out in the network what changes of contracts ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.activation import confirm_in, fail_in
from telecom_crm.application.contracts.desk import save_changed
from telecom_crm.application.paging import counts_of, each_of, refuse_stale
from telecom_crm.application.ports import (
    Clock,
    Contended,
    Network,
    NetworkFailed,
    NetworkSilent,
    NewId,
    Page,
    Query,
    Series,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.promises import promise_in
from telecom_crm.application.retry import retried
from telecom_crm.application.tickets import ticket_number
from telecom_crm.domain.contract import CONTRACT_LIFECYCLE, ContractCommand
from telecom_crm.domain.identifiers import AccountId, ContractId, TaskId, TicketId
from telecom_crm.domain.lifecycle import SYSTEM, Actor, as_stored
from telecom_crm.domain.provisioning import (
    PROVISIONING_LIFECYCLE,
    ProvisioningCommand,
    ProvisioningKind,
    ProvisioningStatus,
    ProvisioningTask,
)
from telecom_crm.domain.sim import SIM_LIFECYCLE, Sim, SimCommand
from telecom_crm.domain.spoken import ACTIVATION_IN_VAIN, TRIED_IN_VAIN
from telecom_crm.domain.ticket import DEFAULT_CALENDAR, Ticket, TicketPriority


@attrs.frozen(kw_only=True)
class Worked:
    """How many tasks a round of work ended, and how."""

    done: int = 0
    failed: int = 0
    silent: int = 0

    @property
    def total(self) -> int:
        """How many tasks the network was asked about."""
        return self.done + self.failed + self.silent


@attrs.frozen
class Provisioning:
    """The network's to-do list: taken on, done, failed, and put right by operators."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    series: Series
    lease: timedelta = timedelta(minutes=2)
    """How long a task is held by whoever carries it out; then a silent network is asked again."""
    zone: ZoneInfo = DEFAULT_CALENDAR.zone
    """Where the working hours of the default service levels are."""

    def work(self, *, network: Network, limit: int = 100, by: Actor = SYSTEM) -> Worked:
        """
        Carry out tasks that are due, each outside any transaction, and record what became of it.

        A task without an answer is taken up again when its lease is over; it does no harm to do one
        twice. Until then nobody is at work on it: operators may retry, skip or give it up. An
        activation that was tried `TRIES` times in vain gets a ticket, one however often it fails.
        """
        done = failed = silent = 0
        while done + failed + silent < limit:
            taken = self._take(min(limit - done - failed - silent, 20), by)
            if not taken:
                break
            for task in taken:
                try:
                    network.carry_out(task)
                except NetworkSilent as error:
                    self._record_silence(task, no_answer_at(error.step), by)
                    silent += 1
                except NetworkFailed as error:
                    self._record_failure(task, str(error), by)
                    failed += 1
                else:
                    self._record_success(task, by)
                    done += 1
        return Worked(done=done, failed=failed, silent=silent)

    def get(self, task_id: TaskId) -> ProvisioningTask:
        """Show one task."""
        with self.uow(read_only=True) as tx:
            return tx.tasks.get(task_id)

    def page(self, query: Query) -> Page[ProvisioningTask]:
        """List tasks, a page at a time."""
        with self.uow(read_only=True) as tx:
            return tx.tasks.page(query)

    def each(self, **where: str) -> Iterator[ProvisioningTask]:
        """Go through all tasks that fit."""
        return each_of(self.uow, lambda tx: tx.tasks, where)

    def counts(self, *wheres: Mapping[str, str], most: int) -> list[int]:
        """Count the tasks that each filter leaves, up to `most`."""
        return counts_of(self.uow, lambda tx: tx.tasks, wheres, most=most)

    def backlog(self) -> Mapping[ProvisioningStatus, int]:
        """Count what the network has still to do, by status; the failed wait for a person."""
        with self.uow(read_only=True) as tx:
            return tx.tasks.backlog()

    def of_contract(self, contract_id: ContractId) -> list[ProvisioningTask]:
        """List a contract's tasks, oldest first."""
        with self.uow(read_only=True) as tx:
            tx.contracts.get(contract_id)
            return tx.tasks.of_contract(contract_id)

    def of_contracts(self, contract_ids: Iterable[ContractId]) -> list[ProvisioningTask]:
        """List the tasks of some contracts together, oldest first."""
        with self.uow(read_only=True) as tx:
            return tx.tasks.of_contracts(contract_ids)

    def latest_of(self, contract_id: ContractId) -> ProvisioningTask | None:
        """Return what the network was asked last about a contract; None where it never was."""
        return next(reversed(self.of_contract(contract_id)), None)

    @retried
    def retry(
        self, task_id: TaskId, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> ProvisioningTask:
        """Have a task tried again that failed, or that the network gave no answer to."""
        now = self.clock()
        with self.uow() as tx:
            task = _held(tx, task_id, expected_version).at_rest(by=by, at=now)
            return tx.tasks.save(task.retry(by=by, at=now))

    @retried
    def skip(
        self,
        task_id: TaskId,
        *,
        reason: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> ProvisioningTask:
        """
        Go on as if a task were done that failed, or that the network gave no answer to: somebody
        did it by hand, or it is not needed.
        """
        now = self.clock()
        with self.uow(read_only=True) as tx:
            seen = tx.tasks.get(task_id)
            account_id = tx.contracts.get(seen.contract_id).account_id
        refuse_stale(seen, expected_version, name="provisioning_task")
        skipped = seen.at_rest(by=by, at=now).skip(reason=reason, by=by, at=now)
        with self.uow() as tx:
            self._settle(tx, seen, account_id, by, now)
            _refuse_changed(tx, seen)
            return tx.tasks.save(skipped)

    @retried
    def undo(
        self,
        task_id: TaskId,
        *,
        reason: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> ProvisioningTask:
        """
        Give a task up that failed, or that the network gave no answer to, its traces being taken
        back; an activation is failed with it.
        """
        now = self.clock()
        with self.uow(read_only=True) as tx:
            seen = tx.tasks.get(task_id)
            contract = tx.contracts.get(seen.contract_id)
        refuse_stale(seen, expected_version, name="provisioning_task")
        undone = seen.at_rest(by=by, at=now).undo(reason=reason, by=by, at=now)
        waiting = CONTRACT_LIFECYCLE.can(contract, ContractCommand.FAIL_ACTIVATION)
        with self.uow() as tx:
            if seen.kind is ProvisioningKind.ACTIVATE and waiting:
                fail_in(
                    tx,
                    contract.id,
                    account_id=contract.account_id,
                    reason=reason,
                    by=by,
                    at=now,
                )
            _refuse_changed(tx, seen)
            return tx.tasks.save(undone)

    @retried
    def _take(self, limit: int, by: Actor) -> list[ProvisioningTask]:
        now = self.clock()
        with self.uow() as tx:
            taken = []
            for task in tx.tasks.due(now, limit=limit):
                lost = PROVISIONING_LIFECYCLE.can(task, ProvisioningCommand.LEASE_LOST)
                ready = task.lease_lost(by=by, at=now) if lost else task
                taken.append(ready.start(lease_until=now + self.lease, by=by, at=now))
            tx.tasks.save_all(taken)
        return [as_stored(task) for task in taken]

    @retried
    def _record_success(self, task: ProvisioningTask, by: Actor) -> bool:
        now = self.clock()
        with self.uow(read_only=True) as tx:
            if tx.tasks.get(task.id).version != task.version:
                return False  # the lease was over and somebody else has it now
            account_id = tx.contracts.get(task.contract_id).account_id
        with self.uow() as tx:
            self._settle(tx, task, account_id, by, now)
            _refuse_changed(tx, task)
            tx.tasks.save(task.succeed(by=by, at=now))
            return True

    def _record_failure(self, task: ProvisioningTask, error: str, by: Actor) -> bool:
        return self._record_trouble(
            task, lambda at: task.fail(error=error[:1000], by=by, at=at), by=by
        )

    def _record_silence(self, task: ProvisioningTask, error: str, by: Actor) -> bool:
        return self._record_trouble(
            task, lambda at: task.unanswered(error=error[:1000], by=by, at=at), by=by
        )

    @retried
    def _record_trouble(
        self,
        task: ProvisioningTask,
        told: Callable[[datetime], ProvisioningTask],
        *,
        by: Actor,
    ) -> bool:
        """Record an attempt in vain, with a ticket where an activation has had many of them."""
        now = self.clock()
        ticket = self._ticket_about(task, by=by, at=now) if task.needs_ticket else None
        with self.uow() as tx:
            if ticket and tx.customers.get(ticket.customer_id).merged_into is not None:
                raise Contended(f"customer {ticket.customer_id}")  # who is found again
            if tx.tasks.get(task.id).version != task.version:
                return False
            ended = told(now)
            if ticket:
                ended = ended.open_ticket(ticket.id, by=by, at=now)
                tx.tickets.save(ticket)
                promise_in(tx, [ticket], zone=self.zone)
            tx.tasks.save(ended)
            return True

    def _ticket_about(self, task: ProvisioningTask, *, by: Actor, at: datetime) -> Ticket:
        """Return a ticket that asks to see to an activation, in the customer's language."""
        with self.uow(read_only=True) as tx:
            contract = tx.contracts.get(task.contract_id)
            language = tx.customers.get(contract.customer_id).language
        subject = ACTIVATION_IN_VAIN.said_in(language) % {"contract": contract.number}
        text = TRIED_IN_VAIN.said_in(language) % {"count": task.attempts}
        return Ticket.create(
            id=TicketId(self.new_id()),
            number=ticket_number(self.series.take("ticket")[0]),
            customer_id=contract.customer_id,
            contract_id=contract.id,
            subject=subject,
            priority=TicketPriority.HIGH,
            by=by,
            at=at,
        ).comment(id=self.new_id(), text=text, internal=True, by=by, at=at)

    def _settle(
        self,
        tx: Transaction,
        task: ProvisioningTask,
        account_id: AccountId,
        by: Actor,
        now: datetime,
    ) -> None:
        """Record on contract and SIM what the network has done; the task itself is held last."""
        if task.kind is ProvisioningKind.ACTIVATE:
            tx.accounts.get(account_id)
            contract = tx.contracts.get(task.contract_id)
            if CONTRACT_LIFECYCLE.can(contract, ContractCommand.CONFIRM_ACTIVATION):
                confirm_in(
                    tx, contract.id, account_id=account_id, new_id=self.new_id, by=by, at=now
                )
            return
        sim = tx.sims.get(task.iccid)
        if sim.contract_id == task.contract_id:
            save_changed(tx.sims.save, sim, _as_told(sim, task, by=by, at=now))


def _as_told(sim: Sim, task: ProvisioningTask, *, by: Actor, at: datetime) -> Sim:
    """Return the card as the network has it now: in use after a swap, barred where anything is."""
    if task.kind is ProvisioningKind.SWAP_SIM and SIM_LIFECYCLE.can(sim, SimCommand.ACTIVATE):
        sim = sim.activate(by=by, at=at)
    if task.bars and SIM_LIFECYCLE.can(sim, SimCommand.BAR):
        return sim.bar(by=by, at=at)
    if not task.bars and SIM_LIFECYCLE.can(sim, SimCommand.UNBAR):
        return sim.unbar(by=by, at=at)
    return sim


def _held(tx: Transaction, task_id: TaskId, expected_version: int | None) -> ProvisioningTask:
    task = tx.tasks.get(task_id)
    refuse_stale(task, expected_version, name="provisioning_task")
    return task


def _refuse_changed(tx: Transaction, task: ProvisioningTask) -> None:
    """Have the command run again where the task is not as it was seen before things were held."""
    if tx.tasks.get(task.id).version != task.version:
        raise Contended(f"provisioning task {task.key}")


def no_answer_at(step: str) -> str:
    """Return what is kept of a task where the network gave no answer to one of its steps."""
    return f"no answer at {step}"
