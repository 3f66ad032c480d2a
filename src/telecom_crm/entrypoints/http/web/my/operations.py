"""What happened to a subscriber's money, as they are told it."""

from __future__ import annotations

from telecom_crm.application.operations import Operation
from telecom_crm.domain.ledger import PostingKind
from telecom_crm.domain.payment import PaymentStatus
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.labels import entry_title, label, tone

UNDER_WAY = (PaymentStatus.INITIATED, PaymentStatus.PENDING, PaymentStatus.UNKNOWN)


def theirs(status: PaymentStatus) -> tuple[str, str]:
    """Return how a payment stands and its tone: how we ask for its outcome is nothing to them."""
    return (_("Under way"), "info") if status in UNDER_WAY else (label(status), tone(status))


def titled(one: Operation) -> str:
    """Return what an operation was: how one paid, or what was charged."""
    if one.entry is None or one.entry.kind is PostingKind.PAYMENT:
        return label(one.payment.method) if one.payment else label(PostingKind.PAYMENT)
    return entry_title(one.entry)
