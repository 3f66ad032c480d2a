"""Callbacks of payment gateways."""

from __future__ import annotations

from litestar import Controller, post
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.payments.service import Payments
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.payment import Payment, PaymentStatus
from telecom_crm.entrypoints.http.access import Public
from telecom_crm.entrypoints.http.calls import Call
from telecom_crm.entrypoints.http.values import View


class HeardView(View):
    """What became of the payment a gateway told of."""

    payment_id: str
    status: PaymentStatus


class GatewayController(Controller):
    """Where gateways tell what became of payments."""

    path = "/gateways"
    tags = ("gateways",)

    @post(
        "/{gateway:str}/callback",
        status_code=200,
        access=Public("a gateway has no token; each callback is signed, and its adapter checks it"),
        raw_body="application/octet-stream",
    )
    async def callback(
        self, request: Call, gateway: FromPath[str], payments: NamedDependency[Payments]
    ) -> HeardView:
        """Take a gateway's callback: late, doubled or out of order, the ledger ends the same."""
        if gateway not in payments.gateways:
            shown = "".join(char if char.isprintable() else "\ufffd" for char in gateway[:40])
            raise NotFound("gateway", shown)
        body, headers = await request.body(), dict(request.headers)

        def hear() -> Payment:
            return payments.hear(gateway=gateway, body=body, headers=headers)

        payment = await sync_to_thread(hear)
        return HeardView(payment_id=str(payment.id), status=payment.status)
