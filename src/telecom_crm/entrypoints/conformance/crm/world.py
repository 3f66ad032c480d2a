"""What the rules of the whole-CRM machine share: the operator, the model, the things so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, multiple

from telecom_crm.application.inventory.receiving import NumberData, SimData
from telecom_crm.application.ports import UnitOfWork
from telecom_crm.domain.errors import KeyReused
from telecom_crm.domain.money import Money
from telecom_crm.entrypoints.conformance.crm import model as plain
from telecom_crm.entrypoints.conformance.crm.model import Model
from telecom_crm.entrypoints.conformance.crm.services import Operator
from telecom_crm.entrypoints.conformance.machine import StoredMachine
from telecom_crm.entrypoints.conformance.samples import CURRENCY, PAY_FIRST, PAY_LATER, Samples
from telecom_crm.entrypoints.conformance.store import Store
from telecom_crm.entrypoints.conformance.strategies import iccid_of, msisdn_of

MINOR = st.sampled_from((100, 5_000, 11_000, 30_000))
STOCK = st.integers(1, 6)
KEY = st.sampled_from((None, None, "key-1", "key-2"))
CUSTOMERS = Bundle("customers")
CONTRACTS = Bundle("contracts")
PAYMENTS = Bundle("payments")
RECEIPTS = Bundle("receipts")


class World(StoredMachine):
    """An operator that runs, and the plain model of what it has to have."""

    def __init__(self) -> None:
        super().__init__()
        store: Store = type(self).make_store()
        self.uow: UnitOfWork = store.uow
        self.samples = Samples()
        self.crm = Operator(store, self.samples)
        self.model = Model()

    def _stock_up(self) -> None:
        if self.model.sims:
            return
        self.crm.rules.put_policies([PAY_FIRST, PAY_LATER])
        with self.uow() as tx:
            tx.catalog.tariffs.save(self.samples.tariff())
        sims, numbers = [iccid_of(i) for i in range(1, 7)], [msisdn_of(i) for i in range(1, 7)]
        self.crm.inventory.receive_sims([SimData(iccid=one) for one in sims])
        self.crm.inventory.receive_numbers([NumberData(msisdn=one) for one in numbers])
        self.model.sims = dict.fromkeys(sims)
        self.model.numbers = dict.fromkeys(numbers)

    def _contract(self, contract_id: Any) -> plain.Contract:
        self.samples.tick()
        return self.model.contracts[contract_id]

    def _payment(self, payment_id: Any) -> plain.Payment:
        self.samples.tick()
        return self.model.payments[payment_id]

    def _first_account(self, customer: Any, shared: bool) -> Any | None:
        mine = [key for key, one in self.model.accounts.items() if one.customer == customer]
        return mine[0] if shared and mine else None

    def _refuse(
        self, error: type[Exception], command: Callable[..., object], *args: object
    ) -> None:
        with pytest.raises(error):
            command(*args)

    def _again(self, key: str | None, asked: Any, command: Callable[[], Any]) -> Any | None:
        """Send a key that was used before; return a target's value, or None for a new key."""
        if key is None or key not in self.model.keys:
            return None
        known, resource = self.model.keys[key]
        if known != asked:
            self._refuse(KeyReused, command)
        else:
            answer = command()
            assert answer.id == resource
            assert answer.replayed
        return nothing()

    def _remember(self, key: str | None, asked: Any, resource: Any) -> None:
        if key is not None:
            self.model.keys[key] = (asked, resource)


def kgs(minor: int) -> Money:
    """Return an amount of the samples' currency."""
    return Money(minor, CURRENCY)


def nothing() -> Any:
    """Return what a rule adds to its bundle where it makes nothing."""
    return multiple()
