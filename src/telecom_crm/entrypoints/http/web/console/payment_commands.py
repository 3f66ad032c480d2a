"""What is done to a payment past its refund: undone, disputed, given up; and its cancelling."""

from __future__ import annotations

from typing import Any

from litestar import Controller

from telecom_crm.application.payments.service import Payments
from telecom_crm.domain.identifiers import PaymentId
from telecom_crm.domain.ledger import LedgerCode
from telecom_crm.domain.payment import (
    PAYMENT_LIFECYCLE,
    Payment,
    PaymentCommand,
)
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.commands import (
    Command,
    Commands,
    Question,
    routes_of,
)
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word

PATH = "/console/payments"


def title(payment: Payment) -> str:
    """Return what a payment is called."""
    return here().money(payment.amount)


def told_why(note: str, *, once: bool = True) -> Question:
    """Return the question why, under a note; `once` where the service knows forms by their key."""

    def read(form: Form, *_: object) -> dict[str, Any]:
        key = {"idempotency_key": form.key} if once else {}
        return {"reason": form.text("reason", limit=500), **key}

    return Question(name="reason", read=read, offers=lambda *_args: {"note": _(note)})


COMMANDS = Commands(
    area=Area.PAYMENTS,
    action=Action.APPROVE,
    service=lambda crm: crm.payments,
    find=lambda crm, key: crm.payments.get(PaymentId(key)),
    title=title,
    version=None,  # its state allows each only once
    allowed=lambda _, crm, payment: allowed(crm, payment),
    table=(
        Command(
            PaymentCommand.GIVE_UP,
            N_("Give the payment up"),
            "x",
            N_("The payment is given up"),
            Payments.give_up,
            told_why(
                N_(
                    "Only where it is certain that no money was taken: the provider says so, or its"
                    " report does. Should it confirm the payment after all, it is booked then."
                ),
                once=False,
            ),
            hurts=True,
        ),
        Command(
            PaymentCommand.REVERSE,
            N_("Undo the payment"),
            "rotate-ccw",
            N_("The payment is undone"),
            Payments.reverse,
            told_why(
                N_(
                    "For a payment that should never have been booked. All of it is taken off the"
                    " account, even where that leaves a debt; nobody is given money back."
                )
            ),
            hurts=True,
        ),
        Command(
            PaymentCommand.DISPUTE,
            N_("Open a dispute"),
            "scale",
            N_("The dispute is open"),
            Payments.dispute,
            told_why(
                N_(
                    "The bank of whoever paid has taken the money back for now. The account keeps"
                    " it until the dispute is decided."
                )
            ),
        ),
        Command(
            PaymentCommand.WIN,
            N_("Dispute won"),
            "circle-check",
            N_("The dispute is won"),
            Payments.win_dispute,
            told_why(N_("The bank has given the money back: the payment counts as before.")),
        ),
        Command(
            PaymentCommand.LOSE,
            N_("Dispute lost"),
            "circle-x",
            N_("The dispute is lost"),
            Payments.lose_dispute,
            told_why(
                N_("The money is gone: it is taken off the account, even where that leaves a debt.")
            ),
            hurts=True,
        ),
    ),
)
"""What moves money that was booked, or says of money that may have moved that it did not."""


def allowed(crm: Crm, payment: Payment) -> set[PaymentCommand]:
    """Return what can be said to a payment now; the service has the last word."""
    found = set(PAYMENT_LIFECYCLE.allowed(payment.status))
    gateway = crm.gateways.get(payment.gateway)
    by_bank = gateway is not None and gateway.ledger_code is LedgerCode.GATEWAY_CLEARING
    if not by_bank or not payment.refundable:
        found.discard(PaymentCommand.DISPUTE)
    if payment.refunded:
        found.discard(PaymentCommand.REVERSE)
    return found


class PaymentCommandPages(Controller):
    """Commands of payments in the console."""

    path = PATH

    ask, command = routes_of("/{payment_id:uuid}/{command:str}", COMMANDS)
