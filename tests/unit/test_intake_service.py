from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import attrs
import pytest

from telecom_crm.adapters.files.directory import DirectoryFiles
from telecom_crm.adapters.phones import NationalPhones
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.intake.service import Intake
from telecom_crm.application.ports import Query
from telecom_crm.application.rules import RuleBook
from telecom_crm.domain.activation import CustomerFacts
from telecom_crm.domain.application import (
    SCANS_LIMIT,
    ApplicationKind,
    ApplicationStatus,
    Channel,
    Priority,
)
from telecom_crm.domain.contract import Contract, ContractStatus
from telecom_crm.domain.customer import CustomerStatus
from telecom_crm.domain.errors import (
    Fault,
    IllegalTransition,
    InvalidValue,
    KeyReused,
    NotFound,
    RuleViolated,
    StaleVersion,
)
from telecom_crm.domain.identifiers import ICCID, MSISDN, AccountId, ContractId, CustomerId
from telecom_crm.domain.identity_document import DocumentType, IdentityDocument
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.validation import ValidationRules

AIDA, BEK = Actor("aida"), Actor("bek")
RAW = {
    "name": "  Айбек   Усенов ",
    "phone": "996555111222",
    "document_type": "passport",
    "document_number": "AN 1234567",
    "tariff": "START",
}


@pytest.fixture
def files(tmp_path, ids):
    return DirectoryFiles(tmp_path, new_id=ids)


@pytest.fixture
def intake(uow, series, clock, ids, files):
    return Intake(uow, clock, ids, series, files)


@pytest.fixture
def customers(uow, clock, ids):
    return Customers(uow, clock, ids)


def capture(intake, raw=None, **more):
    given = {"kind": ApplicationKind.NEW_CONNECTION, "channel": Channel.API, "by": AIDA, **more}
    return intake.capture(raw=RAW if raw is None else raw, **given)


def test_a_phone_is_kept_as_it_was_told_and_read_as_it_is_dialled(intake):
    intake = attrs.evolve(intake, read_phone=NationalPhones("KG"))
    raw = {**RAW, "phone": "0555 111-222"}
    validated = intake.validate(capture(intake, raw).id, by=AIDA)
    assert (validated.raw["phone"], validated.data["phone"]) == ("0555 111-222", "+996555111222")


def test_numbers_rise_and_a_reference_is_captured_once_within_its_channel(intake):
    first = capture(intake, external_reference="web-1")
    again = capture(intake, {"name": "other"}, external_reference=" web-1 ")
    elsewhere = capture(intake, external_reference="web-1", channel=Channel.CONSOLE)
    assert (again.id, again.raw) == (first.id, RAW)
    assert (first.number, elsewhere.id != first.id) == ("R-0000001", True)


def test_deliveries_of_one_reference_at_once_make_one_application(intake):
    with ThreadPoolExecutor(8) as pool:
        for number in range(10):
            references = [f"web-{number}"] * 8
            made = pool.map(lambda ref: capture(intake, external_reference=ref).id, references)
            assert len(set(made)) == 1


def test_an_idempotency_key_covers_what_is_asked(intake):
    first = capture(intake, idempotency_key="k")
    assert capture(intake, idempotency_key="k").id == first.id
    with pytest.raises(KeyReused):
        capture(intake, {"name": "other"}, idempotency_key="k")


def test_what_cannot_be_stored_or_belongs_to_nobody_is_refused(intake, ids):
    deep: dict[str, object] = {}
    for _ in range(100_000):
        deep = {"deeper": deep}
    for raw in (deep, {"name": "\x00"}, {"name": "\ud800"}):
        with pytest.raises(InvalidValue):
            capture(intake, raw, idempotency_key="k")
    with pytest.raises(InvalidValue):
        capture(intake, external_reference="\x00")
    with pytest.raises(NotFound):
        capture(intake, customer_id=CustomerId(ids()))


def test_validation_structures_what_was_captured(intake):
    one = intake.validate(capture(intake).id, by=BEK)
    assert one.status is ApplicationStatus.VALIDATED
    assert one.data == {
        "full_name": "Айбек Усенов",
        "phone": "+996555111222",
        "email": None,
        "birth_date": None,
        "document_type": "passport",
        "document_number": "AN 1234567",
        "language": "ky",
        "national_id": None,
        "tariff": "START",
    }
    assert one.customer_id is None


def test_validation_tells_every_fault_and_leaves_the_application_to_be_asked_about(intake):
    bad = {"name": "", "email": "nowhere", "national_id": "?", "birth_date": "1850-01-01"}
    one = capture(intake, bad)
    with pytest.raises(InvalidValue) as refused:
        intake.validate(one.id)
    fields = {fault.field for fault in refused.value.faults}
    assert fields == {"name", "email", "national_id", "birth_date"}
    with pytest.raises(InvalidValue):
        intake.validate(capture(intake, {"name": ["a", "list"]}).id)
    asked = intake.ask(one.id, reason="who are you?", by=BEK)
    assert asked.status is ApplicationStatus.NEEDS_INFO
    intake.supply(one.id, raw=RAW | {"email": None, "national_id": None, "birth_date": None})
    assert intake.validate(one.id).status is ApplicationStatus.VALIDATED


def test_an_own_check_is_asked_at_validation(uow, series, clock, ids, files):
    def with_phone(person):
        if person.phone is None:
            yield Fault("phone", "phone_missing", "a phone is required")

    intake = Intake(uow, clock, ids, series, files, checks=(with_phone,))
    with pytest.raises(InvalidValue) as refused:
        intake.validate(capture(intake, {"name": "A"}).id)
    assert [fault.code for fault in refused.value.faults] == ["phone_missing"]


def test_the_stores_validation_rules_are_asked_at_validation(intake, uow, clock):
    one = capture(intake, {"name": "A", "birth_date": "2019-01-01"})
    RuleBook(uow, clock).put_validation(ValidationRules(minimum_age=16))
    with pytest.raises(InvalidValue) as refused:
        intake.validate(one.id)
    assert [fault.code for fault in refused.value.faults] == ["minimum_age"]
    assert intake.get(one.id).status is ApplicationStatus.CAPTURED


def test_the_surely_same_customer_is_linked_and_reopened(intake, customers):
    paper = IdentityDocument(type="passport", number="AN1234567")
    known = customers.register(name="Айбек", documents=[paper])
    customers.close(known.id)
    one = intake.validate(capture(intake).id)
    assert one.customer_id == known.id
    assert customers.get(known.id).status is CustomerStatus.PROSPECT
    with pytest.raises(RuleViolated):
        intake.dismiss_duplicate(one.id, customer_id=known.id)


def test_who_is_surely_known_is_not_asked_for_numbers_of_a_new_format(
    intake, customers, uow, clock
):
    first = intake.register(intake.validate(capture(intake).id, by=AIDA).id, by=AIDA)
    formats = {DocumentType.PASSPORT: ["AA99"]}
    RuleBook(uow, clock).put_validation(ValidationRules(document_formats=formats), by=AIDA)
    assert intake.check(RAW).faults == ()
    again = intake.register(intake.validate(capture(intake).id, by=AIDA).id, by=AIDA)
    assert again.customer_id == first.customer_id
    other = capture(intake, {**RAW, "document_number": "AN 7"})
    with pytest.raises(InvalidValue):
        intake.validate(other.id, by=AIDA)
    assert [one.field for one in intake.check(other.raw).faults] == ["documents"]


def test_a_suspected_customer_is_linked_or_dismissed_by_an_operator(intake, customers):
    alike = customers.register(name="Somebody", phone="+996555111222")
    one = intake.validate(capture(intake).id)
    assert one.customer_id is None
    assert [suspicion.customer_id for suspicion in intake.duplicates(one.id)] == [alike.id]
    intake.dismiss_duplicate(one.id, customer_id=alike.id, by=BEK)
    assert intake.duplicates(one.id) == ()
    assert intake.link(one.id, customer_id=alike.id, by=BEK).customer_id == alike.id
    with pytest.raises(NotFound):
        intake.link(one.id, customer_id=CustomerId(one.id))


def test_a_known_customers_request_needs_no_name(intake, customers):
    known = customers.register(name="Айбек")
    one = capture(
        intake, {"tariff": "MAX"}, kind=ApplicationKind.TARIFF_CHANGE, customer_id=known.id
    )
    assert intake.validate(one.id).data == {"tariff": "MAX"}


def test_who_asks_becomes_a_customer_with_all_that_was_said(intake, customers):
    raw = {
        **RAW,
        "document_issuer": "MKK 211031",
        "document_issued_on": "2020-02-03",
        "document_valid_until": "2030-02-03",
        "city": "Бишкек",
        "street": "Чүй 1",
        "consents": ["personal_data", "personal_data", "marketing"],
    }
    captured = capture(intake, raw)
    with pytest.raises(RuleViolated, match="validate it first"):
        intake.register(captured.id, by=AIDA)
    intake.validate(captured.id, by=AIDA)
    registered = intake.register(captured.id, by=AIDA)
    customer = customers.get(registered.customer_id)
    assert (customer.name, customer.addresses[0].street) == ("Айбек Усенов", "Чүй 1")
    paper = customer.documents[0]
    assert (paper.issuer, paper.valid_until.year) == ("MKK 211031", 2030)
    assert [one.purpose for one in customer.consents] == ["personal_data", "marketing"]
    assert intake.register(captured.id, by=AIDA) == registered
    other = intake.validate(capture(intake, {**RAW, "name": "Усенов А."}).id, by=AIDA)
    assert other.customer_id == customer.id


def test_an_organisation_is_registered_by_its_number(intake, customers):
    raw = {"name": "ОсОО Ала-Тоо", "customer_kind": "organisation", "registration_number": "77-1"}
    known = intake.register(intake.validate(capture(intake, raw).id).id)
    customer = customers.get(known.customer_id)
    assert (customer.kind, customer.registration_number) == ("organisation", "77-1")


def test_a_twin_that_was_registered_meanwhile_is_found_and_not_made_again(intake):
    first, second = (intake.validate(capture(intake).id) for _ in range(2))
    assert intake.register(first.id).customer_id == intake.register(second.id).customer_id


def test_findings_tell_what_validation_would(intake, customers):
    known = customers.register(name="Айбек Усенов", phone="996555111222")
    found = intake.check({**RAW, "document_valid_until": "2030-02-03"})
    assert [one.customer_id for one in found.suspects] == [known.id]
    assert found.document_until.year == 2030
    odd = {
        "full_name": "",
        "national_id": "?",
        "consents": "all",
        "customer_kind": "robot",
        "document_type": "passport",
        "document_number": "AN 1",
        "document_issued_on": "2020-02-03",
        "document_valid_until": "2019-02-03",
    }
    assert {fault.field for fault in intake.check(odd).faults} == {
        "full_name",
        "national_id",
        "consents",
        "customer_kind",
        "document_valid_until",
    }
    assert list(intake.each()) == []


def kept(tmp_path):
    return sum(path.is_file() for path in tmp_path.rglob("*"))


PDF, PNG, TEXT = b"%PDF-1.7 front", b"\x89PNG\r\n\x1a\n", b"hello"


def test_scans_come_with_the_application_and_each_look_is_written_down(intake, tmp_path, uow):
    made = capture(intake, scans={"front": [PDF], "back": [PNG]}, idempotency_key="k")
    assert [one.name for one in made.scans] == ["front", "back"]
    again = capture(intake, scans={"front": [PDF], "back": [PNG]}, idempotency_key="k")
    assert (again.replayed, again.scans, kept(tmp_path)) == (True, made.scans, 2)
    assert intake.attach(made.id, name="front", content=[PDF]).scans == made.scans
    scan, content = intake.open_scan(made.id, made.scans[0].id, by=BEK)
    with content:
        assert (scan.media_type, content.read()) == ("application/pdf", PDF)
    assert intake.look_at(made.id, by=BEK) == made
    with uow(read_only=True) as tx:
        looks = tx.audit.page(Query()).items
    assert {(one.action, one.by) for one in looks} == {
        ("application.scan", BEK),
        ("application.identity", BEK),
    }


def test_files_that_are_no_scans_are_all_named_and_nothing_is_kept(intake, tmp_path):
    with pytest.raises(InvalidValue) as refused:
        capture(intake, scans={"front": [PDF], "back": [TEXT], "face": [TEXT]})
    assert [(f.field, f.code) for f in refused.value.faults] == [
        ("back", "media_type"),
        ("face", "media_type"),
    ]
    with pytest.raises(NotFound):
        capture(intake, scans={"front": [PDF]}, customer_id=CustomerId(UUID(int=1)))
    assert (list(intake.each()), kept(tmp_path)) == ([], 0)


def test_an_ended_application_takes_no_scans_and_none_takes_too_many(intake, tmp_path):
    made = capture(intake, scans={str(n): [PDF + bytes([n])] for n in range(SCANS_LIMIT)})
    with pytest.raises(RuleViolated, match="at most"):
        intake.attach(made.id, name="one more", content=[PDF])
    other = intake.cancel(capture(intake).id)
    with pytest.raises(RuleViolated, match="cancelled"):
        intake.attach(other.id, name="late", content=[PDF])
    assert kept(tmp_path) == SCANS_LIMIT


def test_the_queue_gives_the_most_urgent_then_the_oldest(intake, clock):
    for priority in (Priority.NORMAL, Priority.URGENT, Priority.NORMAL):
        intake.validate(capture(intake, priority=priority).id)
        clock.pass_(minutes=1)
    claimed = [intake.claim_next(by=AIDA) for _ in range(3)]
    assert [one.number for one in claimed] == ["R-0000002", "R-0000001", "R-0000003"]
    assert {one.claimed_until - clock.now for one in claimed} == {timedelta(minutes=15)}
    assert intake.claim_next(by=AIDA) is None


def test_two_operators_at_once_never_get_the_same(intake):
    for _ in range(40):
        intake.validate(capture(intake).id)
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda n: intake.claim_next(by=Actor(f"op{n}")), range(40)))
    assert len({one.id for one in claimed if one is not None}) == 40


def test_a_lease_that_is_over_puts_the_application_back(intake, clock):
    one = intake.validate(capture(intake).id)
    held = intake.validate(capture(intake).id)
    intake.claim(one.id, by=AIDA)
    intake.claim(held.id, by=AIDA)
    intake.hold(held.id, reason="waits for a paper", by=AIDA)
    clock.pass_(minutes=14)
    assert intake.expire_leases() == 0
    clock.pass_(minutes=1)
    assert intake.expire_leases() == 1
    back = intake.get(one.id)
    assert (back.status, back.claimed_by) == (ApplicationStatus.VALIDATED, None)
    assert intake.claim_next(by=BEK).id == one.id
    again = intake.release(held.id, lease=timedelta(hours=1), by=BEK)
    assert (again.claimed_by, again.claimed_until - clock.now) == ("bek", timedelta(hours=1))


def test_ends_and_their_events(intake):
    def claimed():
        return intake.claim(intake.validate(capture(intake).id).id, by=AIDA).id

    assert intake.complete(claimed(), outcome="done", by=AIDA).status is ApplicationStatus.COMPLETED
    assert intake.fail(claimed(), reason="no coverage", by=AIDA).outcome == "no coverage"
    assert intake.cancel(claimed(), reason="changed mind").status is ApplicationStatus.CANCELLED
    assert intake.reject(capture(intake).id, reason="spam").status is ApplicationStatus.REJECTED
    back = intake.unclaim(claimed(), reason="lunch", by=AIDA)
    assert [event.name for event in intake.timeline(back.id)] == [
        "ApplicationCaptured",
        "ApplicationValidated",
        "ApplicationClaimed",
        "ApplicationUnclaimed",
    ]
    with pytest.raises(IllegalTransition):
        intake.complete(back.id)
    with pytest.raises(StaleVersion):
        intake.cancel(back.id, expected_version=1)
    assert len(list(intake.each(status="completed"))) == 1


def test_only_whoever_claimed_it_ends_it_or_lets_it_wait(intake):
    one = intake.claim(intake.validate(capture(intake).id).id, by=AIDA)
    for command, said in (
        (intake.complete, {}),
        (intake.fail, {"reason": "no coverage"}),
        (intake.hold, {"reason": "no paper"}),
    ):
        with pytest.raises(RuleViolated, match="aida works on"):
            command(one.id, by=BEK, **said)
    assert intake.get(one.id) == one
    intake.unclaim(one.id, by=BEK)  # to take it over, said as what it is
    intake.claim(one.id, by=BEK)
    with pytest.raises(RuleViolated, match="bek works on"):
        intake.complete(one.id, by=AIDA)
    assert intake.complete(one.id, by=BEK).claimed_by == "bek"


def test_an_application_whose_contract_is_served_cannot_be_cancelled(intake, uow, served_contract):
    one = intake.validate(capture(intake).id)
    with uow() as tx:
        contract = tx.contracts.save(served_contract)
        linked = one.link_contract(contract_id=contract.id, by=AIDA, at=intake.clock())
        tx.applications.save(linked)
    with pytest.raises(RuleViolated):
        intake.cancel(one.id)


def test_what_was_asked_for_is_a_contract_of_the_same_customer(
    intake, customers, uow, served_contract
):
    with uow() as tx:
        contract = tx.contracts.save(served_contract)
    mine, nobodys = (
        intake.claim(intake.validate(capture(intake, customer_id=whose).id).id, by=AIDA)
        for whose in (customers.register(name="Aida").id, None)
    )
    with pytest.raises(RuleViolated, match="another customer"):
        intake.complete(mine.id, contract_id=contract.id, by=AIDA)
    done = intake.complete(nobodys.id, contract_id=contract.id, by=AIDA)
    assert (done.contract_id, done.customer_id) == (contract.id, contract.customer_id)


@pytest.fixture
def served_contract(clock, ids):
    draft = Contract.draft(
        id=ContractId(ids()),
        number="C-1",
        customer=CustomerFacts(id=CustomerId(ids())),
        account_id=AccountId(ids()),
        iccid=ICCID("8999609600000000015"),
        msisdn=MSISDN("996555000001"),
        tariff_code="START",
        tariff_version=1,
        by=AIDA,
        at=clock(),
    )
    return attrs.evolve(draft, status=ContractStatus.SUSPENDED)


def test_what_ended_for_nobody_is_erased_when_its_term_is_over(intake, customers, clock):
    raw = {"name": "Secret", "phone": "996555111222", "odd": {"deep": "Secret"}}
    nobodys = [capture(intake, raw, external_reference=f"Secret {n}").id for n in range(3)]
    open_still = capture(intake, raw).id
    mine = capture(intake, raw, customer_id=customers.register(name="Secret").id).id
    for application_id in (*nobodys, mine):
        intake.reject(application_id, reason="Secret lives elsewhere", by=AIDA)
    clock.pass_(days=90)
    assert intake.erase_ended() == 0
    clock.pass_(seconds=1)
    assert intake.erase_ended(limit=1) == 3
    assert intake.erase_ended() == 0
    for application_id in nobodys:
        left = intake.get(application_id)
        assert "Secret" not in repr(attrs.asdict(left))
        assert (left.status, left.erased_at) == (ApplicationStatus.REJECTED, clock.now)
        assert intake.timeline(application_id)[-1].name == "ApplicationErased"
    assert intake.get(open_still).raw == intake.get(mine).raw == raw
    again = capture(intake, raw, external_reference="Secret 0")
    assert (again.id, again.raw, again.replayed) == (nobodys[0], {}, True)


def test_who_does_not_answer_in_time_is_waited_for_no_more(intake, clock):
    silent, answers = (capture(intake).id for _ in range(2))
    for application_id in (silent, answers):
        intake.ask(application_id, reason="a scan of the passport", by=AIDA)
    clock.pass_(days=29)
    intake.supply(answers, raw={"note": "here it is"})
    assert intake.end_unanswered() == 0
    clock.pass_(days=1)
    assert intake.end_unanswered(limit=1) == 1
    assert intake.end_unanswered() == 0
    ended = intake.get(silent)
    assert (ended.status, ended.outcome) == (ApplicationStatus.CANCELLED, "no answer in time")
    assert intake.get(answers).status is ApplicationStatus.CAPTURED


def test_leases_are_swept_past_the_first_batch(intake, clock):
    for _ in range(3):
        intake.claim(intake.validate(capture(intake).id).id, by=AIDA)
    clock.pass_(minutes=15)
    assert intake.expire_leases(limit=1) == 3
