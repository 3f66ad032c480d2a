"""Accounts: whose they are, what is on them, their books month by month, and adjusting them."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.accounts import Accounts
from telecom_crm.application.ports import Page
from telecom_crm.domain.account import (
    AccountBooks,
    AccountHolder,
    AccountState,
    AccountStatement,
    StatementLine,
)
from telecom_crm.domain.approval import ApprovalKind
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import AccountId, RefundId
from telecom_crm.domain.ledger import PostingKind
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.account_commands import (
    COMMANDS,
    PATH,
    PROMISE,
    TEMPLATE,
    allowed,
    find,
    may_promise,
)
from telecom_crm.entrypoints.http.web.console.commands import Command, Commands, routes_of
from telecom_crm.entrypoints.http.web.console.deciding import decide
from telecom_crm.entrypoints.http.web.console.lists import Listing, chips, tolerant
from telecom_crm.entrypoints.http.web.console.payees import known_as
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import entry_note, entry_title, label
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.months import Month
from telecom_crm.entrypoints.http.web.routes import acts, shows

LOG = logging.getLogger(__name__)

ENTRY = Entry(
    path=PATH,
    text=N_("Accounts"),
    icon="scale",
    section=N_("Money"),
    order=40,
    area=Area.ACCOUNTS,
)

ADJUSTMENTS: Mapping[ApprovalKind, Callable[[Accounts], Callable[..., object]]] = {
    ApprovalKind.GOODWILL: lambda accounts: accounts.credit,
    ApprovalKind.WRITE_OFF: lambda accounts: accounts.write_off,
    ApprovalKind.CHARGEBACK_WRITE_OFF: lambda accounts: accounts.write_off_chargeback,
}
"""What is booked by hand, alone up to one's limit and by two past it."""

FILTERS = ("holder",)
"""What the list is filtered by."""

BOOKS = ("month", "kind")
"""What of an account's books is shown."""

PROMISES = Commands(
    area=Area.ACCOUNTS,
    service=lambda crm: crm.accounts,
    find=find,
    key=lambda state: state.account.id,
    title=lambda state: state.account.number,
    version=lambda _, state: state.account.version,
    template=TEMPLATE,
    table=(
        Command(
            "promise",
            N_("Grant a promised payment"),
            "calendar",
            N_("The promised payment is granted"),
            Accounts.promise,
            PROMISE,
            weighed=True,
        ),
    ),
)


class AccountPages(Controller):
    """Accounts in the console."""

    path = PATH

    @shows("/", Area.ACCOUNTS)
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """List accounts with their balances, or find those of somebody."""
        listing = _asked_for(request)
        found = _found(listing, crm)
        ids = [state.account.id for state in found.items]
        return page(
            request,
            "console/accounts/index.html",
            fragment="console/accounts/_table.html",
            listing=listing,
            found=found,
            chips=_chips(listing, crm),
            owners=crm.accounts.owners(ids) if request.may(Area.CUSTOMERS) else {},
        )

    @shows("/{account_id:uuid}", Area.ACCOUNTS)
    def show(
        self, request: Visit, account_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show an account, and a month of its books with the balance after each entry."""
        listing, month = Listing.of(request, *BOOKS), Month.asked(request, crm)
        books = crm.accounts.books(AccountId(account_id), start=month.start, end=month.end)
        state = books.state
        owners = crm.accounts.owners([state.account.id]) if request.may(Area.CUSTOMERS) else {}
        return page(
            request,
            "console/accounts/show.html",
            fragment="console/accounts/_books.html",
            listing=listing,
            file=attrs.evolve(listing, path=f"{PATH}/{account_id}/statement"),
            state=state,
            base=f"{PATH}/{account_id}",
            owner=owners.get(state.account.id),
            month=month,
            **_told(request, crm, listing, books),
            commands=_commands(request, state),
        )

    ask_promise, promise = routes_of("/{account_id:uuid}/promise", PROMISES)

    @shows("/{account_id:uuid}/adjust", Area.ACCOUNTS, Action.WRITE)
    def ask(
        self, request: Visit, account_id: FromPath[UUID], accounts: NamedDependency[Accounts]
    ) -> Response[bytes]:
        """Ask what to book by hand, and why."""
        return _asked(request, accounts.get(AccountId(account_id)), Form())

    @acts("/{account_id:uuid}/adjust", Area.ACCOUNTS)
    def adjust(
        self,
        request: Visit,
        account_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Book an adjustment, or ask a second person to agree to it."""
        state = crm.accounts.get(AccountId(account_id))
        amount = form.money("amount", state.balance.currency)
        kind = form.choice("kind", _adjustment)
        reason = form.text("reason", limit=500)
        answer = None
        if form.ok and amount is not None and kind is not None:
            answer = decide(
                request,
                crm,
                form,
                kind,
                state.account.id,
                amount=amount,
                reason=reason,
                do=ADJUSTMENTS[kind](crm.accounts),
                back=f"{PATH}/{account_id}",
                done=_("The adjustment is booked"),
            )
        return answer or _asked(request, state, form, status=form.status)


def _told(request: Visit, crm: Crm, listing: Listing, books: AccountBooks) -> dict[str, Any]:
    """Return what is shown of an account's books, and an incident where they do not agree."""
    statement = books.statement
    return {
        "books": books,
        "statement": statement,
        "lines": chosen(listing, statement),
        "kinds": _kinds(listing, statement),
        "titled": entry_title,
        "noted": partial(entry_note, names=crm.catalog.names()),
        "sources": _sources(request, crm, statement),
        "incident": None if books.agree else _incident(books),
    }


def chosen(listing: Listing, statement: AccountStatement) -> list[StatementLine]:
    """Return the lines of a statement that are of the kind that the address asks for."""
    kind = listing.where().get("kind")
    return [line for line in statement.lines if kind in (None, line.kind)]


def _kinds(listing: Listing, statement: AccountStatement) -> list[tuple[str, str]]:
    """Return the kinds of entries that there are, and the one that is asked for."""
    there = {line.kind for line in statement.lines} | {listing.where().get("kind")}
    return [(kind.value, label(kind)) for kind in PostingKind if kind in there]


def _commands(request: Visit, state: AccountState) -> list[Command]:
    promise = {"promise"} if may_promise(state) else ()
    offered = PROMISES.offered(request, promise)
    if request.may(COMMANDS.area, COMMANDS.action):  # what is written off is summed for them alone
        offered = [*COMMANDS.offered(request, allowed(state)), *offered]
    return offered


def _sources(request: Visit, crm: Crm, statement: AccountStatement) -> dict[str, str]:
    """Return where the causes of entries are shown, as far as the visitor may see them."""
    causes = {line.entry.caused_by for line in statement.lines}
    named = [(cause, *cause.split(":", 1)) for cause in causes if ":" in cause]
    places = dict[str, str]()
    if request.may(Area.CONTRACTS):
        places |= {one: f"/console/contracts/{id}" for one, of, id in named if of == "contract"}
    if request.may(Area.PAYMENTS):
        refunds = {RefundId(UUID(id)): one for one, of, id in named if of == "refund"}
        payments = crm.payments.refunded_from(refunds)
        places |= {one: f"/console/payments/{id}" for one, of, id in named if of == "payment"}
        places |= {refunds[id]: f"/console/payments/{paid}" for id, paid in payments.items()}
    return places


def _incident(books: AccountBooks) -> str:
    """Write down that a balance is not what its entries come to; return the id to tell."""
    state, incident = books.state, secrets.token_hex(4)
    counted, booked = state.balance.balance, books.journalled
    LOG.error(
        "incident %s: account %s has %s, booked %s", incident, state.account.id, counted, booked
    )
    return incident


def _asked_for(request: Visit) -> Listing:
    """Read the address; a search is for customers' accounts, whatever was chosen before."""
    listing = Listing.of(request, *FILTERS)
    return Listing.of(request) if listing.q else listing


def _found(listing: Listing, crm: Crm) -> Page[AccountState]:
    """Return what the list shows: the accounts of whom a search found, or a page of all."""
    if not listing.q:
        page_of: Page[AccountState] = tolerant(
            listing, lambda query: crm.accounts.states(attrs.evolve(query, where=_of(query.where)))
        )
        return page_of
    owned = crm.accounts.states_of([one.id for one in known_as(crm, listing.q)])
    return Page(items=tuple(state for states in owned.values() for state in states))


def _of(where: Mapping[str, str]) -> Mapping[str, str]:
    """Return filters that leave customers' accounts unless the operator's own are asked for."""
    return {"holder": AccountHolder.CUSTOMER.value, **where}


def _chips(listing: Listing, crm: Crm) -> list[dict[str, Any]]:
    """Return a chip for customers' accounts and one for the operator's own, with their counts."""

    def counts(*wheres: Mapping[str, str], most: int) -> list[int]:
        return crm.accounts.counts(*map(_of, wheres), most=most)

    choices = [
        (_("Customers' accounts"), {}),
        (_("The operator's own"), {"holder": AccountHolder.HOUSE.value}),
    ]
    return chips(listing, choices, counts, q=None)


def _adjustment(raw: str) -> ApprovalKind:
    kind = ApprovalKind(raw)
    if kind not in ADJUSTMENTS:
        raise InvalidValue.of("kind", "choice", "one of those offered", raw)
    return kind


def _asked(request: Visit, state: AccountState, form: Form, status: int = 200) -> Response[bytes]:
    kinds: list[dict[str, Any]] = [
        {"value": kind.value, "title": label(kind), "note": note}
        for kind, note in (
            (ApprovalKind.GOODWILL, _("Give the subscriber money")),
            (ApprovalKind.WRITE_OFF, _("Give up what is owed and will not be paid")),
            (ApprovalKind.CHARGEBACK_WRITE_OFF, _("Give up what a bank took back")),
        )
    ]
    return page(
        request,
        "console/accounts/adjust.html",
        status=status,
        state=state,
        base=f"{PATH}/{state.account.id}",
        form=form,
        kinds=kinds,
    )
