"""Unallocated receipts: money that a gateway took for nobody we know."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from telecom_crm.application.receipts import Receipts
from telecom_crm.domain.identifiers import PaymentId
from telecom_crm.domain.payment import Payment, PaymentMethod, PaymentStatus
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.http.api.payments import (
    Payee,
    PaymentView,
    RefundView,
    payment_made,
    refund_made,
)
from telecom_crm.entrypoints.http.bodies import Because
from telecom_crm.entrypoints.http.calls import Call, listing
from telecom_crm.entrypoints.http.routes import makes, reads
from telecom_crm.entrypoints.http.values import (
    KeyUse,
    MoneyView,
    PageView,
    View,
    listed,
    shown,
)


class Allocation(Payee):
    """Whose the money is: one contract, number or account."""


class UnallocatedView(View):
    """
    Money that is here and waits for its account.

    `meant_for` is what the gateway was told; `account_id` the operator's own account of the
    gateway, where the money is kept.
    """

    id: UUID
    account_id: UUID
    amount: MoneyView
    refunded: MoneyView
    method: PaymentMethod
    gateway: str
    gateway_reference: str | None
    meant_for: str
    at: datetime
    status: PaymentStatus
    version: int

    @classmethod
    def of(cls, payment: Payment) -> UnallocatedView:
        """Show one."""
        return cls(
            id=payment.id,
            account_id=payment.account_id,
            amount=MoneyView.of(payment.amount),
            refunded=MoneyView.of(payment.refunded),
            method=payment.method,
            gateway=payment.gateway,
            gateway_reference=payment.gateway_reference,
            meant_for=payment.meant_for or "",
            at=payment.at,
            status=payment.status,
            version=payment.version,
        )


class ReceiptController(Controller):
    """Money that gateways took for nobody we know, until somebody sees to it."""

    path = "/unallocated-receipts"
    tags = ("payments",)

    @reads("/", Area.PAYMENTS, query=listing("payment", without=("status", "contract_id")))
    def page(
        self, request: Call, receipts: NamedDependency[Receipts]
    ) -> Response[PageView[UnallocatedView]]:
        """List those that wait for their account."""
        return listed(request, receipts.page(request.query()), UnallocatedView.of)

    @reads("/{receipt_id:uuid}", Area.PAYMENTS)
    def get(
        self, receipt_id: FromPath[UUID], receipts: NamedDependency[Receipts]
    ) -> Response[UnallocatedView]:
        """Show one, also when it was seen to."""
        receipt = receipts.get(PaymentId(receipt_id))
        return shown(UnallocatedView.of(receipt), version=receipt.version)

    @makes("/{receipt_id:uuid}/allocate", Area.PAYMENTS, Action.APPROVE, key=KeyUse.REQUIRED)
    def allocate(
        self,
        request: Call,
        receipt_id: FromPath[UUID],
        data: JSONBody[Allocation],
        receipts: NamedDependency[Receipts],
    ) -> Response[PaymentView]:
        """Give the money to the account it was meant for, where it is a confirmed payment."""
        payment = receipts.allocate(
            PaymentId(receipt_id), to=data.payer, idempotency_key=request.key, by=request.by
        )
        return payment_made(payment)

    @makes("/{receipt_id:uuid}/refund", Area.PAYMENTS, Action.APPROVE, key=KeyUse.REQUIRED)
    def refund(
        self,
        request: Call,
        receipt_id: FromPath[UUID],
        data: JSONBody[Because],
        receipts: NamedDependency[Receipts],
    ) -> Response[RefundView]:
        """Give all of it back, through the gateway it came by."""
        refund = receipts.refund(
            PaymentId(receipt_id),
            reason=data.reason,
            idempotency_key=request.key,
            rights=request.rights,
            by=request.by,
        )
        return refund_made(refund)
