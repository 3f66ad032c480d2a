"""Amending: another tariff or other options, now or from the next period on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from functools import partial

import attrs

from telecom_crm.application.catalog import Offer, offer_in
from telecom_crm.application.contracts.desk import ContractDesk, held, policy_of
from telecom_crm.application.paging import each_swept
from telecom_crm.application.ports import Contended
from telecom_crm.application.retry import each_alone, retried
from telecom_crm.domain.calendar import CycleDay, anniversary, local_date, period_of
from telecom_crm.domain.charging import Charge, ChargeKind, charge
from telecom_crm.domain.contract import Contract, ContractCommand
from telecom_crm.domain.identifiers import ContractId
from telecom_crm.domain.ledger import InsufficientFunds
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.policy import BillingPolicy
from telecom_crm.domain.tariff import Option


class When(StrEnum):
    """When a change of terms begins."""

    NOW = "now"
    NEXT_PERIOD = "next_period"


@attrs.frozen
class Amending(ContractDesk):
    """Changes of terms."""

    @retried
    def amend(
        self,
        contract_id: ContractId,
        *,
        tariff: str | None = None,
        options: Sequence[str] | None = None,
        when: When = When.NOW,
        idempotency_key: str | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """
        Change the tariff or the options, now or from the next period on; None keeps what there is.

        An option that is charged once is charged when it begins; what recurs is charged when the
        next period begins. Raise `NotOnSale`, `OptionsIncompatible`, `InsufficientFunds`,
        `KeyReused`.
        """
        now = self.clock()
        asked = {"tariff": tariff, "options": options, "when": when}
        command, key = ContractCommand.AMEND, idempotency_key
        seen, offer = self._wanted(contract_id, tariff, options)
        with self.uow() as tx:
            if again := self._repeated(tx, command, contract_id, key=key, by=by, **asked):
                return again
            state = tx.ledger.states([seen.account_id], at=now)[seen.account_id]
            contract = held(tx, contract_id, expected_version)
            if (contract.tariff_code, contract.options) != (seen.tariff_code, seen.options):
                raise Contended(f"contract {contract.number}")
            policy = policy_of(contract, state.account)
            amended = self._amended(contract, offer, policy, when, by=by, at=now)
            priced = {option.code: option for option in offer.options}
            fees = begun_options(contract, amended, priced, policy)  # none before they begin
            self._spend(tx, state, amended, fees, by=by, at=now)
            return tx.contracts.save(amended)

    @retried
    def take_effect(self, contract_id: ContractId, *, by: Actor = SYSTEM) -> Contract:
        """
        Let a change of terms begin whose date has come, and charge what it costs once.

        Raise `InsufficientFunds` where less is available; the change waits for the money.
        """
        now = self.clock()
        today = local_date(now, self.zone)
        with self.uow(read_only=True) as tx:
            seen = tx.contracts.get(contract_id)
            coming = seen.pending.options if seen.pending else ()
            priced = tx.catalog.options.get_many([chosen.code for chosen in coming])
        with self.uow() as tx:
            state = tx.ledger.states([seen.account_id], at=now)[seen.account_id]
            contract = tx.contracts.get(contract_id)
            if contract.pending != seen.pending:
                raise Contended(f"contract {contract.number}")
            begun = contract.take_effect(today=today, by=by, at=now)
            fees = begun_options(contract, begun, priced, policy_of(begun, state.account))
            self._spend(tx, state, begun, fees, by=by, at=now)
            return tx.contracts.save(begun)

    def take_due_effect(self, *, limit: int = 100, by: Actor = SYSTEM) -> int:
        """
        Let all changes of terms begin whose date has come, in batches of `limit`; return how many.

        One whose account has too little for it waits, and begins in a round after it was paid.
        """
        today = local_date(self.clock(), self.zone)
        due = each_swept(
            self.uow, lambda tx, at: tx.contracts.amendments_due(today, limit=limit, cursor=at)
        )
        return each_alone(
            partial(self._begin_terms, contract.id, by) for contract in due if contract.is_live
        )

    def _begin_terms(self, contract_id: ContractId, by: Actor) -> int:
        try:
            self.take_effect(contract_id, by=by)
        except InsufficientFunds:
            return 0  # it stays pending, as everybody can see who looks at the contract
        return 1

    def _amended(
        self,
        contract: Contract,
        offer: Offer,
        policy: BillingPolicy,
        when: When,
        *,
        by: Actor,
        at: datetime,
    ) -> Contract:
        """Return a contract on what is offered to it, or waiting for that."""
        later = when is When.NEXT_PERIOD
        return contract.amend(
            tariff=offer.tariff,
            options=offer.options,
            rules=offer.rules,
            policy=policy,
            effective_on=self._next_period(contract, policy, at) if later else None,
            by=by,
            at=at,
        )

    def _wanted(
        self, contract_id: ContractId, tariff: str | None, options: Sequence[str] | None
    ) -> tuple[Contract, Offer]:
        """Return a contract as it is seen now, and what is offered for what it shall have."""
        with self.uow(read_only=True) as tx:
            seen = tx.contracts.get(contract_id)
            kept = [chosen.code for chosen in seen.options]
            codes = kept if options is None else options
            return seen, offer_in(tx, tariff=tariff or seen.tariff_code, options=codes)

    def _next_period(self, contract: Contract, policy: BillingPolicy, now: datetime) -> date:
        return period_of(local_date(now, self.zone), self._cycle(contract, policy, now)).end

    def _cycle(self, contract: Contract, policy: BillingPolicy, now: datetime) -> CycleDay:
        """Return the day on which a contract's periods begin."""
        return policy.cycle_day or anniversary(local_date(contract.activated_at or now, self.zone))


def begun_options(
    before: Contract, after: Contract, priced: Mapping[str, Option], policy: BillingPolicy
) -> list[Charge]:
    """Return what the options cost that are charged once and were not there before."""
    had = {chosen.code for chosen in before.options}
    new = [chosen for chosen in after.options if chosen.code not in had]
    terms = [(one, priced[one.code].version_numbered(one.version)) for one in new]
    return [
        charge(
            kind=ChargeKind.OPTION,
            gross=version.fee,
            tax=policy.tax,
            code=chosen.code,
            code_version=chosen.version,
            tariff_version=after.tariff_version,
        )
        for chosen, version in terms
        if version.fee and not version.recurring
    ]
