"""What is booked on an account or granted to it by hand: fees, debts that are paid after all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from litestar import Controller

from telecom_crm.application.accounts import Accounts
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.charging import ChargeKind
from telecom_crm.domain.identifiers import AccountId
from telecom_crm.domain.money import Money
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.commands import (
    Command,
    Commands,
    Question,
    routes_of,
)
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import label

PATH = "/console/accounts"
TEMPLATE = "console/accounts/ask.html"


def find(crm: Crm, key: Any) -> AccountState:
    """Return an account as it stands; raise `NotFound`."""
    return crm.accounts.get(AccountId(key))


def _amount(form: Form, state: AccountState, most: Money | None = None) -> Money | None:
    """Read an amount in the account's currency, of which there may be a most."""
    amount = form.money("amount", state.balance.currency)
    if amount is not None and not amount:
        form.fault("amount", "not_positive")
    if amount is not None and most is not None and amount > most:
        form.fault("amount", "past_most")
    return amount


def _fee(form: Form, _: Crm, state: AccountState) -> dict[str, Any]:
    return {
        "kind": form.choice("kind", ChargeKind),
        "amount": _amount(form, state),
        "reason": form.text("reason", limit=500),
        "idempotency_key": form.key,
    }


def _fees(_: Visit, __: Crm, state: AccountState, ___: Form) -> dict[str, Any]:
    return {"state": state, "kinds": [(kind.value, label(kind)) for kind in ChargeKind]}


def _debt(form: Form, crm: Crm, state: AccountState) -> dict[str, Any]:
    return {
        "amount": _amount(form, state, crm.accounts.written_off(state.account.id)),
        "reason": form.text("reason", limit=500),
        "idempotency_key": form.key,
    }


def _debts(_: Visit, crm: Crm, state: AccountState, ___: Form) -> dict[str, Any]:
    most = crm.accounts.written_off(state.account.id)
    return {"state": state, "most": most, "can": bool(most)}


def _promise(form: Form, crm: Crm, state: AccountState) -> dict[str, Any]:
    most, longest = grants(state)
    days = form.whole("days")
    if days is not None and not 1 <= days <= longest:
        form.fault("days", "past_days")
    until = crm.clock() + timedelta(days=days or 0) if form.ok else None
    return {"amount": _amount(form, state, most), "until": until}


def _promises(_: Visit, __: Crm, state: AccountState, ___: Form) -> dict[str, Any]:
    most, longest = grants(state)
    return {"state": state, "most": most, "longest": longest}


def grants(state: AccountState) -> tuple[Money, int]:
    """Return how much the account's policy grants as a promised payment, and for how many days."""
    terms = state.account.receipt.terms if state.account.receipt else None
    nothing = Money(0, state.balance.currency)
    return (terms.promise_limit or nothing, terms.promise_days) if terms else (nothing, 0)


def may_promise(state: AccountState) -> bool:
    """Tell whether a promised payment can be granted now: one at a time, where there is one."""
    promise = state.account.promise
    return bool(grants(state)[0]) and not (promise and state.at < promise.until)


FEE = Question(name="fee", fields=("kind", "amount", "reason"), read=_fee, offers=_fees)
DEBT = Question(name="debt", fields=("amount", "reason"), read=_debt, offers=_debts)
PROMISE = Question(
    name="promise",
    fields=("amount", "days"),
    read=_promise,
    begins=lambda _, state: {"days": grants(state)[1]},
    offers=_promises,
)
COMMANDS = Commands(
    area=Area.ACCOUNTS,
    action=Action.APPROVE,
    service=lambda crm: crm.accounts,
    find=find,
    key=lambda state: state.account.id,
    title=lambda state: state.account.number,
    version=None,  # money comes and goes without one
    template=TEMPLATE,
    table=(
        Command(
            "charge",
            N_("Charge a fee"),
            "receipt-text",
            N_("The fee is charged"),
            Accounts.charge,
            FEE,
        ),
        Command(
            "recover",
            N_("Recover a debt"),
            "rotate-ccw",
            N_("The debt is on the account again"),
            Accounts.recover,
            DEBT,
        ),
    ),
)
"""What is booked by hand without a limit of one's own."""


def allowed(state: AccountState) -> set[str]:
    """
    Return what can be booked on an account; the service has the last word.

    Whether anything was written off is reckoned over the whole journal: its own page tells it.
    """
    return set() if state.account.house else {"charge", "recover"}


class AccountCommandPages(Controller):
    """Commands of accounts in the console."""

    path = PATH

    ask, command = routes_of("/{account_id:uuid}/{command:str}", COMMANDS)
