"""What stands above every tab of a customer's profile: their money, their papers, what is amiss."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from telecom_crm.application.contracts.foreseeing import Overview
from telecom_crm.application.ports import Query
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.customer import Customer, CustomerStatus
from telecom_crm.domain.deduplication import Suspicion
from telecom_crm.domain.identity_document import IdentityDocument
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.role import Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.templating import EXPIRES_SOON

STOPPED_BY = {
    CustomerStatus.BLOCKED: "CustomerBlocked",
    CustomerStatus.CLOSED: "CustomerClosed",
}
"""The states in which nothing is sold to a customer, and the event that tells why."""
NAMED = 2
"""So many contracts and accounts are told by name."""
SUSPECTED = 3
"""So many customers are told who may be the same one."""


@attrs.frozen
class Head:
    """A customer at a glance, as far as the visitor may see it."""

    accounts: list[AccountState]
    contracts: tuple[Contract, ...]
    """The newest; where there is one more than `NAMED`, there are others."""
    identified: bool | None
    """Whether a valid paper is on file; None for an organisation, which has none."""
    ending: tuple[IdentityDocument, ...]
    """The papers that are out of date, or soon will be."""
    stopped: str | None
    """Why a customer is blocked or closed; None where neither."""
    suspects: list[tuple[Suspicion, Customer]]
    """
    Who may be the same one, the surest first, but for those whom somebody told apart; looked for
    where the overview is shown.
    """
    survivor: Customer | None = None
    """Who took the customer's place by a merge."""
    foreseen: Overview | None = None
    """The same accounts and contracts with what comes of them, where that was asked for."""

    @classmethod
    def of(cls, request: Visit, crm: Crm, customer: Customer, *, overview: bool = False) -> Head:
        """
        Read it; for the overview also who may be the same one, and what comes of it all, to whoever
        may see what that is reckoned from.
        """
        today, id = request.pages.today, customer.id
        latest = Query(where={"customer_id": str(id)}, limit=NAMED + 1, descending=True)
        person = customer.kind is CustomerKind.PERSON
        money, services = request.may(Area.ACCOUNTS), request.may(Area.CONTRACTS)
        foreseen = crm.contracts.overview(id, latest) if overview and money and services else None
        if foreseen:
            accounts = [purse.state for purse in foreseen.purses]
            contracts = tuple(one.contract for one in foreseen.services.items)
        else:
            accounts = crm.accounts.states_of([id])[id] if money else []
            contracts = crm.contracts.page(latest).items if services else ()
        return cls(
            accounts=accounts,
            contracts=contracts,
            foreseen=foreseen,
            identified=customer.is_identified(today) if person else None,
            ending=customer.papers_ending(today + EXPIRES_SOON),
            stopped=_why(crm, customer),
            survivor=crm.customers.get(customer.merged_into) if customer.merged_into else None,
            suspects=_suspects(crm, customer) if overview else [],
        )

    @property
    def debts(self) -> list[AccountState]:
        """The accounts that are past what may be spent."""
        return in_debt(self.accounts)


def in_debt(accounts: Iterable[AccountState]) -> list[AccountState]:
    """Return those of some accounts that are past what may be spent."""
    return [one for one in accounts if one.available.minor < 0]


def _suspects(crm: Crm, customer: Customer) -> list[tuple[Suspicion, Customer]]:
    if customer.merged_into is not None:
        return []
    found = [one for one in crm.customers.duplicates(customer.id) if not one.dismissed][:SUSPECTED]
    known = crm.customers.get_many([one.customer_id for one in found])
    return [(one, known[one.customer_id]) for one in found if one.customer_id in known]


def _why(crm: Crm, customer: Customer) -> str | None:
    """Return the reason of a block or closing, "" where none was given."""
    name = STOPPED_BY.get(customer.status)
    if name is None:
        return None
    events = crm.events.of("customer", customer.key)
    return next((one.reason for one in reversed(events) if one.name == name), "")
