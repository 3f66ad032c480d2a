"""Bulk registration over the memory store: every row ends as exactly one thing."""

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import telecom_crm
from telecom_crm.adapters.clock import ManualClock, SequentialIds
from telecom_crm.adapters.memory.series import MemorySeries
from telecom_crm.adapters.memory.unit_of_work import MemoryUnitOfWork
from telecom_crm.adapters.phones import NationalPhones
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.ports import Query
from telecom_crm.application.rules import RuleBook
from telecom_crm.domain.contract import ContractStatus
from telecom_crm.domain.customer import CustomerStatus
from telecom_crm.domain.errors import (
    Busy,
    Fault,
    IllegalTransition,
    InvalidValue,
    NotFound,
    RuleViolated,
    Unavailable,
)
from telecom_crm.domain.identifiers import ICCID, MSISDN, ImportId
from telecom_crm.domain.importing import ImportJob, ImportKind, ImportStatus
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.validation import ValidationRules
from tests.unit.bulk import (
    CLERK,
    DATA,
    EXPECTED,
    Desk,
    file_of,
    iccid,
    msisdn,
    number,
    person,
    sim,
)


@pytest.fixture
def desk(uow, series, clock, ids):
    return Desk.opened(uow, series, clock, ids).stocked()


def a_desk(**more):
    uow = MemoryUnitOfWork()
    return Desk.opened(uow, MemorySeries(uow.store), ManualClock(), SequentialIds(), **more)


def codes(desk, job):
    found: dict[str, list[str]] = {}
    for error in desk.imports.errors(job.id):
        found.setdefault(str(error.line), []).append(error.code)
    return found


# The samples


@pytest.mark.parametrize("chunk", [2_000, 701])
def test_samples_come_out_line_by_line_as_known(chunk):
    desk = a_desk(chunk=chunk)
    for kind in ("sims", "numbers"):
        job = desk.imports.run_file(kind=kind, content=DATA / f"{kind}.csv")
        assert job.counts.created == job.counts.read == EXPECTED[f"{kind}_created"]
        again = desk.imports.run_file(kind=kind, content=DATA / f"{kind}.csv")
        assert again.counts.unchanged == again.counts.read
    expected = {line: [code] for line, code in EXPECTED["failed"].items()}
    dry = desk.imports.run_file(kind="subscribers", content=DATA / "subscribers.csv", dry_run=True)
    before = desk.counts()
    assert "CustomerRegistered" not in before
    job = desk.imports.run_file(kind="subscribers", content=DATA / "subscribers.csv")
    assert dry.counts == job.counts
    assert (job.counts.read, job.counts.created) == (EXPECTED["rows"], EXPECTED["created"])
    assert codes(desk, dry) == codes(desk, job) == expected
    made = desk.counts()
    again = desk.imports.run_file(kind="subscribers", content=DATA / "subscribers.csv")
    second = {**EXPECTED["second_run"], "read": EXPECTED["rows"]}
    assert again.counts.as_dict() == second
    assert codes(desk, again) == expected
    assert desk.counts() == made


# Single rows


def test_a_subscriber_gets_all_in_one(desk):
    assert desk.tell("subscribers", [person(1, full_name="  Anna \n Maria ")]) == {"created": 1}
    customer, contract = desk.customer(1), desk.contract_on(1)
    assert (customer.name, customer.status) == ("Anna Maria", CustomerStatus.ACTIVE)
    assert contract.status is ContractStatus.ACCEPTED
    assert contract.iccid == ICCID(iccid(1))
    with desk.uow(read_only=True) as tx:
        account = tx.accounts.get(contract.account_id)
        assert account.receipt.policy_id == "prepaid"
        assert tx.sims.get(contract.iccid).contract_id == contract.id
        assert tx.numbers.get(contract.msisdn).contract_id == contract.id
        assert {event.by for event in tx.events.of("customer", customer.key)} == {CLERK}


def test_every_fault_of_a_row_is_told_and_the_row_counts_once(desk):
    row = person(1, full_name="", email="x@", iccid=iccid(50), msisdn="12", tariff="NOPE")
    assert desk.tell("subscribers", [row]) == {
        "failed": 1,
        "errors": {
            2: [
                "full_name name_missing",
                "email email",
                "msisdn msisdn_format",
                "iccid iccid_unknown",
                "tariff tariff_unknown",
            ]
        },
    }


def test_wrong_widths_are_errors_of_rows(desk):
    text = file_of("subscribers", [person(1), person(2), person(3)]).decode().splitlines()
    text[1] += ",more"
    text[2] = text[2].rsplit(",", 1)[0]
    job = desk.imports.run_file(kind="subscribers", content="\n".join(text).encode())
    assert desk.told(job) == {
        "created": 1,
        "failed": 2,
        "errors": {2: [" too_many_columns"], 3: [" too_few_columns"]},
    }


def test_the_same_contract_brings_the_person_up_to_date(desk):
    desk.bring("subscribers", [person(1)])
    new = person(1, full_name="New Name", email="new@example.org", language="en", phone="")
    assert desk.tell("subscribers", [new]) == {"updated": 1}
    customer = desk.customer(1)
    assert (customer.name, customer.email, customer.language) == (
        "New Name",
        "new@example.org",
        "en",
    )
    assert customer.phone.digits == msisdn(1)  # an empty cell says nothing
    with desk.uow(read_only=True) as tx:
        former = {value.field: value.value for value in tx.customers.former_values(customer.id)}
    assert former == {"name": "Person 1", "email": "p1@example.org", "language": "ru"}
    assert desk.tell("subscribers", [new]) == {"unchanged": 1}


def test_the_same_contract_with_another_sim_or_tariff_differs(desk):
    desk.bring("subscribers", [person(1)])
    rows = [
        person(1, iccid=iccid(2)),
        person(1, tariff="MAX"),
        person(1, iccid=iccid(2), tariff="X"),
    ]
    assert desk.tell("subscribers", rows)["errors"] == {
        2: ["iccid differs"],
        3: ["tariff differs"],
        4: ["iccid differs", "tariff tariff_unknown"],
    }


def test_the_same_document_gets_another_contract(desk):
    desk.bring("subscribers", [person(1)])
    more = person(1, iccid=iccid(2), msisdn=msisdn(2))
    assert desk.tell("subscribers", [more]) == {"created": 1}
    assert desk.contract_on(2).customer_id == desk.customer(1).id
    assert desk.tell("subscribers", [person(1), more]) == {"unchanged": 2}


def test_another_contract_tells_what_it_changed_of_its_customer(desk):
    desk.bring("subscribers", [person(1)])
    more = person(1, full_name="New Name", phone="+996700000099", iccid=iccid(2), msisdn=msisdn(2))
    job = desk.bring("subscribers", [more])
    assert (job.counts.created, desk.customer(1).name) == (1, "New Name")
    changed = "changed %s of the customer whom the document belongs to"
    told = [(2, changed % column) for column in ("full_name", "phone")]
    assert list(desk.imports.warnings(job.id)) == told


def test_a_document_of_somebody_born_on_another_day_is_refused(desk):
    desk.bring("subscribers", [person(1)])
    other = {"full_name": "Somebody Else", "birth_date": "1999-05-05"}
    rows = [person(1, **other), person(1, **other, iccid=iccid(2), msisdn=msisdn(2))]
    assert desk.tell("subscribers", rows) == {
        "failed": 2,
        "errors": {2: ["birth_date born_otherwise"], 3: ["birth_date born_otherwise"]},
    }
    assert desk.customer(1).name == "Person 1"


def test_what_somebody_else_holds_is_taken(desk):
    desk.bring("subscribers", [person(1)])
    rows = [person(2, iccid=iccid(1)), person(3, msisdn=msisdn(1)), person(4, msisdn=msisdn(60))]
    assert desk.tell("subscribers", rows)["errors"] == {
        2: ["iccid iccid_taken"],
        3: ["msisdn msisdn_taken"],
        4: ["msisdn msisdn_unknown"],
    }


def test_what_is_reserved_is_taken_until_its_time_is_over(desk, clock):
    until = clock() + timedelta(hours=1)
    with desk.uow() as tx:
        for kept in (tx.sims.get(ICCID(iccid(1))), tx.sims.get(ICCID(iccid(2)))):
            tx.sims.save(kept.reserve(for_="basket", until=until, by=CLERK, at=clock()))
        kept = tx.numbers.get(MSISDN(msisdn(1)))
        tx.numbers.save(kept.reserve(for_="basket", until=until, by=CLERK, at=clock()))
    rows = [person(1), person(2)]
    assert desk.tell("subscribers", rows)["errors"] == {
        2: ["iccid iccid_taken", "msisdn msisdn_taken"],
        3: ["iccid iccid_taken"],
    }
    clock.pass_(hours=1)
    assert desk.tell("subscribers", rows) == {"created": 2}


def test_a_blocked_customer_gets_no_contract(desk, clock, ids):
    desk.bring("subscribers", [person(1)])
    Customers(desk.uow, clock, ids).block(desk.customer(1).id, reason="fraud")
    row = person(1, iccid=iccid(2), msisdn=msisdn(2))
    assert desk.tell("subscribers", [row])["errors"] == {2: [" customer_may_contract"]}


def test_a_closed_customer_comes_back_and_a_merged_one_is_the_survivor(desk, clock, ids):
    customers = Customers(desk.uow, clock, ids)
    desk.bring("subscribers", [person(1), person(2)])
    survivor = desk.customer(2)
    customers.merge(desk.customer(1).id, survivor_id=survivor.id)
    row = person(1, iccid=iccid(3), msisdn=msisdn(3))
    assert desk.tell("subscribers", [row]) == {"created": 1}
    assert desk.contract_on(3).customer_id == survivor.id


def test_one_has_no_more_sims_than_the_policy_allows():
    desk = a_desk(chunk=4).stocked(12)
    rows = [person(1, iccid=iccid(n), msisdn=msisdn(n)) for n in range(12)]
    dry = desk.tell("subscribers", rows, dry_run=True)
    assert dry == desk.tell("subscribers", rows)
    assert dry == {"created": 10, "failed": 2, "errors": {12: [" acceptance"], 13: [" acceptance"]}}


def test_lookalikes_are_created_with_a_warning(desk):
    rows = [person(1), person(2, phone=f"+{msisdn(1)}"), person(3, email="P1@example.org")]
    job = desk.bring("subscribers", rows)
    assert job.counts.created == 3
    told = list(desk.imports.warnings(job.id))
    assert [line for line, _ in told] == [3, 4]
    assert str(desk.customer(1).id) in told[0][1]
    assert told[1][1].endswith("has the same email")


def test_numbers_are_read_as_they_are_dialled_and_known_again():
    """Two ways to write a number are one number: in a file, between files, and in a dry run."""
    desk = a_desk(read_phone=NationalPhones("KG"))
    desk.bring("sims", [sim(n) for n in range(4)])
    national = [number(n, msisdn=f"0700 000 {n:03d}") for n in range(4)]
    assert desk.tell("numbers", [*national, number(3)]) == {"created": 4, "unchanged": 1}
    rows = [
        person(1, msisdn="0700 000-001", phone="0700 000 001"),
        person(2, msisdn="996700000001"),
        person(3, msisdn="0700 00x"),
    ]
    dry = desk.tell("subscribers", rows, dry_run=True)
    assert dry == desk.tell("subscribers", rows)
    assert dry["errors"] == {3: ["msisdn msisdn_taken"], 4: ["msisdn msisdn_format"]}
    for kind, row in (
        ("subscribers", person(3, phone="0700 00x")),
        ("numbers", number(5, msisdn="x")),
    ):
        (error,) = desk.imports.errors(desk.bring(kind, [row]).id)
        assert error.message == "a phone number: E.164, +996…, or as it is dialled in KG"
    assert desk.customer(1).phone == MSISDN(msisdn(1))
    assert desk.tell("subscribers", [person(1)]) == {"unchanged": 1}


def test_an_operators_own_check_refuses_a_row():
    def adults_only(customer):
        if customer.birth_date and customer.birth_date.year > 2008:
            yield Fault("birth_date", "too_young", "an adult")

    desk = a_desk(checks=(adults_only,)).stocked()
    rows = [person(1, birth_date="2009-01-01"), person(2)]
    found = desk.tell("subscribers", rows)
    assert found == {"created": 1, "failed": 1, "errors": {2: ["birth_date too_young"]}}


def test_the_stores_validation_rules_refuse_a_row(desk):
    desk.stocked()
    RuleBook(desk.uow, desk.imports.clock).put_validation(ValidationRules(minimum_age=16))
    rows = [person(1, birth_date="2020-01-01"), person(2)]
    found = desk.tell("subscribers", rows)
    assert found == {"created": 1, "failed": 1, "errors": {2: ["birth_date minimum_age"]}}


def test_stock_is_corrected_or_left(desk):
    assert desk.tell("sims", [sim(1, batch="B2"), sim(2, batch=""), sim(50)]) == {
        "updated": 1,
        "unchanged": 1,
        "created": 1,
    }
    priced = number(1, category="Gold", price="1500.00")
    assert desk.tell("numbers", [priced]) == {"updated": 1}
    assert desk.tell("numbers", [priced, number(1, category="gold", price="")]) == {"unchanged": 2}


def test_bad_stock_fails_and_tells_no_secret(desk):
    job = desk.bring("sims", [sim(50, imsi="1", pin1="12", puk1="9999"), sim(51, iccid="890")])
    errors = list(desk.imports.errors(job.id))
    assert [error.code for error in errors] == [
        "imsi_format",
        "pin1_format",
        "puk1_format",
        "iccid_format",
    ]
    assert [error.value for error in errors[1:3]] == ["", ""]
    rows = [number(1, category="a b"), number(2, price="-1"), number(3, price="x")]
    assert desk.tell("numbers", rows)["errors"] == {
        2: ["category category"],
        3: ["price price"],
        4: ["price amount"],
    }


def test_the_imsi_of_a_card_in_use_stays(desk):
    desk.bring("subscribers", [person(1)])
    assert desk.tell("sims", [sim(1, imsi="437050000000099")])["errors"] == {2: ["imsi differs"]}


# Contradictions inside a file: the first row has the last word


def test_a_file_that_contradicts_itself_changes_nothing_the_second_time(desk):
    rows = [
        person(1),
        person(1, iccid=iccid(2), msisdn=msisdn(2), phone=f"+{msisdn(2)}"),
        person(1, full_name="Somebody"),
        person(3),
        person(3),
    ]
    first = desk.tell("subscribers", rows)
    errors = {4: ["full_name differs"]}
    assert first == {"created": 3, "unchanged": 1, "failed": 1, "errors": errors}
    made = desk.counts()
    assert desk.tell("subscribers", rows) == {"unchanged": 4, "failed": 1, "errors": errors}
    assert desk.counts() == made


ROWS = st.lists(
    st.builds(
        person,
        st.integers(0, 3),
        full_name=st.sampled_from(["Anna", "Bela", ""]),
        phone=st.sampled_from(["", "+996700000001", "+996700000002"]),
        iccid=st.integers(0, 4).map(iccid),
        msisdn=st.integers(0, 4).map(msisdn),
        tariff=st.sampled_from(["COMFORT", "MAX"]),
    ),
    max_size=9,
)


@given(ROWS, ROWS, st.integers(1, 4), st.booleans())
def test_dry_runs_foretell_and_second_runs_change_nothing(before, rows, chunk, activate):
    desk = a_desk(chunk=chunk).stocked(4)
    more = {"activate": True, "policy": "migration"} if activate else {}
    desk.bring("subscribers", before)
    made = desk.counts()
    dry = desk.tell("subscribers", rows, dry_run=True, **more)
    assert desk.counts() == made
    real = desk.tell("subscribers", rows, **more)
    assert dry == real
    made = desk.counts()
    again = desk.tell("subscribers", rows, **more)
    assert desk.counts() == made
    # A row that failed may find its SIM taken as well by now, by a later row.
    assert again.get("errors", {}).keys() == real.get("errors", {}).keys()
    assert not {"created", "updated"} & again.keys()


@given(ROWS, st.integers(1, 9))
def test_chunks_make_no_difference(rows, chunk):
    small, large = a_desk(chunk=chunk).stocked(4), a_desk().stocked(4)
    assert small.tell("subscribers", rows) == large.tell("subscribers", rows)
    assert small.counts() == large.counts()


@given(
    st.lists(st.builds(sim, st.integers(0, 3), batch=st.sampled_from(["A", "B", ""])), max_size=8),
    st.integers(1, 3),
)
def test_dry_runs_foretell_stock_too(rows, chunk):
    desk = a_desk(chunk=chunk)
    dry = desk.tell("sims", rows, dry_run=True)
    assert dry == desk.tell("sims", rows)
    made = desk.counts()
    desk.bring("sims", rows)
    assert desk.counts() == made


# Activation


def test_contracts_go_on_to_be_activated_or_say_what_is_missing(desk):
    rows = [person(1), person(2, tariff="BUSINESS")]
    job = desk.bring("subscribers", rows, activate=True, policy="migration", wait=desk.work)
    assert desk.told(job) == {
        "created": 1,
        "failed": 1,
        "activating": 1,
        "errors": {3: ["tariff not_on_sale"]},
    }
    assert desk.contract_on(1).status is ContractStatus.ACTIVE


def test_an_activation_that_lacks_something_is_blocked_with_the_reasons(desk):
    job = desk.bring("subscribers", [person(1)], activate=True, policy="prepaid")
    assert desk.told(job) == {"created": 1, "blocked": 1}
    assert desk.contract_on(1).status is ContractStatus.ACCEPTED
    reasons = [words for _, words in desk.imports.warnings(job.id)]
    assert reasons == [
        "activation is blocked: add the signed contract as a file",
        "activation is blocked: the first fees are 500.00 KGS, and 0.00 KGS is available",
    ]


def test_contracts_that_wait_are_activated_by_a_later_file(desk):
    desk.bring("subscribers", [person(1), person(2)])
    more = {"activate": True, "policy": "migration"}
    found = desk.tell("subscribers", [person(1), person(1)], **more)
    assert found == {"updated": 1, "unchanged": 1, "activating": 1}
    assert desk.tell("subscribers", [person(1)], **more) == {"unchanged": 1}
    assert desk.contract_on(2).status is ContractStatus.ACCEPTED


def test_an_unknown_policy_or_encoding_is_refused_before_anything_is_stored(desk):
    with pytest.raises(InvalidValue) as error:
        desk.bring("sims", [sim(1)], activate=True, policy="none", encoding="cp866")
    assert [fault.code for fault in error.value.faults] == [
        "encoding",
        "policy_unknown",
        "activate",
    ]
    with pytest.raises(InvalidValue):
        desk.bring("sims", [sim(1)], activate=True, policy="migration")


# The life of a job


def test_a_file_that_cannot_be_read_is_refused_whole(desk):
    content = file_of("sims", [sim(50), sim(51)]).replace(b"B1", b'"B1', 1)
    job = desk.imports.run_file(kind="sims", content=content)
    assert job.status is ImportStatus.STRUCTURE_ERROR
    (error,) = desk.imports.summary(job.id).errors
    assert (error.line, error.code) == (2, "quote_unclosed")
    assert list(desk.imports.errors(job.id)) == [error]
    assert list(desk.imports.error_file(job.id)) == []
    missing = desk.imports.run_file(kind="sims", content=b"iccid,imsi\n")
    (told,) = desk.imports.summary(missing.id).errors
    assert (told.line, told.column, told.code) == (1, "header", "column_missing")
    assert told.message == (
        "missing pin1, puk1, batch; found iccid, imsi;"
        " right is iccid, imsi, pin1, puk1, batch, in any order"
    )


def test_a_file_of_another_kind_is_told_by_its_columns(desk):
    job = desk.imports.run_file(kind="numbers", content=file_of("sims", [sim(50)]))
    (told,) = desk.imports.summary(job.id).errors
    assert (told.column, told.code, told.value) == ("header", "another_kind", "sims")


@attrs.define
class Failing:
    """A unit of work that is away after so many commits, as a killed process would be."""

    inner: Any
    left: int

    def __call__(self, *, read_only=False):
        if not read_only:
            self.left -= 1
            if self.left < 0:
                raise Unavailable("database")
        return self.inner(read_only=read_only)


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("commits", range(8))
def test_a_job_that_was_cut_off_goes_on_where_it_was(commits, dry_run):
    desk, whole = a_desk(chunk=2).stocked(), a_desk(chunk=2).stocked()
    rows = [person(n % 7, full_name=f"P {n % 5}") for n in range(9)]
    job = desk.imports.upload(
        kind=ImportKind.SUBSCRIBERS,
        content=[file_of("subscribers", rows)],
        file_name="s.csv",
        dry_run=dry_run,
    )
    cut = attrs.evolve(desk.imports, uow=Failing(desk.uow, commits))
    try:
        cut.run(job.id)
    except Unavailable:
        assert desk.imports.get(job.id).status is not ImportStatus.COMPLETED
    told = desk.told(desk.imports.run(job.id))
    assert told == whole.tell("subscribers", rows, dry_run=dry_run)
    assert desk.counts() == whole.counts()
    assert desk.imports.get(job.id).status is ImportStatus.COMPLETED


def test_a_job_stops_at_the_next_chunk_and_is_resumed():
    desk = a_desk(chunk=2).stocked()

    def stop(job):
        if job.position == 2:
            desk.imports.abort(job.id, reason="wrong file", by=CLERK)

    job = desk.bring("subscribers", [person(n) for n in range(6)], progress=stop)
    assert (job.status, job.counts.created) == (ImportStatus.ABORTED, 2)
    seen = []
    done = desk.imports.resume(job.id, progress=lambda job: seen.append(job.position))
    assert (done.status, done.counts.created) == (ImportStatus.COMPLETED, 6)
    assert seen == [4, 6]
    with pytest.raises(IllegalTransition):
        desk.imports.resume(job.id)


def test_a_job_mends_one_of_its_own_kind():
    desk = a_desk()
    numbers = {"content": [b"msisdn,category\n"], "file_name": "n.csv", "kind": "numbers"}
    first = desk.imports.upload(**numbers)
    with pytest.raises(InvalidValue) as raised:
        desk.imports.upload(**{**numbers, "kind": "sims"}, mends=first.id)
    assert [fault.code for fault in raised.value.faults] == ["mends"]
    with pytest.raises(NotFound):
        desk.imports.upload(**numbers, mends=ImportId(UUID(int=7)))


def test_the_worker_takes_jobs_on_in_turns():
    desk = a_desk(chunk=2).stocked()
    names = {"content": [file_of("subscribers", [person(n) for n in range(5)])], "file_name": "s"}
    job = desk.imports.upload(kind=ImportKind.SUBSCRIBERS, by=CLERK, **names)
    assert [desk.imports.work(limit=2) for _ in range(5)] == [2, 2, 1, 0, 0]
    done = desk.imports.get(job.id)
    assert (done.status, done.counts.created) == (ImportStatus.COMPLETED, 5)
    with desk.uow(read_only=True) as tx:
        assert {event.by for event in tx.events.of("customer", desk.customer(1).key)} == {CLERK}


def test_two_never_run_one_job():
    desk = a_desk(chunk=2).stocked()

    def other(job):
        if job.position == 2:
            desk.imports.work(limit=2)

    with pytest.raises(Busy):
        desk.bring("subscribers", [person(n) for n in range(6)], progress=other)
    assert desk.counts()["CustomerRegistered"] == 4


def test_a_file_that_cannot_be_read_tells_where_once(desk):
    content = file_of("subscribers", [person(1)]) + b'"open\n'
    job = desk.imports.run_file(kind="subscribers", content=content)
    (error,) = desk.imports.summary(job.id).as_dict()["errors"]
    assert error == {
        "line": 3,
        "column": "",
        "value": "",
        "code": "quote_unclosed",
        "message": "a quote is opened and not closed",
    }


def test_the_same_file_goes_on_with_its_job_until_that_is_over(desk):
    content = file_of("subscribers", [person(1)])

    def upload(**more):
        named = {"kind": "subscribers", "file_name": "people.csv", "content": [content]}
        return desk.imports.upload(**{**named, **more})

    first = upload()
    assert upload(file_name="again.csv").id == first.id
    assert upload(dry_run=True).id != first.id
    assert upload(content=[content, b"\n"]).id != first.id
    desk.imports.check(first.id)
    assert upload().id == first.id
    assert desk.imports.run(first.id).counts.created == 1
    second = upload()
    assert second.id != first.id
    assert desk.imports.run(second.id).counts.unchanged == 1


def test_the_error_file_of_cards_hides_what_is_secret(desk):
    header = "iccid,imsi,pin1,puk1,batch,ki"
    rows = [
        f"{header}",
        "8999601,1,4321,87654321,B1,00112233445566778899AABBCCDDEEFF",
        ",,4321,87654321",
        "8999602,1,,87654321,B1,",
    ]
    job = desk.imports.run_file(kind="sims", content="\n".join(rows).encode())
    text = "".join(desk.imports.error_file(job.id))
    found = [row[:6] for row in csv.reader(io.StringIO(text, newline=""))]
    assert found[1] == ["8999601", "1", "***", "***", "B1", "***"]
    assert found[2][:4] == ["", "", "***", "***"]
    assert found[3] == ["8999602", "1", "", "***", "B1", ""]
    again = desk.imports.run_file(kind="sims", content=text.encode())
    codes = [error.code for error in desk.imports.errors(again.id) if error.line == 2]
    assert {"pin1_format", "puk1_format"} <= set(codes)
    shown = repr(desk.imports.summary(job.id)) + text
    assert not any(secret in shown for secret in ("4321", "87654321", "00112233"))


def test_a_file_goes_with_what_is_kept_of_its_rows_some_time_after_its_job(desk, clock):
    job = desk.bring("subscribers", [person(1), person(2, email="x@")])
    aborted = desk.imports.upload(kind="numbers", content=[b"msisdn,category\n"], file_name="n.csv")
    desk.imports.check(aborted.id)
    desk.imports.abort(aborted.id)
    fresh = desk.imports.upload(kind="numbers", content=[b"msisdn,category\n"], file_name="n.csv")
    assert desk.imports.erase_files() == 0
    clock.pass_(days=30, seconds=1)
    assert desk.imports.erase_files(limit=1) == 4  # the pool came in by two files
    assert desk.imports.erase_files() == 0
    left = desk.imports.summary(job.id)
    assert (left.counts.read, left.counts.failed, left.errors) == (2, 1, ())
    with pytest.raises(RuleViolated, match="bring it in again"):
        desk.imports.error_file(job.id)
    with pytest.raises(RuleViolated, match="bring it in again"):
        desk.imports.resume(aborted.id)
    assert desk.imports.check(fresh.id).status is ImportStatus.CHECKED
    with pytest.raises(NotFound):
        desk.imports.files.open(job.file_id)


def test_failed_rows_come_back_as_a_file_to_mend(desk):
    rows = [
        person(1),
        person(2, full_name="=cmd|' /C calc'!A1", email="x@"),
        person(3, msisdn="-5"),
        person(4, full_name="two\nlines", tariff="NOPE"),
    ]
    job = desk.bring("subscribers", rows)
    text = "".join(desk.imports.error_file(job.id, by=Actor("aida", "t-1")))
    with desk.uow(read_only=True) as tx:
        (look,) = tx.audit.page(Query(where={"action": "import.errors"})).items
    assert (look.thing_id, look.by, look.detail) == (job.key, Actor("aida", "t-1"), "")
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    assert list(found[0]) == [*rows[0], "error"]
    assert [row["full_name"] for row in found] == ["'=cmd|' /C calc'!A1", "Person 3", "two\nlines"]
    assert found[0]["error"].startswith("email: email: ")
    assert found[0]["phone"] == f"+{msisdn(2)}"
    assert found[1]["msisdn"] == "'-5"
    again = desk.imports.run_file(kind="subscribers", content=text.encode())
    assert [error.code for error in desk.imports.errors(again.id)] == [
        error.code for error in desk.imports.errors(job.id)
    ]
    second = "".join(desk.imports.error_file(again.id))
    assert second == text


def test_the_page_on_operations_shows_files_that_come_in():
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    files = [part.partition("```")[0] for part in page.split("```csv\n")[1:]]
    crm = telecom_crm.in_memory()
    crm.catalog.apply(telecom_crm.demo_catalog())
    for kind, file in zip(("sims", "numbers", "subscribers"), files, strict=True):
        job = crm.imports.run_file(kind=ImportKind(kind), content=file.encode())
        assert (job.status, job.counts.created) == ("completed", 1), crm.imports.summary(job.id)
        header, row = file.splitlines()
        optional = {"imsi", "pin1", "puk1", "batch", "category", "price"}
        optional |= {"phone", "email", "birth_date", "language"}
        cells = zip(header.split(","), row.split(","), strict=True)
        bare = ",".join("" if name in optional else cell for name, cell in cells)
        again = crm.imports.run_file(kind=ImportKind(kind), content=f"{header}\n{bare}\n".encode())
        assert (again.status, again.counts.unchanged) == ("completed", 1)


def test_a_job_that_cannot_get_on_keeps_none_behind_it_from_its_turn(desk) -> None:
    def upload(n: int) -> ImportJob:
        rows = file_of("numbers", [number(n)])
        made: ImportJob = desk.imports.upload(
            kind=ImportKind.NUMBERS, content=[rows], file_name=f"{n}.csv"
        )
        return made

    lost, broken, whole = upload(1), upload(2), upload(3)
    now = desk.imports.clock()
    desk.imports.files.delete(lost.stored_file)
    assert desk.imports.work() == 1
    refused = desk.imports.get(lost.id)
    assert refused.status is ImportStatus.STRUCTURE_ERROR
    assert [fault.code for fault in refused.structure_faults] == ["file_gone"]
    with desk.uow() as tx:  # begun, and then its file is gone
        job = tx.imports.get(broken.id)
        checked = job.check(encoding="utf-8", separator=",", total=1, by=CLERK, at=now)
        tx.imports.save(checked.start(by=CLERK, at=now))
    desk.imports.files.delete(broken.stored_file)
    assert desk.imports.work() == 1
    assert desk.imports.get(whole.id).status is ImportStatus.COMPLETED
    with pytest.raises(ExceptionGroup, match="1 imports cannot get on"):
        desk.imports.work()
    desk.imports.abort(broken.id, by=CLERK)
    assert desk.imports.work() == 0
