"""The table of results: printed, and kept in results.md."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import attrs

from benchmarks.measuring import Sample, ratio

RESULTS = Path(__file__).with_name("results.md")


@attrs.frozen(kw_only=True)
class Result:
    """
    One row: what was measured, and how much faster it was than its reference.

    `at_least` and `aim` are ratios; a row without is there to compare with. `note` says what the
    columns do not.
    """

    path: str
    rate: str
    own_micros: float | None = None
    server_micros: float | None = None
    ratio: float | None = None
    at_least: float | None = None
    aim: float | None = None
    note: str = ""

    @classmethod
    def of(
        cls,
        path: str,
        mine: Sequence[Sample],
        reference: Sequence[Sample],
        *,
        at_least: float | None = None,
        aim: float | None = None,
        note: str = "",
    ) -> Result:
        """Take the medians over the rounds."""
        return cls(
            path=path,
            rate=f"{median(one.rate for one in mine):,.0f}/s",
            own_micros=median(one.own_micros for one in mine),
            server_micros=median(one.server_micros for one in mine),
            ratio=ratio(mine, reference),
            at_least=at_least,
            aim=aim,
            note=note,
        )

    @property
    def verdict(self) -> str:
        """Whether the floor and the aim were met."""
        if self.ratio is None or self.at_least is None:
            return ""
        if self.ratio < self.at_least:
            return "**missed**"
        return "met" if self.aim is None or self.ratio < self.aim else "met, and the aim"

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        return (
            self.path,
            self.rate,
            _number(self.own_micros, "{:,.0f}"),
            _number(self.server_micros, "{:,.0f}"),
            _number(self.ratio, "{:.2f} ×"),
            _number(self.at_least, "{:g} ×"),
            _number(self.aim, "{:g} ×"),
            self.verdict,
            self.note,
        )


_HEADS = (
    "path",
    "rate",
    "our CPU, µs",
    "server's CPU, µs",
    "ratio",
    "at least",
    "aim",
    "",
    "note",
)


def table(results: Sequence[Result]) -> str:
    """Return the rows as a Markdown table, its columns lined up."""
    rows = [_HEADS, *(result.cells for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def keep(name: str, title: str, results: Sequence[Result], *, load: float) -> None:
    """
    Keep what a benchmark found in its section, with what it was measured on.

    `load` is what the machine did before it; the sections of the other benchmarks stay.
    """
    sections = dict(_SECTION.findall(RESULTS.read_text("utf-8")))
    made = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()}"
    sections[name] = f"""## {name}: {title}

{made}, {os.cpu_count()} cores, load {load:.1f} over the minute before it began.

{table(results)}
"""
    RESULTS.write_text("\n".join((_PREAMBLE, *sections.values())), "utf-8")


_SECTION = re.compile(r"^(?=## (\w+):)(.*?)(?=\n## |\Z)", re.MULTILINE | re.DOTALL)
_PREAMBLE = """# Results

Written by `./crm bench`, each section by its own benchmark.

A ratio is the median over rounds in which all contenders took turns; the reference of every payment
is pgbench with its default protocol, sending the statements of [payment.sql](payment.sql) one by
one to the same server. CPU time is per operation: ours is the library's process (for HTTP the
service's, for pgbench pgbench's own), the server's is PostgreSQL's. Of pages and lists, asked
for one after another over one connection, the ratio is 50 ms beside the 95th percentile of the
address that was slowest.
"""


def _number(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)
