"""Which parts of self-care an operator offers: rules as data."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import attrs


class Section(StrEnum):
    """A part of self-care that can be switched off; money and the profile are always there."""

    APPLYING = "applying"
    TARIFF = "tariff"
    OPTIONS = "options"
    SIM = "sim"
    SUPPORT = "support"


def _sections(given: Iterable[Section]) -> frozenset[Section]:
    return frozenset(given)


@attrs.frozen(kw_only=True)
class Offered:
    """What self-care offers: all but what is switched `off`, whose pages are not found."""

    off: frozenset[Section] = attrs.field(default=frozenset(), converter=_sections)


DEFAULT_OFFERED = Offered()
"""Everything."""
