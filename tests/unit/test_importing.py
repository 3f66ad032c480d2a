from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecom_crm.domain.errors import Fault, IllegalTransition, InvalidValue, Reason, RuleViolated
from telecom_crm.domain.identifiers import DocumentId, ImportId
from telecom_crm.domain.importing import (
    IMPORT_LIFECYCLE,
    ImportCounts,
    ImportJob,
    ImportKind,
    ImportRequest,
    Outcome,
    RowOutcome,
)
from telecom_crm.domain.lifecycle import Actor

CONTEXT: dict[str, Any] = {"by": Actor("aida"), "at": datetime(2026, 3, 1, 9, tzinfo=UTC)}
FAULT = Fault("email", "email", "an address like name@example.org", "x@")


def job(**fields):
    given: dict[str, Any] = {
        "kind": ImportKind.SUBSCRIBERS,
        "file_name": "subscribers.csv",
    } | fields
    return ImportJob.upload(
        id=ImportId(UUID(int=1)),
        request=ImportRequest(**given),
        file_id=DocumentId(UUID(int=2)),
        sha256="ab" * 32,
        **CONTEXT,
    )


def running(total=3, **fields):
    checked = job(**fields).check(encoding="utf-8", separator=",", total=total, **CONTEXT)
    return checked.start(**CONTEXT)


def test_the_table():
    expected = {
        (None, "upload", "uploaded"),
        ("uploaded", "check", "checked"),
        ("uploaded", "refuse", "structure_error"),
        ("checked", "start", "running"),
        ("running", "complete", "completed"),
        ("checked", "abort", "aborted"),
        ("running", "abort", "aborted"),
        ("aborted", "resume", "running"),
    }
    assert expected == IMPORT_LIFECYCLE.triples()


def test_a_job_advances_and_goes_on_after_an_abort():
    half = running().advance(counts=ImportCounts(read=2, created=1, failed=1), **CONTEXT)
    with pytest.raises(RuleViolated):
        half.complete(**CONTEXT)
    stopped = half.abort(reason="lunch", **CONTEXT)
    with pytest.raises(RuleViolated):
        stopped.advance(counts=ImportCounts(), **CONTEXT)
    rest = ImportCounts(read=1, unchanged=1)
    done = stopped.resume(**CONTEXT).advance(counts=rest, **CONTEXT).complete(**CONTEXT)
    assert done.position == done.total == 3
    assert done.summary(RowOutcome.failed(line=3, faults=[FAULT]).errors).as_dict() == {
        "status": "completed",
        "read": 3,
        "created": 1,
        "updated": 0,
        "unchanged": 1,
        "failed": 1,
        "errors": [
            {
                "line": 3,
                "column": "email",
                "value": "x@",
                "code": "email",
                "message": "an address like name@example.org",
            }
        ],
    }


def test_activation_adds_to_the_summary():
    one = running(total=1, activate=True, policy="PREPAID")
    one = one.advance(counts=ImportCounts(read=1, created=1), activating=1, **CONTEXT)
    shape = one.summary().as_dict()
    assert (shape["activating"], shape["blocked"]) == (1, 0)


def test_a_refused_file_tells_why_and_is_final():
    refused = job().refuse(faults=[Fault("header", "columns", "email is missing")], **CONTEXT)
    assert refused.summary().as_dict()["errors"][0]["code"] == "columns"
    with pytest.raises(IllegalTransition) as caught:
        refused.start(**CONTEXT)
    assert caught.value.allowed == ()


def test_upload_tells_every_fault():
    with pytest.raises(InvalidValue) as caught:
        job(file_name="\0", separator="x", kind=ImportKind.SIMS, activate=True)
    assert [fault.field for fault in caught.value.faults] == [
        "file_name",
        "separator",
        "activate",
        "policy",
    ]


def test_a_row_has_errors_if_and_only_if_it_failed():
    assert RowOutcome(line=2, outcome=Outcome.CREATED, warnings=(Reason.of("same phone"),)).warnings
    with pytest.raises(InvalidValue):
        RowOutcome(line=2, outcome=Outcome.FAILED)
    with pytest.raises(InvalidValue):
        RowOutcome.failed(line=2, faults=[])


def test_counts_that_do_not_add_up_are_refused():
    for wrong in ({"read": 1}, {"created": 1}, {"created": 1, "failed": -1}):
        with pytest.raises(InvalidValue):
            ImportCounts(**wrong)


outcomes = st.lists(st.sampled_from(Outcome))


@given(outcomes, outcomes)
def test_counts_add(one, other):
    assert ImportCounts.of(one) + ImportCounts.of(other) == ImportCounts.of(one + other)
    assert ImportCounts.of(one).read == len(one)
