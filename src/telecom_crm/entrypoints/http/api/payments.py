"""Payments and refunds."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from telecom_crm.application.notifications import Notifications
from telecom_crm.application.payments.request import PaymentRequest
from telecom_crm.application.payments.service import Payments
from telecom_crm.application.ports import Payer
from telecom_crm.application.printing import Papers
from telecom_crm.domain.identifiers import AccountId, ContractId, PaymentId
from telecom_crm.domain.language import LANGUAGES
from telecom_crm.domain.notification import Notification, NotificationChannel, NotificationStatus
from telecom_crm.domain.payment import (
    Payment,
    PaymentMethod,
    PaymentReceipt,
    PaymentStatus,
    Reconciliation,
)
from telecom_crm.domain.refund import Refund, RefundStatus
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.http.bodies import (
    Because,
    Body,
    MoneyBody,
    MsisdnText,
    Reason,
    Why,
)
from telecom_crm.entrypoints.http.calls import Call, listing
from telecom_crm.entrypoints.http.counter import Counter
from telecom_crm.entrypoints.http.papers import PAPER_LANGUAGE, PDF, printed
from telecom_crm.entrypoints.http.routes import does, makes, reads
from telecom_crm.entrypoints.http.values import (
    KeyUse,
    MoneyView,
    PageView,
    View,
    listed,
    made,
    shown,
    whole,
)


class Payee(Body, kw_only=True):
    """Where money goes: to one contract, number or account."""

    contract_id: UUID | None = None
    msisdn: MsisdnText | None = None
    account_id: UUID | None = None

    @property
    def payer(self) -> Payer:
        """The same as a value; raise `InvalidValue` unless it is exactly one."""
        return Payer(
            account_id=AccountId(self.account_id) if self.account_id else None,
            contract_id=ContractId(self.contract_id) if self.contract_id else None,
            msisdn=self.msisdn.value if self.msisdn else None,
        )


class NewPayment(Payee, kw_only=True):
    """A payment to take: for one contract, number or account."""

    amount: MoneyBody
    method: PaymentMethod
    gateway: Annotated[str, msgspec.Meta(min_length=1, max_length=50, examples=["cash_desk"])]


class NewRefund(Body):
    """What of a payment to give back."""

    amount: MoneyBody
    reason: Reason = ""


class PaymentView(View):
    """Money on its way from a subscriber to an account."""

    id: UUID
    account_id: UUID
    contract_id: UUID | None
    amount: MoneyView
    method: PaymentMethod
    gateway: str
    gateway_reference: str | None
    at: datetime
    status: PaymentStatus
    failure: str
    refunded: MoneyView
    reconciliation: Reconciliation
    version: int

    @classmethod
    def of(cls, payment: Payment) -> PaymentView:
        """Show a payment."""
        return cls(
            id=payment.id,
            account_id=payment.account_id,
            contract_id=payment.contract_id,
            amount=MoneyView.of(payment.amount),
            method=payment.method,
            gateway=payment.gateway,
            gateway_reference=payment.gateway_reference,
            at=payment.at,
            status=payment.status,
            failure=payment.failure,
            refunded=MoneyView.of(payment.refunded),
            reconciliation=payment.reconciliation,
            version=payment.version,
        )


class RefundView(View):
    """Money of a payment on its way back."""

    id: UUID
    payment_id: UUID
    account_id: UUID
    amount: MoneyView
    gateway: str
    gateway_reference: str | None
    reason: str
    status: RefundStatus
    version: int

    @classmethod
    def of(cls, refund: Refund) -> RefundView:
        """Show a refund."""
        return cls(
            id=refund.id,
            payment_id=refund.payment_id,
            account_id=refund.account_id,
            amount=MoneyView.of(refund.amount),
            gateway=refund.gateway,
            gateway_reference=refund.gateway_reference,
            reason=refund.reason,
            status=refund.status,
            version=refund.version,
        )


class ReceiptView(View):
    """What a subscriber is given for a payment; `number` ends as the payment's id does."""

    number: str
    payment_id: UUID
    account_number: str
    amount: MoneyView
    method: PaymentMethod
    gateway: str
    gateway_reference: str | None
    booked_at: datetime

    @classmethod
    def of(cls, receipt: PaymentReceipt) -> ReceiptView:
        """Show a receipt."""
        return cls(
            number=receipt.number,
            payment_id=receipt.payment_id,
            account_number=receipt.account_number,
            amount=MoneyView.of(receipt.amount),
            method=receipt.method,
            gateway=receipt.gateway,
            gateway_reference=receipt.gateway_reference,
            booked_at=receipt.booked_at,
        )


class SentReceiptView(View):
    """
    A message with a receipt, on its way.

    Its facts, the balance among them, are for those who read notifications.
    """

    id: UUID
    channel: NotificationChannel
    queued_at: datetime
    status: NotificationStatus

    @classmethod
    def of(cls, one: Notification) -> SentReceiptView:
        """Show that a message is on its way."""
        return cls(
            id=one.id,
            channel=one.channel,
            queued_at=one.queued_at,
            status=one.status,
        )


class PaymentController(Controller):
    """Taking money and giving it back."""

    path = "/payments"
    tags = ("payments",)

    @makes("/", Area.PAYMENTS, key=KeyUse.REQUIRED, in_thread=False)
    async def take(
        self,
        request: Call,
        data: JSONBody[NewPayment],
        counter: NamedDependency[Counter],
    ) -> Response[PaymentView]:
        """
        Take a payment.

        The answer is 201 whatever became of it: declined and unknown ones are payments too.
        """
        asked = PaymentRequest(
            payer=data.payer,
            amount=data.amount.money,
            method=data.method,
            idempotency_key=request.key,
            rights=request.rights,
            by=request.by,
        )
        return payment_made(await counter.take(asked, gateway=data.gateway))

    @reads("/", Area.PAYMENTS, query=listing("payment"))
    def page(
        self, request: Call, payments: NamedDependency[Payments]
    ) -> Response[PageView[PaymentView]]:
        """List payments."""
        return listed(request, payments.page(request.query()), PaymentView.of)

    @reads("/{payment_id:uuid}", Area.PAYMENTS)
    def get(
        self, payment_id: FromPath[UUID], payments: NamedDependency[Payments]
    ) -> Response[PaymentView]:
        """Show a payment."""
        payment = payments.get(PaymentId(payment_id))
        return shown(PaymentView.of(payment), version=payment.version)

    @makes("/{payment_id:uuid}/refund", Area.PAYMENTS, Action.APPROVE, key=KeyUse.REQUIRED)
    def refund(
        self,
        request: Call,
        payment_id: FromPath[UUID],
        data: JSONBody[NewRefund],
        payments: NamedDependency[Payments],
    ) -> Response[RefundView]:
        """Give back part or all of a confirmed payment, through the gateway it came by."""
        refund = payments.refund(
            PaymentId(payment_id),
            amount=data.amount.money,
            reason=data.reason,
            idempotency_key=request.key,
            rights=request.rights,
            by=request.by,
        )
        return refund_made(refund)

    @reads("/{payment_id:uuid}/refunds", Area.PAYMENTS)
    def refunds(
        self, payment_id: FromPath[UUID], payments: NamedDependency[Payments]
    ) -> PageView[RefundView]:
        """List a payment's refunds, oldest first."""
        payments.get(PaymentId(payment_id))
        return whole(payments.refunds_of(PaymentId(payment_id)), RefundView.of)

    @does("/{payment_id:uuid}/cancel", Area.PAYMENTS, versioned=True)
    def cancel(
        self,
        request: Call,
        payment_id: FromPath[UUID],
        data: JSONBody[Because],
        payments: NamedDependency[Payments],
    ) -> Response[PaymentView]:
        """Give up a payment that no gateway has answered for."""
        return _moved(
            payments.cancel(
                PaymentId(payment_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{payment_id:uuid}/give-up", Area.PAYMENTS, Action.APPROVE, versioned=True)
    def give_up(
        self,
        request: Call,
        payment_id: FromPath[UUID],
        data: JSONBody[Why],
        payments: NamedDependency[Payments],
    ) -> Response[PaymentView]:
        """Close a payment that nobody knows the end of, on a person's word."""
        return _moved(
            payments.give_up(
                PaymentId(payment_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{payment_id:uuid}/dispute", Area.PAYMENTS, Action.APPROVE, key=KeyUse.REQUIRED)
    def dispute(
        self,
        request: Call,
        payment_id: FromPath[UUID],
        data: JSONBody[Because],
        payments: NamedDependency[Payments],
    ) -> Response[PaymentView]:
        """Book that the subscriber's bank took a payment back for now."""
        return _moved(
            payments.dispute(
                PaymentId(payment_id),
                reason=data.reason,
                idempotency_key=request.key,
                by=request.by,
            )
        )

    @does("/{payment_id:uuid}/win-dispute", Area.PAYMENTS, Action.APPROVE, key=KeyUse.REQUIRED)
    def win_dispute(
        self,
        request: Call,
        payment_id: FromPath[UUID],
        data: JSONBody[Because],
        payments: NamedDependency[Payments],
    ) -> Response[PaymentView]:
        """Book that disputed money came back."""
        return _moved(
            payments.win_dispute(
                PaymentId(payment_id),
                reason=data.reason,
                idempotency_key=request.key,
                by=request.by,
            )
        )

    @does("/{payment_id:uuid}/lose-dispute", Area.PAYMENTS, Action.APPROVE, key=KeyUse.REQUIRED)
    def lose_dispute(
        self,
        request: Call,
        payment_id: FromPath[UUID],
        data: JSONBody[Because],
        payments: NamedDependency[Payments],
    ) -> Response[PaymentView]:
        """Book that disputed money is gone; the account pays for it."""
        return _moved(
            payments.lose_dispute(
                PaymentId(payment_id),
                reason=data.reason,
                idempotency_key=request.key,
                by=request.by,
            )
        )

    @does("/{payment_id:uuid}/reverse", Area.PAYMENTS, Action.APPROVE, key=KeyUse.REQUIRED)
    def reverse(
        self,
        request: Call,
        payment_id: FromPath[UUID],
        data: JSONBody[Why],
        payments: NamedDependency[Payments],
    ) -> Response[PaymentView]:
        """Undo a payment that should never have been booked."""
        return _moved(
            payments.reverse(
                PaymentId(payment_id),
                reason=data.reason,
                idempotency_key=request.key,
                by=request.by,
            )
        )

    @reads("/{payment_id:uuid}/receipt", Area.PAYMENTS)
    def receipt(
        self, payment_id: FromPath[UUID], payments: NamedDependency[Payments]
    ) -> ReceiptView:
        """Show the receipt of a confirmed payment."""
        return ReceiptView.of(payments.receipt(PaymentId(payment_id)))

    @reads(
        "/{payment_id:uuid}/receipt.pdf",
        Area.PAYMENTS,
        query=(PAPER_LANGUAGE,),
        media_type=PDF,
        extra="bills",
    )
    def print_receipt(
        self, request: Call, payment_id: FromPath[UUID], papers: NamedDependency[Papers]
    ) -> Response[bytes]:
        """Print the receipt of a confirmed payment; again it is the same, byte for byte."""
        language = request.given().get("language", LANGUAGES.default)
        content = papers.receipt(PaymentId(payment_id), language=language)
        return printed(content, name=f"receipt-{payment_id}")

    @does("/{payment_id:uuid}/receipt/send", Area.PAYMENTS, key=KeyUse.OPTIONAL)
    def send_receipt(
        self,
        request: Call,
        payment_id: FromPath[UUID],
        notifications: NamedDependency[Notifications],
    ) -> Response[SentReceiptView]:
        """Tell whose account it is once more of a confirmed payment, by the operator's channel."""
        sent = notifications.send_receipt(
            PaymentId(payment_id), idempotency_key=request.key, by=request.by
        )
        return shown(SentReceiptView.of(sent), replayed=sent.replayed)


def payment_made(payment: Payment) -> Response[PaymentView]:
    """Answer with a payment that was made, and where it is."""
    return made(
        PaymentView.of(payment),
        at=f"/payments/{payment.id}",
        version=payment.version,
        replayed=payment.replayed,
    )


def refund_made(refund: Refund) -> Response[RefundView]:
    """Answer with a refund that was asked for, and where the payment's refunds are."""
    at = f"/payments/{refund.payment_id}/refunds"
    return made(RefundView.of(refund), at=at, replayed=refund.replayed)


def _moved(payment: Payment) -> Response[PaymentView]:
    return shown(PaymentView.of(payment), version=payment.version, replayed=payment.replayed)
