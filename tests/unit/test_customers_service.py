from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import pytest

from telecom_crm.adapters.clock import ManualClock
from telecom_crm.adapters.files.memory import MemoryFiles
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.discarding import delete_discarded
from telecom_crm.application.intake.service import Intake
from telecom_crm.application.ports import IdempotencyKey, IdentityTaken, Query
from telecom_crm.application.rules import RuleBook
from telecom_crm.application.scans import Scans
from telecom_crm.application.tickets import Tickets
from telecom_crm.domain.account import BillingAccount
from telecom_crm.domain.activation import CustomerFacts
from telecom_crm.domain.application import ApplicationKind, Channel
from telecom_crm.domain.attachment import Attachment
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.customer import CustomerMerged, CustomerStatus, MergeField, PaymentsInFlight
from telecom_crm.domain.deduplication import DeduplicationRules, Match
from telecom_crm.domain.errors import (
    Fault,
    InvalidValue,
    KeyReused,
    NotFound,
    RuleViolated,
    StaleVersion,
)
from telecom_crm.domain.identifiers import (
    ICCID,
    MSISDN,
    AccountId,
    ContractId,
    CustomerId,
    DocumentId,
    PaymentId,
)
from telecom_crm.domain.identity_document import DocumentType, IdentityDocument
from telecom_crm.domain.lifecycle import Actor, Event
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment, PaymentMethod
from telecom_crm.domain.profile import Address, CustomerKind
from telecom_crm.domain.ticket import TicketStatus
from telecom_crm.domain.validation import CustomerField, ValidationRules

BY = Actor("aida")
EVENING = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)


def passport(number="AN 1234567"):
    return IdentityDocument(type="passport", number=number)


@pytest.fixture
def customers(uow, clock, ids):
    return Customers(uow, clock, ids)


@pytest.fixture
def tickets(uow, series, clock, ids):
    return Tickets(uow, clock, ids, series, MemoryFiles(new_id=ids))


@pytest.fixture
def intake(uow, series, clock, ids):
    return Intake(uow, clock, ids, series, MemoryFiles(new_id=ids))


def with_account(uow, clock, ids, customer, *, payment=False):
    """Give a customer an account with a drafted contract, and a payment under way."""
    account = BillingAccount.open(
        id=AccountId(ids()),
        number=f"A-{customer.key[-4:]}",
        customer_id=customer.id,
        currency="KGS",
        by=BY,
        at=clock(),
    )
    contract = Contract.draft(
        id=ContractId(ids()),
        number=f"C-{customer.key[-4:]}",
        customer=CustomerFacts(id=customer.id),
        account_id=account.id,
        iccid=ICCID("8999609600000000015"),
        msisdn=MSISDN("996555000001"),
        tariff_code="START",
        tariff_version=1,
        by=BY,
        at=clock(),
    )
    with uow() as tx:
        account = tx.accounts.save(account)
        contract = tx.contracts.save(contract)
        if payment:
            paying = Payment.initiate(
                id=PaymentId(ids()),
                account_id=account.id,
                contract_id=contract.id,
                amount=Money.parse("100", "KGS"),
                method=PaymentMethod.CASH,
                gateway="simulator",
                by=BY,
                at=clock(),
            )
            tx.payments.save(paying)
    return account, contract


def test_the_same_document_is_the_same_customer(customers):
    first = customers.register(name="Айбек Усенов", documents=[passport()], by=BY)
    again = customers.register(name="A. Usenov", documents=[passport("an1234567")], by=BY)
    assert (again.id, again.name, again.version) == (first.id, "Айбек Усенов", 1)
    assert (first.known, again.known, customers.get(first.id).known) == (False, True, False)
    assert len(list(customers.each())) == 1


def test_the_same_national_id_is_the_same_customer_even_among_many_lookalikes(customers):
    for number in range(250):
        customers.register(name=f"Employee {number}", phone="+996555000000")
    wanted = customers.register(name="Гүлнара", national_id="12345678901234", phone="996555000000")
    again = customers.register(name="Gulnara", national_id="12345678901234", phone="996555000000")
    assert again.id == wanted.id


def test_a_closed_customer_is_reopened_when_they_come_again(customers):
    closed = customers.register(name="Ольга", documents=[passport()])
    customers.close(closed.id, reason="moved away", by=BY)
    back = customers.register(name="Ольга", documents=[passport()], by=BY)
    assert (back.id, back.status) == (closed.id, CustomerStatus.PROSPECT)
    assert back.known
    assert [e.name for e in customers.timeline(back.id, Query()).items] == [
        "CustomerRegistered",
        "CustomerClosed",
        "CustomerReopened",
    ]


def test_a_pinned_note_is_put_back_once(customers):
    one = customers.register(name="Noted")
    (note,) = customers.add_note(one.id, text="Call first", pinned=True, by=BY).notes
    back, again = [customers.unpin_note(one.id, note_id=note.id, by=BY) for _ in range(2)]
    assert again == back
    assert (back.pinned_notes, back.version) == ((), one.version + 2)
    assert customers.pin_note(one.id, note_id=note.id).pinned_notes == (note,)
    with pytest.raises(StaleVersion):
        customers.unpin_note(one.id, note_id=note.id, expected_version=back.version)


def test_a_long_timeline_is_told_page_by_page_of_what_is_asked_for(customers, tickets):
    customer = customers.register(name="Ольга")
    for subject in ("first", "second", "third"):
        tickets.activate(tickets.create(customer_id=customer.id, subject=subject).id)
    whole = customers.timeline(customer.id, Query()).items
    assert [event.thing for event in whole].count("ticket") == 6
    told: list[Event] = []
    cursor = None
    while not told or cursor:
        page = customers.timeline(customer.id, Query(limit=3, cursor=cursor))
        told, cursor = [*told, *page.items], page.next
    assert tuple(told) == whole
    latest = customers.timeline(customer.id, Query(limit=2, descending=True)).items
    assert latest == whole[:-3:-1]
    alone = customers.timeline(customer.id, Query(), things=("customer",)).items
    assert [event.name for event in alone] == ["CustomerRegistered"]
    with pytest.raises(InvalidValue):
        customers.timeline(customer.id, Query(cursor="elsewhere"))


def test_somebody_alike_is_registered_and_suspected(customers):
    first = customers.register(name="Нурбек Асанов", phone="+996555111222", birth_date="1990-05-01")
    second = customers.register(name="Асанов Нурбек", birth_date="1990-05-01")
    assert first.id != second.id
    (suspicion,) = customers.duplicates(second.id)
    assert (suspicion.customer_id, suspicion.exact) == (first.id, False)
    assert suspicion.reasons == (Match.NAME_AND_BIRTH_DATE,)


def test_rules_of_the_embedder_come_before_those_of_the_store(uow, clock, ids):
    rules = DeduplicationRules(weights={Match.PHONE: 100}, exact=frozenset({Match.PHONE}))
    strict = Customers(uow, clock, ids, deduplication=rules)
    first = strict.register(name="One", phone="+996555111222")
    assert strict.register(name="Other", phone="+996555111222").id == first.id
    # The store gives a document to one customer only, whatever the rules say.
    paper = strict.register(name="Paper", documents=[passport()])
    assert strict.register(name="Same paper", documents=[passport()]).id == paper.id


def test_an_own_check_refuses_with_its_faults(uow, clock, ids):
    def adults(customer):
        if customer.birth_date and customer.birth_date > date(2008, 3, 2):
            yield Fault("birth_date", "minor", "at least 18 years")

    customers = Customers(uow, clock, ids, checks=(adults,))
    with pytest.raises(InvalidValue) as refused:
        customers.register(name="Young", birth_date="2009-01-01")
    assert [fault.code for fault in refused.value.faults] == ["minor"]
    assert list(customers.each()) == []


def test_the_stores_validation_rules_refuse_new_and_changed_customers(uow, clock, ids, customers):
    known = customers.register(name="Known")
    rules = ValidationRules(required={CustomerKind.PERSON: [CustomerField.EMAIL]})
    RuleBook(uow, clock).put_validation(rules, by=BY)
    with pytest.raises(InvalidValue) as refused:
        customers.register(name="New")
    assert [fault.code for fault in refused.value.faults] == ["email_missing"]
    with pytest.raises(InvalidValue):
        customers.update(known.id, changes={"name": "Still known"})
    told = customers.update(known.id, changes={"name": "Known", "email": "a@example.org"})
    assert told.email == "a@example.org"
    assert [one.id for one in customers.each()] == [known.id]


def test_how_a_number_looks_is_asked_of_new_ones_only(uow, clock, ids, customers):
    book = RuleBook(uow, clock)
    book.put_validation(ValidationRules(), by=BY)
    foreign = {"national_id": "AB-77", "registration_number": "77", "documents": [passport("X11")]}
    known = customers.register(name="Known", **foreign)
    other = customers.register(name="Other", national_id="CD-88")
    book.put_validation(
        ValidationRules(
            national_id_formats=["9" * 14],
            registration_number_formats=["9" * 8],
            document_formats={DocumentType.PASSPORT: ["AA9999999"]},
        ),
        by=BY,
    )
    changed = customers.update(known.id, changes={"phone": "+996555123456", **foreign})
    assert str(changed.phone) == "+996555123456"
    assert customers.register(name="Known", **foreign).id == known.id
    odd = {"national_id": "AB-78", "registration_number": "78", "documents": [passport("X22")]}
    for command in (
        lambda: customers.update(known.id, changes=odd),
        lambda: customers.register(name="New", **odd),
    ):
        with pytest.raises(InvalidValue) as refused:
            command()
        assert [fault.field for fault in refused.value.faults] == list(odd)
    customers.merge(other.id, survivor_id=known.id, take=[MergeField.NATIONAL_ID])
    assert customers.get(known.id).national_id == other.national_id


def test_years_are_full_where_the_operators_day_has_begun(uow, ids):
    RuleBook(uow, ManualClock(EVENING)).put_validation(ValidationRules(minimum_age=18), by=BY)
    born = date(EVENING.year - 18, EVENING.month, EVENING.day) + timedelta(days=1)
    # It is the birthday in Bishkek already, and the evening before in London.
    in_bishkek = Customers(uow, ManualClock(EVENING), ids)
    in_london = attrs.evolve(in_bishkek, zone=ZoneInfo("Europe/London"))
    with pytest.raises(InvalidValue, match="18 years"):
        in_london.register(name="Aida", birth_date=born.isoformat())
    assert in_bishkek.register(name="Aida", birth_date=born.isoformat()).birth_date == born


def test_what_is_of_today_is_taken_where_the_operators_day_has_begun(uow, ids):
    tomorrow = EVENING.date() + timedelta(days=1)  # in UTC; in Bishkek it is today
    issued = attrs.evolve(passport(), issued_on=tomorrow)
    in_bishkek = Customers(uow, ManualClock(EVENING), ids)
    known = in_bishkek.register(name="Aida", documents=[issued])
    scans = Scans(uow, ManualClock(EVENING), ids, MemoryFiles(new_id=ids))
    assert scans.add(known.id, document=issued.key, content=[b"%PDF-1.7"]).documents[0].scan
    told = in_bishkek.update(known.id, changes={"birth_date": "2000-01-01", "documents": [issued]})
    assert told.documents[0].issued_on == tomorrow
    in_london = attrs.evolve(in_bishkek, zone=ZoneInfo("Europe/London"))
    with pytest.raises(InvalidValue, match="documents: a date to today"):
        in_london.register(name="Timur", documents=[issued])
    with pytest.raises(InvalidValue, match="birth_date: a date from"):
        in_london.update(known.id, changes={"birth_date": tomorrow.isoformat()})


def test_of_many_registrations_at_once_one_is_made_and_the_others_find_it(customers):
    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            paper = passport(f"RACE{number}")

            def register(name, paper=paper):
                return customers.register(name=name, documents=[paper]).id

            assert len(set(pool.map(register, "ABCDEFGH"))) == 1
    assert len(list(customers.each())) == 20


def test_an_idempotency_key_names_one_customer(customers):
    first = customers.register(name="Аида", idempotency_key="k1", by=BY)
    assert customers.register(name="Аида", idempotency_key="k1", by=BY).id == first.id
    assert customers.register(name="Аида", idempotency_key="k1", by=Actor("other")).id != first.id
    with pytest.raises(KeyReused):
        customers.register(name="Аида Б", idempotency_key="k1", by=BY)
    with pytest.raises(InvalidValue):
        customers.register(name="Аида", idempotency_key="k" * 256, by=BY)


def test_an_idempotency_key_of_somebody_known_names_the_known_one(customers):
    known = customers.register(name="Аида", documents=[passport()])
    for replayed in (False, True):
        again = customers.register(name="A", documents=[passport()], idempotency_key="k", by=BY)
        assert (again.id, again.known, again.replayed) == (known.id, True, replayed)


def test_a_repeat_answers_what_the_first_did_whoever_is_known_and_required_by_now(
    customers, uow, clock, ids
):
    def ask(customers):
        return customers.register(
            name="Аида", national_id="12345678901234", idempotency_key="k", by=BY
        )

    first = ask(customers)
    fault = Fault("email", "required", "an e-mail address is asked of everybody")
    strict = Customers(uow, clock, ids, checks=(lambda _: [fault],))
    with pytest.raises(InvalidValue):
        strict.register(name="Аида", by=BY)
    again = ask(strict)
    assert (again.id, again.known, again.replayed) == (first.id, False, True)


def test_an_update_remembers_what_was_there_before_and_puts_no_value_into_the_event(customers):
    customer = customers.register(name="Айгүл", email="old@example.org", documents=[passport()])
    changed = customers.update(
        customer.id,
        changes={"email": "new@example.org", "documents": [passport("ID7654321")]},
        expected_version=1,
        by=BY,
    )
    assert (changed.email, changed.version) == ("new@example.org", 2)
    former = {(v.field, v.value) for v in customers.former_values(customer.id, by=BY)}
    assert former == {("email", "old@example.org"), ("document", "passport AN 1234567")}
    with customers.uow(read_only=True) as tx:
        (look,) = tx.audit.page(Query()).items
    assert (look.action, look.thing_id, look.by) == ("customer.former_values", customer.key, BY)
    assert look.detail == ""
    event = customers.timeline(customer.id, Query(descending=True)).items[0]
    assert event.payload == {"fields": ["documents", "email"]}
    assert customers.update(customer.id, changes={"email": "new@example.org"}).version == 2
    with pytest.raises(StaleVersion):
        customers.update(customer.id, changes={"email": None}, expected_version=1)


def test_a_document_cannot_be_taken_from_another(customers):
    owner = customers.register(name="Owner", documents=[passport()])
    other = customers.register(name="Other")
    with pytest.raises(IdentityTaken) as taken:
        customers.update(other.id, changes={"documents": [passport()]})
    assert taken.value.customer_id == owner.id


def test_a_national_id_cannot_be_taken_from_another(customers):
    owner = customers.register(name="Owner", national_id="21503199000123")
    other = customers.register(name="Other", documents=[passport()])
    with pytest.raises(IdentityTaken) as taken:
        customers.update(other.id, changes={"national_id": "2-1503-1990-00123"})
    assert taken.value.customer_id == owner.id
    assert str(owner.id) in str(taken.value)
    customers.update(owner.id, changes={"national_id": None})
    assert customers.update(other.id, changes={"national_id": "21503199000123"}).version == 2


def test_a_survivor_takes_the_papers_of_who_was_merged_into_them(customers):
    scan = Attachment(DocumentId(UUID(int=9)), str(UUID(int=8)), "scan", "image/png", "0" * 64, 1)
    survivor = customers.register(name="Айбек Усенов")
    middle = customers.register(name="A. Usenov", national_id="21503199000123")
    scanned = attrs.evolve(passport(), scan=scan)
    loser = customers.register(name="Aibek", documents=[scanned, passport("ID 5")])
    customers.merge(loser.id, survivor_id=middle.id)
    with pytest.raises(IdentityTaken):
        customers.update(survivor.id, changes={"documents": [passport()]})
    customers.merge(middle.id, survivor_id=survivor.id)
    changes = {"documents": [passport()], "national_id": "21503199000123"}
    whole = customers.update(survivor.id, changes=changes, by=BY)
    assert (whole.documents, whole.national_id) == ((scanned,), "21503199000123")
    assert customers.get(middle.id).national_id is None
    assert customers.get(loser.id).documents == (passport("ID 5"),)
    told = [(one.field, one.value) for one in customers.former_values(loser.id, by=BY)]
    told += [(one.field, one.value) for one in customers.former_values(middle.id, by=BY)]
    assert told == [("document", "passport AN 1234567"), ("national_id", "21503199000123")]
    handed = customers.timeline(loser.id, Query(descending=True)).items[0]
    assert handed.name == "CustomerIdentityHandedOver"
    assert handed.payload == {"to": survivor.key}
    assert customers.register(name="Again", documents=[passport("id-5")]).id == survivor.id
    customers.unmerge(middle.id)
    assert customers.register(name="Again", national_id="21503199000123").id == survivor.id


def test_a_national_id_is_exact_under_any_rules(customers):
    rules = DeduplicationRules(weights={Match.PHONE: 60}, exact=frozenset())
    own = attrs.evolve(customers, deduplication=rules)
    first = own.register(name="Owner", national_id="21503199000123")
    assert own.register(name="Again", national_id="21503199000123").id == first.id


def test_block_unblock_close_with_and_without_contracts(customers, uow, clock, ids):
    customer = customers.register(name="Талант")
    assert customers.block(customer.id, reason="fraud", by=BY).status is CustomerStatus.BLOCKED
    assert customers.unblock(customer.id, by=BY).status is CustomerStatus.PROSPECT
    with_account(uow, clock, ids, customer)
    with pytest.raises(RuleViolated):
        customers.close(customer.id, by=BY)  # a draft is an open contract too
    with pytest.raises(StaleVersion):
        customers.block(customer.id, reason="again", expected_version=1)


def test_a_merge_moves_everything_and_an_unmerge_brings_it_back(
    customers, tickets, intake, uow, clock, ids
):
    loser = customers.register(name="Loser", documents=[passport()])
    survivor = customers.register(name="Survivor")
    account, contract = with_account(uow, clock, ids, loser)
    ticket = tickets.create(customer_id=loser.id, subject="no signal")
    request = intake.capture(
        kind=ApplicationKind.OTHER, channel=Channel.API, raw={}, customer_id=loser.id
    )

    def owners():
        with uow(read_only=True) as tx:
            return {
                tx.accounts.get(account.id).customer_id,
                tx.contracts.get(contract.id).customer_id,
                tx.tickets.get(ticket.id).customer_id,
                tx.applications.get(request.id).customer_id,
            }

    merged = customers.merge(loser.id, survivor_id=survivor.id, by=BY)
    assert merged.merged_into == survivor.id
    assert owners() == {survivor.id}
    with pytest.raises(CustomerMerged):
        customers.block(loser.id, reason="gone")
    # The loser's papers are the survivor's now.
    assert customers.register(name="Again", documents=[passport()]).id == survivor.id
    later = tickets.create(customer_id=survivor.id, subject="a new one")

    assert customers.unmerge(loser.id, by=BY).merged_into is None
    assert owners() == {loser.id}
    assert tickets.get(later.id).customer_id == survivor.id
    names = [event.name for event in customers.timeline(survivor.id, Query()).items]
    assert {"CustomerAbsorbed", "CustomerDetached"} <= set(names)
    with pytest.raises(RuleViolated):
        customers.unmerge(loser.id)


LIVING = {
    "name": "Айбек Усенов",
    "email": "a@example.org",
    "language": "ru",
    "national_id": "21503199000123",
}
GONE = {
    "name": "Aibek",
    "phone": "+996555123456",
    "email": "b@example.org",
    "language": "ky",
    "birth_date": "1990-03-15",
    "national_id": "21503199000999",
    "documents": [passport()],
    "addresses": [Address(city="Ош")],
}


def known_of(customer):
    return {field.value: getattr(customer, field) for field in MergeField}


@pytest.mark.parametrize("take", [list(MergeField), [MergeField.PHONE], [MergeField.DOCUMENTS]])
def test_the_survivor_takes_the_chosen_values_and_gives_them_back(customers, clock, take):
    own = [passport("ID 5")]
    survivor = customers.register(**LIVING, documents=own, addresses=[Address(city="Бишкек")])
    loser = customers.register(**GONE)
    take = [field for field in take if field is not MergeField.REGISTRATION_NUMBER]
    clock.now += timedelta(minutes=1)
    merged = customers.merge(loser.id, survivor_id=survivor.id, take=take, by=BY)
    whole = customers.get(survivor.id)
    put = {field.value: getattr(loser, field) for field in take}
    put |= {
        field.value: (*getattr(loser, field), *getattr(survivor, field))
        for field in (MergeField.DOCUMENTS, MergeField.ADDRESSES)
        if field in take
    }
    assert known_of(whole) == known_of(survivor) | put
    told = customers.timeline(survivor.id, Query(descending=True)).items[0]
    assert (told.name, told.payload["fields"]) == ("CustomerAbsorbed", sorted(take))
    assert customers.get(loser.id) == merged
    for number in ("ID 5", "AN 1234567"):  # of either, nobody is made twice
        assert customers.register(name="Again", documents=[passport(number)]).id == survivor.id
    replaced = {one.field for one in customers.former_values(survivor.id)}
    assert replaced == {one for one in ("name", "email", "language", "national_id") if one in take}

    clock.now += timedelta(minutes=1)
    parted = customers.unmerge(loser.id, by=BY)
    assert known_of(parted) == known_of(loser)
    assert known_of(customers.get(survivor.id)) == known_of(survivor)
    assert customers.register(name="Again", documents=[passport()]).id == loser.id
    assert customers.register(name="Again", documents=own).id == survivor.id


def test_what_was_changed_since_a_merge_stays_where_it_is_undone(customers, clock):
    survivor, loser = customers.register(**LIVING), customers.register(**GONE)
    take = (MergeField.PHONE, MergeField.EMAIL, MergeField.NAME)
    customers.merge(loser.id, survivor_id=survivor.id, take=take, by=BY)
    clock.now += timedelta(minutes=1)
    customers.update(survivor.id, changes={"email": "new@example.org"})
    customers.unmerge(loser.id, by=BY)
    after = customers.get(survivor.id)
    assert (after.name, after.email, after.phone) == (survivor.name, "new@example.org", None)
    assert known_of(customers.get(loser.id)) == known_of(loser)


def test_what_both_had_stays_with_both_where_a_merge_is_undone(customers, clock):
    home, work = Address(city="Ош"), Address(purpose="work", city="Бишкек")
    theirs = {"name": "Айбек Асанов", "email": "same@example.org", "phone": "+996700123456"}
    survivor = customers.register(**theirs, addresses=[home])
    loser = customers.register(**theirs, addresses=[work, home])
    take = (MergeField.EMAIL, MergeField.PHONE, MergeField.ADDRESSES)
    customers.merge(loser.id, survivor_id=survivor.id, take=take, by=BY)
    assert customers.get(survivor.id).addresses == (work, home)
    clock.now += timedelta(minutes=1)
    customers.unmerge(loser.id, by=BY)
    assert known_of(customers.get(survivor.id)) == known_of(survivor)
    assert known_of(customers.get(loser.id)) == known_of(loser)


def test_who_was_erased_gets_nothing_back(customers, clock):
    survivor, loser = customers.register(**LIVING), customers.register(**GONE)
    take = [field for field in MergeField if field is not MergeField.REGISTRATION_NUMBER]
    customers.merge(loser.id, survivor_id=survivor.id, take=take, by=BY)
    clock.now += timedelta(minutes=1)
    customers.erase(survivor.id)
    customers.unmerge(loser.id, by=BY)
    for one in (survivor, loser):
        left = known_of(customers.get(one.id))
        assert {name for name, value in left.items() if value} == {"name", "language"}
        assert left["name"] == "erased"


def test_a_merge_is_refused_with_all_that_cannot_be_taken(customers, uow, clock):
    survivor, loser = customers.register(**GONE), customers.register(**LIVING)
    with pytest.raises(InvalidValue) as caught:
        customers.merge(loser.id, survivor_id=survivor.id, take=list(MergeField), by=BY)
    missing = ["phone", "birth_date", "registration_number", "documents", "addresses"]
    assert [(one.field, one.code) for one in caught.value.faults] == [
        (name, "nothing_to_take") for name in missing
    ]
    assert customers.get(loser.id) == loser
    young = customers.register(name="Young", birth_date="2009-01-01")
    RuleBook(uow, clock).put_validation(ValidationRules(minimum_age=18), by=BY)
    with pytest.raises(InvalidValue):
        customers.merge(young.id, survivor_id=survivor.id, take=[MergeField.BIRTH_DATE], by=BY)
    assert customers.get(survivor.id) == survivor


def test_merges_in_a_row_are_undone_in_any_order(customers, uow, clock, ids):
    first, second, third = (customers.register(name=name) for name in ("A", "B", "C"))
    things = [with_account(uow, clock, ids, one) for one in (first, second, third)]

    def owners():
        with uow(read_only=True) as tx:
            pairs = [
                (tx.accounts.get(account.id).customer_id, tx.contracts.get(contract.id).customer_id)
                for account, contract in things
            ]
        assert all(account == contract for account, contract in pairs)
        names = {first.id: "A", second.id: "B", third.id: "C"}
        return "".join(names[account] for account, _ in pairs)

    def merged():
        customers.merge(first.id, survivor_id=second.id, by=BY)
        customers.merge(second.id, survivor_id=third.id, by=BY)
        assert owners() == "CCC"

    merged()
    customers.unmerge(second.id, by=BY)
    assert owners() == "BBC"
    customers.unmerge(first.id, by=BY)
    assert owners() == "ABC"
    merged()
    customers.unmerge(first.id, by=BY)
    assert owners() == "ACC"
    customers.unmerge(second.id, by=BY)
    assert owners() == "ABC"


def test_notes_follow_merges_in_a_row_and_go_back_in_any_order(customers):
    first, second, third = (customers.register(name=name).id for name in "ABC")
    for one, text in ((first, "a"), (second, "b"), (third, "c")):
        customers.add_note(one, text=text, by=BY)

    def notes():
        return ["".join(n.text for n in customers.get(one).notes) for one in (first, second, third)]

    customers.merge(first, survivor_id=second, by=BY)
    customers.merge(second, survivor_id=third, by=BY)
    assert sorted(notes()[2]) == [*"abc"]
    customers.unmerge(first, by=BY)
    assert [*map(sorted, notes())] == [["a"], ["b"], ["b", "c"]]
    customers.unmerge(second, by=BY)
    assert notes() == [*"abc"]


def test_no_merge_while_a_payment_is_in_flight_or_into_oneself(customers, uow, clock, ids):
    loser, survivor = customers.register(name="Loser"), customers.register(name="Survivor")
    account, _ = with_account(uow, clock, ids, loser, payment=True)
    with pytest.raises(PaymentsInFlight) as refused:
        customers.merge(loser.id, survivor_id=survivor.id)
    assert refused.value.count == 1
    with uow(read_only=True) as tx:
        assert tx.accounts.get(account.id).customer_id == loser.id
    with pytest.raises(RuleViolated):
        customers.merge(loser.id, survivor_id=loser.id)
    with pytest.raises(NotFound):
        customers.merge(loser.id, survivor_id=CustomerId(ids()))


def test_erasure_leaves_no_personal_value_anywhere(customers, intake, tickets):
    survivor = customers.register(
        name="Secret Name",
        phone="+996555123456",
        documents=[passport()],
        national_id="20101199088776",
    )
    loser = customers.register(name="Secret Other", email="secret@example.org")
    customers.update(survivor.id, changes={"phone": "+996555654321"})
    for one in (survivor, loser):
        customers.add_note(one.id, text="Secret is called at home", pinned=True)
    request = intake.capture(
        kind=ApplicationKind.NEW_CONNECTION,
        channel=Channel.API,
        raw={"full_name": "Secret Name"},
        external_reference="order of Secret Name",
        customer_id=survivor.id,
    )
    with customers.uow() as tx:  # keys stay, so that they have nothing of hers either
        raw = IdempotencyKey("channel api", "order of Secret Name", "")
        assert tx.keys.claim(raw, UUID(int=1)) is None
    scan = intake.attach(request.id, name="Secret.pdf", content=[b"%PDF-1.7 Secret"]).scans[0]
    intake.reject(request.id, reason="Secret has no papers")
    ticket = tickets.create(customer_id=loser.id, subject="Secret cannot be reached")
    tickets.comment(ticket.id, text="call Secret on +996555123456", by=BY)
    sent = tickets.attach(ticket.id, name="Secret.png", content=[b"%PDF-1.7 Secret"])
    tickets.activate(ticket.id)
    customers.merge(loser.id, survivor_id=survivor.id)
    erased = customers.erase(survivor.id, by=BY)
    assert delete_discarded(customers.uow, tickets.files, limit=1) == 2
    with pytest.raises(NotFound):
        intake.open_scan(request.id, scan.id, by=BY)
    assert (erased.name, erased.phone, erased.documents) == ("erased", None, ())
    assert customers.former_values(survivor.id) == []
    with pytest.raises(NotFound):
        tickets.files.open(UUID(sent.attachments[0].file_id))
    ticket = tickets.get(ticket.id)
    assert (ticket.status, [one.by for one in ticket.comments]) == (TicketStatus.ACTIVE, ["aida"])
    people = [customers.get(survivor.id), customers.get(loser.id)]
    kept = [*people, intake.get(request.id), ticket]
    shown = repr([attrs.asdict(thing) for thing in kept]) + repr(list(customers.export()))
    for secret in ("Secret", "996555", "secret@", "1234567", "20101199088776"):
        assert secret not in shown
    assert customers.get(loser.id).merged_into == survivor.id
    # Whoever comes again with the paper is somebody new.
    assert customers.register(name="New", documents=[passport()]).id != survivor.id


def test_lists_pages_and_searches(customers):
    made = [customers.register(name=f"Customer {number:03d}") for number in range(3)]
    assert [one.id for one in customers.each(status="prospect")] == [one.id for one in made]
    page = customers.page(Query(limit=2))
    assert page.next is not None
    assert [one.id for one in customers.search("customer 002")] == [made[2].id]
    assert customers.search("  ") == []
    with pytest.raises(InvalidValue):
        customers.search("\x00")
    assert [row["name"] for row in customers.export()] == [one.name for one in made]


def test_what_filters_leave_is_counted_up_to_a_number(customers):
    for place in range(4):
        customers.register(name=f"Number {place}")
    customers.block(next(iter(customers.each())).id, reason="why")
    blocked, prospects = {"status": "blocked"}, {"status": "prospect"}
    assert customers.counts({}, blocked, prospects, most=3) == [3, 1, 3]
    assert customers.counts({}, {"email": "nobody@example.org"}, most=9) == [4, 0]
    with pytest.raises(InvalidValue):
        customers.counts({"colour": "red"}, most=3)
