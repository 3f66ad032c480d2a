"""Documents as PDF, set by Typst from the templates beside this file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

from telecom_crm.application.ports import NotInstalled

_NAME = re.compile(r"[a-z-]+\.[0-9]+")


class TypstDocuments:
    """
    Sets a template with data that it reads as JSON: nothing of the data is ever code.

    Only the fonts inside Typst are used, and the date in the file is the template's own, so that
    the same template and data are the same bytes on every machine.
    """

    def render(self, template: str, data: Mapping[str, Any]) -> bytes:
        """Return a document as PDF; raise `NotInstalled` without the extra `bills`."""
        try:
            import typst
        except ImportError:
            raise NotInstalled("PDF documents", "bills") from None
        if not _NAME.fullmatch(template):
            raise ValueError(f"{template!r} is not a template's name and version")
        source = resources.files(__package__).joinpath("templates", f"{template}.typ").read_bytes()
        made = typst.compile(
            source,
            format="pdf",
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
            ignore_system_fonts=True,
            timestamp=0,
        )
        if not isinstance(made, bytes):
            raise TypeError("a document that is several files")
        return made
