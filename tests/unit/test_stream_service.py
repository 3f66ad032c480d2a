from datetime import date
from decimal import Decimal
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import telecom_crm
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.idempotency import digest_of
from telecom_crm.application.inventory.receiving import NumberData, SimData
from telecom_crm.application.stream import EventStream
from telecom_crm.domain.application import ApplicationKind, Channel
from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN
from telecom_crm.domain.identity_document import DocumentType, IdentityDocument
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.money import Money
from telecom_crm.domain.profile import Address, CustomerKind


@attrs.define
class Sink:
    taken: list[Event] = attrs.field(factory=list)
    broken: bool = False

    def deliver(self, events):
        if self.broken:
            raise ConnectionError
        self.taken += events


@pytest.fixture
def stream(uow):
    return EventStream(uow)


@pytest.fixture
def customers(uow, clock, ids):
    return Customers(uow, clock, ids)


def test_following_by_cursor_sees_every_event_once(stream, customers):
    first = customers.register(name="A")
    seen = stream.since()
    customers.block(first.id, reason="r")
    seen += stream.since(seen[-1][0])
    assert [event.name for _, event in seen] == ["CustomerRegistered", "CustomerBlocked"]
    assert stream.since(seen[-1][0]) == []
    assert list(stream.each()) == seen
    assert stream.of("customer", first.key) == [event for _, event in seen]


def test_delivery_is_in_order_and_again_after_a_failure(stream, customers):
    for number in range(5):
        customers.register(name=f"Customer {number}")
    sink = Sink(broken=True)
    with pytest.raises(ConnectionError):
        stream.deliver(sink, consumer="crm", limit=2)
    sink.broken = False
    while stream.deliver(sink, consumer="crm", limit=2):
        pass
    assert sink.taken == [event for _, event in stream.since()]
    other = Sink()
    assert stream.deliver(other, consumer="another") == 5


def test_a_slow_worker_does_not_take_the_consumer_back(stream, customers):
    for number in range(4):
        customers.register(name=f"Customer {number}")

    @attrs.define
    class Slow:
        """Before it is done, a second worker goes further."""

        def deliver(self, events):
            stream.deliver(Sink(), consumer="crm", limit=1)
            stream.deliver(Sink(), consumer="crm", limit=2)

    stream.deliver(Slow(), consumer="crm", limit=1)
    rest = Sink()
    stream.deliver(rest, consumer="crm")
    assert [event for _, event in stream.since()][3:] == rest.taken


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(PLAIN, PLAIN)
def test_a_digest_is_the_same_for_the_same_content_alone(one, other):
    assert (digest_of("x", value=one) == digest_of("x", value=other)) == same(one, other)
    assert digest_of("x", value=one) != digest_of("y", value=one)


def same(one, other):
    """Equal, and true is not 1."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other


def test_a_digest_takes_the_values_of_the_domain():
    paper = IdentityDocument(type=DocumentType.PASSPORT, number="AN1234567")
    asked = {
        "id": UUID(int=1),
        "amount": Money.parse("1", "KGS"),
        "rate": Decimal("0.5"),
        "on": date(2026, 1, 31),
        "kind": CustomerKind.PERSON,
        "papers": (paper,),
        "codes": frozenset({"b", "a"}),
    }
    known = digest_of("x", **asked)
    assert known == digest_of("x", **dict(reversed(asked.items())))
    for name, changed in [
        ("id", UUID(int=2)),
        ("amount", Money.parse("1", "USD")),
        ("rate", Decimal("0.50")),
        ("on", date(2026, 2, 1)),
        ("papers", ()),
        ("codes", frozenset({"a"})),
    ]:
        assert digest_of("x", **{**asked, name: changed}) != known
    with pytest.raises(TypeError):
        digest_of("x", value=object())


SECRETS = (
    *("Aida Secretova", "Bakyt Secretov", "996700111222", "996700333444", "aida@secret.example"),
    *("1990-05-06", "ID7654321", "12345678901234", "437050000000042", "47114712", "47114711"),
    *("Secret street", "secret note", "secret subject", "secret comment", "secret words"),
    "secret.pdf",
)


def test_events_hold_numbers_and_cards_and_nothing_else_of_people():
    """As the page on embedding says: whoever is sent events must not learn who somebody is."""
    crm = telecom_crm.in_memory()
    crm.catalog.apply(telecom_crm.demo_catalog())
    iccid, msisdn = ICCID("8999650000000000008"), MSISDN("+996700123456")
    card = SimData(iccid=iccid, imsi=IMSI("437050000000042"), pin1="47114712", puk1="47114711")
    crm.inventory.receive_sims([card])
    crm.inventory.receive_numbers([NumberData(msisdn=msisdn)])
    paper = IdentityDocument(type=DocumentType.ID_CARD, number="ID7654321")
    person = {"name": "Aida Secretova", "phone": "+996700111222", "birth_date": "1990-05-06"}
    papers = {"national_id": "12345678901234", "documents": [paper]}
    contract = crm.contracts.create(
        new_customer={**person, **papers, "email": "aida@secret.example"},
        iccid=iccid,
        msisdn=msisdn,
        tariff="COMFORT",
        policy="migration",
        activate=True,
    )
    crm.work()
    changes = {"phone": "+996700333444", "addresses": [Address(city="Osh", street="Secret street")]}
    crm.customers.update(contract.customer_id, changes=changes)
    crm.customers.add_note(contract.customer_id, text="secret note")
    ticket = crm.tickets.create(customer_id=contract.customer_id, subject="secret subject")
    crm.tickets.comment(ticket.id, text="secret comment")
    crm.contracts.add_document(contract.id, name="secret.pdf", content=[b"%PDF-1.7 secret words"])
    raw = {"full_name": "Bakyt Secretov", "remark": "secret words"}
    crm.intake.capture(kind=ApplicationKind.OTHER, channel=Channel.API, raw=raw)
    crm.work()
    told = [event for _, event in crm.events.since("", limit=500)]
    assert {"CustomerRegistered", "TicketCommented", "ContractDocumentAdded"} <= {
        event.name for event in told
    }
    for event in told:
        assert not [secret for secret in SECRETS if secret in repr(event)], event
    about_it = {event.thing for event in told if iccid.digits in repr(event)}
    assert about_it == {"sim", "contract"}
    about_it = {event.thing for event in told if msisdn.digits in repr(event)}
    assert about_it == {"number", "contract"}
