"""A subscriber's money: home with the balance, topping up, and what was paid."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.ports import Payer, Query
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.identifiers import AccountId, PaymentId
from telecom_crm.domain.payment import IN_FLIGHT, Payment, PaymentMethod, PaymentStatus
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.access import Own
from telecom_crm.entrypoints.http.papers import printed
from telecom_crm.entrypoints.http.web.console.lists import Listing
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import here
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import acts, shows

OWN = Own("a subscriber sees their own, and anything else is not found")
LATEST = 5
CHIPS = ("100", "250", "500", "1000")
"""Amounts that one taps, in major units."""

HOME = Entry(path="/my", text=N_("Home"), icon="house", order=10)
PAYMENTS = Entry(path="/my/payments", text=N_("Payments"), icon="wallet", order=20)


ENDINGS = {
    PaymentStatus.CONFIRMED: "paid",
    PaymentStatus.FAILED: "failed",
    PaymentStatus.CANCELLED: "failed",
    PaymentStatus.EXPIRED: "failed",
}
"""How a payment ended; of one that is disputed or went back, its status says what there is."""


class MyMoney(Controller):
    """What a subscriber has, pays and paid."""

    @shows("/my", OWN)
    def home(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Show balances, contracts and the last payments."""
        mine = request.subscriber.customer_id
        accounts = _accounts(request, crm)
        ids = [state.account.id for state in accounts]
        return page(
            request,
            "my/home.html",
            customer=crm.customers.get(mine),
            accounts=accounts,
            contracts=crm.contracts.page(Query(where={"customer_id": str(mine)}, limit=20)).items,
            latest=crm.payments.of_accounts(ids, Query(limit=LATEST, descending=True)).items,
            may_pay=bool(_gateway(crm)),
        )

    @shows("/my/topup", OWN)
    def ask(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask how much to pay, and to which account."""
        return _asked(request, crm, Form.filled(amount=request.query_params.get("amount", "")))

    @acts("/my/topup", OWN)
    def top_up(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Pay through the gateway; sent twice, it is one payment."""
        accounts = {str(state.account.id): state for state in _accounts(request, crm)}
        chosen = accounts.get(form.raw("account")) or next(iter(accounts.values()), None)
        gateway = _gateway(crm)
        if chosen is None or not gateway:
            form.fault("amount", "unavailable")
            return _asked(request, crm, form)
        amount = form.money("amount", chosen.account.currency)
        if amount is None:
            return _asked(request, crm, form)
        payment = form.submit(
            crm.payments.take,
            payer=Payer(account_id=chosen.account.id),
            amount=amount,
            method=PaymentMethod.CARD,
            gateway=gateway,
            idempotency_key=form.key,
            by=request.by,
        )
        if payment is None:
            return _asked(request, crm, form)
        return redirect(request, f"/my/payments/{payment.id}")

    @shows("/my/payments", OWN)
    def payments(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """List what was paid, the latest first."""
        listing = Listing.of(request)
        ids = [state.account.id for state in _accounts(request, crm)]
        found = crm.payments.of_accounts(ids, listing.query())
        return page(request, "my/payments.html", listing=listing, found=found)

    @shows("/my/payments/{payment_id:uuid}", OWN)
    def payment(
        self, request: Visit, payment_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Tell what became of a payment: paid, waiting or failed."""
        payment, state = _mine(request, crm, payment_id)
        return page(
            request,
            "my/payment.html",
            fragment="my/_payment.html",
            payment=payment,
            state=state,
            ending=_ending(payment),
        )

    @shows("/my/payments/{payment_id:uuid}/receipt.pdf", OWN)
    def receipt(
        self, request: Visit, payment_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Print the receipt of a payment, in the language of the pages."""
        payment, _ = _mine(request, crm, payment_id)
        content = crm.exports.receipt(payment.id, language=here().code)
        return printed(content, name=f"receipt-{payment.id}")


def _accounts(request: Visit, crm: Crm) -> tuple[AccountState, ...]:
    query = Query(where={"customer_id": str(request.subscriber.customer_id)})
    return crm.accounts.states(query).items


def _mine(request: Visit, crm: Crm, payment_id: UUID) -> tuple[Payment, AccountState]:
    """Return a payment to an account of one's own; raise `NotFound` for anybody else's."""
    payment = crm.payments.get(PaymentId(payment_id))
    state = crm.accounts.get(AccountId(payment.account_id))
    request.subscriber.require_own("payment", payment_id, state.account.customer_id)
    return payment, state


def _gateway(crm: Crm) -> str:
    """Return the gateway that subscribers pay through from afar; "" where there is none."""
    afar = (name for name, one in crm.gateways.items() if not one.takes_at_once)
    return next(afar, "")


def _asked(request: Visit, crm: Crm, form: Form) -> Response[bytes]:
    accounts = _accounts(request, crm)
    return page(
        request,
        "my/topup.html",
        status=200 if form.ok else form.status,
        form=form,
        accounts=accounts,
        chip_links=[{"href": f"/my/topup?amount={one}", "text": one} for one in CHIPS],
        may_pay=bool(_gateway(crm)) and bool(accounts),
    )


def _ending(payment: Payment) -> str:
    """Return which of the three endings a payment has; "" for one that was taken and went on."""
    return "waiting" if payment.status in IN_FLIGHT else ENDINGS.get(payment.status, "")
