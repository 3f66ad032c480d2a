"""Activating: the policy chosen, the checklist, and the network's yes or no."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import attrs

from telecom_crm.application.activation import (
    Requested,
    confirm_in,
    fail_in,
    given_up,
    prices_in,
    summarise,
)
from telecom_crm.application.contracts.desk import ContractDesk, held, save_changed
from telecom_crm.application.paging import each_swept, refuse_stale
from telecom_crm.application.ports import Contended, Transaction
from telecom_crm.application.retry import each_alone, retried
from telecom_crm.application.rules import policies_in, policy_named
from telecom_crm.domain.activation import ActivationSummary
from telecom_crm.domain.calendar import local_date
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.errors import IllegalTransition, RuleViolated
from telecom_crm.domain.identifiers import ContractId
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.policy import PoliciesReceipt
from telecom_crm.domain.provisioning import ProvisioningKind


@attrs.frozen
class Activating(ContractDesk):
    """Bringing signed contracts into service."""

    @retried
    def choose_policy(
        self,
        contract_id: ContractId,
        *,
        policy: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> PoliciesReceipt:
        """Choose the billing policy of a contract's account; raise `PolicyFrozen` once in use."""
        now = self.clock()
        with self.uow(read_only=True) as tx:
            seen = tx.contracts.get(contract_id)
            chosen = policy_named(policies_in(tx), policy)
        with self.uow() as tx:
            account = tx.accounts.get(seen.account_id)
            contract = held(tx, contract_id, expected_version)
            changed = account.choose_policy(chosen, by=by, at=now)
            receipt = chosen.receipt(at=now)
            told = contract.set_policy(receipt=receipt, by=by, at=now)
            tx.accounts.save(changed)
            tx.contracts.save(told)
            return receipt

    def activation_summary(self, contract_id: ContractId) -> ActivationSummary:
        """Tell, line by line, what a contract's activation still needs."""
        now = self.clock()
        with self.uow(read_only=True) as tx:
            seen = tx.contracts.get(contract_id)
            case = self._case(tx, seen, prices_in(tx, seen), None, now)
        return summarise(case, today=local_date(now, self.zone))

    @retried
    def request_activation(
        self,
        contract_id: ContractId,
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """
        Activate a contract whose summary is all green; the network is asked afterwards.

        The account's policy is frozen and the first fees are held back. Raise `ActivationRefused`
        with every line that is not green.
        """
        now = self.clock()
        with self.uow(read_only=True) as tx:
            seen = tx.contracts.get(contract_id)
            prices = prices_in(tx, seen)
        with self.uow() as tx:
            case = self._case(tx, seen, prices, expected_version, now)
            return save_requested(tx, self._request(case, by=by, at=now), at=now)

    @retried
    def confirm_activation(self, contract_id: ContractId, *, by: Actor = SYSTEM) -> Contract:
        """Make a contract active, the network having done its part; the first fees are posted."""
        seen = self.get(contract_id)
        with self.uow() as tx:
            return confirm_in(
                tx,
                contract_id,
                account_id=seen.account_id,
                new_id=self.new_id,
                by=by,
                at=self.clock(),
            )

    @retried
    def fail_activation(
        self,
        contract_id: ContractId,
        *,
        reason: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """
        Give an activation up: what was held back is free, and it can be requested again.

        The network's task is ended too, and what it may have begun it is to let go of. Raise
        `RuleViolated` while it is at work on it; that it gives no answer is no work.
        """
        now = self.clock()
        seen = self.get(contract_id)
        with self.uow() as tx:
            tx.accounts.get(seen.account_id)
            refuse_stale(tx.contracts.get(contract_id), expected_version, name="contract")
            failed = fail_in(
                tx, contract_id, account_id=seen.account_id, reason=reason, by=by, at=now
            )
            if self._give_up_tasks(tx, contract_id, reason=reason, by=by, at=now):
                self._ask(tx, ProvisioningKind.TERMINATE, failed, by=by, at=now)
            return failed

    def activate_due(self, *, limit: int = 100, by: Actor = SYSTEM) -> int:
        """
        Request every activation whose date has come, in batches of `limit`; those not green wait.

        Return how many were requested.
        """
        today = local_date(self.clock(), self.zone)
        due = each_swept(
            self.uow, lambda tx, at: tx.contracts.activation_due(today, limit=limit, cursor=at)
        )
        return each_alone(partial(self._try_activation, contract.id, by) for contract in due)

    def _try_activation(self, contract_id: ContractId, by: Actor) -> bool:
        try:
            self.request_activation(contract_id, by=by)
        except (RuleViolated, IllegalTransition, Contended):
            return False
        return True

    def _give_up_tasks(
        self, tx: Transaction, contract_id: ContractId, *, reason: str, by: Actor, at: datetime
    ) -> bool:
        """End the tasks of an activation; tell whether the network has been asked already."""
        ids = [task.id for task in tx.tasks.of_contract(contract_id)]
        asked = False
        for task in tx.tasks.get_many(ids).values():
            if task.kind is ProvisioningKind.ACTIVATE:
                ended = given_up(task, reason=reason, by=by, at=at)
                asked = asked or (ended is not task and task.attempts > 0)
                save_changed(tx.tasks.save, task, ended)
        return asked


def save_requested(tx: Transaction, requested: Requested, *, at: datetime) -> Contract:
    """Save what a request for activation changed; return the contract."""
    if requested.account.events:
        tx.accounts.save(requested.account)
    contract = tx.contracts.save(requested.contract)
    save_posting_and_task(tx, requested, at=at)
    return contract


def save_posting_and_task(tx: Transaction, requested: Requested, *, at: datetime) -> None:
    """Hold the first fees back and leave the network its task."""
    if requested.posting:
        tx.ledger.post([requested.posting], at=at)
    tx.tasks.save(requested.task)
