"""Numbers of payment cards stay nowhere, not even in what somebody wrote."""

import doctest
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecom_crm.domain import cards
from telecom_crm.domain.approval import Approval, ApprovalKind
from telecom_crm.domain.cards import without_cards
from telecom_crm.domain.customer import Customer, Note
from telecom_crm.domain.hold import Hold, HoldKind
from telecom_crm.domain.identifiers import (
    AccountId,
    ApprovalId,
    CustomerId,
    EntryId,
    NoteId,
    PaymentId,
    TicketId,
    luhn_digit,
)
from telecom_crm.domain.ledger import JournalEntry, LedgerCode, PostingKind, Transfer
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment, PaymentMethod
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.ticket import Comment, Ticket
from telecom_crm.entrypoints.conformance.strategies import iccids

AT, ANNA, ID = datetime(2026, 3, 1, tzinfo=UTC), Actor("anna"), UUID(int=1)
CARD, MASKED = "paid by 4111 1111-1111 1111.", "paid by •••• 1111."


SCHEMES = {
    "34": (15,),
    "36": (14,),
    "305": (14,),
    "4": (13, 16, 19),
    "55": (16,),
    "2221": (16,),
    "3528": (16, 19),
    "62": (16, 17, 18, 19),
    "9417": (16,),
}
"""How numbers of cards begin, and how long they are."""


@st.composite
def numbers(draw: st.DrawFn, beginnings: dict[str, tuple[int, ...]]) -> str:
    """Numbers with a right check digit that begin in a way and are so long."""
    start = draw(st.sampled_from(sorted(beginnings)))
    length = draw(st.sampled_from(beginnings[start])) - 1
    rest = draw(st.text("0123456789", min_size=length, max_size=length))
    body = (start + rest)[:length]
    return body + luhn_digit(body)


def test_the_examples_are_right():
    assert doctest.testmod(cards).failed == 0


@given(
    number=numbers(SCHEMES), mark=st.sampled_from(["", " ", "-"]), words=st.sampled_from(["", "№ "])
)
def test_a_card_is_masked_however_it_is_written(number, mark, words):
    groups = mark.join(number[at : at + 4] for at in range(0, len(number), 4))
    masked = without_cards(f"{words}{groups}, thanks")
    assert masked == f"{words}•••• {number[-4:]}, thanks"
    assert without_cards(masked) == masked


@given(number=numbers(SCHEMES))
def test_what_the_check_digit_denies_is_no_card(number):
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert without_cards(wrong) == wrong
    assert without_cards(f"{number}00000000") == f"{number}00000000", "longer than any"


@given(number=numbers({"35": (15,), "437": (15,), "2": (14,), "1": (14,), "86": (15,)}))
def test_devices_subscribers_and_people_have_numbers_that_are_no_cards(number):
    """IMEI, IMSI and personal numbers, whose last digit may check the others."""
    assert without_cards(f"IMEI {number}") == f"IMEI {number}"


@given(iccid=iccids())
def test_sim_cards_and_phones_stay(iccid):
    told = f"SIM {iccid}, call +996 555 123456 or 0555 12-34-56"
    assert without_cards(told) == told


@pytest.mark.parametrize(
    "kept",
    [
        lambda: Note(id=NoteId(ID), text=CARD, by="anna", at=AT).text,
        lambda: Comment(id=ID, at=AT, by="anna", text=CARD).text,
        lambda: Hold(kind=HoldKind.VOLUNTARY, since=AT, reason=CARD).reason,
        lambda: asked().reason,
        lambda: opened().subject,
        lambda: blocked().events[-1].reason,
        lambda: entry().note,
        lambda: given_up().failure,
    ],
    ids=["note", "comment", "hold", "approval", "ticket", "block", "entry", "payment"],
)
def test_what_people_write_keeps_no_card(kept):
    assert kept() == MASKED


def asked() -> Approval:
    kind, money = ApprovalKind.GOODWILL, Money(1, "KGS")
    return Approval.ask(
        id=ApprovalId(ID), kind=kind, thing_id="1", amount=money, reason=CARD, by=ANNA, at=AT
    )


def opened() -> Ticket:
    return Ticket.create(
        id=TicketId(ID), number="T-1", customer_id=CustomerId(ID), subject=CARD, by=ANNA, at=AT
    )


def blocked() -> Customer:
    one = Customer.register(
        id=CustomerId(ID), kind=CustomerKind.PERSON, name="Anna", today=AT.date(), by=ANNA, at=AT
    )
    return one.block(reason=CARD, by=ANNA, at=AT)


def entry() -> JournalEntry:
    gift = Transfer(
        debit=LedgerCode.ROUNDING, credit=LedgerCode.SUBSCRIBER_BALANCE, amount=Money(1, "KGS")
    )
    return JournalEntry(
        id=EntryId(ID),
        account_id=AccountId(ID),
        kind=PostingKind.GOODWILL,
        transfers=(gift,),
        booked_at=AT,
        caused_by="test",
        note=CARD,
    )


def given_up() -> Payment:
    asked = Payment.initiate(
        id=PaymentId(ID),
        account_id=AccountId(ID),
        contract_id=None,
        amount=Money(1, "KGS"),
        method=PaymentMethod.CARD,
        gateway="simulator",
        by=ANNA,
        at=AT,
    )
    return asked.cancel(reason=CARD, by=ANNA, at=AT)
