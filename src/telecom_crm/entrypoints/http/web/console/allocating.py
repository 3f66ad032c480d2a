"""Money for nobody we know, given to the account that it was meant for."""

from __future__ import annotations

from typing import Any

from litestar import Controller

from telecom_crm.application.receipts import Receipts
from telecom_crm.domain.identifiers import PaymentId
from telecom_crm.domain.payment import Payment
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.commands import (
    Command,
    Commands,
    Question,
    routes_of,
)
from telecom_crm.entrypoints.http.web.console.payees import NAMES, chosen, offered
from telecom_crm.entrypoints.http.web.console.payment_commands import PATH, title
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word


def _read(form: Form, crm: Crm, _: Payment) -> dict[str, Any]:
    payee = chosen(_said(form), crm)
    if payee is None:
        form.fault("payee", "missing")
    return {"to": payee and payee.payer, "idempotency_key": form.key}


def _begins(request: Visit, _: Payment) -> dict[str, str]:
    return {name: request.query_params.get(name, "")[:100] for name in NAMES}


def _offers(request: Visit, crm: Crm, receipt: Payment, form: Form) -> dict[str, Any]:
    """Return the payee who was chosen; before that, whom a search finds: first what was told."""
    q = request.query_params.get("q", receipt.meant_for or "").strip()[:200]
    payee = chosen(_said(form), crm)
    return {
        "receipt": receipt,
        "payee": payee,
        "payees": [] if payee else offered(request, crm, q),
        "path": f"{PATH}/{receipt.id}/allocate",
        "q": q,
        "asked": bool(q),
    }


def _said(form: Form) -> dict[str, str]:
    return {name: form.raw(name) for name in NAMES}


PAYEE = Question(
    name="payee",
    read=_read,
    begins=_begins,
    offers=_offers,
    template="console/payments/allocate.html",
    fragment="console/payments/_choices.html",
)
ALLOCATE = Commands(
    area=Area.PAYMENTS,
    action=Action.APPROVE,
    service=lambda crm: crm.receipts,
    find=lambda crm, key: crm.receipts.get(PaymentId(key)),
    title=title,
    version=None,
    after=lambda _, __, payment: f"{PATH}/{payment.id}",
    table=(
        Command(
            "allocate",
            N_("Give to an account"),
            "user-check",
            N_("The money is on the account"),
            Receipts.allocate,
            PAYEE,
        ),
    ),
)


class AllocatingPages(Controller):
    """Allocations in the console."""

    path = PATH

    ask, allocate = routes_of("/{payment_id:uuid}/allocate", ALLOCATE)
