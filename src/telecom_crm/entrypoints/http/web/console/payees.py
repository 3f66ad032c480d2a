"""Whom money is taken for: contracts and accounts, found by whatever a person at the desk says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlencode
from uuid import UUID

import attrs

from telecom_crm.application.ports import Payer, Query
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.contract import PAYABLE, Contract
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import AccountId, ContractId, CustomerId
from telecom_crm.domain.money import Money
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.http import Visit

MOST = 8


@attrs.frozen
class Payee:
    """One that can be paid for: an account, by itself or for a contract on it."""

    customer: Customer | None
    state: AccountState
    contract: Contract | None = None

    @property
    def payer(self) -> Payer:
        """The same as the service asks for it."""
        if self.contract is not None:
            return Payer(contract_id=self.contract.id)
        return Payer(account_id=self.state.account.id)

    @property
    def named(self) -> dict[str, str]:
        """What leads to it, in an address or in a form."""
        if self.contract is not None:
            return {"contract": self.contract.key}
        return {"account": self.state.account.key}

    @property
    def query(self) -> str:
        """The same as an address has it."""
        return urlencode(self.named)


NAMES = ("contract", "account")
"""What of an address or a form leads to a payee."""


def chosen(asked: Mapping[str, str], crm: Crm) -> Payee | None:
    """Return whom an address or a form names; None where it names none. Raise `NotFound`."""
    contract_id, account_id = (_id(asked, name) for name in NAMES)
    if contract_id is not None:
        contract = crm.contracts.get(ContractId(contract_id))
        state = crm.accounts.get(contract.account_id)
        return Payee(crm.customers.get(contract.customer_id), state, contract)
    if account_id is not None:
        state = crm.accounts.get(AccountId(account_id))
        return Payee(crm.accounts.owners([state.account.id]).get(state.account.id), state)
    return None


def lacking(crm: Crm, payee: Payee) -> Money | None:
    """Return what a signed contract lacks for its activation; None where nothing waits for it."""
    contract = payee.contract
    if contract is None or not contract.awaits_activation:
        return None
    return crm.contracts.activation_summary(contract.id).lacking


def offered(request: Visit, crm: Crm, text: str) -> list[Payee]:
    """Return whom somebody may mean: of the customer in the address, or by what was typed."""
    customer_id = _id(request.query_params, "customer")
    if customer_id is not None:
        return list(_of(crm.customers.living([crm.customers.get(CustomerId(customer_id))]), crm))
    return list(_of(known_as(crm, text), crm)) if text else []


def known_as(crm: Crm, text: str) -> list[Customer]:
    """Return the customers whom a name, a phone, a contract, an account or a SIM leads to."""
    try:
        accounts = crm.accounts.page(Query(where={"number": text.upper()}, limit=1)).items
        owners = crm.accounts.owners(one.id for one in accounts)
        return list(owners.values()) or crm.customers.living(crm.customers.search(text, limit=MOST))
    except InvalidValue:  # not a text that anything could be called
        return []


def _of(customers: Iterable[Customer], crm: Crm) -> Iterator[Payee]:
    """Yield the contracts of customers, and those of their accounts that have none."""
    people = list(customers)
    states = crm.accounts.states_of([one.id for one in people])
    for customer in people:
        here = {state.account.id: state for state in states[customer.id]}
        contracts = crm.contracts.page(Query(where={"customer_id": customer.key})).items
        payable = [one for one in contracts if one.status in PAYABLE and one.account_id in here]
        for contract in payable:
            yield Payee(customer, here[contract.account_id], contract)
        for account_id in here.keys() - {one.account_id for one in payable}:
            yield Payee(customer, here[account_id])


def _id(asked: Mapping[str, str], name: str) -> UUID | None:
    try:
        return UUID(asked.get(name, ""))
    except ValueError:
        return None
