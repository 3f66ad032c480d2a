"""A subscriber's money: topping up, and what was paid and charged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.operations import Direction, Operation
from telecom_crm.application.ports import (
    Payer,
    Query,
    TrialGateway,
)
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.identifiers import AccountId, PaymentId
from telecom_crm.domain.money import Money
from telecom_crm.domain.notification import PAYMENT_CONFIRMED
from telecom_crm.domain.payment import Payment, PaymentMethod, PaymentStatus
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.access import Own
from telecom_crm.entrypoints.http.papers import printed
from telecom_crm.entrypoints.http.web.forms import Form, written
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.messages import known_failure
from telecom_crm.entrypoints.http.web.months import Month
from telecom_crm.entrypoints.http.web.my.operations import matches, theirs, titled
from telecom_crm.entrypoints.http.web.routes import acts, shows

OWN = Own("a subscriber sees their own, and anything else is not found")
MOST = 500
"""As many operations of a month are shown, or of a year searched through."""
SEARCHED = timedelta(days=366)
CHIPS = ("100", "250", "500", "1000")
"""Amounts that one taps, in major units."""

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

    @shows("/my/topup", OWN)
    def ask(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask how much to pay, and to which account."""
        accounts, amount = _accounts(request, crm), request.query_params.get("amount", "")
        form = Form.filled(amount=amount, idempotency_key=_key(request, crm, accounts))
        return _asked(request, crm, accounts, form)

    @acts("/my/topup", OWN)
    def top_up(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Pay through the gateway; sent twice, it is one payment."""
        accounts, asked = _accounts(request, crm), form.raw("gateway")
        gateway = next((one for one in gateways_afar(crm) if asked in ("", one)), "")
        chosen, payment = _chosen(form, accounts), None
        if chosen is None or not gateway:
            form.fault("amount", "unavailable")
        elif (amount := form.money("amount", chosen.account.currency)) is not None:
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
            return _asked(request, crm, accounts, form)
        return redirect(request, f"/my/payments/{payment.id}")

    @shows("/my/payments", OWN)
    def payments(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """
        List what came in and what was charged in a month, the latest first; or of a year what is
        searched for.
        """
        month, q = Month.asked(request, crm), request.query_params.get("q", "").strip()[:100]
        only = {one.value: one for one in Direction}.get(request.query_params.get("only", ""))
        ids = [one.id for one in crm.accounts.of_customer(request.subscriber.customer_id)]
        began = crm.operations.began(ids)
        found = _operations(crm, ids, month, q, only)
        return page(
            request,
            "my/payments.html",
            month=month,
            earlier=began is not None and began < month.start,
            only=only,
            q=q,
            lines=[one for one in found[:MOST] if not q or matches(one, q, crm.zone)],
            more=len(found) > MOST,
            theirs=theirs,
            titled=titled,
        )

    @shows("/my/payments/{payment_id:uuid}", OWN)
    def payment(
        self, request: Visit, payment_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Tell what became of a payment: paid, waiting or failed."""
        payment, state = own_payment(request, crm, payment_id)
        mine = request.subscriber.customer_id
        return page(
            request,
            "my/payment.html",
            fragment="my/_payment.html",
            payment=payment,
            state=state,
            ending=(ending := _ending(payment)),
            why=_why(payment),
            will_tell=ending == "waiting" and crm.notifications.tells(PAYMENT_CONFIRMED, mine),
            theirs=theirs,
            receipt=crm.payments.receipt(payment.id) if ending == "paid" else None,
        )

    @shows("/my/payments/{payment_id:uuid}/receipt.pdf", OWN)
    def receipt(
        self, request: Visit, payment_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Print the receipt of a payment, in the language of the pages."""
        payment, _state = own_payment(request, crm, payment_id)
        content = crm.papers.receipt(payment.id, language=here().code)
        return printed(content, name=f"receipt-{crm.payments.receipt(payment.id).number}")


def _operations(
    crm: Crm, ids: Sequence[AccountId], month: Month, q: str, only: Direction | None
) -> list[Operation]:
    """Return what came and went in a month, or in a year to search; one more where there are."""
    return crm.operations.between(
        ids,
        start=crm.clock() - SEARCHED if q else month.start,
        end=crm.clock() if q else month.end,
        direction=only,
        count=MOST + 1,
    )


def _accounts(request: Visit, crm: Crm) -> tuple[AccountState, ...]:
    query = Query(where={"customer_id": str(request.subscriber.customer_id)})
    return crm.accounts.states(query).items


def _chosen(form: Form, accounts: Sequence[AccountState]) -> AccountState | None:
    """Return the account that is paid to, the first where none is said; raise `NotFound`."""
    asked = form.raw("account")
    found = [one for one in accounts if asked in ("", str(one.account.id))]
    if asked and not found:
        raise NotFound("account", asked[:40])
    return next(iter(found), None)


def _key(request: Visit, crm: Crm, accounts: Sequence[AccountState]) -> str:
    """
    Return the key of the next payment: until one is made, every tab of a session has the same.

    So two tabs that were opened beside each other pay once, and whoever opens the form again after
    a payment can pay again.
    """
    last = [one.key for one in crm.payments.last_of(state.account.id for state in accounts)]
    return str(uuid5(request.subscriber.session_id, " ".join(last)))


def own_payment(request: Visit, crm: Crm, asked: UUID | str) -> tuple[Payment, AccountState]:
    """Return a payment to an account of one's own; raise `NotFound` for anything else."""
    try:
        payment_id = asked if isinstance(asked, UUID) else UUID(asked)
    except ValueError:
        raise NotFound("payment", str(asked)[:40]) from None
    payment = crm.payments.get(PaymentId(payment_id))
    state = crm.accounts.get(AccountId(payment.account_id))
    request.subscriber.require_own("payment", payment_id, state.account.customer_id)
    return payment, state


def gateways_afar(crm: Crm) -> list[str]:
    """Return the gateways that subscribers pay through from afar, the usual one first."""
    return [name for name, one in crm.gateways.items() if not one.takes_at_once]


def _asked(
    request: Visit, crm: Crm, accounts: Sequence[AccountState], form: Form
) -> Response[bytes]:
    currency = accounts[0].account.currency if accounts else crm.currency
    limits, gateways = crm.payments.regulations().limits(currency), gateways_afar(crm)
    chips = [Money.parse(one, currency) for one in CHIPS]
    taken = [one for one in chips if limits is None or limits.refusal(one) is None]
    return page(
        request,
        "my/topup.html",
        status=200 if form.ok else form.status,
        form=form,
        accounts=accounts,
        currency=currency,
        limits=limits,
        chips=[(written(one), int(Decimal(one.amount))) for one in taken],
        gateways=gateways,
        may_pay=bool(gateways) and bool(accounts),
        trials=[(one, _trial(crm.gateways[one])) for one in gateways],
    )


def _trial(gateway: object) -> dict[str, str] | None:
    """Return how amounts end for an outcome where a gateway takes no real money; else None."""
    if not isinstance(gateway, TrialGateway):
        return None
    return {
        outcome.value: ", ".join(here().typed(f".{minor:02}") for minor in minors)
        for outcome, minors in gateway.trial_endings.items()
    }


def _ending(payment: Payment) -> str:
    """Return which of the three endings a payment has; "" for one that was taken and went on."""
    return "waiting" if payment.is_in_flight else ENDINGS.get(payment.status, "")


def _why(payment: Payment) -> str:
    """Return why a payment failed; "" where a gateway or a person said it in words of their own."""
    if payment.status is PaymentStatus.EXPIRED:
        return _("It was not paid in time")
    return known_failure(payment.failure)
