"""What rows of every kind have in common: how they are told, counted and remembered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

import attrs

from telecom_crm.application.bulk.repeats import Repeats
from telecom_crm.application.bulk.table import Columns, Layout, Record
from telecom_crm.application.ports import Transaction
from telecom_crm.domain.errors import Fault, Reason
from telecom_crm.domain.importing import ImportCounts, ImportJob, Outcome, RowOutcome
from telecom_crm.domain.lifecycle import Actor

SHOWN = 100
"""How many characters of a wrong value are told."""

R = TypeVar("R")


@attrs.frozen(kw_only=True)
class Turn:
    """When a chunk of rows is applied, by whom, and for which job."""

    job: ImportJob
    by: Actor
    at: datetime
    today: date


@attrs.define
class Tally:
    """What became of the rows of one chunk; only rows that have something to tell are kept."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    activating: int = 0
    blocked: int = 0
    kept: list[RowOutcome] = attrs.field(factory=list)

    def fail(self, line: int, faults: Iterable[Fault]) -> None:
        """Count a row that failed, once, with everything that is wrong with it."""
        self.failed += 1
        self.kept.append(RowOutcome.failed(line=line, faults=faults))

    def end(self, line: int, outcome: Outcome, warnings: Sequence[Reason] = ()) -> None:
        """Count a row that did not fail."""
        if outcome is Outcome.CREATED:
            self.created += 1
        elif outcome is Outcome.UPDATED:
            self.updated += 1
        else:
            self.unchanged += 1
        if warnings:
            self.kept.append(RowOutcome(line=line, outcome=outcome, warnings=tuple(warnings)))

    def counts(self) -> ImportCounts:
        """Return the counts; they add up to the rows of the chunk."""
        parts = (self.created, self.updated, self.unchanged, self.failed)
        return ImportCounts(
            read=sum(parts),
            created=self.created,
            updated=self.updated,
            unchanged=self.unchanged,
            failed=self.failed,
        )


@attrs.define
class Memo:
    """
    What earlier rows of the file settled: the first row that names a thing has the last word on it.

    So a file whose rows contradict each other still changes nothing the second time. `told` are
    claims of earlier chunks, of keys that may repeat; a dry run's say how things would be now.
    """

    told: dict[str, str] = attrs.field(factory=dict)
    _new: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    _lasting: dict[str, str] = attrs.field(factory=dict)

    @classmethod
    def of(cls, tx: Transaction, job: ImportJob, keys: Iterable[str]) -> Memo:
        """Return what earlier chunks told of some keys."""
        wanted = sorted(set(keys))
        return cls(tx.imports.claimed(job.id, wanted) if wanted else {})

    def facts(self, key: str) -> dict[str, Any] | None:
        """Return what an earlier row of this chunk or of another said of a key."""
        if (new := self._new.get(key)) is not None:
            return new
        told = self.told.get(key)
        return None if told is None else dict(json.loads(told))

    def before(self, key: str) -> dict[str, Any] | None:
        """Return what an earlier chunk said of a key."""
        told = self.told.get(key)
        return None if told is None else dict(json.loads(told))

    def tell(self, key: str, facts: dict[str, Any], *, lasting: bool) -> None:
        """Remember a key's first word; `lasting` for later chunks too."""
        if key in self._new or key in self.told:
            return
        self._new[key] = facts
        if lasting:
            self._lasting[key] = json.dumps(facts, ensure_ascii=False)

    def keep(self, tx: Transaction, job: ImportJob) -> None:
        """Keep the new claims for later chunks."""
        if self._lasting:
            tx.imports.claim(job.id, self._lasting)


class Kind(Protocol[R]):
    """How the rows of one kind of file are read, decided and applied."""

    @property
    def columns(self) -> Columns: ...

    def note(self, repeats: Repeats, row: Mapping[str, str], *, dry_run: bool) -> None:
        """Count in the keys of a row, in a form that is the same for equal keys."""
        ...

    def read(
        self, line: int, row: Mapping[str, str], *, repeats: Repeats, dry_run: bool, today: date
    ) -> R:
        """Read one row of the right width."""
        ...

    def misread(self, line: int, fault: Fault) -> R:
        """Return what a row of the wrong width is read as."""
        ...

    def apply(self, tx: Transaction, turn: Turn, readings: Sequence[R]) -> Tally:
        """Decide all rows on what the store has, and save what they change, but in a dry run."""
        ...

    def prepare(self, turn: Turn, readings: Sequence[R]) -> Kind[R]:
        """Read and take what is needed before anything is held."""
        ...


def width_fault(cells: Sequence[str], layout: Layout) -> Fault | None:
    """Return the fault of a row that has not as many cells as the header."""
    want, found = len(layout.header), len(cells)
    if found == want:
        return None
    code = "too_few_columns" if found < want else "too_many_columns"
    return Fault("", code, f"{want} columns are needed, as in the header, not {found}")


def readings_of(
    kind: Kind[R],
    rows: Iterable[Record],
    *,
    layout: Layout,
    repeats: Repeats,
    dry_run: bool,
    today: date,
) -> list[R]:
    """Read some rows."""
    found = []
    for line, cells in rows:
        fault = width_fault(cells, layout)
        if fault is not None:
            found.append(kind.misread(line, fault))
        else:
            row = layout.row(cells)
            found.append(kind.read(line, row, repeats=repeats, dry_run=dry_run, today=today))
    return found


def shown(value: str) -> str:
    """Return a value short enough to be told."""
    return value if len(value) <= SHOWN else f"{value[: SHOWN - 1]}…"


def bounded(faults: Iterable[Fault]) -> list[Fault]:
    """Return faults whose values are short enough to be told."""
    return [
        fault if len(fault.value) <= SHOWN else attrs.evolve(fault, value=shown(fault.value))
        for fault in faults
    ]
