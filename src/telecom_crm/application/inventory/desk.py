"""What every command about SIM cards and numbers stands on."""

from __future__ import annotations

from datetime import timedelta

import attrs

from telecom_crm.application.paging import refuse_stale
from telecom_crm.application.ports import Clock, NewId, Transaction, UnitOfWork
from telecom_crm.domain.identifiers import ICCID, MSISDN
from telecom_crm.domain.number import Number
from telecom_crm.domain.sim import Sim


@attrs.frozen
class InventoryDesk:
    """Where cards and numbers are: the ports, and the operator's own terms."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    reservation_lasts: timedelta = timedelta(hours=1)
    """How long something is kept for somebody who does not say until when."""
    quarantine: timedelta = timedelta(days=90)
    """How long a number rests before it is given to somebody else."""

    def sim(self, iccid: ICCID) -> Sim:
        """Show one card."""
        with self.uow(read_only=True) as tx:
            return tx.sims.get(iccid)

    def number(self, msisdn: MSISDN) -> Number:
        """Show one number."""
        with self.uow(read_only=True) as tx:
            return tx.numbers.get(msisdn)

    def _sim(self, tx: Transaction, iccid: ICCID, expected_version: int | None) -> Sim:
        sim = tx.sims.get(iccid)
        refuse_stale(sim, expected_version, name="sim")
        return sim

    def _number(self, tx: Transaction, msisdn: MSISDN, expected_version: int | None) -> Number:
        number = tx.numbers.get(msisdn)
        refuse_stale(number, expected_version, name="number")
        return number
