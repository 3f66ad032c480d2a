"""Which of a subscriber's contracts a page is about, and how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import attrs

from telecom_crm.application.ports import Query
from telecom_crm.domain.contract import (
    CONTRACT_LIFECYCLE,
    PAYABLE,
    Contract,
    ContractCommand,
)
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.hold import LIFTED_BY_MONEY, Bar, Hold, HoldKind, barred
from telecom_crm.domain.identifiers import ContractId
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import gettext
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import label

MOST = 20
"""How many contracts are offered to choose from; the address of any other leads to it as well."""

WHY_HELD: Mapping[HoldKind, str] = {
    HoldKind.NON_PAYMENT: N_(
        "A bill is overdue. Once it is paid, the service comes back by itself."
    ),
    HoldKind.LOW_BALANCE: N_(
        "The balance is short. Once you top it up, the service comes back by itself."
    ),
    HoldKind.VOLUNTARY: N_(
        "The service is paused because you asked for it. Ask us when it is to go on."
    ),
    HoldKind.LOST_STOLEN: N_(
        "The SIM card was reported as lost. Ask for another card, with the same number."
    ),
    HoldKind.FRAUD: N_(
        "The service was used in a way that is being looked into. Ask us what it is about."
    ),
    HoldKind.KYC: N_("Your papers have to be checked. Bring your document to an office."),
    HoldKind.REGULATORY: N_("The law demands that the service is suspended. Ask us what lifts it."),
    HoldKind.ADMIN: N_("The operator suspended the service. Ask us why."),
}
"""Why a contract is suspended and what to do, as its subscriber is told."""


@attrs.frozen
class Mine:
    """The contract that a page is about, among those of the subscriber."""

    contract: Contract | None
    among: tuple[Contract, ...]

    def may(self, command: str) -> bool:
        """Tell whether the contract's state allows a command."""
        asked = ContractCommand(command)
        return self.contract is not None and CONTRACT_LIFECYCLE.can(self.contract, asked)

    @property
    def why_held(self) -> list[str]:
        """Why it is suspended, in words; nothing where it is not."""
        return [gettext(WHY_HELD[hold.kind]) for hold in self.holds]

    @property
    def holds(self) -> tuple[Hold, ...]:
        """The reasons why it is suspended."""
        return self.contract.holds if self.contract else ()

    @property
    def barred(self) -> str:
        """What does not work, in words."""
        bars = barred(self.holds)
        return ", ".join(label(one) for one in Bar if one in bars)

    @property
    def held_since(self) -> datetime | None:
        """Since when it is suspended; None where it is not."""
        return (
            min((hold.since for hold in self.contract.holds), default=None)
            if self.contract
            else None
        )

    @property
    def is_lost(self) -> bool:
        """Whether its card is blocked as lost."""
        return any(hold.kind is HoldKind.LOST_STOLEN for hold in self.holds)

    @property
    def money_helps(self) -> bool:
        """Whether a payment is what it waits for."""
        return any(hold.kind in LIFTED_BY_MONEY for hold in self.holds)


def chosen(request: Visit, crm: Crm, asked: str) -> Mine:
    """
    Return the contract that was asked for, or else the first in service.

    Raise `NotFound` for one of anybody else.
    """
    mine = str(request.subscriber.customer_id)
    among = crm.contracts.page(Query(where={"customer_id": mine}, limit=MOST)).items
    if asked:
        return Mine(own(request, crm, asked), tuple(among))
    by_use = sorted(among, key=lambda one: (not one.in_service, one.status not in PAYABLE))
    return Mine(next(iter(by_use), None), tuple(among))


def own(request: Visit, crm: Crm, asked: str) -> Contract:
    """Return a contract of one's own by its id as text; raise `NotFound` for any other."""
    try:
        contract = crm.contracts.get(ContractId(UUID(asked)))
    except ValueError:
        raise NotFound("contract", asked[:40]) from None
    request.subscriber.require_own("contract", asked, contract.customer_id)
    return contract
