"""Documents as PDF, set by Typst; the templates beside this file are what papers begin with."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from functools import cache
from importlib import resources
from pathlib import Path

from telecom_crm.application.ports import NotInstalled
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.paper import PaperKind

FAULTY, PATIENCE = 3, 15
"""The status with which `setting.py` says that a template is wrong, and the seconds it may take."""
_CONFINED = {
    "MALLOC_ARENA_MAX": "1",
    "RAYON_NUM_THREADS": "1",
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"),
}


class TypstDocuments:
    """
    Sets a template with data that it reads as JSON: nothing of the data is ever code.

    Only the fonts inside Typst are used, and the date in the file is the template's own, so that
    the same template and data are the same bytes on every machine. The package's own templates are
    set here; any other is foreign code, and set by a process that can do nothing else.
    """

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
            return _set_apart(source, data)
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


@cache
def _built_in(kind: PaperKind) -> str:
    file = resources.files(__package__).joinpath("templates", f"{kind.value}.typ")
    return file.read_text(encoding="utf-8")


def _set_apart(source: str, data: str) -> bytes:
    """Have a foreign template set by a process of its own; raise `InvalidValue` where it fails."""
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
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _endless() from None
    if done.returncode == 0:
        return done.stdout
    if done.returncode == FAULTY:
        fault = json.loads(done.stdout)
        where = f"line {fault['line']}, column {fault['column']}: " if fault["line"] else ""
        message = f"a template that Typst can set; {where}{fault['message'][:300]}"
        raise InvalidValue.of("source", "paper_template", message)
    raise _endless()


def _endless() -> InvalidValue:
    message = "a template that is set within 5 seconds and 1 GB of memory"
    return InvalidValue.of("source", "template_limits", message)
