"""Payments: the list, one payment with its receipt, and giving money back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.exports import Exports
from telecom_crm.application.payments.service import Payments
from telecom_crm.application.ports import Page
from telecom_crm.domain.approval import ApprovalKind
from telecom_crm.domain.customer import LANGUAGES
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import PaymentId
from telecom_crm.domain.payment import Payment, PaymentMethod, PaymentStatus
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.papers import printed
from telecom_crm.entrypoints.http.web.console.deciding import decide, decides_alone
from telecom_crm.entrypoints.http.web.console.lists import COUNTED, Listing, tally, tolerant
from telecom_crm.entrypoints.http.web.console.payees import known_as
from telecom_crm.entrypoints.http.web.events import event_shown
from telecom_crm.entrypoints.http.web.forms import Form, written
from telecom_crm.entrypoints.http.web.http import Visit, page
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here, pgettext
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/payments"

ENTRY = Entry(
    path=PATH,
    text=N_("Payments"),
    icon="wallet",
    section=N_("Money"),
    order=20,
    area=Area.PAYMENTS,
    key="P",
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


class PaymentPages(Controller):
    """Payments in the console."""

    path = PATH

    @shows("/", Area.PAYMENTS)
    def index(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """List payments, or find those of a receipt, a customer or an account."""
        listing = Listing.of(request, "status", "method")
        found = _found(listing, crm)
        ids = {one.account_id for one in found.items}
        return page(
            request,
            "console/payments/index.html",
            fragment="console/payments/_table.html",
            listing=listing,
            found=found,
            owners=crm.accounts.owners(ids) if request.may(Area.CUSTOMERS) else {},
            chips=_chips(listing, crm.payments),
            methods=_methods(listing),
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
            payment=payment,
            base=f"{PATH}/{payment.id}",
            owner=_owner(request, crm, payment),
            state=crm.accounts.get(payment.account_id),
            refunds=crm.payments.refunds_of(payment.id),
            refundable=_is_refundable(request, payment),
            events=[(event, *event_shown(event.name)) for event in events],
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
        self, payment_id: FromPath[UUID], exports: NamedDependency[Exports]
    ) -> Response[bytes]:
        """Give the receipt as PDF, in the visitor's language."""
        code = here().code
        language = code if code in LANGUAGES.codes else LANGUAGES.default
        content = exports.receipt(PaymentId(payment_id), language=language)
        return printed(content, name=f"receipt-{payment_id}")

    @shows("/{payment_id:uuid}/refund", Area.PAYMENTS, Action.WRITE)
    def ask_refund(
        self, request: Visit, payment_id: FromPath[UUID], payments: NamedDependency[Payments]
    ) -> Response[bytes]:
        """Ask how much to give back, and why."""
        payment = payments.get(PaymentId(payment_id))
        return _asked(request, payment, Form.filled(amount=written(payment.refundable)))

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
        amount = form.money("amount", payment.amount.currency)
        reason = form.text("reason", limit=500)
        if amount is not None and amount > payment.refundable:
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
        return answer or _asked(request, payment, form, status=form.status)


def _found(listing: Listing, crm: Crm) -> Page[Payment]:
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


def _chips(listing: Listing, payments: Payments) -> list[dict[str, Any]]:
    """Return a chip for all, and one for each state that is looked for, with how many there are."""
    now, query = listing.where().get("status"), listing.q
    wheres: list[dict[str, str]] = [{}, *({"status": status.value} for status in CHIPS)]
    counts = payments.counts(*wheres, most=COUNTED + 1)
    texts = [pgettext("payments", "All"), *map(label, CHIPS)]
    return [
        {
            "href": listing.url(status=where.get("status")),
            "text": text,
            "count": None if query else tally(count),
            "current": now == where.get("status"),
        }
        for where, text, count in zip(wheres, texts, counts, strict=True)
    ]


def _methods(listing: Listing) -> list[dict[str, Any]]:
    now = listing.where().get("method")
    choices: list[tuple[str | None, str]] = [(None, _("Every method"))]
    choices += [(method.value, label(method)) for method in PaymentMethod]
    return [
        {"href": listing.url(method=value), "text": text, "current": now == value}
        for value, text in choices
    ]


def _owner(request: Visit, crm: Crm, payment: Payment) -> Any:
    if not request.may(Area.CUSTOMERS):
        return None
    return crm.accounts.owners([payment.account_id]).get(payment.account_id)


def _is_refundable(request: Visit, payment: Payment) -> bool:
    confirmed = payment.status is PaymentStatus.CONFIRMED and bool(payment.refundable)
    return confirmed and request.may(Area.PAYMENTS, Action.WRITE)


def _asked(request: Visit, payment: Payment, form: Form, status: int = 200) -> Response[bytes]:
    return page(
        request,
        "console/payments/refund.html",
        status=status,
        payment=payment,
        base=f"{PATH}/{payment.id}",
        form=form,
        alone=decides_alone(request, ApprovalKind.REFUND, payment.refundable),
    )
