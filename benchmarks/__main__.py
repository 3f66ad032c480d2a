"""`python -m benchmarks [NAME …] [--quick]`: measure, print the tables, and keep them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from importlib import import_module

from benchmarks import report

NAMES = {
    "payments": "payments through the library, beside pgbench",
    "http": "POST /payments end to end, beside pgbench",
    "lists": "lists and searches among a million customers, beside 50 ms",
    "imports": "bulk registration, beside \\copy",
    "transition": "a state transition in memory, beside attrs.evolve",
    "faults": "kill −9 under load, over and over",
}


def main() -> int:
    """Measure what was asked for, or everything; exit 1 where a floor was missed."""
    listed = "\n".join(f"  {name:<12}{text}" for name, text in NAMES.items())
    parser = argparse.ArgumentParser(
        prog="crm bench",
        description="Measure, each figure beside its reference.",
        epilog=f"what there is:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these")
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds and rows; nothing is kept"
    )
    asked = parser.parse_args()
    if unknown := set(asked.names) - NAMES.keys():
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    results: list[report.Result] = []
    for name in asked.names or NAMES:
        print(f"· {NAMES[name]}", flush=True)
        load = os.getloadavg()[0]
        measure: Callable[..., list[report.Result]] = import_module(f"benchmarks.{name}").measure
        found = measure(quick=asked.quick)
        print(report.table(found), flush=True)
        if not asked.quick:
            report.keep(name, NAMES[name], found, load=load)
            print(f"· written to {report.RESULTS.relative_to(report.RESULTS.parents[1])}")
        results += found
    return int(any(result.verdict == "**missed**" for result in results))


if __name__ == "__main__":
    raise SystemExit(main())
