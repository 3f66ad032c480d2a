"""Documents as PDF, set by Typst; the templates beside this file are what papers begin with."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from threading import BoundedSemaphore

import attrs

from telecom_crm.application.ports import NotInstalled
from telecom_crm.domain.errors import InvalidValue, Unavailable
from telecom_crm.domain.paper import PaperKind

FAULTY = 3
"""The status with which `setting.py` says that a template is wrong."""
_CONFINED = {
    "MALLOC_ARENA_MAX": "1",
    "RAYON_NUM_THREADS": "1",
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"),
}


@attrs.frozen
class TypstDocuments:
    """
    Sets a template with data that it reads as JSON: nothing of the data is ever code.

    Only the fonts inside Typst are used, and the date in the file is the template's own, so that
    the same template and data are the same bytes on every machine. The package's own templates are
    set here; any other is foreign code, and set by a process that can do nothing else.

    `at_once` bounds how many of these there are at a time, since each may take a processor and 1 GB
    of memory. Who waits longer than `patience_seconds` for a turn, or then `process_seconds` for
    the process, is told to come again: it ends by itself at 5 seconds of the processor's time, so
    that it is the machine that has too much to do.
    """

    at_once: int = 4
    patience_seconds: float = 10
    process_seconds: float = 15
    _turns: BoundedSemaphore = attrs.field(
        init=False,
        eq=False,
        repr=False,
        default=attrs.Factory(lambda self: BoundedSemaphore(self.at_once), takes_self=True),
    )

    def built_in(self, kind: PaperKind) -> str:
        """Return the text of a template of the package."""
        return _built_in(kind)

    def render(self, source: str, data: str) -> bytes:
        """Return a document as PDF."""
        try:
            import typst
        except ImportError:
            raise NotInstalled("PDF documents", "bills") from None
        if source not in map(_built_in, PaperKind):
            with self._turn():
                return _set_apart(source, data, seconds=self.process_seconds)
        made = typst.compile(
            source.encode("utf-8"),
            format="pdf",
            sys_inputs={"data": data},
            ignore_system_fonts=True,
            timestamp=0,
        )
        if not isinstance(made, bytes):
            raise TypeError("a document that is several files")
        return made

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self.patience_seconds):
            raise Unavailable("printing")
        try:
            yield
        finally:
            self._turns.release()


@cache
def _built_in(kind: PaperKind) -> str:
    file = resources.files(__package__).joinpath("templates", f"{kind.value}.typ")
    return file.read_text(encoding="utf-8")


def _set_apart(source: str, data: str, *, seconds: float) -> bytes:
    """
    Have a foreign template set by a process of its own.

    Raise `InvalidValue` where it fails, `Unavailable` where it has not ended in so many seconds.
    """
    with tempfile.TemporaryDirectory() as root:
        order = json.dumps({"source": source, "data": data, "root": root}).encode("utf-8")
        script = str(Path(__file__).with_name("setting.py"))
        try:
            done = subprocess.run(
                [sys.executable, "-I", script],
                input=order,
                capture_output=True,
                cwd=root,
                env=_CONFINED,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Unavailable("printing") from None
    if done.returncode == 0:
        return done.stdout
    if done.returncode == FAULTY:
        fault = json.loads(done.stdout)
        where = f"line {fault['line']}, column {fault['column']}: " if fault["line"] else ""
        message = f"a template that Typst can set; {where}{fault['message'][:300]}"
        raise InvalidValue.of("source", "paper_template", message)
    message = "a template that is set within 5 seconds and 1 GB of memory"
    raise InvalidValue.of("source", "template_limits", message)
