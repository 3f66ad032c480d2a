from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecom_crm.domain.customer import (
    CUSTOMER_LIFECYCLE,
    Customer,
    CustomerMerged,
    PaymentsInFlight,
)
from telecom_crm.domain.errors import IllegalTransition, InvalidValue, NotFound, RuleViolated
from telecom_crm.domain.identifiers import MSISDN, CustomerId, NoteId
from telecom_crm.domain.identity_document import (
    DocumentType,
    IdentityDocument,
    read_document_number,
    read_national_id,
)
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.profile import (
    read_birth_date,
    read_email,
    read_language,
    read_name,
    read_phone,
    read_profile,
)
from telecom_crm.domain.text import read_text

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
TODAY = AT.date()
BY = Actor("aida")
CONTEXT: dict[str, Any] = {"by": BY, "at": AT}
PASSPORT = IdentityDocument(type=DocumentType.PASSPORT, number="AN 123-4567")


def customer(number=1, **fields):
    id = CustomerId(UUID(int=number))
    given: dict[str, Any] = {"name": "Айгүл Бекова"} | fields
    return Customer.register(id=id, today=TODAY, **given, **CONTEXT)


def codes(call, *args, **kwargs):
    with pytest.raises(InvalidValue) as caught:
        call(*args, **kwargs)
    return [(fault.field, fault.code) for fault in caught.value.faults]


def test_the_table():
    expected = {
        (None, "register", "prospect"),
        ("prospect", "activate", "active"),
        ("prospect", "block", "blocked"),
        ("active", "block", "blocked"),
        ("blocked", "unblock", "active"),
        ("blocked", "unblock", "prospect"),
        ("prospect", "close", "closed"),
        ("active", "close", "closed"),
        ("closed", "reopen", "prospect"),
    }
    assert expected == CUSTOMER_LIFECYCLE.triples()


def test_unblock_asks_for_contracts():
    blocked = customer().block(reason="fraud", **CONTEXT)
    assert blocked.unblock(live_contracts=2, **CONTEXT).status == "active"
    assert blocked.unblock(live_contracts=0, **CONTEXT).status == "prospect"
    assert not blocked.may_sign
    assert blocked.events[-1].reason == "fraud"


def test_close_needs_no_open_contract_and_reopens():
    active = customer().activate(**CONTEXT)
    with pytest.raises(RuleViolated) as caught:
        active.close(open_contracts=1, **CONTEXT)
    assert caught.value.rule == "no_open_contract"
    closed = active.close(open_contracts=0, **CONTEXT)
    assert closed.reopen(**CONTEXT).status == "prospect"
    with pytest.raises(IllegalTransition) as illegal:
        closed.block(reason="", **CONTEXT)
    assert illegal.value.allowed == ("reopen",)


def test_register_tells_every_fault_at_once():
    faults = codes(
        customer, name=" ", email="x@", phone="12", birth_date="2027-01-01", language="xx"
    )
    assert faults == [
        ("name", "name_missing"),
        ("phone", "phone"),
        ("email", "email"),
        ("language", "language"),
        ("birth_date", "birth_date"),
    ]


def test_update_names_fields_and_no_values():
    before = customer(email="a@b.kg", phone="+996555123456", birth_date="1990-02-03")
    after = before.update(
        changes={"email": "c@d.kg", "name": " Айгүл\nБекова "}, today=TODAY, **CONTEXT
    )
    assert after.email == "c@d.kg"
    renamed = before.update(changes={"name": "Айгүл Осмонова"}, today=TODAY, **CONTEXT)
    assert (renamed.name, renamed.events[-1].payload) == ("Айгүл Осмонова", {"fields": ["name"]})
    assert after.version == before.version + 1
    event = after.events[-1]
    assert (event.name, dict(event.payload)) == ("CustomerUpdated", {"fields": ["email"]})
    same = {"phone": MSISDN("996555123456"), "birth_date": date(1990, 2, 3), "documents": []}
    assert after.update(changes=same, today=TODAY, **CONTEXT) is after
    assert codes(
        after.update, changes={"status": "closed", "email": "a@@b.c"}, today=TODAY, **CONTEXT
    ) == [
        ("status", "unknown_field"),
        ("email", "email"),
    ]


def test_a_merged_customer_refuses_every_command_and_names_the_survivor():
    survivor = customer(2)
    merged = customer(1).merge_into(
        survivor=survivor, payments_in_flight=0, moved={"tickets": ["t1"]}, **CONTEXT
    )
    commands = [
        lambda: merged.activate(**CONTEXT),
        lambda: merged.block(reason="", **CONTEXT),
        lambda: merged.unblock(live_contracts=0, **CONTEXT),
        lambda: merged.close(open_contracts=0, **CONTEXT),
        lambda: merged.reopen(**CONTEXT),
        lambda: merged.update(changes={"name": "x"}, today=TODAY, **CONTEXT),
        lambda: merged.add_note(id=NoteId(UUID(int=1)), text="x", **CONTEXT),
        lambda: merged.pin_note(NoteId(UUID(int=1)), **CONTEXT),
        lambda: merged.erase(open_contracts=0, **CONTEXT),
        lambda: merged.merge_into(survivor=survivor, payments_in_flight=0, **CONTEXT),
        lambda: survivor.merge_into(survivor=merged, payments_in_flight=0, **CONTEXT),
    ]
    for command in commands:
        with pytest.raises(CustomerMerged) as caught:
            command()
        assert caught.value.survivor == survivor.key
    assert merged.events[-1].payload["moved"] == {"tickets": ["t1"]}
    back = merged.unmerge(**CONTEXT)
    assert (back.merged_into, back.version, back.may_sign) == (None, 3, True)


def noted(*texts, pinned=False):
    one = customer()
    for number, text in enumerate(texts):
        one = one.add_note(id=NoteId(UUID(int=number)), text=text, pinned=pinned, **CONTEXT)
    return one


def test_a_note_says_who_wrote_it_and_the_event_does_not_say_what():
    one = noted("  paid by 4111 1111 1111 1111 ")
    (note,) = one.notes
    assert (note.text, note.by, note.at, note.pinned) == ("paid by •••• 1111", "aida", AT, False)
    event = one.events[-1]
    assert (event.name, dict(event.payload)) == ("CustomerNoted", {"note": str(note.id)})
    assert codes(one.add_note, id=NoteId(UUID(int=9)), text="  ", **CONTEXT) == [
        ("text", "text_missing")
    ]
    assert codes(one.add_note, id=NoteId(UUID(int=9)), text="x" * 1001, **CONTEXT) == [
        ("text", "text")
    ]


def test_a_note_is_pinned_and_unpinned_and_a_repeat_changes_nothing():
    one = noted("a", "b")
    id = one.notes[0].id
    pinned = one.pin_note(id, **CONTEXT)
    assert [note.text for note in pinned.pinned_notes] == ["a"]
    assert pinned.pin_note(id, **CONTEXT) is pinned
    back = pinned.unpin_note(id, **CONTEXT)
    assert (back.notes, back.unpin_note(id, **CONTEXT)) == (one.notes, back)
    names = [event.name for event in back.events]
    assert names[-2:] == ["CustomerNotePinned", "CustomerNoteUnpinned"]
    with pytest.raises(NotFound):
        one.pin_note(NoteId(UUID(int=9)), **CONTEXT)


def test_few_notes_are_pinned():
    full = noted(*"abc", pinned=True)
    another = {"id": NoteId(UUID(int=9)), "text": "d", **CONTEXT}
    with pytest.raises(RuleViolated) as caught:
        full.add_note(pinned=True, **another)
    assert caught.value.rule == "pinned_notes"
    more = full.add_note(**another)
    with pytest.raises(RuleViolated):
        more.pin_note(more.notes[-1].id, **CONTEXT)
    freed = more.unpin_note(more.notes[0].id, **CONTEXT)
    now = freed.pin_note(more.notes[-1].id, **CONTEXT)
    assert [note.text for note in now.pinned_notes] == ["b", "c", "d"]


def test_notes_go_along_with_a_merge_and_come_back_as_they_were():
    stays = noted("a", "b", pinned=True)
    goes = customer(77)
    for number, text in enumerate("cde", 11):
        at = AT + timedelta(minutes=number)
        goes = goes.add_note(
            id=NoteId(UUID(int=number)), text=text, pinned=text != "e", by=BY, at=at
        )
    whole = stays.absorb(goes, **CONTEXT)
    assert [note.text for note in whole.notes] == [*"abcde"]
    assert [note.text for note in whole.pinned_notes] == ["a", "b", "d"]
    full = noted(*"abf", pinned=True).absorb(goes, **CONTEXT)
    assert [note.text for note in full.pinned_notes] == ["a", "b", "f"]
    later = whole.unpin_note(whole.notes[0].id, **CONTEXT)
    parted = later.detach(goes, put={}, **CONTEXT)
    assert [(note.text, note.pinned) for note in parted.notes] == [("a", False), ("b", True)]


def test_merge_is_refused_in_flight_and_into_itself():
    one, other = customer(1), customer(2)
    with pytest.raises(PaymentsInFlight):
        one.merge_into(survivor=other, payments_in_flight=1, **CONTEXT)
    with pytest.raises(RuleViolated):
        one.merge_into(survivor=one, payments_in_flight=0, **CONTEXT)
    with pytest.raises(RuleViolated):
        one.unmerge(**CONTEXT)


def test_erase_leaves_nothing_personal():
    known = customer(email="a@b.kg", national_id="1234567890", documents=[PASSPORT])
    erased = known.erase(open_contracts=0, **CONTEXT)
    assert (erased.name, erased.email, erased.national_id, erased.documents) == (
        "erased",
        None,
        None,
        (),
    )
    with pytest.raises(RuleViolated):
        known.erase(open_contracts=1, **CONTEXT)


@pytest.mark.parametrize("raw", ["x@", "a@@b.c", "not-an-email", "a@b", "a b@c.kg", "a@-b.kg",
                                 "a@b..kg", "a\n@b.kg", "a@b.kg\nBcc: c@d", f"a@{'b' * 250}.kg",
                                 "a\u202e@b.kg", "\ud800@b.kg"])  # fmt: skip
def test_bad_email(raw):
    assert codes(read_email, raw) == [("email", "email")]


@pytest.mark.parametrize("raw", ["user7.0@example.org", "a+b@почта.рф", "o'k@a-b.co.uk"])
def test_good_email(raw):
    assert read_email(f" {raw} ") == raw


@pytest.mark.parametrize("raw", ["Айгүл\0", "\ud800", "A\x1bB", "x" * 201])
def test_bad_name(raw):
    assert codes(read_name, raw) == [("name", "name")]


@pytest.mark.parametrize("raw", ["", " \n\t ", "\u200b\u200b"])
def test_missing_name(raw):
    assert codes(read_name, raw) == [("name", "name_missing")]


@pytest.mark.parametrize("raw", ["1899-12-31", "1990-02-30", "19900203", "1990-W05-3",
                                 "03.02.1990", "١٩٩٠-٠٢-٠٣", "x"])  # fmt: skip
def test_bad_birth_date(raw):
    assert codes(read_birth_date, raw, today=TODAY) == [("birth_date", "birth_date")]


def test_a_birth_date_to_come():
    found = codes(read_birth_date, "2026-03-02", today=TODAY)
    assert found == [("birth_date", "birth_date")]


def test_readers_take_nothing_as_none():
    assert read_birth_date(" ", today=TODAY) is None
    assert read_email(" ") is None
    assert read_phone("") is None
    assert read_national_id("") is None
    assert read_language("") == "ky"
    assert read_birth_date("2026-03-01", today=TODAY) == TODAY


def test_documents_are_the_same_whatever_their_dress():
    assert PASSPORT.key == IdentityDocument(type="passport", number="an1234567").key
    assert read_document_number(" AN  12 ") == "AN 12"
    assert codes(read_document_number, "--") == [("document_number", "document_number")]
    with pytest.raises(InvalidValue):
        IdentityDocument(
            type="passport", number="AN12", issued_on=TODAY, valid_until=date(2020, 1, 1)
        )


def test_no_document_is_issued_in_the_future():
    early = attrs.evolve(PASSPORT, issued_on=TODAY + timedelta(days=1))
    assert codes(customer, documents=[early]) == [("documents", "issued_on")]
    known = customer(documents=[attrs.evolve(PASSPORT, issued_on=TODAY)])
    refused = codes(known.update, changes={"documents": [early]}, today=TODAY, **CONTEXT)
    assert refused == [("documents", "issued_on")]
    row = {"name": "A", "document_type": "passport", "document_number": "AN12"}
    row["document_issued_on"] = str(early.issued_on)
    assert codes(read_profile, row, today=TODAY) == [("document_issued_on", "issued_on")]


def test_a_fault_shows_only_what_can_be_stored():
    with pytest.raises(InvalidValue) as caught:
        read_text("a\0\ud800" + "x" * 500, field="note")
    shown = caught.value.faults[0].value
    assert shown.startswith("a\ufffd\ufffd")
    assert len(shown) == 100


def test_profile_reads_a_row_and_tells_all_its_faults():
    row = {
        "full_name": "Рахимов\n  Бакыт",
        "phone": "+996700055433",
        "email": "",
        "birth_date": "1981-09-12",
        "document_type": "id_card",
        "document_number": "ID0700000001",
        "language": "ru",
    }
    profile = read_profile(row, today=TODAY)
    assert (profile.name, profile.language) == ("Рахимов Бакыт", "ru")
    registered = Customer.from_profile(id=CustomerId(UUID(int=1)), profile=profile, **CONTEXT)
    assert registered.documents[0].key == "id_card:ID0700000001"
    bad = dict.fromkeys(row, "?") | {"full_name": None}
    assert codes(read_profile, bad, today=TODAY) == [
        ("full_name", "name_missing"),
        ("phone", "phone"),
        ("email", "email"),
        ("birth_date", "birth_date"),
        ("document_type", "document_type"),
        ("document_number", "document_number"),
        ("language", "language"),
    ]
    bare = {"name": "A"}
    assert read_profile(bare, today=TODAY).document is None
    assert codes(read_profile, bare, today=TODAY, document_required=True) == [
        ("document_type", "document_type"),
        ("document_number", "document_number"),
    ]


@given(st.text())
def test_what_a_name_reader_returns_is_stable_and_storable(raw):
    try:
        name = read_name(raw)
    except InvalidValue:
        return
    assert read_name(name) == name
    assert "\0" not in name
    assert name.encode()


@given(st.dictionaries(st.sampled_from(
    ["full_name", "phone", "email", "birth_date", "document_type", "document_number", "language"]
), st.text() | st.none()))  # fmt: skip
def test_no_text_breaks_the_profile_reader(row):
    try:
        shown = read_profile(row, today=TODAY).name
    except InvalidValue as error:
        shown = "".join(f"{fault.field} {fault.value}" for fault in error.faults)
    assert shown.encode()


@pytest.mark.parametrize(
    ("numbers", "live", "refused"),
    [
        (("20101199500001", "20101199500002"), True, True),
        (("20101199500001", "20101199500002"), False, False),
        (("20101199500001", None), True, False),
    ],
)
def test_two_with_live_contracts_and_other_national_ids_are_two_people(numbers, live, refused):
    one, other = (
        attrs.evolve(customer(place), national_id=number) for place, number in enumerate(numbers, 1)
    )
    said = dict(survivor=other, payments_in_flight=0, both_live=live, **CONTEXT)
    if not refused:
        assert one.merge_into(**said).merged_into == other.id
        return
    with pytest.raises(RuleViolated) as error:
        one.merge_into(**said)
    assert error.value.rule == "merge_two_people"
