"""
Sets a template that an operator wrote, in a process of its own: run as a script, never imported.

Such a template is foreign code. It finds an empty directory; once Typst is loaded no further file
or socket can be opened, so that it reads nothing and reaches nobody; its memory and its time end.
It gets JSON of `source`, `data` and `root`, and answers with a PDF, or with what is wrong as JSON.
"""

from __future__ import annotations

import json
import re
import resource
import sys

import typst

FAULTY = 3
"""The status it exits with where the template is wrong."""
MEMORY, SECONDS = 1 << 30, 5
_PLACE = re.compile(r"─ [^\n]*?\.typ:(\d+):(\d+)")


def main() -> int:
    """Read the order, and set it under limits."""
    order = json.loads(sys.stdin.buffer.read())
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 3),  # what it was begun with: its input, its output, its errors
    ):
        resource.setrlimit(limit, (most, most))
    try:
        made = typst.compile(
            order["source"].encode("utf-8"),
            root=order["root"],
            package_path=order["root"],
            package_cache_path=order["root"],
            format="pdf",
            sys_inputs={"data": order["data"]},
            ignore_system_fonts=True,
            timestamp=0,
        )
    except typst.TypstError as error:
        place = _PLACE.search(error.diagnostic)
        line, column = map(int, place.groups()) if place else (0, 0)
        fault = {"message": error.message, "line": line, "column": column + 1}  # it counts from 0
        sys.stdout.buffer.write(json.dumps(fault).encode("utf-8"))
        return FAULTY
    sys.stdout.buffer.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
