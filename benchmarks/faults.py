"""Kill −9 under load, for long: the tests of faults, with many times their kills."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.report import Result

TESTS = "tests/integration/test_faults.py"
KILLS = 100
FEW = 20
_KILLED = {
    "test_killing_the_service_loses_nothing_and_doubles_nothing": "the service",
    "test_killing_postgresql_loses_nothing_and_doubles_nothing": "PostgreSQL",
}


def measure(*, quick: bool) -> list[Result]:
    """Kill the service, and then PostgreSQL, over and over while clients pay."""
    kills = FEW if quick else KILLS
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", TESTS, f"--kills={kills}"]
        command += [f"--junitxml={report}", "-k", " or ".join(_KILLED), "-p", "no:xdist"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout)
        cases = ElementTree.parse(report).iter("testcase")
        return [_result(case, kills) for case in cases]


def _result(case: ElementTree.Element, kills: int) -> Result:
    told = {one.get("name"): one.get("value") for one in case.iter("property")}
    acknowledged, seconds = int(told["acknowledged"] or 0), float(case.get("time") or 0)
    return Result(
        path=f"kill −9 of {_KILLED[case.get('name') or '']} under load, {kills} times",
        rate=f"{acknowledged / seconds:,.0f}/s",
        note=f"{acknowledged:,} payments acknowledged, none lost, none doubled",
    )
