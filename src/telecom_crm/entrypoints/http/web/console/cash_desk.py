"""The cash desk: taking a payment from whoever stands before it."""

from __future__ import annotations

from typing import Any

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency

from telecom_crm.application.ports import PaymentGateway
from telecom_crm.domain.ledger import LedgerCode
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment, PaymentMethod
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.payees import Payee, chosen, lacking, offered
from telecom_crm.entrypoints.http.web.forms import Form, written
from telecom_crm.entrypoints.http.web.http import Toast, Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/payments/new"


class CashDeskPages(Controller):
    """The cash desk in the console."""

    path = PATH

    @shows("/", Area.PAYMENTS, Action.WRITE)
    def ask(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask whom the payment is for, then how much; of what was given, tell the change."""
        payee = chosen(request.query_params, crm)
        if payee is None:
            return _choice(request, crm)
        typed = {name: request.query_params.get(name, "")[:40] for name in ("amount", "given")}
        typed["amount"] = typed["amount"] or written(lacking(crm, payee))
        form = Form.filled(**typed)
        return _form(request, crm, payee, form, change=_change_of(form, payee))

    @acts("/", Area.PAYMENTS)
    def take(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Take the payment; the same form again, by whatever way, is the same payment."""
        payee = chosen(request.query_params, crm)
        if payee is None:
            return _choice(request, crm, status=422)
        amount, change = _read(form, payee)
        if form.flag("look"):  # without JavaScript: at the change alone
            status = 200 if form.ok else form.status
            return _form(request, crm, payee, form, status=status, change=change)
        desk, note = _desk(form, crm), form.text("note", required=False)
        if amount is None or desk is None:
            return _form(request, crm, payee, form, status=form.status)
        payment = form.submit(
            crm.payments.take,
            payer=payee.payer,
            amount=amount,
            method=_method(desk),
            gateway=desk.name,
            note=note,
            idempotency_key=form.key,
            rights=request.rights,
            by=request.by,
        )
        if payment is None:
            return _form(request, crm, payee, form, status=form.status)
        return _taken(request, payment, change)


def _taken(request: Visit, payment: Payment, change: Money | None) -> Response[bytes]:
    """Go on to a payment that was taken, saying what is to be given back."""
    path = f"/console/payments/{payment.id}"
    toast = Toast(_said(change, replayed=payment.replayed))
    if payment.entry_id is not None:
        toast = attrs.evolve(toast, then=(f"{path}/receipt", _("Print")))
    return redirect(request, path, toast=toast)


def _choice(request: Visit, crm: Crm, status: int = 200) -> Response[bytes]:
    text = request.query_params.get("q", "").strip()[:200]
    payees = offered(request, crm, text)
    return page(
        request,
        "console/payments/choose.html",
        fragment="console/payments/_choices.html",
        status=status,
        path=PATH,
        q=text,
        payees=payees,
        asked=bool(text or request.query_params.get("customer")),
    )


def _form(request: Visit, crm: Crm, payee: Payee, form: Form, **more: Any) -> Response[bytes]:
    return page(
        request,
        "console/payments/take.html",
        fragment="console/payments/_change.html",
        payee=payee,
        form=form,
        desks=_desks_told(crm),
        **{"change": None, **more},
    )


def _desks(crm: Crm) -> dict[str, PaymentGateway]:
    """Return by name where money is there before it is written down: desks and card terminals."""
    return {name: gateway for name, gateway in crm.gateways.items() if gateway.takes_at_once}


def _desk(form: Form, crm: Crm) -> PaymentGateway | None:
    """Return where the money is, as the form says."""
    desk = _desks(crm).get(form.raw("desk"))
    if desk is None:
        form.fault("desk", "choice")
    return desk


def _desks_told(crm: Crm) -> list[tuple[str, str]]:
    """Return the desks by how one pays there, and by name where that does not tell them apart."""
    desks = list(_desks(crm).values())
    methods = [_method(desk) for desk in desks]
    return [
        (desk.name, label(how) if methods.count(how) == 1 else f"{label(how)} · {label(desk.name)}")
        for desk, how in zip(desks, methods, strict=True)
    ]


def _method(desk: PaymentGateway) -> PaymentMethod:
    """Return how one pays there: what goes into a till is cash."""
    in_till = desk.ledger_code is LedgerCode.CASH_DESK
    return PaymentMethod.CASH if in_till else PaymentMethod.CARD


def _read(form: Form, payee: Payee) -> tuple[Money | None, Money | None]:
    """Read the amount, and what of the money that was given goes back."""
    currency = payee.state.balance.currency
    amount = form.money("amount", currency)
    given = form.money("given", currency, required=False)
    if amount is not None and not amount:
        form.fault("amount", "not_positive")
    if amount is None or given is None:
        return amount, None
    if given < amount:
        form.fault("given", "given_too_little")
    return amount, given - amount


def _change_of(form: Form, payee: Payee) -> Money | None:
    """Return the change while it is typed; None where there is none to tell yet."""
    typed = Form.filled(amount=form.raw("amount"), given=form.raw("given"))
    change = _read(typed, payee)[1]
    return change if typed.ok else None


def _said(change: Money | None, *, replayed: bool) -> str:
    if replayed:
        return _("This payment was taken before, and once")
    if change:
        return _("The payment is taken. Change: %(amount)s", amount=here().money(change))
    return _("The payment is taken")
