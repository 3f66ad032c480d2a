"""
The lists as files: all that a search and filters let through, with the columns of the page.

Headings and states are in the language of who asks; amounts and instants as spreadsheets read
them. A search finds as many as one page of a file has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import copy_context
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Controller
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from telecom_crm.application.ports import Page
from telecom_crm.domain.account import StatementLine
from telecom_crm.domain.application import Application
from telecom_crm.domain.approval import Approval
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.identifiers import AccountId
from telecom_crm.domain.importing import ImportJob
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import Number
from telecom_crm.domain.payment import Payment
from telecom_crm.domain.provisioning import ProvisioningTask
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.sim import Sim
from telecom_crm.domain.text import masked
from telecom_crm.domain.ticket import Ticket
from telecom_crm.domain.token import Token
from telecom_crm.domain.user import User
from telecom_crm.domain.webhook import Webhook
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.tables import CSV
from telecom_crm.entrypoints.http.web.console import (
    accounts,
    applications,
    approvals,
    contracts,
    customers,
    imports,
    network,
    numbers,
    payments,
    sims,
    tariffs,
    tokens,
    users,
    webhooks,
)
from telecom_crm.entrypoints.http.web.console.compatibility import names_in
from telecom_crm.entrypoints.http.web.console.lists import Listing
from telecom_crm.entrypoints.http.web.console.stock import holders, kept_for
from telecom_crm.entrypoints.http.web.console.ticket_views import FILTERS, listed, sla_shown
from telecom_crm.entrypoints.http.web.http import HEADERS, Visit
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import pgettext
from telecom_crm.entrypoints.http.web.labels import (
    entry_note,
    entry_title,
    gateway,
    label,
    role_title,
)
from telecom_crm.entrypoints.http.web.months import Month
from telecom_crm.entrypoints.http.web.routes import shows

T = TypeVar("T")

Row = Mapping[str, object]
BOM = b"\xef\xbb\xbf"
"""What tells Excel that a CSV is UTF-8; without it Cyrillic is garbled."""
EXPORT = Action.EXPORT


class ListFiles(Controller):
    """Each list of the console as a CSV."""

    path = "/console"

    @shows("/customers.csv", Area.CUSTOMERS, EXPORT)
    def customers(self, request: Visit, crm: NamedDependency[Crm]) -> Stream:
        """Give the customers that the list shows."""
        listing = Listing.of(request, *customers.FILTERS)
        with_money = request.may(Area.ACCOUNTS)
        heads = [_("Customer"), _("Phone"), _("City"), _("Status")]
        heads += [_("Balance")] if with_money else []

        def rows(found: Sequence[Customer]) -> Iterator[tuple[object, ...]]:
            owned = crm.accounts.states_of([one.id for one in found] if with_money else [])
            for one in found:
                city = one.addresses[0].city if one.addresses else ""
                left = [state.balance.balance for state in owned.get(one.id, [])]
                yield one.name, one.phone, city, label(one.status), _sums(left)

        fetch = partial(customers.listed, customers=crm.customers)
        return _sent(request, crm, "customer", listing, fetch, heads, rows)

    @shows("/applications.csv", Area.APPLICATIONS, EXPORT)
    def applications(self, request: Visit, crm: NamedDependency[Crm]) -> Stream:
        """Give the applications that the list shows."""
        listing = Listing.of(request, *applications.FILTERS)
        heads = [_("Number"), _("Applicant"), _("Phone"), _("What for")]
        heads += [_("Source"), _("Status"), _("Assigned to"), _("Received")]

        def rows(found: Sequence[Application]) -> Iterator[tuple[object, ...]]:
            for one in found:
                who = one.said("full_name", "name"), one.said("phone")
                kind = label(one.kind), label(one.channel), label(one.status)
                yield one.number, *who, *kind, one.claimed_by, _clock(one.captured_at, crm.zone)

        fetch = partial(applications.listed, intake=crm.intake)
        return _sent(request, crm, "application", listing, fetch, heads, rows)

    @shows("/contracts.csv", Area.CONTRACTS, EXPORT)
    def contracts(self, request: Visit, crm: NamedDependency[Crm]) -> Stream:
        """Give the contracts that the list shows."""
        listing = Listing.of(request, *contracts.FILTERS)
        heads = [_("Contract"), _("Number"), _("Tariff"), _("Status"), _("Active since")]
        heads += [_("Customer")] if request.may(Area.CUSTOMERS) else []
        tariff_names = names_in(crm.catalog)

        def rows(found: Sequence[Contract]) -> Iterator[tuple[object, ...]]:
            names = contracts.names_of(request, crm, found)
            for one in found:
                tariff = tariff_names.get(one.tariff_code, one.tariff_code)
                since = _clock(one.activated_at, crm.zone)
                owner = names.get(one.customer_id, "")
                yield one.number, one.msisdn, tariff, label(one.status), since, owner

        fetch = partial(contracts.listed, crm=crm)
        return _sent(request, crm, "contract", listing, fetch, heads, rows)

    @shows("/sims.csv", Area.INVENTORY, EXPORT)
    def sims(self, request: Visit, crm: NamedDependency[Crm]) -> Stream:
        """Give the cards that the list shows; their numbers whole to who may see them."""
        listing = Listing.of(request, *sims.FILTERS)
        heads = ["ICCID", _("Batch"), _("Number"), _("Customer"), _("Reserved for")]
        heads += [_("Reserved until"), _("Status")]
        is_open = request.may(Area.INVENTORY, Action.REVEAL)
        heads += ["IMSI"] if is_open else []

        def rows(found: Sequence[Sim]) -> Iterator[tuple[object, ...]]:
            having = _held(request, crm, found)
            for one in found:
                iccid = one.iccid.digits if is_open else masked(one.iccid.digits, first=6)
                until = _clock(one.reserved_until, crm.zone)
                hands = one.msisdn, having(one), kept_for(one), until
                yield iccid, one.batch, *hands, label(one.status), one.imsi

        return _sent(request, crm, "sim", listing, partial(sims.listed, crm=crm), heads, rows)

    @shows("/numbers.csv", Area.INVENTORY, EXPORT)
    def numbers(self, request: Visit, crm: NamedDependency[Crm]) -> Stream:
        """Give the numbers that the list shows."""
        listing = Listing.of(request, *numbers.FILTERS)
        heads = [_("Number"), _("Class"), _("Price"), _("Customer"), _("Reserved for")]
        heads += [_("Until"), _("Status")]

        def rows(found: Sequence[Number]) -> Iterator[tuple[object, ...]]:
            having = _held(request, crm, found)
            for one in found:
                price = _amount(one.price) if one.price else None
                until = _clock(one.reserved_until or one.quarantined_until, crm.zone)
                hands = having(one), kept_for(one), until
                yield one.msisdn, label(one.category), price, *hands, label(one.status)

        return _sent(request, crm, "number", listing, partial(numbers.listed, crm=crm), heads, rows)

    @shows("/tariffs.csv", Area.CATALOG, EXPORT)
    def tariffs(self, request: Visit, crm: NamedDependency[Crm]) -> Stream:
        """Give the tariffs that the list shows."""
        return _offers(request, crm, "tariff", tariffs.TARIFFS)

    @shows("/tariffs/options.csv", Area.CATALOG, EXPORT)
    def options(self, request: Visit, crm: NamedDependency[Crm]) -> Stream:
        """Give the options that the list shows."""
        return _offers(request, crm, "option", tariffs.OPTIONS)

    @shows("/payments.csv", Area.PAYMENTS, EXPORT)
    def payments(self, request: Visit, crm: NamedDependency[Crm]) -> Stream:
        """Give the payments that the list shows."""
        listing = Listing.of(request, *payments.FILTERS)
        heads = [_("Time"), _("Customer"), _("Method"), _("Taken by"), _("Taken at")]
        heads += [_("External id"), _("Status"), _("Amount"), _("Currency")]

        def rows(found: Sequence[Payment]) -> Iterator[tuple[object, ...]]:
            ids = {one.account_id for one in found}
            owners = crm.accounts.owners(ids) if request.may(Area.CUSTOMERS) else {}
            took = payments.takers(request, crm, found)
            for one in found:
                owner = owners.get(one.account_id)
                who = owner.name if owner else one.meant_for
                way = (
                    label(one.method),
                    took.get(one.id),
                    gateway(one.gateway),
                    one.gateway_reference,
                )
                sum = _amount(one.amount), one.amount.currency
                yield _clock(one.at, crm.zone), who, *way, label(one.status), *sum

        fetch = partial(payments.listed, crm=crm)
        return _sent(request, crm, "payment", listing, fetch, heads, rows)

    @shows("/accounts/{account_id:uuid}/statement.csv", Area.ACCOUNTS, EXPORT)
    def statement(
        self, request: Visit, account_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Stream:
        """Give the month of an account's books that its page shows."""
        listing, month = Listing.of(request, *accounts.BOOKS), Month.asked(request, crm)
        known = AccountId(account_id)
        heads = [_("Time"), _("What"), _("Note"), _("Amount"), _("Balance"), _("Currency")]

        def fetch(asked: Listing) -> Page[StatementLine]:
            statement = crm.accounts.statement(known, start=month.start, end=month.end)
            return Page(items=tuple(accounts.chosen(asked, statement)))

        names = crm.catalog.names()

        def rows(found: Sequence[StatementLine]) -> Iterator[tuple[object, ...]]:
            for one in found:
                what = entry_title(one.entry), entry_note(one.entry, names)
                sums = _amount(one.amount), _amount(one.balance), one.amount.currency
                yield _clock(one.booked_at, crm.zone), *what, *sums

        return _sent(request, crm, "account", listing, fetch, heads, rows, thing_id=known)

    @shows("/tickets.csv", Area.TICKETS, EXPORT)
    def tickets(self, request: Visit, crm: NamedDependency[Crm]) -> Stream:
        """Give the tickets that the list shows."""
        listing = Listing.of(request, *FILTERS)
        heads = [_("Number"), _("Subject"), _("Priority"), _("Status"), _("Due")]
        heads += [_("Assigned to"), _("Updated")]

        def rows(found: Sequence[Ticket]) -> Iterator[tuple[object, ...]]:
            standings = crm.tickets.standings(found)
            for one in found:
                standing, hands = standings[one.id], one.assignee or one.queue
                state = label(one.priority), label(one.status), sla_shown(standing.sla).full
                updated = _clock(standing.updated_at, crm.zone)
                yield one.number, one.subject, *state, hands, updated

        fetch = partial(listed, request=request, crm=crm)
        return _sent(request, crm, "ticket", listing, fetch, heads, rows)

    @shows("/imports.csv", Area.IMPORTS, EXPORT)
    def imports(self, request: Visit, crm: NamedDependency[Crm]) -> Stream:
        """Give the imports that the list shows."""
        listing = Listing.of(request, *imports.FILTERS)
        heads = [_("Uploaded"), _("File"), _("Contents"), _("Status"), _("Rows"), _("With errors")]

        def rows(found: Sequence[ImportJob]) -> Iterator[tuple[object, ...]]:
            for one in found:
                what = one.file_name, label(one.kind), label(one.status)
                yield _clock(one.uploaded_at, crm.zone), *what, one.position, one.counts.failed

        fetch = partial(imports.listed, imports=crm.imports)
        return _sent(request, crm, "import_job", listing, fetch, heads, rows)

    @shows("/users.csv", Area.USERS, EXPORT)
    def users(self, request: Visit, crm: NamedDependency[Crm]) -> Stream:
        """Give the users that the list shows."""
        listing = Listing.of(request, *users.FILTERS)
        heads = [_("Name"), _("Login"), _("Role"), _("Two-step sign-in"), _("Status")]
        titles = request.pages.role_titles()

        def rows(found: Sequence[User]) -> Iterator[tuple[object, ...]]:
            for one in found:
                role = role_title(one.role, titles.get(one.role, one.role))
                step = _("On") if one.has_second_step else _("Off")
                yield one.name, one.login, role, step, label(one.status)

        fetch = partial(users.listed, users=crm.users)
        return _sent(request, crm, "user", listing, fetch, heads, rows)

    @shows("/approvals.csv", Area.APPROVALS, EXPORT)
    def approvals(self, request: Visit, crm: NamedDependency[Crm]) -> Stream:
        """Give the requests for approval that the list shows."""
        listing = Listing.of(request, *approvals.FILTERS)
        heads = [_("What"), _("Reason"), _("Asked by"), _("Time"), _("Status")]
        heads += [_("Amount"), _("Currency")]

        def rows(found: Sequence[Approval]) -> Iterator[tuple[object, ...]]:
            for one in found:
                asked = request.called(one.asked_by), _clock(one.asked_at, crm.zone)
                sum = (_amount(one.amount), one.amount.currency) if one.amount else ()
                yield label(one.kind), one.reason, *asked, label(one.status), *sum

        fetch = partial(approvals.listed, request=request, approvals=crm.approvals)
        return _sent(request, crm, "approval", listing, fetch, heads, rows)

    @shows("/network.csv", Area.NETWORK, EXPORT)
    def network(self, request: Visit, crm: NamedDependency[Crm]) -> Stream:
        """Give the tasks of the network that the list shows."""
        listing = Listing.of(request, *network.FILTERS)
        heads = [_("Task"), _("Number"), _("Contract"), _("Customer"), _("Asked for")]
        heads += [_("Attempts"), _("Status"), _("What is wrong")]

        def rows(found: Sequence[ProvisioningTask]) -> Iterator[tuple[object, ...]]:
            known = holders(request, crm, found)
            for one in found:
                holder = known.get(one.contract_id)
                number = holder.contract.number if holder else ""
                whose = holder.customer.name if holder and holder.customer else ""
                asked = number, whose, _clock(one.asked_at, crm.zone)
                stands = one.attempts, label(one.status), one.error
                yield label(one.kind), one.msisdn, *asked, *stands

        fetch = partial(network.listed, crm=crm)
        return _sent(request, crm, "provisioning_task", listing, fetch, heads, rows)

    @shows("/tokens.csv", Area.TOKENS, EXPORT)
    def tokens(self, request: Visit, crm: NamedDependency[Crm]) -> Stream:
        """Give the tokens that the list shows; their secrets nobody has."""
        listing = Listing.of(request, *tokens.FILTERS)
        heads = [_("Name"), _("Role"), _("Last used"), _("Valid until"), _("Revoked at")]
        titles = request.pages.role_titles()

        def rows(found: Sequence[Token]) -> Iterator[tuple[object, ...]]:
            for one in found:
                role = role_title(one.role, titles.get(one.role, one.role))
                instants = one.last_used_at, one.expires_at, one.revoked_at
                yield one.name, role, *(_clock(at, crm.zone) for at in instants)

        fetch = partial(tokens.listed, access=crm.access)
        return _sent(request, crm, "token", listing, fetch, heads, rows)

    @shows("/webhooks.csv", Area.OPERATIONS, EXPORT)
    def webhooks(self, request: Visit, crm: NamedDependency[Crm]) -> Stream:
        """Give the webhooks that the list shows."""
        listing = Listing.of(request, *webhooks.FILTERS)
        heads = [_("Address"), _("Failures in a row"), _("Tried again at"), _("Status")]

        def rows(found: Sequence[Webhook]) -> Iterator[tuple[object, ...]]:
            for one in found:
                again = _clock(one.next_attempt_at, crm.zone)
                yield one.url, one.failures, again, label(one.status)

        fetch = partial(webhooks.listed, webhooks=crm.webhooks)
        return _sent(request, crm, "webhook", listing, fetch, heads, rows)


def _sent(
    request: Visit,
    crm: Crm,
    thing: str,
    listing: Listing,
    fetch: Callable[[Listing], Page[T]],
    heads: Sequence[str],
    rows: Callable[[Sequence[T]], Iterable[tuple[object, ...]]],
    *,
    thing_id: UUID | None = None,
) -> Stream:
    """Send a list as a file, which is written down; raise `InvalidValue` for an odd filter."""
    asked = listing.whole()
    first = fetch(asked)  # now: what is wrong with the address is told before the file begins
    lines = _lines(asked, fetch, first, heads, rows)
    searched = ("q",) if listing.q else ()
    pieces = crm.exports.list_file(
        thing,
        lines,
        thing_id="" if thing_id is None else str(thing_id),
        columns=heads,
        filters=(*listing.where(), *searched),
        by=request.by,
    )
    name = request.scope["path"].rpartition("/")[2]
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return Stream(_spoken(pieces), media_type=CSV, headers=headers)


def _lines(
    asked: Listing,
    fetch: Callable[[Listing], Page[T]],
    first: Page[T],
    heads: Sequence[str],
    rows: Callable[[Sequence[T]], Iterable[tuple[object, ...]]],
) -> Iterator[Row]:
    found = first
    while True:
        for cells in rows(found.items):
            yield dict(zip(heads, cells, strict=False))  # what one may not see has no heading
        if found.next is None:
            return
        found = fetch(asked.behind(found.next))


def _spoken(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Write a file in the language of the request, which is over before the file is read."""
    context = copy_context()

    def sent() -> Iterator[bytes]:
        yield BOM
        while piece := context.run(next, pieces, b""):
            yield piece

    return sent()


def _offers(request: Visit, crm: Crm, thing: str, part: tariffs.Part) -> Stream:
    listing = Listing.of(request, *tariffs.FILTERS)
    heads = [pgettext("tariff", "Name"), _("Code"), _("Fee"), _("Currency")]
    heads += [_("Version"), _("Status")]
    names = names_in(crm.catalog)

    def rows(found: Sequence[Any]) -> Iterator[tuple[object, ...]]:
        for one in found:
            fee = one.latest.monthly_fee if part.is_tariff else one.latest.fee
            state = one.latest.number, label(one.status)
            yield names.get(one.code), one.code, _amount(fee), fee.currency, *state

    fetch = partial(part.listed, catalog=crm.catalog)
    return _sent(request, crm, thing, listing, fetch, heads, rows)


def _held(request: Visit, crm: Crm, found: Sequence[Sim | Number]) -> Callable[[Sim | Number], str]:
    """Return what says who has a card or a number: the customer, or the contract alone."""
    known = holders(request, crm, found)

    def told(one: Sim | Number) -> str:
        holder = known.get(one.contract_id) if one.contract_id else None
        if holder is None:
            return ""
        return holder.customer.name if holder.customer else holder.contract.number

    return told


def _clock(at: datetime | None, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(" ", "minutes")[:16] if at else ""


def _amount(money: Money) -> Decimal:
    return Decimal(money.amount)


def _sums(several: Sequence[Money]) -> object:
    """Write amounts as one cell: a number where it is one."""
    return _amount(several[0]) if len(several) == 1 else ", ".join(map(str, several))
