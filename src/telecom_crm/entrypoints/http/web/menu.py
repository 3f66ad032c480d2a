"""What the navigation and the palette offer: each area says itself where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word

May = Callable[[Area, Action], bool]

SECTIONS: tuple[str, ...] = ("", N_("Customers"), N_("Products"), N_("Money"), N_("System"))
"""The parts of the console's navigation, in order; the first has no title."""


@attrs.frozen(kw_only=True)
class Entry:
    """
    One way in: an area's first page.

    `order` is its place within the section; `key` the letter that leads there after G; `beside`
    are other paths that belong to it.
    """

    path: str
    text: str
    icon: str
    section: str = ""
    order: int = 0
    area: Area | None = None
    action: Action = Action.READ
    key: str = ""
    beside: tuple[str, ...] = ()
    new: str = ""
    """What making one is called: the page is at its `path` and `/new`."""
    new_key: str = ""
    """The letter that leads there after N."""
    counted: bool = False
    """Whether the navigation shows how much of it nobody has taken."""

    def covers(self, path: str) -> bool:
        """Tell whether a page belongs here."""
        if self.path in ("/console", "/my"):
            return path == self.path
        return any(path == one or path.startswith(f"{one}/") for one in (self.path, *self.beside))

    def makes(self, may: May) -> bool:
        """Tell whether the visitor may make one."""
        return bool(self.new) and self.area is not None and may(self.area, Action.WRITE)

    def is_open(self, may: May) -> bool:
        """Tell whether the visitor may go there."""
        return self.area is None or may(self.area, self.action)


@attrs.frozen(kw_only=True)
class Hit:
    """Something that the palette found, or a page to go to."""

    path: str
    text: str
    note: str = ""
    icon: str = "arrow-right"
    state: Any = None


def in_order(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return entries as the navigation shows them."""
    return tuple(sorted(entries, key=lambda one: (SECTIONS.index(one.section), one.order)))


def by_section(entries: Iterable[Entry], may: May) -> list[tuple[str, list[Entry]]]:
    """Return what is open to the visitor, section by section; empty ones are left out."""
    found: Mapping[str, list[Entry]] = {section: [] for section in SECTIONS}
    for one in entries:
        if one.is_open(may):
            found[one.section].append(one)
    return [(section, inside) for section, inside in found.items() if inside]
