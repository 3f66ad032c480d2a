"""Suspending: holds placed and lifted, by hand and by money."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import attrs

from telecom_crm.application.contracts.desk import ContractDesk, count_money, held
from telecom_crm.application.paging import each_swept
from telecom_crm.application.ports import Transaction
from telecom_crm.application.retry import each_alone, retried
from telecom_crm.domain.account import BillingAccount
from telecom_crm.domain.contract import CONTRACT_LIFECYCLE, Contract, ContractCommand
from telecom_crm.domain.hold import LIFTED_BY_MONEY, HoldKind, settled
from telecom_crm.domain.identifiers import AccountId, ContractId
from telecom_crm.domain.lifecycle import SYSTEM, Actor


@attrs.frozen
class Suspending(ContractDesk):
    """Holds on contracts."""

    @retried
    def suspend(
        self,
        contract_id: ContractId,
        *,
        hold: HoldKind,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """Suspend a contract for one more reason; the network bars it. Raise `HoldThere`."""
        seen = self.get(contract_id)
        with self.uow() as tx:
            account = _account_for(tx, seen, hold)
            contract = held(tx, contract_id, expected_version)
            return self._suspend(tx, account, contract, hold, reason, by)[0]

    @retried
    def resume(
        self,
        contract_id: ContractId,
        *,
        hold: HoldKind,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """Lift one hold; with the last one the contract is active again. Raise `HoldNotThere`."""
        seen = self.get(contract_id)
        with self.uow() as tx:
            account = _account_for(tx, seen, hold)
            contract = held(tx, contract_id, expected_version)
            return self._resume(tx, account, contract, (hold,), reason, by)[0]

    @retried
    def lift_money_holds(
        self, account_id: AccountId, *, by: Actor = SYSTEM
    ) -> tuple[Contract, ...]:
        """
        Lift what the account's money no longer justifies, on all its contracts; return those.

        low_balance ends where something is available or nothing missing, non_payment where nothing
        is owed on bills.
        """
        now = self.clock()
        with self.uow(read_only=True) as tx:
            if not tx.accounts.get(account_id).money_holds:
                return ()
            seen = tx.contracts.of_account(account_id)
        with self.uow() as tx:
            state = tx.ledger.states([account_id], at=now)[account_id]
            lifted = settled(state)
            wanted = [c.id for c in seen if any(c.has_hold(kind) for kind in lifted)]
            account: BillingAccount | None = state.account
            resumed = []
            for contract in tx.contracts.get_many(wanted).values():
                kinds = tuple(kind for kind in sorted(lifted) if contract.has_hold(kind))
                if kinds and CONTRACT_LIFECYCLE.can(contract, ContractCommand.RESUME):
                    saved, account = self._resume(tx, account, contract, kinds, "paid", by)
                    resumed.append(saved)
            return tuple(resumed)

    def lift_all_money_holds(self, *, limit: int = 100, by: Actor = SYSTEM) -> int:
        """
        Lift the money holds that were missed when money came, in batches of `limit` accounts;
        return how many contracts.
        """
        now = self.clock()
        held = each_swept(
            self.uow, lambda tx, at: tx.accounts.held_for_money(now, limit=limit, cursor=at)
        )
        return each_alone(partial(self._count_lifted, account.id, by) for account in held)

    @retried
    def suspend_overdrawn(
        self, account_id: AccountId, *, by: Actor = SYSTEM
    ) -> tuple[Contract, ...]:
        """
        Suspend the contracts in service of an account that fell below zero, unless there is money
        again; return those.
        """
        now = self.clock()
        with self.uow(read_only=True) as tx:
            seen = [contract.id for contract in tx.contracts.of_account(account_id)]
        with self.uow() as tx:
            state = tx.ledger.states([account_id], at=now)[account_id]
            if not state.account.overdrawn:
                return ()
            account: BillingAccount | None = tx.accounts.save(
                state.account.handle_overdraft(by=by, at=now)
            )
            if HoldKind.LOW_BALANCE in settled(state):
                return ()
            suspended = []
            for contract in tx.contracts.get_many(seen).values():
                in_service = CONTRACT_LIFECYCLE.can(contract, ContractCommand.SUSPEND)
                if in_service and not contract.has_hold(HoldKind.LOW_BALANCE):
                    hold, reason = HoldKind.LOW_BALANCE, "overdrawn"
                    saved, account = self._suspend(tx, account, contract, hold, reason, by)
                    suspended.append(saved)
            return tuple(suspended)

    def suspend_all_overdrawn(self, *, limit: int = 100, by: Actor = SYSTEM) -> int:
        """
        Suspend what accounts that fell below zero cannot pay for, in batches of `limit` accounts;
        return how many contracts.
        """
        fallen = each_swept(self.uow, lambda tx, at: tx.accounts.overdrawn(limit=limit, cursor=at))
        return each_alone(partial(self._count_suspended, account.id, by) for account in fallen)

    def _count_suspended(self, account_id: AccountId, by: Actor) -> int:
        return len(self.suspend_overdrawn(account_id, by=by))

    def _count_lifted(self, account_id: AccountId, by: Actor) -> int:
        return len(self.lift_money_holds(account_id, by=by))

    def _suspend(
        self,
        tx: Transaction,
        account: BillingAccount | None,
        contract: Contract,
        hold: HoldKind,
        reason: str,
        by: Actor,
    ) -> tuple[Contract, BillingAccount | None]:
        """Suspend one, and return it with the account as both are then."""
        now = self.clock()
        suspended = contract.suspend(hold=hold, reason=reason, by=by, at=now)
        account = count_money(tx, account, contract, suspended, by=by, at=now)
        saved = tx.contracts.save(suspended)
        self._tell_bars(tx, contract, saved, by=by, at=now)
        return saved, account

    def _resume(
        self,
        tx: Transaction,
        account: BillingAccount | None,
        contract: Contract,
        holds: Iterable[HoldKind],
        reason: str,
        by: Actor,
    ) -> tuple[Contract, BillingAccount | None]:
        """Lift holds of one, and return it with the account as both are then."""
        now = self.clock()
        resumed = contract
        for hold in holds:
            resumed = resumed.resume(hold=hold, reason=reason, by=by, at=now)
        account = count_money(tx, account, contract, resumed, by=by, at=now)
        saved = tx.contracts.save(resumed)
        self._tell_bars(tx, contract, saved, by=by, at=now)
        return saved, account


def _account_for(tx: Transaction, seen: Contract, hold: HoldKind) -> BillingAccount | None:
    return tx.accounts.get(seen.account_id) if hold in LIFTED_BY_MONEY else None
