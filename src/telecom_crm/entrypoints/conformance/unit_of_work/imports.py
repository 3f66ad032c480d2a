"""What every store has to do: jobs and rows of imports."""

from __future__ import annotations

from datetime import date

import attrs

from telecom_crm.application.ports import (
    Query,
    Transaction,
)
from telecom_crm.domain.errors import (
    Fault,
    InvalidValue,
    Reason,
)
from telecom_crm.domain.identifiers import (
    ImportId,
)
from telecom_crm.domain.importing import (
    ImportCounts,
    ImportJob,
    Outcome,
    RowError,
    RowOutcome,
)
from telecom_crm.domain.money import Money
from telecom_crm.domain.policy import PaymentMode
from telecom_crm.entrypoints.conformance.machine import all_on, refused
from telecom_crm.entrypoints.conformance.samples import (
    CURRENCY,
    Samples,
)
from telecom_crm.entrypoints.conformance.unit_of_work.store import StoreSuite
from telecom_crm.entrypoints.conformance.unit_of_work.things import an_import

ODD = Reason.of(
    "line %(line)s: %(why)s on %(day)s for %(mode)s",
    line=7,
    mode=PaymentMode.PREPAID,
    why=Reason.of("%(others)s instead of %(price)s", others=["A", "B"], price=Money(5, CURRENCY)),
    day=date(2026, 3, 2),
)
"""A warning of a row, with everything that a reason may be filled with."""


class Imports(StoreSuite):
    """Jobs and rows of imports."""

    def test_a_row_of_an_import_is_recorded_once(self) -> None:
        uow, samples = self.make(), Samples()
        job = an_import(samples)
        bad = RowError(line=3, column="iccid", value="1", code="iccid_format", message="no")
        rows = [
            RowOutcome(line=2, outcome=Outcome.CREATED, warnings=(ODD,)),
            RowOutcome(line=3, outcome=Outcome.FAILED, errors=(bad,)),
        ]
        with uow() as tx:
            tx.imports.save(job)
            tx.imports.record(job.id, rows)
        with uow() as tx:
            tx.imports.record(job.id, [RowOutcome(line=2, outcome=Outcome.UPDATED)])
            tx.imports.claim(job.id, {"sim:1": "2"})
            tx.imports.claim(job.id, {"sim:1": "9"})
        with uow(read_only=True) as tx:
            found = tx.imports.outcomes(job.id, after_line=0, limit=9)
            assert found == rows
            assert [made_of(one) for one in found[0].warnings] == [made_of(ODD)]
            assert tx.imports.outcomes(job.id, after_line=2, limit=9) == rows[1:]
            assert tx.imports.outcomes(job.id, after_line=0, limit=1, failed=True) == rows[1:]
            assert tx.imports.outcomes(job.id, after_line=0, limit=1, failed=False) == rows[:1]
            assert tx.imports.claimed(job.id, ["sim:1", "sim:2"]) == {"sim:1": "9"}

    def test_rows_of_an_import_are_found_and_counted_by_what_is_wrong(self) -> None:
        uow, samples = self.make(), Samples()
        job, other = an_import(samples), an_import(samples)

        def failed(line: int, *codes: str) -> RowOutcome:
            faults = [Fault("iccid", code, "no", "1") for code in codes]
            return RowOutcome.failed(line=line, faults=faults)

        rows = [failed(2, "a"), failed(3, "b", "a", "a"), failed(4, "b"), failed(9, "a")]
        with uow() as tx:
            tx.imports.save_all([job, other])
            tx.imports.record(job.id, [*rows, RowOutcome(line=5, outcome=Outcome.CREATED)])
            tx.imports.record(other.id, [failed(2, "a")])
            assert tx.imports.reasons(job.id) == {"a": 3, "b": 2}
        with uow(read_only=True) as tx:
            assert tx.imports.reasons(job.id) == {"a": 3, "b": 2}
            found = tx.imports.outcomes(job.id, after_line=2, limit=1, code="a")
            assert found == [rows[1]]
            assert tx.imports.outcomes(job.id, after_line=0, limit=9, code="b") == rows[1:3]
            assert tx.imports.outcomes(job.id, after_line=0, limit=9, code="c") == []

    def test_jobs_are_found_by_what_is_in_their_file(self) -> None:
        uow, samples = self.make(), Samples()
        said = samples.said
        one, other = (attrs.evolve(an_import(samples), sha256="ab") for _ in range(2))
        over = attrs.evolve(an_import(samples), sha256="ab", mends=one.id)
        over = over.refuse(faults=(), **said())
        with uow() as tx:
            tx.imports.save_all([one, over, other, an_import(samples)])
        with uow(read_only=True) as tx:
            found = tx.imports.alike("ab", limit=9)
            assert [job.id for job in found] == sorted([one.id, other.id, over.id], reverse=True)
            assert [job.id for job in tx.imports.alike("ab", limit=2)] == [
                job.id for job in found[:2]
            ]
            assert tx.imports.get(over.id).mends == one.id
            assert tx.imports.alike("cd", limit=9) == []

    def test_jobs_are_found_by_when_they_were_over_and_by_how_they_ended(self) -> None:
        uow, samples = self.make(), Samples()
        said = samples.said
        under_way, good = an_import(samples), an_import(samples)
        bad = an_import(samples).refuse(faults=(), **said())
        good = good.check(encoding="utf-8", separator=",", total=0, **said())
        good = good.start(**said()).complete(**said())
        with uow() as tx:
            tx.imports.save_all([under_way, bad, good])

        def ended(tx: Transaction, result: str) -> set[ImportId]:
            return {one.id for one in tx.imports.page(Query(where={"result": result})).items}

        with uow(read_only=True) as tx:
            assert bad.over_at is not None
            assert good.over_at is not None
            found = tx.imports.over_since(bad.over_at, limit=9)
            assert [job.id for job in found] == [good.id, bad.id]
            assert [job.id for job in tx.imports.over_since(bad.over_at, limit=1)] == [good.id]
            assert [job.id for job in tx.imports.over_since(good.over_at, limit=9)] == [good.id]
            assert ended(tx, "with_errors") == {bad.id}
            assert ended(tx, "without_errors") == {under_way.id, good.id}
            with refused(InvalidValue):
                ended(tx, "fine")

    def test_jobs_that_failed_of_late_are_counted(self) -> None:
        uow, samples = self.make(), Samples()
        said = samples.said

        def running() -> ImportJob:
            job = an_import(samples).check(encoding="utf-8", separator=",", total=2, **said())
            return job.start(**said())

        refused = an_import(samples).refuse(faults=(), **said())
        failed = running().advance(counts=ImportCounts(read=2, created=1, failed=1), **said())
        done = running().advance(counts=ImportCounts(read=2, created=2), **said())
        tried = attrs.evolve(an_import(samples), dry_run=True).refuse(faults=(), **said())
        with uow() as tx:
            tx.imports.save_all([refused, failed, done, tried, an_import(samples)])
        with uow(read_only=True) as tx:
            assert tx.imports.count_failed(refused.uploaded_at, most=9) == 2
            assert tx.imports.count_failed(failed.uploaded_at, most=9) == 1
            assert tx.imports.count_failed(refused.uploaded_at, most=1) == 1
            assert tx.imports.count_failed(samples.tick(), most=9) == 0

    def test_jobs_that_were_over_long_ago_are_found_and_their_rows_forgotten(self) -> None:
        uow, samples = self.make(), Samples()
        said = samples.said
        over, later, going = (
            an_import(samples).check(encoding="utf-8", separator=",", total=1, **said())
            for _ in range(3)
        )
        over, later = over.abort(**said()), later.abort(**said())
        assert later.over_at is not None
        now = samples.tick()
        row = RowOutcome(line=2, outcome=Outcome.CREATED, warnings=(ODD,))
        with uow() as tx:
            tx.imports.save_all([over, later, going])
            tx.imports.record(over.id, [row])
            tx.imports.claim(over.id, {"sim:1": "2"})
            tx.imports.record(later.id, [row])
        with uow(read_only=True) as tx:
            both = all_on(lambda at: tx.imports.over_before(now, limit=1, cursor=at))
            assert [one.id for one in both] == [over.id, later.id]
        with uow() as tx:
            (found,) = tx.imports.over_before(later.over_at, limit=9).items
            assert found.id == over.id
            tx.imports.forget_rows(found.id)
            assert tx.imports.outcomes(over.id, after_line=0, limit=9) == []
            tx.imports.save(tx.imports.get(found.id).erase_file(**said()))
        with uow(read_only=True) as tx:
            assert tx.imports.outcomes(over.id, after_line=0, limit=9) == []
            assert tx.imports.claimed(over.id, ["sim:1"]) == {}
            assert tx.imports.outcomes(later.id, after_line=0, limit=9) == [row]
            left = tx.imports.over_before(samples.tick(), limit=9).items
        assert [one.id for one in left] == [later.id]


def made_of(one: object) -> object:
    """Return what a reason is made of, beyond its words; anything else as it is."""
    if not isinstance(one, Reason):
        return type(one), one
    values = one.values.items()
    return one.pattern, {place: [made_of(each) for each in filled] for place, filled in values}
