"""The way of SIM cards and numbers out of use, to other operators, and back."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import attrs

from telecom_crm.application.duplicates import for_survivor
from telecom_crm.application.inventory.desk import InventoryDesk
from telecom_crm.application.paging import each_swept
from telecom_crm.application.ports import Contended, Transaction
from telecom_crm.application.retry import each_alone, retried
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.errors import RuleViolated
from telecom_crm.domain.identifiers import ICCID, MSISDN, ContractId, CustomerId
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import (
    NUMBER_LIFECYCLE,
    Number,
    NumberCategory,
    NumberCommand,
    NumberInUse,
    NumberOrigin,
)
from telecom_crm.domain.sim import RetireReason, Sim


def let_go(
    number: Number, *, customer_id: CustomerId, until: datetime, by: Actor, at: datetime
) -> Number:
    """Take a number from a contract that needs it no more: ours rests, a ported one goes home."""
    if number.origin is NumberOrigin.PORTED_IN:
        return number.give_back(contract_is_live=False, by=by, at=at)
    return number.release(
        until=until, customer_id=customer_id, contract_is_live=False, by=by, at=at
    )


@attrs.frozen
class Leaving(InventoryDesk):
    """The pool, as cards and numbers leave it or come back."""

    @retried
    def retire(
        self,
        iccid: ICCID,
        *,
        reason: RetireReason,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Sim:
        """Use a card no more; raise `SimInUse` while a live contract needs it."""
        holder_id = self.sim(iccid).contract_id
        with self.uow() as tx:
            holder = self._holder(tx, holder_id)
            sim = self._sim(tx, iccid, expected_version)
            live = _still_held(holder, sim) and holder is not None and holder.iccid == iccid
            retired = sim.retire(reason=reason, contract_is_live=live, by=by, at=self.clock())
            return tx.sims.save(retired)

    @retried
    def release(
        self, msisdn: MSISDN, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Number:
        """Let an assigned number rest; raise `NumberInUse` while a live contract needs it."""
        now = self.clock()
        holder_id = self.number(msisdn).contract_id
        with self.uow() as tx:
            holder = self._holder(tx, holder_id)
            number = self._number(tx, msisdn, expected_version)
            if _still_held(holder, number) and holder is not None and holder.msisdn == msisdn:
                raise NumberInUse(number.key, number.status, str(number.contract_id))
            NUMBER_LIFECYCLE.row(number.status, NumberCommand.RELEASE)
            if holder is None:
                raise Contended(f"number {number.key}")
            until = now + self.quarantine
            return tx.numbers.save(
                let_go(number, customer_id=holder.customer_id, until=until, by=by, at=now)
            )

    @retried
    def withdraw(
        self,
        msisdn: MSISDN,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Number:
        """Take a free number out of the pool for good."""
        with self.uow() as tx:
            number = self._number(tx, msisdn, expected_version)
            return tx.numbers.save(number.withdraw(reason=reason, by=by, at=self.clock()))

    @retried
    def reclassify(
        self,
        msisdn: MSISDN,
        *,
        category: NumberCategory,
        price: Money | None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Number:
        """Put a number in another category, at another price or none."""
        with self.uow() as tx:
            number = self._number(tx, msisdn, expected_version)
            changed = number.reclassify(category=category, price=price, by=by, at=self.clock())
            return tx.numbers.save(changed)

    @retried
    def recycle(
        self, msisdn: MSISDN, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Number:
        """Offer a number again whose quarantine is over."""
        with self.uow() as tx:
            number = self._number(tx, msisdn, expected_version)
            return tx.numbers.save(number.recycle(by=by, at=self.clock()))

    def recycle_due(self, *, limit: int = 500, by: Actor = SYSTEM) -> int:
        """
        Offer all numbers again whose quarantine is over, in batches of `limit`; return how many.
        """
        now = self.clock()
        rested = each_swept(
            self.uow, lambda tx, at: tx.numbers.quarantine_over(now, limit=limit, cursor=at)
        )
        return each_alone(partial(self._recycle, number.msisdn, by) for number in rested)

    @retried
    def port_in(self, msisdn: MSISDN, *, contract_id: ContractId, by: Actor = SYSTEM) -> Number:
        """
        Take over a number that a subscriber brings along, for a live contract of theirs.

        The contract gets it by changing its number to this one. Raise `RuleViolated` for a number
        that the pool has already.
        """
        with self.uow() as tx:
            self._live(tx, contract_id)
            if found := tx.numbers.get_many([msisdn]).get(msisdn):
                reason = f"number {msisdn.digits} is in our pool already, {found.status}"
                raise RuleViolated("number_unknown", (reason,))
            ported = Number.port_in(msisdn=msisdn, contract_id=contract_id, by=by, at=self.clock())
            return tx.numbers.save(ported)

    @retried
    def port_out(
        self, msisdn: MSISDN, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Number:
        """Let a number go to another operator; raise `NumberInUse` while a contract needs it."""
        holder_id = self.number(msisdn).contract_id
        with self.uow() as tx:
            holder = self._holder(tx, holder_id)
            number = self._number(tx, msisdn, expected_version)
            live = _still_held(holder, number) and holder is not None and holder.msisdn == msisdn
            return tx.numbers.save(number.port_out(contract_is_live=live, by=by, at=self.clock()))

    @retried
    def return_from_port(
        self, msisdn: MSISDN, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Number:
        """Take a number back that the other operator needs no more; it rests first."""
        now = self.clock()
        with self.uow() as tx:
            number = self._number(tx, msisdn, expected_version)
            back = number.return_from_port(until=now + self.quarantine, by=by, at=now)
            return tx.numbers.save(back)

    @retried
    def restore(
        self,
        msisdn: MSISDN,
        *,
        contract_id: ContractId,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Number:
        """
        Give a resting number back to the customer who had it, for a live contract of theirs.

        The contract gets it by changing its number to this one.
        """
        with self.uow() as tx:
            contract = self._live(tx, contract_id)
            number = for_survivor(tx, self._number(tx, msisdn, expected_version))
            return tx.numbers.save(
                number.restore(
                    contract_id=contract_id,
                    customer_id=contract.customer_id,
                    by=by,
                    at=self.clock(),
                )
            )

    @retried
    def _recycle(self, msisdn: MSISDN, by: Actor) -> bool:
        now = self.clock()
        with self.uow() as tx:
            number = tx.numbers.get(msisdn)
            # Between the list and here, its customer may have had it back.
            if number.quarantined_until is None or now < number.quarantined_until:
                return False
            tx.numbers.save(number.recycle(by=by, at=now))
            return True

    def _holder(self, tx: Transaction, contract_id: ContractId | None) -> Contract | None:
        # The contract is held before what belongs to it, so its id is looked up beforehand.
        return tx.contracts.get(contract_id) if contract_id else None

    def _live(self, tx: Transaction, contract_id: ContractId) -> Contract:
        contract = tx.contracts.get(contract_id)
        if not contract.is_live:
            reason = f"contract {contract.number} is {contract.status}: it holds no number"
            raise RuleViolated("contract_live", (reason,))
        return contract


def _still_held(holder: Contract | None, thing: Sim | Number) -> bool:
    """Tell whether a live contract has the thing; it was looked up before anything was held."""
    if thing.contract_id != (holder.id if holder else None):
        raise Contended(thing.key)
    return holder is not None and holder.is_live
