"""What every command about imports stands on: its ports, and how a file is read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.bulk.chunk import Kind
from telecom_crm.application.bulk.numbering import Numbering
from telecom_crm.application.bulk.pool import NumberRows, SimRows
from telecom_crm.application.bulk.reading import SUBSCRIBERS
from telecom_crm.application.bulk.registration import SubscriberRows
from telecom_crm.application.bulk.repeats import Repeats
from telecom_crm.application.bulk.table import Layout, WrongHeader, find_layout, records
from telecom_crm.application.customers.desk import CustomerCheck, checks_in
from telecom_crm.application.paging import counts_of, search_of
from telecom_crm.application.ports import (
    NO_FILTERS,
    Clock,
    Files,
    NewId,
    Page,
    Query,
    ReadPhone,
    Series,
    Transaction,
    UnitOfWork,
)
from telecom_crm.domain.calendar import BISHKEK, local_date
from telecom_crm.domain.deduplication import DeduplicationRules
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import MSISDN, ImportId
from telecom_crm.domain.importing import ImportJob, ImportKind
from telecom_crm.domain.lifecycle import Actor

_COLUMNS = {
    ImportKind.SIMS: SimRows.columns,
    ImportKind.NUMBERS: NumberRows.columns,
    ImportKind.SUBSCRIBERS: SUBSCRIBERS,
}
ALIKE = 100
"""Among how many jobs on the same content, the latest, one that is asked for is looked for."""


@attrs.frozen
class Survey:
    """What reading a file from end to end found: its rows, how to read it, what may repeat."""

    total: int
    layout: Layout
    repeats: Repeats


@attrs.frozen
class ImportDesk:
    """Where files are brought in: the ports, and the operator's own terms."""

    uow: UnitOfWork
    files: Files
    clock: Clock
    new_id: NewId
    series: Series
    zone: ZoneInfo = BISHKEK
    """Where the operator's days begin."""
    currency: str = "KGS"
    """What prices of numbers are in."""
    default_policies: tuple[str, ...] = ("prepaid", "postpaid")
    """Which policy an account gets by itself: the first that the tariff is sold for."""
    checks: tuple[CustomerCheck, ...] = ()
    deduplication: DeduplicationRules | None = None
    read_phone: ReadPhone = MSISDN
    kept_for: timedelta = timedelta(days=30)
    """How long a file and the errors of its rows are kept once its job is over."""
    chunk: int = 2_000
    """How many rows are applied in one transaction."""

    def get(self, job_id: ImportId) -> ImportJob:
        """Show one job."""
        with self.uow(read_only=True) as tx:
            return tx.imports.get(job_id)

    def page(self, query: Query) -> Page[ImportJob]:
        """List jobs, a page at a time."""
        with self.uow(read_only=True) as tx:
            return tx.imports.page(query)

    def counts(self, *wheres: Mapping[str, str], most: int) -> list[int]:
        """Count the jobs that each filter leaves, up to `most`."""
        return counts_of(self.uow, lambda tx: tx.imports, wheres, most=most)

    def search(
        self, text: str, *, where: Mapping[str, str] = NO_FILTERS, limit: int = 20
    ) -> list[ImportJob]:
        """Find jobs by a part of their file's name."""
        return search_of(
            self.uow, lambda tx: tx.imports, lambda job: (job.file_name,), text, where, limit=limit
        )

    def _who(self, job: ImportJob, by: Actor | None) -> Actor:
        if by is not None:
            return by
        with self.uow(read_only=True) as tx:
            return uploader(tx, job)

    def _kind(self, job: ImportJob) -> Kind[Any]:
        if job.kind is ImportKind.SIMS:
            return SimRows()
        if job.kind is ImportKind.NUMBERS:
            return NumberRows(currency=self.currency, read_phone=self.read_phone)
        with self.uow(read_only=True) as tx:
            checks = checks_in(tx, self.checks, today=local_date(self.clock(), self.zone))
        return SubscriberRows(
            uow=self.uow,
            new_id=self.new_id,
            numbering=Numbering(self.series, dry_run=job.dry_run),
            default_policies=self.default_policies,
            checks=checks,
            deduplication=self.deduplication,
            read_phone=self.read_phone,
        )

    def _layout(self, job: ImportJob, stream: BinaryIO) -> Layout:
        columns = self._kind(job).columns
        try:
            return find_layout(
                stream,
                columns,
                encoding=job.encoding,
                separator=job.separator,
                read_phone=self.read_phone,
            )
        except WrongHeader as wrong:
            known = len(columns.named(wrong.header))
            for kind, others in _COLUMNS.items():
                places = others.named(wrong.header)
                if len(places) > known and places.keys() >= set(others.required):
                    message = f"these are the columns of a file of {kind}, not of {job.kind}"
                    raise InvalidValue.of("header", "another_kind", message, kind.value) from None
            raise

    def _survey(self, job: ImportJob) -> Survey:
        """Read a job's file from end to end; raise `InvalidValue` where that cannot be done."""
        kind, repeats, total = self._kind(job), Repeats(), 0
        with self.files.open(job.stored_file) as stream:
            layout = self._layout(job, stream)
            width = len(layout.header)
            for _, cells in records(stream, layout):
                total += 1
                if len(cells) == width:
                    kind.note(repeats, layout.row(cells), dry_run=job.dry_run)
        return Survey(total, layout, repeats)


def earlier_in(tx: Transaction, job: ImportJob) -> ImportJob | None:
    """Return the latest job before one that applied rows of the same content, if there is."""
    alike = tx.imports.alike(job.sha256, limit=ALIKE)
    return next((one for one in alike if job.is_again(one)), None)


def uploader(tx: Transaction, job: ImportJob) -> Actor:
    """Return who uploaded a job's file."""
    return tx.events.of("import_job", job.key)[0].by
