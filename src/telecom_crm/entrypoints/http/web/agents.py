"""Browsers by name: what somebody is signed in with, as they would call it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from telecom_crm.entrypoints.http.web.i18n import gettext as _

BROWSERS: Sequence[tuple[str, str]] = (
    ("YaBrowser/", "Yandex Browser"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""What a browser says and others do not, in order: most say the names of those below them too."""

SYSTEMS: Sequence[tuple[str, str]] = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)

_PROGRAM = re.compile(r"[\w.-]{1,40}", re.ASCII)


def browser(agent: str) -> str:
    """
    Return a browser and its system in words; of a program that says its name, that.

    It is what the browser says of itself, to tell one's own sessions apart: nothing rests on it.
    """
    name = next((words for said, words in BROWSERS if said in agent), "")
    system = next((words for said, words in SYSTEMS if said in agent), "")
    if name and system:
        return _("%(browser)s on %(system)s") % {"browser": name, "system": system}
    program = _PROGRAM.match(agent)
    return name or system or (program[0] if program else "—")
