"""Which pages belong to which part of self-care, for one that is switched off to have none."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import attrs

from telecom_crm.domain.self_care import Section
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.menu import Entry

PATHS: Mapping[str, Section] = {
    "/my/apply": Section.APPLYING,
    "/my/tariff": Section.TARIFF,
    "/my/options": Section.OPTIONS,
    "/my/sim": Section.SIM,
    "/my/tickets": Section.SUPPORT,
}
BESIDE = {"/my/options": N_("Options"), "/my/sim": N_("SIM card")}
"""Pages that the way in leads to itself, where the page before them is switched off."""


def is_open(path: str, off: Collection[Section]) -> bool:
    """Tell whether a page is there, of which this is the address or the path."""
    plain = path.partition("?")[0]
    return not any(
        section in off and (plain == start or plain.startswith(f"{start}/"))
        for start, section in PATHS.items()
    )


def opened(entries: Iterable[Entry], off: Collection[Section]) -> Iterator[Entry]:
    """Go through the ways in that there are, each leading to the first of its pages that is."""
    for one in entries:
        if is_open(one.path, off):
            yield one
            continue
        for path in one.beside:
            if path in BESIDE and is_open(path, off):
                yield attrs.evolve(one, path=path, text=BESIDE[path])
                break
