"""Foreseeing: a customer's contracts with their terms, and what will be charged for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import attrs

from telecom_crm.application.contracts.desk import policy_of
from telecom_crm.application.contracts.previewing import Plan, Previewing, plan_of
from telecom_crm.application.ports import Page, Query, Transaction
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.calendar import months_after
from telecom_crm.domain.contract import Amendment, Contract
from telecom_crm.domain.hold import fees_go_on
from telecom_crm.domain.identifiers import ContractId, CustomerId
from telecom_crm.domain.outlook import DueCharge, Outlook, recurring

MONTHS = 12
"""So far ahead charges are foreseen."""
MOST = 50
"""With more contracts than this, nobody foresees what comes of them together."""


@attrs.frozen(kw_only=True)
class Service:
    """A contract, its terms, and what is charged for it next; None where nothing is."""

    contract: Contract
    plan: Plan
    next_charge: DueCharge | None


@attrs.frozen(kw_only=True)
class Purse:
    """
    An account, and what will be charged to it.

    `outlook` is None where nothing is known to be charged, or too much to look at. `sole` is its
    only contract that is not over, where it has one.
    """

    state: AccountState
    outlook: Outlook | None
    sole: Contract | None

    @property
    def is_short(self) -> bool:
        """Whether little is left, and the next charge, where one is known, is not covered."""
        covered = self.outlook is not None and not self.outlook.next_is_short
        return self.state.is_low and not covered


@attrs.frozen(kw_only=True)
class Overview:
    """A customer's accounts, and a page of their contracts."""

    purses: tuple[Purse, ...]
    services: Page[Service]


@attrs.frozen
class Foreseeing(Previewing):
    """Tells how a customer stands, and what comes."""

    def overview(self, customer_id: CustomerId, query: Query) -> Overview:
        """Return a customer's accounts with their outlook, and the page of contracts asked for."""
        now = self.clock()
        mine = {**query.where, "customer_id": str(customer_id)}
        with self.uow(read_only=True) as tx:
            page = tx.contracts.page(attrs.evolve(query, where=mine))
            accounts = tx.accounts.of_customer(customer_id)
            states = tx.ledger.states([account.id for account in accounts], at=now)
            few = tx.contracts.page(Query(where={"customer_id": str(customer_id)}, limit=MOST))
            known = {one.id: one for one in (*few.items, *page.items)}
            plans = _plans(tx, known.values())
        charges = {
            key: list(self._charges(one, plans[key], states.get(one.account_id), now))
            for key, one in known.items()
        }
        all_of_them = few.items if few.next is None else None
        return Overview(
            purses=tuple(_purse(states[one.id], all_of_them, charges) for one in accounts),
            services=Page(
                items=tuple(
                    Service(
                        contract=one,
                        plan=plans[one.id][0],
                        next_charge=next(iter(charges[one.id]), None),
                    )
                    for one in page.items
                ),
                next=page.next,
            ),
        )

    def _charges(
        self,
        contract: Contract,
        plans: _Plans,
        state: AccountState | None,
        now: datetime,
    ) -> Iterator[DueCharge]:
        """Yield what is charged for a contract in the months to come."""
        if state is None or not contract.in_service:
            return
        policy = policy_of(contract, state.account)
        if not fees_go_on(contract.holds, policy=policy.suspension_fees):
            return
        plan, coming = plans
        change = None
        if contract.pending is not None and coming is not None:
            change = DueCharge(contract.pending.effective_on, coming.monthly)
        start = self._next_period(contract, policy, now)
        yield from recurring(
            plan.monthly,
            start=start,
            end=months_after(start, MONTHS),
            cycle=self._cycle(contract, policy, now),
            change=change,
        )


_Plans = tuple[Plan, Plan | None]
"""What a contract has, and what it gets."""


def _purse(
    state: AccountState,
    contracts: Sequence[Contract] | None,
    charges: Mapping[ContractId, Sequence[DueCharge]],
) -> Purse:
    """Look at an account with all of its customer's contracts; None are too many to look at."""
    mine = [one for one in contracts or () if one.account_id == state.account.id]
    live = [one for one in mine if one.is_live]
    due = [charge for one in mine for charge in charges[one.id]]
    return Purse(
        state=state,
        outlook=Outlook.over(due, available=state.lasting),
        sole=live[0] if len(live) == 1 else None,
    )


def _plans(tx: Transaction, contracts: Iterable[Contract]) -> dict[ContractId, _Plans]:
    """Return what some contracts have, and what those get that wait for other terms."""
    found = list(contracts)
    terms: list[Contract | Amendment] = [*found]
    terms += [one.pending for one in found if one.pending is not None]
    tariffs = tx.catalog.tariffs.get_many({one.tariff_code for one in terms})
    options = tx.catalog.options.get_many({each.code for one in terms for each in one.options})
    return {
        one.id: (
            plan_of(one, tariffs, options),
            None if one.pending is None else plan_of(one.pending, tariffs, options),
        )
        for one in found
    }
