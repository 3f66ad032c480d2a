"""The tables of payments and refunds, pinned a second time."""

from __future__ import annotations

from telecom_crm.domain.payment import PAYMENT_LIFECYCLE
from telecom_crm.domain.refund import REFUND_LIFECYCLE


def test_the_table_of_payments():
    in_flight = ("initiated", "pending")
    assert PAYMENT_LIFECYCLE.triples() == {
        (None, "initiate", "initiated"),
        ("initiated", "send", "pending"),
        ("pending", "fail", "failed"),
        ("pending", "time_out", "unknown"),
        *((state, "cancel", "cancelled") for state in in_flight),
        *((state, "expire", "expired") for state in in_flight),
        *(
            (state, "confirm", "confirmed")
            for state in (*in_flight, "unknown", "failed", "expired", "cancelled")
        ),
        ("unknown", "fail", "failed"),
        ("unknown", "give_up", "failed"),
        ("confirmed", "dispute", "disputed"),
        ("disputed", "win", "confirmed"),
        ("disputed", "lose", "charged_back"),
        ("confirmed", "reverse", "reversed"),
        ("initiated", "keep", "unallocated"),
        ("unallocated", "allocate", "allocated"),
        ("allocated", "take_back", "unallocated"),
        ("unallocated", "give_back", "returned"),
        ("unallocated", "reverse", "reversed"),
    }


def test_the_table_of_refunds():
    assert REFUND_LIFECYCLE.triples() == {
        (None, "request", "requested"),
        ("requested", "send", "pending"),
        ("pending", "pay", "paid"),
        ("pending", "fail", "failed"),
        ("pending", "time_out", "unknown"),
        ("unknown", "pay", "paid"),
        ("unknown", "fail", "failed"),
    }


def test_what_each_transition_posts():
    assert {row.command: row.posting for row in PAYMENT_LIFECYCLE.rows if row.posting} == {
        "confirm": "payment",
        "dispute": "dispute_opened",
        "win": "dispute_won",
        "lose": "dispute_lost",
        "reverse": "payment_reversal",
        "keep": "unallocated_payment",
        "allocate": "allocation",
    }
    assert {row.command: row.posting for row in REFUND_LIFECYCLE.rows if row.posting} == {
        "request": "refund_requested",
        "pay": "refund_paid",
        "fail": "refund_failed",
    }
