"""What happened to a subscriber's money, as they are told it."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from telecom_crm.application.operations import Operation
from telecom_crm.domain.ledger import PostingKind
from telecom_crm.domain.payment import PaymentStatus
from telecom_crm.entrypoints.http.web.i18n import NAMES, here, tongue
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.labels import entry_title, label, tone

DAY = re.compile(r"(?P<d>\d{1,2})[./](?P<m>\d{1,2})(?:[./](?:20)?(?P<y>\d{2}))?[./]?", re.ASCII)
ISO_DAY = re.compile(r"20(?P<y>\d{2})-(?P<m>\d{1,2})-(?P<d>\d{1,2})", re.ASCII)
AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,3})?", re.ASCII)
RECEIPT = 8
"""How many characters of a receipt's number are its payment's own."""
UNDER_WAY = (PaymentStatus.INITIATED, PaymentStatus.PENDING, PaymentStatus.UNKNOWN)


def theirs(status: PaymentStatus) -> tuple[str, str]:
    """Return how a payment stands and its tone: how we ask for its outcome is nothing to them."""
    return (_("Under way"), "info") if status in UNDER_WAY else (label(status), tone(status))


def matches(one: Operation, q: str, zone: ZoneInfo) -> bool:
    """Tell whether an operation is what is searched for: its words, day, amount or receipt."""
    day = one.at.astimezone(zone).date()
    months = (f"{told.date(day, 'long')} {told.date(day, 'LLLL')}" for told in map(tongue, NAMES))
    said = " ".join((titled(one), here().date(day), *months)).casefold()
    if q.casefold() in said or _is_of(day, q):
        return True
    plain = "".join(q.split()).replace(",", ".")
    if AMOUNT.fullmatch(plain) and Decimal(plain) == abs(Decimal(one.amount.amount)):
        return True
    end = plain.replace("-", "").casefold()[-RECEIPT:]
    return one.payment is not None and len(end) == RECEIPT and one.payment.key.endswith(end)


def _is_of(day: date, q: str) -> bool:
    """Tell whether a day is the one that was typed: 8.11, 08.11.2026, 2026-11-08."""
    typed = DAY.fullmatch(q) or ISO_DAY.fullmatch(q)
    if typed is None:
        return False
    year = typed["y"] or f"{day:%y}"
    return (int(typed["d"]), int(typed["m"]), year) == (day.day, day.month, f"{day:%y}")


def titled(one: Operation) -> str:
    """Return what an operation was: how one paid, or what was charged."""
    if one.entry is None or one.entry.kind is PostingKind.PAYMENT:
        how = one.payment and label(one.payment.method)
        return " · ".join((_("Top-up"), how)) if how else label(PostingKind.PAYMENT)
    return entry_title(one.entry)
