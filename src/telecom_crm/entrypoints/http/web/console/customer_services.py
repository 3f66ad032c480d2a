"""What is done to a customer's contracts from their profile: to the only one, or to one of them."""

from __future__ import annotations

from collections.abc import Sequence

from telecom_crm.domain.contract import Contract
from telecom_crm.entrypoints.http.web.console.changing_payer import CHANGE_PAYER
from telecom_crm.entrypoints.http.web.console.commands import Command
from telecom_crm.entrypoints.http.web.console.contract_commands import COMMANDS
from telecom_crm.entrypoints.http.web.console.contract_facts import (
    PATH,
    allowed,
    can_change_payer,
)
from telecom_crm.entrypoints.http.web.http import Visit

ASKED = "do"
"""What of its address says which command the tab of services is to ask about."""
FROM_PROFILE = ("suspend", "resume", "change_payer")
"""The commands of contracts that a profile leads to."""


def done_to(request: Visit, contract: Contract, only: str = "") -> list[Command]:
    """Return the commands of a profile that a contract allows; `only` one, where that is asked."""
    names = set(allowed(request, contract))
    if can_change_payer(names, contract):
        names.add("change_payer")
    wanted = {only} if only in FROM_PROFILE else set(FROM_PROFILE)
    return [
        *COMMANDS.offered(request, names & wanted),
        *CHANGE_PAYER.offered(request, names & wanted),
    ]


def asked_of(request: Visit) -> Command | None:
    """Return the command that the tab of services asks which contract it is for."""
    name = request.query_params.get(ASKED, "")
    every = (*COMMANDS.table, *CHANGE_PAYER.table)
    return next((one for one in every if one.name == name and name in FROM_PROFILE), None)


def links_to(
    request: Visit, base: str, contracts: Sequence[Contract], *, more: bool
) -> list[tuple[str, str, str]]:
    """
    Return where a profile's menu leads for its contracts: address, words and icon.

    That is the question of the only contract that allows it, or the tab where one is chosen; so it
    is where there are `more` than these.
    """
    found: dict[str, tuple[Command, list[Contract]]] = {}
    for contract in contracts:
        for command in done_to(request, contract):
            found.setdefault(command.name, (command, []))[1].append(contract)
    return [
        (
            f"{base}/services?{ASKED}={name}"
            if more or len(fitting) > 1
            else f"{PATH}/{fitting[0].id}/{name}",
            command.words,
            command.icon,
        )
        for name, (command, fitting) in found.items()
    ]
