"""Payment cards: their numbers never stay, not even where somebody wrote one into a note."""

from __future__ import annotations

import re

from telecom_crm.domain.identifiers import luhn_is_right

DIGITS = (13, 19)
"""How many digits a card's number has, at least and at most (ISO/IEC 7812-1)."""
_LIKE_A_CARD = re.compile(r"(?<![0-9])(?=[3-6]|2[2-7]|9417)[0-9](?:[ -]?[0-9]){12,18}(?![0-9])")
"""International schemes begin with 2 to 6, the Kyrgyz one with 9417; SIM cards with 89."""


def without_cards(text: str) -> str:
    """
    Return a text with what looks like a card's number masked, all but its last four digits.

    >>> without_cards("paid by 4111 1111 1111 1111, call +996 555 12 34 56")
    'paid by •••• 1111, call +996 555 12 34 56'
    """
    return text if len(text) < DIGITS[0] else _LIKE_A_CARD.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    digits = re.sub(r"[ -]", "", found[0])
    least, most = DIGITS
    is_card = least <= len(digits) <= most and luhn_is_right(digits)
    return f"•••• {digits[-4:]}" if is_card else found[0]
