"""Payments: the list, one payment with its receipt, and giving money back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.payments.service import Payments
from telecom_crm.application.ports import Page
from telecom_crm.domain.approval import ApprovalKind
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import EditionId, PaymentId
from telecom_crm.domain.language import LANGUAGES
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.payment import Payment, PaymentCommand, PaymentMethod, PaymentStatus
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.papers import printed
from telecom_crm.entrypoints.http.web.console.beside import beside
from telecom_crm.entrypoints.http.web.console.commands import (
    Command,
    Commands,
    Link,
    menu_of,
    routes_of,
)
from telecom_crm.entrypoints.http.web.console.deciding import decide
from telecom_crm.entrypoints.http.web.console.lists import Listing, chips, status_chips, tolerant
from telecom_crm.entrypoints.http.web.console.papers import KINDS
from telecom_crm.entrypoints.http.web.console.payees import known_as
from telecom_crm.entrypoints.http.web.console.payment_commands import (
    COMMANDS,
    PATH,
    allowed,
    title,
    told_why,
)
from telecom_crm.entrypoints.http.web.events import event_shown
from telecom_crm.entrypoints.http.web.forms import Form, written
from telecom_crm.entrypoints.http.web.http import Toast, Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here, pgettext
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import gateway, label
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows

FILTERS = ("status", "method", "gateway")
"""What the list is filtered by."""

ENTRY = Entry(
    path=PATH,
    text=N_("Payments"),
    icon="wallet",
    section=N_("Money"),
    order=20,
    area=Area.PAYMENTS,
    key="P",
    new=N_("Take payment"),
    new_key="P",
)

CHIPS = (
    PaymentStatus.CONFIRMED,
    PaymentStatus.PENDING,
    PaymentStatus.UNKNOWN,
    PaymentStatus.FAILED,
    PaymentStatus.DISPUTED,
    PaymentStatus.UNALLOCATED,
)
"""The states that somebody looks for."""


CANCEL = Commands(
    area=Area.PAYMENTS,
    service=lambda crm: crm.payments,
    find=lambda crm, key: crm.payments.get(PaymentId(key)),
    title=title,
    allowed=lambda _, crm, payment: allowed(crm, payment),
    links=lambda request, _, payment: _refund(request, payment),
    table=(
        Command(
            PaymentCommand.CANCEL,
            N_("Cancel the payment"),
            "x",
            N_("The payment is cancelled"),
            Payments.cancel,
            told_why(
                N_(
                    "The provider has not answered yet. Should it take the money after all, the"
                    " payment is booked then."
                ),
                once=False,
            ),
            hurts=True,
        ),
    ),
)

KIN: Mapping[str, str] = {"became": N_("Allocated as"), "allocates": N_("Allocated from")}
"""What events of an allocation call the payment at its other end."""


class PaymentPages(Controller):
    """Payments in the console."""

    path = PATH

    @shows("/", Area.PAYMENTS)
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """List payments, or find those of a receipt, a customer or an account."""
        listing = Listing.of(request, *FILTERS)
        found = listed(listing, crm)
        ids = {one.account_id for one in found.items}
        return page(
            request,
            "console/payments/index.html",
            fragment="console/payments/_table.html",
            listing=listing,
            found=found,
            owners=crm.accounts.owners(ids) if request.may(Area.CUSTOMERS) else {},
            takers=takers(request, crm, found.items),
            chips=status_chips(listing, pgettext("payments", "All"), CHIPS, crm.payments.counts),
            methods=chips(listing, _methods(), crm.payments.counts),
            places=[(name, gateway(name)) for name in sorted(crm.gateways)],
        )

    @shows("/{payment_id:uuid}", Area.PAYMENTS)
    def show(
        self, request: Visit, payment_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show a payment: whose it is, what came back of it, and its past."""
        payment = crm.payments.get(PaymentId(payment_id))
        events = crm.payments.timeline(payment.id)[::-1]
        return page(
            request,
            "console/payments/show.html",
            beside=beside(request, PATH, payment.id, FILTERS, partial(listed, crm=crm)),
            payment=payment,
            base=f"{PATH}/{payment.id}",
            **_around(request, crm, payment),
            refundable=_is_refundable(request, payment),
            allocatable=payment.may_be_allocated,
            kin=_kin(events),
            commands=_commands(request, crm, payment),
            activates=_activates(request, crm, payment),
            events=[(event, *event_shown(event.name)) for event in events],
            form=Form(),
            sends=payment.has_receipt and request.may(Area.PAYMENTS, Action.WRITE),
        )

    @shows("/{payment_id:uuid}/receipt", Area.PAYMENTS)
    def receipt(
        self, request: Visit, payment_id: FromPath[UUID], payments: NamedDependency[Payments]
    ) -> Response[bytes]:
        """Show the receipt of a payment, to be printed."""
        receipt = payments.receipt(PaymentId(payment_id))
        back = f"{PATH}/{payment_id}"
        return page(request, "console/payments/receipt.html", receipt=receipt, back=back)

    @shows("/{payment_id:uuid}/receipt.pdf", Area.PAYMENTS)
    def print_receipt(
        self, payment_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Give the receipt as PDF, in the visitor's language."""
        code = here().code
        language = code if code in LANGUAGES.codes else LANGUAGES.default
        content = crm.papers.receipt(PaymentId(payment_id), language=language)
        receipt = crm.payments.receipt(PaymentId(payment_id))
        return printed(content, name=f"receipt-{receipt.number}")

    @shows("/{payment_id:uuid}/printed/{edition_id:uuid}/paper.pdf", Area.PAYMENTS)
    def print_again(
        self,
        request: Visit,
        payment_id: FromPath[UUID],
        edition_id: FromPath[UUID],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Print a receipt again, as it was."""
        payment = crm.payments.get(PaymentId(payment_id))  # nothing but a payment's papers
        content = crm.papers.reprint(payment.id, EditionId(edition_id), by=request.by)
        return printed(content, name=f"receipt-{crm.payments.receipt(payment.id).number}")

    @acts("/{payment_id:uuid}/receipt/send", Area.PAYMENTS)
    def send_receipt(
        self,
        request: Visit,
        payment_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Tell whose account it is once more of a payment."""
        known, key = PaymentId(payment_id), form.key
        form.submit(crm.notifications.send_receipt, known, idempotency_key=key, by=request.by)
        done = Toast(_("The receipt is on its way"))
        toast = done if form.ok else Toast(form.summary()[0][1], "bad")
        return redirect(request, f"{PATH}/{payment_id}", toast=toast)

    menu = menu_of("/{payment_id:uuid}", CANCEL, COMMANDS)
    ask_cancel, cancel = routes_of("/{payment_id:uuid}/cancel", CANCEL)

    @shows("/{payment_id:uuid}/refund", Area.PAYMENTS, Action.WRITE)
    def ask_refund(
        self, request: Visit, payment_id: FromPath[UUID], payments: NamedDependency[Payments]
    ) -> Response[bytes]:
        """Ask how much to give back, and why."""
        payment, most = payments.get(PaymentId(payment_id)), payments.refundable_now
        form = Form.filled(amount=written(most(payment.id)))
        return _asked(request, payments, payment, form)

    @acts("/{payment_id:uuid}/refund", Area.PAYMENTS)
    def refund(
        self,
        request: Visit,
        payment_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Give money back, or ask a second person to agree to it."""
        payment = crm.payments.get(PaymentId(payment_id))
        most = crm.payments.refundable_now(payment.id)
        waits = payment.meant_for is not None  # for its account: it goes back whole
        amount = most if waits else form.money("amount", payment.amount.currency)
        reason = form.text("reason", limit=500)
        if amount is not None and amount > most:
            form.fault("amount", "refund_too_large")
        answer = None
        if form.ok and amount is not None:
            answer = decide(
                request,
                crm,
                form,
                ApprovalKind.REFUND,
                payment.id,
                amount=amount,
                reason=reason,
                do=crm.payments.refund,
                back=f"{PATH}/{payment.id}",
                done=_("The refund is under way"),
            )
        return answer or _asked(request, crm.payments, payment, form, status=form.status)


def listed(listing: Listing, crm: Crm) -> Page[Payment]:
    """Return what the list shows: of a receipt's number, of people's accounts, or a page of all."""
    if not listing.q:
        page_of: Page[Payment] = tolerant(listing, crm.payments.page)
        return page_of
    try:
        return crm.payments.page(listing.query(receipt=listing.q.upper()))
    except InvalidValue:  # not the number of a receipt
        states = crm.accounts.states_of([one.id for one in known_as(crm, listing.q)])
        ids = [state.account.id for owned in states.values() for state in owned]
    try:
        return crm.payments.of_accounts(ids, listing.query())
    except InvalidValue:  # a place in a list that somebody made up
        return Page(items=())


def takers(request: Visit, crm: Crm, payments: Iterable[Payment]) -> dict[PaymentId, str]:
    """Return in words who took each of some payments: a person, or the gateway by itself."""
    began = crm.payments.takers(one.id for one in payments)
    return {known: request.called(by) for known, by in began.items()}


def _methods() -> list[tuple[str, dict[str, str]]]:
    every = _("Every method"), dict[str, str]()
    return [every, *((label(method), {"method": method.value}) for method in PaymentMethod)]


def _commands(request: Visit, crm: Crm, payment: Payment) -> list[Command]:
    can = allowed(crm, payment)
    return [*CANCEL.offered(request, can), *COMMANDS.offered(request, can)]


def _kin(events: Iterable[Event]) -> tuple[str, str] | None:
    """Return in words what else the money of a payment was or became, and its id."""
    for event in events:
        for field, words in KIN.items():
            if field in event.payload:
                return _(words), event.payload[field]
    return None


def _owner(request: Visit, crm: Crm, payment: Payment) -> Any:
    if not request.may(Area.CUSTOMERS):
        return None
    return crm.accounts.owners([payment.account_id]).get(payment.account_id)


def _activates(request: Visit, crm: Crm, payment: Payment) -> bool:
    """Tell whether the visitor goes on with the activation that the payment was for."""
    if payment.contract_id is None or not request.may(Area.CONTRACTS, Action.WRITE):
        return False
    return crm.contracts.get(payment.contract_id).awaits_activation


def _refund(request: Visit, payment: Payment) -> list[Link]:
    """Return the way to give a payment back, where it can be."""
    way = (f"{PATH}/{payment.id}/refund", _("Refund"), "rotate-ccw")
    return [way] if _is_refundable(request, payment) else []


def _around(request: Visit, crm: Crm, payment: Payment) -> dict[str, Any]:
    """Return whose a payment is, who took it, what came back of it, and its papers."""
    return {
        "owner": _owner(request, crm, payment),
        "state": crm.accounts.get(payment.account_id),
        "refunds": crm.payments.refunds_of(payment.id),
        "taker": takers(request, crm, [payment]).get(payment.id),
        "editions": crm.papers.editions(payment.id),
        "paper_names": {kind: _(words) for kind, words in KINDS.items()},
    }


def _is_refundable(request: Visit, payment: Payment) -> bool:
    return payment.may_be_refunded and request.may(Area.PAYMENTS, Action.WRITE)


def _asked(
    request: Visit, payments: Payments, payment: Payment, form: Form, status: int = 200
) -> Response[bytes]:
    most = payments.refundable_now(payment.id)
    return page(
        request,
        "console/payments/refund.html",
        status=status,
        payment=payment,
        base=f"{PATH}/{payment.id}",
        form=form,
        most=most,
        alone=request.rights.decides_alone(ApprovalKind.REFUND, payment.refunded + most),
    )
