"""
One import, as a process of its own: `python -m benchmarks.importer KIND FILE`.

It prints as JSON how long the import took, what it cost, and how much memory it took above the same
process idle. The database's URL comes on standard input.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from pathlib import Path

import telecom_crm
from telecom_crm.domain.importing import ImportKind


def main() -> None:
    """Upload the file, run the job, and print what it took."""
    kind, file = ImportKind(sys.argv[1]), Path(sys.argv[2])
    url = sys.stdin.readline().strip()
    with (
        tempfile.TemporaryDirectory(prefix="crm-bench-") as data,
        telecom_crm.open(url, data=data) as crm,
    ):
        # An import that stops at the first line loads every module, so that idle is truly idle.
        crm.imports.run(
            crm.imports.upload(kind=kind, content=[b"nothing\n"], file_name="nothing.csv").id
        )
        idle = _memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
        started, cpu = time.perf_counter(), time.process_time()
        with file.open("rb") as stream:
            pieces = iter(lambda: stream.read(1 << 16), b"")
            job = crm.imports.upload(kind=kind, content=pieces, file_name=file.name)
        crm.imports.run(job.id)
        told = {
            "seconds": time.perf_counter() - started,
            "cpu": time.process_time() - cpu,
            "idle_mb": idle / 1024,
            "peak_mb": _memory("VmHWM") / 1024,
            **crm.imports.summary(job.id).as_dict(),
        }
    told["errors"] = told["errors"][:3]
    print(json.dumps(told))


def _memory(name: str) -> int:
    """Return a figure of this process's memory, in kB."""
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"this system does not tell {name}")
    return int(found[1])


if __name__ == "__main__":
    main()
