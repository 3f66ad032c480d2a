"""Ending: contracts given up before they began, and contracts closed."""

from __future__ import annotations

from datetime import datetime

import attrs

from telecom_crm.application.contracts.desk import ContractDesk, count_money, held, save_changed
from telecom_crm.application.ports import Transaction
from telecom_crm.application.retry import retried
from telecom_crm.domain import posting
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.contract import (
    CloseReason,
    Contract,
    ContractCommand,
)
from telecom_crm.domain.errors import RuleViolated
from telecom_crm.domain.identifiers import ContractId, EntryId
from telecom_crm.domain.ledger import JournalEntry, LedgerCode, Posting, PostingKind
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import NUMBER_LIFECYCLE, Number, NumberCommand, NumberOrigin
from telecom_crm.domain.provisioning import PROVISIONING_LIFECYCLE, ProvisioningKind
from telecom_crm.domain.reservation import reservation_of
from telecom_crm.domain.sim import SIM_LIFECYCLE, RetireReason, Sim, SimCommand


@attrs.frozen(kw_only=True)
class Closing:
    """
    What ending a contract comes to: the money on its account, what of it is to be given back, and
    until when its number rests; None for a number that goes back to the operator it came from.
    """

    state: AccountState
    refund: Money
    rests_until: datetime | None


@attrs.frozen
class Ending(ContractDesk):
    """The end of contracts."""

    @retried
    def cancel(
        self,
        contract_id: ContractId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """
        Give a contract up that was never active; SIM and number are free again.

        Raise `RuleViolated` while the network has not let go of an activation that was given up:
        nobody else may get the SIM before.
        """
        now = self.clock()
        with self.uow() as tx:
            contract = held(tx, contract_id, expected_version)
            cancelled = contract.cancel(reason=reason, by=by, at=now)
            refuse_unfinished(tx, contract)
            sim, number = tx.sims.get(contract.iccid), tx.numbers.get(contract.msisdn)
            saved = tx.contracts.save(cancelled)
            save_changed(tx.sims.save, sim, _freed_sim(sim, contract, by=by, at=now))
            if sim.contract_id == contract.id and sim.activated_at is not None:
                # Handed over by another payer: people know the number, so it rests.
                freed = self._resting(number, contract, by=by, at=now)
            else:
                freed = _freed_number(number, contract, by=by, at=now)
            save_changed(tx.numbers.save, number, freed)
            return saved

    def discard_draft(
        self,
        contract_id: ContractId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """
        Cancel a contract that nobody signed; raise `IllegalTransition` for any other.

        What was signed is given up by `cancel` alone, which says so.
        """
        with self.uow(read_only=True) as tx:
            seen = tx.contracts.get(contract_id)
        seen.refuse_signed("discard_draft")
        # By the version that was seen as a draft: it may be signed in the meantime.
        version = seen.version if expected_version is None else expected_version
        return self.cancel(contract_id, reason=reason, expected_version=version, by=by)

    @retried
    def close(
        self,
        contract_id: ContractId,
        *,
        reason: CloseReason,
        idempotency_key: str | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """
        End a contract: the SIM is retired, the number rests, and the network lets go of both.

        Money left on a prepaid account without another contract is owed back to the customer.
        Raise `KeyReused`.
        """
        now = self.clock()
        seen = self.get(contract_id)
        command, key = ContractCommand.CLOSE, idempotency_key
        with self.uow() as tx:
            if again := self._repeated(tx, command, contract_id, key=key, by=by, reason=reason):
                return again
            state = tx.ledger.states([seen.account_id], at=now)[seen.account_id]
            contract = held(tx, contract_id, expected_version)
            closed = contract.close(reason=reason, by=by, at=now)
            sim, number = tx.sims.get(contract.iccid), tx.numbers.get(contract.msisdn)
            gone = sim.retire(reason=RetireReason.CLOSED, contract_is_live=False, by=by, at=now)
            count_money(tx, state.account, contract, attrs.evolve(closed, holds=()), by=by, at=now)
            self._pay_out(tx, state, closed, now)
            saved = tx.contracts.save(closed)
            tx.sims.save(gone)
            if reason is CloseReason.PORT_OUT:
                tx.numbers.save(number.port_out(contract_is_live=False, by=by, at=now))
            else:
                tx.numbers.save(self._resting(number, contract, by=by, at=now))
            self._ask(tx, ProvisioningKind.TERMINATE, saved, by=by, at=now, imsi_of=sim)
            return saved

    def preview_close(self, contract_id: ContractId) -> Closing:
        """Tell what `close` would come to now, and change nothing."""
        now = self.clock()
        with self.uow(read_only=True) as tx:
            contract = tx.contracts.get(contract_id)
            state = tx.ledger.states([contract.account_id], at=now)[contract.account_id]
            legs = _left_over(tx, state, contract)
            number = tx.numbers.get(contract.msisdn)
        back = (leg.amount for leg in legs if leg.credit is LedgerCode.REFUNDS_PAYABLE)
        return Closing(
            state=state,
            refund=sum(back, Money(0, state.balance.currency)),
            rests_until=now + self.quarantine if number.origin is NumberOrigin.OWN else None,
        )

    def _pay_out(
        self, tx: Transaction, state: AccountState, closed: Contract, now: datetime
    ) -> None:
        """Owe an account's money back once no other contract may use it."""
        legs = _left_over(tx, state, closed)
        if not legs:
            return
        entry = JournalEntry(
            id=EntryId(self.new_id()),
            account_id=state.account.id,
            kind=PostingKind.CLOSING_REFUND,
            transfers=legs,
            booked_at=now,
            caused_by=f"contract:{closed.id}",
        )
        tx.ledger.post([Posting.of(entry)], at=now)


def _left_over(tx: Transaction, state: AccountState, closed: Contract) -> posting.Legs:
    """Return what settles an account whose money no other contract may use; else nothing."""
    legs = posting.closing_refund(state.balance)
    others = tx.contracts.of_account(state.account.id) if legs else ()
    is_shared = any(other.id != closed.id and other.is_open for other in others)
    return () if is_shared else legs


def refuse_unfinished(tx: Transaction, contract: Contract) -> None:
    """Refuse while the network still has to do something for a contract."""
    tasks = tx.tasks.of_contract(contract.id)
    reasons = tuple(
        f"the network's task {task.id} ({task.kind}) is {task.status}; wait, or retry or skip it"
        for task in tasks
        if not PROVISIONING_LIFECYCLE.is_final(task.status)
    )
    if reasons:
        raise RuleViolated("task_at_rest", reasons)


def _freed_sim(sim: Sim, contract: Contract, *, by: Actor, at: datetime) -> Sim:
    if sim.contract_id == contract.id:
        if sim.activated_at is not None:
            return sim.retire(reason=RetireReason.CLOSED, contract_is_live=False, by=by, at=at)
        return sim.unbind(by=by, at=at)
    cancellable = SIM_LIFECYCLE.can(sim, SimCommand.CANCEL)
    if sim.reserved_for == reservation_of(contract.id) and cancellable:
        return sim.cancel(by=by, at=at)
    return sim


def _freed_number(number: Number, contract: Contract, *, by: Actor, at: datetime) -> Number:
    if number.contract_id == contract.id:
        if number.origin is NumberOrigin.PORTED_IN:
            return number.give_back(contract_is_live=False, by=by, at=at)
        return number.unassign(contract_was_active=False, by=by, at=at)
    cancellable = NUMBER_LIFECYCLE.can(number, NumberCommand.CANCEL)
    if number.reserved_for == reservation_of(contract.id) and cancellable:
        return number.cancel(by=by, at=at)
    return number
