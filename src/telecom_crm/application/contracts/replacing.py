"""Replacing: another SIM card or another number under the same contract."""

from __future__ import annotations

from datetime import datetime

import attrs

from telecom_crm.application.activation import fee_entry
from telecom_crm.application.contracts.desk import ContractDesk, held, policy_of, save_changed
from telecom_crm.application.ports import Contended, Transaction
from telecom_crm.application.retry import retried
from telecom_crm.application.spending import post_spent
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.charging import ChargeKind, charge
from telecom_crm.domain.contract import Contract, ContractCommand
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.identifiers import ICCID, MSISDN, ContractId, EntryId
from telecom_crm.domain.ledger import Posting
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.provisioning import ProvisioningKind
from telecom_crm.domain.reservation import read_reservation
from telecom_crm.domain.sim import RetireReason


@attrs.frozen
class Replacing(ContractDesk):
    """Swaps of SIM cards and changes of numbers."""

    @retried
    def swap_sim(
        self,
        contract_id: ContractId,
        *,
        iccid: ICCID,
        reason: RetireReason = RetireReason.SWAPPED,
        lift_lost_stolen: bool = False,
        reservation: str | None = None,
        idempotency_key: str | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """
        Go on with another SIM card, for the tariff's fee unless the old one was defective; the old
        one is retired.

        Raise `SimNotAvailable`, `InsufficientFunds`, `InvalidValue`, `KeyReused`.
        """
        if reservation is not None:
            read_reservation(reservation)
        now = self.clock()
        with self.uow(read_only=True) as tx:
            seen = tx.contracts.get(contract_id)
            fee = _swap_fee(tx, seen, reason)
        asked = {"iccid": iccid, "reason": reason, "lift_lost_stolen": lift_lost_stolen}
        command, key = ContractCommand.SWAP_SIM, idempotency_key
        with self.uow() as tx:
            if again := self._repeated(tx, command, contract_id, key=key, by=by, **asked):
                return again
            state = tx.ledger.states([seen.account_id], at=now)[seen.account_id]
            contract = held(tx, contract_id, expected_version)
            if contract.tariff_code != seen.tariff_code:
                raise Contended(f"contract {contract.number}")
            swapped = contract.swap_sim(
                iccid=iccid, lift_lost_stolen=lift_lost_stolen, by=by, at=now
            )
            cards = tx.sims.get_many([contract.iccid, iccid])
            if iccid not in cards:
                raise NotFound("sim", iccid.digits)
            new = cards[iccid].bind(
                contract_id=contract.id,
                msisdn=contract.msisdn,
                reservation=reservation,
                by=by,
                at=now,
            )
            old = cards[contract.iccid]
            gone = old.retire(reason=reason, contract_is_live=False, by=by, at=now)
            self._charge(
                tx, state, contract, ChargeKind.SIM_SWAP, fee, f"SIM card, {reason}", by, now
            )
            saved = tx.contracts.save(swapped)
            tx.sims.save_all([gone, new])
            self._ask(tx, ProvisioningKind.SWAP_SIM, saved, by=by, at=now, previous_iccid=old.iccid)
            return saved

    @retried
    def change_number(
        self,
        contract_id: ContractId,
        *,
        msisdn: MSISDN,
        reservation: str | None = None,
        idempotency_key: str | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """
        Go on under another number, whose price is charged; the old one rests.

        The number may also be one that was ported in or restored for this contract. Raise
        `NumberNotAvailable`, `InsufficientFunds`, `InvalidValue`, `KeyReused`.
        """
        if reservation is not None:
            read_reservation(reservation)
        now = self.clock()
        seen = self.get(contract_id)
        command, key = ContractCommand.CHANGE_NUMBER, idempotency_key
        with self.uow() as tx:
            if again := self._repeated(tx, command, contract_id, key=key, by=by, msisdn=msisdn):
                return again
            state = tx.ledger.states([seen.account_id], at=now)[seen.account_id]
            contract = held(tx, contract_id, expected_version)
            changed = contract.change_number(msisdn=msisdn, by=by, at=now)
            sim = tx.sims.get(contract.iccid)
            numbers = tx.numbers.get_many([contract.msisdn, msisdn])
            if msisdn not in numbers or msisdn == contract.msisdn:
                raise NotFound("other number", msisdn.digits)
            new, old = numbers[msisdn], numbers[contract.msisdn]
            if new.contract_id != contract.id:
                new = new.assign(contract_id=contract.id, reservation=reservation, by=by, at=now)
            self._charge(
                tx,
                state,
                contract,
                ChargeKind.NUMBER_CHANGE,
                new.price,
                f"Number {new.category}",
                by,
                now,
            )
            saved = tx.contracts.save(changed)
            tx.sims.save(sim.renumber(msisdn=msisdn, by=by, at=now))
            save_changed(tx.numbers.save, numbers[msisdn], new)
            tx.numbers.save(self._resting(old, contract, by=by, at=now))
            kind = ProvisioningKind.CHANGE_NUMBER
            self._ask(tx, kind, saved, by=by, at=now, previous_msisdn=old.msisdn)
            return saved

    def _charge(
        self,
        tx: Transaction,
        state: AccountState,
        contract: Contract,
        kind: ChargeKind,
        price: Money | None,
        description: str,
        by: Actor,
        now: datetime,
    ) -> None:
        if not price:
            return
        fee = charge(
            kind=kind,
            gross=price,
            tax=policy_of(contract, state.account).tax,
            description=description,
            tariff_version=contract.tariff_version,
        )
        entry = fee_entry(
            fee, contract=contract, account=state.account, id=EntryId(self.new_id()), at=now
        )
        charged = Posting.of(entry, limited=True)
        post_spent(tx, state, [charged], by=by, at=now)


def _swap_fee(tx: Transaction, contract: Contract, reason: RetireReason) -> Money | None:
    """Return what another card costs on the contract's tariff; a bad one is replaced free."""
    if reason is RetireReason.DEFECTIVE:
        return None
    tariff = tx.catalog.tariffs.get(contract.tariff_code)
    return tariff.version_numbered(contract.tariff_version).sim_swap_fee
