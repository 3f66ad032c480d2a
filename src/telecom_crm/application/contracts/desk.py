"""What every command about contracts stands on: its ports, and what several of them do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.activation import Case, Prices, Requested, fee_entry, request
from telecom_crm.application.customers.desk import CustomerCheck
from telecom_crm.application.idempotency import done_before, request_key
from telecom_crm.application.inventory.leaving import let_go
from telecom_crm.application.paging import refuse_stale
from telecom_crm.application.ports import (
    Clock,
    Contended,
    Files,
    NewId,
    ReadPhone,
    Series,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.spending import post_spent
from telecom_crm.domain.account import AccountState, BillingAccount
from telecom_crm.domain.calendar import BISHKEK, local_date
from telecom_crm.domain.charging import Charge
from telecom_crm.domain.contract import Contract, ContractCommand
from telecom_crm.domain.deduplication import DeduplicationRules
from telecom_crm.domain.errors import RuleViolated
from telecom_crm.domain.hold import LIFTED_BY_MONEY, barred
from telecom_crm.domain.identifiers import ICCID, MSISDN, ContractId, EntryId, TaskId
from telecom_crm.domain.ledger import Posting
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.number import Number
from telecom_crm.domain.policy import BillingPolicy
from telecom_crm.domain.provisioning import ProvisioningKind, ProvisioningTask
from telecom_crm.domain.sim import Sim


@attrs.frozen
class ContractDesk:
    """Where contracts are made and changed: the ports, and the operator's own terms."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    series: Series
    files: Files
    zone: ZoneInfo = BISHKEK
    """Where the operator's days begin."""
    draft_lasts: timedelta = timedelta(days=3)
    """How long a draft keeps its SIM and its number."""
    quarantine: timedelta = timedelta(days=90)
    """How long a number rests before it is given to somebody else."""
    default_policies: tuple[str, ...] = ("prepaid", "postpaid")
    """Which policy an account gets by itself: the first that the tariff is sold for."""
    checks: tuple[CustomerCheck, ...] = ()
    deduplication: DeduplicationRules | None = None
    read_phone: ReadPhone = MSISDN
    """Reads the phone number of a newcomer as it is dialled."""

    def get(self, contract_id: ContractId) -> Contract:
        """Show one contract."""
        with self.uow(read_only=True) as tx:
            return tx.contracts.get(contract_id)

    def get_many(self, contract_ids: Iterable[ContractId]) -> dict[ContractId, Contract]:
        """Show those of some contracts that there are."""
        with self.uow(read_only=True) as tx:
            return tx.contracts.get_many(contract_ids)

    def _repeated(
        self,
        tx: Transaction,
        command: ContractCommand,
        contract_id: ContractId,
        *,
        key: str | None,
        by: Actor,
        **asked: object,
    ) -> Contract | None:
        """
        Return the contract as it is now where this was asked, and done, under the key before.

        Raise `KeyReused` where something else was asked then.
        """
        name = f"contracts.{command}"
        claim = request_key(key, name, by=by, contract_id=contract_id, **asked)
        return done_before(tx, tx.contracts, claim, contract_id)

    def _case(
        self,
        tx: Transaction,
        seen: Contract,
        prices: Prices,
        expected_version: int | None,
        now: datetime,
    ) -> Case:
        """Read a contract and all it stands on, held in their order in a writing transaction."""
        customer = tx.customers.get(seen.customer_id)
        state = tx.ledger.states([seen.account_id], at=now)[seen.account_id]
        contract = held(tx, seen.id, expected_version)
        same = (contract.customer_id, contract.tariff_code, contract.options)
        if same != (seen.customer_id, seen.tariff_code, seen.options):
            raise Contended(f"contract {contract.number}")
        return Case(
            contract=contract,
            customer=customer,
            state=state,
            sim=tx.sims.get(contract.iccid),
            number=tx.numbers.get(contract.msisdn),
            prices=prices,
        )

    def _request(self, case: Case, *, by: Actor, at: datetime) -> Requested:
        task_id, today = TaskId(self.new_id()), local_date(at, self.zone)
        return request(case, task_id=task_id, today=today, by=by, at=at)

    def _spend(
        self,
        tx: Transaction,
        state: AccountState,
        contract: Contract,
        charges: Iterable[Charge],
        *,
        by: Actor,
        at: datetime,
    ) -> None:
        """Charge fees to the contract's account, held; raise `InsufficientFunds`."""
        if postings := self._fee_postings(state, contract, charges, at):
            post_spent(tx, state, postings, by=by, at=at)

    def _fee_postings(
        self, state: AccountState, contract: Contract, charges: Iterable[Charge], at: datetime
    ) -> list[Posting]:
        """Return what books fees on the contract's account, within its limit."""
        ids = ((one, EntryId(self.new_id())) for one in charges)
        entries = (
            fee_entry(one, contract=contract, account=state.account, id=entry_id, at=at)
            for one, entry_id in ids
        )
        return [Posting.of(entry, limited=True) for entry in entries]

    def _ask(
        self,
        tx: Transaction,
        kind: ProvisioningKind,
        contract: Contract,
        *,
        by: Actor,
        at: datetime,
        imsi_of: Sim | None = None,
        previous_iccid: ICCID | None = None,
        previous_msisdn: MSISDN | None = None,
    ) -> None:
        """Write down what the network has to do for a contract as it is now."""
        sim = imsi_of or tx.sims.get(contract.iccid)
        task = ProvisioningTask.create(
            id=TaskId(self.new_id()),
            kind=kind,
            contract_id=contract.id,
            iccid=contract.iccid,
            imsi=sim.imsi,
            msisdn=contract.msisdn,
            bars=barred(contract.holds),
            previous_iccid=previous_iccid,
            previous_msisdn=previous_msisdn,
            by=by,
            at=at,
        )
        tx.tasks.save(task)

    def _tell_bars(
        self, tx: Transaction, before: Contract, after: Contract, *, by: Actor, at: datetime
    ) -> None:
        """Have the network bar what all holds together bar now, where that has changed."""
        bars = barred(after.holds)
        if bars != barred(before.holds):
            kind = ProvisioningKind.BAR if bars else ProvisioningKind.UNBAR
            self._ask(tx, kind, after, by=by, at=at)

    def _resting(self, number: Number, contract: Contract, *, by: Actor, at: datetime) -> Number:
        until = at + self.quarantine
        return let_go(number, customer_id=contract.customer_id, until=until, by=by, at=at)


def held(tx: Transaction, contract_id: ContractId, expected_version: int | None) -> Contract:
    """Read a contract to change it, held; raise `StaleVersion` where it is another than seen."""
    contract = tx.contracts.get(contract_id)
    refuse_stale(contract, expected_version, name="contract")
    return contract


def save_changed(save: Callable[[Any], Any], before: object, after: object) -> None:
    """Save a thing that a step may have left as it was."""
    if after is not before:
        save(after)


def count_money(
    tx: Transaction,
    account: BillingAccount | None,
    before: Contract,
    after: Contract,
    *,
    by: Actor,
    at: datetime,
) -> BillingAccount | None:
    """
    Keep the account's count of contracts suspended for money, which payments look at.

    Return the account as it is then; None, for a change that has nothing to do with money, stays.
    """
    change = _short_of_money(after) - _short_of_money(before)
    if account is None or not change:
        return account
    return tx.accounts.save(account.hold_for_money(change, before.id, by=by, at=at))


def _short_of_money(contract: Contract) -> bool:
    return any(hold.kind in LIFTED_BY_MONEY for hold in contract.holds)


def policy_of(contract: Contract, account: BillingAccount) -> BillingPolicy:
    """Return the policy that governs a contract: its own frozen one, else the account's."""
    receipt = contract.receipt or account.receipt
    if receipt is None:
        raise RuleViolated("policy", (f"account {account.number} has no billing policy",))
    return receipt.terms
