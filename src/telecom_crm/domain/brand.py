"""How an operator's pages look: the name at their head, and the one hue of their colours."""

from __future__ import annotations

import attrs

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.text import read_text


def _name(raw: str) -> str:
    return read_text(raw, field="name", limit=60)


@attrs.frozen(kw_only=True)
class Brand:
    """
    What tells one operator's pages from another's.

    `hue` is in degrees of the OKLCH circle, 0 to 359; lightness and contrast are the same for each.
    Without a `name` the one of the installation's settings holds.
    """

    name: str = attrs.field(default="", converter=_name)
    hue: int = attrs.field(default=268)

    @hue.validator
    def _check_hue(self, _: object, value: int) -> None:
        if not 0 <= value <= 359:
            raise InvalidValue.of("hue", "hue", "degrees from 0 to 359", value)


DEFAULT_BRAND = Brand()
