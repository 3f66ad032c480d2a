"""Bulk registration over PostgreSQL: the samples line by line, and jobs that were cut off."""

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from sqlalchemy import Engine

from telecom_crm.adapters.clock import ManualClock, SequentialIds
from telecom_crm.adapters.postgres.engine import open_engine
from telecom_crm.adapters.postgres.series import PostgresSeries
from telecom_crm.adapters.postgres.unit_of_work import PostgresUnitOfWork
from telecom_crm.domain.contract import ContractStatus
from telecom_crm.domain.errors import Unavailable
from telecom_crm.domain.importing import ImportKind, ImportStatus
from tests.unit.bulk import DATA, EXPECTED, Desk, file_of, iccid, msisdn, person


@pytest.fixture
def engine(fresh_database: Callable[[], str]) -> Iterator[Engine]:
    made = open_engine(fresh_database())
    yield made
    made.dispose()


@pytest.fixture
def opened(engine: Engine) -> Callable[..., Desk]:
    def open_desk(**more: Any) -> Desk:
        uow = PostgresUnitOfWork(engine)
        return Desk.opened(uow, PostgresSeries(engine), ManualClock(), SequentialIds(), **more)

    return open_desk


def test_samples_come_out_line_by_line_as_known(opened: Callable[..., Desk]) -> None:
    desk = opened()
    for kind in ("sims", "numbers"):
        job = desk.imports.run_file(kind=ImportKind(kind), content=DATA / f"{kind}.csv")
        assert job.counts.created == job.counts.read == EXPECTED[f"{kind}_created"]
    expected = {int(line): code for line, code in EXPECTED["failed"].items()}
    jobs = [
        desk.imports.run_file(
            kind=ImportKind.SUBSCRIBERS, content=DATA / "subscribers.csv", dry_run=dry_run
        )
        for dry_run in (True, False, False)
    ]
    for job in jobs:
        assert {error.line: error.code for error in desk.imports.errors(job.id)} == expected
        assert len(list(desk.imports.errors(job.id))) == len(expected)
    assert jobs[0].counts == jobs[1].counts
    assert jobs[1].counts.created == EXPECTED["created"]
    second = {**EXPECTED["second_run"], "read": EXPECTED["rows"]}
    assert jobs[2].counts.as_dict() == second


@attrs.define
class CutOff:
    """A unit of work whose connection breaks in its n-th writing transaction, before the commit."""

    inner: Any
    left: int

    def __call__(self, *, read_only: bool = False):
        if not read_only:
            self.left -= 1
        opened = self.inner(read_only=read_only)
        return opened if read_only or self.left >= 0 else _Broken(opened)


@attrs.define
class _Broken:
    opened: Any

    def __enter__(self):
        return self.opened.__enter__()

    def __exit__(self, kind, error, trace):
        broken = Unavailable("database")
        self.opened.__exit__(type(broken), broken, None)
        raise broken


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_job_that_is_cut_off_again_and_again_comes_to_the_same(
    opened: Callable[..., Desk], dry_run: bool
) -> None:
    desk = opened(chunk=3).stocked()
    rows = [person(n % 7, full_name=f"P {n % 5}", phone="") for n in range(12)]
    rows.append(person(1, iccid=iccid(8), msisdn=msisdn(8)))
    content = [file_of("subscribers", rows)]
    upload: dict[str, Any] = {
        "kind": ImportKind.SUBSCRIBERS,
        "file_name": "s.csv",
        "dry_run": dry_run,
    }
    job = desk.imports.upload(content=content, **upload)
    broken = 0
    while desk.imports.get(job.id).status is not ImportStatus.COMPLETED:
        cut = attrs.evolve(desk.imports, uow=CutOff(desk.uow, 1))
        try:
            cut.run(job.id)
        except Unavailable:
            broken += 1
    assert broken >= 4
    told = desk.told(desk.imports.get(job.id))
    failed = {line: ["full_name differs"] for line in range(9, 14)}
    assert told == {"created": 8, "failed": 5, "errors": failed}
    assert desk.counts().get("ContractAccepted", 0) == (0 if dry_run else 8)


def test_contracts_go_on_to_be_activated(opened: Callable[..., Desk]) -> None:
    desk = opened().stocked()
    desk.bring("subscribers", [person(2)])
    rows = [person(1), person(2), person(3, phone=f"+{msisdn(1)}")]
    job = desk.bring("subscribers", rows, activate=True, policy="migration", wait=desk.work)
    assert desk.told(job) == {"created": 2, "updated": 1, "activating": 3}
    assert [line for line, _ in desk.imports.warnings(job.id)] == [4]
    for n in (1, 2, 3):
        assert desk.contract_on(n).status is ContractStatus.ACTIVE
