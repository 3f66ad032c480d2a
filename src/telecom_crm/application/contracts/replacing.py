"""Replacing: another SIM card or another number under the same contract."""

from __future__ import annotations

import attrs

from telecom_crm.application.contracts.desk import ContractDesk, held, policy_of, save_changed
from telecom_crm.application.ports import Contended, Transaction
from telecom_crm.application.retry import retried
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.charging import Charge, ChargeKind, charge
from telecom_crm.domain.contract import Contract, ContractCommand
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.identifiers import ICCID, MSISDN, ContractId
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import Number
from telecom_crm.domain.provisioning import ProvisioningKind
from telecom_crm.domain.reservation import read_reservation
from telecom_crm.domain.sim import RetireReason, Sim


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
            price = _swap_fee(tx, seen, reason)
        asked = {"iccid": iccid, "reason": reason, "lift_lost_stolen": lift_lost_stolen}
        command, key = ContractCommand.SWAP_SIM, idempotency_key
        with self.uow() as tx:
            if again := self._repeated(tx, command, contract_id, key=key, by=by, **asked):
                return again
            state = tx.ledger.states([seen.account_id], at=now)[seen.account_id]
            contract = held(tx, contract_id, expected_version)
            if _tariff(contract) != _tariff(seen):
                raise Contended(f"contract {contract.number}")
            swapped = contract.swap_sim(
                iccid=iccid, lift_lost_stolen=lift_lost_stolen, by=by, at=now
            )
            old, new = _cards(tx, contract.iccid, iccid)
            bound = new.bind(
                contract_id=contract.id,
                msisdn=contract.msisdn,
                reservation=reservation,
                by=by,
                at=now,
            )
            gone = old.retire(reason=reason, contract_is_live=False, by=by, at=now)
            fees = _fees(ChargeKind.SIM_SWAP, price, contract, state)
            self._spend(tx, state, contract, fees, by=by, at=now)
            saved = tx.contracts.save(swapped)
            tx.sims.save_all([gone, bound])
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
            old, new = _numbers(tx, contract.msisdn, msisdn)
            taken = new
            if new.contract_id != contract.id:
                taken = new.assign(contract_id=contract.id, reservation=reservation, by=by, at=now)
            fees = _fees(ChargeKind.NUMBER_CHANGE, new.price, contract, state)
            self._spend(tx, state, contract, fees, by=by, at=now)
            saved = tx.contracts.save(changed)
            tx.sims.save(sim.renumber(msisdn=msisdn, by=by, at=now))
            save_changed(tx.numbers.save, new, taken)
            tx.numbers.save(self._resting(old, contract, by=by, at=now))
            kind = ProvisioningKind.CHANGE_NUMBER
            self._ask(tx, kind, saved, by=by, at=now, previous_msisdn=old.msisdn)
            return saved


def _fees(
    kind: ChargeKind, price: Money | None, contract: Contract, state: AccountState
) -> list[Charge]:
    """Return what another card or number costs, where it costs something."""
    if not price:
        return []
    tax, version = policy_of(contract, state.account).tax, contract.tariff_version
    return [charge(kind=kind, gross=price, tax=tax, tariff_version=version)]


def _cards(tx: Transaction, old: ICCID, new: ICCID) -> tuple[Sim, Sim]:
    """Return both cards, held; raise `NotFound` for the new one."""
    cards = tx.sims.get_many([old, new])
    if new not in cards:
        raise NotFound("sim", new.digits)
    return cards[old], cards[new]


def _numbers(tx: Transaction, old: MSISDN, new: MSISDN) -> tuple[Number, Number]:
    """Return both numbers, held; raise `NotFound` where the new one is none, or the same."""
    numbers = tx.numbers.get_many([old, new])
    if new not in numbers or new == old:
        raise NotFound("other number", new.digits)
    return numbers[old], numbers[new]


def _tariff(contract: Contract) -> tuple[str, int]:
    return contract.tariff_code, contract.tariff_version


def _swap_fee(tx: Transaction, contract: Contract, reason: RetireReason) -> Money | None:
    """Return what another card costs on the contract's tariff; a bad one is replaced free."""
    if reason is RetireReason.DEFECTIVE:
        return None
    tariff = tx.catalog.tariffs.get(contract.tariff_code)
    return tariff.version_numbered(contract.tariff_version).sim_swap_fee
